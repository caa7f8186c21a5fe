/**
 * Unaffiliated echo (RFC 9747): a session with a neighbour that knows nothing of BFD. Control
 * packets to ourselves leave by the neighbour, whose forwarding plane sends them back: what is
 * heard is what was said a round trip ago.
 *
 * The memory is that of any session, so that status, snapshots and clients need not know. What
 * differs, each by RFC 9747:
 *
 * - A packet is believed when its TTL is exactly 254 and its discriminator our own
 *   (`believeLooped`).
 * - Intervals in packets say one second and mean nothing: what is configured counts. Until Up there
 *   is one packet a second at most.
 * - There is nobody to negotiate with, so that there are no polls, no demand and no AdminDown: a
 *   session that is taken down is silent.
 * - Nothing back for a detection time is diagnostic 2 (Echo Function Failed).
 *
 * One choice where the RFC says nothing: a packet that says an earlier state than ours has been
 * under way since we were in it. It changes no state; in RFC 5880's table a Down heard in Up would
 * be a neighbour that has restarted, which here is nobody.
 *
 * @module
 */

import { adopt, enterState, finish, forgetRemote, heard, send } from "./actions.ts";
import type { ControlPacket, DropReason, StateName } from "./packet.ts";
import { authenticate } from "./receive.ts";
import { detectionTime, reschedule, wantedMinRx, wantedMinTx } from "./timing.ts";
import {
  DIAGNOSTIC,
  type Micros,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
  type TransitionCause,
} from "./types.ts";

/** TTL or hop limit of what one router has forwarded. */
export const LOOPED_TTL = 254;

/**
 * Whether what came back may be believed: the step before `step`.
 *
 * @param bytes what was decoded into `packet`
 * @param ttl TTL or hop limit that it arrived with
 * @returns `null`: believe it
 */
export function believeLooped(
  session: Session,
  bytes: Uint8Array,
  packet: Readonly<ControlPacket>,
  ttl: number,
  now: Micros,
): DropReason | null {
  if (ttl !== LOOPED_TTL) return "ttl";
  const own = session.localDiscriminator;
  if (packet.myDiscriminator !== own) return "unknown_session";
  if (packet.yourDiscriminator !== 0 && packet.yourDiscriminator !== own) return "unknown_session";
  // We never send it.
  if (packet.state === "admin_down") return "admin_down";
  return authenticate(session, bytes, packet, now);
}

/** What differs from `step`; what does not is left to it. Returns whether the event is dealt with. */
export function stepUnaffiliated(
  session: Session,
  event: SessionEvent,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): boolean {
  switch (event.type) {
    case "stall":
    case "resume":
      return false;
    case "packet":
      onLooped(session, event.packet, now, random, effects);
      break;
    case "timer":
      onTimer(session, now, random, effects);
      break;
    case "configure":
      onConfigure(session, event.settings);
      break;
    case "admin":
      onAdmin(session, event.down, now, random, effects);
      break;
    case "stop":
      if (session.state !== "admin_down") {
        enter(session, "admin_down", "stopped", "stopped", now, random, effects);
      }
      finish(session, effects);
      break;
  }
  return true;
}

function onLooped(
  session: Session,
  packet: Readonly<ControlPacket>,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  const { state } = session;
  if (state === "admin_down") {
    effects.push({ type: "discard", reason: "admin_down" });
    return;
  }
  session.remoteDiscriminator = packet.myDiscriminator;
  session.remote.state = packet.state;
  session.remote.diagnostic = packet.diagnostic;
  session.remote.detectMultiplier = session.settings.detectMultiplier;
  session.remote.desiredMinTx = session.desiredMinTxUsed;
  heard(session, now);
  if (state === "down" && packet.state === "down") {
    enter(session, "init", "handshake", "our packet came back", now, random, effects);
  } else if (
    state === "down" && packet.state === "init" ||
    state === "init" && (packet.state === "init" || packet.state === "up")
  ) {
    enter(session, "up", "handshake", "our packets come back", now, random, effects);
  }
  session.sequenceForgottenAt = now + 2 * detectionTime(session);
}

function onTimer(session: Session, now: Micros, random: number, effects: SessionEffect[]): void {
  if (session.detectAt !== null && now >= session.detectAt) {
    const silence = detectionTime(session);
    const watched = session.state === "up" || session.state === "init";
    forgetRemote(session);
    if (watched) {
      const reason = `nothing came back for ${silence / 1000} ms`;
      enter(session, "down", "echo_failed", reason, now, random, effects);
    }
  }
  reschedule(session, now);
  if (session.transmitAt !== null && now >= session.transmitAt) {
    send(session, now, random, effects);
  }
}

function onConfigure(session: Session, settings: SessionSettings): void {
  if (session.settings.authentication?.type !== settings.authentication?.type) {
    session.sequence.known = false;
  }
  session.settings = settings;
  goByConfiguration(session);
}

function onAdmin(
  session: Session,
  down: boolean,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  if (down === (session.state === "admin_down")) return;
  forgetRemote(session);
  if (down) {
    enter(session, "admin_down", "admin_down", "taken down by command", now, random, effects);
  } else enter(session, "down", "admin_up", "brought up by command", now, random, effects);
}

const DIAGNOSTICS: Partial<Record<TransitionCause, number>> = {
  echo_failed: DIAGNOSTIC.echoFailed,
  admin_down: DIAGNOSTIC.adminDown,
  stopped: DIAGNOSTIC.adminDown,
  admin_up: DIAGNOSTIC.none,
};

/** Enters another state and says so, but for the one that is not said. */
function enter(
  session: Session,
  to: StateName,
  cause: TransitionCause,
  reason: string,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  enterState(session, to, cause, DIAGNOSTICS[cause], reason, now, effects);
  goByConfiguration(session);
  if (to !== "admin_down") send(session, now, random, effects);
}

/** Nobody has to agree: what is wanted counts at once. */
function goByConfiguration(session: Session): void {
  adopt(session, wantedMinTx(session), wantedMinRx(session));
  session.desiredMinTxUsed = session.desiredMinTx;
  session.requiredMinRxUsed = session.requiredMinRx;
  session.remote.detectMultiplier = session.settings.detectMultiplier;
  session.remote.desiredMinTx = session.desiredMinTxUsed;
}
