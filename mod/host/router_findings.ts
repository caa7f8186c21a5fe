/**
 * What keeps virtual routers and BFD sessions of a site from working on a host.
 *
 * @module
 */

import { familyOf, HALB_PROTOCOLS, type SiteConfig } from "../../config/mod.ts";
import { isLinkLocal } from "../ip/mod.ts";
import { TRAILER, VRRP_GROUP_IPV4, VRRP_GROUP_IPV6, VRRP_HEADER } from "../vrrp/mod.ts";
import type { HostFinding } from "./finding.ts";
import { droppedBy, type Wanted } from "./firewall.ts";
import { BFD_PORTS } from "./questions.ts";
import {
  holderOf,
  type HostReading,
  interfaceOf,
  type InterfaceReading,
  type NamespaceReading,
  settingOf,
} from "./readings.ts";

type Router = SiteConfig["vrrp"][number];
type Session = SiteConfig["bfd"][number];

/** Whether an address is one that an agent of halb has put there, by its protocol number. */
function isHalb(protocol: number): boolean {
  return protocol >= HALB_PROTOCOLS.first && protocol <= HALB_PROTOCOLS.last;
}

/** Findings about all virtual routers. */
export function routerFindings(site: SiteConfig, host: HostReading): HostFinding[] {
  return site.vrrp.flatMap((router) => findingsOf(router, host));
}

function findingsOf(router: Router, host: HostReading): HostFinding[] {
  const subject = `virtual router ${router.name}`;
  const namespace = host.namespaces.get(router.namespace ?? "");
  if (namespace === undefined) return [];
  if (namespace === null) return [noNamespace(subject, router.namespace ?? "")];
  const findings = interfaceFindings(subject, router.interface, namespace);
  const found = interfaceOf(namespace, router.interface);
  const families = [...new Set(router.addresses.map(({ address }) => familyOf(address)))];
  if (found !== undefined && router.unicast === undefined && !found.multicast && found.up) {
    findings.push({
      code: "no-multicast",
      gravity: "error",
      subject,
      message: `${found.name} carries no multicast, which adverts are`,
      advice: `ip link set ${found.name} multicast on, or give the peers by \`unicast\``,
    });
  }
  for (const family of families) {
    if (found !== undefined) findings.push(...sourceFindings(subject, router, family, namespace));
    const group = family === "ipv4" ? VRRP_GROUP_IPV4 : VRRP_GROUP_IPV6;
    const to = router.unicast === undefined ? { group } : {};
    findings.push(...firewallFindings(subject, { protocol: "vrrp", family, ...to }, namespace));
    if (found !== undefined) findings.push(...sizeFindings(subject, router, family, found));
  }
  for (const { address } of [...router.addresses, ...router.excluded_addresses]) {
    const holder = holderOf(namespace, address);
    if (holder === undefined || isHalb(holder.protocol) || router.priority === 255) {
      continue;
    }
    findings.push({
      code: "address-configured",
      gravity: "warning",
      subject,
      message: `${address} is an address of ${holder.interface.name} already, and not by halb: ` +
        "this host answers for it as a backup, too",
      advice: `ip address del ${address} dev ${holder.interface.name}, and take it out of the ` +
        "host's network configuration; an owner has `priority = 255`",
    });
  }
  if (found !== undefined) findings.push(...managerFindings(found));
  findings.push(...clockFindings(subject, router, host));
  return [...findings, ...bindFindings(subject, families, namespace)];
}

/** Bytes in front of an advert's addresses, and of one address. */
const LENGTHS = { ipv4: [20 + VRRP_HEADER, 4], ipv6: [40 + VRRP_HEADER, 16] } as const;
/** Bytes that authentication adds: the trailer, or the header of IPsec with MD5. */
const AUTHENTICATION = { none: 0, pass: 0, ah: 24, hmac: TRAILER } as const;

/** An advert has to fit into one packet. */
function sizeFindings(
  subject: string,
  { addresses, auth, version }: Router,
  family: "ipv4" | "ipv6",
  { name, mtu }: InterfaceReading,
): HostFinding[] {
  const [head, each] = LENGTHS[family];
  const count = addresses.filter(({ address }) => familyOf(address) === family).length;
  const version2 = version === 2 ? 8 : 0;
  const length = head + count * each + version2 + AUTHENTICATION[auth?.type ?? "none"];
  const least = family === "ipv6" ? Math.max(1280, length) : length;
  // The kernel does not always say.
  if (mtu === 0 || mtu >= least) return [];
  return [{
    code: "mtu",
    gravity: "error",
    subject,
    message: `The MTU of ${name} is ${mtu}` +
      (length > mtu
        ? `, and an advert of ${count} addresses has ${length} bytes`
        : ": IPv6 needs 1280"),
    advice: length > 1500
      ? "move addresses to `excluded_addresses`, or to another virtual router"
      : `ip link set ${name} mtu ${Math.max(1500, least)}`,
  }];
}

/** What is to be said to programs that take an interface for their own. */
const MANAGERS: Readonly<Record<string, string>> = {
  "systemd-networkd": "in its .network file write `KeepConfiguration=yes` in [Network], in " +
    "/etc/systemd/networkd.conf `ManageForeignRoutes=no` and " +
    "`ManageForeignRoutingPolicyRules=no`, then networkctl reload",
  NetworkManager: "nmcli device set INTERFACE managed no, for good by unmanaged-devices in " +
    "/etc/NetworkManager/conf.d, or do not reapply its connection while halb runs",
};

function managerFindings({ name, manager }: InterfaceReading): HostFinding[] {
  if (manager === null) return [];
  return [{
    code: "managed-interface",
    gravity: "advice",
    subject: `interface ${name}`,
    message: `${manager} configures ${name}: when it does so again it may remove virtual ` +
      "addresses, routes and rules, which are then put back",
    advice: (MANAGERS[manager] ?? "").replace("INTERFACE", name),
  }];
}

function clockFindings(
  subject: string,
  { auth }: Router,
  { clockSynchronised }: HostReading,
): HostFinding[] {
  const matters = auth?.type === "hmac" && auth.anti_replay === "time";
  if (!matters || clockSynchronised !== false) return [];
  return [{
    code: "clock-unsynchronised",
    gravity: "warning",
    subject,
    message: "Nothing keeps this host's clock right (NTP), and signed adverts are believed by it",
    advice: 'timedatectl set-ntp true, or run chronyd; or write `anti_replay = "monotonic"`',
  }];
}

function sourceFindings(
  subject: string,
  router: Router,
  family: "ipv4" | "ipv6",
  namespace: NamespaceReading,
): HostFinding[] {
  const own = interfaceOf(namespace, router.interface);
  const disabled = settingOf(namespace, `net.ipv6.conf.${router.interface}.disable_ipv6`);
  if (family === "ipv6" && disabled === 1) {
    return [{
      code: "ipv6-disabled",
      gravity: "error",
      subject,
      message: `IPv6 is off on ${router.interface}`,
      advice: `sysctl -w net.ipv6.conf.${router.interface}.disable_ipv6=0`,
    }];
  }
  const virtual = new Set(router.addresses.map(({ address }) => address));
  const usable = own?.addresses.some(({ address, protocol }) =>
    familyOf(address) === family && (!isHalb(protocol) || !virtual.has(address)) &&
    (family === "ipv4" || router.unicast !== undefined || isLinkLocal(address))
  );
  if (usable === true || router.source !== undefined) return [];
  const kind = family === "ipv4" ? "IPv4" : "link-local IPv6";
  return [{
    code: "no-source",
    gravity: "error",
    subject,
    message: `${router.interface} has no ${kind} address of its own to send adverts from`,
    advice: "give it one, or name one by `source`",
  }];
}

function bindFindings(
  subject: string,
  families: readonly ("ipv4" | "ipv6")[],
  namespace: NamespaceReading,
): HostFinding[] {
  return families.filter((family) => settingOf(namespace, `net.${family}.ip_nonlocal_bind`) === 0)
    .map((family) => ({
      code: "nonlocal-bind",
      gravity: "advice",
      subject,
      message: `Programs on a backup cannot listen at virtual addresses (net.${family}.` +
        "ip_nonlocal_bind is 0)",
      advice: `sysctl -w net.${family}.ip_nonlocal_bind=1 where they name these addresses; not ` +
        "needed where they listen on all addresses",
    }));
}

/** The interface is there, and up. */
export function interfaceFindings(
  subject: string,
  name: string,
  namespace: NamespaceReading,
): HostFinding[] {
  const found = interfaceOf(namespace, name);
  if (found === undefined) {
    const there = namespace.interfaces.filter(({ loopback }) => !loopback).map((one) => one.name);
    return [{
      code: "interface-missing",
      gravity: "error",
      subject,
      message: `There is no interface ${name}`,
      advice: there.length === 0
        ? "make it, or write another name"
        : `make it, or write another name: there are ${there.slice(0, 8).join(", ")}`,
    }];
  }
  if (found.up && (found.running || found.loopback)) return [];
  return [{
    code: "interface-down",
    gravity: "warning",
    subject,
    message: found.up ? `${name} has no carrier` : `${name} is down`,
    advice: found.up ? "see to the cable, or the other end" : `ip link set ${name} up`,
  }];
}

/** A namespace that is asked for and not there. */
export function noNamespace(subject: string, name: string): HostFinding {
  return {
    code: "namespace-missing",
    gravity: "error",
    subject,
    message: `There is no network namespace ${name}, or it may not be entered`,
    advice: `ip netns add ${name}, and run this as root`,
  };
}

function firewallFindings(
  subject: string,
  wanted: Wanted,
  namespace: NamespaceReading,
): HostFinding[] {
  const chain = droppedBy(namespace.ruleset, wanted);
  if (chain === undefined) return [];
  const name = wanted.protocol === "vrrp" ? "VRRP (protocol 112)" : `BFD (UDP port ${wanted.port})`;
  const rule = wanted.protocol === "vrrp"
    ? "meta l4proto vrrp accept"
    : `udp dport ${wanted.port} accept`;
  return [{
    code: "firewall",
    gravity: "error",
    subject,
    message: `nftables' chain ${chain} drops ${name} of peers: no rule accepts it`,
    advice: `nft insert rule ${chain} ${rule}, and in the firewall's own configuration`,
  }];
}

// ---- BFD ----------------------------------------------------------------------------------------

/** Findings about all BFD sessions, and about ports that others have. */
export function sessionFindings(site: SiteConfig, host: HostReading): HostFinding[] {
  return [...site.bfd.flatMap((session) => ofSession(session, host)), ...portFindings(host)];
}

/** Ports of BFD that other programs have. */
export function portFindings(host: HostReading): HostFinding[] {
  const findings: HostFinding[] = [];
  for (const [name, namespace] of host.namespaces) {
    for (const { port, owner } of namespace?.ports ?? []) {
      if (/^halb\b/.test(owner)) continue;
      findings.push({
        code: "port-taken",
        gravity: "error",
        subject: name === "" ? "" : `network namespace ${name}`,
        message: `${owner} has UDP port ${port}, which BFD needs`,
        advice: "stop it, or let it have the sessions: one program speaks BFD on a host",
      });
    }
  }
  return findings;
}

function ofSession(session: Session, host: HostReading): HostFinding[] {
  const subject = `BFD session ${session.name}`;
  const namespace = host.namespaces.get(session.namespace ?? "");
  if (namespace === undefined) return [];
  if (namespace === null) return [noNamespace(subject, session.namespace ?? "")];
  const findings = session.interface === undefined
    ? []
    : interfaceFindings(subject, session.interface, namespace);
  const { source } = session;
  if (source !== undefined && holderOf(namespace, source) === undefined) {
    findings.push({
      code: "source-missing",
      gravity: "error",
      subject,
      message: `The source ${source} is no address of this host`,
      advice: "give it to an interface, or write another one",
    });
  }
  const port = session.multihop ? BFD_PORTS.multihop : BFD_PORTS.single;
  const wanted: Wanted = { protocol: "udp", port, family: familyOf(session.peer) };
  return [...findings, ...firewallFindings(subject, wanted, namespace)];
}
