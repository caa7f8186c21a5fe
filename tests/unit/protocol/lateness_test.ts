import assert from "node:assert/strict";
import { LatenessGuard } from "../../../mod/protocol/lateness.ts";

Deno.test("lateness guard: waking early or for a packet is not late", () => {
  const guard = new LatenessGuard();
  assert.equal(guard.wake(1_000_000, 900_000, 900_000), 0);
  assert.equal(guard.wake(Infinity, 950_000, 950_000), 0);
  assert.equal(guard.histogram.data().total, 0);
});

Deno.test("lateness guard: a few hundred microseconds count, but are no stall", () => {
  const guard = new LatenessGuard();
  assert.equal(guard.wake(1_000_000, 1_000_400, 1_000_400), 0);
  const { total, max } = guard.histogram.data();
  assert.deepEqual([total, max], [1, 400]);
  assert.equal(guard.late, 400, "BFD sessions may judge otherwise");
  guard.wake(2_000_000, 1_500_000, 1_500_000);
  assert.equal(guard.late, 0);
});

Deno.test("lateness guard: five milliseconds late is a stall of that length", () => {
  const guard = new LatenessGuard();
  assert.equal(guard.wake(1_000_000, 1_004_999, 1_004_999), 0);
  assert.equal(guard.wake(2_000_000, 2_005_000, 2_005_000), 5_000);
});

Deno.test("lateness guard: from two milliseconds on it is remembered when, the last sixty-four times", () => {
  const guard = new LatenessGuard();
  guard.wake(1_000_000, 1_001_999, 1_001_999);
  assert.equal(guard.stalls.length, 0);
  guard.wake(2_000_000, 2_002_000, 2_002_000);
  guard.note(2_010_000, 3_000);
  assert.deepEqual(guard.stalls, [{ at: 2_000_000, length: 2_000 }, {
    at: 2_007_000,
    length: 3_000,
  }]);
  for (let i = 3; i < 100; i++) guard.wake(i * 1e6, i * 1e6 + 9_000, i * 1e6 + 9_000);
  assert.equal(guard.stalls.length, 64);
  assert.equal(guard.stalls.at(-1)!.at, 99e6);
});

Deno.test("lateness guard: a suspended machine shows in the boot clock alone", () => {
  const guard = new LatenessGuard();
  guard.wake(1_000_000, 900_000, 900_000);
  // 30 s asleep: the monotonic clock has stood still, and no deadline has passed.
  assert.equal(guard.wake(1_000_000, 900_500, 30_900_500), 30_000_000);
  assert.equal(guard.wake(1_000_000, 901_000, 30_901_000), 0, "told once");
});
