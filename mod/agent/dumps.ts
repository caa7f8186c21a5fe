/**
 * What USR1 and USR2 write.
 *
 * @module
 */

import { join } from "node:path";
import type { Status } from "../control/status.ts";
import { textOf } from "../text/mod.ts";
import { log } from "./logging.ts";
import { writePrivately } from "./private_file.ts";
import type { Recorded } from "./recorder.ts";

/** The full state with the recent steps, or the counters alone. */
function dumpContent(
  file: "dump.json" | "stats.json",
  status: Status,
  steps: readonly Recorded[],
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

/** Writes status, all of it with the recent steps or the counters alone, for its owner only. */
export async function writeDump(
  directory: string,
  file: "dump.json" | "stats.json",
  status: () => Promise<Status>,
  steps: readonly Recorded[],
): Promise<void> {
  const path = join(directory, file);
  try {
    const content = dumpContent(file, await status(), [...steps]);
    writePrivately(path, `${JSON.stringify(content, null, 2)}\n`);
    log("info", ["control"], `Wrote ${path}`);
  } catch (error) {
    log("error", ["control"], `Cannot write ${path}: ${textOf(error)}`);
  }
}
