/** The lab library where it needs no lab: how it waits. */

import assert from "node:assert/strict";
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
