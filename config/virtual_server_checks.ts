/**
 * What virtual servers contradict themselves and each other in: nowhere to listen, flags of
 * another scheduler, a quorum that no servers can reach, routers that there are not. Whatever else
 * the kernel would refuse of a service is asked of `mod/ipvs` at the end.
 *
 * @module
 */

import { liftsWeight } from "./check_uses.ts";
import { refuseService, sampleServices, serviceAt } from "../mod/ipvs/mod.ts";
import { OTHER, type Report } from "./finding.ts";
import { familyOf } from "./ip.ts";
import { nameAdvice } from "./nearest.ts";
import { checkMark } from "./mark_checks.ts";
import { checkServers } from "./real_server_checks.ts";
import { type CheckedRouter, clash, Register } from "./router_checks.ts";
import { checkHealth } from "./server_health_checks.ts";
import { checkServices, itemAt, sizeOf } from "./service_overlaps.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";
import { listenOf, serviceFamilies, serviceOf } from "./virtual_server_table.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

/** A virtual server that passed the schema, with the tree it came from. */
export type CheckedVirtualServer = CheckedTable<VirtualServerConfig>;

/** Most addresses of one virtual server that are held on an interface. */
const MOST_ANNOUNCED = 256;

/** What else of the site counts for virtual servers. */
export interface BalanceSurroundings {
  readonly routers: readonly CheckedRouter[];
  /** Names of all routers that were written, those that did not pass the schema too. */
  readonly routerNames: readonly string[];
  /** Whether `[agent]` tells somebody of everything. */
  readonly told: boolean;
  /** `ipvs.namespace`; empty: the agent's. */
  readonly namespace: string;
  /** Checks with names that may give a server more weight than it has of its own. */
  readonly lifting: ReadonlySet<string>;
}

/** Whether somebody wrote the key for this virtual server, not for all. */
function isOwn(node: TreeNode, key: string): boolean {
  return node.kind === "table" && node.entries.get(key)?.path[0] === "virtual_server";
}

/** Reports what is wrong with the virtual servers of a site. */
export function checkVirtualServers(
  servers: readonly CheckedVirtualServer[],
  surroundings: BalanceSurroundings,
  report: Report,
): void {
  const names = new Register<TreeNode>();
  for (const server of servers) {
    const own = descend(server.node, ["name"]);
    const what = `Two virtual servers have the name ${shown(own)}`;
    const first = names.claim([server.config.name], own);
    clash(own, first, what, "give each a name of its own", report);
  }
  checkServices(servers, report);
  for (const server of servers) {
    if (!checkPlaces(server, report)) continue;
    checkService(server, report);
    checkServers(server, report);
    checkHealth(server, report);
    checkQuorum(server, surroundings, report);
    if (!surroundings.told) checkStop(server, report);
    checkAnnounce(server, report);
    checkFollow(server, surroundings, report);
  }
}

/** Whether it listens anywhere; keys that say more of where it does not. */
function checkPlaces({ config, node }: CheckedVirtualServer, report: Report): boolean {
  const { listen, fwmark } = config;
  if (listen.length === 0 && fwmark.length === 0) {
    report({
      place: valuePlace(node),
      message: "The virtual server listens nowhere: neither `listen` nor `fwmark` is given",
      advice: 'add `listen = "192.0.2.10:80"`',
    });
    return false;
  }
  checkMark({ config, node }, report);
  if (fwmark.length === 0 && isOwn(node, "family")) {
    report({
      place: keyPlace(descend(node, ["family"])),
      message: "`family` is for `fwmark`: the addresses of `listen` have theirs",
      advice: "leave the key out",
    });
  }
  if (listen.length === 0 && isOwn(node, "protocol")) {
    report({
      place: keyPlace(descend(node, ["protocol"])),
      message: `\`protocol\` has no effect with a mark (${OTHER}): the rule that sets it decides`,
      advice: "leave the key out",
      other: keyPlace(descend(node, ["fwmark"])),
    });
  }
  return true;
}

function checkService({ config, node }: CheckedVirtualServer, report: Report): void {
  let found = 0;
  const refuse: Report = (finding) => {
    found++;
    report(finding);
  };
  checkFlags({ config, node }, refuse);
  checkPersistence({ config, node }, refuse);
  const protocol = descend(node, ["protocol"]);
  const datagrams = config.listen.length === 0 || config.protocol === "udp";
  if (config.one_packet && !datagrams && isOwn(node, "one_packet")) {
    refuse({
      place: keyPlace(descend(node, ["one_packet"])),
      message: "`one_packet` is for UDP, and this is " + config.protocol.toUpperCase(),
      advice: 'write `protocol = "udp"`, or leave the key out',
      ...(protocol === node ? {} : { other: valuePlace(protocol) }),
    });
  }
  if (found > 0) return;
  const settings = serviceOf(config);
  for (const key of sampleServices(listenOf(config))) {
    const reason = refuseService(serviceAt(key, settings));
    if (reason === undefined) continue;
    report({
      place: valuePlace(descend(node, ["name"])),
      message: `The kernel would refuse the virtual server "${config.name}": ${reason}`,
    });
    return;
  }
}

/** Flags have a meaning for one scheduler; a default is for those that it can serve. */
function checkFlags({ config, node }: CheckedVirtualServer, report: Report): void {
  const known = new Register<TreeNode>();
  config.flags.forEach((flag, index) => {
    const own = descend(node, ["flags", index]);
    clash(own, known.claim([flag], own), `${shown(own)} is given twice`, "leave one out", report);
    const scheduler = /^(sh|mh)-/.exec(flag)?.[1];
    if (scheduler === undefined || scheduler === config.scheduler || !isOwn(node, "flags")) return;
    const given = node.kind === "table" ? node.entries.get("scheduler") : undefined;
    report({
      place: valuePlace(own),
      message: `${shown(own)} is a flag of the scheduler \`${scheduler}\`, and this one has ` +
        `\`${config.scheduler}\`${given === undefined ? "" : ` (${OTHER})`}`,
      advice: `write \`scheduler = "${scheduler}"\`, or leave the flag out`,
      ...(given === undefined ? {} : { other: valuePlace(given) }),
    });
  });
}

function checkPersistence({ config, node }: CheckedVirtualServer, report: Report): void {
  const { persistence, listen, mark } = config;
  const place = descend(node, ["persistence"]);
  const allPorts = mark === undefined ? listen.findIndex(({ port }) => port === 0) : -1;
  if (persistence === null) {
    if (allPorts < 0) return;
    const own = itemAt(node, "listen", allPorts);
    report({
      place: valuePlace(own),
      message: `${shown(own)} is for all ports, and that needs persistence: connections to two ` +
        "ports of one server belong together",
      advice: 'add `persistence = { timeout = "5m" }`, or write a port',
    });
    return;
  }
  const families = serviceFamilies(config);
  const { engine, prefix_length: length, ipv6_prefix_length: ipv6 } = persistence;
  if (length !== undefined && length > 32 && families.includes("ipv4")) {
    const own = descend(place, ["prefix_length"]);
    report({
      place: valuePlace(own),
      message: `Invalid \`persistence.prefix_length\`: an IPv4 address has 32 bits, not ${length}`,
      advice: families.length > 1
        ? `write \`32\` or less, and \`ipv6_prefix_length = ${length}\` for the others`
        : "write `32` or less, or leave the key out",
    });
  }
  // A default is for the virtual servers that it can serve.
  if (ipv6 !== undefined && !families.includes("ipv6") && isOwn(node, "persistence")) {
    report({
      place: keyPlace(descend(place, ["ipv6_prefix_length"])),
      message: "`ipv6_prefix_length` has no effect: nobody comes to this virtual server over IPv6",
      advice: "leave the key out, or write `prefix_length`",
    });
  }
  if (engine === undefined || listen.length === 0 || config.protocol === "udp") return;
  report({
    place: keyPlace(descend(place, ["engine"])),
    message: `The engine "${engine}" is for UDP, and this is ${config.protocol.toUpperCase()}`,
    advice: 'write `protocol = "udp"`, or leave the key out',
  });
}

/** Whether all servers together can make the quorum. */
function checkQuorum(
  { config, node }: CheckedVirtualServer,
  { lifting }: BalanceSurroundings,
  report: Report,
): void {
  const { quorum, hysteresis, real_server: servers, servers_file: file } = config;
  if (hysteresis >= quorum) {
    const place = descend(node, ["hysteresis"]);
    report({
      place: valuePlace(place),
      message: `A \`hysteresis\` of ${hysteresis} is not less than the quorum, ${quorum}: it ` +
        "would never be lost",
      advice: quorum === 1 ? "leave the key out" : `write \`${quorum - 1}\` or less`,
    });
    return;
  }
  // What the file says is known when it is read.
  if (file !== undefined) return;
  if (servers.length === 0) {
    report({
      place: valuePlace(descend(node, ["name"])),
      message: `The virtual server "${config.name}" has no real servers`,
      advice: "add `[[virtual_server.real_server]]` with an `address`, or a `servers_file`",
      severity: "warning",
    });
    return;
  }
  const total = servers.reduce((sum, { weight }) => sum + weight, 0);
  const again = quorum + hysteresis;
  const mayGrow = servers.some(({ check }) =>
    check.some((use) => "type" in use ? liftsWeight(use) : lifting.has(use.name))
  );
  if (total >= again || mayGrow) return;
  const key = total < quorum && (isOwn(node, "quorum") || hysteresis === 0)
    ? "quorum"
    : "hysteresis";
  const own = descend(node, [key]);
  // Whoever takes all servers out by their weight means it.
  const meant = total === 0;
  report({
    place: own === node ? valuePlace(descend(node, ["name"])) : valuePlace(own),
    message:
      `The real servers of "${config.name}" weigh ${total} together, and the quorum is met ` +
      (total < quorum
        ? `from ${quorum} on: it can never be met`
        : `again from ${again} on (hysteresis): once lost it can never be met again`),
    advice: meant
      ? "give at least one of them a weight"
      : total < quorum
      ? `give them more weight, or write \`quorum = ${total}\` or less`
      : `give them more weight, or write \`hysteresis = ${total - quorum}\` or less`,
    ...(meant ? { severity: "warning" as const } : {}),
  });
}

/** A key that only runs programs, where there are none. */
function checkStop({ config, node }: CheckedVirtualServer, report: Report): void {
  if (!config.run_down_on_stop || !isOwn(node, "run_down_on_stop")) return;
  const told = config.notify !== undefined ||
    config.real_server.some(({ notify }) => notify !== undefined);
  if (told) return;
  report({
    place: keyPlace(descend(node, ["run_down_on_stop"])),
    message: "`run_down_on_stop` has no effect: no `notify` says who is to be told",
    advice: "add `notify = { quorum_down = […] }`, or `notify = { down = […] }` to real servers",
    severity: "warning",
  });
}

function checkAnnounce({ config, node }: CheckedVirtualServer, report: Report): void {
  const { announce, listen } = config;
  if (announce === undefined) return;
  const place = keyPlace(descend(node, ["announce"]));
  if (listen.length === 0) {
    report({
      place,
      message: "`announce` holds the addresses of `listen`, and a mark has none",
      advice: "leave the key out, and hold the addresses by `[static]` or a `[[vrrp]]`",
    });
    return;
  }
  const wide = listen.findIndex((one) => sizeOf(one, node) > BigInt(MOST_ANNOUNCED));
  if (wide < 0) return;
  const own = itemAt(node, "listen", wide);
  report({
    place: valuePlace(own),
    message:
      `${shown(own)} stands for more than the ${MOST_ANNOUNCED} addresses that \`announce\` ` +
      `(${OTHER}) holds, one by one`,
    advice: "leave `announce` out, and give the interface a route of type `local` by `[static]`",
    other: place,
  });
}

/** Reports a router that is followed and not there, with the nearest that is. */
export function checkFollowed(
  name: string,
  own: TreeNode,
  { routers, routerNames, namespace }: BalanceSurroundings,
  report: Report,
): void {
  if (!routerNames.includes(name)) {
    report({
      place: valuePlace(own),
      message: `There is no \`[[vrrp]]\` with the name ${shown(own)} to follow`,
      advice: nameAdvice(name, routerNames, "add one, or leave the key out"),
    });
    return;
  }
  const router = routers.find(({ config }) => config.name === name);
  if (router === undefined || (router.config.namespace ?? "") === namespace) return;
  const where = (one: string) => one === "" ? "the agent's own network namespace" : `"${one}"`;
  report({
    place: valuePlace(own),
    message: `The router ${shown(own)} lives in ${where(router.config.namespace ?? "")}, and the ` +
      `load balancer's table in ${where(namespace)}: its addresses are not where they are served`,
    advice: "give `[ipvs]` the `namespace` of the router",
    severity: "warning",
  });
}

function checkFollow(
  { config, node }: CheckedVirtualServer,
  surroundings: BalanceSurroundings,
  report: Report,
): void {
  const { follow, announce, listen, sorry_server: sorry } = config;
  if (follow === undefined) return;
  const own = descend(node, ["follow"]);
  checkFollowed(follow, own, surroundings, report);
  const router = surroundings.routers.find(({ config: { name } }) => name === follow);
  if (router === undefined) return;
  const { addresses, excluded_addresses } = router.config;
  const held = [...addresses, ...excluded_addresses].map(({ address }) => address);
  const twice = listen.findIndex(({ address }) => held.includes(address));
  if (announce !== undefined && twice >= 0) {
    const place = itemAt(node, "listen", twice);
    report({
      place: keyPlace(descend(node, ["announce"])),
      message: `\`announce\` would hold ${shown(place)} a second time: the router "${follow}" ` +
        `(${OTHER}) holds it while it is master`,
      advice: "leave one of `announce` and `follow` out",
      other: valuePlace(own),
    });
  }
  // A router in fault has no addresses: nobody would see the sorry server.
  const tracked = router.config.track.virtual_servers.findIndex(({ name }) => name === config.name);
  const item = router.config.track.virtual_servers[tracked];
  if (sorry === undefined || item === undefined || (item.weight ?? 0) !== 0) return;
  report({
    place: valuePlace(descend(router.node, ["track", "virtual_servers", tracked])),
    message:
      `The router is in fault while "${config.name}" has lost its quorum, so that its sorry ` +
      `server (${OTHER}) never serves`,
    advice: `write \`{ name = "${config.name}", weight = -10 }\` instead`,
    severity: "warning",
    other: keyPlace(descend(node, ["sorry_server"])),
  });
}

/** Whether a service has a server of the other family, which the kernel cannot sync. */
export function mixesFamilies({ config }: CheckedVirtualServer): boolean {
  const families = serviceFamilies(config);
  const { real_server: servers, sorry_server: sorry } = config;
  return [...servers, ...sorry === undefined ? [] : [sorry]].some(({ address, forward }) => {
    const own = familyOf(address.address);
    // Otherwise those of its own family alone have it.
    return (forward === "tunnel" || !families.includes(own)) &&
      families.some((family) => family !== own);
  });
}
