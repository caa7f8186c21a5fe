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
  /** Whether a change is to be told of now; it is kept until then. */
  wanted(): boolean;
  /** The files say what nobody has tried yet. */
  changed(): void;
}

export class FileWatch {
  readonly #files: SiteFiles;
  readonly #env: FileWatchSurroundings;
  readonly #directories = new DirectoryWatch(() => this.#soon());
  #on = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
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
    clearTimeout(this.#timer);
    if (on) this.#soon();
    else this.#directories.stop();
  }

  #soon(wait = QUIET): void {
    if (!this.#on || this.#looking) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), wait);
  }

  async #look(): Promise<void> {
    this.#looking = true;
    let calm = true;
    try {
      const { files, directories } = this.#files.paths;
      this.#directories.watch(new Set([...files.map((path) => dirname(path)), ...directories]));
      calm = await this.#isCalm();
      const found = calm ? await this.#files.look() : null;
      if (this.#on && found !== null && found.fingerprint !== this.#tried && this.#env.wanted()) {
        this.#tried = found.fingerprint;
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
