/** How often adverts may wake the loop. */

import assert from "node:assert/strict";
import { ADVERT_GAP, BFD_GAP, Pace } from "../../../mod/protocol/pace.ts";

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

Deno.test("pace: BFD waits half a millisecond at most", () => {
  const { turns, longest } = busySecond(50, BFD_GAP);
  assert.ok(turns > 1_900 && turns < 2_020, `${turns} turns`);
  assert.ok(longest <= BFD_GAP, `waited ${longest} µs`);
  assert.deepEqual(busySecond(1_000, BFD_GAP), { turns: 1_000, longest: 0 });
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
