/**
 * The configuration that runs, and the way to another: reloads, and plans of them.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import { formatProblem, type LoadedSite, type SiteConfig } from "../../config/mod.ts";
import type { Status } from "../control/status.ts";
import { textOf } from "../text/mod.ts";
import type { Agent } from "./agent.ts";
import type { FlightRecorder } from "./flight/recorder.ts";
import { reloadLogging } from "./logging.ts";
import type { Outlets } from "./outlets.ts";
import type { OwnFacts } from "./own_facts.ts";
import { fixedKeys } from "./plan/fixed.ts";
import { invalidPlan, planChanges, type PlanResult } from "./plan/plan.ts";
import { hexText, MARK_KEY, settled } from "./plan/settled.ts";
import { invalid, noteReload } from "./reload_notes.ts";
import type { ReloadResult, RunningResult } from "./results.ts";
import { siteChanges } from "./site_changes.ts";

/** Reads the configuration file, every time anew. */
export type Loader = () => LoadedSite;

/** What it needs of the service. */
export interface ReloadingSurroundings {
  readonly agent: Pick<Agent, "apply">;
  readonly outlets: Pick<Outlets, "configure">;
  readonly own: OwnFacts;
  readonly load: Loader;
  recorder(): FlightRecorder;
  /** One change at a time. */
  inTurn<T>(change: () => Promise<T>): Promise<T>;
  /** How everything stands. @throws {Error} while nobody knows */
  status(): Promise<Status>;
}

export class Reloading {
  readonly #env: ReloadingSurroundings;
  #site: SiteConfig;

  /** @param site what the agent begins with */
  constructor(env: ReloadingSurroundings, site: SiteConfig) {
    this.#env = env;
    this.#site = site;
  }

  /** What runs, or is to. */
  get site(): SiteConfig {
    return this.#site;
  }

  /** Applies the file as it is now; an invalid one changes nothing. */
  reload(): Promise<ReloadResult> {
    return this.#env.inTurn(() => this.#reload());
  }

  /** What `reload` would do now. */
  async plan(): Promise<PlanResult> {
    const loaded = this.#env.load();
    if (!loaded.ok) return invalidPlan(invalid(loaded.problems).problems);
    const key = newMarkKey();
    const [before, after] = [settled(this.#site, key), settled(loaded.site, key)];
    const warnings = loaded.warnings.map((one) => formatProblem(one, { color: false }));
    return planChanges(before, after, await this.#env.status().catch(() => null), warnings);
  }

  /** What runs, for a comparison elsewhere: no secret can be read out of it. */
  running(): RunningResult {
    const key = newMarkKey();
    return { mark_key: hexText(key), site: settled(this.#site, key) };
  }

  async #reload(): Promise<ReloadResult> {
    const at = monotonicMicros();
    const loaded = this.#env.load();
    const result = loaded.ok ? await this.#apply(loaded) : invalid(loaded.problems);
    this.#env.own.reloaded(result);
    noteReload(result, this.#env.recorder(), at);
    return result;
  }

  async #apply(loaded: { site: SiteConfig; sha256: string }): Promise<ReloadResult> {
    const { agent, outlets, own } = this.#env;
    const [before, after] = [this.#site.agent, loaded.site.agent];
    const fixed = fixedKeys(before, after);
    if (fixed !== null) return invalid([fixed]);
    try {
      await reloadLogging(before.log, after.log);
      const done = await agent.apply(loaded.site);
      const key = newMarkKey();
      const changes = siteChanges(settled(this.#site, key), settled(loaded.site, key), done);
      this.#site = loaded.site;
      own.applied(loaded.sha256);
      outlets.configure(after);
      return { result: "applied", changes, problems: [] };
    } catch (error) {
      return { result: "failed", changes: [], problems: [textOf(error)] };
    }
  }
}

/** Never the same: who sees two answers learns nothing by comparing their marks. */
function newMarkKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(MARK_KEY));
}
