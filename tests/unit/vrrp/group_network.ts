/**
 * Hosts with sync groups on simulated networks, one network for each member name: the group machine
 * in virtual time. After every step of every host it is checked that no group is half moved, that
 * addresses are held exactly while master, and that the armed timers are those asked for.
 */

import { deepStrictEqual, fail, ok, strictEqual } from "node:assert/strict";
import { createGroup, stepGroup } from "../../../mod/vrrp/groups.ts";
import type {
  Group,
  GroupEffect,
  GroupEvent,
  Member,
  Need,
} from "../../../mod/vrrp/group_types.ts";
import {
  createRouter,
  type Micros,
  type Router,
  type RouterEvent,
  type RouterSettings,
  version2Interval,
} from "../../../mod/vrrp/mod.ts";
import { pop, push, type Scheduled } from "../../lib/event_queue.ts";
import type { Random } from "../../lib/random.ts";
import { settings } from "./fixtures.ts";

/** What a host has for one member. */
export interface Port {
  readonly name: string;
  readonly source: string;
  readonly priority: number;
  readonly preempt?: boolean;
  readonly interval?: Micros;
}

export interface Host {
  readonly id: number;
  readonly group: Group;
  readonly ports: readonly Port[];
  alive: boolean;
  /** Networks on which it neither hears nor is heard by hosts of another part, by member name. */
  readonly part: Map<string, number>;
  readonly holding: Set<string>;
  readonly armed: Map<string, number>;
  /** State of the group after each step that changed it. */
  readonly history: string[];
}

export class GroupNetwork {
  now: Micros = 0;
  steps = 0;
  readonly hosts: Host[] = [];
  delay: Micros = 200;
  jitter: Micros = 200;
  loss = 0;
  /** Longest time that nobody held a member's addresses, since somebody first did. */
  readonly longestGap = new Map<string, Micros>();
  readonly #freeSince = new Map<string, Micros>();
  readonly #lastDelivery = new Map<string, Micros>();
  readonly #queue: Scheduled[] = [];
  readonly #random: Random;
  #order = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** @param sessions members that are sessions of one router; empty: none are */
  add(
    ports: readonly Port[],
    need: Need = "all",
    changed: Partial<RouterSettings> = {},
    sessions: readonly (readonly string[])[] = [],
  ): Host {
    const routers = ports.map(({ name, priority, preempt, interval }) =>
      createRouter(
        settings({
          name,
          priority,
          preempt: preempt ?? true,
          advertisementInterval: interval ?? 1_000_000,
          ...changed,
        }),
        this.now,
      )
    );
    const members = ports.map(({ name }) => name);
    const own = sessions.length === 0 ? {} : { sessions };
    const group = createGroup({ name: "site", members, need, ...own }, routers, this.now);
    const host: Host = {
      id: this.hosts.length,
      group,
      ports,
      alive: true,
      part: new Map(),
      holding: new Set(),
      armed: new Map(),
      history: [],
    };
    this.hosts.push(host);
    return host;
  }

  /** All members become healthy, one after the other. */
  start(host: Host): void {
    for (const { name } of host.ports) this.health(host, name);
  }

  health(host: Host, name: string, fault: string | null = null, contribution = 0): void {
    const { source } = host.ports.find((port) => port.name === name)!;
    const waitingFor = fault === null ? [] : [fault];
    this.member(host, name, { type: "health", waitingFor, contribution, source });
  }

  member(host: Host, name: string, event: RouterEvent): void {
    this.step(host, { type: "member", name, event });
  }

  crash(host: Host): void {
    host.alive = false;
    host.holding.clear();
    host.armed.clear();
  }

  at(time: Micros, act: () => void): void {
    push(this.#queue, { at: time, order: this.#order++, act });
  }

  run(length: Micros): void {
    const until = this.now + length;
    while (this.#queue.length > 0 && this.#queue[0]!.at <= until) {
      const { at, act } = pop(this.#queue);
      this.now = at;
      act();
      this.#watch();
    }
    this.now = until;
    this.#watch();
  }

  step(host: Host, event: GroupEvent): readonly GroupEffect[] {
    const effects = stepGroup(host.group, event, this.now);
    this.steps++;
    for (const effect of effects) this.#perform(host, effect);
    this.#check(host);
    return effects;
  }

  /** Hosts that hold a member's addresses. */
  holders(name: string): Host[] {
    return this.hosts.filter((host) => host.alive && host.holding.has(name));
  }

  names(): string[] {
    return [...new Set(this.hosts.flatMap(({ ports }) => ports.map(({ name }) => name)))];
  }

  transitions(): number[] {
    return this.hosts.map(({ history }) => history.length);
  }

  #perform(host: Host, effect: GroupEffect): void {
    if (effect.type === "group_transition") {
      host.history.push(`${effect.from} ${effect.to}`);
      return;
    }
    if (effect.type !== "member") return;
    const { name } = effect;
    switch (effect.effect.type) {
      case "send":
        return this.#send(host, this.#router(host, name), effect.effect.priority);
      case "set_timer": {
        const { generation, at } = effect.effect;
        host.armed.set(name, generation);
        return this.at(at, () => {
          if (!host.alive) return;
          if (!host.group.members.some((one) => one.settings.name === name)) return;
          if (host.armed.get(name) === generation) host.armed.delete(name);
          this.member(host, name, { type: "timer", generation });
        });
      }
      case "cancel_timer":
        host.armed.delete(name);
        return;
      case "hold":
        host.holding.add(name);
        return;
      case "drop":
        host.holding.delete(name);
    }
  }

  #router(host: Host, name: string): Router {
    return host.group.members.find((member) => member.settings.name === name)!.router;
  }

  #send(host: Host, router: Router, priority: number): void {
    const { name, virtualRouterId, advertisementInterval, addresses, version } = router.settings;
    const interval = version === 2
      ? version2Interval(advertisementInterval)
      : advertisementInterval;
    for (const to of this.hosts) {
      if (to === host || (to.part.get(name) ?? 0) !== (host.part.get(name) ?? 0)) continue;
      if (!to.ports.some((port) => port.name === name) || this.#random.chance(this.loss)) continue;
      const source = router.source!;
      // Nothing overtakes on a link.
      const link = `${name} ${host.id} ${to.id}`;
      const earliest = this.now + this.delay + this.#random.int(0, this.jitter);
      const at = Math.max(earliest, this.#lastDelivery.get(link) ?? 0);
      this.#lastDelivery.set(link, at);
      this.at(at, () => {
        if (!to.alive || (to.part.get(name) ?? 0) !== (host.part.get(name) ?? 0)) return;
        this.member(to, name, {
          type: "advertisement",
          advertisement: {
            version,
            source,
            virtualRouterId,
            priority,
            interval,
            addresses,
            checksum: "rfc9568",
          },
        });
      });
    }
  }

  #check(host: Host): void {
    const { group } = host;
    // Once in a while: it costs more than everything else.
    if (this.steps % 251 === 0) deepStrictEqual(JSON.parse(JSON.stringify(group)), group);
    for (const { router, stopping } of group.members) {
      const { name } = router.settings;
      const { state, timer } = router;
      strictEqual(host.holding.has(name), state === "master", "held exactly while master");
      strictEqual(host.armed.get(name), timer?.generation, "the armed timer is the router's");
      ok(stopping || timer !== null || state === "init" || state === "fault", "a timer runs");
    }
    const fit = group.members.filter((one) => isFit(one) && !one.router.releasing && !one.lonely);
    // Before all have started some wait in init, those that were in fault meanwhile in fault.
    const part = ({ router: { state } }: Member) => state === "init" ? "fault" : state;
    if (fit.some((member) => part(member) !== part(fit[0]!))) {
      fail(`half moved: ${group.members.map(describe).join(", ")}`);
    }
    for (const member of group.members) {
      const { router: { state }, stopping } = member;
      const idle = state === "init" || state === "fault";
      if (!isFit(member) && !stopping && !idle) fail(`takes part: ${describe(member)}`);
    }
  }

  #watch(): void {
    for (const name of this.names()) {
      const since = this.#freeSince.get(name);
      if (this.holders(name).length > 0) {
        if (since !== undefined) {
          this.longestGap.set(name, Math.max(this.longestGap.get(name) ?? 0, this.now - since));
        } else this.longestGap.set(name, this.longestGap.get(name) ?? 0);
        this.#freeSince.delete(name);
      } else if (this.longestGap.has(name) && since === undefined) {
        this.#freeSince.set(name, this.now);
      }
    }
  }
}

function isFit({ health, stopping }: Member): boolean {
  return !stopping && health !== null && health.waitingFor.length === 0 && health.source !== null;
}

function describe({ router, health }: Member): string {
  return `${router.settings.name} ${router.state} (${health?.waitingFor.join() ?? "unknown"})`;
}
