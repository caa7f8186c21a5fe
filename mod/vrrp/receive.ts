/**
 * What a router does with an advertisement it has heard: RFC 9568 section 6.4.2 for a backup and
 * 6.4.3 for a master.
 *
 * Version 2 (RFC 3768) differs in what it refuses, and in two places where we differ from it:
 *
 * - An advert with another interval than ours is discarded (section 7.1, MUST): nothing is adopted.
 * - The address list is compared and a difference is told, but the advert counts. The comparison
 *   is a MAY there; only whoever makes it must drop. Dropping means two masters until somebody
 *   notices, during every change of the list at that; keepalived accepts such adverts, too.
 * - A losing advert is answered at once, where RFC 3768 is silent: two masters end after one round
 *   trip, not after up to a whole interval of seconds. A backup takes an advert at any time, and
 *   keepalived answers in version 2 likewise.
 *
 * In both versions a master that yields to a better one sends one last advert before it does
 * (`last_advert.ts`), unless `advertisesBeforeYielding` says otherwise.
 *
 * @module
 */

import { compareIp, isLinkLocal } from "../ip/mod.ts";
import {
  advertise,
  announceWhereOwed,
  complain,
  leave,
  moveMasterDown,
  priorityOf,
  restartMasterDown,
  send,
  setTimer,
  startWait,
} from "./actions.ts";
import { oweLastAdvert, repeatLastAdvert } from "./last_advert.ts";
import { outlasts } from "./owner.ts";
import { isVersion2Duplicate, learnChecksum, rememberPeer } from "./peers.ts";
import { followForNow } from "./preemption.ts";
import { DEMOTED_PRIORITY, OWNER_PRIORITY, skewTime, version2Interval } from "./timers.ts";
import type { Advertisement, Micros, Router, RouterEffect } from "./types.ts";

/** Least time between two answers to adverts of losers and of those who resign. */
const ANSWER_GAP: Micros = 5_000;
/** How long a master that resigned goes on answering once its successor has spoken. */
const LINGER: Micros = 50_000;

/** Takes one advertisement that has passed the packet checks. */
export function receiveAdvertisement(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  if (router.state === "init" || router.state === "fault") {
    effects.push({ type: "discard", reason: "not_running" });
    return;
  }
  if (advert.source === router.source) {
    const text = () => `Somebody sends adverts from our address ${advert.source}`;
    complain(router, "duplicate_source", text, now, effects);
    effects.push({ type: "discard", reason: "own_address" });
    return;
  }
  if (isVersion2Duplicate(router, advert, now)) {
    effects.push({ type: "discard", reason: "version2_duplicate" });
    return;
  }
  // Section 7.1: "the local router is not the IPvX address owner". One that leaves wants to know
  // who comes after it.
  if (router.settings.ownerIgnoresAdverts && isOwner(router) && !router.releasing) {
    if (advert.priority === OWNER_PRIORITY) complainOfOwner(router, advert, now, effects);
    effects.push({ type: "discard", reason: "address_owner" });
    return;
  }
  compareAddresses(router, advert, now, effects);
  if (!compareInterval(router, advert, now, effects)) {
    effects.push({ type: "discard", reason: "interval_mismatch" });
    return;
  }
  rememberPeer(router, advert, now);
  learnChecksum(router, advert, now, effects);
  if (router.state === "backup") receiveAsBackup(router, advert, now, effects);
  else receiveAsMaster(router, advert, now, effects);
}

function isOwner(router: Router): boolean {
  return priorityOf(router) === OWNER_PRIORITY;
}

function complainOfOwner(
  router: Router,
  { source }: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  complain(
    router,
    "owner_conflict",
    () => `${source} claims to own the addresses, too`,
    now,
    effects,
  );
}

/** The list is as configured or it is not; either way the advert counts (section 7.1). */
function compareAddresses(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  const { addresses, family } = router.settings;
  if (!sameAddresses(advert.addresses, addresses)) {
    complain(router, "address_list_mismatch", () => mismatch(advert), now, effects);
  }
  // Section 5.2.9 and erratum 8300. Whose own list begins otherwise was told at configuration.
  const first = advert.addresses[0] ?? "";
  if (family === "ipv6" && !isLinkLocal(first) && isLinkLocal(addresses[0] ?? "")) {
    const text = () => `${advert.source} advertises ${first} first, not a link-local address`;
    complain(router, "not_link_local", text, now, effects);
  }
}

/**
 * Tells of another interval. Returns whether the advert counts all the same: not in version 2,
 * whose routers must agree (RFC 3768 section 7.1); a version 3 router that also understands
 * version 2 goes by the interval it hears (RFC 9568 section 8.4.2).
 */
function compareInterval(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): boolean {
  const { version, advertisementInterval } = router.settings;
  const mixed = version === 3 && advert.version === 2;
  const ours = mixed ? version2Interval(advertisementInterval) : advertisementInterval;
  if (advert.interval === ours) return true;
  const [theirs, ignored] = [advert.interval, version === 2];
  if (ignored || advert.priority !== 0) {
    const text = () =>
      `${advert.source} advertises every ${theirs / 1000} ms, we every ${ours / 1000}` +
      (ignored ? ": ignored, as version 2 demands" : "");
    complain(router, "interval_mismatch", text, now, effects);
  }
  return !ignored;
}

function mismatch({ source, addresses }: Advertisement): string {
  const more = addresses.length > 4 ? ` and ${addresses.length - 4} more` : "";
  return `${source} advertises ${addresses.slice(0, 4).join(", ")}${more}`;
}

function sameAddresses(theirs: readonly string[], ours: readonly string[]): boolean {
  if (theirs.length !== ours.length) return false;
  if (theirs.every((address, i) => address === ours[i])) return true;
  // Order does not matter: it is nobody's business but the sender's. Sets, since a list may name
  // one address twice and leave another out, and since 255 × 255 comparisons are a millisecond.
  const [a, b] = [new Set(theirs), new Set(ours)];
  return a.size === b.size && theirs.every((address) => b.has(address));
}

/** Section 6.4.2. */
function receiveAsBackup(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  if (advert.priority === 0) {
    // "Set the Active_Down_Timer to Skew_Time". Never later than it was: resignations that keep
    // coming, replayed or forged, must not keep everybody waiting.
    const skew = now + skewTime(
      priorityOf(router),
      router.masterInterval,
      router.settings.version,
    );
    router.master = null;
    if (router.timer === null || skew < router.timer.at) {
      startWait(router, "skew", now, effects);
    }
    return;
  }
  // The other owner has gone, or has become less than one.
  if (router.demoted && advert.priority < OWNER_PRIORITY) {
    router.demoted = false;
    moveMasterDown(router, now, effects);
  }
  if (isBetter(router, advert)) repeatLastAdvert(router, advert, now, effects);
  // Equal priority is no reason to take over: the tie-break belongs to the master state only. An
  // owner preempts whatever Preempt_Mode says (section 6.1).
  const preempt = router.settings.preempt || isOwner(router);
  if (preempt && advert.priority < priorityOf(router)) {
    followForNow(router, advert, now, effects);
    return;
  }
  router.masterInterval = advert.interval;
  router.master = { address: advert.source, priority: advert.priority };
  restartMasterDown(router, now, effects);
}

/** Section 6.4.3. */
function receiveAsMaster(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  if (router.releasing) {
    if (advert.priority > 0) hearSuccessor(router, advert, now, effects);
    return;
  }
  if (advert.priority === 0) {
    // An advert of ours that has only just gone out says the same.
    if (since(router.lastSent, now) >= ANSWER_GAP) advertise(router, now, effects);
    return;
  }
  let demoted = false;
  if (isOwner(router) && advert.priority === OWNER_PRIORITY) {
    complainOfOwner(router, advert, now, effects);
    demoted = !isBetter(router, advert) && outlasts(router, advert, now, effects);
  }
  const priority = demoted ? DEMOTED_PRIORITY : priorityOf(router);
  if (demoted || isBetter(router, advert)) {
    const owed = mayBeUnknown(router, now) && router.settings.advertisesBeforeYielding;
    if (owed) send(router, priority, now, effects);
    leave(router, "backup", betterMaster(advert, priority), now, effects);
    router.demoted = demoted;
    router.masterInterval = advert.interval;
    router.master = { address: advert.source, priority: advert.priority };
    if (owed) oweLastAdvert(router, advert.source, now);
    return restartMasterDown(router, now, effects);
  }
  // RFC 9568 changed this: the loser is answered at once, which also teaches the bridges. A regular
  // advert that has only just gone out is no answer: who lost it must hear one.
  const answers = router.settings.answersLowerPriority && hasSpoken(router);
  if (answers && since(router.lastAnswered, now) >= ANSWER_GAP) {
    router.lastAnswered = now;
    send(router, priority, now, effects);
  }
  router.announceOwed = true;
  announceWhereOwed(router, now, effects);
}

/** Whether the sender comes before us; the tie-break is between masters only (section 6.4.3). */
function isBetter(router: Router, advert: Advertisement): boolean {
  const priority = priorityOf(router);
  return advert.priority > priority ||
    (advert.priority === priority && compareIp(advert.source, router.source!) > 0);
}

/**
 * Whether the better one may not know that we have been master. It does where it took over because
 * it had heard nothing of us for three intervals: then it has announced its addresses after us.
 */
function mayBeUnknown(router: Router, now: Micros): boolean {
  const { advertisementInterval, downAdverts } = router.settings;
  return since(router.lastSent, now) <= downAdverts * advertisementInterval;
}

/** Not so while it leads its first advert with its addresses: the other goes on answering so long. */
function hasSpoken({ lastSent, since }: Router): boolean {
  return lastSent !== null && lastSent >= since;
}

/** Time since something last happened; it may never have. */
function since(last: Micros | null, now: Micros): Micros {
  return last === null ? Infinity : now - last;
}

function betterMaster(advert: Advertisement, priority: number): string {
  if (advert.priority > priority) {
    return `${advert.source} has priority ${advert.priority}, we have ${priority}`;
  }
  return `${advert.source} has the same priority ${priority} and the higher address`;
}

/**
 * The successor has spoken, but its advert comes before its addresses: we go on answering until
 * these are there and announced, so that no request is lost in between.
 */
function hearSuccessor(
  router: Router,
  advert: Advertisement,
  now: Micros,
  effects: RouterEffect[],
): void {
  const known = router.master !== null;
  router.master = { address: advert.source, priority: advert.priority };
  const end = now + LINGER;
  if (!known && router.timer !== null && end < router.timer.at) {
    setTimer(router, "release", end, effects);
  }
}
