/**
 * What waits of reloads, and how the file stands to what runs, as `halb status` shows it.
 *
 * @module
 */

import type { Status } from "../control/status.ts";
import { formatAge } from "./table.ts";

/** A line each; nothing where the agent runs what is in its file. */
export function waitingReloads(
  { confirmation, scheduled, rolled_back: back, differs }: Status["config"],
): string[] {
  const lines: string[] = [];
  if (confirmation !== null) {
    lines.push(
      `the configuration is taken back in ${formatAge(confirmation.in_ms)}, unless: ` +
        "halb reload --confirm",
    );
  }
  if (scheduled !== null) {
    const confirm = scheduled.confirm_within_ms === null
      ? ""
      : `, to be confirmed within ${formatAge(scheduled.confirm_within_ms)}`;
    lines.push(`a reload is scheduled in ${formatAge(scheduled.in_ms)}${confirm}`);
  }
  if (back !== null) {
    lines.push(`what is in the file was taken back (${back.reason}): halb plan shows it`);
  } else if (differs === true) {
    lines.push("what is in the file is not what runs: halb plan shows it");
  }
  return lines;
}
