/**
 * `halb events`: what the flight recorder has kept, and what happens from now on.
 *
 * @module
 */

import { parseDuration } from "../../config/mod.ts";
import { readRecording } from "../agent/flight/reading.ts";
import { AgentUnreachable, ask, connect } from "../control/client.ts";
import {
  type EventsRequest,
  type EventsResult,
  LAST_EVENTS,
  MOST_EVENTS,
  readEvents,
} from "../control/events_protocol.ts";
import { Lines, TOO_LONG } from "../control/lines.ts";
import { EVENT_TYPES, eventLine, type FlightEvent, isSelected } from "../events/mod.ts";
import { textOf } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";
import { formatEvent, formatLost } from "./events_text.ts";
import { painter } from "./table.ts";

/** Where the agent is; without a state directory nothing is read when it does not answer. */
export interface Whereabouts {
  readonly control: string;
  readonly stateDirectory?: string;
}

export interface EventsOptions {
  readonly name?: string;
  readonly since?: string;
  readonly type?: string;
  readonly last?: string;
  readonly follow: boolean;
  readonly json: boolean;
  readonly color: boolean;
}

/** Longest line of an agent, bytes: ten thousand events at once. */
const LONGEST = 64 * 1024 * 1024;

/**
 * Prints events. Returns the exit code: 3 where the agent is gone.
 *
 * @throws {UsageError}
 * @throws {AgentUnreachable} where there is no agent, and nothing to read
 */
export async function eventsCommand(
  where: Whereabouts,
  options: EventsOptions,
): Promise<number> {
  const request = requestOf(options, Date.now());
  const print = printer(options);
  if (options.follow) return await follow(where.control, request, print);
  const { events, problem } = await recorded(where, request);
  if (problem !== null) console.error(`halb: ${problem}`);
  for (const event of byTime(events)) print(event);
  if (events.length === 0 && !options.json) console.error("halb: there is no such event");
  return 0;
}

/** @param now milliseconds since 1970 @throws {UsageError} */
export function requestOf(options: EventsOptions, now: number): EventsRequest {
  const { name, type, follow } = options;
  const since = options.since === undefined ? undefined : sinceOf(options.since, now);
  const last = options.last === undefined
    ? since === undefined ? LAST_EVENTS : MOST_EVENTS
    : Number(options.last);
  const types = type?.split(",").map((one) => one.trim().replaceAll("-", "_"));
  const request = readEvents({ last, name, types, since, ...(follow ? { follow } : {}) });
  if (typeof request !== "string") return request;
  const wrong = types?.find((one) => !(EVENT_TYPES as readonly string[]).includes(one));
  if (wrong !== undefined) {
    throw new UsageError(`there is no type "${wrong}": one of ${EVENT_TYPES.join(", ")}`);
  }
  throw new UsageError(`--last takes a number from 0 to ${MOST_EVENTS}`);
}

function sinceOf(text: string, now: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return now - ago / 1000;
  const time = Date.parse(text);
  if (/^\d{4}-/.test(text) && !Number.isNaN(time)) return time;
  throw new UsageError(`--since takes a time ago (10m) or a point in time (RFC 3339): "${text}"`);
}

/** What the agent has recorded, or where it does not answer what is left of its recording. */
export async function recorded(
  { control, stateDirectory }: Whereabouts,
  request: EventsRequest,
): Promise<EventsResult> {
  try {
    return await ask(control, request) as EventsResult;
  } catch (error) {
    if (!(error instanceof AgentUnreachable) || stateDirectory === undefined) throw error;
    try {
      const wanted = (event: FlightEvent): boolean => isSelected(event, request);
      const events = await readRecording(stateDirectory, wanted, request.last);
      const problem = `no agent answers at "${control}": this is what it has recorded until then`;
      return { events, problem };
    } catch (reading) {
      if (reading instanceof Deno.errors.NotFound) throw error;
      throw new Error(`${error.message}. Its recording cannot be read: ${textOf(reading)}`);
    }
  }
}

/** By the time at which they happened; events are recorded a little later. */
export function byTime(events: readonly FlightEvent[]): FlightEvent[] {
  return events.toSorted((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0);
}

type Print = (line: FlightEvent | { readonly lost: number }) => void;

function printer({ json, color }: EventsOptions): Print {
  const paint = painter(color);
  return (line) => {
    if ("lost" in line) console.log(json ? JSON.stringify(line) : formatLost(line.lost, paint));
    else console.log(json ? eventLine(line) : formatEvent(line, paint));
  };
}

async function follow(control: string, request: EventsRequest, print: Print): Promise<number> {
  const connection = await connect(control);
  const lines = new Lines(connection, LONGEST);
  await lines.write(request);
  const first = await lines.read();
  if (first === undefined || first === TOO_LONG) throw new AgentUnreachable(control, "no answer");
  const answer = JSON.parse(first);
  if (!answer.ok) throw new Error(answer.error);
  const { events, problem } = answer.result as EventsResult;
  if (problem !== null) console.error(`halb: ${problem}`);
  for (const event of byTime(events)) print(event);
  for (;;) {
    const line = await lines.read();
    if (line === undefined || line === TOO_LONG) break;
    print(JSON.parse(line));
  }
  console.error("halb: the agent has ended");
  return 3;
}
