/**
 * Which events somebody asks for. Pure.
 *
 * @module
 */

import type { EventType, FlightEvent } from "./event.ts";

/** All of it holds. */
export interface Selection {
  /** About this router, group, session, server …, or one that belongs to it; absent: about any. */
  readonly name?: string;
  /** Of one of these types; absent: of any. */
  readonly types?: readonly EventType[];
  /** Not before that time: milliseconds since 1970; absent: ever. */
  readonly since?: number;
}

export function isSelected(event: FlightEvent, { name, types, since }: Selection): boolean {
  if (types !== undefined && !types.includes(event.type)) return false;
  if (since !== undefined && Date.parse(event.time) < since) return false;
  return name === undefined || isAbout(event, name);
}

/** Whether an event is about that name; those of a virtual server's real servers are, too. */
export function isAbout(event: FlightEvent, name: string): boolean {
  if (event.name === name || event.names?.includes(name) === true) return true;
  return event.type === "real_server" && event.name?.startsWith(`${name} `) === true;
}

/** The newest of those that are selected, oldest first. @param most so many at most */
export function newest(
  events: readonly FlightEvent[],
  selection: Selection,
  most: number,
): FlightEvent[] {
  const found: FlightEvent[] = [];
  for (let i = events.length - 1; i >= 0 && found.length < most; i--) {
    if (isSelected(events[i]!, selection)) found.push(events[i]!);
  }
  return found.reverse();
}
