/**
 * Notices that the wall clock was set, or that the machine was suspended: times of events jump there,
 * and stamps of authenticated adverts go by the wall clock. Pure.
 *
 * @module
 */

import type { Fact } from "./facts.ts";

/** A jump that no two looks in a row explain, microseconds; NTP slews by less. */
const JUMP = 500_000;
/** Readings that lie so far apart are none of one moment, microseconds. */
const HELD_UP = 50_000;

export class ClockWatch {
  /** What the wall clock, and the clock since boot, were ahead of the monotonic one. */
  #ahead: { readonly wall: number; readonly boot: number } | null = null;

  /**
   * One look at all three, microseconds.
   *
   * @param after the monotonic clock again: where we stood still between them they say nothing
   * @returns what happened since the last one
   */
  look(monotonic: number, wall: number, boot: number, after = monotonic): Fact | undefined {
    if (after - monotonic > HELD_UP) return undefined;
    const before = this.#ahead;
    this.#ahead = { wall: wall - monotonic, boot: boot - monotonic };
    if (before === null) return undefined;
    const suspended = this.#ahead.boot - before.boot;
    const set = this.#ahead.wall - before.wall - suspended;
    const head = { type: "clock", name: null, level: "warning", cause: null } as const;
    if (suspended > JUMP) {
      const text = `the machine was suspended for ${seconds(suspended)}`;
      return { ...head, event: "suspended", text, details: { length_us: suspended } };
    }
    if (Math.abs(set) <= JUMP) return undefined;
    const way = set > 0 ? "forward" : "back";
    const text = `the wall clock was set ${way} by ${seconds(Math.abs(set))}`;
    return { ...head, event: "set", text, details: { by_us: set } };
  }
}

function seconds(micros: number): string {
  return `${(micros / 1e6).toFixed(1)} s`;
}
