/**
 * The agent's side of health checks: who runs which, who is told, what is remembered for a plane or
 * process that comes after, and what status shows.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import { monotonicMicros } from "../../ffi/mod.ts";
import type { CheckMemory, CheckReport } from "../check/board.ts";
import type { CheckKnowledge, ChecksFacts } from "../control/check_status.ts";
import { addCounts, type CheckCount } from "../plane/check_tally.ts";
import type { CheckStep, SessionCheck, Way } from "../plane/checks.ts";
import type { HistogramData } from "../plane/histogram.ts";
import type { TrackerFinding } from "../plane/trackers.ts";
import { type ChecksPlan, type ControlCheck, NO_CHECKS, planChecks } from "./check_plan.ts";
import { CheckRunner } from "./check_runner.ts";
import type { CheckTeller } from "./check_teller.ts";
import type { Dialogue } from "./dialogue.ts";
import { limitedLog } from "./logging.ts";
import type { Planes } from "./planes.ts";
import { soonOrNull } from "./questions.ts";

/** How long status waits for the kernel plane, milliseconds. */
const PATIENCE = 500;

/** Who keeps what happened. */
type StepTaker = { push(step: CheckStep): void };

/** How it speaks to the planes. */
type Voice = Pick<
  Dialogue,
  "configureChecks" | "queryChecks" | "queryWay" | "tellCheck" | "tell"
>;

export class Checks {
  readonly #voice: Voice;
  readonly #planes: Pick<Planes, "runs">;
  readonly #recorder: StepTaker;
  readonly #teller: CheckTeller;
  readonly #runner: CheckRunner;
  readonly #log = limitedLog;
  /** The newest of each check that is known. */
  readonly #memory = new Map<string, CheckMemory>();
  #plan: ChecksPlan = NO_CHECKS;
  #control: ReadonlyMap<string, ControlCheck> = new Map();
  /** What the kernel plane runs: the targets of checks. */
  #run: ReadonlyMap<string, string> = new Map();
  /** Checks of control of which the kernel plane hears, since servers live by them. */
  #served: ReadonlySet<string> = new Set();
  #steps = 0;
  /** What the kernel plane has said last. */
  #reports: readonly CheckReport[] = [];
  #lateness: HistogramData | null = null;
  #counts: readonly CheckCount[] = [];
  /** What kernel planes that are gone had counted when they were asked last. */
  #formerCounts: readonly CheckCount[] = [];

  constructor(
    voice: Voice,
    planes: Pick<Planes, "runs">,
    recorder: StepTaker,
    notices: { readonly checks: CheckTeller },
  ) {
    this.#voice = voice;
    this.#planes = planes;
    this.#recorder = recorder;
    this.#teller = notices.checks;
    this.#runner = new CheckRunner((check, what) => {
      const at = monotonicMicros();
      this.step({ type: "check_step", id: `h:${++this.#steps}`, at, check, what });
      if (what.kind === "found") this.#tell(what.memory);
    }, (way) => this.#leads(way));
  }

  /** What is known now, for who goes on with it. */
  get memory(): readonly CheckMemory[] {
    return [...this.#memory.values()];
  }

  /** Learns what a former process knew. */
  restore(memory: readonly CheckMemory[]): void {
    for (const one of memory) this.#memory.set(one.check, one);
    this.#teller.remember(memory);
  }

  /** BFD sessions that are checks. */
  get sessions(): readonly SessionCheck[] {
    return this.#plan.protocol;
  }

  /** These are the checks from now on: for the kernel plane when it is configured next. */
  plan(site: SiteConfig): void {
    const plan = this.#plan = planChecks(site);
    this.#teller.plan(plan.identities);
    this.#control = new Map(plan.control.map((check) => [check.id, check]));
    const targets = new Map(
      [...plan.kernel, ...plan.control].map(({ id, target }) => [id, target]),
    );
    for (const [id, { target }] of this.#memory) {
      if (targets.get(id) !== target) this.#memory.delete(id);
    }
  }

  /** Control begins with its share. */
  begin(): void {
    this.#runner.configure(this.#plan.control, this.memory);
  }

  /**
   * The kernel plane learns what it is to run, and what is known of what it has not run so far.
   *
   * @param begins it is another plane than the last time
   */
  configureKernel(begins: boolean): void {
    if (begins) {
      this.#run = new Map();
      this.#served = new Set();
      this.#formerCounts = addCounts([...this.#formerCounts, ...this.#counts]);
      this.#counts = [];
    }
    const { kernel, control } = this.#plan;
    const former = kernel.flatMap(({ id, target }) => {
      const known = this.#run.get(id) === target ? undefined : this.#memory.get(id);
      return known ?? [];
    });
    this.#run = new Map(kernel.map(({ id, target }) => [id, target]));
    this.#voice.configureChecks(kernel, former);
    const before = this.#served;
    this.#served = new Set(control.filter(({ served }) => served).map(({ id }) => id));
    for (const id of this.#served) {
      const known = before.has(id) ? undefined : this.#memory.get(id);
      if (known !== undefined) this.#tellServers(known);
    }
  }

  /** What control has found of tracked checks, for a protocol plane that is configured. */
  findings(): TrackerFinding[] {
    return this.#plan.control.flatMap(({ id, tracked }) => {
      const known = this.#memory.get(id);
      return tracked && known !== undefined ? [findingOf(known)] : [];
    });
  }

  /** Something happened to a check, in whichever plane. */
  step(step: CheckStep): void {
    const { check, what } = step;
    if (what.kind === "found") {
      this.#memory.set(check, what.memory);
      this.#teller.found(what.memory, what.latency, step.at);
      if (!what.changed) return;
    }
    this.#recorder.push(step);
    const category = ["checks", check];
    switch (what.kind) {
      case "found": {
        const { health, reason } = what.memory;
        return this.#log.log(health === "up" ? "info" : "warning", category, health, { reason });
      }
      case "flapping":
        return this.#log.log(
          what.flapping ? "warning" : "info",
          category,
          what.flapping ? "Flapping: it stays down" : "No longer flapping",
        );
      case "warning":
        return this.#log.log("warning", category, what.text);
    }
  }

  /**
   * What status shows. A kernel plane that is held up, or is being replaced, holds nobody up here:
   * then it is as it was when it was asked last.
   */
  async facts(): Promise<ChecksFacts> {
    if (this.#plan.kernel.length > 0 && this.#planes.runs("kernel")) {
      const state = await soonOrNull(this.#voice.queryChecks(), PATIENCE);
      this.#reports = state?.reports ?? this.#reports;
      this.#lateness = state?.lateness ?? this.#lateness;
      this.#counts = state?.counts ?? this.#counts;
    }
    const all = [...this.#reports, ...this.#runner.reports()];
    const reports = new Map([...this.#memory.values()].map((one) => [one.check, recalled(one)]));
    for (const one of all) reports.set(one.check, one);
    const sessions = new Map(this.#plan.protocol.map(({ check, session }) => [check, session]));
    const checks = this.#plan.identities.map((identity): CheckKnowledge => {
      const [report, session] = [reports.get(identity.id), sessions.get(identity.id)];
      return {
        ...identity,
        ...(session === undefined ? {} : { session }),
        ...(report === undefined ? {} : { report }),
      };
    });
    return { checks, lateness: this.#lateness, counts: this.#allCounts() };
  }

  /** What is recorded of verdicts that are made here. */
  get recorded(): CheckRunner["recorded"] {
    return this.#runner.recorded;
  }

  /** Asks nobody any more. */
  stop(): void {
    this.#runner.stop();
  }

  /** Of all planes, also of former ones, so that nothing falls; not of checks that are gone. */
  #allCounts(): CheckCount[] {
    const known = new Set(this.#plan.identities.map(({ id }) => id));
    return addCounts([...this.#formerCounts, ...this.#counts, ...this.#runner.counts()])
      .filter(({ name }) => name === "" || known.has(name));
  }

  /** What a kernel plane has made stays while it is held up or replaced. */
  async #leads(way: Way): Promise<boolean> {
    if (!this.#planes.runs("kernel")) return true;
    return (await soonOrNull(this.#voice.queryWay(way), PATIENCE))?.leads ?? true;
  }

  #tell(memory: CheckMemory): void {
    this.#tellServers(memory);
    if (this.#control.get(memory.check)?.tracked === true) this.#voice.tell(findingOf(memory));
  }

  #tellServers({ check, health, reason, weight }: CheckMemory): void {
    if (this.#control.get(check)?.served !== true) return;
    this.#voice.tellCheck({ check, health, reason, weight });
  }
}

/** What is known of a check before its plane has told: as a former life left it. */
function recalled({ check, health, reason, since, ...memory }: CheckMemory): CheckReport {
  const { transitions, lastError, weight } = memory;
  return {
    check,
    health,
    reason,
    since,
    transitions,
    last: null,
    lastError,
    held: null,
    flapping: false,
    weight,
    passed: 0,
    failed: 0,
    voided: 0,
  };
}

function findingOf({ check: name, health, reason }: CheckMemory): TrackerFinding {
  return { kind: "check", namespace: "", name, healthy: health === "up", reason };
}
