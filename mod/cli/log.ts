/**
 * `halb log`: the levels of the running agent's log, shown or changed.
 *
 * @module
 */

import { parseDuration } from "../../config/duration.ts";
import { LOG_LEVELS, type Subsystem, SUBSYSTEMS } from "../../config/log_levels.ts";
import { ask } from "../control/client.ts";
import {
  type LogRequest,
  type LogStatus,
  LONGEST_LEVEL,
  readLog,
} from "../control/log_protocol.ts";
import { UsageError } from "./arguments.ts";
import { formatTable } from "./table.ts";

/**
 * @param operands of the command line: a level or `configured`, and a subsystem
 * @param time a duration
 * @throws {UsageError}
 * @throws {AgentUnreachable} when nobody answers at `control`
 */
export async function logCommand(
  operands: readonly string[],
  time: string | undefined,
  control: string,
  json: boolean,
): Promise<string> {
  const status = await ask(control, requestOf(operands, time)) as LogStatus;
  return json ? JSON.stringify(status, null, 2) : formatLog(status);
}

/** @throws {UsageError} */
export function requestOf(operands: readonly string[], time?: string): LogRequest {
  const [level, subsystem] = operands;
  if (level === undefined) {
    if (time !== undefined) throw new UsageError("--for needs a level");
    return { command: "log" };
  }
  if (level !== "configured" && !(LOG_LEVELS as readonly string[]).includes(level)) {
    throw new UsageError(`there is no level "${level}": ${LOG_LEVELS.join(", ")}, or configured`);
  }
  if (subsystem !== undefined && !Object.hasOwn(SUBSYSTEMS, subsystem)) {
    const all = Object.keys(SUBSYSTEMS).join(", ");
    throw new UsageError(`there is no subsystem "${subsystem}": one of ${all}`);
  }
  if (level === "configured" && time !== undefined) {
    throw new UsageError("--for needs a level of its own: configured holds anyway");
  }
  const request = readLog({
    level: level === "configured" ? null : level,
    subsystem,
    ...(time === undefined ? {} : { for_ms: milliseconds(time) }),
  });
  if (typeof request === "string") throw new UsageError(request);
  return request;
}

function milliseconds(time: string): number {
  const micros = parseDuration(time);
  if (micros !== undefined && micros > 0 && micros / 1000 <= LONGEST_LEVEL) return micros / 1000;
  throw new UsageError(`--for takes a duration of up to 30d, such as 10m, not "${time}"`);
}

/** Levels of all subsystems, and targets in trouble, for people. */
export function formatLog({ level, levels, ordered, targets }: LogStatus): string {
  const common = ordered.find(({ subsystem }) => subsystem === null);
  const rows = (Object.keys(SUBSYSTEMS) as Subsystem[]).map((name) => {
    const order = ordered.find(({ subsystem }) => subsystem === name) ?? common;
    const configured = levels[name] ?? level;
    const until = order === undefined
      ? ""
      : order.until === null
      ? `until the agent ends; configured: ${configured}`
      : `until ${order.until}; configured: ${configured}`;
    return [name, order?.level ?? configured, until];
  });
  const ways = targets.map(({ target, trouble, lost }) => [
    target,
    trouble ?? "ok",
    lost === 0 ? "" : `${lost} records lost`,
  ]);
  return formatTable([["SUBSYSTEM", "LEVEL", ""], ...rows]) +
    (ways.length === 0 ? "\n\nlogs nowhere" : `\n\n${formatTable([["TARGET", "", ""], ...ways])}`);
}
