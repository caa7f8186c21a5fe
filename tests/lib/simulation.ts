/**
 * Simulations for tests: sites and scripts as texts, nothing read from a disk.
 *
 * @module
 */

import assert from "node:assert/strict";
import { formatProblem, type LoadOptions, loadSite } from "../../config/mod.ts";
import type { FileAccess } from "../../config/include.ts";
import { knownOf } from "../../mod/simulate/known.ts";
import type { NodeSpec } from "../../mod/simulate/nodes.ts";
import type { SimulationReport } from "../../mod/simulate/report.ts";
import { readScript, type Script } from "../../mod/simulate/script.ts";
import { simulate, type SimulationOptions } from "../../mod/simulate/simulate.ts";

/** Sites by the names of their nodes. */
export type Sites = Readonly<Record<string, string>>;

/** A gateway as most pairs have it. @param more further keys of the router */
export function gateway(priority: number, more = ""): string {
  return `[[vrrp]]
name = "gw"
interface = "eth0"
virtual_router_id = 51
priority = ${priority}
addresses = ["192.0.2.1/24"]
${more}
`;
}

/** Two real servers behind the gateway's address, both of which are needed. @param checks of each */
export function pool(...checks: readonly [string, string]): string {
  const servers = checks.map((check, i) =>
    `[[virtual_server.real_server]]
address = "198.51.100.${11 + i}:8080"
check = [{ type = "tcp", ${check} }]
`
  );
  return `[[virtual_server]]
name = "web"
listen = "192.0.2.1:80"
follow = "gw"
quorum = 2

${servers.join("\n")}`;
}

function access(files: Sites): FileAccess {
  return {
    readText: (path) => {
      const text = files[path];
      if (text !== undefined) return text;
      throw Object.assign(new Error("It is not there"), { name: "NotFound" });
    },
    listDirectory: () => [],
  };
}

export function nodesOf(sites: Sites): NodeSpec[] {
  return Object.entries(sites).map(([name, text]) => {
    const file = `${name}.toml`;
    const options: LoadOptions = {
      ...access({ [file]: text }),
      hostname: name,
      environment: () => undefined,
      users: {
        user: (name) => ({ name, uid: 65_534, gid: 65_534 }),
        group: () => 65_534,
        groupsOf: () => [],
      },
    };
    const loaded = loadSite(file, options);
    if (loaded.ok) return { name: loaded.site.agent.name, file, site: loaded.site };
    throw new Error(loaded.problems.map((one) => formatProblem(one, { color: false })).join("\n"));
  });
}

/** What is wrong with a script, as it is shown. */
export function problemsOf(sites: Sites, script: string): string[] {
  const read = readScript("s.toml", access({ "s.toml": script }), knownOf(nodesOf(sites)));
  return read.ok ? [] : read.problems.map((one) => formatProblem(one, { color: false }));
}

export function scriptOf(specs: readonly NodeSpec[], text: string): Script {
  const read = readScript("s.toml", access({ "s.toml": text }), knownOf(specs));
  if (read.ok) return read.value;
  throw new Error(read.problems.map((one) => formatProblem(one, { color: false })).join("\n"));
}

/** Runs a script. */
export function run(
  sites: Sites,
  script: string,
  options: SimulationOptions = {},
): SimulationReport {
  const specs = nodesOf(sites);
  return simulate(specs, scriptOf(specs, script), options);
}

/** Who holds an address, each with its times in milliseconds. */
export function holders(
  { holdings }: SimulationReport,
  address = "192.0.2.1",
): [node: string, from: number, to: number, by: string][] {
  return holdings.filter((one) => one.address === address).map(({ node, from, to, by }) => [
    node,
    from / 1000,
    to / 1000,
    by,
  ]);
}

/** The states of one router, with the time in milliseconds of each. */
export function statesOf(
  { states }: SimulationReport,
  node: string,
  router = "gw",
): [state: string, from: number][] {
  return states.filter((one) => one.node === node && one.router === router)
    .map(({ state, from }) => [state, from / 1000]);
}

/** When a session came into each state, in seconds, but for the one between down and up. */
export function sessionOf(
  { sessions }: SimulationReport,
  node: string,
  name = "peer",
): [state: string, at: number][] {
  const own = sessions.filter((one) =>
    one.node === node && one.session === name && one.state !== "init"
  );
  return own.filter(({ state, from }, i) => state !== own[i - 1]?.state || own[i - 1]!.to < from)
    .map(({ state, from }) => [state, from / 1_000_000]);
}

/** Asserts that an expectation came to be, or did not. */
export function judged({ expectations }: SimulationReport): string[] {
  assert.ok(expectations.length > 0, "something was expected");
  return expectations.map(({ held, text, found }) =>
    `${held ? "held" : "FAILED"} ${text}: ${found}`
  );
}
