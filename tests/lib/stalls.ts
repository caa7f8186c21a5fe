/**
 * The machine's own stalls, seen by a witness on each processor: what a lab compares lateness with
 * before it calls it a defect.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import type { Stall } from "./stall_main.ts";

const MAIN = new URL("./stall_main.ts", import.meta.url).pathname;

/** Watches from now until `end`, which tells what was seen on any processor. */
export async function witnessStalls(lab: Lab, host: Host): Promise<{ end(): Promise<Stall[]> }> {
  const witnesses = Array.from({ length: navigator.hardwareConcurrency }, (_, cpu) => {
    const path = `${lab.directory}/stalls-${cpu}-${host.processes.length}.json`;
    // Its own collections of garbage must not be taken for stalls.
    const argv = [Deno.execPath(), "run", "-A", "--no-check", "--v8-flags=--single-threaded-gc"];
    const process = host.spawn([...argv, MAIN, String(cpu), path], { name: "stalls", input: true });
    return { path, process };
  });
  for (const { process } of witnesses) {
    await lab.until("the witness watches", () => process.log().includes("watching"), 5_000);
  }
  return {
    async end() {
      const stalls: Stall[] = [];
      for (const { path, process } of witnesses) {
        await process.closeInput();
        await process.exited;
        stalls.push(...JSON.parse(Deno.readTextFileSync(path)) as Stall[]);
      }
      return stalls;
    },
  };
}

/** Whether some processor stood still for `least` within the time; microseconds. */
export function stalledWithin(
  stalls: readonly Stall[],
  from: number,
  to: number,
  least: number,
): boolean {
  return stalls.some(([at, late]) => late >= least && at <= to && at + late >= from);
}
