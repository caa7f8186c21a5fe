/**
 * The status document of CONTRACT.md section 3: a pure function of what the agent and its planes
 * know. Times are RFC 3339 in UTC, durations milliseconds, counters integers.
 *
 * @module
 */

import type { SessionStatus } from "../agentx/mod.ts";
import { percentile } from "../plane/histogram.ts";
import type { AuthenticationReport } from "../plane/credentials.ts";
import { type BalanceFacts, balanceStatus } from "./balance_status.ts";
import { type CheckKnowledge, type ChecksFacts, checkStatus } from "./check_status.ts";
import {
  type BfdSurroundings,
  reflectorStatus,
  sessionStatus,
  unsolicitedStatus,
} from "./bfd_status.ts";
import type { LogStatus } from "./log_protocol.ts";
import type { NotifierStatus } from "../notify/notifier.ts";
import type { ProtocolState } from "../plane/state.ts";
import type { GroupState } from "../plane/groups.ts";
import type { RouterCounters } from "../plane/counters.ts";
import { type HeldFacts, heldStatus, mergeFacts, staticStatus } from "./held_status.ts";
import { masterDown, priorityOf, type Router } from "../vrrp/mod.ts";

/** What control itself contributes. */
export interface AgentFacts {
  readonly version: string;
  readonly pid: number;
  readonly name: string;
  /** null: the agent is the one without a name on this host. */
  readonly instance: string | null;
  /** By which the kernel marks what this agent holds. */
  readonly protocol_number: number;
  /** Its network namespace, as `/proc/PID/ns/net` shows it: `net:[4026531840]`. */
  readonly network_namespace?: string;
  /** RFC 3339. */
  readonly started: string;
  /** Counts applied configurations, the first one is 1. */
  readonly generation: number;
  readonly config: {
    readonly path: string;
    readonly loaded: string;
    readonly sha256: string;
    readonly last_reload: { at: string; result: string; changes: number } | null;
  } & WaitingReloads;
  /** What waits for its readers, and what has gone. */
  readonly notifications: NotifierStatus;
  /** null: it is off. */
  readonly http: HttpStatus | null;
  readonly log: LogStatus;
  readonly snmp: SnmpStatus | null;
}

/** The session with the SNMP agent of this host. */
export interface SnmpStatus extends SessionStatus {
  /** As the configuration writes it. */
  readonly master: string;
  readonly mibs: readonly string[];
  /** Notifications are sent. */
  readonly traps: boolean;
}

/** Reloads that are not over, and how the file stands to what runs. */
export interface WaitingReloads {
  /** What runs is taken back unless it is confirmed; null: it need not be. */
  readonly confirmation: {
    /** RFC 3339. */
    readonly until: string;
    readonly in_ms: number;
    readonly within_ms: number;
  } | null;
  /** A reload for later; null: none. */
  readonly scheduled: {
    /** RFC 3339. */
    readonly at: string;
    readonly in_ms: number;
    /** How long it then waits to be confirmed; null: it need not be. */
    readonly confirm_within_ms: number | null;
  } | null;
  /** What is in the file was taken back; null: it was not. */
  readonly rolled_back: { readonly at: string; readonly reason: string } | null;
  /** The file, or what it refers to, is not what runs; null: it cannot be looked at now. */
  readonly differs: boolean | null;
}

/** The server of metrics and status. */
export interface HttpStatus {
  /** As the configuration writes it. */
  readonly listen: string;
  readonly tls: boolean;
  /** Only who sends the token is answered. */
  readonly token: boolean;
  /** Why nobody is answered; null: all is well. */
  readonly trouble: string | null;
}

/** What is known of the routers beside their machines. */
export interface RouterFacts extends HeldFacts {
  readonly counters: RouterCounters;
}

type SessionState = ProtocolState["routers"][number];

export type Status = ReturnType<typeof buildStatus>;
export type RouterStatus = Status["vrrp"][number];

/**
 * @param factsOf holdings, addresses and counters of a router by name
 * @param wallTime RFC 3339 of a point on the monotonic clock
 * @param statics what `[static]` holds; absent: there is none
 * @param reasonOf why a BFD session changed last
 * @param balance what is known of virtual servers; absent: there are none
 * @param health what is known of health checks
 */
export function buildStatus(
  agent: AgentFacts,
  state: ProtocolState,
  factsOf: (name: string) => RouterFacts,
  wallTime: (micros: number) => string,
  statics: HeldFacts = { holding: undefined, report: undefined },
  reasonOf: BfdSurroundings["reasonOf"] = () => undefined,
  balance?: BalanceFacts,
  health: ChecksFacts = { checks: [], lateness: null },
) {
  const { checks, lateness } = health;
  const statusOfCheck = (one: CheckKnowledge) => checkStatus(one, state.bfd ?? [], wallTime);
  const byId = new Map(checks.map((one) => [one.id, one]));
  const checkOf = (id: string) => {
    const known = byId.get(id);
    return known && statusOfCheck(known);
  };
  const groups = new Map(state.groups.map((group) => [group.name, group]));
  const routerOf = new Map(state.routers.map(({ name, router }) => [router.settings.name, name]));
  const lonely = new Set(state.groups.flatMap((group) => group.lonely));
  const sessions = new Map<string, [SessionState, ...SessionState[]]>();
  for (const one of state.routers) {
    const known = sessions.get(one.name);
    if (known === undefined) sessions.set(one.name, [one]);
    else known.push(one);
  }
  /** Of both families: a session that nobody else speaks to is elected by itself. */
  const common = (all: readonly [SessionState, ...SessionState[]]): SessionState =>
    all.find(({ router }) => !lonely.has(router.settings.name)) ?? all[0];
  return {
    ...agent,
    vrrp: [...sessions.values()].map((all) => {
      const [{ name, router, interface: own, trackers, settings, group }] = all;
      const facts = all.map((one) => factsOf(one.router.settings.name));
      return {
        name,
        interface: own,
        ...(facts[0]?.holding?.namespace ? { namespace: facts[0].holding.namespace } : {}),
        virtual_router_id: router.settings.virtualRouterId,
        version: router.settings.version,
        state: common(all).router.state,
        releasing: all.some((one) => one.router.releasing),
        waiting_for: router.waitingFor,
        since: wallTime(common(all).router.since),
        transitions: common(all).router.transitions,
        priority: settings.priority,
        effective_priority: priorityOf(router),
        override: overrideOf(group === null ? undefined : groups.get(group), wallTime),
        preempt: router.settings.preempt,
        sync_group: group === name ? null : group,
        preempt_delay_ms: router.settings.preemptDelay / 1000,
        takeover: takeoverOf(router, state.at),
        trackers,
        advertisement_interval_ms: router.settings.advertisementInterval / 1000,
        ...heldStatus(mergeFacts(facts), wallTime),
        sessions: all.map((one, i) => ({
          ...sessionOf(one.router, facts[i]!.counters, wallTime),
          authentication: authenticationStatus(one.authentication),
          state: one.router.state,
          alone: lonely.has(one.router.settings.name),
        })),
      };
    }),
    sync_groups: state.groups
      .filter((group) => !sessions.has(group.name))
      .map((group) => ({
        name: group.name,
        state: group.state,
        since: wallTime(group.since),
        need: group.need,
        members: [...new Set(group.members.map((member) => routerOf.get(member) ?? member))],
        override: overrideOf(group, wallTime),
      })),
    bfd: (state.bfd ?? []).map((report) => sessionStatus(report, { wallTime, reasonOf })),
    /** Packets to the ports of BFD that no session could be charged with. */
    bfd_dropped: state.bfdDropped ?? {},
    bfd_reflector: reflectorStatus(state.bfdReflector),
    bfd_unsolicited: unsolicitedStatus(state.bfdUnsolicited),
    /** Those that have a name; others stand at their servers. */
    checks: checks.filter(({ named }) => named).map(statusOfCheck),
    /** From when a probe was due until its socket was opened; null: none goes over a socket. */
    probe_lateness_us: lateness === null ? null : {
      p50: percentile(lateness, 0.5),
      p99: percentile(lateness, 0.99),
      max: lateness.max,
      count: lateness.total,
    },
    ...balanceStatus(balance && { ...balance, checkOf }, wallTime),
    interfaces: state.interfaces.map(({ namespace, name, family, dropped }) => ({
      ...(namespace === "" ? {} : { namespace }),
      name,
      family,
      dropped,
    })),
    static: staticStatus(statics),
    realtime: {
      ...state.scheduling,
      timer_lateness_us: {
        p50: percentile(state.lateness, 0.5),
        p99: percentile(state.lateness, 0.99),
        max: state.lateness.max,
        count: state.lateness.total,
      },
      stalls: state.stalls.map(({ at, length }) => ({ at: wallTime(at), late_us: length })),
    },
  };
}

/** An operator's word on who shall be master, which lasts; null: none. */
function overrideOf(group: GroupState | undefined, wallTime: (at: number) => string) {
  if (group === undefined || group.override === null) return null;
  const { override: kind, until } = group;
  return { kind, until: until === null ? null : wallTime(until) };
}

/** When and why a backup will take over although its master is heard; null: it will not. */
function takeoverOf({ preemptAt }: Router, now: number) {
  if (preemptAt === null) return null;
  return { in_ms: Math.max(0, preemptAt - now) / 1000, reason: "preempt_delay" };
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

/** Type, key ids and alarm; null: adverts are not authenticated. */
function authenticationStatus(report: AuthenticationReport | undefined) {
  if (report === undefined) return null;
  const { type, hmac, alarm } = report;
  if (hmac === undefined) return { type, alarm };
  return {
    type,
    mode: hmac.mode,
    active_key: hmac.activeKey,
    keys: hmac.keys,
    anti_replay: hmac.antiReplay,
    time_window_ms: hmac.window * 1000,
    // Which key each sender uses now: the old one may go when nobody does.
    senders: Object.entries(hmac.senders).map(([address, key]) => ({ address, key })),
    alarm,
  };
}
