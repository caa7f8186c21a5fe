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
  /** After this one; absent: any. */
  readonly after?: Place;
}

/** A place in a recording: after the event `seq` of the process `run`. */
export interface Place {
  readonly run: string;
  readonly seq: number;
}

/**
 * Whether an event was recorded after a place: later by the same process, or by one that was started
 * later. Names of processes end in the second of their start.
 */
export function isAfter(event: Pick<FlightEvent, "run" | "seq">, { run, seq }: Place): boolean {
  return event.run === run ? event.seq > seq : startOf(event.run) >= startOf(run);
}

function startOf(run: string): number {
  return parseInt(run.slice(run.lastIndexOf("-") + 1), 36);
}

export function isSelected(event: FlightEvent, { name, types, since, after }: Selection): boolean {
  if (after !== undefined && !isAfter(event, after)) return false;
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
