/**
 * Runs conversations over non-blocking sockets of our own: connections in the clear, datagrams,
 * pings. It is made for a synchronous loop: the loop owns the epoll, hands over what is ready, and
 * says when time has passed; outcomes come by a callback in the same turn.
 *
 * ```text
 *   start ─► connecting ─► talking ─► outcome          expire: the time is up, or void where the
 *                 │            │                        machine stood still in the meantime
 *                 └─ error ────┴────► outcome
 * ```
 *
 * A connection is closed by a reset once it has served, so that no port waits a minute for nobody,
 * unless the last words to the server would be lost with it. ICMP errors are asked for.
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
  type Epoll,
  EPOLLIN,
  EPOLLOUT,
  errnoName,
  getOption,
  inNamespace,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  MSG_NOSIGNAL,
  openSocket,
  receive,
  sendTo,
  setOption,
  SO_ERROR,
  SO_LINGER,
  SO_MARK,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  sockaddrIn,
  sockaddrIn6,
  SOL_SOCKET,
  SystemError,
} from "../../../ffi/mod.ts";
import { createLine, type Timed } from "../line.ts";
import { failed, type Micros, type Outcome, voided } from "../outcome.ts";
import { socketReason } from "../reasons.ts";
import { showText, textOf } from "../../text/mod.ts";
import { concatenate, type Conversation, type Step } from "../types/conversation.ts";

const EAGAIN = 11;
/** Report ICMP errors to a connected socket, those that may pass too. */
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;
/** Choose the port at connect, so that one local port serves many servers. */
const IP_BIND_ADDRESS_NO_PORT = 24;
/** `struct linger`: on, zero seconds: reset at close. */
const RESET_AT_CLOSE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
/** Pieces that one socket may hand in before others have their turn. */
const READS_A_TURN = 4;

/** Where a probe goes, and from where. */
export interface SocketTarget {
  readonly transport: "tcp" | "udp" | "ping";
  readonly address: string;
  /** 0 for a ping. */
  readonly port: number;
  /** Interface index, for link-local addresses; else 0. */
  readonly scope: number;
  readonly bindAddress: string | null;
  readonly bindPort: number | null;
  readonly bindInterface: string | null;
  readonly mark: number | null;
  /** Name of a network namespace; `""`: our own. */
  readonly namespace: string;
}

/** Makes the conversation once it is known what kind of socket a ping got. */
export type MakeConversation = (raw: boolean) => Conversation;

/** Is told how a probe ended. */
export type Report = (probe: number, outcome: Outcome, latency: Micros) => void;

interface Probe extends Timed {
  readonly number: number;
  readonly fd: number;
  readonly conversation: Conversation;
  readonly stream: boolean;
  readonly started: Micros;
  connected: boolean;
  /** Bytes that did not go out yet. */
  pending: Uint8Array | null;
}

/** Whether an error says that ping sockets are not for us: then a raw one is tried. */
function isForbidden(error: unknown): boolean {
  return error instanceof SystemError && (error.code === "EACCES" || error.code === "EPERM");
}

function sockaddr(address: string, port: number, scope: number): Uint8Array {
  return address.includes(":") ? sockaddrIn6(address, port, scope) : sockaddrIn(address, port);
}

/** Opens the socket of a target, in its namespace. */
function openFor({ transport, address, namespace }: SocketTarget): { fd: number; raw: boolean } {
  const six = address.includes(":");
  const family = six ? AF_INET6 : AF_INET;
  const open = (type: number, protocol: number) =>
    inNamespace(namespace, () => openSocket(family, type, protocol));
  if (transport === "tcp") return { fd: open(SOCK_STREAM, 0), raw: false };
  if (transport === "udp") return { fd: open(SOCK_DGRAM, 0), raw: false };
  const protocol = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
  try {
    return { fd: open(SOCK_DGRAM, protocol), raw: false };
  } catch (error) {
    // net.ipv4.ping_group_range is closed by default, to root too.
    if (!isForbidden(error)) throw error;
    return { fd: open(SOCK_RAW, protocol), raw: true };
  }
}

/** All probes of one loop. */
export class SocketProber {
  readonly #epoll: Epoll;
  readonly #firstToken: number;
  readonly #report: Report;
  readonly #probes = new Map<number, Probe>();
  readonly #deadlines = createLine<Probe>();
  readonly #buffer = new Uint8Array(65_536);

  /** @param firstToken tokens of the epoll from here on are ours: this one plus a probe's number */
  constructor(epoll: Epoll, firstToken: number, report: Report) {
    this.#epoll = epoll;
    this.#firstToken = firstToken;
    this.#report = report;
  }

  /** Probes that run. */
  get size(): number {
    return this.#probes.size;
  }

  /** When `expire` wants to be called; `Infinity`: never. */
  get next(): Micros {
    return this.#deadlines.first?.at ?? Infinity;
  }

  /**
   * Begins a probe. It may end in this very call.
   *
   * @param number names it; never used twice at the same time
   */
  start(
    number: number,
    target: SocketTarget,
    make: MakeConversation,
    timeout: Micros,
    now: Micros,
  ): void {
    let probe: Probe;
    try {
      probe = this.#open(number, target, make, timeout, now);
    } catch (error) {
      const reason = error instanceof SystemError
        ? socketReason(error.code, error.message)
        : showText(textOf(error), 120);
      return this.#report(number, failed(reason), 0);
    }
    if (!probe.connected) return;
    this.#guard(probe, now, () => this.#obey(probe, probe.conversation.open(), now));
  }

  #open(
    number: number,
    target: SocketTarget,
    make: MakeConversation,
    timeout: Micros,
    now: Micros,
  ): Probe {
    const { fd, raw } = openFor(target);
    try {
      const connected = this.#prepare(fd, target);
      const probe: Probe = {
        number,
        fd,
        conversation: make(raw),
        stream: target.transport === "tcp",
        started: now,
        connected,
        pending: null,
        at: now + timeout,
        line: number,
        position: -1,
      };
      this.#epoll.add(fd, connected ? EPOLLIN : EPOLLOUT, this.#firstToken + number);
      this.#probes.set(number, probe);
      this.#deadlines.add(probe);
      return probe;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  /** Ends a probe without an outcome; nothing where it has ended. */
  cancel(number: number): void {
    const probe = this.#probes.get(number);
    if (probe !== undefined) this.#close(probe, true);
  }

  /** Ends all of them. */
  close(): void {
    for (const probe of [...this.#probes.values()]) this.#close(probe, true);
  }

  /** A token of ours is ready. Tokens of probes that have ended in the meantime are none. */
  ready(token: number, now: Micros): void {
    const probe = this.#probes.get(token - this.#firstToken);
    if (probe !== undefined) this.#guard(probe, now, () => this.#advance(probe, token, now));
  }

  /** What goes wrong in a conversation ends its probe, and nothing else. */
  #guard(probe: Probe, now: Micros, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#probes.get(probe.number) !== probe) throw error;
      this.#end(probe, failed(`the probe broke: ${showText(textOf(error), 120)}`), now, true);
    }
  }

  #advance(probe: Probe, token: number, now: Micros): void {
    if (!probe.connected) {
      const errno = getOption(probe.fd, SOL_SOCKET, SO_ERROR);
      if (errno !== 0) return this.#fail(probe, errno, now);
      probe.connected = true;
      const step = probe.conversation.open();
      this.#obey(probe, step, now);
      // Sending has said so already, and most connections have served by now.
      if (step.send === undefined && this.#probes.get(probe.number) === probe) {
        this.#epoll.modify(probe.fd, EPOLLIN, token);
      }
      return;
    }
    if (probe.pending !== null && !this.#flush(probe, now)) return;
    this.#read(probe, now);
  }

  /**
   * Ends what has run out of time. Call it after `ready` for everything that is: what has arrived
   * counts.
   *
   * @param stalledSince where this process stood still: since when. What ran out meanwhile is void
   */
  expire(now: Micros, stalledSince: Micros = Infinity): void {
    for (;;) {
      const probe = this.#deadlines.first;
      if (probe === undefined || probe.at > now) return;
      this.#guard(probe, now, () => {
        const outcome = probe.connected
          ? probe.conversation.timeout()
          : failed("no connection in time");
        const stalled = probe.at > stalledSince && outcome.result === "failed";
        this.#end(probe, stalled ? voided("this machine stood still") : outcome, now, true);
      });
    }
  }

  /** Binds, marks and connects. Returns whether it is connected already. */
  #prepare(fd: number, target: SocketTarget): boolean {
    const { address, port, scope, bindAddress, bindPort, bindInterface, mark, transport } = target;
    const six = address.includes(":");
    if (mark !== null) setOption(fd, SOL_SOCKET, SO_MARK, mark);
    if (bindInterface !== null) bindToDevice(fd, bindInterface);
    if (transport !== "tcp") {
      setOption(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVERR : IP_RECVERR, 1);
    }
    if (bindAddress !== null || bindPort !== null) {
      if (bindPort === null) setOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
      const own = bindAddress ?? (six ? "::" : "0.0.0.0");
      bindSocket(fd, sockaddr(own, bindPort ?? 0, scope));
    }
    return connectSocket(fd, sockaddr(address, port, scope));
  }

  #read(probe: Probe, now: Micros): void {
    for (let i = 0; i < READS_A_TURN; i++) {
      const count = receive(probe.fd, this.#buffer, 0);
      if (count === -EAGAIN) return;
      if (count < 0) return this.#fail(probe, -count, now);
      // A datagram may be empty; a stream that gives nothing has ended.
      const ended = probe.stream && count === 0;
      const step = ended
        ? probe.conversation.end()
        : probe.conversation.receive(this.#buffer.subarray(0, count));
      this.#obey(probe, step, now);
      if (!this.#probes.has(probe.number)) return;
      // No more will come, and the descriptor would be ready for ever.
      if (ended) return this.#end(probe, failed("closed by the server"), now, true);
    }
  }

  #obey(probe: Probe, step: Step, now: Micros): void {
    if (step.startTls) {
      return this.#end(probe, failed("TLS is not possible here"), now, true);
    }
    if (step.send !== undefined) {
      const waits = probe.pending !== null;
      probe.pending = waits ? concatenate([probe.pending!, step.send]) : step.send;
      if (!waits && !this.#flush(probe, now)) return;
    }
    if (step.outcome !== undefined) this.#end(probe, step.outcome, now, step.send === undefined);
  }

  /** Sends what is pending. Returns false where that ended the probe. */
  #flush(probe: Probe, now: Micros): boolean {
    const bytes = probe.pending!;
    const token = this.#firstToken + probe.number;
    const count = sendTo(probe.fd, bytes, bytes.length, null, MSG_NOSIGNAL);
    if (count < 0 && count !== -EAGAIN) {
      this.#fail(probe, -count, now);
      return false;
    }
    if (count >= bytes.length) {
      probe.pending = null;
      this.#epoll.modify(probe.fd, EPOLLIN, token);
    } else {
      probe.pending = bytes.subarray(Math.max(0, count));
      this.#epoll.modify(probe.fd, EPOLLIN | EPOLLOUT, token);
    }
    return true;
  }

  #fail(probe: Probe, errno: number, now: Micros): void {
    const reason = !probe.stream && errnoName(errno) === "ECONNREFUSED"
      ? "port unreachable"
      : socketReason(errnoName(errno));
    this.#end(probe, failed(reason), now, true);
  }

  #end(probe: Probe, outcome: Outcome, now: Micros, reset: boolean): void {
    this.#close(probe, reset);
    this.#report(probe.number, outcome, now - probe.started);
  }

  #close(probe: Probe, reset: boolean): void {
    this.#probes.delete(probe.number);
    this.#deadlines.remove(probe);
    if (reset && probe.stream && probe.connected) {
      setOption(probe.fd, SOL_SOCKET, SO_LINGER, RESET_AT_CLOSE);
    }
    this.#epoll.remove(probe.fd);
    closeDescriptor(probe.fd);
  }
}
