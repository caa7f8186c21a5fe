/**
 * Interfaces by name, as the protocol plane and the trackers want to know them. A name may lead to
 * nothing yet, to another index after the interface was made anew, or be given to another
 * interface; the watch compares what it said last with what is and says the difference.
 *
 * Pure: what is seen comes in through the view.
 *
 * @module
 */

import { formatIp, isLinkLocal, networkOf, parseIp } from "../ip/mod.ts";
import {
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_SECONDARY,
  IFA_F_TENTATIVE,
  type InterfaceAddress,
} from "../netlink/mod.ts";
import type { InterfaceKey, InterfaceState } from "../plane/messages.ts";
import type { NamespaceView } from "./view.ts";
import { ownNoteOf } from "./virtual_settings.ts";

/** One thing that changed. */
export type InterfaceNews =
  | { readonly type: "interface"; readonly state: InterfaceState }
  | { readonly type: "interface_gone"; readonly key: InterfaceKey; readonly name: string };

/** The watched interfaces of one namespace. */
export class InterfaceWatch {
  readonly #namespace: string;
  readonly #view: NamespaceView;
  readonly #isHosts: (address: InterfaceAddress) => boolean;
  readonly #groupsOf: (index: number) => InterfaceState["groups"];
  readonly #isVirtual: (name: string) => boolean;
  /** What was said last; null: that it is gone; undefined: nothing. */
  readonly #said = new Map<string, InterfaceState | null | undefined>();

  /**
   * @param isHosts whether an address is the host's own, and none that moves
   * @param groupsOf the VRRP groups an interface is in
   * @param isVirtual whether halb makes the interface of that name: any other one does not count,
   *   and one that was made again is no news
   */
  constructor(
    namespace: string,
    view: NamespaceView,
    isHosts: (address: InterfaceAddress) => boolean,
    groupsOf: (index: number) => InterfaceState["groups"],
    isVirtual: (name: string) => boolean,
  ) {
    this.#isVirtual = isVirtual;
    this.#groupsOf = groupsOf;
    this.#namespace = namespace;
    this.#view = view;
    this.#isHosts = isHosts;
  }

  /** Names watched from now on. Who is watched already and exists is said again by `repeat`. */
  watch(names: readonly string[]): void {
    for (const name of [...this.#said.keys()]) {
      if (!names.includes(name)) this.#said.delete(name);
    }
    for (const name of names) if (!this.#said.has(name)) this.#said.set(name, undefined);
  }

  /** What differs from what was said last. */
  changes(): InterfaceNews[] {
    const news: InterfaceNews[] = [];
    for (const [name, last] of this.#said) {
      const state = this.#state(name);
      const again = state !== undefined && this.#isVirtual(name);
      // Who listens may know it from before: nobody has watched it since, or another plane did.
      if (last === undefined && state === undefined) {
        const key = { namespace: this.#namespace, index: 0 };
        news.push({ type: "interface_gone", key, name });
      }
      const said = last ?? undefined;
      if (said !== undefined && state?.index !== said.index && !again) {
        const key = { namespace: said.namespace, index: said.index };
        news.push({ type: "interface_gone", key, name });
      }
      if (state !== undefined && !(said !== undefined && sameState(state, said))) {
        news.push({ type: "interface", state });
      }
      this.#said.set(name, state ?? null);
    }
    return news;
  }

  /** The state of all that exist, for somebody who has heard nothing yet. */
  repeat(): InterfaceNews[] {
    return [...this.#said.values()].filter((state) => state !== undefined && state !== null)
      .map((state) => ({ type: "interface", state }));
  }

  /** The namespace is left: all that was there is gone. */
  farewell(): InterfaceNews[] {
    const news: InterfaceNews[] = [];
    for (const [name, said] of this.#said) {
      if (said === undefined || said === null) continue;
      const key = { namespace: said.namespace, index: said.index };
      news.push({ type: "interface_gone", key, name });
    }
    return news;
  }

  #state(name: string): InterfaceState | undefined {
    const index = this.#view.indexOf(name);
    const link = index === undefined ? undefined : this.#view.link(index);
    if (index === undefined || link === undefined) return undefined;
    if (this.#isVirtual(name) && ownNoteOf(link) === undefined) return undefined;
    const hosts = this.#view.addresses(index).filter((address) => this.#isHosts(address));
    const ipv4 = hosts.filter(({ family }) => family === 4).map(({ address }) => address);
    const usable = hosts.filter(isUsableIpv6).map(({ address }) => address);
    const ipv6 = usable.filter(isLinkLocal);
    const ipv6Global = hosts.filter(isUsableIpv6).filter(isPreferred)
      .map(({ address }) => address).filter((address) => !isLinkLocal(address));
    const networks = networksOf(hosts);
    const { up, running, mac, mtu } = link;
    const key = { namespace: this.#namespace, index };
    const groups = this.#groupsOf(index);
    const master = link.master === 0 ? undefined : this.#view.link(link.master);
    const vrf = master?.kind === "vrf" ? { vrf: master.name } : {};
    return {
      ...key,
      name,
      up,
      running,
      mac,
      mtu,
      ipv4,
      ipv6,
      ipv6Global,
      networks,
      ...vrf,
      groups,
    };
  }
}

function sameState(a: InterfaceState, b: InterfaceState): boolean {
  return a.index === b.index && a.name === b.name && a.up === b.up && a.running === b.running &&
    a.mac === b.mac && a.mtu === b.mtu && sameTexts(a.ipv4, b.ipv4) && sameTexts(a.ipv6, b.ipv6) &&
    sameTexts(a.ipv6Global, b.ipv6Global) && sameTexts(a.networks, b.networks) &&
    a.vrf === b.vrf && sameTexts(a.groups, b.groups);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

/** Whether adverts may be sent from it. */
function isUsableIpv6({ family, flags }: InterfaceAddress): boolean {
  return family === 6 && (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === 0;
}

/** Whether it stays: a temporary address (RFC 8981) is replaced by another one within a day. */
function isPreferred({ flags }: InterfaceAddress): boolean {
  return (flags & (IFA_F_SECONDARY | IFA_F_DEPRECATED)) === 0;
}

/** Each network once; one of a single address says nothing of who else is there. */
function networksOf(addresses: readonly InterfaceAddress[]): string[] {
  const networks = new Set<string>();
  for (const { address, prefixLength } of addresses) {
    const bytes = parseIp(address);
    if (bytes === undefined || prefixLength === bytes.length * 8) continue;
    networks.add(`${formatIp(networkOf(bytes, prefixLength))}/${prefixLength}`);
  }
  return [...networks];
}
