/**
 * A protocol plane that stands still because another process may be about to take over: every
 * master has said once more that it is there, and now nothing is sent or read and no timer acts.
 * Messages that would make a router act wait until it goes on, if it does. BFD sessions stand still
 * likewise; their sockets stay open, so that nobody hears that there is no port.
 *
 * Going on is a return from absence, the same that a new Worker makes of a dead one's memory: a
 * master that was away for less than its master-down interval sends an advert at once.
 *
 * @module
 */

import { Epoll, EPOLLIN } from "../../ffi/mod.ts";
import type { Memory } from "../plane/hand_over.ts";
import type { ControlToProtocol, KernelToProtocol } from "../plane/messages.ts";
import type { BfdDriver } from "./bfd_driver.ts";
import type { VrrpDriver } from "./vrrp_driver.ts";

/** Longest sleep, milliseconds: control watches the heartbeat. */
const HEARTBEAT = 100;

type Message = ControlToProtocol | KernelToProtocol;

export class Freeze implements Memory {
  readonly silentSince: number;
  readonly routers: Memory["routers"];
  readonly groups: NonNullable<Memory["groups"]>;
  readonly trackers: NonNullable<Memory["trackers"]>;
  readonly bfd: NonNullable<Memory["bfd"]>;
  readonly #driver: VrrpDriver;
  readonly #bfd: BfdDriver | null;
  /** Without the sockets: nobody reads them, so they would be ready all the time. */
  readonly #epoll = new Epoll(1);
  readonly #deferred: Message[] = [];

  /** @param wake descriptor that says that messages wait */
  constructor(driver: VrrpDriver, wake: number, now: number, bfd: BfdDriver | null = null) {
    this.#driver = driver;
    this.#bfd = bfd;
    this.#epoll.add(wake, EPOLLIN, 0);
    for (const entry of driver.entries) entry.speak(now);
    this.routers = [...driver.entries].map(({ router }) => router);
    this.groups = driver.groupMemories;
    this.trackers = driver.describe().trackers;
    bfd?.speak(now);
    this.bfd = bfd?.memories() ?? [];
    this.silentSince = now;
  }

  /** What another process goes on from. */
  get memory(): Memory {
    const { routers, groups, silentSince, trackers, bfd } = this;
    return { routers, groups, silentSince, trackers, bfd };
  }

  /** Sleeps until a message comes, or for a heartbeat. */
  wait(): void {
    this.#epoll.wait(HEARTBEAT);
  }

  /** Whether the message waits for the end. */
  defers(message: Message): boolean {
    switch (message.type) {
      case "configure":
      case "interface":
      case "interface_gone":
      case "tracker":
      case "reconnect":
      case "override":
      case "administer_bfd":
      case "stop_routers":
        this.#deferred.push(message);
        return true;
      default:
        return false;
    }
  }

  /** Lets the routers go on. Returns what waited, in order. */
  end(now: number, cause: string): readonly Message[] {
    this.#epoll.close();
    const event = { type: "resume", age: now - this.silentSince, exact: true } as const;
    for (const entry of this.#driver.entries) entry.apply(event, now, cause);
    this.#bfd?.goOn(event.age, now);
    return this.#deferred;
  }
}
