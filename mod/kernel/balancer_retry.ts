/**
 * When what the kernel refuses is tried again: after a second, and then later and later.
 *
 * @module
 */

const FIRST = 1_000_000;
const LONGEST = 30_000_000;

/** From an attempt that failed to the next, microseconds. @param attempts so far, at least 1 */
export function retryAfter(attempts: number): number {
  return Math.min(LONGEST, FIRST * 2 ** Math.min(attempts - 1, 10));
}
