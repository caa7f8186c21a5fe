/**
 * What keeps routers that move together out of the election, and what their trackers add: all that
 * decides whether and how they take part. Pure, so that a simulation judges by it, too.
 *
 * @module
 */

import type { EventId, ProtocolRouter } from "../plane/messages.ts";
import type { TrackerReport } from "../plane/state.ts";
import {
  evaluateGroupTrackers,
  type HealthEvent,
  type Router,
  type RouterStateName,
  type Tracker,
} from "../vrrp/mod.ts";
import type { Circumstances } from "./circumstances.ts";
import { type OwnHealth, withSiblings } from "./siblings.ts";

/** One router, and what keeps it out of the election by itself, trackers aside. */
export interface PartyMember {
  readonly config: ProtocolRouter;
  readonly state: RouterStateName;
  readonly own: OwnHealth;
}

/** Said of a router that waits for `agent.startup_delay`. */
export const STARTUP_DELAY = "startup delay";

/** What its machine is to be told, and what its trackers come to. */
export interface PartyHealth {
  readonly health: HealthEvent;
  /** Nothing is wrong with it: it only waits for the first results, or for its time. */
  readonly early: boolean;
  readonly reports: readonly TrackerReport[];
}

/** What all trackers come to. */
export type JudgedTrackers = ReturnType<typeof evaluateGroupTrackers>;

/**
 * @param party a router, with all that it moves with: their weights count for it too
 * @param hear learns how the trackers of each stand, and what they come to
 */
export function healthOfParty(
  circumstances: Circumstances,
  party: readonly PartyMember[],
  hear: (trackers: readonly (readonly Tracker[])[], judged: JudgedTrackers) => void = () => {},
): PartyHealth[] {
  const judged = party.map(({ config, state }) =>
    circumstances.judge(config, state === "master" || state === "backup")
  );
  const trackers = judged.map((one) => one.trackers);
  const found = evaluateGroupTrackers(trackers);
  hear(trackers, found);
  const { contribution, faults } = found;
  const own = withSiblings(party.map(({ config }) => config), party.map((one) => one.own));
  return party.map((_, i) => {
    const { source } = own[i]!;
    const waitingFor = [...own[i]!.waitingFor, ...judged[i]!.unknown, ...faults[i]!];
    const health = { type: "health", waitingFor, source, contribution } as const;
    const early = waitingFor.length > 0 && faults[i]!.length === 0 &&
      own[i]!.waitingFor.every((one) => one === STARTUP_DELAY);
    return { health, early, reports: judged[i]!.reports };
  });
}

/** A router's machine, and what it was told last. */
interface Told {
  readonly router: Router;
  readonly told: HealthEvent | null;
  apply(event: HealthEvent, now: number, cause: EventId | null): void;
}

/**
 * Tells a machine what is news to it. One that has never been told, and of which nothing is known but
 * that it has to wait, stays as it is: to be in fault would be told to programs and people.
 */
export function tellHealth(
  machine: Told,
  { health, early }: PartyHealth,
  now: number,
  cause: EventId | null = null,
): void {
  const { router, told } = machine;
  if (early && told === null && router.state === "init") router.waitingFor = health.waitingFor;
  else if (!isSameHealth(told, health)) machine.apply(health, now, cause);
}

/** Whether a machine that was told one knows the other. */
function isSameHealth(told: HealthEvent | null, health: HealthEvent): boolean {
  return told !== null && told.source === health.source &&
    told.contribution === health.contribution &&
    told.waitingFor.join("\n") === health.waitingFor.join("\n");
}
