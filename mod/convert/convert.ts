/**
 * A keepalived.conf to a site.toml: once for each configuration id that it names, then all of
 * these as one site.
 *
 * @module
 */

import { staticAddresses } from "./addresses.ts";
import { bfdInstance } from "./bfd.ts";
import { tomlText } from "./emit.ts";
import { Expander } from "./expand.ts";
import { garpGroup, writeNeighbourGap } from "./garp.ts";
import { finishAgent, globalDefinitions, globalHandlers, syncDaemon } from "./globals.ts";
import { isWeighted, membersOf, syncGroup } from "./group.ts";
import { finishMail } from "./mail.ts";
import { instance } from "./instance.ts";
import { Notes } from "./notes.ts";
import { parseLines } from "./parse.ts";
import { GLOBAL_REASONS, TOP_REASONS } from "./reasons.ts";
import { nameVirtualInterfaces } from "./router.ts";
import { readRoutes } from "./routes.ts";
import { readRules, RulePriorities } from "./rules.ts";
import { type Handler, type Handlers, Scope } from "./scope.ts";
import { virtualServer } from "./servers.ts";
import { type ServerGroup, serverGroup } from "./services.ts";
import { footOf } from "./summary.ts";
import { interfaceDelays, trackFile, trackProcess, trackScript, Weights } from "./trackers.ts";
import type { ConvertOptions, Note, Statement } from "./types.ts";
import { Table } from "./value.ts";
import { mergeViews, type View } from "./views.ts";

/** Most configuration ids of one file. */
const MOST_IDS = 64;

/** What a conversion gives. */
export interface Converted {
  /** The text of site.toml. */
  readonly text: string;
  readonly notes: readonly Note[];
  /** Configuration ids that the file names; the site has `by_host` for them. */
  readonly ids: readonly string[];
}

/** Top-level tables of a site, in the order of reading. */
const ORDER = [
  "agent",
  "mail",
  "ipvs",
  "static",
  "track_interface",
  "track_script",
  "track_process",
  "track_file",
  "bfd",
  "garp_group",
  "defaults",
  "vrrp",
  "sync_group",
  "virtual_server",
];

/** Keywords of the top, by what must be read before what; `finish`: what only the whole decides. */
function topHandlers(
  scope: Scope,
  statements: readonly Statement[],
): { readonly stages: readonly Handlers[]; readonly finish: () => void } {
  const weights = new Weights();
  const known = new Map<string, Table>();
  const priorities = new RulePriorities();
  const groups = new Map<string, ServerGroup>();
  const tls = new Table();
  const daemons: Statement[] = [];
  const { handlers, mail } = globalHandlers(scope, keywordsOf(statements), (statement) => {
    daemons.push(statement);
  });
  const unweighted = new Set(
    statements.filter((block) => block.keyword === "vrrp_sync_group" && !isWeighted(block))
      .flatMap(membersOf),
  );
  const definitions: Handler = (block) => globalDefinitions(scope, block, handlers);
  const held = () => scope.root.table("static");
  const files: Handler = (block) => trackFile(scope, block, weights, known);
  const guess = (name: string) => trackerInterface(statements, name);
  const stages: Handlers[] = [
    {
      global_defs: definitions,
      net_namespace: handlers["net_namespace"]!,
      net_namespace_ipvs: handlers["net_namespace_ipvs"]!,
      instance: handlers["instance"]!,
    },
    {
      vrrp_script: (block) => trackScript(scope, block, weights),
      vrrp_track_process: (block) => trackProcess(scope, block, weights),
      track_file: files,
      vrrp_track_file: files,
      bfd_instance: (block) => bfdInstance(scope, block, weights, guess),
      interface_up_down_delays: (block) => interfaceDelays(scope, block),
      static_ipaddress: (block) => staticAddresses(scope, block),
      static_routes: (block) => readRoutes(scope, block, held().list("routes")),
      static_rules: (block) => readRules(scope, block, held().list("rules"), priorities),
      garp_group: (block) => garpGroup(scope, block),
      SSL: (block) => sslContext(scope, block, tls),
      virtual_server_group: (block) => {
        groups.set(block.args[0] ?? "", serverGroup(scope, block));
      },
    },
    {
      vrrp_instance: (block) => instance(scope, block, { weights, priorities, unweighted }),
      virtual_server: (block) => virtualServer(scope, block, { groups, files: known, tls }),
    },
    { vrrp_sync_group: (block) => syncGroup(scope, block, weights) },
  ];
  const finish = () => {
    for (const statement of daemons) syncDaemon(scope, statement);
    finishMail(scope, mail);
    finishAgent(scope);
    unusedGroups(scope, statements, groups);
  };
  return { stages, finish };
}

/** Keywords at the top and in `global_defs`. */
function keywordsOf(statements: readonly Statement[]): Set<string> {
  return new Set(
    statements.flatMap(({ keyword, children = [] }) =>
      keyword === "global_defs" ? children.map((child) => child.keyword) : [keyword]
    ),
  );
}

/** The interface of the first instance that tracks a BFD session. */
function trackerInterface(statements: readonly Statement[], name: string): string | undefined {
  for (const { keyword, children = [] } of statements) {
    if (keyword !== "vrrp_instance") continue;
    const tracks = children.some((child) =>
      child.keyword === "track_bfd" && child.children?.some((line) => line.keyword === name)
    );
    if (tracks) return children.findLast((child) => child.keyword === "interface")?.args[0];
  }
  return undefined;
}

/** `SSL { … }`: the client's side of TLS, for all SSL_GET. */
function sslContext(scope: Scope, block: Statement, tls: Table): void {
  const path = (key: string): Handler => (statement) => {
    const text = scope.text(statement);
    if (text === undefined) return;
    if (!text.startsWith("/")) {
      return scope.notes.dropped(statement, `"${text}" is no absolute path`, "write it from / on");
    }
    tls.set(key, key === "key" ? Table.of({ file: text }) : text);
  };
  scope.block(
    block.children ?? [],
    {
      ca: path("ca"),
      certificate: path("certificate"),
      key: path("key"),
      password: (statement) => {
        const reason = "a passphrase beside its key protects nothing";
        scope.notes.dropped(
          statement,
          reason,
          "a key without one, in a file that others cannot read",
        );
      },
    },
    {},
    "in SSL",
  );
  // Either is worth nothing without the other.
  if (tls.get("certificate") === undefined || tls.get("key") === undefined) {
    if ((tls.get("certificate") ?? tls.get("key")) !== undefined) {
      scope.notes.dropped(block, "a certificate needs its key, and the other way round");
    }
    tls.entries.delete("certificate");
    tls.entries.delete("key");
  }
}

function unusedGroups(
  scope: Scope,
  statements: readonly Statement[],
  groups: ReadonlyMap<string, ServerGroup>,
): void {
  for (const block of statements) {
    if (block.keyword !== "virtual_server_group") continue;
    if (groups.get(block.args[0] ?? "")?.used === true) continue;
    scope.notes.needless(block, "no virtual_server uses it");
  }
}

/** What keepalived does unless told, and halb does not. */
function writeDefaults(scope: Scope): void {
  if (scope.root.get("vrrp") === undefined) {
    const defaults = scope.root.get("defaults");
    if (defaults instanceof Table) scope.root.entries.delete("defaults");
    return;
  }
  const defaults = scope.root.table("defaults").table("vrrp");
  const garp = defaults.table("garp");
  if (garp.get("refresh") === undefined) garp.set("refresh", "0s");
  writeNeighbourGap(garp);
  if (defaults.get("advertise_before_yielding") === undefined && !scope.globals.strict) {
    defaults.set("advertise_before_yielding", false);
  }
}

/** Whom programs run as where nobody says it: keepalived's user, else root. */
function writeUser(scope: Scope): void {
  const agent = scope.root.table("agent");
  if (scope.runsPrograms && !scope.globals.scriptUser) {
    const has = scope.options.hasUser("keepalived_script");
    if (has) agent.set("script_user", "keepalived_script");
    else if (!scope.globals.scriptSecurity) agent.set("script_user", "root");
  }
  if (agent.entries.size > 0 || agent.rest.length > 0) return;
  scope.root.rest.push(...scope.root.entries.get("agent")?.before ?? []);
  scope.root.entries.delete("agent");
}

/** The site of one view. */
function convertView(statements: readonly Statement[], scope: Scope): Table {
  const { stages, finish } = topHandlers(scope, statements);
  const known = new Set(stages.flatMap((stage) => Object.keys(stage)));
  const others = statements.filter(({ keyword }) => !known.has(keyword));
  scope.block(others, {}, { ...GLOBAL_REASONS, ...TOP_REASONS }, "at the top", scope.root);
  for (const stage of stages) {
    const own = statements.filter(({ keyword }) => Object.hasOwn(stage, keyword));
    scope.block(own, stage, {}, "at the top");
  }
  finish();
  nameVirtualInterfaces(scope);
  scope.keepComments();
  writeDefaults(scope);
  writeUser(scope);
  return scope.root.order(ORDER);
}

/** Ids that the file names, found by reading it until no new ones come up. */
function idsOf(path: string, options: ConvertOptions, notes: Notes): string[] {
  const ids = new Set<string>();
  // What is behind a condition may name further ids: each id that comes up has its turn.
  const queue = [""];
  for (let at = 0; at < queue.length && at <= MOST_IDS; at++) {
    const expander = new Expander(queue[at]!, options, new Notes());
    expander.readFile(path);
    for (const id of expander.ids) {
      if (!ids.has(id)) queue.push(id);
      ids.add(id);
    }
  }
  if (ids.size > MOST_IDS) {
    const reason = `there are more than ${MOST_IDS} ids: what is for the further ones is left out`;
    notes.add({ file: path, line: 0 }, "dropped", "@", reason, "convert a part of them at a time");
  }
  return [...ids].slice(0, MOST_IDS);
}

/**
 * Converts the keepalived.conf at `path`. Never throws for anything a file contains: what cannot
 * be read or has no equivalent is in the notes, with its file and line.
 */
export function convert(path: string, options: ConvertOptions): Converted {
  const notes = new Notes();
  const ids = idsOf(path, options, notes);
  // One id alone tells one host from all others; several are the hosts.
  const views: (string | undefined)[] = ids.length === 0
    ? [options.hostname]
    : ids.length === 1
    ? [ids[0], undefined]
    : ids;
  const sites: View<Table>[] = [];
  let rest: readonly string[] = [];
  for (const id of views) {
    const expander = new Expander(id ?? "\u0000other", options, notes);
    expander.readFile(path);
    rest = expander.rest;
    const scope = new Scope(options, notes, ids.length > 0);
    sites.push({ id, value: convertView(parseLines(expander.lines, notes), scope) });
  }
  const root = mergeViews(sites);
  const list = notes.list();
  const head = [`Converted from ${path} by halb convert; what it could not keep is at the end.`];
  const text = tomlText(root, head, [...rest, ...footOf(list, ids)]);
  return { text, notes: list, ids };
}
