/**
 * What the protocol plane answers to `query`: all that status shows of it. Plain data; times are
 * microseconds on CLOCK_MONOTONIC.
 *
 * @module
 */

import type { Router, RouterSettings } from "../vrrp/mod.ts";
import type { BfdState } from "./bfd.ts";
import type { AuthenticationReport } from "./credentials.ts";
import type { GroupState } from "./groups.ts";
import type { HistogramData } from "./histogram.ts";
import type { EventId } from "./messages.ts";
import type { TrackerMemory } from "./trackers.ts";

/** How a tracker stands and what it adds. */
export interface TrackerReport {
  readonly name: string;
  readonly kind: string;
  readonly healthy: boolean;
  readonly contribution: number;
  readonly reason: string;
  /** It keeps the router out of the election. */
  readonly fault: boolean;
}

/** Asks for a `state` message. */
export interface QueryState {
  readonly type: "query";
  readonly id: EventId;
}

/** Answer to `query`. */
export interface ProtocolState extends BfdState {
  readonly type: "state";
  readonly id: EventId;
  readonly cause: EventId;
  readonly at: number;
  readonly trackers: readonly TrackerMemory[];
  readonly routers: readonly {
    readonly router: Router;
    readonly interface: string;
    readonly trackers: readonly TrackerReport[];
    /** What is configured: a release or claim has another priority. */
    readonly settings: RouterSettings;
    /** The router that this is a session of. */
    readonly name: string;
    /** Name of the group that it moves with; null: it moves alone. */
    readonly group: string | null;
    /** Absent: its adverts are not authenticated. */
    readonly authentication?: AuthenticationReport;
  }[];
  readonly groups: readonly GroupState[];
  /** Lateness of the loop's timers, microseconds: upper bound of each bucket and its count. */
  readonly lateness: HistogramData;
  /** When the loop was late by 2 ms and more, oldest first, and by how much; microseconds. */
  readonly stalls: readonly { readonly at: number; readonly length: number }[];
  /** Packets that no router could be charged with, by interface and reason. */
  readonly interfaces: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly family: "ipv4" | "ipv6";
    /** `overflow`: the kernel's queues were full, nobody has looked at the packet. */
    readonly dropped: Readonly<Record<string, number>>;
  }[];
  /** What the thread runs as: `fifo 50`, `other 0`. */
  readonly scheduling: { readonly policy: string; readonly priority: number };
}
