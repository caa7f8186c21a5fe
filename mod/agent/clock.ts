/**
 * From the planes' monotonic microseconds to the times that people read, and from the delays that
 * people write to points on that clock.
 *
 * @module
 */

import { boottimeMicros, monotonicMicros, realtimeMicros } from "../../ffi/mod.ts";

/** A wall clock that is off by so many microseconds was set, or the machine was suspended. */
const SET = 1_000;
/** Two readings of a clock that lie so close together were not interrupted, microseconds. */
const CLOSE = 50;
const MOST_READINGS = 20;

/** From CLOCK_MONOTONIC to the wall clock, microseconds: the reading that was least held up. */
function readOffset(): number {
  let best = { error: Infinity, offset: 0 };
  for (let i = 0; i < MOST_READINGS && best.error > CLOSE; i++) {
    const before = monotonicMicros();
    const wall = realtimeMicros();
    const error = monotonicMicros() - before;
    if (error < best.error) best = { error, offset: wall - before - error / 2 };
  }
  return best.offset;
}

let offset = readOffset();

/**
 * RFC 3339 in UTC, with milliseconds, of a point on CLOCK_MONOTONIC. The same point gives the same
 * text each time, unless the wall clock was set: who compares two answers sees what has changed.
 */
export function wallTime(micros: number): string {
  const present = readOffset();
  if (Math.abs(present - offset) > SET) offset = present;
  return new Date((offset + micros) / 1000).toISOString();
}

/** The point on CLOCK_MONOTONIC of a time in RFC 3339, microseconds. */
export function monotonicOf(time: string): number {
  return Date.parse(time) * 1000 - offset;
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
