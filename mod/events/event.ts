/**
 * One thing that happened, as the flight recorder keeps it: plain data, a JSON object a line.
 *
 * Names of keys are promises to programs that read `halb events --json`.
 *
 * @module
 */

import { escapeText, showText } from "../text/mod.ts";

/** What an event is about; `--type` of `halb events` selects by it. */
export const EVENT_TYPES = [
  "agent",
  "operator",
  "vrrp",
  "group",
  "bfd",
  "virtual_server",
  "real_server",
  "check",
  "tracker",
  "interface",
  "kernel",
  "ipvs",
  "notify",
  "clock",
] as const;

export type EventType = typeof EVENT_TYPES[number];

export type EventLevel = "info" | "warning" | "error";

/** What more there is to say, by name. */
export type EventDetails = Readonly<
  Record<string, string | number | boolean | null | readonly string[]>
>;

/** What happened, before it has its place in a recording. */
export interface EventDraft {
  readonly type: EventType;
  /** Of the router, group, session, server …; of a real server, its virtual server's before it. */
  readonly name: string | null;
  readonly level: EventLevel;
  /** What kind of thing it is, such as `transition`. */
  readonly event: string;
  /** In words, such as `backup → master`. */
  readonly text: string;
  /** Why, in words; null: there is nothing to say. */
  readonly cause: string | null;
  /** Of a transition. */
  readonly from?: string;
  readonly to?: string;
  /** Name of the event in its plane, and of the one that led to it (`p:1042`). */
  readonly id?: string;
  readonly cause_id?: string;
  /** Others that it is about. */
  readonly names?: readonly string[];
  /** So many of the kind happened since the last one that was told; absent: one. */
  readonly count?: number;
  readonly details?: EventDetails;
}

/** An event of a recording. */
export interface FlightEvent extends EventDraft {
  /** RFC 3339 in UTC. */
  readonly time: string;
  /** Names the process that recorded it. */
  readonly run: string;
  /** Counts the events of a process, from 1. */
  readonly seq: number;
}

/** Longest text or cause, characters. */
const LONGEST = 512;
/** Names and lines in one event at most. */
const MOST_NAMES = 64;
/** Longest line that is read, characters. */
const LONGEST_LINE = 65_536;

/** What others may have made long is cut. */
export function trimmed(draft: EventDraft): EventDraft {
  const { text, cause, names, details } = draft;
  return {
    ...draft,
    text: cut(text),
    cause: cause === null ? null : cut(cause),
    ...(names === undefined ? {} : { names: names.slice(0, MOST_NAMES).map(cut) }),
    ...(details === undefined ? {} : { details: cutDetails(details) }),
  };
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : showText(text, LONGEST);
}

function cutDetails(details: EventDetails): EventDetails {
  const cutValue = (value: EventDetails[string]) =>
    typeof value === "string"
      ? cut(value)
      : typeof value === "object" && value !== null
      ? value.slice(0, MOST_NAMES).map(cut)
      : value;
  return Object.fromEntries(
    Object.entries(details).slice(0, MOST_NAMES).map(([key, value]) => [key, cutValue(value)]),
  );
}

/** An event as a line, without its end; what could move a terminal's cursor is escaped. */
export function eventLine(event: FlightEvent): string {
  // Whatever is special stands inside a string of JSON, where \u means the same.
  return escapeText(JSON.stringify(event));
}

/** Reads a line; undefined: it is none of ours, or half of one. */
export function readEvent(line: string): FlightEvent | undefined {
  if (line.length > LONGEST_LINE || !line.startsWith("{")) return undefined;
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isEvent(data) ? data : undefined;
}

function isEvent(data: unknown): data is FlightEvent {
  if (typeof data !== "object" || data === null) return false;
  const { time, run, seq, type, name, level, event, text, cause } = data as Record<string, unknown>;
  return typeof time === "string" && !Number.isNaN(Date.parse(time)) && typeof run === "string" &&
    Number.isSafeInteger(seq) && (EVENT_TYPES as readonly unknown[]).includes(type) &&
    isTextOrNull(name) && typeof level === "string" && typeof event === "string" &&
    typeof text === "string" && isTextOrNull(cause) && isRest(data as Record<string, unknown>);
}

function isRest({ from, to, names, count, details }: Record<string, unknown>): boolean {
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  return isText(from) && isText(to) && (count === undefined || typeof count === "number") &&
    (details === undefined || (typeof details === "object" && details !== null)) &&
    (names === undefined ||
      (Array.isArray(names) && names.every((one) => typeof one === "string")));
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}
