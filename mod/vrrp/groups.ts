/**
 * Sync groups: several virtual routers that are master together or not at all, such as the two
 * sides of a firewall. A pure machine around those of the members: `stepGroup(group, event, now)`
 * gives each event to the member's own machine, holds back what the group does not allow yet, and
 * moves the others along. Nobody outside sees a group half moved: when it returns, all members
 * that are not in fault have the same state.
 *
 * - `need` members must be free of fault ("all", "any" or a number); else all are in fault. Members
 *   in fault hold nothing, the others share one state.
 * - A member whose master-down timer runs out waits for the others, still listening; the advert of
 *   a fit master ends its wish. When all wish it, all become master in one step.
 * - One member that yields to a better master takes all with it. They resign with priority 0: in
 *   their networks nobody better need have been heard, and an advert of theirs could make yield
 *   the very master that they yield to. A fault that brings the group below its need resigns
 *   everywhere, too.
 * - A member that recovers beside members that are master becomes master at once: its addresses
 *   were held by nobody, since the group was held by us.
 *
 * Two nodes of the same priorities, or of crossed ones, could each find the other better in one
 * network, yield, and do so for ever. So the first member that is not in fault decides: another
 * member that meets a better master waits whether the first one settles it, and yields only to a
 * master that is still there when the first one has heard nobody for an interval and a half (for
 * the master-down interval where the priorities are equal): it does not move with the first.
 *
 * The two sessions of a router of both families are members, too: see `group_sessions.ts`.
 *
 * A member that is being handed over, or told to stop, ends by itself when its successor has
 * spoken: only that one is exempt from the common state.
 *
 * @module
 */

import { announceWhereOwed, masterDown, priorityOf, send } from "./actions.ts";
import { endOverride, healthOf, onClaim, onRelease, settingsOf } from "./group_override.ts";
import {
  act,
  emit,
  isFit,
  isMaster,
  mergeTransitions,
  promote,
  remember,
  type Turn,
  wishes,
  yieldAlone,
} from "./group_turn.ts";
import type {
  Group,
  GroupConfigureEvent,
  GroupEffect,
  GroupEvent,
  GroupSettings,
  Member,
  MemberEvent,
} from "./group_types.ts";
import { countRouters, endLoneliness, settleLonely } from "./group_sessions.ts";
import { step } from "./machine.ts";
import { learnChecksum, rememberPeer } from "./peers.ts";
import type { Advertisement, Micros, Router, RouterEffect, RouterStateName } from "./types.ts";

/**
 * A group of these routers.
 *
 * @throws {RangeError} when a member is missing
 */
export function createGroup(
  settings: GroupSettings,
  routers: readonly Router[],
  now: Micros,
): Group {
  const members = settings.members.map((name) => createMember(settings, name, routers));
  return { settings, members, state: "init", since: now, override: null, until: null };
}

function createMember(settings: GroupSettings, name: string, routers: readonly Router[]): Member {
  const router = routers.find((one) => one.settings.name === name);
  if (router === undefined) {
    throw new RangeError(`Cannot form sync group ${settings.name}: there is no router ${name}`);
  }
  const { waitingFor, contribution, source } = router;
  const health = router.state === "init"
    ? null
    : { type: "health", waitingFor, contribution, source } as const;
  const own = router.settings;
  return {
    router,
    settings: own,
    health,
    expired: false,
    rival: null,
    lonely: false,
    stopping: false,
  };
}

/** One event in, an ordered list of effects out. */
export function stepGroup(group: Group, event: GroupEvent, now: Micros): GroupEffect[] {
  const turn: Turn = { group, now, effects: [], fallen: null };
  switch (event.type) {
    case "member":
      onMember(turn, event);
      break;
    case "release":
      onRelease(turn, event);
      break;
    case "claim":
      onClaim(turn, event);
      break;
    case "timer":
      if (group.until !== null && now >= group.until) endOverride(turn);
      break;
    case "configure":
      onConfigure(turn, event);
      break;
  }
  settle(turn);
  return mergeTransitions(turn.effects);
}

function onMember(turn: Turn, { name, event }: MemberEvent): void {
  const { group } = turn;
  const member = group.members.find(({ settings }) => settings.name === name);
  if (member === undefined) {
    throw new RangeError(`Cannot step: ${name} is not in sync group ${group.settings.name}`);
  }
  switch (event.type) {
    case "health":
      member.health = event;
      // A fit member that takes no part does so for the group's sake: `settle` knows about that.
      if (!isFit(member) || member.router.state === "backup" || member.router.state === "master") {
        act(turn, member, healthOf(group, event));
      }
      // One that was being handed over has ended by a fault: it waits like any other in fault.
      if (!isFit(member) && member.router.state === "init" && !member.stopping) {
        act(turn, member, event);
      }
      return;
    case "advertisement":
      return hear(turn, member, event.advertisement);
    case "configure":
      member.settings = event.settings;
      return act(turn, member, { type: "configure", settings: settingsOf(group, member) });
    case "stop":
      member.stopping = true;
      return act(turn, member, event);
    case "resume":
      // Whoever spoke meanwhile was not heard.
      member.expired = false;
      member.rival = null;
      keepWord(group, member);
      return act(turn, member, event);
    default:
      return act(turn, member, event);
  }
}

/** A snapshot of the member may be older than the operator's word that the group remembers. */
function keepWord(group: Group, member: Member): void {
  const { router } = member;
  if (group.override === null) return;
  const { priority } = settingsOf(group, member);
  if (router.settings.priority !== priority) router.settings = { ...router.settings, priority };
}

// ===== adverts ===================================================================================

function hear(turn: Turn, member: Member, advert: Advertisement): void {
  const { router } = member;
  if (member.lonely && advert.source !== router.source) {
    if (endLoneliness(turn, member, advert)) return;
  }
  const leader = turn.group.members.find((one) => isFit(one) && isMaster(one) && !one.lonely);
  const alone = !isMaster(member) || member.stopping;
  if (alone || member === leader || advert.priority === 0) {
    act(turn, member, { type: "advertisement", advertisement: advert });
    if (router.master !== null) member.expired = false;
    if (advert.priority === 0 && isMaster(member)) announce(turn, member);
    return;
  }
  const saved = remember(router);
  const effects = step(router, { type: "advertisement", advertisement: advert }, turn.now);
  if (router.state === "master") return emit(turn, member, effects);
  if (isDecided(turn, member, leader, advert, priorityOf(saved))) {
    // The better one here may have yielded just now for the sake of the first member: it must not
    // take the last advert that a yielding master says for one of a master that stays.
    send(router, 0, turn.now, effects);
    emit(turn, member, effects);
    turn.fallen = member;
    return;
  }
  Object.assign(router, saved);
  const kept: RouterEffect[] = [];
  rememberPeer(router, advert, turn.now);
  learnChecksum(router, advert, turn.now, kept);
  emit(turn, member, kept);
}

/**
 * Somebody was master beside us and resigns, for the sake of a group: whoever was cut off from us
 * has learned its way. Without a group, such a one says a last advert that loses (`receive.ts`).
 */
function announce(turn: Turn, member: Member): void {
  const effects: RouterEffect[] = [];
  member.router.announceOwed = true;
  announceWhereOwed(member.router, turn.now, effects);
  emit(turn, member, effects);
}

/** Rivals whom the first member does not get rid of: perhaps nobody hears it. In master-downs. */
const LONGEST_RIVALRY = 5;

/**
 * Whether a better master has stayed for so long that the first member will not settle it. While
 * that one hears anybody itself, it is about to: only its silence counts.
 */
function isDecided(
  turn: Turn,
  member: Member,
  leader: Member | undefined,
  advert: Advertisement,
  own: number,
): boolean {
  const { group, now } = turn;
  const routers = group.members.map(({ router }) => router);
  const intervals = routers.map(({ settings }) => settings.advertisementInterval);
  const interval = Math.max(advert.interval, ...intervals);
  const down = Math.max(
    ...routers.map((router) => masterDown(router, interval)),
  );
  if (member.rival === null || now - member.rival.last > down) {
    member.rival = { since: now, last: now };
  }
  const { rival } = member;
  rival.last = now;
  const heard = leader?.router.peers.map(({ lastHeard }) => lastHeard) ?? [];
  const patience = advert.priority > own ? 1.5 * interval : down;
  return now - Math.max(rival.since, ...heard) >= patience ||
    now - rival.since >= LONGEST_RIVALRY * down;
}

// ===== members ===================================================================================

function onConfigure(turn: Turn, { settings, joining }: GroupConfigureEvent): void {
  const { group, now } = turn;
  const former = group.members;
  group.settings = settings;
  group.members = settings.members.map((name) =>
    former.find((member) => member.settings.name === name) ??
      createMember(settings, name, joining)
  );
  for (const member of former) {
    if (!group.members.includes(member)) goAlone(turn, member);
  }
  const held = former.length === 0 || former.some(isMaster);
  for (const member of group.members) {
    if (former.includes(member)) continue;
    if (isMaster(member) && !held) {
      // Nobody has asked for this mastership: whoever else can shall have it soon.
      const effects: RouterEffect[] = [];
      send(member.router, 0, now, effects);
      yieldAlone(turn, member, `joins sync group ${settings.name}`, effects);
    }
    act(turn, member, { type: "configure", settings: settingsOf(group, member) });
  }
}

/** A member that leaves the group: nothing of the group's binds it any more. */
function goAlone(turn: Turn, member: Member): void {
  const { router, health, settings } = member;
  const effects = step(router, { type: "configure", settings }, turn.now);
  if (health !== null && !member.stopping) effects.push(...step(router, health, turn.now));
  emit(turn, member, effects);
}

// ===== the common state ==========================================================================

function settle(turn: Turn): void {
  const { group } = turn;
  const fit = group.members.filter(isFit);
  const bound = group.members.filter(({ stopping }) => !stopping);
  const { need } = group.settings;
  // Members that have been told to stop are not missing: who is left goes on, to be handed over in
  // its turn.
  // One that joins a group that runs counts when it has been told of its health: in a moment.
  const runs = bound.some(({ router: { state } }) => state === "backup" || state === "master");
  const known = runs ? bound.filter(({ health }) => health !== null) : bound;
  const left = countRouters(group, known);
  const needed = need === "all" ? left : need === "any" ? 1 : Math.min(need, left);
  const able = countRouters(group, fit) >= needed;
  if (able) share(turn, fit);
  else imposeFault(turn, fit, needed);
  if (group.override === "claim" && !fit.some((one) => isMaster(one) && !one.lonely)) {
    endOverride(turn);
    if (able) share(turn, fit);
  }
  record(turn, able);
}

/** Too many are in fault: the others are, too. */
function imposeFault(turn: Turn, fit: readonly Member[], needed: number): void {
  const { group, now } = turn;
  const { name } = group.settings;
  const missing = group.members.filter((member) => !member.stopping && !isFit(member));
  const names = missing.map(({ settings }) => settings.name).join(", ");
  const starting = missing.some(({ health }) => health === null);
  const all = countRouters(group, group.members);
  const reason = `sync group ${name} needs ${needed} of ${all} members, ` +
    `and ${names} ${missing.length > 1 ? "are" : "is"} not ready`;
  for (const member of fit) {
    const { router } = member;
    member.expired = false;
    member.rival = null;
    const told = router.waitingFor.length === 1 && router.waitingFor[0] === reason;
    if (router.state === "init" && starting) router.waitingFor = [reason];
    else if (router.state !== "fault" || !told) {
      const event = { ...healthOf(group, member.health!), waitingFor: [reason] };
      emit(turn, member, step(router, event, now));
      // The same for one that was being handed over.
      if (router.state === "init") emit(turn, member, step(router, event, now));
    }
  }
}

/** Members without fault have one state. */
function share(turn: Turn, fit: readonly Member[]): void {
  const { group } = turn;
  for (const member of fit) {
    const { state } = member.router;
    if (state === "init" || state === "fault") act(turn, member, healthOf(group, member.health!));
  }
  settleLonely(turn, fit);
  const bound = fit.filter(({ lonely }) => !lonely);
  const present = bound.filter(({ router }) => !router.releasing);
  const { fallen } = turn;
  if (fallen !== null) {
    const reason = `sync group ${group.settings.name}: ${fallen.settings.name} is backup`;
    for (const member of present) {
      member.expired = false;
      member.rival = null;
      if (!isMaster(member)) continue;
      const effects: RouterEffect[] = [];
      // Nobody better need have spoken in this network yet. After a stall nobody of us speaks.
      const { master, wait } = fallen.router;
      if (master !== null) send(member.router, 0, turn.now, effects);
      yieldAlone(turn, member, reason, effects, wait);
    }
    turn.fallen = null;
    return;
  }
  if (present.some(isMaster)) {
    const reason = `sync group ${group.settings.name} is master`;
    for (const member of present) if (!isMaster(member)) promote(turn, member, reason);
  } else if (present.length === bound.length && present.every(wishes)) {
    for (const member of present) promote(turn, member, null);
  }
}

/** What the group as a whole is now. */
function record(turn: Turn, able: boolean): void {
  const { group, now, effects } = turn;
  const bound = group.members.filter(({ stopping }) => !stopping);
  const states = bound.filter((one) => isFit(one) && !one.lonely).map(({ router }) => router.state);
  const started = bound.some(({ health }) => health !== null);
  const waits = bound.some(({ health }) => health === null) && !states.includes("fault");
  let state: RouterStateName;
  if (bound.length === 0 || !started) state = "init";
  else if (!able) state = waits && group.state === "init" ? "init" : "fault";
  else state = states.includes("master") ? "master" : "backup";
  if (state === group.state) return;
  const cause = effects.findLast((one) =>
    one.type === "member" && one.effect.type === "transition"
  );
  const reason = cause?.type === "member" && cause.effect.type === "transition"
    ? `${cause.name}: ${cause.effect.reason}`
    : "membership changed";
  effects.push({ type: "group_transition", from: group.state, to: state, reason });
  group.state = state;
  group.since = now;
}
