/**
 * Virtual servers as text: a table of all with what is wrong below it, or everything about one.
 *
 * @module
 */

import type {
  BalanceStatus,
  RealServerStatus,
  VirtualServerStatus,
} from "../control/balance_status.ts";
import { escapeText } from "../text/mod.ts";
import { checkState, latencyText, paintChecks } from "./check_text.ts";
import { ageText, type Colour, formatAge, formatTable, type Paint, paintColumn } from "./table.ts";

const STATE_COLOUR: Record<string, Colour> = {
  up: "green",
  sorry: "red",
  down: "red",
  "not here": "bold",
  draining: "yellow",
};
const STATE_COLUMN = 2;
const REAL_STATE_COLUMN = 1;
const CHECK_STATE_COLUMN = 2;
/** Addresses that a line of the table shows. */
const MOST_LISTENED = 2;
/** Servers that are named each by itself where many are out. */
const MOST_NAMED = 20;

/** All virtual servers, a line each. */
export function formatVirtualServers(
  servers: readonly VirtualServerStatus[],
  now: number,
  paint: Paint,
): string {
  const rows = servers.map((server) => [
    server.name,
    listenedText(server.listen),
    stateOf(server),
    `${server.quorum.current}/${server.quorum.required}`,
    `${server.real_servers.filter(isUp).length} of ${server.real_servers.length}`,
    connectionsText(server.real_servers),
    ageText(server.since, now),
  ]);
  const header = ["VIRTUAL SERVER", "LISTENS", "STATE", "QUORUM", "UP", "CONNECTIONS", "FOR"];
  return formatTable([header, ...rows], paintColumn(paint, STATE_COLUMN, STATE_COLOUR));
}

function listenedText(listen: readonly string[]): string {
  const shown = listen.slice(0, MOST_LISTENED).join(" ");
  const more = listen.length - MOST_LISTENED;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function isUp({ state }: RealServerStatus): boolean {
  return state === "up";
}

function stateOf(server: VirtualServerStatus): string {
  if (server.quorum.met) return server.active ? "up" : "not here";
  return server.sorry_server_active ? "sorry" : "down";
}

/** Active connections of all servers; those that are not in the table have none to count. */
function connectionsText(servers: readonly RealServerStatus[]): string {
  const counts = servers.flatMap(({ counters }) => counters.active_connections ?? []);
  return counts.length === 0 ? "-" : String(counts.reduce((sum, count) => sum + count, 0));
}

/** What somebody should know, a line each: text from outside, to be escaped. */
export function balanceTroubles(
  { virtual_servers, ipvs, ipvs_sync }: BalanceStatus,
  now: number,
): string[] {
  const lines: string[] = [];
  if (ipvs !== null) {
    if (ipvs.trouble !== null) lines.push(`IPVS does not work: ${ipvs.trouble}`);
    if (ipvs.stale) lines.push("IPVS: the kernel plane is busy; this is how it was");
    lines.push(...ipvs.failures.map((failure) => `IPVS: ${failure}`));
  }
  for (const { interface: name, id, role, follow } of ipvs_sync?.daemons ?? []) {
    if (role === null && follow.length === 0) {
      lines.push(`the sync daemon ${id} on ${name} does not run`);
    }
  }
  return [...lines, ...virtual_servers.flatMap((server) => serverTroubles(server, now))];
}

function serverTroubles(server: VirtualServerStatus, now: number): string[] {
  const { name, quorum, real_servers: servers } = server;
  const lines: string[] = [];
  if (!quorum.met) {
    const sorry = server.sorry_server_active ? `; ${server.sorry_server} answers instead` : "";
    const least = quorum.required + quorum.hysteresis;
    lines.push(`${name} has no quorum: ${quorum.current} of ${least}${sorry}`);
  }
  if (server.list_problem !== null) {
    lines.push(`${name}: its list of servers: ${server.list_problem}`);
  }
  const out = servers.filter((one) => one.state !== "up" || one.override !== null);
  for (const one of out.slice(0, MOST_NAMED)) lines.push(`${name}: ${serverText(one, now)}`);
  if (out.length > MOST_NAMED) {
    lines.push(`${name}: and ${out.length - MOST_NAMED} more: halb status ${name}`);
  }
  return lines;
}

/** Why a server gets no requests, or others than configured. */
function serverText(server: RealServerStatus, now: number): string {
  const { address, state, reason, since, weight, override } = server;
  const age = since === null ? "" : ` for ${formatAge(now - Date.parse(since))}`;
  if (server.drain?.done) return `${address} is drained${age}: ${drainText(server, now)}`;
  if (state === "draining") return `${address} drains${age}: ${drainText(server, now)}`;
  const ordered = override === null ? "" : `its weight is ${override} by order, not ${weight}`;
  if (state === "up") return `${address}: ${ordered}`;
  return `${address} is down${age}: ${reason}${ordered === "" ? "" : `; ${ordered}`}`;
}

/** What a drain waits for. */
export function drainText(server: RealServerStatus, now: number): string {
  const { active_connections: active, inactive_connections: inactive } = server.counters;
  if (server.drain?.done) return "it is out, until halb undrain";
  if (active === null || inactive === null) return "it is not in the table now";
  const left = `${active} active and ${inactive} inactive connections are left`;
  const until = server.drain?.until ?? null;
  if (until === null) return left;
  return `${left}, and at most ${formatAge(Math.max(0, Date.parse(until) - now))}`;
}

/** Everything about one virtual server. */
export function formatVirtualServer(
  server: VirtualServerStatus,
  now: number,
  paint: Paint,
): string {
  const { quorum, counters } = server;
  const rows: string[][] = [
    ["virtual server", server.name],
    ["state", stateText(server)],
    ...server.listen.map((listen) => ["listens", `${listen} ${server.protocol ?? ""}`.trim()]),
    ["scheduler", server.scheduler],
    ...(server.persistence === null
      ? []
      : [["persistence", `${server.persistence.timeout_ms / 1000} s`]]),
    ...(server.follow.length === 0 ? [] : [["follows", server.follow.join(" ")]]),
    ["quorum", quorumText(quorum)],
    ["since", ageText(server.since, now)],
    ["changes", String(server.transitions)],
    ...(server.sorry_server === null ? [] : [[
      "sorry server",
      `${server.sorry_server}, ${server.sorry_server_active ? "answers now" : "in reserve"}`,
    ]]),
    ["connections", String(counters.connections)],
    ["packets", `${counters.packets_in} in, ${counters.packets_out} out`],
    ["bytes", `${counters.bytes_in} in, ${counters.bytes_out} out`],
  ];
  const header = ["REAL SERVER", "STATE", "WEIGHT", "ACTIVE", "INACTIVE", "FOR", "WHY"];
  const servers = server.real_servers.map((one) => [
    one.address,
    one.state,
    weightText(one),
    String(one.counters.active_connections ?? "-"),
    String(one.counters.inactive_connections ?? "-"),
    ageText(one.since, now),
    one.state === "draining" ? drainText(one, now) : one.reason,
  ]);
  const checks = server.real_servers.flatMap(({ address, checks }) =>
    checks.map((check) => [
      address,
      check.name ?? check.type,
      checkState(check),
      ageText(check.since, now),
      latencyText(check),
      check.last_error ?? "",
    ])
  );
  const parts = [formatTable(rows)];
  if (servers.length > 0) {
    parts.push(
      formatTable([header, ...servers], paintColumn(paint, REAL_STATE_COLUMN, STATE_COLOUR)),
    );
  }
  if (checks.length > 0) {
    const titles = ["REAL SERVER", "CHECK", "STATE", "FOR", "LATENCY", "LAST ERROR"];
    parts.push(formatTable([titles, ...checks], paintChecks(paint, CHECK_STATE_COLUMN)));
  }
  const troubles = serverTroubles(server, now).map((line) => escapeText(line));
  if (troubles.length > 0) parts.push(troubles.join("\n"));
  return parts.join("\n\n");
}

function stateText(server: VirtualServerStatus): string {
  switch (stateOf(server)) {
    case "up":
      return "up";
    case "not here":
      return `up, and not in the table: ${server.follow.join(", ")} is not master here`;
    case "sorry":
      return `the quorum is lost: ${server.sorry_server} answers`;
    default:
      return "the quorum is lost: nobody answers";
  }
}

function quorumText({ current, required, hysteresis, met }: VirtualServerStatus["quorum"]): string {
  const band = hysteresis === 0 ? "" : ` ± ${hysteresis}`;
  return `${met ? "met" : "lost"}: a weight of ${current}, of ${required}${band} that is needed`;
}

/** `10`; `3 of 10` in a slow start, by an order or by the server's own word. */
function weightText({ weight, effective_weight: effective, override }: RealServerStatus): string {
  const base = effective === weight ? String(weight) : `${effective} of ${weight}`;
  return override === null ? base : `${base} (ordered)`;
}
