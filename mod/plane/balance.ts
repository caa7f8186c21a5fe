/**
 * What the planes tell each other of virtual servers. The kernel plane runs the balancer: it knows
 * the table, hears verdicts of checks (`checks.ts`) and who holds what, and tells the protocol
 * plane of quorums (trackers of kind `virtual_server`) and control of everything that happened.
 *
 * Times are whole microseconds on CLOCK_MONOTONIC unless a name says otherwise.
 *
 * @module
 */

import type {
  BalanceChange,
  BalanceOrder,
  BalanceSlice,
  MachineMemory,
  VirtualServerReport,
  VirtualServerSettings,
} from "../balance/mod.ts";
import type { SyncDaemon, Timeouts, VirtualServer } from "../ipvs/mod.ts";
import type { MarkRule } from "../netlink/mod.ts";
import type { EventId } from "./messages.ts";

export type {
  BalanceChange,
  BalanceOrder,
  RealServerReport,
  RealServerState,
  VirtualServerReport,
} from "../balance/mod.ts";

/** A sync daemon; its role may follow a virtual router. */
export interface SyncDaemonPlan extends Omit<SyncDaemon, "role"> {
  /** Master while one of these holdings is held, backup otherwise; or always the same. */
  readonly role: SyncDaemon["role"] | { readonly follow: readonly string[] };
}

/** Where a virtual server's addresses are held while its quorum is met. */
export interface AnnounceServer {
  readonly server: string;
  /** Name of the holding (`KernelRouter`) that the balancer holds and drops. */
  readonly holding: string;
}

/**
 * `net.ipv4.vs.*` by the last part of the name: a number, or several with a space between. Others by
 * their path below /proc/sys/net, with a slash in front.
 */
export type VsSettings = Readonly<Record<string, number | string>>;

/** All of IPVS that is wanted. */
export interface BalancePlan {
  /** The network namespace of the table; empty: the agent's. */
  readonly namespace: string;
  readonly servers: readonly VirtualServerSettings[];
  readonly announce: readonly AnnounceServer[];
  /** Firewall marks that packets get (`MarkTable`); their services are in `servers`, by mark. */
  readonly marks?: readonly MarkRule[];
  /** Ways by which checks ask single real servers: a service with a mark for each. */
  readonly forwarding?: readonly VirtualServer[];
  /** Absent: left as they are. A 0 leaves that one as it is. */
  readonly timeouts?: Timeouts;
  readonly syncDaemons: readonly SyncDaemonPlan[];
  /** Put back at the end. */
  readonly settings: VsSettings;
  /** From one comparison with the kernel's table to the next at least, µs; absent: 2 s. */
  readonly compareInterval?: number;
  /** The table is ours alone: services of others go. */
  readonly flush: boolean;
  /** What a stop leaves. */
  readonly onStop: "remove" | "keep";
}

/** How things were before the agent came: put back at its end. */
export interface BalanceOriginals {
  /** `null`: never changed. */
  readonly timeouts: Timeouts | null;
  readonly settings: VsSettings;
}

/**
 * What is ours in the kernel's table, and how things were before: control writes it down, so that
 * the next agent of this boot knows when this one is killed.
 */
export interface BalanceNote {
  /** The network namespace that it is about; empty: the agent's. */
  readonly namespace: string;
  /** Names of services, as `serviceName` of `mod/ipvs` makes them. */
  readonly own: readonly string[];
  readonly originals: BalanceOriginals;
  /** Sync daemons that we started. */
  readonly daemons: readonly SyncDaemon[];
}

// ---- control → kernel ---------------------------------------------------------------------------

/** The note is written down: what it tells of may be changed now. */
export interface BalanceNoted {
  readonly type: "balance_noted";
  readonly id: EventId;
  /** Id of the `balance_note`. */
  readonly cause: EventId;
}

/** `halb drain`, `undrain`, `weight`. Answered by `balance_ordered`. */
export interface OrderBalance {
  readonly type: "order_balance";
  readonly id: EventId;
  readonly server: string;
  readonly realServer: string;
  readonly what: BalanceOrder;
}

/** Asks for a `balance_state`. */
export interface QueryBalance {
  readonly type: "query_balance";
  readonly id: EventId;
  /** False: the kernel's counters are not read for it; absent: once a second at most. */
  readonly counters?: false;
}

// ---- kernel → control ---------------------------------------------------------------------------

/**
 * Write this down for who comes after us; nothing of ours is left where all of it is empty.
 * Answered by `balance_noted` when it is written, also when it cannot be.
 */
export interface NoteBalance extends BalanceNote {
  readonly type: "balance_note";
  readonly id: EventId;
}

export interface BalanceOrdered {
  readonly type: "balance_ordered";
  readonly id: EventId;
  readonly cause: EventId;
  /** In words; null: done. */
  readonly refused: string | null;
}

/** Something happened to a virtual or a real server: for events, scripts, FIFOs and the log. */
export interface BalanceStep {
  readonly type: "balance_step";
  readonly id: EventId;
  /** The message or timer that led to it. */
  readonly cause: EventId;
  readonly at: number;
  readonly server: string;
  readonly what: BalanceChange;
}

/** What the balancer remembers of a former life, to go on with: plain data. */
export interface BalanceMemory extends MachineMemory {
  /** Names of services of the kernel's table that are ours. */
  readonly own: readonly string[];
  /** Absent: nothing was changed. */
  readonly originals?: BalanceOriginals;
}

/** The beginning of an answer that is long: `BalanceState` tells the end. See `BalanceParts`. */
export interface BalancePart extends BalanceSlice {
  readonly type: "balance_part";
  readonly id: EventId;
  /** Of the question. */
  readonly cause: EventId;
  /** All parts before it are void. */
  readonly first: boolean;
}

/** Answer to `query_balance`. */
export interface BalanceState {
  readonly type: "balance_state";
  readonly id: EventId;
  readonly cause: EventId;
  readonly at: number;
  /** So many parts come before it (`balance_part`), with the beginnings of its lists; absent: none. */
  readonly parts?: number;
  readonly servers: readonly VirtualServerReport[];
  /** What the kernel would not do, in words, with the command. */
  readonly failures: readonly string[];
  /** Times that a table which somebody else changed was repaired. */
  readonly repairs: number;
  /** Why there is no table to work on: no module, no library; null: there is one. */
  readonly trouble: string | null;
  /** Sync daemons that run. */
  readonly sync: readonly SyncDaemon[];
  /** When the kernel's counters were read; absent: not yet. At most a second before `at`. */
  readonly countedAt?: number;
  /** Commands that are still to be sent; absent: it is not known. */
  readonly pending?: number;
  readonly memory: BalanceMemory;
}
