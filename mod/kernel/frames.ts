/**
 * The frames that announce a virtual address: gratuitous ARP for IPv4, an unsolicited neighbour
 * advertisement for IPv6 (PROTOCOL.md 3.6).
 *
 * A gratuitous ARP is a broadcast request in which sender and target address are both the virtual
 * address: the form that keepalived sends and every neighbour cache understands. Some switches and
 * routers want it as a reply (RFC 5227 section 3 knows of both). A neighbour
 * advertisement (RFC 4861 section 4.4) goes to all nodes from the virtual address itself, with the
 * Override flag, so that caches which know the address take the new hardware address (RFC 9568
 * section 6.4.2).
 *
 *      0               1               2               3
 *     +---------------+---------------+-----------------------------+
 *     |   type 136    |    code 0     |          checksum           |
 *     +---------------+---------------+-----------------------------+
 *     |R|S|O|                     reserved                          |
 *     +-------------------------------------------------------------+
 *     |                 target address, 16 bytes                    |
 *     +---------------+---------------+-----------------------------+
 *     |   option 2    |   length 1    |   hardware address, 6 bytes |
 *     +---------------+---------------+-----------------------------+
 *
 * @module
 */

import { internetChecksum, parseIp } from "../ip/mod.ts";

/** Bytes of an ARP request in its Ethernet frame, unpadded. */
const ARP_FRAME_LENGTH = 42;
/** Ethernet, IPv6, and a neighbour advertisement with one option. */
const ADVERTISEMENT_FRAME_LENGTH = 86;
const IPV6 = 14;
const ICMPV6 = 54;
const ICMPV6_LENGTH = 32;
const NEXT_HEADER_ICMPV6 = 58;
const NEIGHBOUR_ADVERTISEMENT = 136;
const FLAG_ROUTER = 0x80;
const FLAG_OVERRIDE = 0x20;

/** What both families need to know of an interface. */
export interface FrameSource {
  /** Hardware address of the interface, `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string;
  /** Whether the interface forwards IPv6 packets, so that the host is a router there. */
  readonly forwards: boolean;
}

/**
 * The frame that announces an address, of either family.
 *
 * @throws {RangeError} for what is no IP or no Ethernet address
 */
export function announcementFrame(
  address: string,
  source: FrameSource,
  form: ArpForm = "request",
): Uint8Array<ArrayBuffer> {
  return address.includes(":")
    ? neighbourAdvertisement(address, source.mac, source.forwards)
    : gratuitousArp(address, source.mac, form);
}

/** Operation of an ARP frame. */
export type ArpForm = "request" | "reply";

/**
 * Ethernet broadcast from the interface, ARP request or reply, sender and target protocol address
 * the virtual address, target hardware address all ones.
 *
 * @throws {RangeError} for what is no IPv4 or no Ethernet address
 */
export function gratuitousArp(
  address: string,
  mac: string,
  form: ArpForm = "request",
): Uint8Array<ArrayBuffer> {
  const ip = parseIp(address);
  if (ip?.length !== 4) throw new RangeError(`Cannot announce "${address}": not an IPv4 address`);
  const sender = parseMac(mac);
  const frame = new Uint8Array(ARP_FRAME_LENGTH);
  frame.fill(0xff, 0, 6);
  frame.set(sender, 6);
  // EtherType ARP; hardware Ethernet, protocol IPv4, lengths 6 and 4, operation 1 (request) or 2.
  frame.set([0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, form === "request" ? 1 : 2], 12);
  frame.set(sender, 22);
  frame.set(ip, 28);
  frame.fill(0xff, 32, 38);
  frame.set(ip, 38);
  return frame;
}

/**
 * ARP probe (RFC 5227 section 2.1.1): asks who has the address without claiming it, so that nobody
 * learns anything from it, and who has it answers.
 *
 * @throws {RangeError} for what is no IPv4 or no Ethernet address
 */
export function arpProbe(address: string, mac: string): Uint8Array<ArrayBuffer> {
  const frame = gratuitousArp(address, mac);
  // No sender address, and the target's hardware address is not known.
  frame.fill(0, 28, 38);
  return frame;
}

/**
 * Unsolicited neighbour advertisement to ff02::1, hop limit 255, source and target the virtual
 * address, Override set, Solicited clear.
 *
 * @param router the Router flag
 * @throws {RangeError} for what is no IPv6 or no Ethernet address
 */
export function neighbourAdvertisement(
  address: string,
  mac: string,
  router: boolean,
): Uint8Array<ArrayBuffer> {
  const ip = parseIp(address);
  if (ip?.length !== 16) throw new RangeError(`Cannot announce "${address}": not an IPv6 address`);
  const sender = parseMac(mac);
  const frame = new Uint8Array(ADVERTISEMENT_FRAME_LENGTH);
  frame.set([0x33, 0x33, 0, 0, 0, 1], 0);
  frame.set(sender, 6);
  frame.set([0x86, 0xdd, 0x60], 12);
  frame[IPV6 + 5] = ICMPV6_LENGTH;
  frame[IPV6 + 6] = NEXT_HEADER_ICMPV6;
  frame[IPV6 + 7] = 255;
  frame.set(ip, IPV6 + 8);
  // ff02::1, all nodes of the link.
  frame[IPV6 + 24] = 0xff;
  frame[IPV6 + 25] = 0x02;
  frame[IPV6 + 39] = 0x01;
  frame[ICMPV6] = NEIGHBOUR_ADVERTISEMENT;
  frame[ICMPV6 + 4] = FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0);
  frame.set(ip, ICMPV6 + 8);
  // Option 2, target link-layer address, one unit of eight bytes.
  frame[ICMPV6 + 24] = 2;
  frame[ICMPV6 + 25] = 1;
  frame.set(sender, ICMPV6 + 26);
  const checksum = checksumOf(frame);
  frame[ICMPV6 + 2] = checksum >> 8;
  frame[ICMPV6 + 3] = checksum & 0xff;
  return frame;
}

/** ICMPv6 checksum over pseudo header and message (RFC 8200 section 8.1), its field zero. */
function checksumOf(frame: Uint8Array): number {
  // Source and destination stand right before the message, so one run covers both.
  const pseudo = ICMPV6_LENGTH + NEXT_HEADER_ICMPV6;
  return internetChecksum(frame, IPV6 + 8, ADVERTISEMENT_FRAME_LENGTH, pseudo);
}

/** The last one that was parsed: all addresses of a takeover leave from one or two interfaces. */
let lastMac = "";
let lastBytes: readonly number[] = [];

function parseMac(mac: string): readonly number[] {
  if (mac === lastMac) return lastBytes;
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw new RangeError(`Cannot announce from "${mac}": not an Ethernet address`);
  }
  lastBytes = mac.split(":").map((part) => parseInt(part, 16));
  lastMac = mac;
  return lastBytes;
}
