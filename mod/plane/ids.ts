/**
 * Names for events and effects: the plane's letter and a counter. They are unique for the life of
 * the agent: a restarted plane gets a new prefix.
 *
 * @module
 */

import type { EventId } from "./messages.ts";

export class IdSource {
  #next = 1;
  readonly #prefix: string;

  /** @param prefix such as `p` for the protocol plane */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  next(): EventId {
    return this.nameOf(this.take(1));
  }

  /**
   * Numbers for so many things that happen in a row: the first of them. Most are never asked for
   * their names, and to write one takes longer than to happen.
   */
  take(count: number): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }

  /** The name of a number that was taken. */
  nameOf(number: number): EventId {
    return `${this.#prefix}:${number}`;
  }
}

const word = new Uint32Array(1);

/** 32 bits that nobody can foresee. */
export function randomWord(): number {
  return crypto.getRandomValues(word)[0]!;
}
