/**
 * From a site's configuration to what the kernel plane is told of virtual servers: the balancer's
 * settings, and the addresses that it holds and drops. Pure.
 *
 * @module
 */

import {
  familyOf,
  type IpvsConfig,
  listenOf,
  marksOf,
  type RealServerConfig,
  realServerOf,
  serviceOf,
  type SiteConfig,
  sorryServerOf,
  type SyncDaemonConfig,
  type VirtualServerConfig,
} from "../../config/mod.ts";
import type { RealServerSettings, VirtualServerSettings } from "../balance/mod.ts";
import { endpointText } from "../ip/mod.ts";
import { expandListen, type Timeouts } from "../ipvs/mod.ts";
import type { AnnounceServer, BalancePlan, SyncDaemonPlan } from "../plane/balance.ts";
import type { HeldAddress, KernelRouter } from "../plane/messages.ts";
import { serverUse } from "./check_names.ts";
import { planForwarding } from "./forwarding_plan.ts";
import { sessionNames } from "./sessions.ts";

const SECOND = 1_000_000;

/**
 * How long the kernel keeps an announced address without the agent, seconds. Long enough for a
 * restart; after a `kill -9` the routing daemon withdraws it then, and the other directors go on.
 */
const ANNOUNCE_LEASE = 10;

/** What of a site is balancing. */
export type BalancePart = Pick<SiteConfig, "virtual_server" | "vrrp" | "ipvs">;

/** All of IPVS that a site wants; undefined: nothing. */
export function planBalance(site: BalancePart): BalancePlan | undefined {
  const { virtual_server, ipvs } = site;
  if (virtual_server.length === 0 && ipvs === undefined) return undefined;
  const timeouts = timeoutsOf(ipvs?.timeouts);
  const marks = virtual_server.flatMap(marksOf);
  const forwarding = planForwarding(site);
  return {
    namespace: ipvs?.namespace ?? "",
    servers: virtual_server.map((server) => settingsOf(server, site)),
    announce: virtual_server.flatMap((server) =>
      server.announce === undefined ? [] : [announceOf(server)]
    ),
    ...(marks.length === 0 ? {} : { marks }),
    ...(forwarding.services.length === 0 ? {} : { forwarding: forwarding.services }),
    ...(timeouts === undefined ? {} : { timeouts }),
    syncDaemons: (ipvs?.sync_daemon ?? []).flatMap((daemon) => daemonsOf(daemon, site)),
    settings: { ...kernelSettings(ipvs?.settings ?? {}), ...forwarding.settings },
    ...(ipvs === undefined ? {} : { compareInterval: ipvs.compare_interval }),
    flush: ipvs?.flush ?? false,
    onStop: ipvs?.on_stop ?? "remove",
  };
}

/** What the kernel plane holds while the router is master; empty: there is none of that name. */
function holdingsOf(router: string | undefined, { vrrp }: BalancePart): string[] {
  const own = vrrp.find(({ name }) => name === router);
  return own === undefined ? [] : sessionNames(own);
}

function settingsOf(server: VirtualServerConfig, site: BalancePart): VirtualServerSettings {
  const { name, follow, quorum, hysteresis, sorry_server: sorry, announce } = server;
  return {
    name,
    listen: listenOf(server),
    service: serviceOf(server),
    follow: holdingsOf(follow, site),
    quorum,
    hysteresis,
    sorryServer: sorry === undefined
      ? null
      : { server: sorryServerOf(sorry), inhibit: sorry.inhibit },
    announce: announce !== undefined,
    servers: server.real_server.map((real) => realServerSettings(server, real)),
  };
}

/** @param server the virtual server that it belongs to */
function realServerSettings(
  server: VirtualServerConfig,
  real: RealServerConfig,
): RealServerSettings {
  const { ids: checks } = serverUse(server, real);
  // Of a server in a list, two checks may come to ask the same: then there is one to pass.
  const require = typeof real.require === "number" && checks.length > 0
    ? Math.min(real.require, checks.length)
    : real.require;
  return {
    name: endpointText(real.address),
    server: realServerOf(real),
    checks,
    require,
    onFailure: real.on_failure,
    startDown: real.start_down,
    slowStart: real.slow_start,
    drainTimeout: real.drain_timeout,
  };
}

/** Settings as the kernel writes them: what is several numbers has spaces between. */
function kernelSettings(settings: NonNullable<IpvsConfig["settings"]>): BalancePlan["settings"] {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      typeof value === "number" ? value : value.join(" "),
    ]),
  );
}

function timeoutsOf(timeouts: IpvsConfig["timeouts"]): Timeouts | undefined {
  if (timeouts === undefined) return undefined;
  const { tcp = 0, tcp_fin = 0, udp = 0 } = timeouts;
  return { tcp: tcp / SECOND, tcpFin: tcp_fin / SECOND, udp: udp / SECOND };
}

/** One for each thread of the kernel; one that follows a router is either, in turn. */
function daemonsOf(daemon: SyncDaemonConfig, site: BalancePart): SyncDaemonPlan[] {
  const { interface: own, id, follow, role = "both" } = daemon;
  const settings = {
    interface: own,
    id,
    maxLength: daemon.max_length ?? 0,
    group: daemon.group ?? "",
    port: daemon.port ?? 0,
    ttl: daemon.ttl ?? 0,
  };
  if (follow !== undefined) return [{ role: { follow: holdingsOf(follow, site) }, ...settings }];
  const roles = role === "both" ? ["master", "backup"] as const : [role];
  return roles.map((one) => ({ role: one, ...settings }));
}

// ===== what is announced =========================================================================

/** The name of what is held for a virtual server: no router can have it. */
function announceName(server: string): string {
  return `[announce] ${server}`;
}

function announceOf({ name }: VirtualServerConfig): AnnounceServer {
  return { server: name, holding: announceName(name) };
}

/** What the balancer holds and drops: the addresses of virtual servers with `announce`. */
export function announcedHoldings({ virtual_server, ipvs }: BalancePart): KernelRouter[] {
  return virtual_server.flatMap((server): KernelRouter[] => {
    if (server.announce === undefined) return [];
    return [{
      name: announceName(server.name),
      slot: 0,
      namespace: ipvs?.namespace ?? "",
      addresses: announcedAddresses(server, server.announce.interface),
      decidedBy: "balancer",
      lease: ANNOUNCE_LEASE,
      // Routing daemons tell of them; neighbours have no business with a loopback's address.
      announce: { repeat: 0, delay: 0, refresh: 0, refreshRepeat: 0, interval: 0 },
    }];
  });
}

/** Each address once, however many ports it has, and whether or not its packets are marked. */
function announcedAddresses(server: VirtualServerConfig, carrier: string): HeldAddress[] {
  const { mark: _, ...unmarked } = server;
  const all = listenOf(unmarked).flatMap((listen) => {
    const keys = expandListen(listen);
    return keys.ok ? keys.value : [];
  });
  const addresses = new Set(all.flatMap((key) => "address" in key ? [key.address] : []));
  return [...addresses].map((address) => ({
    address,
    prefixLength: familyOf(address) === "ipv6" ? 128 : 32,
    interface: carrier,
  }));
}
