/**
 * What a session does with a packet: RFC 5880 section 6.8.6, from the point where the packet is
 * known to be for it.
 *
 * One choice where the RFC says two things: a poll is answered in AdminDown, too. Section 6.8.6
 * ends before it gets there, but 6.8.7 wants the answer "without respect to the session state", and
 * the answer tells the other side why nothing else comes.
 *
 * @module
 */

import { verifyControl } from "./authentication.ts";
import { answerPoll, closePoll, heard, openPoll, tell, transition } from "./actions.ts";
import { believeAnswer } from "./initiator.ts";
import type { ControlPacket, DropReason, StateName } from "./packet.ts";
import { bothUp, demandActive, detectionTime } from "./timing.ts";
import {
  DIAGNOSTIC,
  type Micros,
  type NeighbourAdminDownEffect,
  type Session,
  type SessionEffect,
} from "./types.ts";

const ADMIN_DOWN_HEARD: NeighbourAdminDownEffect = Object.freeze({
  type: "neighbour_admin_down",
  reason: "the other side is administratively down",
});

/**
 * Whether a decoded packet may be believed: the step before `step`. Changes nothing but what the
 * session knows of sequence numbers.
 *
 * @param bytes what was decoded into `packet`
 * @returns `null`: believe it
 */
export function authenticate(
  session: Session,
  bytes: Uint8Array,
  packet: Readonly<ControlPacket>,
  now: Micros,
): DropReason | null {
  const { settings: { authentication, detectMultiplier, seamless, unaffiliated }, sequence } =
    session;
  if (seamless !== undefined) return believeAnswer(session, bytes, packet);
  // Signed with our own key, it would be believed, and bring a session up with itself.
  if (!unaffiliated && packet.myDiscriminator === session.localDiscriminator) return "own_packet";
  if (now >= session.sequenceForgottenAt) sequence.known = false;
  return verifyControl(bytes, packet, authentication, sequence, detectMultiplier);
}

/** Takes one packet. */
export function receivePacket(
  session: Session,
  packet: Readonly<ControlPacket>,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  const { remote } = session;
  const wasDemand = demandActive(session);
  const before = remote.state;
  session.remoteDiscriminator = packet.myDiscriminator;
  remote.state = packet.state;
  remote.diagnostic = packet.diagnostic;
  remote.demand = packet.demand;
  remote.detectMultiplier = packet.detectMultiplier;
  remote.desiredMinTx = packet.desiredMinTx;
  remote.requiredMinRx = packet.requiredMinRx;
  remote.requiredMinEchoRx = packet.requiredMinEchoRx;
  session.sequenceForgottenAt = now + 2 * detectionTime(session);
  if (packet.final) receiveFinal(session, now);
  if (session.state === "admin_down") {
    if (packet.poll) answerPoll(session, now, effects);
    effects.push({ type: "discard", reason: "admin_down" });
    return;
  }
  heard(session, now);
  if (packet.state === "admin_down" && before !== "admin_down" && session.state === "down") {
    effects.push(ADMIN_DOWN_HEARD);
  }
  advance(session, packet.state, now, random, effects);
  followDemand(session, wasDemand, now, random, effects);
  if (packet.poll) answerPoll(session, now, effects);
}

/** An answer ends our poll. Without one it answers nothing of ours. */
function receiveFinal(session: Session, now: Micros): void {
  if (!session.polling) return;
  closePoll(session, now);
  if (session.settings.demand !== null && bothUp(session)) {
    session.demandPollAt = now + session.settings.demand.pollInterval;
  }
}

/** The state machine of section 6.2, as section 6.8.6 writes it. */
function advance(
  session: Session,
  received: StateName,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  const { state } = session;
  if (received === "admin_down") {
    if (state === "down") return;
    const cause = "neighbour_admin_down";
    const { neighbourDown } = DIAGNOSTIC;
    const { reason } = ADMIN_DOWN_HEARD;
    transition(session, "down", cause, neighbourDown, reason, now, random, effects);
  } else if (state === "down") {
    if (session.heldUntil !== undefined && now < session.heldUntil) return;
    if (received === "down") {
      const reason = "the other side was heard";
      transition(session, "init", "handshake", undefined, reason, now, random, effects);
    } else if (received === "init") comeUp(session, now, random, effects);
  } else if (state === "init") {
    if (received === "init" || received === "up") comeUp(session, now, random, effects);
  } else if (received === "down") {
    const reason = "the other side says that it is down";
    const { neighbourDown } = DIAGNOSTIC;
    transition(session, "down", "neighbour_down", neighbourDown, reason, now, random, effects);
  }
}

function comeUp(session: Session, now: Micros, random: number, effects: SessionEffect[]): void {
  const reason = "both sides hear each other";
  transition(session, "up", "handshake", DIAGNOSTIC.none, reason, now, random, effects);
}

/** Demand mode begins when both are up: our next packets say so, and a poll makes sure of it. */
function followDemand(
  session: Session,
  was: boolean,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  if (was || !demandActive(session)) return;
  openPoll(session, now);
  session.pollSince = now;
  if (session.lastSent !== now) tell(session, now, random, effects);
}
