/**
 * `virtual_server_group`, `virtual_server` and `real_server` to `[[virtual_server]]`.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { checker, CHECKERS, isUdpChecker } from "./checkers.ts";
import { notifyHandlers } from "./commands.ts";
import { inlineText, isCommented } from "./emit.ts";
import { forwarding, writeForwarding } from "./forwarding.ts";
import { SERVER_REASONS } from "./reasons.ts";
import { type Handler, isIpv6, type Scope } from "./scope.ts";
import { listenText, portOf, type ServerGroup, writeServices } from "./services.ts";
import { timeHandlers, type Times } from "./times.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";

/** What virtual servers need of the rest of the file. */
export interface ServerContext {
  readonly groups: ReadonlyMap<string, ServerGroup>;
  readonly files: ReadonlyMap<string, Table>;
  readonly tls: Table;
}

/** What a virtual server says, as it is read. */
interface Draft {
  readonly table: Table;
  readonly servers: List;
  readonly port: number;
  protocol: string | undefined;
  readonly times: Times;
  readonly ipv6: boolean | undefined;
}

/** `persistence_granularity` as a prefix length: a mask, or a length. */
function prefixLength(text: string): number | undefined {
  if (/^[0-9]{1,3}$/.test(text) && Number(text) <= 128) return Number(text);
  const bytes = parseIp(text);
  if (bytes === undefined) return undefined;
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits) ? bits.replaceAll("0", "").length : undefined;
}

/** Handlers of what the kernel's table has of a service. */
function serviceHandlers(scope: Scope, draft: Draft): Record<string, Handler> {
  const { table } = draft;
  const { notes } = scope;
  const scheduler: Handler = (statement) => {
    const name = scope.text(statement);
    if (name !== undefined) table.set("scheduler", name, statement);
  };
  const flag: Handler = (statement) => {
    table.set("flags", table.list("flags").add(statement.keyword), statement);
  };
  const persistence = () => {
    const known = table.get("persistence");
    if (known instanceof Table) return known;
    const made = new Table();
    table.set("persistence", made);
    return made;
  };
  return {
    lvs_sched: scheduler,
    lb_algo: scheduler,
    ...Object.fromEntries(
      "flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback".split(" ")
        .map((word) => [word, flag]),
    ),
    ops: (statement) => {
      table.set("one_packet", true, statement);
    },
    persistence_timeout: (statement) => {
      if (/^0+$/.test(statement.args[0] ?? "")) {
        return notes.approximated(statement, "a time of 0 makes no service persistent: left out");
      }
      const time = statement.args.length === 0 ? "360s" : scope.time(
        statement,
        1_000_000,
        31 * 86_400_000_000,
      );
      if (time !== undefined) {
        table.set("persistence", persistence().set("timeout", time), statement);
      }
    },
    persistence_engine: (statement) => {
      const [engine = ""] = statement.args;
      if (engine !== "sip") return notes.unread(statement, `the kernel has sip alone`);
      table.set("persistence", persistence().set("engine", engine), statement);
    },
    persistence_granularity: (statement) => {
      const length = prefixLength(statement.args[0] ?? "");
      if (length === undefined) {
        return notes.unread(statement, `"${statement.args[0] ?? ""}" is no mask`);
      }
      if (draft.ipv6 === false && /^[0-9]+$/.test(statement.args[0] ?? "")) {
        const reason = `keepalived reads it as the mask 0.0.0.${length}: written as /${length}`;
        notes.approximated(statement, reason, "look which clients should reach one server");
      }
      table.set("persistence", persistence().set("prefix_length", length), statement);
    },
    protocol: (statement) => {
      const name = statement.args[0]?.toLowerCase() ?? "";
      if (["tcp", "udp", "sctp"].includes(name)) {
        draft.protocol = name;
        table.set("protocol", name, statement);
      } else notes.unread(statement, `"${statement.args[0] ?? ""}" is none of TCP, UDP, SCTP`);
    },
    ip_family: (statement) => {
      if (statement.args[0] === "inet6") table.set("family", "ipv6", statement);
      else notes.needless(statement, "it is so unless it is said");
    },
    quorum: (statement) => {
      const quorum = scope.whole(statement, 1, 4_294_967_295);
      if (quorum !== undefined) table.set("quorum", quorum, statement);
    },
    hysteresis: (statement) => {
      const value = scope.whole(statement, 0, 4_294_967_294);
      if (value !== undefined && value > 0) table.set("hysteresis", value, statement);
    },
    weight: (statement) => {
      const weight = scope.whole(statement, 0, 65_535);
      if (weight !== undefined) table.set("default_weight", weight, statement);
    },
    omega: (statement) => {
      table.set("run_down_on_stop", true, statement);
    },
  };
}

/** What a real server and a virtual one may say alike. */
function sharedHandlers(scope: Scope, table: Table, times: Times): Record<string, Handler> {
  const method: Handler = (statement) => forwarding(scope, statement, table);
  return {
    // Of less than one retry keepalived takes notice in checkers alone.
    ...timeHandlers(scope, times, 1),
    lvs_method: method,
    lb_kind: method,
    inhibit_on_failure: (statement) => {
      const flag = scope.flag(statement);
      if (flag === true) table.set("on_failure", "weight-zero", statement);
      else if (flag === false) table.set("on_failure", "remove", statement);
    },
    alpha: (statement) => {
      const flag = scope.flag(statement);
      if (flag !== undefined) table.set("start_down", flag, statement);
    },
    virtualhost: (statement) => {
      const host = scope.plain(statement);
      if (host !== undefined) times.host = host;
    },
  };
}

/** `real_server IP [PORT] { … }`. */
function realServer(scope: Scope, block: Statement, server: Draft, context: ServerContext): void {
  const { notes } = scope;
  const address = scope.address(block);
  const port = portOf(scope, block, block.args[1]);
  if (address === undefined || port === undefined) return;
  const table = new Table().set("address", "").set("weight", 1);
  const common = server.table.get("default_weight");
  if (typeof common === "number") table.set("weight", common);
  const times: Times = { ...server.times };
  const children = block.children ?? [];
  const thresholds = () => table.table("thresholds");
  // Of real servers keepalived tells unless it is told not to (keepalived.conf(5)).
  let mail = scope.globals.mailServers ?? true;
  const checks: Statement[] = [];
  scope.block(
    children,
    {
      ...sharedHandlers(scope, table, times),
      weight: (statement) => {
        const weight = scope.whole(statement, 0, 65_535);
        if (weight !== undefined) table.set("weight", weight, statement);
      },
      uthreshold: (statement) => {
        const count = scope.whole(statement, 0, 4_294_967_295);
        if (count !== undefined) thresholds().set("upper", count, statement);
      },
      lthreshold: (statement) => {
        const count = scope.whole(statement, 0, 4_294_967_295);
        if (count !== undefined) thresholds().set("lower", count, statement);
      },
      smtp_alert: (statement) => {
        mail = scope.alert(statement) ?? mail;
      },
      snmp_name: (statement) => {
        notes.needless(statement, "a real server is known by its address and port");
      },
      ...notifyHandlers(scope, () => table.table("notify"), {
        notify_up: "up",
        notify_down: "down",
      }),
      ...Object.fromEntries(CHECKERS.map((word) => [word, (statement: Statement) => {
        checks.push(statement);
      }])),
    },
    {},
    "in a real_server",
    table,
  );
  if (mail === true && scope.globals.hasMail) table.table("notify").set("mail", true);
  const forward = String(table.get("forward") ?? server.table.get("forward") ?? "nat");
  const kept = forward !== "nat" && port !== server.port ? 0 : port;
  if (kept !== port) {
    const reason = "without NAT packets arrive at the port that the client asked for";
    notes.approximated(block, reason, "checks ask the port that is written");
  }
  table.set("address", kept === 0 ? address : listenText(address, kept));
  const ask = port !== 0 ? port : server.port;
  const list = new List();
  for (const statement of checks) {
    const read = checker(scope, statement, times, {
      files: context.files,
      tls: context.tls,
      ...(ask === 0 ? {} : { port: ask }),
      hasPort: kept !== 0,
    });
    for (const check of read) list.add(check);
  }
  if (list.items.length > 0) {
    table.set("check", list.items.length === 1 ? list.items[0]!.value : list);
  } else if (table.get("start_down") ?? server.table.get("start_down")) {
    // Nothing would ever bring it up; keepalived's alpha is about checkers, too.
    table.set("start_down", false);
  }
  table.order(["address", "weight", "forward", "tunnel", "on_failure", "start_down"]);
  server.servers.add(table, remarksOf(block));
  if (!notes.has(block)) notes.of(block, "translated");
}

/** One check of all servers stands at the virtual server. */
function shareChecks(table: Table, servers: List): void {
  const tables = servers.items.map(({ value }) => value as Table);
  const checks = tables.map((server) => server.entries.get("check"));
  const [first, ...more] = checks;
  if (first === undefined || tables.length < 2) return;
  // What is said of one server's check is not said of all.
  if (more.some((check) => check !== undefined && isCommented(check.value))) return;
  const text = inlineText(first.value);
  if (!checks.every((check) => check !== undefined && inlineText(check.value) === text)) return;
  table.entries.set("check", first);
  for (const server of tables) server.entries.delete("check");
}

/** `virtual_server IP [PORT] | fwmark N | group NAME { … }`. */
export function virtualServer(scope: Scope, block: Statement, context: ServerContext): void {
  const { notes } = scope;
  const [first = "", second] = block.args;
  const group = first === "group" ? context.groups.get(second ?? "") : undefined;
  if (first === "group" && group === undefined) {
    return notes.unread(block, `there is no virtual_server_group ${second ?? ""}`);
  }
  const mark = first === "fwmark" ? scope.whole(block, 1, 4_294_967_295, 1) : undefined;
  const address = first === "fwmark" || group !== undefined ? undefined : scope.address(block);
  const port = address === undefined ? 0 : portOf(scope, block, second);
  if (port === undefined || (mark ?? group ?? address) === undefined) return;
  const times: Times = {};
  const read = scope.count;
  const table = new Table();
  const draft: Draft = {
    table,
    servers: new List(),
    port: group === undefined ? port : group.listen[0]?.port ?? 0,
    protocol: undefined,
    times,
    ipv6: address === undefined ? undefined : isIpv6(address),
  };
  let mail = scope.globals.mailServers;
  let label: string | undefined;
  const sorry = new Table();
  const later: Statement[] = [];
  scope.block(
    block.children ?? [],
    {
      ...sharedHandlers(scope, table, times),
      ...serviceHandlers(scope, draft),
      smtp_alert: (statement) => {
        mail = scope.alert(statement);
      },
      snmp_name: (statement) => {
        label = scope.text(statement);
      },
      sorry_server: (statement) => {
        const host = scope.address(statement);
        const at = portOf(scope, statement, statement.args[1]);
        if (host === undefined || at === undefined) return;
        table.set("sorry_server", sorry.set("address", listenText(host, at)), statement);
      },
      sorry_server_inhibit: (statement) => {
        if (scope.flag(statement) === true) sorry.set("inhibit", true);
      },
      sorry_server_lvs_method: (statement) => forwarding(scope, statement, sorry),
      ...notifyHandlers(scope, () => table.table("notify"), {
        quorum_up: "quorum_up",
        quorum_down: "quorum_down",
      }),
      real_server: (statement) => {
        // Behind what they inherit, wherever that stands.
        later.push(statement);
      },
    },
    SERVER_REASONS,
    "in a virtual_server",
    table,
  );
  if (later.length === 0) {
    notes.dropped(block, "keepalived ignores a virtual server without real servers");
    return notes.within(block);
  }
  for (const statement of later) realServer(scope, statement, draft, context);
  if (mail === true && scope.globals.hasMail) table.table("notify").set("mail", true);
  if (draft.protocol === undefined) {
    const kinds = later.flatMap(({ children = [] }) => children.map(({ keyword }) => keyword))
      .filter((keyword) => CHECKERS.includes(keyword));
    const udp = kinds.length > 0 && kinds.every(isUdpChecker);
    draft.protocol = udp ? "udp" : "tcp";
    table.set("protocol", draft.protocol);
    if (!udp && mark === undefined) {
      const reason = "it says no protocol, which is UDP for keepalived 2.2: written as tcp";
      notes.approximated(block, reason, "name the protocol that its clients speak");
    }
  }
  writeForwarding(scope, block, table, sorry, draft);
  // Behind this the table is copied, and checks that are alike become one.
  scope.keepComments(read);
  if (draft.servers.items.length > 0) {
    shareChecks(table, draft.servers);
    table.set("real_server", draft.servers);
  }
  settleQuorum(scope, block, table);
  const place = { address, mark, group, port, label, groupName: second };
  writeServices(scope, block, table, draft.protocol, place);
  if (!notes.has(block)) notes.of(block, "translated");
}

/** What halb refuses of a quorum. */
function settleQuorum(scope: Scope, block: Statement, table: Table): void {
  const quorum = Number(table.get("quorum") ?? 1);
  const hysteresis = Number(table.get("hysteresis") ?? 0);
  const servers = table.get("real_server");
  const items = servers instanceof List ? servers.items : [];
  const total = items.reduce(
    (sum, { value }) => sum + Number(value instanceof Table ? value.get("weight") : 0),
    0,
  );
  // Nothing could meet it, and halb refuses that; without servers it may be met later.
  const met = total > 0 ? Math.min(quorum, total) : quorum;
  if (met !== quorum) {
    table.set("quorum", met);
    const reason = `its real servers weigh ${total} together, less than the quorum: now ${met}`;
    scope.notes.approximated(block, reason);
  }
  const most = Math.min(met - 1, total > 0 ? total - met : met - 1);
  if (hysteresis <= most) return;
  table.entries.delete("hysteresis");
  if (most > 0) table.set("hysteresis", most);
  const reason = `with a hysteresis of ${hysteresis} the quorum is never met: written as ${most}`;
  scope.notes.approximated(block, reason);
}
