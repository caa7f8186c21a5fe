/**
 * What the labs of hand-overs share.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { UpgradeResult } from "../../mod/agent/succession.ts";
import {
  type Capture,
  type Executed,
  type HalbAgent,
  halbPath,
  type Lab,
  runHalb,
} from "../lib/mod.ts";
import { adverts, takeovers } from "../lib/adverts.ts";
import { longestGap, routerOf } from "./agent_helpers.ts";

/** Runs `halb upgrade`. */
export function tryUpgrade(agent: HalbAgent, ...args: string[]): Promise<Executed> {
  return runHalb(["upgrade", "--control", agent.controlPath, ...args]);
}

/** `halb upgrade`, which must succeed. */
export async function upgrade(agent: HalbAgent, ...args: string[]): Promise<UpgradeResult> {
  const ran = await tryUpgrade(agent, "--json", ...args);
  assert.equal(ran.code, 0, `${ran.stdout}${ran.stderr}\n${agent.log()}`);
  const result = JSON.parse(ran.stdout) as UpgradeResult & { result: string };
  assert.equal(result.result, "upgraded");
  return result;
}

/** A program that is halb with these words before it, such as `env A=1`. Returns its path. */
export function wrapper(lab: Lab, name: string, ...words: string[]): string {
  const path = `${lab.directory}/${name}`;
  Deno.writeTextFileSync(path, `#!/bin/sh\nexec ${words.join(" ")} ${halbPath()} "$@"\n`, {
    mode: 0o700,
  });
  return path;
}

/** halb that fails on request at a stage of the take-over (see mod/agent/take_over.ts). */
export function faulty(lab: Lab, fault: "kill" | "hang" | "fail", stage: string): string {
  const words = ["env", "HALB_FAULT_INJECTION=1", `HALB_TAKE_OVER_FAULT=${fault}:${stage}`];
  return wrapper(lab, `halb-${fault}-${stage}`, ...words);
}

/** What no hand-over may change. */
export async function unchanging(agent: HalbAgent, name = "web") {
  const { state, transitions, since, sessions } = await routerOf(agent, name);
  const { advertisements_sent: sent, advertisements_received: heard } = sessions[0]!.counters;
  return { state, transitions, since: Date.parse(since), sent, heard };
}

/**
 * Nobody but `source` has advertised, always with the same priority. Returns its longest silence,
 * microseconds.
 */
export async function soleAdvertiser(capture: Capture, source: string): Promise<number> {
  const seen = await adverts(capture);
  assert.deepEqual(takeovers(seen), []);
  assert.deepEqual([...new Set(seen.map(({ priority }) => priority))], [150]);
  return longestGap(seen, source);
}
