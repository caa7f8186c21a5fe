/** What the planes say, and what of it is news. */

import assert from "node:assert/strict";
import { FlightTap } from "../../../../mod/agent/flight/tap.ts";
import type { AddressReport } from "../../../../mod/plane/messages.ts";
import type { StepRecord } from "../../../../mod/plane/steps.ts";

const REPORT: AddressReport = {
  type: "addresses",
  id: "k:1",
  cause: "p:1",
  router: "web",
  wanted: true,
  present: ["192.0.2.10"],
  failed: [],
  repairs: 0,
  announcements: 0,
};

function hold(resumed: boolean): StepRecord {
  const effect = { type: "hold", epoch: 1n, ...(resumed ? { resumed: true } : {}) };
  const head = { type: "step", id: "p:1", cause: null, at: 0, router: "web" };
  return { ...head, event: { type: "timer" }, effects: [{ id: "p:2", effect }] } as never;
}

/** Events after a master holds its address. */
async function eventsOf(resumed: boolean, ...reports: AddressReport[]): Promise<string[]> {
  const tap = new FlightTap();
  tap.fromProtocol(hold(resumed));
  for (const report of reports) tap.fromKernel(report);
  const { events } = await tap.recorder.query({ last: 100 });
  await tap.recorder.finish();
  return events.map(({ event }) => event);
}

Deno.test("what a master of the former process held is not told as put by this one", async () => {
  assert.deepEqual(await eventsOf(false, REPORT), ["addresses_put"]);
  assert.deepEqual(await eventsOf(true, REPORT), []);
  const none = { ...REPORT, present: [] };
  assert.deepEqual(await eventsOf(true, none, REPORT), []);
  assert.deepEqual(await eventsOf(true, REPORT, none, REPORT), ["addresses_lost", "addresses_put"]);
});
