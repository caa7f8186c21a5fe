/** How often adverts may wake the loop. */

import assert from "node:assert/strict";
import { ADVERT_GAP, BFD_GAP, bfdGap, Pace } from "../../../mod/protocol/pace.ts";

/** Turns of a second in which something is always to be read, and the longest wait. */
function busySecond(gap: number, pays = ADVERT_GAP): { turns: number; longest: number } {
  const pace = new Pace();
  let turns = 0;
  let longest = 0;
  for (let now = 1_000_000, end = now + 1_000_000; now < end; now += gap) {
    const resume = pace.resumeAt(now);
    if (resume !== Infinity) {
      assert.ok(resume > now);
      longest = Math.max(longest, resume - now);
      now = resume;
      assert.equal(pace.resumeAt(now), Infinity, "the wait is over when it says");
    }
    pace.spend(now, pays);
    turns++;
  }
  return { turns, longest };
}

Deno.test("pace: ten thousand adverts a second wake us a thousand times", () => {
  const { turns, longest } = busySecond(100);
  assert.ok(turns > 900 && turns < 1_020, `${turns} turns`);
  assert.ok(longest <= 1_000, `waited ${longest} µs`);
});

Deno.test("pace: BFD waits a 32nd of the detection time at most, and a millisecond", () => {
  assert.deepEqual([1, 9_900, 30_000, 150_000, 3e6].map(bfdGap), [256, 256, 512, 1_024, 1_024]);
  const { turns: slow, longest: most } = busySecond(50, 1_024);
  assert.ok(slow > 900 && slow < 1_000 && most <= 1_024, `${slow} turns, ${most} µs`);
  const { turns, longest } = busySecond(50, BFD_GAP);
  assert.ok(turns > 3_000 && turns < 4_020, `${turns} turns`);
  assert.ok(longest <= BFD_GAP, `waited ${longest} µs`);
  assert.deepEqual(busySecond(1_000, BFD_GAP), { turns: 1_000, longest: 0 });
});

Deno.test("pace: sockets rest until moments at which sessions send, and as short as the fastest wants", () => {
  const pace = new Pace();
  let now = 1_000_003;
  const rests: number[] = [];
  const turn = (gap: number): void => {
    pace.spend(now += 40, gap);
    const resume = pace.resumeAt(now);
    if (resume === Infinity) return;
    rests.push(resume - now);
    now = resume;
    assert.equal(now % gap, 0);
  };
  for (let i = 0; i < 40; i++) turn(1_024);
  assert.ok(rests.length >= 20, `${rests}`);
  assert.ok(rests.slice(-10).every((rest) => rest === 1_024 - 40), `${rests}`);
  // One fast session among slow ones.
  pace.spend(now += 40, 256);
  now = Math.min(now + 256, pace.resumeAt(now));
  for (let i = 0; i < 40; i++) {
    pace.spend(now += 40, 1_024);
    const resume = pace.resumeAt(now);
    if (resume === Infinity) continue;
    assert.ok(resume - now <= 256, `${resume - now}`);
    now = resume;
  }
});

Deno.test("pace: who is woken a thousand times a second never waits", () => {
  assert.deepEqual(busySecond(1_000), { turns: 1_000, longest: 0 });
});

Deno.test("pace: a handful of turns in a row is free, and again after a rest", () => {
  const pace = new Pace();
  for (const start of [1_000_000, 2_000_000]) {
    let free = 0;
    while (pace.resumeAt(start) === Infinity) {
      pace.spend(start, ADVERT_GAP);
      free++;
    }
    assert.equal(free, 17);
    assert.equal(pace.resumeAt(start), start + 1_000);
  }
});
