/**
 * A path that never was: two BFD sessions on a simulated wire, driving the pure machine in virtual
 * time.
 *
 * One queue of events ordered by microsecond stands in for the kernel, the wire and the clock.
 * Packets cross as bytes, through codec and authentication. The wire loses, delays, reorders and
 * duplicates, in each direction by itself; ends stand still, and then do what the protocol loop
 * does: the stall, what waits in the socket, the timer. Chance comes from one seeded generator.
 *
 * After every step the path checks what must hold at all times: the session survives JSON, its
 * deadlines are whole numbers, and no interval between two packets is longer than allowed.
 *
 * @module
 */

import { ok, strictEqual } from "node:assert/strict";
import {
  authenticate,
  createSession,
  deadline,
  decodeControl,
  emptyControlPacket,
  LONGEST_CONTROL,
  type Micros,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
  step,
  writeControl,
} from "../../mod/bfd/mod.ts";
import { LATE } from "../../mod/protocol/lateness.ts";
import { pop, push, type Scheduled } from "./event_queue.ts";
import type { Random } from "./random.ts";

/** How the wire treats each packet of one direction. */
export interface Direction {
  /** Least time under way. */
  delay: Micros;
  /** Up to so much more. */
  jitter: Micros;
  /** Share lost, 0 to 1. */
  loss: number;
  /** Share delivered twice. */
  duplicate: number;
  /** A later packet may overtake an earlier one. */
  reorder: boolean;
}

/** A change of state at one end. */
export interface Change {
  readonly at: Micros;
  readonly end: End;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
}

export interface End {
  readonly name: string;
  session: Session;
  paused: boolean;
  pausedSince: Micros;
  /** Packets that wait while it stands still. */
  socket: Uint8Array[];
  /** How its packets travel. */
  readonly out: Direction;
  lastDelivery: Micros;
  sent: number;
  received: number;
}

export class Path {
  now: Micros = 0;
  /** Steps of machines so far: a simulation that stepped nothing showed nothing (N28). */
  steps = 0;
  readonly a: End;
  readonly b: End;
  readonly changes: Change[] = [];
  /** Somebody who listens on the wire, before anything is lost. */
  overhear: ((bytes: Uint8Array, from: End) => void) | null = null;
  readonly dropped = new Map<string, number>();
  /** Chance of the next steps, for who has to know it; null: any. */
  chance: number | null = null;
  readonly #random: Random;
  readonly #queue: Scheduled[] = [];
  #order = 0;

  constructor(random: Random, a: SessionSettings, b: SessionSettings) {
    this.#random = random;
    this.a = this.#end("a", a);
    this.b = this.#end("b", b);
    this.#arm(this.a);
    this.#arm(this.b);
  }

  #end(name: string, settings: SessionSettings): End {
    const discriminator = this.#random.int(1, 0xffff_ffff);
    const sequence = this.#random.int(0, 0xffff_ffff);
    return {
      name,
      session: createSession(settings, { discriminator, sequence }, this.now),
      paused: false,
      pausedSince: 0,
      socket: [],
      out: { delay: 100, jitter: 0, loss: 0, duplicate: 0, reorder: false },
      lastDelivery: 0,
      sent: 0,
      received: 0,
    };
  }

  other(end: End): End {
    return end === this.a ? this.b : this.a;
  }

  get up(): boolean {
    return this.a.session.state === "up" && this.b.session.state === "up";
  }

  /** Does something at a later time. */
  at(time: Micros, act: () => void): void {
    ok(time >= this.now, `Cannot schedule at ${time}: it is ${this.now}`);
    push(this.#queue, { at: time, order: this.#order++, act });
  }

  /** Runs everything up to and including `until`. */
  run(until: Micros): void {
    while (this.#queue.length > 0 && this.#queue[0]!.at <= until) {
      const { at, act } = pop(this.#queue);
      this.now = at;
      act();
    }
    this.now = until;
  }

  /** Runs until both ends are up. Fails where that takes longer than `limit`. */
  bringUp(limit: Micros = 10_000_000): void {
    const end = this.now + limit;
    while (!this.up) {
      ok(this.now < end, `up within ${limit} µs`);
      this.run(this.now + 10_000);
    }
  }

  configure(end: End, changed: Partial<SessionSettings>): void {
    this.step(end, { type: "configure", settings: { ...end.session.settings, ...changed } });
  }

  /** One event for one end, now. */
  step(end: End, event: SessionEvent): SessionEffect[] {
    const effects = step(end.session, event, this.now, this.chance ?? this.#random.next());
    this.steps++;
    for (const effect of effects) {
      if (effect.type === "send") {
        const bytes = new Uint8Array(LONGEST_CONTROL);
        const length = writeControl(end.session, effect, bytes, this.now);
        this.#carry(end, bytes.subarray(0, length));
      } else if (effect.type === "transition") {
        const { from, to, cause } = effect;
        this.changes.push({ at: this.now, end, from, to, cause });
      }
    }
    this.#arm(end);
    return effects;
  }

  /** The end stands still: timers do not fire, packets wait. */
  pause(end: End, length: Micros): void {
    if (end.paused) return;
    end.paused = true;
    end.pausedSince = this.now;
    const due = deadline(end.session);
    this.at(this.now + length, () => this.#thaw(end, due));
  }

  #arm(end: End): void {
    const at = deadline(end.session);
    if (at === Infinity) return;
    ok(Number.isInteger(at), `a deadline of whole microseconds, not ${at}`);
    this.at(Math.max(at, this.now), () => {
      if (end.paused) return;
      const stale = deadline(end.session) > this.now;
      if (!stale) {
        this.step(end, { type: "timer" });
        ok(deadline(end.session) > this.now, "whatever was due has been done");
      } // Expiries that were replaced come, too: they must do nothing.
      else strictEqual(step(end.session, { type: "timer" }, this.now, 0.5).length, 0);
    });
  }

  #carry(from: End, bytes: Uint8Array): void {
    from.sent++;
    this.overhear?.(bytes, from);
    const { loss, duplicate } = from.out;
    if (this.#random.chance(loss)) return;
    this.#deliverLater(from, bytes);
    if (this.#random.chance(duplicate)) this.#deliverLater(from, bytes);
  }

  #deliverLater(from: End, bytes: Uint8Array): void {
    const { delay, jitter, reorder } = from.out;
    let at = this.now + delay + this.#random.int(0, jitter);
    if (!reorder) {
      at = Math.max(at, from.lastDelivery);
      from.lastDelivery = at;
    }
    const to = this.other(from);
    this.at(at, () => {
      if (to.paused) to.socket.push(bytes);
      else this.deliver(to, bytes);
    });
  }

  /** As the driver does: decode, find the session, authenticate, step. */
  deliver(end: End, bytes: Uint8Array): void {
    const packet = emptyControlPacket();
    const { session } = end;
    let reason = decodeControl(bytes, bytes.length, packet);
    strictEqual(reason, null, "what one end encodes the other decodes");
    const your = packet.yourDiscriminator;
    if (your !== 0 && your !== session.localDiscriminator) reason = "unknown_session";
    reason ??= authenticate(session, bytes, packet, this.now);
    if (reason !== null) {
      this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1);
      return;
    }
    end.received++;
    this.step(end, { type: "packet", packet });
  }

  /** The order of the protocol loop after a stall: the guard, the sockets, the timer. */
  #thaw(end: End, due: Micros): void {
    end.paused = false;
    const late = this.now - due;
    if (late >= LATE) this.step(end, { type: "stall", length: late });
    const packets = end.socket;
    end.socket = [];
    for (const bytes of packets) this.deliver(end, bytes);
    if (deadline(end.session) <= this.now) this.step(end, { type: "timer" });
    else this.#arm(end);
  }

  /** Changes out of Up, since a time. */
  downs(since: Micros = 0): Change[] {
    return this.changes.filter(({ at, from }) => at >= since && from === "up");
  }
}
