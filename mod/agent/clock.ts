/**
 * From the planes' monotonic microseconds to the times that people read, and from the delays that
 * people write to points on that clock.
 *
 * @module
 */

import { boottimeMicros, monotonicMicros } from "../../ffi/mod.ts";

/** RFC 3339 in UTC, with milliseconds, of a point on CLOCK_MONOTONIC. */
export function wallTime(micros: number): string {
  return new Date(Date.now() - (monotonicMicros() - micros) / 1000).toISOString();
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
