/**
 * `ipvs`: from an empty table to a full one, and reloads that change little. It runs in the guest
 * (`scripts/guest`), since the machine's kernel may have no IPVS: its times are good for ratios.
 *
 * @module
 */

import { runInGuest } from "./guest.ts";

/** Seconds after which the guest has hung. */
const LIMIT = 1500;

/** @param args `--quick`: one run of each; `--runs=N`; `--only=halb`; `--shapes=10x10,100x100` */
export async function run(args: readonly string[]): Promise<void> {
  await runInGuest("ipvs_guest.ts", args, LIMIT);
}
