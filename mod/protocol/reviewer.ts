/**
 * Looks at all that decides whether virtual routers may take part, and tells their machines.
 *
 * @module
 */

import type { EventId, InterfaceState } from "../plane/messages.ts";
import { Shelf } from "../record/mod.ts";
import type { Tracker } from "../vrrp/mod.ts";
import type { Channels } from "./channels.ts";
import type { Circumstances } from "./circumstances.ts";
import { healthOfParty, type JudgedTrackers, STARTUP_DELAY, tellHealth } from "./party.ts";
import type { RouterEntry, Surroundings } from "./router_entry.ts";
import type { OwnHealth } from "./siblings.ts";

/** Members whose trackers are recorded together: their group is not, where there are more. */
const MOST_MEMBERS = 100;
/** The same of the trackers of all: each costs this thread, which must not be late, half a microsecond. */
const MOST_TRACKERS = 200;

export class Reviewer {
  /** What trackers came to, by group, or by router where it goes alone. */
  readonly recorders = new Shelf("trackers");
  readonly #env: Surroundings;
  readonly #circumstances: Circumstances;
  readonly #channels: Channels;
  readonly #again: (at: number) => void;
  /** No router takes part in an election before. */
  holdUntil = 0;

  /** @param again asks for a review of everybody at that time */
  constructor(
    env: Surroundings,
    circumstances: Circumstances,
    channels: Channels,
    again: (at: number) => void,
  ) {
    this.#env = env;
    this.#circumstances = circumstances;
    this.#channels = channels;
    this.#again = again;
  }

  /** The interface that it speaks on, as it is now. */
  stateFor({ config: { namespace, interface: name } }: RouterEntry): InterfaceState | undefined {
    return this.#circumstances.interfaces.find(namespace, name);
  }

  /** Looks at routers, each with those that it moves with, whose weights count for it too. */
  *reviewing(entries: Iterable<RouterEntry>, cause: EventId | null): Generator<void, void> {
    const seen = new Set<RouterEntry>();
    for (const entry of entries) {
      if (seen.has(entry)) continue;
      const now = this.#env.heap.fireRoutine(this.#env.now());
      const party = entry.group === null ? [entry] : [...entry.group.entries];
      for (const one of party) seen.add(one);
      this.#review(party.filter(({ leaving }) => !leaving), now, cause);
      yield;
    }
  }

  /**
   * Gives a router its sockets, and finds out whom it listens to.
   *
   * @returns why not, or nothing; and what else keeps it out of the election by itself
   */
  connect(entry: RouterEntry, now: number): OwnHealth & { readonly failure: string } {
    const state = this.stateFor(entry);
    const { waitingFor, source } = this.#circumstances.health(entry.config);
    const failure = this.#channels.attach(entry, state, now);
    // Whom it listens to follows from the interface's addresses.
    if (entry.reach.update(source, state)) this.#channels.changed(entry);
    return { waitingFor, source, failure };
  }

  #review(party: readonly RouterEntry[], now: number, cause: EventId | null): void {
    const members = party.map((entry) => ({
      config: entry.config,
      state: entry.router.state,
      own: this.#ownHealth(entry, now),
    }));
    const judged = healthOfParty(
      this.#circumstances,
      members,
      (trackers, found) => this.#record(party, trackers, found, now),
    );
    judged.forEach((one, i) => {
      const entry = party[i]!;
      entry.trackers = one.reports;
      tellHealth(entry, one, now, cause);
    });
  }

  /** Trackers that stand as before are no news. */
  #record(
    [first]: readonly RouterEntry[],
    members: readonly (readonly Tracker[])[],
    judged: JudgedTrackers,
    now: number,
  ): void {
    if (first === undefined || members.length > MOST_MEMBERS) return;
    const count = members.reduce((sum, trackers) => sum + trackers.length, 0);
    if (count === 0 || count > MOST_TRACKERS) return;
    const recorder = this.recorders.of((first.group ?? first).name);
    const event = { type: "found", members };
    if (recorder.isRepeated(event)) return;
    recorder.begin(null, event);
    recorder.note(event, [{ type: "judged", ...judged }], now);
  }

  /** What keeps a router out of the election by itself, trackers aside. */
  #ownHealth(entry: RouterEntry, now: number): OwnHealth {
    const { failure, source, waitingFor: own } = this.connect(entry, now);
    const waitingFor = [...own];
    if (failure !== "") waitingFor.push(failure);
    if (entry.broken !== "") waitingFor.push(entry.broken);
    if (entry.guard?.isLocked) waitingFor.push("no key to authenticate adverts with");
    if (now < this.holdUntil) {
      waitingFor.push(STARTUP_DELAY);
      this.#again(this.holdUntil);
    }
    return { waitingFor, source };
  }
}
