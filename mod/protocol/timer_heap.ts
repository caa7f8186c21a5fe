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
  /**
   * What is due now is a packet that leaves by routine and changes nothing here: it may come in the
   * middle of other work. Absent: it never is.
   */
  isRoutine?(now: number): boolean;
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

  /**
   * Fires what is due at `now` and routine; the rest stays due. To be called now and then in work
   * that may take longer than others can wait for our packets. Returns `now`.
   */
  fireRoutine(now: number): number {
    if (this.next > now) return now;
    const kept: Deadline[] = [];
    while (this.next <= now) {
      const first = this.#heap.first!;
      this.#heap.remove(first);
      if (first.isRoutine?.(now)) first.fire(now);
      else kept.push(first);
    }
    for (const item of kept) this.#heap.add(item);
    return now;
  }
}
