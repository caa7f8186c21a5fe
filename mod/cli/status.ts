/**
 * `halb status`: what is going on now.
 *
 * @module
 */

import { ask } from "../control/client.ts";
import type { Status } from "../control/status.ts";
import { formatVirtualServer } from "./balance_text.ts";
import { formatSession } from "./bfd_text.ts";
import { formatCheck } from "./check_text.ts";
import { formatRouter, formatStatus } from "./status_text.ts";
import { painter } from "./table.ts";

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
  const named = ({ name: candidate }: { readonly name: string }): boolean => candidate === name;
  const router = status.vrrp.find(named);
  const session = status.bfd.find(named);
  const server = status.virtual_servers.find(named);
  const check = status.checks.find(({ name: own }) => own === name);
  const found = router ?? session ?? server ?? check;
  if (found === undefined) {
    const all = [...status.vrrp, ...status.bfd, ...status.virtual_servers, ...status.checks];
    const names = all.map((candidate) => candidate.name).join(", ");
    return { exitCode: 1, output: `halb: there is no "${name}" here: ${names}` };
  }
  const now = Date.now();
  // A router comes before others of the same name; people see all.
  if (options.json) {
    return { exitCode: 0, output: JSON.stringify(found, null, 2) };
  }
  const texts = [
    ...(router === undefined ? [] : [formatRouter(router, now)]),
    ...(session === undefined ? [] : [formatSession(session, now)]),
    ...(server === undefined ? [] : [formatVirtualServer(server, now, painter(options.color))]),
    ...(check === undefined ? [] : [formatCheck(check, now, painter(options.color))]),
  ];
  return { exitCode: 0, output: texts.join("\n\n") };
}
