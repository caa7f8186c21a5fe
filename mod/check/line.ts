/**
 * Things with a time in line: the earliest first, and of equal times the one that is older.
 *
 * @module
 */

import { Heap } from "../heap/heap.ts";
import type { Micros } from "./outcome.ts";

/** What stands in line. */
export interface Timed {
  at: Micros;
  /** Decides among equal times. */
  line: number;
  /** Owned by the heap that it is in; -1: in none. */
  position: number;
}

/** An empty line. */
export function createLine<Item extends Timed>(): Heap<Item> {
  return new Heap<Item>(precedes);
}

/** Whether `a` comes before `b`. */
export function precedes(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.line < b.line);
}
