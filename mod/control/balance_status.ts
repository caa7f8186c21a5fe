/**
 * Virtual servers in the status document (CONTRACT.md section 3): what is configured, and what the
 * balancer reports of it. Pure.
 *
 * @module
 */

import type {
  BalancePlan,
  BalanceState,
  RealServerReport,
  SyncDaemonPlan,
  VirtualServerReport,
} from "../plane/balance.ts";
import type { CheckStatus } from "./check_status.ts";
import type { RealServerSettings, VirtualServerSettings } from "../balance/settings.ts";
import { type Endpoint, endpointText } from "../ip/mod.ts";
import type { Counters, Listen, SyncDaemon } from "../ipvs/mod.ts";

/** What is known of virtual servers, from all who know something. */
export interface BalanceFacts {
  readonly plan: BalancePlan;
  /** null: nobody has answered yet. */
  readonly state: BalanceState | null;
  /** The answer is an old one: the kernel plane is busy, or is being replaced. */
  readonly stale: boolean;
  /** How a check stands, by its id. */
  readonly checkOf?: (id: string) => CheckStatus | undefined;
  /** Real servers that come from a list, by virtual server. */
  readonly listed?: ReadonlyMap<string, ReadonlySet<string>>;
  /** What of a virtual server's list cannot be used, in words. */
  readonly listProblem?: (server: string) => string | undefined;
}

export type BalanceStatus = ReturnType<typeof balanceStatus>;
export type VirtualServerStatus = BalanceStatus["virtual_servers"][number];
export type RealServerStatus = VirtualServerStatus["real_servers"][number];

/** @param facts undefined: there is nothing of IPVS in the configuration */
export function balanceStatus(
  facts: BalanceFacts | undefined,
  wallTime: (micros: number) => string,
) {
  const { plan, state } = facts ?? {};
  const reports = new Map(state?.servers.map((report) => [report.name, report]));
  return {
    virtual_servers: (plan?.servers ?? []).map((settings) =>
      virtualServer(settings, reports.get(settings.name), facts!, wallTime)
    ),
    ipvs: facts === undefined ? null : ipvsStatus(facts, wallTime),
    ipvs_sync: plan === undefined || plan.syncDaemons.length === 0
      ? null
      : { daemons: plan.syncDaemons.map((one) => daemonStatus(one, state?.sync ?? [])) },
  };
}

/** The kernel's table as a whole. */
function ipvsStatus({ plan, state, stale }: BalanceFacts, wallTime: (micros: number) => string) {
  return {
    namespace: plan.namespace === "" ? null : plan.namespace,
    /** Why there is no table to work on; null: there is one. */
    trouble: state === null ? "the kernel plane has not answered yet" : state.trouble,
    /** What the kernel would not do, in words. */
    failures: state?.failures ?? [],
    /** Times that somebody else's change was put right. */
    repairs: state?.repairs ?? 0,
    on_stop: plan.onStop,
    /** The kernel plane has not answered now: this is how it was. */
    stale,
    counted_at: state?.countedAt === undefined ? null : wallTime(state.countedAt),
  };
}

function daemonStatus(wanted: SyncDaemonPlan, running: readonly SyncDaemon[]) {
  const { role, id } = wanted;
  const found = running.find((one) =>
    one.id === id && one.interface === wanted.interface &&
    (typeof role === "object" || one.role === role)
  );
  return {
    interface: wanted.interface,
    id,
    /** null: it does not run. */
    role: found?.role ?? null,
    follow: typeof role === "object" ? role.follow : [],
    max_length: found?.maxLength ?? wanted.maxLength,
    group: found?.group ?? wanted.group,
    port: found?.port ?? wanted.port,
    ttl: found?.ttl ?? wanted.ttl,
  };
}

function virtualServer(
  settings: VirtualServerSettings,
  report: VirtualServerReport | undefined,
  facts: BalanceFacts,
  wallTime: (micros: number) => string,
) {
  const { name, listen, service, sorryServer, servers } = settings;
  const reports = new Map(report?.servers.map((one) => [one.name, one]));
  const listed = facts.listed?.get(name);
  const [first] = servers;
  return {
    name,
    listen: listen.map(listenText),
    protocol: protocolOf(listen),
    scheduler: service.scheduler,
    /** Of its first server; each server tells its own. null: it has no server. */
    forward: first?.server.forward ?? null,
    persistence: service.persistence === null
      ? null
      : { timeout_ms: service.persistence.timeout * 1000 },
    /** It is in the kernel's table; otherwise the router that it follows is not master here. */
    active: report?.active ?? false,
    follow: settings.follow,
    announce: settings.announce,
    quorum: {
      required: settings.quorum,
      hysteresis: settings.hysteresis,
      current: report?.quorum.current ?? 0,
      met: report?.quorum.met ?? false,
    },
    since: report === undefined ? null : wallTime(report.since),
    transitions: report?.transitions ?? 0,
    sorry_server: sorryServer === null ? null : reachedText(sorryServer.server),
    sorry_server_active: report?.sorryServerActive ?? false,
    /** What of its list cannot be used; null: nothing. */
    list_problem: facts.listProblem?.(name) ?? null,
    counters: countersStatus(report?.counters),
    real_servers: servers.map((server) =>
      realServer(server, reports.get(server.name), facts, wallTime, listed?.has(server.name))
    ),
  };
}

function realServer(
  settings: RealServerSettings,
  report: RealServerReport | undefined,
  { checkOf }: BalanceFacts,
  wallTime: (micros: number) => string,
  listed = false,
) {
  const { name, server } = settings;
  const { drain, connections } = report ?? {};
  return {
    address: name,
    forward: server.forward,
    weight: server.weight,
    effective_weight: report?.effectiveWeight ?? 0,
    /** An operator's weight; null: none. */
    override: report?.override ?? null,
    state: report?.state ?? "down",
    reason: report?.reason ?? "the kernel plane has not answered yet",
    since: report === undefined ? null : wallTime(report.since),
    transitions: report?.transitions ?? 0,
    drain: drain === null || drain === undefined ? null : {
      since: wallTime(drain.since),
      /** When it ends at the latest; null: with its last connection. */
      until: drain.until === null ? null : wallTime(drain.until),
      /** It is out of the table. */
      done: drain.done,
    },
    /** It comes from a list, not from the configuration. */
    listed,
    checks: settings.checks.flatMap((id) => checkOf?.(id) ?? []),
    counters: {
      /** null: it is not in the table. */
      active_connections: connections?.active ?? null,
      inactive_connections: connections?.inactive ?? null,
      ...countersStatus(report?.counters),
    },
  };
}

function countersStatus(counters: Counters | null | undefined) {
  return {
    connections: counters?.connections ?? 0,
    packets_in: counters?.packetsIn ?? 0,
    packets_out: counters?.packetsOut ?? 0,
    bytes_in: counters?.bytesIn ?? 0,
    bytes_out: counters?.bytesOut ?? 0,
  };
}

/** Marks have none: whatever is marked is balanced. */
function protocolOf(listen: readonly Listen[]): string | null {
  for (const one of listen) if ("protocol" in one) return one.protocol;
  return null;
}

/** As the configuration writes it: `192.0.2.10:80`, `192.0.2.16/28:80`, `fwmark 7 ipv4`. */
export function listenText(listen: Listen): string {
  if ("mark" in listen) return `fwmark ${listen.mark} ipv${listen.family}`;
  const { address, last, prefixLength, port } = listen;
  const tail = prefixLength !== undefined
    ? `/${prefixLength}`
    : last !== undefined
    ? `-${last}`
    : "";
  return reachedText({ address: address + tail, port });
}

/** Port 0 is all of them, and that of a service by mark. */
function reachedText({ address, port }: Endpoint): string {
  return endpointText({ address, port: port === 0 ? undefined : port });
}
