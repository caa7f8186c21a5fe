/**
 * Routers of both families: two machines, one for each family, that are elected as a group. What a
 * group of any routers does is right for them, too: both timers must expire, and ties are decided
 * in the family of the first address, as long as anybody is heard there.
 *
 * Two things differ. A router counts once towards `need`, whatever its families. And where nobody
 * has ever been heard in one family, or whoever was has resigned, while a master is heard in the
 * other, nobody would serve the first one: there its session is lonely, and elected by itself. The
 * first advert that it hears ends that. A family that was heard and falls silent is no such case:
 * that is a cut, and there may be a master behind it.
 *
 * @module
 */

import { send } from "./actions.ts";
import { act, isFit, isMaster, promote, type Turn, yieldAlone } from "./group_turn.ts";
import type { Group, GroupSettings, Member } from "./group_types.ts";
import type { Advertisement, RouterEffect } from "./types.ts";

type Sessions = NonNullable<GroupSettings["sessions"]>;

/** What follows from a group's settings alone, since it is asked for at each advert. */
const lists = new WeakMap<Sessions, ReadonlyMap<string, readonly string[]>>();

/** By name of a session, all sessions of its router. */
function listsOf(sessions: Sessions): ReadonlyMap<string, readonly string[]> {
  let known = lists.get(sessions);
  if (known === undefined) {
    known = new Map(sessions.flatMap((list) => list.map((name) => [name, list] as const)));
    lists.set(sessions, known);
  }
  return known;
}

/** The sessions of the router that a member is one of. */
function sessionsOf(group: Group, member: Member): readonly Member[] {
  const names = listsOf(group.settings.sessions ?? []).get(member.settings.name);
  if (names === undefined) return [member];
  return names.flatMap((name) =>
    group.members.find(({ settings }) => settings.name === name) ?? []
  );
}

/** How many routers these members are. A router counts where all its sessions are among them. */
export function countRouters(group: Group, members: readonly Member[]): number {
  const { sessions } = group.settings;
  if (sessions === undefined) return members.length;
  const known = listsOf(sessions);
  const found = new Map<readonly string[], number>();
  let count = 0;
  for (const { settings: { name } } of members) {
    const list = known.get(name);
    if (list === undefined) count++;
    else found.set(list, (found.get(list) ?? 0) + 1);
  }
  for (const [list, number] of found) if (number === list.length) count++;
  return count;
}

/** Sessions whose time has come while nobody else speaks their family become master. */
export function settleLonely(turn: Turn, fit: readonly Member[]): void {
  const { group } = turn;
  if (group.settings.sessions === undefined) return;
  for (const member of fit) {
    const { router } = member;
    if (router.state !== "backup" || !member.expired) continue;
    if (router.peers.some(({ priority }) => priority > 0)) continue;
    const others = sessionsOf(group, member).filter((one) => one !== member && isFit(one));
    if (!member.lonely && !others.some((one) => one.router.master !== null)) continue;
    member.lonely = true;
    promote(turn, member, `nobody else speaks ${router.settings.family}`);
  }
}

/**
 * Somebody else speaks the family after all. The group decides from now on: where another session
 * knows a master, this one yields, unless ties are decided in its family.
 *
 * @returns whether that is all that is to be done about the advert
 */
export function endLoneliness(turn: Turn, member: Member, advert: Advertisement): boolean {
  if (advert.priority === 0) return false;
  member.lonely = false;
  if (!isMaster(member)) return false;
  const [first, ...others] = sessionsOf(turn.group, member);
  const follows = [first, ...others].some((one) => one !== member && one?.router.master !== null);
  if (!follows || first === member) return false;
  const effects: RouterEffect[] = [];
  send(member.router, 0, turn.now, effects);
  const { family } = member.settings;
  yieldAlone(turn, member, `${advert.source} speaks ${family}, too`, effects);
  act(turn, member, { type: "advertisement", advertisement: advert });
  return true;
}
