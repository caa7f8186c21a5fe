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
  EPOLLERR,
  EPOLLET,
  EPOLLHUP,
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
import { connectTo, type Destination, openFor, openingFailure, resetAtClose } from "./open.ts";
import { createLine, type Timed } from "../line.ts";
import { failed, type Micros, type Outcome, unasked, voided } from "../outcome.ts";
import { isShortage, socketReason } from "../reasons.ts";
import { showText, textOf } from "../../text/mod.ts";
import { concatenate, type Conversation, type Step } from "../types/conversation.ts";

/** Pieces that one socket may hand in before others have their turn. */
const READS_A_TURN = 4;
/** Places for probes: what a token has to tell apart. */
const MOST_PLACES = 65_536;
const NO_CONNECTION = failed("no connection in time");
/** Of a place that nobody has. */
const NOBODY: Conversation = {
  open: () => ({}),
  receive: () => ({}),
  end: () => ({}),
  timeout: () => NO_CONNECTION,
};

/** Makes the conversation once it is known what kind of socket a ping got. */
export type MakeConversation = (raw: boolean) => Conversation;

/** Is told how a probe ended. */
export type Report<Owner> = (owner: Owner, outcome: Outcome, latency: Micros) => void;

/** A place for a probe: one after the other has it, so that a probe leaves nothing to be collected. */
interface Probe<Owner> extends Timed {
  /** Which place of all. */
  readonly place: number;
  /** Another number for each probe that has had the place; it changes when one is over. */
  life: number;
  /** `null`: nobody has it. */
  owner: Owner | null;
  fd: number;
  conversation: Conversation;
  stream: boolean;
  started: Micros;
  connected: boolean;
  /** Bytes that did not go out yet. */
  pending: Uint8Array | null;
}

/** All probes of one loop. Each belongs to somebody, who has one at a time. */
export class SocketProber<Owner> {
  readonly #epoll: Epoll;
  readonly #firstToken: number;
  readonly #report: Report<Owner>;
  readonly #places: Probe<Owner>[] = [];
  readonly #free: Probe<Owner>[] = [];
  readonly #deadlines = createLine<Probe<Owner>>();
  readonly #buffer = new Uint8Array(65_536);
  #started = 0;

  /** @param firstToken tokens of the epoll from here on are ours */
  constructor(epoll: Epoll, firstToken: number, report: Report<Owner>) {
    this.#epoll = epoll;
    this.#firstToken = firstToken;
    this.#report = report;
  }

  /** Probes that run. */
  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** When `expire` wants to be called; `Infinity`: never. */
  get next(): Micros {
    return this.#deadlines.first?.at ?? Infinity;
  }

  /** Begins a probe. It may end in this very call. @param owner has none that runs */
  start(
    owner: Owner,
    destination: Destination,
    make: MakeConversation,
    timeout: Micros,
    now: Micros,
  ): void {
    let probe: Probe<Owner>;
    try {
      probe = this.#open(owner, destination, make, timeout, now);
    } catch (error) {
      return this.#report(owner, openingFailure(error), 0);
    }
    if (!probe.connected) return;
    const { life } = probe;
    try {
      this.#obey(probe, probe.conversation.open(), now);
    } catch (error) {
      this.#broke(probe, life, error, now);
    }
  }

  #open(
    owner: Owner,
    destination: Destination,
    make: MakeConversation,
    timeout: Micros,
    now: Micros,
  ): Probe<Owner> {
    const { fd, raw } = openFor(destination);
    try {
      const connected = connectTo(fd, destination);
      const conversation = make(raw);
      const probe = this.#free.pop() ?? this.#newPlace();
      probe.owner = owner;
      probe.fd = fd;
      probe.conversation = conversation;
      probe.stream = destination.target.transport === "tcp";
      probe.started = now;
      probe.connected = connected;
      probe.at = now + timeout;
      probe.line = ++this.#started;
      this.#deadlines.add(probe);
      try {
        // Told once of each change: nothing has to be said to the kernel again as the probe gets on.
        const events = connected ? EPOLLIN | EPOLLET : EPOLLIN | EPOLLOUT | EPOLLET;
        this.#epoll.add(fd, events, this.#tokenOf(probe));
      } catch (error) {
        this.#leave(probe);
        throw error;
      }
      return probe;
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  #newPlace(): Probe<Owner> {
    const probe: Probe<Owner> = {
      place: this.#places.length,
      life: 0,
      owner: null,
      fd: -1,
      conversation: NOBODY,
      stream: false,
      started: 0,
      connected: false,
      pending: null,
      at: 0,
      line: 0,
      position: -1,
    };
    if (probe.place >= MOST_PLACES) throw new RangeError("Too many probes at once");
    this.#places.push(probe);
    return probe;
  }

  #tokenOf({ place, life }: Probe<Owner>): number {
    return this.#firstToken + place + life * MOST_PLACES;
  }

  /** Ends the probe of somebody without an outcome; nothing where there is none. */
  cancel(owner: Owner): void {
    const probe = this.#places.find((one) => one.owner === owner);
    if (probe !== undefined) this.#close(probe, true);
  }

  /** Ends all of them. */
  close(): void {
    for (const probe of this.#places) if (probe.owner !== null) this.#close(probe, true);
  }

  /**
   * A token of ours is ready. Tokens of probes that have ended in the meantime are none.
   *
   * @param events what the epoll says of it
   */
  ready(token: number, events: number, now: Micros): void {
    const own = token - this.#firstToken;
    const life = Math.floor(own / MOST_PLACES);
    const probe = this.#places[own % MOST_PLACES];
    if (probe === undefined || probe.owner === null || probe.life !== life) return;
    try {
      this.#advance(probe, events, now);
    } catch (error) {
      this.#broke(probe, life, error, now);
    }
  }

  /** What goes wrong in a conversation ends its probe, and nothing else. */
  #broke(probe: Probe<Owner>, life: number, error: unknown, now: Micros): void {
    if (probe.life !== life) throw error;
    this.#end(probe, failed(`the probe broke: ${showText(textOf(error), 120)}`), now, true);
  }

  #advance(probe: Probe<Owner>, events: number, now: Micros): void {
    if (!probe.connected) {
      if ((events & (EPOLLERR | EPOLLHUP)) !== 0) {
        const errno = getOption(probe.fd, SOL_SOCKET, SO_ERROR);
        if (errno !== 0) return this.#fail(probe, errno, now);
      }
      probe.connected = true;
      const { life } = probe;
      this.#obey(probe, probe.conversation.open(), now);
      // One that speaks first may have done so already.
      if ((events & EPOLLIN) === 0 || probe.life !== life) return;
    } else if (probe.pending !== null && !this.#flush(probe, now)) return;
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
      const { life } = probe;
      try {
        const outcome = probe.connected ? probe.conversation.timeout() : NO_CONNECTION;
        const stalled = probe.at > stalledSince && outcome.result === "failed";
        this.#end(probe, stalled ? voided("this machine stood still") : outcome, now, true);
      } catch (error) {
        this.#broke(probe, life, error, now);
      }
    }
  }

  #read(probe: Probe<Owner>, now: Micros): void {
    const { life } = probe;
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
      if (probe.life !== life) return;
      // No more will come, and the descriptor would be ready for ever.
      if (ended) return this.#end(probe, failed("closed by the server"), now, true);
    }
    this.#watch(probe);
  }

  /** Has the epoll look again: what is there already is a change to it. */
  #watch(probe: Probe<Owner>): void {
    const events = EPOLLIN | (probe.pending === null ? 0 : EPOLLOUT) | EPOLLET;
    this.#epoll.modify(probe.fd, events, this.#tokenOf(probe));
  }

  #obey(probe: Probe<Owner>, step: Step, now: Micros): void {
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
  #flush(probe: Probe<Owner>, now: Micros): boolean {
    const bytes = probe.pending!;
    const count = sendTo(probe.fd, bytes, bytes.length, null, MSG_NOSIGNAL);
    if (count < 0 && count !== -EAGAIN) {
      this.#fail(probe, -count, now);
      return false;
    }
    if (count >= bytes.length) {
      probe.pending = null;
    } else {
      probe.pending = bytes.subarray(Math.max(0, count));
      this.#watch(probe);
    }
    return true;
  }

  #fail(probe: Probe<Owner>, errno: number, now: Micros): void {
    const code = errnoName(errno);
    const reason = !probe.stream && code === "ECONNREFUSED"
      ? "port unreachable"
      : socketReason(code);
    this.#end(probe, isShortage(code, "send") ? unasked(reason) : failed(reason), now, true);
  }

  #end(probe: Probe<Owner>, outcome: Outcome, now: Micros, reset: boolean): void {
    const { owner, started } = probe;
    if (owner === null) return;
    this.#close(probe, reset);
    this.#report(owner, outcome, now - started);
  }

  #close(probe: Probe<Owner>, reset: boolean): void {
    const { fd } = probe;
    if (reset && probe.stream && probe.connected) resetAtClose(fd);
    this.#leave(probe);
    // The epoll forgets it with its last descriptor, and this is the only one.
    closeDescriptor(fd);
  }

  #leave(probe: Probe<Owner>): void {
    this.#deadlines.remove(probe);
    probe.life++;
    probe.owner = null;
    probe.fd = -1;
    probe.conversation = NOBODY;
    probe.pending = null;
    this.#free.push(probe);
  }
}
