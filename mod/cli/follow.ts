/**
 * Follows the events of whoever is the agent: through `halb upgrade`, restarts and crashes, each
 * event once. When a connection ends it goes on where it was, with the process that answers then.
 *
 * @module
 */

import { AgentUnreachable, connect } from "../control/client.ts";
import { closeQuietly } from "../control/clients.ts";
import { type EventsRequest, type EventsResult, MOST_EVENTS } from "../control/events_protocol.ts";
import { Lines } from "../control/lines.ts";
import { type FlightEvent, isAfter, type Place } from "../events/mod.ts";

/** Longest line of an agent, bytes: ten thousand events at once. */
const LONGEST = 64 * 1024 * 1024;
/** Between two attempts to reach an agent that is away, milliseconds. */
const RETRY = 250;
/** An agent that is away for so long has ended: an upgrade is not worth a word, milliseconds. */
const ENDED = 2_000;

/** An event, or how many are missing here. */
export type FollowedLine = FlightEvent | { readonly lost: number };

/** What following needs of the world; tests have another one. */
export interface FollowWorld {
  connect(control: string): Promise<Deno.UnixConn>;
  sleep(milliseconds: number): Promise<void>;
  /** Milliseconds of any clock. */
  now(): number;
}

export const SYSTEM: FollowWorld = {
  connect,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  now: () => performance.now(),
};

export interface Follower extends FollowWorld {
  event(line: FollowedLine): void;
  /** Something about the following itself, in words. */
  say(text: string): void;
}

/** By the time at which they happened; events are recorded a little later. */
export function byTime(events: readonly FlightEvent[]): FlightEvent[] {
  return events.toSorted((a, b) => a.time < b.time ? -1 : a.time > b.time ? 1 : 0);
}

/**
 * Follows until the process is ended.
 *
 * @throws {AgentUnreachable} where nobody answers at first
 * @throws {Error} with the agent's words when it refuses
 */
export async function followEvents(
  control: string,
  request: EventsRequest,
  follower: Follower,
): Promise<never> {
  let connection = await follower.connect(control);
  const told = new Told();
  for (;;) {
    await followOne(connection, continued(request, told.place), told, follower);
    const since = follower.now();
    let said = false;
    for (let back: Deno.UnixConn | null = null; back === null;) {
      await follower.sleep(RETRY);
      back = await reach(control, follower);
      if (back !== null) connection = back;
      else if (!said && follower.now() - since >= ENDED) {
        said = true;
        follower.say("the agent has ended; waiting for it to come back");
      }
    }
    if (said) follower.say("the agent is back");
  }
}

/** What is asked of the next process: all that happened since. */
function continued(request: EventsRequest, place: Place | undefined): EventsRequest {
  return place === undefined ? request : { ...request, last: MOST_EVENTS, after: place };
}

async function reach(control: string, world: FollowWorld): Promise<Deno.UnixConn | null> {
  try {
    return await world.connect(control);
  } catch (error) {
    if (error instanceof AgentUnreachable) return null;
    throw error;
  }
}

/** What was told by now. */
class Told {
  /** The newest. */
  place: Place | undefined;
  /** The newest of each process: two that were started within a second are hard to tell apart. */
  readonly #runs = new Map<string, number>();

  has({ run, seq }: Place): boolean {
    return seq <= (this.#runs.get(run) ?? 0);
  }

  add({ run, seq }: Place): void {
    if (seq > (this.#runs.get(run) ?? 0)) this.#runs.set(run, seq);
    if (this.place === undefined || isAfter({ run, seq }, this.place)) this.place = { run, seq };
  }

  /** Who answers now is the newest process, by whatever clock it was started. */
  reach(place: Place): void {
    this.add(place);
    this.place = { run: place.run, seq: this.#runs.get(place.run) ?? place.seq };
  }
}

/** Tells what one process has to tell, until the connection has ended. */
async function followOne(
  connection: Deno.UnixConn,
  request: EventsRequest,
  told: Told,
  follower: Follower,
): Promise<void> {
  try {
    const lines = new Lines(connection, LONGEST);
    await lines.write(request);
    const first = await lines.read();
    if (typeof first !== "string") return;
    const answer = JSON.parse(first);
    if (!answer.ok) {
      // A process that ends, or is not yet ready, refuses what it will answer soon.
      if (told.place !== undefined) return;
      throw new Refused(answer.error);
    }
    const { events, problem, at } = answer.result as EventsResult;
    if (problem !== null) follower.say(problem);
    const fresh = events.filter((event) => !told.has(event));
    for (const event of byTime(fresh)) follower.event(event);
    for (const event of fresh) told.add(event);
    if (at !== undefined) told.reach(at);
    for (;;) {
      const line = await lines.read();
      if (typeof line !== "string") return;
      const next = JSON.parse(line) as FollowedLine;
      follower.event(next);
      if (!("lost" in next)) told.reach(next);
    }
  } catch (error) {
    if (error instanceof Refused) throw error;
    // The connection broke off.
  } finally {
    closeQuietly(connection);
  }
}

class Refused extends Error {}
