/**
 * Who else says that it has one of our virtual addresses: two masters that do not hear each other,
 * a machine that was configured by hand, an agent that was killed and whose addresses stayed.
 *
 * Claims are heard as neighbours make them. Who holds an address in silence is asked: an ARP probe
 * (RFC 5227 section 2.1.1: a request without a sender address) changes nobody's cache, and any
 * holder answers it. Over IPv6 nobody is asked, since the answer to such a probe goes to all nodes
 * and would turn their caches to the wrong holder.
 *
 * Pure: claims and times come in, alarms come out. Times are whole microseconds.
 *
 * @module
 */

import type { Claim } from "./io.ts";

const SECOND = 1_000_000;
/** Frames of the former master may still be on their way when the address is new here. */
const SETTLED = 2 * SECOND;
/** Time between two probes of an address. */
const PROBE_INTERVAL = 60 * SECOND;
/** Holders told of for one address: who claims it with ever new hardware addresses gains nothing. */
const MOST_HOLDERS = 4;
/** A claim that was not repeated for so long is over: two probes without an answer. */
const FORGOTTEN = 150 * SECOND;

/** An address of ours that can be heard of now. */
export interface WatchedAddress {
  readonly router: string;
  readonly address: string;
  /** Interface index. */
  readonly index: number;
  /** Hardware address of that interface. */
  readonly mac: string;
}

/** Somebody else with an address of ours. */
export interface Duplicate {
  readonly router: string;
  readonly address: string;
  readonly mac: string;
  /** First and last heard. */
  readonly since: number;
  last: number;
}

interface Watched extends WatchedAddress {
  readonly since: number;
  probeAt: number;
}

export class DuplicateWatch {
  #watched = new Map<string, Watched>();
  readonly #duplicates = new Map<string, Duplicate>();

  /** What is held now. @returns whether it is other than before */
  want(addresses: readonly WatchedAddress[], now: number): boolean {
    const before = this.#watched;
    const next = new Map<string, Watched>();
    let changed = false;
    for (const one of addresses) {
      const key = `${one.index} ${one.address}`;
      const known = before.get(key);
      if (known === undefined) changed = true;
      const probeAt = known?.probeAt ?? now + SETTLED;
      next.set(key, { ...one, since: known?.since ?? now, probeAt });
    }
    this.#watched = next;
    return changed || next.size !== before.size;
  }

  /**
   * Somebody claims an address.
   *
   * @param isOurs whether a hardware address is one of this host's
   * @returns the duplicate, where it was not known before; a fifth holder of an address is not told
   */
  heard(claim: Claim, now: number, isOurs: (mac: string) => boolean): Duplicate | undefined {
    if (isOurs(claim.mac)) return undefined;
    const watched = this.#find(claim);
    if (watched === undefined || now - watched.since < SETTLED) return undefined;
    const key = `${watched.router} ${claim.address} ${claim.mac}`;
    const known = this.#duplicates.get(key);
    if (known !== undefined) {
      known.last = now;
      return undefined;
    }
    const { router } = watched;
    let holders = 0;
    for (const one of this.#duplicates.values()) {
      if (one.router === router && one.address === claim.address) holders++;
    }
    if (holders >= MOST_HOLDERS) return undefined;
    const duplicate = { router, address: claim.address, mac: claim.mac, since: now, last: now };
    this.#duplicates.set(key, duplicate);
    return duplicate;
  }

  /** Duplicates that are over: not heard any more, or the address is no longer held. */
  takeEnded(now: number): Duplicate[] {
    const ended: Duplicate[] = [];
    const held = new Set([...this.#watched.values()].map((one) => `${one.router} ${one.address}`));
    for (const [key, one] of this.#duplicates) {
      if (now - one.last < FORGOTTEN && held.has(`${one.router} ${one.address}`)) continue;
      this.#duplicates.delete(key);
      ended.push(one);
    }
    return ended;
  }

  /** IPv4 addresses whose turn it is to be asked for, at most so many. */
  dueProbes(now: number, most: number): WatchedAddress[] {
    const due: WatchedAddress[] = [];
    for (const one of this.#watched.values()) {
      if (due.length >= most) break;
      if (one.address.includes(":") || one.probeAt > now) continue;
      one.probeAt = now + PROBE_INTERVAL;
      due.push(one);
    }
    return due;
  }

  /** Who else has addresses of the router. */
  of(router: string): Duplicate[] {
    return [...this.#duplicates.values()].filter((one) => one.router === router);
  }

  #find({ index, address }: Claim): Watched | undefined {
    if (index !== 0) return this.#watched.get(`${index} ${address}`);
    // A link-local address is another one on another link.
    if (address.startsWith("fe80:")) return undefined;
    for (const one of this.#watched.values()) if (one.address === address) return one;
    return undefined;
  }
}
