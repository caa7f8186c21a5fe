/** What counts tests and what computes outages: they judge all others, so they are judged here. */

import assert from "node:assert/strict";
import { missingRules, parseJUnit, summaryLine } from "../lib/junit.ts";
import { withAgentKeys } from "../lib/daemons.ts";
import { type ProbeRecord, ProbeResult } from "../lib/probe.ts";

Deno.test("tests are counted from what deno test really writes", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const file = `${directory}/sample_test.ts`;
    Deno.writeTextFileSync(
      file,
      `Deno.test('passes <"&> [N20]', () => {});
       Deno.test("fails", () => { throw new Error("on purpose"); });
       Deno.test({ name: "left out", ignore: true, fn() {} });`,
    );
    const report = `${directory}/report.xml`;
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-lock", "--no-config", "--no-check", `--junit-path=${report}`, file],
      stdout: "null",
      stderr: "null",
    }).output();
    assert.equal(output.code, 1);
    const counted = parseJUnit(Deno.readTextFileSync(report), "unit");
    assert.deepEqual(counted, [
      { part: "unit", name: 'passes <"&> [N20]', outcome: "passed" },
      { part: "unit", name: "fails", outcome: "failed" },
      { part: "unit", name: "left out", outcome: "skipped" },
    ]);
    assert.equal(summaryLine(counted), "1 passed, 1 failed, 1 skipped");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a text that is no report has no tests", () => {
  assert.deepEqual(parseJUnit("", "unit"), []);
  assert.equal(summaryLine([]), "0 passed, 0 failed");
});

Deno.test("a rule without a test is found by its id in brackets", () => {
  const rules = { "V7-9": "skew", "V7-C1": "TTL", N20: "priority 0" };
  const names = ["waits the skew [V7-9][N20]", "V7-C1 without brackets", "[V7-99] another"];
  assert.deepEqual(missingRules(rules, names), [["V7-C1", "TTL"]]);
});

function record(sent: number[], answers: [number, number, string][], end: number): ProbeRecord {
  return { address: "192.0.2.1", interval: 1000, start: 0, end, realtimeOffset: 7, sent, answers };
}

Deno.test("an outage lasts from the last answer before it to the first one after", () => {
  const result = new ProbeResult(record(
    [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000],
    [[0, 50, "a"], [1, 1050, "a"], [6, 6050, "b"], [7, 7050, "b"]],
    8000,
  ));
  assert.deepEqual(result.outages(2), [
    { start: 1050, end: 6050, duration: 5000, ended: true, before: "a", after: "b" },
  ]);
  assert.deepEqual(result.outages(5), []);
  assert.equal(result.lost, 4);
  assert.deepEqual(result.answerers(), [
    { mac: "a", first: 50, last: 1050, answers: 2 },
    { mac: "b", first: 6050, last: 7050, answers: 2 },
  ]);
  assert.equal(result.toRealtime(1), 8);
});

Deno.test("an address that never comes back is an outage without an end", () => {
  const result = new ProbeResult(record([0, 1000, 2000, 3000, 4000], [[0, 50, "a"]], 5000));
  assert.deepEqual(result.longest(), {
    start: 50,
    end: 5000,
    duration: 4950,
    ended: false,
    before: "a",
  });
});

Deno.test("a probe that was held up has seen no outage", () => {
  const result = new ProbeResult(record([0, 9000], [[0, 50, "a"], [1, 9050, "a"]], 9500));
  assert.equal(result.longest(), undefined);
});

Deno.test("the lab's paths go into the agent table and leave the site's lines alone", () => {
  const keys = { control: '"/c"', state_directory: '"/s"' };
  const lines = 'control = "/c"\nstate_directory = "/s"\n';
  assert.equal(withAgentKeys("[[vrrp]]\n", keys), `[[vrrp]]\n\n[agent]\n${lines}`);
  assert.equal(
    withAgentKeys('[agent]\nname = "x"\n[[vrrp]]\ncontrol = 1\n', keys),
    `[agent]\n${lines}name = "x"\n[[vrrp]]\ncontrol = 1\n`,
  );
  assert.equal(
    withAgentKeys('[agent]\ncontrol = "/own"\n', keys),
    '[agent]\nstate_directory = "/s"\ncontrol = "/own"\n',
  );
});
