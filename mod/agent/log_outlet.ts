/**
 * A way out for the log, standard error or a daemon's socket, when whoever should read it does not.
 *
 * A write to a full pipe sleeps until somebody reads, and with it would all of control: no status,
 * no reload, no successor for a plane that died. So the kernel is asked first whether there is
 * room. Where there is none, lines wait here, and when here is none either, they are dropped and
 * counted. When the reader is back, one line says at their place how many are missing.
 *
 * The descriptor is not made non-blocking: others, such as the shell that started us, have the same
 * open file and do not expect that. A regular file always has room, and nothing waits or is lost.
 *
 * @module
 */

import { Epoll, EPOLLOUT, SystemError } from "../../ffi/mod.ts";

/** Bytes that wait at most. */
const MOST_WAITING = 128 * 1024;
/** A pipe that has room takes so much without sleeping (PIPE_BUF). */
const PIECE = 4096;
/** How often a reader that is away is looked for, milliseconds. */
const RETRY = 20;
/** And one that is not there at all. */
const AWAY = 1_000;

/** Where lines go. */
export interface Drain {
  /** Bytes that are written at once; absent: `PIECE`. */
  readonly piece?: number;
  /** Nobody is there who could make room: there is no use in waiting, or in looking often. */
  readonly away?: boolean;
  /** Waits so many milliseconds for room. Returns whether there is some. */
  room(timeoutMs: number): boolean;
  /** Writes some of the bytes, and sleeps for none of a piece. Returns how many; 0: not now. */
  write(bytes: Uint8Array): number;
  /** Nobody writes any more. */
  close?(): void;
}

export class LogOutlet {
  /** The line that stands for so many lost ones. */
  note: (lost: number) => Uint8Array = () => new Uint8Array();
  readonly #drain: Drain;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #lost = 0;
  /** Lines that nobody was given, since the start. */
  lost = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(drain: Drain) {
    this.#drain = drain;
  }

  /** Writes one line, now or later or not at all; never sleeps. */
  write(line: Uint8Array): void {
    if (this.#bytes > 0) this.#flow();
    // Once lines are lost, there must be room for many: no short line makes a gap in the gap.
    const most = this.#lost > 0 ? MOST_WAITING / 2 : MOST_WAITING;
    if (this.#bytes + line.length > most) {
      this.#lost++;
      this.lost++;
    } else {
      this.#tellLost();
      this.#push(line);
      this.#flow();
    }
    this.#comeBack();
  }

  /** The end is near: waits so long for a reader of what is left. */
  finish(patienceMs: number): void {
    const end = performance.now() + patienceMs;
    for (;;) {
      this.#flow();
      const left = end - performance.now();
      if (this.#bytes === 0 || left <= 0) return;
      this.#drain.room(Math.ceil(left));
      if (this.#drain.away) return;
    }
  }

  /** Nobody comes back for what waits. */
  close(): void {
    clearTimeout(this.#retry);
    this.#waiting = [];
    this.#bytes = 0;
    this.#drain.close?.();
  }

  #push(line: Uint8Array): void {
    this.#waiting.push(line);
    this.#bytes += line.length;
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    this.#push(this.note(this.#lost));
    this.#lost = 0;
  }

  /** Writes what there is room for; what is missing is told when all before it has left. */
  #flow(): void {
    let done = 0;
    for (; done < this.#waiting.length; done++) {
      let line = this.#waiting[done]!;
      while (line.length > 0 && this.#drain.room(0)) {
        const written = this.#drain.write(line.subarray(0, this.#drain.piece ?? PIECE));
        if (written === 0) break;
        this.#bytes -= written;
        line = line.subarray(written);
      }
      this.#waiting[done] = line;
      if (line.length > 0) break;
    }
    this.#waiting.splice(0, done);
    if (this.#waiting.length > 0 || this.#lost === 0) return;
    this.#tellLost();
    this.#flow();
  }

  #comeBack(): void {
    if (this.#bytes === 0 || this.#retry !== undefined) return;
    const retry = setTimeout(() => {
      this.#retry = undefined;
      this.#flow();
      this.#comeBack();
    }, this.#drain.away ? AWAY : RETRY);
    // A log that nobody reads keeps no process alive.
    Deno.unrefTimer(retry);
    this.#retry = retry;
  }
}

/** Standard error. What cannot be written at all is gone: there is nowhere left to say it. */
export function standardError(): Drain {
  const epoll = watchRoom(2);
  return {
    room: (timeoutMs) => epoll === null || epoll.wait(timeoutMs) > 0,
    write: (bytes) => {
      try {
        return Deno.stderr.writeSync(bytes);
      } catch {
        return bytes.length;
      }
    },
    close: () => epoll?.close(),
  };
}

/** Null: it is a regular file, or nothing at all. */
function watchRoom(fd: number): Epoll | null {
  const epoll = new Epoll();
  try {
    epoll.add(fd, EPOLLOUT, 0);
    return epoll;
  } catch (error) {
    epoll.close();
    if (error instanceof SystemError) return null;
    throw error;
  }
}
