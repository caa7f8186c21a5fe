/**
 * The agent as a service: its configuration file, its control socket, its signals and its dumps.
 *
 * TERM and INT stop in order (a second one at once), HUP reloads, USR1 and USR2 write what status
 * shows. Whatever comes from outside is answered here and applied, one change at a time; handing over
 * to another process is such a change, too.
 *
 * @module
 */

import { type FileLock, monotonicMicros } from "../../ffi/mod.ts";
import type { SiteConfig } from "../../config/mod.ts";
import type { ControlRequest } from "../control/protocol.ts";
import { ControlServer } from "../control/server.ts";
import { named, overviewOf } from "../control/overview.ts";
import type { Status } from "../control/status.ts";
import { VERSION } from "../version.ts";
import { Agent } from "./agent.ts";
import { agentStatus } from "./agent_status.ts";
import { BalanceDesk } from "./balance_commands.ts";
import { uselessWithout } from "./balance_need.ts";
import { wallTime } from "./clock.ts";
import { writeDump } from "./dumps.ts";
import type { FlightRecorder } from "./flight/recorder.ts";
import { following, type OtherRequest, recording, type TakeOver } from "./flight/requests.ts";
import { Hold } from "./hold.ts";
import { Hooks } from "./hooks.ts";
import { LogDesk } from "./log_desk.ts";
import { finishLogging, log, setUpLogging } from "./logging.ts";
import type { AgentDocument } from "./memory.ts";
import { meetOthers, requireFormer } from "./neighbours.ts";
import { Outlets } from "./outlets.ts";
import { OwnFacts } from "./own_facts.ts";
import { ownershipOf } from "./ownership.ts";
import { containStrayErrors, lockMemory, logStart, requirePrivileges } from "./process.ts";
import { programPath } from "./program.ts";
import { feedWatchdog, tellServiceManager } from "./service_manager.ts";
import { noteStart } from "./reload_notes.ts";
import type { Beginning } from "./reload_file.ts";
import { type Loader, Reloading } from "./reloading.ts";
import type { BfdResult, OverrideResult } from "./results.ts";
import { ownStateDirectory } from "./state_directory.ts";
import { keepState, takeState } from "./state_file.ts";
import { Succession, type UpgradeResult } from "./succession.ts";
import { takeOver } from "./take_over.ts";
import { textOf } from "../text/mod.ts";
import { sleep } from "../plane/crash.ts";
import { soon } from "../patience/mod.ts";

/** Allows tests to make a plane fail (see docs/testing.md). */
const FAULT_INJECTION = "HALB_FAULT_INJECTION";
/** Until those who asked have their answers when the agent ends, milliseconds. */
const LAST_ANSWERS = 1_000;

export class Service {
  readonly #path: string;
  readonly #faultInjection = Deno.env.get(FAULT_INJECTION) === "1";
  readonly #own: OwnFacts;
  readonly #reloading: Reloading;
  readonly #agent: Agent;
  /** Who asks about virtual servers is answered here. */
  readonly #desk: BalanceDesk;
  readonly #outlets: Outlets;
  readonly #logDesk: LogDesk;
  readonly #hooks = new Hooks();
  readonly #lock: FileLock;
  /** Our hand on the state directory, and on our marks in the kernel. */
  readonly #hold: Hold;
  readonly #succession: Succession;
  #server: ControlServer | null = null;
  /** Who has taken over from us. */
  #successor: UpgradeResult["new"] | null = null;
  /** Changes wait for each other. */
  #turn: Promise<unknown> = Promise.resolve();
  #stops = 0;
  /** The startup script runs. */
  #beginning = false;
  /** A stop that keeps everything goes on. */
  #keeping = false;

  /**
   * @param beginning what it begins with: as a rule what `load` gives
   * @throws {SystemError} when the lock beside the control socket cannot be had
   */
  constructor(path: string, load: Loader, beginning: Beginning) {
    this.#path = path;
    const { site, sha256 } = beginning.kept;
    this.#own = new OwnFacts(path, site.agent, sha256);
    this.#agent = new Agent(site, this.#faultInjection, () => this.#own.generation);
    this.#desk = new BalanceDesk({
      balancing: this.#agent.balancing,
      apply: () => this.#agent.apply(this.#site),
      inTurn: (change) => this.#inTurn(change),
    });
    this.#agent.listed = () => this.#desk.relist();
    this.#logDesk = new LogDesk((wanted) => this.#agent.words.wantsEveryAdvert = wanted);
    const dropped = () => this.#server?.dropped ?? 0;
    this.#outlets = new Outlets(this.#agent, this.#own, dropped);
    this.#reloading = new Reloading({
      agent: this.#agent,
      configured: (site) => this.#configured(site),
      hindered: (site) => this.#hold.more(site),
      own: this.#own,
      load,
      recorder: () => this.#record(),
      inTurn: (change) => this.#inTurn(change),
      status: () => this.status(),
    }, beginning);
    this.#own.waiting = () => this.#reloading.status();
    this.#lock = ownershipOf(site.agent.control);
    this.#hold = new Hold(site);
    this.#succession = new Succession(this.#agent, this.#lock, site.agent.control, programPath());
  }

  /**
   * Runs until the agent has ended.
   *
   * @param takesOver from the agent that runs, instead of beginning anew
   * @returns the exit code
   * @throws {MissingPrivilege} when this process may not do what the agent must
   * @throws {AgentUnreachable} when there is nobody to take over from
   * @throws {Error} when the control socket, the state directory or a log cannot be had
   */
  async run(takesOver: boolean): Promise<number> {
    const { agent } = this.#site;
    await setUpLogging(agent.log);
    requirePrivileges();
    const corrected = ownStateDirectory(agent.state_directory);
    if (corrected !== undefined) log("warning", ["control"], corrected);
    containStrayErrors();
    if (takesOver) await requireFormer(this.#site);
    else await this.#begin();
    this.#listenToSignals();
    if (agent.realtime.lock_memory) lockMemory();
    logStart(this.#site, this.#path);
    // A reload that is asked for meanwhile has to wait for this.
    this.#turn = takesOver ? this.#takeOver() : this.#start();
    const { exitCode, reason, left } = await this.#agent.ended;
    log(exitCode === 0 ? "info" : "error", ["control"], `halb ends: ${reason}`);
    this.#server?.close();
    this.#reloading.stop();
    const http = this.#outlets.close();
    const { notices } = this.#agent;
    await (left ? notices.leave() : notices.end(reason));
    await this.#agent.heard.flight.recorder.finish();
    const stopped = left === undefined || (this.#stops > 0 && exitCode === 0);
    if (this.#successor === null && stopped) {
      await this.#hooks.run(this.#site.notifications.shutdown_script);
    }
    await soon(Promise.all([this.#server?.answered(), http, this.#outlets.end()]), LAST_ANSWERS);
    finishLogging();
    return exitCode;
  }

  /** Becomes the agent of its control path. @throws {Error} when there is one */
  async #begin(): Promise<void> {
    const { control } = this.#site.agent;
    // One that answers is asked first: while it hands over, the lock is free for a moment.
    await this.#listen(false, () => {
      if (!this.#lock.tryAcquire()) throw new Error(`Another agent runs at "${control}"`);
      this.#hold.take(this.#site);
    });
    this.#record();
  }

  #configured(site: SiteConfig): void {
    this.#outlets.configure(site.agent);
    void meetOthers(site, this.#hold.claims);
  }

  async #listen(replace: boolean, before: () => void = () => {}): Promise<void> {
    const { heard: { flight: { recorder } }, recordings } = this.#agent;
    const handle = recording(recorder, recordings, (one) => this.#handle(one));
    const converse = following(recorder, (...talk) => this.#converse(...talk));
    const options = { replace, before, converse };
    this.#server = await ControlServer.listen(this.#site.agent.control, handle, options);
  }

  /** What runs, or is to. */
  get #site(): SiteConfig {
    return this.#reloading.site;
  }

  /** The flight recorder, whose file is ours: another agent's before that is left alone. */
  #record(): FlightRecorder {
    const { recorder, state_directory } = this.#site.agent;
    const { flight } = this.#agent.heard;
    flight.recorder.open(state_directory, recorder.size);
    return flight.recorder;
  }

  async #start(): Promise<void> {
    try {
      this.#beginning = true;
      await this.#hooks.run(this.#site.notifications.startup_script);
      this.#beginning = false;
      if (this.#stops > 0) return this.#agent.leave("stopped before it began");
      const former = takeState(this.#site.agent.state_directory);
      const changes = await this.#agent.start(this.#site, former);
      noteStart(changes, this.#record());
      this.#reloading.begin(false);
      const lacks = await uselessWithout(this.#site, this.#agent.balancing);
      if (lacks !== null) return await this.#agent.fail(lacks, 4);
      this.#configured(this.#site);
      tellServiceManager("READY=1");
      feedWatchdog(false, this.#agent.works);
    } catch (error) {
      await this.#agent.fail(`cannot start: ${textOf(error)}`);
    }
  }

  async #takeOver(): Promise<void> {
    try {
      await this.#agent.startBeside();
      await takeOver(this.#agent, this.#lock, this.#site.agent.control, () => this.#listen(true));
      // Whatever comes of the configuration is in the file.
      this.#record();
      log("info", ["control"], "Has taken over");
      tellServiceManager(`MAINPID=${Deno.pid}`, "READY=1");
      feedWatchdog(true, this.#agent.works);
      this.#hold.inherit(this.#site);
    } catch (error) {
      return this.#agent.leave(`cannot take over: ${textOf(error)}`, 1);
    }
    try {
      this.#reloading.takenOver();
      noteStart(await this.#agent.apply(this.#site), this.#record());
      this.#reloading.begin(true);
      this.#configured(this.#site);
    } catch (error) {
      await this.#agent.fail(`cannot apply the configuration: ${textOf(error)}`);
    }
  }

  // ===== hand-over ===============================================================================

  async #upgrade(binary: string | undefined): Promise<UpgradeResult> {
    return await this.#inTurn(() => this.#giveWay(this.#succession.upgrade(binary)));
  }

  /** A process wants to take over: the one we have started, or one that somebody else has. */
  async #converse(request: TakeOver, connection: Deno.UnixConn): Promise<void> {
    const succession = this.#succession;
    if (succession.expects(request)) return await succession.meet(request, connection);
    try {
      await this.#inTurn(() => this.#giveWay(succession.give(request, connection)));
    } catch (error) {
      log("warning", ["control"], `Does not hand over: ${textOf(error)}`);
    }
  }

  /** Ends when another process has taken over; where it has not, we are still there. */
  async #giveWay(handingOver: Promise<UpgradeResult>): Promise<UpgradeResult> {
    let result: UpgradeResult;
    try {
      result = await handingOver;
    } catch (error) {
      if (this.#server?.inPlace === false) {
        // The other one had put its own socket there before it gave up.
        this.#server.close();
        await this.#listen(true);
      }
      throw error;
    }
    const { pid, version } = result.new;
    this.#successor = result.new;
    // Ours to the end, a restart of a successor that crashes would be refused meanwhile.
    this.#hold.close();
    tellServiceManager(`MAINPID=${pid}`);
    // Who wanted us to stop meanwhile wanted the service to stop.
    if (this.#stops > 0) Deno.kill(pid, "SIGTERM");
    this.#agent.leave(`halb ${version}, process ${pid}, has taken over`);
    return result;
  }

  /** One change at a time. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#successor === null) return change();
      throw new Error(`Process ${this.#successor.pid} has taken over: ask it`);
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  // ===== control socket and signals ==============================================================

  async #handle(request: OtherRequest): Promise<unknown> {
    switch (request.command) {
      case "status":
        return request.name === undefined
          ? await this.status()
          : named(await this.status(), request.name);
      case "overview":
        return overviewOf(await this.status());
      case "reload":
        return await this.#reloading.answer(request);
      case "plan":
        return await this.#reloading.plan();
      case "configuration":
        return this.#reloading.running();
      case "release":
      case "claim":
        return await this.#override(request);
      case "bfd":
        return await this.#administerBfd(request.name, request.action);
      case "drain":
      case "undrain":
      case "weight":
      case "real_server":
      case "servers":
        return await this.#desk.answer(request);
      case "log":
        return this.#logDesk.answer(request);
      case "version":
        return { version: VERSION };
      case "upgrade":
        return await this.#upgrade(request.binary);
      case "take_over":
        throw new Error("Cannot hand over here");
      case "inject_fault":
        if (!this.#faultInjection) throw new Error(`Faults are injected with ${FAULT_INJECTION}=1`);
        this.#injectFault(request);
        return null;
    }
  }

  #injectFault(
    { plane, fault, duration_ms = 0 }: Extract<ControlRequest, { command: "inject_fault" }>,
  ): void {
    if (plane === "control") sleep(duration_ms * 1000);
    else this.#agent.injectFault(plane, fault, duration_ms * 1000);
  }

  /** While a hand-over goes on it waits for its end, like any change. */
  #override(
    request: Extract<ControlRequest, { command: "release" | "claim" }>,
  ): Promise<OverrideResult> {
    const { command, name } = request;
    const time = command === "release" ? request.for_ms : undefined;
    return this.#inTurn(async () => {
      const until = time === undefined ? null : monotonicMicros() + Math.round(time * 1000);
      const members = await this.#agent.orders.override(name, command, until);
      const what = command === "release" ? "Released" : "Claimed";
      log("info", ["control"], `${what} ${name} on request`, { members: members.join(" ") });
      return { name, members, until: until === null ? null : wallTime(until) };
    });
  }

  /** A change as any: while a hand-over goes on it waits, and is not lost with this process. */
  #administerBfd(name: string, action: "down" | "up"): Promise<BfdResult> {
    return this.#inTurn(async () => {
      await this.#agent.orders.administerBfd(name, action === "down");
      const what = action === "down" ? "down" : "allowed up";
      log("info", ["control"], `BFD session ${name} is ${what} on request`);
      return { name, action };
    });
  }

  async status(): Promise<Status> {
    return await agentStatus(this.#agent, await this.#outlets.facts());
  }

  #listenToSignals(): void {
    const stop = (): void => {
      const now = this.#stops++ > 0;
      log("info", ["control"], now ? "Stopping at once" : "Stopping");
      tellServiceManager("STOPPING=1");
      void this.#stop(now);
    };
    Deno.addSignalListener("SIGTERM", stop);
    Deno.addSignalListener("SIGINT", stop);
    Deno.addSignalListener("SIGHUP", () => this.#reloading.ask());
    Deno.addSignalListener("SIGUSR1", () => void this.#dump("dump.json"));
    Deno.addSignalListener("SIGUSR2", () => void this.#dump("stats.json"));
  }

  /** Stops, with everything kept for the next start where the site wants that. */
  async #stop(now: boolean): Promise<void> {
    const { on_stop, state_directory } = this.#site.agent;
    if (now || this.#beginning) this.#hooks.hurry();
    if (this.#beginning) return;
    if (now) this.#agent.notices.hurry();
    // Whoever is in such a hurry gets no more than the leases that run on.
    if (this.#keeping) return this.#agent.leave("stopped at once, and kept nothing", 1);
    if (on_stop === "remove" || now || this.#server === null) return await this.#agent.stop(now);
    const keep = (document: AgentDocument): void => keepState(state_directory, document);
    this.#keeping = true;
    try {
      await this.#inTurn(() => this.#agent.stopKeeping(keep));
    } catch {
      // A successor goes on instead of us, and has been told.
    }
  }

  async #dump(file: "dump.json" | "stats.json"): Promise<void> {
    const { state_directory } = this.#site.agent;
    await writeDump(state_directory, file, () => this.status(), this.#agent.heard.recorder.steps);
  }
}
