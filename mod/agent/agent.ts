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
import type {
  AddressReport,
  Configured,
  EventId,
  KernelToControl,
  ProtocolState,
  ProtocolToControl,
  StepRecord,
} from "../plane/messages.ts";
import type { Router } from "../vrrp/mod.ts";
import { log, writeLog } from "./logging.ts";
import { type PlaneName, Planes } from "./planes.ts";
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

/** How an agent ended. */
export interface Ending {
  /** As CONTRACT.md section 1 lists them. */
  readonly exitCode: 0 | 1;
  readonly reason: string;
}

/** Something a plane was asked. */
interface Question {
  readonly plane: PlaneName;
  resolve(message: Configured | ProtocolState): void;
  reject(reason: Error): void;
}

export class Agent {
  readonly #planes: Planes;
  readonly #slots = new Slots();
  readonly #snapshots = new Map<string, Router>();
  readonly #reports = new Map<string, AddressReport>();
  readonly #steps: StepRecord[] = [];
  readonly #answers = new Map<EventId, Question>();
  readonly #ready = new Map<PlaneName, () => void>();
  readonly #stopped = new Map<PlaneName, () => void>();
  readonly #crashes: number[] = [];
  readonly #ended = Promise.withResolvers<Ending>();
  #plan: SitePlan = { routers: [], holdings: [], interfaces: [] };
  #holdUntil = 0;
  #stopping = false;
  #watch: ReturnType<typeof setInterval> | undefined;

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
    const ready = [this.#whenReady("protocol"), this.#whenReady("kernel")];
    this.#planes.start();
    await Promise.all(ready);
    this.#holdUntil = monotonicMicros() + site.agent.startup_delay;
    if (site.agent.startup_delay === 0) this.#holdUntil = 0;
    const changes = await this.apply(site);
    this.#watchHeartbeat();
    return changes;
  }

  /** Makes the planes what `site` wants: the difference to what they are. */
  async apply(site: SiteConfig): Promise<string[]> {
    const before = this.#plan;
    const plan = planSite(site, this.#slots);
    this.#plan = plan;
    const names = new Set(plan.routers.map(({ settings }) => settings.name));
    const leaving = before.holdings.filter(({ name }) => !names.has(name));
    const interfaces = [...plan.interfaces, ...before.interfaces];
    await this.#configureKernel({ ...plan, holdings: [...plan.holdings, ...leaving], interfaces });
    const changes = await this.#configureProtocol(plan);
    const holdings = await this.#configureKernel(plan);
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
    const answer = this.#answerTo<Configured>("kernel", message.id);
    this.#planes.toKernel({ ...message, routers, interfaces });
    return [...(await answer).changes];
  }

  async #configureProtocol(plan: SitePlan): Promise<string[]> {
    const message = { type: "configure", id: this.#planes.ids.next() } as const;
    const answer = this.#answerTo<Configured>("protocol", message.id);
    this.#planes.toProtocol({ ...message, routers: plan.routers, holdUntil: this.#holdUntil });
    return [...(await answer).changes];
  }

  /** Hands every router over, removes what is held, and ends; `now`: without waiting. */
  async stop(now: boolean): Promise<void> {
    const stopRouters = { type: "stop_routers", id: this.#planes.ids.next(), now } as const;
    if (this.#stopping) return this.#planes.toProtocol(stopRouters);
    this.#stopping = true;
    clearInterval(this.#watch);
    const protocol = this.#whenStopped("protocol");
    this.#planes.toProtocol(stopRouters);
    await protocol;
    await this.#stopKernel();
    this.#planes.close();
    this.#ended.resolve({ exitCode: 0, reason: "stopped" });
  }

  async #stopKernel(): Promise<void> {
    const kernel = this.#whenStopped("kernel");
    this.#planes.toKernel({ type: "stop", id: this.#planes.ids.next(), keep: false });
    await kernel;
  }

  /** What the protocol plane knows now. */
  query(): Promise<ProtocolState> {
    const message = { type: "query", id: this.#planes.ids.next() } as const;
    const answer = this.#answerTo<ProtocolState>("protocol", message.id);
    this.#planes.toProtocol(message);
    return answer;
  }

  /** Makes a plane fail on purpose; does nothing unless the agent was started for that. */
  injectFault(plane: PlaneName, fault: "throw" | "hang", duration: number): void {
    const message = { type: "inject_fault", id: this.#planes.ids.next(), fault, duration } as const;
    if (plane === "protocol") this.#planes.toProtocol(message);
    else this.#planes.toKernel(message);
  }

  // ===== what the planes say =====================================================================

  fromProtocol(message: ProtocolToControl): void {
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
        this.#answered(message);
        break;
      default:
        this.#common("protocol", message);
    }
  }

  fromKernel(message: KernelToControl): void {
    switch (message.type) {
      case "addresses":
        this.#reports.set(message.router, message);
        break;
      case "configured":
        this.#answered(message);
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
    const waiting = message.type === "ready" ? this.#ready : this.#stopped;
    waiting.get(plane)?.();
    waiting.delete(plane);
  }

  #whenReady(plane: PlaneName): Promise<void> {
    return new Promise((resolve) => this.#ready.set(plane, resolve));
  }

  #whenStopped(plane: PlaneName): Promise<void> {
    return new Promise((resolve) => this.#stopped.set(plane, resolve));
  }

  #answerTo<T extends Configured | ProtocolState>(plane: PlaneName, id: EventId): Promise<T> {
    return new Promise((resolve, reject) => {
      const slow = setTimeout(
        () => log("warning", ["control"], `The ${plane} plane takes long to answer`),
        SLOW_ANSWER,
      );
      this.#answers.set(id, {
        plane,
        resolve(message) {
          clearTimeout(slow);
          resolve(message as T);
        },
        reject(reason) {
          clearTimeout(slow);
          reject(reason);
        },
      });
    });
  }

  #answered(message: Configured | ProtocolState): void {
    this.#answers.get(message.cause)?.resolve(message);
    this.#answers.delete(message.cause);
  }

  /** Whoever waits for an answer of a dead plane waits no longer. */
  #rejectAnswers(plane: PlaneName): void {
    for (const [id, question] of this.#answers) {
      if (question.plane !== plane) continue;
      this.#answers.delete(id);
      question.reject(new Error(`The ${plane} plane died before it answered`));
    }
  }

  // ===== when a plane dies =======================================================================

  /** Part of {@link PlaneListener}: a plane's thread is gone. */
  died(plane: PlaneName, reason: string): void {
    const now = monotonicMicros();
    log("error", ["control"], `The ${plane} plane died`, { reason });
    this.#rejectAnswers(plane);
    while (this.#crashes.length > 0 && now - this.#crashes[0]! > CRASH_WINDOW) {
      this.#crashes.shift();
    }
    this.#crashes.push(now);
    if (this.#stopping) {
      // Nothing to save: what waits for this plane goes on without it.
      this.#stopped.get(plane)?.();
      return;
    }
    if (this.#crashes.length >= MOST_CRASHES) return void this.#giveUp(plane);
    // Where the other plane dies meanwhile, its own death is counted and handled.
    this.#revive(plane).catch((error) => log("error", ["control"], String(error)));
  }

  async #revive(plane: PlaneName): Promise<void> {
    const ready = this.#whenReady(plane);
    if (plane === "protocol") {
      const reconnect = this.#planes.restartProtocol([...this.#snapshots.values()]);
      await Promise.all([ready, this.#answerTo<Configured>("kernel", reconnect.id)]);
      await this.#configureProtocol(this.#plan);
    } else {
      this.#planes.restartKernel();
      await ready;
      await this.#configureKernel(this.#plan);
    }
    log("warning", ["control"], `The ${plane} plane runs again`);
  }

  /** Three crashes within a minute: end in order while something is left to do so. */
  async #giveUp(plane: PlaneName): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#watch);
    const reason = `the ${plane} plane died ${MOST_CRASHES} times within a minute`;
    log("error", ["control"], `Giving up: ${reason}`);
    if (plane === "protocol") {
      for (const { slot } of this.#plan.holdings) this.#planes.words.setMastership(slot, 0);
      await this.#stopKernel();
    } else {
      const protocol = this.#whenStopped("protocol");
      const id = this.#planes.ids.next();
      this.#planes.toProtocol({ type: "stop_routers", id, now: true });
      await protocol;
    }
    this.#planes.close();
    this.#ended.resolve({ exitCode: 1, reason });
  }

  /** A protocol plane that does not turn is dead, unless this loop stood still as well. */
  #watchHeartbeat(): void {
    let expected = monotonicMicros() + WATCH_INTERVAL * 1000;
    this.#watch = setInterval(() => {
      const now = monotonicMicros();
      const late = now - expected;
      expected = now + WATCH_INTERVAL * 1000;
      if (late > WATCH_INTERVAL * 1000) return;
      const silence = this.#planes.words.protocolSilence(now);
      if (silence < HANGS) return;
      this.#planes.abandon("protocol", `no heartbeat for ${Math.round(silence / 1e6)} s`);
    }, WATCH_INTERVAL);
  }
}
