/**
 * Requests about virtual servers on the control socket, see `protocol.ts`.
 *
 * @module
 */

import { GREATEST_WEIGHT } from "../ipvs/mod.ts";

/** Which real server. */
interface ServerNames {
  readonly virtual_server: string;
  readonly real_server: string;
}

export type BalanceRequest =
  /** Take a real server out: no new connections, and out when the others are over. */
  | ServerNames & {
    readonly command: "drain";
    /** Longest time that its connections may last, milliseconds; 0: as long as they last;
     * absent: as configured. */
    readonly timeout_ms?: number;
  }
  /** Put it back. */
  | ServerNames & { readonly command: "undrain" }
  /** Another weight than the configured one; null: the configured one again. */
  | ServerNames & { readonly command: "weight"; readonly weight: number | null }
  /** How it stands. */
  | ServerNames & { readonly command: "real_server" }
  | ListRequest;

/** What is listed beside the configuration, and changes of it. */
export interface ListRequest {
  readonly command: "servers";
  readonly virtual_server: string;
  /** Absent: nothing is changed. */
  readonly action?: "add" | "remove" | "set";
  /** As in a `servers_file`: `198.51.100.12:8080 10`. */
  readonly lines?: readonly string[];
}

export const BALANCE_COMMANDS = ["drain", "undrain", "weight", "real_server", "servers"] as const;

/** Longest time that a drain may be given, milliseconds: 7 days. */
export const LONGEST_DRAIN = 7 * 86_400_000;
const LONGEST_NAME = 256;

/** Whether it is one of these. */
export function isBalanceCommand(command: string): command is BalanceRequest["command"] {
  return BALANCE_COMMANDS.some((one) => one === command);
}

/** Reads a request; what is none is said in words. */
export function readBalance(
  command: BalanceRequest["command"],
  data: Readonly<Record<string, unknown>>,
): BalanceRequest | string {
  if (command === "servers") return readList(data);
  const { virtual_server, real_server } = data;
  if (!isName(virtual_server) || !isName(real_server)) {
    return `"${command}" takes a virtual_server and a real_server`;
  }
  const names = { virtual_server, real_server };
  switch (command) {
    case "drain":
      return readDrain(names, data.timeout_ms);
    case "weight": {
      const { weight } = data;
      if (weight === null) return { command, ...names, weight };
      if (isWhole(weight, GREATEST_WEIGHT)) return { command, ...names, weight };
      return `"weight" takes a weight from 0 to ${GREATEST_WEIGHT}, or null`;
    }
    default:
      return { command, ...names };
  }
}

function readList(data: Readonly<Record<string, unknown>>): BalanceRequest | string {
  const { virtual_server, action, lines } = data;
  const command = "servers";
  if (!isName(virtual_server)) return `"${command}" takes a virtual_server`;
  if (action === undefined) return { command, virtual_server };
  if (action !== "add" && action !== "remove" && action !== "set") {
    return `"${command}" takes the action "add", "remove" or "set"`;
  }
  const isText = (line: unknown): line is string => typeof line === "string";
  if (!Array.isArray(lines) || !lines.every(isText)) return `"${command}" takes lines of a list`;
  return { command, virtual_server, action, lines };
}

function readDrain(names: ServerNames, timeout: unknown): BalanceRequest | string {
  const command = "drain";
  if (timeout === undefined) return { command, ...names };
  if (typeof timeout === "number" && timeout >= 0 && timeout <= LONGEST_DRAIN) {
    return { command, ...names, timeout_ms: timeout };
  }
  return '"drain" takes a timeout_ms of up to 7 days';
}

/** Whether it can be the name of something in a site. */
export function isName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && name.length <= LONGEST_NAME;
}

function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}
