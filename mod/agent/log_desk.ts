/**
 * Answers who asks for the log's levels, and carries out what they order.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import type { LogRequest, LogStatus } from "../control/log_protocol.ts";
import { wallTime } from "./clock.ts";
import { hearLevels, log, logLevels, logTargets } from "./logging.ts";

/** Longest sleep of a timer, milliseconds: a longer one would be over at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** What is logged, as status tells it. */
export function logStatus(): LogStatus {
  return {
    ...logLevels.configured,
    ordered: logLevels.ordered.map(({ until, ...one }) => ({
      ...one,
      until: until === null ? null : wallTime(until),
    })),
    targets: logTargets.status,
  };
}

export class LogDesk {
  readonly #everyAdvert: (wanted: boolean) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param everyAdvert tells the protocol plane whether a line for each advert is wanted */
  constructor(everyAdvert: (wanted: boolean) => void) {
    this.#everyAdvert = everyAdvert;
    hearLevels(() => this.#levelsChanged());
  }

  #levelsChanged(): void {
    this.#everyAdvert(logLevels.of("vrrp") === "debug");
    clearTimeout(this.#timer);
    const { deadline } = logLevels;
    if (deadline === Infinity) return;
    const wait = Math.max(0, (deadline - monotonicMicros()) / 1000);
    this.#timer = setTimeout(() => this.#expire(), Math.min(Math.ceil(wait), LONGEST_TIMER));
    Deno.unrefTimer(this.#timer);
  }

  answer({ level, subsystem, for_ms: time }: LogRequest): LogStatus {
    if (level === undefined) return logStatus();
    const until = time === undefined ? null : monotonicMicros() + Math.round(time * 1000);
    logLevels.order(subsystem ?? null, level === null ? null : { level, until });
    this.#levelsChanged();
    const what = subsystem === undefined ? "everything" : subsystem;
    const how = level === null ? "as configured" : `at level ${level}`;
    log("info", ["control"], `Logs ${what} ${how} on request`);
    return logStatus();
  }

  #expire(): void {
    for (const subsystem of logLevels.expire(monotonicMicros())) {
      log("info", ["control"], `Logs ${subsystem ?? "everything"} as configured again`);
    }
    this.#levelsChanged();
  }
}
