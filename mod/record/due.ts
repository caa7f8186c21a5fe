/**
 * From when the times in a decision count.
 *
 * A timer that fires late decides from when it was due, so that lateness does not add up: seen from
 * then the decisions of a master are alike, and seen from now no two are.
 *
 * @module
 */

import type { Group, GroupEvent, Micros, Router, RouterEvent } from "../vrrp/mod.ts";

/** When the timer was due that a router is told of; null: it is told of something else. */
export function dueOfRouter(router: Router | undefined, event: RouterEvent): Micros | null {
  return event.type === "timer" ? router?.timer?.at ?? null : null;
}

/** The same of a member of a group. */
export function dueOfGroup({ members }: Group, event: GroupEvent): Micros | null {
  if (event.type !== "member" || event.event.type !== "timer") return null;
  const { name } = event;
  return dueOfRouter(members.find(({ settings }) => settings.name === name)?.router, event.event);
}
