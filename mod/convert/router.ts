/**
 * What the keywords of an instance mean together, as keepalived takes them: the version follows
 * from the family, a password from the version, preemption from the state.
 *
 * @module
 */

import { isLinkLocal } from "../ip/mod.ts";
import { addressList } from "./addresses.ts";
import type { Draft } from "./instance.ts";
import { isIpv6, type Scope, timeText } from "./scope.ts";
import { List, remarksOf, Table } from "./value.ts";

const ORDER = [
  "name",
  "interface",
  "vrf",
  "virtual_router_id",
  "version",
  "strict",
  "priority",
  "advertisement_interval",
  "down_timer_adverts",
  "preempt",
  "preempt_delay",
  "accept",
  "answer_lower_priority",
  "advertise_before_yielding",
  "owner_ignore_adverts",
  "checksum",
  "source",
  "multicast_group",
  "unicast",
  "virtual_mac",
  "auth",
  "addresses",
  "excluded_addresses",
  "routes",
  "rules",
  "promote_secondaries",
  "garp",
  "track",
  "notify",
];

/** What is tracked, in the order of the documentation. */
const TRACKS = ["own_interface", "interfaces", "scripts", "processes", "files", "bfd"];

/** The addresses; false: there are none, and the router cannot be written. */
function settleAddresses(scope: Scope, draft: Draft): boolean {
  const { table, block } = draft;
  const ipv6 = draft.addresses[0]?.ipv6;
  const own = draft.addresses.filter((address) => {
    if (address.ipv6 === ipv6) return true;
    const reason = "keepalived ignores an address of another family than the first one";
    const instead = "excluded_addresses take both families";
    scope.notes.dropped(address.statement, reason, instead);
    return false;
  });
  if (own.length === 0 && draft.excluded.length > 0) {
    own.push(draft.excluded.shift()!);
    const reason =
      "adverts need an address: the first one of virtual_ipaddress_excluded is in them";
    scope.notes.approximated(block, reason, "all nodes must have the same addresses");
  }
  if (own.length === 0) {
    const reason = "it has no address: nothing would move";
    scope.notes.dropped(block, reason, "give the router an address that nobody uses");
    return false;
  }
  draft.addresses = own;
  table.set("addresses", addressList(own));
  if (draft.excluded.length > 0) table.set("excluded_addresses", addressList(draft.excluded));
  else table.entries.delete("excluded_addresses");
  return true;
}

/** Version and interval. */
function settleVersion(scope: Scope, draft: Draft, ipv6: boolean): 2 | 3 {
  const { table, version: said } = draft;
  const written = said?.args[0] === "3" ? 3 : said?.args[0] === "2" ? 2 : scope.globals.version;
  const version = ipv6 ? 3 : written;
  if (said !== undefined && version !== written) {
    scope.notes.approximated(said, "version 2 is for IPv4 only: keepalived takes 3");
  }
  table.set("version", version, said);
  const interval = draft.interval === undefined ? 1_000_000 : scope.micros(draft.interval);
  if (interval !== undefined) {
    const [low, high, step] = version === 2
      ? [1_000_000, 255_000_000, 1_000_000]
      : [10_000, 40_950_000, 10_000];
    const kept = Math.min(Math.max(Math.round(interval / step) * step, low), high);
    if (kept !== interval && draft.interval !== undefined) {
      const reason = `version ${version} cannot state it: written as ${timeText(kept)}`;
      scope.notes.approximated(draft.interval, reason);
    }
    table.set("advertisement_interval", timeText(kept), draft.interval);
  }
  return version;
}

/** Preemption, which keepalived has only where the state is not MASTER. */
function settlePreemption(scope: Scope, draft: Draft, priority: number): void {
  const { table, preempt, delay } = draft;
  const why = priority === 255
    ? "the owner of the addresses always preempts"
    : draft.state === "MASTER"
    ? "keepalived ignores it beside `state MASTER`"
    : undefined;
  if (preempt !== undefined && why === undefined) table.set("preempt", false, preempt);
  else if (preempt !== undefined) {
    scope.notes.approximated(preempt, `${why}: left out`, "preempt = false, if it was meant so");
    table.remark(preempt);
  }
  if (delay === undefined) return;
  const alone = preempt !== undefined && why === undefined
    ? "nothing is preempted (nopreempt)"
    : why;
  if (alone !== undefined) {
    scope.notes.approximated(delay, `${alone}: left out`, "preempt_delay, if it was meant so");
    return table.remark(delay);
  }
  const time = scope.time(delay, 0, 3_600_000_000);
  if (time !== undefined) table.set("preempt_delay", time, delay);
}

function settleSource(scope: Scope, draft: Draft, ipv6: boolean): void {
  const { table, source } = draft;
  if (source === undefined) return;
  const address = scope.address(source);
  if (address === undefined) return;
  const isVirtual = draft.addresses.some((one) => one.address.split("/")[0] === address);
  const why = isIpv6(address) !== ipv6
    ? "it is of another family than the addresses"
    : isVirtual && table.get("priority") !== 255
    ? "it is one of the virtual addresses"
    : ipv6 && draft.unicast === undefined && !isLinkLocal(address)
    ? "the source of adverts over IPv6 must be link-local (RFC 9568 section 5.1.2.1)"
    : undefined;
  if (why === undefined) table.set("source", address, source);
  else {
    scope.notes.dropped(source, `${why}: the interface's own address is taken`);
    table.remark(source);
  }
}

function settleUnicast(scope: Scope, draft: Draft): void {
  const { table, block } = draft;
  if (draft.unicast?.get("peers") === undefined) {
    table.entries.delete("unicast");
    if (draft.unicastSource || draft.unicast !== undefined) {
      const reason = "there is no unicast_peer: adverts are multicast, as with keepalived";
      scope.notes.approximated(block, reason);
    }
    draft.unicast = undefined;
    return;
  }
  if (draft.unicast.get("check_source") === undefined) {
    draft.unicast.set("check_source", scope.globals.checkSource);
  }
  const remarks = table.entries.get("unicast");
  table.entries.set("unicast", {
    before: remarks?.before ?? [],
    ...(remarks?.behind === undefined ? {} : { behind: remarks.behind }),
    value: draft.unicast.order(["peers", "ttl", "check_source"]),
  });
}

function settleAuth(scope: Scope, draft: Draft, version: number): void {
  const { auth, table } = draft;
  if (auth === undefined) return;
  if (auth.table.get("type") !== "hmac" && version === 3) {
    const reason = "keepalived ignores it in version 3, as RFC 9568 has none";
    const instead = 'auth = { type = "hmac", … } signs adverts';
    return scope.notes.dropped(auth.statement, reason, instead);
  }
  table.set("auth", auth.table, auth.statement);
}

/** `strict`, where nothing is there that it excludes. */
function settleStrict(scope: Scope, draft: Draft, version: number, priority: number): void {
  const { table } = draft;
  if (draft.accept !== undefined) {
    if (priority !== 255) table.set("accept", draft.accept);
  } else if (draft.strict && priority !== 255) table.set("accept", false);
  if (!draft.strict) return;
  const auth = draft.auth?.table.get("type");
  const mac = table.get("virtual_mac");
  const excluded = [
    ["unicast", draft.unicast !== undefined],
    ["auth", table.get("auth") !== undefined && auth !== "hmac"],
    ["auth.mode", auth === "hmac" && (draft.auth?.table.get("mode") ?? "enforce") !== "enforce"],
    ["preempt_delay", (table.get("preempt_delay") ?? "0s") !== "0s"],
    ["down_timer_adverts", (table.get("down_timer_adverts") ?? 3) !== 3],
    ["virtual_mac", mac instanceof Table && (mac.get("mac") ?? mac.get("transmit_on_base"))],
    ["addresses", isIpv6(draft.addresses[0]!.address) && !isLinkLocal(hostOf(draft))],
    ["answer_lower_priority", table.get("answer_lower_priority") === (version === 2)],
    ["advertise_before_yielding", table.get("advertise_before_yielding") === true],
    ["accept", version === 2 && table.get("accept") === true],
    ["owner_ignore_adverts", table.get("owner_ignore_adverts") === false],
  ].filter(([, is]) => is !== false && is !== undefined).map(([key]) => String(key));
  if (excluded.length === 0) {
    table.set("strict", true);
    return;
  }
  const reason = `strict and ${excluded.join(", ")} exclude each other: strict is left out`;
  scope.notes.approximated(draft.block, reason, "strict = true, and leave the others out");
}

function hostOf(draft: Draft): string {
  return draft.addresses[0]!.address.split("/")[0]!;
}

/**
 * Interfaces of virtual MACs that have no name, as keepalived names them: of IPv6 alone `vrrp.ID`,
 * too, unless one of IPv4 is called so. Firewalls go by such names.
 */
export function nameVirtualInterfaces(scope: Scope): void {
  const routers = scope.root.get("vrrp");
  if (!(routers instanceof List)) return;
  const used = new Set<string>();
  const later: (() => void)[] = [];
  for (const { value: router } of routers.items) {
    if (!(router instanceof Table)) continue;
    const entry = router.entries.get("virtual_mac");
    if (entry === undefined) continue;
    const { value: mac } = entry;
    const name = mac instanceof Table ? mac.get("interface") : undefined;
    const usual = `vrrp.${router.get("virtual_router_id")}`;
    if (name !== undefined) used.add(String(name));
    else if (!isOfIpv6(router)) used.add(usual);
    else if (!(mac instanceof Table && mac.get("type") !== undefined)) {
      later.push(() => {
        if (used.has(usual)) return;
        used.add(usual);
        const named = Table.of({ interface: usual });
        for (const [key, one] of mac instanceof Table ? mac.entries : []) {
          named.entries.set(key, one);
        }
        router.entries.set("virtual_mac", { ...entry, value: named });
      });
    }
  }
  for (const step of later) step();
}

/** Whether the first address of a router that was written is one of IPv6. */
function isOfIpv6(router: Table): boolean {
  const addresses = router.get("addresses");
  const first = addresses instanceof List ? addresses.items[0]?.value : undefined;
  return isIpv6(String(first instanceof Table ? first.get("address") : first));
}

/** Writes the router of an instance that was read; a note where it cannot be. */
export function finishRouter(scope: Scope, draft: Draft): void {
  const { table, block } = draft;
  const { notes, globals } = scope;
  if (!settleAddresses(scope, draft)) return;
  const ipv6 = draft.addresses[0]!.ipv6;
  if (table.get("virtual_router_id") === undefined) {
    notes.unread(block, "it has no virtual_router_id");
    return;
  }
  if (table.get("interface") === undefined) {
    table.set("interface", globals.interface);
    const reason = `it names no interface: written with ${globals.interface}`;
    notes.approximated(block, reason, "name the interface that leads to the peers");
  }
  if (table.get("priority") === undefined) {
    const isOwner = draft.state === "MASTER";
    table.set("priority", isOwner ? 255 : 100);
    if (isOwner) {
      const reason = "keepalived takes `state MASTER` without a priority for the owner, 255";
      notes.approximated(block, reason, "give it a priority below 255 if it is none");
    }
  }
  const priority = Number(table.get("priority"));
  const version = settleVersion(scope, draft, ipv6);
  settlePreemption(scope, draft, priority);
  settleUnicast(scope, draft);
  settleSource(scope, draft, ipv6);
  settleAuth(scope, draft, version);
  settleStrict(scope, draft, version, priority);
  if (draft.unicast !== undefined) table.entries.delete("multicast_group");
  if (version === 3 && !ipv6) table.set("checksum", draft.checksumAsV2 ? "rfc9568" : "rfc5798");
  const mail = draft.mail === true && globals.hasMail;
  if (mail) table.table("notify").set("mail", true);
  if (globals.priorityChanges === true) {
    const notify = table.table("notify");
    if (notify.get("priority_changes") === undefined) notify.set("priority_changes", true);
  }
  for (const key of ["routes", "rules"]) {
    const list = table.get(key);
    if (list instanceof List && list.items.length === 0) table.entries.delete(key);
  }
  for (const key of ["notify", "track", "garp"]) {
    const inner = table.get(key);
    if (inner instanceof Table && inner.entries.size === 0) table.entries.delete(key);
  }
  const track = table.get("track");
  if (track instanceof Table) track.order(TRACKS);
  const notify = table.get("notify");
  if (notify instanceof Table && notify.entries.size === 1 && notify.get("user") !== undefined) {
    table.entries.delete("notify");
  }
  scope.root.list("vrrp").add(table.order(ORDER), remarksOf(block));
  if (!notes.has(block)) notes.of(block, "translated");
}
