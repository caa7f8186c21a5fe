/**
 * Events for people: a line each, in columns, by the clock of the machine that shows them.
 *
 * @module
 */

import type { FlightEvent } from "../events/mod.ts";
import { escapeText } from "../text/mod.ts";
import type { Paint } from "./table.ts";

/** Columns, characters: what is longer moves the rest of its line. */
const TYPE = 14;
const NAME = 14;

const COLOURS = { info: undefined, warning: "yellow", error: "red" } as const;

/** One event as a line. */
export function formatEvent(event: FlightEvent, paint: Paint): string {
  const { time, type, name, level, text, cause, count } = event;
  const times = count === undefined || count === 1 ? "" : ` (${count} times)`;
  const told = escapeText(`${text}${cause === null ? "" : `: ${cause}`}${extrasOf(event)}${times}`);
  const colour = COLOURS[level];
  return [
    localTime(time),
    type.padEnd(TYPE),
    escapeText(name ?? "-").padEnd(NAME),
    colour === undefined ? told : paint(told, colour),
  ].join("  ");
}

/** Details that people want to see beside the words. */
function extrasOf({ event, details = {} }: FlightEvent): string {
  const { source, known_after_ms: after } = details;
  const extras = [
    ...(event === "refused" && typeof source === "string" ? [`from ${source}`] : []),
    ...(typeof after === "number" ? [`known ${after} ms after it became master`] : []),
  ];
  return extras.length === 0 ? "" : ` (${extras.join(", ")})`;
}

/** What stands for events that a slow reader has missed. */
export function formatLost(lost: number, paint: Paint): string {
  return paint(`${lost} events are missing here: they were not read fast enough`, "yellow");
}

/** `2026-11-22 08:10:11.123`, of this machine's time zone. */
export function localTime(time: string): string {
  const at = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}
