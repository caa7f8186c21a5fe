/**
 * Planes that die, or hang, and their successors: each gets what its predecessor knew. The third
 * crash within a minute is one too many.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import type { Configured } from "../plane/messages.ts";
import { Effort } from "./effort.ts";
import { log } from "./logging.ts";
import type { PlaneName, Planes } from "./planes.ts";
import { PlaneDied, type Questions } from "./questions.ts";
import type { SitePlan } from "./site_plan.ts";
import type { Snapshots } from "./snapshots.ts";

/** Crashes of planes within `CRASH_WINDOW` that end the agent. */
const MOST_CRASHES = 3;
const CRASH_WINDOW = 60_000_000;
/** How often the planes' heartbeats are looked at, milliseconds. */
const WATCH_INTERVAL = 500;
/** Silence of the protocol plane that means it hangs, microseconds. */
const HANGS = 5_000_000;
/** Silence with which nobody should vouch for it: some of its heartbeats, which are a second apart. */
const SILENT = 3_000_000;
/**
 * Processor time between two turns of the kernel plane that means it will never turn again,
 * microseconds: many times what the largest site needs, and with the time until it is noticed and
 * replaced still less than two thirds of the shortest lease.
 */
const SPINS = 800_000;

/** What the successors are made from. */
export interface Patient {
  readonly planes: Planes;
  readonly questions: Questions;
  /** What routers and groups last said that they remember. */
  readonly snapshots: Snapshots;
  plan(): SitePlan;
  stopping(): boolean;
  configureProtocol(plan: SitePlan): Promise<unknown>;
  configureKernel(plan: SitePlan): Promise<void>;
  fail(reason: string): Promise<void>;
}

export class Revivals {
  readonly #patient: Patient;
  readonly #crashes: number[] = [];
  /** Planes that died, and their successors' way to where they were. */
  readonly #revivals = new Map<PlaneName, Promise<void>>();
  /** Planes that died while none may act; null: they may. */
  #deferred: Set<PlaneName> | null = null;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Since when the protocol plane's loop should turn; null: it does not run. */
  #beatsSince: number | null = null;

  constructor(patient: Patient) {
    this.#patient = patient;
  }

  /** Does something with a plane; where it dies over it, with its successor. */
  async insist<T>(plane: PlaneName, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof PlaneDied) || this.#patient.stopping()) throw error;
        await this.#revivals.get(plane);
      }
    }
  }

  /** No plane may act until `resume`: the dead stay dead. */
  pause(): void {
    this.#deferred = new Set();
  }

  /** Those that died meanwhile are followed now. */
  resume(): void {
    const dead = this.#deferred ?? new Set();
    this.#deferred = null;
    for (const plane of dead) this.#revivals.set(plane, this.#revive(plane));
  }

  /** A plane's thread is gone. */
  died(plane: PlaneName, reason: string, stack: string): void {
    const now = monotonicMicros();
    log("error", ["control"], `The ${plane} plane died`, { reason, stack });
    if (plane === "protocol") this.#beatsSince = null;
    else this.#patient.planes.words.kernelThread = 0;
    while (this.#crashes.length > 0 && now - this.#crashes[0]! > CRASH_WINDOW) {
      this.#crashes.shift();
    }
    this.#crashes.push(now);
    // While stopping there is nothing to save: what waits for this plane goes on without it.
    if (this.#deferred !== null) this.#deferred.add(plane);
    else if (!this.#patient.stopping()) {
      if (this.#crashes.length < MOST_CRASHES) this.#revivals.set(plane, this.#revive(plane));
      else {
        const reason = `the ${plane} plane died, ${MOST_CRASHES} crashes within a minute`;
        void this.#patient.fail(reason);
      }
    }
    this.#patient.questions.died(plane);
  }

  /** The protocol plane's loop turns from now on, or no longer. */
  beats(beats: boolean): void {
    this.#beatsSince = beats ? monotonicMicros() : null;
  }

  /**
   * A protocol plane that does not turn is dead, unless this loop stood still as well. A kernel
   * plane that does not turn may wait for the kernel; only one that works all the while is dead.
   */
  watchHeartbeat(): void {
    const { planes } = this.#patient;
    const effort = new Effort(planes.words);
    let expected = monotonicMicros() + WATCH_INTERVAL * 1000;
    this.#watch = setInterval(() => {
      const now = monotonicMicros();
      const late = now - expected;
      expected = now + WATCH_INTERVAL * 1000;
      const spent = effort.sinceLastTurn();
      if (spent >= SPINS) {
        const seconds = (spent / 1e6).toFixed(1);
        planes.abandon("kernel", `runs without end: ${seconds} s of processor time in one turn`);
      }
      if (late > WATCH_INTERVAL * 1000 || this.#beatsSince === null) return;
      const silence = Math.min(planes.words.protocolSilence(now), now - this.#beatsSince);
      if (silence < HANGS) return;
      planes.abandon("protocol", `no heartbeat for ${Math.round(silence / 1e6)} s`);
    }, WATCH_INTERVAL);
  }

  /** Whether the protocol plane, or its successor, has turned not long ago, or need not. */
  get works(): boolean {
    const silence = this.#patient.planes.words.protocolSilence(monotonicMicros());
    return silence < SILENT || this.#patient.stopping();
  }

  /** No longer. */
  end(): void {
    clearInterval(this.#watch);
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
      if (!(error instanceof PlaneDied)) void this.#patient.fail(String(error));
    }
  }

  async #reviveProtocol(): Promise<void> {
    const { planes, questions, snapshots } = this.#patient;
    const ready = questions.milestone("protocol", "ready");
    const { id } = planes.restartProtocol(snapshots.all());
    const connected = questions.answer<Configured>("kernel", id).catch((error) => {
      if (!(error instanceof PlaneDied)) throw error;
      // The kernel plane died meanwhile: its successor is connected to ours from the beginning.
      return this.#revivals.get("kernel");
    });
    await Promise.all([ready, connected]);
    await this.#patient.configureProtocol(this.#patient.plan());
  }

  async #reviveKernel(): Promise<void> {
    this.#patient.planes.restartKernel();
    await this.#patient.configureKernel(this.#patient.plan());
  }
}
