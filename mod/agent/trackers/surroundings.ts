/**
 * What the trackers of the control plane need of the world: a clock, programs, files, and whoever
 * wants to hear what was found.
 *
 * @module
 */

import type { TrackScriptConfig } from "../../../config/mod.ts";
import { monotonicMicros } from "../../../ffi/mod.ts";
import { probeScript } from "../../check/drivers/script.ts";
import type { Outcome } from "../../check/mod.ts";
import type { LogRecord } from "../../plane/messages.ts";
import type { TrackerFinding } from "../../plane/trackers.ts";
import { log } from "../logging.ts";

/** The world, as far as scripts go. */
export interface TrackerSurroundings {
  /** Microseconds on CLOCK_MONOTONIC. */
  now(): number;
  /** Calls back once after so many microseconds; returns how to call that off. */
  after(delay: number, work: () => void): () => void;
  /** Calls back when whatever goes on now is over. */
  soon(work: () => void): void;
  /**
   * Runs a script once.
   *
   * @param signal aborts when the time is up
   * @param atOnce aborts when there is no time left
   */
  run(script: TrackScriptConfig, signal: AbortSignal, atOnce: AbortSignal): Promise<Outcome>;
  found(finding: TrackerFinding): void;
  log(
    level: LogRecord["level"],
    message: string,
    properties: NonNullable<LogRecord["properties"]>,
  ): void;
}

/** Timers of the runtime are 32 bits of milliseconds. */
const LONGEST_TIMER = 0x7fff_ffff;

/** The real one. @param found hears what was found */
export function systemSurroundings(found: TrackerSurroundings["found"]): TrackerSurroundings {
  // Who is not root cannot change its user; the configuration has said so.
  const isRoot = Deno.uid() === 0;
  return {
    now: monotonicMicros,
    after(delay, work) {
      const milliseconds = Math.min(Math.max(0, Math.ceil(delay / 1000)), LONGEST_TIMER);
      const timer = setTimeout(work, milliseconds);
      return () => clearTimeout(timer);
    },
    soon: queueMicrotask,
    run({ name, command, user }, signal, atOnce) {
      const environment = { HALB_TYPE: "TRACK_SCRIPT", HALB_NAME: name };
      const settings = { command, user: isRoot ? user : null, environment, dynamic: false };
      return probeScript(settings, signal, atOnce);
    },
    found,
    log: (level, message, properties) => log(level, ["trackers"], message, properties),
  };
}
