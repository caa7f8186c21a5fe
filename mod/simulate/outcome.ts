/**
 * From what was written down to the report: who held each address when, when nobody did, when several
 * did.
 *
 * @module
 */

import { slices, touching } from "./judge.ts";
import type { Outcome } from "./judge.ts";
import type { AddressReport, Holding, NodeReport, Span, VirtualRouterReport } from "./report.ts";
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
    addresses: [
      ...routers.flatMap(({ addresses }, router) =>
        addresses.map((address) => addressReport(address, router, holdings, duration))
      ),
      ...announcedBy(world).map((address) => addressReport(address, -1, holdings, duration)),
    ],
    not_simulated: notSimulated,
    work: {
      steps: world.steps,
      packets: world.packets,
      lost: lans.reduce((sum, { lost }) => sum + lost, 0),
      skipped,
    },
  };
}

/** Addresses that virtual servers announce, each once. */
function announcedBy({ nodes }: World): string[] {
  const all = [...nodes.values()].flatMap(({ node }) => node.plan.announced ?? []);
  return [...new Set(all.flatMap(({ addresses }) => addresses.map(({ address }) => address)))];
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

/** Routers of one id and family on one network are one virtual router. */
function virtualRouters({ nodes }: World): VirtualRouterReport[] {
  const found = new Map<
    string,
    {
      -readonly [K in keyof VirtualRouterReport]: VirtualRouterReport[K];
    }
  >();
  for (const { node, host } of nodes.values()) {
    for (const { settings, namespace, interface: name } of node.plan.routers) {
      const network = host.interface(namespace, name).lan?.name ?? name;
      const { virtualRouterId: id, family, priority } = settings;
      const held = node.plan.holdings.find((one) => one.name === settings.name)!.addresses
        .map(({ address }) => address);
      const own = { node: node.name, router: settings.name, priority };
      const key = `${network} ${id} ${family}`;
      const known = found.get(key);
      if (known !== undefined) {
        known.nodes = [...known.nodes, own];
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
        nodes: [own],
      });
    }
  }
  return [...found.values()];
}

function addressReport(
  address: string,
  router: number,
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
    if (nodes.length < 2) continue;
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
