/** The flight recorder, asked and followed. */

import assert from "node:assert/strict";
import type { Lines } from "../../../../mod/control/lines.ts";
import { FlightRecorder } from "../../../../mod/agent/flight/recorder.ts";
import type { FlightEvent } from "../../../../mod/events/mod.ts";

const AGENT = { type: "agent", name: null, level: "info", event: "log", cause: null } as const;

Deno.test("whoever followed a process that was started by a later clock is told all", async () => {
  const recorder = new FlightRecorder();
  try {
    recorder.record({ ...AGENT, text: "before" });
    // The clock was set back by years between the starts of the two.
    const after = { run: "1-zzzzzz", seq: 7 };
    const { events } = await recorder.query({ last: 10, after });
    assert.deepEqual(events.map(({ text }) => text), ["before"]);
    const own = await recorder.query({ last: 10, after: { run: recorder.run, seq: 1 } });
    assert.deepEqual(own.events, []);

    const told: string[] = [];
    const gone = Promise.withResolvers<undefined>();
    const lines = {
      write: (line: FlightEvent & { result?: { events: FlightEvent[] } }) => {
        told.push(...(line.result?.events ?? [line]).map(({ text }) => text));
        if (line.result !== undefined) recorder.record({ ...AGENT, text: "since" });
        else gone.resolve(undefined);
        return Promise.resolve();
      },
      read: () => gone.promise,
    } as unknown as Lines;
    const following = recorder.follow({ last: 10, after }, {} as Deno.Conn, lines);
    const patience = setTimeout(() => gone.resolve(undefined), 5_000);
    await following;
    clearTimeout(patience);
    assert.deepEqual(told, ["before", "since"]);
  } finally {
    await recorder.finish();
  }
});
