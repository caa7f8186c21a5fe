/**
 * Stamps of signed adverts (PROTOCOL.md section 5): when it was signed, and a counter that tells
 * apart what was signed within one tick. Together they are one number of 64 bits that only grows.
 *
 * ```text
 *   seconds since 1970 (32) | 1/65536 s (16) | counter (16)
 *                           '------ fraction: 32 bits -----'
 * ```
 *
 * A stamp is compared as serial numbers are (RFC 1982): what is less than half the circle ahead
 * comes after. It is held as two numbers, since JSON knows nothing of 64 bits.
 *
 * The clock behind stamps is not the wall clock but the wall clock at start, advanced by the
 * monotonic one: who sets the clock of a running host right by an hour must not lose his peers.
 *
 * @module
 */

import type { Micros } from "./types.ts";

const SECOND: Micros = 1_000_000;
const WORD = 2 ** 32;

export interface Stamp {
  /** Seconds since 1970, modulo 2^32. */
  readonly seconds: number;
  /** 1/65536 s and counter, 16 bits each. */
  readonly fraction: number;
}

/** How freshness is judged: by our clock, or only by what a sender has said before. */
export type AntiReplay = "time" | "monotonic";

/** Both clocks, read at one moment. */
export interface ClockAnchor {
  /** Microseconds since 1970 in UTC. */
  readonly wall: Micros;
  readonly monotonic: Micros;
}

/** The time that stamps are made of: the wall clock as it was, and what has passed since. */
export function stampTime(anchor: ClockAnchor, now: Micros): Micros {
  return anchor.wall + (now - anchor.monotonic);
}

/** The stamp of a time, with counter zero. */
export function stampAt(time: Micros): Stamp {
  const seconds = Math.floor(time / SECOND);
  const ticks = Math.floor(((time - seconds * SECOND) * 65_536) / SECOND);
  return { seconds: modulo(seconds), fraction: ticks * 65_536 };
}

/** Whether `a` comes after `b`; half the circle away it does not, in either direction. */
export function isAfter(a: Stamp, b: Stamp): boolean {
  if (a.seconds === b.seconds) return a.fraction > b.fraction;
  const borrow = a.fraction < b.fraction ? 1 : 0;
  return modulo(a.seconds - b.seconds - borrow) < WORD / 2;
}

/** By how many whole seconds `a` is ahead of `b`; negative: behind. */
export function secondsAhead(a: Stamp, b: Stamp): number {
  return (a.seconds - b.seconds) | 0;
}

/** The smallest stamp after this one. */
function successor({ seconds, fraction }: Stamp): Stamp {
  if (fraction + 1 < WORD) return { seconds, fraction: fraction + 1 };
  return { seconds: modulo(seconds + 1), fraction: 0 };
}

/**
 * What to sign with: the clock, or one more than last time where the clock has not moved on. A
 * clock that was put back by more than the window is followed all the same where freshness is
 * judged by time, since nobody would take anything else.
 *
 * @param window seconds
 */
export function nextStamp(
  last: Stamp | null,
  time: Micros,
  antiReplay: AntiReplay,
  window: number,
): Stamp {
  const clock = stampAt(time);
  if (last === null || isAfter(clock, last)) return clock;
  if (antiReplay === "time" && secondsAhead(last, clock) > window) return clock;
  return successor(last);
}

/** Onto the circle of 32 bits. */
function modulo(value: number): number {
  return ((value % WORD) + WORD) % WORD;
}
