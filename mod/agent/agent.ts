/**
 * The agent: the control plane's centre. It starts the planes, tells them what the site wants, hears
 * what happens, and ends them in order.
 *
 * Configuration reaches the planes as a whole and is applied there as a difference. The order is
 * always the same: the kernel plane learns what may have to be held, then the protocol plane decides
 * who is master of what, then the kernel plane forgets what nobody wants any more.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import type { SiteConfig } from "../../config/mod.ts";
import type { Memory } from "../plane/hand_over.ts";
import type { ProtocolState } from "../plane/state.ts";
import { bfdCredentialsOf } from "./bfd_plan.ts";
import { Balancing } from "./balancing.ts";
import { Checks } from "./checks.ts";
import { electionsBegin } from "./clock.ts";
import { credentialsOf } from "./credentials.ts";
import { Dialogue } from "./dialogue.ts";
import { type Ending, endPlanes } from "./ending.ts";
import { Recordings } from "./flight/recordings.ts";
import { Hearing } from "./hearing.ts";
import { log } from "./logging.ts";
import { type AgentDocument, type AgentMemory, documentOf } from "./memory.ts";
import { Notices } from "./notices.ts";
import { Orders } from "./orders.ts";
import { planeOptions, Planes } from "./planes.ts";
import { PlaneDied, Questions } from "./questions.ts";
import { Revivals } from "./revivals.ts";
import { serverFacts } from "./server_notices.ts";
import { NO_PLAN, planSite, type SitePlan, Slots } from "./site_plan.ts";
import { transition } from "./transition.ts";
import { TrackerEngine } from "./trackers/engine.ts";

/** An answer that takes longer than this is worth a line in the log, milliseconds. */
const SLOW_ANSWER = 5_000;
/** How long a stop "at once" may take before the process ends without it, milliseconds. */
const LAST_PATIENCE = 2_000;

export class Agent {
  readonly #planes: Planes;
  readonly #dialogue: Dialogue;
  readonly #slots = new Slots();
  readonly #hearing: Hearing;
  /** Who is told what. */
  readonly notices: Notices;
  readonly #questions = new Questions(
    SLOW_ANSWER,
    (plane) => log("warning", ["control"], `The ${plane} plane takes long to answer`),
  );
  readonly #revivals: Revivals;
  readonly #ended = Promise.withResolvers<Ending>();
  readonly #trackers: TrackerEngine;
  /** Virtual servers, and health checks. */
  readonly balancing: Balancing;
  readonly checks: Checks;
  /** Real servers are listed otherwise than before: the site is to be applied again. */
  listed: () => void = () => {};
  /** What operators want of routers, groups and BFD sessions. */
  readonly orders: Orders;
  /** What is recorded of the state machines. */
  readonly recordings: Recordings;
  #plan: SitePlan = NO_PLAN;
  /** What is to be: the keys are read here whenever a plane needs them. */
  #site: SiteConfig;
  #holdUntil = 0;
  #stopping = false;
  /** Another process does the work until `own`. */
  #provisional = false;

  /** @param generation counts configurations */
  constructor(site: SiteConfig, faultInjection: boolean, generation: () => number = () => 1) {
    const stopping = () => this.#stopping;
    this.notices = new Notices(site.notifications, { name: site.agent.name, generation, stopping });
    this.#hearing = new Hearing({
      questions: this.#questions,
      notices: this.notices,
      beats: (beats) => this.#revivals.beats(beats),
      died: (...death) => this.#revivals.died(...death),
      balancing: () => this.balancing,
      checks: () => this.checks,
    });
    this.#planes = new Planes(planeOptions(site, faultInjection), this.#hearing);
    this.#site = site;
    this.#dialogue = new Dialogue(this.#planes, this.#questions, () => ({
      credentials: credentialsOf(this.#site),
      bfdCredentials: bfdCredentialsOf(this.#site),
      sessionChecks: this.checks.sessions,
    }));
    this.checks = new Checks(this.#dialogue, this.#planes, this.#hearing.steps, this.notices);
    this.#trackers = new TrackerEngine((finding) => this.#dialogue.tell(finding));
    this.balancing = new Balancing({
      plan: () => this.#plan.balance,
      runs: () => this.#planes.runs("kernel"),
      directory: site.agent.state_directory,
      query: (counters) => this.#dialogue.queryBalance(counters),
      noted: (cause) => this.#dialogue.noted(cause),
      listed: () => this.listed(),
      heard: ({ servers, at }) => this.notices.servers.reconcile(servers, at),
      order: (...order) =>
        this.#revivals.insist("kernel", () => this.#dialogue.orderBalance(...order)),
    });
    this.recordings = new Recordings({
      dialogue: this.#dialogue,
      query: () => this.query(),
      shelves: [this.#trackers.recorded, this.checks.recorded],
    });
    this.orders = new Orders({
      dialogue: this.#dialogue,
      insist: (ask) => this.#revivals.insist("protocol", ask),
      stopping: () => this.#stopping,
      plan: () => this.#plan,
    });
    this.#revivals = new Revivals({
      planes: this.#planes,
      questions: this.#questions,
      snapshots: this.#hearing.snapshots,
      plan: () => this.#plan,
      stopping: () => this.#stopping,
      configureProtocol: (plan) => this.#configureProtocol(plan),
      configureKernel: (plan) => this.#configureKernel(plan, true),
      fail: (reason) => this.fail(reason),
    });
  }

  /** Resolves when the agent has ended, in order or not. */
  get ended(): Promise<Ending> {
    return this.#ended.promise;
  }

  get counters(): Planes["counters"] {
    return this.#planes.counters;
  }

  /** What all planes see. */
  get words(): Planes["words"] {
    return this.#planes.words;
  }

  get plan(): SitePlan {
    return this.#plan;
  }

  /** What the planes have told. */
  get heard(): Hearing {
    return this.#hearing;
  }

  // ===== start, apply, stop ======================================================================

  /**
   * Starts the planes and applies `site`. Returns what was done.
   *
   * @param former what an agent before this one has left, to go on with
   */
  async start(site: SiteConfig, former?: AgentDocument): Promise<string[]> {
    this.notices.start();
    this.#revivals.watchHeartbeat();
    this.#planes.start();
    if (former !== undefined) {
      await this.prepare(former.plan);
      await this.goOn(former.memory);
    } else {
      this.balancing.restore();
      const { startup_delay, delay_after_boot } = site.agent;
      this.#holdUntil = electionsBegin(startup_delay, delay_after_boot);
    }
    return await this.apply(site);
  }

  /**
   * Makes the planes what the site wants: the difference to what they are. Returns what became of
   * routers and groups.
   *
   * @throws {RangeError} when there are more routers than an agent can run; nothing has changed
   * @throws {Error} when the agent is stopping
   */
  async apply(written: SiteConfig): Promise<string[]> {
    if (this.#stopping) throw new Error("The agent is stopping");
    const site = await this.balancing.withLists(written);
    const plan = planSite(site, this.#slots);
    const { names, gone, both } = transition(this.#plan, plan, site);
    this.#plan = plan;
    this.#site = site;
    this.notices.begin(site.notifications, gone, serverFacts(plan.balance, site.virtual_server));
    this.checks.plan(site);
    await this.#revivals.insist("kernel", () => this.#configureKernel(both));
    this.checks.begin();
    const changes = await this.#trackers.change(
      site,
      () => this.#revivals.insist("protocol", () => this.#configureProtocol(plan)),
    );
    const rest = () => this.#dialogue.configureKernel(plan, {}, "unchanged");
    await this.#revivals.insist("kernel", rest);
    for (const slot of this.#slots.keep(names)) this.counters.clear(slot);
    this.#hearing.keep(names, plan.statics?.name);
    this.notices.applied();
    this.balancing.changed();
    return changes;
  }

  /** @param begins it is a plane that knows nothing yet */
  async #configureKernel(plan: SitePlan, begins = false): Promise<void> {
    await this.#dialogue.configureKernel(plan, this.balancing.former(begins));
    this.checks.configureKernel(begins);
  }

  async #configureProtocol(plan: SitePlan): Promise<string[]> {
    const found = [...this.#trackers.findings(), ...this.checks.findings()];
    return [...(await this.#dialogue.configureProtocol(plan, this.#holdUntil, found)).changes];
  }

  /**
   * What the protocol plane knows now.
   *
   * @throws {Error} while there is none
   * @throws {PlaneDied}
   */
  async query(): Promise<ProtocolState> {
    return await this.#dialogue.query();
  }

  /** Whether the protocol plane does its work, or is not to. */
  readonly works = (): boolean => this.#revivals.works;

  /** Makes a plane fail on purpose; does nothing unless the agent was started for that. */
  injectFault(...fault: Parameters<Dialogue["injectFault"]>): void {
    this.#dialogue.injectFault(...fault);
  }

  // ===== from process to process =================================================================

  /** Starts the planes beside an agent that still does the work: nothing is sent or changed. */
  async startBeside(): Promise<void> {
    this.#provisional = true;
    this.#revivals.watchHeartbeat();
    this.#planes.resting = true;
    const ready = this.#questions.milestone("protocol", "ready");
    this.#planes.start();
    await ready;
  }

  /** Learns what the former agent has planned, and all about the interfaces. */
  async prepare(plan: SitePlan): Promise<void> {
    this.#plan = plan;
    for (const { name, slot } of plan.holdings) this.#slots.adopt(name, slot);
    // Virtual servers go on from what is remembered at the very end.
    const { balance: _, ...others } = plan;
    await this.#dialogue.configureKernel(others);
  }

  /** The routers go on from `memory`. Returns when they had said so, on CLOCK_MONOTONIC. */
  async goOn(memory: AgentMemory): Promise<number> {
    for (const { name, slot } of this.#plan.holdings) {
      this.counters.restore(slot, memory.counters[name] ?? {});
    }
    const { counters: _, unread = [], balance, checks = [], ...known } = memory;
    // No router speaks until its plane knows: all else can wait until that has been told.
    const answered = this.#dialogue.configureProtocol(this.#plan, 0, [], known);
    this.#hearing.snapshots.learn(memory);
    this.notices.rememberSessions(memory.bfd ?? []);
    this.notices.servers.remember(balance, serverFacts(this.#plan.balance, []));
    this.notices.remember(memory.routers, memory.groups ?? [], unread);
    this.checks.restore(checks);
    this.balancing.restore(balance);
    this.#trackers.restore(memory.trackers ?? []);
    const answer = await answered;
    if (this.#plan.balance !== undefined) await this.#configureKernel(this.#plan);
    return answer.at ?? monotonicMicros();
  }

  /** The former agent is gone, or will never act again: addresses are ours. */
  async own(): Promise<void> {
    this.#provisional = false;
    this.#planes.resting = false;
    this.notices.start();
    await this.#dialogue.rest(false);
  }

  /** Plan and memory as they are now; the routers go on. */
  async remember(): Promise<AgentDocument> {
    const { at, routers, trackers } = await this.query();
    const { groups = [], bfd = [] } = this.#hearing.snapshots.all();
    const memory = { groups, silentSince: at, trackers, bfd };
    return this.#document({ ...memory, routers: routers.map(({ router }) => router) });
  }

  /**
   * Nothing is sent and changed any more: plan and memory as they stay. Then comes `thaw` or the
   * end of the process.
   *
   * @throws {Error} when that cannot be had; the agent goes on
   */
  async freeze(): Promise<AgentDocument> {
    if (this.#stopping) throw new Error("The agent is stopping");
    this.#revivals.pause();
    try {
      const patience = this.#plan.bfd === undefined ? null : this.#dialogue.easeBfd();
      await Promise.all([patience, this.#dialogue.restSoon()]);
      await this.balancing.learn();
      return this.#document(await this.#dialogue.freeze());
    } catch (error) {
      await this.thaw();
      throw error;
    }
  }

  /** Goes on after `freeze`, as after a stall; the kernel plane does when nothing else keeps it. */
  async thaw(): Promise<void> {
    this.#revivals.resume();
    try {
      if (this.#planes.runs("kernel")) this.#dialogue.rest(false).catch(() => {});
      if (this.#planes.runs("protocol")) await this.#dialogue.thaw();
    } catch (error) {
      // Its successor begins awake.
      if (!(error instanceof PlaneDied)) throw error;
    }
  }

  /** Ends with everything as it is: somebody else goes on with it. */
  leave(reason: string, exitCode: Ending["exitCode"] = 0): void {
    this.#stopping = true;
    this.#revivals.end();
    this.#trackers.stop();
    this.checks.stop();
    this.#ended.resolve({ exitCode, reason, left: true });
  }

  #document(memory: Memory): AgentDocument {
    const counters = Object.fromEntries(
      this.#plan.holdings.map(({ name, slot }) => [name, this.counters.save(slot)]),
    );
    const all = { ...memory, counters, unread: this.notices.unread };
    return documentOf(this.#plan, all, this.balancing.memory, this.checks.memory);
  }

  // ===== the end =================================================================================

  /**
   * Hands every router over, removes what is held, and ends. Never rejects.
   *
   * @param now without waiting for successors; a second call with it hurries a stop that goes on
   */
  async stop(now: boolean): Promise<void> {
    if (!this.#stopping) return await this.#end(now, { exitCode: 0, reason: "stopped" });
    if (!now) return;
    this.#dialogue.hurry(now);
    const late = { exitCode: 1, reason: "could not stop in order in time" } as const;
    setTimeout(() => this.#ended.resolve(late), LAST_PATIENCE);
  }

  /**
   * Ends with addresses and neighbours as they are, for an agent that is started next.
   *
   * @param keep writes down what it needs
   */
  async stopKeeping(keep: (document: AgentDocument) => void): Promise<void> {
    if (this.#stopping) return;
    try {
      keep(await this.freeze());
      this.#stopping = true;
      await this.#dialogue.stopKernel(true);
      this.leave("stopped, and keeps its addresses for the next start");
    } catch (error) {
      log("error", ["control"], `Cannot keep anything: ${String(error)}`);
      await this.thaw();
      await this.stop(false);
    }
  }

  /** Ends because of something that cannot be mended. Never rejects. */
  async fail(reason: string, exitCode: 1 | 4 = 1): Promise<void> {
    if (this.#stopping) return;
    log("error", ["control"], `Giving up: ${reason}`);
    await this.#end(true, { exitCode, reason });
  }

  async #end(now: boolean, ending: Ending): Promise<void> {
    // What another one holds is not ours to remove.
    if (this.#provisional) return this.leave(ending.reason, 1);
    this.#stopping = true;
    try {
      await endPlanes(this.#planes, this.#dialogue, this.#plan, now);
      this.#ended.resolve(ending);
    } catch (error) {
      this.#ended.resolve({ exitCode: 1, reason: `${ending.reason}; then: ${String(error)}` });
    } finally {
      this.#revivals.end();
      this.#trackers.stop();
      this.checks.stop();
      this.balancing.end();
    }
  }
}
