/**
 * What carries BFD control packets: RFC 5881 (one hop, UDP port 3784) and RFC 5883 (several hops,
 * UDP port 4784), over IPv4 and IPv6.
 *
 * ```text
 *            ┌──────────────── one session ────────────────┐
 *   sending: own address, own port ≥ 49152 ──► peer, 3784    a socket that receives nothing
 *   hearing: own address, 3784 ◄── peer, its port            connected, TTL filtered by the kernel
 *            └─────────────────────────────────────────────┘
 *   discovery: any address, 3784 ◄── anybody                 one for each (namespace, family, port)
 * ```
 *
 * A packet goes to port 3784 whoever sends it, so what a session hears and what it sends are two
 * sockets. The hearing one can only be made when the port that the peer sends from is known: the
 * first packets come through discovery. From then on a flood from elsewhere fills the buffer of
 * discovery, not the session's, and costs it no look at a table.
 *
 * Discovery has the port for itself, so that another daemon on it is noticed, and notices us; only
 * while a socket of our own is bound it allows that. Where another daemon has the port for addresses
 * of its own, discovery is bound to one address alone.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  attachDropAll,
  attachFilter,
  bindSocket,
  bindToDevice,
  closeDescriptor,
  connectSocket,
  EADDRINUSE,
  inNamespace,
  IP_PKTINFO,
  IP_RECVTTL,
  IP_TOS,
  IP_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  openSocket,
  setOption,
  setReceiveBuffer,
  SO_REUSEADDR,
  SOCK_DGRAM,
  sockaddrIn,
  sockaddrIn6,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import { SEAMLESS_PORT } from "../bfd/mod.ts";
import type { BfdPath } from "../plane/bfd.ts";
import { ttlFilter } from "./bfd_filters.ts";

export type BfdFamily = "ipv4" | "ipv6";

/** RFC 5881 section 4, RFC 5883 section 5. */
export const SINGLE_HOP_PORT = 3784;
export const MULTIHOP_PORT = 4784;
/** RFC 5881 section 4: where a packet may come from. */
export const FIRST_SOURCE_PORT = 49_152;
export const LAST_SOURCE_PORT = 65_535;

const LARGEST_TTL = 255;
/** Network control (CS6), as routing protocols have it. */
const CLASS_CONTROL = 0xc0;
/** Bytes the kernel may queue: a flood of some milliseconds, beside which the peer is heard. */
const SESSION_BUFFER = 1 << 20;
const DISCOVERY_BUFFER = 1 << 20;

/** Between whom a session runs, here and now. */
export interface BfdEndpoints extends BfdPath {
  /** Index of its interface; 0: none. */
  readonly interfaceIndex: number;
}

export function portOf(
  { multihop, seamless }: Pick<BfdEndpoints, "multihop" | "seamless">,
): number {
  if (seamless === true) return SEAMLESS_PORT;
  return multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
}

/** Device that a session's sockets are bound to; "": none. */
export function deviceOf(ends: Pick<BfdEndpoints, "interface" | "vrf">): string {
  return ends.interface === "" ? ends.vrf ?? "" : ends.interface;
}

/**
 * Device that discovery of a session in a VRF is bound to; "": none. Over IPv6 the kernel tells of a
 * packet in a VRF no more by which of its interfaces it came: then it is the interface itself.
 */
export function domainOf({ family, vrf = "", interface: own }: BfdEndpoints): string {
  return vrf !== "" && own !== "" && family === "ipv6" ? own : vrf;
}

/** @param scope index of the interface that a link-local address belongs to */
export function sockaddr(
  family: BfdFamily,
  address: string,
  port: number,
  scope: number,
): Uint8Array {
  if (family === "ipv4") return sockaddrIn(address === "" ? "0.0.0.0" : address, port);
  const any = address === "" ? "::" : address;
  return sockaddrIn6(any, port, /^fe[89ab]/i.test(any) ? scope : 0);
}

/** A UDP socket, which is closed again where `configure` throws. @throws {SystemError} */
export function openUdp(family: BfdFamily, configure: (fd: number) => void): number {
  const fd = openSocket(family === "ipv4" ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
  try {
    if (family === "ipv6") setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    configure(fd);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Each packet is to come with its TTL and the own address that it was sent to. @throws {SystemError} */
export function tellOfArrivals(fd: number, family: BfdFamily): void {
  if (family === "ipv4") {
    setOption(fd, IPPROTO_IP, IP_RECVTTL, 1);
    setOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
  } else {
    setOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
}

/** What is sent leaves with the largest TTL, as network control. @throws {SystemError} */
export function sendAsControl(fd: number, family: BfdFamily): void {
  if (family === "ipv4") {
    setOption(fd, IPPROTO_IP, IP_TTL, LARGEST_TTL);
    setOption(fd, IPPROTO_IP, IP_TOS, CLASS_CONTROL);
  } else {
    setOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, LARGEST_TTL);
    setOption(fd, IPPROTO_IPV6, IPV6_TCLASS, CLASS_CONTROL);
  }
}

/**
 * Binds without leave to share the port, so that another daemon on it is noticed, at whatever time
 * it comes; except with `beside`, sockets of our own, which allow it for this moment.
 */
function sharingWith(beside: Iterable<number>, bind: () => void): void {
  for (const fd of beside) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  try {
    bind();
  } finally {
    for (const fd of beside) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 0);
  }
}

/**
 * Opens the socket that hears one session's peer and nobody else.
 *
 * @param local own address that the peer sends to
 * @param remotePort the port that it sends from
 * @param beside sockets of our own on the same port
 * @throws {SystemError}
 */
export function openHearing(
  ends: BfdEndpoints,
  local: string,
  remotePort: number,
  beside: Iterable<number>,
): number {
  const { family, interfaceIndex } = ends;
  return inNamespace(ends.namespace, () =>
    openUdp(family, (fd) => {
      // Until it is connected, everybody's packets would come here.
      attachDropAll(fd);
      setReceiveBuffer(fd, SESSION_BUFFER);
      const device = deviceOf(ends);
      if (device !== "") bindToDevice(fd, device);
      // Those that hear other peers have the same port and may have the same address.
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      sharingWith(beside, () =>
        bindSocket(fd, sockaddr(family, local, portOf(ends), interfaceIndex)));
      connectSocket(fd, sockaddr(family, ends.peer, remotePort, interfaceIndex));
      attachFilter(fd, ttlFilter(family, ends.minimumTtl));
    }));
}

/** Somebody else has the port. */
export class PortTaken extends SystemError {
  constructor(readonly place: Pick<DiscoveryPlace, "namespace" | "family">, readonly port: number) {
    super("bind", EADDRINUSE, `UDP port ${port}`);
  }
}

/** Lets a process that takes over bind beside these sockets, or no longer. @throws {SystemError} */
export function share(descriptors: Iterable<number>, shared: boolean): void {
  for (const fd of descriptors) setOption(fd, SOL_SOCKET, SO_REUSEADDR, shared ? 1 : 0);
}

/** Where a socket for first packets is to listen. */
export interface DiscoveryPlace extends Pick<BfdEndpoints, "namespace" | "family" | "multihop"> {
  /** Device that it is bound to: of the VRF, see `domainOf`; "": none. */
  readonly vrf: string;
  /** "": any; else this own address alone, where another daemon has the rest. */
  readonly address: string;
  /** Index of the interface of a link-local address; 0: it is none. */
  readonly scope: number;
}

/** Whether two places compete for one port. */
export function isSamePort(a: DiscoveryPlace, b: DiscoveryPlace): boolean {
  return a.namespace === b.namespace && a.family === b.family && a.multihop === b.multihop;
}

/**
 * Opens the socket for what no session hears by itself: first packets, and those of strangers.
 *
 * @param beside sockets of our own on the same port
 * @param shared a former process of ours may still have the port: the newest socket gets the packets
 * @throws {PortTaken} when somebody else has the port
 * @throws {SystemError} when the socket cannot be had
 */
export function openDiscovery(
  place: DiscoveryPlace,
  beside: readonly number[],
  shared: boolean,
): number {
  const { namespace, family, address, scope, vrf } = place;
  return inNamespace(namespace, () =>
    openUdp(family, (fd) => {
      setReceiveBuffer(fd, DISCOVERY_BUFFER);
      if (vrf !== "") bindToDevice(fd, vrf);
      tellOfArrivals(fd, family);
      const bind = () => bindSocket(fd, sockaddr(family, address, portOf(place), scope));
      try {
        if (beside.length === 0 && !shared) bind();
        else sharingWith([fd, ...beside], bind);
      } catch (error) {
        const taken = error instanceof SystemError && error.errno === EADDRINUSE;
        throw taken ? new PortTaken(place, portOf(place)) : error;
      }
    }));
}
