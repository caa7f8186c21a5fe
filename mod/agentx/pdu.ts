/**
 * What master agent and subagent say to each other (RFC 2741 section 6), as values.
 *
 * @module
 */

import type { Oid } from "./oid.ts";

/** A value of a variable, or why there is none. */
export type Value =
  | {
    readonly type: "integer" | "counter32" | "gauge32" | "timeticks";
    readonly value: number;
  }
  | { readonly type: "counter64"; readonly value: bigint }
  | { readonly type: "octets" | "ip_address" | "opaque"; readonly value: Uint8Array }
  | { readonly type: "oid"; readonly value: Oid }
  | { readonly type: "null" | "no_such_object" | "no_such_instance" | "end_of_mib_view" };

/** A variable and its value. */
export interface VarBind {
  readonly name: Oid;
  readonly value: Value;
}

/** Section 5.2: from `start`, itself included or not, to before `end`; an empty end: no end. */
export interface SearchRange {
  readonly start: Oid;
  readonly include: boolean;
  readonly end: Oid;
}

/** By their number on the wire, h.type. */
export const TYPES = {
  open: 1,
  close: 2,
  register: 3,
  unregister: 4,
  get: 5,
  get_next: 6,
  get_bulk: 7,
  test_set: 8,
  commit_set: 9,
  undo_set: 10,
  cleanup_set: 11,
  notify: 12,
  ping: 13,
  response: 18,
} as const;

/** Errors of a response (section 6.2.16) that we give or understand. */
export const ERRORS = {
  genErr: 5,
  commitFailed: 14,
  undoFailed: 15,
  notWritable: 17,
  openFailed: 256,
  notOpen: 257,
  indexWrongType: 258,
  indexAlreadyAllocated: 259,
  indexNoneAvailable: 260,
  indexNotAllocated: 261,
  unsupportedContext: 262,
  duplicateRegistration: 263,
  unknownRegistration: 264,
  unknownAgentCaps: 265,
  parseError: 266,
  requestDenied: 267,
  processingError: 268,
} as const;

/** Reasons of a close, from 1 (section 6.2.2). */
export const CLOSE_REASONS = [
  "other",
  "parseError",
  "protocolError",
  "timeouts",
  "shutdown",
  "byManager",
] as const;

export type CloseReason = typeof CLOSE_REASONS[number];

/** The name of an error, for people. */
export function errorName(code: number): string {
  return Object.entries(ERRORS).find(([, known]) => known === code)?.[0] ?? `error ${code}`;
}

/** What a message is about, behind its header. */
export type Body =
  | {
    readonly type: "open";
    /** Seconds until the master gives a request up; 0: as it likes. */
    readonly timeout: number;
    readonly id: Oid;
    readonly description: string;
  }
  | { readonly type: "close"; readonly reason: CloseReason | "unknown" }
  | {
    readonly type: "register" | "unregister";
    readonly timeout: number;
    /** 1 to 255; of two for one region the lower one counts. */
    readonly priority: number;
    readonly subtree: Oid;
  }
  | { readonly type: "get" | "get_next"; readonly ranges: readonly SearchRange[] }
  | {
    readonly type: "get_bulk";
    readonly nonRepeaters: number;
    readonly maxRepetitions: number;
    readonly ranges: readonly SearchRange[];
  }
  | { readonly type: "test_set" | "notify"; readonly varBinds: readonly VarBind[] }
  | { readonly type: "commit_set" | "undo_set" | "cleanup_set" | "ping" }
  | {
    readonly type: "response";
    /** sysUpTime of the master, hundredths of a second. */
    readonly sysUpTime: number;
    readonly error: number;
    /** Of the variable that the error is about, from 1; 0: of none. */
    readonly index: number;
    readonly varBinds: readonly VarBind[];
  };

/** One message. */
export interface Pdu {
  readonly session: number;
  readonly transaction: number;
  readonly packet: number;
  /** It was, or is to be, written with the highest byte first. */
  readonly bigEndian: boolean;
  /** Absent: the default context. */
  readonly context?: string;
  readonly body: Body;
}
