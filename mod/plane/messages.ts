/**
 * What the three planes say to each other.
 *
 * Everything here is plain data that survives a structured clone: the flight recorder can store
 * it and a test can write it by hand. Each event and effect has an `id`, unique within the plane
 * that made it (see `ids.ts`), and the id of its `cause`.
 *
 * Times are whole microseconds on CLOCK_MONOTONIC unless a name says otherwise.
 *
 * @module
 */

import type { RouterSettings } from "../vrrp/mod.ts";
import type { AnnounceGroup, AnnouncePlan } from "./announcements.ts";
import type {
  BalanceMemory,
  BalanceNote,
  BalanceNoted,
  BalanceOrdered,
  BalancePart,
  BalancePlan,
  BalanceState,
  BalanceStep,
  NoteBalance,
  OrderBalance,
  QueryBalance,
} from "./balance.ts";
import type {
  AdministerBfd,
  BfdAdministered,
  BfdChanged,
  BfdCredentials,
  BfdPlan,
  BfdRemembered,
  EaseBfd,
} from "./bfd.ts";
import type { ChecksToControl, ChecksToKernel, ConfigureChecks, SessionCheck } from "./checks.ts";
import type { AuthenticationType, Credentials } from "./credentials.ts";
import type { PlaneCrashed } from "./crash.ts";
import type {
  GroupSnapshot,
  GroupStepRecord,
  Overridden,
  OverrideRouters,
  ProtocolGroup,
} from "./groups.ts";
import type { FreezeProtocol, Frozen, Memory, RestKernel, ThawProtocol } from "./hand_over.ts";
import type {
  HeldAddress,
  HeldRoute,
  HeldRule,
  HoldingTrouble,
  KernelRouter,
  ObjectReport,
  VirtualLink,
} from "./holdings.ts";
import type { Pieces } from "./pieces.ts";
import type { LogRecord } from "./log_record.ts";
import type { LateRemark, Remark } from "./remarks.ts";
import type { Machines, QueryMachines, QueryRecording, Recorded } from "./recording.ts";
import type { ProtocolState, QueryState } from "./state.ts";
import type { RouterSnapshot, StepRecord } from "./steps.ts";
import type {
  GroupName,
  InterfaceKey,
  InterfaceState,
  UnicastPeer,
  UnicastUse,
  WatchedInterface,
} from "./interface_state.ts";
import type {
  TrackerDelays,
  TrackerFinding,
  TrackerFound,
  TrackerUse,
  WatchedPresence,
} from "./trackers.ts";

export type { HeldAddress, HeldRoute, HeldRule, KernelRouter, ObjectReport, VirtualLink };
export type { GroupName, InterfaceKey, InterfaceState, UnicastPeer, UnicastUse, WatchedInterface };

export type { AnnounceGroup, AnnouncePlan, LogRecord };

/** Names one event or effect: the plane's letter and a counter, such as `p:1042`. */
export type EventId = string;

// ---- control → kernel ---------------------------------------------------------------------------

/** The whole desired state. The plane compares with what it has and does only the difference. */
export interface ConfigureKernel {
  readonly type: "configure";
  readonly id: EventId;
  readonly routers: readonly KernelRouter[];
  /** Interfaces whose state is wanted by name (adverts, trackers). */
  readonly interfaces: readonly WatchedInterface[];
  /** An interface is in one at most; absent: none. */
  readonly announceGroups?: readonly AnnounceGroup[];
  /** Routes and addresses that somebody tracks; absent: none. */
  readonly presences?: readonly WatchedPresence[];
  /** Virtual servers; absent: none, and what was ours of them goes; or as this plane has them. */
  readonly balance?: BalancePlan | "unchanged";
  /** What a balancer of a former life remembers, for one that begins. */
  readonly balanceMemory?: BalanceMemory;
  /** What a killed agent of this boot has left; looked at by a balancer that begins. */
  readonly balanceNote?: BalanceNote;
}

/** End the plane. `keep`: leave the addresses as they are; otherwise remove what it holds. */
export interface StopPlane {
  readonly type: "stop";
  readonly id: EventId;
  readonly keep: boolean;
}

/**
 * The other plane was restarted: this port leads to the new one. The kernel plane tells the new
 * protocol plane all interfaces it knows, and then answers control with `configured`.
 */
export interface ReconnectPlane {
  readonly type: "reconnect";
  readonly id: EventId;
  readonly port: MessagePort;
}

/**
 * `hang`: runs without end; `wait`: sleeps in a system call, as for a lock of the kernel's;
 * `set_clock`: the protocol plane sees another wall clock.
 */
export type Fault = "throw" | "hang" | "wait" | "set_clock";

/** For tests of the restart (accepted only where HALB_FAULT_INJECTION is set). */
export interface InjectFault {
  readonly type: "inject_fault";
  readonly id: EventId;
  readonly fault: Fault;
  /** How long a `hang` spins or a `wait` sleeps, how far `set_clock` goes: microseconds. */
  readonly duration?: number;
}

// ---- protocol → kernel --------------------------------------------------------------------------

/** Hold the router's addresses from now on and announce them. */
export interface HoldAddresses {
  readonly type: "hold";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
  /** By us or by who handed over to us: everybody has been told. Absent: from now on. */
  readonly heldSince?: number;
  /** The word that must stand in the router's mastership slot for a lease to be refreshed. */
  readonly epoch: number;
}

/** Remove the router's addresses. */
export interface DropAddresses {
  readonly type: "drop";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
}

/** Announce the held addresses again, e.g. after a losing advert was answered. */
export interface AnnounceAddresses {
  readonly type: "announce";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
}

/** Announce nothing more, and hold on: who resigned answers until its successor does. */
export interface HushAddresses extends Omit<AnnounceAddresses, "type"> {
  readonly type: "hush";
}

/** Looks like `hold` and means nothing: what carries messages must have done so before it counts. */
export interface RehearseMessage extends Omit<HoldAddresses, "type"> {
  readonly type: "rehearsal";
}

/** Who has that UDP port? Answered by `port_owner`. */
export interface FindPortOwner {
  readonly type: "find_port_owner";
  readonly id: EventId;
  readonly namespace: string;
  readonly family: "ipv4" | "ipv6";
  readonly port: number;
}

export type ToKernel =
  | ConfigureKernel
  | Pieces<ConfigureKernel | ConfigureChecks>
  | BalanceNoted
  | ChecksToKernel
  | OrderBalance
  | QueryBalance
  | QueryMachines
  | QueryRecording
  | FindPortOwner
  | RehearseMessage
  | RestKernel
  | StopPlane
  | ReconnectPlane
  | InjectFault
  | HoldAddresses
  | DropAddresses
  | AnnounceAddresses
  | HushAddresses;

// ---- kernel → protocol --------------------------------------------------------------------------

/** State of an interface, at start and at every change. */
export interface InterfaceChanged {
  readonly type: "interface";
  readonly id: EventId;
  readonly state: InterfaceState;
}

/** An interface is gone, or was never there; the same name may come back with another index. */
export interface InterfaceGone {
  readonly type: "interface_gone";
  readonly id: EventId;
  /** Index 0: whatever had the name when it was last heard of. */
  readonly key: InterfaceKey;
  readonly name: string;
}

/** The answer to `find_port_owner`. */
export interface PortOwner extends Omit<FindPortOwner, "type"> {
  readonly type: "port_owner";
  /** Such as `bird (pid 4711)`; empty: it cannot be found out. */
  readonly owner: string;
}

export type KernelToProtocol = InterfaceChanged | InterfaceGone | TrackerFound | PortOwner;

// ---- kernel → control ---------------------------------------------------------------------------

/** Answer to `configure`. */
export interface Configured {
  readonly type: "configured";
  readonly id: EventId;
  readonly cause: EventId;
  /** What became of routers and groups, a line each; the kernel plane has nothing to say here. */
  readonly changes: readonly string[];
  /** When it was done. */
  readonly at?: number;
}

/** What the plane holds now, sent after each change: for status and for the snapshot. */
export interface AddressReport extends HoldingTrouble {
  readonly type: "addresses";
  readonly id: EventId;
  readonly cause: EventId;
  readonly router: string;
  readonly wanted: boolean;
  /** Addresses seen on their interface. */
  readonly present: readonly string[];
  /** Addresses that could not be added: what and why, in words. */
  readonly failed: readonly { readonly address: string; readonly reason: string }[];
  /** Absent: the router has none. */
  readonly routes?: ObjectReport;
  readonly rules?: ObjectReport;
  /** Times that an address, route or rule which somebody else removed was put back. */
  readonly repairs: number;
  readonly announcements: number;
}

/** The plane has ended in order. */
export interface PlaneStopped {
  readonly type: "stopped";
  readonly id: EventId;
}

/** The plane's loop runs and takes messages. */
export interface PlaneReady {
  readonly type: "ready";
  readonly id: EventId;
}

export type KernelToControl =
  | Configured
  | BalanceOrdered
  | BalancePart
  | BalanceState
  | BalanceStep
  | NoteBalance
  | AddressReport
  | ChecksToControl
  | Machines
  | Recorded
  | LogRecord
  | PlaneReady
  | PlaneStopped
  | PlaneCrashed
  | InterfaceChanged
  | InterfaceGone;

// ---- control → protocol -------------------------------------------------------------------------

/** One virtual router, or one family's session of one, as the protocol plane needs it. */
export interface ProtocolRouter {
  /** The router that this is a session of; absent: it is all of it. */
  readonly router?: string;
  /** Index into the mastership words and the counters of the shared memory. */
  readonly slot: number;
  readonly namespace: string;
  /** Name of the interface that carries the adverts. */
  readonly interface: string;
  /** Own address to send from; absent: the first of the interface. */
  readonly source?: string;
  /** Another multicast group than that of the RFCs, canonical text. */
  readonly group?: string;
  readonly unicast?: UnicastUse;
  /** The VRF that the interface must belong to. */
  readonly vrf?: string;
  /** Name of the interface that carries the addresses; absent: that of the adverts. */
  readonly virtualInterface?: string;
  /** Ethernet address that adverts are sent from; absent: the interface's own. */
  readonly sourceMac?: string;
  readonly trackers: readonly TrackerUse[];
  /** The state of its own interface is no condition; absent: it is. */
  readonly trackOwn?: false;
  /** How its adverts are authenticated; absent: they are not. The keys come beside the plan. */
  readonly authentication?: AuthenticationType;
  readonly settings: RouterSettings;
}

/** The whole desired state; only what differs from the present one is touched. */
export interface ConfigureProtocol {
  readonly type: "configure";
  readonly id: EventId;
  readonly routers: readonly ProtocolRouter[];
  /** Their groups; a router is in one at most. */
  readonly groups: readonly ProtocolGroup[];
  /** What the routers that authenticate do it with; who is not among them cannot. */
  readonly credentials?: readonly Credentials[];
  /** Sessions that look after paths; absent: none. */
  readonly bfd?: BfdPlan;
  /** What those that authenticate do it with; the others cannot. */
  readonly bfdCredentials?: readonly BfdCredentials[];
  /** No router takes part in an election before this point in time; 0: at once. */
  readonly holdUntil: number;
  /** How long changes of tracked things must last; absent: none must. */
  readonly delays?: readonly TrackerDelays[];
  /** Sessions that are checks of real servers; absent: none. */
  readonly sessionChecks?: readonly SessionCheck[];
  /** What control has found of the things that it looks after. */
  readonly findings?: readonly TrackerFinding[];
  /** What the routers remember of a former life, to go on with. */
  readonly memory?: Memory;
}

/** Hand every router over and end; `now`: without waiting for successors. */
export interface StopRouters {
  readonly type: "stop_routers";
  readonly id: EventId;
  readonly now: boolean;
}

export type ControlToProtocol =
  | ConfigureProtocol
  | Pieces<ConfigureProtocol>
  | FreezeProtocol
  | ThawProtocol
  | OverrideRouters
  | AdministerBfd
  | EaseBfd
  | StopRouters
  | QueryState
  | QueryRecording
  | TrackerFound
  | ReconnectPlane
  | InjectFault;

// ---- protocol → control -------------------------------------------------------------------------

export type ProtocolToControl =
  | Configured
  | Frozen
  | RouterSnapshot
  | StepRecord
  | GroupSnapshot
  | GroupStepRecord
  | Overridden
  | BfdAdministered
  | BfdChanged
  | BfdRemembered
  | LateRemark
  | Remark
  | ProtocolState
  | Pieces<ProtocolState>
  | Recorded
  | LogRecord
  | PlaneReady
  | PlaneStopped
  | PlaneCrashed;
