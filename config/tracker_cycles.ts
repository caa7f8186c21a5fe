/**
 * Routers that would wait for themselves: one that tracks an address or a route which it holds only
 * as master, a check of such an address, or a virtual server without a quorum unless such an
 * address answers; or tracks what another one holds which tracks what it holds. Such a router never
 * starts, or never comes to rest. The members of a sync group wait for each other, and count as one.
 *
 * A virtual server that follows the router which tracks it is no such case: its checks run whatever
 * it follows, so that its quorum does not hang on who is master.
 *
 * @module
 */

import { type NamedCheckConfig, talks } from "./check_uses.ts";
import { OTHER, type Report } from "./finding.ts";
import type { SyncGroupConfig } from "./group_schema.ts";
import type { CheckedRouter } from "./router_checks.ts";
import type { CheckedTable } from "./table_lists.ts";
import type { TrackAddressConfig, TrackRouteConfig } from "./tracker_schema.ts";
import type { GroupTrackConfig } from "./track_table.ts";
import { descend, shown, type TreeNode, valuePlace } from "./tree.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

type Group = CheckedTable<SyncGroupConfig>;

/** What is master together: a group, or a router by itself. */
interface Unit {
  readonly members: readonly CheckedRouter[];
  /** Whose `track` counts for it. */
  readonly tracking: readonly CheckedTable<{ readonly track: GroupTrackConfig }>[];
}

/** What a unit's health hangs on. */
interface Dependence {
  readonly on: CheckedRouter;
  /** What is tracked, and what `on` holds. */
  readonly tracked: TreeNode;
  readonly held: TreeNode;
}

/** What can be tracked and held. */
interface Trackers {
  readonly track_address: readonly CheckedTable<TrackAddressConfig>[];
  readonly track_route: readonly CheckedTable<TrackRouteConfig>[];
  readonly check: readonly CheckedTable<NamedCheckConfig>[];
  readonly virtual_server: readonly CheckedTable<VirtualServerConfig>[];
}

function unitsOf(routers: readonly CheckedRouter[], groups: readonly Group[]): Unit[] {
  const units = groups.map((group): Unit => {
    const members = routers.filter(({ config }) => group.config.members.includes(config.name));
    return { members, tracking: [group, ...members] };
  });
  const grouped = new Set(units.flatMap(({ members }) => members));
  const single = routers.filter((router) => !grouped.has(router));
  return [...units, ...single.map((router) => ({ members: [router], tracking: [router] }))];
}

/** The text of an item that may be a table. */
function itemNode(node: TreeNode, list: string, index: number, key: string): TreeNode {
  const item = descend(node, [list, index]);
  return item.kind === "table" ? descend(item, [key]) : item;
}

/** Where a router holds the address; it is absent where it does not, or not only as master. */
function heldAddress(
  { config, node }: CheckedRouter,
  { address, interface: carrier }: Pick<TrackAddressConfig, "address" | "interface">,
): TreeNode | undefined {
  // An owner's addresses are there whatever VRRP does.
  if (config.priority === 255) return undefined;
  for (const list of ["addresses", "excluded_addresses"] as const) {
    const at = config[list].findIndex((held) =>
      held.address === address && (carrier === undefined || held.interface === carrier)
    );
    if (at >= 0) return itemNode(node, list, at, "address");
  }
  return undefined;
}

/** Where a router holds the route. */
function heldRoute({ config, node }: CheckedRouter, wanted: TrackRouteConfig) {
  const at = config.routes.findIndex((route) => {
    const hops = route.nexthops ?? [route];
    return route.to === wanted.to && route.table === wanted.table &&
      hops.some((hop) =>
        (wanted.via === undefined || wanted.via === hop.via) &&
        (wanted.interface === undefined || hop.interface === undefined ||
          wanted.interface === hop.interface)
      );
  });
  return at < 0 ? undefined : itemNode(node, "routes", at, "to");
}

/** The address that a named check asks; undefined: it asks none, or there is no such check. */
function askedBy(name: string, checks: Trackers["check"]): string | undefined {
  const check = checks.find((one) => one.config.name === name)?.config;
  return check === undefined || !talks(check.type) ? undefined : check.address;
}

/** An address of the router without whose answer the virtual server has no quorum. */
function neededAddress(
  { quorum, real_server, servers_file }: VirtualServerConfig,
  checks: Trackers["check"],
  router: CheckedRouter,
): TreeNode | undefined {
  // What stands in a file is not known yet.
  if (servers_file !== undefined) return undefined;
  let without = 0;
  let needed: TreeNode | undefined;
  for (const { address: own, check, weight } of real_server) {
    const held = check.map((use) => {
      const address = "name" in use
        ? askedBy(use.name, checks)
        : talks(use.type)
        ? use.address ?? own.address
        : undefined;
      return address === undefined ? undefined : heldAddress(router, { address });
    }).find((one) => one !== undefined);
    if (held === undefined) without += weight;
    else needed ??= held;
  }
  return without < quorum ? needed : undefined;
}

function dependencesOf(
  { tracking }: Unit,
  routers: readonly CheckedRouter[],
  trackers: Trackers,
): Dependence[] {
  const found: Dependence[] = [];
  const add = (tracked: TreeNode, heldBy: (router: CheckedRouter) => TreeNode | undefined) => {
    for (const on of routers) {
      const held = heldBy(on);
      if (held !== undefined) found.push({ on, tracked, held });
    }
  };
  for (const { config, node } of tracking) {
    config.track.addresses.forEach(({ name }, index) => {
      const tracker = trackers.track_address.find((one) => one.config.name === name);
      const tracked = descend(node, ["track", "addresses", index]);
      if (tracker !== undefined) add(tracked, (router) => heldAddress(router, tracker.config));
    });
    config.track.routes.forEach(({ name }, index) => {
      const tracker = trackers.track_route.find((one) => one.config.name === name);
      const tracked = descend(node, ["track", "routes", index]);
      if (tracker !== undefined) add(tracked, (router) => heldRoute(router, tracker.config));
    });
    config.track.checks.forEach(({ name }, index) => {
      const address = askedBy(name, trackers.check);
      if (address === undefined) return;
      add(descend(node, ["track", "checks", index]), (router) => heldAddress(router, { address }));
    });
    config.track.virtual_servers.forEach(({ name }, index) => {
      const tracker = trackers.virtual_server.find((one) => one.config.name === name);
      const tracked = descend(node, ["track", "virtual_servers", index]);
      if (tracker === undefined) return;
      add(tracked, (router) => neededAddress(tracker.config, trackers.check, router));
    });
  }
  return found;
}

/** Reports routers whose trackers depend on their own mastership. */
export function checkCycles(
  routers: readonly CheckedRouter[],
  groups: readonly Group[],
  trackers: Trackers,
  report: Report,
): void {
  const units = unitsOf(routers, groups);
  const edges = new Map(units.map((unit) => [unit, dependencesOf(unit, routers, trackers)]));
  const unitOf = (router: CheckedRouter) => units.find((unit) => unit.members.includes(router))!;
  const leads = (from: Unit, to: Unit, seen: Set<Unit>): boolean => {
    if (from === to) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return (edges.get(from) ?? []).some(({ on }) => leads(unitOf(on), to, seen));
  };
  for (const [unit, dependences] of edges) {
    for (const { on, tracked, held } of dependences) {
      if (!leads(unitOf(on), unit, new Set())) continue;
      const itself = unit.members.length === 1 && unit.members[0] === on;
      report({
        place: valuePlace(tracked),
        message: itself
          ? `The router would wait for itself: it tracks ${shown(held)}, which it holds (${OTHER})`
          : `The routers would wait for each other: this one tracks ${shown(held)} of ` +
            `\`${on.config.name}\` (${OTHER}), and that one in the end what this one holds`,
        advice: "track something that is there without VRRP",
        other: valuePlace(held),
      });
    }
  }
}
