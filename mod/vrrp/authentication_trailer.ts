/**
 * The HMAC-SHA256 trailer (PROTOCOL.md section 5; keepalived 2.4.2 and newer): bytes alone. Who may
 * sign with which key, and what is too old, is in `authentication_hmac.ts`.
 *
 * ```text
 *   VRRP message, in version 2 with its authentication data
 *  +---------------+---------------+-------------------------------+
 *  |   Type = 1    |    Key id     |         Reserved = 0          |
 *  +---------------+---------------+-------------------------------+
 *  |                    Stamp: seconds since 1970                  |
 *  |     Stamp: 1/65536 s          |        Stamp: counter         |
 *  +---------------------------------------------------------------+
 *  |               first 128 bits of HMAC-SHA256                   |
 *  |                                                               |
 *  |                                                               |
 *  |                                                               |
 *  +---------------------------------------------------------------+
 * ```
 *
 * Signed are: a header of twenty bytes (family, VRRP version, virtual router id, zero, source
 * address in sixteen bytes), the message with zeros for its checksum, and the trailer with zeros
 * for the digest. Destination and TTL are not: one signature serves all unicast peers. Over IPv4
 * the message's checksum does not cover the trailer, over IPv6 it does.
 *
 * @module
 */

import { sum16 } from "../ip/mod.ts";
import type { Stamp } from "./authentication_stamp.ts";
import {
  addToChecksum,
  type Hmac,
  IPV4_HEADER,
  type Located,
  statedLength,
  takeFromChecksum,
} from "./authentication_types.ts";
import { VRRP_HEADER } from "./message.ts";
import { sameBytes, type Secret } from "../secret/mod.ts";

/** Bytes behind the message. */
export const TRAILER = 28;
/** HMAC-SHA256 cut to 128 bits: the one type there is. */
const TYPE_HMAC_SHA256_128 = 1;
const DIGEST_AT = 12;
const DIGEST = 16;
const PSEUDO_HEADER = 20;
const IPV6_ADDRESS = 16;

/** What a trailer says; the digest is compared where it is. */
export interface Trailer {
  readonly keyId: number;
  readonly stamp: Stamp;
}

/** The digest of a message and the beginning of its trailer; `source` has 4 or 16 bytes. */
function digestOf(
  message: Uint8Array,
  trailer: Uint8Array,
  source: Uint8Array,
  key: Secret,
  hmac: Hmac,
): Uint8Array {
  const signed = new Uint8Array(PSEUDO_HEADER + message.length + TRAILER);
  signed[0] = source.length === 4 ? 4 : 6;
  signed[1] = message[0]! >> 4;
  signed[2] = message[1]!;
  signed.set(source, 4);
  signed.set(message, PSEUDO_HEADER);
  signed.fill(0, PSEUDO_HEADER + 6, PSEUDO_HEADER + 8);
  signed.set(trailer.subarray(0, DIGEST_AT), PSEUDO_HEADER + message.length);
  return hmac("sha256", key.reveal(), signed).subarray(0, DIGEST);
}

/** The trailer of a message. */
function signature(
  message: Uint8Array,
  source: Uint8Array,
  { keyId, stamp }: Trailer,
  key: Secret,
  hmac: Hmac,
): Uint8Array {
  const trailer = new Uint8Array(TRAILER);
  const view = new DataView(trailer.buffer);
  trailer[0] = TYPE_HMAC_SHA256_128;
  trailer[1] = keyId;
  view.setUint32(4, stamp.seconds);
  view.setUint32(8, stamp.fraction);
  trailer.set(digestOf(message, trailer, source, key, hmac), DIGEST_AT);
  return trailer;
}

/** A plain IPv4 packet with a trailer: the IP header's length includes it. */
export function appendTrailer4(
  packet: Uint8Array,
  trailer: Trailer,
  key: Secret,
  hmac: Hmac,
): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(packet.length + TRAILER);
  sealed.set(packet);
  sealed[2] = sealed.length >> 8;
  sealed[3] = sealed.length & 0xff;
  const [message, source] = [packet.subarray(IPV4_HEADER), packet.subarray(12, 16)];
  sealed.set(signature(message, source, trailer, key, hmac), packet.length);
  return sealed;
}

/** A plain message over IPv6 with a trailer, which the checksum covers with its length. */
export function appendTrailer6(
  message: Uint8Array,
  source: Uint8Array,
  trailer: Trailer,
  key: Secret,
  hmac: Hmac,
): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(message.length + TRAILER);
  sealed.set(message);
  sealed.set(signature(message, source, trailer, key, hmac), message.length);
  takeFromChecksum(sealed, 0, sum16(sealed, message.length, sealed.length, TRAILER));
  return sealed;
}

/** A received message and its trailer apart; `trailer` is null where it has none. */
export interface Opened {
  /** Without the trailer, as the codec wants it. */
  readonly plain: Uint8Array;
  readonly message: Uint8Array;
  /** Four or sixteen bytes. */
  readonly source: Uint8Array;
  readonly trailer: Uint8Array | null;
}

/** Takes apart what a raw IPv4 socket delivered. */
export function openTrailer4(packet: Uint8Array, { at, total }: Located): Opened {
  const source = packet.subarray(12, 16);
  const end = at + statedLength(packet, at);
  if (total - end !== TRAILER) {
    return { plain: packet, message: packet.subarray(at, total), source, trailer: null };
  }
  const plain = packet.slice(0, end);
  plain[2] = end >> 8;
  plain[3] = end & 0xff;
  const [message, trailer] = [packet.subarray(at, end), packet.subarray(end, total)];
  return { plain, message, source, trailer };
}

/** Takes apart what a raw IPv6 socket delivered, at least eight bytes. */
export function openTrailer6(payload: Uint8Array, source: Uint8Array): Opened {
  const end = VRRP_HEADER + IPV6_ADDRESS * payload[3]!;
  if (payload.length - end !== TRAILER) {
    return { plain: payload, message: payload, source, trailer: null };
  }
  const plain = payload.slice(0, end);
  addToChecksum(plain, 0, sum16(payload, end, payload.length, TRAILER));
  const [message, trailer] = [payload.subarray(0, end), payload.subarray(end)];
  return { plain, message, source, trailer };
}

/** What a trailer says; `null`: malformed. */
export function readTrailer(trailer: Uint8Array): Trailer | null {
  const view = new DataView(trailer.buffer, trailer.byteOffset);
  if (trailer[0] !== TYPE_HMAC_SHA256_128 || trailer[1] === 0) return null;
  if (view.getUint16(2) !== 0) return null;
  return {
    keyId: trailer[1]!,
    stamp: { seconds: view.getUint32(4), fraction: view.getUint32(8) },
  };
}

/** Whether the digest is that of these bytes under this key. */
export function isGenuine(opened: Opened, key: Secret, hmac: Hmac): boolean {
  const { message, source, trailer } = opened;
  if (trailer === null) return false;
  return sameBytes(trailer.subarray(DIGEST_AT), digestOf(message, trailer, source, key, hmac));
}
