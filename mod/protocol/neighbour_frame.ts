/**
 * Who has an address of the link: ARP requests (RFC 826) and neighbour solicitations (RFC 4861) as
 * Ethernet frames, and what the answers say.
 *
 * To ask the kernel would be to wait for its configuration lock. Pure: bytes in, bytes out.
 *
 * @module
 */

import { internetChecksum } from "../ip/mod.ts";
import type { BfdFamily } from "./bfd_transport.ts";
import { ETHERNET, hasAt, MAC_LENGTH } from "./echo_frame.ts";

const ARP_LENGTH = 42;
const ARP_OPERATION = ETHERNET + 7;
const ARP_SENDER_MAC = ETHERNET + 8;
const ARP_SENDER = ETHERNET + 14;
const ARP_TARGET = ETHERNET + 24;

const IPV6_SOURCE = ETHERNET + 8;
const ICMPV6 = ETHERNET + 40;
const SOLICITATION_LENGTH = 32;
const PROTOCOL_ICMPV6 = 58;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;
const OPTIONS = ICMPV6 + 24;
const SOURCE_LINK_LAYER = 1;
const TARGET_LINK_LAYER = 2;

/**
 * A frame that asks for the address.
 *
 * @param own address and hardware address that it is sent from
 * @param known hardware address to which it goes alone; null: to all that may have it
 */
export function questionFrame(
  family: BfdFamily,
  peer: Uint8Array,
  own: Uint8Array,
  mac: Uint8Array,
  known: Uint8Array | null,
): Uint8Array<ArrayBuffer> {
  return family === "ipv4"
    ? arpRequest(peer, own, mac, known)
    : neighbourSolicitation(peer, own, mac, known);
}

function arpRequest(
  peer: Uint8Array,
  own: Uint8Array,
  mac: Uint8Array,
  known: Uint8Array | null,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ARP_LENGTH);
  if (known === null) frame.fill(0xff, 0, MAC_LENGTH);
  else frame.set(known, 0);
  frame.set(mac, MAC_LENGTH);
  // EtherType ARP; hardware Ethernet, protocol IPv4, lengths 6 and 4, operation 1: request.
  frame.set([0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 1], 12);
  frame.set(mac, ARP_SENDER_MAC);
  frame.set(own, ARP_SENDER);
  frame.set(peer, ARP_TARGET);
  return frame;
}

function neighbourSolicitation(
  peer: Uint8Array,
  own: Uint8Array,
  mac: Uint8Array,
  known: Uint8Array | null,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ICMPV6 + SOLICITATION_LENGTH);
  frame.set(known ?? [0x33, 0x33, 0xff, ...peer.subarray(13)], 0);
  frame.set(mac, MAC_LENGTH);
  frame.set([0x86, 0xdd, 0x60], 12);
  frame.set([0, SOLICITATION_LENGTH, PROTOCOL_ICMPV6, 255], ETHERNET + 4);
  frame.set(own, IPV6_SOURCE);
  // Its solicited-node group (RFC 4291 section 2.7.1), or itself.
  const group = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...peer.subarray(13)];
  frame.set(known === null ? group : peer, IPV6_SOURCE + 16);
  frame[ICMPV6] = SOLICITATION;
  frame.set(peer, ICMPV6 + 8);
  frame.set([SOURCE_LINK_LAYER, 1], OPTIONS);
  frame.set(mac, OPTIONS + 2);
  const pseudo = SOLICITATION_LENGTH + PROTOCOL_ICMPV6;
  const sum = internetChecksum(frame, IPV6_SOURCE, frame.length, pseudo);
  frame[ICMPV6 + 2] = sum >> 8;
  frame[ICMPV6 + 3] = sum & 0xff;
  return frame;
}

/**
 * Where in a frame of ARP or IPv6 the hardware address stands that is said to be the peer's; -1: it
 * says nothing of the peer. Frames of ARP are requests and answers alike: both tell of their sender.
 */
export function answerAt(
  family: BfdFamily,
  frame: Uint8Array,
  length: number,
  peer: Uint8Array,
): number {
  return family === "ipv4" ? arpAt(frame, length, peer) : advertisementAt(frame, length, peer);
}

function arpAt(frame: Uint8Array, length: number, peer: Uint8Array): number {
  if (length < ARP_LENGTH || length > frame.length) return -1;
  const operation = frame[ARP_OPERATION];
  if (frame[ARP_OPERATION - 1] !== 0 || operation !== 1 && operation !== 2) return -1;
  if (!hasAt(frame, ARP_SENDER, peer, 4)) return -1;
  return isUnicast(frame, ARP_SENDER_MAC) ? ARP_SENDER_MAC : -1;
}

function advertisementAt(frame: Uint8Array, length: number, peer: Uint8Array): number {
  if (length < OPTIONS + 8 || length > frame.length) return -1;
  if (frame[ETHERNET + 6] !== PROTOCOL_ICMPV6 || frame[ICMPV6] !== ADVERTISEMENT) return -1;
  // Nobody off the link can have sent it (RFC 4861 section 7.1.2).
  if (frame[ETHERNET + 7] !== 255 || frame[ICMPV6 + 1] !== 0) return -1;
  if (!hasAt(frame, ICMPV6 + 8, peer, 16)) return -1;
  for (let at = OPTIONS; at + 8 <= length;) {
    const size = frame[at + 1]! * 8;
    if (size === 0) return -1;
    if (frame[at] === TARGET_LINK_LAYER) return isUnicast(frame, at + 2) ? at + 2 : -1;
    at += size;
  }
  return -1;
}

/** An address that one station can have: not of a group, not zero. */
function isUnicast(frame: Uint8Array, at: number): boolean {
  if ((frame[at]! & 1) !== 0) return false;
  for (let i = 0; i < MAC_LENGTH; i++) if (frame[at + i] !== 0) return true;
  return false;
}
