/** The newest steps are kept, and never too much of them. */

import assert from "node:assert/strict";
import { Recorder } from "../../../mod/agent/recorder.ts";
import type { StepRecord } from "../../../mod/plane/steps.ts";

function step(at: number, addresses: number): StepRecord {
  return {
    type: "step",
    id: `p:${at}`,
    cause: null,
    at,
    router: "web",
    event: {
      type: "advertisement",
      advertisement: {
        version: 3,
        source: "192.0.2.2",
        virtualRouterId: 51,
        priority: 1,
        interval: 1_000_000,
        addresses: Array.from({ length: addresses }, (_, i) => `192.0.2.${i}`),
        checksum: "rfc9568",
      },
    },
    effects: [],
  };
}

Deno.test("the newest steps are kept, by number and by the size of adverts", () => {
  const recorder = new Recorder();
  for (let at = 0; at < 30_000; at++) recorder.push(step(at, 1));
  assert.ok(recorder.steps.length <= 10_000 && recorder.steps.length > 8_000);
  assert.equal(recorder.steps.at(-1)!.at, 29_999);
  for (let at = 30_000; at < 32_000; at++) recorder.push(step(at, 255));
  assert.ok(recorder.steps.length <= 400 && recorder.steps.length > 300);
  assert.equal(recorder.steps.at(-1)!.at, 31_999);
  for (let at = 32_000; at < 33_000; at++) recorder.push(step(at, 1));
  assert.ok(recorder.steps.length > 1_000, "and there is room again");
});
