/**
 * A program that reads a FIFO: started with its path, and again when it ends.
 *
 * @module
 */

import type { ScriptUser } from "../../config/mod.ts";
import { runLogged } from "./programs.ts";

/** Until it is started again, milliseconds; doubled each time that it ends soon. */
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/** How long it may go on reading when its FIFO has no writer any more, milliseconds. */
const LAST_LINES = 2_000;

export class FifoProgram {
  readonly #command: readonly string[];
  readonly #user: ScriptUser;
  readonly #log: (level: "debug" | "warning", message: string) => void;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #stopping = false;
  #wake: () => void = () => {};

  constructor(
    command: readonly string[],
    path: string,
    user: ScriptUser,
    log: (level: "debug" | "warning", message: string) => void,
  ) {
    this.#command = [...command, path];
    this.#user = user;
    this.#log = log;
    this.#ended = this.#run();
  }

  /** Ends it; its FIFO should have been closed before. @param now without letting it read the rest */
  async stop(now: boolean): Promise<void> {
    this.#stopping = true;
    this.#wake();
    const timer = setTimeout(() => this.#stop.abort(), now ? 0 : LAST_LINES);
    await this.#ended;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.#stopping) {
      const started = Date.now();
      const what = { command: this.#command, user: this.#user, environment: {} };
      await runLogged(what, this.#stop.signal, (level, message, { output = "" }) => {
        if (!this.#stopping) this.#log(level, output === "" ? message : `${message}: ${output}`);
      });
      if (this.#stopping) return;
      pause = Date.now() - started > LONGEST_PAUSE ? FIRST_PAUSE : pause;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  }
}
