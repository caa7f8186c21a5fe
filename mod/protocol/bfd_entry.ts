/**
 * One BFD session of the driver: the machine, its sockets, its deadline and its counters.
 *
 * A packet in or out allocates nothing here: the list of effects, the buffer and the events are
 * made once and used again.
 *
 * @module
 */

import {
  deadline,
  type DropReason,
  LONGEST_CONTROL,
  type Session,
  type SessionEffect,
  type SessionEvent,
  step,
  type TransitionEffect,
  writeControl,
} from "../bfd/mod.ts";
import type { BfdEndpoints, BfdSender } from "./bfd_transport.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** What a session needs from around it. */
export interface BfdSurroundings {
  readonly heap: TimerHeap;
  /** A number in [0, 1), for jitter. */
  random(): number;
  changed(entry: BfdEntry, transition: TransitionEffect, now: number): void;
  notice(entry: BfdEntry, text: string): void;
  ended(entry: BfdEntry): void;
}

const TIMER: SessionEvent = { type: "timer" };

// Steps are synchronous and do not nest: one buffer and one list serve all sessions.
const bytes = new Uint8Array(new ArrayBuffer(LONGEST_CONTROL));
const effects: SessionEffect[] = [];

export class BfdEntry implements Deadline {
  at = Infinity;
  position = -1;
  /** Descriptor that hears this peer alone; -1: it comes through discovery. */
  hearing = -1;
  /** Port of the peer that `hearing` is connected to. */
  hearingPort = 0;
  packetsSent = 0;
  packetsReceived = 0;
  sendErrors = 0;
  stallGraces = 0;
  /** Packets that were for this session and not used. */
  readonly dropped: Partial<Record<DropReason, number>> = {};
  readonly #env: BfdSurroundings;

  constructor(
    readonly session: Session,
    readonly ends: BfdEndpoints,
    readonly sender: BfdSender,
    env: BfdSurroundings,
  ) {
    this.#env = env;
  }

  get name(): string {
    return this.session.settings.name;
  }

  /** The deadline has come. */
  fire(now: number): void {
    this.apply(TIMER, now);
  }

  /** One event for the machine, and what comes of it. */
  apply(event: SessionEvent, now: number): void {
    effects.length = 0;
    step(this.session, event, now, this.#env.random(), effects);
    for (let i = 0; i < effects.length; i++) this.#perform(effects[i]!, now);
    this.arm();
  }

  /** Puts the session's next deadline into the heap. */
  arm(): void {
    const next = deadline(this.session);
    if (next === Infinity) this.#env.heap.cancel(this);
    else if (this.position === -1 || next !== this.at) this.#env.heap.set(this, next);
  }

  drop(reason: DropReason): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  #perform(effect: SessionEffect, now: number): void {
    switch (effect.type) {
      case "send": {
        const length = writeControl(this.session, effect, bytes, now);
        if (this.sender.send(bytes, length) < 0) this.sendErrors++;
        else this.packetsSent++;
        return;
      }
      case "transition":
        return this.#env.changed(this, effect, now);
      case "notice":
        this.stallGraces++;
        return this.#env.notice(this, effect.text);
      case "discard":
        return this.drop(effect.reason);
      case "stopped":
        return this.#env.ended(this);
    }
  }
}
