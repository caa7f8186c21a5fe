/**
 * What trackers and the routers that name them contradict each other in: names that nothing has,
 * names given twice, weights without effect, scripts that anybody could change, and routers that
 * would wait for themselves.
 *
 * @module
 */

import { checkCommand } from "./commands.ts";
import { OTHER, type Report } from "./finding.ts";
import { type CheckedRouter, clash, Register } from "./router_checks.ts";
import type { SyncGroupConfig } from "./group_schema.ts";
import type { FileSecurity } from "./security.ts";
import { type CheckedTable, namesIn, reportUnknown, validTables } from "./table_lists.ts";
import { checkCycles } from "./tracker_cycles.ts";
import {
  TRACK_ADDRESS_SCHEMA,
  TRACK_FILE_SCHEMA,
  TRACK_INTERFACE_SCHEMA,
  TRACK_PROCESS_SCHEMA,
  TRACK_ROUTE_SCHEMA,
  TRACK_SCRIPT_SCHEMA,
  TRACKER_LISTS,
  type TrackersConfig,
} from "./tracker_schema.ts";
import type { GroupTrackConfig, TrackList } from "./track_table.ts";
import { descend, shown, type TableNode, type TreeNode, valuePlace } from "./tree.ts";
import { resolveUser, type ScriptUser, type UserDirectory } from "./users.ts";

type TrackerKey = keyof TrackersConfig;

/** Keys of the lists of tables that are trackers and nothing else. */
export const TRACKER_KEYS = Object.keys(TRACKER_LISTS) as readonly (keyof typeof TRACKER_LISTS)[];

/** All trackers that passed the schema, with the trees they came from. */
export type CheckedTrackers =
  & {
    readonly [K in TrackerKey]: readonly CheckedTable<TrackersConfig[K][number]>[];
  }
  & {
    /** Names of all that were written, those that did not pass the schema too. */
    written(key: TrackerKey): readonly string[];
  };

/** The lists of `[[vrrp]]` `track`, what they name, and how a missing one is called. */
const USES: readonly (readonly [TrackList, TrackerKey, string])[] = [
  ["interfaces", "track_interface", "interface"],
  ["scripts", "track_script", "script"],
  ["processes", "track_process", "process"],
  ["files", "track_file", "file"],
  ["routes", "track_route", "route"],
  ["addresses", "track_address", "address"],
  ["bfd", "bfd", "BFD session"],
  ["checks", "check", "check"],
  ["virtual_servers", "virtual_server", "virtual server"],
];

/** What trackers are checked against. */
export interface TrackerSurroundings {
  readonly users: UserDirectory;
  /** Whom scripts run as that say nothing else. */
  readonly user: ScriptUser;
  /** How to look at files; absent: nobody can. */
  readonly security?: FileSecurity;
}

/**
 * The trackers of a tree that pass the schema; what does not is reported.
 *
 * @param others sessions, checks and virtual servers, which were read already
 */
export function readTrackers(
  root: TableNode,
  others: Pick<CheckedTrackers, "bfd" | "check" | "virtual_server">,
  surroundings: TrackerSurroundings,
  report: Report,
): CheckedTrackers {
  const scripts = validTables(root, "track_script", TRACK_SCRIPT_SCHEMA, report);
  return {
    track_interface: validTables(root, "track_interface", TRACK_INTERFACE_SCHEMA, report),
    track_script: scripts.flatMap(({ config, node }) => {
      const user = config.user === undefined
        ? surroundings.user
        : resolveUser(config.user, descend(node, ["user"]), surroundings.users, report);
      return user === undefined ? [] : [{ config: { ...config, user }, node }];
    }),
    track_process: validTables(root, "track_process", TRACK_PROCESS_SCHEMA, report),
    track_file: validTables(root, "track_file", TRACK_FILE_SCHEMA, report),
    track_route: validTables(root, "track_route", TRACK_ROUTE_SCHEMA, report),
    track_address: validTables(root, "track_address", TRACK_ADDRESS_SCHEMA, report),
    ...others,
    written: (key) => namesIn(root, key),
  };
}

/** Without the trees. */
export function configsOf(trackers: CheckedTrackers): TrackersConfig {
  return {
    track_interface: trackers.track_interface.map(({ config }) => config),
    track_script: trackers.track_script.map(({ config }) => config),
    track_process: trackers.track_process.map(({ config }) => config),
    track_file: trackers.track_file.map(({ config }) => config),
    track_route: trackers.track_route.map(({ config }) => config),
    track_address: trackers.track_address.map(({ config }) => config),
    bfd: trackers.bfd.map(({ config }) => config),
    check: trackers.check.map(({ config }) => config),
    virtual_server: trackers.virtual_server.map(({ config }) => config),
  };
}

/**
 * Reports what is wrong with the trackers of a site and with how its routers use them.
 *
 * @param complete all routers and groups passed the schema: who is not among them is nobody
 */
export function checkTrackers(
  routers: readonly CheckedRouter[],
  groups: readonly CheckedTable<SyncGroupConfig>[],
  trackers: CheckedTrackers,
  surroundings: TrackerSurroundings,
  complete: boolean,
  report: Report,
): void {
  for (const key of TRACKER_KEYS) checkNames(key, trackers[key], report);
  for (const script of trackers.track_script) checkScript(script, surroundings, report);
  for (const process of trackers.track_process) checkProcess(process, report);
  for (const route of trackers.track_route) checkRoute(route, report);
  for (const one of [...routers, ...groups]) checkTrack(one, trackers, report);
  for (const router of routers) checkOwnerWeights(router, trackers, report);
  if (complete) checkUnused(routers, groups, trackers, report);
  checkCycles(routers, groups, trackers, report);
}

function checkNames(
  key: TrackerKey,
  tables: readonly CheckedTable<{ readonly name: string }>[],
  report: Report,
): void {
  const names = new Register<TreeNode>();
  for (const { config, node } of tables) {
    const own = descend(node, ["name"]);
    const what = `Two \`[[${key}]]\` have the name ${shown(own)}`;
    clash(own, names.claim([config.name], own), what, "give each a name of its own", report);
  }
}

/** Whether everything that `track` names is there, once. */
function checkTrack(
  { config, node }: CheckedTable<{ readonly track: GroupTrackConfig }>,
  trackers: CheckedTrackers,
  report: Report,
) {
  for (const [list, key, word] of USES) {
    const known = trackers.written(key);
    const register = new Register<TreeNode>();
    config.track[list].forEach(({ name }, index) => {
      const item = descend(node, ["track", list, index]);
      const own = item.kind === "table" ? descend(item, ["name"]) : item;
      const what = `The ${word} ${shown(own)} is tracked twice`;
      clash(own, register.claim([name], own), what, "leave out one of the two", report);
      if (list === "checks") refuseSession(name, own, trackers, report);
      if (list === "interfaces" || known.includes(name)) return;
      reportUnknown(key, name, own, known, report);
    });
  }
}

/** A session that is a check for servers: routers hear of it without the detour. */
function refuseSession(name: string, own: TreeNode, { check }: CheckedTrackers, report: Report) {
  const session = check.find(({ config }) => config.name === name)?.config.session;
  if (session === undefined) return;
  report({
    place: valuePlace(own),
    message: `The check ${shown(own)} is the BFD session "${session}"`,
    advice: `track the session itself: \`track.bfd = ["${session}"]\``,
  });
}

/** A weight that moves nothing: an owner's priority never changes. */
function checkOwnerWeights(
  { config, node }: CheckedRouter,
  trackers: CheckedTrackers,
  report: Report,
): void {
  if (config.priority !== 255) return;
  for (const [list, key, word] of USES) {
    // Too little in a file is a fault, and that keeps an owner out, too.
    if (list === "files") continue;
    config.track[list].forEach(({ name, weight }, index) => {
      const described = trackers[key].find((one) => one.config.name === name);
      if ((weight ?? ownWeight(key, described?.config)) === 0) return;
      report({
        place: valuePlace(descend(node, ["track", list, index])),
        message: `The weight of the ${word} "${name}" has no effect: the priority of an owner ` +
          `(255 at ${OTHER}) never changes`,
        advice: "give it the weight 0, so that it is a fault, or the router a priority below 255",
        severity: "warning",
        other: valuePlace(descend(node, ["priority"])),
      });
    });
  }
}

/** What a tracker's own table says; the weight of a check is for a server. */
function ownWeight(key: TrackerKey, config: object | undefined): number {
  const weight = key === "check" || config === undefined || !("weight" in config)
    ? 0
    : config.weight;
  return typeof weight === "number" ? weight : 0;
}

/** What is described and nobody looks at. */
function checkUnused(
  routers: readonly CheckedRouter[],
  groups: readonly CheckedTable<SyncGroupConfig>[],
  trackers: CheckedTrackers,
  report: Report,
): void {
  const tables = [...routers, ...groups];
  for (const [list, key, word] of USES) {
    const used = new Set(
      tables.flatMap(({ config }) => config.track[list].map(({ name }) => name)),
    );
    // Its delays count for those who speak on it.
    if (list === "interfaces") { for (const { config } of routers) used.add(config.interface); }
    // Sessions and virtual servers are worth having by themselves.
    // A check may be a server's: `reportUnusedChecks` knows.
    if (list === "bfd" || list === "checks" || list === "virtual_servers") continue;
    for (const { config: { name }, node } of trackers[key]) {
      if (used.has(name)) continue;
      report({
        place: valuePlace(descend(node, ["name"])),
        message: `Nobody tracks the ${word} "${name}"`,
        advice: `name it in \`track.${list}\` of a virtual router or sync group, or take it out`,
        severity: "warning",
      });
    }
  }
}

function checkScript(
  { config, node }: CheckedTrackers["track_script"][number],
  { security }: TrackerSurroundings,
  report: Report,
): void {
  const { interval, timeout, command, user } = config;
  if (timeout !== undefined && timeout > interval) {
    const place = descend(node, ["timeout"]);
    report({
      place: valuePlace(place),
      message: `The \`timeout\` of ${shown(place)} is longer than the interval: while a run ` +
        "lasts, the next one is left out",
      advice: "give an interval that is as long",
      severity: "warning",
    });
  }
  const surroundings = { ...(security === undefined ? {} : { security }), user };
  checkCommand(command, descend(node, ["command"]), surroundings, report);
}

function checkProcess(
  { config, node }: CheckedTrackers["track_process"][number],
  report: Report,
): void {
  const { quorum, quorum_max: most } = config;
  if (most === undefined || most >= quorum) return;
  const place = descend(node, ["quorum_max"]);
  // keepalived's way to say that none may run.
  const none = most === 0 && quorum === 1;
  report({
    place: valuePlace(place),
    message: `At least ${quorum} and at most ${most} processes: no number is right`,
    advice: none ? "write `quorum = 0` too, if none may run" : `write \`${quorum}\` or more`,
  });
}

function checkRoute({ config, node }: CheckedTrackers["track_route"][number], report: Report) {
  const { to, via } = config;
  if (via === undefined || to.includes(":") === via.includes(":")) return;
  const place = descend(node, ["via"]);
  // RFC 8950 has IPv4 routes through IPv6 gateways, and no other mixture.
  if (via.includes(":")) return;
  report({
    place: valuePlace(place),
    message: `Invalid \`via\`: ${shown(place)} is IPv4, and ${shown(descend(node, ["to"]))} IPv6`,
    advice: "write the IPv6 address of the gateway",
  });
}
