/**
 * What goes over the control socket: one JSON object a line in each direction, a request and its
 * answer. Programs may use it as well as `halb` itself.
 *
 * @module
 */

import { type EventsRequest, readEvents } from "./events_protocol.ts";
import { type LogRequest, readLog } from "./log_protocol.ts";
import { readRecordingRequest, type RecordingRequest } from "./recording_protocol.ts";
import { readReload, type ReloadRequest } from "./reload_protocol.ts";
import {
  BALANCE_COMMANDS,
  type BalanceRequest,
  isBalanceCommand,
  isName,
  readBalance,
} from "./balance_protocol.ts";

/** Longest request, bytes; longer ones are refused unread. */
export const LONGEST_REQUEST = 65_536;

export type ControlRequest =
  | BalanceRequest
  | EventsRequest
  | LogRequest
  | RecordingRequest
  | ReloadRequest
  | {
    readonly command: "status";
    /** All that are called so; absent: everything. */
    readonly name?: string;
  }
  /** The status in short: a row for each thing that has a name. */
  | { readonly command: "overview" }
  | {
    /** What a reload would do now. */
    readonly command: "plan";
  }
  | {
    /** What runs, with marks in place of secrets. */
    readonly command: "configuration";
  }
  | { readonly command: "version" }
  | {
    /** Hand a virtual router or sync group over, and stay behind the others. */
    readonly command: "release";
    readonly name: string;
    /** Until when, milliseconds from now; absent: until `claim`. */
    readonly for_ms?: number;
  }
  | {
    /** Become master of a virtual router or sync group, and stay so while possible. */
    readonly command: "claim";
    readonly name: string;
  }
  | {
    /** Take a BFD session down (AdminDown), or allow it up again. */
    readonly command: "bfd";
    readonly action: "down" | "up";
    readonly name: string;
  }
  | {
    /** Start another program and hand over to it. */
    readonly command: "upgrade";
    /** The program; absent: the file that this one was started from, as it is now. */
    readonly binary?: string;
  }
  | {
    /** Says a new process: hand over to me, or that it cannot take over, and why. */
    readonly command: "take_over";
    readonly pid: number;
    readonly version: string;
    /** Formats of the hand-over that it reads. */
    readonly formats: readonly number[];
    readonly failed?: string;
  }
  | {
    readonly command: "inject_fault";
    readonly plane: "protocol" | "kernel" | "control";
    readonly fault: "throw" | "hang" | "wait" | "set_clock";
    readonly duration_ms?: number;
  };

export type ControlResponse =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string };

const COMMANDS: ReadonlySet<string> = new Set([
  "status",
  "reload",
  "version",
  "overview",
  "plan",
  "configuration",
  "release",
  "claim",
  "bfd",
  ...BALANCE_COMMANDS,
  "events",
  "log",
  "recording",
  "upgrade",
  "take_over",
  "inject_fault",
]);
/** Longest time that a release may be limited to, milliseconds: 30 days. */
const LONGEST_RELEASE = 30 * 86_400_000;

/** Reads a request. Never throws: what is no request is said in words. */
export function parseRequest(line: string): ControlRequest | string {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return "Request is not JSON";
  }
  if (typeof data !== "object" || data === null || !("command" in data)) {
    return 'Request has no "command"';
  }
  const { command } = data;
  if (typeof command !== "string" || !COMMANDS.has(command)) {
    return `Unknown command ${JSON.stringify(command)}: one of ${[...COMMANDS].join(", ")}`;
  }
  if (command === "release" || command === "claim") {
    return readOverride(command, data as Record<string, unknown>);
  }
  if (isBalanceCommand(command)) return readBalance(command, data as Record<string, unknown>);
  if (command === "reload") return readReload(data as Record<string, unknown>);
  if (command === "events") return readEvents(data as Record<string, unknown>);
  if (command === "status") {
    const { name } = data as Record<string, unknown>;
    if (name === undefined) return { command };
    return isName(name) ? { command, name } : '"status" takes a name';
  }
  if (command === "log") return readLog(data as Record<string, unknown>);
  if (command === "recording") return readRecordingRequest(data as Record<string, unknown>);
  if (command === "bfd") return readBfd(data as Record<string, unknown>);
  if (command === "upgrade") return readUpgrade(data as Record<string, unknown>);
  if (command === "take_over") return readTakeOver(data as Record<string, unknown>);
  if (command !== "inject_fault") return { command } as ControlRequest;
  const fault = data as Record<string, unknown>;
  const duration = fault.duration_ms ?? 0;
  if (
    (fault.plane !== "protocol" && fault.plane !== "kernel" &&
      (fault.plane !== "control" || fault.fault !== "wait")) ||
    !isFault(fault.fault) || (fault.fault === "set_clock" && fault.plane !== "protocol") ||
    typeof duration !== "number" || !Number.isFinite(duration) ||
    (duration < 0 && fault.fault !== "set_clock")
  ) return '"inject_fault" takes a plane, a fault and a duration_ms';
  return { command, plane: fault.plane, fault: fault.fault, duration_ms: duration };
}

function readOverride(
  command: "release" | "claim",
  { name, for_ms: time }: Record<string, unknown>,
): ControlRequest | string {
  if (!isName(name)) {
    return `"${command}" takes the name of a virtual router or sync group`;
  }
  if (command === "claim" || time === undefined) return { command, name };
  if (typeof time !== "number" || !(time > 0 && time <= LONGEST_RELEASE)) {
    return '"release" takes a for_ms of up to 30 days';
  }
  return { command, name, for_ms: time };
}

function readBfd({ action, name }: Record<string, unknown>): ControlRequest | string {
  if (!isName(name) || (action !== "down" && action !== "up")) {
    return '"bfd" takes an action, "down" or "up", and the name of a session';
  }
  return { command: "bfd", action, name };
}

function isFault(fault: unknown): fault is "throw" | "hang" | "wait" | "set_clock" {
  return fault === "throw" || fault === "hang" || fault === "wait" || fault === "set_clock";
}

function readUpgrade({ binary }: Record<string, unknown>): ControlRequest | string {
  if (binary === undefined) return { command: "upgrade" };
  if (typeof binary !== "string" || !binary.startsWith("/") || binary.includes("\0")) {
    return '"upgrade" takes the absolute path of a binary';
  }
  return { command: "upgrade", binary };
}

function readTakeOver(data: Record<string, unknown>): ControlRequest | string {
  const { pid, version, formats, failed } = data;
  if (
    !Number.isSafeInteger(pid) || (pid as number) < 1 || typeof version !== "string" ||
    !Array.isArray(formats) || !formats.every(Number.isSafeInteger) ||
    (failed !== undefined && typeof failed !== "string")
  ) return '"take_over" takes a pid, a version and formats';
  const request = { command: "take_over", pid: pid as number, version, formats } as const;
  return failed === undefined ? request : { ...request, failed };
}
