/**
 * Routers that would wait for themselves: one that tracks an address which it holds only as master,
 * or tracks what another one holds which tracks what it holds. Such a router never starts, or never
 * comes to rest.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import { addressNode, type CheckedRouter } from "./router_checks.ts";
import type { CheckedTable } from "./table_lists.ts";
import type { TrackAddressConfig } from "./tracker_schema.ts";
import { descend, shown, type TreeNode, valuePlace } from "./tree.ts";

/** One router's health hangs on what another one holds. */
interface Dependence {
  readonly on: CheckedRouter;
  /** What the first one tracks, and what the other one holds. */
  readonly tracked: TreeNode;
  readonly held: TreeNode;
}

/** What a check of cycles looks at. */
interface Sites {
  readonly track_address: readonly CheckedTable<TrackAddressConfig>[];
}

function dependencesOf(
  router: CheckedRouter,
  routers: readonly CheckedRouter[],
  trackers: Sites,
): Dependence[] {
  return router.config.track.addresses.flatMap(({ name }, index) => {
    const tracker = trackers.track_address.find(({ config }) => config.name === name);
    if (tracker === undefined) return [];
    const { address, interface: carrier } = tracker.config;
    const tracked = descend(router.node, ["track", "addresses", index]);
    return routers.flatMap((on) => {
      // The owner's own addresses are there whatever VRRP does.
      if (on.config.priority === 255) return [];
      const at = on.config.addresses.findIndex((held) =>
        held.address === address && (carrier === undefined || held.interface === carrier)
      );
      return at < 0 ? [] : [{ on, tracked, held: addressNode(on.node, at) }];
    });
  });
}

/** Whether `from` leads to `to`. */
function leads(
  from: CheckedRouter,
  to: CheckedRouter,
  edges: ReadonlyMap<CheckedRouter, readonly Dependence[]>,
  seen: Set<CheckedRouter>,
): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return (edges.get(from) ?? []).some(({ on }) => leads(on, to, edges, seen));
}

/** Reports routers whose trackers depend on their own mastership. */
export function checkCycles(
  routers: readonly CheckedRouter[],
  trackers: Sites,
  report: Report,
): void {
  const edges = new Map(
    routers.map((router) => [router, dependencesOf(router, routers, trackers)]),
  );
  for (const [router, dependences] of edges) {
    for (const { on, tracked, held } of dependences) {
      if (!leads(on, router, edges, new Set())) continue;
      const own = router === on;
      report({
        place: valuePlace(tracked),
        message: own
          ? `The router would wait for itself: it tracks ${shown(held)}, which it holds (${OTHER})`
          : `The routers would wait for each other: this one tracks ${shown(held)} of ` +
            `\`${on.config.name}\` (${OTHER}), and that one in the end what this one holds`,
        advice: "track something that is there without VRRP",
        other: valuePlace(held),
      });
    }
  }
}
