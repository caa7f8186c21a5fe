/**
 * Checks that do the same again and again: after how long, and what of their memory decides about it.
 * For simulations, which leap over years in which nothing happens.
 *
 * @module
 */

import { leastCommonMultiple } from "../values/numbers.ts";
import type { Engine } from "./engine.ts";
import type { Micros } from "./outcome.ts";
import type { Verdict } from "./verdict.ts";

/** After how long all checks would be as they are now; null: one is about to change. */
export function periodOf({ schedule, verdicts }: Engine): Micros | null {
  let period = 1;
  for (const { id, failing, timing } of schedule.entries.values()) {
    if (!isSettled(verdicts.get(id)!.verdict)) return null;
    const { interval, timeout, retryInterval } = timing;
    const own = failing && retryInterval !== null
      ? timeout + retryInterval
      // Who fails lasts as long as its timeout, and skips beats.
      : interval * (failing ? Math.max(1, Math.ceil(timeout / interval)) : 1);
    period = leastCommonMultiple(period, own);
  }
  return period;
}

/** As long as the outcomes stay the same it stays as it is. */
function isSettled({ probed, state, streak, held }: Verdict): boolean {
  return probed && held === null && streak.result === (state === "up" ? "passed" : "failed");
}

/** All that decides what comes next, with times as seen from now. */
export function standingOf({ schedule, verdicts }: Engine, now: Micros): unknown {
  const { entries, failingRunning, timer } = schedule;
  return [
    timer.at === Infinity ? null : timer.at - now,
    failingRunning,
    [...entries.values()].map(({ id, at, due, probe, failing }) => {
      const { state, streak, held, voids, flapping, counters } = verdicts.get(id)!.verdict;
      return [
        ...[at - now, due - now, probe !== null, failing],
        ...[state, streak.result, held, voids, flapping, counters.transitions],
      ];
    }),
  ];
}

/** All that is due comes later by so much. What was found, and when, stays as it is. */
export function leapEngine({ schedule, verdicts }: Engine, by: Micros): void {
  // All by the same: their order in the heaps stays.
  for (const entry of schedule.entries.values()) {
    entry.at += by;
    entry.due += by;
  }
  for (const judged of verdicts.values()) judged.began += by;
  schedule.timer = { ...schedule.timer, at: schedule.timer.at + by };
}
