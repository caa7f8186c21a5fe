/**
 * The nodes of a simulation: what the agent would make of each site, and the host under it, of whose
 * own addresses a site.toml says little. What it does not say is made up.
 *
 * @module
 */

import { familyOf, type SiteConfig } from "../../config/mod.ts";
import { planSite, type SitePlan, Slots } from "../agent/site_plan.ts";
import { isLinkLocal } from "../ip/mod.ts";
import type { InterfaceState, WatchedInterface } from "../plane/messages.ts";

/** One node, as the command line names it. */
export interface NodeSpec {
  readonly name: string;
  /** As the user named it. */
  readonly file: string;
  readonly site: SiteConfig;
}

/** What a script says of the hosts. */
export interface HostSpec {
  /** Canonical texts by the name of the interface. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** When its agent first starts. */
  readonly startAt: number;
}

/** A node with all that is needed to run it. */
export interface PlannedNode extends NodeSpec {
  readonly plan: SitePlan;
  readonly interfaces: readonly InterfaceState[];
  readonly startAt: number;
}

/** What sessions over several hops leave by: some way that is nobody's interface here. */
export const ROUTED = "routed";

const NOTHING: HostSpec = { addresses: new Map(), startAt: 0 };

/** The last number of the first address that is made up. */
const FIRST = 1;

/** Plans all nodes. Returns what is not simulated, too, a sentence each. */
export function planNodes(
  specs: readonly NodeSpec[],
  hosts: ReadonlyMap<string, HostSpec>,
): { nodes: PlannedNode[]; notSimulated: string[] } {
  const plans = specs.map((spec) => planSite(spec.site, new Slots()));
  const own = new AddressBook(specs, plans, hosts);
  const nodes = specs.map((spec, i): PlannedNode => {
    const plan = plans[i]!;
    const watched = [...plan.interfaces, ...waysOf(plan)];
    const interfaces = watched.map((one, index) =>
      stateOf(one, index + 1, own.of(i, one), vrfOf(plan, one))
    );
    const { startAt } = hosts.get(spec.name) ?? NOTHING;
    return { ...spec, plan, interfaces, startAt };
  });
  return { nodes, notSimulated: own.strangers() };
}

/** For each namespace with sessions over several hops the way that they take. */
function waysOf({ bfd }: SitePlan): WatchedInterface[] {
  const far = bfd?.sessions.filter(({ path }) => path.interface === "") ?? [];
  const namespaces = new Set(far.map(({ path }) => path.namespace));
  return [...namespaces].map((namespace) => ({ namespace, name: ROUTED, groups: [] }));
}

/** Interfaces on which something is said, by name. */
export function speakingOn({ routers, bfd }: SitePlan): ReadonlySet<string> {
  return new Set([
    ...routers.map(({ namespace, interface: name }) => keyOf({ namespace, name })),
    ...(bfd?.sessions ?? []).map(({ path: { namespace, interface: name } }) =>
      keyOf({ namespace, name: name === "" ? ROUTED : name })
    ),
  ]);
}

function keyOf({ namespace, name }: Pick<WatchedInterface, "namespace" | "name">): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

function vrfOf({ routers, bfd }: SitePlan, { namespace, name }: WatchedInterface) {
  const router = routers.find((one) => one.namespace === namespace && one.interface === name);
  const session = bfd?.sessions.find(({ path }) =>
    path.namespace === namespace && path.interface === name
  );
  return router?.vrf ?? session?.path.vrf;
}

function stateOf(
  { namespace, name, groups }: WatchedInterface,
  index: number,
  addresses: readonly string[],
  vrf: string | undefined,
): InterfaceState {
  const ipv6 = addresses.filter((one) => familyOf(one) === "ipv6");
  return {
    namespace,
    name,
    index,
    up: true,
    running: true,
    mac: "",
    mtu: 1500,
    ipv4: addresses.filter((one) => familyOf(one) === "ipv4"),
    ipv6: ipv6.filter(isLinkLocal),
    ipv6Global: ipv6.filter((one) => !isLinkLocal(one)),
    networks: addresses.map((one) => `${one}/${familyOf(one) === "ipv4" ? 32 : 128}`),
    groups,
    ...(vrf === undefined ? {} : { vrf }),
  };
}

/** Which node has which address of its own on which interface. */
class AddressBook {
  readonly #own: Map<string, string[]>[];
  readonly #strangers: string[] = [];

  constructor(
    specs: readonly NodeSpec[],
    plans: readonly SitePlan[],
    hosts: ReadonlyMap<string, HostSpec>,
  ) {
    this.#own = specs.map(({ name }) =>
      new Map([...(hosts.get(name) ?? NOTHING).addresses].map(([key, list]) => [key, [...list]]))
    );
    plans.forEach((plan, i) => this.#configured(i, plan));
    this.#unicast(specs, plans);
    plans.forEach((plan, i) => this.#invent(i, plan));
  }

  of(node: number, watched: WatchedInterface): readonly string[] {
    return this.#own[node]!.get(keyOf(watched)) ?? [];
  }

  /** Peers that no node is. */
  strangers(): string[] {
    return this.#strangers;
  }

  #add(node: number, key: string, address: string): void {
    const list = this.#own[node]!.get(key) ?? [];
    this.#own[node]!.set(key, list);
    if (!list.includes(address)) list.push(address);
  }

  #owner(address: string): number {
    return this.#own.findIndex((one) => [...one.values()].some((list) => list.includes(address)));
  }

  /** What sources say. */
  #configured(node: number, { routers, bfd }: SitePlan): void {
    for (const { source, namespace, interface: name } of routers) {
      if (source !== undefined) this.#add(node, keyOf({ namespace, name }), source);
    }
    for (const { path: { source, namespace, interface: own } } of bfd?.sessions ?? []) {
      const name = own === "" ? ROUTED : own;
      if (source !== "") this.#add(node, keyOf({ namespace, name }), source);
    }
  }

  /**
   * Peers: who lists all but one of those that are listed by anybody is that one; where all nodes
   * list the same, they have them in order. Nobody has a BFD session with itself, and one may have
   * it with a router that no node is: there an address that is told is believed to be the only one,
   * and those that all list are no node's.
   */
  #unicast(specs: readonly NodeSpec[], plans: readonly SitePlan[]): void {
    const known = new Map<string, { node: number; key: string; peers: string[] }[]>();
    plans.forEach(({ routers, bfd }, node) => {
      for (const { unicast, namespace, interface: name, settings } of routers) {
        if (unicast === undefined) continue;
        const group = `${settings.virtualRouterId} ${settings.family}`;
        const peers = unicast.peers.map(({ address }) => address);
        known.set(group, [...known.get(group) ?? [], {
          node,
          key: keyOf({ namespace, name }),
          peers,
        }]);
      }
      for (const { path: { namespace, interface: own, peer, family } } of bfd?.sessions ?? []) {
        const name = own === "" ? ROUTED : own;
        const group = `bfd ${name} ${family}`;
        const key = keyOf({ namespace, name });
        const entries = known.get(group) ?? [];
        known.set(group, entries);
        const entry = entries.find((one) => one.node === node && one.key === key);
        if (entry === undefined) entries.push({ node, key, peers: [peer] });
        else entry.peers.push(peer);
      }
    });
    for (const [group, entries] of known) {
      const bfd = group.startsWith("bfd ");
      const all = [...new Set(entries.flatMap(({ peers }) => peers))];
      const free = all.filter((address) => this.#owner(address) === -1);
      entries.forEach(({ node, key, peers }, i) => {
        const mine = free.filter((address) => !peers.includes(address));
        const has = (this.#own[node]!.get(key) ?? [])
          .some((one) => bfd ? familyOf(one) === familyOf(peers[0]!) : all.includes(one));
        if (has) return;
        if (mine.length === 1) this.#add(node, key, mine[0]!);
        else if (!bfd && mine.length === 0 && free.length >= specs.length) {
          this.#add(node, key, free[i]!);
        }
      });
    }
    plans.forEach(({ routers }, node) => {
      for (const { unicast, settings } of routers) {
        for (const { address } of unicast?.peers ?? []) {
          if (this.#owner(address) !== -1) continue;
          this.#strangers.push(
            `${specs[node]!.name}: nobody here has the address ${address} of a peer of ` +
              `${settings.name}: say whose it is (\`addresses\` of a \`[[node]]\`)`,
          );
        }
      }
    });
  }

  /** The rest: the later the node, the higher the address. */
  #invent(node: number, { interfaces, routers }: SitePlan): void {
    for (const watched of interfaces) {
      const key = keyOf(watched);
      const own = this.#own[node]!.get(key) ?? [];
      const used = routers.filter((one) =>
        one.interface === watched.name && one.namespace === watched.namespace
      );
      if (used.length === 0) continue;
      const number = node + FIRST;
      if (!own.some((one) => familyOf(one) === "ipv4")) {
        this.#add(node, key, `169.254.${Math.floor(number / 250)}.${number % 250}`);
      }
      if (!own.some(isLinkLocal)) this.#add(node, key, `fe80::${number.toString(16)}`);
    }
  }
}
