/**
 * Runs keepalived with its file and halb with the converted one in front of the same real servers,
 * until both have the same table by `ipvsadm`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { inNamespace } from "../../ffi/mod.ts";
import { convert } from "../../mod/convert/mod.ts";
import { type Lab, startHalb, startKeepalived, until } from "../lib/mod.ts";
import { adopted } from "./balance.ts";
import { FARM, startFarm, wire } from "./convert_farm.ts";
import type { BalancedSite } from "./convert_ipvs_sites.ts";
import type { Settled } from "../lib/keepalived_sites.ts";
import { run, withNamespaces } from "./lib.ts";

/** How many pairs of directors there are at a time; more starve each other of the one processor. */
const PAIRS = 3;
/** Checks of once a second that fail four times, on a processor that all daemons share. */
const SETTLING = 240_000;
/** How often tables are looked at, ms: each look takes the processor from who is looked at. */
const LOOK = 1_000;

/** Runs a program in a namespace, without another one between, and returns its lines. */
function linesOf(namespace: string, program: string, ...args: string[]): string[] {
  const text = inNamespace(namespace, () => run(program, ...args));
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

/** The table as it would be saved. */
function savedIn(namespace: string): string[] {
  return linesOf(namespace, "ipvsadm", "-Sn").sort();
}

/** The table as it is shown, and the sync daemons. */
function listedIn(namespace: string): string[] {
  const listed = linesOf(namespace, "ipvsadm", "-Ln").slice(3)
    // Without the connections of checks to an address that is a virtual one, too.
    .map((line) => line.replace(/^(->.*\S)\s+\d+\s+\d+$/, "$1").replace(/\s+/g, " "));
  return [...listed.sort(), ...linesOf(namespace, "ipvsadm", "-Ln", "--daemon")];
}

function figuresOf(saved: readonly string[]): Settled {
  const weights = saved.filter((line) => line.startsWith("-a"))
    .map((line) => Number(/ -w (\d+)/.exec(line)?.[1] ?? 1));
  const quiet = weights.filter((weight) => weight === 0).length;
  return {
    services: saved.filter((line) => line.startsWith("-A")).length,
    alive: weights.length - quiet,
    quiet,
  };
}

/** The site that `halb convert` makes of a file. */
function converted(path: string): string {
  return convert(path, {
    hostname: "lab",
    environment: () => undefined,
    hasUser: () => false,
    find: (pattern) => [pattern],
    read: (file) => Deno.readTextFileSync(file),
  }).text;
}

/** Runs both daemons on one configuration after the other. */
async function lane(lab: Lab, sites: BalancedSite[], pair: readonly [string, string]) {
  const [theirs, ours] = pair.map((name) => adopted(lab, name));
  for (let site = sites.shift(); site !== undefined; site = sites.shift()) {
    const path = `${lab.directory}/${pair[0]}.conf`;
    Deno.writeTextFileSync(path, site.text);
    const text = converted(path);
    const peer = startKeepalived(lab, theirs!, site.text, { quiet: true });
    const agent = startHalb(lab, ours!, text, { name: "lab", logLevel: "info" });
    const { settled } = site;
    const begun = Date.now();
    let last: [string[], string[]] | undefined;
    await until(
      `${site.name}: both have the same table`,
      () => {
        last = [savedIn(pair[0]), savedIn(pair[1])];
        assert.deepEqual(
          figuresOf(last[0]),
          settled,
          "what keepalived has",
        );
        assert.deepEqual(last[1], last[0]);
        assert.deepEqual(listedIn(pair[1]), listedIn(pair[0]));
        return true;
      },
      SETTLING,
      LOOK,
    ).catch((error) => {
      const [own, other] = [last?.[1] ?? [], last?.[0] ?? []];
      const only = (some: string[], others: string[]) =>
        some.filter((one) => !others.includes(one));
      console.log(`${site.name}: only of halb:`, only(own, other));
      console.log("only of keepalived:", only(other, own), `\n${text}`);
      sites.length = 0;
      throw error;
    });
    if (Deno.env.has("HALB_TIMES")) console.log(`${site.name}: ${Date.now() - begun} ms`);
    await Promise.all([peer.stop(30_000), agent.stop(30_000)]);
    await until(
      `${site.name}: nothing is left`,
      () => {
        return savedIn(pair[0]).length === 0 && savedIn(pair[1]).length === 0;
      },
      10_000,
      LOOK,
    );
  }
}

/** Runs all of them, some at a time. */
export async function compareAll(lab: Lab, sites: BalancedSite[]): Promise<void> {
  const pairs = Array.from({ length: PAIRS }, (_, i) => [`k${i}`, `h${i}`] as const);
  await withNamespaces([FARM, ...pairs.flat()], async () => {
    wire(pairs.flat());
    await startFarm(adopted(lab, FARM), lab.directory);
    const results = await Promise.allSettled(pairs.map((pair) => lane(lab, sites, pair)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  });
}
