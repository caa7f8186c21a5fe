/**
 * `halb status`: what is going on now.
 *
 * @module
 */

import { ask } from "../control/client.ts";
import type { Status } from "../control/status.ts";
import { formatRouter, formatStatus } from "./status_text.ts";

/** @throws {AgentUnreachable} when nobody answers at `control` */
export async function statusCommand(
  control: string,
  options: { readonly name?: string; readonly json: boolean; readonly color: boolean },
): Promise<{ exitCode: number; output: string }> {
  const status = await ask(control, { command: "status" }) as Status;
  const { name } = options;
  if (name === undefined) {
    const output = options.json
      ? JSON.stringify(status, null, 2)
      : formatStatus(status, Date.now(), options.color);
    return { exitCode: 0, output };
  }
  const router = status.vrrp.find((candidate) => candidate.name === name);
  if (router === undefined) {
    const names = status.vrrp.map((candidate) => candidate.name).join(", ");
    return { exitCode: 1, output: `halb: there is no "${name}" here: ${names}` };
  }
  const output = options.json ? JSON.stringify(router, null, 2) : formatRouter(router, Date.now());
  return { exitCode: 0, output };
}
