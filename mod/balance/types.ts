/**
 * What the balancer's machine hears, wants and remembers.
 *
 * Times are whole microseconds on CLOCK_MONOTONIC, durations whole microseconds.
 *
 * @module
 */

import type { CheckFinding } from "../check/board.ts";
import type { Counters, RealServer, VirtualServer } from "../ipvs/mod.ts";
import type { RealServerSettings, VirtualServerSettings } from "./settings.ts";

export type Micros = number;

// ---- what it hears ------------------------------------------------------------------------------

/**
 * An operator's word on a real server; it stays as long as the server does, through every reload.
 * Both may be given: a drained server has weight 0 until `undrain`, and then the weight that was
 * set.
 */
export type BalanceOrder =
  /**
   * Weight 0 until its connections are gone or `timeout` is over, then out of the table until
   * `undrain`. `null`: the configured time; 0: as long as they last.
   */
  | { readonly order: "drain"; readonly timeout: Micros | null }
  | { readonly order: "undrain" }
  /** In place of the configured weight, 0 to 65535; `null`: the configured weight again. */
  | { readonly order: "weight"; readonly weight: number | null };

/** Connections of a real server, over all services of its virtual server. */
export interface ConnectionCount {
  readonly server: string;
  readonly realServer: string;
  readonly active: number;
  readonly inactive: number;
}

/** What the machine is told. */
export type BalanceEvent =
  /**
   * All that is wanted; applied as a difference. Before it come, where there are any: `restore`,
   * and `holding` for what is held already. What is told later costs services that go and return.
   */
  | {
    readonly type: "configure";
    readonly servers: readonly VirtualServerSettings[];
    /** Checks whose findings are kept; absent: those that real servers have. */
    readonly checks?: readonly string[];
  }
  /** What a former life remembers: used for the servers of the next `configure`. */
  | { readonly type: "restore"; readonly memory: MachineMemory }
  | { readonly type: "check"; readonly finding: CheckFinding }
  /** What virtual servers may follow is held or dropped. */
  | { readonly type: "holding"; readonly holding: string; readonly held: boolean }
  /** Answered by one effect `ordered`. */
  | {
    readonly type: "order";
    readonly server: string;
    readonly realServer: string;
    readonly what: BalanceOrder;
  }
  /** Answer to `count`. */
  | { readonly type: "connections"; readonly counts: readonly ConnectionCount[] }
  | { readonly type: "timer"; readonly generation: number };

// ---- what it wants ------------------------------------------------------------------------------

/** `draining`: by an order, until `undrain`, also when its connections are gone. */
export type RealServerState = "up" | "down" | "draining";

/** Something happened to a virtual or a real server: for events, scripts, FIFOs and the log. */
export type BalanceChange =
  | {
    readonly kind: "real_server";
    readonly realServer: string;
    /** Not there: it begins to be known. */
    readonly from?: RealServerState;
    readonly state: RealServerState;
    readonly reason: string;
  }
  | { readonly kind: "quorum"; readonly met: boolean; readonly reason: string }
  /** It follows a virtual router, and is in the table or no longer. */
  | { readonly kind: "active"; readonly active: boolean; readonly reason: string }
  | {
    readonly kind: "drained";
    readonly realServer: string;
    /** Connections that were left when last counted; 0: it is empty. */
    readonly connections: number;
  };

/** What the machine wants done, in this order within a step. */
export type BalanceEffect =
  /** Its addresses are no longer (`announced` false), or now, to be held. */
  | { readonly type: "announce"; readonly server: string; readonly announced: boolean }
  /** What is wanted of the table has changed (`wantedServer`); the virtual servers it is about. */
  | { readonly type: "program"; readonly servers: readonly string[] }
  /** Who tracks it is told; for each virtual server once at its beginning. */
  | {
    readonly type: "quorum";
    readonly server: string;
    readonly met: boolean;
    readonly reason: string;
  }
  | { readonly type: "step"; readonly server: string; readonly what: BalanceChange }
  /** The answer to an order; `refused`: in words why not, `null`: it is done. */
  | {
    readonly type: "ordered";
    readonly server: string;
    readonly realServer: string;
    readonly refused: string | null;
  }
  /** Count the connections of these draining servers and tell. At most once a second. */
  | {
    readonly type: "count";
    readonly servers: readonly { readonly server: string; readonly realServer: string }[];
  }
  /** Wake me then; any earlier timer is void. */
  | { readonly type: "timer"; readonly generation: number; readonly at: Micros };

// ---- what it remembers --------------------------------------------------------------------------

/** How a drain goes on. */
export interface Drain {
  since: Micros;
  /** When it ends with or without connections; `null`: as long as they last. */
  until: Micros | null;
  /** Its connections are gone or its time was over: it is out of the table. */
  done: boolean;
  /** As last counted; `null`: not yet. */
  counted: { readonly active: number; readonly inactive: number } | null;
}

/** A real server of a virtual server. */
export interface RealServerEntry {
  settings: RealServerSettings;
  /** It is the sorry server, too. */
  twin: boolean;
  healthy: boolean;
  /** Of its health, in words. */
  reason: string;
  /** What it weighs but for drain and slow start. */
  weight: number;
  /** An operator's weight. */
  override: number | null;
  drain: Drain | null;
  /** When it came back into use; `null`: it has its full weight. */
  risingSince: Micros | null;
  /** What has been told. */
  state: RealServerState;
  /** It began down, by `startDown`, and its checks have not decided yet. */
  undecided: boolean;
  since: Micros;
  transitions: number;
  /** Weight in the wanted table; `null`: not in it. */
  placed: number | null;
  /** As it was wanted last: the same value as long as nothing of it has changed. */
  shown: RealServer | null;
  /** What counts for the quorum: its weight while it can be used, else 0. */
  share: number;
}

/** A virtual server. */
export interface VirtualServerEntry {
  settings: VirtualServerSettings;
  readonly servers: Map<string, RealServerEntry>;
  active: boolean;
  met: boolean;
  /** Of the quorum. */
  since: Micros;
  transitions: number;
  /** Weight that is up: the sum of all shares. */
  total: number;
  announced: boolean;
  /** What is wanted of the table, as far as it has not changed since it was made. */
  wanted: VirtualServer | null;
}

/** The machine. */
export interface Balance {
  /** Another one each time that virtual or real servers come or go. */
  revision: number;
  readonly servers: Map<string, VirtualServerEntry>;
  readonly held: Set<string>;
  readonly findings: Map<string, CheckFinding>;
  /** Who lives by a check. */
  readonly users: Map<string, (readonly [VirtualServerEntry, RealServerEntry])[]>;
  /** Slow starts that go on. */
  readonly rising: Map<RealServerEntry, VirtualServerEntry>;
  /** Drains that are not done. */
  readonly draining: Map<RealServerEntry, VirtualServerEntry>;
  /** The last second at which connections were counted. */
  tick: Micros;
  /** Not later than anything that is due; Infinity: nothing is. */
  due: Micros;
  /** `null`: it has fired. */
  timer: { generation: number; at: Micros | null };
  /** What `restore` brought and `configure` has not used yet. */
  remembered: MachineMemory | null;
}

/** What is remembered of a virtual server. */
export interface VirtualServerMemory {
  readonly name: string;
  readonly met: boolean;
  readonly since: Micros;
  readonly transitions: number;
  readonly servers: readonly {
    readonly name: string;
    readonly up: boolean;
    /** It began down and its checks have not decided yet; absent: they have. */
    readonly undecided?: true;
    readonly since: Micros;
    readonly transitions: number;
    readonly override: number | null;
    readonly drain: {
      readonly since: Micros;
      readonly until: Micros | null;
      /** Absent: not yet. */
      readonly done?: boolean;
      readonly counted?: Drain["counted"];
    } | null;
    /** When it came back, for its slow start; null: it has its full weight. */
    readonly risingSince: Micros | null;
  }[];
}

/** What the machine remembers of a former life, to go on with: plain data. */
export interface MachineMemory {
  readonly servers: readonly VirtualServerMemory[];
  readonly checks: readonly CheckFinding[];
}

// ---- what it reports ----------------------------------------------------------------------------

/** How a real server stands. */
export interface RealServerReport {
  readonly name: string;
  /** As configured, or as listed. */
  readonly weight: number;
  /** What it has in the table, or would have were its virtual server in it; down or draining: 0. */
  readonly effectiveWeight: number;
  /** An operator's weight; null: none. */
  readonly override: number | null;
  readonly state: RealServerState;
  /** It began down, by `startDown`, and its checks have not decided yet; absent: they have. */
  readonly undecided?: true;
  readonly reason: string;
  readonly since: Micros;
  readonly transitions: number;
  readonly drain: {
    readonly since: Micros;
    readonly until: Micros | null;
    /** It is out of the table. */
    readonly done: boolean;
  } | null;
  /** As the kernel says, over all services; null: it is not in the table. */
  readonly connections: { readonly active: number; readonly inactive: number } | null;
  readonly counters: Counters | null;
}

/** How a virtual server stands. */
export interface VirtualServerReport {
  readonly name: string;
  readonly active: boolean;
  readonly quorum: { readonly required: number; readonly current: number; readonly met: boolean };
  readonly sorryServerActive: boolean;
  /** Of the quorum. */
  readonly since: Micros;
  readonly transitions: number;
  /** As the kernel says, over all services; null: it is not in the table. */
  readonly counters: Counters | null;
  readonly servers: readonly RealServerReport[];
}
