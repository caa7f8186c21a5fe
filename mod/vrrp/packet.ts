/**
 * Advertisements over IPv4, versions 3 and 2: bytes ↔ objects, nothing else.
 *
 * ```text
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Reserve| Max Advertise Interval|          Checksum             |  version 3: centiseconds
 *  |   Auth Type   |   Adver Int   |          Checksum             |  version 2: seconds
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                        IPv4 addresses                         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |             Authentication data (version 2 only)              |
 *  |                                                               |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * ```
 *
 * `decodeAdvertisement` reads what a raw IPv4 socket delivers, IP header included, and does the
 * checks of RFC 9568 section 7.1 (RFC 3768 section 7.1 for version 2) in their order. Hostile input
 * is normal input: a packet that fails one yields the name of that check, which is also the name of
 * the counter. The checks of the virtual router id, of the destination, and of a unicast packet's
 * TTL and source belong to the driver, which knows the routers and their peers.
 *
 * A CARP frame has the same protocol number, group and first byte as version 2; the count that it
 * seems to state never fits its length.
 *
 * @module
 */

import { fold, formatIpv4, parseIp, sum16 } from "../ip/mod.ts";
import {
  CENTISECOND,
  checkOutgoing,
  checkRange,
  type Decoded,
  type DecodeOptions,
  DEFAULT_OPTIONS,
  type DropReason,
  type OutgoingAdvertisement,
  PROTOCOL_VRRP,
  refuse,
  SECOND,
  TYPE_ADVERTISEMENT,
  understands,
  VRRP_HEADER,
} from "./message.ts";
import type { ChecksumRule } from "./types.ts";

const IP_HEADER = 20;
/** First half byte of a group's address, 224.0.0.0/4. */
const MULTICAST = 0xe;
/** Behind the addresses in version 2, whatever the authentication type. */
const AUTHENTICATION_DATA = 8;

/** The pseudo header of RFC 5798: source, destination, zero, 112, length of the message. */
function pseudoHeaderSum(packet: Uint8Array, messageLength: number): number {
  return sum16(packet, 12, 20, PROTOCOL_VRRP + messageLength);
}

/** Length of a message with `count` addresses. */
function messageLengthOf(version: 2 | 3, count: number): number {
  return VRRP_HEADER + 4 * count + (version === 2 ? AUTHENTICATION_DATA : 0);
}

/**
 * What the headers alone show to be wrong, in the order of the checks; null: nothing. `packet` need
 * hold no more than the headers, `length` is that of the whole packet. Never throws.
 *
 * @param trailer so many bytes, too, may stand behind the message
 */
export function headerFault(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions,
  trailer = 0,
): DropReason | null {
  if (length < IP_HEADER) return "truncated";
  // IP options are legal: the header may be up to 60 bytes (N18).
  const headerLength = (packet[0]! & 0x0f) * 4;
  if (
    packet[0]! >> 4 !== 4 || headerLength < IP_HEADER || packet[9] !== PROTOCOL_VRRP ||
    length < headerLength + VRRP_HEADER
  ) return "truncated";
  // Ethernet pads short frames; what counts is the total length of the IP header.
  const total = (packet[2]! << 8) | packet[3]!;
  if (total > length || total < headerLength + VRRP_HEADER) return "truncated";
  // How far a unicast sender may be is for whoever knows the peers to say.
  if (packet[8] !== 255 && packet[16]! >> 4 === MULTICAST) return "ttl";
  const version = packet[headerLength]! >> 4;
  if (!understands(version, options)) return "version";
  if ((packet[headerLength]! & 0x0f) !== TYPE_ADVERTISEMENT) return "type";
  const count = packet[headerLength + 3]!;
  const excess = total - headerLength - messageLengthOf(version, count);
  return excess === 0 || excess === trailer ? null : "length";
}

/** Decodes one IPv4 packet of `length` bytes as a raw socket delivers it. Never throws. */
export function decodeAdvertisement(
  packet: Uint8Array,
  length: number,
  options: DecodeOptions = DEFAULT_OPTIONS,
): Decoded {
  if (length > packet.length) return refuse("truncated");
  const fault = headerFault(packet, length, options);
  if (fault !== null) return refuse(fault);
  const at = (packet[0]! & 0x0f) * 4;
  const version = packet[at]! >> 4 === 2 ? 2 : 3;
  const count = packet[at + 3]!;
  const messageLength = messageLengthOf(version, count);
  const checksum = checksumRule(packet, at, messageLength, version);
  if (checksum === "none" && (version === 2 || options.verifyChecksum)) return refuse("checksum");
  // Type 0 has no authentication; its data is "ignored on reception" (RFC 3768 section 5.3.10).
  if (version === 2 && packet[at + 4] !== 0) return refuse("authentication");
  if (count === 0) return refuse("address_count");
  const interval = version === 2
    ? packet[at + 5]! * SECOND
    : (((packet[at + 4]! & 0x0f) << 8) | packet[at + 5]!) * CENTISECOND;
  if (interval === 0) return refuse("interval");
  const addresses: string[] = [];
  for (let i = 0; i < count; i++) addresses.push(formatIpv4(packet, at + VRRP_HEADER + 4 * i));
  return {
    ok: true,
    advertisement: {
      version,
      source: formatIpv4(packet, 12),
      virtualRouterId: packet[at + 1]!,
      priority: packet[at + 2]!,
      interval,
      addresses,
      checksum,
    },
  };
}

/**
 * Which rule the checksum at hand obeys. In version 3 both are accepted (PROTOCOL.md 1.3); in
 * version 2 there is one.
 */
function checksumRule(
  packet: Uint8Array,
  at: number,
  messageLength: number,
  version: 2 | 3,
): ChecksumRule {
  const message = sum16(packet, at, at + messageLength, 0);
  if (fold(message) === 0xffff) return "rfc9568";
  if (version === 2) return "none";
  if (fold(message + pseudoHeaderSum(packet, messageLength)) === 0xffff) return "rfc5798";
  return "none";
}

/**
 * Encodes an advertisement with its IPv4 header (for a socket with IP_HDRINCL): TTL 255 unless given, TOS 0xc0
 * (network control), identification and header checksum 0 for the kernel to fill. Version 2 leaves
 * with authentication type 0 and eight zero bytes of authentication data.
 *
 * @throws {RangeError} when a value does not fit its field
 */
export function encodeAdvertisement(
  advert: OutgoingAdvertisement & { readonly version: 2 | 3 },
): Uint8Array<ArrayBuffer> {
  const { version } = advert;
  checkOutgoing(advert);
  const messageLength = messageLengthOf(version, advert.addresses.length);
  const packet = new Uint8Array(IP_HEADER + messageLength);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  packet[1] = 0xc0;
  view.setUint16(2, packet.length);
  checkRange("TTL", advert.ttl ?? 255, 1, 255);
  packet[8] = advert.ttl ?? 255;
  packet[9] = PROTOCOL_VRRP;
  packet.set(ipv4Bytes(advert.source), 12);
  packet.set(ipv4Bytes(advert.destination), 16);
  const at = IP_HEADER;
  packet[at] = (version << 4) | TYPE_ADVERTISEMENT;
  packet[at + 1] = advert.virtualRouterId;
  packet[at + 2] = advert.priority;
  packet[at + 3] = advert.addresses.length;
  view.setUint16(at + 4, intervalField(advert));
  advert.addresses.forEach((address, i) =>
    packet.set(ipv4Bytes(address), at + VRRP_HEADER + 4 * i)
  );
  const withPseudoHeader = version === 3 && advert.checksum === "rfc5798";
  const pseudo = withPseudoHeader ? pseudoHeaderSum(packet, messageLength) : 0;
  view.setUint16(at + 6, ~fold(sum16(packet, at, packet.length, pseudo)) & 0xffff);
  return packet;
}

/** Twelve bits of centiseconds, or a zero authentication type and eight bits of seconds. */
function intervalField({ version, interval }: { version: 2 | 3; interval: number }): number {
  if (version === 2) {
    checkRange("interval in seconds", interval / SECOND, 1, 255);
    return interval / SECOND;
  }
  checkRange("interval in centiseconds", interval / CENTISECOND, 1, 4095);
  return interval / CENTISECOND;
}

function ipv4Bytes(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (bytes?.length === 4) return bytes;
  throw new RangeError(`Cannot encode "${text}": not an IPv4 address`);
}
