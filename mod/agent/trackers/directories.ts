/**
 * Directories whose changes somebody wants to hear of, as the kernel tells them (inotify). One that
 * comes, goes or is replaced is noticed when `watch` is called again.
 *
 * @module
 */

/** A directory that is watched. */
interface Watched {
  readonly watcher: Deno.FsWatcher;
  /** Device and inode: another directory may take its place. */
  readonly identity: string;
}

export class DirectoryWatch {
  readonly #changed: (path: string) => void;
  readonly #directories = new Map<string, Watched>();
  /** Directories that are being looked at, and whether they are to be looked at once more. */
  readonly #examined = new Map<string, boolean>();
  #wanted: ReadonlySet<string> = new Set();

  /** @param changed hears that something in a directory may have changed */
  constructor(changed: (path: string) => void) {
    this.#changed = changed;
  }

  /** The directories from now on; those that are watched already are looked at again. */
  watch(paths: Iterable<string>): void {
    this.#wanted = new Set(paths);
    this.#forget();
    for (const path of this.#wanted) void this.#examine(path);
  }

  stop(): void {
    this.#wanted = new Set();
    this.#forget();
  }

  #forget(): void {
    for (const [path, { watcher }] of this.#directories) {
      if (this.#wanted.has(path)) continue;
      this.#directories.delete(path);
      watcher.close();
    }
  }

  /** Watches a directory, and no longer the one that had its name before. Never rejects. */
  async #examine(path: string): Promise<void> {
    const examined = this.#examined.has(path);
    this.#examined.set(path, examined);
    if (examined) return;
    let identity: string | null;
    do {
      this.#examined.set(path, false);
      identity = await identityOf(path);
    } while (this.#examined.get(path));
    this.#examined.delete(path);
    if (!this.#wanted.has(path)) return;
    const known = this.#directories.get(path);
    if (known?.identity === identity) return;
    this.#directories.delete(path);
    known?.watcher.close();
    if (identity === null) return;
    try {
      const watcher = Deno.watchFs(path, { recursive: false });
      this.#directories.set(path, { watcher, identity });
      void this.#listen(path, watcher);
    } catch {
      // Then the look once a second is all there is; the kernel has too many watches already.
      return;
    }
    this.#changed(path);
  }

  async #listen(directory: string, watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const event of watcher) {
        // To read it makes an event, too.
        if (event.kind === "access") continue;
        this.#changed(directory);
      }
    } catch {
      // The watcher is gone; the next turn makes another one.
    }
    if (this.#directories.get(directory)?.watcher === watcher) this.#directories.delete(directory);
  }
}

async function identityOf(path: string): Promise<string | null> {
  try {
    const { dev, ino, isDirectory } = await Deno.stat(path);
    return isDirectory ? `${dev}:${ino}` : null;
  } catch {
    return null;
  }
}
