/**
 * Announcements: gratuitous ARP and unsolicited neighbour advertisements, which tell switches and
 * neighbours where a virtual address is now (frames.ts). When to send which is this module's
 * business; both families share one order.
 *
 * A block is all addresses in turn, so many rounds: first, second, …, first, second, …, so that
 * every address has been announced once as early as possible. On becoming master one block at
 * once and one after a delay; then refreshes; and a block whenever somebody asks. On each
 * interface a gap may be kept between two frames, whichever routers they are for.
 *
 * Pure: frames and times come out, nothing is sent here. Times are whole microseconds.
 *
 * @module
 */

import type { AnnouncePlan } from "../plane/messages.ts";
import { announcementFrame, type FrameSource } from "./frames.ts";

/** One address that can be announced now. */
export interface AnnounceTarget extends FrameSource {
  /** Interface index. */
  readonly index: number;
  readonly address: string;
}

/** One frame that is due. */
export interface Announcement {
  readonly router: string;
  readonly index: number;
  readonly frame: Uint8Array<ArrayBuffer>;
}

/** Frames of one router on one interface that are still to be sent. */
interface Block {
  readonly router: string;
  readonly index: number;
  readonly interval: number;
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
  rounds: number;
  position: number;
}

interface Schedule {
  readonly plan: AnnouncePlan;
  /** Second block; Infinity: none, or over. */
  secondAt: number;
  refreshAt: number;
}

/** Announcements of all routers of one namespace. */
export class Announcer {
  readonly #targets: (router: string) => readonly AnnounceTarget[];
  readonly #schedules = new Map<string, Schedule>();
  #blocks: Block[] = [];
  /** When the next frame may leave an interface on which gaps are kept. */
  readonly #allowedAt = new Map<number, number>();

  /** @param targets what of a router can be announced now: asked when a block begins */
  constructor(targets: (router: string) => readonly AnnounceTarget[]) {
    this.#targets = targets;
  }

  /** The router holds its addresses: a block now, one later, then refreshes. */
  start(router: string, plan: AnnouncePlan, now: number): void {
    this.cancel(router);
    this.#schedules.set(router, {
      plan,
      secondAt: plan.delay > 0 && plan.repeat > 0 ? now + plan.delay : Infinity,
      refreshAt: nextRefresh(plan, now),
    });
    this.#begin(router, plan, plan.repeat, this.#targets(router));
  }

  /** The router holds its addresses as before: the first block has been, what follows is due. */
  resume(router: string, plan: AnnouncePlan, now: number, since: number): void {
    if (this.#schedules.has(router)) return;
    const second = since + plan.delay;
    const secondAt = plan.delay > 0 && plan.repeat > 0 && second > now ? second : Infinity;
    this.#schedules.set(router, { plan, secondAt, refreshAt: nextRefresh(plan, now) });
  }

  /**
   * One more block at once, of all addresses or of some. Nothing where the router holds none.
   *
   * @param addresses which; absent: all
   */
  again(router: string, addresses?: ReadonlySet<string>): void {
    const schedule = this.#schedules.get(router);
    if (schedule === undefined) return;
    const targets = this.#targets(router).filter((target) =>
      addresses === undefined || addresses.has(target.address)
    );
    this.#begin(router, schedule.plan, schedule.plan.repeat, targets);
  }

  /** Another plan for a router that holds its addresses. Blocks that have begun go on. */
  change(router: string, plan: AnnouncePlan, now: number): void {
    const schedule = this.#schedules.get(router);
    if (schedule === undefined) return;
    const { secondAt } = schedule;
    this.#schedules.set(router, { plan, secondAt, refreshAt: nextRefresh(plan, now) });
  }

  /** Nothing more is sent for the router. */
  cancel(router: string): void {
    this.#schedules.delete(router);
    this.#blocks = this.#blocks.filter((block) => block.router !== router);
  }

  /** When `due` has something; Infinity: never as things stand. */
  get deadline(): number {
    let deadline = Infinity;
    for (const { secondAt, refreshAt } of this.#schedules.values()) {
      deadline = Math.min(deadline, secondAt, refreshAt);
    }
    for (const block of this.#blocks) deadline = Math.min(deadline, this.#allowed(block));
    return deadline;
  }

  /**
   * The frames to send now. Every block gets one round before any gets the next one.
   *
   * @param budget most frames at once, 1 or more; what is left is due at once again
   */
  due(now: number, budget: number): Announcement[] {
    for (const [router, schedule] of this.#schedules) this.#wake(router, schedule, now);
    const frames: Announcement[] = [];
    let before = -1;
    while (frames.length > before && frames.length < budget) {
      before = frames.length;
      for (const block of this.#blocks) this.#round(block, now, budget, frames);
    }
    this.#blocks = this.#blocks.filter((block) => block.rounds > 0);
    return frames;
  }

  #wake(router: string, schedule: Schedule, now: number): void {
    const { plan } = schedule;
    if (schedule.secondAt <= now) {
      schedule.secondAt = Infinity;
      this.#begin(router, plan, plan.repeat, this.#targets(router));
    }
    if (schedule.refreshAt <= now) {
      // After a stall one refresh is enough: missed ones are not made up for.
      schedule.refreshAt = now + plan.refresh;
      this.#begin(router, plan, plan.refreshRepeat, this.#targets(router));
    }
  }

  #begin(
    router: string,
    plan: AnnouncePlan,
    rounds: number,
    targets: readonly AnnounceTarget[],
  ): void {
    if (rounds <= 0) return;
    const byInterface = new Map<number, Uint8Array<ArrayBuffer>[]>();
    for (const target of targets) {
      let frames = byInterface.get(target.index);
      if (frames === undefined) byInterface.set(target.index, frames = []);
      frames.push(announcementFrame(target.address, target));
    }
    for (const [index, frames] of byInterface) {
      this.#blocks.push({ router, index, interval: plan.interval, frames, rounds, position: 0 });
    }
  }

  /** What is left of the block's round, as far as gap and budget allow. */
  #round(block: Block, now: number, budget: number, frames: Announcement[]): void {
    while (block.rounds > 0 && frames.length < budget && this.#allowed(block) <= now) {
      const frame = block.frames[block.position];
      if (frame === undefined) return;
      frames.push({ router: block.router, index: block.index, frame });
      if (block.interval > 0) this.#allowedAt.set(block.index, now + block.interval);
      block.position++;
      if (block.position < block.frames.length) continue;
      block.position = 0;
      block.rounds--;
      return;
    }
  }

  #allowed(block: Block): number {
    return block.interval > 0 ? this.#allowedAt.get(block.index) ?? 0 : 0;
  }
}

function nextRefresh(plan: AnnouncePlan, now: number): number {
  return plan.refresh > 0 && plan.refreshRepeat > 0 ? now + plan.refresh : Infinity;
}
