/**
 * The machines of a simulated agent: one for each virtual router and for each group, each with its
 * one timer. What they decide goes to who owns them.
 *
 * @module
 */

import type { ProtocolGroup } from "../plane/groups.ts";
import type { ProtocolRouter } from "../plane/messages.ts";
import {
  createGroup,
  createRouter,
  type Group,
  type GroupEffect,
  type GroupEvent,
  type HealthEvent,
  type Micros,
  type Router,
  type RouterEffect,
  type RouterEvent,
  step,
  stepGroup,
} from "../vrrp/mod.ts";
import { type Agenda, Appointment } from "./agenda.ts";
import { Adverts } from "./adverts.ts";
import type { SimInterface } from "./lan.ts";

/** What machines need of the agent. */
export interface MachineOwner {
  readonly agenda: Agenda;
  /** Its process is gone: no machine of it does anything any more. */
  readonly dead: boolean;
  /** A step was made. */
  stepped(): void;
  perform(machine: RouterMachine, effect: RouterEffect, now: Micros): void;
}

export class RouterMachine extends Appointment {
  override readonly recurs = "exactly";
  readonly router: Router;
  readonly adverts = new Adverts();
  group: GroupMachine | null = null;
  told: HealthEvent | null = null;
  stopped = false;
  /** It did something since this was cleared that is not done with every advert. */
  moved = true;
  readonly #owner: MachineOwner;

  constructor(
    readonly config: ProtocolRouter,
    readonly own: SimInterface,
    owner: MachineOwner,
  ) {
    super("timer");
    this.router = createRouter(config.settings, owner.agenda.now);
    this.#owner = owner;
  }

  get name(): string {
    return this.config.settings.name;
  }

  act(now: Micros): void {
    const { timer } = this.router;
    if (this.#owner.dead) return;
    if (timer !== null) this.apply({ type: "timer", generation: timer.generation }, now);
  }

  apply(event: RouterEvent, now: Micros): void {
    if (event.type === "health") this.told = event;
    if (event.type !== "timer" && event.type !== "advertisement") this.moved = true;
    if (this.group !== null) return this.group.apply(this, event, now);
    this.#owner.stepped();
    for (const effect of step(this.router, event, now)) this.perform(effect, now);
  }

  perform(effect: RouterEffect, now: Micros): void {
    switch (effect.type) {
      case "set_timer":
        return this.#owner.agenda.set(this, effect.at);
      case "cancel_timer":
        return this.#owner.agenda.cancel(this);
      case "send":
      case "discard":
        break;
      case "stopped":
        this.stopped = true;
        this.moved = true;
        break;
      default:
        this.moved = true;
    }
    this.#owner.perform(this, effect, now);
  }
}

export class GroupMachine extends Appointment {
  readonly #group: Group;
  readonly #members = new Map<string, RouterMachine>();
  readonly #owner: MachineOwner;
  #until: Micros = Infinity;

  /** @param passing it exists for an operator's word on a single router */
  constructor(readonly config: ProtocolGroup, readonly passing: boolean, owner: MachineOwner) {
    super("timer");
    this.#owner = owner;
    const { name, need } = config;
    this.#group = createGroup({ name, members: [], need }, [], owner.agenda.now);
  }

  get members(): Iterable<RouterMachine> {
    return this.#members.values();
  }

  get group(): Group {
    return this.#group;
  }

  /** Takes its members in. */
  form(machines: readonly RouterMachine[], now: Micros): void {
    for (const one of machines) this.#members.set(one.name, one);
    const joining = machines.map(({ router }) => router);
    this.#step({ type: "configure", settings: this.config, joining }, now);
    for (const one of machines) one.group = this;
  }

  act(now: Micros): void {
    if (!this.#owner.dead) this.#step({ type: "timer" }, now);
  }

  apply({ name }: RouterMachine, event: RouterEvent, now: Micros): void {
    this.#step({ type: "member", name, event }, now);
  }

  /** An operator's word. Returns why it is not obeyed; null: it is. */
  overrule(override: "release" | "claim", until: Micros | null, now: Micros): string | null {
    const event = override === "claim" ? { type: override } : { type: override, until } as const;
    const refused = this.#step(event, now).find(({ type }) => type === "group_refused");
    return refused?.type === "group_refused" ? refused.reason : null;
  }

  #step(event: GroupEvent, now: Micros): GroupEffect[] {
    this.#owner.stepped();
    const effects = stepGroup(this.#group, event, now);
    for (const one of effects) {
      if (one.type === "member") this.#members.get(one.name)!.perform(one.effect, now);
      else if (one.type === "group_timer") {
        this.#until = one.at ?? Infinity;
        if (one.at === null) this.#owner.agenda.cancel(this);
        else this.#owner.agenda.set(this, one.at);
      }
    }
    return effects;
  }

  /** When an operator's word ends; `Infinity`: not by itself. */
  get until(): Micros {
    return this.#until;
  }
}
