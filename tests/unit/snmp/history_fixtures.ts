/** What has happened, for the history. */

import type { BfdChanged } from "../../../mod/plane/bfd.ts";
import type { StepRecord } from "../../../mod/plane/steps.ts";
import { History } from "../../../mod/snmp/mod.ts";
import type { Peer, RouterStateName } from "../../../mod/vrrp/mod.ts";

export function step(
  at: number,
  from: RouterStateName,
  to: RouterStateName,
  router = "web",
): StepRecord {
  return {
    type: "step",
    id: "p:1",
    cause: null,
    at,
    router,
    event: { type: "timer", generation: 1 },
    effects: [{ id: "p:2", effect: { type: "transition", from, to, reason: "" } }],
  };
}

/** Changes of `web`, while nobody is heard. */
export function router(
  steps: readonly { at: number; from: RouterStateName; to: RouterStateName }[],
): History {
  const history = new History();
  for (const { at, from, to } of steps) history.step(step(at, from, to), []);
  return history;
}

export function peer(priority: number, lastHeard: number): Peer {
  return {
    address: "192.0.2.2",
    priority,
    lastHeard,
    checksum: "rfc9568",
    version: 3,
    interval: 100_000,
  };
}

type Change = readonly [from: string, to: string, diagnostic?: number];

/** Changes of the session of the fixtures, 100 ms ago. */
export function session(changes: readonly Change[], name = "to-peer", stopped = false): History {
  const history = new History();
  for (const [from, to, diagnostic = 0] of changes) {
    history.bfd({
      session: name,
      from,
      to,
      at: -100_000,
      memory: { session: { stopped, diagnostic } },
    } as unknown as BfdChanged);
  }
  return history;
}
