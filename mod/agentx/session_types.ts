/**
 * What a session needs, what comes of it, and how it stands.
 *
 * @module
 */

import type { Request } from "./answer.ts";
import type { Oid } from "./oid.ts";
import type { Pdu } from "./pdu.ts";

export interface SessionSettings {
  /** What `agentx-Open` says of us. */
  readonly description: string;
  /** Regions that we answer for, none within another one. */
  readonly regions: readonly Oid[];
}

/** A request that waits for its answer. */
export interface Asked {
  readonly pdu: Pdu;
  readonly request: Request;
}

export type SessionEffect =
  | { readonly type: "connect" }
  | { readonly type: "send"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "disconnect" }
  | { readonly type: "ask"; readonly asked: Asked }
  | {
    readonly type: "log";
    readonly level: "debug" | "info" | "warning";
    readonly text: string;
  };

/** How the session stands, for status. */
export interface SessionStatus {
  readonly connected: boolean;
  /** Regions that the master has given us. */
  readonly regions: readonly string[];
  /** Why all is not well; null: it is. */
  readonly trouble: string | null;
  readonly requests: number;
  readonly notifications: { readonly sent: number; readonly lost: number };
}
