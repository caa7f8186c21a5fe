/**
 * Interfaces as the planes speak of them, and how a router uses one: what is wanted of them, what is
 * known of them, which peers are spoken to. Part of `messages.ts`.
 *
 * @module
 */

/** An interface is known by namespace and index, never by its name, which may change. */
export interface InterfaceKey {
  /** Name of the network namespace; empty: the one the agent runs in. */
  readonly namespace: string;
  /** Kernel interface index, 1 or more. */
  readonly index: number;
}

/** An interface whose state is wanted, and the VRRP groups it is to be a member of. */
export interface WatchedInterface {
  readonly namespace: string;
  readonly name: string;
  readonly groups: readonly GroupName[];
}

/** `ipv4` and `ipv6` are the groups of the RFCs; any other one goes by its address. */
export type GroupName = string;

/** What the kernel plane knows of one interface. */
export interface InterfaceState extends InterfaceKey {
  readonly name: string;
  /** IFF_UP: the administrator wants it up. */
  readonly up: boolean;
  /** IFF_RUNNING: there is carrier. */
  readonly running: boolean;
  /** Hardware address, `aa:bb:cc:dd:ee:ff`; empty when the device has none. */
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /**
   * The host's own IPv4 addresses in kernel order, those halb holds left out: the first one is
   * what adverts are sent from.
   */
  readonly ipv4: readonly string[];
  /**
   * The host's own IPv6 link-local addresses that may be used (duplicate address detection is
   * over and found none), canonical text, oldest first, those halb holds left out.
   */
  readonly ipv6: readonly string[];
  /** The host's own other IPv6 addresses that may be used and are preferred, likewise. */
  readonly ipv6Global: readonly string[];
  /** Networks of the host's own addresses there: `192.0.2.0/24`. Who is in one is on the link. */
  readonly networks: readonly string[];
  /** The VRF that it belongs to; absent: none. */
  readonly vrf?: string;
  /** Groups that it is a member of: without that no advert would be heard. */
  readonly groups: readonly GroupName[];
}

/** Adverts to peers instead of a group. */
export interface UnicastUse {
  /** Of the router's family; the own addresses may be among them. */
  readonly peers: readonly UnicastPeer[];
  /** TTL or hop limit of what is sent, 1 to 255. */
  readonly ttl: number;
  /** Whether senders must be peers. */
  readonly checkSource: boolean;
}

export interface UnicastPeer {
  /** Canonical text. */
  readonly address: string;
  /** Least TTL of what it sends; absent: `ttl` for a peer on the link, 1 for any other. */
  readonly minTtl?: number;
  /** Absent: 255. */
  readonly maxTtl?: number;
}
