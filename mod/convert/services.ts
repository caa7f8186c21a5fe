/**
 * Where virtual servers listen: addresses, ranges, marks, and `virtual_server_group`.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { isIpv6, type Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";

/** Where virtual servers of a group listen. */
export interface ServerGroup {
  readonly listen: readonly {
    readonly text: string;
    readonly port: number;
    readonly statement: Statement;
  }[];
  readonly marks: readonly {
    readonly mark: number;
    readonly ipv6: boolean;
    readonly statement: Statement;
  }[];
  used: boolean;
}

/** An address or range with its port as halb writes it. */
export function listenText(address: string, port: number): string {
  const ipv6 = isIpv6(address);
  const [first = "", last] = address.split("-");
  const range = last === undefined || last.includes(":") || last.includes(".")
    ? address
    // keepalived's short form counts within the last part of the address.
    : `${first}-${first.slice(0, first.search(/[.:][^.:]*$/) + 1)}${last}`;
  if (port === 0) return ipv6 && range.includes("-") ? `[${range.replace("-", "]-[")}]` : range;
  return ipv6 ? `[${range.replace("-", "]-[")}]:${port}` : `${range}:${port}`;
}

/** Where a service listens, as halb writes it: port 0, all of them, is written, too. */
function serviceText(address: string, port: number): string {
  if (port !== 0) return listenText(address, port);
  return listenText(address, 1).replace(/1$/, "0");
}

function isRange(text: string): boolean {
  const [first = "", last, ...more] = text.split(/[-/]/);
  if (parseIp(first) === undefined || more.length > 0) return false;
  return last === undefined || /^[0-9a-fA-F]{1,4}$/.test(last) || parseIp(last) !== undefined;
}

/** A port; 0: all. undefined, and a note: it is none. */
export function portOf(
  scope: Scope,
  statement: Statement,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return 0;
  if (/^[0-9]{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  scope.notes.unread(statement, `"${text}" is no port`);
  return undefined;
}

/** `virtual_server_group NAME { … }`. */
export function serverGroup(scope: Scope, block: Statement): ServerGroup {
  const { notes } = scope;
  const listen: { text: string; port: number; statement: Statement }[] = [];
  const marks: { mark: number; ipv6: boolean; statement: Statement }[] = [];
  for (const line of block.children ?? []) {
    if (line.keyword === "fwmark") {
      const mark = scope.whole(line, 1, 4_294_967_295);
      if (mark !== undefined) marks.push({ mark, ipv6: line.args[1] === "inet6", statement: line });
    } else if (!isRange(line.keyword)) {
      notes.unread(line, `"${line.keyword}" is no address or range`);
    } else {
      const port = portOf(scope, line, line.args[0]);
      if (port !== undefined) {
        listen.push({ text: serviceText(line.keyword, port), port, statement: line });
      }
    }
    if (!notes.has(line)) notes.of(line, "translated");
  }
  return { listen, marks, used: false };
}

/** What a virtual server stands for. */
export interface ServicePlace {
  readonly address: string | undefined;
  readonly mark: number | undefined;
  readonly group: ServerGroup | undefined;
  readonly groupName: string | undefined;
  readonly port: number;
  readonly label: string | undefined;
}

const ORDER = [
  "name",
  "listen",
  "mark",
  "fwmark",
  "family",
  "protocol",
  "scheduler",
  "flags",
  "one_packet",
  "forward",
  "tunnel",
  "persistence",
  "quorum",
  "hysteresis",
  "sorry_server",
  "on_failure",
  "start_down",
  "run_down_on_stop",
  "notify",
  "check",
];

/** Writes the table, for a group of addresses and marks once for each of the two. */
export function writeServices(
  scope: Scope,
  block: Statement,
  table: Table,
  protocol: string | undefined,
  place: ServicePlace,
): void {
  const { address, mark, group, port, label } = place;
  const suffix = protocol === "tcp" ? "" : `-${protocol}`;
  const add = (named: string, own: Record<string, List | string | number>, marked: boolean) => {
    const one = new Table();
    for (const [key, entry] of table.entries) one.entries.set(key, entry);
    one.rest.push(...table.rest);
    let name = scope.name("servers", `${label ?? named}${label === undefined ? suffix : ""}`);
    if (
      scope.root.list("virtual_server").items.some(({ value }) =>
        value instanceof Table && value.get("name") === name
      )
    ) name = scope.name("servers", `${name}-l${block.line}`);
    one.set("name", name);
    for (const [key, value] of Object.entries(own)) one.set(key, value);
    if (marked) one.entries.delete("protocol");
    else one.entries.delete("family");
    scope.root.list("virtual_server").add(one.order(ORDER), remarksOf(block));
  };
  if (address !== undefined) {
    add(`${address}${port === 0 ? "" : `:${port}`}`, { listen: serviceText(address, port) }, false);
  } else if (mark !== undefined) add(`fwmark-${mark}`, { fwmark: mark }, true);
  else if (group !== undefined) {
    const named = place.groupName ?? "group";
    group.used = true;
    if (group.listen.length > 0) {
      const listen = new List();
      for (const { text, statement } of group.listen) listen.add(text, remarksOf(statement));
      const own: Record<string, List | string> = { listen };
      if (scope.globals.markServers) own["mark"] = "auto";
      add(named, own, false);
    }
    for (const ipv6 of [false, true]) {
      const marks = group.marks.filter((one) => one.ipv6 === ipv6);
      if (marks.length === 0) continue;
      const list = new List();
      for (const { mark: own, statement } of marks) list.add(own, remarksOf(statement));
      const family: Record<string, string> = ipv6 ? { family: "ipv6" } : {};
      const name = group.listen.length > 0 || ipv6 ? `${named}-marks${ipv6 ? "6" : ""}` : named;
      add(name, { fwmark: list, ...family }, true);
    }
    if (group.listen.length === 0 && group.marks.length === 0) {
      scope.notes.unread(block, "its group has no address and no mark");
    }
  }
}
