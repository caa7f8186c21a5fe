/**
 * From the planes' monotonic microseconds to the times that people read.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";

/** RFC 3339 in UTC, with milliseconds, of a point on CLOCK_MONOTONIC. */
export function wallTime(micros: number): string {
  return new Date(Date.now() - (monotonicMicros() - micros) / 1000).toISOString();
}
