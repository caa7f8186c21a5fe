/**
 * Real servers, their health checks and what the balancer makes of them: the real schedule, verdicts
 * and machine, with answers that the simulation gives. Who is down answers nothing, so a probe of it
 * fails when its timeout is over.
 *
 * @module
 */

import { planChecks } from "../agent/check_plan.ts";
import { serverUse } from "../agent/check_names.ts";
import type { SiteConfig } from "../../config/mod.ts";
import {
  type Balance,
  type BalanceEffect,
  type BalanceEvent,
  createBalance,
  step,
} from "../balance/mod.ts";
import { type BoardEffect, CheckBoard } from "../check/board.ts";
import { failed, passed } from "../check/mod.ts";
import { endpointText } from "../ip/mod.ts";
import type { BalancePlan } from "../plane/balance.ts";
import { leastCommonMultiple } from "../values/numbers.ts";
import type { Micros } from "../vrrp/mod.ts";
import { Deed } from "./agenda.ts";
import type { Agent, Companion } from "./agent.ts";
import type { SimInterface } from "./lan.ts";
import type { Recurring } from "./recurring.ts";
import type { World } from "./world.ts";

/** From a question to its answer. */
const ANSWERED: Micros = 1_000;
/** Probes of one agent that run at once. */
const MOST_PROBES = 1_000;

/** What of a check says which way it goes. */
interface BoundCheck {
  readonly bind_interface?: string;
  readonly namespace?: string;
}

/** Checks and virtual servers of one agent. */
class Pool implements Companion, Recurring {
  readonly ended = true;
  readonly #agent: Agent;
  readonly #world: World;
  readonly #plan: BalancePlan | undefined;
  readonly #board = new CheckBoard();
  readonly #machine: Balance = createBalance();
  /** Whom a check of a real server asks, by its id. */
  readonly #asks = new Map<string, string>();
  /** The interface that a check asks through, by its id. */
  readonly #bound = new Map<string, SimInterface>();
  readonly #tracked: ReadonlySet<string>;
  /** Checks that are BFD sessions, by the names of these. */
  readonly #sessions = new Map<string, string[]>();
  readonly #probing = new Deed(
    "timer",
    (now) => this.#follow(this.#board.due(now), now),
    "exactly",
  );
  readonly #balancing = new Deed("timer", (now) => {
    this.#step({ type: "timer", generation: this.#machine.timer.generation }, now);
  });

  constructor(agent: Agent, site: SiteConfig, world: World, now: Micros) {
    this.#agent = agent;
    this.#world = world;
    this.#plan = agent.plan.balance;
    this.#tracked = new Set(
      agent.plan.routers.flatMap(({ trackers }) =>
        trackers.filter(({ kind }) => kind === "check").map(({ name }) => name)
      ),
    );
    for (const server of site.virtual_server) {
      for (const real of server.real_server) {
        const name = endpointText(real.address);
        for (const { id, check } of serverUse(server, real).inline) {
          this.#asks.set(id, name);
          this.#bind(id, check);
        }
      }
    }
    for (const check of site.check) this.#bind(check.name, check);
    const { kernel, control, protocol } = planChecks(site);
    for (const { check, session } of protocol) {
      this.#sessions.set(session, [...this.#sessions.get(session) ?? [], check]);
    }
    for (const { id, end } of kernel) {
      if (!this.#asks.has(id)) this.#asks.set(id, endpointText(end));
    }
    if (this.#plan !== undefined) {
      const { servers } = this.#plan;
      this.#step({ type: "configure", servers }, now);
      for (const { name } of servers) this.#note(name, now);
    }
    this.#follow(this.#board.configure([...kernel, ...control], MOST_PROBES, [], now), now);
  }

  /** Without an interface of its own a check goes some way that nothing here cuts. */
  #bind(id: string, { bind_interface: name, namespace = "" }: BoundCheck): void {
    if (name === undefined) return;
    const own = this.#agent.host.interfaces.get(namespace === "" ? name : `${namespace}/${name}`);
    if (own !== undefined) this.#bound.set(id, own);
  }

  // ===== checks ==================================================================================

  #follow(effects: readonly BoardEffect[], now: Micros): void {
    for (const effect of effects) {
      if (effect.type === "start") this.#probe(effect.id, effect.probe, effect.timeout, now);
      else if (effect.type === "found") {
        const { check, health, reason, weight } = effect.standing;
        this.#found(check, health === "up", reason, now);
        this.#step({ type: "check", finding: { check, health, reason, weight } }, now);
      }
    }
    this.#armProbing();
  }

  #armProbing(): void {
    const { next } = this.#board;
    if (next === Infinity || this.#agent.stalled) this.#world.agenda.cancel(this.#probing);
    else if (next !== this.#probing.at) this.#world.agenda.set(this.#probing, next);
  }

  /** The answer is as things stand when it comes. */
  #probe(id: string, probe: number, timeout: Micros, now: Micros): void {
    const works = (): boolean =>
      (this.#bound.get(id)?.answers ?? true) &&
      this.#world.pools.answers(this.#agent.host.name, id, this.#asks);
    const took = works() ? ANSWERED : timeout;
    this.#world.agenda.once(now + took, "host", (at) => {
      this.#agent.told((told) => {
        const outcome = took === ANSWERED && works()
          ? passed("answered")
          : failed(`no answer within ${timeout / 1000} ms`);
        this.#follow(this.#board.finished(id, probe, outcome, took, told), told);
      }, at);
    }, "exactly");
  }

  #found(name: string, healthy: boolean, reason: string, now: Micros): void {
    if (!this.#tracked.has(name)) return;
    const node = this.#agent.host.name;
    const span = { node, kind: "check", name, healthy, reason };
    this.#world.journal.trackers.set(`${node} check ${name}`, span, now);
    this.#agent.found({ kind: "check", namespace: "", name, healthy, reason }, now);
  }

  /** A BFD session has told those who depend on it. */
  session(name: string, healthy: boolean, reason: string, now: Micros): void {
    for (const check of this.#sessions.get(name) ?? []) {
      const health = healthy ? "up" : "down";
      this.#found(check, healthy, reason, now);
      this.#step({ type: "check", finding: { check, health, reason, weight: null } }, now);
    }
  }

  get period(): Micros | null {
    return this.#board.period;
  }

  memory(now: Micros): unknown {
    return this.#board.standing(now);
  }

  leap(by: Micros): void {
    this.#board.leap(by);
  }

  // ===== virtual servers =========================================================================

  /** A router's addresses are held, or no longer. */
  holding(name: string, held: boolean, now: Micros): void {
    if (this.#plan !== undefined) this.#step({ type: "holding", holding: name, held }, now);
  }

  #step(event: BalanceEvent, now: Micros): void {
    if (this.#plan === undefined) return;
    this.#world.stepped();
    for (const effect of step(this.#machine, event, now)) this.#do(effect, now);
    // Why it is in service may be another reason now, and that is no step.
    if (event.type === "check") {
      for (const { name } of this.#plan.servers) {
        this.#note(name, now);
      }
    }
  }

  #do(effect: BalanceEffect, now: Micros): void {
    switch (effect.type) {
      case "announce": {
        const found = this.#plan!.announce.find(({ server }) => server === effect.server);
        if (found === undefined) return;
        if (effect.announced) return this.#agent.host.hold(found.holding, now);
        return this.#agent.host.drop(found.holding, now);
      }
      case "quorum": {
        const { server: name, met: healthy, reason } = effect;
        const node = this.#agent.host.name;
        const span = { node, kind: "virtual_server", name, healthy, reason };
        this.#world.journal.trackers.set(`${node} virtual_server ${name}`, span, now);
        return this.#agent.found(
          { kind: "virtual_server", namespace: "", name, healthy, reason },
          now,
        );
      }
      case "step":
        return this.#note(effect.server, now);
      case "timer":
        return this.#world.agenda.set(this.#balancing, effect.at);
    }
  }

  /** How the real servers of a virtual server stand. */
  #note(name: string, now: Micros): void {
    const node = this.#agent.host.name;
    for (const [server, { state, reason }] of this.#machine.servers.get(name)?.servers ?? []) {
      const span = {
        node,
        virtual_server: name,
        server,
        in_service: state === "up",
        reason: reason === "" ? state : reason,
      };
      this.#world.journal.servers.set(`${node} ${name} ${server}`, span, now);
    }
  }

  // ===== the process =============================================================================

  get deadline(): Micros {
    return Infinity;
  }

  pause(): void {
    this.#world.agenda.cancel(this.#probing);
    this.#world.agenda.cancel(this.#balancing);
  }

  stalled(): void {}

  resume(): void {
    const { at } = this.#machine.timer;
    if (at !== null) this.#world.agenda.set(this.#balancing, at);
    this.#armProbing();
  }

  stop(): void {}

  end(now: Micros): void {
    this.pause();
    const node = this.#agent.host.name;
    for (const [name, { servers }] of this.#machine.servers) {
      for (const server of servers.keys()) {
        this.#world.journal.servers.set(`${node} ${name} ${server}`, null, now);
      }
    }
  }
}

/** All pools, and the servers that are down. */
export class Pools implements Recurring {
  readonly #world: World;
  readonly #pools = new Map<Agent, Pool>();
  readonly #down = new Set<string>();
  readonly #failing = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  begin(agent: Agent, site: SiteConfig, now: Micros): void {
    if (site.virtual_server.length + site.check.length === 0) return;
    const pool = new Pool(agent, site, this.#world, now);
    this.#pools.set(agent, pool);
    agent.companions.push(pool);
  }

  of(agent: Agent): Pool | undefined {
    return this.#pools.get(agent);
  }

  /** Of all agents that live. */
  get #live(): Pool[] {
    return [...this.#pools].flatMap(([{ dead }, pool]) => dead ? [] : [pool]);
  }

  get period(): Micros | null {
    return this.#live.reduce<Micros | null>(
      (all, { period }) =>
        all === null || period === null ? null : leastCommonMultiple(all, period),
      1,
    );
  }

  memory(now: Micros): unknown {
    return this.#live.map((pool) => pool.memory(now));
  }

  leap(by: Micros): void {
    for (const pool of this.#live) pool.leap(by);
  }

  /** A real server answers nobody, or does again. */
  server(name: string, up: boolean): void {
    if (up) this.#down.delete(name);
    else this.#down.add(name);
  }

  /** A check of one node fails, whomever it asks. */
  check(node: string, name: string, passes: boolean): void {
    if (passes) this.#failing.delete(`${node} ${name}`);
    else this.#failing.add(`${node} ${name}`);
  }

  /** @param asks whom checks ask, by their ids */
  answers(node: string, id: string, asks: ReadonlyMap<string, string>): boolean {
    return !this.#failing.has(`${node} ${id}`) && !this.#down.has(asks.get(id) ?? "");
  }
}
