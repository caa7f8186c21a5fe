/** History as lanes, ticks, and how events are put together. */

import assert from "node:assert/strict";
import type { FlightEvent } from "../../../mod/events/mod.ts";
import { lanesOf, marksOf, ticksOf, withMore } from "../../../mod/page/timeline.js";

const at = (second: number) => new Date(second * 1000).toISOString();

function event(second: number, more: Partial<FlightEvent>): FlightEvent {
  return {
    time: at(second),
    run: "r",
    seq: second,
    type: "vrrp",
    name: "web",
    level: "info",
    event: "transition",
    text: "",
    cause: null,
    ...more,
  };
}

const present = (state: string, since: number | null, more = {}) => ({
  type: "vrrp",
  name: "web",
  state,
  since: since === null ? null : at(since),
  ...more,
});
const window = { from: 100_000, to: 200_000, most: 10 };
/** Spans as `state from-to`, in seconds. */
const spans = (events: FlightEvent[], now = present("master", 150)) =>
  lanesOf(events, [now], window).lanes.map(({ spans }) =>
    spans.map(({ state, from, to }) => `${state} ${from / 1000}-${to / 1000}`)
  )[0];

Deno.test("a lane: each state from its event to the next; before the first what that came from", () => {
  const events = [
    event(120, { from: "init", to: "backup" }),
    event(150, { from: "backup", to: "master", cause: "nobody spoke" }),
  ];
  assert.deepEqual(spans(events), ["init 100-120", "backup 120-150", "master 150-200"]);
  const [lane] = lanesOf(events, [present("master", 150)], window).lanes;
  assert.deepEqual([lane!.changes, lane!.spans[2]!.cause], [2, "nobody spoke"]);
});

Deno.test("what happened before the window counts for its beginning", () => {
  const events = [event(20, { from: "init", to: "backup" }), event(50, { to: "master" })];
  assert.deepEqual(spans(events, present("master", 50)), ["master 100-200"]);
});

Deno.test("nothing is claimed of the time before a process began, or after one had ended", () => {
  const began = [
    event(110, { seq: 1, type: "agent", name: null, event: "start" }),
    event(120, { from: "init", to: "master" }),
  ];
  assert.deepEqual(spans(began, present("master", 120)), [
    "unknown 100-110",
    "init 110-120",
    "master 120-200",
  ]);
  const two = [
    event(105, { run: "old", from: "init", to: "master" }),
    event(130, { run: "old", type: "agent", name: null, event: "end" }),
    event(160, { seq: 1, type: "agent", name: null, event: "start" }),
    event(170, { from: "init", to: "backup" }),
  ];
  assert.deepEqual(spans(two, present("backup", 170)), [
    "init 100-105",
    "master 105-130",
    "unknown 130-160",
    "init 160-170",
    "backup 170-200",
  ]);
});

Deno.test("at an upgrade the last words of one process come after the first of the next", () => {
  const mixed = [
    event(105, { run: "old", from: "init", to: "master" }),
    event(130, { seq: 1, type: "agent", name: null, event: "start" }),
    event(131, { run: "old", type: "agent", name: null, event: "end" }),
    event(150, { from: "master", to: "backup" }),
    event(170, { from: "backup", to: "master" }),
  ];
  assert.deepEqual(spans(mixed, present("master", 170)), [
    "init 100-105",
    "master 105-130",
    "master 130-150",
    "backup 150-170",
    "master 170-200",
  ]);
});

Deno.test("without an event the status itself says since when", () => {
  assert.deepEqual(spans([], present("master", 140)), ["unknown 100-140", "master 140-200"]);
  assert.deepEqual(spans([], present("master", 40)), ["master 100-200"]);
  assert.deepEqual(spans([], present("init", null)), ["unknown 100-200"]);
  const missed = [event(120, { from: "init", to: "backup" })];
  assert.deepEqual(spans(missed, present("master", 150)), [
    "init 100-120",
    "backup 120-150",
    "master 150-200",
  ]);
});

Deno.test("quorums are states, servers have lanes where something happened, most changes first", () => {
  const pool = { type: "virtual_server", name: "pool", state: "down", since: at(150) };
  const events = [
    event(20, { type: "real_server", name: "pool 198.51.100.12", to: "down" }),
    event(130, { type: "real_server", name: "pool 198.51.100.11", to: "down" }),
    event(140, { type: "real_server", name: "pool 198.51.100.11", to: "up" }),
    event(150, { type: "virtual_server", name: "pool", to: "lost" }),
    event(155, { type: "check", name: "tcp/198.51.100.11:80/0", to: "down" }),
  ];
  const { lanes, left } = lanesOf(events, [pool, present("backup", 10)], { ...window, most: 2 });
  assert.deepEqual(lanes.map(({ name }) => name), ["pool 198.51.100.11", "pool"]);
  assert.equal(left, 1);
  assert.equal(lanes[1]!.spans.at(-1)!.state, "down");
});

Deno.test("a thousand changes are no thousand shapes without end", () => {
  const events = Array.from({ length: 1000 }, (_, i) => {
    return event(0, { time: new Date(100_000 + i * 50).toISOString(), to: i % 2 ? "up" : "down" });
  });
  assert.ok(lanesOf(events, [present("up", 150)], window).lanes[0]!.spans.length <= 400);
});

Deno.test("marks are the agent's and operators' own events, not what is counted", () => {
  const events = [
    event(120, { type: "operator", name: "web", text: "halb release" }),
    event(130, { type: "agent", name: null, text: "starts" }),
    event(140, { type: "agent", name: null, text: "late", count: 7 }),
    event(20, { type: "operator", text: "old" }),
    event(150, {}),
  ];
  assert.deepEqual(marksOf(events, 100_000), [
    { at: 120_000, text: "halb release: web" },
    { at: 130_000, text: "starts" },
  ]);
});

Deno.test("ticks are round and few, in local time", () => {
  assert.deepEqual(ticksOf(0, 300_000, 6), [0, 60_000, 120_000, 180_000, 240_000, 300_000]);
  const hours = ticksOf(0, 86_400_000, 8, 5_400_000);
  assert.ok(hours.length <= 9 && hours.every((tick) => (tick + 5_400_000) % 10_800_000 === 0));
});

Deno.test("what is told twice is known once; the oldest go", () => {
  const known = [event(1, {}), event(2, {})];
  const all = withMore(known, [event(2, {}), event(3, {})], 2);
  assert.deepEqual(all.map(({ seq }) => seq), [2, 3]);
});
