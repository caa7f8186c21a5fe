/**
 * `halb release` and `halb claim`: an operator's word on who shall be master.
 *
 * @module
 */

import { formatDuration, parseDuration } from "../../config/duration.ts";
import type { OverrideResult } from "../agent/results.ts";
import { ask } from "../control/client.ts";
import { escapeText } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";

/** Limits of `--for`, microseconds. */
const SHORTEST = 1_000_000;
const LONGEST = 30 * 86_400_000_000;

/**
 * @param time a duration such as `10m`, for `release`
 * @throws {UsageError} when `time` is none
 * @throws {AgentUnreachable} when nobody answers at `control`
 * @throws {Error} with the agent's words when it refuses
 */
export async function overrideCommand(
  command: "release" | "claim",
  name: string,
  control: string,
  options: { readonly time?: string; readonly json: boolean },
): Promise<{ exitCode: number; output: string }> {
  const time = options.time === undefined ? undefined : readTime(options.time);
  const request = command === "release"
    ? { command, name, ...(time === undefined ? {} : { for_ms: time / 1000 }) }
    : { command, name };
  const result = await ask(control, request) as OverrideResult;
  if (options.json) return { exitCode: 0, output: JSON.stringify(result, null, 2) };
  const others = result.members.filter((member) => member !== name);
  const members = others.length > 0 ? ` (${others.join(", ")})` : "";
  const output = command === "claim"
    ? `${name}${members}: claimed, with priority 254 while it is master here`
    : `${name}${members}: released, with priority 1 ` +
      (time === undefined ? "until halb claim" : `for ${formatDuration(time)}`);
  return { exitCode: 0, output: escapeText(output) };
}

function readTime(text: string): number {
  const micros = parseDuration(text);
  if (micros !== undefined && micros >= SHORTEST && micros <= LONGEST) return micros;
  throw new UsageError(`--for takes a duration from 1s to 30d, such as 10m, not "${text}"`);
}
