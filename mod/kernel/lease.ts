/**
 * The lease book: which virtual addresses should be on which interface, and what to do so that
 * they are. It compares what is wanted with what is seen and returns operations; the driver does
 * them and hands back each result; asked again, it returns what is left, until there is nothing.
 * So hold, drop, expiry, new configuration and foreign removal are all one case: a difference.
 *
 * The rules (DESIGN.md, "The lease"):
 * - Installed as /32 with noprefixroute, leased or not (operation.ts says why).
 * - Refreshed before a third of its length is over, spread over that time, only when the protocol's
 *   heartbeat has advanced and the gate is open (gate.ts). Where it stays shut the address is let
 *   go shortly before its end: what the kernel would do is done by us in order, as long as we live.
 * - A permanent address of ours becomes a leased one by delete and add, never by replace.
 * - What carries our protocol number is ours; all else is never touched: a virtual address that the
 *   host itself has, or another agent, counts as present.
 * - Leftovers of the configuration wait for their router's first decision, at most one lease.
 *
 * Pure: what is seen, the heartbeat and the time come in. Times are whole microseconds. @module
 */

import { parseIp } from "../ip/mod.ts";
import { type InterfaceAddress } from "../netlink/mod.ts";
import type { KernelRouter } from "../plane/messages.ts";
import { backoff, GATE_RETRY, gateFor, type Pulse } from "./gate.ts";
import {
  addition,
  expected,
  isAged,
  isShaped,
  keyOf,
  type LeasedAddress,
  type LeasedRouter,
  type LeaseEvents,
  newAddress,
  newRouter,
  noteLease,
  refreshing,
  removal,
} from "./leased.ts";
import type { DeleteAddress, Operation } from "./operation.ts";
import { Ownership } from "./ownership.ts";
import { obstacleTo, strike } from "./repair.ts";
import type { NamespaceView } from "./view.ts";
import { textOf } from "../text/mod.ts";
import { ownProtocol } from "./mark.ts";

const SECOND = 1_000_000;
/** Refreshes due within this time are sent together. */
const REFRESH_TICK = 20_000;
/** How long before its end a lease that may not be refreshed is let go by ourselves. */
const LET_GO = 300_000;
/** A permanent leftover of a router without leases waits so long for its router's decision. */
const ADOPTION_LIMIT = 10 * SECOND;

/** Wanted and seen addresses of one namespace. */
export class LeaseBook {
  readonly #view: NamespaceView;
  readonly #pulse: Pulse;
  readonly #events: LeaseEvents;
  readonly #routers = new Map<string, LeasedRouter>();
  /** Which addresses are ours. */
  readonly ownership: Ownership;
  /** Addresses of ours that no router has, to be removed. */
  #leftovers: DeleteAddress[] = [];
  #deadline = Infinity;

  constructor(view: NamespaceView, pulse: Pulse, events: LeaseEvents) {
    this.#view = view;
    this.#pulse = pulse;
    this.ownership = new Ownership(view);
    this.#events = events;
  }

  /** When `plan` should be asked again though nothing happened; Infinity: no need. */
  get deadline(): number {
    return this.#deadline;
  }

  get routers(): IterableIterator<LeasedRouter> {
    return this.#routers.values();
  }

  router(name: string): LeasedRouter | undefined {
    return this.#routers.get(name);
  }

  /** Everything wanted from now on; addresses of ours that are no longer in it are leftovers. */
  configure(routers: readonly KernelRouter[], now: number): void {
    const before = this.ownership.restart();
    const names = new Set(routers.map((router) => router.name));
    for (const name of [...this.#routers.keys()]) {
      if (!names.has(name)) this.#routers.delete(name);
    }
    for (const router of routers) this.#configureRouter(router, now, before);
    for (const [key, alike] of before) {
      if (this.ownership.alike(key).length === 0) {
        for (const address of alike) this.#collect(address);
      }
    }
  }

  /** Takes what is on the interfaces now: marked as ours, and in no router's list. */
  collectLeftovers(): void {
    this.#leftovers = [];
    for (const index of this.#view.indexes()) {
      for (const address of this.#view.addresses(index)) {
        const configured = this.ownership.at(index, address.address).length > 0;
        if (address.protocol === ownProtocol() && !configured) {
          this.#leftovers.push(removal("", address));
        }
      }
    }
  }

  /** Hold the router's addresses under this epoch. Idempotent. */
  hold(name: string, epoch: number, now: number): void {
    const router = this.#routers.get(name);
    if (router === undefined) return;
    if (router.wanted && router.gate.epoch === epoch) return;
    router.wanted = true;
    router.decided = true;
    router.starved = false;
    router.gate.told(epoch, now);
    for (const address of router.addresses) {
      // Adopted or kept from another mastership: the first refresh brings the full lifetime.
      address.refreshAt = now;
      address.expiresAt = Math.max(address.expiresAt, now + router.router.lease * SECOND);
      address.heartbeat = undefined;
      address.retryAt = now;
      address.failures = 0;
    }
  }

  /** Remove the router's addresses. Idempotent. */
  drop(name: string, now: number): void {
    const router = this.#routers.get(name);
    if (router === undefined) return;
    router.wanted = false;
    router.decided = true;
    router.gate.epoch = 0;
    for (const address of router.addresses) {
      address.failure = undefined;
      address.repairing = false;
      address.retryAt = now;
    }
  }

  /** The process stood still: what the protocol loop said before is no longer trusted. */
  distrust(): void {
    for (const router of this.#routers.values()) router.gate.distrustAnew();
  }

  /** Not we removed an address; a notification of IPv6 leaves open whether the kernel did. */
  removedByOthers(removed: InterfaceAddress, now: number): void {
    const link = this.#view.link(removed.index);
    for (const address of this.ownership.at(removed.index, removed.address)) {
      strike(address, removed, link, now);
    }
  }

  /** An interface changed: what failed on it is tried again at once. */
  interfaceChanged(index: number, now: number): void {
    const name = this.#view.link(index)?.name;
    for (const router of this.#routers.values()) {
      for (const address of router.addresses) {
        if (address.held.interface === name && address.failure !== undefined) {
          address.retryAt = now;
        }
      }
    }
  }

  /**
   * What is to be done now, in order. Also sets `deadline`.
   *
   * @param most operations, 1 or more, give or take one; what is left is planned the next time
   */
  plan(now: number, most: number): Operation[] {
    const operations: Operation[] = this.#leftovers.slice(0, most);
    this.#deadline = Infinity;
    for (const router of this.#routers.values()) {
      if (router.fault === undefined) this.#planRouter(router, now, most, operations);
    }
    return operations;
  }

  /**
   * What became of an operation on an address.
   *
   * @param failure in words; undefined: done, or there was nothing to do
   * @param sent when it was sent: a lease counts from there at the latest
   */
  settle(operation: Operation, failure: string | undefined, sent: number): void {
    if (operation.type === "delete_address" && operation.router === "") {
      // Tried once: what the kernel refuses to remove is not ours to fight over.
      this.#leftovers = this.#leftovers.filter((leftover) => leftover !== operation);
      return;
    }
    if (!("address" in operation)) return;
    const address = this.#find(operation.router, operation.index, operation.address);
    if (address === undefined) return;
    if (failure !== undefined) {
      address.failures++;
      address.retryAt = sent + backoff(address.failures);
      address.refreshAt = Math.max(address.refreshAt, address.retryAt);
      if (operation.type === "add_address") address.failure = failure;
      return;
    }
    address.failures = 0;
    if (operation.type === "delete_address") {
      address.index = undefined;
      address.arrivesBy = undefined;
    } else noteLease(address, operation, sent);
  }

  #configureRouter(
    router: KernelRouter,
    now: number,
    before: ReadonlyMap<string, readonly LeasedAddress[]>,
  ): void {
    const known = this.#routers.get(router.name);
    const adoptedUntil = now + (router.lease === 0 ? ADOPTION_LIMIT : router.lease * SECOND);
    const entry = known?.router.slot === router.slot
      ? known
      : newRouter(router, gateFor(router, this.#pulse), adoptedUntil);
    entry.router = router;
    if (router.always === true) entry.wanted = entry.decided = true;
    const nonsense = router.addresses.find(({ address }) => parseIp(address) === undefined);
    entry.fault = nonsense && `Not an IP address: "${nonsense.address}"`;
    entry.addresses = router.addresses.map((held, position) => {
      const key = keyOf(held);
      const alike = before.get(key) ?? [];
      // Moved here from another router: it is on the interface already, and ours.
      const mine = alike.find((known) => known.router === entry);
      const address = mine ?? newAddress(entry, held, alike[0]?.index, now);
      address.held = held;
      address.position = position;
      address.retryAt = now;
      this.ownership.add(address);
      return address;
    });
    this.#routers.set(router.name, entry);
  }

  /** An exception faults this one router; what was planned of it until then is not done. */
  #planRouter(router: LeasedRouter, now: number, most: number, operations: Operation[]): void {
    const before = operations.length;
    try {
      for (const address of router.addresses) {
        if (operations.length >= most) return this.#wakeAt(now);
        if (router.wanted) this.#planWanted(address, now, operations);
        else this.#planUnwanted(address, now, operations);
      }
    } catch (error) {
      operations.length = before;
      router.fault = textOf(error);
      this.#events.faulted(router);
    }
  }

  #planWanted(address: LeasedAddress, now: number, operations: Operation[]): void {
    const { held, router } = address;
    const index = this.#view.indexOf(held.interface);
    this.#leaveOldInterface(address, index, operations);
    if (index === undefined) {
      this.#fail(address, `Interface ${held.interface} does not exist`);
      return;
    }
    const seen = this.ownership.ours(address, index);
    if (seen === undefined && this.#view.seen(index, held.address).length > 0) {
      this.#fail(address, undefined);
      address.index = undefined;
      return;
    }
    if (seen === undefined) {
      const obstacle = obstacleTo(held.address, this.#view.link(index));
      if (obstacle !== undefined) return this.#fail(address, obstacle);
      const notBefore = Math.max(address.retryAt, address.arrivesBy ?? 0);
      if (notBefore > now) this.#wakeAt(notBefore);
      else if (!router.gate.open(now)) this.#wakeAt(now + GATE_RETRY);
      else operations.push(addition(address, index));
      return;
    }
    this.#fail(address, undefined);
    address.index = index;
    // Removed when its refresh was under way, it is back by that already.
    if (address.arrivesBy !== undefined || address.repairing) this.#arrived(address);
    this.#planForm(address, seen, now, operations);
  }

  /** It is there: in the right form, and for how long? */
  #planForm(
    address: LeasedAddress,
    seen: InterfaceAddress,
    now: number,
    operations: Operation[],
  ): void {
    const { held, router } = address;
    const lease = router.router.lease;
    const replaceable = isShaped(seen, held) && (!seen.permanent || lease === 0);
    if (replaceable && seen.permanent === (lease === 0) && isAged(seen, held)) {
      if (lease > 0) this.#planRefresh(address, seen, now, operations);
      return;
    }
    if (address.retryAt > now) return this.#wakeAt(address.retryAt);
    if (!router.gate.open(now)) return this.#wakeAt(now + GATE_RETRY);
    // A kernel that does not keep the form asked for must not make us spin.
    address.retryAt = now + SECOND;
    if (replaceable) operations.push(refreshing(address, seen.index));
    else operations.push(removal(router.router.name, seen), addition(address, seen.index));
  }

  #planRefresh(
    address: LeasedAddress,
    seen: InterfaceAddress,
    now: number,
    operations: Operation[],
  ): void {
    const { router } = address;
    if (address.refreshAt > now + REFRESH_TICK) return this.#wakeAt(address.refreshAt);
    const heartbeat = router.gate.heartbeat;
    const advanced = heartbeat !== address.heartbeat;
    if (advanced && router.gate.open(now)) {
      address.heartbeat = heartbeat;
      router.starved = false;
      operations.push(refreshing(address, seen.index));
      return;
    }
    if (!advanced) router.gate.distrust();
    if (!router.starved) {
      router.starved = true;
      this.#events.starved(router, router.gate.beats(now));
    }
    if (now >= address.expiresAt - LET_GO) operations.push(removal(router.router.name, seen));
    else this.#wakeAt(Math.min(now + GATE_RETRY, address.expiresAt - LET_GO));
  }

  #planUnwanted(address: LeasedAddress, now: number, operations: Operation[]): void {
    const { held, router } = address;
    const index = this.#view.indexOf(held.interface);
    this.#leaveOldInterface(address, index, operations);
    const seen = this.ownership.ours(address, index) ?? expected(address, index);
    if (seen === undefined || this.#wantedElsewhere(address)) return;
    address.index = seen.index;
    if (!router.decided && now < router.adoptedUntil) this.#wakeAt(router.adoptedUntil);
    else if (address.retryAt > now) this.#wakeAt(address.retryAt);
    else operations.push(removal(router.router.name, seen));
  }

  /** The name means another interface now: what is ours on the old one goes. */
  #leaveOldInterface(
    address: LeasedAddress,
    index: number | undefined,
    operations: Operation[],
  ): void {
    if (address.index === undefined || address.index === index) return;
    const seen = this.ownership.ours(address, address.index);
    if (seen === undefined) address.index = undefined;
    else operations.push(removal(address.router.router.name, seen));
  }

  #find(router: string, index: number, text: string): LeasedAddress | undefined {
    return this.ownership.at(index, text).find((one) => one.router.router.name === router) ??
      // The interface was renamed: its name leads elsewhere, or nowhere.
      this.#routers.get(router)?.addresses.find((one) =>
        one.held.address === text && one.index === index
      );
  }

  #wantedElsewhere(address: LeasedAddress): boolean {
    const alike = this.ownership.alike(keyOf(address.held));
    return alike.length > 1 && alike.some((other) => other !== address && other.router.wanted);
  }

  #collect(address: LeasedAddress): void {
    const { index } = address;
    if (index === undefined) return;
    for (const seen of this.#view.seen(index, address.held.address)) {
      if (this.ownership.ours(address, index) === seen) this.#leftovers.push(removal("", seen));
    }
  }

  /** It was added before and is seen now: for IPv6 some time after the kernel agreed. */
  #arrived(address: LeasedAddress): void {
    address.arrivesBy = undefined;
    if (address.repairing) address.router.repairs++;
    address.repairing = false;
    this.#events.installed(address);
  }

  #fail(address: LeasedAddress, reason: string | undefined): void {
    if (address.failure === reason) return;
    address.failure = reason;
    this.#events.changed(address.router);
  }

  #wakeAt(time: number): void {
    if (time < this.#deadline) this.#deadline = time;
  }
}
