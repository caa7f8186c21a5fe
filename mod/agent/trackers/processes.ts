/**
 * Tracked processes: how many there are of each. The kernel tells of every program that starts,
 * renames itself or ends (netlink's process connector); where it does not, as in a network namespace
 * or without the privilege, /proc is read once a second, and the log says so.
 *
 * @module
 */

import type { TrackProcessConfig } from "../../../config/mod.ts";
import { commandMatches } from "../../check/types/process.ts";
import { judgeProcesses } from "../../vrrp/mod.ts";
import type { TrackerFinding } from "../../plane/trackers.ts";
import { textOf } from "../../text/mod.ts";
import type { TrackerSurroundings } from "./surroundings.ts";

/** How often the kernel's news are read, and how often /proc where there are none, microseconds. */
const NEWS_INTERVAL = 50_000;
const SCAN_INTERVAL = 1_000_000;
/** How often /proc is read although the kernel tells, microseconds. */
const DOUBT_INTERVAL = 60_000_000;

/** One process. */
export interface ProcessFacts {
  /** /proc/PID/comm: 15 bytes at most. */
  readonly name: string;
  /** /proc/PID/cmdline; empty for threads of the kernel. */
  readonly command: readonly string[];
}

/** Something happened to these processes. */
export type ProcessNews = { readonly changed: ReadonlySet<number> } | "lost";

/** The host's processes. */
export interface ProcessSource {
  /** Ids of all. */
  list(): number[];
  /** Undefined where there is no such process any more. */
  read(pid: number): ProcessFacts | undefined;
  /** Follows the kernel's news from now on. @throws {Error} where it tells nothing */
  follow(): { news(): ProcessNews; close(): void };
}

interface Tracked {
  readonly config: TrackProcessConfig;
  readonly pids: Set<number>;
  told: TrackerFinding | null;
}

export class ProcessTrackers {
  readonly #env: TrackerSurroundings;
  readonly #source: ProcessSource;
  readonly #tracked = new Map<string, Tracked>();
  #following: ReturnType<ProcessSource["follow"]> | null = null;
  #nextScan = 0;
  #timer: (() => void) | null = null;

  constructor(env: TrackerSurroundings, source: ProcessSource) {
    this.#env = env;
    this.#source = source;
  }

  /** The processes from now on; they are counted at once. */
  configure(processes: readonly TrackProcessConfig[]): void {
    const former = new Map(this.#tracked);
    this.#tracked.clear();
    for (const config of processes) {
      const told = former.get(config.name)?.told ?? null;
      this.#tracked.set(config.name, { config, pids: new Set(), told });
    }
    this.#timer?.();
    this.#timer = null;
    if (processes.length === 0) return this.#unfollow();
    if (former.size === 0) this.#follow();
    this.#nextScan = 0;
    this.#turn();
  }

  findings(): TrackerFinding[] {
    return [...this.#tracked.values()].flatMap(({ told }) => told ?? []);
  }

  stop(): void {
    this.configure([]);
  }

  #follow(): void {
    try {
      this.#following = this.#source.follow();
    } catch (error) {
      this.#env.log("info", "Processes are looked at once a second: the kernel does not tell", {
        reason: textOf(error),
      });
    }
  }

  #unfollow(): void {
    this.#following?.close();
    this.#following = null;
  }

  #turn(): void {
    const now = this.#env.now();
    try {
      const news = this.#following?.news();
      if (news === "lost" || now >= this.#nextScan) {
        this.#scan();
        const interval = this.#following === null ? SCAN_INTERVAL : DOUBT_INTERVAL;
        this.#nextScan = now + interval;
      } else if (news !== undefined) {
        for (const pid of news.changed) this.#examine(pid);
      }
    } catch (error) {
      this.#env.log("warning", "Cannot look at processes", { reason: textOf(error) });
    }
    for (const tracked of this.#tracked.values()) this.#tell(tracked);
    const wait = this.#following === null ? SCAN_INTERVAL : NEWS_INTERVAL;
    this.#timer = this.#env.after(wait, () => this.#turn());
  }

  #scan(): void {
    for (const { pids } of this.#tracked.values()) pids.clear();
    for (const pid of this.#source.list()) this.#examine(pid);
  }

  #examine(pid: number): void {
    const facts = this.#source.read(pid);
    for (const { config, pids } of this.#tracked.values()) {
      if (facts !== undefined && commandMatches(config, facts)) pids.add(pid);
      else pids.delete(pid);
    }
  }

  #tell(tracked: Tracked): void {
    const { config: { name, quorum, quorum_max: most = null }, pids, told } = tracked;
    const found = judgeProcesses(pids.size, { least: quorum, most });
    if (told?.healthy === found.healthy && told.reason === found.reason) return;
    tracked.told = { kind: "process", namespace: "", name, ...found };
    const level = found.healthy ? "info" : "warning";
    this.#env.log(level, "Tracked process", { process: name, found: found.reason });
    this.#env.found(tracked.told);
  }
}
