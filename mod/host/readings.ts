/**
 * What was read of a host, as plain data: the ground of every finding. What could not be read is
 * said to be unknown, so that nothing is found by guessing.
 *
 * @module
 */

import { inPrefix, parseIp } from "../ip/mod.ts";

/** A network interface. */
export interface InterfaceReading {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  readonly running: boolean;
  readonly multicast: boolean;
  readonly loopback: boolean;
  readonly mtu: number;
  /** `aa:bb:cc:dd:ee:ff`; empty: it has none. */
  readonly mac: string;
  /** Program that configures it, in its own words: `systemd-networkd`; null: none is known. */
  readonly manager: string | null;
  readonly addresses: readonly {
    readonly address: string;
    readonly prefixLength: number;
    /** IFA_PROTO: 112 to 176 are halb's. */
    readonly protocol: number;
  }[];
}

/** A route of the main table; IPv6 also of the local one. */
export interface RouteReading {
  readonly network: string;
  readonly prefixLength: number;
  readonly interface: string;
  /** null: the network is on the link. */
  readonly gateway: string | null;
  readonly metric: number;
}

/** Who has a UDP port. */
export interface PortReading {
  readonly port: number;
  /** `bfdd (pid 4711)`. */
  readonly owner: string;
}

/** One network namespace. */
export interface NamespaceReading {
  readonly interfaces: readonly InterfaceReading[];
  readonly routes: readonly RouteReading[];
  /** Settings under /proc/sys, `net.ipv4.ip_forward`; those that are not there are absent. */
  readonly settings: ReadonlyMap<string, string>;
  /** Ports of interest that somebody has. */
  readonly ports: readonly PortReading[];
  /** `nft -j list ruleset`; null: not to be had. */
  readonly ruleset: unknown;
  /** The kernel's load balancer answers here. */
  readonly ipvs: boolean;
}

/** Whether the kernel has a module. `unknown`: no list of its modules is to be had. */
export type ModuleState = "loaded" | "built-in" | "available" | "absent" | "unknown";

/** A whole host. */
export interface HostReading {
  /** `6.1.0-18-amd64`. */
  readonly kernel: string;
  /** By name, as in `ip_vs_wlc`. */
  readonly modules: ReadonlyMap<string, ModuleState>;
  /** Of this process, `cap_net_admin`. */
  readonly capabilities: ReadonlySet<string>;
  /** Whether something keeps the wall clock right; null: unknown. */
  readonly clockSynchronised: boolean | null;
  /** Whose libnl a virtual server would use; in words what is wrong. */
  readonly libnl: { readonly origin: "host" | "embedded" } | { readonly problem: string };
  /** Other programs of this kind in the agent's network namespace: `keepalived (pid 4711)`. */
  readonly daemons: readonly string[];
  /** By name; `""` is the agent's. null: there is no such namespace. */
  readonly namespaces: ReadonlyMap<string, NamespaceReading | null>;
}

/** The interface of that name. */
export function interfaceOf(
  namespace: NamespaceReading,
  name: string,
): InterfaceReading | undefined {
  return namespace.interfaces.find((each) => each.name === name);
}

/** A setting as a number; undefined: not there. */
export function settingOf(namespace: NamespaceReading, name: string): number | undefined {
  const text = namespace.settings.get(name);
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
}

/** The interface and address of this host that are `address`. */
export function holderOf(
  namespace: NamespaceReading,
  address: string,
): { readonly interface: InterfaceReading; readonly protocol: number } | undefined {
  for (const each of namespace.interfaces) {
    const found = each.addresses.find((one) => one.address === address);
    if (found !== undefined) return { interface: each, protocol: found.protocol };
  }
  return undefined;
}

/** The route that a packet to `address` takes: the longest prefix, then the least metric. */
export function routeTo(namespace: NamespaceReading, address: string): RouteReading | undefined {
  const bytes = parseIp(address);
  if (bytes === undefined) return undefined;
  let best: RouteReading | undefined;
  for (const route of namespace.routes) {
    const network = parseIp(route.network);
    if (network === undefined || !inPrefix(bytes, network, route.prefixLength)) continue;
    const longer = best === undefined || route.prefixLength > best.prefixLength;
    const equal = best !== undefined && route.prefixLength === best.prefixLength;
    if (longer || (equal && route.metric < best!.metric)) best = route;
  }
  return best;
}
