/**
 * Somebody who is told each event as it happens, over a connection of the control socket. One that
 * does not read loses the oldest and is told how many: it costs nobody else anything.
 *
 * @module
 */

import type { FlightEvent, Selection } from "../../events/mod.ts";
import { isSelected } from "../../events/mod.ts";

/** Events that wait for a reader. */
const MOST_WAITING = 1_000;
/** A reader that takes nothing for so long is left, milliseconds. */
const PATIENCE = 60_000;

/** What a follower's lines are: an event, or how many are missing here. */
export type FollowerLine = FlightEvent | { readonly lost: number };

export class Follower {
  readonly #selection: Selection;
  readonly #write: (line: unknown, progress: () => void) => Promise<void>;
  readonly #patience: number;
  #waiting: FlightEvent[] = [];
  #lost = 0;
  #ended = false;
  #wake: () => void = () => {};

  /**
   * @param write gives the reader a line; rejects when it is gone
   * @param patience how long the reader may take nothing, milliseconds
   */
  constructor(
    selection: Selection,
    write: (line: unknown, progress: () => void) => Promise<void>,
    patience = PATIENCE,
  ) {
    this.#selection = selection;
    this.#write = write;
    this.#patience = patience;
  }

  push(event: FlightEvent): void {
    if (!isSelected(event, this.#selection)) return;
    this.#waiting.push(event);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.shift();
      this.#lost++;
    }
    this.#wake();
  }

  /** What waits is still told. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Those up to this one of our own process have been told in another way. */
  skip(run: string, seq: number): void {
    this.#waiting = this.#waiting.filter((one) => one.run !== run || one.seq > seq);
  }

  /**
   * Tells until `end`. Resolves also when the reader is gone.
   *
   * @param hangUp ends the connection of one that does not read
   */
  async tell(hangUp: () => void): Promise<void> {
    try {
      for (;;) {
        await this.#turn(hangUp);
        if (this.#waiting.length > 0 || this.#lost > 0) continue;
        if (this.#ended) return;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } catch {
      // The reader is gone: nobody is left to tell.
    }
  }

  async #turn(hangUp: () => void): Promise<void> {
    while (this.#lost > 0 || this.#waiting.length > 0) {
      const lost = this.#lost;
      this.#lost = 0;
      const line: FollowerLine = lost > 0 ? { lost } : this.#waiting.shift()!;
      await this.say(line, hangUp);
    }
  }

  /**
   * Gives the reader a line; rejects when the reader is gone.
   *
   * @param hangUp ends the connection of one that does not read
   */
  async say(line: unknown, hangUp: () => void): Promise<void> {
    let patience = setTimeout(hangUp, this.#patience);
    try {
      await this.#write(line, () => {
        clearTimeout(patience);
        patience = setTimeout(hangUp, this.#patience);
      });
    } finally {
      clearTimeout(patience);
    }
  }
}
