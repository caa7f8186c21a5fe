/**
 * 100,000 random steps: every event in every state, in any order. After each step the invariants of
 * the session must hold, whatever led there. The session is put through JSON now and then, as a
 * restart does.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  createSession,
  deadline,
  DIAGNOSTIC,
  type Micros,
  type Session,
  type SessionEvent,
  type SessionSettings,
  STATES,
  step,
  transmitInterval,
  writeControl,
} from "../../../mod/bfd/mod.ts";
import { Random, wantedSeed } from "../../lib/random.ts";
import { settings } from "./fixtures.ts";
import { anyAuthentication, anyControl } from "./packet_fixtures.ts";

const STEPS = 100_000;

function anySettings(random: Random): SessionSettings {
  const interval = () => random.pick([1, 3_300, 50_000, 1_000_000, 10_000_000, 0xffff_ffff]);
  return settings({
    transmitInterval: interval(),
    receiveInterval: random.chance(0.1) ? 0 : interval(),
    detectMultiplier: random.pick([1, 3, 255]),
    passive: random.chance(0.3),
    demand: random.chance(0.3) ? { pollInterval: interval() } : null,
    echoReceiveInterval: random.pick([0, 10_000]),
    authentication: random.chance(0.3) ? anyAuthentication(random) : null,
    stallGrace: random.chance(0.8),
  });
}

function anyEvent(random: Random): SessionEvent {
  const kind = random.next();
  if (kind < 0.45) {
    const packet = anyControl(random);
    // What peers say mostly, beside what they could say.
    if (random.chance(0.8)) {
      packet.desiredMinTx = packet.requiredMinRx = random.pick([0, 3_300, 50_000, 1_000_000]);
      packet.detectMultiplier = 3;
    }
    return { type: "packet", packet };
  }
  if (kind < 0.75) return { type: "timer" };
  if (kind < 0.8) return { type: "configure", settings: anySettings(random) };
  if (kind < 0.85) return { type: "stall", length: random.int(0, 5_000_000) };
  if (kind < 0.9) return { type: "admin", down: random.chance(0.4) };
  if (kind < 0.92) return { type: "echo", active: random.chance(0.5) };
  if (kind < 0.93) return { type: "echo_failed" };
  if (kind < 0.94) return { type: "forwarding_reset" };
  if (kind < 0.97) return { type: "concatenated", diagnostic: random.pick([0, 6, 8] as const) };
  if (kind < 0.998) return { type: "resume", age: random.int(0, 5_000_000) };
  return { type: "stop", now: random.chance(0.5) };
}

/** Time passes: not at all, a little, to the deadline, or past it. */
function passes(random: Random, session: Session, now: Micros): Micros {
  const next = deadline(session);
  const due = next === Infinity || next > now + 1e12 ? now : Math.max(now, next);
  return random.pick([now, now + random.int(0, 10_000), due, due, due + random.int(0, 20_000)]);
}

/** It says that it goes, at the pace of before. */
function saysFarewell({ state, silentAt, settings, since }: Session, pace: Micros, now: Micros) {
  return state === "admin_down" && silentAt !== null &&
    now < since + settings.detectMultiplier * pace;
}

function check(session: Session, now: Micros): void {
  const farewell = saysFarewell(session, transmitInterval(session), now);
  ok(STATES.includes(session.state));
  ok(session.desiredMinTx > 0 && session.desiredMinTxUsed > 0);
  if (session.state !== "up") {
    ok(session.desiredMinTx >= 1_000_000, "slow");
    ok(farewell || transmitInterval(session) >= 1_000_000, "slow");
    ok(farewell || session.desiredMinTxUsed === session.desiredMinTx, "nothing to negotiate");
    strictEqual(session.requiredMinRxUsed, session.requiredMinRx);
    ok(!session.echoActive);
  }
  ok(session.desiredMinTxUsed <= session.desiredMinTx, "an increase waits, a decrease does not");
  ok(session.requiredMinRxUsed >= session.requiredMinRx, "and the other way round");
  if (!session.polling) {
    const open = session.desiredMinTxUsed !== session.desiredMinTx;
    ok(!open || farewell, "open values have an open poll");
    strictEqual(session.requiredMinRxUsed, session.requiredMinRx);
  }
  if (session.polling) ok(session.remoteDiscriminator !== 0, "nobody is asked who is unknown");
  if (session.lastReceived === null && session.state !== "admin_down") {
    ok(session.state === "down", "nobody is init or up with a stranger");
  }
  ok(session.graceGiven >= 0 && session.grace >= session.graceGiven);
  if (session.transmitAt !== null && session.lastSent !== null) {
    ok(session.transmitAt <= session.lastSent + transmitInterval(session) + 1);
  }
  const next = deadline(session);
  ok(next === Infinity || Number.isInteger(next));
  ok(session.diagnostic >= DIAGNOSTIC.none && session.diagnostic <= 8);
  ok(now >= session.since);
}

Deno.test("100,000 random steps keep the invariants", () => {
  const seed = wantedSeed() ?? Date.now() % 1_000_000;
  console.log(`100,000 random steps: HALB_SEED=${seed}`);
  const random = new Random(seed);
  const bytes = new Uint8Array(255);
  const reached = new Set<string>();
  let now = 1_000_000;
  const create = () =>
    createSession(anySettings(random), {
      discriminator: random.int(1, 0xffff_ffff),
      sequence: random.int(0, 0xffff_ffff),
    }, now);
  let session = create();
  for (let i = 0; i < STEPS; i++) {
    if (session.stopped && random.chance(0.2)) session = create();
    now = passes(random, session, now);
    const event = anyEvent(random);
    const before = JSON.stringify(session);
    const { state, stopped } = session;
    const due = deadline(session) <= now;
    try {
      const effects = step(session, event, now, random.next());
      if (stopped) {
        deepStrictEqual(effects, []);
        strictEqual(JSON.stringify(session), before, "what has ended stays as it is");
      }
      if (event.type === "timer") {
        ok(deadline(session) > now, "whatever was due has been done");
        if (!due) strictEqual(JSON.stringify(session), before, "a stale expiry leaves no trace");
      }
      let current = state;
      for (const effect of effects) {
        if (effect.type === "send") ok(writeControl(session, effect, bytes, now) >= 24);
        if (effect.type !== "transition") continue;
        strictEqual(effect.from, current, "a transition begins where the last one ended");
        ok(effect.reason !== "");
        current = effect.to;
      }
      strictEqual(current, session.state, "state and transitions agree");
      check(session, now);
      if (i % 10 === 0) {
        deepStrictEqual(structuredClone(effects), effects, "effects can be posted");
        const copy = JSON.parse(JSON.stringify(session)) as Session;
        deepStrictEqual(copy, session, "the session survives JSON");
        session = copy;
      }
    } catch (error) {
      const what = `HALB_SEED=${seed}, step ${i} at ${now}: ${JSON.stringify(event)} on ${before}`;
      throw new Error(what, { cause: error });
    }
    reached.add(`${state} ${event.type}`);
  }
  for (const state of STATES) {
    for (const type of ["packet", "timer", "configure", "stall", "admin", "stop", "resume"]) {
      ok(reached.has(`${state} ${type}`), `HALB_SEED=${seed}: no ${type} as ${state}`);
    }
  }
});
