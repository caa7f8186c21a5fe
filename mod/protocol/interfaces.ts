/**
 * What the protocol plane knows of the host's interfaces, as the kernel plane tells it, and what
 * that means for a virtual router: may it take part, and from which address does it speak.
 *
 * @module
 */

import type { Family } from "./transport.ts";
import type { InterfaceKey, InterfaceState } from "../plane/messages.ts";

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

/**
 * What keeps a router on this interface out of the election, and the address it sends from: the
 * first of the interface, link-local for IPv6 (RFC 9568 section 5.1.2.1), or the one that is wanted.
 */
export function interfaceHealth(
  name: string,
  state: InterfaceState | undefined,
  family: Family,
  wantedSource: string | undefined,
): { waitingFor: string[]; source: string | null } {
  const fault = interfaceFault(state);
  if (state === undefined || fault !== "") {
    return { waitingFor: [`interface ${name}: ${fault}`], source: null };
  }
  if (!state.groups.includes(family)) {
    return { waitingFor: [`interface ${name}: not yet in the VRRP group`], source: null };
  }
  const candidates = family === "ipv6" ? state.ipv6 : state.ipv4;
  const source = wantedSource === undefined
    ? candidates[0]
    : candidates.find((address) => address === wantedSource);
  if (source !== undefined) return { waitingFor: [], source };
  const kind = family === "ipv6" ? "no IPv6 link-local address" : "no IPv4 address";
  const missing = wantedSource === undefined ? kind : `no address ${wantedSource}`;
  return { waitingFor: [`interface ${name}: ${missing}`], source: null };
}
