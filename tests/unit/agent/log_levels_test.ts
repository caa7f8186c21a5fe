import assert from "node:assert/strict";
import { LogLevels } from "../../../mod/agent/log_levels.ts";

Deno.test("levels: of a subsystem, else of all; orders come first until they are over", () => {
  const levels = new LogLevels();
  levels.configure({ level: "warning", levels: { vrrp: "debug" } });
  assert.equal(levels.of("vrrp"), "debug");
  assert.equal(levels.of("bfd"), "warning");
  assert.equal(levels.of("constructor"), "warning", "no subsystem");
  assert.ok(levels.isWritten("error", "bfd"));
  assert.ok(!levels.isWritten("info", "bfd"));

  levels.order("bfd", { level: "info", until: 100 });
  levels.order("vrrp", { level: "error", until: null });
  assert.equal(levels.of("bfd"), "info");
  assert.equal(levels.of("vrrp"), "error");
  assert.equal(levels.of("control"), "warning");
  assert.equal(levels.deadline, 100);
  assert.deepEqual(levels.expire(99), []);
  assert.deepEqual(levels.expire(100), ["bfd"]);
  assert.equal(levels.of("bfd"), "warning");
  assert.equal(levels.deadline, Infinity);

  // A reload changes what is configured, not what was ordered.
  levels.configure({ level: "info", levels: {} });
  assert.equal(levels.of("vrrp"), "error");
  levels.order("vrrp", null);
  assert.equal(levels.of("vrrp"), "info");
});

Deno.test("an order for all replaces those for single subsystems, which may follow", () => {
  const levels = new LogLevels();
  levels.configure({ level: "info", levels: { checks: "error" } });
  levels.order("bfd", { level: "warning", until: null });
  levels.order(null, { level: "debug", until: 50 });
  assert.deepEqual(["bfd", "checks", "vrrp"].map((one) => levels.of(one)), [
    "debug",
    "debug",
    "debug",
  ]);
  levels.order("bfd", { level: "error", until: null });
  assert.deepEqual(levels.ordered, [
    { subsystem: null, level: "debug", until: 50 },
    { subsystem: "bfd", level: "error", until: null },
  ]);
  assert.deepEqual(levels.expire(50), [null]);
  assert.deepEqual(["bfd", "checks"].map((one) => levels.of(one)), ["error", "error"]);
  levels.order(null, null);
  assert.deepEqual(levels.ordered, []);
});

Deno.test("a subsystem may be as configured while something else is ordered for all", () => {
  const levels = new LogLevels();
  levels.configure({ level: "info", levels: { vrrp: "warning" } });
  levels.order(null, { level: "debug", until: 50 });
  levels.order("vrrp", null);
  assert.deepEqual(["bfd", "vrrp"].map((one) => levels.of(one)), ["debug", "warning"]);
  assert.deepEqual(levels.ordered[1], { subsystem: "vrrp", level: "warning", until: 50 });
  levels.configure({ level: "info", levels: { vrrp: "error" } });
  assert.equal(levels.of("vrrp"), "error");
  assert.deepEqual(levels.expire(50), [null, "vrrp"]);
  assert.deepEqual(levels.ordered, []);
});
