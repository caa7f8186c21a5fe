/** What a simulation makes of sites: networks, addresses, delays, what it leaves out. */

import assert from "node:assert/strict";
import { NO_SCRIPT } from "../../../mod/simulate/script.ts";
import { simulate } from "../../../mod/simulate/simulate.ts";
import {
  gateway,
  holders,
  judged,
  nodesOf,
  problemsOf,
  run,
  statesOf,
} from "../../lib/simulation.ts";

const at = (time: string, action: string): string => `[[event]]\nat = "${time}"\n${action}\n`;

Deno.test("interfaces of other names meet in a network of the script, and only there", () => {
  const sites = { a: gateway(150), b: gateway(100).replace("eth0", "lan0") };
  const apart = run(sites, 'duration = "20s"');
  assert.deepEqual(new Set(holders(apart).map(([node]) => node)), new Set(["a", "b"]));
  assert.equal(apart.routers.length, 2);
  const network = '[[network]]\nname = "lan"\nmembers = ["a:eth0", "b:lan0"]\n';
  const joined = run(sites, `duration = "20s"\n${network}`);
  assert.deepEqual(holders(joined).map(([node]) => node), ["a"]);
  assert.deepEqual(joined.networks, [{ name: "lan", members: ["a:eth0", "b:lan0"] }]);
  assert.equal(joined.routers.length, 1);
});

Deno.test("an interface on which nobody speaks is no network", () => {
  const sites = { a: gateway(150, 'track = { interfaces = ["eth9"] }'), b: gateway(100) };
  assert.deepEqual(run(sites, 'duration = "5s"').networks.map(({ name }) => name), ["eth0"]);
  const [problem] = problemsOf(sites, at("1s", 'network = { name = "eth9", loss = 1 }'));
  assert.match(problem!, /There is no network "eth9"/);
});

Deno.test("sessions over several hops find each other by their sources", () => {
  const of = (name: string, source: string, peer: string): string =>
    gateway(100) + `[[bfd]]\nname = "${name}"\nmultihop = true\nsource = "${source}"\n` +
    `peer = "${peer}"\ntransmit_interval = "100ms"\nreceive_interval = "100ms"\n`;
  const sites = {
    a: of("far-b", "198.51.100.1", "203.0.113.1"),
    b: of("far-a", "203.0.113.1", "198.51.100.1"),
  };
  const report = run(sites, at("10s", 'power_off = "b"'));
  const states = report.sessions.filter(({ node }) => node === "a").map(({ state }) => state);
  assert.deepEqual(states.slice(-2), ["up", "down"], "b is no other than the peer of a");
});

Deno.test("sessions over several hops find each other by the addresses that a script tells", () => {
  const of = (peer: string): string =>
    gateway(100) + `[[bfd]]\nname = "far"\nmultihop = true\npeer = "${peer}"\n` +
    'transmit_interval = "100ms"\nreceive_interval = "100ms"\n';
  const sites = { a: of("203.0.113.1"), b: of("198.51.100.1") };
  const own = ["198.51.100.1", "203.0.113.1"].map((address, i) =>
    `[[node]]\nname = "${"ab"[i]}"\naddresses = { eth0 = ["${address}"] }\n`
  );
  const report = run(sites, own.join("") + at("10s", 'power_off = "b"'));
  const states = report.sessions.filter(({ node }) => node === "a").map(({ state }) => state);
  assert.deepEqual(states.slice(-2), ["up", "down"]);
});

Deno.test("a router that no node is speaks BFD, whatever a node is called", () => {
  const site = gateway(150) + '[[bfd]]\nname = "core"\ninterface = "eth0"\npeer = "192.0.2.254"\n' +
    'transmit_interval = "100ms"\nreceive_interval = "100ms"\n';
  const [spec] = nodesOf({ a: site });
  const report = simulate([{ ...spec!, name: "my node" }], { ...NO_SCRIPT, duration: 10_000_000 });
  assert.equal(report.sessions.at(-1)!.state, "up");
});

Deno.test("two nodes that have a BFD peer of their own each are not taken for each other", () => {
  const of = (priority: number, peer: string): string =>
    gateway(priority) + `[[bfd]]\nname = "core"\ninterface = "eth0"\npeer = "${peer}"\n` +
    'transmit_interval = "100ms"\nreceive_interval = "100ms"\n';
  const sites = { a: of(150, "192.0.2.253"), b: of(100, "192.0.2.254") };
  const own = ["a", "b"].map((name, i) =>
    `[[node]]\nname = "${name}"\naddresses = { eth0 = ["192.0.2.${i + 2}"] }\n`
  );
  const states = (script: string) =>
    run(sites, script + at("10s", 'power_off = "b"')).sessions
      .filter(({ node }) => node === "a").map(({ state }) => state);
  assert.equal(states("").at(-1), "down", "nothing is told: the other node is the peer");
  assert.equal(states(own.join("")).at(-1), "up");
});

Deno.test("each half of a router of both families is judged by its name", () => {
  const both = (priority: number) =>
    gateway(priority).replace('["192.0.2.1/24"]', '["192.0.2.1", "fe80::51", "2001:db8::1"]');
  const expected = (router: string): string =>
    `[[expect]]\nrouter = "${router}"\nnode = "a"\nstate = "master"\nat = "9s"\n`;
  const report = run(
    { a: both(150), b: both(100) },
    'duration = "10s"\n' + expected("gw") + expected("gw/ipv6"),
  );
  assert.deepEqual(judged(report), [
    "held gw (without gw/ipv6) on a is master at 9s: master",
    "held gw/ipv6 on a is master at 9s: master",
  ]);
});

Deno.test("unicast peers whom nobody is are told", () => {
  const peers = 'unicast = { peers = ["192.0.2.2", "192.0.2.3", "192.0.2.4"] }';
  const report = run({ a: gateway(150, peers), b: gateway(100, peers) }, 'duration = "5s"');
  assert.ok(
    report.not_simulated.every((one) => one.includes("nobody here has the address 192.0.2.4")),
    "those that all list in one order are the nodes', in that order",
  );
  assert.equal(report.not_simulated.length, 2);
  const script = 'duration = "20s"\n' +
    ["a", "b"].map((name, i) =>
      `[[node]]\nname = "${name}"\naddresses = { eth0 = ["192.0.2.${4 - i}"] }\n`
    ).join("");
  const said = run({ a: gateway(150, peers), b: gateway(100, peers) }, script);
  assert.deepEqual(holders(said).map(([node]) => node), ["a"]);
  assert.ok(said.not_simulated.every((one) => one.includes("192.0.2.2")));
});

Deno.test("delays of a start are kept, that after a boot only after a boot", () => {
  const late = '[agent]\nstartup_delay = "5s"\ndelay_after_boot = "20s"\n';
  const sites = { a: late + gateway(150), b: gateway(100) };
  const report = run(
    sites,
    'duration = "120s"\n' + at("20s", 'kill = "a"') + at("30s", 'start = "a"') +
      at("60s", 'power_off = "a"') + at("70s", 'start = "a"'),
  );
  const starts = report.nodes[0]!.running.map(({ from }) => from / 1000);
  const healthy = statesOf(report, "a").filter(([state]) => state === "backup")
    .map(([, from]) => from);
  assert.deepEqual(starts, [0, 30_000, 70_000]);
  assert.deepEqual(healthy, [5_000, 35_000, 90_000]);
});

Deno.test("what is left out is told", () => {
  const key =
    'auth = { type = "hmac", keys = [{ id = 1, key = "0123456789abcdef0123456789abcdef" }] }';
  const sites = {
    a: '[agent]\non_stop = "keep"\n' + gateway(150, key) +
      '[static]\naddresses = [{ address = "192.0.2.100/24", interface = "eth0" }]\n',
    b: gateway(100, key),
  };
  const { not_simulated } = run(sites, 'duration = "5s"');
  assert.ok(not_simulated.includes("a: authentication of adverts: each is believed"));
  assert.ok(not_simulated.some((one) => one.startsWith("a: `on_stop")));
  assert.ok(not_simulated.some((one) => one.startsWith("a: `[static]`")));
  assert.equal(not_simulated.length, 4);
});

Deno.test("what cannot be done is told where it is told of", () => {
  const sites = { a: gateway(150), b: gateway(100) };
  const script = at("1s", 'start = "a"') + at("2s", 'kill = "b"') + at("3s", 'kill = "b"') +
    at("4s", 'power_off = "b"') + at("5s", 'power_off = "b"');
  assert.deepEqual(run(sites, script).failures.map(({ text }) => text), [
    "start a: refused, a runs",
    "kill b",
    "kill b: refused, b does not run",
    "power off b",
    "power off b: refused, b is off",
  ]);
});

Deno.test("names that fit several things want their kind", () => {
  const sites = {
    a: gateway(150, 'track = { scripts = ["up"], processes = ["up"] }') +
      '[[track_script]]\nname = "up"\ncommand = ["/bin/true"]\n' +
      '[[track_process]]\nname = "up"\ncommand = "up"\n',
  };
  const [problem] = problemsOf(sites, at("1s", 'fail = "a:up"'));
  assert.match(problem!, /Several things that a tracks are called "up"/);
  assert.match(problem!, /"a:script\/up" or "a:process\/up"/);
  const report = run(sites, at("10s", 'fail = "a:process/up"'));
  assert.equal(statesOf(report, "a").at(-1)![0], "fault");
});
