/**
 * From a path to a validated site. Read the file and its includes; replace `by_host`, `env` and
 * `file`; merge; lay the defaults under each table; validate; check the whole. Each step goes on
 * as far as it can, so that one run shows all that is wrong. Nothing here touches the system:
 * files, environment and host name come from the caller (`system.ts` has the real ones).
 *
 * @module
 */

import type * as v from "valibot";
import { resolveAgent } from "./agent_table.ts";
import { checkSessions } from "./bfd_checks.ts";
import { checkReflector, checkUnsolicited } from "./bfd_strangers_checks.ts";
import { BFD_REFLECTOR_SCHEMA, BFD_UNSOLICITED_SCHEMA } from "./bfd_strangers_schema.ts";
import { BFD_DEFAULTS_SCHEMA, BFD_SCHEMA } from "./bfd_schema.ts";
import { checkCapabilities } from "./capability_needs.ts";
import { type CheckSurroundings, readChecks } from "./check_checks.ts";
import { CHECK_DEFAULTS_SCHEMA } from "./check_schema.ts";
import { checkGarpGroups, crossCheck } from "./cross_checks.ts";
import type { Finding, Report } from "./finding.ts";
import { checkGroups } from "./group_checks.ts";
import { checkHttpServer } from "./http_checks.ts";
import { checkBalance, notifyingServers, readBalance } from "./balance_tables.ts";
import { type FileAccess, readSources } from "./include.ts";
import { validate } from "./issues.ts";
import { locate } from "./locate.ts";
import { MAIL_SCHEMA } from "./mail_schema.ts";
import type { Schema } from "./introspect.ts";
import { readNotifications } from "./notify_checks.ts";
import { firstOf, mergeTables } from "./merge.ts";
import type { Problem } from "./problem.ts";
import type { CheckedRouter } from "./router_checks.ts";
import {
  AGENT_SCHEMA,
  GARP_GROUP_SCHEMA,
  MOST_ROUTERS,
  SITE_SCHEMA,
  type SiteConfig,
  STATIC_SCHEMA,
  type StaticConfig,
  SYNC_GROUP_SCHEMA,
  VRRP_DEFAULTS_SCHEMA,
  VRRP_SCHEMA,
} from "./schema.ts";
import { hideSecrets } from "./secrets.ts";
import { sha256 } from "./sha256.ts";
import { reportUnusedChecks } from "./server_health_checks.ts";
import { settle } from "./settle.ts";
import { checkTrackers, configsOf, readTrackers, TRACKER_KEYS } from "./tracker_checks.ts";
import {
  type CheckedTable,
  itemsOf,
  keepTables,
  listedTables,
  namesIn,
  validTables,
} from "./table_lists.ts";
import { substitute, substitutionWord } from "./substitute.ts";
import { VIRTUAL_SERVER_DEFAULTS_SCHEMA } from "./virtual_server_schema.ts";
import { NOBODY, resolveUser, type UserDirectory } from "./users.ts";
import {
  descend,
  FAILED,
  keyPlace,
  overlay,
  shown,
  type Source,
  type TableNode,
  type TreeNode,
  valuePlace,
} from "./tree.ts";

/** What a site is loaded with. */
export interface LoadOptions extends FileAccess {
  /** Host name: the agent's name unless the file or `name` gives another. */
  readonly hostname: string;
  /** `--name`: overrides `agent.name`. */
  readonly name?: string;
  /** `--instance`: overrides `agent.instance`. */
  readonly instance?: string;
  /** Those that the agent will have: what takes others is reported. Absent: all. */
  readonly capabilities?: ReadonlySet<string>;
  /** Value of an environment variable, or undefined. */
  readonly environment: (key: string) => string | undefined;
  /** Users and groups of the host. */
  readonly users: UserDirectory;
}

/** A site that may run. */
export interface ValidSite {
  readonly ok: true;
  /** Deeply frozen. */
  readonly site: SiteConfig;
  /**
   * SHA-256 in hexadecimal of the text of all files one after the other, as of
   * `cat FILES | sha256sum`; what `file` and `env` refer to is not part of it.
   */
  readonly sha256: string;
  /** The configuration files that were read, the main one first. */
  readonly files: readonly string[];
  readonly warnings: readonly Problem[];
}

/** A site that may not; at least one problem is an error. */
export interface RefusedSite {
  readonly ok: false;
  readonly problems: readonly Problem[];
  /** The configuration files that were read. */
  readonly files: readonly string[];
}

/** What {@link loadSite} gives. */
export type LoadedSite = ValidSite | RefusedSite;

/** Freezes a value and all that is in it. */
function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const inner of Object.values(value)) freeze(inner);
    Object.freeze(value);
  }
  return value;
}

/** The agent's name by which `by_host` selects. */
function agentName(tables: readonly TableNode[], options: LoadOptions, report: Report): string {
  const node = firstOf(tables, ["agent", "name"]);
  if (node?.kind === "table") {
    const word = substitutionWord(node);
    if (word !== undefined) {
      report({
        place: valuePlace(node),
        message: `\`${word}\` is not allowed in \`agent.name\`: it selects by that very name`,
        advice: "write the name itself, or leave the key out and use `halb --name NAME`",
      });
      const agent = firstOf(tables, ["agent"]);
      if (agent?.kind === "table") agent.entries.delete("name");
    }
  }
  if (options.name !== undefined) return options.name;
  const given = node?.kind === "scalar" && typeof node.value === "string" ? node.value : "";
  return given === "" ? options.hostname : given;
}

/** An empty table in place of one that is not there. */
function emptyTable(source: Source, path: readonly string[]): TableNode {
  return { kind: "table", source, path, keyPath: path, entries: new Map() };
}

/** Whether `node` is a table; a report where it is not. */
function isTable(node: TreeNode, key: string, report: Report): node is TableNode {
  if (node.kind === "table") return true;
  if (node.kind === "scalar" && node.value === FAILED) return false;
  const twice = node.kind === "list" && node.items.length > 0;
  report({
    place: twice ? valuePlace(node.items[0] ?? node) : valuePlace(node),
    message: `\`${key}\` is one table, not ${twice ? "a list of tables" : shown(node)}`,
    advice: `write \`[${key}]\`${twice ? " instead, once" : " and its keys below"}`,
  });
  return false;
}

/** The routers' nodes; reports where `vrrp` is no list of tables or is empty. */
function routerNodes(root: TableNode, report: Report): TableNode[] {
  const list = root.entries.get("vrrp");
  if (list === undefined || (list.kind === "list" && list.items.length === 0)) {
    // A list of sessions that is empty, or none, is told of where it is read.
    const sessions = root.entries.get("bfd");
    const none = sessions?.kind === "list" && sessions.items.length === 0;
    if (sessions !== undefined && !none) return [];
    if (root.entries.has("bfd_reflector") || root.entries.has("bfd_unsolicited")) return [];
    // The last of them is keepalived's, and told of as an unknown key.
    if (["virtual_server", "ipvs", "vrrp_instance"].some((key) => root.entries.has(key))) return [];
    report({
      place: { source: root.source, line: 0, column: 0, length: 1 },
      message: "There is nothing to do: no virtual router, no BFD session and no virtual server " +
        "is configured",
      advice:
        "add a `[[vrrp]]` table with `name`, `interface`, `virtual_router_id` and `addresses`",
    });
    return [];
  }
  if (list.kind === "list" && list.items.length > MOST_ROUTERS) {
    report({
      place: keyPlace(list),
      message:
        `${list.items.length} virtual routers are more than the ${MOST_ROUTERS} halb can run`,
    });
  }
  return listedTables(root, "vrrp", "virtual routers", report);
}

/** The table `[KEY]` as it is written; undefined where there is none. */
function tableOf(root: TableNode, key: string, report: Report): TableNode | undefined {
  const node = root.entries.get(key);
  return node !== undefined && isTable(node, key, report) ? node : undefined;
}

/** The table `[KEY]`; undefined where there is none, or none that is valid. */
function singleTable<T>(
  root: TableNode,
  key: string,
  schema: v.GenericSchema<unknown, T>,
  check: (table: CheckedTable<T>, report: Report) => void,
  report: Report,
): T | undefined {
  const node = tableOf(root, key, report);
  if (node === undefined) return undefined;
  const config = validate(node, schema, report);
  if (config !== undefined) check({ config, node }, report);
  return config;
}

const NOTHING_STATIC: StaticConfig = { addresses: [], routes: [], rules: [] };
const POLICY = ["realtime", "policy"];
/** Lists of tables beside that of the routers. */
const LISTS = ["garp_group", "sync_group", "bfd", "check", "virtual_server", ...TRACKER_KEYS];

/** The table `[defaults.KEY]`, where there is one. */
function defaultsFor(
  key: string,
  defaults: TableNode | undefined,
  schema: Schema,
  report: Report,
): TreeNode | undefined {
  const common = defaults?.entries.get(key);
  if (common === undefined || !isTable(common, `defaults.${key}`, report)) return undefined;
  validate(common, schema, report);
  return common;
}

/** The tables of a list that `schema` accepts with the defaults below them. */
function overlaid<T>(
  common: TreeNode | undefined,
  items: readonly TreeNode[],
  schema: v.GenericSchema<unknown, T>,
  report: Report,
): CheckedTable<T>[] {
  return items.flatMap((item) => {
    const node = overlay(common, item);
    const config = validate(node, schema, report);
    return config === undefined ? [] : [{ config, node }];
  });
}

/** The site of a merged tree; undefined when something was wrong that no place shows. */
function buildSite(
  root: TableNode,
  options: LoadOptions,
  report: Report,
): SiteConfig {
  const routers = routerNodes(root, report);
  // Lists were looked at; one written as a table must not be reported again as unknown.
  keepTables(root, "vrrp", routers);
  for (const key of LISTS) {
    if (!root.entries.has(key)) continue;
    keepTables(root, key, listedTables(root, key, undefined, report));
  }
  settle(root, SITE_SCHEMA, "", report);
  const agentNode = root.entries.get("agent") ?? emptyTable(root.source, ["agent"]);
  const agent = isTable(agentNode, "agent", report)
    ? validate(agentNode, AGENT_SCHEMA, report)
    : undefined;
  const defaults = root.entries.get("defaults");
  let common: TableNode | undefined;
  if (defaults !== undefined && isTable(defaults, "defaults", report)) common = defaults;
  const forRouters = defaultsFor("vrrp", common, VRRP_DEFAULTS_SCHEMA, report);
  const checked: CheckedRouter[] = overlaid(forRouters, routers, VRRP_SCHEMA, report);
  const forSessions = defaultsFor("bfd", common, BFD_DEFAULTS_SCHEMA, report);
  const forServers = defaultsFor(
    "virtual_server",
    common,
    VIRTUAL_SERVER_DEFAULTS_SCHEMA,
    report,
  );
  const sessions = overlaid(forSessions, itemsOf(root, "bfd"), BFD_SCHEMA, report);
  const staticNode = root.entries.get("static") ?? emptyTable(root.source, ["static"]);
  const held = isTable(staticNode, "static", report)
    ? validate(staticNode, STATIC_SCHEMA, report)
    : undefined;
  const statics = held ?? NOTHING_STATIC;
  crossCheck(checked, { ...statics, node: staticNode }, report);
  const groups = validTables(root, "garp_group", GARP_GROUP_SCHEMA, report);
  checkGarpGroups(groups, report);
  const syncGroups = validTables(root, "sync_group", SYNC_GROUP_SCHEMA, report);
  // A router that could not be understood exists all the same.
  if (checked.length === routers.length) checkGroups(syncGroups, checked, report);
  const known = agent ?? validate(emptyTable(root.source, ["agent"]), AGENT_SCHEMA, report);
  if (known === undefined) throw new Error("An empty [agent] must be valid");
  const userNode = descend(agentNode, ["script_user"]);
  const scheduling = { policy: known.realtime.policy, node: descend(agentNode, POLICY) };
  checkSessions(sessions, scheduling, report);
  const reflector = singleTable(
    root,
    "bfd_reflector",
    BFD_REFLECTOR_SCHEMA,
    checkReflector,
    report,
  );
  const unsolicited = singleTable(
    root,
    "bfd_unsolicited",
    BFD_UNSOLICITED_SCHEMA,
    checkUnsolicited,
    report,
  );
  const user = resolveUser(known.script_user, userNode, options.users, report) ?? NOBODY;
  const resolved = resolveAgent(known, options, user, userNode !== agentNode);
  const surroundings = { ...options, user: resolved.script_user };
  const forChecks = defaultsFor("check", common, CHECK_DEFAULTS_SCHEMA, report);
  const checkNodes = itemsOf(root, "check");
  const probing: CheckSurroundings = {
    ...surroundings,
    sessions: namesIn(root, "bfd"),
    checks: namesIn(root, "check"),
  };
  const checks = readChecks(checkNodes, forChecks, probing, report);
  const under = { server: forServers, check: forChecks };
  const balance = readBalance(root, tableOf(root, "ipvs", report), under, probing, report);
  const named = { bfd: sessions, check: checks, virtual_server: balance.servers };
  const trackers = readTrackers(root, named, surroundings, report);
  const complete = checked.length === routers.length &&
    syncGroups.length === itemsOf(root, "sync_group").length;
  checkTrackers(checked, syncGroups, trackers, surroundings, complete, report);
  const routerNames = namesIn(root, "vrrp");
  const told = known.notify !== undefined;
  checkBalance(balance, { routers: checked, routerNames, told }, checks, report);
  const all = complete && balance.servers.length === itemsOf(root, "virtual_server").length;
  if (all) reportUnusedChecks(checks, balance.servers, [...checked, ...syncGroups], report);
  const mailNode = tableOf(root, "mail", report);
  const mail = mailNode && validate(mailNode, MAIL_SCHEMA, report);
  checkHttpServer(resolved, descend(agentNode, ["http"]), options, report);
  const notifications = readNotifications(
    [
      ...checked.map((router) => ({ type: "INSTANCE", ...router } as const)),
      ...syncGroups.map((group) => ({ type: "GROUP", ...group } as const)),
      ...sessions.map((session) => ({ type: "BFD", ...session } as const)),
      ...notifyingServers(balance.servers),
    ],
    known,
    agentNode,
    {
      ...options,
      user: resolved.script_user,
      ...(mail === undefined || mailNode === undefined
        ? {}
        : { mail: { config: mail, node: mailNode } }),
    },
    report,
  );
  return freeze({
    agent: resolved,
    garp_group: groups.map(({ config }) => config),
    vrrp: checked.map(({ config }) => config),
    static: statics,
    sync_group: syncGroups.map(({ config }) => config),
    ...configsOf(trackers),
    ...(reflector === undefined ? {} : { bfd_reflector: reflector }),
    ...(unsolicited === undefined ? {} : { bfd_unsolicited: unsolicited }),
    ...(balance.ipvs === undefined ? {} : { ipvs: balance.ipvs.config }),
    notifications,
  });
}

/**
 * Loads and validates the site.toml at `path` as the host of `options` sees it.
 *
 * Never throws for anything a file contains: all that is wrong comes back as problems, in the
 * order of the files.
 */
export function loadSite(path: string, options: LoadOptions): LoadedSite {
  const findings: Finding[] = [];
  const report: Report = (finding) => void findings.push(finding);
  const texts: string[] = [];
  function readText(name: string): string {
    const text = options.readText(name);
    texts.push(text);
    return text;
  }
  const { sources, tables } = readSources(path, { ...options, readText }, report);
  const readable = findings.length === 0;
  const name = agentName(tables, options, report);
  const resolved = tables.map((table) => {
    return hideSecrets(substitute(table, { ...options, name }, report));
  });
  const root = mergeTables(resolved, report);
  let site: SiteConfig | undefined;
  if (root !== undefined) {
    site = buildSite(root, options, (finding) => {
      // Where a file could not be read, “nothing to do” may only mean that it is in there.
      if (readable || !("line" in finding.place)) report(finding);
    });
    if (site && options.capabilities) checkCapabilities(site, root, options.capabilities, report);
  }
  const problems = findings.length === 0 ? [] : locate(findings, sources);
  const files = sources.map((source) => source.name);
  if (site === undefined || problems.some(({ severity }) => severity === "error")) {
    return { ok: false, problems, files };
  }
  return { ok: true, site, sha256: sha256(texts.join("")), files, warnings: problems };
}
