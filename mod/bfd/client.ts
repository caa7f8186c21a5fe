/**
 * What those who depend on a session are told (RFC 5882): virtual routers, real servers, programs.
 *
 * They have no other sign of life of the path than this session (section 3.2 calls such a client
 * one without independent means of liveness detection), so:
 *
 * - **bad news at once**: a session that leaves Up has failed, in the same step;
 * - **good news** at once, too, but for a session that has fallen often lately (`damping.ts`);
 * - **no failure before the first Up** (section 3.3: to establish it is no failure): until then nothing
 *   is told, for `bringUp` at most. A client must get an answer some time: where the other side has
 *   been dead all along, nobody would act otherwise;
 * - **AdminDown**, of either side, is what the operator says it is (section 3.2): a failure, or no
 *   statement about the path, on which a client goes on. `admin_down_is_failure` in a site.
 *
 * As with the session, deadlines follow from what is remembered: `clientDeadline` names the next.
 *
 * @module
 */

import {
  createDamping,
  type Damping,
  type DampingSettings,
  noteFall,
  tellUpAt,
} from "./damping.ts";
import { SLOW } from "./timing.ts";
import type { Micros, NeighbourAdminDownEffect, TransitionEffect } from "./types.ts";

export interface ClientSettings {
  /** How a flapping session is told; `null`: as it comes. */
  readonly damping: DampingSettings | null;
  /** AdminDown of either side is told as a failure. */
  readonly adminDownIsFailure: boolean;
  /** How long a session that begins, or is enabled, may take to come up; see `bringUpTime`. */
  readonly bringUp: Micros;
}

/** What a client is told. */
export interface Told {
  readonly healthy: boolean;
  /** In words for people. */
  readonly reason: string;
}

/** How the session is, as far as its clients care. */
type Condition = "bring_up" | "up" | "failed" | "admin_down";

/** All that is remembered. Serialisable: it belongs into a snapshot beside the session. */
export interface Client {
  settings: ClientSettings;
  condition: Condition;
  /** In words, and since when. */
  reason: string;
  since: Micros;
  damping: Damping;
  /** What was told last; null: nothing so far. */
  told: Told | null;
}

/** A deadline has come. Too early or repeated: nothing. */
interface ClientTimerEvent {
  readonly type: "timer";
}

interface ClientConfigureEvent {
  readonly type: "configure";
  readonly settings: ClientSettings;
}

/** There can be no session now: its interface is gone, say. */
interface UnavailableEvent {
  readonly type: "unavailable";
  readonly reason: string;
}

/** What the session's step has said, or its driver. */
export type ClientEvent =
  | TransitionEffect
  | NeighbourAdminDownEffect
  | ClientTimerEvent
  | ClientConfigureEvent
  | UnavailableEvent;

/** So many of them may be lost, or come too early for the other side. */
const BRING_UP_PACKETS = 4;

/** How long it takes two sides that are there to come up, with some packets lost. */
export function bringUpTime(transmitInterval: Micros): Micros {
  return BRING_UP_PACKETS * Math.max(SLOW, transmitInterval);
}

/**
 * For a session that begins now, or goes on after a restart.
 *
 * @param up it is up already, as its snapshot says: that was told before
 */
export function createClient(settings: ClientSettings, up: boolean, now: Micros): Client {
  const reason = up ? "up before the restart" : "not up yet";
  return {
    settings,
    condition: up ? "up" : "bring_up",
    reason,
    since: now,
    damping: createDamping(),
    told: up ? { healthy: true, reason } : null,
  };
}

/** One event. @returns what is to be told now, or null: nothing that was not told before */
export function stepClient(client: Client, event: ClientEvent, now: Micros): Told | null {
  switch (event.type) {
    case "transition":
      follow(client, event, now);
      break;
    case "neighbour_admin_down":
      if (client.condition !== "admin_down") become(client, "admin_down", event.reason, now);
      break;
    case "unavailable":
      fail(client, event.reason, now);
      break;
    case "configure":
      client.settings = event.settings;
      break;
    case "timer":
      break;
  }
  return tell(client, now);
}

function follow(client: Client, event: TransitionEffect, now: Micros): void {
  const { from, to, cause, reason } = event;
  if (to === "up") return become(client, "up", reason, now);
  switch (cause) {
    case "stopped":
      // Nobody is left to tell, or another session takes its place.
      return;
    case "admin_down":
    case "neighbour_admin_down":
      return become(client, "admin_down", reason, now);
    case "admin_up":
      return become(client, "bring_up", reason, now);
  }
  if (from === "up") return fail(client, reason, now);
  // The other side is in service again. One that fails on its way up changes nothing.
  if (to === "init" && client.condition === "admin_down") become(client, "bring_up", reason, now);
}

function fail(client: Client, reason: string, now: Micros): void {
  if (client.condition === "up") noteFall(client.damping, now);
  // Who has told nothing so far has the rest of its time, whatever keeps it down.
  if (client.condition !== "bring_up") become(client, "failed", reason, now);
}

function become(client: Client, condition: Condition, reason: string, now: Micros): void {
  client.condition = condition;
  client.reason = reason;
  client.since = now;
}

/** When a session that is up is called so. */
function upAt(client: Client): Micros {
  const { settings, damping, since } = client;
  return settings.damping === null ? since : tellUpAt(damping, settings.damping, since);
}

function tell(client: Client, now: Micros): Told | null {
  const { settings, condition, since, told } = client;
  let { reason } = client;
  let healthy: boolean;
  switch (condition) {
    case "up":
      if (now < upAt(client)) return null;
      healthy = true;
      break;
    case "bring_up":
      if (now < since + settings.bringUp) return null;
      healthy = false;
      reason = `not up within ${settings.bringUp / 1_000_000} s`;
      break;
    case "failed":
      healthy = false;
      break;
    case "admin_down":
      healthy = !settings.adminDownIsFailure;
      break;
  }
  if (told?.healthy === healthy && told.reason === reason) return null;
  return client.told = { healthy, reason };
}

/** When `stepClient` wants a timer event next; `Infinity`: not at all. */
export function clientDeadline(client: Client): Micros {
  const { condition, told } = client;
  if (condition === "up" && told?.healthy !== true) return upAt(client);
  if (condition === "bring_up" && told?.healthy !== false) {
    return client.since + client.settings.bringUp;
  }
  return Infinity;
}
