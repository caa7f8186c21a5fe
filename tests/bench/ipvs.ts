/**
 * `ipvs`: from an empty table to a full one, and reloads that change little. It runs in the guest
 * (`scripts/guest`), since the machine's kernel may have no IPVS: its times are good for ratios.
 *
 * @module
 */

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** Seconds after which the guest has hung. */
const LIMIT = 1500;

/** @param args `--quick`: one run of each; `--runs=N`; `--only=halb`; `--shapes=10x10,100x100` */
export async function run(args: readonly string[]): Promise<void> {
  const setup = await new Deno.Command(`${ROOT}/scripts/setup`, { args: ["kernel"] }).spawn()
    .status;
  if (!setup.success) throw new Error("scripts/setup kernel failed");
  const script = `${ROOT}/tests/bench/ipvs_guest.ts`;
  const { success } = await new Deno.Command(`${ROOT}/scripts/guest`, {
    args: [
      "-m",
      "3G",
      "-t",
      `${LIMIT}`,
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      script,
      ...args,
    ],
    cwd: ROOT,
  }).spawn().status;
  if (!success) throw new Error("The benchmark failed in the guest");
}
