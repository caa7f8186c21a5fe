/** Somebody who reads a FIFO that an agent or keepalived writes. */

import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";

/** A FIFO that is read for as long as the lab lasts. */
export async function fifoReader(lab: Lab, host: Host) {
  const path = `${lab.directory}/fifo-of-${host.name}`;
  await host.exec(["mkfifo", "-m", "600", path]);
  // Open for writing too, so that it does not end with a writer.
  const process = host.spawn(["sh", "-c", 'exec cat <>"$1"', "sh", path], { name: "fifo" });
  return { path, lines: () => process.log().split("\n").filter((line) => line !== "") };
}
