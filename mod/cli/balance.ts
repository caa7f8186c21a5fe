/**
 * `halb drain`, `halb undrain` and `halb weight`: an operator's word on a real server. A drain is
 * waited for, with its progress shown, unless nobody wants to wait; it goes on whoever waits.
 *
 * @module
 */

import { formatDuration, parseDuration } from "../../config/duration.ts";
import type { RealServerResult } from "../agent/balance_commands.ts";
import { type BalanceRequest, LONGEST_DRAIN } from "../control/balance_protocol.ts";
import { AgentUnreachable, ask } from "../control/client.ts";
import { GREATEST_WEIGHT } from "../ipvs/mod.ts";
import { escapeText } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";
import { drainText } from "./balance_text.ts";
import { formatAge } from "./table.ts";

/** Between two looks at a drain, milliseconds. */
const LOOK = 1_000;
/** How long an agent that hands over, or is started again, is waited for, milliseconds. */
const AWAY = 15_000;

export interface BalanceOptions {
  readonly json: boolean;
  /** A duration, for `drain`. */
  readonly timeout?: string;
  /** For `drain`: until it is over. */
  readonly wait: boolean;
  /** Shows how a drain stands, in place of what was shown before; absent: nobody looks. */
  readonly progress?: (line: string) => void;
}

/** What a command needs of the world; tests have another one. */
export interface BalanceWorld {
  ask(control: string, request: BalanceRequest): Promise<unknown>;
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

const WORLD: BalanceWorld = {
  ask,
  now: Date.now,
  sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
};

/**
 * @param operands of the command line: the names of both servers, and for `weight` the weight
 * @throws {UsageError}
 * @throws {AgentUnreachable} when nobody answers at `control`
 * @throws {Error} with the agent's words when it refuses
 */
export async function balanceCommand(
  command: "drain" | "undrain" | "weight",
  operands: readonly string[],
  control: string,
  options: BalanceOptions,
  world: BalanceWorld = WORLD,
): Promise<{ exitCode: number; output: string }> {
  const request = readRequest(command, operands, options);
  const begun = world.now();
  const first = await world.ask(control, request) as RealServerResult;
  const waits = command === "drain" && options.wait;
  const last = waits ? await drained(control, first, options, world) : first;
  const exitCode = waits && !isDone(last) ? 1 : 0;
  if (options.json) return { exitCode, output: JSON.stringify(last, null, 2) };
  const took = world.now() - begun;
  return { exitCode, output: escapeText(outcome(request, last, waits ? took : null, world.now())) };
}

function readRequest(
  command: "drain" | "undrain" | "weight",
  operands: readonly string[],
  { timeout }: BalanceOptions,
): BalanceRequest {
  const [virtual_server, real_server, weight, ...rest] = operands;
  if (virtual_server === undefined || real_server === undefined) {
    throw new UsageError(`${command} needs the names of a virtual server and a real server`);
  }
  const more = command === "weight" ? rest[0] : weight;
  if (more !== undefined) throw new UsageError(`unexpected argument "${more}"`);
  if (timeout !== undefined && command !== "drain") {
    throw new UsageError(`${command} takes no --timeout`);
  }
  const names = { virtual_server, real_server };
  switch (command) {
    case "drain":
      return { command, ...names, ...(timeout === undefined ? {} : readTimeout(timeout)) };
    case "undrain":
      return { command, ...names };
    case "weight":
      return { command, ...names, weight: readWeight(weight) };
  }
}

function readTimeout(text: string): { readonly timeout_ms: number } {
  const micros = parseDuration(text);
  if (micros !== undefined && micros / 1000 <= LONGEST_DRAIN) return { timeout_ms: micros / 1000 };
  throw new UsageError(`--timeout takes a duration of up to 7d, such as 60s, not "${text}"`);
}

function readWeight(text: string | undefined): number | null {
  if (text === "configured") return null;
  if (text !== undefined && /^[0-9]{1,5}$/.test(text) && Number(text) <= GREATEST_WEIGHT) {
    return Number(text);
  }
  const got = text === undefined ? "" : `, not "${text}"`;
  throw new UsageError(`weight needs a number from 0 to ${GREATEST_WEIGHT}, or configured${got}`);
}

/** Waits until the drain is over, one way or another. */
async function drained(
  control: string,
  first: RealServerResult,
  { progress }: BalanceOptions,
  world: BalanceWorld,
): Promise<RealServerResult> {
  let last = first;
  let heard = world.now();
  while (last.real_server.drain !== null && !isDone(last)) {
    const { address } = last.real_server;
    const line = `${address} drains: ${drainText(last.real_server, world.now())}`;
    progress?.(escapeText(line));
    await world.sleep(LOOK);
    const { virtual_server } = last;
    try {
      const question = { command: "real_server", virtual_server, real_server: address } as const;
      last = await world.ask(control, question) as RealServerResult;
      heard = world.now();
    } catch (error) {
      // The drain goes on in the one that takes over.
      if (!(error instanceof AgentUnreachable) || world.now() - heard > AWAY) throw error;
    }
  }
  progress?.("");
  return last;
}

/** It is out, and stays so. */
function isDone({ real_server: { drain } }: RealServerResult): boolean {
  return drain?.done === true;
}

/** @param took how long a drain was waited for, milliseconds; null: it was not */
function outcome(
  request: BalanceRequest,
  result: RealServerResult,
  took: number | null,
  now: number,
): string {
  const { virtual_server, left, real_server: server } = result;
  const name = `${server.address} of ${virtual_server}`;
  if (request.command === "drain") {
    if (isDone(result)) {
      const after = took === null ? "" : ` after ${formatAge(took)}`;
      const rest = left === null || left === 0 ? "no connection is left" : `${left} were left`;
      return `${name}: out${after}, ${rest}; halb undrain puts it back`;
    }
    if (server.drain === null) return `${name}: somebody has put it back`;
    const { until } = server.drain;
    const time = until === null
      ? "as long as its connections last"
      : `for at most ${
        formatDuration(Math.max(0, Math.ceil((Date.parse(until) - now) / 1000)) * 1_000_000)
      }`;
    return `${name}: gets no new connections, and drains ${time}`;
  }
  const { effective_weight: effective, weight, state, reason, override } = server;
  const how = state === "up" ? `has weight ${effective}` : `is ${state} (${reason})`;
  if (request.command === "undrain") return `${name}: back, and ${how}`;
  const wanted = override === null ? `${weight}, as configured` : `${override}, not ${weight}`;
  return `${name}: its weight is ${wanted}` + (state === "up" ? "" : `; it ${how}`);
}
