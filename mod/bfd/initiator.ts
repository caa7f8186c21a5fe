/**
 * The initiator of Seamless BFD (RFC 7880 section 7.3), as a session like any other: the same
 * memory, the same events and effects, so that whoever tracks a session need not know its kind.
 *
 * ```text
 *                 admin_down, timer                                          up
 *                     ┌──┐                                                  ┌──┐
 *                     │  ▼             heard: up                            │  ▼
 *   admin_down ◄────► down ───────────────────────────────────────────────► up
 *    by command        ▲                                                    │
 *                      └──────── heard: admin_down; nothing heard ──────────┘
 * ```
 *
 * Nothing is negotiated: a reflector remembers nothing. So every change counts at once, and our own
 * multiplier and interval say how long an answer may be missing. Packets carry D, answers have it
 * clear. Outside of Up there is one packet a second, after an answer that says AdminDown one in five
 * seconds: the path is there, and whoever answers does not want the load.
 *
 * **The round trip.** Each answer comes a round trip after its packet, so answers come as often as
 * packets leave, but for the first: when packets begin to leave more often, the first of them is
 * answered a round trip later. That time is measured while packets are rare, and given once. A round
 * trip of more than the 750 ms that lie between two of those packets cannot be measured.
 *
 * @module
 */

import { enterState, heard, send } from "./actions.ts";
import { isMeticulous, verifyControl } from "./authentication.ts";
import { type ControlPacket, type DropReason, read32, SEQUENCE_AT } from "./packet.ts";
import { detectionTime, SLOW, transmitInterval, wantedMinTx } from "./timing.ts";
import {
  DIAGNOSTIC,
  type Micros,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
  type TransitionCause,
} from "./types.ts";

/** Numbers sent within this time are still awaited: longer than any round trip. */
const LONGEST_ROUND_TRIP: Micros = 1_000_000;

/**
 * Whether an answer may be believed: what `authenticate` asks for a session of this kind.
 *
 * A reflector keeps no numbers and returns ours. So a number must be one that we have sent a moment
 * ago, and none may come again: an answer recorded earlier proves nothing.
 *
 * @returns `null`: believe it
 */
export function believeAnswer(
  session: Session,
  bytes: Uint8Array,
  packet: Readonly<ControlPacket>,
): DropReason | null {
  const { settings, sequence } = session;
  const { authentication } = settings;
  // Section 7.3.3: who sets D asks, and does not answer.
  if (packet.demand) return "demand";
  if (packet.yourDiscriminator !== session.localDiscriminator) return "unknown_session";
  if (packet.myDiscriminator !== session.remoteDiscriminator) return "unknown_session";
  if (packet.state !== "up" && packet.state !== "admin_down") return "state";
  anySequence.known = false;
  const reason = verifyControl(bytes, packet, authentication, anySequence, 1);
  if (reason !== null || authentication === null || authentication.type === "simple") return reason;
  const number = read32(bytes, SEQUENCE_AT);
  const age = (sequence.transmit - number) >>> 0;
  if (age > sentLately(session)) return "authentication_sequence";
  const ahead = (number - sequence.receive) | 0;
  if (sequence.known && ahead < (isMeticulous(authentication.type) ? 1 : 0)) {
    return "authentication_sequence";
  }
  sequence.receive = number;
  sequence.known = true;
  return null;
}

const anySequence = { transmit: 0, receive: 0, known: false };

/** How many packets may be on their way, or lost. */
function sentLately({ settings }: Session): number {
  const rate = Math.ceil(LONGEST_ROUND_TRIP / (0.75 * settings.transmitInterval));
  return rate + 3 * settings.detectMultiplier;
}

/**
 * One event in, effects out, as `step` does it.
 *
 * @returns whether it was one that an initiator takes in its own way
 */
export function stepInitiator(
  session: Session,
  event: SessionEvent,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): boolean {
  switch (event.type) {
    case "packet":
      receiveAnswer(session, event.packet, now, effects);
      return true;
    case "timer":
      onTimer(session, now, random, effects);
      return true;
    case "configure":
      onConfigure(session, event.settings, now);
      return true;
    case "admin":
      onAdmin(session, event.down, now, effects);
      return true;
    case "stop":
      onStop(session, now, effects);
      return true;
    case "forwarding_reset":
      if (session.state === "up") {
        const { forwardingReset } = DIAGNOSTIC;
        const reason = "the forwarding plane was reset";
        enter(session, "down", "forwarding_reset", forwardingReset, reason, now, effects);
      }
      return true;
    case "echo":
    case "echo_failed":
      // There is no Echo here: what we send comes back anyway.
      return true;
    default:
      return false;
  }
}

function receiveAnswer(
  session: Session,
  packet: Readonly<ControlPacket>,
  now: Micros,
  effects: SessionEffect[],
): void {
  const { remote } = session;
  if (session.state === "admin_down") {
    effects.push({ type: "discard", reason: "admin_down" });
    return;
  }
  const interval = transmitInterval(session);
  remote.state = packet.state;
  remote.diagnostic = packet.diagnostic;
  remote.detectMultiplier = packet.detectMultiplier;
  remote.desiredMinTx = packet.desiredMinTx;
  // "As few as you can" is not "none": an initiator that fell silent would watch nothing.
  remote.requiredMinRx = packet.requiredMinRx === 0 ? SLOW : packet.requiredMinRx;
  remote.requiredMinEchoRx = packet.requiredMinEchoRx;
  if (packet.final) session.polling = false;
  if (packet.state === "admin_down") {
    if (session.state === "down") return;
    const reason = "the reflector is administratively down";
    const { neighbourDown } = DIAGNOSTIC;
    return enter(session, "down", "neighbour_admin_down", neighbourDown, reason, now, effects);
  }
  if (session.state === "down") {
    session.roundTrip = session.lastSent === null ? 0 : now - session.lastSent;
    enter(session, "up", "handshake", DIAGNOSTIC.none, "the reflector answers", now, effects);
  }
  heard(session, now);
  if (transmitInterval(session) < interval) session.grace = session.roundTrip ?? 0;
}

function onTimer(session: Session, now: Micros, random: number, effects: SessionEffect[]): void {
  if (session.detectAt !== null && now >= session.detectAt) {
    const reason = `no answer for ${detectionTime(session) / 1000} ms`;
    const { detectionExpired } = DIAGNOSTIC;
    enter(session, "down", "detection_expired", detectionExpired, reason, now, effects);
  }
  if (session.transmitAt !== null && now >= session.transmitAt) {
    send(session, now, random, effects);
  }
}

/** A reflector has nothing to agree to. Its answer to a poll shows that it has heard of it. */
function onConfigure(session: Session, settings: SessionSettings, now: Micros): void {
  const before = session.settings;
  const interval = transmitInterval(session);
  const detection = detectionTime(session);
  session.settings = settings;
  if (before.authentication?.type !== settings.authentication?.type) {
    session.sequence.known = false;
  }
  if (session.stopping) return;
  const target = settings.seamless!.remoteDiscriminator;
  if (target !== session.remoteDiscriminator) session.remoteDiscriminator = target;
  adoptInterval(session);
  if (session.state !== "up") return;
  if (transmitInterval(session) !== interval || detectionTime(session) !== detection) {
    session.polling = true;
    heard(session, now);
    session.grace = session.roundTrip ?? 0;
  }
}

/** Nobody is told: a reflector would answer all the same, and forget it. */
function onAdmin(session: Session, down: boolean, now: Micros, effects: SessionEffect[]): void {
  if (session.stopping || down === (session.state === "admin_down")) return;
  const { adminDown, none } = DIAGNOSTIC;
  if (down) {
    enter(session, "admin_down", "admin_down", adminDown, "taken down by command", now, effects);
  } else enter(session, "down", "admin_up", none, "brought up by command", now, effects);
}

function onStop(session: Session, now: Micros, effects: SessionEffect[]): void {
  if (session.state !== "admin_down") {
    enter(session, "admin_down", "stopped", DIAGNOSTIC.adminDown, "stopped", now, effects);
  }
  session.stopping = session.stopped = true;
  effects.push({ type: "stopped" });
}

function enter(
  session: Session,
  to: "admin_down" | "down" | "up",
  cause: TransitionCause,
  diagnostic: number,
  reason: string,
  now: Micros,
  effects: SessionEffect[],
): void {
  enterState(session, to, cause, diagnostic, reason, now, effects);
  adoptInterval(session);
  if (to === "up") return;
  session.polling = false;
  session.lastReceived = null;
  session.grace = session.graceGiven = 0;
  if (cause === "neighbour_admin_down") return;
  // What it wanted was for a path that is gone; nor is it known to be out of service any more.
  session.remote.state = "down";
  session.remote.requiredMinRx = 1;
}

function adoptInterval(session: Session): void {
  session.desiredMinTx = session.desiredMinTxUsed = wantedMinTx(session);
}
