/**
 * A heap of things with a time: the earliest first, and of equal times the one that is older in
 * line. Each item knows its place, so that it is taken out from the middle without a search.
 *
 * @module
 */

import type { Micros } from "./outcome.ts";

/** What a heap holds. */
export interface Timed {
  at: Micros;
  /** Decides among equal times. */
  line: number;
  /** Owned by the heap that it is in; -1: in none. */
  position: number;
}

/** A binary heap. */
export class Heap<Item extends Timed> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  /** @throws {Error} where the item is in a heap already */
  add(item: Item): void {
    if (item.position !== -1) throw new Error("An item cannot be in two places of a heap");
    this.#items.push(item);
    this.#place(item, this.#items.length - 1);
    this.#rise(item);
  }

  /** @throws {Error} where the item is not in this heap */
  remove(item: Item): void {
    if (this.#items[item.position] !== item) throw new Error("The item is not in this heap");
    const { position } = item;
    item.position = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, position);
    this.#rise(last);
    this.#sink(last);
  }

  #place(item: Item, position: number): void {
    this.#items[position] = item;
    item.position = position;
  }

  #rise(item: Item): void {
    let { position } = item;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!precedes(item, this.#items[parent]!)) break;
      this.#place(this.#items[parent]!, position);
      position = parent;
    }
    this.#place(item, position);
  }

  #sink(item: Item): void {
    let { position } = item;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#items.length) break;
      const right = this.#items[child + 1];
      if (right !== undefined && precedes(right, this.#items[child]!)) child++;
      if (!precedes(this.#items[child]!, item)) break;
      this.#place(this.#items[child]!, position);
      position = child;
    }
    this.#place(item, position);
  }
}

/** Whether `a` comes before `b`. */
export function precedes(a: Timed, b: Timed): boolean {
  return a.at < b.at || (a.at === b.at && a.line < b.line);
}
