/**
 * The lab: a test with machines, cables and daemons in it.
 *
 * `lab("what must hold", async (lab) => { … })` registers a test. Whatever the body makes through
 * its `Lab` is ended and deleted when it is over, also when it fails, when it is interrupted, and
 * when this very process is killed: then a small shell that waits for our death cleans up in our
 * place. A failing lab first prints every capture, every log and every host's addresses. The
 * namespaces carry the process id in their names, so that runs side by side leave each other alone.
 *
 * @module
 */

import { Capture } from "./capture.ts";
import { monotonicMicros } from "../../ffi/mod.ts";
import { Host, Lan, type LanOptions } from "./network.ts";
import { delay, execute, type LabProcess, until } from "./process.ts";
import { standstills, watchMachine } from "./witness.ts";

/** How to run a lab. */
export interface LabTestOptions {
  readonly ignore?: boolean;
  readonly only?: boolean;
  /** The lab fails after so long, milliseconds (120,000 unless given). */
  readonly timeoutMs?: number;
  /**
   * One of so many runs must succeed (1 unless given): for bounds of a few milliseconds that a busy
   * machine breaks now and then, without standing still.
   */
  readonly attempts?: number;
}

/** Programs that every lab needs, and the Debian packages they are in. */
const TOOLS: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  tcpdump: "tcpdump",
  tshark: "tshark",
  ping: "iputils-ping",
};

const active = new Set<Lab>();
let started = 0;
/** One for all labs of this process, though several may open at once. */
let reaper: Promise<Deno.ChildProcess> | undefined;

/** What a lab's body works with. */
export class Lab {
  /** Made for this lab, mode 0700, deleted at its end (kept where HALB_KEEP is set). */
  readonly directory: string;
  readonly hosts: Host[] = [];
  readonly lans: Lan[] = [];
  readonly #captures: Capture[] = [];
  readonly #prefix: string;
  readonly #cleanUps: (() => void | Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  private constructor(prefix: string, directory: string) {
    this.#prefix = prefix;
    this.directory = directory;
  }

  /** Opens a lab outside of `Deno.test` (demo, benchmarks); the caller must `close` it. */
  static async open(): Promise<Lab> {
    await requireTools();
    await (reaper ??= startReaper());
    const directory = Deno.makeTempDirSync({ prefix: `halb-${Deno.pid}-` });
    Deno.chmodSync(directory, 0o700);
    const lab = new Lab(`halb-${Deno.pid}-${started++}-`, directory);
    active.add(lab);
    return lab;
  }

  /** Makes a host: a network namespace with loopback only. @param name unique in this lab */
  async host(name: string): Promise<Host> {
    const host = new Host(name, this.#prefix + name, this.directory);
    this.hosts.push(host);
    await host.create();
    return host;
  }

  /** Makes several hosts. */
  hostsNamed<const Names extends readonly string[]>(
    ...names: Names
  ): Promise<{ [Index in keyof Names]: Host }> {
    const made = Promise.all(names.map((name) => this.host(name)));
    return made as unknown as Promise<{ [Index in keyof Names]: Host }>;
  }

  /** Makes a LAN and joins the hosts to it, in order. @param name unique in this lab */
  async lan(name: string, hosts: readonly Host[], options: LanOptions = {}): Promise<Lan> {
    const lan = new Lan(name, `${this.#prefix}lan-${name}`);
    this.lans.push(lan);
    await lan.create(hosts, options);
    return lan;
  }

  /**
   * Captures on a LAN's bridge (all that passes there, each frame once) or on a host's interface.
   *
   * @param filter in the language of tcpdump
   * @param interfaceName of the host, `eth0` unless given
   */
  async capture(where: Host | Lan, filter = "", interfaceName?: string): Promise<Capture> {
    const capture = await Capture.start({
      name: `${where.name}-${this.#captures.length}`,
      namespace: where.namespace,
      interface: interfaceName ?? (where instanceof Lan ? "br0" : "eth0"),
      directory: this.directory,
    }, filter);
    this.#captures.push(capture);
    return capture;
  }

  /** See `until` in process.ts. */
  until<T>(
    description: string,
    predicate: () => T | Promise<T>,
    timeoutMs: number,
    intervalMs?: number,
  ): Promise<Exclude<T, false | null | undefined>> {
    return until(description, predicate, timeoutMs, intervalMs);
  }

  /** Waits. @param ms milliseconds */
  delay(ms: number): Promise<void> {
    return delay(ms);
  }

  /** Does this at the end of the lab, before anything else is taken down; last in, first out. */
  atEnd(cleanUp: () => void | Promise<void>): void {
    this.#cleanUps.push(cleanUp);
  }

  get processes(): LabProcess[] {
    return this.hosts.flatMap((host) => host.processes);
  }

  /** What happened, for people: captures, logs, addresses. */
  async report(): Promise<string> {
    const parts: string[] = [];
    for (const host of this.hosts) {
      const shown = await host.tryExec(["ip", "address", "show"]).catch(String);
      const text = typeof shown === "string" ? shown : shown.stdout + shown.stderr;
      parts.push(`==== addresses of ${host.name}\n${text.trimEnd()}`);
    }
    for (const process of this.processes) {
      const state = process.status === undefined
        ? `pid ${process.pid}, running`
        : `pid ${process.pid}, ended: ${process.status.signal ?? process.status.code}`;
      const lines = process.log().trimEnd().split("\n");
      parts.push(`==== log of ${process.name} (${state})\n${lines.slice(-200).join("\n")}`);
    }
    for (const capture of this.#captures) {
      const text = await capture.summary().catch((error) => `cannot be read: ${error}`);
      parts.push(`==== capture ${capture.name}\n${text}`);
    }
    return parts.join("\n");
  }

  /** Ends every process, then deletes every namespace and the directory. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const problems: unknown[] = [];
    const attempt = async (step: () => void | Promise<void>) => {
      try {
        await step();
      } catch (error) {
        problems.push(error);
      }
    };
    for (const cleanUp of this.#cleanUps.reverse()) await attempt(cleanUp);
    // Deleting a namespace kills nothing and leaves it alive until its last process is gone.
    await Promise.all(this.processes.map((process) => attempt(() => process.kill())));
    await Promise.all(this.#captures.map((capture) => attempt(() => capture.abandon())));
    await attempt(() => sweep(this.#prefix));
    if (Deno.env.has("HALB_KEEP")) console.error(`Kept: ${this.directory}`);
    else await attempt(() => Deno.remove(this.directory, { recursive: true }));
    active.delete(this);
    if (problems.length > 0) throw new AggregateError(problems, "The lab was not cleaned up");
  }
}

/** Times that a lab is run where the machine stood still during each run that failed. */
const MOST_RUNS = 3;

/**
 * Registers a lab as a test. A failing body is reported with captures, logs and addresses.
 *
 * A failure during which the machine itself stood still, as the witnesses on its processors saw,
 * says nothing about halb: that run is void, said so, and made again.
 */
export function lab(
  name: string,
  body: (lab: Lab) => Promise<void>,
  options: LabTestOptions = {},
): void {
  registerLab(name, options, () => runLab(name, body, options));
}

/**
 * Registers labs that mostly wait, each as a test of its own, and runs them all at once: with the
 * first of them the others begin. For bounds of seconds only.
 */
export function labsAtOnce(
  bodies: Readonly<Record<string, (lab: Lab) => Promise<void>>>,
  options: LabTestOptions = {},
): void {
  let running: Map<string, Promise<void>> | undefined;
  const begin = () =>
    new Map(
      Object.entries(bodies).map(([name, body]) => {
        const run = runLab(name, body, options);
        run.catch(() => {}); // Its own test tells of it.
        return [name, run];
      }),
    );
  for (const name of Object.keys(bodies)) {
    registerLab(name, options, () => (running ??= begin()).get(name)!);
  }
}

function registerLab(name: string, options: LabTestOptions, fn: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: options.ignore ?? false,
    only: options.only ?? false,
    sanitizeOps: false,
    sanitizeResources: false,
    sanitizeExit: false,
    fn,
  });
}

function runLab(
  name: string,
  body: (lab: Lab) => Promise<void>,
  options: LabTestOptions,
): Promise<void> {
  return whileVoid(name, () => runOnce(name, body, options.timeoutMs ?? 120_000), options.attempts);
}

/**
 * Runs something until it succeeds, or fails on a machine that did not stand still meanwhile.
 *
 * @param attempts see `LabTestOptions`
 */
export async function whileVoid(
  name: string,
  body: () => Promise<void>,
  attempts = 1,
): Promise<void> {
  watchMachine();
  for (let run = 1;; run++) {
    const began = monotonicMicros();
    try {
      return await body();
    } catch (error) {
      const seen = standstills(began).slice(0, 5).map(([, late]) => Math.round(late / 1000));
      const still = seen.length > 0;
      if (run >= (still ? Math.max(MOST_RUNS, attempts) : attempts)) throw error;
      const why = still ? `is void: the machine stood still, ms: ${seen}` : "missed its bounds";
      console.error(`Run ${run} of "${name}" ${why}`);
    }
  }
}

async function runOnce(
  name: string,
  body: (lab: Lab) => Promise<void>,
  limit: number,
): Promise<void> {
  const opened = await Lab.open();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The lab took longer than ${limit} ms`)), limit);
  });
  try {
    await Promise.race([body(opened), timeout]);
  } catch (error) {
    console.error(`\nLab "${name}" failed: ${error}\n${await opened.report()}\n`);
    throw error;
  } finally {
    clearTimeout(timer);
    await opened.close();
  }
}

/** @throws where we are not root, or a program is missing; a lab never passes by being left out */
async function requireTools(): Promise<void> {
  if (Deno.uid() !== 0) throw new Error("Labs make network namespaces: run them as root");
  const check = 'for tool; do command -v "$tool" >/dev/null || echo "$tool"; done';
  const missing = (await execute(["sh", "-c", check, "sh", ...Object.keys(TOOLS)])).trim();
  if (missing === "") return;
  const packages = missing.split("\n").map((tool) => TOOLS[tool]);
  throw new Error(`Labs need these Debian packages: ${packages.join(", ")} (scripts/setup lab)`);
}

/** Ends what still runs in the namespaces of that prefix, and deletes them. */
const SWEEP = `
for namespace in $(ip netns list | awk -v prefix="$1" 'index($1, prefix) == 1 { print $1 }'); do
  for pid in $(ip netns pids "$namespace"); do kill -KILL "$pid"; done 2>/dev/null
  ip netns delete "$namespace"
done`;

async function sweep(prefix: string): Promise<void> {
  await execute(["sh", "-c", SWEEP, "sh", prefix]);
}

/**
 * Clean-up for the case that we are killed: a shell whose standard input is ours to hold open.
 * Also sweeps up after earlier runs whose own shell was killed as well.
 */
async function startReaper(): Promise<Deno.ChildProcess> {
  await sweepDeadRuns();
  const mine = `halb-${Deno.pid}-`;
  const temporary = Deno.env.get("TMPDIR") ?? "/tmp";
  const script = `cat >/dev/null\n${SWEEP}\n[ -n "$HALB_KEEP" ] || rm -rf "$2/$1"*`;
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", mine, temporary],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      Promise.allSettled([...active].map((one) => one.close())).then(() => Deno.exit(130));
    });
  }
  return child;
}

async function sweepDeadRuns(): Promise<void> {
  const names = await execute(["ip", "netns", "list"]);
  const prefixes = new Set([...names.matchAll(/^halb-(\d+)-/gm)].map((match) => match[1]!));
  for (const pid of prefixes) {
    if (!isDeno(pid)) await sweep(`halb-${pid}-`);
  }
}

function isDeno(pid: string): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).startsWith("deno");
  } catch {
    return false; // No such process.
  }
}
