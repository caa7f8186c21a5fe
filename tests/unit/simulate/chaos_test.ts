/**
 * Whatever befalls simulated nodes in whatever order: nothing throws, the report makes sense, and a
 * leap over steady time changes nothing.
 */

import assert from "node:assert/strict";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { gateway, run, sessionOf } from "../../lib/simulation.ts";

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

/** What is there beside routers and what they track. */
interface Beside {
  readonly servers?: boolean;
  readonly sessions?: boolean;
}

function randomEvent(random: Random, { servers, sessions }: Beside): string {
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
  }
  if (sessions) {
    actions.push(`bfd_cut = "${node}:peer"`, `bfd_heal = "${node}:peer"`);
  }
  return random.pick(actions);
}

function randomScript(random: Random, gap: number, beside: Beside = {}): string {
  let at = 0;
  const events: string[] = [];
  for (let i = random.int(3, 12); i > 0; i--) {
    at += random.int(1, gap);
    events.push(`[[event]]\nat = "${at}ms"\n${randomEvent(random, beside)}\n`);
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
    const servers = random.int(0, 1) === 1;
    const sites = servers
      ? sitesOf(POOL, ', virtual_servers = [{ name = "web", weight = -20 }]')
      : sitesOf("");
    const script = randomScript(random, 400_000, { servers });
    const leapt = run(sites, script);
    const stepped = run(sites, script, { stepAll: true });
    makesSense(leapt);
    skipped += leapt.work.skipped;
    assert.deepEqual({ ...leapt, work: 0 }, { ...stepped, work: 0 }, script);
    const { skipped: _, ...work } = leapt.work;
    const { skipped: __, ...all } = stepped.work;
    assert.deepEqual(work, all, script);
  });
  assert.ok(skipped > 1_000_000_000, `${skipped}`);
});

/** Seconds that chance moves what comes of a session: who comes up waits for the other's packet. */
const BY_CHANCE = 3;

/** Node and name of each session that there was, in order. */
function sessionKeys({ sessions }: SimulationReport): [node: string, session: string][] {
  const keys = new Map(
    sessions.map((
      { node, session },
    ) => [`${node} ${session}`, [node, session] as [string, string]]),
  );
  return [...keys].sort(([a], [b]) => a < b ? -1 : 1).map(([, key]) => key);
}

Deno.test("chaos: sessions between nodes, leapt over, fare as if stepped through", () => {
  const to = (names: readonly [string, number][]): string =>
    names.map(([name, host]) =>
      BFD.replace('"peer"', `"to-${name}"`).replace("192.0.2.254", `192.0.2.${host}`)
    ).join("");
  const sites = {
    a: gateway(150, 'track = { bfd = [{ name = "to-b", weight = -100 }] }') +
      to([["b", 3], ["c", 4]]),
    b: gateway(100) + to([["a", 2], ["c", 4]]),
    c: to([["a", 2], ["b", 3]]),
  };
  let skipped = 0;
  forSeeds(25, (random) => {
    let at = 0;
    const events: string[] = [];
    for (let i = random.int(3, 8); i > 0; i--) {
      // Far enough from each other for chance not to change what comes first.
      at += random.int(30_000, 400_000);
      const node = random.pick(["a", "b", "c"]);
      const other = random.pick(["a", "b", "c"].filter((one) => one !== node));
      const action = random.pick([
        `kill = "${node}"`,
        `stop = "${node}"`,
        `start = "${node}"`,
        `start = "${node}"`,
        `cut = ["${node}:eth0"]`,
        'heal = ["a:eth0", "b:eth0", "c:eth0"]',
        `link_down = "${node}:eth0"`,
        `link_up = "${node}:eth0"`,
        `deaf = { node = "${node}", to = "${other}" }`,
        `hearing = { node = "${node}", to = "${other}" }`,
        `bfd_cut = "${node}:to-${other}"`,
        `bfd_heal = "${node}:to-${other}"`,
        `stall = { node = "${node}", for = "${random.int(5, 20)}s" }`,
      ]);
      events.push(`[[event]]\nat = "${at}ms"\n${action}\n`);
    }
    const script = `duration = "${at + 300_000}ms"\n${events.join("")}`;
    const leapt = run(sites, script);
    const stepped = run(sites, script, { stepAll: true });
    skipped += leapt.work.skipped / leapt.duration;
    const keys = sessionKeys(leapt);
    assert.deepEqual(keys, sessionKeys(stepped), script);
    for (const [node, session] of keys) {
      const found = sessionOf(leapt, node, session);
      const expected = sessionOf(stepped, node, session);
      assert.deepEqual(found.map(([state]) => state), expected.map(([state]) => state), script);
      for (const [i, [, from]] of found.entries()) {
        const what = `${node} ${session} ${found[i]}\n${script}`;
        assert.ok(Math.abs(from - expected[i]![1]) < BY_CHANCE, what);
      }
    }
  });
  assert.ok(skipped / 25 > 0.5, `${skipped / 25}`);
});

Deno.test("chaos: close together, with sessions and servers", () => {
  const sites = sitesOf(
    POOL + BFD,
    ', bfd = [{ name = "peer", weight = -30 }], virtual_servers = [{ name = "web", weight = -20 }]',
  );
  forSeeds(
    40,
    (random) =>
      makesSense(run(sites, randomScript(random, 8_000, { servers: true, sessions: true }))),
  );
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
