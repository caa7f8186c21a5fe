/**
 * The new process's side of a hand-over (`succession.ts` is the other, and shows the whole).
 *
 * Everything that takes time is done before the other is asked to freeze: both planes run and have
 * rehearsed, the kernel's tables are read, the groups joined, the interfaces known, and reading a
 * memory has been practised with one that does not count. What is left between the former agent's
 * last advert and our first is one line over a socket and one message to the protocol plane.
 *
 * @module
 */

import { type FileLock, monotonicMicros } from "../../ffi/mod.ts";
import { connect } from "../control/client.ts";
import { Lines } from "../control/lines.ts";
import { VERSION } from "../version.ts";
import type { Agent } from "./agent.ts";
import { log } from "./logging.ts";
import {
  type AgentMemory,
  bootId,
  FORMAT,
  LONGEST_DOCUMENT,
  parseJson,
  readDocument,
  readMemory,
} from "./memory.ts";
import type { Step } from "./succession.ts";
import { textOf } from "../text/mod.ts";
import { soon } from "../patience/mod.ts";

/** `kill:STAGE` or `hang:STAGE`, for tests (see docs/testing.md). */
const FAULT = "HALB_TAKE_OVER_FAULT";
/** How long a `hang` lasts, microseconds. */
const HANG = 2_500_000;

/** How long the other may take to hear why we give up, milliseconds. */
const LAST_WORDS = 1_000;

/** Points at which a test may let the new process fail. */
export type Stage =
  | "booted"
  | "offered"
  | "prepared"
  | "frozen"
  | "locked"
  | "resumed"
  | "listening"
  | "confirmed";

/** @throws {AgentUnreachable} when nobody answers at `control` */
export async function requireAgent(control: string): Promise<void> {
  (await connect(control)).close();
}

/** Tells the agent at `control` that its successor gives up, so that it knows why. Never throws. */
export async function reportFailure(control: string, reason: string): Promise<void> {
  try {
    using connection = await connect(control);
    const lines = new Lines(connection, LONGEST_DOCUMENT);
    await lines.write(request({ failed: reason }));
    // It closes the connection when it has heard: our end must not overtake our words.
    await soon(lines.read(), LAST_WORDS);
  } catch {
    // It will see that we have ended.
  }
}

/**
 * Takes over from the agent at `control`. The agent here has started beside it.
 *
 * @param listen takes the control socket's place
 * @throws {Error} when that failed: this process must end, and the other goes on
 */
export async function takeOver(
  agent: Agent,
  lock: FileLock,
  control: string,
  listen: () => Promise<void>,
): Promise<void> {
  reach("booted");
  using connection = await connect(control);
  const lines = new Lines(connection, LONGEST_DOCUMENT);
  const say = (step: Step): Promise<void> => lines.write(step);
  try {
    await lines.write(request({}));
    const document = readDocument(await resultOf(lines), bootId());
    reach("offered");
    await agent.prepare(document.plan);
    reach("prepared");
    await say({ step: "freeze" });
    const memory = readMemory(await resultOf(lines), document.plan);
    reach("frozen");
    if (!lock.tryAcquire()) throw new Error("The former agent has gone on by itself");
    reach("locked");
    const silence = silenceOf(memory, await agent.goOn(memory));
    reach("resumed");
    await listen();
    reach("listening");
    // From here on it does not matter whether the other hears it: the lock is ours.
    const { length: routers } = memory.routers;
    await say({ step: "done", routers, silence_ms: silence }).catch(() => {});
    reach("confirmed");
    await agent.own();
  } catch (error) {
    const reason = textOf(error);
    await say({ step: "failed", reason }).catch(() => {});
    throw error;
  }
}

/** Milliseconds from a master's last advert there to the last first one here. */
function silenceOf({ routers }: AgentMemory, at: number): number | null {
  const sent = routers.filter(({ state }) => state === "master").map(({ lastSent }) => lastSent);
  const oldest = sent.reduce<number>((least, time) => Math.min(least, time ?? least), Infinity);
  return oldest === Infinity ? null : Math.round((at - oldest) / 10) / 100;
}

function request(more: { readonly failed?: string }) {
  return { command: "take_over", pid: Deno.pid, version: VERSION, formats: [FORMAT], ...more };
}

/** @throws {Error} with the other's words when it refuses */
async function resultOf(lines: Lines): Promise<unknown> {
  const line = await lines.read();
  if (typeof line !== "string") throw new Error("The former agent went away");
  const answer = parseJson(line);
  if (typeof answer !== "object" || answer === null) throw new Error("That was no answer");
  if ("result" in answer) return answer.result;
  throw new Error("error" in answer ? String(answer.error) : "That was no answer");
}

function reach(stage: Stage): void {
  if (Deno.env.get("HALB_FAULT_INJECTION") !== "1") return;
  const [fault, at] = Deno.env.get(FAULT)?.split(":") ?? [];
  if (at !== stage) return;
  if (fault === "kill") Deno.kill(Deno.pid, "SIGKILL");
  if (fault === "fail") throw new Error(`Fault injected on request: ${stage}`);
  log("warning", ["control"], `Hangs on request: ${stage}`);
  for (const end = monotonicMicros() + HANG; monotonicMicros() < end;);
}
