/**
 * Files with real servers (`servers_file`): read at first, and whenever they change. The kernel
 * tells of changes in their directories; besides, each is looked at once a second.
 *
 * @module
 */

import { dirname } from "node:path";
import { textOf } from "../text/mod.ts";
import { soon } from "../patience/mod.ts";
import { DirectoryWatch } from "./trackers/directories.ts";

/** How often each file is looked at anyway, milliseconds. */
const INTERVAL = 1_000;
/** How long `configure` waits for the first look, milliseconds: a file system may be away (NFS). */
const PATIENCE = 500;
/** Until an empty file is believed, milliseconds: who writes one may empty it first. */
const GRACE = 100;
/** What is found in an empty file. */
const EMPTY = JSON.stringify({ text: "" });
/** Bytes of a list at most. */
const LONGEST = 8 * 1024 * 1024;

/** What is in a file, or why that cannot be believed, in words. */
export type FoundList = { readonly text: string } | { readonly wrong: string };

interface Listed {
  readonly path: string;
  /** What was found last, as JSON; null: nothing yet. */
  found: string | null;
  looking: boolean;
  again: boolean;
}

export class ServerFiles {
  readonly #found: (server: string, list: FoundList) => void;
  readonly #files = new Map<string, Listed>();
  readonly #directories = new DirectoryWatch((directory) => {
    for (const [server, { path }] of this.#files) {
      if (dirname(path) === directory) void this.#look(server);
    }
  });
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param found hears of each list that is another than the one before */
  constructor(found: (server: string, list: FoundList) => void) {
    this.#found = found;
  }

  /** The files by virtual server, from now on. Resolves when each was read, or could not be. */
  async configure(files: ReadonlyMap<string, string>): Promise<void> {
    for (const [server, { path }] of this.#files) {
      if (files.get(server) !== path) this.#files.delete(server);
    }
    for (const [server, path] of files) {
      if (this.#files.has(server)) continue;
      this.#files.set(server, { path, found: null, looking: false, again: false });
    }
    clearTimeout(this.#timer);
    await soon(this.#turn(), PATIENCE);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#files.clear();
    this.#directories.stop();
  }

  async #turn(): Promise<void> {
    if (this.#files.size > 0) this.#timer = setTimeout(() => void this.#turn(), INTERVAL);
    this.#directories.watch([...this.#files.values()].map(({ path }) => dirname(path)));
    await Promise.all([...this.#files.keys()].map((server) => this.#look(server)));
  }

  /** Never rejects. */
  async #look(server: string): Promise<void> {
    const file = this.#files.get(server);
    if (file === undefined) return;
    file.again = true;
    if (file.looking) return;
    file.looking = true;
    while (file.again) {
      file.again = false;
      let found = await read(file.path);
      if ("text" in found && found.text === "" && file.found !== EMPTY) {
        await new Promise((resolve) => setTimeout(resolve, GRACE));
        found = await read(file.path);
      }
      // Another file may have this server by now.
      if (this.#files.get(server) !== file) return;
      const said = JSON.stringify(found);
      if (said === file.found) continue;
      file.found = said;
      this.#found(server, found);
    }
    file.looking = false;
  }
}

async function read(path: string): Promise<FoundList> {
  try {
    // To open a pipe might never end.
    const { isFile, size, uid, mode } = await Deno.stat(path);
    if (!isFile) return { wrong: "it is not a plain file" };
    // Whoever writes it says where requests go.
    if (uid !== 0 && uid !== Deno.uid()) return { wrong: `it belongs to user ${uid}` };
    if (((mode ?? 0) & 0o022) !== 0) return { wrong: "others than its owner may write it" };
    if (size > LONGEST) return { wrong: `it is longer than ${LONGEST} bytes` };
    return { text: await Deno.readTextFile(path) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { wrong: "there is no such file" };
    return { wrong: `it cannot be read: ${textOf(error)}` };
  }
}
