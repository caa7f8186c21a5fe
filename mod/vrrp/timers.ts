/**
 * The durations of RFC 9568 section 6.1 and of RFC 3768 section 6.1, in whole microseconds.
 *
 * @module
 */

import type { Micros } from "./types.ts";

/** Priority of the router that owns the addresses; it never changes (RFC 9568 section 5.2.4). */
export const OWNER_PRIORITY = 255;

/** Priority of an owner that has yielded to another one: the highest that others can have. */
export const DEMOTED_PRIORITY = 254;

const SECOND: Micros = 1_000_000;

/**
 * Skew_Time: `((256 - priority) × interval) / 256`, so that a router of higher priority takes over
 * first. In version 2 it is `(256 - priority) / 256` seconds, whatever the interval.
 *
 * @param priority effective priority, 1 to 255
 * @param interval the active router's advertisement interval
 */
export function skewTime(priority: number, interval: Micros, version: 2 | 3 = 3): Micros {
  return Math.floor(((256 - priority) * (version === 2 ? SECOND : interval)) / 256);
}

/**
 * Active_Down_Interval (version 2: Master_Down_Interval): three intervals and the skew.
 *
 * @param adverts intervals, where an operator wants others than the three of the RFCs
 */
export function masterDownInterval(
  priority: number,
  interval: Micros,
  version: 2 | 3 = 3,
  adverts = 3,
): Micros {
  return adverts * interval + skewTime(priority, interval, version);
}

/**
 * How long a master that leaves on purpose goes on answering for its addresses after its advert of
 * priority 0, at most: the longest skew a successor can have, and one interval.
 */
export function releaseTime(interval: Micros, version: 2 | 3 = 3): Micros {
  return skewTime(1, interval, version) + interval;
}

/**
 * What a version 3 router states in its version 2 adverts (RFC 9568 section 8.4): whole seconds,
 * rounded up, so that nobody waits for less than we need.
 */
export function version2Interval(interval: Micros): Micros {
  return Math.ceil(interval / SECOND) * SECOND;
}

/** Base priority plus what trackers add, 1 to 254; an owner's stays 255. */
export function effectivePriority(base: number, contribution: number): number {
  if (base === OWNER_PRIORITY) return OWNER_PRIORITY;
  return Math.min(254, Math.max(1, base + contribution));
}
