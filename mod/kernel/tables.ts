/**
 * Keeps the view true: reads the kernel's tables once, then follows the notifications, and reads
 * the tables again where some were lost or where the kernel's answers contradict the view.
 *
 * @module
 */

import {
  AF_INET6,
  type InterfaceAddress,
  type NetlinkMessage,
  readAddress,
  readLink,
  readRoute,
  readSettings,
  requestAddresses,
  requestIpv6Settings,
  requestLinks,
  requestRoutes,
  requestRules,
  type Route,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNETCONF,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  splitMessages,
} from "../netlink/mod.ts";
import type { LogRecord } from "../plane/messages.ts";
import type { NamespaceIo } from "./io.ts";
import { textOf } from "../text/mod.ts";
import { DumpFailed, type Requester } from "./requester.ts";
import type { NamespaceView } from "./view.ts";
import { ownProtocol } from "./mark.ts";

/** Says something to the operator. */
export type Say = (
  level: LogRecord["level"],
  category: readonly string[],
  message: string,
  properties?: NonNullable<LogRecord["properties"]>,
) => void;

/** What else hears of the kernel's tables. */
export interface TableListener {
  /** An address was not removed by us; IPv4: nor by the kernel. */
  removed(address: InterfaceAddress): void;
  /** A notification of a route or rule. */
  routing(message: NetlinkMessage): void;
  /** Notifications were lost. */
  lost(): void;
}

const ROUTING: readonly number[] = [RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_DELRULE];

/** How long after a failure the tables are read again. */
const RETRY = 200_000;

/** Fills the view of one namespace. */
export class Tables {
  readonly #io: NamespaceIo;
  readonly #requester: Requester;
  readonly #view: NamespaceView;
  readonly #say: Say;
  readonly #listener: TableListener;
  /** IPv6 addresses that we have removed ourselves and not yet been told so, and how often. */
  readonly #expected = new Map<string, number>();
  readonly #now: () => number;
  #stale = false;
  /** A stale view is not replaced before this time. */
  #readAt = 0;

  constructor(
    io: NamespaceIo,
    requester: Requester,
    view: NamespaceView,
    now: () => number,
    say: Say,
    listener: TableListener,
  ) {
    this.#now = now;
    this.#io = io;
    this.#requester = requester;
    this.#view = view;
    this.#say = say;
    this.#listener = listener;
  }

  /** When `follow` should be called though nothing happened. */
  get deadline(): number {
    return this.#stale ? this.#readAt : Infinity;
  }

  /** The view disagrees with the kernel: `follow` reads the tables first. */
  distrust(): void {
    this.#stale = true;
  }

  /** We have removed an IPv6 address: its notification, which names nobody, is our own. */
  expectRemoval(index: number, address: string): void {
    const key = `${index} ${address}`;
    this.#expected.set(key, (this.#expected.get(key) ?? 0) + 1);
  }

  /**
   * Reads links and addresses anew.
   *
   * @throws {DumpFailed} where that cannot be done now; then the view stays as it was
   */
  read(): void {
    // All of it before anything is forgotten: of half a table it would seem that the rest is gone.
    const links = this.#requester.dump(requestLinks);
    const four = this.#readAddresses(4);
    const six = this.#readOptional("IPv6 addresses", () => this.#readAddresses(6));
    const settings = this.#readOptional(
      "IPv6 settings",
      () => this.#requester.dump(requestIpv6Settings),
    );
    // The kernel keeps the newest IPv6 address of a scope first, and tells of it last when it
    // comes: turned around, both agree, and the oldest one stays the first of an interface.
    const messages = [...links, ...four, ...[...six].reverse(), ...settings];
    this.#stale = false;
    this.#view.clear();
    this.#expected.clear();
    for (const message of messages) this.#take(message);
  }

  /** Takes in every notification that is queued. */
  follow(): void {
    if (this.#stale) this.#readAgain();
    for (;;) {
      const bytes = this.#io.event();
      if (bytes === undefined) return;
      if (bytes === "overrun") {
        this.#say("info", ["kernel"], "Notifications were lost, reading the tables again");
        this.#stale = true;
        this.#readAgain();
        this.#listener.lost();
      } else {
        for (const message of splitMessages(bytes).messages) this.#take(message);
      }
    }
  }

  /** Where it fails, what was known goes on to count: an old view is better than none. */
  #readAgain(): void {
    const now = this.#now();
    if (now < this.#readAt) return;
    try {
      this.read();
    } catch (error) {
      this.#readAt = now + RETRY;
      this.#say("warning", ["kernel"], "Cannot read the tables", { reason: textOf(error) });
    }
  }

  /** The routes of both families that carry our protocol number. @throws {DumpFailed} */
  ownRoutes(): Route[] {
    const routes: Route[] = [];
    const dump = (family: 4 | 6) =>
      this.#requester.dump((writer, sequence) =>
        requestRoutes(writer, sequence, family, { protocol: ownProtocol() })
      );
    for (const message of [...dump(4), ...this.#readOptional("IPv6 routes", () => dump(6))]) {
      const read = readRoute(message);
      if (read.ok && read.value.protocol === ownProtocol()) routes.push(read.value);
    }
    return routes;
  }

  /** The routes that carry our protocol number, and all rules. @throws {DumpFailed} */
  routing(): NetlinkMessage[] {
    const routes = (family: 4 | 6) =>
      this.#requester.dump((writer, sequence) =>
        requestRoutes(writer, sequence, family, { protocol: ownProtocol() })
      );
    const rules = (family: 4 | 6) =>
      this.#requester.dump((writer, sequence) => requestRules(writer, sequence, family));
    return [
      ...routes(4),
      ...this.#readOptional("IPv6 routes", () => routes(6)),
      ...this.#readOptional("rules", () => rules(4)),
      ...this.#readOptional("IPv6 rules", () => rules(6)),
    ];
  }

  #readAddresses(family: 4 | 6): readonly NetlinkMessage[] {
    return this.#requester.dump((writer, sequence) => requestAddresses(writer, sequence, family));
  }

  /** A kernel without IPv6 or policy routing refuses such a dump, and has nothing of the kind. */
  #readOptional(what: string, dump: () => readonly NetlinkMessage[]): readonly NetlinkMessage[] {
    try {
      return dump();
    } catch (error) {
      if (!(error instanceof DumpFailed) || !error.final) throw error;
      this.#say("debug", ["kernel"], `Cannot read ${what}`, { error: error.message });
      return [];
    }
  }

  #take(message: NetlinkMessage): void {
    if (ROUTING.includes(message.type)) this.#listener.routing(message);
    else if (message.type === RTM_NEWLINK || message.type === RTM_DELLINK) {
      const link = readLink(message);
      if (!link.ok) this.#refuse(link.reason);
      else if (message.type === RTM_NEWLINK) this.#view.putLink(link.value);
      else this.#view.removeLink(link.value);
    } else if (message.type === RTM_NEWADDR || message.type === RTM_DELADDR) {
      const address = readAddress(message);
      if (!address.ok) this.#refuse(address.reason);
      else if (message.type === RTM_NEWADDR) this.#view.putAddress(address.value);
      else {
        this.#view.removeAddress(address.value);
        if (!this.#isOwnDoing(address.value, message.portId)) this.#listener.removed(address.value);
      }
    } else if (message.type === RTM_NEWNETCONF) {
      const settings = readSettings(message);
      if (!settings.ok) return this.#refuse(settings.reason);
      const { family, index, forwarding } = settings.value;
      if (family === AF_INET6 && forwarding !== undefined) {
        this.#view.putForwarding(index, forwarding);
      }
    }
  }

  /** Whether we removed the address, or for IPv4 the kernel itself did. */
  #isOwnDoing({ family, index, address }: InterfaceAddress, portId: number): boolean {
    // Port 0 is the kernel: the lease ended, or the interface went. For IPv6 it is always 0.
    if (family === 4) return portId === 0 || portId === this.#io.portId;
    const key = `${index} ${address}`;
    const expected = this.#expected.get(key) ?? 0;
    if (expected > 1) this.#expected.set(key, expected - 1);
    else this.#expected.delete(key);
    return expected > 0;
  }

  #refuse(reason: string): void {
    this.#say("warning", ["kernel"], "Cannot read notification", { reason });
  }
}
