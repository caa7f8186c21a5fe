/**
 * Hysteresis for clients of a session that flaps (RFC 5882 section 3.1 leaves it to us).
 *
 * Bad news is told at once, always. Good news waits where there has been much bad news lately: from
 * the `threshold`-th fall within `window` on, the session must have been up for `hold`, twice as
 * long after one more fall, and so on up to `longest`.
 *
 * @module
 */

import type { Micros } from "./types.ts";

export interface DampingSettings {
  /** Falls within the window from which on good news waits; at least 1. */
  readonly threshold: number;
  readonly window: Micros;
  readonly hold: Micros;
  readonly longest: Micros;
}

export interface Damping {
  /** When it fell, oldest first; no more than matter. */
  falls: Micros[];
}

/** Doubling more often changes nothing: the wait is as long as it gets. */
const MOST_FALLS = 64;

export function createDamping(): Damping {
  return { falls: [] };
}

/** The session has left Up. */
export function noteFall(damping: Damping, now: Micros): void {
  damping.falls.push(now);
  if (damping.falls.length > MOST_FALLS) damping.falls.shift();
}

/** When a session that comes up now may be called up, if it stays so. */
export function tellUpAt(damping: Damping, settings: DampingSettings, now: Micros): Micros {
  damping.falls = damping.falls.filter((at) => now - at < settings.window);
  const over = damping.falls.length - settings.threshold;
  if (over < 0) return now;
  return now + Math.min(settings.longest, settings.hold * 2 ** over);
}
