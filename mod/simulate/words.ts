/**
 * Times of a simulation in words.
 *
 * @module
 */

/** Seconds with as many decimals as needed: `3.024537s`, `12s`. */
export function secondsText(micros: number): string {
  return `${(micros / 1e6).toFixed(6).replace(/\.?0+$/, "")}s`;
}
