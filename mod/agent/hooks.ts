/**
 * The programs that run once: before the first virtual router begins, and after the last has ended.
 *
 * @module
 */

import type { HookConfig } from "../../config/mod.ts";
import { runLogged } from "../notify/programs.ts";
import { log } from "./logging.ts";

export class Hooks {
  readonly #hurry = new AbortController();

  /** Runs one to its end or the end of its time; a failure is logged. Does nothing without one. */
  async run(hook: HookConfig | undefined): Promise<void> {
    if (hook === undefined) return;
    const { command, user, timeout } = hook;
    const signal = AbortSignal.any([AbortSignal.timeout(timeout / 1000), this.#hurry.signal]);
    await runLogged({ command, user, environment: {} }, signal, (level, message, more) => {
      log(level, ["control"], message, more);
    });
  }

  /** Kills what runs; what comes after that ends at once. */
  hurry(): void {
    this.#hurry.abort();
  }
}
