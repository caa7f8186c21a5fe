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
    return `${this.#prefix}:${this.#next++}`;
  }
}
