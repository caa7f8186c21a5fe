/**
 * What unicast peers, multicast groups, VRFs and namespaces contradict each other in, and which
 * routers of one id can be told apart.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import { type Family, familyOf, isLinkLocal } from "./ip.ts";
import { addressNode, type CheckedRouter, clash, Register } from "./router_checks.ts";
import { routerFamily, type VrrpConfig } from "./schema.ts";
import { descend, shown, type TreeNode, valuePlace } from "./tree.ts";

const WORDS: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** The families that a router speaks. */
export function familiesOf({ addresses }: Pick<VrrpConfig, "addresses">): readonly Family[] {
  return [...new Set(addresses.map(({ address }) => familyOf(address)))];
}

/** The node of a peer: the string, or `address` in its table. */
function peerNode(router: TreeNode, index: number): TreeNode {
  const item = descend(router, ["unicast", "peers", index]);
  return item.kind === "table" ? descend(item, ["address"]) : item;
}

/** A default is for the routers that it can serve. */
function isDefault(node: TreeNode): boolean {
  return node.path[0] === "defaults";
}

/** Reports what one router's transport contradicts itself in. */
export function checkTransport(router: CheckedRouter, report: Report): void {
  const { config, node } = router;
  const group = descend(node, ["multicast_group"]);
  if (config.unicast !== undefined) {
    if (config.multicast_group !== undefined && !isDefault(group)) {
      report({
        place: valuePlace(group),
        message: `\`multicast_group\` has no place beside \`unicast\` (${OTHER}): adverts go to ` +
          "a group or to peers",
        advice: "leave one of the two out",
        other: valuePlace(descend(node, ["unicast"])),
      });
    }
    checkPeers(router, report);
  } else if (config.multicast_group !== undefined) checkGroups(router, group, report);
  if (config.vrf !== undefined && config.vrf === config.interface) {
    report({
      place: valuePlace(descend(node, ["interface"])),
      message: `The interface is the VRF itself (${OTHER}): adverts need one that belongs to it`,
      advice: "write the name of the interface that the peers are behind",
      other: valuePlace(descend(node, ["vrf"])),
    });
  }
}

/** Whether there is one group of each family at most, and one of the router's. */
function checkGroups({ config, node }: CheckedRouter, group: TreeNode, report: Report): void {
  const groups = config.multicast_group ?? [];
  const item = (index: number) =>
    group.kind === "list" ? descend(node, ["multicast_group", index]) : group;
  const seen = new Register<TreeNode>();
  groups.forEach((address, index) => {
    const family = familyOf(address);
    const what = `Two multicast groups of ${WORDS[family]} for one router`;
    const own = item(index);
    clash(own, seen.claim([family], own), what, "leave out one of the two", report);
  });
  if (isDefault(group)) return;
  for (const family of familiesOf(config)) {
    if (groups.some((address) => familyOf(address) === family)) continue;
    report({
      place: valuePlace(group),
      message: `\`multicast_group\` has no effect: none is an ${WORDS[family]} group, and the ` +
        `addresses are ${WORDS[family]} (${OTHER})`,
      advice: `write one such as \`"${family === "ipv4" ? "224.0.0.118" : "ff02::118"}"\`, or ` +
        "leave the key out",
      other: valuePlace(addressNode(node, 0)),
    });
  }
}

function checkPeers({ config, node }: CheckedRouter, report: Report): void {
  const peers = config.unicast?.peers ?? [];
  const families = familiesOf(config);
  const seen = new Register<TreeNode>();
  const first = valuePlace(addressNode(node, 0));
  const refuse = (index: number, why: string, advice: string, other = first) => {
    const own = peerNode(node, index);
    report({
      place: valuePlace(own),
      message: `Invalid \`unicast.peers\`: ${shown(own)} ${why}`,
      advice,
      other,
    });
  };
  peers.forEach(({ address, min_ttl, max_ttl }, index) => {
    const own = peerNode(node, index);
    clash(
      own,
      seen.claim([address], own),
      `The peer ${shown(own)} is listed twice`,
      "leave out one of the two",
      report,
    );
    const family = familyOf(address);
    const held = config.addresses.findIndex((virtual) => virtual.address === address);
    if (held >= 0 && config.priority !== 255) {
      const why = `is a virtual address of this router (${OTHER})`;
      refuse(index, why, "write the node's own address", valuePlace(addressNode(node, held)));
    } else if (!families.includes(family)) {
      const ours = families.map((one) => WORDS[one]).join(" and ");
      const why = `is an ${WORDS[family]} address, and the virtual ones are ${ours} (${OTHER})`;
      refuse(index, why, `write the node's ${ours} address, or leave it out`);
    }
    if (min_ttl !== undefined && max_ttl !== undefined && min_ttl > max_ttl) {
      const most = descend(node, ["unicast", "peers", index, "max_ttl"]);
      report({
        place: valuePlace(most),
        message: `No TTL is from ${min_ttl} (${OTHER}) to ${max_ttl}`,
        advice: "exchange the two",
        other: valuePlace(descend(node, ["unicast", "peers", index, "min_ttl"])),
      });
    }
  });
  for (const family of families) checkReachable({ config, node }, family, report);
}

/** Whether a family has peers, and one kind of source address can answer them all. */
function checkReachable({ config, node }: CheckedRouter, family: Family, report: Report): void {
  const list = descend(node, ["unicast", "peers"]);
  const peers = (config.unicast?.peers ?? []).filter(({ address }) => familyOf(address) === family);
  const others = peers.filter(({ address }) => address !== config.source);
  if (others.length === 0) {
    // Peers of another family were reported each.
    if (peers.length === 0 && familiesOf(config).length === 1) return;
    report({
      place: valuePlace(list),
      message: peers.length === 0
        ? `No unicast peer has an ${WORDS[family]} address`
        : "No unicast peer is left: the only one is this node's own `source`",
      advice: "add the other nodes' addresses",
    });
    return;
  }
  const kinds = new Set(others.map(({ address }) => isLinkLocal(address)));
  if (kinds.size < 2) return;
  report({
    place: valuePlace(list),
    message: "Link-local and other peers cannot be answered from one source address",
    advice: "write link-local addresses for all of them, or for none",
  });
}

/** How two routers of one id, family and interface could be taken for one another. */
export function whyAlike(a: VrrpConfig, b: VrrpConfig): "group" | "peers" | undefined {
  if (a.unicast === undefined && b.unicast === undefined) {
    return groupFor(a) === groupFor(b) ? "group" : undefined;
  }
  // One hears what goes to a group, the other what goes to its own address.
  if (a.unicast === undefined || b.unicast === undefined) return undefined;
  if (a.source !== undefined && b.source !== undefined && a.source !== b.source) return undefined;
  if (!a.unicast.check_source || !b.unicast.check_source) return "peers";
  const theirs = new Set(b.unicast.peers.map(({ address }) => address));
  const shared = a.unicast.peers.filter(({ address }) =>
    theirs.has(address) && address !== a.source && address !== b.source
  );
  return shared.length > 0 ? "peers" : undefined;
}

function groupFor(router: VrrpConfig): string | undefined {
  const family = routerFamily(router);
  return router.multicast_group?.find((address) => familyOf(address) === family);
}
