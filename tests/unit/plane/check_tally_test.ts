/** How probes are counted: by name, or by type together. */

import assert from "node:assert/strict";
import { addCounts, CheckTally, DURATION_BOUNDS } from "../../../mod/plane/check_tally.ts";

Deno.test("checks with a name by themselves, others by their type; what says nothing has no duration", () => {
  const tally = new CheckTally();
  tally.record("gateway", "ping", "passed", 500);
  tally.record("gateway", "ping", "failed", 501);
  tally.record("gateway", "ping", "void", 1);
  tally.record("gateway", "ping", "unasked", 1);
  for (let i = 0; i < 1000; i++) tally.record(`tcp/198.51.100.1:${i}/00`, "tcp", "passed", 11e6);
  const [gateway, tcp, ...rest] = tally.data();
  assert.deepEqual(rest, [], "bounded, however many servers there are");
  assert.deepEqual(gateway, {
    type: "ping",
    name: "gateway",
    results: { passed: 1, failed: 1, void: 2 },
    durations: DURATION_BOUNDS.map((bound) => bound <= 1_000 ? 1 : 0),
    sum: 1001,
  });
  assert.deepEqual([tcp!.name, tcp!.results.passed, tcp!.sum], ["", 1000, 11e9]);
  assert.ok(tcp!.durations.every((count) => count === 0), "longer than the last bound");
});

Deno.test("what is gone is forgotten, but for checks without a name: their sum never falls", () => {
  const tally = new CheckTally();
  tally.record("a", "tcp", "passed", 1);
  tally.record("b", "http", "passed", 1);
  tally.record("tcp/198.51.100.1:80/00", "tcp", "passed", 1);
  tally.keep(new Map([["b", "tcp"]]));
  assert.deepEqual(tally.data().map(({ type, name }) => [type, name]), [["tcp", ""]]);
});

Deno.test("the counts of two planes are added where they are of one kind", () => {
  const [one, other] = [new CheckTally(), new CheckTally()];
  one.record("http/a/0", "http", "passed", 700);
  other.record("http/b/0", "http", "failed", 300);
  other.record("script", "script", "passed", 1);
  const [http, script] = addCounts([...one.data(), ...other.data()]);
  assert.deepEqual(http!.results, { passed: 1, failed: 1, void: 0 });
  assert.deepEqual([http!.sum, http!.durations[0], http!.durations[1]], [1000, 1, 1]);
  assert.equal(script!.name, "script");
});
