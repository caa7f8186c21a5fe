import assert from "node:assert/strict";
import { formatDuration, parseDuration } from "../../../config/mod.ts";
import { guessDuration } from "../../../config/duration.ts";

const MEANINGS: readonly (readonly [string, number | undefined])[] = [
  ["0s", 0],
  ["1us", 1],
  ["100us", 100],
  ["10ms", 10_000],
  ["1s", 1_000_000],
  ["1.5s", 1_500_000],
  ["40.95s", 40_950_000],
  ["1.1s", 1_100_000],
  ["0.000001s", 1],
  ["5m", 300_000_000],
  ["1h", 3_600_000_000],
  ["2d", 172_800_000_000],
  ["", undefined],
  ["1", undefined],
  ["s", undefined],
  ["1 s", undefined],
  [" 1s", undefined],
  ["-1s", undefined],
  ["+1s", undefined],
  ["1sec", undefined],
  ["1S", undefined],
  ["1e3s", undefined],
  [".5s", undefined],
  ["1.s", undefined],
  ["0.5us", undefined],
  ["1.0000001s", undefined],
  ["1s\n", undefined],
  ["99999999999s", undefined],
];

for (const [text, micros] of MEANINGS) {
  Deno.test(`duration ${JSON.stringify(text)} is ${micros ?? "refused"}`, () => {
    assert.equal(parseDuration(text), micros);
  });
}

Deno.test("what formatDuration writes means the same", () => {
  for (const micros of [0, 1, 999, 1_000, 1_500, 10_000, 999_999, 1_000_000, 1_500_000]) {
    assert.equal(parseDuration(formatDuration(micros)), micros);
  }
  for (const micros of [40_950_000, 60_000_000, 61_000_000, 3_600_000_000, 86_400_000_000]) {
    assert.equal(parseDuration(formatDuration(micros)), micros);
  }
  assert.equal(formatDuration(1_500_000), "1.5s");
  assert.equal(formatDuration(300_000_000), "5m");
  assert.equal(formatDuration(100_000), "100ms");
});

Deno.test("words for units and forgotten units are understood as a guess", () => {
  assert.equal(guessDuration("5 sec"), "5s");
  assert.equal(guessDuration("5"), "5s");
  assert.equal(guessDuration("100 msec"), "100ms");
  assert.equal(guessDuration("10 minutes"), "10m");
  assert.equal(guessDuration("7µs"), "7us");
  assert.equal(guessDuration("soon"), undefined);
  assert.equal(guessDuration("0.5us"), undefined);
});
