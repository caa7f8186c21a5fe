/**
 * A configuration that was applied, or was not, and what is said of it: in the log a line each, for
 * the flight recorder one event.
 *
 * @module
 */

import { formatProblem } from "../../config/mod.ts";
import type { FlightRecorder } from "./flight/recorder.ts";
import { writeLog } from "./logging.ts";
import type { ReloadResult } from "./results.ts";

/** A line of a change: what is called what, and what became of it. */
const CHANGE =
  /^(?:virtual router|sync group|track_\w+|BFD session|check|virtual server) ([^\s:/]+)/;

/** A reload that changed nothing. */
export function invalid(
  problems: readonly (string | Parameters<typeof formatProblem>[0])[],
): ReloadResult {
  const texts = problems.map((problem) =>
    typeof problem === "string" ? problem : formatProblem(problem, { color: false })
  );
  return { result: "invalid", changes: [], problems: texts };
}

type Say = (level: "info" | "warning" | "error", message: string, changes?: number) => void;

/** The recorder knows it as one event. */
const say: Say = (level, message, changes) => {
  const properties = changes === undefined ? {} : { properties: { changes } };
  writeLog({ type: "log", level, category: ["control"], message, ...properties }, true);
};

/**
 * A reload is over.
 *
 * @param reason why it was, where it was not simply asked for
 * @param at when it began, microseconds on CLOCK_MONOTONIC: what comes of it happens after that
 */
export function noteReload(
  result: ReloadResult,
  recorder: Pick<FlightRecorder, "record">,
  at: number,
  reason: string | null = null,
): void {
  const { result: word, changes, problems } = result;
  const level = word === "applied" ? "info" : word === "rolled_back" ? "warning" : "error";
  say(level, reason === null ? `Reload: ${word}` : `Reload: ${word}: ${reason}`, changes.length);
  for (const change of changes) say("info", change);
  for (const problem of problems) say("error", problem);
  const count = changes.length === 1 ? "1 change" : `${changes.length} changes`;
  recorder.record({
    type: "agent",
    name: null,
    level,
    event: word === "rolled_back" ? word : "reload",
    text: word === "applied"
      ? `configuration reloaded: ${count}`
      : word === "rolled_back"
      ? `configuration rolled back: ${count}`
      : `reload ${word}`,
    cause: problems[0] ?? reason,
    names: namesIn(changes),
    details: { result: word, changes: [...changes] },
    at,
  });
}

/** Something of a reload that waits, in the log and as an event. */
export function noteWaiting(
  event: "confirmed" | "awaits_confirmation" | "scheduled" | "cancelled" | "not_the_file",
  text: string,
  recorder: Pick<FlightRecorder, "record">,
  cause: string | null = null,
): void {
  const level = event === "not_the_file" ? "warning" : "info";
  const line = text.slice(0, 1).toUpperCase() + text.slice(1);
  say(level, cause === null ? line : `${line}: ${cause}`);
  recorder.record({ type: "agent", name: null, level, event, text, cause });
}

/** The configuration of the start is applied. */
export function noteStart(
  changes: readonly string[],
  recorder: Pick<FlightRecorder, "record">,
): void {
  for (const change of changes) say("info", change);
  recorder.record({
    type: "agent",
    name: null,
    level: "info",
    event: "configured",
    text: "configuration applied",
    cause: null,
    names: namesIn(changes),
  });
}

/** Who is changed, by name. */
function namesIn(changes: readonly string[]): string[] {
  return [...new Set(changes.flatMap((line) => CHANGE.exec(line)?.[1] ?? []))];
}
