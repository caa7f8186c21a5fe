/**
 * Tracked processes: how many there are of each. The kernel tells of every program that starts,
 * renames itself or ends (netlink's process connector); where it does not, as in a network namespace
 * or without the privilege, /proc is read once a second, and the log says so.
 *
 * @module
 */

import type { TrackProcessConfig } from "../../../config/mod.ts";
import { commandMatches, comparesCommand } from "../../check/types/process.ts";
import { judgeProcesses } from "../../vrrp/mod.ts";
import type { TrackerFinding } from "../../plane/trackers.ts";
import { textOf } from "../../text/mod.ts";
import type { TrackerSurroundings } from "./surroundings.ts";

/** How often the kernel's news are read, and how often /proc where there are none, microseconds. */
const NEWS_INTERVAL = 50_000;
const SCAN_INTERVAL = 1_000_000;
/** How often /proc is read although the kernel tells, microseconds. */
const DOUBT_INTERVAL = 60_000_000;
/** Reading /proc may take one part in so many of the time: some hosts have many processes. */
const SHARE = 20;

/** One process. */
export interface ProcessFacts {
  /** As /proc/PID/comm has it: 15 bytes at most. */
  readonly name: string;
  /** /proc/PID/cmdline; empty for threads of the kernel, and where it was not asked for. */
  readonly command: readonly string[];
}

/** Processes that something happened to, and whether they have ended by it; or too many. */
export type ProcessNews = ReadonlyMap<number, boolean> | "lost";

/** The kernel's news. */
export interface ProcessFeed {
  /** What happened since it was asked last. */
  news(): ProcessNews;
  close(): void;
}

/** The host's processes. */
export interface ProcessSource {
  /** Ids of all. */
  list(): number[];
  /** Undefined where there is no such process any more. */
  read(pid: number, withCommand: boolean): ProcessFacts | undefined;
  /** Follows the kernel's news from now on. @throws {Error} where it tells nothing */
  follow(): ProcessFeed;
}

interface Tracked {
  readonly config: TrackProcessConfig;
  readonly pids: Set<number>;
  told: TrackerFinding | null;
}

type Surroundings = Pick<TrackerSurroundings, "now" | "after" | "found" | "log">;

export class ProcessTrackers {
  readonly #env: Surroundings;
  readonly #source: ProcessSource;
  readonly #tracked = new Map<string, Tracked>();
  #feed: ProcessFeed | null = null;
  /** Some pattern has more than a name. */
  #withCommand = false;
  /** All processes are to be looked at again, not before `#mayScan` and not after `#mustScan`. */
  #mayScan = 0;
  #mustScan = 0;
  #failure = "";
  #timer: (() => void) | null = null;

  constructor(env: Surroundings, source: ProcessSource) {
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
    this.#withCommand = processes.some(comparesCommand);
    if (former.size === 0) this.#follow();
    this.#mayScan = this.#mustScan = 0;
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
      this.#feed = this.#source.follow();
    } catch (error) {
      this.#env.log("info", "Processes are looked at once a second: the kernel does not tell", {
        reason: textOf(error),
      });
    }
  }

  #unfollow(): void {
    this.#feed?.close();
    this.#feed = null;
  }

  #turn(): void {
    try {
      const news = this.#feed?.news() ?? new Map();
      if (news === "lost") this.#mustScan = this.#mayScan;
      else for (const [pid, ended] of news) this.#examine(pid, ended);
      if (this.#env.now() >= this.#mustScan) this.#scan();
      this.#failure = "";
    } catch (error) {
      const reason = textOf(error);
      if (reason !== this.#failure) {
        this.#env.log("warning", "Cannot look at processes", { reason });
      }
      this.#failure = reason;
      this.#mustScan = this.#env.now() + SCAN_INTERVAL;
    }
    for (const tracked of this.#tracked.values()) this.#tell(tracked);
    const wait = this.#feed === null ? this.#mustScan - this.#env.now() : NEWS_INTERVAL;
    this.#timer = this.#env.after(wait, () => this.#turn());
  }

  #scan(): void {
    const begin = this.#env.now();
    const pids = this.#source.list();
    for (const tracked of this.#tracked.values()) tracked.pids.clear();
    for (const pid of pids) this.#examine(pid, false);
    const now = this.#env.now();
    this.#mayScan = now + Math.max(SCAN_INTERVAL, (now - begin) * SHARE);
    this.#mustScan = this.#feed === null ? this.#mayScan : now + DOUBT_INTERVAL;
  }

  #examine(pid: number, ended: boolean): void {
    const facts = ended ? undefined : this.#source.read(pid, this.#withCommand);
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
    // A server that starts a process for each of its clients would fill the log.
    if (told?.healthy !== found.healthy) {
      this.#env.log(level, "Tracked process", { process: name, found: found.reason });
    }
    this.#env.found(tracked.told);
  }
}
