/**
 * The status in short, a row for each thing that has a name: what somebody looks at each second who
 * has ten thousand servers. Pure.
 *
 * @module
 */

import type { VirtualServerStatus } from "./balance_status.ts";
import { routerWrong } from "./page_rows.ts";
import type { Status } from "./status.ts";

export const OVERVIEW_KINDS = ["router", "group", "bfd", "pool", "check"] as const;
export type OverviewKind = typeof OVERVIEW_KINDS[number];

export interface OverviewRow {
  readonly kind: OverviewKind;
  readonly name: string;
  readonly state: string;
  /** How well that is. */
  readonly health: "good" | "idle" | "bad";
  /** RFC 3339; null: nobody knows. */
  readonly since: string | null;
  /** What is counted of it, since it began: adverts, packets, connections; null: nothing is. */
  readonly count: number | null;
  readonly detail: string;
}

/** What `{"command":"overview"}` is answered. */
export interface Overview {
  readonly version: string;
  readonly pid: number;
  readonly name: string;
  readonly generation: number;
  readonly rows: readonly OverviewRow[];
}

export function overviewOf(status: Status): Overview {
  const { version, pid, name, generation } = status;
  const rows = [
    ...status.vrrp.map(routerRow),
    ...status.sync_groups.map((group): OverviewRow => ({
      kind: "group",
      name: group.name,
      state: group.state,
      health: healthOf(group.state),
      since: group.since,
      count: null,
      detail: group.members.join(" "),
    })),
    ...status.bfd.map((session): OverviewRow => ({
      kind: "bfd",
      name: session.name,
      state: session.state,
      health: session.state === "up" ? "good" : session.state === "admin-down" ? "idle" : "bad",
      since: session.since,
      count: session.counters.packets_received,
      detail: `${session.peer} diagnostic ${session.diagnostic}`,
    })),
    ...status.virtual_servers.map((pool) => poolRow(pool, status.ipvs?.trouble ?? null)),
    ...status.checks.map((check): OverviewRow => ({
      kind: "check",
      name: check.name ?? check.id,
      state: check.healthy === null ? "unknown" : check.healthy ? "up" : "down",
      health: check.healthy === null ? "idle" : check.healthy ? "good" : "bad",
      since: check.since,
      count: null,
      detail: [check.type, check.target ?? "", check.healthy === false ? check.reason : ""]
        .filter((part) => part !== "").join(" "),
    })),
  ];
  return { version, pid, name, generation, rows };
}

function healthOf(state: string): OverviewRow["health"] {
  return state === "master" ? "good" : state === "fault" ? "bad" : "idle";
}

function routerRow(router: Status["vrrp"][number]): OverviewRow {
  const { sessions, state, waiting_for: waits } = router;
  // A master that cannot hold its address is none, whatever its state: as the status page has it.
  const error = routerWrong(router).find(({ level }) => level === "error");
  const [first] = sessions;
  const master = state === "master" || first?.master === null || first?.master === undefined
    ? ""
    : ` master ${first.master.address}`;
  const trouble = error !== undefined && state !== "fault"
    ? `: ${error.text}`
    : waits.length === 0
    ? ""
    : `: ${waits.join(", ")}`;
  const count = sessions.reduce((sum, { counters }) => {
    return sum + counters.advertisements_sent + counters.advertisements_received;
  }, 0);
  return {
    kind: "router",
    name: router.name,
    state,
    health: error === undefined ? healthOf(state) : "bad",
    since: router.since,
    count,
    detail: `${router.interface} id ${router.virtual_router_id} priority ` +
      `${router.effective_priority}${master}${trouble}`,
  };
}

/** @param trouble with the kernel's table: whatever is decided, no client is served */
function poolRow(pool: VirtualServerStatus, trouble: string | null): OverviewRow {
  const { active, quorum, real_servers: servers } = pool;
  const up = servers.filter(({ state }) => state === "up").length;
  const draining = servers.filter(({ state }) => state === "draining").length;
  const open = servers.reduce((sum, { counters }) => sum + (counters.active_connections ?? 0), 0);
  const state = !active
    ? "inactive"
    : quorum.met
    ? "up"
    : pool.sorry_server_active
    ? "sorry"
    : "down";
  return {
    kind: "pool",
    name: pool.name,
    state,
    health: trouble !== null
      ? "bad"
      : state === "up"
      ? up < servers.length - draining ? "idle" : "good"
      : active
      ? "bad"
      : "idle",
    since: pool.since,
    count: pool.counters.connections,
    detail: `${up}/${servers.length} up${draining === 0 ? "" : `, ${draining} draining`}, ` +
      `${open} open ${pool.listen.join(" ")}` +
      (trouble === null ? "" : `: IPVS does not work: ${trouble}`),
  };
}

/** The same document with those alone that have this name. */
export function named(status: Status, name: string): Status {
  const own = (one: { readonly name: string | null }): boolean => one.name === name;
  return {
    ...status,
    vrrp: status.vrrp.filter(own),
    sync_groups: status.sync_groups.filter(own),
    bfd: status.bfd.filter(own),
    virtual_servers: status.virtual_servers.filter(own),
    checks: status.checks.filter((check) => check.name === name || check.id === name),
  };
}
