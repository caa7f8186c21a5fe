/** Leaps over steady time give what stepping through it gives. */

import assert from "node:assert/strict";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { gateway, run, type Sites, statesOf } from "../../lib/simulation.ts";

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
