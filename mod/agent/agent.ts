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
import type { PlaneCrashed } from "../plane/crash.ts";
import type {
  AddressReport,
  Configured,
  KernelToControl,
  ProtocolState,
  ProtocolToControl,
  StepRecord,
} from "../plane/messages.ts";
import type { Router } from "../vrrp/mod.ts";
import { log, writeLog } from "./logging.ts";
import { type PlaneName, Planes } from "./planes.ts";
import { PlaneDied, Questions } from "./questions.ts";
import { planSite, type SitePlan, Slots } from "./site_plan.ts";

/** Crashes of planes within `CRASH_WINDOW` that end the agent. */
const MOST_CRASHES = 3;
const CRASH_WINDOW = 60_000_000;
/** Steps kept for those who ask what happened. */
const MOST_STEPS = 10_000;
/** How often the protocol plane's heartbeat is looked at, milliseconds. */
const WATCH_INTERVAL = 1_000;
/** Silence of the protocol plane that means it hangs, microseconds. */
const HANGS = 5_000_000;
/** An answer that takes longer than this is worth a line in the log, milliseconds. */
const SLOW_ANSWER = 5_000;
/** How long a stop "at once" may take before the process ends without it, milliseconds. */
const LAST_PATIENCE = 2_000;

/** How an agent ended. */
export interface Ending {
  /** As CONTRACT.md section 1 lists them. */
  readonly exitCode: 0 | 1;
  readonly reason: string;
}

export class Agent {
  readonly #planes: Planes;
  readonly #slots = new Slots();
  readonly #snapshots = new Map<string, Router>();
  readonly #reports = new Map<string, AddressReport>();
  readonly #steps: StepRecord[] = [];
  readonly #questions = new Questions(
    SLOW_ANSWER,
    (plane) => log("warning", ["control"], `The ${plane} plane takes long to answer`),
  );
  readonly #crashes: number[] = [];
  /** Planes that died, and their successors' way to where they were. */
  readonly #revivals = new Map<PlaneName, Promise<void>>();
  readonly #ended = Promise.withResolvers<Ending>();
  #plan: SitePlan = { routers: [], holdings: [], interfaces: [] };
  #holdUntil = 0;
  #stopping = false;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Since when the protocol plane's loop should turn; null: it does not run. */
  #beatsSince: number | null = null;

  constructor(site: SiteConfig, faultInjection: boolean) {
    const { policy, priority, cpus } = site.agent.realtime;
    this.#planes = new Planes(
      { realtime: { policy, priority, cpus: cpus ?? [] }, faultInjection },
      this,
    );
  }

  /** Resolves when the agent has ended, in order or not. */
  get ended(): Promise<Ending> {
    return this.#ended.promise;
  }

  get counters(): Planes["counters"] {
    return this.#planes.counters;
  }

  get plan(): SitePlan {
    return this.#plan;
  }

  get reports(): ReadonlyMap<string, AddressReport> {
    return this.#reports;
  }

  /** What happened, oldest first. */
  get steps(): readonly StepRecord[] {
    return this.#steps;
  }

  // ===== start, apply, stop ======================================================================

  /** Starts the planes and applies `site`. Returns what was done. */
  async start(site: SiteConfig): Promise<string[]> {
    this.#watchHeartbeat();
    this.#planes.start();
    this.#holdUntil = monotonicMicros() + site.agent.startup_delay;
    if (site.agent.startup_delay === 0) this.#holdUntil = 0;
    return await this.apply(site);
  }

  /**
   * Makes the planes what `site` wants: the difference to what they are.
   *
   * @throws {RangeError} when there are more routers than an agent can run; nothing has changed
   * @throws {Error} when the agent is stopping
   */
  async apply(site: SiteConfig): Promise<string[]> {
    if (this.#stopping) throw new Error("The agent is stopping");
    const before = this.#plan;
    const plan = planSite(site, this.#slots);
    this.#plan = plan;
    const names = new Set(plan.routers.map(({ settings }) => settings.name));
    const leaving = before.holdings.filter(({ name }) => !names.has(name));
    const interfaces = [...plan.interfaces, ...before.interfaces];
    const both = { ...plan, holdings: [...plan.holdings, ...leaving], interfaces };
    await this.#insist("kernel", () => this.#configureKernel(both));
    const changes = await this.#insist("protocol", () => this.#configureProtocol(plan));
    const holdings = await this.#insist("kernel", () => this.#configureKernel(plan));
    for (const slot of this.#slots.keep(names)) this.counters.clear(slot);
    for (const name of [...this.#snapshots.keys()]) {
      if (names.has(name)) continue;
      this.#snapshots.delete(name);
      this.#reports.delete(name);
    }
    return [...changes, ...holdings];
  }

  async #configureKernel(plan: SitePlan): Promise<string[]> {
    const message = { type: "configure", id: this.#planes.ids.next() } as const;
    const { holdings: routers, interfaces } = plan;
    const answer = this.#questions.answer<Configured>("kernel", message.id);
    this.#planes.toKernel({ ...message, routers, interfaces });
    return [...(await answer).changes];
  }

  async #configureProtocol(plan: SitePlan): Promise<string[]> {
    const message = { type: "configure", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<Configured>("protocol", message.id);
    this.#planes.toProtocol({ ...message, routers: plan.routers, holdUntil: this.#holdUntil });
    return [...(await answer).changes];
  }

  /** Does something with a plane; where it dies over it, with its successor. */
  async #insist<T>(plane: PlaneName, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof PlaneDied) || this.#stopping) throw error;
        await this.#revivals.get(plane);
      }
    }
  }

  /** What the protocol plane knows now. @throws {PlaneDied} */
  query(): Promise<ProtocolState> {
    const message = { type: "query", id: this.#planes.ids.next() } as const;
    const answer = this.#questions.answer<ProtocolState>("protocol", message.id);
    this.#planes.toProtocol(message);
    return answer;
  }

  /** Makes a plane fail on purpose; does nothing unless the agent was started for that. */
  injectFault(plane: PlaneName, fault: "throw" | "hang", duration: number): void {
    const message = { type: "inject_fault", id: this.#planes.ids.next(), fault, duration } as const;
    if (plane === "protocol") this.#planes.toProtocol(message);
    else this.#planes.toKernel(message);
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
    this.#planes.toProtocol({ type: "stop_routers", id: this.#planes.ids.next(), now });
    const late = { exitCode: 1, reason: "could not stop in order in time" } as const;
    setTimeout(() => this.#ended.resolve(late), LAST_PATIENCE);
  }

  /** Ends because of something that cannot be mended. Never rejects. */
  async fail(reason: string): Promise<void> {
    if (this.#stopping) return;
    log("error", ["control"], `Giving up: ${reason}`);
    await this.#end(true, { exitCode: 1, reason });
  }

  async #end(now: boolean, ending: Ending): Promise<void> {
    this.#stopping = true;
    try {
      await this.#endProtocol(now);
      await this.#endKernel();
      this.#planes.close();
      this.#ended.resolve(ending);
    } catch (error) {
      this.#ended.resolve({ exitCode: 1, reason: `${ending.reason}; then: ${String(error)}` });
    } finally {
      clearInterval(this.#watch);
    }
  }

  async #endProtocol(now: boolean): Promise<void> {
    try {
      if (!this.#planes.runs("protocol")) throw new PlaneDied("protocol");
      const stopped = this.#questions.milestone("protocol", "stopped");
      this.#planes.toProtocol({ type: "stop_routers", id: this.#planes.ids.next(), now });
      await stopped;
    } catch (error) {
      if (!(error instanceof PlaneDied)) throw error;
      // Nobody can resign any more. What is held goes all the same.
      for (const { slot } of this.#plan.holdings) this.#planes.words.setMastership(slot, 0);
    }
  }

  async #endKernel(): Promise<void> {
    try {
      if (this.#planes.runs("kernel")) return await this.#stopKernel();
      throw new PlaneDied("kernel");
    } catch (error) {
      if (!(error instanceof PlaneDied)) throw error;
    }
    try {
      // One more, only to take away what the dead one held.
      this.#planes.restartKernel();
      await this.#configureKernel(this.#plan);
      await this.#stopKernel();
    } catch (error) {
      const problem = { error: String(error) };
      log(
        "error",
        ["control"],
        "Cannot remove addresses: they stay until their lease ends",
        problem,
      );
    }
  }

  async #stopKernel(): Promise<void> {
    const stopped = this.#questions.milestone("kernel", "stopped");
    this.#planes.toKernel({ type: "stop", id: this.#planes.ids.next(), keep: false });
    await stopped;
  }

  // ===== what the planes say =====================================================================

  fromProtocol(message: Exclude<ProtocolToControl, PlaneCrashed>): void {
    switch (message.type) {
      case "snapshot":
        this.#snapshots.set(message.router.settings.name, message.router);
        break;
      case "step":
        if (this.#steps.length >= MOST_STEPS) this.#steps.splice(0, MOST_STEPS / 10);
        this.#steps.push(message);
        break;
      case "configured":
      case "state":
        this.#questions.answered("protocol", message);
        break;
      default:
        this.#common("protocol", message);
    }
  }

  fromKernel(message: Exclude<KernelToControl, PlaneCrashed>): void {
    switch (message.type) {
      case "addresses":
        this.#reports.set(message.router, message);
        break;
      case "configured":
        this.#questions.answered("kernel", message);
        break;
      case "interface":
      case "interface_gone":
        break;
      default:
        this.#common("kernel", message);
    }
  }

  #common(
    plane: PlaneName,
    message: Extract<ProtocolToControl, { type: "log" | "ready" | "stopped" }>,
  ): void {
    if (message.type === "log") return writeLog(message);
    if (plane === "protocol") {
      this.#beatsSince = message.type === "ready" ? monotonicMicros() : null;
    }
    this.#questions.reached(plane, message.type);
  }

  // ===== when a plane dies =======================================================================

  /** Part of {@link PlaneListener}: a plane's thread is gone. */
  died(plane: PlaneName, reason: string, stack: string): void {
    const now = monotonicMicros();
    log("error", ["control"], `The ${plane} plane died`, { reason, stack });
    if (plane === "protocol") this.#beatsSince = null;
    while (this.#crashes.length > 0 && now - this.#crashes[0]! > CRASH_WINDOW) {
      this.#crashes.shift();
    }
    this.#crashes.push(now);
    // While stopping there is nothing to save: what waits for this plane goes on without it.
    if (!this.#stopping) {
      if (this.#crashes.length < MOST_CRASHES) this.#revivals.set(plane, this.#revive(plane));
      else void this.fail(`the ${plane} plane died, ${MOST_CRASHES} crashes within a minute`);
    }
    this.#questions.died(plane);
  }

  /** Never rejects: what cannot be revived ends the agent. */
  async #revive(plane: PlaneName): Promise<void> {
    // After whoever waits for the dead plane has been told: those are not questions to the new one.
    await null;
    try {
      if (plane === "protocol") await this.#reviveProtocol();
      else await this.#reviveKernel();
      log("warning", ["control"], `The ${plane} plane runs again`);
    } catch (error) {
      // Dead again: that has been counted, and is being handled.
      if (!(error instanceof PlaneDied)) void this.fail(String(error));
    }
  }

  async #reviveProtocol(): Promise<void> {
    const ready = this.#questions.milestone("protocol", "ready");
    const { id } = this.#planes.restartProtocol([...this.#snapshots.values()]);
    const connected = this.#questions.answer<Configured>("kernel", id).catch((error) => {
      if (!(error instanceof PlaneDied)) throw error;
      // The kernel plane died meanwhile: its successor is connected to ours from the beginning.
      return this.#revivals.get("kernel");
    });
    await Promise.all([ready, connected]);
    await this.#configureProtocol(this.#plan);
  }

  async #reviveKernel(): Promise<void> {
    this.#planes.restartKernel();
    await this.#configureKernel(this.#plan);
  }

  /** A protocol plane that does not turn is dead, unless this loop stood still as well. */
  #watchHeartbeat(): void {
    let expected = monotonicMicros() + WATCH_INTERVAL * 1000;
    this.#watch = setInterval(() => {
      const now = monotonicMicros();
      const late = now - expected;
      expected = now + WATCH_INTERVAL * 1000;
      if (late > WATCH_INTERVAL * 1000 || this.#beatsSince === null) return;
      const silence = Math.min(this.#planes.words.protocolSilence(now), now - this.#beatsSince);
      if (silence < HANGS) return;
      this.#planes.abandon("protocol", `no heartbeat for ${Math.round(silence / 1e6)} s`);
    }, WATCH_INTERVAL);
  }
}
