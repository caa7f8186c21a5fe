/**
 * What arrives: adverts go to their routers, everything else is counted, packet by packet, and
 * hardly spoken of. A flood costs a fraction of a microsecond for each of its packets here, since
 * the kernel has already told it apart and its packets are read by the hundred.
 *
 * @module
 */

import type { CounterName } from "../plane/counters.ts";
import {
  AUTHENTICATION_DROP_REASONS,
  type AuthenticationDropReason,
  type DecodeOptions,
  DROP_REASONS,
  type DropReason,
  TRAILER,
} from "../vrrp/mod.ts";
import type { Channel } from "./channel.ts";
import type { RouterEntry, Surroundings } from "./router_entry.ts";
import type { AdmittedReader, PacketReader } from "./transport.ts";

/** Between two lines of log about one kind of refusal on one interface, microseconds. */
const COMPLAINT_GAP = 1_000_000;

/** Refused packets that are read before the clock is looked at. */
const SWEPT_AT_ONCE = 256;

/** What an advert for a router we do not have is checked by. */
const ANY_ROUTER: DecodeOptions = { verifyChecksum: true, version: 3, version2: true };

/** Put together once, not for each packet of a flood. */
const COUNTERS = Object.fromEntries(
  [...DROP_REASONS, ...AUTHENTICATION_DROP_REASONS].map((reason) => [reason, `dropped.${reason}`]),
) as Record<DropReason | AuthenticationDropReason, CounterName>;

/**
 * Which of several routers with one id an advert is for: the one that hears it, or else one that
 * knows its sender.
 */
function addressee(
  entries: readonly RouterEntry[],
  admitted: AdmittedReader,
  index: number,
): RouterEntry | undefined {
  let known: RouterEntry | undefined;
  for (const entry of entries) {
    const fault = entry.reach.fault(admitted, index);
    if (fault === null) return entry;
    if (fault === "ttl") known = entry;
  }
  return known;
}

export class Intake {
  readonly #env: Surroundings;

  constructor(env: Surroundings) {
    this.#env = env;
  }

  /**
   * Reads adverts: at most `budget`, and no further batch when it is later than `until`. Returns
   * how many there were: less than the budget means that the socket is empty, or that time was up.
   *
   * They count from when they have been read. What the clock said when the loop woke can be
   * milliseconds older than an advert that was read then, if something held us up in between, and a
   * master-down timer that counts from too early declares a master dead too early.
   */
  receive(channel: Channel, budget: number, until: number): number {
    const { admitted } = channel.transport;
    let count = 0;
    while (count < budget) {
      const wanted = Math.min(admitted.batch, budget - count);
      const taken = admitted.receive(wanted);
      const now = this.#env.now();
      for (let i = 0; i < taken; i++) this.#advert(channel, i, now);
      if (taken > 0) count += taken;
      if (taken < wanted || now >= until) break;
    }
    return count;
  }

  /** Counts what the kernel has refused, until `until`. Returns whether nothing is left. */
  sweep(channel: Channel, now: number, until: number): boolean {
    const { refused } = channel.transport;
    let taken: number;
    do {
      taken = refused.receive(SWEPT_AT_ONCE);
      for (let i = 0; i < taken; i++) this.#refused(channel, i, now);
    } while (taken === SWEPT_AT_ONCE && this.#env.now() < until);
    channel.countOverflow();
    const overflow = channel.complaints.get("overflow");
    if (overflow !== undefined && overflow.unsaid > 0 && now >= overflow.quietUntil) {
      this.#complain(channel, channel.name, "overflow", "", now);
    }
    return taken < SWEPT_AT_ONCE;
  }

  #advert(channel: Channel, index: number, now: number): void {
    const { admitted } = channel.transport;
    // Whose it is comes first, so that a refusal is charged to the right router.
    const entries = channel.withId(admitted.virtualRouterId(index));
    const entry = entries.length < 2 ? entries[0] : addressee(entries, admitted, index);
    const guard = entry?.guard ?? null;
    if (entry !== undefined && guard !== null) {
      // What came another way than its own must move no mark of replay.
      const fault = entry.reach.fault(admitted, index);
      if (fault !== null) return this.#drop(channel, entry, fault, admitted, index, now);
    }
    const decoded = admitted.decode(index, entry?.understands ?? ANY_ROUTER, guard, now);
    if ("notice" in decoded) entry?.tellOfClock(decoded.notice);
    if (!decoded.ok) return this.#drop(channel, entry, decoded.drop, admitted, index, now);
    if (entry === undefined) {
      const reason = entries.length === 0 ? "virtual_router_id" : "destination";
      return this.#drop(channel, entry, reason, admitted, index, now);
    }
    const fault = guard === null ? entry.reach.fault(admitted, index) : null;
    if (fault !== null) return this.#drop(channel, entry, fault, admitted, index, now);
    const { slot } = entry.config;
    this.#env.counters.add(slot, "advertisements_received");
    const { advertisement } = decoded;
    if (advertisement.priority === 0) this.#env.counters.add(slot, "priority_zero_received");
    entry.apply({ type: "advertisement", advertisement }, now);
    entry.remember(now);
  }

  #refused(channel: Channel, index: number, now: number): void {
    const { refused } = channel.transport;
    const entries = channel.withId(refused.virtualRouterId(index));
    // Which of several it was meant for, nobody can say.
    const entry = entries.length === 1 ? entries[0] : undefined;
    // Whether others sign their adverts is theirs to decide.
    const trailer = entry === undefined || entry.guard?.type === "hmac" ? TRAILER : 0;
    const fault = refused.fault(index, entry?.understands ?? ANY_ROUTER, entry?.reach, trailer);
    if (fault !== null) return this.#drop(channel, entry, fault, refused, index, now);
    // Nothing is wrong with it, but it is not for us, or was not yet when it came.
    const reason = entries.length > 1 ? "destination" : "virtual_router_id";
    this.#drop(channel, undefined, reason, refused, index, now);
  }

  #drop(
    channel: Channel,
    entry: RouterEntry | undefined,
    reason: DropReason | AuthenticationDropReason,
    reader: PacketReader,
    index: number,
    now: number,
  ): void {
    if (entry !== undefined) this.#env.counters.add(entry.config.slot, COUNTERS[reason]);
    else channel.count(reason, 1);
    const complaint = channel.complaint(reason);
    complaint.unsaid++;
    // A flood is counted, packet by packet; even to put a line together for each costs too much.
    if (now < complaint.quietUntil) return;
    this.#complain(channel, entry?.name ?? channel.name, reason, reader.sender(index), now);
  }

  /** One line for all packets of a reason since the last line, the newest sender in it. */
  #complain(channel: Channel, name: string, reason: string, source: string, now: number): void {
    const complaint = channel.complaint(reason);
    const packets = complaint.unsaid;
    complaint.unsaid = 0;
    complaint.quietUntil = now + COMPLAINT_GAP;
    // An unknown id is somebody else's router: not worth more than a line for those who look.
    const level = reason === "virtual_router_id" ? "debug" : "warning";
    this.#env.log.log(level, ["vrrp", name], `Advertisement refused: ${reason}`, {
      ...(source === "" ? {} : { source }),
      ...(packets === 1 ? {} : { packets }),
    });
  }
}
