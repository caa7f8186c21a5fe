/**
 * An operator's word on who shall be master: `release` hands a group over and keeps it behind the
 * others, `claim` takes it. Both act through the priority, which is all that other routers
 * understand; what trackers add counts for nothing meanwhile.
 *
 * @module
 */

import type { Group, GroupClaimEvent, GroupReleaseEvent, Member } from "./group_types.ts";
import { act, emit, isFit, promote, type Turn } from "./group_turn.ts";
import { step } from "./machine.ts";
import { OWNER_PRIORITY } from "./timers.ts";
import type { HealthEvent, Micros, RouterSettings } from "./types.ts";

/** Behind everybody, but better than nobody. */
const RELEASED = 1;
/** Before everybody but an owner. */
const CLAIMED = 254;
/**
 * From the addresses to the first advert of a claim. The present master lets its addresses go when
 * it hears that advert, and as long as that they are to be there and announced here.
 */
const LEAD: Micros = 50_000;

/** What a member's machine is told to want. */
export function settingsOf(group: Group, member: Member): RouterSettings {
  const { settings } = member;
  switch (group.override) {
    case null:
      return settings;
    case "release":
      return { ...settings, priority: RELEASED };
    case "claim":
      if (settings.priority === OWNER_PRIORITY) return settings;
      return { ...settings, priority: CLAIMED };
  }
}

/** What a member's machine is told of its health. */
export function healthOf(group: Group, health: HealthEvent): HealthEvent {
  return group.override === null ? health : { ...health, contribution: 0 };
}

/** Tells all members' machines what the override makes of their settings and health. */
function tellAll(turn: Turn): void {
  const { group } = turn;
  for (const member of group.members) {
    if (member.stopping) continue;
    act(turn, member, { type: "configure", settings: settingsOf(group, member) });
    const { router: { state }, health } = member;
    const takesPart = state === "backup" || state === "master";
    if (health !== null && isFit(member) && takesPart) act(turn, member, healthOf(group, health));
  }
}

/** Each member resigns and goes on answering until its successor has spoken; see `machine.ts`. */
export function onRelease(turn: Turn, event: GroupReleaseEvent): void {
  const { group, now } = turn;
  group.override = "release";
  if (event.until !== group.until) turn.effects.push({ type: "group_timer", at: event.until });
  group.until = event.until;
  for (const member of group.members) {
    member.expired = false;
    // Nobody would take over from a session that nobody else speaks to.
    if (!member.stopping && !member.lonely && member.router.state === "master") {
      emit(turn, member, step(member.router, { type: "stop", now: false }, now));
    }
  }
  tellAll(turn);
}

/** Master at once: the present one soon hears 254 and yields. */
export function onClaim(turn: Turn, _event: GroupClaimEvent): void {
  const { group } = turn;
  const refusal = whyNotClaim(group);
  if (refusal !== null) {
    turn.effects.push({ type: "group_refused", reason: refusal });
    return;
  }
  if (group.until !== null) turn.effects.push({ type: "group_timer", at: null });
  group.until = null;
  group.override = "claim";
  tellAll(turn);
  const rising = group.members.filter((one) => isFit(one) && one.router.state === "backup");
  const lead = rising.some(({ router }) => router.master !== null) ? LEAD : 0;
  for (const member of rising) promote(turn, member, "claimed", lead);
}

function whyNotClaim(group: Group): string | null {
  const { name } = group.settings;
  if (group.members.some(({ router }) => router.releasing)) return `${name} is being handed over`;
  if (group.state !== "backup" && group.state !== "master") return `${name} is in ${group.state}`;
  const owner = group.members.map(({ router }) => router.master)
    .find((master) => master?.priority === OWNER_PRIORITY);
  return owner === undefined || owner === null ? null : `${owner.address} owns the addresses`;
}

/** Back to what is configured. */
export function endOverride(turn: Turn): void {
  const { group } = turn;
  if (group.until !== null) turn.effects.push({ type: "group_timer", at: null });
  group.until = null;
  group.override = null;
  tellAll(turn);
}
