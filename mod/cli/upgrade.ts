/**
 * `halb upgrade`: the running agent starts a new process and hands over to it.
 *
 * @module
 */

import { resolve } from "node:path";
import type { UpgradeResult } from "../agent/succession.ts";
import { ask } from "../control/client.ts";

/** @throws {AgentUnreachable} when nobody answers at `control`; @throws {Error} when it failed */
export async function upgradeCommand(
  control: string,
  options: { readonly binary?: string; readonly json: boolean },
): Promise<{ exitCode: number; output: string }> {
  const { binary, json } = options;
  const program = binary === undefined ? {} : { binary: resolve(binary) };
  let result: UpgradeResult;
  try {
    result = await ask(control, { command: "upgrade", ...program }) as UpgradeResult;
  } catch (error) {
    if (!(error instanceof Error) || error.name === "AgentUnreachable") throw error;
    const output = json
      ? JSON.stringify({ result: "failed", reason: error.message }, null, 2)
      : `${error.message}\nThe agent that ran goes on`;
    return { exitCode: 1, output };
  }
  if (json) {
    return { exitCode: 0, output: JSON.stringify({ result: "upgraded", ...result }, null, 2) };
  }
  return { exitCode: 0, output: upgradeText(result) };
}

/** For people. */
export function upgradeText(result: UpgradeResult): string {
  const { old, new: next, routers, silence_ms: silence } = result;
  const count = routers === 1 ? "1 virtual router" : `${routers} virtual routers`;
  const silent = silence === null ? "" : `, no master silent for more than ${silence} ms`;
  return `halb ${old.version} (pid ${old.pid}) → halb ${next.version} (pid ${next.pid}): ` +
    `${count} taken over${silent}`;
}
