/**
 * Runs a program of somebody else's: in a session and process group of its own, as another user
 * with that user's groups, without capabilities and descriptors of ours, with an empty environment
 * but for what is given, and with an end: when the time is up the whole group gets SIGTERM, and
 * SIGKILL half a second later.
 *
 * @module
 */

import {
  asIdentity,
  closeInheritedOnExec,
  EPERM,
  hasCapability,
  type Identity,
  killProcess,
  SystemError,
  withoutAmbient,
} from "../../../ffi/mod.ts";
import { textOf } from "../../text/mod.ts";
import type { ScriptEnd } from "../types/script.ts";
import { soon } from "../../patience/mod.ts";

const SIGTERM = 15;
const SIGKILL = 9;
/** Between SIGTERM and SIGKILL, milliseconds. */
const GRACE = 500;
/** How long output is waited for after the end: a child may have kept the pipe, milliseconds. */
const LAST_WORDS = 50;
/** Bytes of output that are kept; what is more is read and thrown away. */
const OUTPUT_LIMIT = 4096;

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What to run, and as whom. */
export interface ProgramSettings {
  /** The program and its arguments; no shell. */
  readonly command: readonly string[];
  /** `null`: our own user, with none of our supplementary groups where we are root. */
  readonly user: Identity | null;
  /** Beside PATH. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How it went. */
export interface ProgramResult {
  readonly end: ScriptEnd;
  /** The beginning of what it printed, on either stream. */
  readonly printed: Uint8Array;
}

/** Keeps the beginning of what comes; reads the rest, so that nobody waits for us. */
async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  kept: Uint8Array[],
): Promise<void> {
  let length = 0;
  for (;;) {
    const { value: piece } = await reader.read();
    if (piece === undefined) return;
    if (length < OUTPUT_LIMIT) kept.push(piece.subarray(0, OUTPUT_LIMIT - length));
    length += piece.length;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Signals a whole group. Returns whether we may. */
function killGroup(pid: number, signal: number): boolean {
  try {
    killProcess(-pid, signal);
  } catch (error) {
    if (error instanceof SystemError && error.errno === EPERM) return false;
    // It has ended.
  }
  return true;
}

let descriptorsMarked = false;

/** Whether we may start programs as somebody else. */
function mayChangeUser(): boolean {
  return hasCapability("cap_setuid") && hasCapability("cap_setgid");
}

/**
 * Whom a program of `user` runs as. An agent that may not change its user runs programs as itself
 * where that is meant, or where nobody has said who is: but then never as root.
 *
 * @param own who the agent is, and whether it may change that
 */
export function identityFor(
  user: Identity & { readonly assumed?: true },
  own = { uid: Deno.uid(), mayChange: mayChangeUser() },
): Identity | null {
  if (own.mayChange) return user;
  return user.uid === own.uid || (user.assumed === true && own.uid !== 0) ? null : user;
}

/** @throws what Deno or the kernel says where it cannot be started */
function start({ command, user, environment }: ProgramSettings): Deno.ChildProcess {
  if (!descriptorsMarked) closeInheritedOnExec();
  descriptorsMarked = true;
  const [program, ...args] = command;
  const prepared = new Deno.Command(program ?? "", {
    args,
    // Whatever ours is, it may not be somebody else's to enter.
    cwd: "/",
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    clearEnv: true,
    env: { PATH, ...environment },
    // A group of its own, whose number is its process id.
    detached: true,
  });
  const spawn = () => prepared.spawn();
  if (user !== null && !mayChangeUser()) {
    throw new Error(`running it as user ${user.uid} takes CAP_SETUID and CAP_SETGID`);
  }
  // Deno's own `uid` would take the supplementary groups away.
  return withoutAmbient(user === null ? spawn : () => asIdentity(user, spawn));
}

/**
 * Runs a program to its end. Never rejects.
 *
 * @param signal aborts when the time is up
 * @param atOnce aborts when there is no time left: the group is killed without being asked first
 */
export async function runProgram(
  settings: ProgramSettings,
  signal: AbortSignal,
  atOnce?: AbortSignal,
): Promise<ProgramResult> {
  const kept: Uint8Array[] = [];
  let child: Deno.ChildProcess;
  try {
    child = start(settings);
  } catch (error) {
    return { end: { type: "missing", error: textOf(error) }, printed: joined(kept) };
  }
  const readers = [child.stdout.getReader(), child.stderr.getReader()];
  const reading = readers.map((reader) => collect(reader, kept));
  const end = await ending(child, signal, atOnce);
  await soon(Promise.allSettled(reading), LAST_WORDS);
  // A child that keeps the pipe for years must not keep a descriptor of ours.
  for (const reader of readers) void reader.cancel().catch(() => {});
  return { end, printed: joined(kept) };
}

/** Waits for the end, or brings it about. */
async function ending(
  child: Deno.ChildProcess,
  signal: AbortSignal,
  atOnce?: AbortSignal,
): Promise<ScriptEnd> {
  let late = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const beyond = Promise.withResolvers<null>();
  const kill = () => {
    late = true;
    // Nobody waits for what has no end.
    if (!killGroup(child.pid, SIGKILL)) beyond.resolve(null);
  };
  const expire = () => {
    late = true;
    killGroup(child.pid, SIGTERM);
    timer = setTimeout(kill, GRACE);
  };
  signal.addEventListener("abort", expire);
  atOnce?.addEventListener("abort", kill);
  if (signal.aborted) expire();
  if (atOnce?.aborted) kill();
  const status = await Promise.race([child.status, beyond.promise]);
  signal.removeEventListener("abort", expire);
  atOnce?.removeEventListener("abort", kill);
  clearTimeout(timer);
  if (status === null) {
    child.unref();
    return { type: "timeout", left: true };
  }
  if (late) {
    // The leader is gone; those that it left behind go too.
    killGroup(child.pid, SIGKILL);
    return { type: "timeout" };
  }
  return status.signal === null
    ? { type: "exit", code: status.code }
    : { type: "signal", signal: status.signal };
}
