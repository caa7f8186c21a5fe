/**
 * The socket that one session sends by: a port of its own for its life (RFC 5881 section 4), TTL
 * 255, and where that is wanted packets as large as the path has to carry (RFC 9764).
 *
 * It is not connected: a connected one would report ICMP errors, true and forged, in place of
 * sending. It hears nothing, but for the answers to an initiator of Seamless BFD, which come to the
 * port that asks (RFC 7881 section 3).
 *
 * @module
 */

import {
  attachDropAll,
  attachFilter,
  bindSocket,
  bindToDevice,
  closeDescriptor,
  EADDRINUSE,
  EMSGSIZE,
  ENOBUFS,
  EPERM,
  errnoName,
  errnoText,
  inNamespace,
  IP_MTU_DISCOVER,
  IP_PMTUDISC_PROBE,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_DONTFRAG,
  IPV6_MTU_DISCOVER,
  sendTo,
  setOption,
  SO_PRIORITY,
  SO_REUSEADDR,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import { LONGEST_CONTROL } from "../bfd/mod.ts";
import { answerFilter } from "./bfd_filters.ts";
import {
  type BfdEndpoints,
  deviceOf,
  FIRST_SOURCE_PORT,
  LAST_SOURCE_PORT,
  openUdp,
  portOf,
  sendAsControl,
  sockaddr,
} from "./bfd_transport.ts";

/** Ports that are tried before a session is told that there is none. */
const PORT_TRIES = 64;
/** TC_PRIO_CONTROL: ahead of bulk traffic in the interface's own queue. */
const PRIORITY_CONTROL = 7;

/** Why packets did not leave, in words; the name of the error stands behind them. */
const FAULTS: ReadonlyMap<number, string> = new Map([
  [EPERM, "refused by a local packet filter"],
  [EMSGSIZE, "longer than the path MTU"],
  [ENOBUFS, "the interface's queue is full"],
]);

/** Such as `refused by a local packet filter (EPERM)`. */
export function sendFaultText(errno: number): string {
  return `${FAULTS.get(errno) ?? errnoText(errno)} (${errnoName(errno)})`;
}

/** Sends one session's packets, from a port of its own. */
export class BfdSender {
  readonly port: number;
  readonly #fd: number;
  readonly #peer: Uint8Array;
  /** Zeroes behind the control packet; empty: it is sent as it is. */
  #padded = new Uint8Array(0);

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
        const device = deviceOf(ends);
        if (device !== "") bindToDevice(fd, device);
        setOption(fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL);
        sendAsControl(fd, ends.family);
        // Never in fragments (RFC 9764), and whatever the kernel believes of the path's MTU: it
        // would believe it for ten minutes after the path has recovered.
        if (ends.family === "ipv4") {
          setOption(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
        } else {
          setOption(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE);
          setOption(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
        }
        port = bindAgain(fd, ends, former) || bindToFirstFree(fd, ends, candidates);
        // For a process that takes over from this one.
        setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (ends.seamless === true) attachFilter(fd, answerFilter(ends));
      }));
    this.port = port;
  }

  /** Where answers come to an initiator. */
  get descriptor(): number {
    return this.#fd;
  }

  /**
   * From now on packets have so many bytes of UDP payload at least (bfd.PaddedPduSize): a path
   * that does not carry them takes the session down.
   *
   * @param size 0: as long as the control packet is
   */
  pad(size: number): void {
    if (size !== this.#padded.length) this.#padded = new Uint8Array(new ArrayBuffer(size));
  }

  /** Sends the first `length` bytes: how many left, padding included, or minus errno. */
  send(bytes: Uint8Array, length: number): number {
    const padded = this.#padded;
    if (length >= padded.length) return sendTo(this.#fd, bytes, length, this.#peer, 0);
    for (let i = 0; i < length; i++) padded[i] = bytes[i]!;
    // The packet before may have been longer.
    const end = Math.min(LONGEST_CONTROL, padded.length);
    for (let i = length; i < end; i++) padded[i] = 0;
    return sendTo(this.#fd, padded, padded.length, this.#peer, 0);
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

/** The source ports to try: from a random one on, without those of our own sessions. */
export function* candidatePorts(random: number, taken: ReadonlySet<number>): Generator<number> {
  const count = LAST_SOURCE_PORT - FIRST_SOURCE_PORT + 1;
  const first = (random >>> 0) % count;
  let tries = 0;
  for (let i = 0; i < count && tries < PORT_TRIES; i++) {
    const port = FIRST_SOURCE_PORT + (first + i) % count;
    if (taken.has(port)) continue;
    tries++;
    yield port;
  }
}
