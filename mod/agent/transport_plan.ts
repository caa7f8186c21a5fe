/**
 * How the adverts of one router travel in one family, from its configuration: part of the plan.
 *
 * @module
 */

import { type Family, familyOf, type VrrpConfig } from "../../config/mod.ts";
import type { GroupName, ProtocolRouter, UnicastPeer, UnicastUse } from "../plane/messages.ts";
import { VRRP_GROUP_IPV4, VRRP_GROUP_IPV6 } from "../vrrp/mod.ts";

/** The keys of a `ProtocolRouter` that say so, in its order. */
export type TransportPlan = Pick<ProtocolRouter, "source" | "group" | "unicast" | "vrf">;

export function transportOf(vrrp: VrrpConfig, family: Family): TransportPlan {
  const { source, vrf } = vrrp;
  const unicast = unicastOf(vrrp, family);
  const group = unicast === undefined ? otherGroup(vrrp, family) : undefined;
  return {
    ...(source === undefined ? {} : { source }),
    ...(group === undefined ? {} : { group }),
    ...(unicast === undefined ? {} : { unicast }),
    ...(vrf === undefined ? {} : { vrf }),
  };
}

/** The groups that the router's interface is to be in. */
export function groupsOf(vrrp: VrrpConfig, family: Family): readonly GroupName[] {
  return vrrp.unicast === undefined ? [otherGroup(vrrp, family) ?? family] : [];
}

/** The group where it is not that of the RFCs. */
function otherGroup({ multicast_group }: VrrpConfig, family: Family): string | undefined {
  const usual = family === "ipv4" ? VRRP_GROUP_IPV4 : VRRP_GROUP_IPV6;
  return multicast_group?.find((group) => familyOf(group) === family && group !== usual);
}

function unicastOf({ unicast }: VrrpConfig, family: Family): UnicastUse | undefined {
  if (unicast === undefined) return undefined;
  const peers = unicast.peers.filter(({ address }) => familyOf(address) === family);
  return {
    peers: peers.map(({ address, min_ttl, max_ttl }): UnicastPeer => ({
      address,
      ...(min_ttl === undefined ? {} : { minTtl: min_ttl }),
      ...(max_ttl === undefined ? {} : { maxTtl: max_ttl }),
    })),
    ttl: unicast.ttl,
    checkSource: unicast.check_source,
  };
}
