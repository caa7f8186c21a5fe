/**
 * Deadlines in order. Moving a deadline, which every advertisement does, leaves no dead entry
 * behind: a flood of packets cannot make it grow.
 *
 * @module
 */

import { Heap } from "../heap/heap.ts";

/** Something with a deadline. */
export interface Deadline {
  /** Microseconds on CLOCK_MONOTONIC. */
  at: number;
  /** Place in the heap; -1: not armed. Owned by the heap. */
  position: number;
  /** Called once when the time has come; the item is no longer armed then. */
  fire(now: number): void;
}

export class TimerHeap {
  readonly #heap = new Heap<Deadline>((a, b) => a.at < b.at);

  /** The earliest deadline; `Infinity` where nothing is armed. */
  get next(): number {
    return this.#heap.first?.at ?? Infinity;
  }

  get size(): number {
    return this.#heap.size;
  }

  /** Arms `item` for `at`, or moves it there. */
  set(item: Deadline, at: number): void {
    item.at = at;
    if (item.position === -1) this.#heap.add(item);
    else this.#heap.moved(item);
  }

  /** Disarms `item`; nothing where it is not armed. */
  cancel(item: Deadline): void {
    if (item.position !== -1) this.#heap.remove(item);
  }

  /** Fires what is due at `now`, earliest first, at most `budget` items. Returns how many. */
  fire(now: number, budget: number): number {
    let fired = 0;
    while (fired < budget) {
      const { first } = this.#heap;
      if (first === undefined || first.at > now) break;
      this.#heap.remove(first);
      fired++;
      first.fire(now);
    }
    return fired;
  }
}
