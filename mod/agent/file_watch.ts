/**
 * Watches the configuration file and all that it reads (`agent.watch`). The kernel tells of changes
 * in the directories, as of a file that is renamed into its place or a link that is turned over;
 * besides, everything is looked at once a second. Who writes several files, or one in parts, is
 * waited for.
 *
 * @module
 */

import { dirname } from "node:path";
import type { SiteFiles } from "./site_files.ts";
import { DirectoryWatch } from "./trackers/directories.ts";

/** How often the files are looked at anyway, milliseconds. */
const INTERVAL = 1_000;
/** So long nothing may have changed, milliseconds. */
const QUIET = 250;
/** Who writes on and on is not waited for any longer, milliseconds. */
const PATIENCE = 5_000;

/** Who wants to know. */
export interface FileWatchSurroundings {
  /** Whether it is to be told now that the files say this; it is kept until then. */
  wanted(fingerprint: string): boolean;
  /** The files say what nobody has tried yet. */
  changed(): void;
}

export class FileWatch {
  readonly #files: SiteFiles;
  readonly #env: FileWatchSurroundings;
  readonly #directories = new DirectoryWatch(() => this.#soon());
  #on = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When that is to ring, by `performance.now`. */
  #due = Infinity;
  #looking = false;
  /** Fingerprint of what was last applied from the files, or refused. */
  #tried: string | null = null;
  /** How the files look while they change, and since when they do. */
  #seen: { readonly signature: string | null; readonly begun: number } | null = null;

  constructor(files: SiteFiles, env: FileWatchSurroundings) {
    this.#files = files;
    this.#env = env;
  }

  /** Somebody has read what the files say, whatever came of it. */
  tried(fingerprint: string): void {
    this.#tried = fingerprint;
  }

  /** @param on whether anybody wants to know */
  configure(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#quiet();
    if (on) this.#soon();
    else this.#directories.stop();
  }

  #soon(wait = QUIET): void {
    if (!this.#on || this.#looking) return;
    const due = performance.now() + wait;
    // Where something happens all the time, as beside a log, no look may be put off by it.
    if (due >= this.#due) return;
    this.#quiet();
    this.#due = due;
    this.#timer = setTimeout(() => void this.#look(), wait);
  }

  #quiet(): void {
    clearTimeout(this.#timer);
    this.#due = Infinity;
  }

  async #look(): Promise<void> {
    this.#looking = true;
    this.#due = Infinity;
    let calm = true;
    try {
      const { files, directories } = this.#files.paths;
      this.#directories.watch(new Set([...files.map((path) => dirname(path)), ...directories]));
      calm = await this.#isCalm();
      const found = calm ? await this.#files.look() : null;
      const now = found?.fingerprint ?? this.#tried;
      if (this.#on && now !== null && now !== this.#tried && this.#env.wanted(now)) {
        this.#tried = now;
        this.#env.changed();
      }
    } finally {
      this.#looking = false;
    }
    this.#soon(calm ? INTERVAL : QUIET);
  }

  /** Whether the files look as they did a moment ago, or have been changing for too long. */
  async #isCalm(): Promise<boolean> {
    const signature = await this.#files.signature();
    const now = performance.now();
    if (this.#seen?.signature === signature) {
      this.#seen = { signature, begun: now };
      return true;
    }
    const begun = this.#seen?.begun ?? now;
    this.#seen = { signature, begun };
    return now - begun > PATIENCE;
  }
}
