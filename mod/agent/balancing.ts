/**
 * The agent's side of virtual servers: what operators order, what status shows, and what is kept so
 * that a kernel plane that dies, or another process, goes on from there.
 *
 * @module
 */

import { nearest, type SiteConfig } from "../../config/mod.ts";
import { tellingFindings } from "../balance/mod.ts";
import type { BalanceFacts } from "../control/balance_status.ts";
import type {
  BalanceMemory,
  BalanceNote,
  BalanceOrder,
  BalanceOrdered,
  BalancePlan,
  BalanceState,
  BalanceStep,
  NoteBalance,
} from "../plane/balance.ts";
import type { EventId } from "../plane/messages.ts";
import { BalanceFile } from "./balance_file.ts";
import { stepRecord } from "./balance_steps.ts";
import type { FormerBalance } from "./dialogue.ts";
import { type ListAction, Listing } from "./listing.ts";
import { limitedLog } from "./logging.ts";
import { PlaneDied, soonOrNull } from "./questions.ts";

/** From a change until what is remembered of it is asked for, milliseconds: many come together. */
const SETTLES = 100;
/** How long status waits for the kernel plane, milliseconds. */
const PATIENCE = 2_000;
/** Names that a refusal lists at most. */
const MOST_NAMES = 20;

/** What it needs of the agent. */
export interface BalancingSurroundings {
  /** Where what outlives us is written. */
  readonly directory: string;
  /** What is configured; absent: nothing. */
  plan(): BalancePlan | undefined;
  /** Both throw `PlaneDied` where the plane dies over it. */
  query(counters: boolean): Promise<BalanceState>;
  order(server: string, realServer: string, what: BalanceOrder): Promise<BalanceOrdered>;
  noted(cause: EventId): void;
  /** Whether there is somebody to ask. */
  runs(): boolean;
  /** What is listed has changed: the site is to be applied again. */
  listed(): void;
  /** Hears how everything stands. */
  heard(state: BalanceState): void;
}

export class Balancing {
  readonly #env: BalancingSurroundings;
  readonly #log = limitedLog;
  readonly #file: BalanceFile;
  /** What was heard last. */
  #state: BalanceState | null = null;
  #memory: BalanceMemory | undefined;
  /** The kernel plane has it. */
  #taken = false;
  #note: BalanceNote | undefined;
  /** What the last drains have left, by the names of both servers. */
  readonly #drained = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Real servers beside those of the configuration. */
  readonly listing: Listing;

  constructor(env: BalancingSurroundings) {
    this.#env = env;
    this.listing = new Listing(() => env.listed());
    this.#file = new BalanceFile(env.directory);
  }

  /** What the balancer was last heard to remember; undefined: nothing yet. */
  get memory(): BalanceMemory | undefined {
    return this.#memory;
  }

  /**
   * What a kernel plane goes on from. The memory of thousands of servers is told once: a plane that
   * has virtual servers has its own.
   *
   * @param begins it is another plane than the last time
   */
  former(begins: boolean): FormerBalance {
    const memory = begins || !this.#taken ? this.#memory : undefined;
    this.#taken = (this.#taken && !begins) || this.#env.plan() !== undefined;
    return {
      ...(memory === undefined ? {} : { memory }),
      ...(this.#note === undefined ? {} : { note: this.#note }),
    };
  }

  /**
   * Learns what another agent of this boot has left.
   *
   * @param memory what it has handed over; undefined: it was killed
   */
  restore(memory?: BalanceMemory): void {
    const { note, orders, checks, lists } = this.#file.read();
    this.listing.restore(lists);
    this.#note = note;
    if (memory !== undefined) this.#memory = memory;
    else if (orders.length > 0 || checks.length > 0) {
      this.#memory = { servers: orders, checks, own: note?.own ?? [] };
    }
  }

  /** Writes down what the kernel plane wants to be known by who comes after us. */
  note({ id, type: _, ...note }: NoteBalance): void {
    this.#note = note;
    this.#file.note(note);
    this.#env.noted(id);
  }

  /** Connections that the last drain of a real server has left; null: none has ended. */
  left(server: string, realServer: string): number | null {
    return this.#drained.get(`${server} ${realServer}`) ?? null;
  }

  /** Something happened to a virtual or a real server. */
  step(step: BalanceStep): void {
    const { server, what } = step;
    if (what.kind === "drained") {
      this.#drained.set(`${server} ${what.realServer}`, what.connections);
    } else if (what.kind === "real_server") this.#drained.delete(`${server} ${what.realServer}`);
    const { level, category, message, properties } = stepRecord(step);
    this.#log.log(level, category, message, properties);
    this.changed();
  }

  /** What is remembered has changed, or may have: it is asked for soon. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.learn();
    }, SETTLES);
  }

  /** Asks what the balancer remembers now. Never rejects: a plane that dies has told enough. */
  async learn(): Promise<void> {
    try {
      await this.state(false);
    } catch (error) {
      if (!(error instanceof PlaneDied)) throw error;
    }
  }

  /**
   * How virtual servers stand; null: there are none, or nobody to ask.
   *
   * @param counters with what the kernel has counted
   * @throws {PlaneDied}
   */
  async state(counters: boolean): Promise<BalanceState | null> {
    const plan = this.#env.plan();
    if (plan === undefined || !this.#env.runs()) return null;
    const state = await this.#env.query(counters);
    this.#state = state;
    this.#memory = state.memory;
    const { servers, checks } = state.memory;
    this.#file.remember(servers, tellingFindings(plan.servers, checks));
    this.#env.heard(state);
    return state;
  }

  /**
   * What status shows; undefined: nothing is configured. A kernel plane that is held up by the
   * kernel's own lock, or is being replaced, holds nobody up here.
   */
  async facts(): Promise<BalanceFacts | undefined> {
    const plan = this.#env.plan();
    if (plan === undefined) return undefined;
    const state = await soonOrNull(this.state(true), PATIENCE);
    return {
      plan,
      state: state ?? this.#state,
      stale: state === null,
      listed: this.listing.names,
      listProblem: (server) => this.listing.problem(server),
    };
  }

  /**
   * An operator's word on a real server.
   *
   * @throws {Error} when it is refused
   * @throws {PlaneDied}
   */
  async order(server: string, realServer: string, what: BalanceOrder): Promise<void> {
    this.require(server, realServer);
    const { refused } = await this.#env.order(server, realServer, what);
    if (refused !== null) {
      throw new Error(`Cannot ${orderText(what)} ${realServer} of ${server}: ${refused}`);
    }
    await this.learn();
  }

  /** @throws {Error} where there is no such virtual or real server, with the nearest name */
  require(server: string, realServer?: string): void {
    const servers = this.#env.plan()?.servers ?? [];
    const found = servers.find(({ name }) => name === server);
    if (found === undefined) {
      throw new Error(unknown("virtual server", server, servers.map(({ name }) => name)));
    }
    if (realServer === undefined) return;
    const names = found.servers.map(({ name }) => name);
    if (!names.includes(realServer)) {
      throw new Error(`${server} has ${unknown("real server", realServer, names)}`);
    }
  }

  /** Changes the list of a virtual server: see `Listing`. The site is to be applied after it. */
  list(server: string, action: ListAction, lines: readonly string[]): void {
    this.require(server);
    this.listing.change(server, action, lines);
    this.#file.list(this.listing.byCommand);
  }

  /** A site with all that is listed for it. */
  async withLists(site: SiteConfig): Promise<SiteConfig> {
    const whole = await this.listing.of(site);
    this.#file.list(this.listing.byCommand);
    return whole;
  }

  /** The agent has ended in order. */
  end(): void {
    this.stop();
    this.#file.end();
  }

  /** Nothing is asked any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.listing.stop();
  }
}

function orderText(what: BalanceOrder): string {
  return what.order === "weight" ? "change the weight of" : what.order;
}

function unknown(kind: string, name: string, names: readonly string[]): string {
  const what = `no ${kind} "${name}"`;
  const near = nearest(name, names);
  if (near !== undefined) return `${what}: is ${near} meant?`;
  if (names.length === 0) return `${what}: none is configured`;
  const more = names.length > MOST_NAMES ? ", …" : "";
  return `${what}: there are ${names.slice(0, MOST_NAMES).join(", ")}${more}`;
}
