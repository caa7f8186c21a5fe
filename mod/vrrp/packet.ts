/**
 * The VRRP version 3 advertisement over IPv4: bytes ↔ objects, nothing else.
 *
 * ```text
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Reserve| Max Advertise Interval|          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                        IPv4 addresses                         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 *
 * `decodeAdvertisement` reads what a raw IPv4 socket delivers, IP header included, and does the
 * checks of RFC 9568 section 7.1 in their order. Hostile input is normal input: a packet that fails
 * one yields the name of that check, which is also the name of the counter. The check of the
 * virtual router id belongs to the driver, which knows the routers.
 *
 * @module
 */

import { formatIpv4, parseIp } from "../ip/mod.ts";
import type { Advertisement, ChecksumRule, Micros } from "./types.ts";

const IP_HEADER = 20;
const VRRP_HEADER = 8;
const PROTOCOL_VRRP = 112;
const TYPE_ADVERTISEMENT = 1;
const VERSION = 3;
const CENTISECOND: Micros = 10_000;

/** 224.0.0.18, where adverts go (RFC 9568 section 5.1.1.2). */
export const VRRP_GROUP_IPV4 = "224.0.0.18";

/** Why a packet was refused, in the order of the checks. */
export const DROP_REASONS = [
  "truncated", // shorter than its own IP header says, or no IPv4 packet of protocol 112
  "ttl", // RFC 9568 7.1: the TTL must be 255
  "version", // the version must be 3
  "type", // the type must be 1
  "length", // the packet must hold exactly the header and the addresses it announces
  "checksum", // right under neither rule
  "virtual_router_id", // not configured on this interface
  "address_count", // RFC 9568 erratum 8299: no addresses
  "interval", // RFC 9568 erratum 8301: an interval of zero
  "own_address", // sent from our own address: a loop, or an address used twice
  "not_running", // the router takes no part in the election now
] as const;

export type DropReason = typeof DROP_REASONS[number];

/** A refused packet is a value: it is counted and logged in one place. */
export type Decoded =
  | { readonly ok: true; readonly advertisement: Advertisement }
  | { readonly ok: false; readonly drop: DropReason };

function refuse(drop: DropReason): Decoded {
  return { ok: false, drop };
}

/** One's complement sum of 16-bit words, an odd byte padded with zero; not yet folded. */
function sum16(bytes: Uint8Array, start: number, end: number, initial: number): number {
  let sum = initial;
  let at = start;
  for (; at + 1 < end; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < end) sum += bytes[at]! << 8;
  return sum;
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

/** The pseudo header of RFC 5798: source, destination, zero, 112, length of the message. */
function pseudoHeaderSum(packet: Uint8Array, messageLength: number): number {
  return sum16(packet, 12, 20, PROTOCOL_VRRP + messageLength);
}

/**
 * Decodes one IPv4 packet of `length` bytes as a raw socket delivers it. Never throws.
 *
 * @param verifyChecksum false: accept any checksum (`checksum = "ignore"`)
 */
export function decodeAdvertisement(
  packet: Uint8Array,
  length: number,
  verifyChecksum = true,
): Decoded {
  if (length < IP_HEADER || length > packet.length) return refuse("truncated");
  // IP options are legal: the header may be up to 60 bytes (N18).
  const headerLength = (packet[0]! & 0x0f) * 4;
  if (
    packet[0]! >> 4 !== 4 || headerLength < IP_HEADER || packet[9] !== PROTOCOL_VRRP ||
    length < headerLength + VRRP_HEADER
  ) return refuse("truncated");
  // Ethernet pads short frames; what counts is the total length of the IP header.
  const total = (packet[2]! << 8) | packet[3]!;
  if (total > length || total < headerLength + VRRP_HEADER) return refuse("truncated");
  if (packet[8] !== 255) return refuse("ttl");
  const at = headerLength;
  if (packet[at]! >> 4 !== VERSION) return refuse("version");
  if ((packet[at]! & 0x0f) !== TYPE_ADVERTISEMENT) return refuse("type");
  const count = packet[at + 3]!;
  const messageLength = total - headerLength;
  if (messageLength !== VRRP_HEADER + 4 * count) return refuse("length");
  const checksum = checksumRule(packet, at, messageLength);
  if (checksum === "none" && verifyChecksum) return refuse("checksum");
  if (count === 0) return refuse("address_count");
  const centiseconds = ((packet[at + 4]! & 0x0f) << 8) | packet[at + 5]!;
  if (centiseconds === 0) return refuse("interval");
  const addresses: string[] = [];
  for (let i = 0; i < count; i++) addresses.push(formatIpv4(packet, at + VRRP_HEADER + 4 * i));
  return {
    ok: true,
    advertisement: {
      source: formatIpv4(packet, 12),
      virtualRouterId: packet[at + 1]!,
      priority: packet[at + 2]!,
      interval: centiseconds * CENTISECOND,
      addresses,
      checksum,
    },
  };
}

/** Which rule the checksum at hand obeys; both are accepted (PROTOCOL.md 1.3). */
function checksumRule(packet: Uint8Array, at: number, messageLength: number): ChecksumRule {
  const message = sum16(packet, at, at + messageLength, 0);
  if (fold(message) === 0xffff) return "rfc9568";
  if (fold(message + pseudoHeaderSum(packet, messageLength)) === 0xffff) return "rfc5798";
  return "none";
}

/** What an advertisement says; everything else follows from the standard. */
export interface OutgoingAdvertisement {
  readonly source: string;
  readonly destination: string;
  readonly virtualRouterId: number;
  /** 0 to 255. */
  readonly priority: number;
  /** Microseconds, 10 ms to 40.95 s. */
  readonly interval: Micros;
  /** 1 to 255 IPv4 addresses. */
  readonly addresses: readonly string[];
  readonly checksum: "rfc9568" | "rfc5798";
}

/**
 * Encodes an advertisement with its IPv4 header (for a socket with IP_HDRINCL): TTL 255, TOS 0xc0
 * (network control), identification and header checksum 0 for the kernel to fill.
 *
 * @throws {RangeError} when a value does not fit its field
 */
export function encodeAdvertisement(advert: OutgoingAdvertisement): Uint8Array<ArrayBuffer> {
  const count = advert.addresses.length;
  const centiseconds = advert.interval / CENTISECOND;
  checkRange("address count", count, 1, 255);
  checkRange("interval in centiseconds", centiseconds, 1, 4095);
  checkRange("priority", advert.priority, 0, 255);
  checkRange("virtual router id", advert.virtualRouterId, 1, 255);
  const messageLength = VRRP_HEADER + 4 * count;
  const packet = new Uint8Array(IP_HEADER + messageLength);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  packet[1] = 0xc0;
  view.setUint16(2, packet.length);
  packet[8] = 255;
  packet[9] = PROTOCOL_VRRP;
  packet.set(ipv4Bytes(advert.source), 12);
  packet.set(ipv4Bytes(advert.destination), 16);
  const at = IP_HEADER;
  packet[at] = (VERSION << 4) | TYPE_ADVERTISEMENT;
  packet[at + 1] = advert.virtualRouterId;
  packet[at + 2] = advert.priority;
  packet[at + 3] = count;
  view.setUint16(at + 4, centiseconds);
  advert.addresses.forEach((address, i) =>
    packet.set(ipv4Bytes(address), at + VRRP_HEADER + 4 * i)
  );
  const pseudo = advert.checksum === "rfc5798" ? pseudoHeaderSum(packet, messageLength) : 0;
  view.setUint16(at + 6, ~fold(sum16(packet, at, packet.length, pseudo)) & 0xffff);
  return packet;
}

function ipv4Bytes(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (bytes?.length === 4) return bytes;
  throw new RangeError(`Cannot encode "${text}": not an IPv4 address`);
}

function checkRange(what: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new RangeError(`Cannot encode advertisement: ${what} is ${value}, not ${low} to ${high}`);
  }
}
