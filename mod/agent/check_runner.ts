/**
 * The checks that control runs: TLS, HTTP with regular expressions, programs, files. The board says
 * when; here is what asks, with a time limit for each probe.
 *
 * @module
 */

import { monotonicMicros } from "../../ffi/mod.ts";
import {
  type BoardEffect,
  CheckBoard,
  type CheckMemory,
  type CheckReport,
} from "../check/board.ts";
import { probeFile } from "../check/drivers/file.ts";
import { probeHttp } from "../check/drivers/http.ts";
import { identityFor } from "../check/drivers/program.ts";
import { probeScript } from "../check/drivers/script.ts";
import { probeStream, type StreamTarget } from "../check/drivers/stream.ts";
import type { TlsSettings } from "../check/drivers/tls.ts";
import { failed, type Micros, type Outcome, voided } from "../check/mod.ts";
import { grpcConversation } from "../check/types/http2_check.ts";
import { smtpConversation } from "../check/types/smtp.ts";
import { type CheckCount, CheckTally } from "../plane/check_tally.ts";
import type { CheckStep, Way } from "../plane/checks.ts";
import { type Shelf, VerdictRecorders } from "../record/mod.ts";
import { showText, textOf } from "../text/mod.ts";
import type { ControlCheck } from "./check_plan.ts";
import type { RuntimeEnd, RuntimeJob, TlsFiles } from "./check_tasks.ts";
import { limitedLog } from "./logging.ts";

/** Probes that run at once. */
const MOST_PROBES = 256;
/** Between two looks whether the load balancer leads somewhere, milliseconds. */
const LOOK = 500;
/** A timer so late means that this process stood still, microseconds. */
const STALL = 200_000;
/** Timers of the runtime are 32 bits of milliseconds. */
const LONGEST_TIMER = 0x7fff_ffff;

/** A file of TLS cannot be had. */
class Unreadable extends Error {
  override readonly name = "Unreadable";
}

/** A probe that runs. */
interface Running {
  readonly abort: AbortController;
  /** There is no time left: programs are killed without being asked first. */
  readonly atOnce: AbortController;
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new Unreadable(`cannot read ${path}: ${showText(textOf(error), 80)}`);
  }
}

/** What the driver of TLS takes: files are read for each probe, so that a new one counts. */
async function tlsSettings(files: TlsFiles): Promise<Omit<TlsSettings, "protocols">> {
  const { serverName, verify, ca, certificate, key, minVersion, expiryDays } = files;
  const chain = certificate === null ? null : await readPem(certificate);
  return {
    serverName,
    verify,
    ca: ca === null ? null : await readPem(ca),
    certificate: chain === null || key === null
      ? null
      : { chain, key: new TextDecoder().decode(key.reveal()) },
    minVersion,
    expiryDays,
  };
}

function streamTarget(
  { address, port, own, proxyProtocol, secure }: RuntimeEnd,
  tls: TlsSettings | null,
): StreamTarget {
  return { address, port, own, proxyProtocol, secure, tls };
}

async function probe(
  id: string,
  job: RuntimeJob,
  signal: AbortSignal,
  atOnce: AbortSignal,
): Promise<Outcome> {
  switch (job.type) {
    case "script": {
      const { command, user, dynamic } = job;
      const environment = { HALB_TYPE: "CHECK", HALB_NAME: id };
      const settings = { command, user: identityFor(user), environment, dynamic };
      return await probeScript(settings, signal, atOnce);
    }
    case "file":
      return await probeFile(job.path, job.settings);
    default:
      break;
  }
  const { end } = job;
  const tls = end.tls === null ? null : await tlsSettings(end.tls);
  if (job.type === "http") {
    const { plan, version } = job;
    return await probeHttp(streamTarget(end, null), { plan, version, tls }, signal);
  }
  const protocols = job.type === "grpc" ? ["h2"] : [];
  const target = streamTarget(end, tls === null ? null : { ...tls, protocols });
  const begin = () =>
    job.type === "grpc" ? grpcConversation(job.settings) : smtpConversation(job.settings);
  return await probeStream(target, begin(), signal, begin);
}

/** By which way of the load balancer's it asks; null: directly, or nobody there. */
function wayOf(job: RuntimeJob): Way | null {
  if (job.type === "script" || job.type === "file") return null;
  const { address, own: { mark, towards } } = job.end;
  return towards === undefined ? null : { address, mark };
}

export class CheckRunner {
  readonly #recorders = new VerdictRecorders();
  readonly #board = new CheckBoard((...judged) => this.#recorders.step(...judged));
  readonly #tally = new CheckTally();
  readonly #told: (check: string, what: CheckStep["what"]) => void;
  readonly #leads: (way: Way) => Promise<boolean>;
  #checks = new Map<string, ControlCheck>();
  readonly #running = new Map<number, Running>();
  #timer: { readonly at: Micros; readonly handle: ReturnType<typeof setTimeout> } | null = null;
  #stopped = false;

  /**
   * @param told hears what happens, in the turn of the deciding outcome
   * @param leads whether the load balancer leads to where a check goes by its way
   */
  constructor(
    told: (check: string, what: CheckStep["what"]) => void,
    leads: (way: Way) => Promise<boolean>,
  ) {
    this.#told = told;
    this.#leads = leads;
  }

  /** Makes these the checks: a difference. @throws {RangeError} where settings make no sense */
  configure(checks: readonly ControlCheck[], former: readonly CheckMemory[]): void {
    const effects = this.#board.configure(checks, MOST_PROBES, former, monotonicMicros());
    this.#checks = new Map(checks.map((check) => [check.id, check]));
    this.#recorders.shelf.keep(this.#checks);
    this.#tally.keep(new Map(checks.map(({ id, job }) => [id, job.type])));
    this.#obey(effects);
  }

  /** What is recorded of verdicts. */
  get recorded(): Shelf<"check"> {
    return this.#recorders.shelf;
  }

  reports(): CheckReport[] {
    return this.#board.reports();
  }

  /** How probes have ended. */
  counts(): CheckCount[] {
    return this.#tally.data();
  }

  /** Ends all probes, and begins no more. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer.handle);
    for (const probe of [...this.#running.keys()]) this.#cancel(probe);
  }

  #obey(effects: readonly BoardEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "start":
          this.#start(effect.id, effect.probe, effect.timeout);
          break;
        case "cancel":
          this.#cancel(effect.probe);
          break;
        case "found": {
          const { standing: { check }, changed, latency } = effect;
          const memory = this.#board.memoryOf(check);
          if (memory !== null) this.#told(check, { kind: "found", memory, changed, latency });
          break;
        }
        case "flapping":
          this.#told(effect.id, { kind: "flapping", flapping: effect.flapping });
          break;
        case "warning":
          this.#told(effect.id, { kind: "warning", text: effect.text });
      }
    }
    this.#plan();
  }

  /** Calls back when the board wants it. */
  #plan(): void {
    const { next } = this.#board;
    if (this.#stopped || next === Infinity || this.#timer?.at === next) return;
    if (this.#timer !== null) clearTimeout(this.#timer.handle);
    const wait = Math.min(Math.max(0, Math.ceil((next - monotonicMicros()) / 1000)), LONGEST_TIMER);
    const handle = setTimeout(() => {
      this.#timer = null;
      this.#obey(this.#board.due(monotonicMicros()));
    }, wait);
    this.#timer = { at: next, handle };
  }

  #start(id: string, number: number, timeout: Micros): void {
    const check = this.#checks.get(id);
    if (this.#stopped || check === undefined) return;
    const running = { abort: new AbortController(), atOnce: new AbortController() };
    this.#running.set(number, running);
    const began = monotonicMicros();
    let expired = 0;
    const timer = setTimeout(() => {
      expired = monotonicMicros();
      running.abort.abort();
    }, Math.min(Math.ceil(timeout / 1000), LONGEST_TIMER));
    const end = (outcome: Outcome) => {
      clearTimeout(timer);
      if (this.#running.get(number) !== running) return;
      this.#running.delete(number);
      const now = monotonicMicros();
      // Who was asleep when the answer came must not say that there was none.
      const slept = expired > 0 && expired - began - timeout > STALL;
      const said = slept && outcome.result === "failed"
        ? voided("this process stood still")
        : outcome;
      if (said.result === "unasked") {
        limitedLog.log("warning", ["checks"], `Cannot ask: ${said.reason}`, { check: id });
      }
      this.#tally.record(id, check.job.type, said.result, now - began);
      this.#obey(this.#board.finished(id, number, said, now - began, now));
    };
    this.#probe(id, check.job, running).then(
      end,
      (error) => {
        const broke = error instanceof Unreadable ? "" : "the probe broke: ";
        end(failed(`${broke}${showText(textOf(error), 160)}`));
      },
    );
  }

  async #probe(id: string, job: RuntimeJob, { abort, atOnce }: Running): Promise<Outcome> {
    const way = wayOf(job);
    if (way !== null && !await this.#leads(way)) {
      // There in a moment, as a rule; it is asked again at once.
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      return voided("the load balancer leads nowhere yet");
    }
    return await probe(id, job, abort.signal, atOnce.signal);
  }

  #cancel(number: number): void {
    const running = this.#running.get(number);
    this.#running.delete(number);
    running?.abort.abort();
    running?.atOnce.abort();
  }
}
