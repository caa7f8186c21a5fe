/**
 * A BFD session of RFC 5880 in asynchronous and demand mode, as a function: `step(session, event,
 * now, random)` changes the session's memory and returns what is to be done, in order. It opens no
 * socket, reads no clock and rolls no dice: `random` is a fresh number in [0, 1) for each step.
 *
 * ```text
 *              ┌──────────────── timer, or the other says down ────────────────┐
 *              ▼                                                               │
 *   ┌──────► down ───── heard: down ─────► init ──── heard: init or up ─────► up
 *   │          │                             │                                 ▲
 *   │ enable   └─────────── heard: init ─────┼─────────────────────────────────┘
 *   │                                        ▼
 *  admin_down ◄──────────────────── disable, stop (from anywhere)
 * ```
 *
 * Sessions of Seamless BFD and of unaffiliated echo have the same memory, and `initiator.ts` and
 * `unaffiliated.ts` for what is different.
 *
 * Where to read on: `receive.ts` has section 6.8.6, `timing.ts` the intervals and deadlines,
 * `actions.ts` the polls. The driver decodes a packet, finds the session by its discriminator, asks
 * `authenticate`, then steps with it; after each step it arms one timer for `deadline(session)`.
 *
 * Our own stalls: while our loop stood still the other side may have stood still with us (one
 * hypervisor, one power glitch). So after a stall it has the stall's length to be heard, where its
 * time would be over before; one that is really dead is seen within a detection time after the stall
 * (DESIGN.md, "The lateness guard").
 *
 * @module
 */

import {
  finish,
  forgetRemote,
  heard,
  openPoll,
  propose,
  send,
  sendFinal,
  tell,
  transition,
  unknownRemote,
} from "./actions.ts";
import { stepInitiator } from "./initiator.ts";
import { receivePacket } from "./receive.ts";
import {
  demandActive,
  detectionTime,
  isStall,
  proposalWaits,
  remoteDetectionTime,
  reschedule,
  waitAfterStall,
  wantedMinRx,
  wantedMinTx,
} from "./timing.ts";
import {
  DIAGNOSTIC,
  type Micros,
  type Session,
  type SessionEffect,
  type SessionEvent,
  type SessionSettings,
} from "./types.ts";
import { stepUnaffiliated } from "./unaffiliated.ts";

/** What a session begins with that chance decides. */
export interface SessionOrigin {
  /** Unique among the sessions of this host, unpredictable, not zero. */
  readonly discriminator: number;
  /** bfd.XmitAuthSeq: random. */
  readonly sequence: number;
}

/** A session that will begin at once (section 6.8.1). */
export function createSession(
  settings: SessionSettings,
  origin: SessionOrigin,
  now: Micros,
): Session {
  const session: Session = {
    settings,
    state: "down",
    since: now,
    transitions: 0,
    diagnostic: DIAGNOSTIC.none,
    localDiscriminator: origin.discriminator,
    remoteDiscriminator: settings.seamless?.remoteDiscriminator ?? 0,
    remote: unknownRemote(),
    desiredMinTx: 0,
    desiredMinTxUsed: 0,
    requiredMinRx: 0,
    requiredMinRxUsed: 0,
    polling: false,
    pollSince: now,
    pollSent: null,
    pollQuietUntil: now,
    demandPollAt: null,
    echoActive: false,
    lastSent: null,
    jitter: 0,
    finalSent: null,
    finalAt: null,
    lastReceived: null,
    grace: 0,
    graceGiven: 0,
    silentAt: null,
    endAt: null,
    stopping: false,
    stopped: false,
    sequence: { transmit: origin.sequence, receive: 0, known: false },
    sequenceForgottenAt: now,
    sequenceGrew: null,
    sequenceContent: 0,
    transmitAt: null,
    detectAt: null,
    lookAt: null,
  };
  session.desiredMinTx = session.desiredMinTxUsed = wantedMinTx(session);
  session.requiredMinRx = session.requiredMinRxUsed = wantedMinRx(session);
  reschedule(session, now);
  return session;
}

/**
 * One event in, an ordered list of effects out. Total: every state takes every event.
 *
 * @param random a fresh number in [0, 1), for the jitter of what is sent
 * @param effects where to put them; a driver that empties and reuses its list allocates nothing
 */
export function step(
  session: Session,
  event: SessionEvent,
  now: Micros,
  random: number,
  effects: SessionEffect[] = [],
): SessionEffect[] {
  if (session.stopped) return effects;
  if (stepItsOwnWay(session, event, now, random, effects)) {
    reschedule(session, now);
    return effects;
  }
  switch (event.type) {
    case "packet":
      receivePacket(session, event.packet, now, random, effects);
      break;
    case "timer":
      onTimer(session, now, random, effects);
      break;
    case "stall":
      onStall(session, event.length, now, effects);
      break;
    case "configure":
      onConfigure(session, event.settings, now, random, effects);
      break;
    case "admin":
      if (event.down) disable(session, "admin_down", now, random, effects);
      else enable(session, now, random, effects);
      break;
    case "stop":
      onStop(session, event.now, now, random, effects);
      break;
    case "echo":
      session.echoActive = event.active && session.state === "up";
      if (event.confirmed) delete session.echoFailures;
      if (propose(session, now)) tell(session, now, random, effects);
      break;
    case "echo_failed":
      if (session.state === "up") {
        const reason = "echo packets do not come back";
        const { echoFailed } = DIAGNOSTIC;
        if (event.hold !== undefined) session.heldUntil = now + event.hold;
        if (event.failures !== undefined) session.echoFailures = event.failures;
        transition(session, "down", "echo_failed", echoFailed, reason, now, random, effects);
      }
      break;
    case "forwarding_reset":
      if (session.state !== "admin_down") {
        onForwardingReset(session, now, random, effects);
      }
      break;
    case "concatenated":
      onConcatenated(session, event.diagnostic, now, random, effects);
      break;
    case "resume":
      onResume(session, event.age, now);
      break;
  }
  reschedule(session, now);
  return effects;
}

/** Kinds of session that differ in more than values. Returns whether the event is dealt with. */
function stepItsOwnWay(
  session: Session,
  event: SessionEvent,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): boolean {
  const { seamless, unaffiliated } = session.settings;
  if (seamless !== undefined) return stepInitiator(session, event, now, random, effects);
  return unaffiliated === true && stepUnaffiliated(session, event, now, random, effects);
}

// ===== time ======================================================================================

function onTimer(session: Session, now: Micros, random: number, effects: SessionEffect[]): void {
  if (session.endAt !== null && now >= session.endAt) return finish(session, effects);
  if (session.silentAt !== null && now >= session.silentAt) session.silentAt = null;
  if (session.detectAt !== null && now >= session.detectAt) {
    onSilence(session, now, random, effects);
  }
  if (session.finalAt !== null && now >= session.finalAt) sendFinal(session, now, effects);
  if (session.demandPollAt !== null && now >= session.demandPollAt) {
    openPoll(session, now);
    tell(session, now, random, effects);
  }
  if (proposalWaits(session) && propose(session, now)) tell(session, now, random, effects);
  reschedule(session, now);
  if (session.transmitAt !== null && now >= session.transmitAt) {
    send(session, now, random, effects);
  }
}

/**
 * Nothing has come for a detection time (6.8.4). In Down and AdminDown that changes no state and no
 * diagnostic, but whom we talked to is forgotten in any state.
 */
function onSilence(session: Session, now: Micros, random: number, effects: SessionEffect[]): void {
  const silence = detectionTime(session);
  const watched = session.state === "up" || session.state === "init";
  forgetRemote(session);
  if (!watched) return;
  const reason = `nothing heard for ${silence / 1000} ms`;
  const { detectionExpired } = DIAGNOSTIC;
  transition(session, "down", "detection_expired", detectionExpired, reason, now, random, effects);
}

/** A deadline that ran out while we stood still, or will soon. */
function onStall(session: Session, length: Micros, now: Micros, effects: SessionEffect[]): void {
  const { detectAt: old, settings } = session;
  if (!settings.stallGrace || old === null || !isStall(session, length)) return;
  const more = waitAfterStall(session, old, length, now, detectionTime(session));
  if (more === 0) return;
  // Only where it makes the difference is it worth a word.
  if (old > now || session.state === "down" || session.state === "admin_down") return;
  const text = `Stood still for ${length} µs: waiting ${more} µs more for ${settings.name}`;
  effects.push({ type: "notice", kind: "stall_grace", text });
}

// ===== configuration =============================================================================

function onConfigure(
  session: Session,
  settings: SessionSettings,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  const before = session.settings;
  const wasDemand = demandActive(session);
  session.settings = settings;
  if (before.authentication?.type !== settings.authentication?.type) {
    session.sequence.known = false;
  }
  if (session.stopping) return;
  let changed = settings.detectMultiplier !== before.detectMultiplier ||
    settings.echoReceiveInterval !== before.echoReceiveInterval;
  const isDemand = demandActive(session);
  if (isDemand !== wasDemand) {
    // The other side falls silent, or speaks again, when it has heard of it: count from now.
    heard(session, now);
    session.demandPollAt = null;
    openPoll(session, now);
    session.pollSince = now;
    changed = true;
  }
  if (propose(session, now)) changed = true;
  if (changed && session.state !== "admin_down") tell(session, now, random, effects);
}

// ===== administration ============================================================================

/** Section 6.8.16: the other side must not take it for a failure, so it is told. */
function disable(
  session: Session,
  cause: "admin_down" | "stopped",
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  if (session.state === "admin_down" || session.stopping) return;
  const before = remoteDetectionTime(session);
  const { state, desiredMinTxUsed: pace } = session;
  const { adminDown } = DIAGNOSTIC;
  const reason = cause === "stopped" ? "stopped" : "taken down by command";
  transition(session, "admin_down", cause, adminDown, reason, now, random, effects);
  session.silentAt = now + Math.max(before, remoteDetectionTime(session));
  // The first packet may be lost, and the next one is not to come when we are taken for dead.
  if (state === "up") session.desiredMinTxUsed = Math.min(pace, session.desiredMinTx);
}

function enable(session: Session, now: Micros, random: number, effects: SessionEffect[]): void {
  if (session.state !== "admin_down" || session.stopping) return;
  session.silentAt = null;
  delete session.heldUntil;
  // What came meanwhile did not count; whoever is there speaks again.
  forgetRemote(session);
  const { none } = DIAGNOSTIC;
  transition(session, "down", "admin_up", none, "brought up by command", now, random, effects);
}

function onStop(
  session: Session,
  atOnce: boolean,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  if (session.stopping) return atOnce ? finish(session, effects) : undefined;
  // Without our word it would notice after this time: so long there is something to tell.
  const wait = session.state === "up" ? remoteDetectionTime(session) : 0;
  disable(session, "stopped", now, random, effects);
  session.stopping = true;
  session.endAt = now + wait;
  if (atOnce || wait === 0) finish(session, effects);
}

/** Section 6.8.15. */
function onForwardingReset(
  session: Session,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  const { forwardingReset } = DIAGNOSTIC;
  if (session.state === "down") {
    session.diagnostic = forwardingReset;
    return;
  }
  const reason = "the forwarding plane was reset";
  transition(session, "down", "forwarding_reset", forwardingReset, reason, now, random, effects);
}

/** Section 6.8.17: the session stays up, the other side is told; one in demand mode by a poll. */
function onConcatenated(
  session: Session,
  diagnostic: number,
  now: Micros,
  random: number,
  effects: SessionEffect[],
): void {
  if (session.state !== "up" || session.diagnostic === diagnostic) return;
  session.diagnostic = diagnostic;
  if (session.remote.demand) openPoll(session, now);
  tell(session, now, random, effects);
}

// ===== a restart of the plane ====================================================================

/**
 * Goes on from a snapshot: a session that was up stays up, and the other side has a detection time
 * from now to be heard. It is sent to at once: nobody knows how long it has waited.
 */
function onResume(session: Session, age: Micros, now: Micros): void {
  // Numbers since the snapshot are unknown; a third of the window is left for lost packets.
  const jump = Math.min(2 * session.settings.detectMultiplier, 1 + packetsIn(session, age));
  session.sequence.transmit = (session.sequence.transmit + jump) >>> 0;
  if (session.lastReceived !== null) {
    heard(session, now);
    // The first packet's answer takes as long as any.
    session.grace = session.roundTrip ?? 0;
  }
  if (session.polling) session.pollSince = now;
  // Nor is it known what the other side has sent meanwhile: its next valid number counts.
  session.sequenceForgottenAt = now;
  session.lastSent = null;
  session.transmitAt = now;
}

/** How many packets we may have sent in that time. */
function packetsIn(session: Session, time: Micros): number {
  const interval = Math.max(1, session.desiredMinTxUsed, session.remote.requiredMinRx);
  return Math.ceil(time / (0.75 * interval));
}
