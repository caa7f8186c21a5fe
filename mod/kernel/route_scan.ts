/**
 * Looks for routes in the kernel's tables, piece by piece: a table may have a million of them, and
 * whoever reads it has other things to do.
 *
 * @module
 */

import {
  DumpReader,
  ENOENT,
  MessageWriter,
  type NetlinkMessage,
  type NextHop,
  nextHopsOf,
  readRoute,
  requestRoutes,
  type Route,
  ROUTE_TYPES,
  RTM_F_CLONED,
} from "../netlink/mod.ts";
import { trackerKey, type WatchedRoute } from "../plane/trackers.ts";
import type { Finding } from "../vrrp/mod.ts";
import type { RouteIo, RouteShape } from "./presence_io.ts";

/** Routes that lead nowhere. */
const { blackhole, unreachable, prohibit, throw: thrown } = ROUTE_TYPES;
const NOWHERE: readonly number[] = [blackhole, unreachable, prohibit, thrown];

/** One table of one family. */
interface Table {
  readonly family: 4 | 6;
  readonly table: number;
}

/** What was found of one route: hops that are right, and others to the same network. */
interface Found {
  right: string | undefined;
  other: string | undefined;
}

/** The family of a route that is looked for. */
export function familyOf({ to }: WatchedRoute): 4 | 6 {
  return to.includes(":") ? 6 : 4;
}

/** Each family and prefix length once. */
export function shapesOf(routes: readonly WatchedRoute[]): RouteShape[] {
  const shapes = new Map<string, RouteShape>();
  for (const route of routes) {
    const shape = { family: familyOf(route), prefixLength: route.prefixLength };
    shapes.set(JSON.stringify(shape), shape);
  }
  return [...shapes.values()];
}

/** One look after the other at the tables of one namespace. */
export class RouteScan {
  readonly #io: Pick<RouteIo, "send" | "receive">;
  readonly #routes: readonly WatchedRoute[];
  readonly #nameOf: (index: number) => string;
  readonly #shapes: ReadonlySet<number>;
  #sequence = 0;
  #left: Table[] = [];
  #reader: DumpReader | undefined;
  #found = new Map<WatchedRoute, Found>();
  #changed = false;
  #results: ReadonlyMap<string, Finding> = new Map();

  /** @param nameOf the name of an interface */
  constructor(
    io: Pick<RouteIo, "send" | "receive">,
    routes: readonly WatchedRoute[],
    nameOf: (index: number) => string,
  ) {
    this.#io = io;
    this.#routes = routes;
    this.#nameOf = nameOf;
    this.#shapes = new Set(shapesOf(routes).map((one) => one.family * 256 + one.prefixLength));
  }

  get running(): boolean {
    return this.#reader !== undefined;
  }

  /** What the last look that came to its end has found, by the tracker's key. */
  get results(): ReadonlyMap<string, Finding> {
    return this.#results;
  }

  /** Begins a look. */
  start(): void {
    const tables = new Map<string, Table>();
    for (const route of this.#routes) {
      const table = { family: familyOf(route), table: route.table };
      tables.set(JSON.stringify(table), table);
    }
    this.#left = [...tables.values()];
    this.#found = new Map();
    this.#changed = false;
    this.#next();
  }

  /**
   * Goes on for so many datagrams.
   *
   * @returns `changed`: the tables changed meanwhile, and have to be looked at again
   * @throws {Error} where the kernel refuses
   */
  step(pieces: number): "done" | "changed" | "going on" {
    for (let i = 0; i < pieces && this.#reader !== undefined; i++) {
      const reader = this.#reader;
      const bytes = this.#io.receive();
      if (bytes === undefined) throw this.#failed("the table has no end");
      reader.feed(bytes);
      for (const message of reader.messages.splice(0)) this.#take(message);
      if (reader.state === "reading") continue;
      // The kernel has no such table yet.
      const { failure } = reader;
      if (failure !== undefined && failure.errno !== ENOENT) {
        throw this.#failed(failure.text === "" ? `errno ${failure.errno}` : failure.text);
      }
      this.#changed ||= reader.state === "interrupted";
      this.#next();
    }
    if (this.#reader !== undefined) return "going on";
    this.#results = new Map(this.#routes.map((route) => [trackerKey(route), this.#judge(route)]));
    return this.#changed ? "changed" : "done";
  }

  /** Whether a notification is about a route that is looked for. */
  concerns(message: NetlinkMessage): boolean {
    const route = this.#read(message);
    return route !== undefined && this.#routes.some((wanted) => isTo(wanted, route));
  }

  #failed(why: string): Error {
    this.#reader = undefined;
    return new Error(`Cannot read routes: ${why}`);
  }

  #next(): void {
    const table = this.#left.pop();
    this.#reader = undefined;
    if (table === undefined) return;
    const reader = new DumpReader(++this.#sequence);
    const writer = new MessageWriter(64);
    requestRoutes(writer, reader.sequence, table.family, { table: table.table });
    this.#io.send(writer.finish());
    this.#reader = reader;
  }

  /** Most routes are told by two bytes to be none of ours. */
  #read(message: NetlinkMessage): Route | undefined {
    const { payload } = message;
    const family = payload[0] === 2 ? 4 : 6;
    if (!this.#shapes.has(family * 256 + (payload[1] ?? 0))) return undefined;
    const read = readRoute(message);
    return read.ok ? read.value : undefined;
  }

  #take(message: NetlinkMessage): void {
    const route = this.#read(message);
    if (route === undefined || (route.flags & RTM_F_CLONED) !== 0) return;
    if (NOWHERE.includes(route.type)) return;
    for (const wanted of this.#routes) {
      if (!isTo(wanted, route)) continue;
      let found = this.#found.get(wanted);
      if (found === undefined) {
        this.#found.set(wanted, found = { right: undefined, other: undefined });
      }
      for (const hop of nextHopsOf(route)) {
        const words = this.#describe(hop);
        const right = (wanted.via === undefined || wanted.via === hop.gateway) &&
          (wanted.interface === undefined || wanted.interface === this.#nameOf(hop.index));
        if (right) found.right ??= words;
        else found.other ??= words;
      }
    }
  }

  #describe({ index, gateway }: NextHop): string {
    const through = gateway === "" ? "" : `via ${gateway} `;
    return `${through}dev ${this.#nameOf(index)}`;
  }

  #judge(route: WatchedRoute): Finding {
    const { right, other } = this.#found.get(route) ?? {};
    if (right !== undefined) return { healthy: true, reason: right };
    const reason = other === undefined ? "there is none" : `there is only one ${other}`;
    return { healthy: false, reason };
  }
}

function isTo(wanted: WatchedRoute, route: Route): boolean {
  return route.destination === wanted.to && route.prefixLength === wanted.prefixLength &&
    route.table === wanted.table;
}
