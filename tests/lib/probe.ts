/**
 * A client that measures how long an address does not answer.
 *
 * `startProbe` pings from a host at a fixed rate (each millisecond unless said otherwise) with the
 * program `probe_main.ts`; `stop` gives every request and answer with its time, and from them the
 * outages: the times between two answers in a row.
 *
 * @module
 */

import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import { Hopeless, type LabProcess, until } from "./process.ts";

/** What the probe program writes; times in microseconds on CLOCK_MONOTONIC. */
export interface ProbeRecord {
  readonly address: string;
  /** Between two requests, microseconds. */
  readonly interval: number;
  readonly start: number;
  readonly end: number;
  /** Add it for microseconds since 1970, as captures have them. */
  readonly realtimeOffset: number;
  /** When each request left; the index is its sequence number. */
  readonly sent: readonly number[];
  readonly answers: readonly (readonly [sequence: number, time: number, mac: string])[];
}

/** A time in which the address did not answer; microseconds on CLOCK_MONOTONIC. */
export interface Outage {
  /** The last answer before it; the probe's start where there was none. */
  readonly start: number;
  /** The first answer after it; the probe's end where there was none. */
  readonly end: number;
  readonly duration: number;
  /** Whether the address answered again. */
  readonly ended: boolean;
  /** Who answered last before, and first after: hardware addresses; absent: nobody. */
  readonly before?: string;
  readonly after?: string;
}

/** What a probe has measured. */
export class ProbeResult {
  readonly record: ProbeRecord;

  constructor(record: ProbeRecord) {
    this.record = record;
  }

  /** Requests without an answer. */
  get lost(): number {
    return this.record.sent.length -
      new Set(this.record.answers.map(([sequence]) => sequence)).size;
  }

  /**
   * Every gap of more than so many milliseconds between two answers in a row, in which a request
   * went unanswered: that the probe itself was held up and asked nothing is no outage.
   */
  outages(thresholdMs: number): Outage[] {
    const { start, end, interval, sent } = this.record;
    const found: Outage[] = [];
    let last = start;
    let before: string | undefined;
    let next = 0;
    const note = (until: number, ended: boolean, after?: string) => {
      while (next < sent.length && sent[next]! <= last) next++;
      const asked = sent[next];
      if (asked === undefined || asked > until - interval) return;
      if (until - last <= thresholdMs * 1000) return;
      found.push({
        start: last,
        end: until,
        duration: until - last,
        ended,
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      });
    };
    for (const [, time, mac] of this.record.answers) {
      note(time, true, mac);
      last = time;
      before = mac;
    }
    note(end, false);
    return found;
  }

  /** The longest outage; undefined where no two answers are more than two intervals apart. */
  longest(): Outage | undefined {
    const all = this.outages(this.record.interval * 2 / 1000);
    return all.toSorted((a, b) => b.duration - a.duration)[0];
  }

  /** Hardware addresses that answered, in order, with the time of the first and the last answer. */
  answerers(): { mac: string; first: number; last: number; answers: number }[] {
    const runs: { mac: string; first: number; last: number; answers: number }[] = [];
    for (const [, time, mac] of this.record.answers) {
      const run = runs.at(-1);
      if (run !== undefined && run.mac === mac) {
        run.last = time;
        run.answers++;
      } else runs.push({ mac, first: time, last: time, answers: 1 });
    }
    return runs;
  }

  /** A probe's time as captures have it: microseconds since 1970. */
  toRealtime(time: number): number {
    return time + this.record.realtimeOffset;
  }
}

/** A probe that runs. */
export class Probe {
  readonly #process: LabProcess;
  readonly #path: string;

  constructor(process: LabProcess, path: string) {
    this.#process = process;
    this.#path = path;
  }

  /** Ends it. @throws where it has failed */
  async stop(): Promise<ProbeResult> {
    await this.#process.closeInput();
    const status = await this.#process.exited;
    if (!status.success) throw new Error(`The probe failed: ${this.#process.log().trim()}`);
    return new ProbeResult(JSON.parse(Deno.readTextFileSync(this.#path)) as ProbeRecord);
  }
}

let probes = 0;

/** Starts to ping an address from a host and returns when it does. @param intervalUs microseconds */
export async function startProbe(
  lab: Lab,
  host: Host,
  address: string,
  options: { readonly intervalUs?: number } = {},
): Promise<Probe> {
  const path = `${lab.directory}/probe-${probes++}.json`;
  const program = new URL("probe_main.ts", import.meta.url).pathname;
  // Type checks and the lock file are the test's business, and helper threads disturb what we measure.
  const flags = ["-A", "--no-check", "--no-lock", "--v8-flags=--single-threaded-gc"];
  const words = [program, address, String(options.intervalUs ?? 1000), path];
  const process = host.spawn([Deno.execPath(), "run", ...flags, ...words], {
    name: `probe-${address}`,
    input: true,
  });
  await until("the probe pings", () => {
    if (!process.running) throw new Hopeless(`the probe ended: ${process.log().trim()}`);
    return process.log().includes("probing");
  }, 10_000);
  return new Probe(process, path);
}
