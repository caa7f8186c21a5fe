/**
 * Routers of both families: what keeps one session out of the election keeps the other one out, too.
 *
 * @module
 */

import type { ProtocolRouter } from "../plane/messages.ts";
import type { HealthEvent } from "../vrrp/mod.ts";

/** What keeps a session out of the election by itself, and the address that it would speak from. */
export type OwnHealth = Pick<HealthEvent, "waitingFor" | "source">;

/** A router of both families is not ready where one of its sessions is not. */
export function withSiblings(
  party: readonly Pick<ProtocolRouter, "router">[],
  own: readonly OwnHealth[],
): readonly OwnHealth[] {
  if (party.every(({ router }) => router === undefined)) return own;
  const faults = new Map<string, Set<string>>();
  party.forEach(({ router }, i) => {
    if (router === undefined) return;
    const known = faults.get(router) ?? new Set();
    for (const reason of own[i]!.waitingFor) known.add(reason);
    faults.set(router, known);
  });
  return own.map((one, i) => {
    const theirs = faults.get(party[i]!.router ?? "") ?? [];
    return { waitingFor: [...new Set([...one.waitingFor, ...theirs])], source: one.source };
  });
}
