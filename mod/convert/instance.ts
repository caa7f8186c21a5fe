/**
 * `vrrp_instance` to `[[vrrp]]`: reads the keywords. What they mean together is decided in
 * `router.ts`.
 *
 * @module
 */

import { readAddresses, type WrittenAddress } from "./addresses.ts";
import { authentication, hmac } from "./authentication.ts";
import { notifyHandlers, notifyProgram, STATE_PROGRAMS } from "./commands.ts";
import { garpHandlers } from "./garp.ts";
import { INSTANCE_REASONS } from "./reasons.ts";
import { readRoutes } from "./routes.ts";
import { readRules, type RulePriorities } from "./rules.ts";
import type { Handler, Scope } from "./scope.ts";
import { trackHandlers, type Weights } from "./trackers.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";
import { finishRouter } from "./router.ts";

export type ReadAddress = WrittenAddress & { readonly statement: Statement };

/** What an instance says, as far as it takes looking at other keywords. */
export interface Draft {
  readonly table: Table;
  readonly block: Statement;
  readonly name: string;
  /** `MASTER` or `BACKUP` of `state`. */
  state: string;
  version: Statement | undefined;
  interval: Statement | undefined;
  source: Statement | undefined;
  unicast: Table | undefined;
  unicastSource: boolean;
  preempt: Statement | undefined;
  delay: Statement | undefined;
  accept: boolean | undefined;
  strict: boolean;
  checksumAsV2: boolean;
  auth: { readonly statement: Statement; readonly table: Table } | undefined;
  mail: boolean | undefined;
  addresses: ReadAddress[];
  excluded: ReadAddress[];
}

/** What instances need of the rest of the file. */
export interface InstanceContext {
  readonly weights: Weights;
  readonly priorities: RulePriorities;
  /** Instances in sync groups whose weights do not count. */
  readonly unweighted: ReadonlySet<string>;
}

/** `use_vmac [[name] IF] [MAC] [netlink_notify_msg] [group G]` and `use_ipvlan`. */
function virtualMac(scope: Scope, draft: Draft, statement: Statement, type?: string): void {
  const table = new Table();
  if (type !== undefined) table.set("type", type);
  const { args } = statement;
  const id = draft.block.children?.find(({ keyword }) => keyword === "virtual_router_id")?.args[0];
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (word === "name") continue;
    if (word === "netlink_notify_msg" || word === "bridge") {
      scope.notes.add(statement, "needless", word, "its interface is made as `ip link add` does");
    } else if (word === "private" || word === "vepa") {
      scope.notes.add(statement, "dropped", word, "an ipvlan is in L2 mode `bridge`");
    } else if (word === "group") {
      at++;
      scope.notes.add(statement, "needless", word, "nothing of halb goes by the group");
    } else if (/^([0-9a-f]{1,2}:){4,5}[0-9a-f]{1,2}$/i.test(word)) {
      const bytes = word.toLowerCase().split(":").map((byte) => byte.padStart(2, "0"));
      if (bytes.length === 5) bytes.push(Number(id ?? 0).toString(16).padStart(2, "0"));
      table.set("mac", bytes.join(":"));
    } else if (type === "ipvlan" && /[.:].*[.:/]/.test(word)) {
      const reason = "the addresses of an ipvlan are those of the router";
      scope.notes.add(statement, "dropped", "use_ipvlan", reason);
    } else {
      const name = scope.interface(statement, word);
      if (name !== undefined) table.set("interface", name);
    }
  }
  const known = draft.table.get("virtual_mac");
  if (known instanceof Table) {
    for (const [key, entry] of known.entries) table.entries.set(key, entry);
  }
  draft.table.set("virtual_mac", table.entries.size === 0 ? true : table, statement);
}

/** `unicast_peer { IP [min_ttl N] [max_ttl N] }`. */
function unicastPeers(scope: Scope, draft: Draft, block: Statement): void {
  const unicast = draft.unicast ??= new Table();
  const peers = unicast.list("peers");
  for (const line of block.children ?? []) {
    const address = scope.address(line, line.keyword);
    if (address === undefined) continue;
    const peer = new Table().set("address", address);
    for (let at = 0; at < line.args.length; at++) {
      const word = line.args[at]!;
      if (word !== "min_ttl" && word !== "max_ttl") {
        scope.notes.unread(line, `keepalived knows no "${word}" of a peer`);
        continue;
      }
      const ttl = scope.whole(line, 0, 255, ++at);
      if (ttl !== undefined) peer.set(word, ttl);
      unicast.set("check_source", true);
    }
    peers.add(peer.entries.size === 1 ? address : peer, remarksOf(line));
    if (!scope.notes.has(line)) scope.notes.of(line, "translated");
  }
}

/** Handlers of addressing and transport. */
function transport(scope: Scope, draft: Draft): Record<string, Handler> {
  const { table } = draft;
  const { notes } = scope;
  const unicast = () => draft.unicast ??= new Table();
  const source: Handler = (statement) => {
    if (scope.address(statement) === undefined) return;
    draft.source = statement;
    if (statement.keyword === "unicast_src_ip") draft.unicastSource = true;
  };
  const own = table.get("interface");
  const options = typeof own === "string" ? { interface: own } : {};
  const taken = new Set<string>();
  return {
    state: (statement) => {
      draft.state = statement.args[0]?.toUpperCase() ?? "";
      notes.needless(statement, "the priorities decide who is master");
      table.remark(statement);
    },
    interface: (statement) => {
      if (own !== undefined) table.set("interface", own, statement);
    },
    vrf: (statement) => {
      const name = scope.interface(statement);
      if (name !== undefined) table.set("vrf", name, statement);
    },
    virtual_router_id: (statement) => {
      const id = scope.whole(statement, 1, 255);
      if (id !== undefined) table.set("virtual_router_id", id, statement);
    },
    priority: (statement) => {
      const priority = scope.whole(statement, 1, 255);
      // Where keepalived cannot read it, it is 100: beside `state MASTER`, too.
      if (priority !== undefined || statement.args.length > 0) {
        table.set("priority", priority ?? 100, statement);
      }
    },
    advert_int: (statement) => {
      draft.interval = statement;
    },
    version: (statement) => {
      if (scope.whole(statement, 2, 3) !== undefined) draft.version = statement;
    },
    virtual_ipaddress: (block) => {
      draft.addresses.push(...readAddresses(scope, block, options, taken));
      table.set("addresses", new List(), block);
    },
    virtual_ipaddress_excluded: (block) => {
      draft.excluded.push(...readAddresses(scope, block, options, taken));
      table.set("excluded_addresses", new List(), block);
    },
    no_virtual_ipaddress: (statement) => {
      const reason = "an advert without addresses says nothing about them";
      notes.dropped(statement, reason, "give the router an address that nobody uses");
      table.remark(statement);
    },
    promote_secondaries: (statement) => {
      table.set("promote_secondaries", true, statement);
    },
    mcast_src_ip: source,
    unicast_src_ip: source,
    mcast_dst_ip: (statement) => {
      const group = scope.address(statement);
      if (group !== undefined) table.set("multicast_group", group, statement);
    },
    unicast_peer: (block) => {
      unicastPeers(scope, draft, block);
      table.set("unicast", unicast(), block);
    },
    unicast_ttl: (statement) => {
      const ttl = scope.whole(statement, 1, 255);
      if (ttl !== undefined) unicast().set("ttl", ttl, statement);
    },
    check_unicast_src: (statement) => {
      const flag = scope.flag(statement);
      if (flag !== undefined) unicast().set("check_source", flag, statement);
    },
    v3_checksum_as_v2: (statement) => {
      draft.checksumAsV2 = scope.flag(statement) ?? draft.checksumAsV2;
    },
    strict_mode: (statement) => {
      draft.strict = scope.flag(statement) ?? draft.strict;
    },
    owner_ignore_adverts: (statement) => {
      const flag = scope.flag(statement);
      if (flag !== undefined) table.set("owner_ignore_adverts", flag, statement);
    },
    dont_track_primary: (statement) => {
      table.table("track").set("own_interface", false, statement);
    },
    lvs_sync_daemon_interface: (statement) => {
      const name = scope.interface(statement);
      const id = table.get("virtual_router_id");
      if (name === undefined) return;
      const daemon = Table.of({
        interface: name,
        follow: draft.name,
        id: typeof id === "number" ? id : undefined,
      });
      const ipvs = scope.root.table("ipvs");
      if (ipvs.get("sync_daemon") !== undefined) {
        return notes.dropped(statement, "the kernel has one sync daemon");
      }
      ipvs.set("sync_daemon", daemon, statement);
    },
    use_vmac: (statement) => virtualMac(scope, draft, statement),
    use_ipvlan: (statement) => virtualMac(scope, draft, statement, "ipvlan"),
    vmac_xmit_base: (statement) => {
      const known = table.get("virtual_mac");
      const mac = known instanceof Table ? known : new Table();
      table.set("virtual_mac", mac.set("transmit_on_base", true), statement);
    },
  };
}

/** Handlers of election and timers. */
function election(scope: Scope, draft: Draft): Record<string, Handler> {
  const { table } = draft;
  const flag = (key: string, turn: boolean): Handler => (statement) => {
    const value = scope.flag(statement);
    if (value !== undefined) table.set(key, value !== turn, statement);
  };
  return {
    nopreempt: (statement) => {
      draft.preempt = statement;
    },
    preempt: (statement) => {
      draft.preempt = undefined;
      scope.notes.needless(statement, "it is so unless it is switched off");
    },
    preempt_delay: (statement) => {
      draft.delay = statement;
    },
    accept: () => {
      draft.accept = true;
    },
    no_accept: () => {
      draft.accept = false;
    },
    down_timer_adverts: (statement) => {
      const count = scope.whole(statement, 1, 100);
      if (count !== undefined) table.set("down_timer_adverts", count, statement);
    },
    lower_prio_no_advert: flag("answer_lower_priority", true),
    higher_prio_send_advert: flag("advertise_before_yielding", false),
    ...garpHandlers(scope, () => table.table("garp")),
  };
}

/** `vrrp_instance NAME { … }`. */
export function instance(scope: Scope, block: Statement, context: InstanceContext): void {
  const [written = ""] = block.args;
  const name = scope.name("routers", written, block);
  const table = new Table().set("name", name);
  const children = block.children ?? [];
  const own = children.findLast(({ keyword }) => keyword === "interface");
  const interfaceName = own === undefined ? undefined : scope.interface(own);
  if (interfaceName !== undefined) table.set("interface", interfaceName);
  const draft: Draft = {
    table,
    block,
    name,
    state: "",
    version: undefined,
    interval: undefined,
    source: undefined,
    unicast: undefined,
    unicastSource: false,
    preempt: undefined,
    delay: undefined,
    accept: undefined,
    strict: scope.globals.strict,
    checksumAsV2: scope.globals.checksumAsV2,
    auth: undefined,
    mail: scope.globals.mailRouters,
    addresses: [],
    excluded: [],
  };
  const priority = children.findLast(({ keyword }) => keyword === "priority")?.args[0];
  const state = children.findLast(({ keyword }) => keyword === "state")?.args[0];
  const isOwner = priority === "255" || priority === undefined && state?.toUpperCase() === "MASTER";
  const notify = () => table.table("notify");
  scope.block(
    children,
    {
      ...transport(scope, draft),
      ...election(scope, draft),
      ...trackHandlers(scope, {
        track: () => table.table("track"),
        unweighted: context.unweighted.has(written),
        owner: isOwner,
        weights: context.weights,
      }),
      ...notifyHandlers(scope, notify, {
        ...STATE_PROGRAMS,
        notify_master_rx_lower_pri: "master_rx_lower_priority",
      }),
      notify_deleted: (statement) => {
        if (statement.args.length === 0) notify().set("deleted", true, statement);
        else notifyProgram(scope, notify(), "deleted", statement);
      },
      notify_priority_changes: (statement) => {
        const flag = scope.flag(statement);
        if (flag !== undefined) notify().set("priority_changes", flag, statement);
      },
      smtp_alert: (statement) => {
        draft.mail = scope.alert(statement);
      },
      authentication: (statement) => {
        const auth = authentication(scope, statement);
        if (auth !== undefined) draft.auth = { statement, table: auth };
      },
      auth_hmac: (statement) => {
        const auth = hmac(scope, statement);
        if (auth !== undefined) draft.auth = { statement, table: auth };
      },
      virtual_routes: (statement) => {
        readRoutes(scope, statement, table.list("routes"));
        table.set("routes", table.list("routes"), statement);
      },
      virtual_rules: (statement) => {
        readRules(scope, statement, table.list("rules"), context.priorities);
        table.set("rules", table.list("rules"), statement);
      },
    },
    INSTANCE_REASONS,
    "in a vrrp_instance",
    table,
  );
  finishRouter(scope, draft);
}
