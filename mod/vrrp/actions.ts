/**
 * The small verbs of the machine: each changes the router's memory and notes the effect.
 *
 * @module
 */

import { DEMOTED_PRIORITY, effectivePriority, masterDownInterval, skewTime } from "./timers.ts";
import type {
  ComplaintKind,
  MasterDownWait,
  Micros,
  Router,
  RouterEffect,
  RouterStateName,
  TimerName,
} from "./types.ts";

/** Leaves whatever state it is in; a master that is not replaced says so with priority 0. */
export function leave(
  router: Router,
  to: RouterStateName,
  reason: string,
  now: Micros,
  effects: RouterEffect[],
): void {
  if (router.state === "master") {
    // Without an address there is nothing to send it from; the others will notice the silence.
    if (to === "fault" && router.source !== null) send(router, 0, now, effects);
    effects.push({ type: "drop" });
  }
  if (router.timer !== null) {
    router.timer = null;
    effects.push({ type: "cancel_timer" });
  }
  router.master = null;
  router.preemptAt = null;
  router.lastAdvert = null;
  router.ownerConflict = null;
  if (to !== "backup") router.demoted = false;
  transition(router, to, reason, now, effects);
}

/** Enters a state; nothing where it is there already. */
export function transition(
  router: Router,
  to: RouterStateName,
  reason: string,
  now: Micros,
  effects: RouterEffect[],
): void {
  if (router.state === to) return;
  effects.push({ type: "transition", from: router.state, to, reason });
  router.state = to;
  router.since = now;
  router.transitions++;
}

/** Effective priority: what goes into adverts and into the skew. */
export function priorityOf(router: Router): number {
  if (router.demoted) return DEMOTED_PRIORITY;
  return effectivePriority(router.settings.priority, router.contribution);
}

/** How long a master may be silent that advertises at `interval`. */
export function masterDown(router: Router, interval: Micros = router.masterInterval): Micros {
  const { version, downAdverts } = router.settings;
  return masterDownInterval(priorityOf(router), interval, version, downAdverts);
}

/** Arms the router's one timer. */
export function setTimer(
  router: Router,
  name: TimerName,
  at: Micros,
  effects: RouterEffect[],
): void {
  const generation = ++router.generation;
  router.timer = { name, generation, at };
  effects.push({ type: "set_timer", name, generation, at });
}

/** Somebody fit to be master was heard, or we have just begun to listen. */
export function restartMasterDown(router: Router, now: Micros, effects: RouterEffect[]): void {
  startWait(router, "down", now, effects);
}

/** Begins to wait: one timer, one reason, one grace. */
export function startWait(
  router: Router,
  wait: MasterDownWait,
  now: Micros,
  effects: RouterEffect[],
): void {
  router.wait = wait;
  router.timerBase = now;
  router.graceUsed = false;
  router.preemptAt = null;
  setTimer(router, "master_down", now + waitTime(router), effects);
}

/** How long the master-down timer runs from its base, for the reason at hand. */
export function waitTime(router: Router): Micros {
  const { version, advertisementInterval } = router.settings;
  switch (router.wait) {
    case "down":
      return masterDown(router);
    case "skew":
      return skewTime(priorityOf(router), router.masterInterval, version);
    case "listen":
      return advertisementInterval;
  }
}

/** Priority or interval changed under a running timer: it ends as if it had always been so. */
export function moveMasterDown(router: Router, now: Micros, effects: RouterEffect[]): void {
  const end = router.timerBase + waitTime(router);
  const at = Math.max(now, Math.min(end, router.preemptAt ?? end));
  if (at !== router.timer?.at) setTimer(router, "master_down", at, effects);
}

/** Sends one advertisement; 0 resigns. */
export function send(
  router: Router,
  priority: number,
  now: Micros,
  effects: RouterEffect[],
): void {
  router.lastSent = now;
  effects.push({ type: "send", priority });
}

/** Sends now and starts the interval anew. */
export function advertise(router: Router, now: Micros, effects: RouterEffect[]): void {
  send(router, priorityOf(router), now, effects);
  setTimer(router, "advertisement", now + router.settings.advertisementInterval, effects);
}

/** Least time between two complaints of one kind (RFC 9568 asks for a limit in each place). */
const COMPLAINT_GAP: Micros = 10_000_000;

/** Least time between two rounds of announcements that losing adverts cause. */
const ANNOUNCE_GAP: Micros = 1_000_000;

/**
 * Somebody else thought it was master, so neighbours may have learned its way: they are told ours
 * again. Whoever forges losing adverts must not make us flood the link, so that is done once in a
 * while; but what was not done at once is owed, and done with the first advert after that while.
 */
export function announceWhereOwed(router: Router, now: Micros, effects: RouterEffect[]): void {
  const { lastAnnounced } = router;
  if (!router.announceOwed) return;
  if (lastAnnounced !== null && now - lastAnnounced < ANNOUNCE_GAP) return;
  router.announceOwed = false;
  router.lastAnnounced = now;
  effects.push({ type: "announce" });
}

/**
 * Tells the operator what a peer does wrong, but not each time: the text holds what the peer said,
 * so nobody behind us could tell a flood from many different complaints.
 */
export function complain(
  router: Router,
  kind: ComplaintKind,
  text: () => string,
  now: Micros,
  effects: RouterEffect[],
): void {
  const last = router.complained[kind];
  if (last !== undefined && now - last < COMPLAINT_GAP) return;
  router.complained[kind] = now;
  notice(effects, kind, text());
}

/** Tells the operator. */
export function notice(
  effects: RouterEffect[],
  kind: Extract<RouterEffect, { type: "notice" }>["kind"],
  text: string,
): void {
  effects.push({ type: "notice", kind, text });
}
