/**
 * Running programs for the labs.
 *
 * Two shapes: `execute` waits for a short command and returns what it printed, `LabProcess` is a
 * daemon under test. A daemon writes straight into a file, so that a busy test never holds it up,
 * and `exec` chains keep its process id the one we know: signals go where they should. A daemon
 * with children (keepalived has one for each of its parts) is signalled as a tree.
 *
 * @module
 */

/** What a finished command left behind. */
export interface Executed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command ended with another exit code than 0. */
export class CommandError extends Error {
  readonly argv: readonly string[];
  readonly result: Executed;

  constructor(argv: readonly string[], result: Executed) {
    const words = (result.stderr.trim() || result.stdout.trim()).slice(0, 2000);
    super(`Command failed with exit code ${result.code}: ${argv.join(" ")}: ${words}`);
    this.name = "CommandError";
    this.argv = argv;
    this.result = result;
  }
}

/** Runs a command to its end, whatever its exit code. @throws where the program does not exist */
export async function tryExecute(
  argv: readonly string[],
  options: { readonly input?: string; readonly env?: Record<string, string> } = {},
): Promise<Executed> {
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("Cannot run a command without words");
  const child = new Deno.Command(program, {
    args,
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    ...(options.env === undefined ? {} : { env: options.env }),
  }).spawn();
  if (options.input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.input));
    await writer.close();
  }
  const output = await child.output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Runs a command and returns its standard output. @throws {CommandError} where it fails */
export async function execute(
  argv: readonly string[],
  options: { readonly input?: string; readonly env?: Record<string, string> } = {},
): Promise<string> {
  const result = await tryExecute(argv, options);
  if (result.code !== 0) throw new CommandError(argv, result);
  return result.stdout;
}

/** Waits. @param ms milliseconds */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Thrown by a predicate of `until`: waiting longer is no use. */
export class Hopeless extends Error {
  override readonly name = "Hopeless";
}

/**
 * Waits until the predicate gives something other than `false`, `null` and `undefined`, and
 * returns it. An exception counts as "not yet" and is shown when time is up; only a `Hopeless` one
 * ends the wait at once. The last look is never earlier than the end: on a machine that is held up,
 * what came about in time is found.
 *
 * @param description ends the sentence "Waited N ms in vain until …"
 * @throws where time is up, with the last value that the predicate gave
 */
export async function until<T>(
  description: string,
  predicate: () => T | Promise<T>,
  timeoutMs: number,
  intervalMs = 10,
): Promise<Exclude<T, false | null | undefined>> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (let over = false; !over;) {
    over = performance.now() >= end;
    try {
      const value = await predicate();
      if (value !== false && value !== null && value !== undefined) {
        return value as Exclude<T, false | null | undefined>;
      }
      last = value;
    } catch (error) {
      if (error instanceof Hopeless) {
        throw new Error(`Waited in vain until ${description}: ${error.message}`);
      }
      last = error instanceof Error ? error.message : error;
    }
    if (!over) await delay(intervalMs);
  }
  const shown = typeof last === "string" ? last : JSON.stringify(last);
  throw new Error(`Waited ${timeoutMs} ms in vain until ${description}; last seen: ${shown}`);
}

/** Process ids of a process and all its descendants, the ancestor first. */
export function processTree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    const parent = parentOf(entry.name);
    if (parent === undefined) continue;
    const siblings = children.get(parent) ?? [];
    siblings.push(Number(entry.name));
    children.set(parent, siblings);
  }
  const tree = [pid];
  for (const ancestor of tree) tree.push(...children.get(ancestor) ?? []);
  return tree;
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The command's name stands in parentheses and may contain anything, parentheses too.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // It ended while we looked.
  }
}

/** A running program whose output goes to a file. */
export class LabProcess {
  readonly name: string;
  readonly pid: number;
  /** Where its standard output and standard error go. */
  readonly logPath: string;
  readonly #child: Deno.ChildProcess;
  #status: Deno.CommandStatus | undefined;

  private constructor(name: string, child: Deno.ChildProcess, logPath: string) {
    this.name = name;
    this.pid = child.pid;
    this.logPath = logPath;
    this.#child = child;
    child.status.then((status) => this.#status = status);
  }

  /**
   * Starts a program.
   *
   * @param wrapper words before the program's own, such as `ip netns exec NAME`; each must exec
   */
  static start(
    argv: readonly string[],
    options: {
      readonly name: string;
      readonly logPath: string;
      readonly wrapper?: readonly string[];
      readonly env?: Record<string, string>;
      /** Keep its standard input open until `closeInput`. */
      readonly input?: boolean;
    },
  ): LabProcess {
    const redirect = ["sh", "-c", 'log=$1; shift; exec "$@" >>"$log" 2>&1', "sh", options.logPath];
    const [program, ...args] = [...options.wrapper ?? [], ...redirect, ...argv];
    const child = new Deno.Command(program!, {
      args,
      stdin: options.input ? "piped" : "null",
      stdout: "null",
      stderr: "null",
      // A group of its own: an interrupt typed at the terminal reaches us, and we end it in order.
      detached: true,
      ...(options.env === undefined ? {} : { env: options.env }),
    }).spawn();
    return new LabProcess(options.name, child, options.logPath);
  }

  /** Exit status; undefined while it runs. */
  get status(): Deno.CommandStatus | undefined {
    return this.#status;
  }

  get running(): boolean {
    return this.#status === undefined;
  }

  /** Ends with the process. */
  get exited(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** All it has written so far. */
  log(): string {
    try {
      return Deno.readTextFileSync(this.logPath);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Sends a signal to the process itself, not to its children. */
  signal(signal: Deno.Signal): void {
    if (this.running) sendSignal(this.pid, signal);
  }

  /** End of its standard input, where it was started with one. */
  async closeInput(): Promise<void> {
    await this.#child.stdin.close();
  }

  /** SIGTERM, and wait. @throws where it has not ended after `timeoutMs`; it is killed then */
  async stop(timeoutMs = 5000): Promise<Deno.CommandStatus> {
    this.signal("SIGTERM");
    const status = await Promise.race([this.exited, delay(timeoutMs)]);
    if (status !== undefined) return status;
    await this.kill();
    throw new Error(`Process ${this.name} did not end within ${timeoutMs} ms of SIGTERM`);
  }

  /** SIGKILL to it and all its children at once; returns when it is gone. */
  async kill(): Promise<void> {
    if (this.running) {
      // A parent must not see its child die and act on it: it stands still while we do this.
      const tree = processTree(this.pid);
      sendSignal(this.pid, "SIGSTOP");
      for (const pid of tree.slice(1)) sendSignal(pid, "SIGKILL");
      sendSignal(this.pid, "SIGKILL");
    }
    await this.exited;
  }

  /** SIGSTOP to it and all its children: it stands still in the middle of what it does. */
  freeze(): void {
    for (const pid of processTree(this.pid)) sendSignal(pid, "SIGSTOP");
  }

  /** SIGCONT after `freeze`. */
  thaw(): void {
    for (const pid of processTree(this.pid).reverse()) sendSignal(pid, "SIGCONT");
  }
}

function sendSignal(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    // It ended by itself in the meantime.
    const gone = error instanceof Deno.errors.NotFound ||
      (error instanceof TypeError && /already terminated/.test(error.message));
    if (!gone) throw error;
  }
}
