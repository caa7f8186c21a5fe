/**
 * Where log records go: LogTape behind one file of ours. Text for people, JSON lines for programs.
 *
 * Text that came from the network is escaped before it is written: no sender may move a terminal's
 * cursor or forge a second line.
 *
 * @module
 */

import { configure, getLogger, type LogRecord as TapeRecord, type Sink } from "@logtape/logtape";
import type { AgentConfig } from "../../config/mod.ts";
import type { LogRecord } from "../plane/messages.ts";
import { LogOutlet, standardError } from "./log_outlet.ts";
import { escapeText } from "../text/mod.ts";

type Level = LogRecord["level"];

/** One record as a line of text. */
export function formatText(record: TapeRecord): string {
  const time = new Date(record.timestamp).toISOString();
  const message = record.message.map(String).join("");
  const properties = Object.entries(record.properties)
    .map(([key, value]) => ` ${key}=${quoteWhereNeeded(String(value))}`).join("");
  const category = record.category.slice(1).join(".");
  return escapeText(`${time} ${record.level.padEnd(7)} ${category}: ${message}${properties}`) +
    "\n";
}

function quoteWhereNeeded(value: string): string {
  return /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value);
}

/** One record as a JSON object on a line. */
export function formatJson(record: TapeRecord): string {
  return JSON.stringify({
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    category: record.category.slice(1).join("."),
    message: record.message.map(String).join(""),
    ...record.properties,
  }) + "\n";
}

/** Standard error, once and for all: what waits there outlasts a reload. */
let outlet: LogOutlet | undefined;
/** How long the end of the process waits for a reader of the last lines, milliseconds. */
const LAST_LINES = 200;

function sinkFor(
  target: string,
  format: (record: TapeRecord) => string,
): Sink | (Sink & Disposable) {
  const encoder = new TextEncoder();
  if (target === "stderr") {
    const stderr = outlet ??= new LogOutlet(standardError());
    stderr.note = (lost) => encoder.encode(format(lostLines(lost)));
    return (record) => stderr.write(encoder.encode(format(record)));
  }
  const path = target.slice("file:".length);
  const file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  const sink: Sink = (record) => writeAll(file, encoder.encode(format(record)));
  // LogTape closes it when it is configured anew.
  return Object.assign(sink, { [Symbol.dispose]: () => file.close() });
}

/** The record that stands for lines that nobody could be given. */
function lostLines(lines: number): TapeRecord {
  const message = "Lines of the log were lost here: nobody read them";
  return {
    category: ["halb", "control"],
    level: "warning",
    message: [message],
    rawMessage: message,
    timestamp: Date.now(),
    properties: { lines },
  };
}

/** What waits for its reader gets a last chance: the process ends. */
export function finishLogging(): void {
  outlet?.finish(LAST_LINES);
}

/** A log that cannot be written must not end the agent: the disk may be full. */
function writeAll(file: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    let written = 0;
    while (written < bytes.length) written += file.writeSync(bytes.subarray(written));
  } catch {
    // There is nowhere left to say it.
  }
}

/**
 * Sets up logging, anew after a reload.
 *
 * @throws {Error} when a log file cannot be opened
 */
export async function setUpLogging(log: AgentConfig["log"]): Promise<void> {
  const format = log.format === "json" ? formatJson : formatText;
  const sinks = Object.fromEntries(log.targets.map((target) => [target, sinkFor(target, format)]));
  await configure({
    reset: true,
    sinks,
    loggers: [
      { category: ["halb"], lowestLevel: log.level, sinks: [...log.targets] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: [...log.targets] },
    ],
  });
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
  logCounts.records[record.level]++;
  logCounts.suppressed += record.suppressed ?? 0;
  const properties = record.suppressed === undefined
    ? { ...record.properties }
    : { ...record.properties, suppressed: record.suppressed };
  // The message is data, not a template: what peers send must not be expanded.
  const logger = getLogger(["halb", ...record.category]);
  const message = record.message.replaceAll("{", "{{").replaceAll("}", "}}");
  logger[record.level](message, properties);
}

/** A record of control's own. */
export function log(
  level: Level,
  category: readonly string[],
  message: string,
  properties?: LogRecord["properties"],
): void {
  writeLog({ type: "log", level, category, message, ...(properties ? { properties } : {}) });
}
