/**
 * The log: which records are written, and to whom. LogTape behind one file of ours.
 *
 * Records of the planes come here limited already (`../plane/log_limiter.ts`); those of control are
 * limited here, in the same way.
 *
 * @module
 */

import { configure, getLogger } from "@logtape/logtape";
import type { AgentConfig } from "../../config/mod.ts";
import { monotonicMicros } from "../../ffi/mod.ts";
import { LogLimiter } from "../plane/log_limiter.ts";
import type { LogRecord } from "../plane/messages.ts";
import { LogLevels } from "./log_levels.ts";
import { LogTargets } from "./log_targets.ts";

type Level = LogRecord["level"];

/** How often it is looked for what was left out, milliseconds. */
const TURN = 1_000;

export const logLevels = new LogLevels();
export const logTargets = new LogTargets();
/** Limits records of control. */
export const limitedLog = new LogLimiter((record) => writeLog(record), monotonicMicros);
let turning = false;
/** Who else hears that levels may be others now. */
let levelsChanged = (): void => {};

/** Hears from now on when a site's levels are used. */
export function hearLevels(listener: () => void): void {
  levelsChanged = listener;
}

/**
 * Sets up logging, or changes it.
 *
 * @throws {Error} when a log file cannot be opened; nothing has changed then
 */
export async function setUpLogging(log: AgentConfig["log"]): Promise<void> {
  logTargets.use(log);
  logLevels.configure(log);
  levelsChanged();
  if (turning) return;
  turning = true;
  Deno.unrefTimer(setInterval(() => limitedLog.tellDue(), TURN));
  const sinks = ["targets"];
  await configure({
    sinks: { targets: (record) => logTargets.write(record) },
    // Levels are ours: they change from one record to the next.
    loggers: [
      { category: ["halb"], lowestLevel: "debug", sinks },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks },
    ],
  });
}

/**
 * Logging as a reload wants it, whatever one before has left behind that failed later on. Files that
 * were moved away are made anew in any case.
 *
 * @throws {Error} when a log file cannot be opened; nothing else has changed then
 */
export async function reloadLogging(log: AgentConfig["log"]): Promise<void> {
  logTargets.reopen();
  await setUpLogging(log);
}

/** What waits for its reader gets a last chance: the process ends. */
export function finishLogging(): void {
  logTargets.finish();
}

/** Records since the start of the process, written or below the level; lines that were left out. */
export const logCounts = {
  records: { debug: 0, info: 0, warning: 0, error: 0 },
  suppressed: 0,
};

/** Who else hears every record: the flight recorder. */
let tap: ((record: LogRecord) => void) | null = null;

/** Hears all records from now on, whatever the level of the log; null: nobody does. */
export function tapLog(listener: ((record: LogRecord) => void) | null): void {
  tap = listener;
}

/**
 * Writes one record of a plane, or of control itself.
 *
 * @param recorded the flight recorder knows it as a fact already
 */
export function writeLog(record: LogRecord, recorded = false): void {
  if (!recorded) tap?.(record);
  const { level, category, suppressed = 0, repeated } = record;
  if (repeated === undefined) logCounts.records[level]++;
  logCounts.suppressed += suppressed;
  if (!logLevels.isWritten(level, category[0] ?? "")) return;
  const properties = { ...record.properties };
  // The message is data, not a template: what peers send must not be expanded.
  const logger = getLogger(["halb", ...category]);
  const message = record.message.replaceAll("{", "{{").replaceAll("}", "}}");
  if (repeated === undefined) return logger[level](message, properties);
  const { seconds } = repeated;
  const counted = { ...properties, repeated: suppressed, seconds };
  logger[level](`${message} (repeated ${suppressed} times in ${seconds} s)`, counted);
}

/** A record of control's own. */
export function log(
  level: Level,
  category: readonly string[],
  message: string,
  properties?: LogRecord["properties"],
): void {
  limitedLog.log(level, category, message, properties);
}
