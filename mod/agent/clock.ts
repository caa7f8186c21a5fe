/**
 * From the planes' monotonic microseconds to the times that people read, and from the delays that
 * people write to points on that clock.
 *
 * @module
 */

import { boottimeMicros, monotonicMicros, realtimeMicros } from "../../ffi/mod.ts";

/** A wall clock that is off by so many microseconds was set, or the machine was suspended. */
const SET = 10_000;
/** From CLOCK_MONOTONIC to the wall clock, microseconds. */
let offset = realtimeMicros() - monotonicMicros();

/**
 * RFC 3339 in UTC, with milliseconds, of a point on CLOCK_MONOTONIC. The same point gives the same
 * text each time, unless the wall clock was set: who compares two answers sees what has changed.
 */
export function wallTime(micros: number): string {
  const present = realtimeMicros() - monotonicMicros();
  if (Math.abs(present - offset) > SET) offset = present;
  return new Date((offset + micros) / 1000).toISOString();
}

/**
 * Until when no router takes part in an election: microseconds on CLOCK_MONOTONIC, 0: at once.
 *
 * @param startup delay after now, microseconds
 * @param boot delay after the boot, microseconds; the time that the machine was suspended counts
 */
export function electionsBegin(startup: number, boot: number): number {
  const wait = Math.max(startup, boot - boottimeMicros());
  return wait > 0 ? monotonicMicros() + wait : 0;
}
