/**
 * Sites for each key that the schema has, out of its own examples, and what becomes of them as a
 * keepalived.conf: a new key is tried as soon as it is there.
 *
 * @module
 */

import type { SiteConfig } from "../../../config/mod.ts";
import {
  docOf,
  entriesOf,
  isRequired,
  itemOf,
  type Schema,
  wordsOf,
} from "../../../config/introspect.ts";
import { usersOf } from "../../../config/check_uses.ts";
import { parseDuration } from "../../../config/duration.ts";
import { SITE_SCHEMA } from "../../../config/schema.ts";
import { tomlText } from "../../../config/tree.ts";
import { parse } from "../../../config/toml.ts";
import { judgeKey, toKeepalived } from "../../../mod/convert_back/mod.ts";
import { load } from "../config/fixtures.ts";
import { ANYBODY } from "./fixtures.ts";

type Value = unknown;
type Table = Record<string, Value>;
/** Keys to be set first, without which the one that is tried is not valid. */
type Settings = Readonly<Record<string, Value>>;

/** Things are called as in the schema's examples, which speak of each other. */
const BASE = `
[agent]
name = "edge-b"
[ipvs]
[static]
[mail]
to = ["root@example.net"]
server = "192.0.2.9:25"
[[track_interface]]
name = "eth2"
[[track_script]]
name = "uplink"
command = ["/bin/true"]
[[track_process]]
name = "nginx"
command = "nginx"
[[track_file]]
name = "maintenance"
path = "/run/maintenance"
[[track_route]]
name = "default"
to = "0.0.0.0/0"
[[track_address]]
name = "uplink-address"
address = "192.0.2.1"
[[bfd]]
name = "to-peer"
peer = "192.0.2.7"
interface = "eth0"
[[garp_group]]
interfaces = ["eth3"]
interval = "5ms"
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 1
addresses = ["192.0.2.50/24"]
garp = { repeat = 9 }
[[vrrp]]
name = "lan"
interface = "eth0"
virtual_router_id = 2
addresses = ["192.0.2.51/24"]
[[sync_group]]
name = "both"
members = ["web", "lan"]
[[check]]
name = "gateway"
type = "tcp"
address = "192.0.2.1"
port = 80
[[virtual_server]]
name = "web-http"
listen = "192.0.2.50:80"
real_server = [{ address = "198.51.100.1:80", weight = 9, check = ["gateway"] }]
`;

const HOPS = [{ via: "192.0.2.1", interface: "eth0" }, { via: "192.0.2.2" }];

/** What keys at a place, or below it, need before them. */
const NEEDS: readonly (readonly [place: RegExp, settings: Settings])[] = [
  [/^agent\.notify\.json_fifo_script/, { "agent.notify.json_fifo": "/run/j" }],
  [/^track_interface\./, { "vrrp.track.interfaces": ["eth2"] }],
  [/^(vrrp|static)\.routes\.via$/, { "$1.routes": [{ to: "0.0.0.0/0", interface: "eth0" }] }],
  [/^(vrrp|static)\.routes\.onlink$/, { "$1.routes.interface": "eth0" }],
  [/^(vrrp|static)\.routes\.nexthops/, { "$1.routes": [{ to: "0.0.0.0/0", nexthops: HOPS }] }],
  [/^(vrrp|static)\.routes\.pref$/, { "$1.routes": [{ to: "2001:db8::/64", interface: "eth0" }] }],
  [/^(vrrp|static)\.routes\.lock$/, { "$1.routes.mtu": 1400 }],
  [/^(.*)\.encap\.(type|id|destination|source|tos)$/, { "$1.encap": { type: "ip", id: 4 } }],
  [/^(.*)\.encap\.labels$/, { "$1.encap": { type: "mpls", labels: [7] } }],
  [/^(vrrp|static)\.rules\.fwmask$/, { "$1.rules.fwmark": 1 }],
  [/^(vrrp|static)\.rules\.(l3mdev|action)$/, { "$1.rules.table": undefined }],
  [/^(vrrp|static)\.rules\.family$/, { "$1.rules.from": undefined }],
  [/^(vrrp|static)\.rules\.goto$/, { "$1.rules.table": undefined, "$1.rules.action": "goto" }],
  [/^vrrp\.excluded_addresses\.preferred$/, { "vrrp.excluded_addresses": ["2001:db8::1/64"] }],
  [/^static\.addresses\.preferred$/, {
    "static.addresses": [{ address: "2001:db8::2/64", interface: "eth0" }],
  }],
  [/^vrrp\.auth/, { "vrrp.version": 2, "vrrp.auth": { type: "pass", password: "y" } }],
  [/^virtual_server\.family$/, {
    "virtual_server.listen": undefined,
    "virtual_server.fwmark": 1,
    "virtual_server.real_server": [{ address: "192.0.2.1", forward: "tunnel" }],
  }],
  [/^virtual_server\.listen$/, { "virtual_server.fwmark": 1 }],
  [/^virtual_server\.(check|default_weight)$/, {
    "virtual_server.real_server": [{ address: "198.51.100.1" }],
  }],
  [/^virtual_server\.one_packet$/, { "virtual_server.protocol": "udp" }],
  [/^virtual_server\.flags$/, { "virtual_server.scheduler": "mh" }],
  [/ipv6_prefix_length$/, {
    "virtual_server.listen": "[2001:db8::1]:80",
    "virtual_server.real_server": [{ address: "[2001:db8::2]:80" }],
  }],
  [/^virtual_server\.persistence\.engine$/, { "virtual_server.protocol": "udp" }],
  [/^virtual_server\.hysteresis$/, { "virtual_server.quorum": 5 }],
  [/^virtual_server\.(real_server\.|sorry_server\.|)tunnel/, {
    "virtual_server.$1forward": "tunnel",
    "virtual_server.$1tunnel": { type: "gue", port: 6080 },
  }],
  [/^virtual_server\.(real_server\.|)tunnel\.type$/, {
    "virtual_server.$1tunnel": { type: "gre" },
  }],
  [/^virtual_server\.(real_server\.|)thresholds\.upper$/, {
    "virtual_server.$1thresholds.lower": 1,
  }],
  [/^check\.secret$/, { "check.preset": "radius" }],
  [/^ipvs\.sync_daemon\.role$/, { "ipvs.sync_daemon.follow": undefined }],
  [/^check\.(min|max)_reply_length$/, { "check.require_reply": true }],
];

/** Other values than the example, where the schema's own do not do here. */
const VALUES: Readonly<Record<string, readonly Value[]>> = {
  "garp_group.interfaces": [["eth4"], ["eth5"]],
  "vrrp.version": [2, 3],
  "agent.script_user": ["nobody", "root"],
  "track_script.user": ["nobody", "root"],
  "check.user": ["nobody", "root"],
  "vrrp.addresses.address": ["203.0.113.1/24", "203.0.113.2/24"],
  "vrrp.excluded_addresses.address": ["203.0.113.1/24", "203.0.113.2/24"],
  "static.addresses.address": ["203.0.113.1/24", "203.0.113.2/24"],
  "vrrp.garp": [{ repeat: 3 }],
  "vrrp.unicast.ttl": [254],
  "vrrp.unicast.peers": [["192.0.2.1"], ["192.0.2.2"]],
  "vrrp.auth.password": ["x", "y"],
  "vrrp.rules.table": [100, 200],
  "static.rules.table": [100, 200],
  "virtual_server.tunnel.type": ["ipip", "gre"],
  "virtual_server.real_server.tunnel.type": ["ipip", "gre"],
};

/** Keys of which one value is valid here. */
const ONE = [
  // Others speak of what they name.
  /^(vrrp|check)(\.name)?$/,
  /^sync_group\.members$|^check\.session$/,
  /track\.(scripts|processes|files|bfd)\.name$/,
  // The others need what is dropped, or what may not stand beside it.
  /^bfd\.min_ttl$|^check\.via_forwarding$/,
  /^vrrp\.addresses\.preferred$|rules\.l3mdev$/,
];

interface Key {
  readonly path: readonly string[];
  readonly schema: Schema;
}

/** All keys, those of tables behind them. */
function* keysOf(schema: Schema, path: readonly string[] = []): Generator<Key> {
  for (const [name, value] of entriesOf(schema) ?? []) {
    const own = [...path, name];
    // They are what the tables are that they are for.
    if (own[0] === "defaults" || own[0] === "include") continue;
    // The keys of checks that stand at servers are those of `[[check]]`.
    if (own.length > 2 && own.at(-2) === "check") continue;
    yield { path: own, schema: value };
    const item = itemOf(value);
    yield* keysOf(entriesOf(value) !== undefined || item === undefined ? value : item, own);
  }
}

const KEYS = new Map(
  [...keysOf(SITE_SCHEMA as unknown as Schema)].map((key) => [key.path.join("."), key]),
);

function exampleOf(path: string): Value {
  const { schema } = KEYS.get(path)!;
  const example = structuredClone(docOf(schema)?.examples[0]);
  // Examples of what is tracked show the same thing in both of its forms.
  return /track\.\w+$/.test(path) && Array.isArray(example) ? example.slice(-1) : example;
}

function isTable(value: Value): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The table in which `path` is a key, made where it is not there yet. */
function tableOf(site: Table, path: readonly string[]): Table {
  let table = site;
  for (const [depth, name] of path.slice(0, -1).entries()) {
    const full = path.slice(0, depth + 1).join(".");
    let inner = table[name];
    if (!isTable(inner) && !Array.isArray(inner)) {
      inner = exampleOf(full) ?? {};
      if (!isTable(inner) && !Array.isArray(inner)) inner = {};
      table[name] = inner;
    }
    if (Array.isArray(inner)) {
      // The short form of a table is its main key.
      if (!isTable(inner[0])) inner[0] = { [mainKey(full)]: inner[0] };
      table = inner[0] as Table;
    } else table = inner as Table;
  }
  return table;
}

function mainKey(path: string): string {
  return KEYS.has(`${path}.address`) ? "address" : "name";
}

function put(site: Table, path: string, value: Value): void {
  const names = path.split(".");
  const table = tableOf(site, names);
  const key = names.at(-1)!;
  if (value === undefined) delete table[key];
  else table[key] = value;
}

function textOf(site: Table): string {
  return Object.entries(site).map(([key, value]) => `${key} = ${tomlText(value)}\n`).join("");
}

function siteOf(tables: Table): SiteConfig | string {
  const loaded = load({ "site.toml": textOf(tables) }, { users: ANYBODY });
  if (loaded.ok) return loaded.site;
  return loaded.problems.filter(({ severity }) => severity === "error").map(({ message }) =>
    message
  ).join("; ");
}

const SITE = siteOf(parse(BASE) as Table) as SiteConfig;

/** What is said of the key, or of the table that it is kept with; `gone`: that table is lost. */
function verdictOf(path: readonly string[], tables: Table, site: SiteConfig): string {
  for (let depth = 1; depth <= path.length; depth++) {
    const own = path.slice(0, depth);
    const value = tableOf(tables, own)[own.at(-1)!];
    const said = judgeKey(own.join("."), value, site);
    // With such a value the table that it is in is left out.
    if (typeof said !== "string" && said.verdict === "dropped" && depth < path.length) {
      return "gone";
    }
    if (said !== "deeper") return typeof said === "string" ? said : said.verdict;
  }
  return "kept";
}

/** The example and its like. */
function valuesOf(name: string, schema: Schema): Value[] {
  const others = VALUES[name];
  if (others !== undefined) return [...others];
  const example = exampleOf(name);
  const words = wordsOf(schema);
  if (words.length > 0) return [...words];
  if (typeof example === "boolean") return [true, false];
  return example === undefined ? [] : [example, changed(example)];
}

/** Something like `value` that is not the same. */
function changed(value: Value): Value {
  if (typeof value === "number") return value + 1;
  if (typeof value === "string") {
    if (parseDuration(value) !== undefined) return "7s";
    const other = value.replace(/[0-8](?!.*[0-8])/, (digit) => String(Number(digit) + 1));
    return other === value ? `${value}x` : other;
  }
  if (Array.isArray(value)) return [changed(value[0]), ...value.slice(1)];
  if (!isTable(value)) return value;
  const [[key, inner] = ["", undefined], ...more] = Object.entries(value);
  return { [key]: changed(inner), ...Object.fromEntries(more) };
}

/** Whether a table that the key is in is not written in any case. */
function isLostAbove(path: readonly string[]): boolean {
  return path.slice(1).some((_, depth) => {
    const above = path.slice(0, depth + 1).join(".");
    return typeof judgeKey(above, exampleOf(above), SITE) !== "string";
  });
}

/** What checks of a type must have. */
const CHECKS: Readonly<Record<string, Table>> = {
  tcp: { address: "192.0.2.1", port: 80 },
  http: { address: "192.0.2.1", port: 80 },
  smtp: { address: "192.0.2.1" },
  dns: { address: "192.0.2.1" },
  udp: { address: "192.0.2.1", port: 53 },
  ping: { address: "192.0.2.1" },
  script: { command: ["/bin/true"] },
  file: { path: "/run/maintenance" },
  bfd: { session: "to-peer" },
  grpc: { address: "192.0.2.1", port: 80 },
};

/** Gives the check a type that has a use for the key. */
function setType(tables: Table, key: string): void {
  const users = usersOf(key) ?? ["tcp"];
  const type = Object.keys(CHECKS).find((one) => users.some((user) => user === one)) ?? users[0]!;
  tables["check"] = [{ name: "gateway", type, ...CHECKS[type] }];
}

/** A key, and what becomes of the sites that differ in its value alone. */
export interface TriedKey {
  readonly name: string;
  readonly tried: readonly {
    /** What is said of the value; undefined: the key is absent. */
    readonly verdict: string | undefined;
    readonly conf: string;
  }[];
  /** What is wrong with the values that are not valid. */
  readonly problems: readonly string[];
}

function tryKey({ path, schema }: Key): TriedKey {
  const name = path.join(".");
  const tables = parse(BASE) as Table;
  if (path[0] === "check" && path.length > 1) setType(tables, path[1]!);
  for (const [place, settings] of NEEDS) {
    const [found, kind = ""] = place.exec(name) ?? [];
    if (found === undefined) continue;
    for (const [key, value] of Object.entries(settings)) {
      put(tables, key.replace("$1", kind), value);
    }
  }
  const problems: string[] = [];
  const values = [...isRequired(schema) ? [] : [undefined], ...valuesOf(name, schema)];
  const tried = values.flatMap((value) => {
    const written = structuredClone(tables);
    put(written, name, value);
    const site = siteOf(written);
    if (typeof site !== "string") {
      const verdict = value === undefined ? undefined : verdictOf(path, written, site);
      return { verdict, conf: toKeepalived(site) };
    }
    problems.push(site);
    return [];
  });
  return { name, tried, problems };
}

/** All keys but those of tables that are lost as a whole, and those of which one value is valid. */
export function triedKeys(): TriedKey[] {
  return [...KEYS.values()].filter(({ path }) =>
    !ONE.some((one) => one.test(path.join("."))) && !isLostAbove(path)
  ).map(tryKey);
}
