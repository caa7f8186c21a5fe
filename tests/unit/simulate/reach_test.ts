/** What a cut and a lost link reach beside adverts; what is one address, or one virtual router. */

import assert from "node:assert/strict";
import { gateway, holders, judged, run, statesOf } from "../../lib/simulation.ts";

const at = (time: string, action: string): string => `[[event]]\nat = "${time}"\n${action}\n`;

const PING = `[[check]]
name = "uplink"
type = "ping"
address = "198.51.100.254"
interval = "500ms"
timeout = "200ms"
`;
/** A router on eth0 that tracks a check by way of eth1, where another one is. */
const sites = (check: string) => {
  const of = (priority: number): string =>
    gateway(priority, 'track = { checks = ["uplink"] }') + check +
    gateway(priority).replace('"gw"', '"out"').replace("eth0", "eth1").replace("= 51", "= 52")
      .replace("192.0.2.1", "198.51.100.1");
  return { a: of(150), b: of(100) };
};
const ANNOUNCED = `[[virtual_server]]
name = "dns"
listen = "203.0.113.53:80"
announce = { interface = "lo" }
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
check = [{ type = "tcp" }]
`;

Deno.test("a check through an interface fails while that is cut off or without link", () => {
  const bound = sites(`${PING}bind_interface = "eth1"\n`);
  for (const loss of ['cut = ["a:eth1"]', 'link_down = "a:eth1"']) {
    const report = run(bound, at("10s", loss));
    assert.equal(statesOf(report, "a").at(-1)![0], "fault", loss);
    assert.equal(holders(report).at(-1)![0], "b", loss);
    assert.deepEqual(report.not_simulated, []);
  }
  const healed = run(bound, at("10s", 'cut = ["a:eth1"]') + at("20s", 'heal = ["a:eth1"]'));
  assert.equal(holders(healed).at(-1)![0], "a");
});

Deno.test("that a check names no interface, and so notices no cut, is told where one comes", () => {
  const free = sites(PING);
  const report = run(free, at("10s", 'cut = ["a:eth1"]'));
  assert.equal(holders(report).at(-1)![0], "a");
  assert.equal(report.not_simulated.length, 1);
  assert.match(report.not_simulated[0]!, /^a: what `cut` and `link_down` do .*: check uplink$/);
  assert.deepEqual(run(free, at("10s", 'kill = "a"')).not_simulated, []);
});

Deno.test("a session over several hops falls with the last link of its host", () => {
  const of = (peer: string): string =>
    sites(PING).a + `[[bfd]]\nname = "far"\nmultihop = true\npeer = "${peer}"\n` +
    'transmit_interval = "100ms"\nreceive_interval = "100ms"\n';
  const own = ["198.51.100.11", "203.0.113.1"].map((address, i) =>
    `[[node]]\nname = "${"ab"[i]}"\naddresses = { eth0 = ["${address}"] }\n`
  );
  const last = (events: string): string[] => {
    const report = run({ a: of("203.0.113.1"), b: of("198.51.100.11") }, own.join("") + events);
    return ["a", "b"].map((name) =>
      report.sessions.filter(({ node }) => node === name).at(-1)!.state
    );
  };
  const second = at("10s", 'link_down = "a:eth1"');
  assert.deepEqual(last(second), ["up", "up"], "there is another way");
  assert.deepEqual(last(second + at("11s", 'link_down = "a:eth0"')), ["down", "down"]);
});

Deno.test("an address on lo answers while an interface does on which something is said", () => {
  const report = run(
    { a: gateway(150) + ANNOUNCED },
    at("10s", 'link_down = "a:eth0"') + at("15s", 'link_up = "a:eth0"'),
  );
  const fared = report.addresses.find(({ address }) => address === "203.0.113.53")!;
  assert.deepEqual(fared.outages, [{ from: 10_000_000, to: 15_000_000 }]);
});

Deno.test("addresses that several hosts announce are no double holding, unless they follow", () => {
  const none = 'duration = "20s"\n[[expect]]\ndouble_at_most = "0s"\n';
  assert.match(judged(run({ a: ANNOUNCED, b: ANNOUNCED }, none))[0]!, /^held /);
  const of = (priority: number): string =>
    gateway(priority) + ANNOUNCED.replace("announce", 'follow = "gw"\nannounce');
  const apart = 'duration = "20s"\n' + at("8s", 'cut = ["a:eth0"]');
  const { addresses } = run({ a: of(150), b: of(100) }, apart);
  assert.ok(addresses.find(({ address }) => address === "203.0.113.53")!.double_total > 0);
});

Deno.test("unicast peers are one virtual router, whatever their interfaces are called", () => {
  const of = (priority: number, source: string, peer: string, id = 51): string =>
    gateway(priority, `source = "${source}"\nunicast = { peers = ["${peer}"] }`)
      .replace("= 51", `= ${id}`);
  const pair = {
    a: of(150, "192.0.2.2", "192.0.2.3"),
    b: of(100, "192.0.2.3", "192.0.2.2").replace("eth0", "ens3"),
  };
  const report = run(
    pair,
    'duration = "30s"\n' + at("10s", 'power_off = "a"') +
      '[[expect]]\naddress = "192.0.2.1"\noutage_total_at_most = "4s"\n',
  );
  assert.equal(report.routers.length, 1);
  assert.deepEqual(report.routers[0]!.nodes.map(({ node }) => node), ["a", "b"]);
  assert.equal(report.addresses.length, 1);
  assert.match(judged(report)[0]!, /^held .*: 3\.0/);
  const others = (text: string): string => text.replace('"192.0.2.1/24"', '"203.0.113.1/24"');
  const two = run({
    ...pair,
    c: others(of(150, "203.0.113.2", "203.0.113.3")),
    d: others(of(100, "203.0.113.3", "203.0.113.2")),
  }, 'duration = "10s"');
  assert.deepEqual(two.routers.map(({ nodes }) => nodes.length), [2, 2], "pairs stay apart");
});
