/**
 * The status document as text: tables of all routers and sessions, or everything about one router.
 *
 * @module
 */

import { escapeText } from "../text/mod.ts";
import { heldTroubles } from "../control/held_status.ts";
import { balanceTroubles, formatVirtualServers } from "./balance_text.ts";
import { checkTroubles, formatChecks } from "./check_text.ts";
import {
  formatSessions,
  formatUnconfigured,
  sessionTroubles,
  unconfiguredTroubles,
} from "./bfd_text.ts";
import { waitingReloads } from "./reload_status.ts";
import type { RouterStatus, Status } from "../control/status.ts";
import {
  ageText,
  type Colour,
  counterRows,
  formatAge,
  formatTable,
  paintColumn,
  painter,
  reasonsText,
} from "./table.ts";

const STATE_COLOUR: Record<string, Colour> = {
  master: "green",
  backup: "bold",
  fault: "red",
  init: "yellow",
};

const STATE_COLUMN = 3;
const GROUP_STATE_COLUMN = 1;

/** All routers and sessions, a line each, and what is wrong. */
export function formatStatus(status: Status, now: number, color: boolean): string {
  const paint = painter(color);
  const up = ageText(status.started, now);
  const lines = [
    `halb ${status.version}, ${escapeText(status.name)}, up ${up}, ` +
    `configuration ${status.generation} from ${escapeText(status.config.path)}`,
    "",
  ];
  const rows = status.vrrp.map((router) => [
    router.name,
    router.interface,
    String(router.virtual_router_id),
    router.state,
    priorityText(router),
    ageText(router.since, now),
    masterText(router),
    router.addresses.join(" "),
  ]);
  const header = ["ROUTER", "INTERFACE", "ID", "STATE", "PRIORITY", "FOR", "MASTER", "ADDRESSES"];
  if (rows.length > 0) {
    lines.push(formatTable([header, ...rows], paintColumn(paint, STATE_COLUMN, STATE_COLOUR)));
  }
  if (status.sync_groups.length > 0) {
    const groups = status.sync_groups.map((group) => [
      group.name,
      group.state,
      String(group.need),
      ageText(group.since, now),
      group.members.join(" "),
    ]);
    const header = ["GROUP", "STATE", "NEED", "FOR", "MEMBERS"];
    lines.push(
      "",
      formatTable([header, ...groups], paintColumn(paint, GROUP_STATE_COLUMN, STATE_COLOUR)),
    );
  }
  if (status.bfd.length > 0) {
    if (rows.length > 0) lines.push("");
    lines.push(formatSessions(status.bfd, now, paint));
  }
  if (status.checks.length > 0) {
    if (lines.at(-1) !== "") lines.push("");
    lines.push(formatChecks(status.checks, now, paint));
  }
  if (status.virtual_servers.length > 0) {
    if (lines.at(-1) !== "") lines.push("");
    lines.push(formatVirtualServers(status.virtual_servers, now, paint));
  }
  const others = formatUnconfigured(status);
  if (others.length > 0) lines.push("", ...others);
  const words = overridesOf(status, now);
  if (words.length > 0) lines.push("", ...words.map((word) => escapeText(word)));
  const troubles = status.vrrp.flatMap((router) => troublesOf(router));
  troubles.push(...staticTroubles(status.static), ...status.bfd.flatMap(sessionTroubles));
  troubles.push(...unconfiguredTroubles(status), ...balanceTroubles(status, now));
  troubles.push(...checkTroubles(status.checks));
  troubles.push(...waitingReloads(status.config));
  const { http, snmp } = status;
  if (http?.trouble) troubles.push(`nobody is answered at ${http.listen}: ${http.trouble}`);
  if (snmp?.trouble) troubles.push(`SNMP over ${snmp.master}: ${snmp.trouble}`);
  if (troubles.length > 0) lines.push("", ...troubles.map((trouble) => escapeText(trouble)));
  return lines.join("\n");
}

/** What operators have said on who shall be master, groups once. */
function overridesOf(status: Status, now: number): string[] {
  const alone = status.vrrp.filter((router) => router.sync_group === null);
  return [...status.sync_groups, ...alone].flatMap(({ name, override }) =>
    override === null ? [] : [`${name} is ${overrideText(override, now)}`]
  );
}

function overrideText(override: NonNullable<RouterStatus["override"]>, now: number): string {
  if (override.kind === "claim") return "claimed: priority 254 while it is master";
  const end = override.until === null
    ? "until halb claim"
    : `for another ${formatAge(Date.parse(override.until) - now)}`;
  return `released: priority 1 ${end}`;
}

function priorityText(router: RouterStatus): string {
  return router.effective_priority === router.priority
    ? String(router.priority)
    : `${router.effective_priority} (${router.priority})`;
}

function masterText(router: RouterStatus): string {
  if (router.state === "master") return "this node";
  const master = router.sessions.find(({ alone }) => !alone)?.master;
  return master ? master.address : "-";
}

function troublesOf(router: RouterStatus): string[] {
  const troubles: string[] = [];
  if (router.waiting_for.length > 0) {
    troubles.push(`${router.name} waits for: ${router.waiting_for.join("; ")}`);
  }
  if (router.takeover !== null) troubles.push(`${router.name} ${takeoverText(router.takeover)}`);
  for (const { family, alone, state, authentication } of router.sessions) {
    const what = familyWord(family);
    if (alone) {
      troubles.push(`${router.name}: nobody else speaks ${what}: ${state} there by itself`);
    }
    const alarm = authentication?.alarm ?? null;
    if (alarm !== null) troubles.push(`${router.name} authenticates ${what} adverts: ${alarm}`);
  }
  if (router.accept_problem !== null) {
    troubles.push(`${router.name} takes packets to its addresses: ${router.accept_problem}`);
  }
  if (router.virtual_mac_problem !== null) {
    troubles.push(`${router.name} has no proper virtual MAC: ${router.virtual_mac_problem}`);
  }
  for (const { address, mac } of router.duplicate_holders) {
    troubles.push(`${router.name} holds ${address}, and so does ${mac}`);
  }
  for (const { address, reason } of router.addresses_failed) {
    troubles.push(`${router.name} cannot hold ${address}: ${reason}`);
  }
  troubles.push(...heldTroubles(router.name, router));
  for (const tracker of router.trackers) {
    if (!tracker.healthy || tracker.fault) {
      troubles.push(
        `${router.name} tracks ${tracker.kind} ${tracker.name}: ${tracker.reason} ` +
          `(${effectOf(tracker)})`,
      );
    }
  }
  return troubles;
}

function staticTroubles(held: Status["static"]): string[] {
  const addresses = held.addresses.filter(({ reason }) => reason !== null)
    .map(({ address, reason }) => `[static] cannot hold ${address}: ${reason}`);
  return [...addresses, ...heldTroubles("[static]", held)];
}

/** How many of a list of objects are held; no line where there are none. */
function heldLine(name: string, objects: RouterStatus["routes"]): string[][] {
  const held = objects.filter((one) => one.held).length;
  return objects.length === 0 ? [] : [[name, `${held} of ${objects.length} held`]];
}

/** A backup that waits before it preempts. */
function takeoverText({ in_ms, reason }: NonNullable<RouterStatus["takeover"]>): string {
  return `would become master in ${(in_ms / 1000).toFixed(1)} s (${reason})`;
}

/** What a tracker does to the priority. */
function effectOf({ contribution, fault }: RouterStatus["trackers"][number]): string {
  return fault ? "fault" : signed(contribution);
}

function signed(number: number): string {
  return number > 0 ? `+${number}` : `${number}`;
}

/** How the priority comes about, where trackers change it. */
function explainPriority({ priority, effective_priority, trackers }: RouterStatus): string[][] {
  const changing = trackers.filter(({ contribution }) => contribution !== 0);
  if (changing.length === 0) return [];
  const sum = changing.reduce((sum, { contribution }) => sum + contribution, priority);
  const terms = changing.map(({ kind, name, contribution }) =>
    `${contribution < 0 ? "-" : "+"} ${Math.abs(contribution)} (${kind} ${name})`
  );
  let end = `= ${sum}`;
  if (effective_priority !== sum) {
    const why = priority === 255 ? "an owner's never changes" : "from 1 to 254";
    end += `, so ${effective_priority}: ${why}`;
  }
  return [["explained", `${priority} ${terms.join(" ")} ${end}`]];
}

/** Everything about one router. */
export function formatRouter(router: RouterStatus, now: number): string {
  const rows: string[][] = [
    ["virtual router", `${router.name} (id ${router.virtual_router_id} on ${router.interface})`],
    ["state", `${router.state} for ${ageText(router.since, now)}`],
    ["transitions", String(router.transitions)],
    ["priority", priorityText(router)],
    ...explainPriority(router),
    ...(router.override === null ? [] : [["override", overrideText(router.override, now)]]),
    ...(router.sync_group === null ? [] : [["sync group", router.sync_group]]),
    ["preempt", preemptText(router)],
    ...(router.virtual_mac ?? []).map(({ interface: name, type, mac }) => [
      "virtual MAC",
      `${name}, ${mac === null ? type : `${type} with ${mac}`}`,
    ]),
    ["addresses", router.addresses.join(" ")],
    ...(router.excluded_addresses.length === 0
      ? []
      : [["excluded addresses", router.excluded_addresses.join(" ")]]),
    ["held here", router.addresses_held.join(" ") || "none"],
    ["lease", router.address_lease_ms === 0 ? "off" : `${router.address_lease_ms / 1000} s`],
    ...heldLine("routes", router.routes),
    ...heldLine("rules", router.rules),
    ["advertises every", `${router.advertisement_interval_ms} ms`],
    ...router.trackers.map((tracker) => [
      `tracks ${tracker.kind} ${tracker.name}`,
      `${tracker.reason} (${effectOf(tracker)})`,
    ]),
    ["repairs", String(router.repairs)],
    ...router.sessions.flatMap((session) => {
      const which = router.sessions.length > 1 ? `${familyWord(session.family)} ` : "";
      return sessionRows(session, now).map(([name, text]) => [`${which}${name}`, text!]);
    }),
  ];
  const troubles = troublesOf(router).map((trouble) => `\n${escapeText(trouble)}`);
  return formatTable(rows) + troubles.join("");
}

type SessionStatus = RouterStatus["sessions"][number];

function familyWord(family: SessionStatus["family"]): string {
  return family === "ipv4" ? "IPv4" : "IPv6";
}

/** What a router says and hears in one family. */
function sessionRows(session: SessionStatus, now: number): string[][] {
  const { dropped, ...counts } = session.counters;
  return [
    ["source", session.source ?? "none"],
    ["master", masterLine(session)],
    ["master-down interval", `${session.master_down_interval_ms} ms`],
    ["checksum", session.checksum],
    ...authenticationRow(session),
    ...session.peers.map((peer) => [
      `peer ${peer.address}`,
      `priority ${peer.priority}, heard ${ageText(peer.last_heard, now)} ago`,
    ]),
    ...counterRows(counts),
    ["refused", reasonsText(dropped) || "none"],
  ];
}

function authenticationRow({ authentication }: SessionStatus): string[][] {
  if (authentication === null) return [];
  const { type, mode, active_key, keys = [] } = authentication;
  const others = keys.filter((key) => key !== active_key);
  const believes = others.length === 0 ? "" : `, believes ${others.join(", ")} too`;
  const how = mode === undefined ? "" : ` (${mode}), signs with key ${active_key}${believes}`;
  return [["authentication", `${type}${how}`]];
}

function preemptText({ preempt, preempt_delay_ms }: RouterStatus): string {
  if (!preempt) return "no";
  if (preempt_delay_ms === 0) return "yes";
  return `yes, ${preempt_delay_ms / 1000} s after it is healthy`;
}

function masterLine({ master, state }: SessionStatus): string {
  if (master === null) return "none heard";
  const who = state === "master" ? "this node" : master.address;
  return `${who}, priority ${master.priority}`;
}
