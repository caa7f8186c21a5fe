/**
 * A file that the log goes to: for its owner only, never through a link. One that was rotated away
 * is made anew, within a second or at once where the agent is told to (HUP, `halb reload`).
 *
 * @module
 */

import { textOf } from "../text/mod.ts";

/** Between two looks at what stands at the path, milliseconds. */
const LOOK = 1_000;
const LINE_END = new Uint8Array([0x0a]);

export class LogFile {
  /** Why nothing can be written; null: all is well. And why it is not the one at the path. */
  #writing: string | null = null;
  #opening: string | null = null;
  /** Records that could not be written. */
  lost = 0;
  readonly #path: string;
  #file: Deno.FsFile;
  #looked = performance.now();
  /** The last line is there in part: the disk was full. */
  #torn = false;

  /** @throws {Error} when it cannot be opened, or is none that the log may go to */
  constructor(path: string) {
    this.#path = path;
    this.#file = openLog(path);
  }

  /** Never throws: the disk may be full. */
  write(bytes: Uint8Array): void {
    if (performance.now() - this.#looked >= LOOK) this.reopen();
    let at = 0;
    try {
      if (this.#torn) this.#file.writeSync(LINE_END);
      this.#torn = false;
      while (at < bytes.length) at += this.#file.writeSync(bytes.subarray(at));
      this.#writing = null;
    } catch (error) {
      this.#torn ||= at > 0;
      this.#writing = textOf(error);
      this.lost++;
    }
  }

  /** Where another file stands at the path by now, or none, that one is written from now on. */
  reopen(): void {
    this.#looked = performance.now();
    this.#opening = null;
    try {
      if (isAt(this.#path, this.#file)) return;
      const next = openLog(this.#path);
      this.#file.close();
      this.#file = next;
      this.#torn = false;
    } catch (error) {
      // The one that was moved away takes it meanwhile: nothing is lost.
      this.#opening = textOf(error);
    }
  }

  /** What is wrong with it, in words; null: all is well. */
  get trouble(): string | null {
    return this.#writing ?? this.#opening;
  }

  close(): void {
    this.#file.close();
  }
}

/**
 * Opens it, or makes it with mode 0600.
 *
 * @param again somebody else, such as our successor, may have made it at the same moment
 * @throws {Error}
 */
function openLog(path: string, again = true): Deno.FsFile {
  const before = lookAt(path);
  const refuse = (reason: string): Error => new Error(`Cannot log to "${path}": ${reason}`);
  if (before !== null && !before.isFile) {
    throw refuse(before.isSymlink ? "it is a link" : "it is no regular file");
  }
  let file: Deno.FsFile;
  try {
    // Nothing is made through a link that has come since: with createNew the kernel follows none.
    const create = before === null ? { createNew: true, mode: 0o600 } : {};
    file = Deno.openSync(path, { append: true, ...create });
  } catch (error) {
    if (again && error instanceof Deno.errors.AlreadyExists) return openLog(path, false);
    throw refuse(textOf(error));
  }
  const { uid } = file.statSync();
  const reason = !isAt(path, file)
    ? "somebody exchanges it"
    : uid !== null && uid !== 0 && uid !== Deno.uid()
    ? "it belongs to somebody else"
    : undefined;
  if (reason === undefined) return file;
  file.close();
  throw refuse(reason);
}

/** Whether the file itself stands at the path, not a link to it. */
function isAt(path: string, file: Deno.FsFile): boolean {
  const there = lookAt(path);
  const own = file.statSync();
  return there !== null && there.isFile && there.ino === own.ino && there.dev === own.dev;
}

function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new Error(`Cannot log to "${path}": ${textOf(error)}`);
  }
}
