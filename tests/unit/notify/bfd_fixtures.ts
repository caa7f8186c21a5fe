/** Changes of BFD sessions, as the protocol plane tells them. */

import {
  bringUpTime,
  createClient,
  createSession,
  type StateName,
  type TransitionCause,
} from "../../../mod/bfd/mod.ts";
import type { BfdChanged } from "../../../mod/plane/bfd.ts";
import { bfdSettings } from "../../lib/bfd_settings.ts";

/** From, to, and why. */
export type Move = readonly [StateName, StateName, TransitionCause];

export function changed(name: string, [from, to, cause]: Move): BfdChanged {
  const settings = bfdSettings({ name });
  const made = createSession(settings, { discriminator: 1, sequence: 1 }, 0);
  const diagnostic = cause === "detection_expired" ? 1 : 0;
  const clients = { damping: null, adminDownIsFailure: true, bringUp: bringUpTime(50_000) };
  const path = {
    namespace: "",
    family: "ipv4",
    peer: "192.0.2.2",
    source: "",
    interface: "eth0",
    multihop: false,
    minimumTtl: 255,
  } as const;
  return {
    type: "bfd_changed",
    id: "p:1",
    at: 0,
    session: name,
    from,
    to,
    cause,
    reason: `for ${to}`,
    reaction: 0,
    memory: {
      path,
      session: { ...made, state: to, diagnostic },
      client: createClient(clients, to === "up", 0),
      sourcePort: 50_000,
      slot: -1,
    },
  };
}
