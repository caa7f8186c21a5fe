/**
 * The agent as a service: its configuration file, its control socket, its signals and its dumps.
 *
 * TERM and INT stop in order (a second one at once), HUP reloads, USR1 and USR2 write what status
 * shows. Whatever comes from outside is answered here and applied, one change at a time.
 *
 * @module
 */

import { join } from "node:path";
import { hasCapability, lockMappings, monotonicMicros, SystemError } from "../../ffi/mod.ts";
import { formatProblem, type LoadedSite, type SiteConfig } from "../../config/mod.ts";
import type { ControlRequest } from "../control/protocol.ts";
import { ControlServer } from "../control/server.ts";
import { buildStatus, type RouterFacts, type Status } from "../control/status.ts";
import { VERSION } from "../version.ts";
import { Agent } from "./agent.ts";
import { wallTime } from "./clock.ts";
import { log, setUpLogging } from "./logging.ts";

/** Allows tests to make a plane fail (see docs/testing.md). */
const FAULT_INJECTION = "HALB_FAULT_INJECTION";

/** What a reload did. */
export interface ReloadResult {
  readonly result: "applied" | "invalid" | "failed";
  readonly changes: readonly string[];
  /** Why not, a problem each. */
  readonly problems: readonly string[];
}

/** A privilege or a kernel feature is missing: exit code 4. */
export class MissingPrivilege extends Error {}

/** Reads the configuration file, every time anew. */
export type Loader = () => LoadedSite;

export class Service {
  readonly #path: string;
  readonly #load: Loader;
  readonly #started = new Date().toISOString();
  readonly #faultInjection = Deno.env.get(FAULT_INJECTION) === "1";
  #site: SiteConfig;
  #sha256: string;
  #loaded = this.#started;
  #generation = 1;
  #lastReload: { at: string; result: string; changes: number } | null = null;
  readonly #agent: Agent;
  /** Changes wait for each other. */
  #turn: Promise<unknown> = Promise.resolve();
  #stops = 0;

  /** @param loaded what `load` gave at the start, valid */
  constructor(path: string, load: Loader, loaded: { site: SiteConfig; sha256: string }) {
    this.#path = path;
    this.#load = load;
    this.#site = loaded.site;
    this.#sha256 = loaded.sha256;
    this.#agent = new Agent(loaded.site, this.#faultInjection);
  }

  /**
   * Runs until the agent has ended.
   *
   * @returns the exit code
   * @throws {MissingPrivilege} when this process may not do what the agent must
   * @throws {Error} when the control socket, the state directory or a log cannot be had
   */
  async run(): Promise<number> {
    const { agent } = this.#site;
    await setUpLogging(agent.log);
    requirePrivileges();
    Deno.mkdirSync(agent.state_directory, { recursive: true, mode: 0o700 });
    containStrayErrors();
    const server = await ControlServer.listen(agent.control, (request) => this.#handle(request));
    this.#listenToSignals();
    if (agent.realtime.lock_memory) lockMemory();
    log("info", ["control"], `halb ${VERSION} starts as ${agent.name}`, { config: this.#path });
    // A reload that is asked for meanwhile has to wait for this.
    this.#turn = this.#start();
    const { exitCode, reason } = await this.#agent.ended;
    log(exitCode === 0 ? "info" : "error", ["control"], `halb ends: ${reason}`);
    server.close();
    return exitCode;
  }

  async #start(): Promise<void> {
    try {
      const changes = await this.#agent.start(this.#site);
      for (const change of changes) log("info", ["control"], change);
    } catch (error) {
      await this.#agent.fail(`cannot start: ${textOf(error)}`);
    }
  }

  // ===== reload ==================================================================================

  /** Applies the file as it is now; an invalid one changes nothing. */
  reload(): Promise<ReloadResult> {
    const turn = this.#turn.then(() => this.#reload());
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #reload(): Promise<ReloadResult> {
    const loaded = this.#load();
    const result = loaded.ok ? await this.#apply(loaded) : invalid(loaded.problems);
    const { changes } = result;
    this.#lastReload = {
      at: new Date().toISOString(),
      result: result.result,
      changes: changes.length,
    };
    const level = result.result === "applied" ? "info" : "error";
    log(level, ["control"], `Reload: ${result.result}`, { changes: changes.length });
    for (const change of changes) log("info", ["control"], change);
    for (const problem of result.problems) log("error", ["control"], problem);
    return result;
  }

  async #apply(loaded: { site: SiteConfig; sha256: string }): Promise<ReloadResult> {
    const before = this.#site.agent;
    const after = loaded.site.agent;
    const fixed = (["name", "control", "state_directory", "realtime"] as const)
      .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
    if (fixed.length > 0) {
      const keys = fixed.map((key) => `agent.${key}`).join(", ");
      return invalid([`${keys} cannot change while the agent runs: restart it`]);
    }
    try {
      const changes: string[] = [];
      if (JSON.stringify(before.log) !== JSON.stringify(after.log)) {
        await setUpLogging(after.log);
        changes.push("log: changed");
      }
      changes.push(...await this.#agent.apply(loaded.site));
      this.#site = loaded.site;
      this.#sha256 = loaded.sha256;
      this.#loaded = new Date().toISOString();
      this.#generation++;
      return { result: "applied", changes, problems: [] };
    } catch (error) {
      return { result: "failed", changes: [], problems: [textOf(error)] };
    }
  }

  // ===== control socket and signals ==============================================================

  async #handle(request: ControlRequest): Promise<unknown> {
    switch (request.command) {
      case "status":
        return await this.status();
      case "reload":
        return await this.reload();
      case "version":
        return { version: VERSION };
      case "inject_fault":
        if (!this.#faultInjection) throw new Error(`Faults are injected with ${FAULT_INJECTION}=1`);
        this.#agent.injectFault(request.plane, request.fault, (request.duration_ms ?? 0) * 1000);
        return null;
    }
  }

  async status(): Promise<Status> {
    const state = await this.#agent.query();
    const { holdings } = this.#agent.plan;
    const factsOf = (name: string): RouterFacts => {
      const holding = holdings.find((candidate) => candidate.name === name);
      return {
        holding,
        report: this.#agent.reports.get(name),
        counters: this.#agent.counters.read(holding?.slot ?? 0),
      };
    };
    const facts = {
      version: VERSION,
      pid: Deno.pid,
      name: this.#site.agent.name,
      started: this.#started,
      generation: this.#generation,
      config: {
        path: this.#path,
        loaded: this.#loaded,
        sha256: this.#sha256,
        last_reload: this.#lastReload,
      },
    };
    return buildStatus(facts, state, factsOf, wallTime);
  }

  #listenToSignals(): void {
    const stop = (): void => {
      const now = this.#stops++ > 0;
      log("info", ["control"], now ? "Stopping at once" : "Stopping");
      void this.#agent.stop(now);
    };
    const dump = (): void => void this.#dump("dump.json", true);
    const statistics = (): void => void this.#dump("stats.json", false);
    Deno.addSignalListener("SIGTERM", stop);
    Deno.addSignalListener("SIGINT", stop);
    Deno.addSignalListener("SIGHUP", () => void this.reload());
    Deno.addSignalListener("SIGUSR1", dump);
    Deno.addSignalListener("SIGUSR2", statistics);
  }

  /** Writes status, all of it with the recent steps or the counters alone, for its owner only. */
  async #dump(file: string, everything: boolean): Promise<void> {
    const path = join(this.#site.agent.state_directory, file);
    try {
      const status = await this.status();
      const content = everything ? { ...status, recent: this.#agent.steps } : {
        at: new Date().toISOString(),
        vrrp: status.vrrp.map(({ name, transitions, announcements, repairs, sessions }) => ({
          name,
          transitions,
          announcements,
          repairs,
          counters: sessions.map(({ family, counters }) => ({ family, ...counters })),
        })),
        interfaces: status.interfaces,
        realtime: status.realtime,
      };
      writePrivately(path, `${JSON.stringify(content, null, 2)}\n`);
      log("info", ["control"], `Wrote ${path}`);
    } catch (error) {
      log("error", ["control"], `Cannot write ${path}: ${textOf(error)}`);
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * An exception that nobody caught would end the process, and with it every address. It is a defect
 * of the control plane; the planes that hold the addresses have nothing to do with it.
 */
function containStrayErrors(): void {
  const report = (error: unknown): void => {
    const stack = error instanceof Error ? error.stack ?? "" : "";
    log("error", ["control"], `Internal error: ${textOf(error)}`, { stack });
  };
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    report(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    report(event.error);
  });
}

function invalid(problems: readonly (string | Parameters<typeof formatProblem>[0])[]) {
  const texts = problems.map((problem) =>
    typeof problem === "string" ? problem : formatProblem(problem, { color: false })
  );
  return { result: "invalid", changes: [], problems: texts } as const;
}

/** Written beside and renamed: no reader sees half a file, and no link leads elsewhere. */
function writePrivately(path: string, text: string): void {
  const draft = `${path}.${Deno.pid}`;
  removeIfThere(draft);
  try {
    Deno.writeTextFileSync(draft, text, { createNew: true, mode: 0o600 });
    Deno.renameSync(draft, path);
  } catch (error) {
    removeIfThere(draft);
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function requirePrivileges(): void {
  for (const name of ["cap_net_admin", "cap_net_raw"]) {
    if (hasCapability(name)) continue;
    throw new MissingPrivilege(
      `halb needs ${name.toUpperCase()}: run it as root, ` +
        `or with AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_SYS_NICE`,
    );
  }
}

/** Memory that is not locked is a risk, not a reason to stay down. */
function lockMemory(): void {
  try {
    const before = monotonicMicros();
    const bytes = lockMappings();
    const took = Math.round((monotonicMicros() - before) / 1000);
    log("debug", ["control"], "Locked memory", { bytes, milliseconds: took });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log("warning", ["control"], `Cannot lock memory: ${error.message}`);
  }
}
