/**
 * What the real servers of a virtual server, and its sorry server, contradict: each other, the
 * addresses and ports it listens on, and what the kernel can do. Whatever else the kernel would
 * refuse is asked of `mod/ipvs` at the end, so that nothing passes here and fails there.
 *
 * @module
 */

import { endpointText } from "../mod/ip/mod.ts";
import {
  asDestination,
  destinationPort,
  refuseDestination,
  sampleServices,
  servedBy,
  type ServiceKey,
  servicePort,
} from "../mod/ipvs/mod.ts";
import { OTHER, type Report } from "./finding.ts";
import { familyOf } from "./ip.ts";
import type { RealServerConfig } from "./real_server_schema.ts";
import { clash, Register } from "./router_checks.ts";
import { itemAt } from "./service_overlaps.ts";
import type { CheckedTable } from "./table_lists.ts";
import { descend, keyPlace, shown, type TreeNode, valuePlace } from "./tree.ts";
import { listenOf, realServerOf, serviceFamilies, sorryServerOf } from "./virtual_server_table.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

type Checked = CheckedTable<VirtualServerConfig>;
type Reached = Pick<RealServerConfig, "address" | "forward" | "tunnel">;

/** Where a server is written, and its address. */
function addressNode(server: TreeNode): TreeNode {
  return server.kind === "table" ? descend(server, ["address"]) : server;
}

/** The node of `key`, the server's own or the one it takes from its virtual server. */
function saidBy(virtual: TreeNode, server: TreeNode, key: string): TreeNode | undefined {
  for (const node of [server, virtual]) {
    if (node.kind === "table" && node.entries.has(key)) return descend(node, [key]);
  }
  return undefined;
}

/** Those of these services that a server belongs to. */
function servicesOf(
  services: readonly ServiceKey[],
  { address, forward }: Reached,
): readonly ServiceKey[] {
  return servedBy(services, { address: address.address, forward });
}

/** Ports of services; 0 is that of a mark. */
function portsOf(services: readonly ServiceKey[]): number[] {
  return [...new Set(services.map(servicePort))];
}

const FAMILIES = { ipv4: "IPv4", ipv6: "IPv6" };

class ServerChecks {
  readonly #virtual: Checked;
  readonly #report: Report;
  readonly #services: readonly ServiceKey[];
  #found = 0;

  /** @param services of the virtual server (`sampleServices`) */
  constructor(virtual: Checked, services: readonly ServiceKey[], report: Report) {
    this.#virtual = virtual;
    this.#services = services;
    this.#report = (finding) => {
      this.#found++;
      report(finding);
    };
  }

  /** @param server where it is written */
  check(reached: Reached, server: TreeNode, what: string): void {
    this.#found = 0;
    this.#checkFamily(reached, server);
    this.#checkPort(reached, server);
    this.#checkTunnel(reached, server);
    if (this.#found === 0) this.#askKernel(reached, server, what);
  }

  #checkFamily({ address, forward }: Reached, server: TreeNode): void {
    const { config, node } = this.#virtual;
    const own = familyOf(address.address);
    const families = serviceFamilies(config);
    const [other] = families;
    if (other === undefined || families.includes(own) || forward === "tunnel") return;
    const words = FAMILIES;
    const index = config.listen.findIndex((one) => familyOf(one.address) === other);
    const place = addressNode(server);
    this.#report({
      place: valuePlace(place),
      message: `${shown(place)} is ${words[own]}, and the virtual server takes ${words[other]} ` +
        `(${OTHER}): only a tunnel leads from one family to the other`,
      advice: `write an ${words[other]} address, or \`forward = "tunnel"\``,
      other: index < 0
        ? keyPlace(descend(node, [config.family === "ipv6" ? "family" : "fwmark"]))
        : valuePlace(descend(node, ["listen", index])),
    });
  }

  /** Only NAT rewrites ports. */
  #checkPort(reached: Reached, server: TreeNode): void {
    const { address: { port }, forward } = reached;
    if (port === undefined || forward === "nat") return;
    const ports = portsOf(servicesOf(this.#services, reached));
    const other = ports.find((one) => one !== port);
    if (other === undefined) return;
    const place = addressNode(server);
    const why = saidBy(this.#virtual.node, server, "forward");
    this.#report({
      place: valuePlace(place),
      message: `${shown(place)} has a port that packets would not arrive at: with \`forward = ` +
        `"${forward}"\`${why === undefined ? "" : ` (${OTHER})`} they keep the one that the ` +
        `client asked for${other === 0 ? "" : `, ${other}`}`,
      advice: `write the address without a port, or \`forward = "nat"\``,
      ...(why === undefined ? {} : { other: valuePlace(why) }),
    });
  }

  #checkTunnel({ forward, tunnel }: Reached, server: TreeNode): void {
    const own = server.kind === "table" ? server.entries.get("tunnel") : undefined;
    if (forward !== "tunnel") {
      if (own === undefined) return;
      return this.#report({
        place: keyPlace(own),
        message: `\`tunnel\` has no effect with \`forward = "${forward}"\``,
        advice: 'write `forward = "tunnel"`, or leave the key out',
      });
    }
    const place = saidBy(this.#virtual.node, server, "tunnel");
    if (tunnel === undefined || place === undefined) return;
    const { type, port, checksum } = tunnel;
    if (type === "gue" && port === undefined) {
      this.#report({
        place: keyPlace(place),
        message: "A tunnel of type `gue` needs the UDP `port` of the real server",
        advice: 'write `tunnel = { type = "gue", port = 6080 }`',
      });
    } else if (type !== "gue" && port !== undefined) {
      this.#report({
        place: keyPlace(descend(place, ["port"])),
        message: `A tunnel of type \`${type}\` has no port`,
        advice: 'leave the key out, or write `type = "gue"`',
      });
    }
    const offered = { ipip: ["none"], gre: ["none", "full"], gue: ["none", "full", "remote"] };
    if (offered[type].includes(checksum)) return;
    this.#report({
      place: valuePlace(descend(place, ["checksum"])),
      message: `A tunnel of type \`${type}\` has no checksum of the kind "${checksum}"`,
      advice: type === "ipip" ? "leave the key out" : 'write `checksum = "full"`',
    });
  }

  /** Whatever the kernel would say that was not said above. */
  #askKernel(reached: Reached, server: TreeNode, what: string): void {
    const wanted = "weight" in reached
      ? realServerOf(reached as RealServerConfig)
      : sorryServerOf({ ...reached, inhibit: false });
    for (const service of servicesOf(this.#services, reached)) {
      // Thresholds are looked at above, where they are written.
      const placed = asDestination(service, { ...wanted, upperThreshold: 0, lowerThreshold: 0 });
      const reason = placed.ok ? refuseDestination(service, placed.value) : placed.reason;
      if (reason === undefined) continue;
      const place = addressNode(server);
      return this.#report({
        place: valuePlace(place),
        message: `The kernel would refuse the ${what} ${shown(place)}: ${reason}`,
      });
    }
  }
}

/** Reports servers that are one to the kernel: the same address at the same port of a service. */
function checkTwice(
  { config, node }: Checked,
  services: readonly ServiceKey[],
  report: Report,
): void {
  const known = new Register<TreeNode>();
  const claim = (reached: Reached, server: TreeNode, what: string, advice: string): void => {
    const own = addressNode(server);
    const { forward, address: { address, port: asked } } = reached;
    const firsts = portsOf(servicesOf(services, reached)).map((port) => {
      const there = destinationPort(port, { forward, port: asked });
      return known.claim([port, address, there], own);
    });
    clash(own, firsts.find((first) => first !== undefined), what, advice, report);
  };
  config.real_server.forEach((server, index) => {
    const own = descend(node, ["real_server", index]);
    const text = endpointText(server.address);
    claim(server, own, `The real server ${text} is given twice`, "leave out one of the two");
  });
}

function checkThresholds({ config, node }: Checked, report: Report): void {
  const said = new Set<TreeNode>();
  config.real_server.forEach(({ thresholds: { upper, lower } }, index) => {
    if (lower <= upper) return;
    const table = saidBy(node, descend(node, ["real_server", index]), "thresholds");
    if (table === undefined || said.has(table)) return;
    said.add(table);
    report({
      place: valuePlace(descend(table, ["lower"])),
      message: `The lower threshold, ${lower}, is above the upper one, ${upper}`,
      advice: upper === 0
        ? "add `upper`: without it there is no limit"
        : `write \`${upper}\` or less`,
    });
  });
}

/** Reports a family whose clients would find nobody: only a tunnel leads to the other one. */
function checkServed({ config, node }: Checked, report: Report): void {
  const { real_server: servers, servers_file: file, sorry_server: sorry, listen } = config;
  const families = serviceFamilies(config);
  if (families.length < 2) return;
  const serves = (family: "ipv4" | "ipv6", { address, forward }: Reached) =>
    forward === "tunnel" || familyOf(address.address) === family;
  for (const family of families) {
    const index = listen.findIndex(({ address }) => familyOf(address) === family);
    const place = index < 0
      ? keyPlace(descend(node, ["fwmark"]))
      : valuePlace(itemAt(node, "listen", index));
    // What a file says is known when it is read.
    if (
      file === undefined && servers.length > 0 && !servers.some((one) => serves(family, one))
    ) {
      report({
        place,
        message: `No real server is there for clients over ${FAMILIES[family]}: only a tunnel ` +
          "leads from one family to the other",
        advice: `add a real server with an ${FAMILIES[family]} address, or leave this out`,
      });
    } else if (sorry !== undefined && !serves(family, sorry)) {
      report({
        place: valuePlace(addressNode(descend(node, ["sorry_server"]))),
        message: `Clients over ${FAMILIES[family]} (${OTHER}) find nobody while the quorum is ` +
          "lost: only a tunnel leads from one family to the other",
        advice: 'write `forward = "tunnel"`, or a virtual server for each family',
        severity: "warning",
        other: place,
      });
    }
  }
}

/** Reports what is wrong with the servers behind one virtual server. */
export function checkServers(virtual: Checked, report: Report): void {
  const { config, node } = virtual;
  const services = sampleServices(listenOf(config));
  checkTwice(virtual, services, report);
  checkThresholds(virtual, report);
  checkServed(virtual, report);
  const checks = new ServerChecks(virtual, services, report);
  config.real_server.forEach((server, index) => {
    checks.check(server, descend(node, ["real_server", index]), "real server");
  });
  const { sorry_server: sorry, listed, listen, family, servers_file: file } = config;
  if (file !== undefined && config.real_server.length === 0) {
    const { address = family === "ipv6" ? "2001:db8::1" : "192.0.2.1" } = listen[0] ?? {};
    checks.check({ ...listed, address: { address } }, node, "servers of a list as");
  }
  if (sorry !== undefined) checks.check(sorry, descend(node, ["sorry_server"]), "sorry server");
}
