/**
 * Times of checks, which checkers inherit from real servers and these from virtual ones; and what
 * keepalived takes where nobody says them.
 *
 * @module
 */

import { type Handler, type Scope, timeText } from "./scope.ts";
import type { Table } from "./value.ts";

const DAY = 86_400_000_000;
const HOUR = 3_600_000_000;

/** What checkers inherit from real and virtual servers. Times in microseconds. */
export interface CheckTimes {
  readonly connect?: number;
  readonly retry?: number;
  readonly delay?: number;
  readonly warmup?: number;
  readonly loop?: number;
  readonly host?: string;
}

/** A changing {@link CheckTimes}. */
export type Times = { -readonly [Key in keyof CheckTimes]: CheckTimes[Key] };

/**
 * Handlers of the times that stand at virtual servers, real servers and checkers alike;
 * `fewest`: retries that keepalived takes there, it ignores less.
 */
export function timeHandlers(
  scope: Scope,
  times: Times,
  fewest: 0 | 1 = 0,
): Record<string, Handler> {
  const micros = (key: "connect" | "delay" | "warmup" | "loop"): Handler => (statement) => {
    const value = scope.micros(statement);
    if (value !== undefined) times[key] = value;
  };
  return {
    connect_timeout: micros("connect"),
    delay_before_retry: micros("delay"),
    warmup: micros("warmup"),
    delay_loop: micros("loop"),
    retry: (statement) => {
      const value = scope.whole(statement, fewest, 999);
      if (value !== undefined) times.retry = value;
    },
  };
}

/** Keepalived's defaults of a checker's kind. */
function defaultsOf(type: string, loop: number): { retry: number; delay: number } {
  if (type === "dns") return { retry: 3, delay: loop };
  if (type === "http") return { retry: 1, delay: 3_000_000 };
  return { retry: type === "script" ? 0 : 1, delay: 1_000_000 };
}

/** Writes the times of a check of `type` out. */
export function writeTimes(check: Table, type: string, times: CheckTimes): void {
  const within = (micros: number, low: number, high: number) =>
    timeText(Math.min(Math.max(micros, low), high));
  const loop = times.loop ?? 60_000_000;
  const { retry, delay } = defaultsOf(type, loop);
  check.set("interval", within(loop, 10_000, DAY));
  if (check.get("timeout") === undefined) {
    check.set(
      "timeout",
      within(type === "script" ? loop : times.connect ?? 5_000_000, 1_000, HOUR),
    );
  }
  const count = times.retry ?? retry;
  check.set("fall", count + 1);
  if (count > 0) check.set("retry_interval", within(times.delay ?? delay, 1_000, DAY));
  if (times.warmup !== undefined) check.set("warmup", within(times.warmup, 0, DAY));
}
