/**
 * `halb events`: what the flight recorder has kept, and what happens from now on.
 *
 * @module
 */

import { parseDuration } from "../../config/mod.ts";
import { readRecording } from "../agent/flight/reading.ts";
import { AgentUnreachable, ask } from "../control/client.ts";
import {
  type EventsRequest,
  type EventsResult,
  LAST_EVENTS,
  MOST_EVENTS,
  readEvents,
} from "../control/events_protocol.ts";
import { EVENT_TYPES, eventLine, type FlightEvent, isSelected } from "../events/mod.ts";
import { textOf } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";
import { formatEvent, formatLost } from "./events_text.ts";
import { byTime, type FollowedLine, followEvents, SYSTEM } from "./follow.ts";
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
  if (options.follow) {
    return await followEvents(where.control, request, {
      ...SYSTEM,
      event: print,
      say: (text) => console.error(`halb: ${text}`),
    });
  }
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

type Print = (line: FollowedLine) => void;

function printer({ json, color }: EventsOptions): Print {
  const paint = painter(color);
  return (line) => {
    if ("lost" in line) console.log(json ? JSON.stringify(line) : formatLost(line.lost, paint));
    else console.log(json ? eventLine(line) : formatEvent(line, paint));
  };
}
