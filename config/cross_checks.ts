/**
 * What no single router can be wrong about: names and router ids given twice, an address that two
 * routers would hold. The places are those of the values that collide, and the message names the
 * other one. What a router contradicts itself in is in `router_checks.ts`.
 *
 * @module
 */

import type { GarpGroupConfig } from "./announce_schema.ts";
import { checkAuth } from "./auth_checks.ts";
import type { Report } from "./finding.ts";
import { checkMoves, type Movable } from "./moves_checks.ts";
import { type CheckedRouter, checkRouter, clash, Register } from "./router_checks.ts";
import { type Family, familyOf } from "./ip.ts";
import { checkVirtualMacs } from "./virtual_mac_checks.ts";
import { checkTransport, whyAlike } from "./transport_checks.ts";
import { hasBothFamilies, MOST_ROUTERS } from "./schema.ts";
import { descend, shown, type TreeNode, valuePlace } from "./tree.ts";

/** Reports two routers on one LAN that other machines would take for one. */
function checkId(router: CheckedRouter, ids: Map<string, CheckedRouter[]>, report: Report): void {
  const families = new Set(router.config.addresses.map(({ address }) => familyOf(address)));
  for (const family of families) checkFamilyId(router, family, ids, report);
}

function checkFamilyId(
  router: CheckedRouter,
  family: Family,
  ids: Map<string, CheckedRouter[]>,
  report: Report,
): void {
  const { config, node } = router;
  // A virtual router has addresses of one family: two families are two routers, whatever the id.
  const { namespace = "", interface: name, virtual_router_id } = config;
  const key = JSON.stringify([namespace, name, virtual_router_id, family]);
  const known = ids.get(key) ?? [];
  ids.set(key, [...known, router]);
  const first = known.find((other) => whyAlike(other.config, config) !== undefined);
  if (first === undefined) return;
  if (whyAlike(first.config, config) === "peers") {
    const id = descend(node, ["virtual_router_id"]);
    return clash(
      id,
      descend(first.node, ["virtual_router_id"]),
      `Two routers of the id ${shown(id)} hear the same unicast peers and cannot tell whose ` +
        "adverts they are",
      "give each an id or peers of its own; where all nodes are listed, leave this one out or " +
        "give each router a `source` of its own",
      report,
    );
  }
  const id = descend(node, ["virtual_router_id"]);
  const words = family === "ipv4" ? "IPv4" : "IPv6";
  const what = `Two ${words} routers on ${shown(descend(node, ["interface"]))} have the id`;
  clash(
    id,
    descend(first.node, ["virtual_router_id"]),
    `${what} ${shown(id)}`,
    first.config.version === config.version
      ? "give each router on a LAN an id of its own, from 1 to 255"
      : "write one router of version 3 with `v2_compatibility = true`: it speaks both versions",
    report,
  );
}

/** What is the same in two routers but must not be. */
function checkTwice(routers: readonly CheckedRouter[], report: Report): void {
  const names = new Register<TreeNode>();
  const ids = new Map<string, CheckedRouter[]>();
  for (const router of routers) {
    const { config, node } = router;
    const name = descend(node, ["name"]);
    clash(
      name,
      names.claim([config.name], name),
      `Two virtual routers have the name ${shown(name)}`,
      "give each router a name of its own",
      report,
    );
    checkId(router, ids, report);
  }
}

/** Reports the first router for which no slot is left: one of both families takes two. */
function checkSlots(routers: readonly CheckedRouter[], report: Report): void {
  let slots = 0;
  for (const { config, node } of routers) {
    slots += hasBothFamilies(config) ? 2 : 1;
    if (slots <= MOST_ROUTERS || routers.length > MOST_ROUTERS) continue;
    return report({
      place: valuePlace(descend(node, ["name"])),
      message: `More than the ${MOST_ROUTERS} virtual routers that halb can run: those of both ` +
        "families count twice",
    });
  }
}

/** Reports interfaces that are in two groups: no gap could be kept in both. */
export function checkGarpGroups(
  groups: readonly { readonly config: GarpGroupConfig; readonly node: TreeNode }[],
  report: Report,
): void {
  const interfaces = new Register<TreeNode>();
  for (const { config, node } of groups) {
    config.interfaces.forEach((name, index) => {
      const own = descend(node, ["interfaces", index]);
      const first = interfaces.claim([name], own);
      clash(own, first, `${shown(own)} is in two groups`, "leave out one of the two", report);
    });
  }
}

/** Reports what the routers of a site contradict each other and themselves in. */
export function crossCheck(
  routers: readonly CheckedRouter[],
  statics: Movable,
  report: Report,
): void {
  checkTwice(routers, report);
  checkSlots(routers, report);
  checkVirtualMacs(routers, report);
  checkMoves([...routers.map(({ config, node }) => ({ ...config, node })), statics], report);
  for (const router of routers) {
    checkRouter(router, report);
    checkTransport(router, report);
    checkAuth(router, report);
  }
}
