/** What control waits for, and that it never waits for the dead. */

import assert from "node:assert/strict";
import { PlaneDied, Questions, soonOrNull } from "../../../mod/agent/questions.ts";
import type { Configured } from "../../../mod/plane/messages.ts";

function configured(cause: string): Configured {
  return { type: "configured", id: "k:1", cause, changes: [] };
}

function quiet(): Questions {
  return new Questions(60_000, () => assert.fail("nothing is slow here"));
}

Deno.test("an answer finds its question by cause and plane", async () => {
  const questions = quiet();
  const [first, second] = [questions.answer("kernel", "c:1"), questions.answer("kernel", "c:2")];
  questions.answered("protocol", configured("c:1"));
  questions.answered("kernel", configured("c:7"));
  questions.answered("kernel", configured("c:2"));
  questions.answered("kernel", configured("c:1"));
  assert.equal((await first).cause, "c:1");
  assert.equal((await second).cause, "c:2");
});

Deno.test("all who wait for a milestone hear of it", async () => {
  const questions = quiet();
  const waiting = [questions.milestone("kernel", "ready"), questions.milestone("kernel", "ready")];
  questions.reached("protocol", "ready");
  questions.reached("kernel", "stopped");
  const early = await Promise.race([waiting[0], Promise.resolve("nothing yet")]);
  assert.equal(early, "nothing yet");
  questions.reached("kernel", "ready");
  await Promise.all(waiting);
});

Deno.test("a dead plane's questions are rejected, the other's and later ones are not", async () => {
  const questions = quiet();
  const dead = [questions.answer("protocol", "c:1"), questions.milestone("protocol", "stopped")];
  const alive = questions.answer("kernel", "c:2");
  questions.died("protocol");
  for (const one of dead) {
    await assert.rejects(one, (error) => {
      assert.ok(error instanceof PlaneDied);
      assert.equal(error.plane, "protocol");
      return true;
    });
  }
  const later = questions.answer("protocol", "c:3");
  questions.answered("kernel", configured("c:2"));
  questions.answered("protocol", configured("c:3"));
  assert.equal((await alive).cause, "c:2");
  assert.equal((await later).cause, "c:3");
});

Deno.test("who can do without an answer waits for no plane that dies, or is late", async () => {
  assert.equal(await soonOrNull(Promise.resolve(7), 60_000), 7);
  assert.equal(await soonOrNull(Promise.reject(new PlaneDied("kernel")), 60_000), null);
  const { promise, reject } = Promise.withResolvers<number>();
  assert.equal(await soonOrNull(promise, 1), null);
  // What becomes of it afterwards is nobody's business.
  reject(new Error("broken"));
  await assert.rejects(soonOrNull(Promise.reject(new Error("broken")), 60_000), /broken/);
});

Deno.test("a slow answer is mentioned once, one in time never", async () => {
  const slow: string[] = [];
  const questions = new Questions(5, (plane) => slow.push(plane));
  const answer = questions.answer("kernel", "c:1");
  const prompt = questions.answer("protocol", "c:2");
  questions.answered("protocol", configured("c:2"));
  await prompt;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(slow, ["kernel"]);
  questions.answered("kernel", configured("c:1"));
  await answer;
});
