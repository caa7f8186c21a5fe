/**
 * The newest events in memory: what is asked often, and all there is where no file can be written.
 *
 * @module
 */

import type { FlightEvent } from "../../events/mod.ts";

/** Events that are kept. */
const MOST = 2_000;

export class Ring {
  /** At most twice as many as are kept: forgetting costs little then. */
  #events: FlightEvent[] = [];

  push(event: FlightEvent): void {
    this.#events.push(event);
    if (this.#events.length >= 2 * MOST) this.#events = this.#events.slice(-MOST);
  }

  /** Oldest first. */
  get events(): readonly FlightEvent[] {
    return this.#events;
  }
}
