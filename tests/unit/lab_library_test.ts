/** The lab library where it needs no lab: how it waits. */

import assert from "node:assert/strict";
import { longestDoubleMaster, type SeenAdvert } from "../lib/adverts.ts";
import { Hopeless, until } from "../lib/process.ts";

function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

Deno.test("until looks once more when the time is over, and finds what came about in time", async () => {
  let looks = 0;
  const found = await until("it is there", () => {
    if (++looks > 1) return "here";
    holdUp(30);
    return null;
  }, 20);
  assert.deepEqual([found, looks], ["here", 2]);
});

Deno.test("until gives up when the time is over, and says what it saw last", async () => {
  let looks = 0;
  await assert.rejects(
    until(
      "it is there",
      () => {
        throw new Error(`look ${++looks}`);
      },
      20,
      5,
    ),
    ({ message }: Error) =>
      message === `Waited 20 ms in vain until it is there; last seen: look ${looks}`,
  );
  assert.ok(looks >= 2);
});

Deno.test("until ends at once where waiting is no use", async () => {
  let looks = 0;
  await assert.rejects(
    until("it is there", () => {
      looks++;
      throw new Hopeless("it is gone");
    }, 60_000),
    /^Error: Waited in vain until it is there: it is gone$/,
  );
  assert.equal(looks, 1);
});

/** Adverts as `[milliseconds, source]`: `a` has 150, `b` 100. */
function seenAs(...all: (readonly [ms: number, source: "a" | "b"])[]): SeenAdvert[] {
  return all.map(([ms, source]) => ({
    time: ms * 1000,
    source,
    priority: source === "a" ? 150 : 100,
  }));
}

Deno.test("an advert that crossed the better one's first, and a last word after it, make no second master", () => {
  const yields = seenAs([0, "b"], [100, "a"], [100.2, "b"], [100.5, "b"], [200, "a"], [300, "a"]);
  assert.equal(longestDoubleMaster(yields), 0);
  const goesOn = seenAs([0, "b"], [100, "a"], [100.2, "b"], [200, "a"], [200.2, "b"], [300, "b"]);
  assert.equal(longestDoubleMaster([...goesOn, ...seenAs([301, "a"], [400, "b"])]), 400_000);
});
