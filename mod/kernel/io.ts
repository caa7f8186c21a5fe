/**
 * What the kernel plane needs of the world: a clock, and for each network namespace two netlink
 * sockets and a packet socket. The plane is written against these two interfaces; system_io.ts
 * makes them of libc, a test of a model kernel.
 *
 * @module
 */

import type { GroupName } from "../plane/messages.ts";

/** The plane's world. */
export interface KernelIo {
  /** Whole microseconds on CLOCK_MONOTONIC. */
  now(): number;
  /**
   * Opens the sockets of a namespace; empty: the one the agent runs in. The monitor has joined
   * its groups when this returns, so nothing between a later dump and its events is lost.
   *
   * @throws where the namespace does not exist or may not be entered
   */
  open(namespace: string): NamespaceIo;
  /** What tells this namespace from others that may get its name; null: there is none. */
  identity(namespace: string): string | null;
}

/** Questions to the kernel and their answers. */
export interface RequestIo {
  /** Sends requests. The answers of everything but dumps are queued when this returns. */
  send(bytes: Uint8Array): void;
  /** The next datagram of answers, a copy of its own; undefined: none is queued. */
  receive(): Uint8Array | undefined;
}

/** The sockets of one namespace. */
export interface NamespaceIo extends RequestIo {
  /** Netlink port of the request socket: notifications that it caused carry it. */
  readonly portId: number;
  /**
   * The next datagram of notifications, valid until the next call; undefined: none is queued;
   * `overrun`: the kernel had to drop some.
   */
  event(): Uint8Array | "overrun" | undefined;
  /**
   * From now on notifications tell of rules, and of routes that carry our protocol number, too.
   * Idempotent.
   *
   * @throws where the kernel refuses
   */
  followRouting(): void;
  /** Sends an Ethernet frame. @returns 0 or the errno */
  transmit(index: number, frame: Uint8Array<ArrayBuffer>): number;
  /**
   * Makes the interface a member of a group.
   *
   * @throws where the kernel refuses, such as for IPv6 where it is switched off
   */
  join(index: number, group: GroupName): Membership;
  /**
   * A setting of the namespace; undefined: this kernel does not have it.
   *
   * @param path below /proc/sys/net, such as `ipv4/conf/eth0/arp_ignore`
   */
  setting(path: string): string | undefined;
  /** Changes a setting. @throws where the kernel refuses, or /proc/sys may not be written */
  set(path: string, value: string): void;
  /**
   * Opens a socket to nftables; tables that it owns go when it is closed.
   *
   * @throws where the kernel has none
   */
  firewall(): FirewallIo;
  /** Opens sockets that hear who claims an address. @throws where that may not be heard */
  neighbours(): NeighbourIo;
  close(): void;
}

/** Somebody says where an address is. */
export interface Claim {
  /** Interface index; 0: not known. */
  readonly index: number;
  /** Canonical text. */
  readonly address: string;
  /** Hardware address, `aa:bb:cc:dd:ee:ff`. */
  readonly mac: string;
}

/** Sockets that hear claims. */
export interface NeighbourIo {
  /** Claims of these addresses from now on, of no others. */
  watch(addresses: readonly string[]): void;
  /** What was heard since the last call, at most so many of each family. */
  receive(most: number): Claim[];
  /** Sends an ARP frame that asks. One that cannot be sent is lost. */
  ask(index: number, frame: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** A socket to nftables. */
export interface FirewallIo extends RequestIo {
  close(): void;
}

/** One interface in one group. */
export interface Membership {
  leave(): void;
}
