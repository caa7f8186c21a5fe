/**
 * What a simulation yields: plain data, printed as it is by `--json`, drawn by the timeline and the
 * picture, judged by the expectations.
 *
 * All times are whole microseconds since the simulation began. A span that still lasts at the end
 * ends at `duration`.
 *
 * @module
 */

import type { RouterStateName } from "../vrrp/mod.ts";

/** A stretch of time; `to` is not part of it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** One agent on its host. */
export interface NodeReport {
  /** Unique; as the script and the command line have it. */
  readonly name: string;
  /** Its site.toml. */
  readonly file: string;
  /** When its process runs: from each start to its end, however it came. */
  readonly running: readonly Span[];
  /** When its process stands still. */
  readonly stalled: readonly Span[];
  /** When the host itself has no power. */
  readonly off: readonly Span[];
}

/** A LAN. */
export interface NetworkReport {
  readonly name: string;
  /** `NODE:INTERFACE`. */
  readonly members: readonly string[];
}

/** One virtual router: what the routers of that id, family and LAN on all nodes have in common. */
export interface VirtualRouterReport {
  /** The name it has on the first node that has it. */
  readonly name: string;
  readonly network: string;
  readonly virtual_router_id: number;
  readonly family: "ipv4" | "ipv6";
  /** The sync group that it is in on the first node; null: none. */
  readonly group: string | null;
  /** What is held while it is master, without prefix length; excluded ones too. */
  readonly addresses: readonly string[];
  /** Who takes part, in order, with the name that it has there and its configured priority. */
  readonly nodes: readonly {
    readonly node: string;
    readonly router: string;
    readonly priority: number;
  }[];
}

/** An address on a host. */
export interface Holding extends Span {
  /** Canonical text without prefix length. */
  readonly address: string;
  readonly node: string;
  readonly interface: string;
  /**
   * `router`: held by an agent that runs; `lease`: the agent is dead or stands still, and the kernel
   * keeps the address as long as its lease lasts (or for ever, without one); `host`: the
   * host has it as its own, with or without an agent.
   */
  readonly by: "router" | "lease" | "host";
  /** Clients reach it: its interface has a carrier and is not cut off from them. */
  readonly answers: boolean;
}

/** What state one router was in; a node that does not run has none. */
export interface StateSpan extends Span {
  readonly node: string;
  /** The name that it has on this node. */
  readonly router: string;
  readonly state: RouterStateName;
  /** Why it came into this state, in words. */
  readonly reason: string;
}

/** What state one BFD session was in. */
export interface SessionSpan extends Span {
  readonly node: string;
  readonly session: string;
  readonly state: "admin_down" | "down" | "init" | "up";
  /** Why, in words: its diagnostic. */
  readonly reason: string;
}

/** How one tracked thing stood, as found, before delays. */
export interface TrackerSpan extends Span {
  readonly node: string;
  readonly kind: string;
  readonly name: string;
  readonly healthy: boolean;
  readonly reason: string;
}

/** Whether one real server was in service of one virtual server, as one node sees it. */
export interface ServerSpan extends Span {
  readonly node: string;
  readonly virtual_server: string;
  /** As it is called in status: its name, or `address:port`. */
  readonly server: string;
  readonly in_service: boolean;
  readonly reason: string;
}

/** What the script, or the default course of events, did. */
export interface FailureReport {
  readonly at: number;
  /** In words, such as `kill a`. */
  readonly text: string;
  /** The key of the script: `kill`, `link_down`. */
  readonly action: string;
  /** Whom it befell; null: no node in particular. */
  readonly node: string | null;
}

/** How one address fared. */
export interface AddressReport {
  readonly address: string;
  /** Index into `routers`; -1: a virtual server announces it. */
  readonly router: number;
  /** When it first answered; null: never. */
  readonly first_held: number | null;
  /** Times after `first_held` in which it answered nowhere. */
  readonly outages: readonly Span[];
  /** Sum of the outages. */
  readonly outage_total: number;
  readonly outage_longest: number;
  /** By design several nodes have it at a time, as in anycast: that is no double holding. */
  readonly shared: boolean;
  /** Times in which several hosts had it. */
  readonly doubles: readonly (Span & { readonly nodes: readonly string[] })[];
  readonly double_total: number;
  readonly double_longest: number;
}

/** What became of one `[[expect]]`. */
export interface ExpectationReport {
  /** In the script, from 1. */
  readonly line: number;
  /** Where it stands in a file that the script includes: that one. */
  readonly file?: string;
  /** What was expected, in words. */
  readonly text: string;
  readonly held: boolean;
  /** What was the case instead, or how well it held, in words. */
  readonly found: string;
}

/** How much was done. */
export interface WorkReport {
  /** Steps of state machines. */
  readonly steps: number;
  /** Adverts and BFD packets: sent, counted once however many hear them. */
  readonly packets: number;
  readonly lost: number;
  /** Virtual time that was not stepped through, since nothing in it could differ. */
  readonly skipped: number;
}

/** All of it. */
export interface SimulationReport {
  /** Counts changes of this form. */
  readonly format: 1;
  readonly seed: number;
  /** Length of the simulated time. */
  readonly duration: number;
  readonly nodes: readonly NodeReport[];
  readonly networks: readonly NetworkReport[];
  readonly routers: readonly VirtualRouterReport[];
  /** By address, then by time. */
  readonly holdings: readonly Holding[];
  /** By node and router, then by time. */
  readonly states: readonly StateSpan[];
  readonly sessions: readonly SessionSpan[];
  readonly trackers: readonly TrackerSpan[];
  readonly servers: readonly ServerSpan[];
  /** In order of time. */
  readonly failures: readonly FailureReport[];
  readonly addresses: readonly AddressReport[];
  readonly expectations: readonly ExpectationReport[];
  /** What the files say and the simulation leaves out, a sentence each. */
  readonly not_simulated: readonly string[];
  readonly work: WorkReport;
}
