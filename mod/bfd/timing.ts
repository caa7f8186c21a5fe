/**
 * When a session acts next: RFC 5880 sections 6.8.2 to 6.8.4 and 6.8.7.
 *
 * A session has no timers of its own to set and cancel. Its deadlines follow from what it
 * remembers, by `reschedule` at the end of each step, so that a changed interval moves a running
 * wait to where it would have been, and a stale expiry finds nothing that is due.
 *
 * @module
 */

import type { Micros, Session } from "./types.ts";

/** Least interval while not up (6.8.3). */
export const SLOW: Micros = 1_000_000;
/** Initiators: interval after an answer that says AdminDown. */
export const BACK_OFF: Micros = 5_000_000;

/** Least time between two answers to polls: whoever floods us with polls gets no flood of ours. */
export const FINAL_GAP: Micros = 5_000;

/** Of a detection time: our loop being late by so much may have cost a packet its effect. */
export const STALL_SHARE = 1 / 20;

/** Sessions send at moments so far apart at most, and chance has at least so many to choose from. */
const LONGEST_STEP: Micros = 1_024;
const STEPS = 4;

/** bfd.DesiredMinTxInterval as it should be: a second and more unless up (6.8.3). */
export function wantedMinTx(session: Session): Micros {
  const { transmitInterval } = session.settings;
  return session.state === "up" ? transmitInterval : Math.max(SLOW, transmitInterval);
}

/** bfd.RequiredMinRxInterval as it should be: a second and more while echoes do the work. */
export function wantedMinRx(session: Session): Micros {
  const { receiveInterval, unaffiliated } = session.settings;
  // What comes back is what was sent.
  if (unaffiliated) return wantedMinTx(session);
  return session.echoActive && receiveInterval > 0
    ? Math.max(SLOW, receiveInterval)
    : receiveInterval;
}

/** Between two of our periodic packets, before jitter (6.8.7). */
export function transmitInterval(session: Session): Micros {
  const { remote, settings } = session;
  const interval = Math.max(session.desiredMinTxUsed, remote.requiredMinRx);
  const refused = settings.seamless !== undefined && remote.state === "admin_down";
  return refused ? Math.max(BACK_OFF, interval) : interval;
}

/** We may ask the other side to be silent: both are up (6.8.6, 6.6). */
export function demandActive(session: Session): boolean {
  return session.settings.demand !== null && bothUp(session);
}

export function bothUp(session: Session): boolean {
  return session.state === "up" && session.remote.state === "up";
}

/** How long the other side may be silent (6.8.4): by its multiplier, in demand mode by ours. */
export function detectionTime(session: Session): Micros {
  const { remote, settings } = session;
  // A reflector has no clock of its own: answers come as often as we ask.
  if (settings.seamless !== undefined) return settings.detectMultiplier * transmitInterval(session);
  if (demandActive(session)) {
    return settings.detectMultiplier * Math.max(session.desiredMinTxUsed, remote.requiredMinRx);
  }
  return remote.detectMultiplier * Math.max(session.requiredMinRxUsed, remote.desiredMinTx);
}

/** How long the other side takes to notice our silence, as far as we know. */
export function remoteDetectionTime(session: Session): Micros {
  return session.settings.detectMultiplier *
    Math.max(session.desiredMinTx, session.remote.requiredMinRx);
}

/**
 * Whether our loop's being late by `length` counts as standing still, for this session: 0.5 ms at
 * 3.3 ms × 3, 7.5 ms at 50 ms × 3. Less than that the other side's jitter leaves room for.
 */
export function isStall(session: Session, length: Micros): boolean {
  return length >= STALL_SHARE * detectionTime(session);
}

/** So much later than we somebody who stood still with us may go on, and be heard. */
const APART: Micros = 2_500;

/**
 * Where a stall of ours moves a deadline of detection to. Whoever stood still with us is heard soon
 * after it, since what he owes leaves first: a deadline is as far away as the stall was long, and by
 * `APART` more where it was not over yet. One that is further away stays: packets that are lost
 * beside the stall are what the multiplier is for.
 *
 * @param length of the stall, as far as a deadline that it delayed shows: it may have been longer
 * @param most a detection time: what is waited at most, after one stall and after all of them since
 *   the other side was last heard
 * @param given what was waited so far
 * @returns the deadline, never before `old`, and never put off by more than the stall
 */
function deadlineAfterStall(
  old: Micros,
  length: Micros,
  now: Micros,
  most: Micros,
  given: Micros,
): Micros {
  const from = Math.max(old, now);
  const wanted = Math.min(from + Math.round(length), now + Math.round(length) + APART);
  return Math.max(old, Math.min(wanted, now + most, from + most - given));
}

/** What deadlines of detection were put off by, since the other side was last heard. */
interface Patience {
  grace: Micros;
  graceGiven: Micros;
}

/**
 * Puts a deadline of detection off by `deadlineAfterStall`.
 *
 * @returns how much longer is waited from now on; 0: it stays
 */
export function waitAfterStall(
  patience: Patience,
  old: Micros,
  length: Micros,
  now: Micros,
  most: Micros,
): Micros {
  const from = Math.max(old, now);
  const to = deadlineAfterStall(old, length, now, most, patience.graceGiven);
  if (to <= from) return 0;
  patience.graceGiven += to - from;
  patience.grace += to - old;
  return to - from;
}

/** Works out both running deadlines anew. */
export function reschedule(session: Session, now: Micros): void {
  if (session.state === "admin_down") slowDown(session, now);
  session.transmitAt = nextTransmission(session, now);
  session.detectAt = detectionDeadline(session);
  session.lookAt = lookDeadline(session, now);
}

/**
 * Whoever has left Up by command says so at the pace agreed on before, until the other side would
 * have noticed his silence: then at the slow rate, as everybody who is not up (6.8.3).
 */
function slowDown(session: Session, now: Micros): void {
  if (session.silentAt !== null && now < slowFrom(session)) return;
  session.desiredMinTxUsed = session.desiredMinTx;
}

function slowFrom(session: Session): Micros {
  return session.since + session.settings.detectMultiplier * transmitInterval(session);
}

function nextTransmission(session: Session, now: Micros): Micros | null {
  if (session.stopped || !transmitsPeriodically(session)) return null;
  if (session.lastSent === null) return session.transmitAt ?? now;
  // 75 to 100 %; with a multiplier of 1 never above 90 %, or the other side would time out.
  const width = session.settings.detectMultiplier === 1 ? 0.15 : 0.25;
  const interval = transmitInterval(session);
  const wait = Math.max(1, Math.round(interval * (0.75 + width * session.jitter)));
  const earliest = session.lastSent + Math.ceil(interval * 0.75);
  const latest = session.lastSent + Math.floor(interval * (0.75 + width));
  return sharedMoment(session.lastSent + wait, earliest, latest);
}

/**
 * The moment next to `chosen` that other sessions choose, too, where it is allowed: to wake up costs
 * more than to send, so that what is due at nearly the same time had better leave together. These
 * moments are multiples of a power of two, so that those of different intervals meet.
 */
function sharedMoment(chosen: Micros, earliest: Micros, latest: Micros): Micros {
  let step = 1;
  while (step < LONGEST_STEP && step * 2 * STEPS <= latest - earliest) step *= 2;
  const moment = Math.round(chosen / step) * step;
  return moment < earliest || moment > latest ? chosen : moment;
}

/** Whether periodic packets are sent at all (6.8.7). */
function transmitsPeriodically(session: Session): boolean {
  const { remote, settings } = session;
  if (session.state === "admin_down" && session.silentAt === null) return false;
  if (settings.passive && session.remoteDiscriminator === 0) return false;
  if (remote.requiredMinRx === 0) return false;
  return !(remote.demand && bothUp(session) && !session.polling);
}

function detectionDeadline(session: Session): Micros | null {
  if (session.lastReceived === null || session.stopped) return null;
  if (demandActive(session)) {
    if (!session.polling) return null;
    return session.pollSince + detectionTime(session) + session.grace;
  }
  return session.lastReceived + detectionTime(session) + session.grace;
}

/**
 * A stall is measured by deadlines that it delays. A session that sends more seldom than it expects
 * packets would have none in a short one: so it wakes up once before the other side's time is over,
 * to do nothing. Packets that come as they should move that away before it is reached.
 */
function lookDeadline(session: Session, now: Micros): Micros | null {
  const { detectAt } = session;
  if (detectAt === null || (session.state !== "up" && session.state !== "init")) return null;
  const margin = Math.floor(detectionTime(session) / 3);
  if (transmitInterval(session) <= margin + 1 && transmitsPeriodically(session)) return null;
  const at = detectAt - margin;
  return at > now ? at : null;
}

/** When `step` wants a timer event next; `Infinity`: not at all. */
export function deadline(session: Session): Micros {
  if (session.stopped) return Infinity;
  const { transmitAt, detectAt, lookAt, finalAt, demandPollAt, silentAt, endAt } = session;
  let next = Infinity;
  if (transmitAt !== null && transmitAt < next) next = transmitAt;
  if (detectAt !== null && detectAt < next) next = detectAt;
  if (lookAt !== null && lookAt < next) next = lookAt;
  if (finalAt !== null && finalAt < next) next = finalAt;
  if (demandPollAt !== null && demandPollAt < next) next = demandPollAt;
  if (silentAt !== null && silentAt < next) next = silentAt;
  if (endAt !== null && endAt < next) next = endAt;
  if (session.state === "admin_down" && session.desiredMinTxUsed !== session.desiredMinTx) {
    next = Math.min(next, slowFrom(session));
  }
  // Values that wait until answers to the former poll cannot come any more.
  if (proposalWaits(session) && session.pollQuietUntil < next) next = session.pollQuietUntil;
  return next;
}

/** Other values are wanted than our packets say, and they wait for nothing but time. */
export function proposalWaits(session: Session): boolean {
  return session.state === "up" && !session.polling &&
    (session.desiredMinTx !== wantedMinTx(session) ||
      session.requiredMinRx !== wantedMinRx(session));
}
