/**
 * What the protocol plane knows of the host's interfaces, as the kernel plane tells it, and what
 * that means for a virtual router: may it take part, and from which address does it speak.
 *
 * @module
 */

import { isLinkLocal } from "../ip/mod.ts";
import type { InterfaceKey, InterfaceState, ProtocolRouter } from "../plane/messages.ts";
import { otherPeers } from "./reach.ts";

/** What of a router's configuration decides. */
type Uses = Pick<ProtocolRouter, "interface" | "source" | "group" | "unicast" | "vrf" | "settings">;

export function keyOf(key: InterfaceKey): string {
  return `${key.namespace}/${key.index}`;
}

export class InterfaceTable {
  readonly #byKey = new Map<string, InterfaceState>();
  readonly #byName = new Map<string, InterfaceState>();

  set(state: InterfaceState): void {
    this.delete(state);
    // A name belongs to one interface at a time: the newest knowledge wins.
    const usurped = this.find(state.namespace, state.name);
    if (usurped !== undefined) this.delete(usurped);
    this.#byKey.set(keyOf(state), state);
    this.#byName.set(`${state.namespace}/${state.name}`, state);
  }

  delete(key: InterfaceKey): void {
    const state = this.#byKey.get(keyOf(key));
    if (state === undefined) return;
    this.#byKey.delete(keyOf(key));
    this.#byName.delete(`${state.namespace}/${state.name}`);
  }

  /** The interface that has this name now. */
  find(namespace: string, name: string): InterfaceState | undefined {
    return this.#byName.get(`${namespace}/${name}`);
  }

  /** What was last heard of this interface. */
  at(key: InterfaceKey): InterfaceState | undefined {
    return this.#byKey.get(keyOf(key));
  }

  /** The name this interface had when it was last heard of. */
  nameOf(key: InterfaceKey): string | undefined {
    return this.#byKey.get(keyOf(key))?.name;
  }
}

/** What is wrong with the interface for any use; empty: nothing. */
export function interfaceFault(state: InterfaceState | undefined): string {
  if (state === undefined) return "not there";
  if (!state.up) return "down";
  if (!state.running) return "no carrier";
  return "";
}

/** What keeps a router with a virtual MAC out of the election. That it is down is as it should be. */
export function virtualFaults(
  { namespace, virtualInterface: name }: Pick<ProtocolRouter, "namespace" | "virtualInterface">,
  interfaces: InterfaceTable,
): string[] {
  if (name === undefined || interfaces.find(namespace, name) !== undefined) return [];
  return [`interface ${name} of the virtual MAC: not there`];
}

/**
 * What keeps a router on this interface out of the election, and the address it sends from: the
 * first of the interface, or the one that is wanted. Over IPv6 adverts to a group come from a
 * link-local address (RFC 9568 section 5.1.2.1), those to peers from one that the peers can answer.
 *
 * @param fault what counts as wrong with the interface: its delays may lie between that and `state`
 */
export function interfaceHealth(
  config: Uses,
  state: InterfaceState | undefined,
  fault = interfaceFault(state),
): { waitingFor: string[]; source: string | null } {
  const { interface: name, settings: { family }, source: wanted, unicast } = config;
  const wait = (what: string) => ({ waitingFor: [`interface ${name}: ${what}`], source: null });
  if (state === undefined || fault !== "") return wait(fault);
  if (config.vrf !== undefined && state.vrf !== config.vrf) return wait(`not in VRF ${config.vrf}`);
  if (unicast === undefined && !state.groups.includes(config.group ?? family)) {
    return wait("not yet in the VRRP group");
  }
  const peers = otherPeers(config, state);
  if (unicast !== undefined && peers.length === 0) {
    return { waitingFor: ["unicast: no peer is left, all listed are own addresses"], source: null };
  }
  const linkLocal = unicast === undefined || isLinkLocal(peers[0]!.address);
  const sources = family === "ipv4" ? state.ipv4 : linkLocal ? state.ipv6 : state.ipv6Global;
  const source = wanted === undefined ? sources[0] : sources.find((address) => address === wanted);
  if (source !== undefined) return { waitingFor: [], source };
  if (wanted !== undefined) return wait(`no address ${wanted}`);
  if (family === "ipv4") return wait("no IPv4 address");
  return wait(linkLocal ? "no IPv6 link-local address" : "no IPv6 address but link-local ones");
}
