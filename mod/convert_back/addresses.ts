/**
 * Addresses, routes and rules in the words of keepalived, which are those of `ip`.
 *
 * @module
 */

import type { AddressConfig, RouteConfig, RuleConfig } from "../../config/mod.ts";
import { givenWords, type Writer } from "./writer.ts";

/** The words of an address. */
function addressWords(address: AddressConfig): (string | number)[] {
  const { interface: device, scope, label, peer, broadcast, preferred } = address;
  // A peer's prefix is the whole of its address in keepalived, and stands nowhere.
  const length = peer === undefined ? `/${address.prefix_length}` : "";
  const words: (string | number)[] = [`${address.address}${length}`];
  if (device !== undefined) words.push("dev", device);
  if (scope !== undefined && scope !== 0) words.push("scope", scope);
  if (label !== undefined) words.push("label", label);
  if (peer !== undefined) words.push("peer", peer);
  if (broadcast !== undefined) words.push("brd", broadcast);
  // keepalived takes an IPv6 address as source unless its length is /128.
  const taken = address.prefix_length !== 128;
  if (address.address.includes(":") && (preferred === true) !== taken) {
    words.push("preferred_lft", preferred === true ? "forever" : 0);
  }
  return words;
}

/** A block of addresses, where there are any. */
export function writeAddresses(
  writer: Writer,
  head: string,
  addresses: readonly AddressConfig[],
): void {
  writer.block(head, () => {
    for (const address of addresses) writer.line(...addressWords(address));
  });
}

const ROUTE_NUMBERS = [
  "metric",
  "mtu",
  "advmss",
  "window",
  "reordering",
  "cwnd",
  "ssthresh",
  "hoplimit",
  "initcwnd",
  "initrwnd",
] as const;
const ROUTE_TIMES = ["rtt", "rttvar", "rto_min"] as const;

/** `SOURCE/DESTINATION`. */
function realmsText(realms: number): string {
  return `${realms >>> 16}/${realms & 0xffff}`;
}

type Encapsulation = NonNullable<RouteConfig["encap"]>;

/** `encap mpls 100/200` and its like. */
function encapWords(encap: Encapsulation | undefined): (string | number)[] {
  if (encap === undefined) return [];
  const { type, labels = [], id, destination, source, tos, ttl } = encap;
  if (type === "mpls") return ["encap", type, labels.join("/")];
  const [tosWord, ttlWord] = type === "ip" ? ["tos", "ttl"] : ["tc", "hoplimit"];
  // Without both keepalived takes the route for a mistake.
  if (id === undefined || destination === undefined) return [];
  const pairs = { id, dst: destination, src: source, [tosWord!]: tos, [ttlWord!]: ttl };
  return ["encap", type, ...givenWords(pairs)];
}

/** The words of a route. */
function routeWords(route: RouteConfig): (string | number)[] {
  const words: (string | number)[] = [];
  const entries = route as unknown as Readonly<Record<string, unknown>>;
  const lock = (key: string) => (route.lock ?? []).some((one) => one === key) ? ["lock"] : [];
  // Behind a type keepalived takes no `to`.
  words.push(route.type === "unicast" ? "to" : route.type, route.to);
  if (route.source !== undefined) words.push("src", route.source);
  if (route.via !== undefined) words.push("via", route.via);
  if (route.interface !== undefined) words.push("dev", route.interface);
  words.push("table", route.table);
  if (route.scope !== undefined) words.push("scope", route.scope);
  if (route.tos !== undefined) words.push("tos", `0x${route.tos.toString(16)}`);
  for (const key of ROUTE_NUMBERS) {
    const value = entries[key];
    if (typeof value === "number") words.push(key, ...lock(key), value);
  }
  for (const key of ROUTE_TIMES) {
    const value = entries[key];
    if (typeof value === "number") words.push(key, ...lock(key), `${value / 1_000}ms`);
  }
  if (route.quickack !== undefined) words.push("quickack", route.quickack ? 1 : 0);
  if (route.fastopen_no_cookie !== undefined) {
    words.push("fastopen_no_cookie", route.fastopen_no_cookie ? 1 : 0);
  }
  if (route.congctl !== undefined) words.push("congctl", ...lock("congctl"), route.congctl);
  if (route.features?.includes("ecn")) words.push("features", "ecn");
  if (route.realms !== undefined) words.push("realms", realmsText(route.realms));
  if (route.pref !== undefined) words.push("pref", route.pref);
  if (entries["onlink"] === true) words.push("onlink");
  words.push(...encapWords(route.encap));
  // keepalived can watch a route by its interface alone, and halb puts it back without a failover.
  if (route.interface === undefined) words.push("no_track");
  for (const hop of route.nexthops ?? []) {
    words.push("nexthop");
    if (hop.via !== undefined) words.push("via", hop.via);
    if (hop.interface !== undefined) words.push("dev", hop.interface);
    if (hop.weight !== undefined) words.push("weight", hop.weight);
    if (hop.onlink === true) words.push("onlink");
    if (hop.realms !== undefined) words.push("realms", realmsText(hop.realms));
    words.push(...encapWords(hop.encap));
  }
  return words;
}

/** A block of routes, where there are any. */
export function writeRoutes(writer: Writer, head: string, routes: readonly RouteConfig[]): void {
  writer.block(head, () => {
    for (const route of routes) writer.line(...routeWords(route));
  });
}

const RULE_WORDS: Readonly<Record<string, string>> = {
  iif: "iif",
  oif: "oif",
  tos: "tos",
  ip_protocol: "ipproto",
  tunnel_id: "tunnel-id",
  suppress_prefix_length: "suppress_prefixlength",
  suppress_interface_group: "suppress_ifgroup",
};

/** keepalived takes no single numbers there. */
const RULE_RANGES = {
  uid_range: "uidrange",
  source_port: "sport",
  destination_port: "dport",
} as const;

/** The words of a rule. */
function ruleWords(rule: RuleConfig): (string | number)[] {
  const words: (string | number)[] = [];
  const entries = rule as unknown as Readonly<Record<string, unknown>>;
  if (rule.not) words.push("not");
  // keepalived 2.2.7 has `inet6` for it, and then overlooks the word behind.
  const all = rule.to === undefined && rule.family === "ipv6" ? "::/0" : undefined;
  const from = rule.from ?? all;
  if (from !== undefined) words.push("from", from);
  if (rule.to !== undefined) words.push("to", rule.to);
  if (rule.fwmark !== undefined) {
    const mask = rule.fwmask === undefined ? "" : `/${rule.fwmask}`;
    words.push("fwmark", `${rule.fwmark}${mask}`);
  }
  for (const [key, word] of Object.entries(RULE_WORDS)) {
    if (entries[key] !== undefined) words.push(word, entries[key] as string | number);
  }
  for (const [key, word] of Object.entries(RULE_RANGES)) {
    const range = rule[key as keyof typeof RULE_RANGES];
    if (range !== undefined) words.push(word, range.join("-"));
  }
  if (rule.realms !== undefined) words.push("realms", realmsText(rule.realms));
  if (rule.l3mdev) words.push("l3mdev");
  else if (rule.action === "table" && rule.table !== undefined) words.push("table", rule.table);
  else if (rule.action === "goto") words.push("goto", rule.goto ?? 0);
  else if (rule.action !== "table") words.push(rule.action);
  return [...words, "priority", rule.priority];
}

/** A block of rules, where there are any. */
export function writeRules(writer: Writer, head: string, rules: readonly RuleConfig[]): void {
  writer.block(head, () => {
    for (const rule of rules) writer.line(...ruleWords(rule));
  });
}
