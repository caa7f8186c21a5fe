/**
 * Times of a simulation in words.
 *
 * @module
 */

import { formatDuration } from "../../config/duration.ts";

const MINUTE = 60_000_000;

/** Seconds with as many decimals as needed: `3.024537s`, `12s`; or whole minutes, hours, days. */
export function secondsText(micros: number): string {
  if (micros > 0 && micros % MINUTE === 0) return formatDuration(micros);
  return `${(micros / 1e6).toFixed(6).replace(/\.?0+$/, "")}s`;
}
