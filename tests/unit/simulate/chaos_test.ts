/**
 * Whatever befalls simulated nodes in whatever order: nothing throws, the report makes sense, and a
 * leap over steady time changes nothing.
 */

import assert from "node:assert/strict";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { gateway, run } from "../../lib/simulation.ts";

const PARTS = `[[track_script]]
name = "uplink"
command = ["/bin/true"]
fall = 2
[[track_file]]
name = "load"
path = "/run/load"
weight = -10
`;
const POOL = `[[virtual_server]]
name = "web"
listen = "192.0.2.1:80"
follow = "gw"
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
check = [{ type = "tcp", interval = "2s" }]
`;
const BFD = `[[bfd]]
name = "peer"
peer = "192.0.2.254"
interface = "eth0"
transmit_interval = "200ms"
receive_interval = "200ms"
`;

/** Three nodes with two routers in a group. */
function sitesOf(more: string, tracking = "") {
  const of = (priority: number): string =>
    gateway(
      priority,
      `track = { scripts = [{ name = "uplink", weight = -60 }], files = ["load"]${tracking} }`,
    ) +
    gateway(priority).replace('"gw"', '"in"').replace("eth0", "eth1").replace("= 51", "= 52")
      .replace("192.0.2.1", "198.51.100.1") +
    `[[sync_group]]\nname = "site"\nmembers = ["gw", "in"]\n${PARTS}${more}`;
  return { a: of(150), b: of(100), c: of(100) };
}

function randomEvent(random: Random, servers: boolean): string {
  const node = random.pick(["a", "b", "c"]);
  const other = random.pick(["a", "b", "c"].filter((one) => one !== node));
  const own = `"${node}:${random.pick(["eth0", "eth1"])}"`;
  const actions = [
    `kill = "${node}"`,
    `power_off = "${node}"`,
    `stop = "${node}"`,
    `start = "${node}"`,
    `start = "${node}"`,
    `start = "${node}"`,
    `stall = { node = "${node}", for = "${random.int(1, 9000)}ms" }`,
    `link_down = ${own}`,
    `link_up = ${own}`,
    `cut = [${own}]`,
    `heal = ["a:eth0", "b:eth0", "c:eth0", "a:eth1", "b:eth1", "c:eth1"]`,
    `deaf = { node = "${node}", to = "${other}" }`,
    `hearing = { node = "${node}", to = "${other}" }`,
    `fail = "${node}:uplink"`,
    `recover = "${node}:uplink"`,
    `number = { file = "${node}:load", value = ${random.int(-9, 30)} }`,
    `release = "${node}:${random.pick(["site", "gw"])}"\nfor = "${random.int(1, 60)}s"`,
    `claim = "${node}:site"`,
    `network = { name = "eth0", delay = "${random.int(0, 40)}ms" }`,
    `clock_step = { node = "${node}", by = "1h" }`,
  ];
  if (servers) {
    actions.push('server_down = "198.51.100.11:8080"', 'server_up = "198.51.100.11:8080"');
    actions.push(`bfd_cut = "${node}:peer"`, `bfd_heal = "${node}:peer"`);
  }
  return random.pick(actions);
}

function randomScript(random: Random, gap: number, servers = false): string {
  let at = 0;
  const events: string[] = [];
  for (let i = random.int(3, 12); i > 0; i--) {
    at += random.int(1, gap);
    events.push(`[[event]]\nat = "${at}ms"\n${randomEvent(random, servers)}\n`);
  }
  return events.join("");
}

/** Within so long what a process has decided is done by its host. */
const GRACE = 1_000;

/** What is done and held by an agent is done and held while it runs. */
function isAlive({ nodes, holdings, states }: SimulationReport): void {
  const runs = (name: string, from: number, to: number): boolean =>
    nodes.find((one) => one.name === name)!.running.some((one) => from >= one.from && to <= one.to);
  for (const { address, node, by, from, to } of holdings) {
    if (by !== "router") continue;
    assert.ok(runs(node, from, to) || runs(node, from, to - GRACE), `${address} on ${node}`);
  }
  for (const { node, router, from, to } of states) {
    assert.ok(runs(node, from, to), `${router} on ${node} from ${from} to ${to}`);
  }
}

function makesSense(report: SimulationReport): void {
  const { holdings, states, addresses, duration } = report;
  isAlive(report);
  for (const one of [...holdings, ...states]) {
    assert.ok(Number.isSafeInteger(one.from) && Number.isSafeInteger(one.to));
    assert.ok(one.from >= 0 && one.from < one.to && one.to <= duration);
  }
  const last = new Map<string, number>();
  for (const { address, node, from, to } of holdings) {
    const key = `${address} ${node}`;
    assert.ok((last.get(key) ?? 0) <= from, "no host has an address twice");
    last.set(key, to);
  }
  for (const { outages, outage_total, first_held, doubles } of addresses) {
    assert.ok(outages.every(({ from, to }) => from < to && from >= first_held!));
    assert.equal(outage_total, outages.reduce((sum, { from, to }) => sum + to - from, 0));
    assert.ok(doubles.every(({ nodes }) => new Set(nodes).size === nodes.length));
  }
}

Deno.test("chaos: far apart, where time is leapt over, as if stepped through", () => {
  let skipped = 0;
  forSeeds(25, (random) => {
    const script = randomScript(random, 400_000);
    const leapt = run(sitesOf(""), script);
    const stepped = run(sitesOf(""), script, { stepAll: true });
    makesSense(leapt);
    skipped += leapt.work.skipped;
    assert.deepEqual({ ...leapt, work: 0 }, { ...stepped, work: 0 }, script);
    const { skipped: _, ...work } = leapt.work;
    const { skipped: __, ...all } = stepped.work;
    assert.deepEqual(work, all, script);
  });
  assert.ok(skipped > 1_000_000_000, `${skipped}`);
});

Deno.test("chaos: close together, with sessions and servers", () => {
  const sites = sitesOf(
    POOL + BFD,
    ', bfd = [{ name = "peer", weight = -30 }], virtual_servers = [{ name = "web", weight = -20 }]',
  );
  forSeeds(40, (random) => makesSense(run(sites, randomScript(random, 8_000, true))));
});

Deno.test("chaos: routers in no group, and an announced server", () => {
  const announced = POOL.replace("192.0.2.1:80", "203.0.113.80:80")
    .replace('follow = "gw"', 'announce = { interface = "lo" }');
  const of = (priority: number, more = ""): string => gateway(priority, more) + announced;
  const sites = { a: of(150), b: of(100), c: of(90, 'address_lease = "off"') };
  forSeeds(40, (random) => {
    let at = 5_000;
    const events: string[] = [];
    for (let i = 0; i < 8; i++) {
      at += random.int(1, 8_000);
      const node = random.pick(["a", "b", "c"]);
      const action = random.pick([
        `kill = "${node}"`,
        `power_off = "${node}"`,
        `stop = "${node}"`,
        `start = "${node}"`,
        `stall = { node = "${node}", for = "${random.int(1, 9_000)}ms" }`,
        `release = "${node}:gw"\nfor = "${random.int(1, 60)}s"`,
      ]);
      events.push(`[[event]]\nat = "${at}ms"\n${action}\n`);
    }
    makesSense(run(sites, `duration = "120s"\n${events.join("")}`));
  });
});
