/**
 * The agent's side of a hand-over to another process, while both live.
 *
 * ```text
 *   new process                                 this agent
 *   boots completely; then
 *   take_over  ────────────────────────────────►
 *              ◄──────────────────────────────── plan, and the memory as it is: a rehearsal
 *   learns the plan and the interfaces
 *   freeze     ────────────────────────────────► addresses rest; masters advertise once more;
 *              ◄──────────────────────────────── nothing moves; memory as it stays; lock released
 *   takes the lock, advertises
 *   done       ────────────────────────────────► ends, and touches nothing
 * ```
 *
 * The lock (`ownership.ts`) decides. Where `done` does not come in time, or the other goes away, this
 * agent takes the lock back and goes on as after a stall; then the new process cannot get it, and
 * ends without a word on the wire. Where the lock cannot be had the other one lives and has it.
 *
 * @module
 */

import { type FileLock, monotonicMicros } from "../../ffi/mod.ts";
import { type ControlRequest, LONGEST_REQUEST } from "../control/protocol.ts";
import { Lines } from "../control/lines.ts";
import { VERSION } from "../version.ts";
import { soon } from "../patience/mod.ts";
import type { Agent } from "./agent.ts";
import { log } from "./logging.ts";
import { FORMAT } from "./memory.ts";
import { requireTrusted, successorArguments } from "./program.ts";

/** How long a new process may take until it is here, milliseconds. */
const BOOT = 15_000;
/** From the plan until it wants us to freeze, milliseconds. */
const PREPARATION = 10_000;
/** From our freezing until it must be done, milliseconds. */
const CONFIRMATION = 1_000;
/** How long a process that has the lock may stay silent before we leave it alone, milliseconds. */
const LAST_PATIENCE = 10_000;
/** Between two looks at the lock, milliseconds. */
const LOOK = 5;

export type TakeOverRequest = Extract<ControlRequest, { command: "take_over" }>;

/** What a new process says once it has the plan. */
export type Step =
  | { readonly step: "freeze" }
  | { readonly step: "done"; readonly routers: number; readonly silence_ms: number | null }
  | { readonly step: "failed"; readonly reason: string };

/** What `halb upgrade` shows. */
export interface UpgradeResult {
  readonly old: { readonly version: string; readonly pid: number };
  readonly new: { readonly version: string; readonly pid: number };
  readonly routers: number;
  /** Longest time between two adverts of a master around the hand-over; null: nobody knows. */
  readonly silence_ms: number | null;
}

/** The new process we have started and wait for. */
interface Awaited {
  readonly pid: number;
  /** It is here, and what comes of it decides. */
  here: boolean;
  readonly met: PromiseWithResolvers<UpgradeResult>;
}

export class Succession {
  readonly #agent: Pick<Agent, "remember" | "freeze" | "thaw">;
  readonly #preparation: number;
  readonly #lock: FileLock;
  readonly #control: string;
  readonly #program: string | undefined;
  #awaited: Awaited | null = null;

  /**
   * @param control path of our control socket
   * @param program the file that we were started from
   * @param preparation how long a new process may need between the plan and the end, milliseconds
   */
  constructor(
    agent: Pick<Agent, "remember" | "freeze" | "thaw">,
    lock: FileLock,
    control: string,
    program: string | undefined,
    preparation = PREPARATION,
  ) {
    this.#preparation = preparation;
    this.#agent = agent;
    this.#lock = lock;
    this.#control = control;
    this.#program = program;
  }

  /**
   * Starts a new process and hands over to it; resolves when it has taken over.
   *
   * @param binary what to start instead of the file that we were started from
   * @throws {Error} when that failed; the agent goes on
   */
  async upgrade(binary: string | undefined): Promise<UpgradeResult> {
    const program = binary ?? this.#program;
    if (program === undefined) {
      throw new Error("This agent runs from source: say which program to start (--binary)");
    }
    if (binary !== undefined) requireTrusted(binary);
    const child = new Deno.Command(program, {
      args: successorArguments(Deno.args, this.#control),
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    log("info", ["control"], `Started ${program} to take over`, { pid: child.pid });
    const met = Promise.withResolvers<UpgradeResult>();
    const awaited: Awaited = { pid: child.pid, met, here: false };
    this.#awaited = awaited;
    const giveUp = (why: string): void => {
      if (!awaited.here) met.reject(new Error(`${program} ${why}`));
    };
    const late = setTimeout(() => giveUp(`did not take over within ${BOOT / 1000} s`), BOOT);
    void child.status.then(({ code, signal }) => {
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      giveUp(`ended ${how} before it took over: see the agent's log`);
    });
    try {
      return await met.promise;
    } catch (error) {
      end(child);
      throw error;
    } finally {
      clearTimeout(late);
      this.#awaited = null;
    }
  }

  /** Whether it is the process that `upgrade` waits for. */
  expects({ pid }: TakeOverRequest): boolean {
    return this.#awaited?.pid === pid;
  }

  /** The awaited process is here: `upgrade` ends with what comes of it. */
  async meet(request: TakeOverRequest, connection: Deno.Conn): Promise<void> {
    const awaited = this.#awaited;
    if (awaited === null) return;
    awaited.here = true;
    await this.give(request, connection).then(awaited.met.resolve, awaited.met.reject);
  }

  /**
   * Hands over to the process at the other end.
   *
   * @throws {Error} when it did not take over; the agent goes on
   */
  async give(request: TakeOverRequest, connection: Deno.Conn): Promise<UpgradeResult> {
    const lines = new Lines(connection, LONGEST_REQUEST);
    if (request.failed !== undefined) throw new Error(request.failed);
    if (!request.formats.includes(FORMAT)) {
      const error = `The new process reads formats ${request.formats.join(", ")}, not ${FORMAT}`;
      await lines.write({ ok: false, error });
      throw new Error(error);
    }
    // A process that stands still does not read: nobody here may wait for it.
    const told = lines.write({ ok: true, result: await this.#agent.remember() });
    const answer = told.then(() => nextStep(lines));
    const first = await soon(answer, this.#preparation);
    if (first?.step !== "freeze") throw new Error(reasonOf(first));
    const { memory } = await this.#agent.freeze();
    this.#lock.release();
    // Not awaited: a process that stands still does not read.
    lines.write({ ok: true, result: memory }).catch(() => {});
    const said = await this.#verdict(lines);
    const routers = said?.routers ?? memory.routers.length;
    const silence = said?.silence_ms ?? null;
    const successor = { version: request.version, pid: request.pid };
    return {
      old: { version: VERSION, pid: Deno.pid },
      new: successor,
      routers,
      silence_ms: silence,
    };
  }

  /**
   * Waits for the end of it. @throws {Error} when we go on
   * @returns what the new process said; undefined: it has the lock, and says nothing
   */
  async #verdict(lines: Lines): Promise<Extract<Step, { step: "done" }> | undefined> {
    let heard: Step | undefined;
    const hearing = nextStep(lines).then((step) => heard = step);
    await soon(hearing, CONFIRMATION);
    const end = monotonicMicros() + LAST_PATIENCE * 1000;
    for (;;) {
      if (heard?.step === "done") return heard;
      if (this.#lock.tryAcquire()) {
        await this.#agent.thaw();
        const reason = reasonOf(heard);
        log("error", ["control"], `Goes on itself: ${reason}`);
        throw new Error(reason);
      }
      if (monotonicMicros() > end) return undefined;
      await delay(LOOK);
    }
  }
}

/** What comes next; a connection that ends is a failure. */
async function nextStep(lines: Lines): Promise<Step> {
  const gone = { step: "failed", reason: "The new process went away" } as const;
  try {
    const line = await lines.read();
    return typeof line === "string" ? readStep(line) : gone;
  } catch {
    return gone;
  }
}

function readStep(line: string): Step {
  const wrong = { step: "failed", reason: "The new process said what nobody understands" } as const;
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    return wrong;
  }
  const { step, reason, routers, silence_ms } = (data ?? {}) as Record<string, unknown>;
  if (step === "freeze") return { step };
  if (step === "failed" && typeof reason === "string") return { step, reason };
  if (step !== "done" || !Number.isSafeInteger(routers)) return wrong;
  const silence = typeof silence_ms === "number" ? silence_ms : null;
  return { step, routers: routers as number, silence_ms: silence };
}

function reasonOf(step: Step | undefined): string {
  if (step?.step === "failed") return step.reason;
  return "The new process did not answer in time";
}

function delay(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}

function end(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
