/** The state machine: every state takes every packet, and the events that change a state. */

import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createSession, type StateName, STATES } from "../../../mod/bfd/mod.ts";
import { Bench, benchIn, LOCAL, REMOTE, settings, transitions } from "./fixtures.ts";
import { authentication } from "./packet_fixtures.ts";

Deno.test("[B1-1] [B1-2] [B1-3] [B1-4] [B1-5] a session begins as section 6.8.1 says", () => {
  const origin = { discriminator: 4711, sequence: 99 };
  const session = createSession(settings(), origin, 5);
  strictEqual(session.state, "down");
  strictEqual(session.remote.state, "down");
  strictEqual(session.localDiscriminator, 4711);
  strictEqual(session.remoteDiscriminator, 0);
  strictEqual(session.diagnostic, 0);
});

Deno.test("[B1-6] [B1-7] [B1-8] [B1-9] [B1-10] [B1-11] and with these intervals and numbers", () => {
  for (const [configured, desired] of [[3_300, 1_000_000], [2_000_000, 2_000_000]] as const) {
    const origin = { discriminator: 1, sequence: 99 };
    const session = createSession(settings({ transmitInterval: configured }), origin, 5);
    strictEqual(session.desiredMinTx, desired);
    strictEqual(session.remote.requiredMinRx, 1);
    strictEqual(session.remote.demand, false);
    deepStrictEqual(session.sequence, { transmit: 99, receive: 0, known: false });
    strictEqual(session.settings.detectMultiplier, 3);
    deepStrictEqual(JSON.parse(JSON.stringify(session)), session);
  }
});

/** Section 6.2: what becomes of a state that hears a state; a diagnostic where it is set. */
const TABLE: Record<StateName, Record<StateName, [StateName, number?]>> = {
  admin_down: {
    admin_down: ["admin_down"],
    down: ["admin_down"],
    init: ["admin_down"],
    up: ["admin_down"],
  },
  down: { admin_down: ["down"], down: ["init"], init: ["up", 0], up: ["down"] },
  init: { admin_down: ["down", 3], down: ["init"], init: ["up", 0], up: ["up", 0] },
  up: { admin_down: ["down", 3], down: ["down", 3], init: ["up"], up: ["up"] },
};

for (const local of STATES) {
  for (const received of STATES) {
    const [to, diagnostic] = TABLE[local][received];
    Deno.test(`[BT] ${local} that hears ${received} is ${to}`, () => {
      const bench = benchIn(local);
      bench.session.diagnostic = 5;
      const effects = bench.receive({ state: received });
      strictEqual(bench.session.state, to);
      strictEqual(bench.session.diagnostic, diagnostic ?? 5);
      strictEqual(transitions(effects).length, to === local ? 0 : 1);
      const discarded = effects.some((effect) => effect.type === "discard");
      strictEqual(discarded, local === "admin_down");
      // A changed state is told at once, an unchanged one is not.
      strictEqual(bench.take().map((packet) => packet.state).join(), to === local ? "" : to);
    });
  }
}

Deno.test("[B6-3] a packet sets what is known of the other side", () => {
  const bench = benchIn("up");
  bench.receive({
    state: "init",
    diagnostic: 17,
    myDiscriminator: 0xabcdef01,
    demand: true,
    detectMultiplier: 9,
    desiredMinTx: 77,
    requiredMinRx: 88,
    requiredMinEchoRx: 99,
  });
  strictEqual(bench.session.remoteDiscriminator, 0xabcdef01);
  deepStrictEqual(bench.session.remote, {
    state: "init",
    diagnostic: 17,
    demand: true,
    detectMultiplier: 9,
    desiredMinTx: 77,
    requiredMinRx: 88,
    requiredMinEchoRx: 99,
  });
});

Deno.test("[B6-7] in AdminDown the values are set, but nothing counts as received", () => {
  const bench = benchIn("admin_down");
  const before = bench.session.lastReceived;
  bench.sleep(1000);
  bench.receive({ state: "up", myDiscriminator: 99, requiredMinRx: 1234 });
  strictEqual(bench.session.remoteDiscriminator, 99);
  strictEqual(bench.session.remote.requiredMinRx, 1234);
  strictEqual(bench.session.lastReceived, before);
});

Deno.test("the three ways up: after each other, at once, and with one side ahead", () => {
  const bench = new Bench();
  bench.wait(0);
  deepStrictEqual(bench.take().map(({ state, yourDiscriminator }) => [state, yourDiscriminator]), [
    ["down", 0],
  ]);
  const effects = [
    ...bench.receive({ state: "down", yourDiscriminator: 0 }),
    ...bench.receive({ state: "up" }),
  ];
  deepStrictEqual(transitions(effects), ["down → init: handshake", "init → up: handshake"]);
  for (const { yourDiscriminator, myDiscriminator } of bench.take()) {
    deepStrictEqual([myDiscriminator, yourDiscriminator], [LOCAL, REMOTE]);
  }
  strictEqual(bench.session.state, "up");
});

Deno.test("[B4-3] up at one microsecond before the detection time, down at it", () => {
  const bench = benchIn("up");
  bench.receive();
  const end = bench.now + 150_000;
  strictEqual(bench.session.detectAt, end);
  bench.wait(149_999);
  strictEqual(bench.session.state, "up");
  deepStrictEqual(transitions(bench.wait(1)), ["up → down: detection_expired"]);
  strictEqual(bench.now, end);
  strictEqual(bench.session.diagnostic, 1);
});

Deno.test("[B1-4] [B18-1] [B18-2] silence: remembered for a detection time, then forgotten", () => {
  const bench = benchIn("init");
  bench.receive({ state: "down", desiredMinTx: 1_000_000, requiredMinRx: 20_000 });
  bench.wait(2_999_999);
  strictEqual(bench.session.remoteDiscriminator, REMOTE);
  strictEqual(bench.session.remote.requiredMinRx, 20_000);
  deepStrictEqual(transitions(bench.wait(1)), ["init → down: detection_expired"]);
  strictEqual(bench.session.remoteDiscriminator, 0);
  strictEqual(bench.session.remote.requiredMinRx, 1);
  strictEqual(bench.last.yourDiscriminator, 0);
});

Deno.test("[N12] silence in Down and AdminDown changes no state and no diagnostic", () => {
  for (const state of ["down", "admin_down"] as const) {
    const bench = benchIn(state);
    bench.receive({ state: "admin_down" });
    bench.session.diagnostic = 6;
    const effects = bench.wait(60_000_000);
    deepStrictEqual(transitions(effects), []);
    strictEqual(bench.session.state, state);
    strictEqual(bench.session.diagnostic, 6);
    if (state === "down") strictEqual(bench.session.remoteDiscriminator, 0);
  }
});

Deno.test("[B6-9] time as AdminDown does not count as being heard", () => {
  const bench = benchIn("up");
  bench.receive();
  bench.step({ type: "admin", down: true });
  bench.step({ type: "admin", down: false });
  strictEqual(bench.session.lastReceived, null);
  strictEqual(bench.session.state, "down");
});

Deno.test("[B16-1] [B7-9] [N5] disabled: told at once and for a detection time, then silent", () => {
  const bench = benchIn("up");
  const start = bench.now;
  const effects = bench.step({ type: "admin", down: true });
  deepStrictEqual(transitions(effects), ["up → admin_down: admin_down"]);
  strictEqual(bench.session.diagnostic, 7);
  deepStrictEqual([bench.last.state, bench.last.diagnostic], ["admin_down", 7]);
  strictEqual(bench.last.desiredMinTx, 1_000_000);
  bench.wait(60_000_000);
  ok(bench.sent.every(({ packet }) => packet.state === "admin_down"));
  // The first may be lost: as often as before until the other side would have noticed.
  const after = bench.sent.map(({ at }) => at - start);
  deepStrictEqual(after.filter((at) => at < 150_000).length, 4, `${after}`);
  const slow = after.filter((at) => at >= 150_000);
  ok(slow.length <= 3 && slow.every((at, i) => i === 0 || at - slow[i - 1]! >= 750_000), `${slow}`);
  const lastAt = bench.sent.at(-1)!.at;
  ok(lastAt - start >= 2_000_000 && lastAt - start <= 3_000_000, `${lastAt - start}`);
});

Deno.test("[B16-2] enabled: Down, and speaks again", () => {
  const bench = benchIn("admin_down");
  bench.wait(60_000_000);
  bench.take();
  deepStrictEqual(transitions(bench.step({ type: "admin", down: false })), [
    "admin_down → down: admin_up",
  ]);
  deepStrictEqual(bench.take().map(({ state, diagnostic }) => [state, diagnostic]), [["down", 0]]);
  // Twice is once.
  deepStrictEqual(bench.step({ type: "admin", down: false }), []);
});

Deno.test("[N5] stopped: AdminDown is told, and it ends when the others would have noticed", () => {
  const bench = benchIn("up");
  const effects = bench.step({ type: "stop", now: false });
  deepStrictEqual(transitions(effects), ["up → admin_down: stopped"]);
  strictEqual(bench.last.state, "admin_down");
  ok(!effects.some(({ type }) => type === "stopped"));
  deepStrictEqual(bench.wait(149_999).filter(({ type }) => type === "stopped"), []);
  // For the whole detection time: whoever loses two of them takes it for no failure either.
  strictEqual(bench.take().filter(({ state }) => state === "admin_down").length, 4);
  strictEqual(bench.wait(1).filter(({ type }) => type === "stopped").length, 1);
  for (const event of [{ type: "timer" }, { type: "admin", down: false }] as const) {
    deepStrictEqual(bench.step(event), []);
  }
  deepStrictEqual(bench.receive({ state: "down" }), []);
});

Deno.test("[B16-1] taken down and up again within the detection time: no pace of before is left", () => {
  const bench = benchIn("up");
  bench.step({ type: "admin", down: true });
  bench.wait(60_000);
  bench.step({ type: "admin", down: false });
  strictEqual(bench.session.desiredMinTxUsed, 1_000_000);
  bench.step({ type: "admin", down: true });
  bench.take();
  bench.wait(700_000);
  deepStrictEqual(bench.take(), [], "nobody relied on it");
});

Deno.test("stopped at once, or where nobody relies on it: one packet and the end", () => {
  for (const [state, now] of [["up", true], ["down", false], ["init", false]] as const) {
    const bench = benchIn(state);
    const effects = bench.step({ type: "stop", now });
    deepStrictEqual(effects.map(({ type }) => type), ["transition", "send", "stopped"]);
    strictEqual(bench.last.state, "admin_down");
  }
});

Deno.test("[B5882-6] we share our fate with the control plane, and say so; theirs changes nothing", () => {
  const bench = benchIn("up");
  for (const controlPlaneIndependent of [true, false]) {
    bench.receive({ controlPlaneIndependent, poll: true });
    strictEqual(bench.last.controlPlaneIndependent, false);
    strictEqual(bench.session.state, "up");
    bench.wait(10_000);
  }
});

Deno.test("[B15-1] a reset of the forwarding plane takes the session down with diagnostic 4", () => {
  for (const state of ["init", "up"] as const) {
    const bench = benchIn(state);
    deepStrictEqual(transitions(bench.step({ type: "forwarding_reset" })), [
      `${state} → down: forwarding_reset`,
    ]);
    deepStrictEqual([bench.last.state, bench.last.diagnostic], ["down", 4]);
  }
  const bench = benchIn("admin_down");
  deepStrictEqual(bench.step({ type: "forwarding_reset" }), []);
  strictEqual(bench.session.diagnostic, 7);
});

Deno.test("[B17-1] a path behind ours: told, not taken down; by a poll in demand mode", () => {
  for (const demand of [false, true]) {
    const bench = benchIn("up");
    bench.receive({ demand });
    bench.step({ type: "concatenated", diagnostic: 6 });
    deepStrictEqual(bench.take().map(({ diagnostic, poll }) => [diagnostic, poll]), [[6, demand]]);
    strictEqual(bench.session.state, "up");
    deepStrictEqual(bench.step({ type: "concatenated", diagnostic: 6 }), []);
    bench.step({ type: "concatenated", diagnostic: 0 });
    strictEqual(bench.last.diagnostic, 0);
  }
});

Deno.test("[B9-3] echo packets that are lost take it down with diagnostic 2", () => {
  const bench = benchIn("up");
  deepStrictEqual(transitions(bench.step({ type: "echo_failed" })), ["up → down: echo_failed"]);
  deepStrictEqual([bench.last.state, bench.last.diagnostic], ["down", 2]);
  deepStrictEqual(bench.step({ type: "echo_failed" }), []);
});

Deno.test("a snapshot goes on: up, the same discriminators, sent at once, a detection time", () => {
  const bench = benchIn("up", { authentication: null });
  bench.receive();
  const { sequence } = bench.session;
  const before = sequence.transmit;
  bench.session = JSON.parse(JSON.stringify(bench.session));
  bench.sleep(10_000);
  deepStrictEqual(bench.step({ type: "resume", age: 10_000 }), []);
  notStrictEqual(bench.session.sequence.transmit, before);
  bench.wait(0);
  deepStrictEqual(bench.take().map(({ state, yourDiscriminator }) => [state, yourDiscriminator]), [
    ["up", REMOTE],
  ]);
  bench.wait(149_999);
  strictEqual(bench.session.state, "up");
  bench.wait(1);
  strictEqual(bench.session.state, "down");
});

Deno.test("a snapshot with a poll of demand mode: the answer has a detection time from now", () => {
  const bench = benchIn("up", { demand: { pollInterval: 500_000 } });
  bench.receive({ final: true });
  bench.session.demandPollAt = bench.now;
  bench.wait(0);
  strictEqual(bench.session.polling, true);
  bench.sleep(140_000);
  bench.step({ type: "resume", age: 140_000 });
  strictEqual(bench.session.detectAt, bench.now + 150_000);
});

Deno.test("who is brought up again owes no answer to a poll from before", () => {
  const bench = benchIn("admin_down");
  bench.receive({ state: "down", poll: true });
  bench.receive({ state: "down", poll: true });
  bench.step({ type: "admin", down: false });
  bench.take();
  bench.wait(100_000);
  ok(bench.take().every(({ final }) => !final));
});

Deno.test("another type of authentication begins with any number", () => {
  const bench = benchIn("up", { authentication: authentication("keyed-md5") });
  bench.session.sequence = { transmit: 5, receive: 1000, known: true };
  bench.configure({
    authentication: authentication("keyed-md5", { keys: [{ id: 1, secret: [1] }] }),
  });
  strictEqual(bench.session.sequence.known, true, "another key does not");
  bench.configure({ authentication: authentication("keyed-sha1") });
  strictEqual(bench.session.sequence.known, false);
});
