/**
 * IP addresses as text and bytes, and what can be asked of them. Pure; everything else may use it.
 *
 * @module
 */

export { fold, internetChecksum, sum16 } from "./checksum.ts";
export {
  bytesOfIp,
  compareBytes,
  compareIp,
  type Endpoint,
  endpointText,
  formatIp,
  formatIpv4,
  inAnyPrefix,
  inPrefix,
  isLinkLocal,
  isLoopback,
  lastOf,
  networkOf,
  numberOf,
  parseIp,
  parsePrefix,
  type Prefix,
} from "./address.ts";
