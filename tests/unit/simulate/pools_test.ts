/** Real servers that die: their checks, pools, quorums, and routers that track these. */

import assert from "node:assert/strict";
import { timelineText } from "../../../mod/simulate/timeline.ts";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { gateway, holders, judged, pool, problemsOf, run, statesOf } from "../../lib/simulation.ts";

const at = (time: string, action: string): string => `[[event]]\nat = "${time}"\n${action}\n`;

const CHECK = 'interval = "2s", timeout = "500ms", fall = 3, rise = 2';
const POOL = pool(CHECK, CHECK);
const SITES = { a: gateway(150) + POOL, b: gateway(100) + POOL };
const DEAD = "198.51.100.11:8080";

function service(
  { servers }: SimulationReport,
  node: string,
  server = DEAD,
): [inService: boolean, from: number][] {
  const own = servers.filter((one) => one.node === node && one.server === server);
  // Another reason is no other state, unless nothing was known in between.
  return own.filter(({ in_service, from }, i) =>
    own[i - 1]?.in_service !== in_service || own[i - 1]!.to < from
  ).map(({ in_service, from }) => [in_service, from / 1000]);
}

Deno.test("a server that dies is out of service after its third failure, and comes back", () => {
  const report = run(
    SITES,
    at("10s", `server_down = "${DEAD}"`) + at("30s", `server_up = "${DEAD}"`),
  );
  for (const node of ["a", "b"]) {
    const [first, second, third, ...more] = service(report, node);
    assert.deepEqual([first![0], second![0], third![0], more], [true, false, true, []]);
    // Within an interval begins the first probe; retries come a second after each failure.
    assert.ok(
      second![1] > 13_000 && second![1] <= 10_000 + 2_000 + 3 * 500 + 2 * 1_000,
      `${second}`,
    );
    assert.ok(third![1] > 30_000 && third![1] < 34_100, `${third}`);
    assert.deepEqual(service(report, node, "198.51.100.12:8080"), [[true, 0]]);
  }
});

Deno.test("a quorum that is lost moves the router that tracks it", () => {
  const tracking = gateway(150, 'track = { virtual_servers = [{ name = "web", weight = -100 }] }');
  const cut = { a: tracking + POOL, b: gateway(100) };
  const report = run(cut, at("10s", `server_down = "${DEAD}"`));
  assert.equal(holders(report).at(-1)![0], "b");
  const lost = report.trackers.find(({ healthy }) => !healthy)!;
  assert.deepEqual([lost.kind, lost.name], ["virtual_server", "web"]);
});

Deno.test("a check that a router tracks fails and recovers by its own rule", () => {
  const check = '[[check]]\nname = "up"\ntype = "ping"\naddress = "203.0.113.1"\nfall = 2\n';
  const sites = { a: gateway(150, 'track = { checks = ["up"] }') + check, b: gateway(100) };
  const report = run(sites, at("10s", 'fail = "a:up"') + at("30s", 'recover = "a:up"'));
  assert.deepEqual(statesOf(report, "a").map(([state]) => state).slice(-4), [
    "master",
    "fault",
    "backup",
    "master",
  ]);
});

Deno.test("announced addresses go with the quorum", () => {
  const pool = POOL.replace('follow = "gw"', 'announce = { interface = "lo" }')
    .replace("192.0.2.1:80", "203.0.113.80:80");
  const report = run({ a: pool }, at("10s", `server_down = "${DEAD}"`));
  const [held, ...more] = holders(report, "203.0.113.80");
  assert.deepEqual(more, []);
  assert.ok(held![2] > 13_000 && held![2] < 15_600, `${held}`);
  const [fared, ...others] = report.addresses;
  assert.deepEqual([fared!.address, fared!.router, others], ["203.0.113.80", -1, []]);
  assert.equal(fared!.outage_total, Math.round((40_000 - held![2]) * 1000));
});

Deno.test("an address that two nodes announce is no double holding, in numbers or in the timeline", () => {
  const pool = POOL.replace('follow = "gw"', 'announce = { interface = "lo" }')
    .replace("192.0.2.1:80", "203.0.113.80:80");
  const report = run({ a: pool, b: pool }, at("10s", 'kill = "a"'));
  const [fared] = report.addresses;
  assert.deepEqual([fared!.shared, fared!.double_total], [true, 0]);
  const text = timelineText(report);
  assert.match(text, /a and b$/m);
  assert.doesNotMatch(text, /: twice|^ +2+$/m);
});

Deno.test("what is expected of servers holds or fails", () => {
  const expected = (more: string): string[] =>
    judged(
      run(SITES, `${at("10s", `server_down = "${DEAD}"`)}[[expect]]\nserver = "${DEAD}"\n${more}`),
    );
  assert.match(expected('in_service = false\nby = "17s"')[0]!, /^held .* by 17s: since 1[3-5]/);
  assert.match(
    expected('in_service = false\nat = "11s"')[0]!,
    /^FAILED .*: in service on [ab]: .*answered/,
  );
  assert.match(expected('in_service = true\nnode = "b"\nuntil = "13s"')[0]!, /^held /);
  assert.match(
    expected('virtual_server = "web"\nin_service = true\nfrom = "1s"')[0]!,
    /^FAILED .*: not in service on [ab]: .*no answer within 500 ms at 1/,
  );
  const [problem] = problemsOf(
    SITES,
    '[[expect]]\nserver = "198.51.100.13:8080"\nin_service = true\nat = "1s"',
  );
  assert.match(problem!, /help: write `"198\.51\.100\.1[12]:8080"` instead/);
});

Deno.test("an agent that was killed knows nothing of servers until it is back", () => {
  const report = run(SITES, at("10s", 'kill = "a"') + at("20s", 'start = "a"'));
  assert.deepEqual(service(report, "a"), [[true, 0], [true, 20_000]]);
});
