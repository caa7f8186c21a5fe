/** What is recorded, fetched while it goes on. */

import assert from "node:assert/strict";
import { Recordings } from "../../../../mod/agent/flight/recordings.ts";
import type { RecordingList, RecordingOf } from "../../../../mod/control/recording_protocol.ts";
import type { ProtocolState } from "../../../../mod/plane/state.ts";
import { Recorder, replay, Shelf } from "../../../../mod/record/mod.ts";
import { step } from "../../../../mod/vrrp/mod.ts";
import { advert, SECOND, started } from "../../vrrp/fixtures.ts";

Deno.test("a segment that was filled while it was fetched is not taken for whole", async () => {
  const recorder = new Recorder("router");
  const router = started();
  let now = 0;
  const hear = (times: number) => {
    for (let i = 0; i < times; i++) {
      now += SECOND;
      const event = advert({ priority: 150 });
      recorder.begin(router, event);
      recorder.note(event, step(router, event, now), now);
    }
  };
  // The first one is whole, the second one is full, and followed, before the next question.
  hear(244);
  const recordings = new Recordings({
    dialogue: {
      queryRecording: (plane, { kind, name }, from) => {
        assert.deepEqual([plane, kind], ["protocol", "router"]);
        const segment = recorder.segment(name, from) ?? null;
        hear(7);
        return Promise.resolve({ type: "recorded", id: "p:1", cause: "c:1", segment });
      },
      queryMachines: () => Promise.reject(new Error("nobody asks for all")),
    },
    query: () => Promise.reject(new Error("nobody asks for all")),
    shelves: [],
  });
  const { segments } = await recordings.answer({
    command: "recording",
    kind: "router",
    name: "web",
  }) as RecordingOf;
  assert.deepEqual(segments.map(({ steps, follows }) => [steps.length, follows]), [
    [128, false],
    [123, true],
  ]);
  let memory: unknown;
  for (const segment of segments) {
    const run = replay(segment, memory);
    for (let one = run.next();; one = run.next()) {
      if (one.done) {
        memory = one.value.memory;
        break;
      }
      assert.equal(one.value.difference, null);
    }
  }
});

for (
  const [how, machines] of [
    ["restarts", () => Promise.reject(new Error("The agent is starting"))],
    ["hangs", () => new Promise<never>(() => {})],
  ] as const
) {
  Deno.test(`routers are recorded while the kernel plane ${how}`, async () => {
    const state = { type: "state", routers: [], groups: [{ name: "site" }] };
    const recordings = new Recordings({
      dialogue: { queryRecording: machines, queryMachines: machines },
      query: () => Promise.resolve(state as unknown as ProtocolState),
      shelves: [new Shelf("script")],
    }, 10);
    const answered = recordings.answer({ command: "recording" });
    const { machines: found } = await answered as RecordingList;
    assert.deepEqual(found, [{ kind: "group", name: "site" }]);
    for (const kind of ["check", "virtual_server"] as const) {
      const asked = recordings.answer({ command: "recording", kind, name: "web" });
      assert.deepEqual(await asked, { segments: [] });
    }
    if (how === "restarts") {
      const asked = recordings.answer({ command: "recording", kind: "router", name: "web" });
      await assert.rejects(asked, /is starting/, "that is another plane's");
    }
  });
}
