/**
 * A BFD session's settings with what most tests do not ask for.
 *
 * @module
 */

import type { SessionSettings } from "../../mod/bfd/mod.ts";

/** 50 ms × 3, in asynchronous mode, without authentication. */
export function bfdSettings(changed: Partial<SessionSettings> = {}): SessionSettings {
  return {
    name: "to-peer",
    transmitInterval: 50_000,
    receiveInterval: 50_000,
    detectMultiplier: 3,
    passive: false,
    demand: null,
    echoReceiveInterval: 0,
    authentication: null,
    stallGrace: true,
    ...changed,
  };
}
