/**
 * Runs a script as a check: in a process group of its own, as another user, with an empty
 * environment but for what is given, and with an end: when the time is up the whole group gets
 * SIGTERM, and SIGKILL half a second later.
 *
 * @module
 */

import { killProcess } from "../../../ffi/mod.ts";
import type { Outcome } from "../outcome.ts";
import { judgeScript, type ScriptEnd } from "../types/script.ts";
import { textOf } from "../../text/mod.ts";

const SIGTERM = 15;
const SIGKILL = 9;
/** Between SIGTERM and SIGKILL, milliseconds. */
const GRACE = 500;
/** How long output is waited for after the end: a child may have kept the pipe, milliseconds. */
const LAST_WORDS = 50;
/** Bytes of output that are kept; what is more is read and thrown away. */
const OUTPUT_LIMIT = 4096;

/** What to run. */
export interface ScriptSettings {
  /** The program and its arguments; no shell. */
  readonly command: readonly string[];
  /** `null`: our own. Other groups of ours are not passed on. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly dynamic: boolean;
}

/** Keeps the beginning of what comes; reads the rest, so that nobody waits for us. */
async function collect(stream: ReadableStream<Uint8Array>, kept: Uint8Array[]): Promise<void> {
  let length = 0;
  for await (const piece of stream) {
    if (length >= OUTPUT_LIMIT) continue;
    kept.push(piece.subarray(0, OUTPUT_LIMIT - length));
    length += piece.length;
  }
}

/** Signals a whole group. */
function killGroup(pid: number, signal: number): void {
  try {
    killProcess(-pid, signal);
  } catch {
    // It has ended.
  }
}

/** Runs one probe. @param signal aborts when the time is up */
export async function probeScript(settings: ScriptSettings, signal: AbortSignal): Promise<Outcome> {
  const { command, user, environment, dynamic } = settings;
  const [program, ...args] = command;
  const kept: Uint8Array[] = [];
  const printed = () => {
    const whole = new Uint8Array(kept.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of kept) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  };
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program ?? "", {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      clearEnv: true,
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...environment },
      // A group of its own, whose number is its process id.
      detached: true,
      ...(user ?? {}),
    }).spawn();
  } catch (error) {
    const words = textOf(error);
    return judgeScript({ type: "missing", error: words }, dynamic, printed());
  }
  const reading = [collect(child.stdout, kept), collect(child.stderr, kept)];
  const end = await ending(child, signal);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const enough = new Promise((resolve) => timer = setTimeout(resolve, LAST_WORDS));
  await Promise.race([Promise.allSettled(reading), enough]);
  clearTimeout(timer);
  return judgeScript(end, dynamic, printed());
}

/** Waits for the end, or brings it about. */
async function ending(child: Deno.ChildProcess, signal: AbortSignal): Promise<ScriptEnd> {
  let late = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expire = () => {
    late = true;
    killGroup(child.pid, SIGTERM);
    timer = setTimeout(() => killGroup(child.pid, SIGKILL), GRACE);
  };
  signal.addEventListener("abort", expire);
  if (signal.aborted) expire();
  const status = await child.status;
  signal.removeEventListener("abort", expire);
  clearTimeout(timer);
  if (late) {
    // The leader is gone; those that it left behind go too.
    killGroup(child.pid, SIGKILL);
    return { type: "timeout" };
  }
  return status.signal === null
    ? { type: "exit", code: status.code }
    : { type: "signal", signal: status.signal };
}
