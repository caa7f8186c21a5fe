/**
 * One simulated agent: what the protocol plane does with its routers and groups, without sockets.
 * A process that stands still does what the real loop does when it goes on: it tells its routers of
 * the stall, then reads what waits in the sockets, then looks at the timers, then at messages.
 *
 * @module
 */

import type { SitePlan } from "../agent/site_plan.ts";
import { trackedIn, type TrackerFinding } from "../plane/trackers.ts";
import { Circumstances } from "../protocol/circumstances.ts";
import { healthOfParty, STARTUP_DELAY, tellHealth } from "../protocol/party.ts";
import { type Micros, type RouterEffect, STALL } from "../vrrp/mod.ts";
import { type Agenda, type Appointment, Deed } from "./agenda.ts";
import type { Host } from "./host.ts";
import type { Journal } from "./journal.ts";
import type { SimInterface } from "./lan.ts";
import { GroupMachine, type MachineOwner, RouterMachine } from "./machines.ts";

/** Packets a socket keeps; the kernel's default buffer holds about so many adverts. */
const SOCKET_ROOM = 256;

/** What an agent needs of the world. */
export interface AgentSurroundings {
  readonly agenda: Agenda;
  readonly journal: Journal;
  stepped(): void;
  /** One advertisement leaves. */
  send(agent: Agent, machine: RouterMachine, priority: number): void;
  /** A router's addresses are to be held, or no longer. */
  decided(agent: Agent, router: string, held: boolean, now: Micros): void;
  /** Words for people: whom an address belongs to. */
  inWords(text: string): string;
  /** It has ended in order. */
  ended(agent: Agent, now: Micros): void;
}

/** Something beside the routers that belongs to the process, and stands still with it. */
export interface Companion {
  /** The process stands still. */
  pause(): void;
  /** It did, beyond its next deadline: said before what waits in the sockets. */
  stalled(late: Micros, now: Micros): void;
  /** It goes on. */
  resume(now: Micros): void;
  /** When it next wants to do something; `Infinity`: never. */
  readonly deadline: Micros;
  /** Says farewell; `Agent.mayEnd` is called when that is over. */
  stop(now: Micros): void;
  /** Its farewell is over. */
  readonly ended: boolean;
  /** The process is gone. */
  end(now: Micros): void;
}

export class Agent implements MachineOwner {
  readonly agenda: Agenda;
  readonly machines = new Map<string, RouterMachine>();
  readonly groups = new Map<string, GroupMachine>();
  readonly circumstances = new Circumstances();
  readonly companions: Companion[] = [];
  readonly #env: AgentSurroundings;
  readonly #byInterface = new Map<SimInterface, RouterMachine[]>();
  readonly #alarm: Deed;
  /** No router takes part in an election before. */
  readonly #holdUntil: Micros;
  #stopping = false;
  /** It has ended, however that came. */
  dead = false;
  stalled = false;
  /** What waits while it stands still. */
  #sockets: ((now: Micros) => void)[] = [];
  #inbox: ((now: Micros) => void)[] = [];

  /** @param holdUntil no router takes part in an election before */
  constructor(
    readonly host: Host,
    readonly plan: SitePlan,
    env: AgentSurroundings,
    holdUntil: Micros,
  ) {
    this.#env = env;
    this.agenda = env.agenda;
    this.#holdUntil = holdUntil;
    this.#alarm = new Deed("timer", (now) => {
      this.circumstances.trackers.settle(now);
      this.reviewAll(now);
      this.#wake(now);
    });
  }

  // ===== life ====================================================================================

  start(now: Micros): void {
    const { host, plan, circumstances } = this;
    circumstances.trackers.configure(plan.delays);
    for (const own of host.interfaces.values()) {
      circumstances.interfaceChanged(host.stateOf(own), now);
    }
    for (const config of plan.routers) {
      const own = host.interface(config.namespace, config.interface);
      const machine = new RouterMachine(config, own, this);
      this.machines.set(machine.name, machine);
      const list = this.#byInterface.get(own) ?? [];
      this.#byInterface.set(own, [...list, machine]);
      this.#note(machine, "init", "started", now);
    }
    for (const config of plan.groups) {
      const group = new GroupMachine(config, false, this);
      this.groups.set(config.name, group);
      group.form(config.members.map((name) => this.machines.get(name)!), now);
    }
    host.adopt(now);
    this.reviewAll(now);
    this.#wake(now);
  }

  /** The process is gone; its last words, if any, have been said. */
  end(now: Micros): void {
    if (this.dead) return;
    this.dead = true;
    this.#silence();
    for (const one of this.companions) one.end(now);
    for (const { name } of this.machines.values()) {
      this.#env.journal.states.set(`${this.host.name} ${name}`, null, now);
    }
  }

  /** Hands over, and ends when all successors have spoken. */
  stop(now: Micros): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const one of this.companions) one.stop(now);
    for (const machine of this.machines.values()) {
      if (!machine.stopped) machine.apply({ type: "stop", now: false }, now);
    }
    this.mayEnd(now);
  }

  /** Ends where all have said farewell. */
  mayEnd(now: Micros): void {
    if (!this.#stopping || this.dead) return;
    for (const { stopped } of this.machines.values()) if (!stopped) return;
    if (!this.companions.every(({ ended }) => ended)) return;
    // Its addresses go in order, a moment later.
    this.end(now);
    this.#env.ended(this, now);
  }

  /** All that would wake it. */
  get #appointments(): Appointment[] {
    return [...this.machines.values(), ...this.groups.values(), this.#alarm];
  }

  #silence(): void {
    for (const one of this.#appointments) this.agenda.cancel(one);
  }

  // ===== stalls ==================================================================================

  /** It stands still from now on. */
  stall(): void {
    this.stalled = true;
    this.#due = this.#appointments.filter(({ position }) => position !== -1)
      .map((one) => ({ one, at: one.at })).sort((a, b) => a.at - b.at);
    this.#silence();
    for (const one of this.companions) one.pause();
  }

  #due: { readonly one: Appointment; readonly at: Micros }[] = [];

  /** It goes on: the guard, the sockets, the timers, the messages. */
  thaw(now: Micros): void {
    this.stalled = false;
    const deadlines = [...this.#due.map(({ at }) => at), ...this.companions.map((c) => c.deadline)];
    const late = Math.max(0, now - Math.min(...deadlines, Infinity));
    for (const { one, at } of this.#due) this.agenda.set(one, at);
    this.#due = [];
    for (const one of this.companions) one.stalled(late, now);
    if (late >= STALL) {
      for (const machine of this.machines.values()) {
        machine.apply({ type: "stall", length: late }, now);
      }
    }
    const packets = this.#sockets;
    this.#sockets = [];
    for (const receive of packets) receive(now);
    for (const one of this.companions) one.resume(now);
    const messages = this.#inbox;
    this.#inbox = [];
    // After the timers that are due now.
    if (messages.length > 0) {
      this.agenda.once(now, "timer", (later) => {
        for (const one of messages) this.told(one, later);
      });
    }
    this.host.goOn(now);
  }

  /** A packet for one of its sockets, now or when it goes on. */
  receive(take: (now: Micros) => void, now: Micros): void {
    if (this.dead) return;
    if (!this.stalled) take(now);
    else if (this.#sockets.length < SOCKET_ROOM) this.#sockets.push(take);
  }

  /** A message of another plane, or of the kernel. */
  told(take: (now: Micros) => void, now: Micros): void {
    if (this.dead) return;
    if (this.stalled) this.#inbox.push(take);
    else take(now);
  }

  // ===== circumstances ===========================================================================

  /** An interface of the host has changed, as the kernel tells. */
  interfaceChanged(own: SimInterface, now: Micros): void {
    this.circumstances.interfaceChanged(this.host.stateOf(own), now);
    this.reviewAll(now);
    this.#wake(now);
  }

  /** Something that is tracked was found, or otherwise than before. */
  found(finding: TrackerFinding, now: Micros): void {
    if (!this.circumstances.trackers.found(finding, now)) return this.#wake(now);
    const users = [...this.machines.values()].filter(({ config }) =>
      config.trackers.some(({ kind, name }) =>
        kind === finding.kind && name === finding.name &&
        trackedIn(kind, config.namespace) === finding.namespace
      )
    );
    this.#review(users, now);
    this.#wake(now);
  }

  /** A change that must last before it counts is looked at again. */
  #wake(now: Micros): void {
    const { deadline } = this.circumstances.trackers;
    const next = now < this.#holdUntil ? Math.min(deadline, this.#holdUntil) : deadline;
    if (next === Infinity) this.agenda.cancel(this.#alarm);
    else this.agenda.set(this.#alarm, next);
  }

  reviewAll(now: Micros): void {
    this.#review([...this.machines.values()], now);
  }

  #review(machines: readonly RouterMachine[], now: Micros): void {
    if (this.#stopping) return;
    const seen = new Set<RouterMachine>();
    for (const machine of machines) {
      if (seen.has(machine)) continue;
      const party = machine.group === null ? [machine] : [...machine.group.members];
      for (const one of party) seen.add(one);
      const members = party.map(({ config, router: { state } }) => {
        const { waitingFor, source } = this.circumstances.health(config);
        const early = now < this.#holdUntil ? [STARTUP_DELAY] : [];
        return { config, state, own: { waitingFor: [...waitingFor, ...early], source } };
      });
      healthOfParty(this.circumstances, members).forEach((one, i) =>
        tellHealth(party[i]!, one, now)
      );
    }
  }

  // ===== machines ================================================================================

  stepped(): void {
    this.#env.stepped();
  }

  perform(machine: RouterMachine, effect: RouterEffect, now: Micros): void {
    const { host } = this;
    switch (effect.type) {
      case "send":
        return this.#env.send(this, machine, effect.priority);
      case "hold":
        host.hold(machine.name, now);
        return this.#env.decided(this, machine.name, true, now);
      case "drop":
        host.drop(machine.name, now);
        return this.#env.decided(this, machine.name, false, now);
      case "transition":
        return this.#note(machine, effect.to, effect.reason, now);
      case "stopped":
        return this.mayEnd(now);
    }
  }

  #note(
    { name }: RouterMachine,
    state: RouterMachine["router"]["state"],
    why: string,
    now: Micros,
  ) {
    const node = this.host.name;
    const reason = this.#env.inWords(why);
    this.#env.journal.states.set(`${node} ${name}`, { node, router: name, state, reason }, now);
  }

  /** The routers that speak on an interface. */
  at(own: SimInterface): readonly RouterMachine[] {
    return this.#byInterface.get(own) ?? [];
  }

  // ===== an operator's word ======================================================================

  /** As `halb release` and `halb claim`. Returns why it is not obeyed; null: it is. */
  overrule(
    name: string,
    override: "release" | "claim",
    until: Micros | null,
    now: Micros,
  ): string | null {
    const machine = this.machines.get(name) ??
      [...this.machines.values()].find(({ config }) => config.router === name);
    let group = this.groups.get(name) ?? machine?.group ?? undefined;
    if (group === undefined) {
      if (machine === undefined) return `there is no virtual router or sync group "${name}"`;
      const own = machine.name;
      group = new GroupMachine({ name: own, members: [own], need: "all" }, true, this);
      // What ends, or stands still, with the process: a sync group may be called as the router.
      this.groups.set(`router ${own}`, group);
      group.form([machine], now);
    }
    return group.overrule(override, until, now);
  }
}
