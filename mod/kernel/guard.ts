/**
 * What an interface must still have after an address of ours has left it.
 *
 * Some removals take things of the host along. When the last IPv4 address of an interface goes,
 * the kernel flushes every route on the interface, also static ones that need no address, kills
 * its next hops in multipath routes, and says nothing. A leftover with a wide prefix that is the
 * primary IPv4 address of its subnet takes the host's secondary addresses with it (unless
 * promote_secondaries is set), and an IPv6 one may take a connected route that the host's own
 * addresses need: the kernel removes the first to that prefix, whoever made it. The last IPv6
 * address takes no route along. So before such a removal the guard notes the host's addresses and
 * routes of the interface, and afterwards puts back what is missing, routes with their own bytes.
 *
 * Nobody does this for an agent that is dead: where a lease ends by itself and its address was the
 * last IPv4 address of an interface, static routes of the host on that interface are lost.
 *
 * @module
 */

import { inPrefix, parseIp } from "../ip/mod.ts";
import {
  addAddress,
  describeAcknowledgement,
  EEXIST,
  IFA_F_PERMANENT,
  IFA_F_SECONDARY,
  type InterfaceAddress,
  readRoute,
  removeRoute,
  requestRoutes,
  restoreRoute,
  type Route,
  RT_TABLE_LOCAL,
  RTM_F_CLONED,
  RTPROT_KERNEL,
} from "../netlink/mod.ts";
import { hostLength, isIpv6, type Operation } from "./operation.ts";
import type { Ownership } from "./ownership.ts";
import type { Encode, Requester } from "./requester.ts";
import type { NamespaceView } from "./view.ts";
import { isHalb } from "./mark.ts";

/** Where an operation may take things of the host along. */
export interface Danger {
  /** Interface index. */
  readonly index: number;
  readonly family: 4 | 6;
}

/** Interfaces and families in which these operations may take things of the host along. */
export function endangered(operations: readonly Operation[], view: NamespaceView): Danger[] {
  const removals = new Map<number, number>();
  const dangers = new Map<string, Danger>();
  const add = (index: number, family: 4 | 6) =>
    dangers.set(`${index} ${family}`, { index, family });
  for (const operation of operations) {
    if (operation.type !== "delete_address") continue;
    const { index, address, prefixLength } = operation;
    const family = isIpv6(address) ? 6 : 4;
    if (family === 4) removals.set(index, (removals.get(index) ?? 0) + 1);
    if (prefixLength < hostLength(address)) add(index, family);
  }
  for (const [index, count] of removals) if (count >= view.countIpv4(index)) add(index, 4);
  return [...dangers.values()];
}

/** Notes what these operations may take along. */
export function guardsOf(
  operations: readonly Operation[],
  view: NamespaceView,
  requester: Requester,
  ownership: Ownership,
): Guard[] {
  return endangered(operations, view).map((danger) => {
    const all = view.addresses(danger.index);
    return new Guard(danger, requester, all.filter((address) => ownership.isHosts(address)));
  });
}

/** The host's addresses and routes of one interface and family before a removal. */
export class Guard {
  readonly index: number;
  readonly #family: 4 | 6;
  readonly #requester: Requester;
  readonly #addresses: readonly InterfaceAddress[];
  readonly #routes: readonly Route[];

  /** @param hosts the host's own addresses on the interface, of both families */
  constructor(danger: Danger, requester: Requester, hosts: readonly InterfaceAddress[]) {
    this.index = danger.index;
    this.#family = danger.family;
    this.#requester = requester;
    this.#addresses = hosts.filter(({ family }) => family === danger.family);
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
      !view.seen(this.index, address.address)
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
    // To the kernel a route with a dead next hop equals the one that is put back, which changes
    // nothing then: all that are damaged must be gone first, since they share their next hops.
    const damaged = routes.filter((route) => route.multipath.length > 0);
    this.#requester.transact(
      damaged.map((route) => (writer, sequence) => removeRoute(writer, sequence, route)),
      () => {},
    );
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

  /** Routes that the host has on the interface; what the kernel keeps up by itself left out. */
  #read(): Route[] {
    const messages = this.#requester.dump((writer, sequence) =>
      requestRoutes(writer, sequence, this.#family, { index: this.index })
    );
    const routes: Route[] = [];
    for (const message of messages) {
      const read = readRoute(message);
      if (read.ok && this.#isHosts(read.value)) routes.push(read.value);
    }
    return routes;
  }

  #isHosts(route: Route): boolean {
    return (route.index === this.index || route.multipath.includes(this.index)) &&
      route.table !== RT_TABLE_LOCAL && !isHalb(route.protocol) &&
      (route.flags & RTM_F_CLONED) === 0 &&
      (route.protocol !== RTPROT_KERNEL || this.#isConnected(route));
  }

  /** The kernel looks after IPv4 itself: an IPv6 route of its own to a network of the host. */
  #isConnected({ destination, prefixLength }: Route): boolean {
    const network = parseIp(destination);
    return this.#family === 6 && network !== undefined && this.#addresses.some((host) => {
      const address = parseIp(host.address);
      return address !== undefined && inPrefix(address, network, prefixLength);
    });
  }
}

function keyOf(route: Route): string {
  const { destination, prefixLength, table, priority, gateway, multipath, payload } = route;
  const hops = multipath.join(",");
  return `${destination}/${prefixLength} ${table} ${priority} ${gateway} ${hops} ${payload[3]}`;
}

function asRequest(address: InterfaceAddress) {
  const { index, prefixLength, scope, valid, preferred, protocol, label, routePriority } = address;
  const { peer, broadcast } = address;
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
    ...(peer === undefined ? {} : { peer }),
    ...(broadcast === undefined ? {} : { broadcast }),
  };
}
