/**
 * Where the adverts of one virtual router go to, and where those of its peers may come from: a
 * multicast group on the link, or unicast peers.
 *
 * A group's packets have TTL 255, so nobody beyond the link can have sent them (RFC 9568 section
 * 5.1.1.3). Unicast may cross routers. Who checks senders and their distance must know which peers
 * are neighbours, and only the interface's own networks tell: a peer inside one of them is on the
 * link and must arrive with the TTL that this node sends with itself, 255 unless configured; any
 * other one may arrive with any, unless the operator gives a range.
 *
 * @module
 */

import { inPrefix, parseIp } from "../ip/mod.ts";
import type { InterfaceState, ProtocolRouter } from "../plane/messages.ts";
import { type DropReason, VRRP_GROUP_IPV4, VRRP_GROUP_IPV6 } from "../vrrp/mod.ts";

const LINK_LOCAL = parseIp("fe80::")!;

/** Where one advert goes to. The interface that it leaves by is the sender's (`AdvertSender`). */
export interface Destination {
  /** A group or a peer, canonical text. */
  readonly address: string;
  /** TTL or hop limit, 1 to 255. */
  readonly ttl: number;
  /** Routed like any other packet; a group's adverts never leave the link. */
  readonly unicast: boolean;
}

/** TTLs or hop limits that are taken from a sender, both included. */
export interface TtlRange {
  readonly least: number;
  readonly most: number;
}

/** Packets whose IP header is known, a batch at a time. */
export interface Located {
  isMulticast(index: number): boolean;
  /** Whether the packet's source is this address: 4 or 16 bytes. */
  isFrom(index: number, address: Uint8Array): boolean;
  isTo(index: number, address: Uint8Array): boolean;
  /** TTL or hop limit. */
  ttl(index: number): number;
  /** The source: a copy of 4 or 16 bytes. */
  source(index: number): Uint8Array;
}

/** What of an interface decides. */
export type Link = Pick<InterfaceState, "ipv4" | "ipv6" | "ipv6Global" | "networks">;
type Config = Pick<ProtocolRouter, "settings" | "group" | "unicast">;

interface Peer extends TtlRange {
  readonly address: string;
  readonly bytes: Uint8Array;
}

/** What the kernel's filter is told of one router: its group, or its peers. */
export type Admission =
  | { readonly group: string }
  /** null: adverts from anybody. */
  | { readonly sources: ReadonlyMap<string, TtlRange> | null };

export class Reach {
  /** Where each advert goes to; empty: no peer is left. */
  destinations: readonly Destination[] = [];
  readonly #config: Config;
  readonly #group: Uint8Array | null;
  #peers: readonly Peer[] = [];
  #networks: readonly { readonly network: Uint8Array; readonly length: number }[] = [];
  #source: Uint8Array | null = null;
  #link: Link | undefined;
  #known = "";

  /** @param former of the same router before it was configured anew */
  constructor(config: Config, source: string | null = null, former: Reach | null = null) {
    this.#config = config;
    if (config.unicast !== undefined) {
      this.#group = null;
      this.update(source, former === null ? undefined : former.#link);
      return;
    }
    const address = groupOf(config);
    this.#group = parseIp(address)!;
    this.destinations = [{ address, ttl: 255, unicast: false }];
  }

  /**
   * Goes by what the interface is now. Returns whether what is admitted may have changed.
   *
   * @param source what adverts are sent from; null: nothing, so nothing can be heard either
   */
  update(source: string | null, link: Link | undefined): boolean {
    const { unicast } = this.#config;
    if (unicast === undefined) return false;
    this.#link = link;
    const peers = otherPeers(this.#config, link);
    const networks = link?.networks ?? [];
    const known = `${source} ${networks} ${peers.map(({ address }) => address)}`;
    if (known === this.#known) return false;
    this.#known = known;
    this.#source = source === null ? null : parseIp(source)!;
    this.#networks = networks.map((text) => {
      const [network = "", length] = text.split("/");
      return { network: parseIp(network)!, length: Number(length) };
    });
    this.#peers = peers.map(({ address, minTtl, maxTtl }) => {
      const bytes = parseIp(address)!;
      const least = minTtl ?? Math.min(this.#least(bytes), maxTtl ?? 255);
      return { address, bytes, least, most: maxTtl ?? 255 };
    });
    const { ttl } = unicast;
    this.destinations = peers.map(({ address }) => ({ address, ttl, unicast: true }));
    return true;
  }

  /** What is wrong with where a packet comes from and goes to; null: nothing. Allocates nothing. */
  fault(packets: Located, index: number): DropReason | null {
    if (this.#group !== null) return packets.isTo(index, this.#group) ? null : "destination";
    if (this.#source === null || !packets.isTo(index, this.#source)) return "destination";
    const ttl = packets.ttl(index);
    for (const { bytes, least, most } of this.#peers) {
      if (packets.isFrom(index, bytes)) return ttl >= least && ttl <= most ? null : "ttl";
    }
    if (this.#config.unicast?.checkSource !== false) return "source";
    return ttl >= this.#least(packets.source(index)) ? null : "ttl";
  }

  /** What the kernel may let in. */
  get admission(): Admission {
    const { unicast } = this.#config;
    if (unicast === undefined) return { group: groupOf(this.#config) };
    if (!unicast.checkSource) return { sources: null };
    return {
      sources: new Map(this.#peers.map(({ address, least, most }) => [address, { least, most }])),
    };
  }

  /** Least TTL of a sender that has no range of its own. */
  #least(sender: Uint8Array): number {
    const onLink = inPrefix(sender, LINK_LOCAL, 10) ||
      this.#networks.some(({ network, length }) => inPrefix(sender, network, length));
    return onLink ? this.#config.unicast?.ttl ?? 255 : 1;
  }
}

/** The group of a router that speaks to one. */
export function groupOf({ settings, group }: Config): string {
  return group ?? (settings.family === "ipv6" ? VRRP_GROUP_IPV6 : VRRP_GROUP_IPV4);
}

/** The peers of this node: all nodes may be listed, the own addresses are left out. */
export function otherPeers({ unicast }: Config, link: Link | undefined) {
  if (unicast === undefined) return [];
  const own = new Set([...link?.ipv4 ?? [], ...link?.ipv6 ?? [], ...link?.ipv6Global ?? []]);
  return unicast.peers.filter(({ address }) => !own.has(address));
}
