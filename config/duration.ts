/**
 * Durations as people write them: a decimal number and a unit, `"10ms"`, `"1.5s"`, `"5m"`. Inside
 * halb every duration is a number of whole microseconds, so that timers are compared and added
 * without rounding; what is finer than a microsecond is refused rather than rounded.
 *
 * @module
 */

/** Microseconds in each unit, longest first. */
const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000_000],
  ["h", 3_600_000_000],
  ["m", 60_000_000],
  ["s", 1_000_000],
  ["ms", 1_000],
  ["us", 1],
];

/** What a duration looks like, for the JSON Schema. */
export const DURATION_PATTERN = "^[0-9]{1,9}(\\.[0-9]{1,6})?(us|ms|s|m|h|d)$";

const SHAPE = new RegExp(DURATION_PATTERN);

/**
 * Microseconds that `text` means, or undefined where it is no duration: no unit, an unknown unit,
 * a sign, blanks, or a part of a microsecond.
 */
export function parseDuration(text: string): number | undefined {
  if (!SHAPE.test(text)) return undefined;
  const split = text.search(/[a-z]/);
  const unit = UNITS.find(([name]) => name === text.slice(split));
  if (unit === undefined) return undefined;
  const [whole = "0", fraction = ""] = text.slice(0, split).split(".");
  // Integer arithmetic: 1.1 × 1,000,000 is not a whole number in binary floating point.
  const scaled = Number(fraction.padEnd(6, "0")) * unit[1];
  if (scaled % 1_000_000 !== 0) return undefined;
  return Number(whole) * unit[1] + scaled / 1_000_000;
}

/** The shortest way to write `micros` (whole, 0 or more) with one unit: 1,500,000 → `1.5s`. */
export function formatDuration(micros: number): string {
  if (micros === 0) return "0s";
  const exact = UNITS.find(([, size]) => micros % size === 0) ?? ["us", 1];
  if (exact[0] !== "us" && exact[0] !== "ms") return `${micros / exact[1]}${exact[0]}`;
  if (micros >= 1_000_000 && micros % 1_000 === 0) return `${micros / 1_000_000}s`;
  return `${micros / exact[1]}${exact[0]}`;
}

/**
 * What the writer of `text` may have meant: `5 sec` → `5s`; undefined where that is a guess.
 *
 * @param max longest duration that is allowed, as text: what is more in seconds is meant in `ms`
 */
export function guessDuration(text: string, max?: string): string | undefined {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµμ]*)\s*$/i.exec(text);
  if (match === null) return undefined;
  const word = (match[2] ?? "").toLowerCase();
  const unit = word === ""
    ? secondsUpTo(max, Number(match[1])) ? "s" : "ms"
    : /^(ms|msec|msecs|millis|milliseconds?)$/.test(word)
    ? "ms"
    : /^(us|µs|μs|usecs?|microseconds?)$/.test(word)
    ? "us"
    : /^(s|secs?|seconds?)$/.test(word)
    ? "s"
    : /^(m|mins?|minutes?)$/.test(word)
    ? "m"
    : /^(h|hrs?|hours?)$/.test(word)
    ? "h"
    : /^(d|days?)$/.test(word)
    ? "d"
    : undefined;
  if (unit === undefined) return undefined;
  const guess = `${match[1]}${unit}`;
  return parseDuration(guess) === undefined ? undefined : guess;
}

function secondsUpTo(max: string | undefined, seconds: number): boolean {
  const micros = max === undefined ? undefined : parseDuration(max);
  return micros === undefined || seconds * 1_000_000 <= micros;
}
