/**
 * What USR1 and USR2 write.
 *
 * @module
 */

import type { Status } from "../control/status.ts";
import type { GroupStepRecord } from "../plane/groups.ts";
import type { StepRecord } from "../plane/messages.ts";

/** The full state with the recent steps, or the counters alone. */
export function dumpContent(
  file: "dump.json" | "stats.json",
  status: Status,
  steps: readonly (StepRecord | GroupStepRecord)[],
) {
  if (file === "dump.json") return { ...status, recent: steps };
  return {
    at: new Date().toISOString(),
    vrrp: status.vrrp.map(({ name, transitions, announcements, repairs, sessions }) => ({
      name,
      transitions,
      announcements,
      repairs,
      counters: sessions.map(({ family, counters }) => ({ family, ...counters })),
    })),
    interfaces: status.interfaces,
    realtime: status.realtime,
  };
}
