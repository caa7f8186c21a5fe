/**
 * Keeps the view true: reads the kernel's tables once, then follows the notifications, and reads
 * the tables again where some were lost or where the kernel's answers contradict the view.
 *
 * @module
 */

import {
  HALB_PROTOCOL,
  type InterfaceAddress,
  type NetlinkMessage,
  readAddress,
  readLink,
  readRoute,
  requestAddresses,
  requestLinks,
  requestRoutes,
  type Route,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  splitMessages,
} from "../netlink/mod.ts";
import type { LogRecord } from "../plane/messages.ts";
import type { NamespaceIo } from "./io.ts";
import type { Requester } from "./requester.ts";
import type { NamespaceView } from "./view.ts";

/** Says something to the operator. */
export type Say = (
  level: LogRecord["level"],
  category: readonly string[],
  message: string,
  properties?: NonNullable<LogRecord["properties"]>,
) => void;

/** Fills the view of one namespace. */
export class Tables {
  readonly #io: NamespaceIo;
  readonly #requester: Requester;
  readonly #view: NamespaceView;
  readonly #say: Say;
  readonly #removed: (address: InterfaceAddress) => void;
  #stale = false;

  /** @param removed an address was removed by some other process */
  constructor(
    io: NamespaceIo,
    requester: Requester,
    view: NamespaceView,
    say: Say,
    removed: (address: InterfaceAddress) => void,
  ) {
    this.#io = io;
    this.#requester = requester;
    this.#view = view;
    this.#say = say;
    this.#removed = removed;
  }

  /** The view disagrees with the kernel: `follow` reads the tables first. */
  distrust(): void {
    this.#stale = true;
  }

  /** Reads links and addresses anew. @throws where the kernel refuses */
  read(): void {
    this.#stale = false;
    this.#view.clear();
    for (const message of this.#requester.dump(requestLinks)) this.#take(message);
    for (const message of this.#readAddresses(4)) this.#take(message);
    let messages: readonly NetlinkMessage[] = [];
    try {
      messages = this.#readAddresses(6);
    } catch (error) {
      // A kernel without IPv6 refuses this one dump, and has no such addresses.
      this.#say("debug", ["kernel"], "Cannot read IPv6 addresses", { error: `${error}` });
    }
    for (const message of messages) this.#take(message);
  }

  /** Takes in every notification that is queued. */
  follow(): void {
    if (this.#stale) this.read();
    for (;;) {
      const bytes = this.#io.event();
      if (bytes === undefined) return;
      if (bytes === "overrun") {
        this.#say("info", ["kernel"], "Notifications were lost, reading the tables again");
        this.read();
      } else {
        for (const message of splitMessages(bytes).messages) this.#take(message);
      }
    }
  }

  /** The IPv4 routes that carry our protocol number. */
  ownRoutes(): Route[] {
    const routes: Route[] = [];
    const messages = this.#requester.dump((writer, sequence) =>
      requestRoutes(writer, sequence, 4, { protocol: HALB_PROTOCOL })
    );
    for (const message of messages) {
      const read = readRoute(message);
      if (read.ok && read.value.protocol === HALB_PROTOCOL) routes.push(read.value);
    }
    return routes;
  }

  #readAddresses(family: 4 | 6): readonly NetlinkMessage[] {
    return this.#requester.dump((writer, sequence) => requestAddresses(writer, sequence, family));
  }

  #take(message: NetlinkMessage): void {
    if (message.type === RTM_NEWLINK || message.type === RTM_DELLINK) {
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
        // Port 0 is the kernel itself: the lease ended, or the interface went.
        if (message.portId !== 0 && message.portId !== this.#io.portId) {
          this.#removed(address.value);
        }
      }
    }
  }

  #refuse(reason: string): void {
    this.#say("warning", ["kernel"], "Cannot read notification", { reason });
  }
}
