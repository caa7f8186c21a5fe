/**
 * Tracked scripts: when each runs, and what is believed of it. The schedule is that of the checks
 * (`mod/check/schedule.ts`), the verdict `mod/vrrp/rise_fall.ts`; here is what joins them. Clock and
 * programs come in from outside, so that a test has its own.
 *
 * One script never runs twice at once, not even where a run cannot be killed: such a one has failed
 * until it is gone.
 *
 * @module
 */

import type { TrackScriptConfig } from "../../../config/mod.ts";
import { createSchedule, stepSchedule } from "../../check/schedule.ts";
import type { ScheduleEffect } from "../../check/mod.ts";
import { textOf } from "../../text/mod.ts";
import type { TrackerFinding, TrackerMemory } from "../../plane/trackers.ts";
import { Shelf } from "../../record/mod.ts";
import {
  createVerdict,
  type Finding,
  observe,
  type RiseFall,
  type Verdict,
} from "../../vrrp/mod.ts";
import type { TrackerSurroundings } from "./surroundings.ts";

/** Scripts that run at once. */
const MOST_AT_ONCE = 64;
/** Said of a script that counts as failed until it has succeeded. */
const NOT_YET = "has not succeeded yet";

interface Script {
  readonly config: TrackScriptConfig;
  /** What is run, and as whom: another one is another script. */
  readonly target: string;
  readonly rule: RiseFall;
  readonly verdict: Verdict;
  /** What was told last; null: nothing. */
  told: Finding | null;
}

/** One run that has not ended. */
interface Run {
  readonly target: string;
  readonly abort: () => void;
  /** Resolves when it has. */
  readonly ended: Promise<void>;
}

/** Said while a run outlives its SIGKILL: the kernel waits for something on its behalf. */
const IMMORTAL = "the last run has not ended, and cannot be killed";

export class ScriptTrackers {
  /** What verdicts were told, and became. */
  readonly recorders = new Shelf("script");
  readonly #env: TrackerSurroundings;
  readonly #schedule = createSchedule();
  readonly #scripts = new Map<string, Script>();
  /** Runs that have not ended, by the script's name; they may outlive the script. */
  readonly #running = new Map<string, Run>();
  /** What a former process believed. */
  readonly #former = new Map<string, Finding>();
  /** There is no time left for anything that runs. */
  readonly #end = new AbortController();
  #timer: (() => void) | null = null;

  constructor(env: TrackerSurroundings) {
    this.#env = env;
  }

  /** What a former process believed of scripts that `configure` brings. */
  restore(memory: readonly TrackerMemory[]): void {
    for (const { kind, name, believed } of memory) {
      if (kind === "script") this.#former.set(name, believed);
    }
  }

  /** The scripts from now on; one that is the same keeps its verdict and its beat. */
  configure(scripts: readonly TrackScriptConfig[]): void {
    const now = this.#env.now();
    const former = new Map(this.#scripts);
    this.#scripts.clear();
    for (const config of scripts) {
      const { name, command, user, rise, fall, start_failed: startFailed } = config;
      const target = JSON.stringify([command, user.uid, user.gid, user.groups]);
      const rule = { rise, fall, startFailed };
      const known = former.get(name);
      if (known?.target === target) this.#scripts.set(name, { ...known, config, rule });
      else this.#add({ config, target, rule, verdict: createVerdict(rule, now), told: null });
    }
    this.#former.clear();
    this.recorders.keep(this.#scripts);
    this.#follow(stepSchedule(this.#schedule, {
      type: "configure",
      checks: scripts.map(({ name, interval, timeout }) => ({
        id: name,
        timing: { interval, timeout: timeout ?? interval, retryInterval: null, warmup: 0 },
        target: this.#scripts.get(name)!.target,
        jitter: 0,
      })),
      cap: MOST_AT_ONCE,
    }, now));
  }

  /** What is believed; scripts without a result are left out. */
  findings(): TrackerFinding[] {
    return [...this.#scripts].flatMap(([name, { told }]) =>
      told === null ? [] : [named(name, told)]
    );
  }

  /** Runs no more, for ever, and kills what runs. */
  stop(): void {
    this.#timer?.();
    this.#timer = null;
    this.#scripts.clear();
    stepSchedule(this.#schedule, { type: "configure", checks: [], cap: 1 }, this.#env.now());
    this.#end.abort();
  }

  #add(script: Script): void {
    const { name } = script.config;
    this.#scripts.set(name, script);
    const former = this.#former.get(name);
    if (former !== undefined) {
      script.verdict.healthy = former.healthy;
      script.verdict.reason = former.reason;
      // Whoever has handed over has told it.
      script.told = former;
    } else if (script.verdict.healthy === false) {
      this.#tell(script, { healthy: false, reason: NOT_YET });
    }
  }

  #follow(effects: readonly ScheduleEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "start":
          this.#start(effect.id, effect.probe, effect.timeout);
          break;
        case "cancel":
          this.#running.get(effect.id)?.abort();
          if (effect.reason === "overdue") {
            this.#judge(effect.id, { healthy: false, reason: IMMORTAL });
          }
          break;
        case "timer": {
          const { generation, at } = effect;
          this.#timer?.();
          this.#timer = this.#env.after(at - this.#env.now(), () => {
            const event = { type: "timer", generation } as const;
            this.#follow(stepSchedule(this.#schedule, event, this.#env.now()));
          });
        }
      }
    }
  }

  /** Never throws: what goes wrong is the script's result. */
  #start(name: string, probe: number, timeout: number): void {
    const script = this.#scripts.get(name);
    if (script === undefined) return;
    const last = this.#running.get(name);
    if (last?.target === script.target) {
      const found = { healthy: false, reason: IMMORTAL };
      return this.#env.soon(() => this.#finished(script, probe, found));
    }
    if (last === undefined) return this.#run(script, probe, timeout);
    // Another script had this name, and was told to end.
    void last.ended.then(() => {
      if (this.#schedule.entries.get(name)?.probe === probe) this.#run(script, probe, timeout);
    });
  }

  #run(script: Script, probe: number, timeout: number): void {
    const { name } = script.config;
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const cancel = this.#env.after(timeout, abort);
    const result = this.#env.run(script.config, controller.signal, this.#end.signal).then(
      ({ result, reason, output }) => ({ healthy: result === "passed", reason, output }),
      (error: unknown) => ({ healthy: false, reason: textOf(error), output: "" }),
    );
    const ended = result.then(({ healthy, reason, output }) => {
      cancel();
      this.#running.delete(name);
      this.#finished(script, probe, { healthy, reason }, output);
    });
    this.#running.set(name, { target: script.target, abort, ended });
  }

  /** @param of the script as it was when it started: another one may have its name by now */
  #finished(of: Script, probe: number, found: Finding, output = ""): void {
    const { name } = of.config;
    const result = found.healthy ? "passed" : "failed";
    const now = this.#env.now();
    const wanted = this.#schedule.entries.get(name)?.probe === probe;
    if (wanted) this.#judge(name, found, output);
    const event = { type: "finished", id: name, probe, result } as const;
    this.#follow(stepSchedule(this.#schedule, event, now));
  }

  #judge(name: string, found: Finding, output = ""): void {
    const script = this.#scripts.get(name);
    if (script === undefined) return;
    const { verdict } = script;
    const before = verdict.healthy;
    const turned = this.#observe(script, found);
    if (verdict.healthy === null) return;
    if (turned) {
      const printed = output === "" ? {} : { output };
      const words = verdict.healthy ? "Tracked script succeeds" : "Tracked script fails";
      const level = verdict.healthy ? "info" : "warning";
      this.#env.log(level, `${words}${before === null ? ", first result" : ""}`, {
        script: name,
        reason: verdict.reason,
        ...printed,
      });
    }
    // A failure that was there from the start has no reason until there is a result.
    const reason = verdict.reason === "no result yet" ? NOT_YET : verdict.reason;
    this.#tell(script, { healthy: verdict.healthy, reason });
  }

  /** One result; what goes on as it was is no news, and not recorded. */
  #observe({ config: { name }, verdict, rule }: Script, { healthy, reason }: Finding): boolean {
    const now = this.#env.now();
    if (healthy === verdict.healthy && verdict.streak === 0) {
      this.recorders.cut(name);
      return observe(verdict, rule, { healthy, reason }, now);
    }
    const recorder = this.recorders.of(name);
    const event = { type: "result", healthy, reason };
    recorder.begin({ rule, verdict }, event);
    const turned = observe(verdict, rule, { healthy, reason }, now);
    const effects = turned ? [{ type: "turned", healthy, reason }] : [];
    recorder.note(event, effects, now);
    return turned;
  }

  #tell(script: Script, finding: Finding): void {
    const { told } = script;
    if (told?.healthy === finding.healthy && told.reason === finding.reason) return;
    script.told = finding;
    this.#env.found(named(script.config.name, finding));
  }
}

function named(name: string, { healthy, reason }: Finding): TrackerFinding {
  return { kind: "script", namespace: "", name, healthy, reason };
}
