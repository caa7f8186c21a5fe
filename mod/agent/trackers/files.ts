/**
 * Tracked files: the number in each. The kernel tells of changes in their directories (inotify);
 * besides, each is looked at once a second, since a directory may come, go or be replaced, and some
 * file systems tell nothing.
 *
 * @module
 */

import { dirname } from "node:path";
import type { TrackFileConfig } from "../../../config/mod.ts";
import { textOf } from "../../text/mod.ts";
import type { TrackerFinding } from "../../plane/trackers.ts";
import { numberInFile } from "../../vrrp/mod.ts";
import { createFile, replaceFile } from "../private_file.ts";
import { DirectoryWatch } from "./directories.ts";
import type { TrackerSurroundings } from "./surroundings.ts";

/** How often each file is looked at anyway, microseconds. */
const INTERVAL = 1_000_000;
/**
 * How long `configure` waits for the first look, microseconds: a file system may be away (NFS), and
 * then nobody may wait for it but the routers that track the file.
 */
const PATIENCE = 500_000;
/**
 * Until an empty file, or none, is believed where there was a number, microseconds: who writes one
 * empties it first, and editors put another one in its place. Either is over at once.
 */
const GRACE = 100_000;
/** Least time between two lines of log about numbers of one file, microseconds. */
const QUIET = 10_000_000;
/** Bytes that are read: a number and some space. */
const LONGEST = 128;
/** Operators and their programs write it, and anybody may know. */
const MODE = 0o644;

interface Tracked {
  readonly config: TrackFileConfig;
  told: TrackerFinding | null;
  /** A look goes on; what happens meanwhile wants another one. */
  looking: boolean;
  again: boolean;
  /** When its number was last worth a line of log. */
  logged: number;
}

type Surroundings = Pick<TrackerSurroundings, "now" | "after" | "found" | "log">;

export class FileTrackers {
  readonly #env: Surroundings;
  readonly #files = new Map<string, Tracked>();
  readonly #directories = new DirectoryWatch((path) => this.#lookInto(path));
  readonly #read: typeof readNumber;
  #timer: (() => void) | null = null;

  /** @param read how a file is read */
  constructor(env: Surroundings, read = readNumber) {
    this.#env = env;
    this.#read = read;
  }

  /**
   * The files from now on. Resolves when each has been looked at, or could not be in time.
   *
   * @param fresh the agent begins: files are given their first number, also where that overwrites
   */
  async configure(files: readonly TrackFileConfig[], fresh: boolean): Promise<void> {
    const former = new Map(this.#files);
    this.#files.clear();
    for (const config of files) {
      const known = former.get(config.name);
      const same = known?.config.path === config.path;
      if (!same) this.#initialise(config, fresh);
      const told = same ? known.told : null;
      this.#files.set(config.name, {
        config,
        told,
        looking: false,
        again: false,
        logged: same ? known.logged : -Infinity,
      });
    }
    this.#timer?.();
    this.#timer = null;
    const late = Promise.withResolvers<void>();
    const enough = this.#env.after(PATIENCE, late.resolve);
    await Promise.race([this.#turn(), late.promise]);
    enough();
  }

  findings(): TrackerFinding[] {
    return [...this.#files.values()].flatMap(({ told }) => told ?? []);
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
    this.#files.clear();
    this.#directories.stop();
  }

  /** Looks at everything, and again later, whether this look ever ends or not. */
  async #turn(): Promise<void> {
    if (this.#files.size > 0) {
      this.#timer = this.#env.after(INTERVAL, () => void this.#turn());
    }
    this.#directories.watch([...this.#files.values()].map(({ config: { path } }) => dirname(path)));
    await Promise.all([...this.#files.values()].map((file) => this.#look(file)));
  }

  #initialise({ name, path, init_file: wanted }: TrackFileConfig, fresh: boolean): void {
    if (wanted === undefined) return;
    const text = `${wanted.value}\n`;
    try {
      if (wanted.overwrite && fresh) replaceFile(path, text, MODE);
      else createFile(path, text, MODE);
    } catch (error) {
      this.#env.log("warning", "Cannot write tracked file", { file: name, reason: textOf(error) });
    }
  }

  #lookInto(directory: string): void {
    for (const file of this.#files.values()) {
      if (dirname(file.config.path) === directory) void this.#look(file);
    }
  }

  // ===== files ===================================================================================

  /** Never rejects. */
  async #look(file: Tracked): Promise<void> {
    if (file.looking) {
      file.again = true;
      return;
    }
    file.looking = true;
    do {
      file.again = false;
      let found = await this.#read(file.config.path);
      if (found.absent && file.told !== null && file.told.value !== found.value) {
        await new Promise<void>((resolve) => this.#env.after(GRACE, resolve));
        found = await this.#read(file.config.path);
      }
      this.#tell(file, found);
    } while (file.again);
    file.looking = false;
  }

  #tell(file: Tracked, { healthy, value, reason }: Found): void {
    const { name } = file.config;
    // Another file may have this name by now.
    if (this.#files.get(name) !== file) return;
    const { told } = file;
    if (told?.value === value && told.reason === reason) return;
    file.told = { kind: "file", namespace: "", name, healthy, value, reason };
    // A program may write another number ten times a second.
    const now = this.#env.now();
    const often = healthy === told?.healthy && now - file.logged < QUIET;
    if (!often) file.logged = now;
    const level = often ? "debug" : healthy ? "info" : "warning";
    this.#env.log(level, "Tracked file", { file: name, found: reason });
    this.#env.found(file.told);
  }
}

/** What a file says. */
export interface Found {
  /** It holds a number, or is not there; else it counts as 0 and somebody should know. */
  readonly healthy: boolean;
  readonly value: number;
  readonly reason: string;
  /** There is nothing in it, or no file; it may only be about to be written. */
  readonly absent?: true;
}

async function readNumber(path: string): Promise<Found> {
  try {
    // To open a pipe might never end.
    if (!(await Deno.stat(path)).isFile) return useless("not a plain file");
    using file = await Deno.open(path);
    const buffer = new Uint8Array(LONGEST);
    const length = await file.read(buffer) ?? 0;
    const value = numberInFile(new TextDecoder().decode(buffer.subarray(0, length)));
    if (length === 0) return { ...useless("is empty"), absent: true };
    if (value === null) return useless("holds no number");
    return { healthy: true, value, reason: `${value}` };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { healthy: true, value: 0, reason: "0: there is no file", absent: true };
    }
    return useless(`cannot be read: ${textOf(error)}`);
  }
}

function useless(reason: string): Found {
  return { healthy: false, value: 0, reason: `counts as 0: ${reason}` };
}
