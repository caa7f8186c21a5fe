/**
 * Sessions before a hand-over. Between the last packet of one process and the first of the next lie
 * some milliseconds, and a detection time of 30 ms may be less: so the other sides are asked for
 * patience first, by longer intervals, as RFC 5880 section 6.8.3 negotiates them. Where one does not
 * agree in time the hand-over goes on all the same.
 *
 * @module
 */

import type { BfdEntry } from "./bfd_entry.ts";
import type { Deadline, TimerHeap } from "./timer_heap.ts";

/** Detection time that the other side is asked for, microseconds. */
const PATIENCE = 3_000_000;
/** How long the answers are waited for. */
const LONGEST = 500_000;
/** Between two looks whether they have come. */
const LOOK = 2_000;
/** After this time without a hand-over the sessions are as configured again. */
const RELAPSE = 15_000_000;

export class BfdEase implements Deadline {
  at = Infinity;
  position = -1;
  readonly #heap: TimerHeap;
  readonly #entries: ReadonlyMap<string, BfdEntry>;
  #until = 0;
  /** Whom to tell when all have answered; null: nobody waits. */
  #done: (() => void) | null = null;

  constructor(heap: TimerHeap, entries: ReadonlyMap<string, BfdEntry>) {
    this.#heap = heap;
    this.#entries = entries;
  }

  /** Asks the other sides; `done` is called when they have agreed, or not in time. */
  begin(now: number, done: () => void): void {
    this.#done?.();
    this.#done = done;
    this.#until = now + LONGEST;
    for (const { session } of this.#hasty()) {
      const { settings } = session;
      const wanted = Math.ceil(PATIENCE / settings.detectMultiplier);
      if (settings.transmitInterval >= wanted) continue;
      const eased = { ...settings, transmitInterval: wanted };
      this.#entries.get(settings.name)?.apply({ type: "configure", settings: eased }, now);
    }
    this.fire(now);
  }

  /** The sessions are as they are configured again. */
  end(now: number): void {
    this.#heap.cancel(this);
    this.#tell();
    for (const { config, session: { settings }, name } of [...this.#entries.values()]) {
      const { authentication } = settings;
      if (settings.transmitInterval === config.settings.transmitInterval) continue;
      const former = { ...config.settings, authentication };
      this.#entries.get(name)?.apply({ type: "configure", settings: former }, now);
    }
  }

  fire(now: number): void {
    if (this.#done === null) return this.end(now);
    const wait = now < this.#until && this.#hasty().length > 0;
    if (!wait) this.#tell();
    this.#heap.set(this, now + (wait ? LOOK : RELAPSE));
  }

  #tell(): void {
    const done = this.#done;
    this.#done = null;
    done?.();
  }

  /** Sessions whose other side would not wait for so long. */
  #hasty(): BfdEntry[] {
    return [...this.#entries.values()].filter(({ session, sender }) => {
      const { state, settings, desiredMinTxUsed, remote } = session;
      if (state !== "up" || sender === null) return false;
      const interval = Math.max(desiredMinTxUsed, remote.requiredMinRx);
      return interval * settings.detectMultiplier < PATIENCE;
    });
  }
}
