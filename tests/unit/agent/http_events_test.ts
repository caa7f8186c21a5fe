/** Events over HTTP: what is new from memory, what was before read once for all. */

import assert from "node:assert/strict";
import { EventPages } from "../../../mod/agent/http_events.ts";
import type { FlightEvent } from "../../../mod/events/mod.ts";

function event(seq: number, run = "now"): FlightEvent {
  return {
    time: new Date(1e12 + seq * 1000).toISOString(),
    run,
    seq,
    type: "vrrp",
    name: "web",
    level: "info",
    event: "transition",
    text: "",
    cause: null,
  };
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A recorder with events of a former process, and some of this one. */
function scene(former: number, own: number[]) {
  const recent = own.map((seq) => event(seq));
  const before = former === 0 ? [] : numbers(1, former).map((seq) => event(seq, "old"));
  const time = { now: 0 };
  const reads: number[] = [];
  const source = {
    run: "now",
    recent,
    query: ({ last }: { last: number }) => {
      reads.push(last);
      return Promise.resolve({ events: [...before, ...recent].slice(-last), problem: null });
    },
  };
  const pages = new EventPages(source, () => time.now);
  const ask = async (
    query: { last?: number; since?: number | null; after?: string | null } = {},
  ) => {
    const page = await pages.page({ last: 200, since: null, after: null, ...query });
    const { events, ...rest } = JSON.parse(new TextDecoder().decode(page));
    return { ...rest, seqs: events.map(({ run, seq }: FlightEvent) => `${run} ${seq}`) };
  };
  return { recent, time, reads, pages, ask };
}

Deno.test("at first all there is, then what came later; each once", async () => {
  const { recent, ask } = scene(2, [1, 2]);
  const all = await ask();
  assert.deepEqual(all.seqs, ["old 1", "old 2", "now 1", "now 2"]);
  assert.deepEqual([all.whole, all.complete, all.next], [true, true, "now:2"]);
  assert.deepEqual((await ask({ after: all.next })).seqs, []);
  recent.push(event(3), event(4));
  const later = await ask({ after: all.next });
  assert.deepEqual([later.whole, later.seqs, later.next], [false, ["now 3", "now 4"], "now:4"]);
  assert.deepEqual(
    (await ask()).seqs.slice(-2),
    ["now 3", "now 4"],
    "also before it is read again",
  );
});

Deno.test("the recording is read once in ten seconds, whoever asks", async () => {
  const { time, reads, ask } = scene(5, [1]);
  await Promise.all([ask(), ask({ last: 1 }), ask({ since: 0 }), ask({ after: "other:1" })]);
  assert.deepEqual(reads, [1000]);
  time.now = 9_999;
  await ask();
  assert.equal(reads.length, 1);
  time.now = 10_000;
  await ask();
  assert.equal(reads.length, 2);
});

Deno.test("newest ones only, or since a time; what is missing is said", async () => {
  const { ask } = scene(3, numbers(1, 5));
  const last = await ask({ last: 2 });
  assert.deepEqual([last.seqs, last.complete, last.next], [["now 4", "now 5"], false, "now:5"]);
  const since = await ask({ since: 1e12 + 4000 });
  assert.deepEqual([since.seqs, since.complete], [["now 4", "now 5"], true]);
  assert.deepEqual((await ask({ last: 0 })).seqs, []);
  const many = scene(5000, [1]);
  assert.deepEqual([(await many.ask({ last: 1000 })).complete, many.reads], [false, [1000]]);
});

Deno.test("who names another process, or what is not known any more, gets all again", async () => {
  const { ask } = scene(0, numbers(10, 12));
  for (const after of ["old:3", "now:3", "now:99", "now:x", "now", "", ":", "now:1.5"]) {
    assert.equal((await ask({ after })).whole, true, after);
  }
  assert.deepEqual((await ask({ after: "now:9" })).seqs, ["now 10", "now 11", "now 12"]);
});

Deno.test("a flood of news is a thousand at most, and the same bytes for all", async () => {
  const { pages, ask } = scene(0, numbers(1, 4000));
  const { seqs, complete, next } = await ask({ after: "now:0" });
  assert.deepEqual([seqs.length, seqs.at(-1), complete, next], [
    1000,
    "now 4000",
    false,
    "now:4000",
  ]);
  const query = { last: 1, since: null, after: "now:5" };
  assert.equal(await pages.page(query), await pages.page(query));
});
