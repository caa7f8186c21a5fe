/**
 * `halb reload`: the running agent applies its own file again.
 *
 * @module
 */

import type { ReloadResult } from "../agent/results.ts";
import { ask } from "../control/client.ts";

/** @throws {AgentUnreachable} when nobody answers at `control` */
export async function reloadCommand(
  control: string,
  json: boolean,
): Promise<{ exitCode: number; output: string }> {
  const result = await ask(control, { command: "reload" }) as ReloadResult;
  const exitCode = result.result === "applied" ? 0 : result.result === "invalid" ? 2 : 1;
  if (json) return { exitCode, output: JSON.stringify(result, null, 2) };
  if (result.result !== "applied") {
    return { exitCode, output: [...result.problems, "Nothing was changed"].join("\n") };
  }
  const { changes } = result;
  return { exitCode, output: changes.length > 0 ? changes.join("\n") : "No changes" };
}
