/**
 * The protocol plane's loop. One turn:
 *
 * 1. sleep until a packet, a message or a deadline; never longer than a heartbeat;
 * 2. measure how late we are; after a stall tell every router and every BFD session, and empty the
 *    sockets first;
 * 3. packets, at most `PACKETS` from each socket;
 * 4. deadlines, all that are due, at most `TIMERS`;
 * 5. messages, at most `MESSAGES`, and one alone where a deadline has come;
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
import type {
  ConfigureProtocol,
  ControlToProtocol,
  EventId,
  InterfaceChanged,
  InterfaceGone,
  KernelToProtocol,
  ProtocolToControl,
  ToKernel,
} from "../plane/messages.ts";
import type { ProtocolStart } from "../plane/start.ts";
import { SharedWords } from "../plane/shared.ts";
import { Alarm } from "./alarm.ts";
import { Allowance } from "./allowance.ts";
import { BfdDriver } from "./bfd_driver.ts";
import type { BfdSource } from "./bfd_sources.ts";
import type { Channel } from "./channel.ts";
import { injectFault, WallClock } from "./faults.ts";
import { FindingBatch } from "./finding_batch.ts";
import { Freeze } from "./hand_over.ts";
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
const TIMERS = 256;
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
  readonly #checks: SessionChecks;
  readonly #findings = new FindingBatch((all, now) => this.#driver.trackersFound(all, now));
  readonly #start: ProtocolStart;
  readonly #scheduling: { policy: string; priority: number };
  /** Another process may be about to take over. */
  #freeze: Freeze | null = null;
  readonly #wall: WallClock;
  /** The pace of what was read in this turn, microseconds; `Infinity`: nothing was. */
  #heard = Infinity;
  #ended = false;

  constructor(start: ProtocolStart, scheduling: { policy: string; priority: number }) {
    this.#start = start;
    this.#scheduling = scheduling;
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
    this.#checks = new SessionChecks(this.#ids, (message) => this.#kernel.post(message));
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
        this.#checks.found(finding);
      },
      postControl: (message) => this.#control.post(message),
      watch: (source) => this.#listen(source),
      unwatch: ({ descriptor }) => this.#readables.unwatch(descriptor),
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
    if (this.#freeze !== null) return this.#standStill(this.#freeze);
    const resume = this.#resumeAt(this.#now());
    this.#alarm.armBy(Math.min(this.#heap.next, this.#sweeper.at, resume));
    const epoll = resume === Infinity ? this.#epoll : this.#quietEpoll;
    const ready = epoll.wait(this.#driver.hasMaster ? HEARTBEAT : HEARTBEAT_IDLE);
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
    if (messages) this.#hear(() => this.#now() >= Math.min(this.#heap.next, now + HEARING));
    this.#words.beatProtocol(now);
    if (this.#driver.isStopped && this.#bfd.isStopped) this.#ended = true;
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
    this.#hear(() => false);
    this.#words.beatProtocol(this.#now());
  }

  #hear(isEnough: () => boolean): void {
    this.#inbox.drain(MESSAGES, (message) => this.#message(message), isEnough);
    this.#findings.flush(this.#now());
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

  #message(data: unknown): void {
    const message = data as ControlToProtocol | KernelToProtocol;
    if (this.#freeze?.defers(message)) return;
    const now = this.#now();
    if (message.type === "tracker") return this.#findings.add(message);
    this.#findings.flush(now);
    switch (message.type) {
      case "configure":
        return this.#configure(message, now);
      case "ease_bfd":
        return this.#bfd.ease.begin(now, () => this.#configured(message.id, []));
      case "freeze": {
        this.#freeze ??= new Freeze(this.#driver, this.#start.wake, now, this.#bfd);
        const { memory } = this.#freeze;
        return this.#control.post({ type: "frozen", ...this.#reply(message.id), ...memory });
      }
      case "thaw": {
        const deferred = this.#freeze?.end(now, message.id) ?? [];
        this.#freeze = null;
        for (const waited of deferred) this.#message(waited);
        return this.#configured(message.id, []);
      }
      case "interface":
        return this.#interfaceChanged(message, now);
      case "interface_gone":
        return this.#interfaceGone(message, now);
      case "override": {
        const answer = this.#driver.overrule(message, now);
        return this.#control.post({ type: "overridden", ...this.#reply(message.id), ...answer });
      }
      case "port_owner":
        return this.#bfd.portOwner(message, message.owner);
      case "stop_routers":
        this.#driver.stop(message.now, now, message.id);
        return this.#bfd.stop(message.now, now);
      case "administer_bfd": {
        const refused = this.#bfd.administer(message, now);
        const { id } = message;
        return this.#control.post({ type: "bfd_administered", ...this.#reply(id), refused });
      }
      case "query":
        return this.#control.post({
          type: "state",
          ...this.#reply(message.id),
          at: now,
          ...this.#driver.describe(),
          ...this.#bfd.describe(),
          lateness: this.#guard.histogram.data(),
          stalls: this.#guard.stalls,
          scheduling: this.#scheduling,
        });
      case "reconnect":
        this.#inbox.reconnect(0, message.port);
        this.#kernel.reconnect(message.port);
        this.#checks.repeat(this.#bfd.findings());
        return this.#driver.repeatHoldings(message.id);
      case "inject_fault":
        if (!this.#start.faultInjection) return;
        return injectFault(message.fault, message.duration ?? 0, this.#wall);
    }
  }

  /** Sessions first: routers begin with what is known of them. */
  #configure(message: ConfigureProtocol, now: number): void {
    const { memory, bfd, bfdCredentials = [], findings = [] } = message;
    if (memory !== undefined) this.#bfd.resume(memory.bfd ?? [], memory.silentSince, true);
    const sessions = this.#bfd.configure(bfd?.sessions ?? [], bfdCredentials, now, bfd);
    this.#checks.configure(message.sessionChecks ?? [], this.#bfd.findings());
    const all = { ...message, findings: [...findings, ...this.#bfd.findings()] };
    this.#configured(message.id, [...sessions, ...this.#driver.configure(all, now)]);
  }

  #interfaceChanged({ state, id }: InterfaceChanged, now: number): void {
    const former = this.#driver.interfaceChanged(state, now, id);
    this.#bfd.interfaceChanged(state.namespace, [state.name, former], now);
  }

  #interfaceGone(message: InterfaceGone, now: number): void {
    const former = this.#driver.interfaceGone(message, now);
    this.#bfd.interfaceChanged(message.key.namespace, [message.name, former], now);
  }

  #reply(cause: EventId): { readonly id: EventId; readonly cause: EventId } {
    return { id: this.#ids.next(), cause };
  }

  #configured(cause: EventId, changes: readonly string[]): void {
    this.#control.post({ type: "configured", ...this.#reply(cause), changes, at: this.#now() });
  }
}
