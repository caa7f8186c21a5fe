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
  closeDescriptor,
  EAGAIN,
  type Epoll,
  EPOLLIN,
  EPOLLOUT,
  errnoName,
  getOption,
  MSG_NOSIGNAL,
  receive,
  sendTo,
  SO_ERROR,
  SOL_SOCKET,
} from "../../../ffi/mod.ts";
import {
  connectFrom,
  openingFailure,
  openSocketFor,
  resetAtClose,
  type SocketTarget,
} from "./open.ts";
import { createLine, type Timed } from "../line.ts";
import { failed, type Micros, type Outcome, voided } from "../outcome.ts";
import { socketReason } from "../reasons.ts";
import { showText, textOf } from "../../text/mod.ts";
import { concatenate, type Conversation, type Step } from "../types/conversation.ts";

/** Pieces that one socket may hand in before others have their turn. */
const READS_A_TURN = 4;

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
      return this.#report(number, openingFailure(error), 0);
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
    const { fd, raw } = openSocketFor(target);
    try {
      const connected = connectFrom(fd, target);
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
      resetAtClose(probe.fd);
    }
    this.#epoll.remove(probe.fd);
    closeDescriptor(probe.fd);
  }
}
