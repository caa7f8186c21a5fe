/**
 * An advert as an Ethernet frame: how one leaves that has the virtual MAC as its source (RFC 9568
 * sections 7.3 and 8.1.2). It is written from the interface itself, whatever that one's own address
 * is: a takeover waits for nothing of the kernel's configuration.
 *
 * @module
 */

import { internetChecksum, parseIp } from "../ip/mod.ts";
import type { Family } from "./transport.ts";

const ETHERNET = 14;
const IPV4_CHECKSUM = 10;
const IPV4_DESTINATION = 16;
const IPV6_HEADER = 40;
const PROTOCOL_VRRP = 112;
/** Network control, as the IPv4 adverts have it. */
const CLASS_CONTROL = 0xc0;

/** EtherTypes of the families. */
export const ETHER_TYPES: Readonly<Record<Family, number>> = { ipv4: 0x0800, ipv6: 0x86dd };

/**
 * The frame around what `outgoingPackets` has made, to its multicast group.
 *
 * @param mac of the virtual router, `aa:bb:cc:dd:ee:ff`
 * @param source own address, which an IPv6 message does not have in it
 * @param group to which an IPv6 message goes
 * @throws {RangeError} for what is no IP address
 */
export function advertFrame(
  family: Family,
  packet: Uint8Array,
  mac: string,
  source: string,
  group: string,
): Uint8Array<ArrayBuffer> {
  const ip = family === "ipv6" ? ipv6Packet(packet, source, group) : ipv4Packet(packet);
  const frame = new Uint8Array(ETHERNET + ip.length);
  frame.set(
    family === "ipv6"
      ? [0x33, 0x33, ...ip.subarray(36, 40)]
      // 23 bits of the group (RFC 1112 section 6.4).
      : [0x01, 0x00, 0x5e, ip[IPV4_DESTINATION + 1]! & 0x7f, ...ip.subarray(18, 20)],
  );
  frame.set(mac.split(":").map((part) => parseInt(part, 16)), 6);
  frame[12] = ETHER_TYPES[family] >> 8;
  frame[13] = ETHER_TYPES[family] & 0xff;
  frame.set(ip, ETHERNET);
  return frame;
}

/** With the checksum that a raw socket would have filled in. */
function ipv4Packet(packet: Uint8Array): Uint8Array {
  const ip = packet.slice();
  const length = (ip[0]! & 0x0f) * 4;
  ip.fill(0, IPV4_CHECKSUM, IPV4_CHECKSUM + 2);
  const sum = internetChecksum(ip, 0, length);
  ip[IPV4_CHECKSUM] = sum >> 8;
  ip[IPV4_CHECKSUM + 1] = sum & 0xff;
  return ip;
}

function ipv6Packet(message: Uint8Array, source: string, group: string): Uint8Array {
  const from = parseIp(source);
  const to = parseIp(group);
  if (from?.length !== 16 || to?.length !== 16) {
    throw new RangeError(`Cannot send from "${source}" to "${group}": not IPv6 addresses`);
  }
  const ip = new Uint8Array(IPV6_HEADER + message.length);
  ip[0] = 0x60 | (CLASS_CONTROL >> 4);
  ip[1] = (CLASS_CONTROL << 4) & 0xff;
  ip[4] = message.length >> 8;
  ip[5] = message.length & 0xff;
  ip[6] = PROTOCOL_VRRP;
  ip[7] = 255;
  ip.set(from, 8);
  ip.set(to, 24);
  ip.set(message, IPV6_HEADER);
  return ip;
}
