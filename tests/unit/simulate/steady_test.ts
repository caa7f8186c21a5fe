/** Leaps over steady time give what stepping through it gives. */

import assert from "node:assert/strict";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { gateway, pool, run, sessionOf, type Sites, statesOf } from "../../lib/simulation.ts";

/** All of a report but how much was leapt over. */
function comparable(report: SimulationReport): unknown {
  return { ...report, work: { ...report.work, skipped: 0 } };
}

function bothWays(sites: Sites, script: string): SimulationReport {
  const leapt = run(sites, script);
  const stepped = run(sites, script, { stepAll: true });
  assert.equal(stepped.work.skipped, 0);
  assert.deepEqual(comparable(leapt), comparable(stepped));
  return leapt;
}

const PAIR = { a: gateway(150), b: gateway(100) };
const at = (time: string, action: string): string => `[[event]]\nat = "${time}"\n${action}\n`;

Deno.test("a calm day is leapt over, and each advert of it is counted", () => {
  const report = bothWays(PAIR, 'duration = "1d"');
  assert.ok(report.work.skipped > 0.999 * report.duration, `${report.work.skipped}`);
  // One each second from 3.414 s on.
  assert.equal(report.work.packets, 86_400 - 3);
});

Deno.test("failures in between find everything as if it had been stepped through", () => {
  const report = bothWays(
    PAIR,
    'duration = "20h"\n' + at("1h", 'power_off = "a"') + at("2h", 'start = "a"') +
      at("3h", 'kill = "a"') + at("4h", 'start = "a"') + at("5h", 'stop = "a"') +
      at("6.0001h", 'start = "a"') + at("7h", 'stall = { node = "a", for = "5.3s" }') +
      at("8h", 'stall = { node = "b", for = "50s" }') + at("9h", 'link_down = "a:eth0"') +
      at("10h", 'link_up = "a:eth0"') + at("11h", 'cut = ["a:eth0"]') +
      at("12h", 'heal = ["a:eth0"]') + at("13h", 'release = "a:gw"\nfor = "30m"') +
      at("15h", 'claim = "b:gw"') + at("16h", 'kill = "b"') + at("17h", 'power_off = "a"'),
  );
  assert.ok(report.work.skipped > 0.7 * report.duration, `${report.work.skipped}`);
  assert.ok(statesOf(report, "a").length > 12);
});

Deno.test("groups, several intervals, both families, version 2 and unicast are leapt over, too", () => {
  const of = (priority: number): string =>
    ["1s", "700ms", "250ms"].map((interval, i) =>
      gateway(priority, `advertisement_interval = "${interval}"`)
        .replace('"gw"', `"gw${i}"`).replace("= 51", `= ${51 + i}`)
        .replace('"eth0"', `"eth${i}"`)
        .replace('["192.0.2.1/24"]', i === 2 ? '["192.0.2.9", "fe80::9"]' : `["192.0.2.${i + 1}"]`)
    ).join("") + gateway(priority, "version = 2").replace('"gw"', '"old"')
      .replace("= 51", "= 61").replace("192.0.2.1/", "198.51.100.1/") +
    gateway(priority, 'unicast = { peers = ["203.0.113.2", "203.0.113.3", "203.0.113.4"] }')
      .replace('"gw"', '"far"').replace("= 51", "= 62").replace("192.0.2.1/", "198.51.100.2/") +
    '[[sync_group]]\nname = "site"\nmembers = ["gw0", "gw1"]\n';
  const report = bothWays(
    { a: of(150), b: of(100), c: of(50) },
    'duration = "3h"\n' + at("1h", 'link_down = "a:eth1"') + at("2h", 'link_up = "a:eth1"'),
  );
  assert.ok(report.work.skipped > 0.8 * report.duration, `${report.work.skipped}`);
  assert.equal(report.routers.find(({ name }) => name === "gw0")!.group, "site");
  assert.deepEqual(statesOf(report, "a", "gw0").map(([state]) => state).slice(-4), [
    "master",
    "fault",
    "backup",
    "master",
  ]);
});

Deno.test("where chance decides nothing is leapt over", () => {
  const lossy = 'duration = "1h"\n[[network]]\nname = "x"\nmembers = ["a:eth0", "b:eth0"]\n';
  assert.equal(run(PAIR, `${lossy}loss = 0.001`).work.skipped, 0);
  assert.equal(run(PAIR, `${lossy}jitter = "1ms"`).work.skipped, 0);
  assert.ok(run(PAIR, `${lossy}delay = "30ms"`).work.skipped > 3_500_000_000);
});

const POOL = pool(
  'interval = "2s", timeout = "500ms", fall = 3, rise = 2',
  'interval = "1500ms", timeout = "2s", fall = 2, rise = 3',
);
const FIRST = '"198.51.100.11:8080"';
const SECOND = '"198.51.100.12:8080"';

Deno.test("checks that find what they found before are leapt over, those that fail, too", () => {
  const tracked = gateway(150, 'track = { virtual_servers = [{ name = "web", weight = -100 }] }');
  const report = bothWays(
    { a: tracked + POOL, b: gateway(100) + POOL },
    'duration = "12h"\n' + at("1.0003h", `server_down = ${FIRST}`) + at("3h", 'kill = "a"') +
      at("4h", 'start = "a"') + at("5h", `server_up = ${FIRST}`) +
      at("6.0007h", `server_down = ${SECOND}`) + at("7h", `server_up = ${SECOND}`) +
      at("8h", 'stall = { node = "b", for = "7s" }') + at("9h", `server_down = ${FIRST}`) +
      at("9.00002h", `server_down = ${SECOND}`) + at("11h", 'power_off = "a"'),
  );
  assert.ok(report.work.skipped > 0.9 * report.duration, `${report.work.skipped}`);
  const changes = report.servers.filter(({ node }) => node === "b").length;
  assert.ok(changes >= 8, `${changes}`);
});

Deno.test("a check that is held down, or that flaps, is not leapt over before it is back", () => {
  const held = POOL.replace("fall = 3,", 'hold_down = "40m", fall = 1,')
    .replace("fall = 2,", 'damping = { suppress = 3, half_life = "10m" }, fall = 1,');
  let script = 'duration = "6h"\n' + at("1h", `server_down = ${FIRST}`) +
    at("1.01h", `server_up = ${FIRST}`);
  for (let i = 0; i < 5; i++) {
    script += at(`${120 + i}m`, `server_down = ${SECOND}`) +
      at(`${120.5 + i}m`, `server_up = ${SECOND}`);
  }
  const report = bothWays({ a: gateway(150) + held }, script);
  assert.ok(report.work.skipped > 0.5 * report.duration, `${report.work.skipped}`);
});

const SESSION = (peer: string, more = ""): string =>
  `[[bfd]]\nname = "peer"\npeer = "${peer}"\ninterface = "eth0"\n` +
  `transmit_interval = "50ms"\nreceive_interval = "50ms"\n${more}`;
const WITH_BFD = {
  a: gateway(150) + SESSION("192.0.2.3"),
  b: gateway(100, 'track = { bfd = [{ name = "peer", weight = 60, reverse = true }] }') +
    SESSION("192.0.2.2"),
};

Deno.test("sessions are leapt over: what comes of chance is alike, in the same order", () => {
  const script = 'duration = "6h"\n' + at("1h", 'power_off = "a"') + at("2h", 'start = "a"') +
    at("3h", 'cut = ["a:eth0"]') + at("4h", 'heal = ["a:eth0"]') +
    at("5h", 'deaf = { node = "b", to = "a" }') + at("5.5h", 'hearing = { node = "b", to = "a" }');
  const leapt = run(WITH_BFD, script);
  const stepped = run(WITH_BFD, script, { stepAll: true });
  // But the half-hour in which both are master: each advert is complained of.
  assert.ok(leapt.work.skipped > 0.89 * leapt.duration, `${leapt.work.skipped}`);
  for (const node of ["a", "b"]) {
    const [one, other] = [sessionOf(leapt, node), sessionOf(stepped, node)];
    assert.deepEqual(one.map(([state]) => state), other.map(([state]) => state), node);
    // Coming up takes up to a second by chance, and falling three intervals at most.
    for (const [i, [, from]] of one.entries()) {
      assert.ok(Math.abs(from - other[i]![1]) < 2, `${node} ${one[i]} ${other[i]}`);
    }
  }
  assert.equal(sessionOf(leapt, "b").length, 8);
  const packets = leapt.work.packets / stepped.work.packets;
  assert.ok(packets > 0.99 && packets < 1.01, `${packets}`);
});

Deno.test("a session that goes down in a year is seen as quickly as ever", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const report = run(WITH_BFD, `duration = "365d"\n${at("200d", 'power_off = "a"')}`, { seed });
    const [, [state, from]] = sessionOf(report, "b").slice(-2) as [unknown, [string, number]];
    assert.equal(state, "down");
    const after = from - 200 * 86_400;
    assert.ok(after > 0.1 && after <= 0.151, `${after}`);
    assert.ok(report.work.skipped > 0.9999 * report.duration);
  }
});

Deno.test("sessions alone, passive ones, and one whose peer never comes are leapt over", () => {
  const alone = run(
    { a: SESSION("192.0.2.3"), b: SESSION("192.0.2.2", "passive = true\n") },
    `duration = "30d"\n${at("9d", 'kill = "b"')}${at("20d", 'start = "b"')}`,
  );
  assert.ok(alone.work.skipped > 0.999 * alone.duration, `${alone.work.skipped}`);
  assert.deepEqual(sessionOf(alone, "a").map(([state]) => state), ["down", "up", "down", "up"]);
  const silent = run(
    { a: SESSION("192.0.2.3", "passive = true\n"), b: SESSION("192.0.2.2", "passive = true\n") },
    'duration = "30d"\n',
  );
  assert.deepEqual(sessionOf(silent, "a").map(([state]) => state), ["down"]);
});

Deno.test("who comes up a moment after a leap may begin is not leapt over", () => {
  // Adverts of 10 ms: periods much shorter than what a session takes to come up.
  const quick = (priority: number): string => gateway(priority, 'advertisement_interval = "10ms"');
  const report = run(
    { a: quick(150) + SESSION("192.0.2.3"), b: quick(100) + SESSION("192.0.2.2") },
    'duration = "2h"\n' + at("1h", 'deaf = { node = "a", to = "b" }') +
      at("1.5h", 'hearing = { node = "a", to = "b" }'),
  );
  const [first, second, third, ...more] = sessionOf(report, "a").slice(1);
  assert.deepEqual([first![0], second![0], third![0], more], ["up", "down", "up", []]);
  assert.ok(first![1] < 3 && second![1] < 3_601 && third![1] < 5_403, `${[first, second, third]}`);
});
