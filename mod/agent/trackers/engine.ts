/**
 * The trackers that control looks after: scripts, processes and files. What they find goes to the
 * protocol plane, which knows the routers.
 *
 * @module
 */

import type { SiteConfig } from "../../../config/mod.ts";
import { type TrackerFinding, trackerKey, type TrackerMemory } from "../../plane/trackers.ts";
import { localTrackers } from "../tracker_plan.ts";
import { FileTrackers } from "./files.ts";
import { HOST_PROCESSES } from "./process_source.ts";
import { ProcessTrackers } from "./processes.ts";
import { ScriptTrackers } from "./scripts.ts";
import { systemSurroundings } from "./surroundings.ts";

export class TrackerEngine {
  readonly #scripts: ScriptTrackers;
  readonly #files: FileTrackers;
  readonly #processes: ProcessTrackers;
  /** What a former process believed of what is not looked at yet. */
  #former: readonly TrackerFinding[] = [];

  /** Nothing was configured yet, and nothing is gone on with. */
  #fresh = true;

  readonly #found: (finding: TrackerFinding) => void;
  /** Newest findings that wait for the end of a change, by the tracker's key; null: none goes on. */
  #held: Map<string, TrackerFinding> | null = null;

  /** @param found hears every finding that is new */
  constructor(found: (finding: TrackerFinding) => void) {
    this.#found = found;
    const env = systemSurroundings((finding) => {
      if (this.#held === null) found(finding);
      else this.#held.set(trackerKey(finding), finding);
    });
    this.#scripts = new ScriptTrackers(env);
    this.#files = new FileTrackers(env);
    this.#processes = new ProcessTrackers(env, HOST_PROCESSES);
  }

  /** What is recorded of verdicts on scripts. */
  get recorded(): ScriptTrackers["recorders"] {
    return this.#scripts.recorders;
  }

  /** Goes on with what a former process believed. */
  restore(memory: readonly TrackerMemory[]): void {
    this.#fresh = false;
    this.#scripts.restore(memory);
    this.#former = memory.map(({ kind, namespace, name, believed, value }) => ({
      kind,
      namespace,
      name,
      ...believed,
      ...(value === undefined ? {} : { value }),
    }));
  }

  /**
   * What the site tracks from now on; what is the same goes on as it was. What is found counts when
   * `apply` has told those who track it what it means.
   *
   * @param apply is called when all that can be known at once is known, and takes `findings`
   */
  async change<T>(site: SiteConfig, apply: () => Promise<T>): Promise<T> {
    const held = this.#held ??= new Map<string, TrackerFinding>();
    try {
      await this.#configure(site);
      return await apply();
    } finally {
      this.#held = null;
      for (const finding of held.values()) this.#found(finding);
    }
  }

  async #configure(site: SiteConfig): Promise<void> {
    const trackers = localTrackers(site);
    const fresh = this.#fresh;
    this.#fresh = false;
    this.#former = [];
    this.#scripts.configure(trackers.scripts);
    this.#processes.configure(trackers.processes);
    await this.#files.configure(trackers.files, fresh);
  }

  /** All that is believed now. */
  findings(): TrackerFinding[] {
    const kinds = [this.#scripts, this.#files, this.#processes];
    return [...this.#former, ...kinds.flatMap((kind) => kind.findings())];
  }

  /** Looks at nothing any more, and kills what runs. */
  stop(): void {
    this.#scripts.stop();
    this.#files.stop();
    this.#processes.stop();
  }
}
