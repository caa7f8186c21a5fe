/**
 * How the levels of the log are asked for and changed over the control socket, and what status
 * tells of the log.
 *
 * @module
 */

import { LOG_LEVELS, type LogLevel, type Subsystem, SUBSYSTEMS } from "../../config/log_levels.ts";

/** Longest time that a level may be ordered for, milliseconds: 30 days. */
export const LONGEST_LEVEL = 30 * 86_400_000;

export interface LogRequest {
  readonly command: "log";
  /** null: as it is configured; absent: nothing changes, and what is so now is answered. */
  readonly level?: LogLevel | null;
  /** Absent: all. */
  readonly subsystem?: Subsystem;
  /** Until when, milliseconds from now; absent: until the agent ends. */
  readonly for_ms?: number;
}

/** The log in the status document, and the answer to a request. */
export interface LogStatus {
  /** As configured. */
  readonly level: LogLevel;
  readonly levels: Readonly<Partial<Record<Subsystem, LogLevel>>>;
  /** What an operator has ordered instead. */
  readonly ordered: readonly {
    /** null: all that have none of their own here. */
    readonly subsystem: Subsystem | null;
    readonly level: LogLevel;
    /** RFC 3339; null: until the agent ends. */
    readonly until: string | null;
  }[];
  readonly targets: readonly {
    readonly target: string;
    /** Why nothing gets there now, in words; null: all is well. */
    readonly trouble: string | null;
    /** Records that nobody was given. */
    readonly lost: number;
  }[];
}

/** Reads a request; what is none is said in words. */
export function readLog(
  { level, subsystem, for_ms: time }: Readonly<Record<string, unknown>>,
): LogRequest | string {
  const levels: readonly unknown[] = LOG_LEVELS;
  if (level !== undefined && level !== null && !levels.includes(level)) {
    return `"log" takes a level, one of ${LOG_LEVELS.join(", ")}, or null for the configured one`;
  }
  if (
    subsystem !== undefined &&
    (typeof subsystem !== "string" || !Object.hasOwn(SUBSYSTEMS, subsystem))
  ) return `"log" takes a subsystem, one of ${Object.keys(SUBSYSTEMS).join(", ")}`;
  if (level === undefined && (subsystem !== undefined || time !== undefined)) {
    return '"log" takes a level with a subsystem or a time';
  }
  if (
    time !== undefined &&
    (typeof time !== "number" || !(time > 0 && time <= LONGEST_LEVEL) || level === null)
  ) return '"log" takes a for_ms of up to 30 days, and none with the configured level';
  return {
    command: "log",
    ...(level === undefined ? {} : { level: level as LogLevel | null }),
    ...(subsystem === undefined ? {} : { subsystem: subsystem as Subsystem }),
    ...(time === undefined ? {} : { for_ms: time as number }),
  };
}
