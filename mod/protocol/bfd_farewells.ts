/**
 * Sessions that a reload has removed: they say so for a detection time, as at a stop (RFC 5880
 * section 6.8.16), beside those that are configured now. A single packet may be lost, and the other
 * side would take our silence for a failure.
 *
 * @module
 */

import type { BfdPath } from "../plane/bfd.ts";
import type { BfdEntry } from "./bfd_entry.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** How long a stop waits for the last session to say so for its detection time, microseconds. */
const LONGEST_STOP = 3_000_000;

export class BfdFarewells implements Deadline {
  at = Infinity;
  position = -1;
  readonly #entries = new Set<BfdEntry>();
  readonly #heap: TimerHeap;
  readonly #giveUp: (now: number) => void;

  /** @param giveUp is called where a stop takes too long */
  constructor(heap: TimerHeap, giveUp: (now: number) => void) {
    this.#heap = heap;
    this.#giveUp = giveUp;
  }

  /** The session goes; one that nobody relies on, or that cannot send, has ended when this returns. */
  begin(entry: BfdEntry, now: number): void {
    this.#entries.add(entry);
    entry.apply({ type: "stop", now: entry.sender === null }, now);
  }

  /** It has ended. */
  delete(entry: BfdEntry): void {
    this.#entries.delete(entry);
  }

  /**
   * Another session with the same other side begins, and says by its own first packet that there is
   * nothing left of the former one: two voices would take that one down again and again.
   */
  makeWay({ namespace, peer, multihop, seamless }: BfdPath, now: number): void {
    for (const entry of [...this.#entries]) {
      const { path } = entry.config;
      const same = path.peer === peer && path.namespace === namespace &&
        path.multihop === multihop && path.seamless === seamless;
      if (same) entry.apply({ type: "stop", now: true }, now);
    }
  }

  /** The whole agent goes; `atOnce`: these end here, else it has `LONGEST_STOP` for them all. */
  stop(atOnce: boolean, now: number): void {
    if (!atOnce) return this.#heap.set(this, now + LONGEST_STOP);
    for (const entry of [...this.#entries]) entry.apply({ type: "stop", now: true }, now);
    this.#heap.cancel(this);
  }

  fire(now: number): void {
    this.#giveUp(now);
  }

  get size(): number {
    return this.#entries.size;
  }
}
