/**
 * What keeps virtual servers of a site from working on a host: modules and the library, addresses
 * that nobody holds, and the ways that packets take to real servers and back, by each way of
 * forwarding.
 *
 * @module
 */

import { familyOf, type SiteConfig, wayOf } from "../../config/mod.ts";
import { endpointText, formatIp, networkOf, parseIp } from "../ip/mod.ts";
import { type Gravity, type HostFinding, listed } from "./finding.ts";
import { rewritesSources } from "./firewall.ts";
import { balancedIn, modulesOf } from "./questions.ts";
import {
  holderOf,
  type HostReading,
  interfaceOf,
  type NamespaceReading,
  routeTo,
  settingOf,
} from "./readings.ts";
import { interfaceFindings, noNamespace } from "./router_findings.ts";
import { serverAdvice } from "./server_advice.ts";

type Virtual = SiteConfig["virtual_server"][number];
type Real = Virtual["real_server"][number];

/** Findings about all virtual servers and the load balancer. */
export function balanceFindings(site: SiteConfig, host: HostReading): HostFinding[] {
  if (site.virtual_server.length === 0 && site.ipvs === undefined) return [];
  const name = balancedIn(site);
  const namespace = host.namespaces.get(name);
  if (namespace === undefined) return [];
  if (namespace === null) return [noNamespace("[ipvs]", name)];
  return [
    ...libraryFindings(host, "error"),
    ...moduleFindings(site, host, namespace),
    ...(site.ipvs?.sync_daemon ?? []).flatMap(({ interface: own }) =>
      interfaceFindings("sync daemon", own, namespace)
    ),
    ...site.virtual_server.flatMap((server) => [
      ...addressFindings(server, site, namespace),
      ...server.real_server.flatMap((real) => [
        ...pathFindings(server, real, namespace),
        ...probeFindings(server, real, site, namespace),
      ]),
    ]),
    ...forwardingFindings(site, namespace),
    ...settingFindings(site, namespace),
    ...serverAdvice(site),
  ];
}

/** The library that virtual servers need. @param more words behind the advice */
export function libraryFindings(
  { libnl }: HostReading,
  gravity: Gravity,
  more = "",
): HostFinding[] {
  if ("origin" in libnl) return [];
  const advice = `install the packages, or take a build that carries libnl${more}`;
  return [{ code: "libnl", gravity, subject: "", message: libnl.problem, advice }];
}

function moduleFindings(
  site: SiteConfig,
  host: HostReading,
  namespace: NamespaceReading,
): HostFinding[] {
  const findings: HostFinding[] = [];
  for (const [module, what] of modulesOf(site)) {
    const state = host.modules.get(module);
    if (state === undefined || state === "loaded" || state === "built-in") continue;
    // In a container the host's list is not seen, but what is loaded is.
    if (module === "ip_vs" && namespace.ipvs) continue;
    if (module === "nf_tables" && namespace.ruleset !== null) continue;
    if (state === "available") {
      if (module !== "ip_vs") continue;
      findings.push({
        code: "module-not-loaded",
        gravity: "advice",
        subject: "",
        message:
          `The module ip_vs is loaded when the agent asks for it, which costs the first start`,
        advice: "echo ip_vs >/etc/modules-load.d/ipvs.conf",
      });
      continue;
    }
    const advice = module === "nf_tables"
      ? "take a kernel with nftables"
      : `install the package with this kernel's modules (linux-modules-extra on cloud kernels), or ` +
        "another kernel";
    findings.push(
      state === "absent"
        ? {
          code: "module-missing",
          gravity: "error",
          subject: "",
          message: `This kernel (${host.kernel}) has no module ${module}: ${what}`,
          advice,
        }
        : {
          code: "module-unknown",
          gravity: module === "ip_vs" ? "error" : "advice",
          subject: "",
          message: `The module ${module} is not loaded, and no list of this kernel's modules is ` +
            `here: ${what}`,
          advice: `modprobe ${module} on the machine whose kernel this is`,
        },
    );
  }
  return findings;
}

// ---- addresses ----------------------------------------------------------------------------------

/** Packets to its addresses must be this host's, or IPVS never sees them. */
function addressFindings(
  server: Virtual,
  site: SiteConfig,
  namespace: NamespaceReading,
): HostFinding[] {
  const subject = `virtual server ${server.name}`;
  const findings = server.announce === undefined
    ? []
    : interfaceFindings(subject, server.announce.interface, namespace);
  if (server.announce !== undefined) return findings;
  const missing = server.listen.filter(({ address }) => !isHeld(address, server, site, namespace));
  if (missing.length === 0) return findings;
  const unique = [...new Set(missing.map(({ address }) => address))];
  const wide = missing.every(({ last, prefix_length: length }) => (last ?? length) !== undefined);
  const follow = server.follow === undefined ? "" : ` by the router "${server.follow}"`;
  findings.push({
    code: "address-nobody-holds",
    gravity: "warning",
    subject,
    message: `Nobody here holds ${listed(unique)}${follow}: IPVS takes packets to addresses of ` +
      "this host alone",
    advice: server.follow === undefined || wide
      ? "hold them by a `[[vrrp]]`, `[static]` or `announce`, or give networks a route of type " +
        "local (`ip route add local NETWORK dev lo`)"
      : `add them to \`addresses\` or \`excluded_addresses\` of "${server.follow}"`,
  });
  return findings;
}

function isHeld(
  address: string,
  server: Virtual,
  { vrrp, static: fixed }: SiteConfig,
  namespace: NamespaceReading,
): boolean {
  const routers = server.follow === undefined
    ? vrrp
    : vrrp.filter(({ name }) => name === server.follow);
  const held = [
    ...routers.flatMap((one) => [...one.addresses, ...one.excluded_addresses]),
    ...fixed.addresses,
  ];
  if (held.some((one) => one.address === address)) return true;
  if (holderOf(namespace, address) !== undefined) return true;
  const route = routeTo(namespace, address);
  // Local routes of IPv4 are in a table that /proc does not show; those to the loopback are.
  return route !== undefined && (interfaceOf(namespace, route.interface)?.loopback ?? false);
}

// ---- ways ---------------------------------------------------------------------------------------

function pathFindings(server: Virtual, real: Real, namespace: NamespaceReading): HostFinding[] {
  const subject = `real server ${endpointText(real.address)} of ${server.name}`;
  const { address } = real.address;
  if (holderOf(namespace, address) !== undefined) return [];
  const route = routeTo(namespace, address);
  if (route === undefined) {
    return [{
      code: "no-route",
      gravity: "error",
      subject,
      message: `No route leads to ${address}`,
      advice: "add one, or correct the address",
    }];
  }
  if (real.forward === "direct" && route.gateway !== null) {
    return [{
      code: "direct-through-router",
      gravity: "error",
      subject,
      message: `${address} is behind the router ${route.gateway}: direct routing reaches servers ` +
        "on the same link only, since packets keep the virtual address",
      advice: 'write `forward = "tunnel"`, or connect this host to the server\'s network',
    }];
  }
  if (real.forward !== "nat") return [];
  return natFindings(subject, server, address, route.gateway, namespace);
}

/** Checks with `via_forwarding`: answers come from the virtual address to their interface. */
function probeFindings(
  server: Virtual,
  real: Real,
  { vrrp, static: fixed }: SiteConfig,
  namespace: NamespaceReading,
): HostFinding[] {
  const probed = real.check.flatMap((use) => "type" in use ? use.via_forwarding ?? [] : []);
  if (probed.length === 0) return [];
  const subject = `real server ${endpointText(real.address)} of ${server.name}`;
  const way = wayOf(server, { ...real, address: real.address.address });
  return [...new Set(probed)].flatMap((name): HostFinding[] => {
    const missing = interfaceFindings(subject, name, namespace);
    if (missing.length > 0) return missing;
    if (typeof way === "string" || familyOf(way.address) === "ipv6") return [];
    if (filterOf(namespace, name) !== 1) return [];
    const is = (held: { readonly address: string }) => held.address === way.address;
    const routers = vrrp.filter((one) => [...one.addresses, ...one.excluded_addresses].some(is));
    const holders = [
      ...routers.map((one) => one.virtual_mac ? "" : one.interface),
      ...fixed.addresses.filter(is).map((one) => one.interface),
    ];
    const now = holderOf(namespace, way.address)?.interface.name ??
      routeTo(namespace, way.address)?.interface;
    if ([...holders, now].every((one) => one === name)) return [];
    return [{
      code: "probe-rp-filter",
      gravity: "error",
      subject,
      message: `rp_filter is strict (1) on ${name}, and ${way.address} is on another interface: ` +
        "answers to checks with `via_forwarding` are dropped",
      advice: `sysctl -w net.ipv4.conf.${name}.rp_filter=2, and in /etc/sysctl.d`,
    }];
  });
}

/** With NAT the answers have to come back through this host. */
function natFindings(
  subject: string,
  server: Virtual,
  address: string,
  gateway: string | null,
  namespace: NamespaceReading,
): HostFinding[] {
  if (gateway !== null) {
    return [{
      code: "nat-through-router",
      gravity: "warning",
      subject,
      message:
        `${address} is behind the router ${gateway}: its answers have to come back through ` +
        "this host, and that router sends them to clients straight unless it is told otherwise",
      advice: `route answers of ${address} to this host on ${gateway}, or write ` +
        '`forward = "tunnel"`',
    }];
  }
  for (const { address: virtual } of server.listen) {
    const network = sharedNetwork(virtual, address, namespace);
    if (network === undefined) continue;
    return [{
      code: "nat-same-network",
      gravity: "warning",
      subject,
      message: `${address} and ${virtual} are both in ${network}: to clients of that network the ` +
        "server answers straight, past this host, and they know nothing of that connection",
      advice: "put the servers into a network of their own, rewrite the sources of such clients " +
        '(SNAT, with `ipvs.settings.conntrack = true`), or write `forward = "direct"`',
    }];
  }
  return [];
}

/** The network of an interface that both addresses lie in. */
function sharedNetwork(
  a: string,
  b: string,
  namespace: NamespaceReading,
): string | undefined {
  const [first, second] = [parseIp(a), parseIp(b)];
  if (first === undefined || second === undefined || first.length !== second.length) {
    return undefined;
  }
  for (const { addresses } of namespace.interfaces) {
    for (const { address, prefixLength } of addresses) {
      const own = parseIp(address);
      if (own === undefined || own.length !== first.length) continue;
      if (prefixLength === 0 || prefixLength === own.length * 8) continue;
      const network = formatIp(networkOf(own, prefixLength));
      const both = [first, second].every((one) =>
        formatIp(networkOf(one, prefixLength)) === network
      );
      if (both) return `${network}/${prefixLength}`;
    }
  }
  return undefined;
}

/** Virtual servers with a real server of this way and family. */
function users(site: SiteConfig, forward: Real["forward"], family?: "ipv4" | "ipv6"): string[] {
  return site.virtual_server.filter(({ real_server }) =>
    real_server.some((real) =>
      real.forward === forward &&
      (family === undefined || familyOf(real.address.address) === family)
    )
  ).map(({ name }) => name);
}

function forwardingFindings(site: SiteConfig, namespace: NamespaceReading): HostFinding[] {
  const findings: HostFinding[] = [];
  for (
    const [family, name] of [
      ["ipv4", "net.ipv4.ip_forward"],
      ["ipv6", "net.ipv6.conf.all.forwarding"],
    ] as const
  ) {
    const who = users(site, "nat", family);
    if (who.length === 0 || settingOf(namespace, name) !== 0) continue;
    findings.push({
      code: "no-forwarding",
      gravity: "error",
      subject: `virtual server ${listed(who)}`,
      message: `${name} is 0: with NAT this host has to forward the servers' answers`,
      advice: `sysctl -w ${name}=1, and in /etc/sysctl.d`,
    });
  }
  return findings;
}

function settingFindings(site: SiteConfig, namespace: NamespaceReading): HostFinding[] {
  const findings: HostFinding[] = [];
  const wanted = site.ipvs?.settings ?? {};
  const nat = users(site, "nat");
  const conntrack = wanted.conntrack ?? settingOf(namespace, "net.ipv4.vs.conntrack") ?? 0;
  if (nat.length > 0 && conntrack === 0 && rewritesSources(namespace.ruleset)) {
    findings.push({
      code: "snat-without-conntrack",
      gravity: "warning",
      subject: `virtual server ${listed(nat)}`,
      message:
        "nftables rewrites sources here (snat, masquerade), and does not do so for packets " +
        "of IPVS while net.ipv4.vs.conntrack is 0",
      advice: "write `settings = { conntrack = true }` in `[ipvs]` where these packets are meant",
    });
  }
  const others = [...users(site, "direct"), ...users(site, "tunnel")];
  const strict = namespace.interfaces.filter(({ name, loopback }) =>
    !loopback && filterOf(namespace, name) === 1
  ).map(({ name }) => name);
  if (others.length > 0 && strict.length > 0) {
    findings.push({
      code: "rp-filter",
      gravity: "advice",
      subject: `virtual server ${listed([...new Set(others)])}`,
      message: `rp_filter is strict (1) on ${listed(strict)}: packets of clients whose route ` +
        "leads out by another interface are dropped",
      advice: "sysctl -w net.ipv4.conf.INTERFACE.rp_filter=2 where clients come in by several ways",
    });
  }
  const removed = site.virtual_server.filter(({ on_failure }) => on_failure === "remove");
  const expire = wanted.expire_nodest_conn ??
    settingOf(namespace, "net.ipv4.vs.expire_nodest_conn");
  if (removed.length > 0 && expire === 0) {
    findings.push({
      code: "expire-nodest-conn",
      gravity: "advice",
      subject: `virtual server ${listed(removed.map(({ name }) => name))}`,
      message: "Clients of a server that is taken out wait for their own timeout " +
        "(net.ipv4.vs.expire_nodest_conn is 0)",
      advice: "write `settings = { expire_nodest_conn = true }` in `[ipvs]`",
    });
  }
  return findings;
}

/** The kernel takes the larger of the interface's and that of all. */
function filterOf(namespace: NamespaceReading, name: string): number {
  return Math.max(
    settingOf(namespace, "net.ipv4.conf.all.rp_filter") ?? 0,
    settingOf(namespace, `net.ipv4.conf.${name}.rp_filter`) ?? 0,
  );
}
