/** What is told of BFD sessions, and how it is written. */

import assert from "node:assert/strict";
import {
  argumentsOf,
  environmentOf,
  fifoLine,
  jsonLine,
  type NoticeState,
} from "../../../mod/notify/notice.ts";
import { programsFor } from "../../../mod/notify/programs.ts";
import { mailText } from "../../../mod/notify/mail_text.ts";
import { sessionNotice, standingNotice } from "../../../mod/notify/session_notice.ts";
import { changed, type Move } from "./bfd_fixtures.ts";
import { notice, target } from "./fixtures.ts";

function told(move: Move, before: NoticeState | null = null): NoticeState | undefined {
  return sessionNotice(changed("to-peer", move), before)?.state;
}

Deno.test("up, down after up, taken down; and not that it tries", () => {
  assert.equal(told(["init", "up", "handshake"]), "UP");
  assert.equal(told(["down", "up", "handshake"], "DOWN"), "UP");
  assert.equal(told(["up", "down", "detection_expired"], "UP"), "DOWN");
  assert.equal(told(["up", "down", "neighbour_admin_down"], "UP"), "DOWN");
  assert.equal(told(["up", "admin_down", "admin_down"], "UP"), "ADMIN_DOWN");
  assert.equal(told(["down", "admin_down", "stopped"]), "ADMIN_DOWN");
  assert.equal(told(["down", "init", "handshake"]), undefined);
  assert.equal(told(["init", "down", "detection_expired"]), undefined);
  assert.equal(told(["init", "down", "detection_expired"], "DOWN"), undefined);
  assert.equal(told(["admin_down", "down", "admin_up"], "ADMIN_DOWN"), undefined);
  // A plane that came back and lost it on the way.
  assert.equal(told(["init", "down", "detection_expired"], "UP"), "DOWN");
});

Deno.test("what a former process has told", () => {
  const memory = (to: Move[1]) => changed("to-peer", ["down", to, "handshake"]).memory;
  assert.equal(standingNotice(memory("up"))?.state, "UP");
  assert.equal(standingNotice(memory("admin_down"))?.state, "ADMIN_DOWN");
  assert.equal(standingNotice(memory("down")), undefined);
  assert.equal(standingNotice(memory("init")), undefined);
});

/** A session that has failed. */
function failure() {
  const change = changed("to-peer", ["up", "down", "detection_expired"]);
  const { state, cause, session } = sessionNotice(change, "UP")!;
  const type = "BFD" as const;
  return notice({ type, name: "to-peer", priority: 0, previous: "UP", state, cause, session });
}

Deno.test("lines, arguments and environment name the session, its peer and its diagnostics", () => {
  assert.equal(fifoLine(failure()), 'BFD "to-peer" DOWN\n');
  assert.deepEqual(argumentsOf(failure()), ["BFD", "to-peer", "DOWN", "0"]);
  assert.deepEqual(JSON.parse(jsonLine(failure(), false)), {
    type: "bfd",
    name: "to-peer",
    state: "down",
    previous_state: "up",
    peer: "192.0.2.2",
    interface: "eth0",
    event: "detection_expired",
    diagnostic: "control-expiry",
    remote_diagnostic: "none",
    cause: "for down",
    time: "2026-01-01T00:00:00.000Z",
    generation: 1,
  });
  assert.deepEqual(environmentOf(failure()), {
    HALB_TYPE: "BFD",
    HALB_NAME: "to-peer",
    HALB_STATE: "DOWN",
    HALB_PREVIOUS_STATE: "UP",
    HALB_PRIORITY: "0",
    HALB_CAUSE: "for down",
    HALB_PEER: "192.0.2.2",
    HALB_EVENT: "detection_expired",
    HALB_DIAGNOSTIC: "control-expiry",
    HALB_REMOTE_DIAGNOSTIC: "none",
  });
  const { subject, text } = mailText("edge", [failure()]);
  assert.equal(subject, "[halb edge] to-peer is DOWN");
  assert.match(text, /BFD session to-peer: UP -> DOWN \(for down\)/);
});

Deno.test("each state has its program, and `any` comes after it", () => {
  const config = target({
    type: "BFD",
    name: "to-peer",
    up: ["/up"],
    down: ["/down", "x"],
    admin_down: ["/admin"],
    any: ["/any"],
  });
  const programs = (state: NoticeState) => programsFor(config, { ...failure(), state });
  assert.deepEqual(programs("UP"), [["/up"], ["/any", "BFD", "to-peer", "UP", "0"]]);
  assert.deepEqual(programs("DOWN"), [["/down", "x"], ["/any", "BFD", "to-peer", "DOWN", "0"]]);
  assert.deepEqual(programs("ADMIN_DOWN")[0], ["/admin"]);
});
