/**
 * BFD without a session that was configured: the reflector of Seamless BFD (RFC 7880), and sessions
 * that others begin (RFC 9468). Both are off unless wanted. Part of `bfd.ts`.
 *
 * @module
 */

import type { AuthenticationType, SessionSettings } from "../bfd/mod.ts";

/** In `BfdCredentials.session`; no session can be called so. */
export const REFLECTOR_CREDENTIALS = "[bfd_reflector]";
export const UNSOLICITED_CREDENTIALS = "[bfd_unsolicited]";

/** What is answered on UDP port 7784, and to whom. */
export interface ReflectorPlan {
  /** Empty: the agent's own network namespace. */
  readonly namespace: string;
  /** Own addresses that may be asked, canonical text; empty: all, of both families. */
  readonly addresses: readonly string[];
  /** Interfaces, or VRFs, that questions come in on; empty: any. */
  readonly interfaces: readonly string[];
  /** Prefixes that may ask, such as `192.0.2.0/24`; empty: anybody. */
  readonly allow: readonly string[];
  /** S-BFD discriminators of this host; 1 to 2³² − 1, at least one. */
  readonly discriminators: readonly number[];
  /** Least TTL or hop limit of a question: 255 lets nobody ask but neighbours. */
  readonly minimumTtl: number;
  /** Least interval, microseconds, that one initiator is asked to keep. */
  readonly requiredMinRx: number;
  /** Answers say AdminDown. */
  readonly adminDown: boolean;
  /** Absent: packets are not authenticated. Without credentials nothing is answered. */
  readonly authentication?: AuthenticationType;
}

/** The reflector, for status. */
export interface ReflectorReport {
  /** What it lacks, in words: an interface, a port, a key; empty: nothing. */
  readonly waitingFor: readonly string[];
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly sendErrors: number;
  /** How often questions had to wait, because answers took their share of the time. */
  readonly pauses: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** Who may begin a session with us, and what becomes of it. */
export interface UnsolicitedPlan {
  /** Empty: the agent's own network namespace. */
  readonly namespace: string;
  /** Where it is allowed; at least one. */
  readonly interfaces: readonly string[];
  /** Prefixes that may, beside being on the link; empty: whoever is on the link. */
  readonly allow: readonly string[];
  /** Most sessions that exist at once. */
  readonly limit: number;
  /** Of each session, passive; its name is made, `authentication` is null here. */
  readonly settings: SessionSettings;
  readonly authentication?: AuthenticationType;
}

/** The sessions that others have begun, for status; they stand among the others, too. */
export interface UnsolicitedReport {
  /** What is missing, in words: a port, a key; empty: nothing. */
  readonly waitingFor: readonly string[];
  readonly sessions: number;
  readonly limit: number;
  /** First packets that began nothing, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Both, for status; absent: off. */
export interface UnconfiguredReport {
  readonly bfdReflector?: ReflectorReport;
  readonly bfdUnsolicited?: UnsolicitedReport;
}
