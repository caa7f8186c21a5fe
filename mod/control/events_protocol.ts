/**
 * How events of the flight recorder are asked for over the control socket.
 *
 * The answer's `result` has `events`, oldest first, `problem`: why former ones cannot be read, or
 * null, and `at`: the place in the recording up to which they go. Where they are followed, lines
 * come after it as things happen: an event each, or `{"lost":N}` where so many are missing since the
 * reader was slow.
 *
 * @module
 */

import {
  EVENT_TYPES,
  type EventType,
  type FlightEvent,
  type Place,
  type Selection,
} from "../events/mod.ts";

export interface EventsRequest extends Selection {
  readonly command: "events";
  /** The newest so many, 0 to 10,000. */
  readonly last: number;
  /** The connection stays, and each new event is told. */
  readonly follow?: boolean;
}

/** What is answered. */
export interface EventsResult {
  readonly events: readonly FlightEvent[];
  readonly problem: string | null;
  /** Up to here: what is asked for `after` it is what happened since. Absent: no agent answered. */
  readonly at?: Place;
}

/** How many are told where nobody says it, and at most. */
export const LAST_EVENTS = 100;
export const MOST_EVENTS = 10_000;
/** A real server's has that of its virtual server before it. */
const LONGEST_NAME = 600;
/** Of a process, as events name it. */
const LONGEST_RUN = 64;

/** Reads a request; what is none is said in words. */
export function readEvents(data: Readonly<Record<string, unknown>>): EventsRequest | string {
  const { name, types, since, last = LAST_EVENTS, follow, after } = data;
  if (name !== undefined && (typeof name !== "string" || name.length > LONGEST_NAME)) {
    return '"events" takes a name';
  }
  if (types !== undefined && !isTypes(types)) {
    return `"events" takes types, a list out of ${EVENT_TYPES.join(", ")}`;
  }
  if (since !== undefined && (typeof since !== "number" || !Number.isFinite(since))) {
    return '"events" takes a since, milliseconds since 1970';
  }
  if (!Number.isSafeInteger(last) || (last as number) < 0 || (last as number) > MOST_EVENTS) {
    return `"events" takes a last, 0 to ${MOST_EVENTS}`;
  }
  if (follow !== undefined && typeof follow !== "boolean") {
    return '"events" takes a follow, true or false';
  }
  if (after !== undefined && !isPlace(after)) {
    return '"events" takes an after: the run and the seq of an event';
  }
  return {
    command: "events",
    last: last as number,
    ...(name === undefined ? {} : { name }),
    ...(types === undefined ? {} : { types }),
    ...(since === undefined ? {} : { since }),
    ...(follow === undefined ? {} : { follow }),
    ...(after === undefined ? {} : { after: { run: after.run, seq: after.seq } }),
  };
}

function isPlace(place: unknown): place is Place {
  if (typeof place !== "object" || place === null) return false;
  const { run, seq } = place as Record<string, unknown>;
  return typeof run === "string" && run.length <= LONGEST_RUN && Number.isSafeInteger(seq) &&
    (seq as number) >= 0;
}

function isTypes(types: unknown): types is EventType[] {
  return Array.isArray(types) && types.length > 0 &&
    types.every((one) => (EVENT_TYPES as readonly unknown[]).includes(one));
}
