/**
 * What is known beside the status: events by their time, and sentences that name when something was.
 *
 * @module
 */

import { type FlightEvent, isAbout } from "../events/mod.ts";
import type { ExplainedStatus } from "./status.ts";
import { lengthText, listText, refusalText } from "./words.ts";

/** What an explanation is made of. */
export interface Facts {
  readonly status: ExplainedStatus;
  /** In the order in which they were recorded: the clock may have been set meanwhile. */
  readonly events: readonly FlightEvent[];
  /** Milliseconds since 1970, on the clock of the agent's host. */
  readonly now: number;
  /** A point in time as people read it. */
  when(time: string): string;
}

/** Events so long before a change may have led to it, milliseconds. */
export const BEFORE = 10_000;
/** Who was late by this part of the time that a peer has may have missed what it said. */
export const DEAF = 3;
/** An event and what it led to are not told at the same moment, milliseconds. */
const SLACK = 500;
/** What status says of a change and the event of it agree up to that, milliseconds. */
const SAME = 1_000;
/** Our own lateness that may matter to others, microseconds. */
const LATE = 10_000;
/** How far back refused adverts are looked for, milliseconds. */
const LONG_BEFORE = 120_000;

/** How late our own loop was. */
export interface Lateness {
  readonly late: boolean;
  /** Milliseconds. */
  readonly worst: number;
  readonly text: string;
}

export class Story {
  readonly facts: Facts;
  /** Newest last. */
  readonly #events: readonly FlightEvent[];

  constructor(facts: Facts) {
    this.facts = facts;
    this.#events = facts.events;
  }

  /** `at 07:28:57 (12 s ago)`. */
  since(time: string): string {
    return `${this.facts.when(time)} (${lengthText(this.facts.now - Date.parse(time))} ago)`;
  }

  /** The newest event that looks so. */
  last(looks: (event: FlightEvent) => boolean): FlightEvent | undefined {
    return this.#events.findLast(looks);
  }

  /** Those that look so, newest last. */
  all(looks: (event: FlightEvent) => boolean): FlightEvent[] {
    return this.#events.filter(looks);
  }

  /** Those shortly before a moment, newest last. @param reach milliseconds */
  before(
    time: string,
    looks: (event: FlightEvent) => boolean,
    reach = BEFORE,
    slack = SLACK,
  ): FlightEvent[] {
    const end = Date.parse(time);
    return this.all((event) => {
      const at = Date.parse(event.time);
      return at >= end - reach && at <= end + slack && looks(event);
    });
  }

  /**
   * The change that led to a state; undefined: it is not recorded, or not any more.
   *
   * @param since when that was: one of the same kind at another time had another cause
   */
  change(
    type: FlightEvent["type"],
    name: string,
    to: string,
    since: string,
  ): FlightEvent | undefined {
    const changes = this.all((one) =>
      one.type === type && one.name === name && one.event === "transition" &&
      one.details?.session === undefined
    );
    const end = Date.parse(since);
    const then = changes.findLast((one) =>
      one.to === to && Math.abs(Date.parse(one.time) - end) <= SAME
    );
    if (then !== undefined) return then;
    // Where the clock was set after it, its time is that of the clock before.
    const newest = changes.at(-1);
    const order = this.#events;
    const set = newest !== undefined &&
      order.slice(order.indexOf(newest)).some(({ type }) => type === "clock");
    return set && newest.to === to ? newest : undefined;
  }

  /**
   * What operators, reloads and the agent's own troubles had to do with a change.
   *
   * @param state of a router or group, which not every order leads to
   */
  circumstances(name: string, time: string, reach = BEFORE, state?: string): string[] {
    const contrary = state === undefined ? null : state === "master" ? "release" : "claim";
    // An order bears the time at which it came: none that is later led to it.
    const orders = this.before(
      time,
      (one) =>
        one.type === "operator" && isAbout(one, name) && one.event !== "refused" &&
        one.event !== contrary,
      reach,
      0,
    );
    const reloads = this.before(
      time,
      (one) =>
        (one.event === "rolled_back" || (one.event === "reload" && one.level === "info")) &&
        isAbout(one, name),
      reach,
    );
    const agent = this.before(
      time,
      ({ event }) => event === "plane_died" || event === "started" || event === "taken_over",
      reach,
    );
    return [
      ...orders.slice(-1).map((one) =>
        `An operator had ordered it: ${one.text}, ${this.since(one.time)}.`
      ),
      ...reloads.slice(-1).map((one) =>
        `The configuration was ${one.event === "reload" ? "reloaded" : "taken back"} just before, ${
          this.since(one.time)
        }, and that changed it: ${changesOf(one, name)}.`
      ),
      ...agent.slice(-1).map((one) => agentText(one, this.since(one.time))),
    ];
  }

  /** How late our own loop was in the time before a change. @param reach milliseconds */
  lateness(time: string, reach: number): Lateness {
    const end = Date.parse(time);
    const from = end - reach - SLACK;
    const { stalls } = this.facts.status.realtime;
    const known = stalls.map(({ at, late_us }) => ({ at: Date.parse(at), late: late_us }));
    const told = this.all(({ event }) => event === "late").map(({ time: at, details }) => ({
      at: Date.parse(at),
      late: Number(details?.late_us ?? 0),
    }));
    const then = [...known, ...told].filter(({ at, late }) =>
      at + late / 1000 >= from && at <= end + SLACK
    );
    const worst = then.reduce((most, { late }) => Math.max(most, late), 0);
    if (worst >= LATE) {
      const text = `Our own loop stood still for ${lengthText(worst / 1000)} just before: ` +
        "this machine was too busy, or was stopped, and may have missed what others said.";
      return { late: true, worst: worst / 1000, text };
    }
    const first = known[0];
    if (first !== undefined && known.length >= 64 && first.at > from) {
      return {
        late: false,
        worst: worst / 1000,
        text: "How late our own loop was then is no longer known.",
      };
    }
    const bound = worst === 0 ? "2 ms" : lengthText(worst / 1000);
    return {
      late: false,
      worst: worst / 1000,
      text: `Our own loop was on time: never more than ${bound} late.`,
    };
  }

  /** The clock was set, or the machine slept, shortly before, or since then. */
  clock(time: string, reach = LONG_BEFORE): string[] {
    const last = this.last(({ type }) => type === "clock");
    if (last === undefined) return [];
    // Times bear the clock as it is now, whatever it was: what was set since then is later on it.
    if (Date.parse(last.time) > Date.parse(time) + SLACK) {
      const other = last.event === "set"
        ? ": times that were told before are those of another"
        : "";
      return [`Since then ${last.text}, ${this.since(last.time)}${other}.`];
    }
    return this.before(time, ({ type }) => type === "clock", reach).slice(-1)
      .map((one) => `Before that ${one.text}, ${this.since(one.time)}.`);
  }

  /** What happened to an interface shortly before. */
  interface(name: string, time: string, reach = BEFORE): string[] {
    const found = this.before(time, (one) => one.type === "interface" && one.name === name, reach);
    // One that is made anew is gone, there, up and has carrier: that it was gone is the cause.
    return found.filter(({ event }) => event !== "addresses").slice(-4)
      .map((one) => `Interface ${name} ${one.text}, ${this.since(one.time)}.`);
  }

  /** Adverts that were refused, by their reasons. @param from milliseconds since 1970 */
  refused(router: string, link: string, from: number): string[] {
    const found = this.all((one) =>
      one.type === "vrrp" && one.event === "refused" &&
      Date.parse(one.time) >= from - LONG_BEFORE &&
      (one.name === router || one.name === link)
    );
    const reasons = new Map<string, { senders: Set<string>; count: number; last: string }>();
    for (const { text, details, count = 1, time } of found) {
      const reason = text.slice(text.lastIndexOf(": ") + 2);
      const known = reasons.get(reason) ?? { senders: new Set(), count: 0, last: time };
      if (typeof details?.source === "string") known.senders.add(details.source);
      reasons.set(reason, { ...known, count: known.count + count, last: time });
    }
    return [...reasons].map(([reason, { senders, last }]) => {
      const who = senders.size === 0 ? "" : ` from ${listText([...senders].slice(0, 4))}`;
      return `Adverts${who} were heard and refused, last told ${this.since(last)}: ${
        refusalText(reason)
      }.`;
    });
  }
}

function changesOf({ details = {} }: FlightEvent, name: string): string {
  const { changes } = details;
  const about = Array.isArray(changes)
    ? changes.filter((line) => line.split(/[ :]/).includes(name)).slice(0, 3)
    : [];
  return about.length === 0 ? "see halb events" : about.join("; ");
}

function agentText({ event, text, cause }: FlightEvent, since: string): string {
  const why = cause === null ? "" : `: ${cause}`;
  if (event === "started") return `The agent had just been started, ${since}.`;
  if (event === "taken_over") return `A new process had just taken over, ${since}.`;
  return `A part of the agent had died, ${since} (${text}${why}).`;
}
