/**
 * Routes and addresses that somebody tracks: whether the kernel has them. Of addresses and of most
 * routes it tells; IPv4 routes that go with an address or an interface go in silence, so that their
 * tables are looked at again after each change of one.
 *
 * This stands beside the rest of the kernel plane and has sockets of its own: what it does may take
 * its time, and changes nothing.
 *
 * @module
 */

import { IFA_F_DADFAILED, IFA_F_TENTATIVE, splitMessages } from "../netlink/mod.ts";
import {
  type TrackerFinding,
  trackerKey,
  type WatchedAddress,
  type WatchedPresence,
  type WatchedRoute,
} from "../plane/trackers.ts";
import { textOf } from "../text/mod.ts";
import type { Finding } from "../vrrp/mod.ts";
import type { KernelIo, NamespaceIo } from "./io.ts";
import { Places } from "./places.ts";
import type { RouteIo, RouteShape } from "./presence_io.ts";
import { Requester } from "./requester.ts";
import { RouteScan, shapesOf } from "./route_scan.ts";
import { type Say, Tables } from "./tables.ts";
import { NamespaceView } from "./view.ts";

/** Datagrams of routes that are read in one turn, and at the start, when somebody waits. */
const PIECES = 8;
const FIRST_PIECES = 64;
/** Looking for routes may take one part in so many of the time. */
const SHARE = 10;
/** How often routes are looked for though nothing was told, microseconds. */
const DOUBT = 10_000_000;
/** How long after a failure it is tried again, microseconds. */
const RETRY = 1_000_000;

/** The world, as far as presences go. */
export interface PresenceWorld extends KernelIo {
  /** Opens sockets for routes. @throws where the kernel refuses */
  openRoutes(namespace: string, shapes: readonly RouteShape[]): RouteIo;
}

/** What is looked for in one namespace. */
class NamespacePresence {
  readonly #world: PresenceWorld;
  readonly #addresses: readonly WatchedAddress[];
  readonly #view = new NamespaceView();
  readonly #io: NamespaceIo;
  readonly #tables: Tables;
  readonly #routeIo: RouteIo | undefined;
  readonly #scan: RouteScan | undefined;
  #stale = true;
  #scanBegan = 0;
  #mayScan = 0;
  #mustScan = 0;

  /** @throws where the namespace does not exist, or the kernel refuses */
  constructor(
    namespace: string,
    presences: readonly WatchedPresence[],
    world: PresenceWorld,
    say: Say,
  ) {
    this.#world = world;
    this.#addresses = presences.filter((one) => one.kind === "address");
    const routes = presences.filter((one): one is WatchedRoute => one.kind === "route");
    this.#io = world.open(namespace);
    try {
      const silent = { removed: () => {}, routing: () => {}, lost: () => {} };
      const now = () => world.now();
      const requester = new Requester(this.#io);
      this.#tables = new Tables(this.#io, requester, this.#view, now, say, silent);
      this.#tables.read();
      if (routes.length > 0) {
        this.#routeIo = world.openRoutes(namespace, shapesOf(routes));
        this.#scan = new RouteScan(
          this.#routeIo,
          routes,
          (index) => this.#view.link(index)?.name ?? `${index}`,
        );
      }
      this.turn(FIRST_PIECES);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get deadline(): number {
    const { deadline } = this.#tables;
    if (this.#scan === undefined) return deadline;
    if (this.#scan.running) return 0;
    return Math.min(deadline, this.#stale ? this.#mayScan : this.#mustScan);
  }

  /** @throws where the kernel refuses */
  turn(pieces = PIECES): void {
    this.#tables.follow();
    const [scan, io] = [this.#scan, this.#routeIo];
    if (scan === undefined || io === undefined) return;
    if (this.#view.takeChanges().size > 0) this.#stale = true;
    for (;;) {
      const bytes = io.event();
      if (bytes === undefined) break;
      // What is stale already needs no more reading.
      this.#stale ||= bytes === "overrun" ||
        splitMessages(bytes).messages.some((message) => scan.concerns(message));
    }
    const now = this.#world.now();
    if (!scan.running) {
      if (now < (this.#stale ? this.#mayScan : this.#mustScan)) return;
      this.#stale = false;
      this.#scanBegan = now;
      scan.start();
    }
    const state = scan.step(pieces);
    if (state === "going on") return;
    if (state === "changed") this.#stale = true;
    const end = this.#world.now();
    this.#mayScan = end + (end - this.#scanBegan) * SHARE;
    this.#mustScan = end + DOUBT;
  }

  /** What is known, by the tracker's key. */
  results(): Map<string, Finding> {
    const addresses = this.#addresses.map((one) => [trackerKey(one), this.#find(one)] as const);
    return new Map([...addresses, ...this.#scan?.results ?? []]);
  }

  close(): void {
    this.#routeIo?.close();
    this.#io.close();
  }

  #find({ address, interface: wanted }: WatchedAddress): Finding {
    let instead: string | undefined;
    for (const index of this.#view.indexes()) {
      const name = this.#view.link(index)?.name ?? `${index}`;
      for (const { flags } of this.#view.seen(index, address)) {
        if (wanted !== undefined && name !== wanted) {
          instead ??= `${name} has it, ${wanted} does not`;
        } else if ((flags & IFA_F_DADFAILED) !== 0) instead = `another host has it on ${name}`;
        else if ((flags & IFA_F_TENTATIVE) !== 0) instead = `${name} may not use it yet`;
        else return { healthy: true, reason: `on ${name}` };
      }
    }
    return { healthy: false, reason: instead ?? this.#absence(wanted) };
  }

  #absence(wanted: string | undefined): string {
    if (wanted === undefined) return "no interface has it";
    const there = this.#view.indexOf(wanted) !== undefined;
    return there ? `${wanted} does not have it` : `there is no interface ${wanted}`;
  }
}

/** All that is looked for. */
export class PresenceWatch {
  readonly #world: PresenceWorld;
  readonly #tell: (finding: TrackerFinding) => void;
  readonly #say: Say;
  #wanted: readonly WatchedPresence[] = [];
  readonly #open = new Map<string, NamespacePresence>();
  readonly #places: Places;
  /** Namespaces that could not be looked into: when to try again, and why. */
  readonly #closed = new Map<string, { readonly at: number; readonly reason: string }>();
  readonly #said = new Map<string, TrackerFinding>();

  constructor(world: PresenceWorld, tell: (finding: TrackerFinding) => void, say: Say) {
    this.#world = world;
    this.#places = new Places(world);
    this.#tell = tell;
    this.#say = say;
  }

  /** When `turn` should be called though nothing happened. */
  get deadline(): number {
    let deadline = Infinity;
    for (const { deadline: own } of this.#open.values()) deadline = Math.min(deadline, own);
    for (const { at } of this.#closed.values()) deadline = Math.min(deadline, at);
    return deadline;
  }

  /** What is looked for from now on. All that can be known at once is told before this returns. */
  configure(wanted: readonly WatchedPresence[]): void {
    const before = Map.groupBy(this.#wanted, ({ namespace }) => namespace);
    const after = Map.groupBy(wanted, ({ namespace }) => namespace);
    this.#wanted = wanted;
    const keys = new Set(wanted.map(trackerKey));
    for (const key of this.#said.keys()) if (!keys.has(key)) this.#said.delete(key);
    for (const [namespace, list] of before) {
      if (JSON.stringify(list) === JSON.stringify(after.get(namespace))) continue;
      this.#open.get(namespace)?.close();
      this.#open.delete(namespace);
      this.#closed.delete(namespace);
    }
    for (const namespace of after.keys()) {
      if (!this.#open.has(namespace) && !this.#closed.has(namespace)) this.#begin(namespace);
    }
    this.#tellNews();
  }

  /** Reads what happened and tells what differs. Never throws. */
  turn(): void {
    const now = this.#world.now();
    for (const namespace of this.#places.moved(this.#open.keys())) {
      this.#open.get(namespace)?.close();
      this.#open.delete(namespace);
      this.#begin(namespace);
    }
    for (const [namespace, { at }] of this.#closed) if (at <= now) this.#begin(namespace);
    for (const [namespace, one] of this.#open) {
      try {
        one.turn();
      } catch (error) {
        this.#open.delete(namespace);
        one.close();
        this.#fail(namespace, error);
      }
    }
    this.#tellNews();
  }

  /** Tells all again: somebody has heard nothing yet. */
  repeat(): void {
    for (const finding of this.#said.values()) this.#tell(finding);
  }

  close(): void {
    for (const one of this.#open.values()) one.close();
    this.#open.clear();
  }

  #begin(namespace: string): void {
    const wanted = this.#wanted.filter((one) => one.namespace === namespace);
    this.#closed.delete(namespace);
    this.#places.note(namespace);
    try {
      this.#open.set(
        namespace,
        new NamespacePresence(namespace, wanted, this.#world, this.#say),
      );
    } catch (error) {
      this.#fail(namespace, error);
    }
  }

  #fail(namespace: string, error: unknown): void {
    const reason = `cannot be looked for: ${textOf(error)}`;
    this.#closed.set(namespace, { at: this.#world.now() + RETRY, reason });
  }

  #tellNews(): void {
    const results = new Map([...this.#open].map(([name, one]) => [name, one.results()]));
    for (const thing of this.#wanted) {
      const { kind, namespace, name } = thing;
      const key = trackerKey(thing);
      const closed = this.#closed.get(namespace);
      const found = closed === undefined
        ? results.get(namespace)?.get(key)
        : { healthy: false, reason: closed.reason };
      const said = this.#said.get(key);
      if (found === undefined) continue;
      if (said?.healthy === found.healthy && said.reason === found.reason) continue;
      const finding = { kind, namespace, name, ...found };
      this.#said.set(key, finding);
      if (said?.healthy !== found.healthy) {
        this.#say(found.healthy ? "info" : "warning", ["trackers"], `Tracked ${kind}`, {
          [kind]: name,
          ...(namespace === "" ? {} : { namespace }),
          found: found.reason,
        });
      }
      this.#tell(finding);
    }
  }
}
