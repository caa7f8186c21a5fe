/**
 * What an interface must still have after an address of ours has left it.
 *
 * Two removals can take things of the host along. When the last IPv4 address of an interface goes,
 * the kernel flushes every route on the interface, also static ones that need no address, and says
 * nothing. And a leftover with a wide prefix that is the primary address of its subnet takes the
 * host's secondary addresses with it (unless promote_secondaries is set). So before such a removal
 * the guard notes the host's addresses and routes of the interface, and afterwards puts back what
 * is missing, routes with their own bytes.
 *
 * @module
 */

import {
  addAddress,
  describeAcknowledgement,
  EEXIST,
  HALB_PROTOCOL,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  type InterfaceAddress,
  readRoute,
  requestRoutes,
  restoreRoute,
  type Route,
  RT_TABLE_LOCAL,
  RTM_F_CLONED,
  RTPROT_KERNEL,
} from "../netlink/mod.ts";
import { hostLength, type Operation } from "./operation.ts";
import type { Encode, Requester } from "./requester.ts";
import type { NamespaceView } from "./view.ts";

/** Interfaces on which these operations may take things of the host along. */
export function endangered(operations: readonly Operation[], view: NamespaceView): Set<number> {
  const removals = new Map<number, number>();
  const indexes = new Set<number>();
  for (const operation of operations) {
    if (operation.type !== "delete_address" || operation.address.includes(":")) continue;
    const { index, address, prefixLength } = operation;
    removals.set(index, (removals.get(index) ?? 0) + 1);
    if (prefixLength < hostLength(address)) indexes.add(index);
  }
  for (const [index, count] of removals) if (count >= view.countIpv4(index)) indexes.add(index);
  return indexes;
}

/** The host's addresses and routes of one interface before a removal. */
export class Guard {
  readonly #index: number;
  readonly #requester: Requester;
  readonly #addresses: readonly InterfaceAddress[];
  readonly #routes: readonly Route[];

  /** @param hosts the host's own addresses on the interface */
  constructor(index: number, requester: Requester, hosts: readonly InterfaceAddress[]) {
    this.#index = index;
    this.#requester = requester;
    this.#addresses = hosts;
    this.#routes = this.#read();
  }

  /**
   * Puts back what is missing.
   *
   * @param view brought up to date since the removal
   * @param gone addresses that were removed: routes that used them as a source went with reason
   * @returns what was put back or could not be, in words
   */
  restore(view: NamespaceView, gone: ReadonlySet<string>): string[] {
    const lost = this.#addresses.filter((address) =>
      !view.seen(this.#index, address.address)
        .some((seen) => seen.prefixLength === address.prefixLength)
    );
    const words = this.#repair(
      lost.map((address) => (writer, sequence) => {
        addAddress(writer, sequence, asRequest(address), "create");
      }),
      lost.map((address) => `address ${address.address}/${address.prefixLength}`),
    );
    const left = new Set(this.#read().map(keyOf));
    const routes = this.#routes.filter((route) =>
      !left.has(keyOf(route)) && !gone.has(route.source)
    );
    // A next hop must be reachable when its route is added: networks on the link come first.
    routes.sort((a, b) => Number(a.gateway !== "") - Number(b.gateway !== ""));
    return words.concat(this.#repair(
      routes.map((route) => (writer, sequence) => restoreRoute(writer, sequence, route)),
      routes.map((route) => `route to ${route.destination}/${route.prefixLength}`),
    ));
  }

  #repair(requests: readonly Encode[], names: readonly string[]): string[] {
    const words: string[] = [];
    this.#requester.transact(requests, (position, answer) => {
      const name = names[position] ?? "";
      if (answer.errno === 0) words.push(`put back ${name}`);
      else if (answer.errno !== EEXIST) {
        words.push(`could not put back ${name}: ${describeAcknowledgement(answer)}`);
      }
    });
    return words;
  }

  /** Routes that somebody made on the interface, those of the kernel and ours left out. */
  #read(): Route[] {
    const messages = this.#requester.dump((writer, sequence) =>
      requestRoutes(writer, sequence, 4, { index: this.#index })
    );
    const routes: Route[] = [];
    for (const message of messages) {
      const read = readRoute(message);
      if (read.ok && this.#isHosts(read.value)) routes.push(read.value);
    }
    return routes;
  }

  #isHosts(route: Route): boolean {
    return route.index === this.#index && route.table !== RT_TABLE_LOCAL &&
      route.protocol !== RTPROT_KERNEL && route.protocol !== HALB_PROTOCOL &&
      (route.flags & RTM_F_CLONED) === 0;
  }
}

function keyOf(route: Route): string {
  const { destination, prefixLength, table, priority, gateway, payload } = route;
  return `${destination}/${prefixLength} ${table} ${priority} ${gateway} ${payload[3]}`;
}

function asRequest(address: InterfaceAddress) {
  const { index, prefixLength, scope, valid, preferred, protocol, label, routePriority } = address;
  return {
    index,
    address: address.address,
    prefixLength,
    scope,
    flags: address.flags & ~(IFA_F_PERMANENT | IFA_F_SECONDARY),
    ...(address.permanent ? {} : { valid, preferred }),
    ...(protocol === 0 ? {} : { protocol }),
    ...(label === "" ? {} : { label }),
    ...(routePriority === 0 ? {} : { routePriority }),
  };
}
