/**
 * The configuration that runs, and the way to another: reloads, now and later, those that are taken
 * back unless somebody confirms them, and plans of them.
 *
 * What waits is written down before it begins to wait, so that a process that dies over a new
 * configuration goes back to the former one at its next start.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import {
  fingerprintOf,
  formatDuration,
  formatProblem,
  type RecordedSite,
  type SiteConfig,
} from "../../config/mod.ts";
import type { ReloadRequest } from "../control/reload_protocol.ts";
import type { Status, WaitingReloads } from "../control/status.ts";
import { ReloadMachine } from "../reload/mod.ts";
import { textOf } from "../text/mod.ts";
import type { Agent } from "./agent.ts";
import { wallTime } from "./clock.ts";
import { FileWatch } from "./file_watch.ts";
import type { FlightRecorder } from "./flight/recorder.ts";
import { log, reloadLogging } from "./logging.ts";
import type { OwnFacts } from "./own_facts.ts";
import { fixedKeys } from "./plan/fixed.ts";
import { givenUp } from "./shedding.ts";
import { invalidPlan, planChanges, type PlanResult } from "./plan/plan.ts";
import { hexText, MARK_KEY, settled } from "./plan/settled.ts";
import {
  type Beginning,
  beginWith,
  keepReload,
  kept,
  type KeptSite,
  moment,
} from "./reload_file.ts";
import { invalid, noteReload, noteWaiting } from "./reload_notes.ts";
import type { ReloadResult, RunningResult, WaitingResult } from "./results.ts";
import { siteChanges } from "./site_changes.ts";
import { SiteFiles } from "./site_files.ts";

/** How far ahead a reload may be, milliseconds: 30 days. */
const LONGEST_AHEAD = 30 * 86_400_000;

/** Reads the configuration file, every time anew. */
export type Loader = () => RecordedSite;

/** What it needs of the service. */
export interface ReloadingSurroundings {
  readonly agent: Pick<Agent, "apply">;
  /** A configuration counts from now on. */
  readonly configured: (site: SiteConfig) => void;
  /** Why another agent keeps it from counting; null: none does. */
  readonly hindered: (site: SiteConfig) => string | null;
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
  #beginning: Beginning;
  readonly #files: SiteFiles;
  readonly #watch: FileWatch;
  #machine: ReloadMachine<KeptSite>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;
  /** A reload whose answer nobody waits for has not begun yet. */
  #asked = false;

  constructor(env: ReloadingSurroundings, beginning: Beginning) {
    this.#env = env;
    this.#beginning = beginning;
    this.#machine = new ReloadMachine(beginning.kept, beginning.memory);
    this.#files = new SiteFiles(env.load, beginning.file);
    this.#watch = new FileWatch(this.#files, {
      // A file that has its time waits for it; one that was taken back waits for an order.
      wanted: (fingerprint) =>
        this.#machine.scheduled === null && this.#machine.refused?.fingerprint !== fingerprint,
      changed: () => this.ask(),
    });
  }

  /** What runs, or is to. */
  get site(): SiteConfig {
    return this.#machine.running.site;
  }

  /**
   * Another process has given way, and its configuration is still in force. While we were booting
   * it may have gone back or begun to wait, and somebody may have confirmed or cancelled.
   */
  takenOver(): void {
    const { own: ours } = this.#beginning;
    if (ours === undefined) return;
    const before = this.#machine.running;
    try {
      this.#beginning = beginWith(ours, true);
    } catch (error) {
      this.#beginning = { ...this.#beginning, trouble: textOf(error) };
    }
    const { kept: own, memory } = this.#beginning;
    this.#machine = new ReloadMachine(own, memory);
    if (own.fingerprint !== before.fingerprint) this.#env.own.applied(own.sha256);
  }

  /**
   * The beginning is applied, and what waits is ours.
   *
   * @param takenOver from a process that lived until now
   */
  begin(takenOver: boolean): void {
    const { kept: own, file, trouble } = this.#beginning;
    if (trouble !== undefined) log("warning", ["control"], trouble);
    this.#save(this.#machine);
    const { refused, scheduled } = this.#machine;
    if (!takenOver && fingerprintOf(file) !== own.fingerprint) {
      const why = refused !== null
        ? refused.reason
        : scheduled !== null
        ? `a reload is scheduled for ${new Date(scheduled.at).toISOString()}`
        : null;
      const text = "goes on with the configuration that ran before: the file's is not applied";
      noteWaiting("not_the_file", text, this.#env.recorder(), why);
    }
    // Where it waits for its time, it is new to us when that is cancelled.
    this.#watch.tried(scheduled === null ? fingerprintOf(file) : own.fingerprint);
    this.#watch.configure(this.site.agent.watch);
    this.#arm();
  }

  /** Nothing is done any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watch.configure(false);
  }

  /** Does what is asked for. @throws {Error} in words where that cannot be */
  answer(request: ReloadRequest): Promise<ReloadResult | WaitingResult> {
    const within = "confirm_within_ms" in request ? request.confirm_within_ms : undefined;
    const micros = within === undefined ? null : Math.round(within * 1000);
    switch (request.action) {
      case "at":
        return this.#env.inTurn(() => this.#schedule(Date.parse(request.at), micros));
      case "confirm":
        return this.#env.inTurn(() => Promise.resolve(this.#confirm()));
      case "roll_back":
        return this.#env.inTurn(() => {
          this.#expectAwaiting("take back");
          return this.#rollBack("on request");
        });
      case "cancel":
        return this.#env.inTurn(() => Promise.resolve(this.#cancel()));
      default:
        return this.reload(micros);
    }
  }

  /**
   * Applies the file as it is now; an invalid one changes nothing.
   *
   * @param within it is taken back unless it is confirmed within so long, microseconds
   */
  reload(within: number | null = null): Promise<ReloadResult> {
    return this.#env.inTurn(() => this.#reload(within));
  }

  /**
   * As `reload`, for a signal or a change of the files. One that has not begun yet will read what is
   * there then: however many ask meanwhile, none waits behind them.
   */
  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#env.inTurn(() => {
      this.#asked = false;
      return this.#reload(null);
    }).catch(() => {});
  }

  /** What `reload` would do now. */
  async plan(): Promise<PlanResult> {
    const loaded = this.#env.load();
    if (!loaded.ok) return invalidPlan(invalid(loaded.problems).problems);
    const gone = givenUp(loaded.site);
    if (gone !== null) return invalidPlan([gone]);
    const key = newMarkKey();
    const [before, after] = [settled(this.site, key), settled(loaded.site, key)];
    const warnings = loaded.warnings.map((one) => formatProblem(one, { color: false }));
    return planChanges(before, after, await this.#env.status().catch(() => null), warnings);
  }

  /** What runs, for a comparison elsewhere: no secret can be read out of it. */
  running(): RunningResult {
    const key = newMarkKey();
    return { mark_key: hexText(key), site: settled(this.site, key) };
  }

  /** What waits, and how the file stands to what runs. */
  async status(): Promise<WaitingReloads> {
    const { awaiting, scheduled, refused, running } = this.#machine;
    const now = moment();
    const found = await this.#files.look();
    return {
      confirmation: awaiting === null ? null : {
        until: wallTime(awaiting.until),
        in_ms: Math.max(0, Math.round((awaiting.until - now.monotonic) / 1000)),
        within_ms: awaiting.within / 1000,
      },
      scheduled: scheduled === null ? null : {
        at: new Date(scheduled.at).toISOString(),
        in_ms: Math.max(0, scheduled.at - now.wall),
        confirm_within_ms: scheduled.within === null ? null : scheduled.within / 1000,
      },
      rolled_back: refused === null || found?.fingerprint !== refused.fingerprint
        ? null
        : { at: new Date(refused.at).toISOString(), reason: refused.reason },
      differs: found === null ? null : found.fingerprint !== running.fingerprint,
    };
  }

  // ===== now =====================================================================================

  async #reload(within: number | null): Promise<ReloadResult> {
    const at = monotonicMicros();
    const loaded = this.#env.load();
    this.#watch.tried(fingerprintOf(loaded.recording));
    const result = loaded.ok ? await this.#change(kept(loaded), within) : invalid(loaded.problems);
    this.#note(result, at);
    const { awaiting } = this.#machine;
    if (result.result !== "applied" || awaiting === null) return result;
    const until = wallTime(awaiting.until);
    const text = `is taken back at ${until} unless halb reload --confirm comes before`;
    noteWaiting("awaits_confirmation", text, this.#env.recorder());
    return { ...result, confirm_until: until };
  }

  /** To another configuration, which may have to be confirmed. */
  async #change(next: KeptSite, within: number | null): Promise<ReloadResult> {
    const tried = this.#machine.clone();
    tried.applied(next, within, moment());
    try {
      // Before anything happens: this process may die over it.
      if (tried.awaiting !== null) keepReload(this.#directory, tried.memory);
    } catch (error) {
      const problem = `cannot write down what to go back to: ${textOf(error)}`;
      return { result: "failed", changes: [], problems: [problem] };
    }
    const result = await this.#apply(next);
    // The time to look at it begins now.
    if (result.result === "applied") this.#machine.applied(next, within, moment());
    this.#save(this.#machine);
    return result;
  }

  async #apply(next: KeptSite): Promise<ReloadResult> {
    const { agent, configured, hindered, own } = this.#env;
    const former = this.site;
    const [before, after] = [former.agent, next.site.agent];
    const fixed = fixedKeys(before, after) ?? givenUp(next.site) ?? hindered(next.site);
    if (fixed !== null) return invalid([fixed]);
    try {
      await reloadLogging(after.log);
      const done = await agent.apply(next.site);
      const key = newMarkKey();
      const changes = siteChanges(settled(former, key), settled(next.site, key), done);
      own.applied(next.sha256);
      configured(next.site);
      this.#watch.configure(after.watch);
      return { result: "applied", changes, problems: [] };
    } catch (error) {
      return { result: "failed", changes: [], problems: [textOf(error)] };
    }
  }

  #note(result: ReloadResult, at: number, reason: string | null = null): void {
    this.#env.own.reloaded(result);
    noteReload(result, this.#env.recorder(), at, reason);
    this.#arm();
  }

  // ===== what waits ==============================================================================

  async #rollBack(reason: string): Promise<ReloadResult> {
    const at = monotonicMicros();
    const { previous } = this.#machine;
    if (previous === null) throw new Error("There is nothing to go back to");
    const applied = await this.#apply(previous);
    const back = applied.result === "applied";
    if (back) this.#machine.rolledBack(reason, moment());
    else this.#machine.failed(moment());
    this.#save(this.#machine);
    const result = back ? { ...applied, result: "rolled_back" as const } : applied;
    this.#note(result, at, reason);
    return result;
  }

  #confirm(): WaitingResult {
    this.#expectAwaiting("confirm");
    this.#machine.confirm();
    this.#save(this.#machine);
    this.#arm();
    noteWaiting("confirmed", "the configuration is confirmed", this.#env.recorder());
    return { result: "confirmed" };
  }

  /** @throws {Error} where no confirmation is awaited */
  #expectAwaiting(what: string): void {
    const { awaiting, refused } = this.#machine;
    if (awaiting !== null) return;
    if (refused === null) throw new Error(`There is nothing to ${what}`);
    const at = new Date(refused.at).toISOString();
    throw new Error(`There is nothing to ${what}: it was taken back at ${at} (${refused.reason})`);
  }

  async #schedule(at: number, within: number | null): Promise<ReloadResult | WaitingResult> {
    const ahead = at - Date.now();
    if (ahead <= 0) throw new Error("That time is over");
    if (ahead > LONGEST_AHEAD) throw new Error("That is more than 30 days ahead");
    const plan = await this.plan();
    if (plan.result !== "valid") return invalid([...plan.problems]);
    const tried = this.#machine.clone();
    tried.schedule(at, within);
    keepReload(this.#directory, tried.memory);
    this.#machine = tried;
    this.#arm();
    const time = new Date(at).toISOString();
    const confirm = within === null ? "" : `, to be confirmed within ${formatDuration(within)}`;
    noteWaiting("scheduled", `a reload is scheduled for ${time}${confirm}`, this.#env.recorder());
    return {
      result: "scheduled",
      at: time,
      confirm_within_ms: within === null ? null : within / 1000,
      changes: plan.changes.map(({ text }) => text),
    };
  }

  #cancel(): WaitingResult {
    const scheduled = this.#machine.cancel();
    if (scheduled === null) {
      const more = this.#machine.awaiting === null ? "" : ": take the last one back by --roll-back";
      throw new Error(`No reload is scheduled${more}`);
    }
    this.#save(this.#machine);
    this.#arm();
    const at = new Date(scheduled.at).toISOString();
    noteWaiting("cancelled", `the reload of ${at} is cancelled`, this.#env.recorder());
    return { result: "cancelled", at };
  }

  get #directory(): string {
    return this.site.agent.state_directory;
  }

  /** What cannot be written down waits all the same, as long as this process lives. */
  #save(machine: ReloadMachine<KeptSite>): void {
    try {
      keepReload(this.#directory, machine.memory);
    } catch (error) {
      log("error", ["control"], `Cannot write down which reloads wait: ${textOf(error)}`);
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const wait = this.#stopped ? null : this.#machine.wake(moment());
    if (wait === null) return;
    this.#timer = setTimeout(() => void this.#look().catch(() => {}), wait);
  }

  /** Does what is due. Rejects when another process has taken over: that one has what waits. */
  async #look(): Promise<void> {
    await this.#env.inTurn(async () => {
      const due = this.#stopped ? null : this.#machine.due(moment());
      if (due === null) return;
      if (due.what === "reload") {
        this.#save(this.#machine);
        await this.#reload(due.within);
        return;
      }
      const { within } = this.#machine.awaiting!;
      await this.#rollBack(`nobody confirmed it within ${formatDuration(within)}`);
    });
    this.#arm();
  }
}

/** Never the same: who sees two answers learns nothing by comparing their marks. */
function newMarkKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(MARK_KEY));
}
