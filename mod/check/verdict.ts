/**
 * From the outcomes of single probes to what is believed of a server: `step(verdict, event, now)`.
 *
 * ```text
 *          `fall` failures in a row
 *    up ──────────────────────────────► down
 *     ▲                                  │
 *     └──────────────────────────────────┘
 *          `rise` successes in a row, the hold-down over, not flapping
 * ```
 *
 * - State changes come in the turn of the deciding outcome, never from a timer.
 * - Hold-down: once down, a server stays down at least so long.
 * - Damping (after RFC 2439, which does it to routes): each fall to down costs a point, points
 *   halve in `halfLife`. A server that has `suppress` points is flapping: it stays down, however
 *   well it answers, until its points have sunk to `reuse`; it never waits longer than `longest`
 *   after its last fall.
 * - A void outcome changes nothing, neither state nor streak; but the fourth in a row counts as a
 *   failure, since somebody who never gets to hear an answer does not know that all is well. A
 *   probe that was not even asked never counts.
 *
 * @module
 */

import type { Micros, Outcome } from "./outcome.ts";

/** Void outcomes in a row that are forgiven. */
export const FORGIVEN_VOIDS = 3;

/** How flapping is damped. */
export interface Damping {
  /** Points at which a server counts as flapping; at least 1. */
  readonly suppress: number;
  /** Points at which it may come back; more than 0, less than `suppress`. */
  readonly reuse: number;
  readonly halfLife: Micros;
  readonly longest: Micros;
}

/** What the operator wants. */
export interface VerdictSettings {
  /** Successes in a row that bring it up; at least 1. */
  readonly rise: number;
  /** Failures in a row that take it down; at least 1. */
  readonly fall: number;
  readonly holdDown: Micros;
  /** `null`: flapping is not damped. */
  readonly damping: Damping | null;
}

export type Health = "up" | "down";

/** What a verdict is told. */
export type VerdictEvent =
  | { readonly type: "outcome"; readonly outcome: Outcome; readonly latency: Micros }
  | { readonly type: "configure"; readonly settings: VerdictSettings };

/** What a verdict wants told. */
export type VerdictEffect =
  | { readonly type: "state"; readonly state: Health; readonly reason: string }
  | { readonly type: "flapping"; readonly flapping: boolean; readonly points: number }
  /** A warning that the outcome before did not carry. */
  | { readonly type: "warning"; readonly text: string };

/** What a verdict remembers: plain data, fit for status and snapshots. */
export interface Verdict {
  settings: VerdictSettings;
  state: Health;
  since: Micros;
  /** Whether any outcome has counted yet; until then `state` is an assumption. */
  probed: boolean;
  /** The last outcomes that said the same, in a row. */
  streak: { result: "passed" | "failed"; count: number };
  /** What keeps a server down that has had its successes. */
  held: "hold-down" | "flapping" | null;
  voids: number;
  points: number;
  /** When `points` was right; they halve from there. */
  pointsAt: Micros;
  flapping: boolean;
  /** Of the last probe; the object stays, since it changes with each. */
  last: { outcome: Outcome; latency: Micros; at: Micros } | null;
  lastError: { readonly reason: string; readonly at: Micros } | null;
  readonly counters: { passed: number; failed: number; voided: number; transitions: number };
}

/** A server of which nothing is known yet. @param initial what is assumed until then */
export function createVerdict(settings: VerdictSettings, initial: Health, now: Micros): Verdict {
  validate(settings);
  return {
    settings,
    state: initial,
    since: now,
    probed: false,
    streak: { result: initial === "up" ? "passed" : "failed", count: 0 },
    held: null,
    voids: 0,
    points: 0,
    pointsAt: now,
    flapping: false,
    last: null,
    lastError: null,
    counters: { passed: 0, failed: 0, voided: 0, transitions: 0 },
  };
}

/** One event. @throws {RangeError} where settings make no sense; nothing has changed then */
export function stepVerdict(verdict: Verdict, event: VerdictEvent, now: Micros): VerdictEffect[] {
  const effects: VerdictEffect[] = [];
  if (event.type === "configure") {
    validate(event.settings);
    verdict.settings = event.settings;
    if (event.settings.damping === null) release(verdict, now, effects);
    return effects;
  }
  const { outcome, latency } = event;
  tellNewWarnings(verdict, outcome, effects);
  if (verdict.last === null) verdict.last = { outcome, latency, at: now };
  else {
    verdict.last.outcome = outcome;
    verdict.last.latency = latency;
    verdict.last.at = now;
  }
  const result = countedResult(verdict, outcome);
  if (result === null) return effects;
  verdict.probed = true;
  verdict.counters[result]++;
  if (result === "failed") verdict.lastError = { reason: outcome.reason, at: now };
  if (verdict.streak.result !== result) verdict.streak = { result, count: 0 };
  verdict.streak.count++;
  if (result === "failed") judgeFailure(verdict, outcome.reason, now, effects);
  else judgeSuccess(verdict, outcome.reason, now, effects);
  return effects;
}

/** Points that are left at `now`. */
export function pointsLeft(verdict: Verdict, now: Micros): number {
  const halfLife = verdict.settings.damping?.halfLife;
  if (halfLife === undefined) return 0;
  return verdict.points * 2 ** (-(now - verdict.pointsAt) / halfLife);
}

function validate({ rise, fall, holdDown, damping }: VerdictSettings): void {
  const whole = (value: number) => Number.isSafeInteger(value) && value >= 1;
  if (!whole(rise)) throw new RangeError(`rise is ${rise}`);
  if (!whole(fall)) throw new RangeError(`fall is ${fall}`);
  if (!whole(holdDown + 1)) throw new RangeError(`The hold-down is ${holdDown} µs`);
  if (damping === null) return;
  const { suppress, reuse, halfLife, longest } = damping;
  if (!(suppress >= 1 && reuse > 0 && reuse < suppress)) {
    throw new RangeError(`Flapping from ${suppress} points to ${reuse} makes no sense`);
  }
  if (!whole(halfLife) || !whole(longest)) {
    throw new RangeError(`Damping for ${longest} µs with a half-life of ${halfLife} µs`);
  }
}

/** `null`: does not count. */
function countedResult(verdict: Verdict, outcome: Outcome): "passed" | "failed" | null {
  if (outcome.result === "passed" || outcome.result === "failed") {
    verdict.voids = 0;
    return outcome.result;
  }
  verdict.counters.voided++;
  // What this machine lacks is missing for all servers at once: none of them is the worse for it.
  if (outcome.result === "unasked") return null;
  verdict.voids++;
  return verdict.voids > FORGIVEN_VOIDS ? "failed" : null;
}

function tellNewWarnings(verdict: Verdict, outcome: Outcome, effects: VerdictEffect[]): void {
  const known = verdict.last?.outcome.warnings ?? [];
  for (const text of outcome.warnings) {
    if (!known.includes(text)) effects.push({ type: "warning", text });
  }
}

function judgeFailure(
  verdict: Verdict,
  reason: string,
  now: Micros,
  effects: VerdictEffect[],
): void {
  verdict.held = null;
  if (verdict.state === "down" || verdict.streak.count < verdict.settings.fall) return;
  transition(verdict, "down", reason, now, effects);
  const { damping } = verdict.settings;
  if (damping === null) return;
  // The ceiling of RFC 2439: from there it takes `longest` to sink to `reuse`.
  const ceiling = damping.reuse * 2 ** (damping.longest / damping.halfLife);
  const points = pointsLeft(verdict, now) + 1;
  verdict.pointsAt = now;
  if (!verdict.flapping && points >= damping.suppress) {
    verdict.flapping = true;
    effects.push({ type: "flapping", flapping: true, points });
  }
  verdict.points = Math.min(points, ceiling);
}

function judgeSuccess(
  verdict: Verdict,
  reason: string,
  now: Micros,
  effects: VerdictEffect[],
): void {
  if (verdict.state === "up") return;
  const { rise, holdDown, damping } = verdict.settings;
  verdict.held = null;
  if (verdict.streak.count < rise) return;
  if (damping !== null && pointsLeft(verdict, now) <= damping.reuse) {
    release(verdict, now, effects);
  }
  if (verdict.flapping) verdict.held = "flapping";
  else if (verdict.counters.transitions > 0 && now - verdict.since < holdDown) {
    verdict.held = "hold-down";
  } else transition(verdict, "up", reason, now, effects);
}

function release(verdict: Verdict, now: Micros, effects: VerdictEffect[]): void {
  if (!verdict.flapping) return;
  verdict.flapping = false;
  effects.push({ type: "flapping", flapping: false, points: pointsLeft(verdict, now) });
}

function transition(
  verdict: Verdict,
  state: Health,
  reason: string,
  now: Micros,
  effects: VerdictEffect[],
): void {
  verdict.state = state;
  verdict.since = now;
  verdict.counters.transitions++;
  effects.push({ type: "state", state, reason });
}
