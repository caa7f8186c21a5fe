/** When refused packets and adverts are read, and when they have to wait. */

import assert from "node:assert/strict";
import { Allowance } from "../../../mod/protocol/allowance.ts";
import { Sweeper } from "../../../mod/protocol/sweeper.ts";

Deno.test("allowance: reading takes half of the time, with pauses of some milliseconds", () => {
  const allowance = new Allowance();
  let now = 1_000_000;
  let read = 0;
  let longestPause = 0;
  for (const end = now + 1_000_000; now < end;) {
    const resume = allowance.resumeAt(now);
    if (resume === Infinity) {
      allowance.spend(300);
      read += 300;
      now += 300;
    } else {
      longestPause = Math.max(longestPause, resume - now);
      now = resume;
    }
  }
  assert.ok(read >= 490_000 && read <= 530_000, `read for ${read} µs of a second`);
  assert.ok(longestPause <= 5_000, `paused for ${longestPause} µs`);
});

Deno.test("allowance: who reads less never waits, and a burst has 20 ms", () => {
  const allowance = new Allowance();
  for (let now = 1_000_000; now < 2_000_000; now += 1_000) {
    assert.equal(allowance.resumeAt(now), Infinity);
    allowance.spend(490);
  }
  assert.equal(allowance.resumeAt(3_000_000), Infinity);
  allowance.spend(19_999);
  assert.equal(allowance.resumeAt(3_000_000), Infinity);
  allowance.spend(2);
  assert.equal(allowance.resumeAt(3_000_000), 3_004_002);
  assert.equal(allowance.resumeAt(3_004_001), 3_004_002, "still waiting");
  assert.equal(allowance.resumeAt(3_004_002), Infinity);
});

/** A sweeper, its clock, and packets that wait in channels named by letters. */
class SweeperBench {
  now = 1_000_000;
  readonly waiting: Record<string, number> = {};
  readonly done: string[] = [];
  readonly sweeper = new Sweeper<string>(
    (channel, _, until) => {
      do {
        this.waiting[channel] = Math.max(0, (this.waiting[channel] ?? 0) - 256);
        this.now += 150;
        this.done.push(channel);
      } while (this.waiting[channel] > 0 && this.now < until);
      return this.waiting[channel] === 0;
    },
    (channel) => void this.done.push(`${channel} listens`),
    () => this.now,
  );
}

Deno.test("sweeper: what has come is read together, some time after the first packet", () => {
  const bench = new SweeperBench();
  assert.equal(bench.sweeper.at, Infinity);
  bench.sweeper.notice("a", bench.now);
  bench.sweeper.notice("b", bench.now + 3_000);
  assert.equal(bench.sweeper.at, 1_010_000);
  bench.now = 1_010_000;
  bench.sweeper.run(Infinity);
  assert.deepEqual(bench.done, ["a", "a listens", "b", "b listens"]);
  assert.equal(bench.sweeper.at, Infinity);
});

Deno.test("sweeper: it ends after a millisecond or at a deadline, and everybody has his turn", () => {
  const bench = new SweeperBench();
  bench.waiting.a = 1e9;
  bench.waiting.b = 1;
  bench.sweeper.notice("a", bench.now);
  bench.sweeper.notice("b", bench.now);
  bench.now = bench.sweeper.at;
  bench.sweeper.run(Infinity);
  assert.deepEqual(bench.done, Array(7).fill("a"), "a millisecond");
  assert.equal(bench.sweeper.at, 1_014_000);
  bench.now = bench.sweeper.at;
  bench.done.length = 0;
  bench.sweeper.run(bench.now + 200);
  assert.deepEqual(bench.done, ["b", "b listens", "a"]);
  bench.now = bench.sweeper.at;
  bench.sweeper.run(bench.now - 5);
  assert.equal(bench.done.length, 4, "one batch, where a deadline is due already");
  bench.sweeper.forget("a");
  assert.equal(bench.sweeper.at, Infinity);
});
