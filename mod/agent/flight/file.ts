/**
 * The recording in the state directory: two files of half the size each, of which the newer one is
 * written and the older one goes when that is full. What the kernel was given survives a `kill -9`.
 *
 * Writing waits for nobody: lines stand in a queue, and a thread of the runtime writes them. A disk
 * that is full or hangs costs lines, which are counted, and said once.
 *
 * @module
 */

import { join } from "node:path";
import { textOf } from "../../text/mod.ts";
import { soon } from "../../patience/mod.ts";

/** The newer half of a recording in its directory, and the older one. */
export const NEWER = "events.jsonl";
export const OLDER = "events.1.jsonl";

/** Characters that wait to be written, at most; and that are written at once. */
const MOST_WAITING = 2 * 1024 * 1024;
const PIECE = 65_536;
/** After a failure the file is left alone for so long, milliseconds. */
const REST = 10_000;

const encoder = new TextEncoder();

/** What went wrong; null: all is well again. @param lost lines that are missing */
export type Trouble = (problem: string | null, lost: number) => void;

export class RecordingFile {
  readonly #directory: string;
  readonly #trouble: Trouble;
  readonly #rest: number;
  #half: number;
  #file: Deno.FsFile | null = null;
  #size = 0;
  /** What is in the file ends in half a line. */
  #torn = false;
  readonly #queue: string[] = [];
  #waiting = 0;
  #lost = 0;
  #failing = false;
  #closed = false;
  #work: Promise<void> | null = null;
  /** Wakes up a loop that rests. */
  #wake: () => void = () => {};

  /**
   * @param size of both halves, bytes
   * @param rest how long a file that failed is left alone, milliseconds
   */
  constructor(directory: string, size: number, trouble: Trouble, rest = REST) {
    this.#directory = directory;
    this.#half = size / 2;
    this.#trouble = trouble;
    this.#rest = rest;
  }

  /** Another size, from the next line on. */
  resize(size: number): void {
    this.#half = size / 2;
  }

  /** Puts a line, without its end, where it will be written. Never throws, never waits. */
  write(line: string): void {
    if (this.#closed) return;
    this.#queue.push(line);
    this.#waiting += line.length + 1;
    while (this.#waiting > MOST_WAITING) {
      this.#waiting -= this.#queue.shift()!.length + 1;
      this.#lost++;
    }
    this.#work ??= this.#drain();
  }

  /** What was put before is in the file, or cannot be; waits so long at most, milliseconds. */
  async settled(patience: number): Promise<void> {
    if (!this.#failing) await this.#worked(patience);
  }

  async #worked(patience: number): Promise<void> {
    if (this.#work !== null) await soon(this.#work, patience);
  }

  /** No more: what waits has so long, milliseconds. */
  async close(patience: number): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#worked(patience);
    if (this.#work === null) this.#letGo();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      try {
        await this.#writeSome();
        this.#recovered();
      } catch (error) {
        this.#letGo();
        if (!this.#failing) this.#trouble(textOf(error), 0);
        this.#failing = true;
        if (this.#closed) break;
        await this.#pause();
      }
    }
    // Not a moment later: a line that comes then begins anew.
    this.#work = null;
  }

  /** After a failure, or when a disk that hung has what waited for it. */
  #recovered(): void {
    const late = this.#lost > 0 && this.#queue.length === 0;
    if (!this.#failing && !late) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#failing = false;
    this.#trouble(null, lost);
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#rest);
      // A disk that is full keeps no process alive.
      Deno.unrefTimer(timer);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #writeSome(): Promise<void> {
    if (this.#file !== null && !(await this.#inPlace())) this.#letGo();
    this.#file ??= await this.#open();
    let length = 0;
    let count = 0;
    while (count < this.#queue.length && length < PIECE) length += this.#queue[count++]!.length + 1;
    const lines = this.#queue.splice(0, count);
    this.#waiting -= length;
    try {
      await this.#append(lines);
    } catch (error) {
      this.#queue.unshift(...lines);
      for (const line of lines) this.#waiting += line.length + 1;
      throw error;
    }
  }

  /** Appends lines; where that fails, those are left in the list that are not in the file. */
  async #append(lines: string[]): Promise<void> {
    const head = this.#torn ? "\n" : "";
    const bytes = encoder.encode(`${head}${lines.join("\n")}\n`);
    if (this.#size > 0 && this.#size + bytes.length > this.#half) await this.#rotate();
    this.#torn = true;
    let at = 0;
    try {
      while (at < bytes.length) {
        const written = await this.#file!.write(bytes.subarray(at));
        at += written;
        this.#size += written;
      }
    } catch (error) {
      // A disk that is almost full takes a part: none of that is written twice.
      for (let end = head.length; lines.length > 0; end++) {
        end += encoder.encode(lines[0]).length;
        if (end > at) break;
        lines.shift();
      }
      throw error;
    }
    this.#torn = false;
  }

  /** Whether the file that is open is the one with the name: somebody may have removed it. */
  async #inPlace(): Promise<boolean> {
    try {
      const { ino } = await Deno.lstat(join(this.#directory, NEWER));
      return ino === (await this.#file!.stat()).ino;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  async #rotate(): Promise<void> {
    this.#letGo();
    await Deno.rename(join(this.#directory, NEWER), join(this.#directory, OLDER));
    this.#file = await this.#open();
  }

  /** @throws {Error} where it is no file of ours */
  async #open(): Promise<Deno.FsFile> {
    const path = join(this.#directory, NEWER);
    const file = await openOwn(path);
    try {
      this.#size = (await file.stat()).size;
      this.#torn = this.#size > 0 && !(await endsInLine(path, this.#size));
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #letGo(): void {
    try {
      this.#file?.close();
    } catch {
      // It is gone either way.
    }
    this.#file = null;
  }
}

/** Opens a file for appending, or makes it; never through a link. @throws {Error} */
async function openOwn(path: string): Promise<Deno.FsFile> {
  let there: Deno.FileInfo;
  try {
    there = await Deno.lstat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // What somebody puts there at this moment, a link say, is refused by the kernel.
    return await Deno.open(path, { createNew: true, append: true, mode: 0o600 });
  }
  if (!there.isFile) throw new Error(`"${path}" is no regular file`);
  const file = await Deno.open(path, { append: true });
  const { ino, dev, uid, mode } = await file.stat();
  const why = ino !== there.ino || dev !== there.dev
    ? "was another one a moment ago"
    : uid !== Deno.uid()
    ? `belongs to user ${uid}`
    : undefined;
  if (why !== undefined) {
    file.close();
    throw new Error(`"${path}" ${why}`);
  }
  if ((mode! & 0o077) !== 0) await Deno.chmod(path, 0o600);
  return file;
}

/** Whether the last byte is the end of a line. */
async function endsInLine(path: string, size: number): Promise<boolean> {
  using file = await Deno.open(path);
  await file.seek(size - 1, Deno.SeekMode.Start);
  const byte = new Uint8Array(1);
  return await file.read(byte) === 1 && byte[0] === 0x0a;
}
