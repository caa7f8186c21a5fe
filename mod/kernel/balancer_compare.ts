/**
 * When the kernel's table is compared with what is known of it, since the kernel tells nobody of
 * changes. A whole comparison reads every server; where that takes long it comes less often, and in
 * between the services alone are looked at: `ipvsadm -C` shows there.
 *
 * @module
 */

import { sameService, type Service, type TableEntry } from "../ipvs/mod.ts";

/** From one comparison to the next unless the operator says otherwise, microseconds. */
const INTERVAL = 2_000_000;
/** How many times as long as one takes it is to the next at least. */
const SHARE = 50;

/** What is compared: services with their servers, or without. */
export type Comparison = "whole" | "services";

export class ComparePace {
  #interval = INTERVAL;
  #wholeAt = 0;
  #servicesAt = 0;

  /** When something is due, microseconds. */
  get deadline(): number {
    return Math.min(this.#wholeAt, this.#servicesAt);
  }

  /** From one to the next at least, microseconds; undefined: 2 s. */
  setInterval(interval = INTERVAL, now: number): void {
    this.#interval = interval;
    this.#wholeAt = Math.min(this.#wholeAt, now + interval);
    this.#servicesAt = Math.min(this.#servicesAt, now + interval);
  }

  /** What is to be compared now. */
  due(now: number): Comparison | undefined {
    if (now >= this.#wholeAt) return "whole";
    return now >= this.#servicesAt ? "services" : undefined;
  }

  /**
   * A reading is over.
   *
   * @param what it can be compared with; undefined: it says nothing of how things are
   * @param took microseconds
   */
  done(what: Comparison | undefined, took: number, now: number): void {
    const pause = Math.max(this.#interval, took * SHARE);
    if (what === "whole") this.#wholeAt = now + pause;
    // A whole one has shown the services, too, and says nothing about what they alone cost.
    this.#servicesAt = now + (what === "services" ? pause : this.#interval);
  }

  /** Something is otherwise: all is compared at once. */
  hurry(): void {
    this.#wholeAt = 0;
  }
}

/** Whether anything of these services is otherwise than it is known to be. */
export function differs<Found>(
  names: Iterable<string>,
  known: ReadonlyMap<string, TableEntry>,
  found: ReadonlyMap<string, Found>,
  same: (a: TableEntry | undefined, b: Found | undefined) => boolean,
): boolean {
  for (const name of names) if (!same(known.get(name), found.get(name))) return true;
  return false;
}

/** Whether a service is the same, or missing on both sides; whatever its servers are. */
export function sameButServers(known: TableEntry | undefined, found: Service | undefined): boolean {
  if (known === undefined || found === undefined) return known === found;
  return sameService(known.service, found);
}
