/** Events: their lines, how many of them are folded into one, who asks for which. */

import assert from "node:assert/strict";
import {
  type EventDraft,
  eventLine,
  type FlightEvent,
  Folder,
  isSelected,
  newest,
  readEvent,
  trimmed,
} from "../../../mod/events/mod.ts";

const SECOND = 1_000_000;

function draft(more: Partial<EventDraft> = {}): EventDraft {
  const about = { type: "vrrp", name: "web", level: "info", event: "transition" } as const;
  return { ...about, text: "backup → master", cause: "nobody else", ...more };
}

function event(seq: number, more: Partial<FlightEvent> = {}): FlightEvent {
  return { time: "2026-11-22T07:00:00.000Z", run: "1-a", seq, ...draft(), ...more };
}

Deno.test("an event is read from its line as it was, and moves no terminal's cursor", () => {
  const hostile = event(1, {
    cause: "\u001b[2J\u202eevil\n\u009b",
    details: { source: "192.0.2.2\u2066" },
    names: ["a"],
  });
  const line = eventLine(hostile);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u202e\u2066]/);
  assert.deepEqual(readEvent(line), hostile);
});

Deno.test("half a line, and a line of somebody else, is no event", () => {
  const line = eventLine(event(1));
  for (let end = 0; end < line.length; end++) {
    assert.equal(readEvent(line.slice(0, end)), undefined, `${end} characters`);
  }
  for (
    const wrong of [{ time: "soon" }, { type: "evil" }, { name: 7 }, { seq: "1" }, { names: "a" }]
  ) {
    assert.equal(readEvent(JSON.stringify({ ...event(1), ...wrong })), undefined);
  }
  assert.equal(readEvent("[]"), undefined);
  assert.equal(readEvent("{}"), undefined);
});

Deno.test("what others may have made long is cut", () => {
  const long = "x".repeat(100_000);
  const names = Array.from({ length: 1_000 }, () => long);
  const line = eventLine(event(1, trimmed(draft({ text: long, cause: long, names }))));
  assert.ok(line.length < 40_000, `${line.length} characters`);
  assert.ok(readEvent(line) !== undefined);
});

Deno.test("what comes again is told once, then counted, ever more seldom", () => {
  const folder = new Folder();
  const refused = {
    ...draft({ event: "refused", text: "Advertisement refused: checksum" }),
    count: 1,
  };
  assert.equal(folder.repeated(refused, 0)?.count, undefined);
  for (let i = 1; i <= 30; i++) assert.equal(folder.repeated(refused, i * SECOND), undefined);
  assert.deepEqual(folder.due(59 * SECOND), []);
  assert.deepEqual(folder.due(60 * SECOND).map(({ count }) => count), [30]);
  folder.repeated({ ...refused, count: 7 }, 100 * SECOND);
  assert.deepEqual(folder.due(179 * SECOND), []);
  assert.deepEqual(folder.due(180 * SECOND).map(({ count }) => count), [7]);
  // Nothing for a whole window: it is news again.
  assert.deepEqual(folder.due(420 * SECOND), []);
  assert.notEqual(folder.repeated(refused, 430 * SECOND), undefined);
});

Deno.test("the end tells what was counted", () => {
  const folder = new Folder();
  folder.repeated({ ...draft(), count: 1 }, 0);
  folder.repeated({ ...draft(), count: 1 }, 1);
  assert.deepEqual(folder.due(2, true).map(({ count }) => count), [1]);
  assert.deepEqual(folder.due(3, true), []);
});

Deno.test("a flood of kinds takes bounded room", () => {
  const folder = new Folder();
  let told = 0;
  for (let i = 0; i < 10_000; i++) {
    if (folder.repeated({ ...draft({ text: `from ${i}` }), count: 1 }, i) !== undefined) told++;
  }
  assert.ok(told <= 501, `${told} told`);
  const others = folder.due(0, true).reduce((sum, { count = 1 }) => sum + count, 0);
  assert.equal(told + others, 10_000, "and none is lost");
});

Deno.test("what is told later did not happen later", () => {
  const folder = new Folder();
  for (const at of [1, 2, 3]) folder.repeated({ ...draft(), count: 1 }, at * SECOND, at);
  assert.deepEqual(folder.due(100 * SECOND).map(({ at, count }) => [at, count]), [[3, 2]]);
});

Deno.test("where there are too many kinds, none of them is blamed for all", () => {
  const folder = new Folder();
  const say = (i: number) =>
    folder.repeated({ ...draft({ name: `web-${i}`, cause: "x" }), count: 1 }, i);
  for (let i = 0; i < 500; i++) assert.equal(say(i)?.name, `web-${i}`);
  const others = [say(500), say(501), ...folder.due(0, true)];
  assert.deepEqual(
    others.map((one) => one && [one.name, one.event, one.cause, one.count]),
    [[null, "others", null, undefined], undefined, [null, "others", null, 1]],
  );
});

Deno.test("who flaps beside many others has no new budget each time", () => {
  const folder = new Folder();
  let told = 0;
  for (let i = 0; i < 20_000; i++) {
    folder.single(draft({ type: "tracker", name: `other-${i}` }), i);
    if (folder.single(draft(), i)?.event === "transition") told++;
  }
  assert.equal(told, 100);
});

Deno.test("one name cannot push the others out; what is left out is counted", () => {
  const folder = new Folder();
  const flapping = Array.from({ length: 1_000 }, (_, i) => folder.single(draft(), i)).filter(
    Boolean,
  );
  assert.equal(flapping.length, 101);
  assert.equal(flapping.at(-1)?.event, "left_out");
  assert.notEqual(folder.single(draft({ name: "lan" }), 1_000), undefined);
  assert.equal(folder.due(0, true)[0]?.count, 899);
  assert.equal(folder.single(draft(), 10 * SECOND)?.event, "transition", "and there is room again");
});

Deno.test("ten thousand servers at once leave room for what else happened", () => {
  const folder = new Folder();
  let told = 0;
  for (let i = 0; i < 10_000; i++) {
    const one = draft({ type: "real_server", name: `web 198.51.100.1:${i}` });
    if (folder.single(one, i) !== undefined) told++;
  }
  assert.equal(told, 1_001);
  assert.equal(folder.single(draft(), 10_000)?.name, "web");
});

Deno.test("events are selected by name, type and time", () => {
  const all = [
    event(1, { time: "2026-11-22T07:00:00.000Z" }),
    event(2, { type: "real_server", name: "web 198.51.100.11:80" }),
    event(3, { type: "agent", name: null, names: ["web"] }),
    event(4, { name: "webber", time: "2026-11-22T08:00:00.000Z" }),
    event(5, { name: "lan", type: "bfd" }),
  ];
  const seqs = (selection: Parameters<typeof newest>[1], most = 10) =>
    newest(all, selection, most).map(({ seq }) => seq);
  assert.deepEqual(seqs({}), [1, 2, 3, 4, 5]);
  assert.deepEqual(seqs({}, 2), [4, 5]);
  assert.deepEqual(seqs({}, 0), []);
  assert.deepEqual(seqs({ name: "web" }), [1, 2, 3]);
  assert.deepEqual(seqs({ types: ["bfd", "agent"] }), [3, 5]);
  assert.deepEqual(seqs({ since: Date.parse("2026-11-22T07:30:00Z") }), [4]);
  assert.equal(isSelected(all[1]!, { name: "web 198.51.100.11:80" }), true);
});
