/**
 * `global_defs`, and what else stands at the top: `[agent]`, `[mail]`, `[ipvs]` and
 * `[defaults.vrrp]`.
 *
 * @module
 */

import { own } from "../values/mod.ts";
import { program } from "./commands.ts";
import { garpHandlers } from "./garp.ts";
import { mailHandlers, noteUselessMail } from "./mail.ts";
import { GLOBAL_REASONS } from "./reasons.ts";
import type { Handler, Scope } from "./scope.ts";
import { snmpHandlers } from "./snmp.ts";
import type { Statement } from "./types.ts";
import { List, Table } from "./value.ts";

const HOUR = 3_600_000_000;
/** Longest time that the kernel keeps connections for, in microseconds: 24 days. */
const LONGEST_TIMEOUT = 24 * 86_400_000_000;

/** A FIFO, its owner, and the program that reads it: of all, or the one of a part. */
function fifoHandlers(
  scope: Scope,
  agent: () => Table,
  fifos: ReadonlySet<string>,
): Record<string, Handler> {
  const { notes } = scope;
  const notify = () => agent().table("notify");
  const fifo: Handler = (statement) => {
    const [path = "", ...owner] = statement.args;
    const known = notify().get("fifo");
    if (!path.startsWith("/")) {
      return notes.dropped(statement, `"${path}" is no absolute path`, "write it from / on");
    }
    if (known !== undefined && known !== path) {
      const instead = "notify = { fifo = … } of a router or server has its own";
      return notes.dropped(statement, `one FIFO has the lines of all: ${known}`, instead);
    }
    notify().set("fifo", path, statement);
    if (owner.length > 0) notify().set("fifo_user", owner.slice(0, 2).join(":"));
    if (statement.keyword !== "notify_fifo") {
      notes.approximated(statement, "the FIFO has the lines of routers and of servers");
    }
  };
  const reader: Handler = (statement) => {
    const read = program(scope, statement);
    if (read === undefined) return;
    if (!fifos.has(statement.keyword.replace("_script", ""))) {
      return notes.needless(statement, "there is no FIFO that it could read");
    }
    if (notify().get("fifo_script") !== undefined) {
      return notes.dropped(statement, "one FIFO has one program that reads it");
    }
    notify().set("fifo_script", read.command, statement);
  };
  return {
    notify_fifo: fifo,
    vrrp_notify_fifo: fifo,
    lvs_notify_fifo: fifo,
    notify_fifo_script: reader,
    vrrp_notify_fifo_script: reader,
    lvs_notify_fifo_script: reader,
    fifo_write_vrrp_states_on_reload: (statement) => {
      notify().set("states_on_reload", true, statement);
    },
  };
}

/** Handlers of the agent itself. */
function agentHandlers(
  scope: Scope,
  agent: () => Table,
  keywords: ReadonlySet<string>,
): Record<string, Handler> {
  const { notes, globals } = scope;
  const once = (key: string): Record<string, Handler> => ({
    [key]: (statement) => {
      const read = program(scope, statement);
      if (read === undefined) return;
      const table = agent().table(key).set("command", read.command, statement);
      if (read.user !== undefined) table.set("user", read.user);
    },
    [`${key}_timeout`]: (statement) => {
      if (!keywords.has(key)) return notes.needless(statement, `there is no ${key}`);
      const time = scope.time(statement, 1_000_000, 1_000_000_000);
      if (time !== undefined) agent().table(key).set("timeout", time, statement);
    },
  });
  const delay = (key: string): Handler => (statement) => {
    const time = scope.time(statement, 0, HOUR);
    if (time !== undefined) agent().set(key, time, statement);
  };
  return {
    router_id: (statement) => {
      const name = scope.text(statement);
      if (name === undefined) return;
      if (scope.byHost) {
        const reason = "the agent is called by the id that is behind @, in mail, too: by_host " +
          "selects by it";
        notes.approximated(statement, reason, "halb --name ID, unless it is the host's name");
        return agent().remark(statement);
      }
      agent().set("name", scope.name("agent", name, statement), statement);
    },
    ...once("startup_script"),
    ...once("shutdown_script"),
    script_user: (statement) => {
      const user = statement.args.flatMap((word) => word.split(":")).filter((word) => word !== "");
      if (user.length === 0) return notes.unread(statement, "there is no user");
      agent().set("script_user", user.slice(0, 2).join(":"), statement);
      globals.scriptUser = true;
    },
    enable_script_security: (statement) => {
      globals.scriptSecurity = true;
      notes.needless(statement, "always so, and for every user");
    },
    vrrp_startup_delay: delay("startup_delay"),
    vrrp_delay_after_boot: delay("delay_after_boot"),
    log_unknown_vrids: (statement) => {
      const reason = "they are counted at every level, and told of at level debug";
      notes.dropped(statement, reason, 'log = { level = "debug" } in [agent]');
    },
    vrrp_rt_priority: (statement) => {
      const priority = scope.whole(statement, 1, 99);
      if (priority === undefined) return;
      agent().table("realtime").set("policy", "rr").set("priority", priority, statement);
    },
    vrrp_no_swap: (statement) => {
      agent().table("realtime").set("lock_memory", true, statement);
    },
    vrrp_cpu_affinity: (statement) => {
      const cpus = statement.args.map((text) => /^[0-9]{1,4}$/.test(text) ? Number(text) : NaN);
      if (cpus.length === 0 || cpus.some(Number.isNaN)) {
        return notes.unread(statement, "there are no numbers of processors");
      }
      agent().table("realtime").set("cpus", List.of(cpus), statement);
    },
    net_namespace: (statement) => {
      const name = scope.text(statement);
      if (name !== undefined) agent().set("namespace", name, statement);
    },
    net_namespace_ipvs: (statement) => {
      const name = scope.text(statement);
      if (name !== undefined) scope.root.table("ipvs").set("namespace", name, statement);
    },
    instance: (statement) => {
      const name = (statement.args[0] ?? "").replaceAll(/[^\w.-]/g, "-").slice(0, 32)
        .replace(/^[^A-Za-z0-9]+/, "");
      if (name === "") return notes.unread(statement, "there is no name");
      agent().set("instance", name, statement);
    },
  };
}

/** Handlers of the load balancer. */
function balanceHandlers(
  scope: Scope,
  later: (statement: Statement) => void,
): Record<string, Handler> {
  const ipvs = () => scope.root.table("ipvs");
  const stop: Handler = (statement) => {
    ipvs().set("on_stop", "remove", statement);
    if (statement.args[0] === "VS") return;
    const reason = "what is ours is removed, nothing of others";
    scope.notes.approximated(statement, reason, "ipvsadm --clear afterwards");
  };
  return {
    lvs_timeouts: (statement) => {
      const keys: Record<string, string> = { tcp: "tcp", tcpfin: "tcp_fin", udp: "udp" };
      const timeouts = new Table();
      for (let at = 0; at < statement.args.length; at += 2) {
        const key = keys[statement.args[at]!];
        const time = scope.time(statement, 1_000_000, LONGEST_TIMEOUT, at + 1);
        if (key === undefined) {
          scope.notes.unread(statement, `"${statement.args[at]}" is no timeout`);
        } else if (time !== undefined) timeouts.set(key, time);
      }
      if (timeouts.entries.size > 0) ipvs().set("timeouts", timeouts, statement);
    },
    lvs_flush: (statement) => {
      ipvs().set("flush", true, statement);
    },
    lvs_flush_on_stop: stop,
    lvs_flush_onstop: stop,
    lvs_sync_daemon: later,
    nftables_ipvs: () => {
      scope.globals.markServers = true;
    },
  };
}

/** Handlers of what holds for all instances. */
function routerHandlers(scope: Scope, defaults: () => Table): Record<string, Handler> {
  const { globals, notes } = scope;
  const group: Handler = (statement) => {
    const address = scope.address(statement);
    if (address === undefined) return;
    const list = defaults().list("multicast_group");
    list.add(address);
    defaults().set("multicast_group", list, statement);
  };
  const gap = (key: string): Handler => (statement) => {
    const time = scope.time(statement, 0, 10_000_000);
    if (time !== undefined) defaults().table("garp").set(key, time, statement);
  };
  const flag = (key: string, turn: boolean): Handler => (statement) => {
    const value = scope.flag(statement);
    if (value !== undefined) defaults().set(key, value !== turn, statement);
  };
  const garp = Object.entries(garpHandlers(scope, () => defaults().table("garp")));
  return {
    ...Object.fromEntries(garp.map(([keyword, handler]) => [`vrrp_${keyword}`, handler])),
    vrrp_mcast_group4: group,
    vrrp_mcast_group6: group,
    default_interface: (statement) => {
      const name = scope.interface(statement);
      if (name !== undefined) globals.interface = name;
    },
    vrrp_version: (statement) => {
      const version = scope.whole(statement, 2, 3);
      if (version !== undefined) globals.version = version as 2 | 3;
    },
    vrrp_garp_interval: gap("interval"),
    vrrp_gna_interval: gap("neighbour_interval"),
    vrrp_min_garp: (statement) => {
      if (scope.flag(statement) !== true) return;
      defaults().table("garp").set("repeat", 1, statement).set("delay", "0s");
    },
    vrrp_down_timer_adverts: (statement) => {
      const count = scope.whole(statement, 1, 100);
      if (count !== undefined) defaults().set("down_timer_adverts", count, statement);
    },
    vrrp_lower_prio_no_advert: flag("answer_lower_priority", true),
    vrrp_higher_prio_send_advert: flag("advertise_before_yielding", false),
    v3_checksum_as_v2: (statement) => {
      globals.checksumAsV2 = scope.flag(statement) ?? false;
    },
    vrrp_check_unicast_src: (statement) => {
      globals.checkSource = scope.flag(statement) ?? false;
    },
    vrrp_strict: (statement) => {
      globals.strict = scope.flag(statement) ?? false;
      if (globals.strict) notes.of(statement, "translated");
    },
    vrrp_owner_ignore_adverts: flag("owner_ignore_adverts", false),
    vrrp_notify_priority_changes: (statement) => {
      globals.priorityChanges = scope.flag(statement);
    },
  };
}

/** Handlers of all that stands at the top or in `global_defs`; `keywords`: what stands there. */
export function globalHandlers(
  scope: Scope,
  keywords: ReadonlySet<string>,
  later: (statement: Statement) => void,
): { readonly handlers: Record<string, Handler>; readonly mail: Table } {
  const mail = new Table();
  const agent = () => scope.root.table("agent");
  const defaults = () => scope.root.table("defaults").table("vrrp");
  const handlers: Record<string, Handler> = {
    ...mailHandlers(scope, mail),
    ...fifoHandlers(scope, agent, keywords),
    ...agentHandlers(scope, agent, keywords),
    ...snmpHandlers(scope, agent, keywords),
    ...balanceHandlers(scope, later),
    ...routerHandlers(scope, defaults),
  };
  return { handlers, mail };
}

/** `global_defs { … }`. */
export function globalDefinitions(
  scope: Scope,
  block: Statement,
  handlers: Record<string, Handler>,
): void {
  noteUselessMail(scope, block);
  const agent = scope.root.table("agent");
  scope.root.set("agent", agent, block);
  scope.block(block.children ?? [], handlers, GLOBAL_REASONS, "in global_defs", agent);
}

/** Takes out what lacks the program or FIFO that it is about. */
export function finishAgent(scope: Scope): void {
  const agent = scope.root.get("agent");
  if (!(agent instanceof Table)) return;
  for (const key of ["startup_script", "shutdown_script"]) {
    const table = agent.get(key);
    if (table instanceof Table && table.get("command") === undefined) agent.entries.delete(key);
    else if (table instanceof Table) table.order(["command", "user", "timeout"]);
  }
  const notify = agent.get("notify");
  if (!(notify instanceof Table) || notify.get("fifo") !== undefined) return;
  notify.entries.delete("fifo_script");
  notify.entries.delete("fifo_user");
  if (notify.entries.size === 0) agent.entries.delete("notify");
}

/** `lvs_sync_daemon IF [[inst] VI] [id N] [maxlen N] [port N] [ttl N] [group IP]`. */
export function syncDaemon(scope: Scope, statement: Statement): void {
  const name = scope.interface(statement);
  if (name === undefined) return;
  const daemon = new Table().set("interface", name);
  const words = statement.args.slice(1);
  const numbers: Record<string, readonly [string, number, number]> = {
    id: ["id", 0, 255],
    maxlen: ["max_length", 1, 65_507],
    port: ["port", 1, 65_535],
    ttl: ["ttl", 1, 255],
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const number = own(numbers, word);
    if (number !== undefined) {
      const value = scope.whole(statement, number[1], number[2], ++at + 1);
      const kept = word === "maxlen" ? Math.max(value ?? 1_024, 1_024) : value;
      if (kept !== undefined) daemon.set(number[0], kept);
    } else if (word === "group") {
      const address = scope.address(statement, words[++at] ?? "");
      if (address !== undefined) daemon.set("group", address);
    } else {
      const written = word === "inst" ? words[++at] ?? "" : word;
      const router = scope.root.list("vrrp").items.map(({ value }) => value).find((value) =>
        value instanceof Table && value.get("name") === scope.known("routers", written)
      );
      if (!(router instanceof Table)) {
        scope.notes.approximated(statement, `there is no instance ${written}: both daemons run`);
      } else {
        daemon.set("follow", router.get("name")!);
        const id = router.get("virtual_router_id");
        if (daemon.get("id") === undefined && id !== undefined) daemon.set("id", id);
      }
    }
  }
  if (scope.root.list("vrrp").items.length === 0) scope.root.entries.delete("vrrp");
  scope.root.table("ipvs").set("sync_daemon", daemon, statement);
}
