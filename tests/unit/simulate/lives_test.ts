/** What outlives a simulated process, and what goes with it, by number. */

import assert from "node:assert/strict";
import type { InterfaceState } from "../../../mod/plane/messages.ts";
import { Agenda } from "../../../mod/simulate/agenda.ts";
import { Lan, SimInterface, USUAL_LAN } from "../../../mod/simulate/lan.ts";
import { Random } from "../../../mod/simulate/random.ts";
import { gateway, holders, judged, run, type Sites, statesOf } from "../../lib/simulation.ts";

const at = (time: string, action: string): string => `[[event]]\nat = "${time}"\n${action}\n`;

const PAIR = { a: gateway(150), b: gateway(100) };
const ANNOUNCED = `[[virtual_server]]
name = "dns"
listen = "203.0.113.53:80"
announce = { interface = "lo" }
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
check = [{ type = "tcp" }]
`;

/** When what a left goes, and how often nobody held the address. */
function leftBy(sites: Sites, script: string): [until: number, outages: number] {
  const report = run(sites, `duration = "60s"\n${script}`);
  const last = holders(report).filter(([node]) => node === "a").at(-1)!;
  return [last[2], report.addresses[0]!.outages.length];
}

Deno.test("a router that was released is as dead as its process", () => {
  const word = 'release = "a:gw"\nfor = "30s"';
  for (const death of ['kill = "a"', 'power_off = "a"', 'stop = "a"']) {
    const report = run(PAIR, 'duration = "80s"\n' + at("10s", word) + at("15s", death));
    assert.deepEqual(holders(report).at(-1)![0], "b", death);
    assert.ok(holders(report).every(([node, , to]) => node === "b" || to < 15_100), death);
    assert.ok(statesOf(report, "a").every(([, from]) => from < 15_100), death);
  }
});

Deno.test("the word of an operator ends when a process that stood still goes on", () => {
  const word = 'release = "a:gw"\nfor = "10s"';
  const stall = at("15s", 'stall = { node = "a", for = "15s" }');
  const report = run(PAIR, 'duration = "60s"\n' + at("10s", word) + stall);
  assert.ok(statesOf(report, "a").every(([, from]) => from < 15_000 || from >= 30_000));
  assert.equal(holders(report).at(-1)![0], "a", "it takes over again, later");
  assert.equal(report.addresses[0]!.outage_total, 0);
});

Deno.test("a lease lasts as long, however often its process dies", () => {
  const killed = leftBy(PAIR, at("10s", 'kill = "a"'));
  assert.deepEqual(killed[1], 0);
  assert.ok(killed[0] > 14_200 && killed[0] <= 16_000, `${killed}`);
  const stall = at("10s", 'stall = { node = "a", for = "20s" }');
  assert.deepEqual(leftBy(PAIR, stall + at("10500ms", 'kill = "a"')), killed);
  const loop = at("10s", 'kill = "a"') + at("11s", 'start = "a"') + at("12s", 'kill = "a"');
  assert.deepEqual(leftBy(PAIR, loop), killed);
});

Deno.test("what has no lease stays where no agent lives long enough to remove it", () => {
  const off = { a: gateway(150, 'address_lease = "off"'), b: gateway(100) };
  const start = at("10s", 'kill = "a"') + at("11s", 'start = "a"');
  assert.deepEqual(leftBy(off, start + at("12s", 'kill = "a"')), [60_000, 0]);
  // Its router decides nothing while it waits: after 10 s the new agent removes it, stall or none.
  const late = { a: '[agent]\nstartup_delay = "40s"\n' + off.a };
  const again = at("45s", 'kill = "a"') + at("46s", 'start = "a"');
  const stall = at("48s", 'stall = { node = "a", for = "1s" }');
  for (const more of ["", stall]) {
    const report = run(late, `duration = "70s"\n${again}${more}`);
    assert.equal(holders(report).at(-1)![2], 56_000, more);
  }
});

Deno.test("what a host has of its own is there without an agent, and is nobody's to remove", () => {
  const own = '[[node]]\nname = "a"\naddresses = { eth0 = ["192.0.2.1"] }\n';
  const sites = { a: gateway(255), b: gateway(100) };
  for (const end of ['kill = "a"', 'stop = "a"']) {
    const report = run(sites, `duration = "40s"\n${own}${at("10s", end)}`);
    const [first, ...more] = holders(report).filter(([node]) => node === "a");
    assert.deepEqual([first, more], [["a", 0, 40_000, "host"], []], end);
    assert.equal(report.addresses[0]!.doubles.at(-1)!.to, 40_000_000, end);
  }
  const power = at("10s", 'power_off = "a"') + at("20s", 'start = "a"');
  const report = run(sites, `duration = "40s"\n${own}${power}`);
  assert.deepEqual(holders(report).filter(([node]) => node === "a"), [
    ["a", 0, 10_000, "host"],
    ["a", 20_000, 40_000, "host"],
  ]);
  // One whose host lacks the address gets it, and its lease, like anybody.
  const lacking = run(sites, `duration = "40s"\n${at("10s", 'kill = "a"')}`);
  assert.ok(holders(lacking).filter(([node]) => node === "a").at(-1)![2] <= 16_000);
});

Deno.test("an agent that ends in order takes away what it announced", () => {
  const expected = '[[expect]]\naddress = "203.0.113.53"\nheld_by = "nobody"\nat = "20s"\n';
  const report = run(
    { a: gateway(150) + ANNOUNCED },
    'duration = "30s"\n' + at("10s", 'stop = "a"') + expected,
  );
  const [held, ...more] = holders(report, "203.0.113.53");
  assert.deepEqual(more, []);
  // Its router waits for a successor in vain.
  assert.ok(held![2] > 10_000 && held![2] < 12_100, `${held}`);
  assert.match(judged(report)[0]!, /^held /);
});

Deno.test("what follows a router that is master at once is announced", () => {
  const follows = ANNOUNCED.replace("announce", 'follow = "gw"\nannounce');
  const report = run({ a: gateway(255) + follows, b: gateway(100) }, 'duration = "10s"');
  assert.deepEqual(holders(report, "203.0.113.53"), [["a", 1, 10_000, "router"]]);
});

Deno.test("a delay after the boot counts from the boot, also for the second start after it", () => {
  const sites = { a: '[agent]\ndelay_after_boot = "20s"\n' + gateway(150), b: gateway(100) };
  const report = run(
    sites,
    'duration = "120s"\n' + at("60s", 'power_off = "a"') + at("70s", 'start = "a"') +
      at("75s", 'kill = "a"') + at("76s", 'start = "a"'),
  );
  const healthy = statesOf(report, "a").filter(([state]) => state === "backup");
  assert.deepEqual(healthy.map(([, from]) => from), [0, 90_000]);
});

Deno.test("a packet overtakes none before it, even where the way has become shorter", () => {
  const agenda = new Agenda();
  const lan = new Lan("lan", agenda, new Random(1), { isDeaf: () => false });
  const [a, b] = ["a", "b"].map((node) => {
    const state = { namespace: "", name: "eth0" } as InterfaceState;
    const own = new SimInterface(node, state);
    lan.join(own);
    return own;
  });
  const came: [string, number][] = [];
  const send = (from: SimInterface, to: SimInterface, what: string): void =>
    lan.carry(from, to, (now) => void came.push([what, now]));
  lan.settings = { ...USUAL_LAN, delay: 900 };
  send(a!, b!, "first");
  lan.settings = { ...USUAL_LAN, delay: 100 };
  send(a!, b!, "second");
  send(b!, a!, "other way");
  while (agenda.step(10_000));
  assert.deepEqual(came, [["other way", 100], ["first", 900], ["second", 900]]);
});
