/**
 * Deadlines in order. Each item knows its place in the heap, so that moving a deadline, which every
 * advertisement does, leaves no dead entry behind: a flood of packets cannot make it grow.
 *
 * @module
 */

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
  readonly #items: Deadline[] = [];

  /** The earliest deadline; `Infinity` where nothing is armed. */
  get next(): number {
    return this.#items[0]?.at ?? Infinity;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Arms `item` for `at`, or moves it there. */
  set(item: Deadline, at: number): void {
    item.at = at;
    if (item.position === -1) {
      item.position = this.#items.length;
      this.#items.push(item);
    }
    this.#rise(item.position);
    this.#sink(item.position);
  }

  /** Disarms `item`; nothing where it is not armed. */
  cancel(item: Deadline): void {
    const position = item.position;
    if (position === -1) return;
    item.position = -1;
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, position);
    this.#rise(position);
    this.#sink(last.position);
  }

  /** Fires what is due at `now`, earliest first, at most `budget` items. Returns how many. */
  fire(now: number, budget: number): number {
    let fired = 0;
    while (fired < budget) {
      const first = this.#items[0];
      if (first === undefined || first.at > now) break;
      this.cancel(first);
      fired++;
      first.fire(now);
    }
    return fired;
  }

  #place(item: Deadline, position: number): void {
    this.#items[position] = item;
    item.position = position;
  }

  #rise(start: number): void {
    const item = this.#items[start]!;
    let position = start;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      const above = this.#items[parent]!;
      if (above.at <= item.at) break;
      this.#place(above, position);
      position = parent;
    }
    this.#place(item, position);
  }

  #sink(start: number): void {
    const item = this.#items[start]!;
    let position = start;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#items.length) break;
      if (child + 1 < this.#items.length && this.#items[child + 1]!.at < this.#items[child]!.at) {
        child++;
      }
      const below = this.#items[child]!;
      if (below.at >= item.at) break;
      this.#place(below, position);
      position = child;
    }
    this.#place(item, position);
  }
}
