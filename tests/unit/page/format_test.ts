/** Numbers and times as the page shows them. */

import assert from "node:assert/strict";
import { duration, micros, rate, short, since, whole } from "../../../mod/page/format.js";

Deno.test("lengths of time have two units at most", () => {
  const cases: [number, string][] = [
    [-5, "0 s"],
    [0, "0 s"],
    [999, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [125_000, "2 min 5 s"],
    [3_600_000, "1 h"],
    [3_725_000, "1 h 2 min"],
    [3_605_000, "1 h 5 s"],
    [86_400_000, "1 d"],
    [90_000_000, "1 d 1 h"],
    [86_400_000 * 400, "400 d"],
  ];
  for (const [ms, text] of cases) assert.equal(duration(ms), text, `${ms}`);
  assert.equal(since(null, 0), "");
  assert.equal(since("no time", 0), "");
  assert.equal(since("1970-01-01T00:00:10Z", 70_000), "1 min");
});

Deno.test("numbers: whole with commas, short with three digits, rates", () => {
  assert.equal(whole(1_234_567), "1,234,567");
  assert.equal(whole(12), "12");
  assert.deepEqual([0, 999, 1000, 13_777].map(micros), ["0 µs", "999 µs", "1.0 ms", "13.8 ms"]);
  const cases: [number, string][] = [
    [0, "0"],
    [7, "7"],
    [999, "999"],
    [1_000, "1.00 k"],
    [12_345, "12.3 k"],
    [999_949, "1.00 M"],
    [123_456_789, "123 M"],
    [2.5, "2.50"],
    [-1_500, "−1.50 k"],
  ];
  for (const [number, text] of cases) assert.equal(short(number), text, `${number}`);
  assert.equal(rate(null), "–");
  assert.equal(rate(0), "0/s");
  assert.equal(rate(12.34), "12.3/s");
  assert.equal(rate(1_234_567, "B"), "1.23 MB/s");
  assert.equal(rate(12, "B"), "12 B/s");
});
