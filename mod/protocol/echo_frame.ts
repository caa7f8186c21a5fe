/**
 * Echo packets as Ethernet frames: RFC 5881 section 4 (UDP port 3785), and RFC 9747.
 *
 * An echo is addressed to ourselves and carried to the neighbour: by its hardware address, since no
 * route leads there. The neighbour's forwarding plane sends it back with a TTL lower by one.
 *
 * Here are, too, the echoes of others that their senders expect back from us where our kernel does
 * not forward (`turnBack`): those to themselves, and those to our own address, as FRR's bfdd sends
 * them over IPv6.
 *
 * Pure: bytes in, bytes out. Hostile input is normal input: nothing here throws for what a frame
 * says, or reads past its end.
 *
 * @module
 */

import { fold, internetChecksum, sum16 } from "../ip/mod.ts";
import type { BfdFamily } from "./bfd_transport.ts";

/** RFC 5881 section 4. */
export const ECHO_PORT = 3785;
/** TTL or hop limit that an echo leaves with, and comes back with. */
export const ECHO_TTL = 255;
export const ECHO_TTL_BACK = 254;

export const MAC_LENGTH = 6;
export const ETHERNET = 14;
const IPV4 = 20;
const IPV6 = 40;
const UDP = 8;
const PROTOCOL_UDP = 17;
const CLASS_CONTROL = 0xc0;
const DONT_FRAGMENT = 0x40;

// Offsets in a frame.
const ETHER_TYPE = 12;
const V4_LENGTH = ETHERNET + 2;
const V4_FLAGS = ETHERNET + 6;
const V4_TTL = ETHERNET + 8;
const V4_PROTOCOL = ETHERNET + 9;
const V4_CHECKSUM = ETHERNET + 10;
const V4_ADDRESSES = ETHERNET + 12;
const V6_LENGTH = ETHERNET + 4;
const V6_PROTOCOL = ETHERNET + 6;
const V6_HOP_LIMIT = ETHERNET + 7;
const V6_ADDRESSES = ETHERNET + 8;

/** Bytes of an address. */
function addressLength(family: BfdFamily): number {
  return family === "ipv4" ? 4 : 16;
}

/** A frame of our own that is filled again for each echo. */
export class EchoFrame {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the payload is to be written. */
  readonly payload: Uint8Array;
  readonly #family: BfdFamily;
  readonly #udp: number;

  /**
   * @param own address that it is sent from and to, 4 or 16 bytes
   * @param mac of the interface that it leaves by
   * @param room bytes of the longest payload
   */
  constructor(family: BfdFamily, own: Uint8Array, mac: Uint8Array, room: number) {
    this.#family = family;
    const ip = family === "ipv4" ? IPV4 : IPV6;
    this.#udp = ETHERNET + ip;
    const bytes = this.bytes = new Uint8Array(this.#udp + UDP + room);
    this.payload = bytes.subarray(this.#udp + UDP);
    bytes.set(mac.subarray(0, MAC_LENGTH), MAC_LENGTH);
    if (family === "ipv4") {
      bytes.set([0x08, 0x00, 0x45, CLASS_CONTROL], ETHER_TYPE);
      bytes[V4_FLAGS] = DONT_FRAGMENT;
      bytes[V4_TTL] = ECHO_TTL;
      bytes[V4_PROTOCOL] = PROTOCOL_UDP;
      bytes.set(own, V4_ADDRESSES);
      bytes.set(own, V4_ADDRESSES + 4);
    } else {
      bytes.set([0x86, 0xdd, 0x60 | CLASS_CONTROL >> 4, (CLASS_CONTROL << 4) & 0xff], ETHER_TYPE);
      bytes[V6_PROTOCOL] = PROTOCOL_UDP;
      bytes[V6_HOP_LIMIT] = ECHO_TTL;
      bytes.set(own, V6_ADDRESSES);
      bytes.set(own, V6_ADDRESSES + 16);
    }
    setHalf(bytes, this.#udp, ECHO_PORT);
    setHalf(bytes, this.#udp + 2, ECHO_PORT);
  }

  /** Completes the frame around `length` bytes of payload. Returns the length of the whole. */
  complete(length: number, to: Uint8Array): number {
    const { bytes } = this;
    const udp = this.#udp;
    for (let i = 0; i < MAC_LENGTH; i++) bytes[i] = to[i]!;
    setHalf(bytes, udp + 4, UDP + length);
    if (this.#family === "ipv4") {
      setHalf(bytes, V4_LENGTH, IPV4 + UDP + length);
      setHalf(bytes, V4_CHECKSUM, 0);
      setHalf(bytes, V4_CHECKSUM, internetChecksum(bytes, ETHERNET, udp));
    } else setHalf(bytes, V6_LENGTH, UDP + length);
    writeUdpChecksum(this.#family, bytes, udp, UDP + length);
    return udp + UDP + length;
  }
}

/** What `readEcho` finds. Mutable: a reader keeps one. */
export interface ReceivedEcho {
  ttl: number;
  /** Offset of the UDP header. */
  udp: number;
  /** Offset and length of its payload. */
  payload: number;
  length: number;
}

/**
 * Finds the parts of a frame to the echo port.
 *
 * @param length of the frame, of which `bytes` may have only the beginning
 * @returns whether it is one, whole
 */
export function readEcho(
  family: BfdFamily,
  bytes: Uint8Array,
  length: number,
  echo: ReceivedEcho,
): boolean {
  if (length > bytes.length || length < ETHERNET + IPV4 + UDP) return false;
  let end: number;
  if (family === "ipv4") {
    const header = (bytes[ETHERNET]! & 0x0f) * 4;
    // No fragments: the rest has no ports, and the first part is not the whole.
    if (header < IPV4 || (half(bytes, V4_FLAGS) & 0x3fff) !== 0) return false;
    if (bytes[V4_PROTOCOL] !== PROTOCOL_UDP) return false;
    echo.ttl = bytes[V4_TTL]!;
    echo.udp = ETHERNET + header;
    end = ETHERNET + half(bytes, V4_LENGTH);
  } else {
    if (length < ETHERNET + IPV6 + UDP || bytes[V6_PROTOCOL] !== PROTOCOL_UDP) return false;
    echo.ttl = bytes[V6_HOP_LIMIT]!;
    echo.udp = ETHERNET + IPV6;
    end = echo.udp + half(bytes, V6_LENGTH);
  }
  if (end > length || echo.udp + UDP > end || half(bytes, echo.udp + 2) !== ECHO_PORT) return false;
  const says = half(bytes, echo.udp + 4);
  if (says < UDP || echo.udp + says > end) return false;
  echo.payload = echo.udp + UDP;
  echo.length = says - UDP;
  return true;
}

/** Whether the packet is addressed to that address. */
export function isTo(family: BfdFamily, bytes: Uint8Array, address: Uint8Array): boolean {
  const size = addressLength(family);
  return hasAt(bytes, addressesAt(family) + size, address, size);
}

export function isFrom(family: BfdFamily, bytes: Uint8Array, address: Uint8Array): boolean {
  return hasAt(bytes, addressesAt(family), address, addressLength(family));
}

/** Whether the UDP checksum is right; over IPv4 there may be none. */
export function hasRightChecksum(
  family: BfdFamily,
  bytes: Uint8Array,
  echo: Readonly<ReceivedEcho>,
): boolean {
  if (half(bytes, echo.udp + 6) === 0) return family === "ipv4";
  return fold(udpSum(family, bytes, echo.udp, UDP + echo.length)) === 0xffff;
}

/**
 * Makes a frame that `readEcho` has found into the one that goes back, in place, as a router would:
 * one less of TTL. One to our own address goes to where it came from.
 *
 * The checksum is made anew: what a virtual interface delivers may be without one so far.
 *
 * @param own whether it is addressed to us
 */
export function turnBack(
  family: BfdFamily,
  bytes: Uint8Array,
  echo: Readonly<ReceivedEcho>,
  own: boolean,
): void {
  swap(bytes, 0, MAC_LENGTH, MAC_LENGTH);
  const size = addressLength(family);
  if (own) swap(bytes, addressesAt(family), addressesAt(family) + size, size);
  if (family === "ipv4") {
    bytes[V4_TTL]!--;
    setHalf(bytes, V4_CHECKSUM, 0);
    setHalf(bytes, V4_CHECKSUM, internetChecksum(bytes, ETHERNET, echo.udp));
  } else bytes[V6_HOP_LIMIT]!--;
  writeUdpChecksum(family, bytes, echo.udp, UDP + echo.length);
}

function addressesAt(family: BfdFamily): number {
  return family === "ipv4" ? V4_ADDRESSES : V6_ADDRESSES;
}

/** Over the pseudo header, too (RFC 768, RFC 8200 section 8.1). */
function udpSum(family: BfdFamily, bytes: Uint8Array, udp: number, length: number): number {
  const at = addressesAt(family);
  const addresses = sum16(bytes, at, at + 2 * addressLength(family), PROTOCOL_UDP + length);
  return sum16(bytes, udp, udp + length, addresses);
}

function writeUdpChecksum(
  family: BfdFamily,
  bytes: Uint8Array,
  udp: number,
  length: number,
): void {
  setHalf(bytes, udp + 6, 0);
  // 0 would say that there is none.
  setHalf(bytes, udp + 6, (~fold(udpSum(family, bytes, udp, length)) & 0xffff) || 0xffff);
}

function swap(bytes: Uint8Array, a: number, b: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const byte = bytes[a + i]!;
    bytes[a + i] = bytes[b + i]!;
    bytes[b + i] = byte;
  }
}

export function hasAt(
  bytes: Uint8Array,
  at: number,
  wanted: Uint8Array,
  count: number,
): boolean {
  for (let i = 0; i < count; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

function half(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

function setHalf(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}
