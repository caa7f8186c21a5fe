/** What is asked of a plane that is not there. */

import assert from "node:assert/strict";
import { Dialogue } from "../../../mod/agent/dialogue.ts";
import type { Planes } from "../../../mod/agent/planes.ts";
import { Questions } from "../../../mod/agent/questions.ts";
import { IdSource } from "../../../mod/plane/ids.ts";

Deno.test("between the death of a plane and its successor nobody waits for an answer", async () => {
  const questions = new Questions(60_000, () => {});
  const asked: string[] = [];
  const planes = {
    ids: new IdSource("c"),
    runs: () => false,
    toProtocol: ({ type }: { type: string }) => void asked.push(type),
  } as unknown as Planes;
  const dialogue = new Dialogue(planes, questions, () => assert.fail("nothing is configured"));
  const answers = [
    dialogue.query(),
    dialogue.queryRecording("protocol", { kind: "router", name: "web" }, 0),
  ];
  // What were asked all the same would wait until that plane dies, too.
  setTimeout(() => questions.died("protocol"), 0);
  const refusal = /is starting, or a plane of it is/;
  await Promise.all(answers.map((answer) => assert.rejects(answer, refusal)));
  assert.deepEqual(asked, []);
});
