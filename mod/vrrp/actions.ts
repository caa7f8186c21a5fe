/**
 * The small verbs of the machine: each changes the router's memory and notes the effect.
 *
 * @module
 */

import { effectivePriority, masterDownInterval } from "./timers.ts";
import type { Micros, Router, RouterEffect, RouterStateName, TimerName } from "./types.ts";

/** Leaves whatever state it is in; a master that is not replaced says so with priority 0. */
export function leave(
  router: Router,
  to: RouterStateName,
  reason: string,
  now: Micros,
  effects: RouterEffect[],
): void {
  if (router.state === "master") {
    if (to === "fault") send(router, 0, now, effects);
    effects.push({ type: "drop" });
  }
  if (router.timer !== null) {
    router.timer = null;
    effects.push({ type: "cancel_timer" });
  }
  router.master = null;
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
  return effectivePriority(router.settings.priority, router.contribution);
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
  router.timerBase = now;
  router.graceUsed = false;
  const interval = masterDownInterval(priorityOf(router), router.masterInterval);
  setTimer(router, "master_down", now + interval, effects);
}

/** The skew has changed under a running timer: it ends as if it had always been so. */
export function moveMasterDown(router: Router, now: Micros, effects: RouterEffect[]): void {
  const interval = masterDownInterval(priorityOf(router), router.masterInterval);
  setTimer(router, "master_down", Math.max(now, router.timerBase + interval), effects);
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

/** Tells the operator. */
export function notice(
  effects: RouterEffect[],
  kind: Extract<RouterEffect, { type: "notice" }>["kind"],
  text: string,
): void {
  effects.push({ type: "notice", kind, text });
}
