/**
 * What the planes tell each other of BFD. Keys never stand in a plan: they travel beside it
 * (`BfdCredentials`), as those of virtual routers do, and are in no snapshot, status or log.
 *
 * Times are whole microseconds on CLOCK_MONOTONIC unless a name says otherwise.
 *
 * @module
 */

import type {
  AuthenticationSettings,
  AuthenticationType,
  Client,
  DampingSettings,
  Session,
  SessionSettings,
  StateName,
  Told,
  TransitionCause,
} from "../bfd/mod.ts";
import type { ReflectorPlan, UnconfiguredReport, UnsolicitedPlan } from "./bfd_strangers.ts";
import type { EventId } from "./messages.ts";

/** Between whom a session runs; addresses are canonical text. */
export interface BfdPath {
  /** Empty: the agent's own network namespace. */
  readonly namespace: string;
  readonly family: "ipv4" | "ipv6";
  readonly peer: string;
  /** Own address; empty: as the kernel routes. */
  readonly source: string;
  /** Name; empty: any, where several hops are allowed. */
  readonly interface: string;
  /** The VRF that the interface belongs to, or whose routes lead to the peer; absent: none. */
  readonly vrf?: string;
  readonly multihop: boolean;
  /** Questions to a reflector of Seamless BFD on UDP port 7784, answers to the port they come from. */
  readonly seamless?: true;
  /** Least TTL or hop limit of what is received: 255 over one hop. */
  readonly minimumTtl: number;
}

/** One session, as the protocol plane needs it. */
export interface ProtocolBfd {
  readonly path: BfdPath;
  /** `authentication` is null here: its type stands beside, its keys travel apart. */
  readonly settings: SessionSettings;
  /** Absent: packets are not authenticated. Without credentials nothing is sent or believed. */
  readonly authentication?: AuthenticationType;
  /** Bytes of UDP payload that packets have at least (bfd.PaddedPduSize, RFC 9764); absent: none. */
  readonly paddedPduSize?: number;
  /** How those who depend on the session take a flapping one; absent: as it comes. */
  readonly damping?: DampingSettings;
  /** The other side has begun it (RFC 9468); absent: it is configured. */
  readonly unsolicited?: true;
  /** AdminDown of the other side is no failure for those who depend on it; absent: it is. */
  readonly adminDownIsFailure?: false;
  /** Echo packets of our own (RFC 5880 section 6.4); absent: none. Over one hop of Ethernet only. */
  readonly echo?: {
    /** Between two of them, unless the peer takes fewer; 1 to 2³² − 1. */
    readonly transmitInterval: number;
  };
}

/** What one session authenticates with. */
export interface BfdCredentials {
  /** Name of the session. */
  readonly session: string;
  readonly authentication: AuthenticationSettings;
}

/** All of BFD that is wanted; absent parts are off. */
export interface BfdPlan {
  readonly sessions: readonly ProtocolBfd[];
  /** Answers questions of Seamless BFD. */
  readonly reflector?: ReflectorPlan;
  /** Sessions that others may begin. */
  readonly unsolicited?: UnsolicitedPlan;
}

// ---- control → protocol -------------------------------------------------------------------------

/** `halb bfd down NAME` and `halb bfd up NAME`. Answered by `bfd_administered`. */
export interface AdministerBfd {
  readonly type: "administer_bfd";
  readonly id: EventId;
  readonly session: string;
  readonly down: boolean;
}

/**
 * Before a hand-over: asks the other sides of all sessions for patience. Answered by `configured`
 * when they have it, or after half a second.
 */
export interface EaseBfd {
  readonly type: "ease_bfd";
  readonly id: EventId;
}

// ---- protocol → control -------------------------------------------------------------------------

export interface BfdAdministered {
  readonly type: "bfd_administered";
  readonly id: EventId;
  readonly cause: EventId;
  /** In words; null: done. */
  readonly refused: string | null;
}

/** What one session remembers, for the plane or process that goes on with it. Without keys. */
export interface BfdMemory {
  readonly path: BfdPath;
  readonly session: Session;
  /** What those who depend on the session were told last. */
  readonly client: Client;
  /** The port that it sends from, which stays the same (RFC 5881 section 4); 0: none yet. */
  readonly sourcePort: number;
  /** Its word of the shared memory, see `SharedWords.sequence`; -1: none. */
  readonly slot: number;
}

/** A session changed its state. */
export interface BfdChanged {
  readonly type: "bfd_changed";
  readonly id: EventId;
  readonly at: number;
  readonly session: string;
  readonly from: StateName;
  readonly to: StateName;
  readonly cause: TransitionCause;
  /** In words for people. */
  readonly reason: string;
  /**
   * Microseconds from the event (the deadline was due, the packet was read) until every virtual
   * router that tracks the session had acted.
   */
  readonly reaction: number;
  /** What the session remembers from now on: the snapshot for a restart. */
  readonly memory: BfdMemory;
}

/** A session has agreed on other intervals: the snapshot is another, and nobody else is to know. */
export interface BfdRemembered {
  readonly type: "bfd_memory";
  readonly id: EventId;
  readonly memory: BfdMemory;
}

/** The echo function of one session. */
export interface EchoReport {
  /** Echoes come back and look after the path: control packets are rare. */
  readonly active: boolean;
  /** Ours. */
  readonly sent: number;
  readonly returned: number;
  /** Of ours, microseconds; `smoothed` moves by an eighth each time. null: none yet. */
  readonly roundTrip: {
    readonly last: number;
    readonly least: number;
    readonly most: number;
    readonly smoothed: number;
  } | null;
  /** The peer's that we have sent back, and that our kernel forwards by itself. */
  readonly reflected: number;
  readonly forwarded: number;
  readonly sendErrors: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** One session, for status. */
export interface BfdReport {
  /** Without keys. */
  readonly session: Session;
  readonly path: BfdPath;
  /** Absent: packets are not authenticated. */
  readonly authentication?: AuthenticationType;
  /** The other side has begun it (RFC 9468). */
  readonly unsolicited?: true;
  /** What those who depend on it were told last; absent: nothing yet. */
  readonly told?: Told;
  /** What it lacks, in words: its interface, its address, a port, a key; empty: nothing. */
  readonly waitingFor: readonly string[];
  /** Absent: it neither sends nor reflects echoes. */
  readonly echo?: EchoReport;
  readonly sourcePort: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly sendErrors: number;
  /** The same by the name of the error, such as `EPERM`; absent: none. */
  readonly sendFailures?: Readonly<Record<string, number>>;
  readonly paddedPduSize?: number;
  readonly stallGraces: number;
  readonly dropped: Readonly<Record<string, number>>;
}

/** All of BFD, for status. */
export interface BfdState extends UnconfiguredReport {
  /** Absent: there is none. */
  readonly bfd?: readonly BfdReport[];
  /** Packets to BFD's ports that no session could be charged with, by reason. */
  readonly bfdDropped?: Readonly<Record<string, number>>;
}
