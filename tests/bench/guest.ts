/**
 * Benchmarks that need IPVS run in the guest (`scripts/guest`), since the machine's kernel may have
 * none: times taken there are good for ratios.
 *
 * @module
 */

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** Runs a script of this folder in the guest. @param limit seconds after which the guest has hung */
export async function runInGuest(
  script: string,
  args: readonly string[],
  limit: number,
): Promise<void> {
  const setup = await new Deno.Command(`${ROOT}/scripts/setup`, { args: ["kernel"] }).spawn()
    .status;
  if (!setup.success) throw new Error("scripts/setup kernel failed");
  const { success } = await new Deno.Command(`${ROOT}/scripts/guest`, {
    args: [
      "-m",
      "3G",
      "-t",
      `${limit}`,
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      `${ROOT}/tests/bench/${script}`,
      ...args,
    ],
    cwd: ROOT,
  }).spawn().status;
  if (!success) throw new Error("The benchmark failed in the guest");
}
