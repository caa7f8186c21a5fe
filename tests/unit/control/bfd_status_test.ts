/** BFD sessions in the status document, and as text for people. */

import assert from "node:assert/strict";
import { createSession, type Session } from "../../../mod/bfd/mod.ts";
import {
  formatSession,
  formatSessions,
  formatUnconfigured,
  sessionTroubles,
  unconfiguredTroubles,
} from "../../../mod/cli/bfd_text.ts";
import {
  diagnosticName,
  reflectorStatus,
  sessionStatus,
  unsolicitedStatus,
} from "../../../mod/control/bfd_status.ts";
import type { BfdReport } from "../../../mod/plane/bfd.ts";
import { bfdSettings } from "../../lib/bfd_settings.ts";
import { reportOf } from "./bfd_status_fixtures.ts";

const NOW = Date.parse("2026-01-02T03:04:05.000Z");

const SETTINGS = bfdSettings({ receiveInterval: 60_000 });

function sessionOf(more: Partial<Session> = {}, settings = SETTINGS): Session {
  const session = createSession(settings, { discriminator: 11, sequence: 1 }, -5_000_000);
  return { ...session, ...more };
}

/** A session that is up since 5 s, with a peer that sends every 100 ms. */
function upSession(): Session {
  return sessionOf({
    state: "up",
    transitions: 2,
    remoteDiscriminator: 22,
    desiredMinTx: 50_000,
    desiredMinTxUsed: 50_000,
    requiredMinRx: 60_000,
    requiredMinRxUsed: 60_000,
    remote: {
      state: "up",
      diagnostic: 3,
      demand: false,
      detectMultiplier: 5,
      desiredMinTx: 100_000,
      requiredMinRx: 70_000,
      requiredMinEchoRx: 0,
    },
  });
}

function statusOf(
  session: Session,
  more: Partial<BfdReport> = {},
  reason?: { to: Session["state"]; reason: string },
) {
  return sessionStatus(reportOf(session, more), {
    wallTime: (micros) => new Date(NOW + micros / 1000).toISOString(),
    reasonOf: () => reason,
  });
}

Deno.test("a session that is up, as the contract names what there is to say", () => {
  const report = { authentication: "keyed-sha1", dropped: { ttl: 1 } } as const;
  const reason = { to: "up", reason: "heard: init" } as const;
  const status = statusOf(
    upSession(),
    { ...report, told: { healthy: true, reason: "up" } },
    reason,
  );
  assert.deepEqual(status, {
    name: "to-peer",
    state: "up",
    reason: "heard: init",
    waiting_for: [],
    peer: "192.0.2.2",
    source: "192.0.2.1",
    source_port: 50_000,
    interface: "eth0",
    multihop: false,
    min_ttl: 255,
    passive: false,
    local_discriminator: 11,
    remote_discriminator: 22,
    diagnostic: "none",
    remote_diagnostic: "neighbor-down",
    since: "2026-01-02T03:04:00.000Z",
    transitions: 2,
    detect_multiplier: 3,
    // The longer one of ours and of theirs, each way; their multiplier.
    transmit_interval_ms: 70,
    receive_interval_ms: 100,
    detection_time_ms: 500,
    configured: { transmit_interval_ms: 50, receive_interval_ms: 60 },
    remote: {
      state: "up",
      transmit_interval_ms: 100,
      receive_interval_ms: 70,
      echo_receive_interval_ms: 0,
      detect_multiplier: 5,
      demand: false,
    },
    demand: null,
    polling: false,
    echo: null,
    padded_pdu_size: null,
    authentication: "keyed-sha1",
    tracked_as: { healthy: true, reason: "up" },
    counters: {
      packets_sent: 7,
      packets_received: 8,
      send_errors: 0,
      unsent: {},
      stall_graces: 0,
      dropped: { ttl: 1 },
    },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(status)), status, "it is plain JSON");
});

Deno.test("echoes: round trips in milliseconds, what was sent back for the peer, what they lack", () => {
  const echo = {
    active: true,
    sent: 100,
    returned: 99,
    roundTrip: { last: 210, least: 150, most: 900, smoothed: 203 },
    reflected: 5,
    forwarded: 6,
    sendErrors: 0,
    dropped: { ttl: 1 },
  };
  assert.deepEqual(statusOf(upSession(), { echo }).echo, {
    unaffiliated: false,
    active: true,
    rtt_ms: 0.203,
    rtt_min_ms: 0.15,
    rtt_max_ms: 0.9,
    sent: 100,
    returned: 99,
    reflected: 5,
    forwarded: 6,
    dropped: { ttl: 1 },
  });
  const settings = { ...SETTINGS, unaffiliated: true } as const;
  const status = statusOf(sessionOf({}, settings), { echo: { ...echo, roundTrip: null } });
  assert.deepEqual([status.echo?.unaffiliated, status.echo?.rtt_ms], [true, null]);
  assert.deepEqual(status.waiting_for, ["a packet of our own that 192.0.2.2 forwards"]);
});

Deno.test("diagnostics have the names of RFC 9127, and unknown ones their number", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map(diagnosticName), [
    "none",
    "control-expiry",
    "echo-failed",
    "neighbor-down",
    "forwarding-reset",
    "path-down",
    "concatenated-path-down",
    "admin-down",
    "reverse-concatenated-path-down",
  ]);
  assert.equal(diagnosticName(31), "reserved-31");
});

const remoteSays = (state: Session["state"]) => ({ ...upSession().remote, state });

/** A session, what is known beside it, and what it is said to wait for. */
const WAITING: readonly (readonly [string, Session, Partial<BfdReport>, readonly string[]])[] = [
  ["up: nothing", upSession(), {}, []],
  ["nobody heard", sessionOf(), {}, ["a packet from 192.0.2.2"]],
  ["passive", sessionOf({}, { ...SETTINGS, passive: true }), {}, [
    "192.0.2.2 to speak first (passive)",
  ]],
  ["taken down", sessionOf({ state: "admin_down" }), {}, ["halb bfd up to-peer"]],
  [
    "the other side was taken down",
    sessionOf({ remoteDiscriminator: 22, remote: remoteSays("admin_down") }),
    {},
    ["192.0.2.2, which says AdminDown"],
  ],
  [
    "the other side does not hear us",
    sessionOf({ state: "init", remoteDiscriminator: 22, remote: remoteSays("down") }),
    {},
    ["192.0.2.2 to hear us: it says down"],
  ],
  [
    "the other side has not noticed",
    sessionOf({ remoteDiscriminator: 22, remote: remoteSays("up") }),
    {},
    ["192.0.2.2 to answer: it says up"],
  ],
  ["its interface is not there", sessionOf(), { waitingFor: ["interface eth0: not there"] }, [
    "interface eth0: not there",
  ]],
  ["other keys", sessionOf(), { dropped: { authentication_digest: 3, ttl: 1 } }, [
    "a packet from 192.0.2.2",
    "a packet that counts: 1 was refused, since their TTL is below the least that is accepted",
    "a packet that counts: 3 were refused, since they do not match the key",
  ]],
];

for (const [what, session, more, expected] of WAITING) {
  Deno.test(`what a session waits for: ${what}`, () => {
    assert.deepEqual(statusOf(session, more).waiting_for, expected);
  });
}

Deno.test("the reason is the last change's, or what the diagnostic says where nobody knows it", () => {
  const down = sessionOf({ diagnostic: 1 });
  assert.equal(statusOf(down).reason, "nothing was heard for its detection time");
  const known = { to: "down", reason: "nothing heard for 150 ms" } as const;
  assert.equal(statusOf(down, {}, known).reason, "nothing heard for 150 ms");
  // Of another state it explains nothing.
  assert.equal(statusOf(upSession(), {}, known).reason, "the other side is heard");
  assert.equal(statusOf(sessionOf()).reason, "has not been up yet");
  assert.equal(statusOf(sessionOf({ diagnostic: 5 })).reason, "path-down");
});

const plain = (text: string) => text;

Deno.test("the table of sessions, and why those are down that are", () => {
  const sessions = [
    statusOf(upSession()),
    statusOf(sessionOf({ diagnostic: 1, transitions: 3 }), {
      path: { ...reportOf(sessionOf()).path, interface: "", multihop: true },
    }, { to: "down", reason: "nothing heard for 150 ms" }),
  ];
  assert.deepEqual(formatSessions(sessions, NOW, plain).split("\n"), [
    "SESSION  PEER       INTERFACE  STATE  FOR  DETECTION  CHANGES",
    "to-peer  192.0.2.2  eth0       up     5s   500 ms     2",
    "to-peer  192.0.2.2  multihop   down   5s   -          3",
  ]);
  assert.deepEqual(sessions.flatMap(sessionTroubles), [
    "to-peer is down: nothing heard for 150 ms; waits for: a packet from 192.0.2.2",
  ]);
  const painted = formatSessions(sessions, NOW, (text, colour) => `<${colour}>${text}</>`);
  assert.match(painted, /<green>up<\/>/);
  assert.match(painted, /<red>down<\/>/);
});

Deno.test("everything about one session", () => {
  const text = formatSession(
    statusOf(upSession(), {
      path: { ...reportOf(upSession()).path, vrf: "blue", namespace: "red" },
      dropped: { ttl: 2, length: 0 },
      sendFailures: { EPERM: 3 },
      told: { healthy: false, reason: "damped" },
    }),
    NOW,
  );
  for (
    const expected of [
      /^BFD session +to-peer with 192\.0\.2\.2 \(one hop, on eth0, VRF blue, namespace red\)$/m,
      /^state +up for 5s$/m,
      /^diagnostic +none \(the other side: neighbor-down\)$/m,
      /^source +192\.0\.2\.1, port 50000$/m,
      /^sends every +70 ms \(configured: 50 ms\)$/m,
      /^detection time +500 ms$/m,
      /^the other side +says up, sends every 100 ms at most, accepts every 70 ms$/m,
      /^tracked as +failed: damped$/m,
      /^packets sent +7$/m,
      /^unsent +EPERM 3$/m,
      /^refused +ttl 2$/m,
    ]
  ) assert.match(text, expected);
});

Deno.test("hostile text cannot forge a line", () => {
  const reason = { to: "down", reason: "x\n\x1b[2J" } as const;
  const text = formatSession(statusOf(sessionOf(), {}, reason), NOW);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(text, /\x1b/);
  assert.ok(text.includes("x\\n\\u001b[2J"));
});

Deno.test("an initiator of Seamless BFD: what it waits for, and its kind", () => {
  const settings = {
    ...SETTINGS,
    receiveInterval: 0,
    seamless: { remoteDiscriminator: 0xc0000202 },
  };
  const report = reportOf(sessionOf({}, settings));
  const status = sessionStatus(report, { wallTime: () => "", reasonOf: () => undefined });
  assert.deepEqual(
    [status.seamless, status.detection_time_ms, status.remote_discriminator, status.waiting_for],
    [true, null, 0xc0000202, ["an answer of the reflector 192.0.2.2"]],
  );
  assert.match(
    formatSession({ ...status, since: new Date(NOW).toISOString() }, NOW),
    /Seamless BFD/,
  );
  const refusing = sessionOf({}, settings);
  refusing.remote.state = "admin_down";
  const refused = sessionStatus(reportOf(refusing), {
    wallTime: () => "",
    reasonOf: () => undefined,
  });
  assert.deepEqual(refused.waiting_for, ["192.0.2.2, which says AdminDown"]);
});

Deno.test("[B9468-2] the reflector and what others have begun are shown, or null", () => {
  assert.deepEqual([reflectorStatus(undefined), unsolicitedStatus(undefined)], [null, null]);
  const reflector = reflectorStatus({
    waitingFor: ["interface eth9: not there"],
    packetsReceived: 9,
    packetsSent: 7,
    sendErrors: 0,
    pauses: 1,
    dropped: { ttl: 2 },
  });
  const unsolicited = unsolicitedStatus({
    waitingFor: [],
    sessions: 1,
    limit: 64,
    refused: { not_on_link: 3 },
  });
  const both = {
    bfd_dropped: { ttl: 3, malformed: 0 },
    bfd_reflector: reflector,
    bfd_unsolicited: unsolicited,
  };
  assert.deepEqual(formatUnconfigured({ ...both, bfd_dropped: { ttl: 0 } }).length, 2);
  assert.deepEqual(formatUnconfigured(both), [
    "BFD packets that were for no session: ttl 3",
    "Seamless BFD reflector: 7 of 9 questions answered",
    "Unsolicited BFD sessions: 1 of at most 64",
  ]);
  assert.deepEqual(unconfiguredTroubles(both), [
    "the BFD reflector waits for: interface eth9: not there",
  ]);
  const begun = sessionStatus(reportOf(upSession(), { unsolicited: true }), {
    wallTime: () => new Date(NOW).toISOString(),
    reasonOf: () => undefined,
  });
  assert.equal(begun.unsolicited, true);
  assert.match(formatSession(begun, NOW), /begun by +the other side \(RFC 9468\)/);
});
