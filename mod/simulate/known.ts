/**
 * What the nodes of a simulation have, by name: what a script may speak of.
 *
 * @module
 */

import { endpointText } from "../ip/mod.ts";
import type { TrackerKind } from "../vrrp/mod.ts";
import { type NodeSpec, speakingOn } from "./nodes.ts";
import { planSite, Slots } from "../agent/site_plan.ts";

/** One node. */
export interface KnownNode {
  readonly name: string;
  /** `eth0`, or `NAMESPACE/eth0`. */
  readonly interfaces: readonly string[];
  /** Those on which something is said: networks, unless the script names others. */
  readonly speaking: readonly string[];
  readonly routers: readonly string[];
  /** Routers and sync groups. */
  readonly movable: readonly string[];
  readonly trackers: readonly { readonly kind: TrackerKind; readonly name: string }[];
  readonly sessions: readonly string[];
  readonly virtualServers: readonly string[];
  /** Real servers, as status calls them. */
  readonly servers: readonly string[];
  /** Virtual addresses. */
  readonly addresses: readonly string[];
}

/** All of them. */
export interface Known {
  readonly nodes: readonly KnownNode[];
}

export function knownOf(specs: readonly NodeSpec[]): Known {
  return { nodes: specs.map(knownNode) };
}

function knownNode({ name, site }: NodeSpec): KnownNode {
  const plan = planSite(site, new Slots());
  const trackers = new Map(
    plan.routers.flatMap((router) =>
      router.trackers.map(({ kind, name }) => [`${kind}/${name}`, { kind, name }] as const)
    ),
  );
  const held = [...plan.holdings, ...plan.announced ?? []];
  return {
    name,
    interfaces: plan.interfaces.map((one) =>
      one.namespace === "" ? one.name : `${one.namespace}/${one.name}`
    ),
    speaking: [...speakingOn(plan)],
    routers: plan.routers.map(({ settings }) => settings.name),
    movable: [...site.vrrp, ...site.sync_group].map((one) => one.name),
    trackers: [...trackers.values()],
    sessions: site.bfd.map((one) => one.name),
    virtualServers: site.virtual_server.map((one) => one.name),
    servers: site.virtual_server.flatMap(({ real_server }) =>
      real_server.map(({ address }) => endpointText(address))
    ),
    addresses: held.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
  };
}
