/**
 * Somebody at a terminal: a program in a real pseudo-terminal, what it has drawn there, and keys
 * (terminal.py, with the emulator pyte).
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import { until } from "./process.ts";

const EMULATOR = new URL("./terminal.py", import.meta.url).pathname;
const PATIENCE = 20_000;

/** What can be seen of a terminal, and what its modes are. */
export interface Look {
  readonly lines: readonly string[];
  /** Numbers of the lines that are in reverse video as a whole. */
  readonly reversed: readonly number[];
  /** Colours of characters on it, the usual one aside. */
  readonly colours: readonly string[];
  /** The other screen is shown, of programs that fill it. */
  readonly alternate: boolean;
  readonly cursor: boolean;
  readonly wraps: boolean;
  /** Input comes by whole lines. */
  readonly canonical: boolean;
  readonly echoes: boolean;
  /** Of the program; null: it runs. A signal's number is negative. */
  readonly exit_code: number | null;
}

/** How a shell expects its terminal. */
export const SOBER = { alternate: false, cursor: true, wraps: true, echoes: true } as const;

export class Terminal {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<Uint8Array>;
  #rest = "";
  /** Requests are answered one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #hungUp: Promise<void> | undefined;

  /**
   * Starts a program; the terminal hangs up at the lab's end at the latest.
   *
   * @param prefix words that enter a host
   */
  constructor(
    lab: Lab,
    prefix: readonly string[],
    argv: readonly string[],
    { columns = 80, lines = 24, env = {} }: {
      readonly columns?: number;
      readonly lines?: number;
      readonly env?: Record<string, string>;
    } = {},
  ) {
    const all = [...prefix, "/usr/bin/python3", EMULATOR, `${columns}`, `${lines}`, ...argv];
    this.#child = new Deno.Command(all[0]!, {
      args: all.slice(1),
      cwd: lab.directory,
      env: { TERM: "xterm-256color", LC_ALL: "C.UTF-8", PS1: "$ ", HOME: lab.directory, ...env },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#answers = this.#child.stdout.getReader();
    lab.atEnd(() => this.hangUp());
  }

  /** Presses keys, as a terminal tells them: `\x03` is Ctrl-C. */
  keys(text: string): Promise<Look> {
    return this.#ask({ keys: text });
  }

  resize(columns: number, lines: number): Promise<Look> {
    return this.#ask({ size: [columns, lines] });
  }

  look(): Promise<Look> {
    return this.#ask({});
  }

  /** Waits until what can be seen is so. Returns it, as one text. */
  async until(description: string, looks: RegExp, timeoutMs = PATIENCE): Promise<string> {
    const { lines } = await this.untilLook(description, ({ lines }) => {
      return looks.test(lines.join("\n"));
    }, timeoutMs);
    return lines.join("\n");
  }

  /** As `until`, with all that there is to see. */
  untilLook(
    description: string,
    isSo: (look: Look) => boolean,
    timeoutMs = PATIENCE,
  ): Promise<Look> {
    return until(
      description,
      async () => {
        const look = await this.look();
        if (isSo(look)) return look;
        const { lines, ...modes } = look;
        throw new Error(`${JSON.stringify(modes)}\n${lines.join("\n")}`);
      },
      timeoutMs,
      20,
    );
  }

  /** The window is closed. */
  hangUp(): Promise<void> {
    this.#hungUp ??= (async () => {
      await this.#last.catch(() => {});
      await this.#input.close().catch(() => {});
      await this.#answers.cancel();
      await this.#child.status;
    })();
    return this.#hungUp;
  }

  #ask(request: Record<string, unknown>): Promise<Look> {
    const answer = this.#last.then(async () => {
      await this.#input.write(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
      return JSON.parse(await this.#line()) as Look;
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #line(): Promise<string> {
    const decoder = new TextDecoder();
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#answers.read();
      if (done) throw new Error("The terminal has ended");
      this.#rest += decoder.decode(value, { stream: true });
    }
  }
}
