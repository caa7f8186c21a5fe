import assert from "node:assert/strict";
import { threadId } from "../../../ffi/mod.ts";
import { Effort, userTimeOf } from "../../../mod/agent/effort.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";

Deno.test("a thread that turns, waits or is not there makes no effort, one that spins does", () => {
  const words = new SharedWords();
  let used = 5_000_000;
  const effort = new Effort(words, (thread) => thread === 17 ? used : undefined);
  assert.equal(effort.sinceLastTurn(), 0, "it does not run");
  words.kernelThread = 17;
  assert.equal(effort.sinceLastTurn(), 0, "what it used before does not count");
  for (let turn = 0; turn < 5; turn++) {
    words.beatKernel();
    used += 400_000;
    assert.equal(effort.sinceLastTurn(), 0, "it works, and turns");
  }
  for (let look = 0; look < 100; look++) assert.equal(effort.sinceLastTurn(), 0, "it waits");
  used += 300_000;
  assert.equal(effort.sinceLastTurn(), 300_000);
  used += 500_000;
  assert.equal(effort.sinceLastTurn(), 800_000, "it spins");
  words.kernelThread = 0;
  assert.equal(effort.sinceLastTurn(), 0, "it is gone");
  words.kernelThread = 18;
  assert.equal(effort.sinceLastTurn(), 0, "its successor's name is not known to the kernel");
});

Deno.test("processor time of this thread grows with its work, not with its waits", () => {
  const before = userTimeOf(threadId());
  assert.ok(before !== undefined);
  let sum = 0;
  // Until the kernel has counted some: as long as it takes on a busy machine.
  while (userTimeOf(threadId())! < before + 50_000) for (let i = 0; i < 1e6; i++) sum += i;
  assert.ok(sum > 0);
  const worked = userTimeOf(threadId())!;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  assert.ok(userTimeOf(threadId())! <= worked + 20_000);
  assert.equal(userTimeOf(999_999_999), undefined);
});
