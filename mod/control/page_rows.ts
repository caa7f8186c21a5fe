/**
 * The status document in short, for the status page: of each thing what a list shows of it, and what
 * is wrong with it. What changes with each packet is left out, so that a row is new only where
 * something has happened. Pure.
 *
 * @module
 */

import type { RealServerStatus, VirtualServerStatus } from "./balance_status.ts";
import type { CheckStatus } from "./check_status.ts";
import { heldTroubles } from "./held_status.ts";
import type { RouterStatus, Status } from "./status.ts";

/** `error`: something does not work; `warning`: it may soon; `notice`: it is so on purpose. */
export type Level = "error" | "warning" | "notice";

/** Something that is wrong, in words. */
export interface Wrong {
  readonly level: Level;
  readonly text: string;
}

/** What kinds of things there are, in the order of the page. */
export const KINDS = ["vrrp", "group", "bfd", "virtual_server", "check"] as const;
export type Kind = typeof KINDS[number];

/** A thing in short. */
export interface Row {
  readonly name: string;
  readonly wrong: readonly Wrong[];
  readonly [key: string]: unknown;
}

export interface Overview {
  readonly agent: Row;
  readonly rows: Readonly<Record<Kind, readonly Row[]>>;
}

/** Addresses, peers and servers in trouble that one row names at most. */
const MOST_NAMED = 4;
/** A peer that was not heard for so long, and for so many adverts, is shown as silent; milliseconds. */
const SILENT = 10_000;
const MISSED = 3;

/** @param now milliseconds since 1970 */
export function overviewOf(status: Status, now: number): Overview {
  return {
    agent: agentRow(status),
    rows: {
      vrrp: status.vrrp.map((router) => routerRow(router, now)),
      group: status.sync_groups.map(groupRow),
      bfd: status.bfd.map(sessionRow),
      virtual_server: status.virtual_servers.map(virtualServerRow),
      check: status.checks.map(checkRow),
    },
  };
}

function error(text: string): Wrong {
  return { level: "error", text };
}

function warning(text: string): Wrong {
  return { level: "warning", text };
}

function notice(text: string): Wrong {
  return { level: "notice", text };
}

function agentRow(status: Status) {
  const { name, version, pid, started, generation, config, http, snmp, ipvs, realtime } = status;
  const { last_reload: reload } = config;
  const wrong: Wrong[] = heldTroubles("[static]", status.static).map(error);
  for (const { address, reason } of status.static.addresses) {
    if (reason !== null) wrong.push(error(`[static] cannot hold ${address}: ${reason}`));
  }
  if (reload !== null && !["applied", "rolled_back"].includes(reload.result)) {
    wrong.push(warning(`the last reload was not applied: ${reload.result}`));
  }
  wrong.push(...reloadsWrong(config));
  if (snmp?.trouble) wrong.push(warning(`SNMP over ${snmp.master}: ${snmp.trouble}`));
  for (const { target, trouble } of status.log.targets) {
    if (trouble !== null) wrong.push(warning(`log to ${target}: ${trouble}`));
  }
  if (ipvs?.trouble) wrong.push(error(`the kernel's table of virtual servers: ${ipvs.trouble}`));
  wrong.push(...(ipvs?.failures ?? []).slice(0, MOST_NAMED).map(error));
  if (ipvs?.stale) wrong.push(warning("the kernel plane does not answer: servers as they were"));
  const { timer_lateness_us: lateness, policy } = realtime;
  return {
    name,
    wrong,
    version,
    pid,
    started,
    generation,
    config: { path: config.path, loaded: config.loaded, sha256: config.sha256 },
    last_reload: reload,
    http: http === null ? null : { listen: http.listen, token: http.token },
    policy,
    lateness_us: { p50: lateness.p50, p99: lateness.p99, max: lateness.max },
    ipvs: ipvs === null ? null : { repairs: ipvs.repairs, on_stop: ipvs.on_stop },
    sync_daemons: status.ipvs_sync?.daemons.length ?? 0,
  };
}

/** As `halb status` has it, by points in time: what counts down would be new each second. */
function reloadsWrong(config: Status["config"]): Wrong[] {
  const { confirmation, scheduled, rolled_back: back, differs } = config;
  const wrong: Wrong[] = [];
  if (confirmation !== null) {
    const until = `at ${confirmation.until}, unless: halb reload --confirm`;
    wrong.push(warning(`the configuration is taken back ${until}`));
  }
  if (back !== null) {
    wrong.push(warning(`what is in the file was taken back (${back.reason}): halb plan shows it`));
  } else if (differs === true) {
    wrong.push(notice("what is in the file is not what runs: halb plan shows it"));
  }
  if (scheduled !== null) wrong.push(notice(`a reload is scheduled for ${scheduled.at}`));
  return wrong;
}

function routerRow(router: RouterStatus, now: number): Row {
  const { name, sessions, trackers } = router;
  const silent = Math.max(SILENT, MISSED * router.advertisement_interval_ms);
  return {
    name,
    wrong: routerWrong(router),
    interface: router.interface,
    virtual_router_id: router.virtual_router_id,
    version: router.version,
    state: router.state,
    since: router.since,
    transitions: router.transitions,
    priority: router.priority,
    effective_priority: router.effective_priority,
    addresses: router.addresses.slice(0, MOST_NAMED),
    address_count: router.addresses.length,
    sync_group: router.sync_group,
    trackers: { healthy: trackers.filter((one) => one.healthy).length, all: trackers.length },
    sessions: sessions.map(({ family, source, master, peers }) => ({
      family,
      source,
      master,
      peers: peers.slice(-MOST_NAMED).map(({ address, priority, last_heard: heard }) => ({
        address,
        priority,
        // Of one that is heard the time would make the row another one with each advert.
        silent_since: now - Date.parse(heard) > silent ? heard : null,
      })),
    })),
  };
}

/** What is wrong with a virtual router, the worst not always first. */
export function routerWrong(router: RouterStatus): Wrong[] {
  const { state, waiting_for: waiting, override, sessions } = router;
  const wrong: Wrong[] = [];
  const why = waiting.length > 0 ? `: waits for ${waiting.join("; ")}` : "";
  if (state === "fault") wrong.push(error(`in fault${why}`));
  else if (why !== "") wrong.push(warning(`${state}${why}`));
  for (const { mac, address } of router.duplicate_holders) {
    wrong.push(error(`${mac} holds ${address}, too`));
  }
  for (const { address, reason } of router.addresses_failed) {
    wrong.push(error(`cannot hold ${address}: ${reason}`));
  }
  wrong.push(...heldTroubles("it", router).map(error));
  if (router.virtual_mac_problem !== null) {
    wrong.push(error(`virtual MAC: ${router.virtual_mac_problem}`));
  }
  if (router.accept_problem !== null) wrong.push(warning(router.accept_problem));
  for (const { family, authentication, alone } of sessions) {
    const alarm = authentication?.alarm ?? null;
    if (alarm !== null) wrong.push(error(`${family} authentication: ${alarm}`));
    if (alone) wrong.push(warning(`nobody else speaks ${family}`));
  }
  for (const { kind, name, healthy, reason, contribution } of router.trackers) {
    if (healthy) continue;
    const weight = contribution === 0 ? "" : ` (${contribution})`;
    wrong.push(warning(`${kind} ${name}${weight}: ${reason}`));
  }
  if (override !== null) wrong.push(notice(`by command: ${override.kind}`));
  return wrong;
}

function groupRow(group: Status["sync_groups"][number]): Row {
  const { name, state, since, need, members, override } = group;
  const wrong = state === "fault" ? [error("in fault")] : [];
  const more = override === null ? [] : [notice(`by command: ${override.kind}`)];
  return {
    name,
    wrong: [...wrong, ...more],
    state,
    since,
    need,
    members: members.slice(0, 16),
    member_count: members.length,
  };
}

function sessionRow(session: Status["bfd"][number]): Row {
  const { name, state, reason, waiting_for: waiting } = session;
  const wrong = state === "up"
    ? []
    : state === "admin-down"
    ? [notice("taken down by command")]
    : [error(`${state}: ${reason}${waiting.length > 0 ? `; waits for ${waiting[0]}` : ""}`)];
  return {
    name,
    wrong,
    state,
    peer: session.peer,
    interface: session.interface,
    multihop: session.multihop,
    since: session.since,
    transitions: session.transitions,
    reason,
    transmit_interval_ms: session.transmit_interval_ms,
    detection_time_ms: session.detection_time_ms,
  };
}

function virtualServerRow(server: VirtualServerStatus): Row {
  const { name, listen, quorum, real_servers: real, counters } = server;
  const count = (state: string) => real.filter((one) => one.state === state).length;
  let connections = 0;
  for (const one of real) connections += one.counters.active_connections ?? 0;
  return {
    name,
    wrong: virtualServerWrong(server),
    listen: listen.slice(0, MOST_NAMED),
    listen_count: listen.length,
    protocol: server.protocol,
    scheduler: server.scheduler,
    forward: server.forward,
    active: server.active,
    follow: server.follow,
    since: server.since,
    transitions: server.transitions,
    quorum: { required: quorum.required, current: quorum.current, met: quorum.met },
    sorry_server_active: server.sorry_server_active,
    servers: { up: count("up"), draining: count("draining"), all: real.length },
    active_connections: connections,
    counters,
  };
}

function virtualServerWrong(server: VirtualServerStatus): Wrong[] {
  const { quorum, real_servers: real, list_problem: list } = server;
  const wrong: Wrong[] = [];
  if (!quorum.met) {
    wrong.push(error(`quorum is lost: ${quorum.current} of ${quorum.required} needed`));
  }
  if (server.sorry_server_active) wrong.push(warning(`the sorry server answers`));
  if (list !== null) wrong.push(warning(list));
  const down = real.filter(({ state }) => state === "down");
  for (const { address, reason } of down.slice(0, MOST_NAMED)) {
    wrong.push(warning(`${address} is down: ${reason}`));
  }
  const rest = down.length - MOST_NAMED;
  if (rest > 0) wrong.push(warning(`${rest} more servers are down`));
  const draining = real.filter(({ state }) => state === "draining").length;
  if (draining > 0) wrong.push(notice(`${draining} of its servers drain`));
  return wrong;
}

function checkRow(check: CheckStatus): Row {
  const { name, id, type, target, healthy, since, reason, flapping, held } = check;
  const wrong = healthy === false ? [error(`fails: ${reason}`)] : [];
  const more = [
    ...(flapping ? ["flaps"] : []),
    ...(healthy === true && held !== null ? [`is kept down: ${held}`] : []),
    ...check.warnings,
  ].map(warning);
  return {
    name: name ?? id,
    wrong: [...wrong, ...more],
    type,
    target,
    healthy,
    since,
    reason,
    transitions: check.transitions,
  };
}

/** Real servers of one virtual server, those in trouble first. */
export interface ServersPage {
  readonly name: string;
  /** Those that `find` leaves. */
  readonly count: number;
  readonly offset: number;
  readonly servers: readonly Record<string, unknown>[];
}

/** Servers of one answer at most. */
export const MOST_SERVERS = 200;
const ORDER: readonly string[] = ["down", "draining", "up"];

/**
 * A piece of a virtual server's real servers.
 *
 * @param find part of the address; empty: all
 * @returns undefined: there is no such virtual server
 */
export function serversPage(
  status: Status,
  name: string,
  { offset, find }: { readonly offset: number; readonly find: string },
): ServersPage | undefined {
  const server = status.virtual_servers.find((one) => one.name === name);
  if (server === undefined) return undefined;
  const wanted = find.toLowerCase();
  const found = server.real_servers.filter(({ address }) => address.includes(wanted));
  const rank = ({ state }: RealServerStatus) => ORDER.indexOf(state);
  const sorted = found.sort((a, b) => rank(a) - rank(b));
  return {
    name,
    count: found.length,
    offset,
    servers: sorted.slice(offset, offset + MOST_SERVERS).map(serverRow),
  };
}

function serverRow(server: RealServerStatus): Record<string, unknown> {
  const { address, state, reason, since, weight, effective_weight, override, checks, counters } =
    server;
  const slowest = Math.max(...checks.map(({ latency_ms: latency }) => latency ?? -1), -1);
  return {
    address,
    state,
    reason,
    since,
    weight,
    effective_weight,
    override,
    checks: {
      healthy: checks.filter(({ healthy }) => healthy === true).length,
      all: checks.length,
    },
    latency_ms: slowest < 0 ? null : slowest,
    counters,
  };
}

/** All that the status document says of one thing; undefined: there is none. */
export function objectOf(status: Status, kind: string, name: string): unknown {
  switch (kind) {
    case "agent": {
      const { vrrp: _1, bfd: _2, virtual_servers: _3, checks: _4, sync_groups: _5, ...rest } =
        status;
      return rest;
    }
    case "vrrp":
      return status.vrrp.find((one) => one.name === name);
    case "group":
      return status.sync_groups.find((one) => one.name === name);
    case "bfd":
      return status.bfd.find((one) => one.name === name);
    case "check":
      return status.checks.find((one) => (one.name ?? one.id) === name);
    case "virtual_server": {
      const found = status.virtual_servers.find((one) => one.name === name);
      if (found === undefined) return undefined;
      // Its servers are told page by page.
      const { real_servers: _, ...rest } = found;
      return rest;
    }
    default:
      return undefined;
  }
}
