/**
 * Simple password of version 2 (RFC 2338 section 10.2, type 1; RFC 3768 did away with it, and
 * keepalived's `auth_type PASS` is it). The password travels in clear in every advert: it keeps
 * apart routers that share a network and a virtual router id by mistake, and stops nobody else.
 *
 * Eight bytes, as keepalived takes them: the first eight of the password, filled up with zeros.
 * `secret12` and `secret123` are the same password, and so is whatever the peer truncates.
 *
 * @module
 */

import {
  type Authenticated,
  clearAuthentication,
  disbelieve,
  IPV4_HEADER,
  locate,
  setAuthentication,
} from "./authentication_types.ts";
import { type DecodeOptions, PROTOCOL_VRRP } from "./message.ts";
import { decodeAdvertisement } from "./packet.ts";
import { sameBytes, type Secret } from "../secret/mod.ts";

/** Type in the header of a version 2 message. */
const SIMPLE_PASSWORD = 1;
/** Bytes of a password that count. */
const LENGTH = 8;

/** For as long as the passwords are in use. */
const known = new WeakMap<Secret, Uint8Array>();

/**
 * The eight bytes that stand for a password: in the packet, and as the key of the AH digest, which
 * wants the same array each time.
 */
export function paddedPassword(password: Secret): Uint8Array {
  let padded = known.get(password);
  if (padded === undefined) {
    padded = new Uint8Array(LENGTH);
    padded.set(password.reveal().subarray(0, LENGTH));
    known.set(password, padded);
  }
  return padded;
}

/**
 * A plain version 2 packet with the password put in.
 *
 * @throws {RangeError} when it is not a plain version 2 packet
 */
export function sealPassword(packet: Uint8Array, password: Secret): Uint8Array<ArrayBuffer> {
  const sealed = packet.slice();
  setAuthentication(sealed, IPV4_HEADER, sealed.length, SIMPLE_PASSWORD, paddedPassword(password));
  return sealed;
}

/** Decodes a packet that must carry the password. Never throws. */
export function receivePassword(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions,
  password: Secret,
): Authenticated {
  const found = locate(packet, length, PROTOCOL_VRRP);
  if (found === null) return disbelieve("truncated");
  const { at, total } = found;
  const plain = packet.slice(0, total);
  if (plain[at]! >> 4 === 2) clearAuthentication(plain, at, total);
  const decoded = decodeAdvertisement(plain, total, options);
  if (!decoded.ok) return decoded;
  // Only now is it known to be a message with authentication data, and where they are.
  if (decoded.advertisement.version !== 2 || packet[at + 4] !== SIMPLE_PASSWORD) {
    return disbelieve("authentication");
  }
  if (!sameBytes(packet.subarray(total - LENGTH, total), paddedPassword(password))) {
    return disbelieve("authentication_invalid");
  }
  return { ...decoded, signed: true };
}
