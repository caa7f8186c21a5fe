/**
 * The routing book: which routes and rules that move with mastership should be there, and what to
 * do so that they are. Like the lease book it compares what is wanted with what is seen and returns
 * operations, until there is nothing left to do.
 *
 * - What has the same key and the same form in two routers is one object: it goes when the last of
 *   them lets go. So one that moves from router to router stays where it is.
 * - Routes and rules have no lease: the kernel gives none to rules and IPv4 routes. Where the gate
 *   of a router stays shut for a whole lease, they are removed as its addresses are; after a crash
 *   the next start adopts or removes them, by our protocol number.
 * - What somebody else removes is put back: at once the first time, with growing waits later.
 * - What the kernel refuses is named, tried again, and keeps nobody from being master.
 * - The kernel is silent about IPv4 routes that go with an interface or an address: after a change of
 *   one the tables are read again (`stale`).
 *
 * Pure: the kernel's tables, the gates and the time come in. Times are whole microseconds.
 *
 * @module
 */

import {
  EEXIST,
  ENOENT,
  ESRCH,
  type NetlinkMessage,
  readRule,
  RTM_DELRULE,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  ruleKey,
} from "../netlink/mod.ts";
import type { ObjectReport } from "../plane/messages.ts";
import { backoff, GATE_RETRY } from "./gate.ts";
import type { LeasedRouter } from "./leased.ts";
import {
  conflictOf,
  type Entry,
  mayHaveGone,
  newEntry,
  objectsOf,
  resolve,
  ROUTE,
  RULE,
  type Shown,
  shownOf,
  strike,
} from "./routing_entry.ts";
import type { RoutingOperation } from "./routing_operation.ts";
import type { NamespaceView } from "./view.ts";

const SECOND = 1_000_000;
/** How long a removal that was refused is left alone. */
const REMOVAL_RETRY = 5 * SECOND;
/** How often the gates are looked at, as a share of the lease. */
const LOOKS = 4;
/** Until the kernel tells of it. */
const UNKNOWN = { ways: [], source: false };
const OCCUPIED = "The host has another route to this network with the same metric";

/** What the book tells its owner besides the operations. */
export interface RoutingEvents {
  /** What can be said of this router is different now. */
  changed(router: LeasedRouter): void;
}

/** Wanted and seen routes and rules of one namespace. */
export class RoutingBook {
  readonly #view: NamespaceView;
  readonly #events: RoutingEvents;
  /** By key. */
  #entries = new Map<string, Entry>();
  /** What the kernel has of ours, by key. */
  #seen = new Map<string, Shown>();
  /** When each router's gate was last found open. */
  readonly #openedAt = new Map<LeasedRouter, number>();
  readonly #repairs = new Map<string, number>();
  #stale = true;
  #dirty = true;
  #deadline = Infinity;

  constructor(view: NamespaceView, events: RoutingEvents) {
    this.#view = view;
    this.#events = events;
  }

  /** When the book should be asked again though nothing happened. */
  get deadline(): number {
    return this.#deadline;
  }

  /** There are routes or rules in the configuration. */
  get used(): boolean {
    return this.#entries.size > 0;
  }

  /** The kernel's tables have to be read before anything is planned. */
  get stale(): boolean {
    return this.#stale && (this.used || this.#seen.size > 0);
  }

  /** Times that something of a router which somebody else removed was put back. */
  repairs(router: string): number {
    return this.#repairs.get(router) ?? 0;
  }

  /** Everything wanted from now on. */
  configure(routers: Iterable<LeasedRouter>): void {
    const before = this.#entries;
    this.#entries = new Map();
    const names = new Set<string>();
    const entries = new Set<LeasedRouter>();
    for (const router of routers) {
      names.add(router.router.name);
      entries.add(router);
      for (const object of objectsOf(router.router)) {
        const known = this.#entries.get(object.key);
        if (known === undefined) {
          this.#entries.set(object.key, newEntry(object, router, before.get(object.key)));
        } else if (known.form === object.form) known.holders.push(router);
      }
    }
    for (const name of this.#repairs.keys()) if (!names.has(name)) this.#repairs.delete(name);
    for (const router of this.#openedAt.keys()) {
      if (!entries.has(router)) this.#openedAt.delete(router);
    }
    this.touch();
  }

  /** Who holds what may have changed. */
  touch(): void {
    this.#dirty = true;
  }

  /**
   * Something changed on an interface: routes may be gone in silence, and refused ones possible. To
   * read the tables takes long where a routing daemon fills them: not for what does not concern us.
   *
   * @param index absent: on any
   */
  verify(index?: number): void {
    const concerned = index === undefined || this.#stale ||
      [...this.#seen.values()].some((shown) => mayHaveGone(shown, index));
    this.#stale = concerned;
    this.#dirty = true;
    for (const entry of this.#entries.values()) {
      if (entry.failure !== undefined) entry.retryAt = 0;
    }
  }

  /** Takes the kernel's tables: all routes and rules that carry our protocol number. */
  see(messages: readonly NetlinkMessage[]): void {
    const before = this.#seen;
    this.#seen = new Map();
    for (const message of messages) {
      const shown = shownOf(message);
      if (shown === undefined) continue;
      this.#seen.set(shown.key, { ...shown, retryAt: before.get(shown.key)?.retryAt ?? 0 });
    }
    for (const [key, entry] of this.#entries) {
      if (this.#seen.has(key)) continue;
      entry.asserted = undefined;
    }
    this.#stale = false;
    this.#dirty = true;
  }

  /** Takes a notification. @param ownPort netlink port of our own requests */
  take(message: NetlinkMessage, ownPort: number, now: number): void {
    const shown = shownOf(message);
    if (shown === undefined) return this.#takeForeign(message);
    const foreign = message.portId !== 0 && message.portId !== ownPort;
    const entry = this.#entries.get(shown.key);
    if (message.type === RTM_NEWROUTE || message.type === RTM_NEWRULE) {
      this.#seen.set(shown.key, shown);
      // Somebody else's doing: it may look different.
      if (foreign && entry !== undefined) entry.asserted = undefined;
    } else {
      this.#seen.delete(shown.key);
      if (entry !== undefined) {
        entry.asserted = undefined;
        if (foreign && this.#wanted(entry, now)) strike(entry, now);
        this.#changed(entry);
      }
    }
    this.#dirty = true;
  }

  /** A rule of the host's that stood in the way, or for ours, may be gone. */
  #takeForeign(message: NetlinkMessage): void {
    if (message.type !== RTM_DELRULE) return;
    const read = readRule(message);
    const entry = read.ok ? this.#entries.get(RULE + ruleKey(read.value.rule)) : undefined;
    if (entry === undefined || !entry.hosts) return;
    entry.hosts = false;
    entry.retryAt = 0;
    this.#dirty = true;
    this.#changed(entry);
  }

  /** What nobody wants any more, to be removed before addresses are. */
  removals(now: number, most: number): RoutingOperation[] {
    if (!this.#due(now)) return [];
    const operations: RoutingOperation[] = [];
    for (const [key, shown] of this.#seen) {
      const entry = this.#entries.get(key);
      if (entry !== undefined && (this.#wanted(entry, now) || this.#kept(entry, now))) continue;
      if (shown.retryAt > now) {
        this.#wakeAt(shown.retryAt);
        continue;
      }
      if (operations.length >= most) break;
      const router = entry?.holders[0]?.router.name ?? "";
      const { text } = entry ?? shown;
      operations.push(
        shown.kind === "route"
          ? { type: "drop_route", router, key, text, route: shown.route }
          : { type: "drop_rule", router, key, text, rule: shown.rule },
      );
    }
    return operations;
  }

  /** What is missing, to be added when the addresses are there. Also sets `deadline`. */
  additions(now: number, most: number): RoutingOperation[] {
    if (!this.#due(now)) return [];
    this.#deadline = Infinity;
    const operations: RoutingOperation[] = [];
    for (const entry of this.#entries.values()) {
      if (!this.#wanted(entry, now)) {
        entry.hosts = false;
        entry.failure = undefined;
        if (this.#kept(entry, now)) {
          for (const { adoptedUntil, decided } of entry.holders) {
            if (!decided && adoptedUntil > now) this.#wakeAt(adoptedUntil);
          }
        }
        continue;
      }
      const seen = this.#seen.has(entry.key);
      if ((seen && entry.asserted === entry.form) || entry.hosts) continue;
      if (entry.retryAt > now) this.#wakeAt(entry.retryAt);
      else if (!this.#mayAdd(entry, now)) this.#wakeAt(now + GATE_RETRY);
      else if (operations.length >= most) this.#wakeAt(now);
      else this.#add(entry, seen, operations);
    }
    for (const shown of this.#seen.values()) if (shown.retryAt > now) this.#wakeAt(shown.retryAt);
    this.#dirty = operations.length > 0;
    return operations;
  }

  /**
   * What became of an operation.
   *
   * @param failure in words; undefined: done
   * @param errno 0: done
   * @returns whether that is news: a refusal that is repeated is none
   */
  settle(
    operation: RoutingOperation,
    failure: string | undefined,
    errno: number,
    now: number,
  ): boolean {
    this.#dirty = true;
    const { key } = operation;
    const entry = this.#entries.get(key);
    if (operation.type === "drop_route" || operation.type === "drop_rule") {
      const shown = this.#seen.get(key);
      if (errno === 0 || errno === ESRCH || errno === ENOENT) this.#seen.delete(key);
      else if (shown !== undefined) shown.retryAt = now + REMOVAL_RETRY;
      if (entry !== undefined) entry.asserted = undefined;
      return true;
    }
    if (entry === undefined) return true;
    this.#changed(entry);
    if (operation.type === "add_rule" && errno === EEXIST) {
      // The host has the very same rule.
      entry.hosts = true;
      entry.failure = undefined;
      return false;
    }
    if (failure !== undefined) {
      const reason = errno === EEXIST ? OCCUPIED : failure;
      const news = entry.failure !== reason;
      entry.failures++;
      entry.failure = reason;
      entry.retryAt = now + backoff(entry.failures);
      // One of ours that was not known would be the other explanation.
      if (errno === EEXIST && entry.failures === 1) this.#stale = true;
      return news;
    }
    this.#seen.set(
      key,
      operation.type === "put_route"
        ? { kind: "route", key, text: entry.text, route: operation.route, retryAt: 0, ...UNKNOWN }
        : { kind: "rule", key, text: entry.text, rule: operation.rule, retryAt: 0 },
    );
    entry.asserted = entry.form;
    entry.failures = 0;
    entry.failure = undefined;
    for (const { router } of entry.repairing ? entry.holders : []) {
      this.#repairs.set(router.name, this.repairs(router.name) + 1);
    }
    entry.repairing = false;
    return true;
  }

  /** What can be said of a router's routes and rules; undefined: it has none. */
  report(
    { router, fault }: LeasedRouter,
  ): { readonly routes?: ObjectReport; readonly rules?: ObjectReport } {
    const of = (kind: typeof ROUTE | typeof RULE): ObjectReport => {
      const present: string[] = [];
      const failed: { text: string; reason: string }[] = [];
      for (const object of objectsOf(router)) {
        if (!object.key.startsWith(kind)) continue;
        const entry = this.#entries.get(object.key);
        const conflict = conflictOf(entry, object);
        const reason = fault ?? conflict ?? entry?.failure;
        const there = conflict === undefined && (entry?.hosts === true ||
          (this.#seen.has(object.key) && entry?.asserted === object.form));
        if (there) present.push(object.text);
        else if (reason !== undefined) failed.push({ text: object.text, reason });
      }
      return { present, failed };
    };
    return {
      ...(router.routes === undefined ? {} : { routes: of(ROUTE) }),
      ...(router.rules === undefined ? {} : { rules: of(RULE) }),
    };
  }

  #due(now: number): boolean {
    return this.#dirty || now >= this.#deadline;
  }

  #add(entry: Entry, seen: boolean, operations: RoutingOperation[]): void {
    const { key, text, object } = entry;
    const router = entry.holders[0]?.router.name ?? "";
    if (object.kind === "rule") {
      // One that is there and ours has this very form: the form is the key.
      if (seen) entry.asserted = entry.form;
      else operations.push({ type: "add_rule", router, key, text, rule: object.rule });
      return this.#changed(entry);
    }
    const route = resolve(object.route, this.#view);
    if (typeof route === "string") {
      if (entry.failure === route) return;
      entry.failure = route;
      return this.#changed(entry);
    }
    operations.push({
      type: "put_route",
      router,
      key,
      text,
      route,
      mode: seen ? "replace" : "create",
    });
  }

  /** Some router that is master, and whose protocol plane says so, has it. */
  #wanted({ holders }: Entry, now: number): boolean {
    return holders.some((router) => {
      if (!router.wanted || router.fault !== undefined) {
        this.#openedAt.delete(router);
        return false;
      }
      const lease = router.router.lease * SECOND;
      if (lease === 0) return true;
      const known = this.#openedAt.get(router);
      const openedAt = known === undefined || router.gate.open(now) ? now : known;
      this.#openedAt.set(router, openedAt);
      this.#wakeAt(now + lease / LOOKS);
      return now - openedAt <= lease;
    });
  }

  /** Nobody has decided yet: what was there at the start is left alone for a while. */
  #kept({ holders }: Entry, now: number): boolean {
    return holders.some((router) => !router.decided && now < router.adoptedUntil);
  }

  #mayAdd({ holders }: Entry, now: number): boolean {
    return holders.some((router) => router.wanted && router.gate.open(now));
  }

  #changed(entry: Entry): void {
    for (const router of entry.holders) this.#events.changed(router);
  }

  #wakeAt(time: number): void {
    if (time < this.#deadline) this.#deadline = time;
  }
}
