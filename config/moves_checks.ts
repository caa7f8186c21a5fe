/**
 * What addresses, routes and rules contradict themselves and each other in: families that do not
 * fit, a route that leads nowhere, one that is given twice.
 *
 * @module
 */

import { OTHER, type Report } from "./finding.ts";
import { familyOf } from "./ip.ts";
import type { AddressConfig } from "./held_address_schema.ts";
import type { RouteConfig } from "./route_schema.ts";
import type { RuleConfig } from "./rule_schema.ts";
import { clash, Register } from "./router_checks.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";

/** What may move, of one router or of `[static]`, with the table it came from. */
export interface Movable {
  readonly node: TreeNode;
  readonly namespace?: string;
  readonly addresses: readonly AddressConfig[];
  readonly excluded_addresses?: readonly AddressConfig[];
  readonly routes: readonly RouteConfig[];
  readonly rules: readonly RuleConfig[];
}

/** What a route or rule is told from others by, and by whom it was taken first. */
interface Taken {
  readonly node: TreeNode;
  readonly owner: Movable;
  readonly form: string;
}

const WORDS = { ipv4: "IPv4", ipv6: "IPv6" } as const;

/** Reports keys of an address that its family does not have. */
function checkAddress(node: TreeNode, address: AddressConfig, list: string, report: Report): void {
  const ipv6 = familyOf(address.address) === "ipv6";
  const refuse = (key: string, why: string, advice = "leave the key out") =>
    report({
      place: valuePlace(descend(node, [key])),
      message: `Invalid \`${list}.${key}\`: ${why}`,
      advice,
    });
  if (ipv6) {
    if (address.label !== undefined) {
      refuse("label", "the kernel knows labels of IPv4 addresses only");
    }
    if (address.scope !== undefined) {
      refuse("scope", "the kernel knows the scope of IPv6 addresses");
    }
    if (address.broadcast !== undefined) refuse("broadcast", "IPv6 has no broadcast");
  } else if (address.preferred !== undefined) {
    refuse("preferred", "it is for IPv6: an IPv4 address can always be a source");
  }
  const { peer } = address;
  if (peer !== undefined && familyOf(peer) !== familyOf(address.address)) {
    const words = ipv6 ? WORDS.ipv6 : WORDS.ipv4;
    const text = shown(descend(node, ["peer"]));
    refuse("peer", `${text} is not ${words}, as the address is`, `write an ${words} address`);
  }
  if (address.broadcast?.includes(":") === true && !ipv6) {
    refuse("broadcast", `${shown(descend(node, ["broadcast"]))} is not an IPv4 address`);
  }
}

/** Reports an address of the other family than the route's. */
function checkHop(
  route: RouteConfig,
  node: TreeNode,
  hop: Pick<RouteConfig, "via" | "interface" | "onlink" | "encap">,
  report: Report,
): void {
  const family = familyOf(route.to);
  const refuse = (key: string, message: string, advice: string) =>
    report({ place: valuePlace(descend(node, [key])), message, advice });
  const { via } = hop;
  if (via !== undefined && familyOf(via) !== family) {
    refuse(
      "via",
      `Invalid \`via\`: ${shown(descend(node, ["via"]))} is not ${WORDS[family]}, as the route is`,
      `write an ${WORDS[family]} address`,
    );
  } else if (/^fe[89ab][0-9a-f]:/.test(via ?? "") && hop.interface === undefined) {
    refuse(
      "via",
      `Invalid \`via\`: a link-local address such as ${shown(descend(node, ["via"]))} is on ` +
        "every interface",
      'add `interface = "eth0"`',
    );
  }
  if (hop.onlink === true && (via === undefined || hop.interface === undefined)) {
    refuse(
      "onlink",
      "`onlink` needs `via` and `interface`: it says that the one is on the other",
      via === undefined ? 'add `via = "192.0.2.1"`' : 'add `interface = "eth0"`',
    );
  }
  const { encap } = hop;
  if (encap === undefined) return;
  const tunnel = descend(node, ["encap"]);
  const mpls = encap.type === "mpls";
  if (mpls !== (encap.labels !== undefined)) {
    report({
      place: valuePlace(mpls ? tunnel : descend(tunnel, ["labels"])),
      message: mpls ? "An `encap` of type mpls needs `labels`" : "`labels` are for MPLS",
      advice: mpls ? "add `labels = [100]`" : "leave the key out",
    });
  }
  for (const key of ["id", "destination", "source", "tos"] as const) {
    if (!mpls || encap[key] === undefined) continue;
    const message = `\`encap.${key}\` is not for MPLS`;
    report({ place: valuePlace(descend(tunnel, [key])), message, advice: "leave the key out" });
  }
  const outer = encap.type === "ip6" ? "ipv6" : "ipv4";
  for (const key of ["destination", "source"] as const) {
    const address = encap[key];
    if (mpls || address === undefined || familyOf(address) === outer) continue;
    const place = valuePlace(descend(tunnel, [key]));
    const message = `Invalid \`encap.${key}\`: ${shown(descend(tunnel, [key]))} is not ` +
      `${WORDS[outer]}, as the type says`;
    report({ place, message, advice: `write an ${WORDS[outer]} address` });
  }
}

/** Reports what a route contradicts itself in. */
function checkRoute(node: TreeNode, route: RouteConfig, report: Report): void {
  const family = familyOf(route.to);
  const several = route.nexthops !== undefined;
  const leads = route.via ?? route.interface;
  const refuse = (key: string, message: string, advice = "leave the key out") =>
    report({ place: keyPlace(descend(node, [key])), message, advice });
  const refusing = ["blackhole", "unreachable", "prohibit", "throw"].includes(route.type);
  for (const key of ["via", "interface", "nexthops", "onlink", "encap"] as const) {
    if (route[key] === undefined) continue;
    if (refusing) {
      refuse(key, `A route of type ${route.type} leads nowhere: \`${key}\` has no place`);
    } else if (several && key !== "nexthops") {
      refuse(key, `\`${key}\` beside \`nexthops\`: each next hop has its own`);
    }
  }
  if (!refusing && !several && leads === undefined) {
    report({
      place: valuePlace(descend(node, ["to"])),
      message: `The route to ${shown(descend(node, ["to"]))} leads nowhere`,
      advice: 'add `via` or `interface`, or a `type` such as "blackhole"',
    });
  }
  checkHop(route, node, route, report);
  route.nexthops?.forEach((hop, index) => {
    const own = descend(node, ["nexthops", index]);
    checkHop(route, own, hop, report);
    if (hop.via !== undefined || hop.interface !== undefined) return;
    const message = "A next hop that leads nowhere";
    report({ place: valuePlace(own), message, advice: "add `via` or `interface`" });
  });
  if (route.source !== undefined && familyOf(route.source) !== family) {
    report({
      place: valuePlace(descend(node, ["source"])),
      message: `Invalid \`source\`: ${shown(descend(node, ["source"]))} is not ${WORDS[family]}, ` +
        "as the route is",
      advice: `write an ${WORDS[family]} address`,
    });
  }
  if (family === "ipv6") {
    for (const key of ["scope", "tos", "realms"] as const) {
      if (route[key] !== undefined) refuse(key, `\`${key}\` is for IPv4 routes only`);
    }
  } else if (route.pref !== undefined) refuse("pref", "`pref` is for IPv6 routes only");
  route.lock?.forEach((metric, index) => {
    if (route[metric] !== undefined) return;
    report({
      place: valuePlace(descend(node, ["lock", index])),
      message: `\`${metric}\` is locked and has no value`,
      advice: `give \`${metric}\`, or leave it out here`,
    });
  });
}

/** Reports what a rule contradicts itself in. */
function checkRule(node: TreeNode, rule: RuleConfig, report: Report): void {
  const refuse = (key: string, message: string, advice = "leave the key out") =>
    report({ place: keyPlace(descend(node, [key])), message, advice });
  for (const key of ["from", "to"] as const) {
    const network = rule[key];
    if (network === undefined || familyOf(network) === rule.family) continue;
    const text = shown(descend(node, [key]));
    const other = descend(node, ["from"]);
    report({
      place: valuePlace(descend(node, [key])),
      message: `Invalid \`${key}\`: ${text} is not ${
        WORDS[rule.family]
      }, as \`from\` (${OTHER}) is`,
      advice: "write two rules, one for each family",
      other: valuePlace(other),
    });
  }
  const written = node.kind === "table" ? node.entries.get("family") : undefined;
  if (written?.kind === "scalar" && written.value !== rule.family) {
    refuse("family", `\`family\` says ${shown(written)}, and the network is ${WORDS[rule.family]}`);
  }
  const looks = rule.table !== undefined || rule.l3mdev;
  if (rule.action === "table" && !looks) {
    report({
      place: valuePlace(node),
      message: "A rule needs a `table` to look into, or another `action`",
      advice: "add `table = 100`",
    });
  } else if (rule.action !== "table" && looks) {
    const key = rule.table === undefined ? "l3mdev" : "table";
    refuse(key, `\`${key}\` has no place beside \`action = "${rule.action}"\``);
  }
  if (rule.l3mdev && rule.table !== undefined) {
    refuse("table", "`table` beside `l3mdev`: the VRF of the packet decides");
  }
  if (rule.action === "goto" && rule.goto === undefined) {
    refuse("action", 'A rule of `action = "goto"` needs `goto`', "add `goto = 2000`");
  } else if (rule.action !== "goto" && rule.goto !== undefined) {
    refuse("goto", "`goto` has no effect", 'add `action = "goto"`, or leave the key out');
  } else if (rule.goto !== undefined && rule.goto <= rule.priority) {
    refuse(
      "goto",
      `The rule ${rule.goto} comes before this one of priority ${rule.priority}: rules go on only`,
      `write a number above ${rule.priority}`,
    );
  }
  if (rule.fwmask !== undefined && rule.fwmark === undefined) {
    refuse("fwmask", "`fwmask` without `fwmark`", "add `fwmark = 1`");
  }
  if (rule.family === "ipv6" && rule.realms !== undefined) {
    refuse("realms", "`realms` are for IPv4 rules only");
  }
  const suppresses = rule.suppress_prefix_length ?? rule.suppress_interface_group;
  if (rule.action !== "table" && suppresses !== undefined) {
    const key = rule.suppress_prefix_length === undefined
      ? "suppress_interface_group"
      : "suppress_prefix_length";
    refuse(key, `\`${key}\` has no effect without a table`);
  }
}

/** What the kernel tells routes of a table apart by. */
function routeName({ to, table, tos = 0, metric }: RouteConfig): readonly unknown[] {
  const ipv6 = to.includes(":");
  return ["route", to, table, ipv6 ? 0 : tos, metric || (ipv6 ? 1024 : 0)];
}

/** Reports what is given twice; what two routers share must be the same. */
function checkTaken(
  name: readonly unknown[],
  mine: Taken,
  taken: Register<Taken>,
  what: string,
  report: Report,
): void {
  const first = taken.claim(name, mine);
  if (first === undefined || (first.owner !== mine.owner && first.form === mine.form)) return;
  const same = first.form === mine.form;
  report({
    place: valuePlace(mine.node),
    message: same
      ? `${what} is given twice: first at ${OTHER}`
      : `${what} is another one at ${OTHER}, of the same table and metric`,
    advice: same ? "leave out one of the two" : "give one of the two another `metric`",
    other: valuePlace(first.node),
  });
}

/** Reports what is wrong with the addresses, routes and rules of a site. */
export function checkMoves(all: readonly Movable[], report: Report): void {
  const addresses = new Register<TreeNode>();
  const taken = new Register<Taken>();
  for (const owner of all) {
    const { node, namespace: place = "" } = owner;
    for (const list of ["addresses", "excluded_addresses"] as const) {
      owner[list]?.forEach((address, index) => {
        const item = descend(node, [list, index]);
        const own = item.kind === "table" ? descend(item, ["address"]) : item;
        if (item.kind === "table") checkAddress(item, address, list, report);
        clash(
          own,
          addresses.claim([place, address.interface, address.address], own),
          `The address ${shown(own)} is held twice on one interface`,
          "leave out one of the two",
          report,
        );
      });
    }
    owner.routes.forEach((route, index) => {
      const item = descend(node, ["routes", index]);
      const to = descend(item, ["to"]);
      checkRoute(item, route, report);
      const mine = { node: to, owner, form: JSON.stringify(route) };
      checkTaken([place, ...routeName(route)], mine, taken, `The route to ${shown(to)}`, report);
    });
    owner.rules.forEach((rule, index) => {
      const item = descend(node, ["rules", index]);
      checkRule(item, rule, report);
      const form = JSON.stringify(rule);
      const mine = { node: item, owner, form };
      const what = `The rule of priority ${rule.priority}`;
      checkTaken([place, "rule", form], mine, taken, what, report);
    });
  }
}
