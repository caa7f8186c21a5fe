import assert from "node:assert/strict";
import { FloodGauge } from "../../../mod/protocol/flood_gauge.ts";

const SECOND = 1_000_000;

Deno.test("a burst is no flood, and neither is a trickle", () => {
  const gauge = new FloodGauge();
  gauge.note(256, SECOND);
  assert.equal(gauge.flooded, false);
  for (let i = 1; i <= 60; i++) {
    gauge.note(200, 3 * i * SECOND);
    gauge.settle(3 * i * SECOND);
    assert.equal(gauge.flooded, false);
  }
  gauge.note(257, 200 * SECOND);
  assert.equal(gauge.flooded, true);
  const trickle = new FloodGauge();
  for (let i = 0; i < 10_000; i++) trickle.note(1, i * SECOND / 400);
  assert.equal(trickle.flooded, false);
});

Deno.test("a flood begins at once and ends a second after its last packets", () => {
  const gauge = new FloodGauge();
  gauge.settle(10 * SECOND);
  for (let i = 0; i < 600; i++) gauge.note(1, 10 * SECOND + i * 10);
  assert.equal(gauge.flooded, true);
  gauge.settle(10.5 * SECOND);
  assert.equal(gauge.flooded, true, "too early to tell");
  gauge.note(0, 10.6 * SECOND);
  gauge.settle(11 * SECOND);
  assert.equal(gauge.flooded, true, "600 in that second");
  gauge.note(499, 11.5 * SECOND);
  gauge.settle(12 * SECOND);
  assert.equal(gauge.flooded, false);
  gauge.note(200, 12.1 * SECOND);
  assert.equal(gauge.flooded, false, "it begins anew");
});
