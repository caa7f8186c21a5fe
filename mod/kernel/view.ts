/**
 * What the kernel's tables hold, as far as notifications have told: links, addresses and IPv6
 * forwarding of one network namespace. The view is filled by a dump and kept up by the monitor; every change goes
 * through it by content, so an echo of our own request changes nothing. It tells its owner which
 * interfaces changed, and the owner decides what follows. Pure: no clock, no socket.
 *
 * @module
 */

import { AF_UNSPEC, type InterfaceAddress, type Link } from "../netlink/mod.ts";

/** Below it the kernel takes a family off an interface (RFC 791, RFC 8200 section 5). */
export const LEAST_MTU = { ipv4: 68, ipv6: 1280 } as const;

/** Since when an interface carries each family, as numbers that only grow. */
interface Births {
  ipv4: number;
  ipv6: number;
}

/** Links and addresses of one namespace. */
export class NamespaceView {
  readonly #links = new Map<number, Link>();
  readonly #names = new Map<string, number>();
  /** By interface index, then by text, in kernel order. One text may be there with two prefixes. */
  readonly #addresses = new Map<number, Map<string, InterfaceAddress[]>>();
  /** Interfaces that forward IPv6 packets. */
  readonly #forwarding = new Set<number>();
  /** Not forgotten by `clear`: what is read again is the same. */
  readonly #births = new Map<number, Births>();
  #lastBirth = 0;
  /** Interfaces that changed since `takeChanges`. */
  #changed = new Set<number>();

  /** Forgets everything, before a new dump is taken in. All interfaces count as changed. */
  clear(): void {
    for (const index of this.#links.keys()) this.#changed.add(index);
    this.#links.clear();
    this.#names.clear();
    this.#addresses.clear();
    this.#forwarding.clear();
  }

  /** A link is there, or is as given now. Returns whether that is news. */
  putLink(link: Link): boolean {
    if (link.family !== AF_UNSPEC) return false;
    const known = this.#links.get(link.index);
    if (known !== undefined && sameLink(known, link)) return false;
    if (known !== undefined && this.#names.get(known.name) === link.index) {
      this.#names.delete(known.name);
    }
    this.#bear(link, known?.mtu ?? 0);
    this.#links.set(link.index, link);
    this.#names.set(link.name, link.index);
    this.#changed.add(link.index);
    return true;
  }

  /** A link is gone, and its addresses with it. */
  removeLink(link: Link): boolean {
    const known = this.#links.get(link.index);
    if (link.family !== AF_UNSPEC || known === undefined) return false;
    this.#links.delete(link.index);
    if (this.#names.get(known.name) === link.index) this.#names.delete(known.name);
    this.#addresses.delete(link.index);
    this.#forwarding.delete(link.index);
    this.#births.delete(link.index);
    this.#changed.add(link.index);
    return true;
  }

  /**
   * An address is there. Returns whether that is news: new lifetimes alone are not, since each
   * refresh of a lease is broadcast to everybody.
   */
  putAddress(address: InterfaceAddress): boolean {
    let texts = this.#addresses.get(address.index);
    if (texts === undefined) this.#addresses.set(address.index, texts = new Map());
    const alike = texts.get(address.address) ?? [];
    const at = alike.findIndex((known) => known.prefixLength === address.prefixLength);
    const known = alike[at];
    if (known === undefined) {
      texts.set(address.address, [...alike, address]);
    } else {
      alike[at] = address;
      if (sameAddress(known, address)) return false;
    }
    this.#changed.add(address.index);
    return true;
  }

  /** An address is gone. Returns whether it was known. */
  removeAddress(address: Pick<InterfaceAddress, "index" | "address" | "prefixLength">): boolean {
    const texts = this.#addresses.get(address.index);
    const alike = texts?.get(address.address);
    const rest = alike?.filter((known) => known.prefixLength !== address.prefixLength);
    if (texts === undefined || rest === undefined || rest.length === alike?.length) return false;
    if (rest.length === 0) texts.delete(address.address);
    else texts.set(address.address, rest);
    this.#changed.add(address.index);
    return true;
  }

  /** The interface forwards IPv6 packets, or does not. No change that anybody must act on. */
  putForwarding(index: number, forwarding: boolean): void {
    if (forwarding) this.#forwarding.add(index);
    else this.#forwarding.delete(index);
  }

  forwards(index: number): boolean {
    return this.#forwarding.has(index);
  }

  /**
   * Tells one life of an interface from another: what the kernel keeps for a family, such as the
   * groups that it is in, ends where it leaves the namespace or its MTU gets too small.
   */
  birth(index: number, ipv6: boolean): number {
    return this.#births.get(index)?.[ipv6 ? "ipv6" : "ipv4"] ?? 0;
  }

  #bear({ index, mtu }: Link, before: number): void {
    const births = this.#births.get(index);
    if (births === undefined) {
      const birth = ++this.#lastBirth;
      this.#births.set(index, { ipv4: birth, ipv6: birth });
      return;
    }
    for (const family of ["ipv4", "ipv6"] as const) {
      if (shrunk(before, mtu, LEAST_MTU[family])) births[family] = ++this.#lastBirth;
    }
  }

  /** Index of the interface that has this name now. */
  indexOf(name: string): number | undefined {
    return this.#names.get(name);
  }

  link(index: number): Link | undefined {
    return this.#links.get(index);
  }

  /** All interfaces. */
  links(): IterableIterator<Link> {
    return this.#links.values();
  }

  /** The address with this text on an interface, once for each prefix length. */
  seen(index: number, text: string): readonly InterfaceAddress[] {
    return this.#addresses.get(index)?.get(text) ?? [];
  }

  /**
   * All addresses of an interface: IPv4 in kernel order, which is that of their coming, IPv6 in
   * the order of their coming within each scope (see `Tables.read`).
   */
  addresses(index: number): InterfaceAddress[] {
    return [...(this.#addresses.get(index)?.values() ?? [])].flat();
  }

  /** Number of IPv4 addresses on an interface, the same text with two prefixes counted twice. */
  countIpv4(index: number): number {
    let count = 0;
    for (const alike of this.#addresses.get(index)?.values() ?? []) {
      if (alike[0]?.family === 4) count += alike.length;
    }
    return count;
  }

  /** Every interface with an address. */
  indexes(): number[] {
    return [...this.#addresses.keys()];
  }

  /** Interfaces that changed since the last call. */
  takeChanges(): ReadonlySet<number> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }
}

function sameLink(a: Link, b: Link): boolean {
  return a.name === b.name && a.flags === b.flags && a.mac === b.mac && a.mtu === b.mtu &&
    a.hardwareType === b.hardwareType && a.parent === b.parent && a.master === b.master &&
    a.kind === b.kind && a.alias === b.alias && a.group === b.group;
}

/** Everything but the seconds that are left. */
function sameAddress(a: InterfaceAddress, b: InterfaceAddress): boolean {
  return a.permanent === b.permanent && a.flags === b.flags && a.scope === b.scope &&
    a.protocol === b.protocol && a.label === b.label && a.routePriority === b.routePriority &&
    a.peer === b.peer && a.broadcast === b.broadcast;
}

/** Whether a changed MTU fell below `least`; 0: the kernel did not say. */
function shrunk(before: number, now: number, least: number): boolean {
  return now > 0 && now < least && (before === 0 || before >= least);
}
