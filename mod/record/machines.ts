/**
 * How recorded machines are made to step again, one kind after the other.
 *
 * @module
 */

import {
  deadline,
  emptyControlPacket,
  type Session,
  type SessionEffect,
  type SessionEvent,
  step as stepSession,
} from "../bfd/mod.ts";
import {
  type Group,
  type GroupEffect,
  type GroupEvent,
  type Micros,
  type Router,
  type RouterEffect,
  type RouterEvent,
  step,
  stepGroup,
} from "../vrrp/mod.ts";
import { writeSession } from "./sketches.ts";
import type { MachineKind } from "./types.ts";

/** Chance is written as a part of this. */
const CHANCE = 2 ** 32;

/** What a machine was told, by its kind. */
export type Told =
  | { readonly kind: "router"; readonly input: RouterEvent }
  | { readonly kind: "group"; readonly input: GroupEvent }
  | { readonly kind: "bfd"; readonly input: SessionEvent };

/** What a machine decided, of any kind. */
export type Decided = RouterEffect | GroupEffect | SessionEffect;

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

export const MACHINES: Readonly<Record<MachineKind, Machine>> = {
  router: ROUTER,
  group: GROUP,
  bfd: BFD,
};
