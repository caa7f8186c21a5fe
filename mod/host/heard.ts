/**
 * What can be heard of virtual routers on a network: adverts of whatever version, family and
 * signature, as they come. Nothing is verified: who looks for what is wrong wants to see it. Pure.
 *
 * @module
 */

import { formatIp } from "../ip/mod.ts";
import { PROTOCOL_VRRP, TYPE_ADVERTISEMENT, VRRP_HEADER } from "../vrrp/message.ts";
import { secondsAhead, stampAt } from "../vrrp/authentication_stamp.ts";
import { readTrailer, TRAILER } from "../vrrp/authentication_trailer.ts";

/** An advert, or what says that it is one. */
export interface HeardAdvert {
  readonly family: "ipv4" | "ipv6";
  readonly source: string;
  /** 2, 3. */
  readonly version: number;
  readonly virtualRouterId: number;
  readonly priority: number;
  /** Microseconds. */
  readonly interval: number;
  readonly addresses: readonly string[];
  /** Seconds that the clock behind its signature is ahead of ours; null: it has no such signature. */
  readonly ahead: number | null;
}

const IPV6_HEADER = 40;
/** IP's protocol number of the authentication header (RFC 4302). */
const PROTOCOL_AH = 51;
/** Behind the addresses in version 2. */
const AUTHENTICATION_DATA = 8;

/**
 * Takes an IP packet apart, its header included; undefined: it is no advert.
 *
 * @param now microseconds since 1970
 */
export function heardIn(packet: Uint8Array, now: number): HeardAdvert | undefined {
  const version = packet[0] === undefined ? 0 : packet[0] >> 4;
  if (version === 4) return heard4(packet, now);
  return version === 6 ? heard6(packet, now) : undefined;
}

function heard4(packet: Uint8Array, now: number): HeardAdvert | undefined {
  const header = 4 * (packet[0]! & 0x0f);
  if (header < 20 || packet.length < header) return undefined;
  // Behind it Ethernet may have filled up.
  const total = Math.min(packet.length, (packet[2]! << 8) | packet[3]!);
  const source = formatIp(packet.subarray(12, 16));
  return messageIn(packet.subarray(header, total), packet[9]!, "ipv4", source, now);
}

function heard6(packet: Uint8Array, now: number): HeardAdvert | undefined {
  if (packet.length < IPV6_HEADER) return undefined;
  const end = Math.min(packet.length, IPV6_HEADER + ((packet[4]! << 8) | packet[5]!));
  const source = formatIp(packet.subarray(8, 24));
  return messageIn(packet.subarray(IPV6_HEADER, end), packet[6]!, "ipv6", source, now);
}

function messageIn(
  payload: Uint8Array,
  protocol: number,
  family: "ipv4" | "ipv6",
  source: string | undefined,
  now: number,
): HeardAdvert | undefined {
  if (protocol === PROTOCOL_AH) {
    const [next, length] = payload;
    if (next !== PROTOCOL_VRRP || length === undefined) return undefined;
    return messageIn(payload.subarray(4 * (length + 2)), next, family, source, now);
  }
  if (protocol !== PROTOCOL_VRRP || payload.length < VRRP_HEADER || source === undefined) {
    return undefined;
  }
  const [first = 0, virtualRouterId = 0, priority = 0, count = 0] = payload;
  const version = first >> 4;
  const known = version === 3 || (version === 2 && family === "ipv4");
  if (!known || (first & 0x0f) !== TYPE_ADVERTISEMENT) return undefined;
  const size = family === "ipv4" ? 4 : 16;
  const end = VRRP_HEADER + count * size;
  // CARP has the same protocol number and first byte, and a count that never fits.
  if (payload.length < end) return undefined;
  const addresses: string[] = [];
  for (let at = VRRP_HEADER; at < end; at += size) {
    addresses.push(formatIp(payload.subarray(at, at + size))!);
  }
  const interval = version === 2
    ? payload[5]! * 1_000_000
    : (((payload[4]! & 0x0f) << 8) | payload[5]!) * 10_000;
  const behind = payload.subarray(end + (version === 2 ? AUTHENTICATION_DATA : 0));
  const trailer = behind.length === TRAILER ? readTrailer(behind) : null;
  const ahead = trailer === null ? null : secondsAhead(trailer.stamp, stampAt(now));
  return { family, source, version, virtualRouterId, priority, interval, addresses, ahead };
}
