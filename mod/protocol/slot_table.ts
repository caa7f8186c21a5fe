/**
 * Which rows of a shared table are taken.
 *
 * @module
 */

export class SlotTable {
  readonly #taken = new Set<number>();
  readonly #size: number;
  /** All rows before it are taken. */
  #lowest = 0;

  /** @param size rows, numbered from 0 on */
  constructor(size: number) {
    this.#size = size;
  }

  /** A row: `wished` where it is free, else the first that is. Returns -1 when all are taken. */
  take(wished: number): number {
    let slot = wished;
    if (slot < 0 || slot >= this.#size || this.#taken.has(slot)) {
      for (slot = this.#lowest; this.#taken.has(slot); slot++);
      if (slot >= this.#size) return -1;
      this.#lowest = slot + 1;
    }
    this.#taken.add(slot);
    return slot;
  }

  /** The row may be given to another; nothing for -1. */
  free(slot: number): void {
    if (this.#taken.delete(slot)) this.#lowest = Math.min(this.#lowest, slot);
  }
}
