/**
 * The protocol plane's loop. One turn:
 *
 * 1. sleep until a packet, a message or a deadline; never longer than a heartbeat;
 * 2. measure how late we are; after a stall tell every router, and empty the sockets first;
 * 3. packets, at most `PACKETS` from each socket;
 * 4. deadlines, all that are due, at most `TIMERS`;
 * 5. messages, at most `MESSAGES`;
 * 6. one heartbeat.
 *
 * Nothing in it awaits, blocks on the kernel's configuration, or logs by itself. The budgets keep a
 * turn near one millisecond even under a flood: the kernel throttles real-time threads that spin.
 *
 * @module
 */

import {
  boottimeMicros,
  Epoll,
  EPOLLIN,
  EventFd,
  monotonicMicros,
  TimerFd,
} from "../../ffi/mod.ts";
import { Counters } from "../plane/counters.ts";
import { IdSource } from "../plane/ids.ts";
import { Inbox, Outbox } from "../plane/inbox.ts";
import { LogLimiter } from "../plane/log_limiter.ts";
import type {
  ControlToProtocol,
  KernelToProtocol,
  ProtocolToControl,
  ToKernel,
} from "../plane/messages.ts";
import type { ProtocolStart } from "../plane/start.ts";
import { SharedWords } from "../plane/shared.ts";
import { LatenessGuard } from "./lateness.ts";
import { TimerHeap } from "./timer_heap.ts";
import { openTransport4 } from "./transport4.ts";
import { openTransport6 } from "./transport6.ts";
import { type Channel, VrrpDriver } from "./vrrp_driver.ts";

/** Packets from one socket in one turn. */
const PACKETS = 64;
/** Packets from one socket after a stall, or where a deadline is due: they came before it. */
const PACKETS_BEFORE_DEADLINE = 512;
const TIMERS = 256;
const MESSAGES = 16;
/** Longest sleep, milliseconds: a third of the shortest lease, divided by more than two. */
const HEARTBEAT = 100;
const HEARTBEAT_IDLE = 1_000;

const TOKEN_WAKE = 0;
const TOKEN_TIMER = 1;
const FIRST_CHANNEL = 2;

export class ProtocolLoop {
  readonly #epoll = new Epoll(64);
  readonly #timer = new TimerFd();
  readonly #heap = new TimerHeap();
  readonly #guard = new LatenessGuard();
  readonly #channels = new Map<number, Channel>();
  readonly #tokens = new Map<Channel, number>();
  readonly #words: SharedWords;
  readonly #ids: IdSource;
  readonly #inbox: Inbox;
  readonly #control: Outbox<ProtocolToControl>;
  readonly #kernel: Outbox<ToKernel>;
  readonly #log: LogLimiter;
  readonly #driver: VrrpDriver;
  readonly #start: ProtocolStart;
  readonly #scheduling: { policy: string; priority: number };
  #nextToken = FIRST_CHANNEL;
  #armed = Infinity;
  #ended = false;

  constructor(start: ProtocolStart, scheduling: { policy: string; priority: number }) {
    this.#start = start;
    this.#scheduling = scheduling;
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
      now: monotonicMicros,
      postKernel: (message) => this.#kernel.post(message),
      postControl: (message) => this.#control.post(message),
      openTransport: (family, namespace, index, name) =>
        family === "ipv6"
          ? openTransport6(namespace, index, name)
          : openTransport4(namespace, index, name),
      watch: (channel) => this.#watch(channel),
      unwatch: (channel) => this.#unwatch(channel),
    });
    if (start.snapshot !== undefined) {
      this.#driver.resume(start.snapshot.routers, start.snapshot.silentSince);
    }
    this.#epoll.add(start.wake, EPOLLIN, TOKEN_WAKE);
    this.#epoll.add(this.#timer.fd, EPOLLIN, TOKEN_TIMER);
  }

  /** Runs until every router has stopped and control has been told. */
  run(): void {
    this.#control.post({ type: "ready", id: this.#ids.next() });
    while (!this.#ended) this.#turn();
    this.#control.post({ type: "stopped", id: this.#ids.next() });
  }

  #now(): number {
    return monotonicMicros();
  }

  #turn(): void {
    this.#arm();
    const ready = this.#epoll.wait(this.#driver.hasMaster ? HEARTBEAT : HEARTBEAT_IDLE);
    let now = this.#now();
    const deadline = this.#heap.next;
    const stalled = this.#guard.wake(deadline, now, boottimeMicros());
    if (stalled > 0) this.#driver.stalled(stalled, now);
    let messages = false;
    if (now >= deadline || stalled > 0) {
      this.#driver.receiveAll(PACKETS_BEFORE_DEADLINE, now);
    }
    for (let i = 0; i < ready; i++) {
      const token = this.#epoll.token(i);
      if (token === TOKEN_WAKE) messages = true;
      else if (token === TOKEN_TIMER) this.#expired();
      else {
        const channel = this.#channels.get(token);
        if (channel !== undefined) this.#driver.receive(channel, PACKETS, now);
      }
    }
    now = this.#now();
    this.#heap.fire(now, TIMERS);
    if (messages) this.#inbox.drain(MESSAGES, (message) => this.#message(message));
    this.#words.beatProtocol(now);
    if (this.#driver.isStopped) this.#ended = true;
  }

  #arm(): void {
    const next = this.#heap.next;
    if (next === this.#armed) return;
    this.#armed = next;
    if (next === Infinity) this.#timer.disarm();
    else this.#timer.armAt(next);
  }

  #expired(): void {
    this.#timer.acknowledge();
    this.#armed = Infinity;
  }

  #watch(channel: Channel): void {
    const token = this.#nextToken++;
    this.#tokens.set(channel, token);
    this.#channels.set(token, channel);
    this.#epoll.add(channel.transport.descriptor, EPOLLIN, token);
  }

  #unwatch(channel: Channel): void {
    this.#epoll.remove(channel.transport.descriptor);
    this.#channels.delete(this.#tokens.get(channel)!);
    this.#tokens.delete(channel);
  }

  #message(data: unknown): void {
    const message = data as ControlToProtocol | KernelToProtocol;
    const now = this.#now();
    switch (message.type) {
      case "configure": {
        const changes = this.#driver.configure(message, now);
        const id = this.#ids.next();
        return this.#control.post({ type: "configured", id, cause: message.id, changes });
      }
      case "interface":
        return this.#driver.interfaceChanged(message.state, now, message.id);
      case "interface_gone":
        return this.#driver.interfaceGone(message, now);
      case "stop_routers":
        return this.#driver.stop(message.now, now, message.id);
      case "query":
        return this.#control.post({
          type: "state",
          id: this.#ids.next(),
          cause: message.id,
          at: now,
          ...this.#driver.describe(),
          lateness: this.#guard.histogram.data(),
          scheduling: this.#scheduling,
        });
      case "reconnect":
        this.#inbox.reconnect(0, message.port);
        this.#kernel.reconnect(message.port);
        return this.#driver.repeatHoldings(message.id);
      case "inject_fault":
        return this.#injectFault(message.fault, message.duration ?? 0);
    }
  }

  #injectFault(fault: "throw" | "hang", duration: number): void {
    if (!this.#start.faultInjection) return;
    if (fault === "throw") throw new Error("Fault injected on request");
    const end = this.#now() + duration;
    while (this.#now() < end);
  }
}
