/**
 * The two clocks halb lives by, in whole microseconds.
 *
 * CLOCK_MONOTONIC is the time of every timer and event; CLOCK_BOOTTIME also counts the time the
 * machine was suspended, so that their difference tells of a suspend. A microsecond count stays
 * exact in a double for 285 years.
 *
 * @module
 */

import { check } from "./errors.ts";
import { libc } from "./symbols.ts";

const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
const CLOCK_BOOTTIME = 7;

// struct timespec: two 64-bit numbers, seconds and nanoseconds.
const timespec = new Uint32Array(new ArrayBuffer(16));

function readClock(clock: number): number {
  check("clock_gettime", libc.clock_gettime(clock, timespec));
  const seconds = (timespec[0] ?? 0) + (timespec[1] ?? 0) * 0x1_0000_0000;
  return seconds * 1_000_000 + Math.floor((timespec[2] ?? 0) / 1000);
}

/** Microseconds on CLOCK_MONOTONIC. Allocates nothing. */
export function monotonicMicros(): number {
  return readClock(CLOCK_MONOTONIC);
}

/** Microseconds on CLOCK_BOOTTIME: like CLOCK_MONOTONIC, and runs on while suspended. */
export function boottimeMicros(): number {
  return readClock(CLOCK_BOOTTIME);
}

/** Microseconds since 1970 in UTC: for showing to people, never for measuring. */
export function realtimeMicros(): number {
  return readClock(CLOCK_REALTIME);
}

/** STA_UNSYNC of adjtimex(2), and where the status is in `struct timex`. */
const UNSYNCHRONISED = 0x40;
const STATUS_AT = 40;

/** Whether something keeps the wall clock right (NTP, PTP), as the kernel knows it. */
export function clockSynchronised(): boolean {
  // No modes: nothing is changed.
  const timex = new DataView(new ArrayBuffer(256));
  check("adjtimex", libc.adjtimex(new Uint8Array(timex.buffer)));
  return (timex.getInt32(STATUS_AT, true) & UNSYNCHRONISED) === 0;
}
