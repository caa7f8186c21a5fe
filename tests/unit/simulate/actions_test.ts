/**
 * What befalls simulated nodes: each action, and what the state machines make of it, by number.
 */

import assert from "node:assert/strict";
import { gateway, holders, run, statesOf } from "../../lib/simulation.ts";

const PAIR = { a: gateway(150), b: gateway(100) };
/** The master-down intervals of both, and what it takes to add an address: milliseconds. */
const DOWN_A = 3 * 1000 + 414.062;
const DOWN_B = 3 * 1000 + 609.375;
const ADDED = 1;
/** When a's last advert before 10 s was heard by b. */
const HEARD = DOWN_A + 6 * 1000 + 0.1;

Deno.test("the better one of two becomes master and stays it", () => {
  const report = run(PAIR, 'duration = "20s"');
  assert.deepEqual(holders(report), [["a", DOWN_A + ADDED, 20_000, "router"]]);
  assert.deepEqual(statesOf(report, "b"), [["backup", 0]]);
  assert.equal(report.addresses[0]!.outage_total, 0);
  assert.equal(report.work.packets, 17);
});

Deno.test("killed: the address stays for its lease, and the backup comes when it has heard nothing", () => {
  const report = run(PAIR, '[[event]]\nat = "10s"\nkill = "a"');
  // 5.9 s rounded up are the lease; the first refresh lies between 40 % and all of 0.3 × 6 s.
  const [own, left, successor, ...more] = holders(report);
  assert.deepEqual(more, []);
  assert.deepEqual(own, ["a", DOWN_A + ADDED, 10_000, "router"]);
  assert.equal(left![0], "a");
  assert.equal(left![3], "lease");
  assert.ok(left![2] > 10_000 + 4_200 && left![2] <= 16_000, `${left}`);
  assert.deepEqual(successor, ["b", HEARD + DOWN_B + ADDED, 40_000, "router"]);
  const { outage_total, double_total } = report.addresses[0]!;
  assert.equal(outage_total, 0, "the lease outlasts the backup's patience");
  assert.equal(double_total, Math.round((left![2] - successor![1]) * 1000));
});

Deno.test("powered off: the address is gone at once", () => {
  const report = run(PAIR, '[[event]]\nat = "10s"\npower_off = "a"');
  const [span] = report.addresses[0]!.outages;
  assert.equal(span!.from, 10_000_000);
  assert.equal(span!.to / 1000, HEARD + DOWN_B + ADDED);
  assert.equal(report.addresses[0]!.double_total, 0);
  assert.deepEqual(report.nodes[0]!.off, [{ from: 10_000_000, to: 40_000_000 }]);
});

Deno.test("stopped: it hands over without a gap", () => {
  const report = run(PAIR, '[[event]]\nat = "10s"\nstop = "a"');
  assert.equal(report.addresses[0]!.outage_total, 0);
  const [own, successor] = holders(report);
  // The skew of b, and 50 ms in which both answer.
  assert.equal(Math.round(successor![1]), 10_613);
  assert.equal(Math.round(own![2]), 10_664);
  assert.deepEqual(report.nodes[0]!.running.map(({ to }) => Math.round(to / 1e4)), [1066]);
});

Deno.test("started again: it takes over from the one of lower priority", () => {
  const report = run(
    PAIR,
    '[[event]]\nat = "10s"\npower_off = "a"\n[[event]]\nat = "20s"\nstart = "a"',
  );
  assert.deepEqual(statesOf(report, "a").slice(-2).map(([state]) => state), ["backup", "master"]);
  assert.deepEqual(holders(report).map(([node]) => node), ["a", "b", "a"]);
  assert.equal(report.addresses[0]!.outages.length, 1);
});

Deno.test("without preemption it stays backup", () => {
  const sites = { a: gateway(150, "preempt = false"), b: gateway(100, "preempt = false") };
  const report = run(
    sites,
    '[[event]]\nat = "10s"\npower_off = "a"\n[[event]]\nat = "20s"\nstart = "a"',
  );
  assert.deepEqual(holders(report).map(([node]) => node), ["a", "b"]);
});

Deno.test("a short stall changes nothing, a long one moves the address, and who stood still yields", () => {
  const stall = (length: string): string =>
    `[[event]]\nat = "10s"\nstall = { node = "a", for = "${length}" }`;
  const short = run(PAIR, stall("2s"));
  assert.deepEqual(statesOf(short, "b"), [["backup", 0]]);
  assert.deepEqual(new Set(holders(short).map(([node]) => node)), new Set(["a"]));
  const long = run(PAIR, stall("6s"));
  const states = statesOf(long, "a");
  assert.deepEqual(states.map(([state]) => state), ["backup", "master", "backup", "master"]);
  assert.equal(states[2]![1], 16_000, "the moment it goes on");
  assert.deepEqual(statesOf(long, "b").map(([state]) => state), ["backup", "master", "backup"]);
  assert.deepEqual(long.nodes[0]!.stalled, [{ from: 10_000_000, to: 16_000_000 }]);
});

Deno.test("a backup that stood still waits once more before it takes over", () => {
  const report = run(PAIR, '[[event]]\nat = "10s"\nstall = { node = "b", for = "30s" }');
  assert.deepEqual(statesOf(report, "b"), [["backup", 0]]);
  assert.equal(report.addresses[0]!.double_total, 0);
});

Deno.test("cut off: both are master, clients reach one, and after healing there is one", () => {
  const report = run(
    PAIR,
    '[[event]]\nat = "10s"\ncut = ["a:eth0"]\n[[event]]\nat = "20s"\nheal = ["a:eth0"]',
  );
  const { outages, double_total } = report.addresses[0]!;
  assert.equal(outages.length, 1);
  assert.equal(outages[0]!.to / 1000, HEARD + DOWN_B + ADDED);
  assert.ok(double_total > 6_000_000 && double_total < 8_000_000);
  assert.deepEqual(statesOf(report, "b").map(([state]) => state), ["backup", "master", "backup"]);
  assert.equal(report.holdings.filter(({ answers }) => !answers).length, 1);
});

Deno.test("a link that goes down ends the mastership at once, at the other node after its patience", () => {
  const report = run(
    PAIR,
    '[[event]]\nat = "10s"\nlink_down = "a:eth0"\n[[event]]\nat = "20s"\nlink_up = "a:eth0"',
  );
  assert.deepEqual(statesOf(report, "a").map(([state]) => state), [
    "backup",
    "master",
    "fault",
    "backup",
    "master",
  ]);
  assert.equal(report.addresses[0]!.outages[0]!.from, 10_000_000);
  assert.equal(report.addresses[0]!.outages[0]!.to / 1000, HEARD + DOWN_B + ADDED);
});

Deno.test("one that is deaf becomes master beside the other, who does not know", () => {
  const report = run(PAIR, '[[event]]\nat = "10s"\ndeaf = { node = "b", to = "a" }');
  assert.equal(statesOf(report, "b").at(-1)![0], "master");
  assert.equal(statesOf(report, "a").at(-1)![0], "master");
  assert.ok(report.addresses[0]!.double_total > 20_000_000);
  const cured = run(
    PAIR,
    '[[event]]\nat = "10s"\ndeaf = { node = "b", to = "a" }\n' +
      '[[event]]\nat = "20s"\nhearing = { node = "b", to = "a" }',
  );
  assert.equal(statesOf(cured, "b").at(-1)![0], "backup");
});

Deno.test("a network that loses all lets both be master; one that loses little does not", () => {
  const loss = (share: number): string =>
    `duration = "10m"\n[[event]]\nat = "10s"\nnetwork = { name = "eth0", loss = ${share} }`;
  assert.equal(statesOf(run(PAIR, loss(1)), "b").at(-1)![0], "master");
  const little = run(PAIR, loss(0.05));
  assert.ok(little.work.lost > 10 && little.work.lost < 60, `${little.work.lost}`);
  assert.equal(little.addresses[0]!.outage_total, 0);
});

Deno.test("released, the router stays behind until the time is over; claimed, it comes before all", () => {
  const report = run(
    PAIR,
    'duration = "60s"\n[[event]]\nat = "10s"\nrelease = "a:gw"\nfor = "20s"\n',
  );
  assert.deepEqual(holders(report).map(([node]) => node), ["a", "b", "a"]);
  assert.equal(report.addresses[0]!.outage_total, 0);
  const claimed = run(PAIR, '[[event]]\nat = "10s"\nclaim = "b:gw"');
  assert.deepEqual(holders(claimed).map(([node]) => node), ["a", "b"]);
  const dead = run(PAIR, '[[event]]\nat = "9s"\nkill = "b"\n[[event]]\nat = "10s"\nclaim = "b:gw"');
  assert.equal(dead.failures[1]!.text, "claim b:gw: refused, b does not answer");
});

Deno.test("a node that starts late finds a master", () => {
  const report = run(PAIR, 'duration = "20s"\n[[node]]\nname = "a"\nstart_at = "10s"');
  assert.deepEqual(holders(report).map(([node]) => node), ["b", "a"]);
});

Deno.test("jitter, loss and duplicates are the same for the same seed, and others for another", () => {
  const script = 'duration = "1h"\nseed = 7\n[[network]]\nname = "lan"\n' +
    'members = ["a:eth0", "b:eth0"]\nloss = 0.3\njitter = "5ms"\nduplicate = 0.1';
  const once = run(PAIR, script);
  assert.deepEqual(run(PAIR, script), once);
  assert.notDeepEqual(run(PAIR, script, { seed: 8 }).states, once.states);
  assert.ok(once.states.length > 10, "so much is lost that the backup takes over now and then");
});

Deno.test("equal priorities: the later node has the higher address, unless the script says otherwise", () => {
  const sites = { a: gateway(100), b: gateway(100) };
  const start = 'duration = "20s"\n';
  assert.equal(holders(run(sites, start)).at(-1)![0], "b");
  const script = start + '[[node]]\nname = "a"\naddresses = { eth0 = ["192.0.2.9"] }\n' +
    '[[node]]\nname = "b"\naddresses = { eth0 = ["192.0.2.3"] }';
  assert.equal(holders(run(sites, script)).at(-1)![0], "a");
});

Deno.test("version 2, IPv6, both families and unicast are elected, too", () => {
  const sites = (more: string, addresses = '["192.0.2.1"]') => {
    const of = (priority: number): string =>
      gateway(priority).replace('["192.0.2.1/24"]', addresses) + more;
    return { a: of(150), b: of(100) };
  };
  const die = '[[event]]\nat = "10s"\npower_off = "a"';
  const old = run(sites("version = 2"), die);
  assert.deepEqual(holders(old).map(([node]) => node), ["a", "b"]);
  const six = run(sites("", '["fe80::51", "2001:db8::1"]'), die);
  assert.deepEqual(holders(six, "2001:db8::1").map(([node]) => node), ["a", "b"]);
  const both = run(sites("", '["192.0.2.1", "fe80::51", "2001:db8::1"]'), die);
  for (const address of ["192.0.2.1", "2001:db8::1"]) {
    assert.deepEqual(holders(both, address).map(([node]) => node), ["a", "b"]);
  }
  const peers = 'unicast = { peers = ["192.0.2.2", "192.0.2.3"] }';
  const unicast = run(sites(peers), die);
  assert.deepEqual(holders(unicast).map(([node]) => node), ["a", "b"]);
  assert.equal(unicast.states.find(({ reason }) => reason.includes("192.0.2.2"))?.node, "b");
});
