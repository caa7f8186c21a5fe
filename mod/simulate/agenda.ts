/**
 * Virtual time: what is due when. Earliest first; of one microsecond what the script does comes
 * first, then packets, then what hosts do, then timers (an agent reads its sockets before it looks
 * at its timers), and of one kind first come, first served.
 *
 * @module
 */

import { Heap, type Placed } from "../heap/heap.ts";
import type { Micros } from "../vrrp/mod.ts";

/** What comes first within one microsecond. */
export const RANKS = { script: 0, packet: 1, host: 2, timer: 3 } as const;
export type Rank = keyof typeof RANKS;

/**
 * Whether something comes again in the same way as long as nothing happens: exactly so, or at moments
 * that chance decides. See `steady.ts`.
 */
export type Recurrence = "never" | "exactly" | "by_chance";

/** Something that is due at a time, again and again. */
export abstract class Appointment implements Placed {
  at: Micros = Infinity;
  order = 0;
  position = -1;
  readonly rank: number;
  readonly recurs: Recurrence = "never";

  constructor(rank: Rank) {
    this.rank = RANKS[rank];
  }

  abstract act(now: Micros): void;
}

/** One that is nothing but what is done then. */
export class Deed extends Appointment {
  constructor(
    rank: Rank,
    readonly deed: (now: Micros) => void,
    override readonly recurs: Recurrence = "never",
  ) {
    super(rank);
  }

  act(now: Micros): void {
    this.deed(now);
  }
}

function precedes(a: Appointment, b: Appointment): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.rank === b.rank ? a.order < b.order : a.rank < b.rank;
}

export class Agenda {
  now: Micros = 0;
  #count = 0;
  /** What recurs, and what does not: the next thing of the latter is all that a leap may not miss. */
  readonly #routine = new Heap<Appointment>(precedes);
  readonly #other = new Heap<Appointment>(precedes);
  readonly #routines = new Set<Appointment>();
  #last: Recurrence = "never";

  /** Does something at a time, which is not past. */
  once(at: Micros, rank: Rank, deed: (now: Micros) => void, recurs?: Recurrence): Appointment {
    const one = new Deed(rank, deed, recurs);
    this.set(one, at);
    return one;
  }

  /** Makes or moves an appointment. */
  set(one: Appointment, at: Micros): void {
    one.at = Math.max(at, this.now);
    one.order = this.#count++;
    const heap = this.#heapOf(one);
    if (one.position === -1) heap.add(one);
    else heap.moved(one);
    if (one.recurs !== "never") this.#routines.add(one);
  }

  cancel(one: Appointment): void {
    if (one.position === -1) return;
    this.#heapOf(one).remove(one);
    this.#routines.delete(one);
    one.at = Infinity;
  }

  #heapOf({ recurs }: Appointment): Heap<Appointment> {
    return recurs === "never" ? this.#other : this.#routine;
  }

  /** What was done last. */
  get last(): Recurrence {
    return this.#last;
  }

  /** When something is due that is no routine; `Infinity`: nothing is. */
  get nextEvent(): Micros {
    return this.#other.first?.at ?? Infinity;
  }

  /** What recurs. */
  get routines(): ReadonlySet<Appointment> {
    return this.#routines;
  }

  /** Does the next thing that is due up to and including `until`. Returns whether there was one. */
  step(until: Micros): boolean {
    const routine = this.#routine.first;
    const other = this.#other.first;
    let next = routine ?? other;
    if (next === undefined) return false;
    if (other !== undefined && next !== other && precedes(other, next)) next = other;
    if (next.at > until) return false;
    this.now = next.at;
    this.#last = next.recurs;
    this.cancel(next);
    next.act(this.now);
    return true;
  }

  /** Time passes in which only routine would be done: it comes later by so much. */
  leap(length: Micros): void {
    this.now += length;
    // All by the same: their order stays.
    for (const one of this.#routines) one.at += length;
  }
}
