/**
 * A router of both families as what it is on the wire: two routers, one for each family, which are
 * elected together. Everything of the configuration that belongs to a family goes with it.
 *
 * @module
 */

import { type Family, familyOf, routerFamily, type VrrpConfig } from "../../config/mod.ts";
import { secondSession } from "../plane/sessions.ts";

/** One family's part of a router. */
export interface Session {
  readonly config: VrrpConfig;
  /** The router's name, where this is not all of it. */
  readonly router?: string;
}

/** The sessions of a router, that of its first address first. */
export function sessionsOf(vrrp: VrrpConfig): readonly Session[] {
  const first = routerFamily(vrrp);
  if (vrrp.addresses.every(({ address }) => familyOf(address) === first)) {
    return [{ config: vrrp }];
  }
  const families: readonly Family[] = first === "ipv4" ? ["ipv4", "ipv6"] : ["ipv6", "ipv4"];
  return families.map((family, i) => {
    const { source, ...shared } = vrrp;
    const config: VrrpConfig = {
      ...shared,
      ...(source !== undefined && familyOf(source) === family ? { source } : {}),
      name: i === 0 ? vrrp.name : secondSession(vrrp.name, family),
      addresses: vrrp.addresses.filter(({ address }) => familyOf(address) === family),
      excluded_addresses: vrrp.excluded_addresses.filter(({ address }) =>
        familyOf(address) === family
      ),
      // The first one holds the router's routes and rules, whatever their family.
      ...(i === 0 ? {} : { routes: [], rules: [] }),
    };
    return { config, router: vrrp.name };
  });
}

/** Names of a router's machines. */
export function sessionNames(vrrp: VrrpConfig): string[] {
  return sessionsOf(vrrp).map(({ config }) => config.name);
}
