/**
 * `halb reload`: the running agent applies its own file again, now or later, for good or until it is
 * confirmed.
 *
 * @module
 */

import { formatDuration, parseDuration } from "../../config/duration.ts";
import type { ReloadResult, WaitingResult } from "../agent/results.ts";
import { ask } from "../control/client.ts";
import {
  LONGEST_CONFIRMATION,
  type ReloadRequest,
  SHORTEST_CONFIRMATION,
} from "../control/reload_protocol.ts";
import { escapeText } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";

/** What was said on the command line. */
export interface ReloadOptions {
  readonly json: boolean;
  readonly confirmWithin?: string;
  readonly confirm?: boolean;
  readonly rollBack?: boolean;
  readonly cancel?: boolean;
  readonly at?: string;
  readonly in?: string;
}

/**
 * @param now milliseconds since 1970
 * @throws {UsageError}
 * @throws {AgentUnreachable} when nobody answers at `control`
 * @throws {Error} with the agent's words when it refuses
 */
export async function reloadCommand(
  control: string,
  options: ReloadOptions,
  now = Date.now(),
): Promise<{ exitCode: number; output: string }> {
  const request = reloadRequest(options, now);
  const result = await ask(control, request) as ReloadResult | WaitingResult;
  const exitCode = result.result === "invalid" ? 2 : result.result === "failed" ? 1 : 0;
  if (options.json) return { exitCode, output: JSON.stringify(result, null, 2) };
  return { exitCode, output: reloadText(result) };
}

/** What is asked of the agent. @throws {UsageError} for options that do not go together */
export function reloadRequest(options: ReloadOptions, now: number): ReloadRequest {
  const { confirm, rollBack, cancel, at, in: wait, confirmWithin } = options;
  const said = Object.entries({ confirm, "roll-back": rollBack, cancel, at, in: wait })
    .filter(([, value]) => value !== undefined && value !== false).map(([name]) => `--${name}`);
  if (said.length > 1) throw new UsageError(`${said.join(" and ")} do not go together`);
  const command = "reload";
  const alone = confirm ? "confirm" : rollBack ? "roll_back" : cancel ? "cancel" : undefined;
  if (alone !== undefined) {
    if (confirmWithin === undefined) return { command, action: alone };
    throw new UsageError(`--confirm-within and ${said[0]} do not go together`);
  }
  const within = confirmWithin === undefined
    ? {}
    : { confirm_within_ms: confirmation(confirmWithin) };
  if (at !== undefined) {
    return { command, action: "at", at: new Date(timeOf(at, now)).toISOString(), ...within };
  }
  if (wait !== undefined) {
    const micros = parseDuration(wait);
    if (!micros) throw new UsageError(`--in takes a duration such as 10m, not "${wait}"`);
    return { command, action: "at", at: new Date(now + micros / 1000).toISOString(), ...within };
  }
  return { command, ...within };
}

function confirmation(text: string): number {
  const time = (parseDuration(text) ?? 0) / 1000;
  if (time >= SHORTEST_CONFIRMATION && time <= LONGEST_CONFIRMATION) return time;
  throw new UsageError(
    `--confirm-within takes a duration from 1s to 7d, such as 2m, not "${text}"`,
  );
}

/** `02:00`, the next one here, or a point in time. Milliseconds since 1970. */
function timeOf(text: string, now: number): number {
  const clock = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/.exec(text);
  if (clock !== null) {
    const [hours, minutes, seconds] = clock.slice(1).map((part) => Number(part ?? 0));
    const day = new Date(now);
    day.setHours(hours!, minutes, seconds, 0);
    if (day.getTime() <= now) day.setDate(day.getDate() + 1);
    return day.getTime();
  }
  const time = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) ? Date.parse(text) : NaN;
  if (!Number.isNaN(time)) return time;
  throw new UsageError(
    `--at takes a time of day such as 02:00, or a point in time such as 2026-11-22T02:00, ` +
      `not "${text}"`,
  );
}

/** For people. */
export function reloadText(result: ReloadResult | WaitingResult): string {
  switch (result.result) {
    case "confirmed":
      return "Confirmed: what runs now stays";
    case "cancelled":
      return `Cancelled: the reload of ${localTime(result.at)}`;
    case "scheduled": {
      const { at, changes, confirm_within_ms: within } = result;
      const confirm = within === null
        ? ""
        : `, to be confirmed within ${formatDuration(within * 1000)} of it`;
      const list = changes.length === 0
        ? ["As the file is now it would change nothing"]
        : ["As the file is now it would change:", ...changes.map((one) => `  ${escapeText(one)}`)];
      return [`Scheduled for ${localTime(at)}${confirm}`, ...list].join("\n");
    }
    case "invalid":
    case "failed":
      return [...result.problems, "Nothing was changed"].join("\n");
    case "rolled_back":
      return [...listed(result.changes), "What ran before runs again"].join("\n");
    case "applied": {
      const { confirm_until: until } = result;
      const confirm = until === undefined
        ? []
        : [`Is taken back at ${localTime(until)}, unless: halb reload --confirm`];
      return [...listed(result.changes), ...confirm].join("\n");
    }
  }
}

function listed(changes: readonly string[]): string[] {
  return changes.length > 0 ? changes.map((one) => escapeText(one)) : ["No changes"];
}

/** RFC 3339 as a local time. */
function localTime(time: string): string {
  const date = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`;
}
