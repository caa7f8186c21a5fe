/**
 * Announcements: gratuitous ARP and unsolicited neighbour advertisements, which tell switches and
 * neighbours where a virtual address is now (frames.ts). When to send which is this module's
 * business; both families share one order.
 *
 * A block is all addresses in turn, so many rounds: first, second, …, first, second, …, so that
 * every address has been announced once as early as possible. On becoming master one block at
 * once and one after a delay; then refreshes; two blocks again when somebody of a lower priority
 * spoke; and a block whenever somebody asks. On each interface, or on a group of them, a gap may be
 * kept between two frames of a family, whichever routers they are for. Where gaps make a block last
 * longer than its causes are apart, one more block waits behind it, never more.
 *
 * Pure: frames and times come out, nothing is sent here. Times are whole microseconds.
 *
 * @module
 */

import type { AnnounceGroup, AnnouncePlan } from "../plane/messages.ts";
import { announcementFrame, type ArpForm, type FrameSource } from "./frames.ts";

/** One address that can be announced now. */
export interface AnnounceTarget extends FrameSource {
  /** Interface index. */
  readonly index: number;
  /** Its name, as configured. */
  readonly interface: string;
  readonly address: string;
}

/** What several interfaces share. */
export interface SharedGap {
  /** Unique, below 0. */
  readonly group: number;
  readonly interval: number;
  readonly neighbourInterval: number;
}

/** Gaps by the names of the interfaces that share them. */
export function sharedGaps(groups: readonly AnnounceGroup[]): Map<string, SharedGap> {
  return new Map(
    groups.flatMap(({ interfaces, interval, neighbourInterval }, i) =>
      interfaces.map((name) => [name, { group: -1 - i, interval, neighbourInterval }] as const)
    ),
  );
}

/** One frame that is due. */
export interface Announcement {
  readonly router: string;
  readonly index: number;
  readonly frame: Uint8Array<ArrayBuffer>;
}

/** Frames of one router and one family on one interface that are still to be sent. */
interface Block {
  readonly router: string;
  readonly index: number;
  /** Microseconds that are kept between two frames of the same `gate`. */
  readonly interval: number;
  readonly gate: number;
  frames: Frame[];
  position: number;
}

interface Frame {
  /** Address and form. */
  readonly key: string;
  readonly address: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How often it is still to be sent, 1 or more. */
  rounds: number;
}

interface Schedule {
  readonly plan: AnnouncePlan;
  /** Second block; Infinity: none, or over. */
  secondAt: number;
  refreshAt: number;
  /** Second block after a lower priority was heard; Infinity: none, or over. */
  lowerAt: number;
  /** Refresh on other interfaces; Infinity: none. */
  elsewhereAt: number;
}

/** What each form sends of an address. */
const FORMS: Readonly<Record<NonNullable<AnnouncePlan["form"]>, readonly ArpForm[]>> = {
  request: ["request"],
  reply: ["reply"],
  both: ["request", "reply"],
};
/** A neighbour advertisement has one form. */
const ONCE: readonly ArpForm[] = ["request"];

/** Announcements of all routers of one namespace. */
export class Announcer {
  readonly #targets: (router: string) => readonly AnnounceTarget[];
  readonly #schedules = new Map<string, Schedule>();
  /** One for each router and line: what goes one after the other on one interface. */
  readonly #blocks = new Map<string, Block>();
  /** When the next frame may pass a gate at which gaps are kept. */
  readonly #allowedAt = new Map<number, number>();
  /** By interface name. */
  #shared: ReadonlyMap<string, SharedGap> = new Map();

  /** @param targets what of a router can be announced now: asked when a block begins */
  constructor(targets: (router: string) => readonly AnnounceTarget[]) {
    this.#targets = targets;
  }

  /** Interfaces that share gaps with others from now on, by name. Blocks that have begun go on. */
  share(gaps: ReadonlyMap<string, SharedGap>): void {
    this.#shared = gaps;
  }

  /** The router holds its addresses: a block now, one later, then refreshes. */
  start(router: string, plan: AnnouncePlan, now: number): void {
    this.cancel(router);
    const secondAt = plan.delay > 0 && plan.repeat > 0 ? now + plan.delay : Infinity;
    this.#schedules.set(router, { ...refreshes(plan, now), secondAt, lowerAt: Infinity });
    this.#begin(router, plan, plan.repeat, this.#targets(router));
  }

  /** The router holds its addresses as before: the first block has been, what follows is due. */
  resume(router: string, plan: AnnouncePlan, now: number, since: number): void {
    if (this.#schedules.has(router)) return;
    const second = since + plan.delay;
    const secondAt = plan.delay > 0 && plan.repeat > 0 && second > now ? second : Infinity;
    this.#schedules.set(router, { ...refreshes(plan, now), secondAt, lowerAt: Infinity });
  }

  /** Somebody of a lower priority spoke, and may have drawn traffic to itself. */
  contested(router: string, now: number): void {
    const schedule = this.#schedules.get(router);
    if (schedule === undefined) return;
    const { plan } = schedule;
    const { repeat, delay } = plan.lowerPriority ?? { repeat: plan.repeat, delay: 0 };
    // Who goes on speaking does not put the second block off.
    if (delay > 0 && repeat > 0) schedule.lowerAt = Math.min(schedule.lowerAt, now + delay);
    this.#begin(router, plan, repeat, this.#targets(router));
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

  /**
   * Another plan, or other addresses, for a router that holds its addresses. Blocks that have begun
   * go on, with what it still has: an address may be another node's from now on.
   */
  change(router: string, plan: AnnouncePlan, now: number): void {
    const schedule = this.#schedules.get(router);
    if (schedule === undefined) return;
    const still = new Set(this.#targets(router).map((one) => `${one.index} ${one.address}`));
    for (const block of this.#blocks.values()) {
      if (block.router !== router) continue;
      const { frames, index } = block;
      const kept = frames.filter(({ address }) => still.has(`${index} ${address}`));
      if (kept.length === frames.length) continue;
      block.frames = kept.filter(({ rounds }) => rounds > 0);
      block.position = 0;
    }
    const { secondAt, lowerAt } = schedule;
    this.#schedules.set(router, { ...refreshes(plan, now), secondAt, lowerAt });
  }

  /** Nothing more is sent for the router. */
  cancel(router: string): void {
    this.#schedules.delete(router);
    for (const [line, block] of this.#blocks) {
      if (block.router === router) this.#blocks.delete(line);
    }
  }

  /** When `due` has something; Infinity: never as things stand. */
  get deadline(): number {
    let deadline = Infinity;
    for (const { secondAt, refreshAt, lowerAt, elsewhereAt } of this.#schedules.values()) {
      deadline = Math.min(deadline, secondAt, refreshAt, lowerAt, elsewhereAt);
    }
    for (const block of this.#blocks.values()) deadline = Math.min(deadline, this.#allowed(block));
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
      for (const block of this.#blocks.values()) this.#round(block, now, budget, frames);
    }
    for (const [line, { frames }] of this.#blocks) {
      if (frames.length === 0) this.#blocks.delete(line);
    }
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
    if (schedule.lowerAt <= now) {
      schedule.lowerAt = Infinity;
      this.#begin(router, plan, plan.lowerPriority?.repeat ?? 0, this.#targets(router));
    }
    if (schedule.elsewhereAt <= now && plan.elsewhere !== undefined) {
      const { home, refresh } = plan.elsewhere;
      schedule.elsewhereAt = now + refresh;
      const targets = this.#targets(router).filter((target) => target.interface !== home);
      this.#begin(router, plan, 1, targets);
    }
  }

  #begin(
    router: string,
    plan: AnnouncePlan,
    rounds: number,
    targets: readonly AnnounceTarget[],
  ): void {
    if (rounds <= 0) return;
    const blocks = new Map<string, Block>();
    for (const target of targets) {
      const { index, address } = target;
      const six = address.includes(":");
      const gap = this.#gapOf(plan, target.interface, index, six);
      // Frames that keep no gap go in the order of the addresses.
      const line = `${index}/${gap.interval === 0 ? "" : gap.gate} ${router}`;
      let block = blocks.get(line);
      if (block === undefined) {
        blocks.set(line, block = { router, index, ...gap, frames: [], position: 0 });
      }
      for (const form of six ? ONCE : FORMS[plan.form ?? "request"]) {
        const bytes = announcementFrame(address, target, form);
        block.frames.push({ key: `${address} ${form}`, address, bytes, rounds });
      }
    }
    for (const [line, block] of blocks) this.#queue(line, block);
  }

  /** Behind one that has not ended, whose frames may be out of date. */
  #queue(line: string, block: Block): void {
    const before = this.#blocks.get(line);
    if (before === undefined) return void this.#blocks.set(line, block);
    const frames = new Map(before.frames.map((frame) => [frame.key, frame]));
    for (const { rounds, ...frame } of block.frames) {
      const left = frames.get(frame.key)?.rounds ?? 0;
      frames.set(frame.key, { ...frame, rounds: Math.max(left, Math.min(left, rounds) + rounds) });
    }
    before.frames = [...frames.values()];
  }

  #gapOf(
    plan: AnnouncePlan,
    name: string,
    index: number,
    six: boolean,
  ): { interval: number; gate: number } {
    const shared = this.#shared.get(name);
    const { interval, neighbourInterval = interval } = shared ?? plan;
    const gate = 2 * (shared?.group ?? index) + (six ? 1 : 0);
    return { interval: six ? neighbourInterval : interval, gate };
  }

  /** What is left of the block's round, as far as gap and budget allow. */
  #round(block: Block, now: number, budget: number, frames: Announcement[]): void {
    while (frames.length < budget && this.#allowed(block) <= now) {
      const frame = block.frames[block.position];
      if (frame === undefined) return;
      frames.push({ router: block.router, index: block.index, frame: frame.bytes });
      if (block.interval > 0) this.#allowedAt.set(block.gate, now + block.interval);
      frame.rounds--;
      block.position++;
      if (block.position < block.frames.length) continue;
      block.position = 0;
      block.frames = block.frames.filter(({ rounds }) => rounds > 0);
      return;
    }
  }

  #allowed(block: Block): number {
    return block.interval > 0 ? this.#allowedAt.get(block.gate) ?? 0 : 0;
  }
}

/** The plan with the times of its refreshes. */
function refreshes(
  plan: AnnouncePlan,
  now: number,
): Pick<Schedule, "plan" | "refreshAt" | "elsewhereAt"> {
  const { refresh, refreshRepeat, elsewhere } = plan;
  return {
    plan,
    refreshAt: refresh > 0 && refreshRepeat > 0 ? now + refresh : Infinity,
    elsewhereAt: elsewhere === undefined ? Infinity : now + elsewhere.refresh,
  };
}
