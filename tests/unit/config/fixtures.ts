/** Files that exist only in a test, and ways to say what a problem must look like. */

import assert from "node:assert/strict";
import {
  type LoadedSite,
  type LoadOptions,
  loadSite,
  type Problem,
  type SiteConfig,
  type UserDirectory,
} from "../../../config/mod.ts";

/** A valid configuration of two routers. */
export const VALID = `[agent]
log = { level = "info", format = "json", targets = ["stderr", "file:/var/log/halb.log"] }

[defaults.vrrp]
interface = "eth0"
advertisement_interval = "100ms"
garp = { repeat = 3 }

[[vrrp]]
name = "web"
virtual_router_id = 51
priority = { by_host = { edge-a = 150, edge-b = 100 } }
addresses = ["192.0.2.10/24", { address = "203.0.113.10", interface = "eth1", label = "eth1:web" }]
track = { interfaces = ["eth1", { name = "eth2", weight = -10 }] }

[[vrrp]]
name = "lan"
interface = "eth1"
virtual_router_id = 52
addresses = ["198.51.100.1/24"]
source = "198.51.100.2"
preempt = false
address_lease = "5s"
checksum = "rfc5798"

[vrrp.garp]
delay = "0s"
`;

/** A valid configuration of both families and versions, with one id for all on one interface. */
export const FAMILIES = `[defaults.vrrp]
interface = "eth0"
checksum = "rfc9568"

[[vrrp]]
name = "web6"
virtual_router_id = 51
addresses = ["FE80:0::0a/64", { address = "2001:0DB8:0::10", interface = "eth1" }, "2001:db8::192.0.2.11/64"]
source = "fe80:0:0::1"

[[vrrp]]
name = "web4"
virtual_router_id = 51
v2_compatibility = true
addresses = ["192.0.2.10/24"]

[[vrrp]]
name = "old"
virtual_router_id = 52
version = 2
advertisement_interval = "255s"
addresses = ["198.51.100.10"]
`;

/** A router that is valid but for what stands in `more`, from line 6 on. */
export function router(more: string): string {
  return `[[vrrp]]\nname = "web"\ninterface = "eth0"\nvirtual_router_id = 51\n` +
    `addresses = ["192.0.2.10/24"]\n${more}`;
}

/** Users and groups of the hosts of the tests. */
export const USERS: UserDirectory = {
  user: (name) =>
    [
      { name: "root", uid: 0, gid: 0 },
      { name: "nobody", uid: 65_534, gid: 65_534 },
      { name: "alice", uid: 1000, gid: 1000 },
    ].find((user) => user.name === name || String(user.uid) === name),
  group: (name) => new Map([["root", 0], ["alice", 1000], ["haclient", 200]]).get(name),
  groupsOf: ({ name }) => name === "alice" ? [1000, 300, 200] : [],
};

class NotFound extends Error {
  override readonly name = "NotFound";
}

/** Loads `site.toml` out of `files`, paths to texts. */
export function load(
  files: Readonly<Record<string, string>>,
  options: Partial<LoadOptions> & { variables?: Readonly<Record<string, string>> } = {},
): LoadedSite {
  const { variables = {}, ...rest } = options;
  return loadSite("site.toml", {
    hostname: "edge-a",
    environment: (key) => variables[key],
    users: USERS,
    readText(path) {
      const text = files[path];
      if (text === undefined) throw new NotFound(`No such file: ${path}`);
      return text;
    },
    listDirectory(path) {
      const prefix = path === "." ? "" : path.endsWith("/") ? path : `${path}/`;
      const below = Object.keys(files).filter((name) => name.startsWith(prefix));
      if (below.length === 0) throw new NotFound(`No such directory: ${path}`);
      return [...new Set(below.map((name) => name.slice(prefix.length).split("/")[0] ?? ""))];
    },
    ...rest,
  });
}

/** The site of files that must be valid. */
export function loadValid(
  files: Readonly<Record<string, string>>,
  options: Parameters<typeof load>[1] = {},
): SiteConfig {
  const result = load(files, options);
  assert.deepEqual(result.ok ? [] : result.problems, []);
  assert.ok(result.ok);
  return result.site;
}

/** The characters that a problem underlines. */
export function underlined(problem: Problem): string {
  return [...problem.source_line].slice(
    problem.column - 1,
    problem.column - 1 + (problem.length ?? 1),
  )
    .join("");
}

/** What a test says of a problem: place, underlined text, message, suggestion. */
export type Expected = readonly [string, string, string, string | undefined];

/** The problems of files that must be refused, as {@link Expected}. */
export function problemsOf(
  files: Readonly<Record<string, string>>,
  options: Parameters<typeof load>[1] = {},
): Expected[] {
  const result = load(files, options);
  assert.equal(result.ok, false, "the configuration was accepted");
  if (result.ok) return [];
  return result.problems.map((problem) => [
    problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`,
    underlined(problem),
    problem.message,
    problem.suggestion,
  ]);
}
