/** What is known of tracked things, and what it comes to for a router. */

import assert from "node:assert/strict";
import type { TrackerFinding, TrackerFound, TrackerUse } from "../../../mod/plane/trackers.ts";
import { FindingBatch } from "../../../mod/protocol/finding_batch.ts";
import { TrackerTable } from "../../../mod/protocol/trackers.ts";

const SECOND = 1_000_000;
const T = 1000 * SECOND;
const SCRIPT = { kind: "script", namespace: "", name: "up" } as const;

function found(healthy: boolean, reason = healthy ? "exit 0" : "exit 1"): TrackerFinding {
  return { ...SCRIPT, healthy, reason };
}

function use(weight: number, more: Partial<TrackerUse> = {}): TrackerUse {
  return { kind: "script", name: "up", weight, ...more };
}

/** What one use comes to: what it adds, or what is waited for. */
function judge(table: TrackerTable, one: TrackerUse, takesPart = true): number | string {
  const { contribution, waitingFor } = table.judge([one], "", takesPart, "not there");
  return waitingFor.join() || contribution;
}

Deno.test("trackers: weight, sign and reverse", () => {
  const table = new TrackerTable();
  for (
    const [healthy, weight, reverse, expected] of [
      [true, 0, false, 0],
      [false, 0, false, "tracked script up: exit 1"],
      [true, 0, true, "tracked script up: exit 0"],
      [false, 0, true, 0],
      [true, 20, false, 20],
      [false, 20, false, 0],
      [true, -20, false, 0],
      [false, -20, false, -20],
      [true, 20, true, -20],
      [false, -20, true, 20],
    ] as const
  ) {
    table.found(found(healthy), T);
    assert.equal(judge(table, use(weight, reverse ? { reverse } : {})), expected);
  }
});

Deno.test("trackers: what nobody knows keeps a router from beginning, not from going on", () => {
  const table = new TrackerTable();
  for (const weight of [0, 20, -20]) {
    assert.equal(judge(table, use(weight), false), "tracked script up: no result yet");
    assert.equal(judge(table, use(weight), true), 0);
  }
  const { reports } = table.judge([use(-20)], "", false, "not there");
  assert.deepEqual(reports, [
    {
      name: "up",
      kind: "script",
      healthy: false,
      contribution: 0,
      reason: "no result yet",
      fault: false,
    },
  ]);
  // An interface that is not there is known not to be.
  const eth1 = { kind: "interface", name: "eth1", weight: 0 } as const;
  assert.equal(judge(table, eth1, true), "tracked interface eth1: not there");
});

Deno.test("trackers: a file's number counts, and too little is a fault", () => {
  const table = new TrackerTable();
  const file = { kind: "file", name: "load", weight: 2 } as const;
  const holds = (value: number, healthy = true) =>
    table.found({ ...file, namespace: "", healthy, reason: `${value}`, value }, T);
  holds(-3);
  assert.equal(judge(table, file), -6);
  assert.equal(judge(table, { ...file, reverse: true }), 6);
  assert.equal(judge(table, { ...file, weight: 0 }), "tracked file load: -3");
  holds(-127);
  const { reports, waitingFor } = table.judge([file], "", true, "");
  assert.deepEqual(waitingFor, ["tracked file load: -127"]);
  assert.deepEqual(
    [reports[0]!.fault, reports[0]!.contribution, reports[0]!.healthy],
    [true, 0, true],
  );
  assert.equal(holds(-127), false, "nothing new");
  assert.equal(holds(1), true);
});

Deno.test("trackers: the largest numbers stay numbers that another process takes", () => {
  const table = new TrackerTable();
  const largest = 0x7fff_ffff;
  const file = { kind: "file", name: "load", weight: largest } as const;
  table.found({ ...file, namespace: "", healthy: true, reason: "many", value: largest }, T);
  assert.equal(judge(table, file), largest);
  assert.equal(judge(table, { ...file, weight: -largest }), "tracked file load: many");
});

Deno.test("trackers: a change counts when it has lasted", () => {
  const table = new TrackerTable();
  table.configure([{ ...SCRIPT, up: 5 * SECOND, down: 2 * SECOND }]);
  assert.equal(table.found(found(true), T), true);
  assert.equal(table.deadline, Infinity);
  assert.equal(table.found(found(false), T), false);
  assert.equal(table.deadline, T + 2 * SECOND);
  assert.equal(judge(table, use(0)), 0);
  // Back in time: nothing was.
  table.found(found(true), T + SECOND);
  assert.equal(table.deadline, Infinity);
  table.found(found(false), T + 2 * SECOND);
  assert.deepEqual(table.settle(T + 4 * SECOND - 1), []);
  assert.deepEqual(table.settle(T + 4 * SECOND), [SCRIPT]);
  assert.equal(judge(table, use(0)), "tracked script up: exit 1");
  table.found(found(true), T + 5 * SECOND);
  assert.equal(judge(table, use(0)), "tracked script up: exit 0, but not for long enough yet");
  assert.deepEqual(table.settle(T + 10 * SECOND), [SCRIPT]);
  assert.equal(judge(table, use(0)), 0);
  assert.equal(table.deadline, Infinity);
});

Deno.test("trackers: what is remembered goes on, delays and all, and newer findings count", () => {
  const former = new TrackerTable();
  former.configure([{ ...SCRIPT, up: 0, down: 2 * SECOND }]);
  former.found(found(true), T);
  former.found(found(false), T);
  const memory = JSON.parse(JSON.stringify(former.remember()));

  const table = new TrackerTable();
  table.restore(memory, T + SECOND);
  assert.equal(table.deadline, T + 2 * SECOND);
  assert.equal(judge(table, use(0)), 0);
  table.settle(T + 2 * SECOND);
  assert.equal(judge(table, use(0)), "tracked script up: exit 1");

  // Found by the new process before it heard of the former one's belief: its delay still counts.
  const other = new TrackerTable();
  other.configure([{ ...SCRIPT, up: 0, down: 2 * SECOND }]);
  other.found(found(false, "gone"), T + SECOND);
  other.restore(memory, T + SECOND);
  assert.equal(other.deadline, T + 2 * SECOND);
  assert.equal(judge(other, use(0)), 0);
  const third = new TrackerTable();
  third.found(found(true), T + SECOND);
  third.restore(memory, T + SECOND);
  assert.equal(third.deadline, Infinity);
});

Deno.test("trackers: what nobody uses is forgotten", () => {
  const table = new TrackerTable();
  table.configure([{ ...SCRIPT, up: SECOND, down: SECOND }]);
  table.found(found(true), T);
  table.found(found(false), T);
  table.keep((key) => key !== "script//up");
  assert.equal(table.deadline, Infinity);
  assert.deepEqual(table.remember(), []);
});

Deno.test("findings that arrive together are judged together, in order, before what comes after", () => {
  const judged: (readonly string[])[] = [];
  const batch = new FindingBatch((all, now) => {
    judged.push([...all.map(({ name, healthy }) => `${name} ${healthy}`), `at ${now}`]);
    // What is found meanwhile belongs to the next one.
    if (now === 1) batch.add(checked("late", true));
  });
  batch.flush(0);
  assert.deepEqual(judged, [], "nothing is nothing to judge");
  for (const [name, healthy] of [["a", false], ["b", true], ["a", true]] as const) {
    batch.add(checked(name, healthy));
  }
  batch.flush(1);
  batch.flush(2);
  batch.flush(3);
  assert.deepEqual(judged, [["a false", "b true", "a true", "at 1"], ["late true", "at 2"]]);
});

function checked(name: string, healthy: boolean): TrackerFound {
  return { type: "tracker", id: "k:1", kind: "check", namespace: "", name, healthy, reason: "" };
}
