/**
 * Programs that are told of changes: for one router or group in order and one at a time, the one for
 * the state before the one for all; where they lag, the newest state wins.
 *
 * @module
 */

import type { NotifyConfig, ScriptUser } from "../../config/mod.ts";
import { identityFor, type ProgramResult, runProgram } from "../check/drivers/program.ts";
import { lateText } from "../check/types/script.ts";
import { showBytes } from "../text/mod.ts";
import { Lane } from "./lane.ts";
import { argumentsOf, environmentOf, kindOf, type Notice } from "./notice.ts";

/** Writes a record of log, of the category "notify" and these names. */
export type NotifyLog = (
  level: "debug" | "info" | "warning" | "error",
  names: readonly string[],
  message: string,
  properties?: Readonly<Record<string, string | number | boolean>>,
) => void;

/** Characters of a program's output that a log record shows. */
const SHOWN = 512;

/** How a run ended, in words; undefined: well. */
export function failureOf({ end }: ProgramResult): string | undefined {
  switch (end.type) {
    case "exit":
      return end.code === 0 ? undefined : `exit ${end.code}`;
    case "signal":
      return `ended by ${end.signal}`;
    case "timeout":
      return lateText(end);
    case "missing":
      return `cannot be started: ${end.error}`;
  }
}

/** Runs a program once and logs how it went. Never rejects. */
export async function runLogged(
  what: { command: readonly string[]; user: ScriptUser; environment: Record<string, string> },
  signal: AbortSignal,
  log: (level: "debug" | "warning", message: string, properties: Record<string, string>) => void,
): Promise<boolean> {
  const { command, user, environment } = what;
  const settings = { command, user: identityFor(user), environment };
  const result = await runProgram(settings, signal);
  const output = showBytes(result.printed, SHOWN);
  const failure = failureOf(result);
  const properties = output === "" ? {} : { output };
  if (failure === undefined) log("debug", `${command[0]}: ended well`, properties);
  else log("warning", `${command[0]}: ${failure}`, properties);
  return failure === undefined;
}

/** Which of a table's programs are for this notice, in order. */
export function programsFor(config: NotifyConfig, notice: Notice): (readonly string[])[] {
  const { any } = config;
  // As keepalived: what is no state is for FIFOs, and for who asks for it by name.
  const forAll = any === undefined || kindOf(notice) !== "state"
    ? []
    : [[...any, ...argumentsOf(notice)]];
  const own = ownProgram(config, notice);
  return own === undefined || own.length === 0 ? forAll : [own, ...forAll];
}

function ownProgram(config: NotifyConfig, { state }: Notice): readonly string[] | undefined {
  switch (state) {
    case "MASTER":
      return config.master;
    case "BACKUP":
      return config.backup;
    case "FAULT":
      return config.fault;
    case "STOP":
      return config.stop;
    case "DELETED":
      return config.deleted;
    case "MASTER_RX_LOWER_PRI":
      return config.master_rx_lower_priority;
    case "UP":
      return config.up;
    case "DOWN":
      return config.down;
    case "ADMIN_DOWN":
      return config.admin_down;
    default:
      return undefined;
  }
}

interface Job {
  readonly config: NotifyConfig;
  readonly notice: Notice;
}

export class Programs {
  readonly #log: NotifyLog;
  readonly #lanes = new Map<string, Lane<Job>>();
  /** Ends what runs. */
  readonly #hurry = new AbortController();

  constructor(log: NotifyLog) {
    this.#log = log;
  }

  /** Runs what `config` wants to hear of `notice`, when its turn comes. */
  tell(config: NotifyConfig, notice: Notice): void {
    if (programsFor(config, notice).length === 0) return;
    const key = `${notice.type} ${notice.name}`;
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(
        (job) => this.#run(job),
        ({ notice }) => kindOf(notice),
        ({ notice: { name, state } }) => {
          this.#log("warning", [name], `Programs lag: nothing is run for ${state} any more`);
        },
      );
      this.#lanes.set(key, lane);
    }
    lane.push({ config, notice });
  }

  /** Resolves when all have ended. */
  async idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map(({ idle }) => idle));
  }

  /** Kills what runs; nothing more begins. */
  hurry(): void {
    this.#hurry.abort();
  }

  async #run({ config, notice }: Job): Promise<void> {
    const { user, timeout } = config;
    const environment = environmentOf(notice);
    for (const command of programsFor(config, notice)) {
      if (this.#hurry.signal.aborted) return;
      const signal = AbortSignal.any([AbortSignal.timeout(timeout / 1000), this.#hurry.signal]);
      await runLogged({ command, user, environment }, signal, (level, message, properties) => {
        this.#log(level, [notice.name], message, { ...properties, state: notice.state });
      });
    }
  }
}
