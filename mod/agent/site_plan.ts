/**
 * From a site's configuration to what each plane is told: pure, so that a reload can be shown
 * before it happens.
 *
 * @module
 */

import {
  type AddressConfig,
  type GroupTrackConfig,
  routerFamily,
  type SiteConfig,
  type TrackList,
  type VrrpConfig,
} from "../../config/mod.ts";
import type {
  AnnounceGroup,
  AnnouncePlan,
  GroupName,
  HeldAddress,
  KernelRouter,
  ProtocolRouter,
  WatchedInterface,
} from "../plane/messages.ts";
import type { ProtocolGroup } from "../plane/groups.ts";
import { MAX_ROUTERS } from "../plane/shared.ts";
import type { BalancePlan } from "../plane/balance.ts";
import type { BfdPlan } from "../plane/bfd.ts";
import { announcedHoldings, planBalance } from "./balance_plan.ts";
import { planBfd } from "./bfd_plan.ts";
import { authenticationType } from "./credentials.ts";
import { heldAddress, heldRouting, heldStatics } from "./held_objects.ts";
import { leaseOf, refreshCost } from "./lease_length.ts";
import { sessionNames, sessionsOf } from "./sessions.ts";
import { groupsOf, transportOf } from "./transport_plan.ts";
import { carrierOf, virtualLinkOf, virtualSourceOf } from "./virtual_mac_plan.ts";
import { type PlacedRouter, planTrackers, type TrackerPlan, trackerUses } from "./tracker_plan.ts";

/** What both planes are told for one site. */
export interface SitePlan extends TrackerPlan {
  readonly routers: readonly ProtocolRouter[];
  readonly holdings: readonly KernelRouter[];
  /** What is held as long as the agent runs; absent: nothing. */
  readonly statics?: KernelRouter;
  readonly groups: readonly ProtocolGroup[];
  /** Interfaces whose state matters. */
  readonly interfaces: readonly WatchedInterface[];
  /** Interfaces that share gaps between announcements; absent: none. */
  readonly announceGroups?: readonly AnnounceGroup[];
  /** Absent: no BFD. */
  readonly bfd?: BfdPlan;
  /** Absent: no virtual servers. */
  readonly balance?: BalancePlan;
  /** What the balancer holds and drops; absent: nothing. */
  readonly announced?: readonly KernelRouter[];
}

/** Of a site with nothing in it. */
export const NO_PLAN: SitePlan = {
  routers: [],
  holdings: [],
  groups: [],
  interfaces: [],
  delays: [],
  presences: [],
};

/**
 * Rows of the shared memory. A router keeps its row as long as it exists, so that its counters and
 * its mastership word stay where the planes look for them.
 */
export class Slots {
  readonly #byName = new Map<string, number>();

  /** The row of `name`, a new one where it has none. @throws {RangeError} when all are taken */
  of(name: string): number {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const taken = new Set(this.#byName.values());
    for (let slot = 0; slot < MAX_ROUTERS; slot++) {
      if (taken.has(slot)) continue;
      this.#byName.set(name, slot);
      return slot;
    }
    throw new RangeError(`Cannot run more than ${MAX_ROUTERS} virtual routers`);
  }

  /** The row that a former process gave to `name`. */
  adopt(name: string, slot: number): void {
    this.#byName.set(name, slot);
  }

  /** Forgets all names but `names`; returns the rows that became free. */
  keep(names: ReadonlySet<string>): number[] {
    const freed: number[] = [];
    for (const [name, slot] of this.#byName) {
      if (names.has(name)) continue;
      this.#byName.delete(name);
      freed.push(slot);
    }
    return freed;
  }
}

export function planSite(site: SiteConfig, slots: Slots): SitePlan {
  const routers: ProtocolRouter[] = [];
  const holdings: KernelRouter[] = [];
  const interfaces: Watched = new Map();
  const cost = refreshCost(site);
  const placed: PlacedRouter[] = [];
  const tracked = new Map(
    site.sync_group.flatMap(({ members, track }) => members.map((name) => [name, track] as const)),
  );
  const sessions = site.vrrp.flatMap((own) => sessionsOf(trackingToo(own, tracked.get(own.name))));
  for (const { config: vrrp, router } of sessions) {
    placed.push({ config: vrrp, namespace: namespaceOf(vrrp) });
    const slot = slots.of(vrrp.name);
    const known = router === undefined ? {} : { router };
    routers.push({ ...known, ...protocolRouter(vrrp, slot, site) });
    holdings.push(kernelRouter(vrrp, slot, leaseOf(vrrp, cost)));
    const namespace = namespaceOf(vrrp);
    const watch = (name: string, groups: readonly GroupName[] = []): void => {
      const known = watched(interfaces, namespace, name);
      known.groups.push(...groups.filter((group) => !known.groups.includes(group)));
    };
    watch(vrrp.interface, groupsOf(vrrp, routerFamily(vrrp)));
    for (const tracked of vrrp.track.interfaces) watch(tracked.name);
    const link = virtualLinkOf(vrrp);
    if (link !== undefined) watch(link.name);
    for (const address of [...vrrp.addresses, ...vrrp.excluded_addresses]) {
      watch(carrierOf(vrrp, address.interface));
    }
  }
  for (const { namespace = "", interface: name, vrf } of site.bfd) {
    for (const own of [name, vrf]) {
      if (own !== undefined) watched(interfaces, namespace, own);
    }
  }
  for (const strangers of [site.bfd_reflector, site.bfd_unsolicited]) {
    for (const own of strangers?.interfaces ?? []) {
      watched(interfaces, strangers?.namespace ?? "", own);
    }
  }
  const statics = heldStatics(site.static, "");
  const bfd = planBfd(site);
  const balance = planBalance(site);
  const announced = announcedHoldings(site);
  for (const { namespace, addresses } of announced) {
    for (const { interface: carrier } of addresses) watched(interfaces, namespace, carrier);
  }
  return {
    routers,
    holdings,
    ...(statics === undefined ? {} : { statics }),
    groups: electedTogether(site),
    interfaces: [...interfaces.values()].map(({ namespace, name, groups }) => {
      return { namespace, name, groups: groups.sort() };
    }),
    ...(site.garp_group.length === 0 ? {} : { announceGroups: announceGroups(site) }),
    ...planTrackers(site, placed),
    ...(bfd === undefined ? {} : { bfd }),
    ...(balance === undefined ? {} : { balance }),
    ...(announced.length === 0 ? {} : { announced }),
  };
}

type Watched = Map<string, WatchedInterface & { readonly groups: GroupName[] }>;

/** The entry of an interface, a new one where there is none. */
function watched(interfaces: Watched, namespace: string, name: string) {
  const key = `${namespace}/${name}`;
  const known = interfaces.get(key) ?? { namespace, name, groups: [] };
  interfaces.set(key, known);
  return known;
}

/** Empty: the namespace that the agent runs in. */
function namespaceOf({ namespace = "" }: VrrpConfig): string {
  return namespace;
}

/** The sync groups, and a group for each router of both families that is in none. */
function electedTogether({ vrrp, sync_group }: SiteConfig): ProtocolGroup[] {
  const names = new Map(vrrp.map((router) => [router.name, sessionNames(router)]));
  const grouped = new Set(sync_group.flatMap(({ members }) => members));
  const groups = sync_group.map(({ name, members, need }) => ({ name, members, need }));
  const single = vrrp.filter(({ name }) => names.get(name)!.length > 1 && !grouped.has(name));
  const all = [
    ...groups,
    ...single.map(({ name }) => ({ name, members: [name], need: "all" as const })),
  ];
  return all.map(({ name, members, need }) => {
    const sessions = members.map((member) => names.get(member)!).filter(({ length }) => length > 1);
    const flat = members.flatMap((member) => names.get(member)!);
    return { name, members: flat, need, ...(sessions.length === 0 ? {} : { sessions }) };
  });
}

/** What a sync group tracks counts for each member; see `evaluateGroupTrackers`. */
function trackingToo(vrrp: VrrpConfig, track: GroupTrackConfig | undefined): VrrpConfig {
  if (track === undefined) return vrrp;
  const merged: Record<string, readonly unknown[]> = {};
  for (const [list, more] of Object.entries(track) as [TrackList, readonly unknown[]][]) {
    const own: readonly unknown[] = vrrp.track[list];
    const known = new Set(own.map((one) => JSON.stringify(one)));
    merged[list] = [...own, ...more.filter((one) => !known.has(JSON.stringify(one)))];
  }
  return { ...vrrp, track: { ...vrrp.track, ...merged } };
}

function protocolRouter(vrrp: VrrpConfig, slot: number, site: SiteConfig): ProtocolRouter {
  return {
    slot,
    namespace: namespaceOf(vrrp),
    interface: vrrp.interface,
    ...transportOf(vrrp, routerFamily(vrrp)),
    ...virtualSourceOf(vrrp),
    trackers: trackerUses(vrrp.track, site),
    ...(vrrp.track.own_interface ? {} : { trackOwn: false }),
    ...authenticationOf(vrrp),
    settings: {
      name: vrrp.name,
      version: vrrp.version,
      family: routerFamily(vrrp),
      version2: vrrp.v2_compatibility,
      virtualRouterId: vrrp.virtual_router_id,
      priority: vrrp.priority,
      advertisementInterval: vrrp.advertisement_interval,
      addresses: vrrp.addresses.map(({ address }) => address),
      preempt: vrrp.preempt,
      preemptDelay: vrrp.preempt_delay,
      downAdverts: vrrp.down_timer_adverts,
      answersLowerPriority: vrrp.answer_lower_priority,
      advertisesBeforeYielding: vrrp.advertise_before_yielding,
      ownerIgnoresAdverts: vrrp.owner_ignore_adverts,
      checksum: vrrp.checksum,
      ...(vrrp.unicast === undefined ? {} : { unicast: true }),
    },
  };
}

function announcePlan(vrrp: VrrpConfig): AnnouncePlan {
  const { garp } = vrrp;
  const home = carrierOf(vrrp, vrrp.interface);
  const { repeat, delay, neighbour_interval, other_interfaces_refresh: elsewhere } = garp;
  return {
    repeat,
    delay,
    refresh: garp.refresh,
    refreshRepeat: garp.refresh_repeat,
    interval: garp.interval,
    ...(neighbour_interval === undefined ? {} : { neighbourInterval: neighbour_interval }),
    lowerPriority: {
      repeat: garp.lower_priority_repeat ?? repeat,
      delay: garp.lower_priority_delay ?? delay,
    },
    form: garp.form,
    ...(elsewhere === 0 ? {} : { elsewhere: { home, refresh: elsewhere } }),
  };
}

function announceGroups({ garp_group, vrrp }: SiteConfig): AnnounceGroup[] {
  const links = vrrp.flatMap(sessionsOf).flatMap(({ config }) => virtualLinkOf(config) ?? []);
  const namespaces = [...new Set(["", ...vrrp.map(namespaceOf)])];
  const groups = garp_group.flatMap((group) =>
    namespaces.map((namespace) => ({ namespace, ...group }))
  );
  return groups.map(({ namespace, interfaces, interval, neighbour_interval = interval }) => ({
    namespace,
    // What lies upon an interface uses its wire.
    interfaces: interfaces.flatMap((name) => [
      name,
      ...links.filter(({ base }) => base === name).map((link) => link.name),
    ]),
    interval,
    neighbourInterval: neighbour_interval,
  }));
}

/** An address on the interface that carries it for this router. */
function heldBy(vrrp: VrrpConfig, held: AddressConfig, excluded: boolean): HeldAddress {
  return { ...heldAddress(held, excluded), interface: carrierOf(vrrp, held.interface) };
}

/** That it has one is part of the plan; with which keys is not. */
function authenticationOf(vrrp: VrrpConfig): Pick<ProtocolRouter, "authentication"> {
  const authentication = authenticationType(vrrp);
  return authentication === undefined ? {} : { authentication };
}

function kernelRouter(vrrp: VrrpConfig, slot: number, lease: number): KernelRouter {
  const link = virtualLinkOf(vrrp);
  return {
    name: vrrp.name,
    slot,
    namespace: namespaceOf(vrrp),
    addresses: [
      ...vrrp.addresses.map((held) => heldBy(vrrp, held, false)),
      ...vrrp.excluded_addresses.map((held) => heldBy(vrrp, held, true)),
    ],
    ...heldRouting(vrrp),
    lease,
    announce: announcePlan(vrrp),
    ...(link === undefined ? {} : { virtualLinks: [link] }),
    // The owner's addresses are its own: it always accepts (RFC 9568 section 6.1).
    ...(vrrp.accept || vrrp.priority === 255 ? {} : { accept: false }),
    ...(vrrp.promote_secondaries ? { promoteSecondaries: true } : {}),
  };
}
