/**
 * A binary heap whose items know their places: one is moved or taken out from the middle without a
 * search, and leaves no dead entry behind.
 *
 * @module
 */

/** What a heap holds. */
export interface Placed {
  /** Owned by the heap that it is in; -1: in none. */
  position: number;
}

export class Heap<Item extends Placed> {
  readonly #items: Item[] = [];
  readonly #precedes: (a: Item, b: Item) => boolean;

  /** @param precedes whether `a` comes before `b`; where neither does, either may be first */
  constructor(precedes: (a: Item, b: Item) => boolean) {
    this.#precedes = precedes;
  }

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
    item.position = this.#items.length - 1;
    this.#rise(item);
  }

  /** @throws {Error} where the item is not in this heap */
  remove(item: Item): void {
    const { position } = item;
    if (this.#items[position] !== item) throw new Error("The item is not in this heap");
    item.position = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, position);
    this.moved(last);
  }

  /** What decides the order of `item`, which is in this heap, has changed. */
  moved(item: Item): void {
    this.#rise(item);
    this.#sink(item);
  }

  #place(item: Item, position: number): void {
    this.#items[position] = item;
    item.position = position;
  }

  #rise(item: Item): void {
    let { position } = item;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const above = this.#items[parent]!;
      if (!this.#precedes(item, above)) break;
      this.#place(above, position);
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
      if (right !== undefined && this.#precedes(right, this.#items[child]!)) child++;
      const below = this.#items[child]!;
      if (!this.#precedes(below, item)) break;
      this.#place(below, position);
      position = child;
    }
    this.#place(item, position);
  }
}
