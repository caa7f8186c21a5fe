/**
 * What the keys of one virtual router contradict each other in: an interval that its version does
 * not have, addresses of two families, a source of the other one, keys without effect. Either of
 * two keys may be the wrong one, so a message names both places wherever both were written.
 *
 * @module
 */

import { formatDuration } from "./duration.ts";
import { checkElection } from "./election_checks.ts";
import { type DurationLimits, refuseMicros, VALUE } from "./fields.ts";
import { OTHER, type Report } from "./finding.ts";
import { familyOf, isLinkLocal, routerLinkLocal } from "./ip.ts";
import { notYet } from "./planned.ts";
import { hasBothFamilies, routerFamily, type VrrpConfig } from "./schema.ts";
import { descend, keyPlace, secretOf, shown, type TreeNode, valuePlace } from "./tree.ts";

/** A router that passed the schema, with the tree it came from. */
export interface CheckedRouter {
  readonly config: VrrpConfig;
  readonly node: TreeNode;
}

/** Remembers who came first under a name. */
export class Register<T> {
  readonly #first = new Map<string, T>();

  /** Who took `name` before; undefined: `holder` has it now. */
  claim(name: readonly unknown[], holder: T): T | undefined {
    const key = JSON.stringify(name);
    const known = this.#first.get(key);
    if (known === undefined) this.#first.set(key, holder);
    return known;
  }
}

/** The node of an address item: the string, or `address` in its table. */
export function addressNode(router: TreeNode, index: number): TreeNode {
  const item = descend(router, ["addresses", index]);
  return item.kind === "table" ? descend(item, ["address"]) : item;
}

/** Reports that `node` repeats what `first`, if there is one, has already. */
export function clash(
  node: TreeNode,
  first: TreeNode | undefined,
  what: string,
  advice: string,
  report: Report,
): void {
  if (first === undefined) return;
  const message = `${what}: first at ${OTHER}`;
  report({ place: valuePlace(node), message, advice, other: valuePlace(first) });
}

/** Whether somebody wrote the key, for this router or for all. */
function isWritten(node: TreeNode, key: string): boolean {
  return node.kind === "table" && node.entries.has(key);
}

/** The intervals of a version (RFC 3768 section 5.3.7, RFC 9568 section 5.2.7). */
const INTERVALS: Readonly<Record<2 | 3, DurationLimits>> = {
  2: { min: "1s", max: "255s", step: "1s" },
  3: { min: "10ms", max: "40.95s", step: "10ms" },
};

/** Whether the interval is one that adverts of the router's version can state. */
function checkInterval({ config, node }: CheckedRouter, report: Report): void {
  const wrong = refuseMicros(config.advertisement_interval, INTERVALS[config.version]);
  if (wrong === undefined) return;
  const interval = descend(node, ["advertisement_interval"]);
  const what = wrong.message.replace(VALUE, () => shown(interval));
  const given = isWritten(node, "version");
  const place = given ? `(${OTHER}) ` : "";
  report({
    place: valuePlace(interval),
    message: `Invalid \`advertisement_interval\`: ${what}, as VRRP version ${config.version} ` +
      `${place}has it`,
    ...(wrong.advice === undefined || secretOf(interval) !== undefined
      ? {}
      : { advice: wrong.advice }),
    ...(given ? { other: valuePlace(descend(node, ["version"])) } : {}),
  });
}

/** What only a router over IPv6 can be wrong about. */
function checkIpv6({ config, node }: CheckedRouter, report: Report): void {
  const first = addressNode(node, 0);
  if (config.version === 2) {
    report({
      place: valuePlace(descend(node, ["version"])),
      message: `Invalid \`version\`: VRRP version 2 is for IPv4 only, and ${shown(first)} ` +
        `(${OTHER}) is IPv6`,
      advice: "write `version = 3` for this router",
      other: valuePlace(first),
    });
  }
  checkLinkLocal({ config, node }, 0, report);
}

/** What a router of both families cannot have, or not yet. */
function checkBothFamilies({ config, node }: CheckedRouter, report: Report): void {
  const family = routerFamily(config);
  const index = config.addresses.findIndex(({ address }) => familyOf(address) !== family);
  const other = valuePlace(addressNode(node, index));
  const both = `a router of both families (${OTHER})`;
  const refuse = (key: string, message: string, advice: string): void =>
    report({ place: valuePlace(descend(node, [key])), message, advice, other });
  const split = "write two routers, one for each family: they may have the same id";
  if (config.version === 2) {
    const message = `Invalid \`version\`: VRRP version 2 is for IPv4 only, and this is ${both}`;
    refuse("version", message, "write `version = 3` for this router");
  } else if (config.v2_compatibility) {
    const message = `\`v2_compatibility\` is for IPv4, and this is ${both}`;
    refuse("v2_compatibility", message, split);
  }
  if (config.priority === 255) {
    refuse("priority", notYet(`priority 255, the owner, for ${both}`), split);
  }
  checkLinkLocal({ config, node }, family === "ipv6" ? 0 : index, report);
}

/** Whether the first IPv6 address, at `start`, is link-local. */
function checkLinkLocal({ config, node }: CheckedRouter, start: number, report: Report): void {
  const first = addressNode(node, start);
  const linkLocal = config.addresses.findIndex(({ address }) => isLinkLocal(address));
  if (linkLocal === start) return;
  report({
    place: valuePlace(first),
    message: `The first address of a router over IPv6 must be link-local (RFC 9568 section ` +
      `5.2.9), and ${shown(first)} is not` +
      (config.strict ? ", which `strict` does not allow" : ": other routers may complain"),
    advice: linkLocal < 0
      ? `put \`"${routerLinkLocal(config.virtual_router_id)}"\` before it`
      : `put ${shown(addressNode(node, linkLocal))} first`,
    ...(config.strict ? {} : { severity: "warning" as const }),
  });
}

/** Whether the source is the node's own, and of the family of the addresses. */
function checkSource({ config, node }: CheckedRouter, report: Report): void {
  if (config.source === undefined) return;
  const source = descend(node, ["source"]);
  function refuse(why: string, index: number, advice: string): void {
    const message = `Invalid \`source\`: ${shown(source)} ${why}`;
    const other = valuePlace(addressNode(node, index));
    report({ place: valuePlace(source), message, advice, other });
  }
  const family = routerFamily(config);
  const index = config.addresses.findIndex(({ address }) => address === config.source);
  if (familyOf(config.source) !== family && !hasBothFamilies(config)) {
    const [own, wanted] = family === "ipv6"
      ? ["IPv4", "the interface's IPv6 link-local address"]
      : ["IPv6", "an IPv4 address of the node"];
    const addresses = family === "ipv6" ? "IPv6" : "IPv4";
    refuse(
      `is an ${own} address, and the virtual ones are ${addresses} (${OTHER})`,
      0,
      `write ${wanted}, or leave the key out`,
    );
  } else if (index >= 0 && config.priority !== 255) {
    refuse(
      `is a virtual address of this router (${OTHER})`,
      index,
      "write the node's own address, or leave the key out",
    );
  } else if (
    familyOf(config.source) === "ipv6" && config.unicast === undefined &&
    !isLinkLocal(config.source)
  ) {
    report({
      place: valuePlace(source),
      message: `Invalid \`source\`: ${shown(source)} is not link-local, as the source of adverts ` +
        "over IPv6 must be (RFC 9568 section 5.1.2.1)",
      advice: "write the link-local address of the interface, or leave the key out",
    });
  }
}

/** Rules for networks in which routers of version 2 and 3 meet (RFC 9568 section 8.4). */
function checkCompatibility({ config, node }: CheckedRouter, report: Report): void {
  if (!config.v2_compatibility) return;
  const place = valuePlace(descend(node, ["v2_compatibility"]));
  const advice = "leave the key out, or write `v2_compatibility = false` for this router";
  const ipv6 = routerFamily(config) === "ipv6";
  if (hasBothFamilies(config)) return;
  if (config.version === 2) {
    const message = `\`v2_compatibility\` is for a router of version 3: this one (${OTHER}) ` +
      "speaks version 2 anyway";
    report({ place, message, advice, other: valuePlace(descend(node, ["version"])) });
  } else if (ipv6) {
    const message = "`v2_compatibility` is for IPv4: VRRP version 2 does not know addresses such " +
      `as ${shown(addressNode(node, 0))} (${OTHER})`;
    report({ place, message, advice, other: valuePlace(addressNode(node, 0)) });
  } else if (config.advertisement_interval < 1_000_000) {
    const interval = descend(node, ["advertisement_interval"]);
    report({
      place: valuePlace(interval),
      message:
        `Adverts every ${shown(interval)} may overwhelm routers that speak version 2 only, ` +
        "and none of these should have a higher priority than this router (RFC 9568 section " +
        `8.4.3; \`v2_compatibility\` at ${OTHER})`,
      advice: 'write `"1s"` until no such router is left; then take `v2_compatibility` out and ' +
        "shorten the interval",
      severity: "warning",
      other: place,
    });
  }
}

/** Keys that are right by themselves and do nothing beside the others. */
function checkEffects({ config, node }: CheckedRouter, report: Report): void {
  const checksum = descend(node, ["checksum"]);
  const ipv6 = routerFamily(config) === "ipv6" && !hasBothFamilies(config);
  // A default is for the routers that it can serve; only a router's own key was meant for it.
  const isDefault = checksum.path[0] === "defaults";
  if (config.checksum !== "auto" && (ipv6 || config.version === 2) && !isDefault) {
    report({
      place: keyPlace(checksum),
      message: `\`checksum\` has no effect ${ipv6 ? "over IPv6" : "in version 2"}: there is ` +
        "one rule only",
      advice: "leave the key out",
      severity: "warning",
    });
  }
  const accept = descend(node, ["accept"]);
  if (!config.accept && config.priority === 255 && accept.path[0] !== "defaults") {
    report({
      place: keyPlace(accept),
      message: `\`accept = false\` has no effect at priority 255 (${OTHER}): the owner takes ` +
        "packets to its addresses (RFC 9568 section 6.1)",
      advice: "leave the key out, or give a priority below 255",
      severity: "warning",
      other: valuePlace(descend(node, ["priority"])),
    });
  }
}

/** Whether the addresses stay long enough for a backup to take over. */
function checkLease({ config, node }: CheckedRouter, report: Report): void {
  const silence = config.down_timer_adverts * config.advertisement_interval;
  if (typeof config.address_lease !== "number" || config.address_lease * 1_000_000 >= silence) {
    return;
  }
  const lease = descend(node, ["address_lease"]);
  report({
    place: valuePlace(lease),
    message: `An \`address_lease\` of ${shown(lease)} ends before a backup takes over, ` +
      `after more than ${formatDuration(silence)}: should the agent hang, nobody answers meanwhile`,
    advice: 'write `"auto"` instead',
    severity: "warning",
  });
}

/** Reports what a router contradicts itself in. */
export function checkRouter(router: CheckedRouter, report: Report): void {
  checkInterval(router, report);
  checkElection(router, report);
  checkLease(router, report);
  // What belongs to a family can be said of a router that has one.
  if (hasBothFamilies(router.config)) checkBothFamilies(router, report);
  else if (routerFamily(router.config) === "ipv6") checkIpv6(router, report);
  checkSource(router, report);
  checkCompatibility(router, report);
  checkEffects(router, report);
}
