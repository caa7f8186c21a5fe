/**
 * The durations of RFC 9568 section 6.1, in whole microseconds.
 *
 * @module
 */

import type { Micros } from "./types.ts";

/** Priority of the router that owns the addresses; it never changes (RFC 9568 section 5.2.4). */
export const OWNER_PRIORITY = 255;

/**
 * Skew_Time: `((256 - priority) × interval) / 256`, so that a router of higher priority takes over
 * first.
 *
 * @param priority effective priority, 1 to 255
 * @param interval the active router's advertisement interval
 */
export function skewTime(priority: number, interval: Micros): Micros {
  return Math.floor(((256 - priority) * interval) / 256);
}

/** Active_Down_Interval: three advertisement intervals and the skew. */
export function masterDownInterval(priority: number, interval: Micros): Micros {
  return 3 * interval + skewTime(priority, interval);
}

/**
 * How long a master that leaves on purpose goes on answering for its addresses after its advert of
 * priority 0, at most: the longest skew a successor can have, and one interval.
 */
export function releaseTime(interval: Micros): Micros {
  return skewTime(1, interval) + interval;
}

/** Base priority plus what trackers add, 1 to 254; an owner's stays 255. */
export function effectivePriority(base: number, contribution: number): number {
  if (base === OWNER_PRIORITY) return OWNER_PRIORITY;
  return Math.min(254, Math.max(1, base + contribution));
}
