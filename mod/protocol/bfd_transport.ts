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
 * Discovery binds without SO_REUSEADDR, so that another daemon on the port is noticed; once bound
 * it allows it, for the hearing sockets of our own beside it.
 *
 * The sending socket is not connected: a connected one would report ICMP errors, true and forged,
 * in place of sending.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  assemble,
  attachDropAll,
  attachFilter,
  bindSocket,
  bindToDevice,
  bpf,
  closeDescriptor,
  connectSocket,
  drainSocket,
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
  sendTo,
  setOption,
  SO_PRIORITY,
  SO_RCVBUF,
  SO_REUSEADDR,
  SOCK_DGRAM,
  sockaddrIn,
  sockaddrIn6,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import type { BfdPath } from "../plane/bfd.ts";
import { ownerOfUdpPort } from "./port_owner.ts";

export type BfdFamily = "ipv4" | "ipv6";

/** RFC 5881 section 4, RFC 5883 section 5. */
export const SINGLE_HOP_PORT = 3784;
export const MULTIHOP_PORT = 4784;
/** RFC 5881 section 4: where a packet may come from. */
export const FIRST_SOURCE_PORT = 49_152;
export const LAST_SOURCE_PORT = 65_535;

/** Bytes the kernel may queue: of one session some packets, in discovery a burst from everybody. */
const SESSION_BUFFER = 1 << 16;
const DISCOVERY_BUFFER = 1 << 20;
const LARGEST_TTL = 255;
/** Network control (CS6), as routing protocols have it. */
const CLASS_CONTROL = 0xc0;
/** TC_PRIO_CONTROL: ahead of bulk traffic in the interface's own queue. */
const PRIORITY_CONTROL = 7;

/** Between whom a session runs, here and now. */
export interface BfdEndpoints extends BfdPath {
  /** Index of its interface; 0: none. */
  readonly interfaceIndex: number;
}

function portOf({ multihop }: Pick<BfdEndpoints, "multihop">): number {
  return multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
}

function sockaddr(family: BfdFamily, address: string, port: number, scope: number): Uint8Array {
  if (family === "ipv4") return sockaddrIn(address === "" ? "0.0.0.0" : address, port);
  const any = address === "" ? "::" : address;
  return sockaddrIn6(any, port, /^fe[89ab]/i.test(any) ? scope : 0);
}

function openUdp(family: BfdFamily, configure: (fd: number) => void): number {
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

/** Sends one session's packets, from a port of its own. */
export class BfdSender {
  readonly port: number;
  readonly #fd: number;
  readonly #peer: Uint8Array;

  /**
   * @param candidates ports to try, one after the other
   * @param former the port of a former life: another process of ours may still have it; 0: none
   * @throws {SystemError} when none is free, or the address is not here
   */
  constructor(ends: BfdEndpoints, candidates: Iterable<number>, former = 0) {
    this.#peer = sockaddr(ends.family, ends.peer, portOf(ends), ends.interfaceIndex);
    let port = 0;
    this.#fd = inNamespace(ends.namespace, () =>
      openUdp(ends.family, (fd) => {
        attachDropAll(fd);
        if (ends.interface !== "") bindToDevice(fd, ends.interface);
        setOption(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
        if (ends.family === "ipv4") {
          setOption(fd, IPPROTO_IP, IP_TTL, LARGEST_TTL);
          setOption(fd, IPPROTO_IP, IP_TOS, CLASS_CONTROL);
        } else {
          setOption(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, LARGEST_TTL);
          setOption(fd, IPPROTO_IPV6, IPV6_TCLASS, CLASS_CONTROL);
        }
        port = bindAgain(fd, ends, former) || bindToFirstFree(fd, ends, candidates);
        // For a process that takes over from this one.
        setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      }));
    this.port = port;
  }

  /** Sends the first `length` bytes: how many, or minus errno. */
  send(bytes: Uint8Array, length: number): number {
    return sendTo(this.#fd, bytes, length, this.#peer, 0);
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}

/** Binds to the port of a former life. Returns it; 0: it is not to be had. */
function bindAgain(fd: number, ends: BfdEndpoints, port: number): number {
  if (port === 0) return 0;
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  try {
    bindSocket(fd, sockaddr(ends.family, ends.source, port, ends.interfaceIndex));
    return port;
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== EADDRINUSE) throw error;
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 0);
    return 0;
  }
}

function bindToFirstFree(fd: number, ends: BfdEndpoints, candidates: Iterable<number>): number {
  let failure = new SystemError("bind", EADDRINUSE, "no source port");
  for (const port of candidates) {
    try {
      bindSocket(fd, sockaddr(ends.family, ends.source, port, ends.interfaceIndex));
      return port;
    } catch (error) {
      if (!(error instanceof SystemError) || error.errno !== EADDRINUSE) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** Only packets of that TTL and more. */
function ttlFilter(family: BfdFamily, minimum: number): Uint8Array {
  return assemble([
    bpf.loadNetworkByte(family === "ipv4" ? 8 : 7),
    bpf.jumpGreaterOrEqual(minimum, 0, "drop"),
    bpf.accept(),
    bpf.label("drop"),
    bpf.drop(),
  ]);
}

/**
 * Opens the socket that hears one session's peer and nobody else.
 *
 * @param local own address that the peer sends to
 * @param remotePort the port that it sends from
 * @throws {SystemError}
 */
export function openHearing(ends: BfdEndpoints, local: string, remotePort: number): number {
  const { family, interfaceIndex } = ends;
  return inNamespace(ends.namespace, () =>
    openUdp(family, (fd) => {
      // Until it is connected, everybody's packets would come here.
      attachDropAll(fd);
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      setOption(fd, SOL_SOCKET, SO_RCVBUF, SESSION_BUFFER);
      if (ends.interface !== "") bindToDevice(fd, ends.interface);
      bindSocket(fd, sockaddr(family, local, portOf(ends), interfaceIndex));
      connectSocket(fd, sockaddr(family, ends.peer, remotePort, interfaceIndex));
      attachFilter(fd, ttlFilter(family, ends.minimumTtl));
      drainSocket(fd);
    }));
}

/**
 * Opens the socket for what no session hears by itself: first packets, and those of strangers.
 *
 * @param address "": any; else this own address alone, where another daemon has the rest
 * @param shared a former process of ours may still have the port: the newest socket gets the packets
 * @throws {SystemError} which names the daemon that has the port
 */
export function openDiscovery(
  namespace: string,
  family: BfdFamily,
  port: number,
  address: string,
  shared = false,
): number {
  return inNamespace(namespace, () =>
    openUdp(family, (fd) => {
      if (shared) setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
      setOption(fd, SOL_SOCKET, SO_RCVBUF, DISCOVERY_BUFFER);
      if (family === "ipv4") {
        setOption(fd, IPPROTO_IP, IP_RECVTTL, 1);
        setOption(fd, IPPROTO_IP, IP_PKTINFO, 1);
      } else {
        setOption(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
        setOption(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
      }
      try {
        bindSocket(fd, sockaddr(family, address, port, 0));
      } catch (error) {
        if (!(error instanceof SystemError) || error.errno !== EADDRINUSE) throw error;
        const owner = ownerOfUdpPort(family, port) ?? "another program";
        throw new SystemError("bind", EADDRINUSE, `UDP port ${port} belongs to ${owner}`);
      }
      setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    }));
}
