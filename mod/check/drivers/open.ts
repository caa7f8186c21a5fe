/**
 * Where a probe goes and from where, and the sockets for that: in a namespace, bound and marked as
 * the site wants it, non-blocking.
 *
 * @module
 */

import {
  AF_INET,
  AF_INET6,
  bindSocket,
  bindToDevice,
  closeDescriptor,
  connectSocket,
  getSocketName,
  inNamespace,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  openSocket,
  setOption,
  SO_LINGER,
  SO_MARK,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  sockaddrAddress,
  sockaddrIn,
  sockaddrIn6,
  SOL_SOCKET,
  SystemError,
} from "../../../ffi/mod.ts";
import { failed, type Outcome, unasked } from "../outcome.ts";
import { isShortage, socketReason } from "../reasons.ts";
import { showText, textOf } from "../../text/mod.ts";

/** Report ICMP errors to a connected socket, those that may pass too. */
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;
/** Choose the port at connect, so that one local port serves many servers. */
const IP_BIND_ADDRESS_NO_PORT = 24;
/** A port to look for a way to. */
const DISCARD = 9;
/** `struct linger`: on, zero seconds. */
const NO_LINGERING = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** From where a probe goes. */
export interface SocketSource {
  readonly bindAddress: string | null;
  readonly bindPort: number | null;
  readonly bindInterface: string | null;
  readonly mark: number | null;
  /** Name of a network namespace; `""`: our own. */
  readonly namespace: string;
  /**
   * By way of the load balancer to a real server: from the address that this host has towards that
   * one, since towards a virtual address of its own it would take that very address. `interface`:
   * where the real server is. Absent: directly.
   */
  readonly towards?: { readonly address: string; readonly interface: string };
}

/** From wherever the routing table says. */
export const ANYWHERE: SocketSource = {
  bindAddress: null,
  bindPort: null,
  bindInterface: null,
  mark: null,
  namespace: "",
};

/** Where a probe goes, and from where. */
export interface SocketTarget extends SocketSource {
  readonly transport: "tcp" | "udp" | "ping";
  readonly address: string;
  /** 0 for a ping. */
  readonly port: number;
  /** Interface index, for link-local addresses; else 0. */
  readonly scope: number;
}

/** A way leads there, and no address of ours: what is asked would have no sender. */
class NoSource extends Error {
  override readonly name = "NoSource";
  constructor() {
    super("no address of this machine's to ask from");
  }
}

/** Whether an error says that ping sockets are not for us: then a raw one is tried. */
function isForbidden(error: unknown): boolean {
  return error instanceof SystemError && (error.code === "EACCES" || error.code === "EPERM");
}

function sockaddr(address: string, port: number, scope: number): Uint8Array {
  return address.includes(":") ? sockaddrIn6(address, port, scope) : sockaddrIn(address, port);
}

/** A target, with what all of its sockets have alike worked out once. */
export interface Destination {
  readonly target: SocketTarget;
  readonly family: number;
  readonly sockaddr: Uint8Array;
  /** Nothing is to be set or bound before it connects. */
  readonly bare: boolean;
}

/** @throws {TypeError | RangeError} where the address or the port is none */
export function destinationOf(target: SocketTarget): Destination {
  const { transport, address, port, scope, bindAddress, bindPort, bindInterface, mark } = target;
  return {
    target,
    family: address.includes(":") ? AF_INET6 : AF_INET,
    sockaddr: sockaddr(address, port, scope),
    bare: transport === "tcp" && bindAddress === null && bindPort === null &&
      bindInterface === null && mark === null && target.towards === undefined,
  };
}

/**
 * Opens a socket for a destination, in its namespace. @throws {SystemError} where there is none to
 * be had
 */
export function openFor({ target, family }: Destination): { fd: number; raw: boolean } {
  const { transport, namespace } = target;
  // The most frequent by far: a connection from the thread's own namespace.
  if (transport === "tcp" && namespace === "") {
    return { fd: openSocket(family, SOCK_STREAM, 0), raw: false };
  }
  const open = (type: number, protocol: number) =>
    inNamespace(namespace, () => openSocket(family, type, protocol));
  if (transport === "tcp") return { fd: open(SOCK_STREAM, 0), raw: false };
  if (transport === "udp") return { fd: open(SOCK_DGRAM, 0), raw: false };
  const protocol = family === AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
  try {
    return { fd: open(SOCK_DGRAM, protocol), raw: false };
  } catch (error) {
    // net.ipv4.ping_group_range is closed by default, to root too.
    if (!isForbidden(error)) throw error;
    return { fd: open(SOCK_RAW, protocol), raw: true };
  }
}

/**
 * The address that this host speaks from. Nothing is sent: the routing table is asked, by a datagram,
 * since those have ports of their own.
 *
 * @throws {NoSource | SystemError} where it has none
 */
function sourceTowards(
  { namespace, bindInterface, mark }: Pick<SocketTarget, "namespace" | "bindInterface" | "mark">,
  to: Uint8Array,
  family: number,
): string {
  const fd = inNamespace(namespace, () => openSocket(family, SOCK_DGRAM, 0));
  try {
    if (mark !== null) setOption(fd, SOL_SOCKET, SO_MARK, mark);
    if (bindInterface !== null) bindToDevice(fd, bindInterface);
    connectSocket(fd, to);
    return sockaddrAddress(getSocketName(fd));
  } catch (error) {
    throw error instanceof SystemError && error.code === "EADDRNOTAVAIL" ? new NoSource() : error;
  } finally {
    closeDescriptor(fd);
  }
}

/** The address that this host has towards a real server. @throws as `sourceTowards` does */
function ownAddressTowards({ towards, namespace }: SocketTarget): string | null {
  if (towards === undefined) return null;
  const { address, interface: bindInterface } = towards;
  const family = address.includes(":") ? AF_INET6 : AF_INET;
  const to = sockaddr(address, DISCARD, 0);
  return sourceTowards({ namespace, bindInterface, mark: null }, to, family);
}

/**
 * Binds, marks and connects. Returns whether it is connected already; else wait for EPOLLOUT and
 * read SO_ERROR. @throws {SystemError} where that is refused
 */
export function connectTo(fd: number, destination: Destination): boolean {
  if (destination.bare) return reach(fd, destination);
  const { target } = destination;
  const { scope, bindAddress, bindPort, bindInterface, mark, transport } = target;
  const six = destination.family === AF_INET6;
  if (mark !== null) setOption(fd, SOL_SOCKET, SO_MARK, mark);
  if (bindInterface !== null) bindToDevice(fd, bindInterface);
  if (transport !== "tcp") {
    setOption(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR, 1);
  }
  const from = bindAddress ?? ownAddressTowards(target);
  if (from !== null || bindPort !== null) {
    if (bindPort === null) setOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const own = from ?? (six ? "::" : "0.0.0.0");
    bindSocket(fd, sockaddr(own, bindPort ?? 0, scope));
  }
  return reach(fd, destination);
}

/** Connects. The kernel says the same where no port is left and where it has no address to use. */
function reach(fd: number, { target, family, sockaddr }: Destination): boolean {
  try {
    return connectSocket(fd, sockaddr);
  } catch (error) {
    const ambiguous = error instanceof SystemError && error.code === "EADDRNOTAVAIL" &&
      target.bindAddress === null;
    throw ambiguous && !hasSource(target, sockaddr, family) ? new NoSource() : error;
  }
}

function hasSource(target: SocketTarget, to: Uint8Array, family: number): boolean {
  try {
    sourceTowards(target, to, family);
    return true;
  } catch (error) {
    return !(error instanceof NoSource);
  }
}

/** Closes by a reset, so that no port waits a minute for nobody. */
export function resetAtClose(fd: number): void {
  setOption(fd, SOL_SOCKET, SO_LINGER, NO_LINGERING);
}

/** What an error says that a socket could not be had or used for. */
export function openingFailure(error: unknown): Outcome {
  if (!(error instanceof SystemError)) return failed(showText(textOf(error), 120));
  const { code, call, message } = error;
  if (!isShortage(code, call)) return failed(socketReason(code, message));
  return unasked(
    code === "EADDRNOTAVAIL" ? "no port left on this machine" : socketReason(code),
  );
}
