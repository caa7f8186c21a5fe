/**
 * The virtual router of RFC 9568 section 6.4, as a function: `step(router, event, now)` changes
 * the router's memory and returns what is to be done, in order. It opens no socket, reads no clock
 * and rolls no dice.
 *
 * ```text
 *             healthy                       master-down timer
 *   init ───────────────► backup ◄─────────────────────────────┐
 *    ▲ ▲                   │  ▲   ┌───────────────────────────►master
 *    │ │       unhealthy   ▼  │   │   higher priority, or a      │ │
 *    │ └ stop ─────────── fault ──┘   stall of our own ◄─────────┘ │
 *    └────────────────── successor heard ◄── releasing ◄── stop ───┘
 * ```
 *
 * Where it goes beyond the RFC it is for the sake of addresses that answer:
 *
 * - A master that is told to stop resigns, and goes on answering until its successor has spoken
 *   and had a moment to hold and announce the addresses.
 * - A master that was silent for longer than its master-down interval because its own loop stood
 *   still has probably been replaced: it lets go, listens for one interval, and only then may speak (DESIGN.md, "The
 *   lateness guard"). A backup whose timer ran out during its own stall waits once more.
 * - Answers to losers, and to those who resign, are limited to one in 5 ms: multicast carries each
 *   to everybody, and a flood of forged adverts must not become a flood of ours.
 * - A master that yields to a better one says so with one last advert (receive.ts): the better one
 *   may not know that it had been cut off, and that its clients have learned another way.
 *
 * A router has one timer at a time, and each arming has a generation: a stale expiry does nothing.
 *
 * @module
 */

import {
  advertise,
  announceWhereOwed,
  leave,
  masterDown,
  moveMasterDown,
  notice,
  priorityOf,
  restartMasterDown,
  send,
  setTimer,
  startWait,
  transition,
  waitTime,
} from "./actions.ts";
import { initialChecksum } from "./peers.ts";
import { receiveAdvertisement } from "./receive.ts";
import { onPriorityChange } from "./preemption.ts";
import { OWNER_PRIORITY, releaseTime, version2Interval } from "./timers.ts";
import type {
  HealthEvent,
  Micros,
  ResumeEvent,
  Router,
  RouterEffect,
  RouterEvent,
  RouterSettings,
} from "./types.ts";

/** Lateness that is worth a second look before a peer is declared dead. */
export const STALL: Micros = 5_000;

/** A router that has not started. */
export function createRouter(settings: RouterSettings, now: Micros): Router {
  return {
    settings,
    state: "init",
    since: now,
    transitions: 0,
    waitingFor: [],
    contribution: 0,
    source: null,
    masterInterval: settings.advertisementInterval,
    master: null,
    timer: null,
    generation: 0,
    timerBase: now,
    wait: "down",
    graceUsed: false,
    healthySince: now,
    preemptAt: null,
    releasing: false,
    epoch: 0,
    lastSent: null,
    lastAnswered: null,
    lastAdvert: null,
    ownerConflict: null,
    demoted: false,
    lastAnnounced: null,
    announceOwed: false,
    peers: [],
    checksum: { sending: initialChecksum(settings), streak: 0, changed: null },
    complained: {},
  };
}

/** One event in, an ordered list of effects out. Total: every state takes every event. */
export function step(router: Router, event: RouterEvent, now: Micros): RouterEffect[] {
  const effects: RouterEffect[] = [];
  switch (event.type) {
    case "health":
      onHealth(router, event, now, effects);
      break;
    case "advertisement":
      receiveAdvertisement(router, event.advertisement, now, effects);
      break;
    case "timer":
      onTimer(router, event.generation, now, effects);
      break;
    case "stall":
      onStall(router, event.length, now, effects);
      break;
    case "configure":
      onConfigure(router, event.settings, now, effects);
      break;
    case "stop":
      onStop(router, event.now, now, effects);
      break;
    case "resume":
      onResume(router, event, now, effects);
      break;
  }
  return effects;
}

// ===== health ====================================================================================

function onHealth(router: Router, event: HealthEvent, now: Micros, effects: RouterEffect[]): void {
  const before = priorityOf(router);
  router.waitingFor = event.waitingFor;
  router.contribution = event.contribution;
  const moved = router.source !== event.source;
  router.source = event.source;
  if (event.waitingFor.length > 0 || event.source === null) {
    const reason = event.waitingFor.join(", ") || "no source address";
    if (router.releasing) return finish(router, now, effects);
    if (router.state !== "fault") leave(router, "fault", reason, now, effects);
    return;
  }
  if (router.releasing) return;
  switch (router.state) {
    case "init":
    case "fault":
      startup(router, now, effects);
      break;
    case "backup":
      if (priorityOf(router) !== before) onPriorityChange(router, before, now, effects);
      break;
    case "master":
      // A new source address must be known to the others before they compare it with theirs.
      if (moved) advertise(router, now, effects);
      break;
  }
}

/** RFC 9568 section 6.4.1, (100) to (145). */
function startup(router: Router, now: Micros, effects: RouterEffect[]): void {
  router.masterInterval = router.settings.advertisementInterval;
  router.healthySince = now;
  if (priorityOf(router) === OWNER_PRIORITY) {
    return becomeMaster(router, "owns the addresses", now, effects);
  }
  transition(router, "backup", "healthy", now, effects);
  router.master = null;
  restartMasterDown(router, now, effects);
}

// ===== timer =====================================================================================

function onTimer(router: Router, generation: number, now: Micros, effects: RouterEffect[]): void {
  const timer = router.timer;
  if (timer === null || timer.generation !== generation || now < timer.at) return;
  router.timer = null;
  switch (timer.name) {
    case "release":
      return finish(router, now, effects);
    case "master_down": {
      const late = now - timer.at;
      if (late >= STALL && !router.graceUsed) {
        // Our own loop was late, and nothing was waiting in the sockets: whoever stood still with
        // us (one hypervisor, one power glitch) gets the length of the stall again, once.
        const grace = Math.min(late, masterDown(router));
        notice(effects, "stall_grace", `Woke up ${late} µs late: waiting ${grace} µs more`);
        // A later change of priority moves the timer from here: it must not take the grace back.
        router.timerBase = now + grace - waitTime(router);
        router.graceUsed = true;
        if (router.preemptAt !== null) router.preemptAt = Math.max(router.preemptAt, now + grace);
        setTimer(router, "master_down", now + grace, effects);
        return;
      }
      if (router.preemptAt !== null && now >= router.preemptAt && router.master !== null) {
        const { address, priority } = router.master;
        const why = `${address} has priority ${priority}, and the delay of preemption is over`;
        return becomeMaster(router, why, now, effects);
      }
      const who = router.master?.address ?? "any master";
      const reason = router.wait === "skew" && router.master === null
        ? "the master resigned"
        : `no advertisement from ${who} in time`;
      return becomeMaster(router, reason, now, effects);
    }
    case "advertisement": {
      // From the planned time, not from the time we got to it: lateness must not add up.
      send(router, priorityOf(router), now, effects);
      announceWhereOwed(router, now, effects);
      const interval = router.settings.advertisementInterval;
      const next = timer.at + interval;
      setTimer(router, "advertisement", next > now ? next : now + interval, effects);
    }
  }
}

// ===== our own stalls ============================================================================

function onStall(router: Router, length: Micros, now: Micros, effects: RouterEffect[]): void {
  if (router.state === "backup" && router.timer !== null) {
    // The packets that follow were sent before: the timer's own expiry asks for grace.
    return;
  }
  const { advertisementInterval: interval } = router.settings;
  if (router.state !== "master") return;
  // What the others see is silence, and that began with the last advert, before the stall.
  const silence = Math.max(length, now - Math.max(router.lastSent ?? now, router.since));
  if (silence <= masterDown(router, interval)) return;
  notice(effects, "stalled_master", `Was silent for ${silence} µs as master: listening first`);
  if (router.releasing) return finish(router, now, effects);
  leave(router, "backup", "stood still for longer than its master-down interval", now, effects);
  router.masterInterval = interval;
  router.healthySince = now;
  startWait(router, "listen", now, effects);
}

// ===== configuration =============================================================================

function onConfigure(
  router: Router,
  settings: RouterSettings,
  now: Micros,
  effects: RouterEffect[],
): void {
  const before = router.settings;
  const priority = priorityOf(router);
  router.settings = settings;
  if (settings.checksum !== before.checksum || settings.version !== before.version) {
    router.checksum = { sending: initialChecksum(settings), streak: 0, changed: null };
    for (const peer of router.peers) delete peer.sending;
  }
  if (router.releasing) return;
  if (settings.priority !== OWNER_PRIORITY) router.demoted = false;
  const interval = settings.advertisementInterval;
  if (router.state === "master") {
    // An interval that grew is told at the planned time; one that shrank acts as if it had always
    // been so: our silence must not outlast the new master-down interval.
    const next = Math.max(now, (router.lastSent ?? now) + interval);
    if (router.timer !== null && next < router.timer.at) {
      setTimer(router, "advertisement", next, effects);
    }
    if (settings.addresses.join() !== before.addresses.join()) {
      effects.push({ type: "hold", epoch: router.epoch });
    }
  } else if (router.state === "backup") {
    const changed = interval !== before.advertisementInterval ||
      settings.version !== before.version || settings.downAdverts !== before.downAdverts;
    // The next advert of a lower priority says when it will be preempted now.
    const otherwise = settings.preempt !== before.preempt ||
      settings.preemptDelay !== before.preemptDelay;
    if (otherwise || priorityOf(router) !== priority) router.preemptAt = null;
    // Version 3 goes by the master's interval once it is known, version 2 always by its own.
    const unheard = router.master === null && router.wait !== "skew";
    if (changed && (unheard || settings.version === 2)) router.masterInterval = interval;
    if (settings.priority === OWNER_PRIORITY && before.priority !== OWNER_PRIORITY) {
      becomeMaster(router, "owns the addresses now", now, effects);
    } else if (changed || otherwise || priorityOf(router) !== priority) {
      moveMasterDown(router, now, effects);
    }
  }
}

// ===== stop and resume ===========================================================================

function onStop(router: Router, atOnce: boolean, now: Micros, effects: RouterEffect[]): void {
  if (router.state !== "master") return finish(router, now, effects);
  if (!router.releasing) {
    send(router, 0, now, effects);
    router.releasing = true;
    setTimer(router, "release", now + longestRelease(router.settings), effects);
  }
  if (atOnce) finish(router, now, effects);
}

/** Version 2 backups of a sub-second version 3 master have a longer skew than its own backups. */
function longestRelease({ advertisementInterval, version, version2 }: RouterSettings): Micros {
  const own = releaseTime(advertisementInterval, version);
  if (version === 2 || !version2) return own;
  return Math.max(own, releaseTime(version2Interval(advertisementInterval), 2));
}

/** A master that was away for less than its master-down interval goes on as if nothing happened. */
function onResume(router: Router, event: ResumeEvent, now: Micros, effects: RouterEffect[]): void {
  const { age, exact } = event;
  const { state, timer } = router;
  router.timer = null;
  if (router.releasing) return finish(router, now, effects);
  if (router.state === "master") {
    const { advertisementInterval: interval } = router.settings;
    if (age < masterDown(router, interval)) {
      effects.push({ type: "hold", epoch: router.epoch, resumed: true });
      return advertise(router, now, effects);
    }
    leave(router, "backup", "was away for longer than its master-down interval", now, effects);
    router.masterInterval = interval;
    router.healthySince = now;
  }
  if (router.state !== "backup") return;
  // While nothing could be heard the clock stood still. Longer than that, the adverts that were
  // missed might have been all that the timer would have run for.
  if (exact && state === "backup" && timer !== null && age < router.masterInterval) {
    const missed = advertMissed(router, age, now);
    const waited = missed === null ? 0 : missed + waitTime(router);
    router.timerBase = waited > timer.at + age ? missed! : router.timerBase + age;
    return setTimer(router, "master_down", Math.max(timer.at + age, waited), effects);
  }
  restartMasterDown(router, now, effects);
}

/**
 * When the master's one advert was due that fell into a time of `age` in which nobody listened: it
 * counts as heard, or we would be master an interval early. Null: none did.
 */
function advertMissed(router: Router, age: Micros, now: Micros): Micros | null {
  const { masterInterval: interval, preemptAt, timerBase, wait } = router;
  if (wait !== "down" || preemptAt !== null) return null;
  const due = timerBase + interval;
  // It may have come a little late.
  return due <= now && due > now - age - interval / 8 ? due : null;
}

/** The end: nothing is held, nothing is armed. */
function finish(router: Router, now: Micros, effects: RouterEffect[]): void {
  const successor = router.releasing ? router.master : null;
  const reason = successor === null ? "stopped" : `handed over to ${successor.address}`;
  leave(router, "init", reason, now, effects);
  router.releasing = false;
  effects.push({ type: "stopped" });
}

// ===== changes of state ==========================================================================

/**
 * RFC 9568 section 6.4.2, (305) to (345): advert first, so that a former master lets go.
 *
 * @param lead microseconds from the addresses to the first advert, where a master that lives is to
 * go on answering until ours are there and announced; 0: as the RFC has it
 */
export function becomeMaster(
  router: Router,
  reason: string,
  now: Micros,
  effects: RouterEffect[],
  lead: Micros = 0,
): void {
  router.epoch++;
  router.master = null;
  router.preemptAt = null;
  router.lastAdvert = null;
  router.demoted = false;
  router.masterInterval = router.settings.advertisementInterval;
  router.lastAnnounced = now;
  router.announceOwed = false;
  if (lead === 0) send(router, priorityOf(router), now, effects);
  effects.push({ type: "hold", epoch: router.epoch });
  transition(router, "master", reason, now, effects);
  const first = lead === 0 ? router.settings.advertisementInterval : lead;
  setTimer(router, "advertisement", now + first, effects);
}
