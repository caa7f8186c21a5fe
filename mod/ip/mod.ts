/**
 * IP addresses as text and bytes, and what can be asked of them. Pure; everything else may use it.
 *
 * @module
 */

export { compareIp, formatIp, formatIpv4, inPrefix, networkOf, parseIp } from "./address.ts";
export { fold, internetChecksum, sum16 } from "./checksum.ts";
