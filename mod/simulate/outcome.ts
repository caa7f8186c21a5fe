/**
 * From what was written down to the report: who held each address when, when nobody did, when several
 * did.
 *
 * @module
 */

import type { ProtocolRouter } from "../plane/messages.ts";
import { slices, touching } from "./judge.ts";
import type { Outcome } from "./judge.ts";
import type { AddressReport, Holding, NodeReport, Span, VirtualRouterReport } from "./report.ts";
import type { SimInterface } from "./lan.ts";
import type { World } from "./world.ts";

/** @param skipped time that was not stepped through */
export function outcomeOf(
  world: World,
  about: {
    readonly seed: number;
    readonly duration: number;
    readonly skipped: number;
    readonly notSimulated: readonly string[];
  },
): Outcome {
  const { seed, duration, skipped, notSimulated } = about;
  const { journal } = world;
  const routers = virtualRouters(world);
  const holdings = byAddress(journal.holdings.end(duration));
  const lans = [...world.lans.values()].filter(({ members }) => members.length > 0);
  return {
    format: 1,
    seed,
    duration,
    nodes: nodesOf(world, duration),
    networks: lans.map(({ name, members }) => ({
      name,
      members: members.map((own) => `${own.node}:${own.name}`),
    })),
    routers,
    holdings,
    states: journal.states.end(duration),
    sessions: journal.sessions.end(duration),
    trackers: journal.trackers.end(duration),
    servers: journal.servers.end(duration),
    failures: journal.failures,
    addresses: addressesOf(world, routers).map((one) => addressReport(one, holdings, duration)),
    not_simulated: notSimulated,
    work: {
      steps: world.steps,
      packets: world.packets,
      lost: lans.reduce((sum, { lost }) => sum + lost, 0),
      skipped,
    },
  };
}

/** An address of the report. */
interface Listed {
  readonly address: string;
  /** Index of its virtual router; -1: virtual servers announce it. */
  readonly router: number;
  /** By design several hosts have it at a time. */
  readonly shared: boolean;
}

/** All addresses, each once: with the first router that has it, or as virtual servers announce it. */
function addressesOf({ nodes }: World, routers: readonly VirtualRouterReport[]): Listed[] {
  const found = new Map<string, Listed>();
  for (const [router, { addresses }] of routers.entries()) {
    for (const address of addresses) {
      if (!found.has(address)) found.set(address, { address, router, shared: false });
    }
  }
  for (const { node: { plan, site } } of nodes.values()) {
    for (const holding of plan.announced ?? []) {
      const server = plan.balance?.announce.find((one) => one.holding === holding.name)?.server;
      const follows = site.virtual_server.find(({ name }) => name === server)?.follow;
      for (const { address } of holding.addresses) {
        const known = found.get(address);
        if (known !== undefined && known.router !== -1) continue;
        const shared = known?.shared === true || follows === undefined;
        found.set(address, { address, router: -1, shared });
      }
    }
  }
  return [...found.values()];
}

function byAddress(holdings: readonly Holding[]): Holding[] {
  return holdings.toSorted((a, b) =>
    a.address < b.address
      ? -1
      : a.address > b.address
      ? 1
      : a.from - b.from || (a.node < b.node ? -1 : 1)
  );
}

function nodesOf({ nodes, journal }: World, duration: number): NodeReport[] {
  const [running, stalled, off] = [journal.running, journal.stalled, journal.off].map((track) =>
    track.end(duration)
  );
  const spansOf = (all: readonly (Span & { readonly node: string })[], name: string): Span[] =>
    all.filter(({ node }) => node === name).map(({ from, to }) => ({ from, to }));
  return [...nodes.values()].map(({ node: { name, file } }) => ({
    name,
    file,
    running: spansOf(running!, name),
    stalled: spansOf(stalled!, name),
    off: spansOf(off!, name),
  }));
}

/** One that speaks to single peers, of which one virtual router may be on several networks. */
interface Unicast {
  readonly kind: string;
  /** Own addresses of its interface. */
  readonly own: readonly string[];
  readonly peers: readonly string[];
  readonly key: string;
}

/** By what routers are told to be of one virtual router. Those with peers: one names the other. */
class RouterKeys {
  readonly #unicast: Unicast[] = [];

  of({ settings, unicast }: ProtocolRouter, { lan, name, state }: SimInterface): string {
    const kind = `${settings.virtualRouterId} ${settings.family}`;
    if (unicast === undefined) return `${lan?.name ?? name} ${kind}`;
    const own = [...state.ipv4, ...state.ipv6, ...state.ipv6Global];
    const peers = unicast.peers.map(({ address }) => address);
    const known = this.#unicast.find((one) =>
      one.kind === kind &&
      (one.peers.some((peer) => own.includes(peer)) || peers.some((peer) => one.own.includes(peer)))
    );
    const key = known?.key ?? `unicast ${kind} ${this.#unicast.length}`;
    this.#unicast.push({ kind, own, peers, key });
    return key;
  }
}

/** Routers of one id and family on one network are one virtual router, as are unicast peers. */
function virtualRouters({ nodes }: World): VirtualRouterReport[] {
  const found = new Map<
    string,
    {
      -readonly [K in keyof VirtualRouterReport]: VirtualRouterReport[K];
    }
  >();
  const keys = new RouterKeys();
  for (const { node, host } of nodes.values()) {
    for (const router of node.plan.routers) {
      const { settings, namespace, interface: name } = router;
      const own = host.interface(namespace, name);
      const network = own.lan?.name ?? name;
      const { virtualRouterId: id, family, priority } = settings;
      const held = node.plan.holdings.find((one) => one.name === settings.name)!.addresses
        .map(({ address }) => address);
      const taking = { node: node.name, router: settings.name, priority };
      const key = keys.of(router, own);
      const known = found.get(key);
      if (known !== undefined) {
        known.nodes = [...known.nodes, taking];
        known.addresses = [...new Set([...known.addresses, ...held])];
        continue;
      }
      const group = node.plan.groups.find(({ members }) => members.includes(settings.name));
      found.set(key, {
        name: settings.name,
        network,
        virtual_router_id: id,
        family,
        group: group === undefined || group.name === settings.name ? null : group.name,
        addresses: [...new Set(held)],
        nodes: [taking],
      });
    }
  }
  return [...found.values()];
}

function addressReport(
  { address, router, shared }: Listed,
  all: readonly Holding[],
  duration: number,
): AddressReport {
  const holdings = all.filter((one) => one.address === address);
  const first = holdings.find(({ answers }) => answers)?.from ?? null;
  const outages: { from: number; to: number }[] = [];
  const doubles: { from: number; to: number; nodes: readonly string[] }[] = [];
  for (const { from, to, those } of slices(holdings, duration)) {
    if (first !== null && from >= first && !those.some(({ answers }) => answers)) {
      const last = outages.at(-1);
      if (last?.to === from) last.to = to;
      else outages.push({ from, to });
    }
    const nodes = [...new Set(those.map(({ node }) => node))];
    if (nodes.length < 2 || shared) continue;
    const last = doubles.at(-1);
    if (last?.to === from && last.nodes.join() === nodes.join()) last.to = to;
    else doubles.push({ from, to, nodes });
  }
  return {
    address,
    router,
    first_held: first,
    outages,
    outage_total: total(outages),
    outage_longest: longest(outages),
    shared,
    doubles,
    double_total: total(doubles),
    double_longest: longest(touching(doubles)),
  };
}

function total(spans: readonly Span[]): number {
  return spans.reduce((sum, { from, to }) => sum + to - from, 0);
}

function longest(spans: readonly Span[]): number {
  return spans.reduce((most, { from, to }) => Math.max(most, to - from), 0);
}
