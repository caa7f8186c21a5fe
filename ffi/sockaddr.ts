/**
 * Socket addresses: `struct sockaddr_in`, `_in6`, `_ll` and `_nl` as bytes.
 *
 * Made once when a socket is set up and then passed as they are to every send, so that a packet
 * costs no formatting. Multi-byte fields are little-endian like the machine, except those the
 * protocols own (ports, EtherTypes), which are in network order.
 *
 * @module
 */

import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address.ts";
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET } from "./constants.ts";

/** Bytes that hold any socket address (`sockaddr_storage`). */
export const SOCKADDR_STORAGE = 128;

/** Longest hardware address that `sockaddr_ll` carries, bytes. */
const MAX_HARDWARE_ADDRESS = 8;

function requireRange(what: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`A ${what} is an integer from 0 to ${most}, not ${value}`);
  }
}

/** `sockaddr_in`, 16 bytes: a dotted quad and a port (0 for raw sockets). */
export function sockaddrIn(address: string, port: number): Uint8Array<ArrayBuffer> {
  requireRange("port", port, 0xffff);
  const bytes = new Uint8Array(new ArrayBuffer(16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port);
  bytes.set(parseIpv4(address), 4);
  return bytes;
}

/** `sockaddr_in6`, 28 bytes; `scopeId` is the interface index that a link-local address needs. */
export function sockaddrIn6(address: string, port: number, scopeId = 0): Uint8Array<ArrayBuffer> {
  requireRange("port", port, 0xffff);
  requireRange("scope id", scopeId, 0xffff_ffff);
  const bytes = new Uint8Array(new ArrayBuffer(28));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  bytes.set(parseIpv6(address), 8);
  view.setUint32(24, scopeId, true);
  return bytes;
}

/**
 * `sockaddr_ll`, 20 bytes: interface index, EtherType in host order (ETH_P_ARP), and the hardware
 * address to send to, for datagram packet sockets.
 */
export function sockaddrLl(
  ifindex: number,
  protocol: number,
  mac?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  requireRange("interface index", ifindex, 0x7fff_ffff);
  requireRange("EtherType", protocol, 0xffff);
  if (mac !== undefined && mac.length > MAX_HARDWARE_ADDRESS) {
    throw new RangeError(
      `A hardware address has at most ${MAX_HARDWARE_ADDRESS} bytes, not ${mac.length}`,
    );
  }
  const bytes = new Uint8Array(new ArrayBuffer(20));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol);
  view.setInt32(4, ifindex, true);
  if (mac !== undefined) {
    view.setUint8(11, mac.length);
    bytes.set(mac, 12);
  }
  return bytes;
}

/** `sockaddr_nl`, 12 bytes: port id (0: the kernel) and a mask of the groups 1 to 32. */
export function sockaddrNl(pid: number, groups: number): Uint8Array<ArrayBuffer> {
  requireRange("netlink port id", pid, 0xffff_ffff);
  requireRange("netlink group mask", groups, 0xffff_ffff);
  const bytes = new Uint8Array(new ArrayBuffer(12));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(4, pid, true);
  view.setUint32(8, groups, true);
  return bytes;
}

/** Address family of a socket address; 0 when it is too short to have one. */
export function sockaddrFamily(bytes: Uint8Array): number {
  return bytes.length < 2 ? 0 : (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
}

/** Port of a `sockaddr_in` or `sockaddr_in6`. */
export function sockaddrPort(bytes: Uint8Array): number {
  return ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
}

/**
 * IP address of a `sockaddr_in` or `sockaddr_in6` as text. Throws RangeError on other families.
 */
export function sockaddrAddress(bytes: Uint8Array): string {
  const family = sockaddrFamily(bytes);
  if (family === AF_INET) return formatIpv4(bytes, 4);
  if (family === AF_INET6) return formatIpv6(bytes, 8);
  throw new RangeError(`Not an IP socket address: family ${family}`);
}

/** Interface index of a `sockaddr_ll`, or scope of a `sockaddr_in6`; 0 for other families. */
export function sockaddrInterface(bytes: Uint8Array): number {
  const family = sockaddrFamily(bytes);
  const offset = family === AF_PACKET ? 4 : family === AF_INET6 ? 24 : -1;
  if (offset < 0 || bytes.length < offset + 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0, true);
}
