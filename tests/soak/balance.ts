/**
 * Real servers that die, hang, recover and flap by chance while a client asks through the virtual
 * server: tests/kernel/balance_checks_test.ts, as long as wanted, in a guest that has IPVS.
 *
 * @module
 */

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const TEST = "tests/kernel/balance_checks_test.ts";
/** The guest boots, and the test's own injuries come before and after those by chance, seconds. */
const AROUND = 300;

export async function run(seconds: number): Promise<void> {
  const { success } = await new Deno.Command("scripts/guest", {
    args: ["-t", `${seconds + AROUND}`, Deno.execPath(), "test", "-A", "--no-check", TEST],
    cwd: ROOT,
    stdin: "null",
    env: { HALB_CHECKS_SECONDS: `${seconds}` },
  }).spawn().status;
  if (!success) throw new Error(`${TEST} has failed: see above`);
}
