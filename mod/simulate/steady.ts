/**
 * Leaps over times in which nothing can differ.
 *
 * Where masters do nothing but advertise, backups nothing but hear that, checks find what they found
 * before, chance decides nothing on any network, and nobody has anything else to do, each period of
 * adverts and probes is like the one before. That is not taken for granted: what all machines remember
 * at the end of one such period is compared with what they remembered at its beginning. Only if every
 * time in it has moved by exactly the period, and all else is the same, the time up to the next thing
 * that is no routine is leapt over, by whole periods: every time in every memory moves by as much, and
 * the outcome is that of stepping through.
 *
 * When BFD sessions send is left to chance within bounds in which nothing comes of it (`bfd_calm.ts`).
 * Their times move along: what happens next finds them as it might have found them. With them the
 * numbers of packets and steps are an estimate, from one period.
 *
 * The machine looks at its clock only through those times, through the ages of what it noted at
 * things that do not happen in such a period (complaints, answers to losers, announcements that are
 * owed), and through deadlines that `isCalm` excludes.
 *
 * @module
 */

import { leastCommonMultiple } from "../values/numbers.ts";
import type { Micros, Router } from "../vrrp/mod.ts";
import type { RouterMachine } from "./machines.ts";
import type { World } from "./world.ts";

/** Longest period that is tried: routers of many different intervals recur too seldom. */
const LONGEST_PERIOD: Micros = 600_000_000;
/** A leap of less is not worth the look. */
const SHORTEST_LEAP = 20;
/** Who was not heard for so long decides nothing (`peers.ts` of mod/vrrp forgets after as long). */
const FORGOTTEN: Micros = 60_000_000;
/** How long to wait after a look that came to nothing. */
const PATIENCE: Micros = 10_000_000;

/** All that moves in the memory of one router. */
interface Moving {
  readonly times: readonly Micros[];
  /** When each peer was last heard. */
  readonly heard: readonly Micros[];
  readonly generation: number;
  /** Everything else. */
  readonly rest: string;
}

interface Look {
  readonly at: Micros;
  readonly period: Micros;
  readonly machines: readonly RouterMachine[];
  readonly moving: readonly Moving[];
  /** Empty: nothing recurs exactly. */
  readonly due: readonly Micros[];
  readonly steps: number;
  readonly packets: number;
  readonly groups: string;
  readonly recurring: string;
  readonly lost: readonly number[];
}

export class Steadiness {
  /** Time that was leapt over. */
  skipped: Micros = 0;
  readonly #world: World;
  #look: Look | null = null;
  #next: Micros = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** After a step: leaps where that is sure. @param end the simulation ends then */
  look(end: Micros): void {
    const { agenda } = this.#world;
    const { now } = agenda;
    // A period begins and ends with something that recurs exactly, where there is such a thing.
    if (now < this.#next || !this.#isMark()) return;
    const former = this.#look;
    if (former !== null) {
      this.#look = null;
      const isOver = now === former.at + former.period || former.due.length === 0;
      if (isOver) this.#compare(former, end);
      if (this.#look === null && this.#next <= now) this.#next = now + PATIENCE;
      return;
    }
    const period = this.#period(end);
    if (period === null) {
      this.#next = now + PATIENCE;
      return;
    }
    this.#remember(period);
  }

  #isMark(): boolean {
    const { agenda } = this.#world;
    return agenda.last === "exactly" || (agenda.last === "by_chance" && !hasExact(this.#world));
  }

  /** After how long all would be as it is now; null: nothing is sure. */
  #period(end: Micros): Micros | null {
    const world = this.#world;
    const { agenda } = world;
    for (const lan of world.lans.values()) if (!lan.isSure) return null;
    let period = 1;
    for (const { agent } of world.nodes.values()) {
      if (agent === null) continue;
      if (agent.stalled) return null;
      for (const { router } of agent.machines.values()) {
        if (!isCalm(router)) return null;
        if (router.state !== "master") continue;
        period = leastCommonMultiple(period, router.settings.advertisementInterval);
        if (period > LONGEST_PERIOD) return null;
      }
    }
    for (const { period: own } of world.recurring) {
      if (own === null) return null;
      period = leastCommonMultiple(period, own);
    }
    if (period > LONGEST_PERIOD) return null;
    const free = Math.min(agenda.nextEvent, end + 1) - agenda.now;
    return period > 1 && free > SHORTEST_LEAP * period ? period : null;
  }

  #remember(period: Micros): void {
    const world = this.#world;
    const { agenda } = world;
    const machines = [...world.nodes.values()].flatMap(({ agent }) =>
      agent === null ? [] : [...agent.machines.values()]
    );
    for (const one of machines) one.moved = false;
    this.#look = {
      at: agenda.now,
      period,
      machines,
      moving: machines.map(({ router }) => movingOf(router)),
      due: dueIn(world),
      steps: world.steps,
      packets: world.packets,
      groups: groupsIn(world),
      recurring: recurringIn(world),
      lost: lostIn(world),
    };
    this.#next = agenda.now + period;
  }

  #compare(former: Look, end: Micros): void {
    const world = this.#world;
    const { agenda } = world;
    const { period, machines, moving } = former;
    if (this.#period(end) !== period || groupsIn(world) !== former.groups) return;
    if (recurringIn(world) !== former.recurring) return;
    const now = moving.map((_, i) => movingOf(machines[i]!.router));
    const same = machines.every(({ moved }, i) => !moved && hasMoved(moving[i]!, now[i]!, former));
    const due = dueIn(world);
    if (!same || due.length !== former.due.length) return;
    if (!due.every((at, i) => at === former.due[i]! + period)) return;
    // The last one is stepped through, and whatever comes after it.
    const periods = Math.floor((Math.min(agenda.nextEvent, end + 1) - 1 - agenda.now) / period) - 1;
    if (periods < 1) return;
    machines.forEach(({ router }, i) => {
      const heard = moving[i]!.heard.map((at, j) => at !== now[i]!.heard[j]);
      leap(router, periods * period, periods * (now[i]!.generation - moving[i]!.generation), heard);
    });
    for (const one of world.recurring) one.leap(periods * period);
    // As much as in the time that was looked at, which is one period where anything recurs exactly.
    const share = periods * period / (agenda.now - former.at);
    const more = (before: number, now: number): number => Math.round(share * (now - before));
    world.steps += more(former.steps, world.steps);
    world.packets += more(former.packets, world.packets);
    [...world.lans.values()].forEach((lan, i) => lan.lost += more(former.lost[i]!, lan.lost));
    agenda.leap(periods * period);
    this.skipped += periods * period;
    this.#next = agenda.now;
  }
}

/** When all that recurs exactly is due, in order. */
function dueIn({ agenda }: World): Micros[] {
  return [...agenda.routines].flatMap(({ recurs, at }) => recurs === "exactly" ? [at] : [])
    .sort((a, b) => a - b);
}

function hasExact({ agenda }: World): boolean {
  for (const { recurs } of agenda.routines) if (recurs === "exactly") return true;
  return false;
}

function recurringIn({ agenda, recurring }: World): string {
  return JSON.stringify(recurring.map((one) => one.memory(agenda.now)));
}

function lostIn({ lans }: World): number[] {
  return [...lans.values()].map(({ lost }) => lost);
}

/** What groups remember beside their members' machines. */
function groupsIn({ nodes }: World): string {
  return JSON.stringify(
    [...nodes.values()].flatMap(({ agent }) =>
      [...agent?.groups.values() ?? []].map(({ group: { members, ...others } }) => ({
        ...others,
        members: members.map(({ router: _, ...own }) => own),
      }))
    ),
  );
}

/** It will do nothing but advertise, or listen, or wait for what is no routine. */
function isCalm(router: Router): boolean {
  const { state, timer, announceOwed, demoted, ownerConflict, lastAdvert, preemptAt } = router;
  if (announceOwed || demoted || ownerConflict !== null || preemptAt !== null) return false;
  if (router.releasing || lastAdvert !== null || router.authentication !== undefined) return false;
  switch (state) {
    case "master":
      return timer?.name === "advertisement";
    case "backup":
      return timer?.name === "master_down" && router.master !== null && router.wait === "down" &&
        !router.graceUsed;
    case "fault":
    case "init":
      return timer === null;
  }
}

/** Fields that hold times which recur; `generation` counts what recurs. */
function movingOf(router: Router): Moving {
  const { timer, timerBase, lastSent, peers, generation, ...others } = router;
  const rest = {
    ...others,
    timerBase: others.state === "backup" ? null : timerBase,
    lastSent: others.state === "master" ? null : lastSent,
    timer: timer?.name ?? null,
    peers: peers.map((peer) => ({ ...peer, lastHeard: 0 })),
  };
  return {
    times: timesOf(router),
    heard: peers.map(({ lastHeard }) => lastHeard),
    generation,
    rest: JSON.stringify(rest),
  };
}

function timesOf({ state, timer, timerBase, lastSent }: Router): Micros[] {
  const own = state === "master" ? [lastSent ?? 0] : state === "backup" ? [timerBase] : [];
  return [...own, ...(timer === null ? [] : [timer.at])];
}

/** Whether all its times moved by a period, but those of peers that were forgotten. */
function hasMoved(before: Moving, now: Moving, { at, period }: Look): boolean {
  return before.rest === now.rest && before.times.length === now.times.length &&
    before.heard.length === now.heard.length &&
    now.times.every((time, i) => time - before.times[i]! === period) &&
    now.heard.every((time, i) => {
      const by = time - before.heard[i]!;
      return by === period || (by === 0 && at - time >= FORGOTTEN);
    });
}

/** @param heard whether each peer is heard in each period */
function leap(
  router: Router,
  by: Micros,
  generations: number,
  heard: readonly boolean[],
): void {
  const { state, timer, lastSent } = router;
  if (state === "master" && lastSent !== null) router.lastSent = lastSent + by;
  if (state === "backup") router.timerBase += by;
  router.generation += generations;
  if (timer !== null) {
    router.timer = { ...timer, at: timer.at + by, generation: router.generation };
  }
  router.peers.forEach((peer, i) => {
    if (heard[i]) peer.lastHeard += by;
  });
}
