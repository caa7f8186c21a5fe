/**
 * How one real server stands, by what its checks say and what an operator has ordered.
 *
 * @module
 */

import type { CheckFinding } from "../check/board.ts";
import { combine, effectiveWeight, type Member } from "../check/mod.ts";
import type { VirtualServerSettings } from "./settings.ts";
import type { Balance, Micros, RealServerEntry, RealServerState } from "./types.ts";

/** Slow starts go on, and connections are counted, at whole seconds of the clock. */
export const TICK = 1_000_000;

/** The first whole second after a time. */
export function tickAfter(now: Micros): Micros {
  return (Math.floor(now / TICK) + 1) * TICK;
}

const UNKNOWN = "not checked yet";

/** Looks at what its checks say: whether it is up, why, and what it may weigh. */
export function judge({ findings }: Balance, real: RealServerEntry): void {
  const { settings, override } = real;
  const members = settings.checks.map((id): Member => {
    const finding = findings.get(id);
    if (finding === undefined) {
      return { name: id, healthy: !settings.startDown, reason: UNKNOWN, weight: null };
    }
    const { health, reason, weight } = finding;
    return { name: id, healthy: health === "up", reason, weight };
  });
  const { healthy, reason } = combine(settings.require, members);
  real.healthy = healthy;
  real.reason = reason !== "" ? reason : reasonOf(members);
  const configured = override ?? settings.server.weight;
  real.weight = effectiveWeight(configured, members, override ?? undefined);
}

/** Whether its checks have taken it down, and not merely said nothing yet. */
export function isFoundDown(
  { findings }: Balance,
  { settings, healthy }: RealServerEntry,
): boolean {
  const members = settings.checks.map((name): Member => {
    const up = findings.get(name)?.health !== "down";
    return { name, healthy: up, reason: "", weight: null };
  });
  return !healthy && !combine(settings.require, members).healthy;
}

/** Why a server is up of which nothing is wrong. */
function reasonOf(members: readonly Member[]): string {
  if (members.length === 0) return "it has no checks";
  if (members.some(({ reason }) => reason === UNKNOWN)) return UNKNOWN;
  const [first] = members;
  return members.length === 1 && first !== undefined
    ? `${first.name}: ${first.reason}`
    : "its checks pass";
}

/**
 * What an agent that comes after a killed one has to be told: findings that say otherwise than what
 * is assumed of a server without them. Servers that were down stay out of the table then until
 * their checks have spoken, and those that `start_down` would take out stay in. A check that nobody
 * has run yet has no finding: a server that is new meanwhile begins as at any start.
 */
export function tellingFindings(
  servers: readonly VirtualServerSettings[],
  findings: readonly CheckFinding[],
): CheckFinding[] {
  const downAtFirst = new Set(
    servers.flatMap((server) =>
      server.servers.flatMap(({ startDown, checks }) => startDown ? checks : [])
    ),
  );
  return findings.filter(({ check, health, weight }) =>
    health === "down" || weight !== null || downAtFirst.has(check)
  );
}

/** What it contributes to the quorum. */
export function shareOf({ healthy, drain, weight }: RealServerEntry): number {
  return healthy && drain === null ? weight : 0;
}

/** How it stands, in one word. */
export function stateOf({ healthy, drain }: RealServerEntry): RealServerState {
  return drain !== null ? "draining" : healthy ? "up" : "down";
}

/**
 * Its weight as far as it has risen: from 1 in proportion to the time, by whole seconds of the
 * clock, so that servers that rise together change together.
 */
export function risenWeight(
  { settings, weight, risingSince }: RealServerEntry,
  now: Micros,
): number {
  if (risingSince === null || now >= risingSince + settings.slowStart) return weight;
  const elapsed = Math.max(0, Math.floor(now / TICK) * TICK - risingSince);
  return Math.min(weight, Math.max(1, Math.floor((weight * elapsed) / settings.slowStart)));
}
