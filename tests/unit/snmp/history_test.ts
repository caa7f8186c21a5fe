/** What MIBs count beside the status, and when errors are told of. */

import assert from "node:assert/strict";
import { History, ProtocolErrors } from "../../../mod/snmp/mod.ts";
import { peer, router, session, step } from "./history_fixtures.ts";

Deno.test("masterships are counted, with the reason of the last one", () => {
  const history = new History();
  assert.deepEqual(history.router("web"), { masters: 0, reason: 0, left: null });
  history.step(step(1_000_000, "init", "backup"), []);
  assert.deepEqual(history.router("web"), { masters: 0, reason: 0, left: 1_000_000 });
  const reasons = [
    [],
    [peer(200, 4_000_000)],
    [peer(100, 4_900_000)],
    [peer(0, 4_900_000)],
  ].map((peers) => {
    history.step(step(5_000_000, "backup", "master"), peers);
    const { reason } = history.router("web");
    history.step(step(5_000_000, "master", "backup"), peers);
    return reason;
  });
  // Nobody is heard, a silent one, a worse one, one that resigns.
  assert.deepEqual(reasons, [3, 3, 2, 1]);
  history.step(step(6_000_000, "backup", "fault"), []);
  history.step(step(7_000_000, "fault", "master"), []);
  assert.deepEqual(history.router("web"), { masters: 5, reason: 1, left: 7_000_000 });
  history.keep(new Set(["other"]));
  assert.equal(history.router("web").masters, 0);
});

Deno.test("a router that stops is back where it began", () => {
  const history = router([{ at: 5, from: "init", to: "backup" }, {
    at: 9,
    from: "backup",
    to: "init",
  }]);
  assert.equal(history.router("web").left, null);
});

Deno.test("a session that comes and goes; one that ends is forgotten", () => {
  const changes = [["down", "init"], ["init", "up"], ["up", "down", 3], ["down", "up"]] as const;
  assert.deepEqual(session(changes).session("to-peer"), { ups: 2, lostAt: -100_000, lostFor: 3 });
  assert.equal(session([["down", "up"]], "to-peer", true).session("to-peer").ups, 0);
});

Deno.test("a protocol error is told of when it is new, and once in ten seconds", () => {
  const errors = new ProtocolErrors();
  const observe = (ttl: number, checksum: number, now: number) =>
    errors.observe("web", { ttl, checksum, version: 0, length: now }, now);
  assert.equal(observe(5, 0, 0), false);
  assert.equal(errors.errorOf("web"), null);
  assert.equal(observe(5, 1, 2_000), true);
  assert.equal(errors.errorOf("web"), "checksum");
  assert.equal(observe(6, 1, 4_000), false);
  assert.equal(errors.errorOf("web"), "ttl");
  assert.equal(observe(6, 1, 13_000), false);
  assert.equal(observe(7, 1, 15_000), true);
  errors.keep(new Set());
  assert.equal(errors.errorOf("web"), null);
});
