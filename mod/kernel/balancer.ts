/**
 * Virtual servers: drives the machine of `mod/balance` with what is heard of checks, routers,
 * operators and the kernel, and makes the kernel's table, its settings and its sync daemons what
 * the machine and the plan want.
 *
 * It stands beside the rest of the kernel plane, in the same loop: what takes long is done in parts,
 * so that no address waits for thousands of servers.
 *
 * @module
 */

import {
  type BalanceEffect,
  type BalanceEvent,
  createBalance,
  stepping,
  type VirtualServerSettings,
  wantedServer,
} from "../balance/mod.ts";
import type {
  BalanceMemory,
  BalanceNote,
  BalancePlan,
  OrderBalance,
  QueryBalance,
} from "../plane/balance.ts";
import type { CheckFinding } from "../plane/checks.ts";
import { IdSource } from "../plane/ids.ts";
import type { ConfigureKernel, EventId } from "../plane/messages.ts";
import type { TrackerFinding } from "../plane/trackers.ts";
import { PoolRecorders } from "../record/mod.ts";
import { textOf } from "../text/mod.ts";
import { BalancerAnnounce } from "./balancer_announce.ts";
import { BalancerAnswers } from "./balancer_answers.ts";
import { BalancerCounts, BalancerNames } from "./balancer_counts.ts";
import { BalancerGoal, NOTHING } from "./balancer_goal.ts";
import { BalancerHoldings } from "./balancer_holdings.ts";
import { BalancerIntake } from "./balancer_intake.ts";
import type { BalancerPorts, BalancerWorld } from "./balancer_io.ts";
import { BalancerSurroundings } from "./balancer_surroundings.ts";
import { BalancerTable } from "./balancer_table.ts";
import type { Count } from "./balancer_table_events.ts";
import { Places } from "./places.ts";
import type { Say } from "./tables.ts";

/** How long after something unforeseen it goes on; under which what is announced is held. */
const [PAUSE, EPOCH] = [1_000_000, 1];

/** All virtual servers. */
export class Balancer {
  readonly #world: BalancerWorld;
  readonly #ports: BalancerPorts;
  readonly #say: Say;
  readonly #ids = new IdSource("v");
  readonly #places: Places;
  readonly #names = new BalancerNames();
  readonly #machine = createBalance();
  /** Records what is decided. */
  readonly recorders = new PoolRecorders();
  #plan: BalancePlan | undefined;
  /** Nothing is wanted any more: when nothing of ours is left, all is closed. */
  #leaving = false;
  #table: BalancerTable | undefined;
  #surroundings: BalancerSurroundings | undefined;
  readonly #holdings = new BalancerHoldings();
  /** Something follows a router that nobody has decided about. */
  #adopting = false;
  readonly #goal = new BalancerGoal();
  readonly #answers = new BalancerAnswers(this.#machine);
  readonly #announce: BalancerAnnounce;
  readonly #quorums = new Map<string, TrackerFinding>();
  #timer = { generation: 0, at: Infinity };
  #counting: readonly { readonly server: string; readonly realServer: string }[] = [];
  #resting: boolean;
  #pausedUntil = 0;
  readonly #intake: BalancerIntake;

  constructor(world: BalancerWorld, ports: BalancerPorts, say: Say, resting = false) {
    this.#world = world;
    this.#ports = ports;
    this.#say = say;
    this.#resting = resting;
    this.#places = new Places(world);
    this.#intake = new BalancerIntake(() => world.now(), (error) => {
      say("error", ["ipvs"], "Cannot take in virtual servers", { error: textOf(error) });
    });
    this.#announce = new BalancerAnnounce({
      hold: (holding) => ports.hold(holding, EPOCH, this.#ids.next()),
      drop: (holding) => ports.drop(holding, this.#ids.next()),
    });
  }

  /** When `turn` should be called though nothing happened. */
  get deadline(): number {
    if (this.#intake.isBusy) return 0;
    // Without virtual servers nothing is due, whatever is decided about routers.
    const { deadline: answers } = this.#answers;
    if (this.#table === undefined) return Math.max(this.#pausedUntil, answers);
    const { at } = this.#timer;
    const soon = this.#goal.changed || this.#holdings.changed ? 0 : Infinity;
    const adopted = this.#adopting ? this.#holdings.adoptedUntil : Infinity;
    const { deadline: table } = this.#table;
    const around = this.#resting ? Infinity : this.#surroundings?.deadline ?? Infinity;
    return Math.max(this.#pausedUntil, Math.min(at, soon, adopted, table, around, answers));
  }

  /** A long configuration is being taken in: `turn` goes on with it. */
  get isConfiguring(): boolean {
    return this.#intake.isBusy;
  }

  /**
   * What is wanted from now on. Quorums are told when it is taken in: before this returns, but where
   * there are thousands of real servers (`isConfiguring`).
   *
   * @throws {RangeError} where it makes no sense; then everything stays as it was
   */
  configure(message: ConfigureKernel): void {
    this.#intake.begin(this.#configuring(message));
  }

  *#configuring(message: ConfigureKernel): Generator<void, void> {
    const { id, routers, balance, balanceMemory: memory, balanceNote: note } = message;
    this.#holdings.keep(new Set(routers.map(({ name }) => name)));
    this.#heedHoldings();
    if (balance === "unchanged") return this.#judgeHoldings();
    const before = this.#plan;
    const left = (note?.own.length ?? 0) + (note?.daemons.length ?? 0) > 0;
    if (before === undefined && balance === undefined && !left) return;
    const { namespace = note?.namespace ?? "" } = before ?? {};
    const plan = balance ?? { ...NOTHING, namespace };
    if (before === undefined) {
      if (memory !== undefined) this.#step({ type: "restore", memory }, id);
      for (const [holding, held] of this.#holdings.decided) {
        this.#step({ type: "holding", holding, held }, id);
      }
      this.#holdings.begin(this.#world.now());
    }
    const event = { type: "configure", servers: plan.servers } as const;
    const effects = yield* stepping(this.#machine, event, this.#world.now());
    for (const effect of effects) this.#do(effect, id);
    this.#plan = plan;
    this.#leaving = balance === undefined;
    if (before !== undefined && before.namespace !== plan.namespace) this.#leave(before);
    if (this.#table === undefined) this.#begin(plan.namespace, memory, note);
    const names = new Set(plan.servers.map(({ name }) => name));
    this.recorders.shelf.keep(names);
    for (const name of this.#quorums.keys()) if (!names.has(name)) this.#quorums.delete(name);
    this.#announce.configure(plan.announce);
    this.#goal.touchAll(names);
    yield* this.#goal.add(plan.forwarding ?? []);
    if (this.#table !== undefined) this.#table.compareInterval = plan.compareInterval;
    this.#surroundings?.want(plan);
    this.#judgeHoldings();
    this.#tellOwn();
  }

  /** A check stands otherwise. */
  check({ check, health, reason, weight }: CheckFinding, cause: EventId): void {
    const finding = { check, health, reason, weight };
    this.#intake.hear(() => void this.#step({ type: "check", finding }, cause));
  }

  /** A holding is held from now on, or no longer. */
  decide(holding: string, held: boolean, cause: EventId): void {
    this.#holdings.decide({ holding, held, cause });
  }

  order({ id, server, realServer, what }: OrderBalance): void {
    this.#intake.hear(() => {
      const order = { type: "order", server, realServer, what } as const;
      const [answer] = this.#step(order, id).filter((effect) => effect.type === "ordered");
      const refused = answer === undefined ? "it cannot be done now: see the log" : answer.refused;
      this.#ports.control({ type: "balance_ordered", id: this.#ids.next(), cause: id, refused });
    });
  }

  /** Whether a service of the kernel's table leads to a server. */
  leads(service: string): boolean {
    return (this.#table?.table.get(service)?.destinations.size ?? 0) > 0;
  }

  /** Answered by the next `turn`, or when counters have been read. */
  query(message: QueryBalance): void {
    if (this.#answers.ask(message, this.#world.now())) this.#table?.count(null);
  }

  /** The note is written down. */
  noted(cause: EventId): void {
    this.#surroundings?.noted(cause);
  }

  /** Rests, or goes on with what there is now: somebody else may have changed it. */
  rest(resting: boolean): void {
    this.#intake.finish();
    this.#resting = resting;
    if (!resting) this.#holdings.begin(this.#world.now());
    if (this.#table !== undefined) this.#table.resting = resting;
    this.#surroundings?.distrust();
    this.#judgeHoldings();
  }

  /** Does what is due. Never throws. */
  turn(): void {
    const now = this.#world.now();
    if (this.#intake.isBusy) return this.#intake.goOn();
    if (now < this.#pausedUntil) return;
    try {
      this.#turn(now);
    } catch (error) {
      // Whatever it was must not make us spin.
      this.#pausedUntil = now + PAUSE;
      this.#say("error", ["ipvs"], "Cannot work on virtual servers", { error: textOf(error) });
    }
  }

  /** Tells quorums again: somebody has heard nothing yet. */
  repeat(): void {
    for (const finding of this.#quorums.values()) this.#ports.finding(finding);
  }

  /** The end. @param keep leave everything as it is */
  stop(keep: boolean): void {
    this.#intake.finish();
    if (keep || this.#resting || this.#plan === undefined || this.#plan.onStop === "keep") return;
    this.#withdraw();
    this.#plan = undefined;
  }

  close(): void {
    this.#table?.close();
    this.#surroundings?.close();
  }

  #begin(namespace: string, memory?: BalanceMemory, note?: BalanceNote): void {
    const here = note?.namespace === namespace ? note : undefined;
    const own = [...memory?.own ?? [], ...here?.own ?? []];
    this.#places.note(namespace);
    this.#table = new BalancerTable(namespace, own, this.#world, {
      opened: () => this.#surroundings?.distrust(true),
      compared: () => this.#surroundings?.distrust(),
      counted: (count) => this.#counted(count),
      settled: () => this.#tellOwn(),
    }, this.#say);
    this.#table.resting = this.#resting;
    this.#surroundings = new BalancerSurroundings(namespace, this.#world, this.#say, (note) => {
      const id = this.#ids.next();
      this.#ports.control({ type: "balance_note", id, ...note });
      return id;
    }, here);
  }

  /** The table is in another namespace from now on, or nowhere. */
  #leave({ onStop }: BalancePlan): void {
    if (!this.#resting && onStop === "remove") this.#withdraw();
    this.#end();
  }

  #end(): void {
    if (this.#leaving) this.#plan = undefined;
    this.close();
    this.#table = this.#surroundings = undefined;
    this.#answers.forget();
  }

  /** Takes away all that is ours. */
  #withdraw(): void {
    if (this.#table !== undefined) this.#surroundings?.withdraw(this.#table);
  }

  #turn(now: number): void {
    this.#heedHoldings();
    const table = this.#table;
    if (table === undefined || this.#plan === undefined) return this.#answer();
    if (!this.#resting && this.#places.moved([table.namespace]).length > 0) {
      this.#places.note(table.namespace);
      table.reopen();
    }
    if (now >= this.#timer.at) {
      this.#timer = { ...this.#timer, at: Infinity };
      this.#step({ type: "timer", generation: this.#timer.generation }, this.#ids.next());
    }
    if (this.#adopting && now >= this.#holdings.adoptedUntil) this.#judgeHoldings();
    if (this.#goal.changed) this.#want(table, this.#plan);
    table.turn();
    const { director } = table;
    if (director !== undefined && !this.#resting) this.#surroundings?.settle(director);
    if (this.#announce.waits && !this.#resting && !this.#unsettled) {
      this.#announce.settle((server) =>
        this.#goal.servicesOf(server).every((name) => table.table.has(name))
      );
    }
    this.#answer();
    const clean = this.#surroundings?.clean === true && !this.#unsettled;
    // Where there is no load balancer there is nothing of ours either.
    if (this.#leaving && !this.#resting && (clean || table.missing)) this.#end();
  }

  /** What is wanted is still to be made, or to be sent. */
  get #unsettled(): boolean {
    return this.#goal.changed || this.#table?.unsettled !== false;
  }

  #answer(): void {
    const who = { table: this.#table, surroundings: this.#surroundings };
    const clock = () => this.#world.now();
    this.#answers.answer(clock, () => this.#ids.next(), who, (state) => this.#ports.control(state));
  }

  /** Tells the table what is wanted of it; only what has changed is made anew. */
  #want(table: BalancerTable, plan: BalancePlan): void {
    const wanted = (name: string) => wantedServer(this.#machine, name);
    const all = this.#goal.make(wanted, (server, reason) => {
      this.#say("error", ["ipvs"], "Cannot make virtual server", { server, reason });
    }, () => this.#world.now());
    if (all === undefined) return;
    const now = this.#world.now();
    const undecided = (this.#adopting ? plan.servers : [])
      .filter(({ follow }) => this.#holdings.isUndecided(follow, now));
    table.want(all, plan.flush, new Set(this.#names.all(undecided)));
  }

  /** One event for the machine, and what follows. */
  #step(event: BalanceEvent, cause: EventId): BalanceEffect[] {
    const effects = this.recorders.step(this.#machine, event, this.#world.now());
    for (const effect of effects) this.#do(effect, cause);
    return effects;
  }

  #do(effect: BalanceEffect, cause: EventId): void {
    switch (effect.type) {
      case "announce":
        if (effect.announced) this.#announce.announce(effect.server);
        else this.#announce.withdraw(effect.server);
        return;
      case "program":
        for (const name of effect.servers) this.#goal.touch(name);
        return;
      case "quorum": {
        const { server: name, met: healthy, reason } = effect;
        const finding = { kind: "virtual_server", namespace: "", name, healthy, reason } as const;
        this.#quorums.set(name, finding);
        return this.#ports.finding(finding);
      }
      case "step": {
        const known = { id: this.#ids.next(), cause, at: this.#world.now() };
        return this.#ports.control({ ...effect, ...known, type: "balance_step" });
      }
      case "count": {
        this.#counting = effect.servers;
        const settings = new Set(effect.servers.map(({ server }) => this.#settingsOf(server)));
        return this.#table?.count(this.#names.all(settings));
      }
      case "timer":
        this.#timer = effect;
    }
  }

  #counted({ found, whole, spoiled }: Count): void {
    const counts = new BalancerCounts(
      found,
      this.#names,
      (server) => this.#settingsOf(server),
      (server, real) => this.#machine.servers.get(server)?.servers.get(real)?.settings.server,
    );
    if (whole) this.#answers.counted(counts, this.#world.now());
    const counting = this.#counting;
    this.#counting = [];
    // What may be missing, or is not there yet, says nothing: it is counted again in a second.
    if (counting.length === 0 || spoiled || this.#unsettled) return;
    const event = { type: "connections", counts: counts.connections(counting) } as const;
    this.#step(event, this.#ids.next());
  }

  #settingsOf(server: string): VirtualServerSettings | undefined {
    return this.#machine.servers.get(server)?.settings;
  }

  /** What is held by now, for what follows it. */
  #heedHoldings(): void {
    const news = this.#holdings.news();
    if (this.#plan === undefined || news.length === 0) return;
    for (const { cause, ...one } of news) this.#step({ type: "holding", ...one }, cause);
    this.#judgeHoldings();
  }

  /** Who is held has changed, or what follows. */
  #judgeHoldings(): void {
    const { undecided, adopting } = this.#holdings.undecidedOf(this.#plan, this.#world.now());
    this.#adopting = adopting;
    this.#surroundings?.hold(this.#holdings.held, undecided);
    this.#goal.change();
  }

  /** What is ours, or may be at any time. */
  #tellOwn(): void {
    const wanted = this.#names.all(this.#plan?.servers ?? []);
    this.#surroundings?.own(new Set([...this.#table?.own ?? [], ...wanted, ...this.#goal.others]));
  }
}
