/**
 * A FIFO that somebody reads notifications from, at the time and pace of their choice. Whoever
 * writes to it never waits: events are held while nobody reads, up to a number; past that the oldest
 * go, and the reader is told the full state when it has read the rest.
 *
 * The writing end stays open, so that a reader's `open` never waits and what is in the pipe outlives
 * a reader that ends.
 *
 * @module
 */

import { EAGAIN, EPIPE, FifoWriter, hasCapability, makeFifo, SystemError } from "../../ffi/mod.ts";
import type { ScriptUser } from "../../config/mod.ts";
import { textOf } from "../text/mod.ts";

/** Events that are held for a reader. */
export const MOST_HELD = 10_000;
/** What a pipe takes whole or not at all, bytes (PIPE_BUF). */
const WHOLE = 4096;
/** Until a reader that lags is written to again, milliseconds. */
const LAGS = 20;
/** Until somebody is looked for again where nobody reads, milliseconds. */
const NOBODY = 200;
/** Until a FIFO that cannot be opened is tried again, milliseconds. */
const BROKEN = 5_000;
/** How long the end waits for a reader that lags, milliseconds. */
const LAST_LINES = 500;

/** What it needs of its surroundings. */
export interface FifoSurroundings {
  /** Lines of the present states, for a reader that missed something. */
  fullState(): string[];
  log(level: "info" | "warning" | "error", message: string): void;
}

/** What a FIFO has to say of itself. */
export interface FifoStatus {
  readonly path: string;
  /** Events that wait for their reader. */
  readonly held: number;
  /** Events that went because nobody read them. */
  readonly lost: number;
}

/**
 * Whom a FIFO is given to. An agent that may not give files away keeps it where nobody has said
 * whose it is to be; root's would be one that nobody else reads.
 */
function ownerFor(user: ScriptUser): ScriptUser | null {
  const keeps = user.assumed === true && Deno.uid() !== 0 && !hasCapability("cap_chown");
  return keeps ? null : user;
}

export class Fifo {
  readonly path: string;
  readonly #owner: ScriptUser;
  readonly #env: FifoSurroundings;
  #writer: FifoWriter | null = null;
  /** Inode of what is open: somebody may put another FIFO in its place. */
  #inode: number | null = null;
  #held: string[] = [];
  #lost = 0;
  /** Events have gone since the reader was last told the full state. */
  #gaps = false;
  #complained = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(path: string, owner: ScriptUser, env: FifoSurroundings) {
    this.path = path;
    this.#owner = owner;
    this.#env = env;
    this.#flush();
  }

  get status(): FifoStatus {
    return { path: this.path, held: this.#held.length, lost: this.#lost };
  }

  /** Writes lines now, or holds them. */
  push(...lines: readonly string[]): void {
    for (const line of lines) this.#held.push(line);
    const excess = this.#held.length - MOST_HELD;
    if (excess > 0) {
      this.#held.splice(0, excess);
      if (!this.#gaps) this.#env.log("warning", `${this.path}: nobody reads, oldest events go`);
      this.#gaps = true;
      this.#lost += excess;
    }
    // While something waits for its time, so does this.
    if (this.#timer === undefined) this.#flush();
  }

  /** Gives a reader a last chance, and lets go. The FIFO itself stays, for the next agent. */
  async close(): Promise<void> {
    const end = Date.now() + LAST_LINES;
    clearTimeout(this.#timer);
    this.#closed = true;
    while (this.#held.length > 0 && this.#write() === -EAGAIN && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, LAGS));
    }
    this.#writer?.close();
    this.#writer = null;
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#closed) return;
    if (this.#writer === null && !this.#open()) return this.#again(BROKEN);
    const result = this.#write();
    if (result === -EAGAIN) return this.#again(LAGS);
    if (result === -EPIPE) {
      if (!this.#inPlace()) this.#drop();
      return this.#again(NOBODY);
    }
    if (result >= 0) return;
    this.#complain(`cannot be written to: errno ${-result}`);
    this.#drop();
    this.#again(BROKEN);
  }

  /** Writes what is held, as long as it is taken. Returns 0, or minus errno. */
  #write(): number {
    const encoder = new TextEncoder();
    while (this.#held.length > 0) {
      let bytes = encoder.encode(this.#held[0]);
      let count = 1;
      for (; count < this.#held.length; count++) {
        const next = encoder.encode(this.#held[count]);
        if (bytes.length + next.length > WHOLE) break;
        const both = new Uint8Array(bytes.length + next.length);
        both.set(bytes);
        both.set(next, bytes.length);
        bytes = both;
      }
      const result = this.#writer?.write(bytes) ?? -EPIPE;
      if (result < 0) return result;
      this.#held.splice(0, count);
      if (this.#held.length > 0 || !this.#gaps) continue;
      this.#gaps = false;
      this.#env.log("info", `${this.path}: read again, ${this.#lost} events were lost so far`);
      this.#held.push(...this.#env.fullState());
    }
    return 0;
  }

  #again(delay: number): void {
    this.#timer = setTimeout(() => this.#flush(), delay);
  }

  #open(): boolean {
    try {
      if (makeFifo(this.path, ownerFor(this.#owner))) this.#env.log("info", `${this.path}: made`);
      const info = Deno.lstatSync(this.path);
      if (!info.isFifo) return this.#complain("is not a FIFO");
      this.#writer = new FifoWriter(this.path, { uid: info.uid ?? 0, gid: info.gid ?? 0 });
      this.#inode = info.ino;
      this.#complained = "";
      return true;
    } catch (error) {
      return this.#complain(error instanceof SystemError ? error.message : textOf(error));
    }
  }

  /** Once for each reason. */
  #complain(reason: string): false {
    if (reason !== this.#complained) this.#env.log("error", `${this.path}: ${reason}`);
    this.#complained = reason;
    return false;
  }

  /** Whether the path still leads to what is open. */
  #inPlace(): boolean {
    try {
      return Deno.lstatSync(this.path).ino === this.#inode;
    } catch {
      return false;
    }
  }

  #drop(): void {
    this.#writer?.close();
    this.#writer = null;
  }
}
