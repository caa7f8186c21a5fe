/**
 * What a router's virtual MAC comes to in the planes: the interface that carries its addresses, and
 * the source of its adverts.
 *
 * @module
 */

import {
  routerFamily,
  virtualInterfaceName,
  virtualMacAddress,
  type VrrpConfig,
} from "../../config/mod.ts";
import type { ProtocolRouter, VirtualLink } from "../plane/messages.ts";

/** The interface that is made for a router; undefined: none. */
export function virtualLinkOf(vrrp: VrrpConfig): VirtualLink | undefined {
  const { virtual_mac: config, virtual_router_id: id, interface: base } = vrrp;
  if (config === false) return undefined;
  const family = routerFamily(vrrp);
  const mac = virtualMacAddress(config, id, family);
  const name = virtualInterfaceName(config, id, family);
  return { name, base, type: config.type, ...(mac === undefined ? {} : { mac }) };
}

/** The interface that carries an address which is configured for `name`. */
export function carrierOf(vrrp: VrrpConfig, name: string): string {
  return name === vrrp.interface ? virtualLinkOf(vrrp)?.name ?? name : name;
}

/** What the protocol plane has to know of it. */
export function virtualSourceOf(
  vrrp: VrrpConfig,
): Pick<ProtocolRouter, "virtualInterface" | "sourceMac"> {
  const link = virtualLinkOf(vrrp);
  if (link === undefined || vrrp.virtual_mac === false) return {};
  // Adverts to peers are routed: the kernel finds the way, and the neighbour's hardware address.
  const onBase = vrrp.virtual_mac.transmit_on_base || link.mac === undefined ||
    vrrp.unicast !== undefined;
  return {
    virtualInterface: link.name,
    ...(onBase || link.mac === undefined ? {} : { sourceMac: link.mac }),
  };
}
