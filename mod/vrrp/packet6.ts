/**
 * The version 3 advertisement over IPv6: bytes ↔ objects, nothing else. The message is the one of
 * `packet.ts` with addresses of sixteen bytes; there is no version 2 (RFC 3768 knows IPv4 only).
 *
 * A raw IPv6 socket delivers the message without its IP header: what that said comes from the
 * address of the datagram and from control data, and is handed in beside it. The checksum always
 * has the IPv6 pseudo header (RFC 8200 section 8.1), in RFC 5798 and in RFC 9568 alike: source,
 * destination, length of the message, next header 112.
 *
 * @module
 */

import { fold, formatIp, parseIp, sum16 } from "../ip/mod.ts";
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
  TYPE_ADVERTISEMENT,
  VRRP_HEADER,
} from "./message.ts";

const ADDRESS = 16;
const VERSION = 3;

/** What the IPv6 header of a received message said. */
export interface Ipv6Origin {
  /** Sixteen bytes. */
  readonly source: Uint8Array;
  /** Sixteen bytes: the group, or our own address. */
  readonly destination: Uint8Array;
  /** From IPV6_HOPLIMIT control data. */
  readonly hopLimit: number;
}

/** The pseudo header's part of the sum. The length has 32 bits there and fits 16. */
function pseudoHeaderSum(source: Uint8Array, destination: Uint8Array, length: number): number {
  const addresses = sum16(destination, 0, ADDRESS, sum16(source, 0, ADDRESS, 0));
  return addresses + length + PROTOCOL_VRRP;
}

/**
 * What the headers alone show to be wrong, in the order of the checks; null: nothing. `message` need
 * hold no more than the VRRP header, `length` is that of the whole message. Never throws.
 *
 * @param trailer so many bytes, too, may stand behind the message
 */
export function headerFault6(
  message: Uint8Array,
  length: number,
  hopLimit: number,
  options: DecodeOptions,
  trailer = 0,
): DropReason | null {
  if (length < VRRP_HEADER) return "truncated";
  if (hopLimit !== 255) return "ttl";
  if (message[0]! >> 4 !== VERSION || options.version !== VERSION) return "version";
  if ((message[0]! & 0x0f) !== TYPE_ADVERTISEMENT) return "type";
  const excess = length - VRRP_HEADER - ADDRESS * message[3]!;
  return excess === 0 || excess === trailer ? null : "length";
}

/**
 * Decodes one VRRP message of `length` bytes as a raw IPv6 socket delivers it. Never throws. The
 * checksum is verified whatever the options say: there is no other rule to be lenient about.
 */
export function decodeAdvertisement6(
  message: Uint8Array,
  length: number,
  from: Ipv6Origin,
  options: DecodeOptions = DEFAULT_OPTIONS,
): Decoded {
  if (
    length > message.length || from.source.length !== ADDRESS ||
    from.destination.length !== ADDRESS
  ) return refuse("truncated");
  // How far a unicast sender may be is for whoever knows the peers to say.
  const hopLimit = from.destination[0] === 0xff ? from.hopLimit : 255;
  const fault = headerFault6(message, length, hopLimit, options);
  if (fault !== null) return refuse(fault);
  const count = message[3]!;
  const pseudo = pseudoHeaderSum(from.source, from.destination, length);
  if (fold(sum16(message, 0, length, pseudo)) !== 0xffff) return refuse("checksum");
  if (count === 0) return refuse("address_count");
  const centiseconds = ((message[4]! & 0x0f) << 8) | message[5]!;
  if (centiseconds === 0) return refuse("interval");
  const addresses: string[] = [];
  for (let at = VRRP_HEADER; at < length; at += ADDRESS) {
    addresses.push(formatIp(message.subarray(at, at + ADDRESS))!);
  }
  return {
    ok: true,
    advertisement: {
      version: VERSION,
      source: formatIp(from.source)!,
      virtualRouterId: message[1]!,
      priority: message[2]!,
      interval: centiseconds * CENTISECOND,
      addresses,
      checksum: "rfc5798",
    },
  };
}

/**
 * Encodes the VRRP message of an advertisement, checksum included; the IPv6 header is the kernel's
 * to make, with hop limit 255 and from the very source given here.
 *
 * @throws {RangeError} when a value does not fit its field
 */
export function encodeAdvertisement6(advert: OutgoingAdvertisement): Uint8Array<ArrayBuffer> {
  checkOutgoing(advert);
  const centiseconds = advert.interval / CENTISECOND;
  checkRange("interval in centiseconds", centiseconds, 1, 4095);
  const message = new Uint8Array(VRRP_HEADER + ADDRESS * advert.addresses.length);
  const view = new DataView(message.buffer);
  message[0] = (VERSION << 4) | TYPE_ADVERTISEMENT;
  message[1] = advert.virtualRouterId;
  message[2] = advert.priority;
  message[3] = advert.addresses.length;
  view.setUint16(4, centiseconds);
  advert.addresses.forEach((address, i) =>
    message.set(ipv6Bytes(address), VRRP_HEADER + ADDRESS * i)
  );
  const [source, destination] = [ipv6Bytes(advert.source), ipv6Bytes(advert.destination)];
  const pseudo = pseudoHeaderSum(source, destination, message.length);
  view.setUint16(6, ~fold(sum16(message, 0, message.length, pseudo)) & 0xffff);
  return message;
}

function ipv6Bytes(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (bytes?.length === ADDRESS) return bytes;
  throw new RangeError(`Cannot encode "${text}": not an IPv6 address`);
}
