/**
 * `halb bfd down` and `halb bfd up`: the administrative state of a session.
 *
 * @module
 */

import type { BfdResult } from "../agent/results.ts";
import { ask } from "../control/client.ts";
import { escapeText } from "../text/mod.ts";

/**
 * Returns what to print.
 *
 * @throws {AgentUnreachable} when nobody answers at `control`
 * @throws {Error} with the agent's words when it refuses
 */
export async function bfdCommand(
  action: "down" | "up",
  name: string,
  control: string,
  json: boolean,
): Promise<string> {
  const result = await ask(control, { command: "bfd", action, name }) as BfdResult;
  if (json) return JSON.stringify(result, null, 2);
  return escapeText(
    action === "down"
      ? `${name}: taken down, until halb bfd up ${name} or a restart of the agent`
      : `${name}: may come up again`,
  );
}
