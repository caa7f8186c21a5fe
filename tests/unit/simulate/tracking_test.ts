/** What simulated nodes track: scripts, processes, files, BFD sessions, groups. */

import assert from "node:assert/strict";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { gateway, holders, run, statesOf } from "../../lib/simulation.ts";

const at = (time: string, action: string): string => `[[event]]\nat = "${time}"\n${action}\n`;

const SCRIPT = `[[track_script]]
name = "uplink"
command = ["/bin/true"]
interval = "2s"
rise = 2
fall = 3
`;

/** When things were found otherwise, in seconds. */
function found({ trackers }: SimulationReport, node: string): [healthy: boolean, from: number][] {
  return trackers.filter((one) => one.node === node).map(({ healthy, from }) => [
    healthy,
    from / 1e6,
  ]);
}

Deno.test("a script fails by its third run, and moves the address by its weight", () => {
  const tracking = 'track = { scripts = [{ name = "uplink", weight = -100 }] }';
  const sites = { a: gateway(150, tracking) + SCRIPT, b: gateway(100) };
  const report = run(sites, at("10.5s", 'fail = "a:uplink"') + at("40.5s", 'recover = "a:uplink"'));
  // Runs at 12, 14 and 16 s, and at 42 and 44 s.
  assert.deepEqual(found(report, "a"), [[true, 0], [false, 16], [true, 44]]);
  assert.deepEqual(holders(report).map(([node]) => node), ["a", "b", "a"]);
  assert.equal(report.addresses[0]!.outage_total, 0);
});

Deno.test("a failure that is over before the third run is none", () => {
  const sites = { a: gateway(150, 'track = { scripts = ["uplink"] }') + SCRIPT, b: gateway(100) };
  const report = run(sites, at("10.5s", 'fail = "a:uplink"') + at("14.5s", 'recover = "a:uplink"'));
  assert.deepEqual(found(report, "a"), [[true, 0]]);
  assert.deepEqual(holders(report).map(([node]) => node), ["a"]);
});

Deno.test("a tracked process has its delays, a weight of nothing is a fault", () => {
  const process = '[[track_process]]\nname = "bird"\ncommand = "bird"\ndown_delay = "3s"\n';
  const sites = { a: gateway(150, 'track = { processes = ["bird"] }') + process, b: gateway(100) };
  const report = run(sites, at("10s", 'fail = "a:bird"'));
  const [state, from] = statesOf(report, "a").at(-1)!;
  assert.equal(state, "fault");
  assert.equal(from, 13_000);
});

Deno.test("a file's number counts times its weight", () => {
  const file = '[[track_file]]\nname = "load"\npath = "/run/load"\nweight = -10\n';
  const sites = { a: gateway(150, 'track = { files = ["load"] }') + file, b: gateway(100) };
  const six = run(sites, at("10s", 'number = { file = "a:load", value = 6 }'));
  assert.equal(holders(six).at(-1)![0], "b");
  const four = run(sites, at("10s", 'number = { file = "a:load", value = 4 }'));
  assert.equal(holders(four).at(-1)![0], "a");
});

Deno.test("a tracked interface takes the router with it, after its delay", () => {
  const more = '[[track_interface]]\nname = "eth1"\ndown_delay = "2s"\n';
  const sites = { a: gateway(150, 'track = { interfaces = ["eth1"] }') + more, b: gateway(100) };
  const report = run(sites, at("10s", 'link_down = "a:eth1"'));
  assert.deepEqual(statesOf(report, "a").at(-1), ["fault", 12_001]);
  assert.equal(holders(report).at(-1)![0], "b");
});

Deno.test("both sides of a firewall move together when one link fails", () => {
  const of = (priority: number): string =>
    gateway(priority).replace('"gw"', '"out"') +
    gateway(priority).replace('"gw"', '"in"').replace("eth0", "eth1").replace("= 51", "= 52")
      .replace("192.0.2.1", "198.51.100.1") +
    '[[sync_group]]\nname = "site"\nmembers = ["out", "in"]\n';
  const report = run({ a: of(150), b: of(100) }, at("10s", 'link_down = "a:eth1"'));
  for (const address of ["192.0.2.1", "198.51.100.1"]) {
    const nodes = new Set(holders(report, address).map(([node]) => node));
    assert.deepEqual([...nodes], ["a", "b"]);
  }
  assert.deepEqual(report.routers.map(({ group }) => group), ["site", "site"]);
  // The side that lives resigns: its address has no outage.
  assert.ok(report.addresses[0]!.outage_longest > 0);
  const outages = report.addresses.map(({ outage_longest }) => outage_longest);
  assert.ok(Math.max(...outages) < 4_000_000);
});

const BFD = (name: string, peer: string): string =>
  `[[bfd]]\nname = "${name}"\npeer = "${peer}"\ninterface = "eth0"\n` +
  'transmit_interval = "50ms"\nreceive_interval = "50ms"\n';

/** The better node owns by a session what the other one has without it. */
const SESSIONS = {
  a: gateway(150) + BFD("to-b", "192.0.2.3"),
  b: gateway(100, 'track = { bfd = [{ name = "to-a", weight = 100, reverse = true }] }') +
    BFD("to-a", "192.0.2.2"),
};

function sessions({ sessions }: SimulationReport, node: string): [state: string, from: number][] {
  return sessions.filter((one) => one.node === node).map(({ state, from }) => [state, from / 1000]);
}

Deno.test("a session sees a dead peer within its detection time", () => {
  const report = run(SESSIONS, at("10s", 'power_off = "a"'));
  const [state, from] = sessions(report, "b").at(-1)!;
  assert.equal(state, "down");
  assert.ok(from > 10_100 && from <= 10_150, `${from}`);
  assert.deepEqual(sessions(report, "a").at(-1)![0], "up");
});

Deno.test("a session whose path is cut falls on both sides, and comes back", () => {
  const report = run(SESSIONS, at("10s", 'bfd_cut = "a:to-b"') + at("20s", 'bfd_heal = "a:to-b"'));
  for (const node of ["a", "b"]) {
    const states = sessions(report, node);
    const down = states.find(([state, from]) => state === "down" && from > 5000)!;
    assert.ok(down[1] > 10_100 && down[1] <= 10_150, `${node}: ${states}`);
    assert.equal(states.at(-1)![0], "up");
  }
  assert.deepEqual(holders(report).map(([node]) => node), ["a"]);
});

Deno.test("a stall is no failure to who stood still; the other side cannot know", () => {
  const short = run(SESSIONS, at("10s", 'stall = { node = "b", for = "100ms" }'));
  assert.equal(sessions(short, "b").at(-1)![0], "up");
  assert.ok(sessions(short, "b").every(([state, from]) => state !== "down" || from < 1000));
  const long = run(SESSIONS, at("10s", 'stall = { node = "b", for = "400ms" }'));
  assert.ok(sessions(long, "a").some(([state, from]) => state === "down" && from > 10_000));
});

Deno.test("a stopping agent says AdminDown; a peer that is no node lives", () => {
  const report = run(SESSIONS, at("10s", 'stop = "a"'));
  const last = report.sessions.filter(({ node }) => node === "b").at(-1)!;
  assert.match(last.reason, /administratively down/);
  const alone = run({
    a: gateway(150, 'track = { bfd = ["up"] }') + BFD("up", "192.0.2.254"),
    b: gateway(100),
  }, at("10s", 'bfd_cut = "a:up"'));
  assert.equal(sessions(alone, "a").at(-1)![0], "down");
  assert.equal(holders(alone).at(-1)![0], "b");
});
