/**
 * The small verbs of the session: each changes its memory and notes the effect.
 *
 * @module
 */

import type { StateName } from "./packet.ts";
import { demandActive, detectionTime, FINAL_GAP, wantedMinRx, wantedMinTx } from "./timing.ts";
import type { Micros, Remote, Session, SessionEffect, TransitionCause } from "./types.ts";

// A packet's worth of effects is always one of these two: nothing is allocated for it.
const SEND: SessionEffect = Object.freeze({ type: "send", final: false });
const SEND_FINAL: SessionEffect = Object.freeze({ type: "send", final: true });

/** The other side as long as it has not been heard (6.8.1). */
export function unknownRemote(): Remote {
  return {
    state: "down",
    diagnostic: 0,
    demand: false,
    detectMultiplier: 1,
    desiredMinTx: 0,
    requiredMinRx: 1,
    requiredMinEchoRx: 0,
  };
}

/** Sends a packet that also counts as the periodic one, with the P bit while a poll is open. */
export function send(
  session: Session,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  session.lastSent = now;
  session.jitter = random;
  if (session.polling) session.pollSent = now;
  effects.push(SEND);
}

/** Says what has changed, where anybody is to be told (6.8.7: between the periodic packets). */
export function tell(
  session: Session,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  if (session.stopped) return;
  if (session.settings.passive && session.remoteDiscriminator === 0) return;
  send(session, now, random, effects);
}

/** Answers a poll at once, or when the last answer is old enough. */
export function answerPoll(session: Session, now: Micros, effects: SessionEffect[]): void {
  const gap = Math.min(FINAL_GAP, session.desiredMinTx);
  const earliest = session.finalSent === null ? now : session.finalSent + gap;
  if (earliest > now) {
    session.finalAt ??= earliest;
    return;
  }
  sendFinal(session, now, effects);
}

export function sendFinal(session: Session, now: Micros, effects: SessionEffect[]): void {
  session.finalAt = null;
  session.finalSent = now;
  effects.push(SEND_FINAL);
}

/**
 * Makes our packets say what is wanted, and opens a poll so that the other side confirms it. While
 * one is open already in Up, or answers to the last one may still come, the change waits: an answer
 * to the former values must not be taken for one to these (6.8.3, "ambiguous").
 *
 * @returns whether something changed that is to be told
 */
export function propose(session: Session, now: Micros): boolean {
  const [tx, rx] = [wantedMinTx(session), wantedMinRx(session)];
  if (tx === session.desiredMinTx && rx === session.requiredMinRx) return false;
  const up = session.state === "up";
  if (up && (session.polling || now < session.pollQuietUntil)) return false;
  adopt(session, tx, rx);
  openPoll(session, now);
  return true;
}

/** Values for our packets, and where the RFC lets them count at once, for ourselves. */
export function adopt(session: Session, tx: Micros, rx: Micros): void {
  const up = session.state === "up";
  session.desiredMinTx = tx;
  session.requiredMinRx = rx;
  if (!up || tx <= session.desiredMinTxUsed) session.desiredMinTxUsed = tx;
  if (!up || rx >= session.requiredMinRxUsed) session.requiredMinRxUsed = rx;
}

/** Asks the other side to answer; nobody is asked who has not been heard. */
export function openPoll(session: Session, now: Micros): void {
  session.demandPollAt = null;
  if (session.remoteDiscriminator === 0 || session.polling) return;
  session.polling = true;
  session.pollSince = session.pollSent = now;
  if (demandActive(session)) session.grace = session.graceGiven = 0;
}

/** The other side is there: its silence counts from now. */
export function heard(session: Session, now: Micros): void {
  session.lastReceived = now;
  session.grace = session.graceGiven = 0;
}

/**
 * The other side has answered: what was proposed counts. Answers to further packets of this poll may
 * still be under way, for a detection time at most, or as long as the answer has taken.
 */
export function closePoll(session: Session, now: Micros): void {
  session.polling = false;
  session.desiredMinTxUsed = session.desiredMinTx;
  session.requiredMinRxUsed = session.requiredMinRx;
  const longest = Math.max(detectionTime(session), 2 * (now - session.pollSince));
  session.pollQuietUntil = (session.pollSent ?? now) + longest;
}

/** Enters another state, and no more. @param diagnostic bfd.LocalDiag; `undefined`: stays */
export function enterState(
  session: Session,
  to: StateName,
  cause: TransitionCause,
  diagnostic: number | undefined,
  reason: string,
  now: Micros,
  effects: SessionEffect[],
): void {
  effects.push({ type: "transition", from: session.state, to, cause, reason });
  session.state = to;
  session.since = now;
  session.transitions++;
  if (diagnostic !== undefined) session.diagnostic = diagnostic;
}

/**
 * Enters another state, with what comes of it: other intervals, and a packet that says so at once.
 *
 * @param diagnostic bfd.LocalDiag; `undefined`: stays
 */
export function transition(
  session: Session,
  to: StateName,
  cause: TransitionCause,
  diagnostic: number | undefined,
  reason: string,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  enterState(session, to, cause, diagnostic, reason, now, effects);
  session.demandPollAt = null;
  if (to !== "up") session.echoActive = false;
  // Not negotiated but ruled: a second and more outside of Up, what is configured inside.
  const [tx, rx] = [wantedMinTx(session), wantedMinRx(session)];
  const changed = tx !== session.desiredMinTx || rx !== session.requiredMinRx;
  adopt(session, tx, rx);
  if (to === "admin_down") session.polling = false;
  else if (changed) openPoll(session, now);
  tell(session, now, random, effects);
}

/** Nobody has been heard for a detection time: forget whom we talked to (6.8.1, 6.8.18). */
export function forgetRemote(session: Session): void {
  session.remoteDiscriminator = 0;
  const { diagnostic } = session.remote;
  session.remote = unknownRemote();
  session.remote.diagnostic = diagnostic;
  session.lastReceived = null;
  session.grace = session.graceGiven = 0;
  session.polling = false;
  session.finalAt = null;
}

/** The session has ended. */
export function finish(session: Session, effects: SessionEffect[]): void {
  session.stopped = true;
  session.stopping = true;
  session.silentAt = null;
  session.endAt = null;
  session.finalAt = null;
  session.demandPollAt = null;
  effects.push({ type: "stopped" });
}
