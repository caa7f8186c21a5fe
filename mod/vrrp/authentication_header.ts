/**
 * IPsec authentication header of version 2 (RFC 2402; type 2 of RFC 2338 section 10.3, keepalived's
 * `auth_type AH`): bytes ↔ objects, and the one counter behind them.
 *
 * ```text
 *   IPv4 header, protocol 51
 *  +---------------+---------------+-------------------------------+
 *  |   Next = 112  |   Length = 4  |           Reserved            |
 *  +---------------+---------------+-------------------------------+
 *  |       Security Parameters Index = the source address          |
 *  |                       Sequence Number                         |
 *  |          first 96 bits of HMAC-MD5, the password as key       |
 *  |                                                               |
 *  |                                                               |
 *  +---------------------------------------------------------------+
 *   message of authentication type 2, with zeros for authentication data
 * ```
 *
 * The digest covers the packet with zeros for what changes under way: TOS, flags and fragment
 * offset, header checksum, and itself. The TTL is such a field, too (RFC 2402 section 3.3.3.1), and
 * keepalived takes it for one between unicast peers; to the group it signs the 255 that must arrive
 * anyway. We sign as keepalived does and accept both.
 *
 * The sequence number is one for all who speak for a virtual router, which RFC 2402 never meant:
 * every node counts on from the highest number that it has heard or sent, and accepts higher ones
 * only. So a backup that takes over is believed, and nothing recorded ever is. Nothing needs to be
 * accepted out of order: the window has the size one.
 *
 * Who has heard nobody cannot know how far the others have come. keepalived begins at one then, and
 * a node that restarts alone is refused by those who heard its predecessor; we begin at the time in
 * seconds, which is ahead of every counter that grows by one in a second.
 *
 * @module
 */

import {
  type Authenticated,
  clearAuthentication,
  disbelieve,
  type Hmac,
  IPV4_HEADER,
  locate,
  setAuthentication,
} from "./authentication_types.ts";
import { paddedPassword } from "./authentication_password.ts";
import { type DecodeOptions, type DropReason, PROTOCOL_VRRP, VRRP_HEADER } from "./message.ts";
import { decodeAdvertisement, headerFault } from "./packet.ts";
import { sameBytes, type Secret } from "../secret/mod.ts";

/** IP protocol number of the authentication header. */
export const PROTOCOL_AUTHENTICATION_HEADER = 51;

/** Its length in bytes. */
export const AUTHENTICATION_HEADER = 24;
/** The same in words of 32 bits, less two, as it is stated. */
const STATED_LENGTH = 4;
/** The digest's place in the header, and its length. */
const DIGEST_AT = 12;
const DIGEST = 12;
/** Type in the header of a version 2 message. */
const IP_AUTHENTICATION_HEADER = 2;
const NO_DATA = new Uint8Array(8);
const LAST_SEQUENCE = 0xffff_ffff;

/** What is remembered for one virtual router. */
export interface HeaderState {
  /** Highest sequence number heard or sent; null: none. */
  sequence: number | null;
}

/** Whether an IPv4 destination is a group. */
function isMulticast(packet: Uint8Array): boolean {
  return packet[16]! >> 4 === 0xe;
}

/** The digest of a packet, whatever its digest field and its changing fields hold. */
function digestOf(
  packet: Uint8Array,
  total: number,
  coverTtl: boolean,
  password: Secret,
  hmac: Hmac,
): Uint8Array {
  const covered = packet.slice(0, total);
  covered[1] = 0; // TOS
  covered.fill(0, 6, 8); // flags, fragment offset
  if (!coverTtl) covered[8] = 0;
  covered.fill(0, 10, 12); // header checksum
  covered.fill(0, IPV4_HEADER + DIGEST_AT, IPV4_HEADER + AUTHENTICATION_HEADER);
  return hmac("md5", paddedPassword(password), covered).subarray(0, DIGEST);
}

/**
 * A plain version 2 packet with an authentication header put in, and the next sequence number.
 *
 * @param start seconds since 1970: where to begin if nobody has been heard
 * @throws {RangeError} when it is not a plain version 2 packet without IP options, or when the
 * sequence numbers are used up: they must not begin anew under one key (RFC 2402 section 3.3.2)
 */
export function sealHeader(
  packet: Uint8Array,
  state: HeaderState,
  password: Secret,
  start: number,
  hmac: Hmac,
): Uint8Array<ArrayBuffer> {
  if (packet[0] !== 0x45) {
    throw new RangeError("Cannot authenticate: the IP header has options, or is none");
  }
  const sequence = (state.sequence ?? start) + 1;
  if (sequence > LAST_SEQUENCE) {
    throw new RangeError("Cannot authenticate: no sequence number is left for this password");
  }
  const sealed = new Uint8Array(packet.length + AUTHENTICATION_HEADER);
  sealed.set(packet.subarray(0, IPV4_HEADER));
  sealed.set(packet.subarray(IPV4_HEADER), IPV4_HEADER + AUTHENTICATION_HEADER);
  const view = new DataView(sealed.buffer);
  view.setUint16(2, sealed.length);
  // The kernel would fill in a zero, behind the back of the digest.
  view.setUint16(4, 1 + (sequence % 0xffff));
  sealed[9] = PROTOCOL_AUTHENTICATION_HEADER;
  sealed[IPV4_HEADER] = PROTOCOL_VRRP;
  sealed[IPV4_HEADER + 1] = STATED_LENGTH;
  sealed.copyWithin(IPV4_HEADER + 4, 12, 16);
  view.setUint32(IPV4_HEADER + 8, sequence);
  const message = IPV4_HEADER + AUTHENTICATION_HEADER;
  setAuthentication(sealed, message, sealed.length, IP_AUTHENTICATION_HEADER, NO_DATA);
  const digest = digestOf(sealed, sealed.length, isMulticast(sealed), password, hmac);
  sealed.set(digest, IPV4_HEADER + DIGEST_AT);
  state.sequence = sequence;
  return sealed;
}

/** Decodes a packet that must have an authentication header. Never throws. */
export function receiveHeader(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions,
  state: HeaderState,
  password: Secret,
  hmac: Hmac,
): Authenticated {
  const found = locate(packet, length, PROTOCOL_AUTHENTICATION_HEADER);
  if (found === null) {
    const plain = locate(packet, length, PROTOCOL_VRRP) !== null;
    return disbelieve(plain ? "authentication_missing" : "truncated");
  }
  const { at, total } = found;
  if (total < at + AUTHENTICATION_HEADER + 8) return disbelieve("truncated");
  // Options would each have a rule of their own for the digest, and nobody sends any.
  if (at !== IPV4_HEADER || !isWellFormed(packet)) return disbelieve("authentication_malformed");
  const plain = withoutHeader(packet, total);
  const decoded = decodeAdvertisement(plain, plain.length, options);
  if (!decoded.ok) return decoded;
  const type = packet[IPV4_HEADER + AUTHENTICATION_HEADER + 4];
  if (decoded.advertisement.version !== 2 || type !== IP_AUTHENTICATION_HEADER) {
    return disbelieve("authentication");
  }
  const digest = packet.subarray(IPV4_HEADER + DIGEST_AT, IPV4_HEADER + AUTHENTICATION_HEADER);
  const matches = (coverTtl: boolean) =>
    sameBytes(digest, digestOf(packet, total, coverTtl, password, hmac));
  const usual = isMulticast(packet);
  if (!matches(usual) && !matches(!usual)) return disbelieve("authentication_invalid");
  const sequence = new DataView(packet.buffer, packet.byteOffset).getUint32(IPV4_HEADER + 8);
  if (sequence <= (state.sequence ?? -1)) return disbelieve("authentication_replay");
  state.sequence = sequence;
  return { ...decoded, signed: true };
}

/**
 * The same as `headerFault` for a packet with an authentication header: `packet` need hold no more
 * than the headers. Never throws.
 */
export function headerFaultBehind(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions,
): DropReason | null {
  const at = (packet[0]! & 0x0f) * 4;
  const message = at + AUTHENTICATION_HEADER;
  if (length < message + VRRP_HEADER || packet.length < message + VRRP_HEADER) return "truncated";
  const plain = new Uint8Array(at + VRRP_HEADER);
  plain.set(packet.subarray(0, at));
  plain.set(packet.subarray(message, message + VRRP_HEADER), at);
  const total = ((packet[2]! << 8) | packet[3]!) - AUTHENTICATION_HEADER;
  plain[2] = (total >> 8) & 0xff;
  plain[3] = total & 0xff;
  plain[9] = PROTOCOL_VRRP;
  return headerFault(plain, length - AUTHENTICATION_HEADER, options);
}

/** What does not change from packet to packet: all but sequence number and digest. */
function isWellFormed(packet: Uint8Array): boolean {
  const header = packet.subarray(IPV4_HEADER, IPV4_HEADER + AUTHENTICATION_HEADER);
  if (header[0] !== PROTOCOL_VRRP || header[1] !== STATED_LENGTH) return false;
  if (header[2] !== 0 || header[3] !== 0) return false;
  return [0, 1, 2, 3].every((i) => header[4 + i] === packet[12 + i]);
}

/** The packet as it would be without authentication. */
function withoutHeader(packet: Uint8Array, total: number): Uint8Array {
  const plain = new Uint8Array(total - AUTHENTICATION_HEADER);
  plain.set(packet.subarray(0, IPV4_HEADER));
  plain.set(packet.subarray(IPV4_HEADER + AUTHENTICATION_HEADER, total), IPV4_HEADER);
  plain[2] = plain.length >> 8;
  plain[3] = plain.length & 0xff;
  plain[9] = PROTOCOL_VRRP;
  if (plain[IPV4_HEADER]! >> 4 === 2) clearAuthentication(plain, IPV4_HEADER, plain.length);
  return plain;
}
