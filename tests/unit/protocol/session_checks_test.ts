import assert from "node:assert/strict";
import { IdSource } from "../../../mod/plane/ids.ts";
import { SessionChecks } from "../../../mod/protocol/session_checks.ts";

Deno.test("checks that are a session hear of it, others of nothing", () => {
  const told: string[] = [];
  const checks = new SessionChecks(new IdSource("p"), ({ check, health, reason, weight }) => {
    assert.equal(weight, null);
    told.push(`${check} ${health} ${reason}`);
  });
  const finding = (name: string, healthy: boolean, reason: string) => {
    return { kind: "bfd", namespace: "", name, healthy, reason } as const;
  };
  checks.found(finding("s", true, "nobody asks"));
  const known = [finding("s", true, "up"), finding("t", false, "down")];
  checks.configure([{ check: "a", session: "s" }, { check: "b", session: "s" }], known);
  checks.found(finding("s", false, "detection time"));
  checks.repeat(known);
  checks.configure([], known);
  checks.found(finding("s", true, "up"));
  assert.deepEqual(told, [
    "a up up",
    "b up up",
    "a down detection time",
    "b down detection time",
    "a up up",
    "b up up",
  ]);
});
