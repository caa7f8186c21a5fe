/**
 * Command lines: options may stand before or after arguments, and what is wrong is said with the
 * command's usage.
 *
 * @module
 */

import { parseArgs, type ParseArgsConfig } from "node:util";
import { INSTANCE } from "../../config/instances.ts";
import { nearest } from "../../config/nearest.ts";
import { textOf } from "../text/mod.ts";

/** Wrong usage: exit code 2. */
export class UsageError extends Error {}

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** The options that several commands take. */
export const COMMON_OPTIONS = {
  "after-stop": { type: "boolean" },
  addresses: { type: "string" },
  at: { type: "string" },
  binary: { type: "string" },
  cancel: { type: "boolean" },
  capabilities: { type: "string" },
  confirm: { type: "boolean" },
  "confirm-within": { type: "string" },
  config: { type: "string", short: "c" },
  control: { type: "string" },
  "dry-run": { type: "boolean" },
  duration: { type: "string" },
  follow: { type: "boolean", short: "f" },
  for: { type: "string" },
  forward: { type: "string" },
  host: { type: "boolean" },
  in: { type: "string" },
  help: { type: "boolean", short: "h" },
  id: { type: "string" },
  instance: { type: "string" },
  interface: { type: "string" },
  json: { type: "boolean" },
  last: { type: "string" },
  listen: { type: "boolean" },
  name: { type: "string" },
  nodes: { type: "string" },
  output: { type: "string", short: "o" },
  port: { type: "string" },
  "real-servers": { type: "string" },
  recording: { type: "string" },
  "roll-back": { type: "boolean" },
  script: { type: "string" },
  seed: { type: "string" },
  since: { type: "string" },
  svg: { type: "string" },
  "take-over": { type: "boolean" },
  timeout: { type: "string" },
  to: { type: "string" },
  type: { type: "string" },
  unicast: { type: "string" },
  wait: { type: "boolean" },
  version: { type: "boolean", short: "V" },
} as const satisfies Options;

export type CommonValues = {
  "after-stop"?: boolean;
  addresses?: string;
  at?: string;
  binary?: string;
  cancel?: boolean;
  capabilities?: string;
  confirm?: boolean;
  "confirm-within"?: string;
  config?: string;
  control?: string;
  "dry-run"?: boolean;
  duration?: string;
  follow?: boolean;
  for?: string;
  forward?: string;
  host?: boolean;
  in?: string;
  help?: boolean;
  id?: string;
  instance?: string;
  interface?: string;
  json?: boolean;
  last?: string;
  listen?: boolean;
  name?: string;
  nodes?: string;
  output?: string;
  port?: string;
  "real-servers"?: string;
  recording?: string;
  "roll-back"?: boolean;
  script?: string;
  seed?: string;
  since?: string;
  svg?: string;
  "take-over"?: boolean;
  timeout?: string;
  to?: string;
  type?: string;
  unicast?: string;
  wait?: boolean;
  version?: boolean;
};

/** @throws {UsageError} for an option that does not exist, or lacks its value */
export function parseArguments(
  args: readonly string[],
): { values: CommonValues; positionals: string[] } {
  const found = parsed(args);
  const { instance } = found.values;
  if (instance === undefined || INSTANCE.test(instance)) return found;
  const form = '1 to 32 letters, digits, "_", "." and "-"';
  throw new UsageError(`--instance takes a name of ${form}, not "${instance}"`);
}

function parsed(args: readonly string[]): { values: CommonValues; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      options: COMMON_OPTIONS,
      allowPositionals: true,
      allowNegative: true,
    });
  } catch (error) {
    throw new UsageError(plainly(textOf(error)));
  }
}

/** The parser's words, without what helps programmers only, and with the option that was meant. */
function plainly(text: string): string {
  const unknown = /^Unknown option '(-[^']*)'/.exec(text)?.[1];
  if (unknown !== undefined) {
    const near = unknown.startsWith("--")
      ? nearest(unknown, Object.keys(COMMON_OPTIONS))
      : unknown === "-v"
      ? "version"
      : undefined;
    const meant = near === undefined ? "" : `: did you mean --${near}?`;
    return `there is no option ${unknown}${meant}`;
  }
  const lacking = /^Option '(?:-\w, )?(--[\w-]+) <value>' argument missing/.exec(text)?.[1];
  if (lacking !== undefined) return `${lacking} needs a value`;
  return text;
}
