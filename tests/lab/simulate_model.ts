/**
 * The same failure as `halb simulate` foresees it: the same files, the same phase.
 *
 * @module
 */

import type { SimulationReport } from "../../mod/simulate/report.ts";
import { runHalb } from "../lib/mod.ts";
import type { Fared, Measured, Nodes } from "./simulate_real.ts";
import type { Scenario } from "./simulate_scenarios.ts";

const SECOND = 1_000_000;
/** What goes before the failure is done then. */
const BEFORE = 8 * SECOND;
/** At the earliest the failure itself. */
const EARLIEST = 20 * SECOND;
/** How long it goes on after the failure. */
const AFTER = 25 * SECOND;
/** Tries to meet a packet of BFD, whose times are jittered, at the same age. */
const TRIES = 40;
const STEP = 13_000;

/** What is foreseen where it fails so long after an advert, and after a BFD packet. */
export async function foresee(
  scenario: Scenario,
  nodes: Nodes,
  directory: string,
  { phase, heard }: Pick<Measured, "phase" | "heard">,
): Promise<Fared[]> {
  const { session, interval, addresses } = scenario;
  const quiet = await run(scenario, nodes, directory, EARLIEST, "");
  const since = masterSince(quiet, scenario.former, EARLIEST);
  const rounds = Math.ceil((EARLIEST - since) / interval);
  const first = since + rounds * interval + phase;
  let at = first;
  let report = await run(scenario, nodes, directory, at, scenario.event);
  if (session !== undefined) {
    const lastHeard = () => {
      const down = report.sessions.find((one) =>
        one.node === scenario.former && one.state === "down" && one.from > at
      );
      if (down === undefined) throw new Error(`${session.name} does not fail in the simulation`);
      return down.from - session.detection;
    };
    for (let tries = 1; lastHeard() + heard! !== at; tries++) {
      if (tries > TRIES) throw new Error(`No packet of BFD is ${heard} us old in the simulation`);
      // The next packet may come before this one is so old: then another one is tried.
      const wanted = lastHeard() + heard!;
      at = tries % 2 === 1 ? wanted : first + tries * STEP;
      report = await run(scenario, nodes, directory, at, scenario.event);
    }
  }
  return addresses.map((address) => faredOf(report, scenario, address, at));
}

function faredOf(
  report: SimulationReport,
  { former, successor }: Scenario,
  address: string,
  at: number,
): Fared {
  const one = report.addresses.find((candidate) => candidate.address === address);
  const taken = report.holdings.find((held) =>
    held.address === address && held.node === successor && held.from >= at
  );
  if (one === undefined || taken === undefined) {
    throw new Error(`${successor} never holds ${address} in the simulation`);
  }
  const router = report.routers[one.router]!.nodes.find(({ node }) => node === successor)!.router;
  const master = report.states.find((state) =>
    state.node === successor && state.router === router && state.state === "master" &&
    state.from >= at
  )!;
  const after = (spans: readonly { readonly from: number; readonly to: number }[]) =>
    spans.filter(({ to }) => to > at).reduce((sum, { from, to }) => sum + to - from, 0);
  const both = [former, successor];
  return {
    takeover: master.from - at,
    announced: taken.from - master.from,
    outage: after(one.outages),
    double: after(one.doubles.filter(({ nodes }) => both.every((name) => nodes.includes(name)))),
  };
}

/** When the former master became so for the last time. */
function masterSince(report: SimulationReport, former: string, before: number): number {
  const span = report.states.findLast((one) =>
    one.node === former && one.state === "master" && one.from < before
  );
  if (span === undefined || span.to < before) {
    throw new Error(`${former} is not master in the simulation: ${JSON.stringify(report.states)}`);
  }
  return span.from;
}

async function run(
  scenario: Scenario,
  { files, addresses }: Nodes,
  directory: string,
  at: number,
  event: string,
): Promise<SimulationReport> {
  const script = [
    `duration = "${Math.round(at + AFTER)}us"`,
    ...Object.entries(addresses).map(([name, held]) =>
      `[[node]]\nname = "${name}"\naddresses = ${inlineTable(held)}`
    ),
    ...scenario.eventBefore === undefined ? [] : [eventAt(BEFORE, scenario.eventBefore)],
    ...event === "" ? [] : [eventAt(at, event)],
  ].join("\n\n");
  const path = `${directory}/script.toml`;
  Deno.writeTextFileSync(path, `${script}\n`, { mode: 0o600 });
  const operands = Object.entries(files).map(([name, file]) => `${name}=${file}`);
  const { code, stdout, stderr } = await runHalb([
    "simulate",
    ...operands,
    "--script",
    path,
    "--json",
  ]);
  if (code !== 0) {
    throw new Error(`halb simulate ended with ${code}: ${stderr}${stdout}\n${script}`);
  }
  return JSON.parse(stdout) as SimulationReport;
}

function eventAt(at: number, event: string): string {
  return `[[event]]\nat = "${Math.round(at)}us"\n${event}`;
}

function inlineTable(table: Readonly<Record<string, readonly string[]>>): string {
  const pairs = Object.entries(table).map(([key, list]) => `${key} = ${JSON.stringify(list)}`);
  return `{ ${pairs.join(", ")} }`;
}
