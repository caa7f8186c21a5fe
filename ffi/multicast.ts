/**
 * Multicast: joining groups by interface index and choosing the interface to send from.
 *
 * Always by index, never by address: the interface's addresses come and go with mastership. A
 * socket may join 20 IPv4 groups (net.ipv4.igmp_max_memberships); memberships can be kept on
 * helper sockets that receive nothing.
 *
 * @module
 */

import { parseIpv4, parseIpv6 } from "./address.ts";
import {
  IP_ADD_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_MULTICAST_IF,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IPV6_MULTICAST_IF,
} from "./constants.ts";
import { setOption } from "./socket.ts";

// struct ip_mreqn: group, local address (unused: the index decides), interface index.
function ipMreqn(group: Uint8Array, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(12);
  bytes.set(group, 0);
  new DataView(bytes.buffer).setInt32(8, ifindex, true);
  return bytes;
}

// struct ipv6_mreq: group, interface index.
function ipv6Mreq(group: Uint8Array, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(group, 0);
  new DataView(bytes.buffer).setUint32(16, ifindex, true);
  return bytes;
}

/** Joins an IPv4 group on an interface. SystemError EADDRINUSE: this socket is in it already. */
export function joinGroup4(fd: number, group: string, ifindex: number): void {
  setOption(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, ipMreqn(parseIpv4(group), ifindex));
}

/** Leaves an IPv4 group. SystemError EADDRNOTAVAIL: this socket is not in it. */
export function leaveGroup4(fd: number, group: string, ifindex: number): void {
  setOption(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, ipMreqn(parseIpv4(group), ifindex));
}

/** Joins an IPv6 group on an interface. */
export function joinGroup6(fd: number, group: string, ifindex: number): void {
  setOption(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, ipv6Mreq(parseIpv6(group), ifindex));
}

/** Leaves an IPv6 group. */
export function leaveGroup6(fd: number, group: string, ifindex: number): void {
  setOption(fd, IPPROTO_IPV6, IPV6_DROP_MEMBERSHIP, ipv6Mreq(parseIpv6(group), ifindex));
}

/** Sends this socket's IPv4 multicast through that interface. */
export function setMulticastInterface4(fd: number, ifindex: number): void {
  setOption(fd, IPPROTO_IP, IP_MULTICAST_IF, ipMreqn(new Uint8Array(4), ifindex));
}

/** Sends this socket's IPv6 multicast through that interface. */
export function setMulticastInterface6(fd: number, ifindex: number): void {
  setOption(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, ifindex);
}
