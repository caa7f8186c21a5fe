/**
 * `halb status`: what is going on now.
 *
 * @module
 */

import { ask } from "../control/client.ts";
import type { Status } from "../control/status.ts";
import { formatSession } from "./bfd_text.ts";
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
  const session = status.bfd.find((candidate) => candidate.name === name);
  if (router === undefined && session === undefined) {
    const names = [...status.vrrp, ...status.bfd].map((candidate) => candidate.name).join(", ");
    return { exitCode: 1, output: `halb: there is no "${name}" here: ${names}` };
  }
  const now = Date.now();
  // A router comes before a session of the same name; people see both.
  if (options.json) return { exitCode: 0, output: JSON.stringify(router ?? session, null, 2) };
  const texts = [
    ...(router === undefined ? [] : [formatRouter(router, now)]),
    ...(session === undefined ? [] : [formatSession(session, now)]),
  ];
  return { exitCode: 0, output: texts.join("\n\n") };
}
