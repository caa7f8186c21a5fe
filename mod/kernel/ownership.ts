/**
 * Which addresses on the interfaces are this agent's, and whose they are.
 *
 * The mark is the protocol number (IFA_PROTO). A kernel before 5.18 does not keep it; there an
 * unmarked address counts as ours where this process has put it and it has the form that ours
 * have. Everything else is the host's own, also where it is the same as a virtual address.
 *
 * @module
 */

import { type InterfaceAddress } from "../netlink/mod.ts";
import { hasOurForm, keyOf, type LeasedAddress } from "./leased.ts";
import type { NamespaceView } from "./view.ts";
import { isHalb, ownProtocol } from "./mark.ts";

/** Virtual addresses by interface and text. */
export class Ownership {
  readonly #view: NamespaceView;
  /** Several routers may name one address. */
  #byKey = new Map<string, LeasedAddress[]>();

  constructor(view: NamespaceView) {
    this.#view = view;
  }

  /** Begins anew. @returns what was there */
  restart(): ReadonlyMap<string, readonly LeasedAddress[]> {
    const before = this.#byKey;
    this.#byKey = new Map();
    return before;
  }

  add(address: LeasedAddress): void {
    const key = keyOf(address.held);
    const alike = this.#byKey.get(key);
    if (alike === undefined) this.#byKey.set(key, [address]);
    else alike.push(address);
  }

  /** Those with the same interface name and text. */
  alike(key: string): readonly LeasedAddress[] {
    return this.#byKey.get(key) ?? [];
  }

  /** Those that mean this text on the interface as it is called now. */
  at(index: number, text: string): readonly LeasedAddress[] {
    return this.alike(`${this.#view.link(index)?.name ?? ""} ${text}`);
  }

  /** The address as it is seen on the interface and is ours; undefined: it is not. */
  ours(address: LeasedAddress, index: number | undefined): InterfaceAddress | undefined {
    if (index === undefined) return undefined;
    return this.#view.seen(index, address.held.address).find((seen) =>
      seen.protocol === ownProtocol() ||
      (seen.protocol === 0 && address.index === index && address.installedAt > 0 &&
        hasOurForm(seen))
    );
  }

  /** Whether the address is on its interface, ours or the host's own. */
  present(address: LeasedAddress): boolean {
    const index = this.#view.indexOf(address.held.interface);
    return index !== undefined && this.#view.seen(index, address.held.address).length > 0;
  }

  /** Whether an address is the host's own: neither ours, nor another agent's on this host. */
  isHosts(seen: InterfaceAddress): boolean {
    return !isHalb(seen.protocol) && !this.isOurs(seen);
  }

  /** Whether an address seen on an interface is one that this agent holds. */
  isOurs(seen: InterfaceAddress): boolean {
    if (seen.protocol === ownProtocol()) return true;
    return this.at(seen.index, seen.address)
      .some((address) => this.ours(address, seen.index) === seen);
  }
}
