/**
 * The terminal of `halb watch`: its other screen, its keys one by one, and the way back from both,
 * whatever ends the program.
 *
 * @module
 */

import { mayStop } from "./job_control.ts";
import { type Line, paintLine } from "./screen.ts";

/** The other screen; no cursor; lines are not wrapped. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
const FATAL = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;

const encoder = new TextEncoder();

/** What happens at a terminal. */
export interface TerminalEvents {
  /** Input, as it comes; null: there is no more. */
  input(text: string | null): void;
  /** Its size may be another one; all has to be drawn. */
  resized(): void;
  /** A signal ends the program. @param code exit code of a shell for it */
  killed(code: number): void;
}

export class Terminal {
  readonly #colours: boolean;
  #shown: string[] = [];
  #entered = false;
  #stops: (() => void)[] = [];

  constructor(colours: boolean) {
    this.#colours = colours;
  }

  /** The size now; 80x24 where nobody knows it. */
  get size(): { lines: number; columns: number } {
    try {
      const { rows, columns } = Deno.consoleSize();
      if (rows > 0 && columns > 0) return { lines: rows, columns };
    } catch {
      // It has gone, or never had one.
    }
    return { lines: 24, columns: 80 };
  }

  open(events: TerminalEvents): void {
    this.#enter();
    const on = (signal: Deno.Signal, listener: () => void): void => {
      Deno.addSignalListener(signal, listener);
      this.#stops.push(() => Deno.removeSignalListener(signal, listener));
    };
    const codes = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130, SIGQUIT: 131 } as const;
    for (const signal of FATAL) on(signal, () => events.killed(codes[signal]));
    on("SIGWINCH", () => events.resized());
    on("SIGTSTP", () => {
      if (!mayStop(Deno.pid)) return;
      this.#leave();
      // The same signal again would come here: this one stops at once.
      Deno.kill(Deno.pid, "SIGSTOP");
    });
    on("SIGCONT", () => {
      this.#leave();
      this.#enter();
      events.resized();
    });
    void this.#read(events);
  }

  /** Shows these lines: what has changed is written. */
  draw(lines: readonly Line[]): void {
    if (!this.#entered) return;
    const { columns } = this.size;
    let out = "";
    lines.forEach((line, i) => {
      const painted = paintLine(line, columns, this.#colours);
      if (this.#shown[i] === painted) return;
      this.#shown[i] = painted;
      out += `\x1b[${i + 1};1H\x1b[0m${painted}\x1b[K`;
    });
    if (out !== "") write(out);
  }

  /** Whatever is there now is drawn anew. */
  clear(): void {
    this.#shown = [];
    if (this.#entered) write("\x1b[2J");
  }

  /** Gives the terminal back. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#leave();
  }

  async #read(events: TerminalEvents): Promise<void> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(1024);
    try {
      for (;;) {
        const count = await Deno.stdin.read(buffer);
        if (count === null) break;
        events.input(decoder.decode(buffer.subarray(0, count), { stream: true }));
      }
    } catch {
      // The terminal has gone.
    }
    events.input(null);
  }

  #enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.#shown = [];
    try {
      // Keys that send signals still do.
      Deno.stdin.setRaw(true, { cbreak: true });
    } catch {
      // Without it keys count with the end of a line.
    }
    write(ENTER);
  }

  #leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    write(LEAVE);
    try {
      Deno.stdin.setRaw(false);
    } catch {
      // It has gone.
    }
  }
}

function write(text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  } catch {
    // Whoever looked has gone: a signal, or the end of the input, says so.
  }
}
