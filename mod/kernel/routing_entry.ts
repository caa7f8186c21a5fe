/**
 * What the routing book remembers of each route and rule, and how a configured one is told from
 * others and made into one that the kernel takes.
 *
 * @module
 */

import {
  describeRoute,
  describeRule,
  type NetlinkMessage,
  readRoute,
  readRule,
  type Route,
  type RouteForm,
  type RouteHop,
  routeKey,
  RTM_DELROUTE,
  RTM_F_CLONED,
  RTM_NEWROUTE,
  type RuleForm,
  ruleKey,
} from "../netlink/mod.ts";
import type { HeldRoute, HeldRule, KernelRouter } from "../plane/messages.ts";
import { backoff } from "./gate.ts";
import type { LeasedRouter } from "./leased.ts";
import { ROUTE_METRIC } from "./operation.ts";
import type { RouteId } from "./routing_operation.ts";
import type { NamespaceView } from "./view.ts";
import { ownProtocol } from "./mark.ts";

/** Removals further apart than this are not thought to be a fight, microseconds. */
const SETTLED = 10_000_000;

/** What keys of routes and of rules begin with. */
export const ROUTE = "route ";
export const RULE = "rule ";

/** A configured route or rule with what names it. */
export interface HeldObject {
  readonly key: string;
  /** All of it, to be compared. */
  readonly form: string;
  /** In words of `ip`. */
  readonly text: string;
  readonly object:
    | { readonly kind: "route"; readonly route: HeldRoute }
    | { readonly kind: "rule"; readonly rule: HeldRule };
}

/** One that is configured, for one router or several. */
export interface Entry extends HeldObject {
  readonly holders: LeasedRouter[];
  /** The form that the kernel has taken from us; undefined: none, or nobody knows. */
  asserted: string | undefined;
  /** The host has the same rule of its own. */
  hosts: boolean;
  /** Nothing is tried before this time. */
  retryAt: number;
  failures: number;
  failure: string | undefined;
  /** When somebody else last removed it. */
  removedAt: number;
  /** Removals by somebody else in quick succession. */
  strikes: number;
  /** Somebody else removed it; it counts as a repair once it is back. */
  repairing: boolean;
}

/** One of ours that the kernel has. */
export type Shown =
  & { readonly key: string; readonly text: string; retryAt: number }
  & (
    | {
      readonly kind: "route";
      readonly route: RouteId;
      /** Interfaces that it leads out of; empty: none, or nobody knows. */
      readonly ways: readonly number[];
      /** It goes with an address, too. */
      readonly source: boolean;
    }
    | { readonly kind: "rule"; readonly rule: RuleForm }
  );

const objects = new WeakMap<KernelRouter, readonly HeldObject[]>();

/** The routes and rules of a router, each key once. */
export function objectsOf(router: KernelRouter): readonly HeldObject[] {
  let known = objects.get(router);
  if (known === undefined) objects.set(router, known = makeObjects(router));
  return known;
}

function makeObjects({ routes = [], rules = [] }: KernelRouter): HeldObject[] {
  return [
    ...routes.map((route) => ({
      key: ROUTE + routeKey(route),
      form: JSON.stringify(route),
      text: describeRoute(route),
      object: { kind: "route", route } as const,
    })),
    ...rules.map((rule) => ({
      key: RULE + ruleKey(rule),
      form: JSON.stringify(rule),
      text: describeRule(rule),
      object: { kind: "rule", rule } as const,
    })),
  ];
}

/** @param before the same key in the former configuration */
export function newEntry(object: HeldObject, holder: LeasedRouter, before?: Entry): Entry {
  const { asserted, hosts, removedAt, strikes, repairing } = before ?? {
    asserted: undefined,
    hosts: false,
    removedAt: -Infinity,
    strikes: 0,
    repairing: false,
  };
  return {
    ...object,
    holders: [holder],
    asserted,
    hosts,
    retryAt: 0,
    failures: 0,
    failure: undefined,
    removedAt,
    strikes,
    repairing,
  };
}

/** Why a router cannot have its route: another one has one of the same key that differs. */
export function conflictOf(entry: Entry | undefined, object: HeldObject): string | undefined {
  if (entry === undefined || entry.form === object.form) return undefined;
  const names = entry.holders.map(({ router }) => router.name).join(", ");
  return `${names} has another route to this network with the same table and metric: ${entry.text}`;
}

/** The route with interfaces by index; a text: why there is none now. */
export function resolve(route: HeldRoute, view: NamespaceView): RouteForm<number> | string {
  const hops: RouteHop<number>[] = [];
  for (const { interface: name, ...hop } of route.hops) {
    const index = name === undefined ? undefined : view.indexOf(name);
    if (name !== undefined && index === undefined) return `Interface ${name} does not exist`;
    hops.push(index === undefined ? hop : { ...hop, interface: index });
  }
  return { ...route, hops };
}

/** A route or rule of ours out of a message; undefined: it is none. */
export function shownOf(message: NetlinkMessage): Shown | undefined {
  if (message.type === RTM_NEWROUTE || message.type === RTM_DELROUTE) {
    const read = readRoute(message);
    return read.ok && isMoving(read.value) ? shownRoute(read.value) : undefined;
  }
  const read = readRule(message);
  if (!read.ok || read.value.protocol !== ownProtocol()) return undefined;
  const { rule } = read.value;
  return { kind: "rule", key: RULE + ruleKey(rule), text: describeRule(rule), rule, retryAt: 0 };
}

/** Ours, and not a connected route (see `connected.ts`). */
function isMoving({ protocol, priority, index, gateway, flags }: Route): boolean {
  const connected = gateway === "" && priority === ROUTE_METRIC + index;
  return protocol === ownProtocol() && !connected && (flags & RTM_F_CLONED) === 0;
}

/** Whether it may have gone in silence when an interface or an address of one changed. */
export function mayHaveGone(shown: Shown, index: number): boolean {
  if (shown.kind !== "route") return false;
  return shown.ways.length === 0 || shown.source || shown.ways.includes(index);
}

function shownRoute(read: Route): Shown {
  const { destination, prefixLength, table, priority, payload, index, multipath, source } = read;
  const tos = payload[3] ?? 0;
  const to = `${destination}/${prefixLength}`;
  const id = {
    to,
    table,
    ...(tos === 0 ? {} : { tos }),
    ...(priority === 0 ? {} : { metric: priority }),
  };
  const text = describeRoute({ ...id, type: "unicast", hops: [] });
  return {
    kind: "route",
    key: ROUTE + routeKey(id),
    text,
    route: id,
    retryAt: 0,
    ways: index === 0 ? multipath : [index],
    source: source !== "",
  };
}

/** Somebody else removed it: when to put it back. */
export function strike(entry: Entry, now: number): void {
  entry.repairing = true;
  entry.strikes = now - entry.removedAt < SETTLED ? entry.strikes + 1 : 0;
  entry.removedAt = now;
  entry.retryAt = now + backoff(entry.strikes);
}
