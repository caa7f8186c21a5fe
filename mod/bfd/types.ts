/**
 * What goes into the BFD session machine, what comes out, and what it remembers: plain data, so
 * that it can be recorded, replayed, sent between the planes and written by hand in a test.
 *
 * @module
 */

import type { AuthenticationSettings, SequenceState } from "./authentication.ts";
import type { ControlPacket, StateName } from "./packet.ts";

/** Whole microseconds; a point in time is on CLOCK_MONOTONIC. */
export type Micros = number;

/** Diagnostic codes of RFC 5880 section 4.1 that we give ourselves. */
export const DIAGNOSTIC = {
  none: 0,
  detectionExpired: 1,
  echoFailed: 2,
  neighbourDown: 3,
  forwardingReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  adminDown: 7,
  reverseConcatenatedPathDown: 8,
} as const;

/** What the operator wants of one session; whom it is with is the driver's business. */
export interface SessionSettings {
  readonly name: string;
  /** Desired Min TX Interval while up; 1 to 2³² − 1. */
  readonly transmitInterval: Micros;
  /** Required Min RX Interval; 0: the other side may not send at all. */
  readonly receiveInterval: Micros;
  /** 1 to 255. */
  readonly detectMultiplier: number;
  /** Silent until the other side speaks. */
  readonly passive: boolean;
  /** Ask the other side to be silent while up, and look after the path by polling; `null`: no. */
  readonly demand: {
    /** Between the end of one look and the beginning of the next. */
    readonly pollInterval: Micros;
  } | null;
  /**
   * Seamless BFD (RFC 7880): we ask a reflector, with the others of these settings but the transmit
   * interval and the multiplier off (`receiveInterval` 0). Absent: an ordinary session.
   */
  readonly seamless?: {
    /** S-BFD discriminator of the reflector; 1 to 2³² − 1. */
    readonly remoteDiscriminator: number;
  };
  /** Required Min Echo RX Interval: what we say that we reflect; 0: we reflect none. */
  readonly echoReceiveInterval: Micros;
  readonly authentication: AuthenticationSettings | null;
  /** Time during which our own loop stood still does not count as the other's silence. */
  readonly stallGrace: boolean;
  /**
   * Unaffiliated echo (RFC 9747): the neighbour only forwards. `transmitInterval` is what is
   * provisioned; the receive interval, demand and echoes of a session beside it mean nothing then.
   * Set for the whole life of a session.
   */
  readonly unaffiliated?: true;
}

// ---- events -------------------------------------------------------------------------------------

/** A packet for this session that `authenticate` has let through. Valid during the step only. */
export interface PacketEvent {
  readonly type: "packet";
  readonly packet: Readonly<ControlPacket>;
}

/** A deadline has come (`deadline` says which one is next). Too early or repeated: nothing. */
export interface TimerEvent {
  readonly type: "timer";
}

/**
 * Our own loop was late by `length`: whether it stood still the session judges, by its detection
 * time. Comes before the packets that arrived meanwhile.
 */
export interface StallEvent {
  readonly type: "stall";
  readonly length: Micros;
}

/** Other settings for a session that runs. Changed intervals are negotiated. */
export interface ConfigureEvent {
  readonly type: "configure";
  readonly settings: SessionSettings;
}

/** `halb bfd down` and `halb bfd up` (section 6.8.16). */
export interface AdminEvent {
  readonly type: "admin";
  readonly down: boolean;
}

/** Tell the other side and end; `now`: without waiting until it would have noticed by itself. */
export interface StopEvent {
  readonly type: "stop";
  readonly now: boolean;
}

/** Echo packets are being sent, or no longer: control packets may be rare (section 6.8.3). */
export interface EchoEvent {
  readonly type: "echo";
  readonly active: boolean;
  /** One has come back since they last failed. */
  readonly confirmed?: true;
}

/** Echo packets did not come back (section 6.8.5). */
export interface EchoFailedEvent {
  readonly type: "echo_failed";
  /** Not to come up again for so long; absent: as soon as may be. */
  readonly hold?: Micros;
  /** How often they have failed since one came back. */
  readonly failures?: number;
}

/** The forwarding plane of this host was reset (section 6.8.15). */
export interface ForwardingResetEvent {
  readonly type: "forwarding_reset";
}

/** A path behind ours is down or up again (section 6.8.17). */
export interface ConcatenatedEvent {
  readonly type: "concatenated";
  readonly diagnostic: 0 | 6 | 8;
}

/** The plane was restarted from a snapshot taken `age` ago: sockets and timers are new. */
export interface ResumeEvent {
  readonly type: "resume";
  readonly age: Micros;
}

export type SessionEvent =
  | PacketEvent
  | TimerEvent
  | StallEvent
  | ConfigureEvent
  | AdminEvent
  | StopEvent
  | EchoEvent
  | EchoFailedEvent
  | ForwardingResetEvent
  | ConcatenatedEvent
  | ResumeEvent;

// ---- effects ------------------------------------------------------------------------------------

/** Send one control packet now; `writeControl` makes its bytes. */
export interface SendEffect {
  readonly type: "send";
  /** The packet answers a poll. */
  readonly final: boolean;
}

/** Why the state changed, for clients that must tell one reason from another (RFC 5882). */
export type TransitionCause =
  | "handshake"
  | "detection_expired"
  | "echo_failed"
  | "neighbour_down"
  | "neighbour_admin_down"
  | "admin_down"
  | "admin_up"
  | "forwarding_reset"
  | "stopped";

export interface TransitionEffect {
  readonly type: "transition";
  readonly from: StateName;
  readonly to: StateName;
  readonly cause: TransitionCause;
  /** Why, in words for people. */
  readonly reason: string;
}

/** Something an operator should know, and the driver counts. */
export interface NoticeEffect {
  readonly type: "notice";
  readonly kind: "stall_grace";
  readonly text: string;
}

/** The packet was not used, although some of its values were (section 6.8.6). */
export interface DiscardEffect {
  readonly type: "discard";
  readonly reason: "admin_down";
}

/**
 * A session that is Down anyway hears that the other side is administratively down: no transition,
 * but for its clients another reason (RFC 5882).
 */
export interface NeighbourAdminDownEffect {
  readonly type: "neighbour_admin_down";
  /** In words for people. */
  readonly reason: string;
}

/** The session has ended; nothing more comes from it. */
export interface StoppedEffect {
  readonly type: "stopped";
}

export type SessionEffect =
  | SendEffect
  | TransitionEffect
  | NoticeEffect
  | DiscardEffect
  | NeighbourAdminDownEffect
  | StoppedEffect;

// ---- memory -------------------------------------------------------------------------------------

/** What the other side has said last. */
export interface Remote {
  /** bfd.RemoteSessionState. */
  state: StateName;
  diagnostic: number;
  /** bfd.RemoteDemandMode. */
  demand: boolean;
  detectMultiplier: number;
  desiredMinTx: Micros;
  /** bfd.RemoteMinRxInterval; 0: it wants no periodic packets. */
  requiredMinRx: Micros;
  /** 0: it reflects no echo packets. */
  requiredMinEchoRx: Micros;
}

/** Everything one session remembers. Serialisable: it is the snapshot, too. */
export interface Session {
  settings: SessionSettings;
  /** bfd.SessionState. */
  state: StateName;
  /** When it came into this state. */
  since: Micros;
  transitions: number;
  /** bfd.LocalDiag: why the state changed last. */
  diagnostic: number;
  /** bfd.LocalDiscr. */
  readonly localDiscriminator: number;
  /** bfd.RemoteDiscr; 0: nobody heard for a detection time. */
  remoteDiscriminator: number;
  remote: Remote;
  /**
   * bfd.DesiredMinTxInterval and bfd.RequiredMinRxInterval as our packets say them, and as we go by
   * them. They differ while a poll is open: an increase of the one in Up, or a decrease of the
   * other, counts when the other side has confirmed it (section 6.8.3).
   */
  desiredMinTx: Micros;
  desiredMinTxUsed: Micros;
  requiredMinRx: Micros;
  requiredMinRxUsed: Micros;
  /** A Poll Sequence is open: packets carry the P bit until one with the F bit answers. */
  polling: boolean;
  /** When it was opened; demand mode counts from there. */
  pollSince: Micros;
  /** When a packet with the P bit was last sent, in this sequence or the one before. */
  pollSent: Micros | null;
  /** Until when answers to the former sequence may arrive; the next one begins after that. */
  pollQuietUntil: Micros;
  /** Demand mode: when to look after the path again. */
  demandPollAt: Micros | null;
  /** Echo packets look after the path: Required Min RX is 1 s at least. */
  echoActive: boolean;
  /** Echoes have failed: it stays down until then; absent: it does not. */
  heldUntil?: Micros;
  /** How often they have failed since one came back; absent: never. */
  echoFailures?: number;
  /** Last packet but those with the F bit; null: none yet. */
  lastSent: Micros | null;
  /** Chance that shortens the interval after `lastSent`, 0 to 1. */
  jitter: number;
  /** A packet with the F bit was last sent. */
  finalSent: Micros | null;
  /** A poll is to be answered at this time: answers have a limit of their own. */
  finalAt: Micros | null;
  /** The last packet that counted; detection runs from here. null: nobody heard. */
  lastReceived: Micros | null;
  /** How far detection has been put off since, because our own loop stood still. */
  grace: Micros;
  /** How much of that it was really given: what lay in the past already does not count. */
  graceGiven: Micros;
  /** Until when AdminDown is announced; null: nothing is. */
  silentAt: Micros | null;
  /** The session ends at this time. */
  endAt: Micros | null;
  stopping: boolean;
  stopped: boolean;
  sequence: SequenceState;
  /** Seamless BFD: from a packet to its answer, measured when the session came up. */
  roundTrip?: Micros;
  /** From when on any received number may come: two detection times of silence (6.8.1). */
  sequenceForgottenAt: Micros;
  /** Keyed hashes: when the number sent last grew. */
  sequenceGrew: Micros | null;
  /** Keyed hashes: a sum (FNV-1a, 32 bits) of what the packet before said. */
  sequenceContent: number;
  /** When the next periodic packet leaves; null: none does. Follows from the rest. */
  transmitAt: Micros | null;
  /** When the other side's silence has lasted too long; null: not counted. Follows likewise. */
  detectAt: Micros | null;
  /** When to wake up before that, so that a stall of our own shows; null: others show it. */
  lookAt: Micros | null;
}
