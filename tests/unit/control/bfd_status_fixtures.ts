/** What the protocol plane reports of a BFD session. */

import type { Session } from "../../../mod/bfd/mod.ts";
import type { BfdReport } from "../../../mod/plane/bfd.ts";

export function reportOf(session: Session, more: Partial<BfdReport> = {}): BfdReport {
  return {
    session,
    path: {
      namespace: "",
      family: "ipv4",
      peer: "192.0.2.2",
      source: "192.0.2.1",
      interface: "eth0",
      multihop: false,
      minimumTtl: 255,
    },
    waitingFor: [],
    sourcePort: 50_000,
    packetsSent: 7,
    packetsReceived: 8,
    sendErrors: 0,
    stallGraces: 0,
    dropped: {},
    ...more,
  };
}
