/**
 * Connected routes of our own.
 *
 * A virtual address is installed as /32 or /128, so the kernel makes no connected route for the
 * prefix that is configured. Where another address of the interface covers the prefix its route is
 * there anyway; where none does, halb adds one, with the virtual address as source. Its metric is
 * so high that every route of the host to the same network wins.
 *
 * It must not outlive the lease. The kernel removes an IPv4 route together with its source address.
 * Of an IPv6 route it only strikes the source out, so that one has a lifetime like the address and
 * is made anew at a third of it.
 *
 * Verifying is asking again: NLM_F_EXCL answers EEXIST where an IPv4 route is there and makes it
 * where it is not, for the price of one message and no dump; an IPv6 route is replaced.
 *
 * @module
 */

import { formatIp, inPrefix, isLinkLocal, networkOf, parseIp } from "../ip/mod.ts";
import { type Decoded, type Route, RT_TABLE_MAIN } from "../netlink/mod.ts";
import type { LeaseBook } from "./lease.ts";
import type { LeasedAddress } from "./leased.ts";
import {
  type AddRoute,
  type ConnectedRoute,
  type DeleteRoute,
  hostLength,
  isIpv6,
  ROUTE_METRIC,
} from "./operation.ts";
import type { NamespaceView } from "./view.ts";
import { noteOf } from "./virtual_settings.ts";
import { ownProtocol } from "./mark.ts";

/** How long after a refusal a route is asked for again. */
const RETRY = 1_000_000;
const SECOND = 1_000_000;

/** A route and how long it may live without us, whole seconds; 0: for ever. */
interface WantedRoute extends ConnectedRoute {
  readonly lease: number;
}

interface KnownRoute extends WantedRoute {
  /** The kernel has it, as far as we know. */
  asserted: boolean;
  /** When an asserted one is made anew, since its lifetime ends; Infinity: never. */
  refreshAt: number;
  retryAt: number;
}

/** The connected routes of one namespace. */
export class ConnectedRoutes {
  readonly #view: NamespaceView;
  readonly #book: LeaseBook;
  readonly #known = new Map<string, KnownRoute>();
  /** Something changed that the routes depend on. */
  #dirty = true;
  #deadline = Infinity;

  constructor(view: NamespaceView, book: LeaseBook) {
    this.#view = view;
    this.#book = book;
  }

  /** When `plan` should be asked again though nothing happened. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Something changed on an interface: its routes may be gone, without a notification. */
  verify(index: number): void {
    for (const route of this.#known.values()) {
      if (route.index !== index) continue;
      route.asserted = false;
      route.retryAt = 0;
    }
    this.#dirty = true;
  }

  /** Addresses are wanted that were not, or the reverse. */
  touch(): void {
    this.#dirty = true;
  }

  /** Takes over the routes of ours that were there at the start; others go with the next plan. */
  adopt(routes: readonly Route[]): void {
    for (const route of routes) {
      if (route.protocol !== ownProtocol() || route.priority !== ROUTE_METRIC + route.index) {
        continue;
      }
      const known = {
        index: route.index,
        network: route.destination,
        prefixLength: route.prefixLength,
        source: route.source,
        table: route.table,
        lease: 0,
        asserted: route.family === 4,
        refreshAt: Infinity,
        retryAt: 0,
      };
      this.#known.set(keyOf(known), known);
    }
    this.#dirty = true;
  }

  /** What is to be done now: removals first. */
  plan(now: number): { readonly before: DeleteRoute[]; readonly after: AddRoute[] } {
    const before: DeleteRoute[] = [];
    const after: AddRoute[] = [];
    if (!this.#dirty && now < this.#deadline) return { before, after };
    this.#dirty = false;
    this.#deadline = Infinity;
    const wanted = this.#wanted();
    for (const [key, known] of this.#known) {
      const route = wanted.get(key);
      if (route !== undefined && route.source === known.source) continue;
      this.#known.delete(key);
      before.push({ type: "delete_route", ...plain(known) });
    }
    for (const [key, route] of wanted) {
      const known = this.#known.get(key);
      const asserted = known?.asserted === true && known.lease === route.lease &&
        now < known.refreshAt;
      const { refreshAt, retryAt } = known ?? { refreshAt: Infinity, retryAt: 0 };
      this.#known.set(key, { ...route, asserted, refreshAt, retryAt });
      if (asserted) this.#wakeAt(refreshAt);
      else if (retryAt > now) this.#wakeAt(retryAt);
      else after.push({ type: "add_route", lease: route.lease, ...plain(route) });
    }
    return { before, after };
  }

  /** What became of a route that was to be added. @param failure undefined: it is there */
  settle(operation: AddRoute, failure: string | undefined, now: number): void {
    const known = this.#known.get(keyOf(operation));
    if (known === undefined) return;
    known.asserted = failure === undefined;
    known.retryAt = failure === undefined ? now : now + RETRY;
    known.refreshAt = operation.lease === 0 ? Infinity : now + operation.lease * SECOND / 3;
    this.#wakeAt(failure === undefined ? known.refreshAt : known.retryAt);
  }

  #wakeAt(time: number): void {
    this.#deadline = Math.min(this.#deadline, time);
  }

  /** One route for each network that virtual addresses are in and no address covers. */
  #wanted(): Map<string, WantedRoute> {
    const wanted = new Map<string, WantedRoute>();
    for (const router of this.#book.routers) {
      if (!router.wanted && router.decided) continue;
      for (const address of router.addresses) this.#want(address, wanted);
    }
    return wanted;
  }

  #want(address: LeasedAddress, wanted: Map<string, WantedRoute>): void {
    const { held } = address;
    const index = this.#view.indexOf(held.interface);
    // The kernel makes the route to the other end of a link.
    if (held.peer !== undefined) return;
    if (index === undefined || this.#book.ownership.ours(address, index) === undefined) return;
    const network = networkText(held.address, held.prefixLength);
    if (!network.ok) return;
    const route = {
      index,
      network: network.value,
      prefixLength: held.prefixLength,
      source: held.address,
      table: this.#tableOf(index),
      lease: isIpv6(held.address) ? address.router.router.lease : 0,
    };
    const key = keyOf(route);
    const other = wanted.get(key);
    // Of several sources the one that the kernel has stays; else the first.
    if (other !== undefined && this.#known.get(key)?.source !== route.source) return;
    if (other === undefined && this.#covered(route)) return;
    wanted.set(key, route);
  }

  /** The kernel puts the routes of an interface's own addresses into the same table. */
  #tableOf(index: number): number {
    const master = this.#view.link(index)?.master ?? 0;
    return this.#view.link(master)?.vrfTable ?? RT_TABLE_MAIN;
  }

  #covered(route: ConnectedRoute): boolean {
    const network = parseIp(route.network);
    if (network === undefined) return true;
    // What an interface with a virtual MAC answers goes through its base, where that has the
    // network; link-local traffic goes where it came from.
    const link = this.#view.link(route.index);
    const base = link === undefined || isLinkLocal(route.source) ? undefined : noteOf(link)?.base;
    const seen = this.#view.addresses(route.index);
    return [...seen, ...base === undefined ? [] : this.#view.addresses(base)].some((seen) => {
      const address = parseIp(seen.address);
      return address !== undefined && seen.prefixLength <= route.prefixLength &&
        inPrefix(network, address, seen.prefixLength) && this.#book.ownership.isHosts(seen);
    });
  }
}

function keyOf(route: ConnectedRoute): string {
  return `${route.index} ${route.table} ${route.network}/${route.prefixLength}`;
}

function plain(route: ConnectedRoute): ConnectedRoute {
  const { index, network, prefixLength, source, table } = route;
  return { index, network, prefixLength, source, table };
}

/** The network of an address, where one is worth a route: neither a host nor everything. */
function networkText(text: string, length: number): Decoded<string> {
  if (length <= 0 || length >= hostLength(text)) return { ok: false, reason: "No network" };
  const bytes = parseIp(text);
  const network = bytes && formatIp(networkOf(bytes, length));
  if (network === undefined) return { ok: false, reason: `Not an IP address: "${text}"` };
  return { ok: true, value: network };
}
