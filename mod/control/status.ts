/**
 * The status document of CONTRACT.md section 3: a pure function of what the agent and its planes
 * know. Times are RFC 3339 in UTC, durations milliseconds, counters integers.
 *
 * @module
 */

import { percentile } from "../plane/histogram.ts";
import type { AddressReport, KernelRouter, ProtocolState } from "../plane/messages.ts";
import type { RouterCounters } from "../plane/counters.ts";
import { masterDownInterval, priorityOf, type Router } from "../vrrp/mod.ts";

/** What control itself contributes. */
export interface AgentFacts {
  readonly version: string;
  readonly pid: number;
  readonly name: string;
  /** RFC 3339. */
  readonly started: string;
  /** Counts applied configurations, the first one is 1. */
  readonly generation: number;
  readonly config: {
    readonly path: string;
    readonly loaded: string;
    readonly sha256: string;
    readonly last_reload: { at: string; result: string; changes: number } | null;
  };
}

/** What is known of the routers beside their machines. */
export interface RouterFacts {
  readonly holding: KernelRouter | undefined;
  readonly report: AddressReport | undefined;
  readonly counters: RouterCounters;
}

export type Status = ReturnType<typeof buildStatus>;
export type RouterStatus = Status["vrrp"][number];

/**
 * @param factsOf holdings, addresses and counters of a router by name
 * @param wallTime RFC 3339 of a point on the monotonic clock
 */
export function buildStatus(
  agent: AgentFacts,
  state: ProtocolState,
  factsOf: (name: string) => RouterFacts,
  wallTime: (micros: number) => string,
) {
  return {
    ...agent,
    vrrp: state.routers.map(({ router, interface: name, trackers }) => ({
      name: router.settings.name,
      interface: name,
      virtual_router_id: router.settings.virtualRouterId,
      version: router.settings.version,
      state: router.state,
      releasing: router.releasing,
      waiting_for: router.waitingFor,
      since: wallTime(router.since),
      transitions: router.transitions,
      priority: router.settings.priority,
      effective_priority: priorityOf(router),
      preempt: router.settings.preempt,
      trackers,
      advertisement_interval_ms: router.settings.advertisementInterval / 1000,
      ...addressesOf(factsOf(router.settings.name)),
      sessions: [sessionOf(router, factsOf(router.settings.name).counters, wallTime)],
    })),
    interfaces: state.interfaces.map(({ name, family, dropped }) => ({ name, family, dropped })),
    realtime: {
      ...state.scheduling,
      timer_lateness_us: {
        p50: percentile(state.lateness, 0.5),
        p99: percentile(state.lateness, 0.99),
        max: state.lateness.max,
        count: state.lateness.total,
      },
    },
  };
}

function addressesOf({ holding, report }: RouterFacts) {
  return {
    addresses: (holding?.addresses ?? []).map((held) => `${held.address}/${held.prefixLength}`),
    virtual_mac: virtualMacOf(holding),
    address_lease_ms: (holding?.lease ?? 0) * 1000,
    addresses_held: report?.present ?? [],
    addresses_failed: report?.failed ?? [],
    accept: holding?.accept ?? true,
    accept_problem: report?.open ?? null,
    repairs: report?.repairs ?? 0,
    announcements: report?.announcements ?? 0,
  };
}

/** The interfaces that carry the addresses, one for each family; null: those of the host do. */
function virtualMacOf(holding: KernelRouter | undefined) {
  const links = holding?.virtualLinks;
  return links === undefined ? null : links.map(({ name, type, mac }) => {
    return { interface: name, type, mac: mac ?? null };
  });
}

function sessionOf(router: Router, counters: RouterCounters, wallTime: (at: number) => string) {
  const own = router.state === "master" && router.source !== null
    ? { address: router.source, priority: priorityOf(router) }
    : null;
  return {
    family: router.settings.family,
    source: router.source,
    master: own ?? router.master,
    master_interval_ms: router.masterInterval / 1000,
    master_down_interval_ms: masterDown(router) / 1000,
    checksum: router.checksum.sending,
    peers: router.peers.map((peer) => ({
      address: peer.address,
      last_heard: wallTime(peer.lastHeard),
      priority: peer.priority,
      checksum: peer.checksum,
    })),
    counters,
  };
}

function masterDown(router: Router): number {
  const { settings, masterInterval } = router;
  return masterDownInterval(priorityOf(router), masterInterval, settings.version);
}
