/**
 * How recorded machines are made to step again, one kind after the other.
 *
 * @module
 */

import {
  type Pool,
  type PoolEffect,
  type PoolEvent,
  type PoolMemory,
  poolOf,
  revivePool,
  stepPool,
} from "../balance/mod.ts";
import {
  deadline,
  emptyControlPacket,
  type Session,
  type SessionEffect,
  type SessionEvent,
  step as stepSession,
} from "../bfd/mod.ts";
import { passed, stepVerdict, type Verdict, type VerdictEffect } from "../check/mod.ts";
import {
  evaluateGroupTrackers,
  type Group,
  type GroupEffect,
  type GroupEvent,
  type Micros,
  observe,
  type Router,
  type RouterEffect,
  type RouterEvent,
  step,
  stepGroup,
} from "../vrrp/mod.ts";
import { blankPool, blankPoolEffects, blankVerdictEffects } from "./blank.ts";
import { writeSession, writeVerdict } from "./sketches.ts";
import type {
  CheckEvent,
  MachineKind,
  ScriptEffect,
  ScriptEvent,
  ScriptMemory,
  TrackersEffect,
  TrackersEvent,
} from "./types.ts";

/** Chance is written as a part of this. */
const CHANCE = 2 ** 32;

/** What a machine was told, by its kind. */
export type Told =
  | { readonly kind: "router"; readonly input: RouterEvent }
  | { readonly kind: "group"; readonly input: GroupEvent }
  | { readonly kind: "bfd"; readonly input: SessionEvent }
  | { readonly kind: "check"; readonly input: CheckEvent }
  | { readonly kind: "script"; readonly input: ScriptEvent }
  | { readonly kind: "trackers"; readonly input: TrackersEvent }
  | { readonly kind: "virtual_server"; readonly input: PoolEvent };

/** What a machine decided, of any kind. */
export type Decided =
  | RouterEffect
  | GroupEffect
  | SessionEffect
  | VerdictEffect
  | ScriptEffect
  | TrackersEffect
  | PoolEffect;

/** How machines of one kind step again. */
export interface Machine {
  /** What it remembers, live; what is given belongs to it. */
  revive(memory: unknown): unknown;
  /** What it remembers now, as it is written. */
  write(live: unknown): unknown;
  /** A timer that fired before its time, in words; null: none did. */
  early(live: unknown, input: unknown, at: Micros): string | null;
  /** @param chance of 2³² @throws what the machine throws */
  decide(live: unknown, input: unknown, at: Micros, chance: number): readonly Decided[];
}

const same = (value: unknown): unknown => value;

/** A timer that fires is the one that was armed last. */
function armed(router: Router | undefined, event: RouterEvent): RouterEvent {
  if (event.type !== "timer") return event;
  return { type: "timer", generation: router?.timer?.generation ?? -1 };
}

function earlyTimer(router: Router | undefined, at: Micros): string | null {
  const timer = router?.timer ?? null;
  if (timer === null) return "a timer fired then, and none is armed now";
  return at >= timer.at ? null : before(`the timer ${timer.name}`, timer.at - at);
}

function before(what: string, early: Micros): string {
  return `${what} fired ${early / 1000} ms before its time`;
}

const ROUTER: Machine = {
  revive: same,
  write: same,
  early: (live, input, at) =>
    (input as RouterEvent).type === "timer" ? earlyTimer(live as Router, at) : null,
  decide(live, input, at) {
    const router = live as Router;
    return step(router, armed(router, input as RouterEvent), at);
  },
};

function routerOf({ members }: Group, name: string): Router | undefined {
  return members.find(({ settings }) => settings.name === name)?.router;
}

const GROUP: Machine = {
  revive: same,
  write: same,
  early(live, input, at) {
    const event = input as GroupEvent;
    if (event.type !== "member" || event.event.type !== "timer") return null;
    return earlyTimer(routerOf(live as Group, event.name), at);
  },
  decide(live, input, at) {
    const [group, event] = [live as Group, input as GroupEvent];
    if (event.type !== "member") return stepGroup(group, event, at);
    const router = routerOf(group, event.name);
    return stepGroup(group, { ...event, event: armed(router, event.event) }, at);
  },
};

const BFD: Machine = {
  revive: same,
  write: (live) => writeSession(live as Session),
  early(live, input, at) {
    if ((input as SessionEvent).type !== "timer") return null;
    const next = deadline(live as Session);
    if (next === Infinity) return "a timer fired then, and none is armed now";
    return at >= next ? null : before("the timer", next - at);
  },
  decide(live, input, at, chance) {
    const event = input as SessionEvent;
    const whole = event.type === "packet"
      ? { ...event, packet: { ...emptyControlPacket(), ...event.packet } }
      : event;
    return stepSession(live as Session, whole, at, chance / CHANCE);
  },
};

const never = (): null => null;

const CHECK: Machine = {
  revive(memory) {
    const verdict = memory as Verdict & { readonly last: { readonly warnings: string[] } | null };
    const warned = verdict.last?.warnings;
    const last = warned && { outcome: passed("", { warnings: warned }), latency: 0, at: 0 };
    return { ...verdict, last: last ?? null };
  },
  write: (live) => writeVerdict(live as Verdict),
  early: never,
  decide(live, input, at) {
    const { type, ...said } = input as CheckEvent;
    const outcome = { ...said, output: "", weight: null };
    return blankVerdictEffects(stepVerdict(live as Verdict, { type, outcome, latency: 0 }, at));
  },
};

/** One run of a script. */
function stepScript(
  { rule, verdict }: ScriptMemory,
  { healthy, reason }: ScriptEvent,
  now: Micros,
): ScriptEffect[] {
  const turned = observe(verdict, rule, { healthy, reason }, now);
  return turned ? [{ type: "turned", healthy, reason }] : [];
}

const SCRIPT: Machine = {
  revive: same,
  write: same,
  early: never,
  decide: (live, input, at) => stepScript(live as ScriptMemory, input as ScriptEvent, at),
};

const TRACKERS: Machine = {
  revive: same,
  write: same,
  early: never,
  decide: (_, input) => [
    { type: "judged", ...evaluateGroupTrackers((input as TrackersEvent).members) },
  ],
};

const VIRTUAL_SERVER: Machine = {
  revive: (memory) => revivePool(memory as PoolMemory),
  write(live) {
    const { balance } = live as Pool;
    const [name = ""] = balance.servers.keys();
    const memory = poolOf(balance, name);
    return memory && blankPool(memory);
  },
  early: never,
  decide: (live, input, at) => blankPoolEffects(stepPool(live as Pool, input as PoolEvent, at)),
};

export const MACHINES: Readonly<Record<MachineKind, Machine>> = {
  router: ROUTER,
  group: GROUP,
  bfd: BFD,
  check: CHECK,
  script: SCRIPT,
  trackers: TRACKERS,
  virtual_server: VIRTUAL_SERVER,
};
