/**
 * The protocol plane's loop. One turn:
 *
 * 1. sleep until a packet, a message or a deadline; never longer than a heartbeat;
 * 2. measure how late we are; after a stall tell every router and every BFD session, and empty the
 *    sockets first;
 * 3. packets, at most `PACKETS` from each socket;
 * 4. deadlines, all that are due, at most `TIMERS`;
 * 5. messages, at most `MESSAGES`, and one alone where a deadline has come; or a part of the
 *    configuration that came last;
 * 6. one heartbeat;
 * 7. what the kernel has refused, if there is any, no longer than to the next deadline.
 *
 * Nothing in it awaits, blocks on the kernel's configuration, or logs by itself. The budgets keep a
 * turn near one millisecond even under a flood, and leave packets unread for a while when they
 * take half of the thread's time: the kernel throttles real-time threads that spin.
 *
 * @module
 */

import {
  boottimeMicros,
  Epoll,
  EPOLLET,
  EPOLLIN,
  EventFd,
  monotonicMicros,
} from "../../ffi/mod.ts";
import { Counters } from "../plane/counters.ts";
import { IdSource, randomWord } from "../plane/ids.ts";
import { Inbox, Outbox } from "../plane/inbox.ts";
import { LogLimiter } from "../plane/log_limiter.ts";
import type { ProtocolToControl, ToKernel } from "../plane/messages.ts";
import type { ProtocolStart } from "../plane/start.ts";
import { SharedWords } from "../plane/shared.ts";
import { Alarm } from "./alarm.ts";
import { Allowance } from "./allowance.ts";
import { BfdDriver } from "./bfd_driver.ts";
import type { BfdSource } from "./bfd_sources.ts";
import type { Channel } from "./channel.ts";
import { Desk } from "./desk.ts";
import { WallClock } from "./faults.ts";
import type { Freeze } from "./hand_over.ts";
import { Keyring } from "./keyring.ts";
import { LATE, LatenessGuard } from "./lateness.ts";
import { ADVERT_GAP, BFD_GAP, Pace } from "./pace.ts";
import { EVENTS, Readables } from "./readables.ts";
import { SessionChecks } from "./session_checks.ts";
import { Sweeper } from "./sweeper.ts";
import { TimerHeap } from "./timer_heap.ts";
import { openFrameSocket } from "./frame_sender.ts";
import { openTransport4 } from "./transport4.ts";
import { openTransport6 } from "./transport6.ts";
import { VrrpDriver } from "./vrrp_driver.ts";

/** Packets from one socket in one turn. */
const PACKETS = 64;
/** Packets from one socket after a stall, or where a deadline is due: they came before it. */
const PACKETS_BEFORE_DEADLINE = 512;
/** Looks at what is ready in one turn. */
const LOOKS = 4;
/** How long, microseconds, a deadline that is due waits for them where we were not late. */
const READING_BEFORE_DEADLINE = 500;
/** Reading does not take so long, microseconds, unless the machine or the runtime stands still. */
const LONGEST_READING = 1_000;
const TIMERS = 128;
/** The first message to the kernel plane would take 1.5 ms, one after so many takes 0.2. */
const REHEARSALS = 30;
/** Messages in one turn, and how long they may take, microseconds: the last may take longer. */
const MESSAGES = 16;
const HEARING = 400;
/** Longest sleep, milliseconds: a third of the shortest lease, divided by more than two. */
const [HEARTBEAT, HEARTBEAT_IDLE] = [100, 1_000];

const [TOKEN_WAKE, TOKEN_TIMER, FIRST_READABLE] = [0, 1, 2];

export class ProtocolLoop {
  readonly #readables = new Readables(FIRST_READABLE);
  readonly #epoll = this.#readables.epoll;
  /** The same without the sockets, to sleep while they have to wait. */
  readonly #quietEpoll = new Epoll(2);
  readonly #allowance = new Allowance();
  readonly #pace = new Pace();
  readonly #sweeper: Sweeper<Channel>;
  readonly #alarm = new Alarm();
  readonly #heap = new TimerHeap();
  readonly #guard = new LatenessGuard((late) => this.#control.post(late));
  readonly #words: SharedWords;
  readonly #ids: IdSource;
  readonly #inbox: Inbox;
  readonly #control: Outbox<ProtocolToControl>;
  readonly #kernel: Outbox<ToKernel>;
  readonly #log: LogLimiter;
  readonly #driver: VrrpDriver;
  readonly #bfd: BfdDriver;
  readonly #desk: Desk;
  readonly #wall: WallClock;
  /** The pace of what was read in this turn, microseconds; `Infinity`: nothing was. */
  #heard = Infinity;
  #ended = false;

  constructor(start: ProtocolStart, scheduling: { policy: string; priority: number }) {
    this.#wall = new WallClock(start.faultInjection ? start.wallOffset ?? 0 : 0);
    this.#words = new SharedWords(start.words);
    const wake = new EventFd(start.wake);
    // The kernel plane's port first: when control says `configure`, it has made sure that the state
    // of the interfaces was sent before.
    this.#inbox = new Inbox(wake, [start.kernel, start.control]);
    this.#control = new Outbox(start.control, null);
    this.#kernel = new Outbox(start.kernel, new EventFd(start.kernelWake));
    // A restarted Worker must not name its events like the former one.
    this.#ids = new IdSource(`p${start.snapshot === undefined ? "" : this.#now()}`);
    this.#log = new LogLimiter((record) => this.#control.post(record), monotonicMicros);
    this.#driver = new VrrpDriver({
      ids: this.#ids,
      heap: this.#heap,
      counters: new Counters(start.counters),
      words: this.#words,
      log: this.#log,
      keys: new Keyring(() => this.#wall.now()),
      now: monotonicMicros,
      postKernel: (message) => this.#kernel.post(message),
      postControl: (message) => this.#control.post(message),
      openTransport: (family, namespace, index, name, protocol) =>
        family === "ipv6"
          ? openTransport6(namespace, index, name)
          : openTransport4(namespace, index, name, protocol),
      openFrames: openFrameSocket,
      watch: (channel) => this.#watch(channel),
      unwatch: (channel) => this.#unwatch(channel),
    });
    const checks = new SessionChecks(this.#ids, (message) => this.#kernel.post(message));
    this.#bfd = new BfdDriver({
      ids: this.#ids,
      heap: this.#heap,
      words: this.#words,
      log: this.#log,
      clock: monotonicMicros,
      random: Math.random,
      randomWord,
      interfaceIndex: (namespace, name) => this.#driver.interfaceIndex(namespace, name),
      interfaceAt: (namespace, index) => this.#driver.interfaceAt(namespace, index),
      findPortOwner: (question) =>
        this.#kernel.post({ type: "find_port_owner", id: this.#ids.next(), ...question }),
      found: (finding, now) => {
        this.#driver.trackersFound([finding], now);
        checks.found(finding);
      },
      postControl: (message) => this.#control.post(message),
      watch: (source) => this.#listen(source),
      unwatch: ({ descriptor }) => this.#readables.unwatch(descriptor),
    });
    this.#desk = new Desk({
      start,
      ids: this.#ids,
      inbox: this.#inbox,
      control: this.#control,
      kernel: this.#kernel,
      driver: this.#driver,
      bfd: this.#bfd,
      checks,
      guard: this.#guard,
      wall: this.#wall,
      scheduling,
    });
    if (start.snapshot !== undefined) {
      this.#driver.resume(start.snapshot);
      this.#bfd.resume(start.snapshot.bfd ?? [], start.snapshot.silentSince, false);
    }
    this.#sweeper = new Sweeper(
      (channel, now, until) => this.#driver.sweep(channel, now, until),
      (channel) => this.#readables.again(channel.transport.refused.descriptor),
      monotonicMicros,
    );
    for (const epoll of [this.#epoll, this.#quietEpoll]) {
      epoll.add(start.wake, EPOLLIN, TOKEN_WAKE);
      epoll.add(this.#alarm.descriptor, EPOLLIN | EPOLLET, TOKEN_TIMER);
    }
  }

  /** Runs until every router and session has stopped, and control has been told. */
  run(): void {
    for (let i = 0; i < REHEARSALS; i++) {
      const id = this.#ids.next();
      this.#kernel.post({ type: "rehearsal", id, cause: id, router: "", epoch: i });
    }
    this.#control.post({ type: "ready", id: this.#ids.next() });
    while (!this.#ended) this.#turn();
    this.#control.post({ type: "stopped", id: this.#ids.next() });
  }

  #now(): number {
    return monotonicMicros();
  }

  #turn(): void {
    const { freeze } = this.#desk;
    if (freeze !== null) return this.#standStill(freeze);
    const resume = this.#resumeAt(this.#now());
    this.#alarm.armBy(Math.min(this.#heap.next, this.#sweeper.at, resume));
    const epoll = resume === Infinity ? this.#epoll : this.#quietEpoll;
    const heartbeat = this.#driver.hasMaster ? HEARTBEAT : HEARTBEAT_IDLE;
    const ready = epoll.wait(this.#desk.isBusy ? 0 : heartbeat);
    let now = this.#now();
    this.#alarm.fired = false;
    const deadline = this.#heap.next;
    const stalled = this.#guard.wake(deadline, now, boottimeMicros());
    const due = now >= deadline;
    if (this.#guard.late >= LATE) this.#bfd.stalled(this.#guard.late, now);
    if (stalled > 0) this.#driver.stalled(stalled, now);
    const until = due && stalled === 0 ? now + READING_BEFORE_DEADLINE : Infinity;
    let messages = this.#read(epoll, ready, PACKETS, now, until);
    // Where the timer woke us and the sockets were looked at, they were so after the deadline.
    const looked = this.#alarm.fired && epoll === this.#epoll && ready < EVENTS &&
      this.#guard.late < LATE;
    if (due && !looked || stalled > 0) messages = this.#readEverything(now, until) || messages;
    let read = this.#now();
    if (read - now >= LONGEST_READING && this.#heap.next <= read) {
      // We stood still in between: what has come since comes before the deadlines of that time, too.
      this.#guard.note(read, read - now);
      this.#bfd.stalled(read - now, read);
      messages = this.#readEverything(read, read + READING_BEFORE_DEADLINE) || messages;
      read = this.#now();
    }
    this.#allowance.spend(read - now);
    if (this.#heard !== Infinity) this.#pace.spend(read, this.#heard);
    this.#heard = Infinity;
    now = read;
    this.#heap.fire(now, TIMERS);
    const enough = () => this.#now() >= Math.min(this.#heap.next, now + HEARING);
    if (this.#desk.isBusy) this.#desk.work(enough);
    else if (messages) this.#desk.hear(MESSAGES, enough);
    this.#words.beatProtocol(now);
    this.#log.tellDue(now);
    const stopped = this.#driver.isStopped && this.#bfd.isStopped;
    if (stopped && !this.#desk.isBusy) this.#ended = true;
    if (now >= this.#sweeper.at) this.#sweeper.run(this.#heap.next);
  }

  /**
   * Reads from what is ready.
   *
   * @param budget most packets from one socket
   * @param until when to read no more from a socket that has more
   * @returns whether messages wait
   */
  #read(epoll: Epoll, ready: number, budget: number, now: number, until: number): boolean {
    let messages = false;
    for (let i = 0; i < ready; i++) {
      const token = epoll.token(i);
      if (token === TOKEN_WAKE) messages = true;
      else if (token === TOKEN_TIMER) this.#alarm.acknowledge();
      else this.#readables.read(token, budget, now, until);
    }
    return messages;
  }

  /**
   * What waits in any socket comes before a timer. The kernel knows which sockets have something:
   * to ask each of a thousand would cost more than to read what is there.
   */
  #readEverything(now: number, until: number): boolean {
    let messages = false;
    for (let look = 0; look < LOOKS; look++) {
      const ready = this.#epoll.wait(0);
      messages = this.#read(this.#epoll, ready, PACKETS_BEFORE_DEADLINE, now, until) || messages;
      if (ready < EVENTS) break;
    }
    return messages;
  }

  #standStill(freeze: Freeze): void {
    freeze.wait();
    this.#desk.hear(MESSAGES, () => false);
    this.#desk.work(() => false);
    this.#words.beatProtocol(this.#now());
  }

  /** When the sockets may be read again, where they have to wait; `Infinity`: at once. */
  #resumeAt(now: number): number {
    const allowed = this.#allowance.resumeAt(now);
    return allowed === Infinity ? this.#pace.resumeAt(now) : allowed;
  }

  #watch(channel: Channel): void {
    const { admitted, refused } = channel.transport;
    this.#readables.watch(admitted.descriptor, (budget, _, until) => {
      this.#heard = Math.min(this.#heard, ADVERT_GAP);
      this.#driver.receive(channel, budget, until);
    });
    // Once: a flood must not wake us with each of its packets, and what was refused can wait.
    const notice = (_: number, now: number): void => this.#sweeper.notice(channel, now);
    this.#readables.watch(refused.descriptor, notice, true);
  }

  #unwatch(channel: Channel): void {
    const { admitted, refused } = channel.transport;
    this.#readables.unwatch(admitted.descriptor);
    this.#readables.unwatch(refused.descriptor);
    this.#sweeper.forget(channel);
  }

  /** Sockets of BFD share the allowance of adverts, and have a pace of their own. */
  #listen(source: BfdSource): void {
    this.#readables.watch(source.descriptor, (budget, now, until) => {
      const read = source.read(budget, now, until);
      if (read < budget) this.#heard = Math.min(this.#heard, source.gap ?? BFD_GAP);
    });
  }
}
