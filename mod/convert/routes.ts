/**
 * Routes and rules of policy routing: `virtual_routes`, `virtual_rules`, `static_routes` and
 * `static_rules`. Their words are those of `ip route` and `ip rule`.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { own } from "../values/mod.ts";
import type { Scope } from "./scope.ts";
import type { Statement } from "./types.ts";
import { List, remarksOf, Table } from "./value.ts";

const TYPES = new Set(
  "unicast local broadcast anycast multicast throw unreachable prohibit blackhole nat".split(" "),
);
/** Keyword to key, of what has a whole number. */
const NUMBERS: Readonly<Record<string, string>> = {
  metric: "metric",
  priority: "metric",
  preference: "metric",
  mtu: "mtu",
  advmss: "advmss",
  window: "window",
  reordering: "reordering",
  cwnd: "cwnd",
  ssthresh: "ssthresh",
  hoplimit: "hoplimit",
  initcwnd: "initcwnd",
  initrwnd: "initrwnd",
};
/** Of what has a time in milliseconds, or with its unit. */
const TIMES = new Set(["rtt", "rttvar", "rto_min"]);
const LOCKS = new Set([...Object.keys(NUMBERS), ...TIMES]);
/** What takes no value, or one, and is not written. */
const NEEDLESS: Readonly<Record<string, readonly [values: number, reason: string]>> = {
  no_track: [0, "what somebody removes is put back without a failover"],
  inet: [0, "the addresses say the family"],
  append: [0, "there is one route of each network, table, metric and TOS"],
  prepend: [0, "there is one route of each network, table, metric and TOS"],
  add: [0, "there is one route of each network, table, metric and TOS"],
  protocol: [1, "112 says that it is halb's"],
};
const DROPPED: Readonly<Record<string, readonly [values: number, reason: string]>> = {
  track_group: [1, "static objects that are removed are put back"],
  expires: [1, "a route is held as long as its router is master"],
  "ttl-propagate": [1, "halb holds no routes of MPLS labels"],
  vrf: [1, "write the number of the VRF's table as `table`"],
  ila: [1, "nobody has carried ILA on"],
};

/** Goes through the words of a line. */
export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(statement: Statement) {
    this.#words = [statement.keyword, ...statement.args];
  }

  peek(): string | undefined {
    return this.#words[this.#at];
  }

  next(): string | undefined {
    return this.#words[this.#at++];
  }
}

/** A number, decimal or hexadecimal. */
export function numeric(text: string | undefined): number | undefined {
  return text !== undefined && /^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.test(text)
    ? Number(text)
    : undefined;
}

/** A routing table by its number or one of three names. */
export function tableValue(text: string | undefined): string | number | undefined {
  return numeric(text) ?? (/^(main|local|default)$/.test(text ?? "") ? text : undefined);
}

/** An address with or without its prefix length, or `default`. */
export function network(text: string | undefined): string | undefined {
  if (text === "default" || text === "all" || text === "any") return text;
  const [host = "", length] = (text ?? "").split("/");
  const bytes = parseIp(host);
  if (bytes === undefined) return undefined;
  if (length === undefined) return host;
  const fits = /^[0-9]{1,3}$/.test(length) && Number(length) <= bytes.length * 8;
  return fits ? `${host}/${Number(length)}` : undefined;
}

function milliseconds(text: string | undefined): string | undefined {
  const match = /^([0-9]{1,9})(ms|s)?$/.exec(text ?? "");
  return match === null ? undefined : `${match[1]}${match[2] ?? "ms"}`;
}

/** Notes what has no place; skips its values. */
function aside(scope: Scope, statement: Statement, words: Words, word: string): boolean {
  const needless = own(NEEDLESS, word);
  const dropped = own(DROPPED, word);
  const [values, reason] = needless ?? dropped ?? [];
  if (reason === undefined) return false;
  for (let count = 0; count < (values ?? 0); count++) words.next();
  scope.notes.add(statement, needless === undefined ? "dropped" : "needless", word, reason);
  return true;
}

function realms(scope: Scope, statement: Statement, words: Words, table: Table): void {
  const text = words.next() ?? "";
  if (/^[0-9]+(\/[0-9]+)?$/.test(text)) table.set("realms", text);
  else scope.notes.add(statement, "dropped", "realms", `"${text}" has names: halb takes numbers`);
}

/** `nexthop via A dev D weight N onlink …` up to the next one. */
function nexthop(scope: Scope, statement: Statement, words: Words): Table {
  const hop = new Table();
  for (let word = words.peek(); word !== undefined && word !== "nexthop"; word = words.peek()) {
    words.next();
    if (word === "via" || word === "gw") {
      if (/^inet6?$/.test(words.peek() ?? "")) words.next();
      const via = words.next() ?? "";
      if (parseIp(via) !== undefined) hop.set("via", via);
      else scope.notes.unread(statement, `"${word} ${via}"`);
    } else if (word === "dev") {
      const name = scope.interface(statement, words.next());
      if (name !== undefined) hop.set("interface", name);
    } else if (word === "weight") {
      const weight = numeric(words.next());
      if (weight !== undefined) hop.set("weight", weight);
    } else if (word === "onlink") hop.set("onlink", true);
    else if (word === "realms") realms(scope, statement, words, hop);
    else if (word === "encap") {
      const encap = encapsulation(scope, statement, words);
      if (encap !== undefined) hop.set(word, encap);
    } else if (!aside(scope, statement, words, word)) {
      scope.notes.unread(statement, `"${word}" of a next hop`);
    }
  }
  return hop;
}

/** What `encap ip` and `encap ip6` say, in the words of `ip route`. */
const ENCAPSULATIONS: Readonly<Record<string, string>> = {
  id: "id",
  dst: "destination",
  remote: "destination",
  src: "source",
  tos: "tos",
  dsfield: "tos",
  tc: "tos",
  ttl: "ttl",
  hoplimit: "ttl",
};

/** `encap mpls 100/200`, `encap ip id 42 dst 198.51.100.1`. */
function encapsulation(scope: Scope, statement: Statement, words: Words): Table | undefined {
  const type = words.next() ?? "";
  const table = new Table().set("type", type);
  if (type === "mpls") {
    const labels = (words.next() ?? "").split("/").map(numeric);
    if (!labels.includes(undefined)) return table.set("labels", List.of(labels as number[]));
    scope.notes.unread(statement, "the labels of encap mpls");
    return undefined;
  }
  if (type !== "ip" && type !== "ip6") {
    scope.notes.dropped(statement, `encap ${type}: halb has mpls, ip and ip6`);
    while (words.peek() !== undefined) words.next();
    return undefined;
  }
  const next = () => own(ENCAPSULATIONS, words.peek() ?? "");
  for (let key = next(); key !== undefined; key = next()) {
    const word = words.next();
    const text = words.next();
    const isAddress = key === "destination" || key === "source";
    const value = isAddress ? parseIp(text ?? "") === undefined ? undefined : text : numeric(text);
    if (value === undefined) scope.notes.unread(statement, `"${word} ${text ?? ""}" of encap`);
    else table.set(key, value);
  }
  return table;
}

/** Reads one route; undefined, and a note, where it is none. */
export function readRoute(scope: Scope, statement: Statement): Table | undefined {
  const { notes } = scope;
  const words = new Words(statement);
  const route = new Table();
  const hops: Table[] = [];
  const locks: string[] = [];
  let isIpv6 = false;
  const unread = (what: string) => notes.unread(statement, `cannot be read: "${what}"`);
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (TYPES.has(word) && route.get("to") === undefined) {
      if (word !== "unicast") route.set("type", word);
    } else if (word === "src") {
      const source = words.next() ?? "";
      if (parseIp(source) === undefined) unread(`src ${source}`);
      else route.set("source", source);
    } else if (word === "via" || word === "gw" || word === "or") {
      if (/^inet6?$/.test(words.peek() ?? "")) words.next();
      const via = words.next() ?? "";
      if (parseIp(via) === undefined) unread(`${word} ${via}`);
      else if (word === "or") {
        const first = route.get("via");
        if (hops.length === 0 && typeof first === "string") hops.push(Table.of({ via: first }));
        hops.push(Table.of({ via }));
        route.entries.delete("via");
      } else route.set("via", via);
    } else if (word === "dev" || word === "oif") {
      const name = scope.interface(statement, words.next());
      if (name !== undefined) route.set("interface", name);
    } else if (word === "table") {
      const text = words.next();
      const table = tableValue(text);
      if (table !== undefined) route.set("table", table);
      else {
        notes.dropped(statement, `the table "${text}" is a name: halb takes numbers`, "its number");
        return undefined;
      }
    } else if (word === "tos" || word === "dsfield") {
      const tos = numeric(words.next());
      if (tos !== undefined) route.set("tos", tos);
    } else if (word === "scope") {
      const text = words.next() ?? "";
      route.set("scope", numeric(text) ?? text);
    } else if (Object.hasOwn(NUMBERS, word) || TIMES.has(word)) {
      const key = NUMBERS[word] ?? word;
      if (words.peek() === "lock" && LOCKS.has(word)) {
        words.next();
        locks.push(key);
      }
      const text = words.next();
      const value = TIMES.has(word) ? milliseconds(text) : numeric(text);
      if (value === undefined) unread(`${word} ${text}`);
      else route.set(key, value);
    } else if (word === "quickack" || word === "fastopen_no_cookie") {
      route.set(word, words.next() !== "0");
    } else if (word === "congctl") {
      if (words.peek() === "lock") {
        words.next();
        locks.push("congctl");
      }
      route.set(word, words.next() ?? "");
    } else if (word === "features") {
      const feature = words.next() ?? "";
      if (feature === "ecn") route.set(word, List.of(["ecn"]));
      else unread(`features ${feature}`);
    } else if (word === "realms") realms(scope, statement, words, route);
    else if (word === "pref") route.set(word, words.next() ?? "");
    else if (word === "onlink") route.set(word, true);
    else if (word === "inet6") isIpv6 = true;
    else if (word === "encap") {
      const encap = encapsulation(scope, statement, words);
      if (encap !== undefined) route.set(word, encap);
    } else if (word === "nexthop") hops.push(nexthop(scope, statement, words));
    else if (word === "as") {
      if (words.peek() === "to") words.next();
      words.next();
      notes.add(statement, "dropped", word, "it gives a next hop another name in user space only");
    } else if (!aside(scope, statement, words, word)) {
      const to = network(word === "to" ? words.next() : word);
      if (to === undefined || route.get("to") !== undefined) unread(word);
      else route.set("to", to);
    }
  }
  if (route.get("to") === undefined) {
    notes.unread(statement, "there is no network");
    return undefined;
  }
  if (isIpv6 && /^(default|all|any)$/.test(String(route.get("to")))) route.set("to", "::/0");
  else if (isIpv6) notes.add(statement, "needless", "inet6", NEEDLESS["inet"]![1]);
  // Without a gateway ours is of scope link, as that of `ip route` is; keepalived's is global.
  const near = route.get("via") === undefined && hops.length === 0;
  const plain = route.get("type") === undefined && route.get("scope") === undefined;
  if (near && plain && !isIpv6 && !String(route.get("to")).includes(":")) {
    route.set("scope", "global");
  }
  if (locks.length > 0) route.set("lock", List.of(locks));
  if (hops.length === 1 && hops[0] !== undefined) {
    for (const [key, entry] of hops[0].entries) if (key !== "weight") route.entries.set(key, entry);
  } else if (hops.length > 1) {
    const shared = route.get("interface");
    route.entries.delete("interface");
    for (const hop of hops) {
      if (typeof shared === "string" && hop.get("interface") === undefined) {
        hop.set("interface", shared);
      }
    }
    route.set("nexthops", List.of(hops));
  }
  return route.order(["to", "type", "via", "interface", "nexthops", "table", "metric", "source"]);
}

/** What a route is known by: two of one key are one. */
export function routeKey(route: Table): string {
  return JSON.stringify(
    ["to", "table", "metric", "tos"].map((key) => route.get(key) ?? null),
  );
}

/** Reads a block of routes into a list. */
export function readRoutes(scope: Scope, block: Statement, list: List): void {
  const taken = new Set(list.items.map(({ value }) => value instanceof Table && routeKey(value)));
  for (const statement of block.children ?? []) {
    const route = readRoute(scope, statement);
    if (route === undefined) continue;
    const key = routeKey(route);
    if (taken.has(key)) {
      const reason = "there is a route of this network, table and metric already";
      scope.notes.dropped(statement, reason, "give one of them a metric");
      continue;
    }
    taken.add(key);
    if (!scope.notes.has(statement)) scope.notes.of(statement, "translated");
    list.add(route, remarksOf(statement));
  }
}
