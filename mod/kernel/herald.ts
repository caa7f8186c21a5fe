/**
 * The announcements of one namespace as its driver uses them: which begin when the kernel's tables
 * are in order again, what is sent and counted. When which frame is due is in announce.ts.
 *
 * @module
 */

import type { Link } from "../netlink/mod.ts";
import type { AnnounceGroup, KernelRouter } from "../plane/messages.ts";
import { Announcer, type AnnounceTarget, sharedGaps } from "./announce.ts";

/** What the herald needs of its namespace. */
export interface HeraldWorld {
  /** What of a router can be announced now. */
  targets(router: string): readonly AnnounceTarget[];
  /** Sends an Ethernet frame. @returns 0 or the errno */
  transmit(index: number, frame: Uint8Array<ArrayBuffer>): number;
  failed(router: string, index: number, errno: number): void;
}

export class Herald {
  readonly #world: HeraldWorld;
  readonly #announcer: Announcer;
  readonly #routers = new Map<string, KernelRouter>();
  /** Frames sent for each router. */
  readonly #sent = new Map<string, number>();
  /** Announced since the counts were last told. */
  readonly #untold = new Set<string>();
  /** Addresses installed since the last block, by router. */
  readonly #installed = new Map<string, Set<string>>();
  /** Held since the last `flush`: their announcements begin with the next. */
  readonly #starting = new Set<string>();
  /** Somebody of a lower priority spoke since then. */
  readonly #contested = new Set<string>();

  /** Links as they were when last looked at. */
  readonly #links = new Map<number, Link>();

  constructor(world: HeraldWorld) {
    this.#world = world;
    this.#announcer = new Announcer((router) => world.targets(router));
  }

  /** When `send` should be called though nothing happened. */
  get deadline(): number {
    return this.#announcer.deadline;
  }

  /** Frames sent for a router. */
  sent(router: string): number {
    return this.#sent.get(router) ?? 0;
  }

  configure(routers: readonly KernelRouter[], groups: readonly AnnounceGroup[], now: number): void {
    this.#announcer.share(sharedGaps(groups));
    const names = new Set(routers.map(({ name }) => name));
    for (const name of this.#routers.keys()) {
      if (names.has(name)) continue;
      this.#announcer.cancel(name);
      this.#routers.delete(name);
      this.#sent.delete(name);
    }
    for (const router of routers) {
      this.#routers.set(router.name, router);
      this.#announcer.change(router.name, router.announce, now);
    }
  }

  /** The router holds its addresses. @param since earlier than now: as before, everybody knows */
  hold(router: string, now: number, since: number): void {
    const plan = this.#routers.get(router)?.announce;
    if (since === now) this.#starting.add(router);
    else if (plan !== undefined) this.#announcer.resume(router, plan, now, since);
  }

  /** Nothing is announced any more. */
  drop(router: string): void {
    this.#announcer.cancel(router);
    this.#starting.delete(router);
  }

  /** An address came, came back, or came late: it is announced like the others were. */
  installed(router: string, address: string): void {
    const installed = this.#installed.get(router) ?? new Set();
    this.#installed.set(router, installed.add(address));
  }

  /** Somebody of a lower priority spoke. */
  contested(router: string): void {
    this.#contested.add(router);
  }

  /** Whether neighbours behind the link know nothing of us: its carrier or address is a new one. */
  isAnew(index: number, link: Link | undefined): boolean {
    const before = this.#links.get(index);
    if (link === undefined) this.#links.delete(index);
    else this.#links.set(index, link);
    return link !== undefined && before !== undefined && link.running &&
      (!before.running || before.mac !== link.mac);
  }

  /** Who is behind a link knows nothing of these addresses any more. */
  again(router: string, addresses: ReadonlySet<string>): void {
    this.#announcer.again(router, addresses);
  }

  /** The tables are in order: what waited for that begins. */
  flush(now: number): void {
    for (const name of this.#starting) {
      const router = this.#routers.get(name);
      if (router !== undefined) this.#announcer.start(name, router.announce, now);
      this.#installed.delete(name);
    }
    this.#starting.clear();
    for (const router of this.#contested) this.#announcer.contested(router, now);
    this.#contested.clear();
    for (const [router, addresses] of this.#installed) this.#announcer.again(router, addresses);
    this.#installed.clear();
  }

  /**
   * Sends what is due, at most `budget` frames.
   *
   * @param told called for each router whose count is to be told: when a block is over, not once
   *   for each part of it
   * @returns whether some are left
   */
  send(now: number, budget: number, told: (router: string) => void): boolean {
    const frames = this.#announcer.due(now, budget);
    for (const { router, index, frame } of frames) {
      const errno = this.#world.transmit(index, frame);
      if (errno === 0) this.#sent.set(router, this.sent(router) + 1);
      else this.#world.failed(router, index, errno);
      this.#untold.add(router);
    }
    if (frames.length >= budget) return true;
    for (const router of this.#untold) told(router);
    this.#untold.clear();
    return false;
  }
}
