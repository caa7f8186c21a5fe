/**
 * Long runs: `deno task soak`, ten minutes each unless `--seconds` says otherwise; the tests run each
 * for 20 seconds with the same assertions. `--list` names these. One that fails while the machine
 * stood still is run again, as a lab is; one in a guest, `balance`, sees to that itself.
 *
 * @module
 */

import { whileVoid } from "../lib/lab.ts";

const SOAKS: Record<string, () => Promise<{ run(seconds: number): Promise<void> }>> = {
  balance: () => import("./balance.ts"),
  bfd: () => import("./bfd.ts"),
  bfd_flood: () => import("./bfd_flood.ts"),
  busy: () => import("./busy.ts"),
  checks: () => import("./checks.ts"),
  churn: () => import("./churn.ts"),
  elections: () => import("./elections.ts"),
  flood: () => import("./flood.ts"),
};

/** Those in virtual time: a machine that stands still is no excuse. */
const VIRTUAL: ReadonlySet<string> = new Set(["elections"]);
/** Those in a guest, where the tests run them anyhow: `--list` leaves them out. */
const IN_GUEST: ReadonlySet<string> = new Set(["balance"]);

const DEFAULT_SECONDS = 600;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--list")) {
    console.log(Object.keys(SOAKS).filter((name) => !IN_GUEST.has(name)).join("\n"));
    return 0;
  }
  const at = args.indexOf("--seconds");
  const seconds = at < 0 ? DEFAULT_SECONDS : Number(args[at + 1]);
  if (!(seconds > 0)) {
    console.error(`--seconds takes a number: ${args[at + 1]}`);
    return 2;
  }
  const names = args.filter((word, i) => !word.startsWith("--") && (at < 0 || i !== at + 1));
  const unknown = names.filter((name) => !Object.hasOwn(SOAKS, name));
  if (unknown.length > 0) {
    console.error(`No soak is called ${unknown.join(", ")}: ${Object.keys(SOAKS).join(", ")}`);
    return 2;
  }
  for (const name of names.length > 0 ? names : Object.keys(SOAKS)) {
    console.log(`soak ${name}: ${seconds} s`);
    const soak = await SOAKS[name]!();
    if (VIRTUAL.has(name) || IN_GUEST.has(name)) await soak.run(seconds);
    else await whileVoid(`soak ${name}`, () => soak.run(seconds));
  }
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error);
    Deno.exit(1);
  }
}
