/**
 * One interface in one family: its sockets, the routers that speak there, and what was refused.
 *
 * @module
 */

import type { FrameSocket } from "./frame_sender.ts";
import type { RouterEntry } from "./router_entry.ts";
import { fingerprint, servedBy } from "./served.ts";
import type { Family, VrrpTransport } from "./transport.ts";

/** Refusals for one reason between two lines of log. */
export interface Complaint {
  /** Until when they are counted without a word. */
  quietUntil: number;
  /** How many there were without one. */
  unsaid: number;
}

const NONE: readonly RouterEntry[] = [];

export class Channel {
  /** By virtual router id: several may share one, with other groups or peers. */
  readonly #routers = new Map<number, readonly RouterEntry[]>();
  /** Packets that no router could be charged with, by reason. */
  readonly dropped: Record<string, number> = {};
  readonly complaints = new Map<string, Complaint>();
  /** What routers with a virtual MAC send by; null: there are none. */
  frames: FrameSocket | null = null;
  /** Whose adverts the kernel admits. */
  #served = "";

  constructor(
    readonly key: string,
    readonly family: Family,
    readonly namespace: string,
    readonly name: string,
    readonly transport: VrrpTransport,
  ) {}

  add(entry: RouterEntry): void {
    const id = entry.config.settings.virtualRouterId;
    this.#routers.set(id, [...this.withId(id), entry]);
  }

  remove(entry: RouterEntry): void {
    const id = entry.config.settings.virtualRouterId;
    const left = this.withId(id).filter((other) => other !== entry);
    if (left.length === 0) this.#routers.delete(id);
    else this.#routers.set(id, left);
  }

  get isEmpty(): boolean {
    return this.#routers.size === 0;
  }

  withId(id: number | undefined): readonly RouterEntry[] {
    return id === undefined ? NONE : this.#routers.get(id) ?? NONE;
  }

  /**
   * Lets the kernel know whose adverts to admit, where it does not know already.
   *
   * @throws {SystemError} when it takes no filter
   */
  serve(): void {
    const served = servedBy(
      [...this.#routers].flatMap(([id, entries]) => entries.map((entry) => [id, entry] as const)),
    );
    const wanted = fingerprint(served);
    if (wanted === this.#served) return;
    this.transport.serve(served);
    this.#served = wanted;
  }

  count(reason: string, packets: number): void {
    if (packets > 0) this.dropped[reason] = (this.dropped[reason] ?? 0) + packets;
  }

  complaint(reason: string): Complaint {
    let complaint = this.complaints.get(reason);
    if (complaint === undefined) {
      complaint = { quietUntil: 0, unsaid: 0 };
      this.complaints.set(reason, complaint);
    }
    return complaint;
  }

  /** Counts what the kernel's queues could not hold. */
  countOverflow(): void {
    const lost = this.transport.overflow();
    if (lost === 0) return;
    this.count("overflow", lost);
    this.complaint("overflow").unsaid += lost;
  }

  /** Everything that no router was charged with, what the kernel's queues could not hold included. */
  total(): Readonly<Record<string, number>> {
    this.countOverflow();
    return this.dropped;
  }
}
