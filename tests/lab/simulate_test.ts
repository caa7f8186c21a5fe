/**
 * `halb simulate` and reality: the same files, the same failure at the same phase after an advert,
 * and outages that differ by 5 ms at most.
 *
 * All scenarios run beside each other, since most of their time is waiting: their agents start,
 * wait for each other, fail in turn, and are looked at when the last has failed. A run in which an
 * agent itself, or the machine, was late by more than 2 ms, or in which an advert left while the lab
 * was still cutting, says nothing of either: where it disagrees, that scenario is made again, by
 * itself, at most three times.
 */

import assert from "node:assert/strict";
import { monotonicMicros } from "../../ffi/mod.ts";
import { delay, Lab } from "../lib/mod.ts";
import { standstills, watchMachine } from "../lib/witness.ts";
import { foresee } from "./simulate_model.ts";
import { type Fared, type Measured, NOTABLE, Reality } from "./simulate_real.ts";
import { type Scenario, SCENARIOS } from "./simulate_scenarios.ts";

/** How far apart the two may be, microseconds. */
const TOLERANCE = 5_000;
/** An agent that was later than this judges nothing, microseconds. */
const LATE = NOTABLE;
const REPEATS = 3;
/** Between one failure and the next, milliseconds: none is to be late because of another. */
const APART = 130;
/** From the last start to the first failure, milliseconds. */
const REST = 500;

/** Lets many wait for each other. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  return () => {
    if (--count === 0) resolve();
    return promise;
  };
}

/** What one run showed. */
interface Compared {
  readonly measured: Measured;
  readonly foreseen: readonly Fared[];
  readonly wrong: readonly Difference[];
}

/** Where they disagree. */
interface Difference {
  readonly key: "takeover" | "outage";
  readonly text: string;
}

interface Meetings {
  readonly ready: () => Promise<void>;
  readonly over: () => Promise<void>;
}

/** Does it once. */
async function compare(
  scenario: Scenario,
  { ready, over }: Meetings,
  pause = 0,
): Promise<Compared> {
  const lab = await Lab.open();
  let [waits, goes] = [true, true];
  try {
    const reality = await Reality.start(lab, scenario);
    waits = false;
    await ready();
    await delay(REST + pause);
    await reality.happen();
    goes = false;
    await over();
    const measured = await reality.measure();
    const foreseen = await foresee(scenario, reality.nodes, lab.directory, measured);
    return { measured, foreseen, wrong: differences(scenario, measured, foreseen) };
  } catch (error) {
    console.error(`\n"${scenario.name}": ${error}\n${await lab.report()}\n`);
    throw error;
  } finally {
    // Nobody waits for one that has failed.
    if (waits) void ready();
    if (goes) void over();
    await lab.close();
  }
}

function differences(
  { addresses }: Scenario,
  { fared }: Measured,
  foreseen: readonly Fared[],
): Difference[] {
  return addresses.flatMap((address, i) => {
    const [real, model] = [fared[i]!, foreseen[i]!];
    return (["takeover", "outage"] as const).filter((key) =>
      Math.abs(real[key] - model[key]) > TOLERANCE
    ).map((key) => {
      const text = `${key} of ${address}: ${ms(real[key])} measured, ${ms(model[key])} simulated`;
      return { key, text };
    });
  });
}

function ms(micros: number): string {
  return `${(micros / 1000).toFixed(1)} ms`;
}

/** The first run that agrees, or in which nobody was late; where there is none, the last one. */
async function judge(
  { name }: Scenario,
  first: Promise<Compared>,
  again: () => Promise<Compared>,
): Promise<Compared> {
  for (let runs = 0, run = first;; runs++, run = again()) {
    const began = monotonicMicros();
    let why: string;
    try {
      const result = await run;
      const { wrong, measured: { late } } = result;
      const excused = wrong.length > 0 && wrong.every(({ key }) => late[key] > LATE);
      if (!excused || runs === REPEATS) return result;
      const shown = wrong.map(({ key, text }) => `${text}, late by ${ms(late[key])}`);
      why = `an agent or the lab was late: ${shown.join("; ")}`;
    } catch (error) {
      const [longest] = standstills(began);
      if (longest === undefined || runs === REPEATS) throw error;
      why = `the machine stood still for ${ms(longest[1])}`;
    }
    console.log(`"${name}" is repeated: ${why}`);
  }
}

/** First all together, then those again that a late agent has spoilt. */
function runAll(): Map<Scenario, Promise<Compared>> {
  watchMachine(NOTABLE);
  const { length } = SCENARIOS;
  const meetings: Meetings = { ready: meeting(length), over: meeting(length) };
  const nobody: Meetings = { ready: () => Promise.resolve(), over: () => Promise.resolve() };
  const everybody: Promise<unknown>[] = [];
  let last: Promise<unknown> = Promise.resolve();
  /** When all have been done, and one after the other. */
  const again = (scenario: Scenario): Promise<Compared> => {
    const before = last;
    const own = Promise.allSettled([...everybody, before]).then(() => compare(scenario, nobody));
    last = own;
    return own;
  };
  const results = SCENARIOS.map((scenario, i) => {
    const first = compare(scenario, meetings, i * APART);
    everybody.push(first);
    const judged = judge(scenario, first, () => again(scenario));
    judged.catch(() => undefined);
    return [scenario, judged] as const;
  });
  return new Map(results);
}

let all: Map<Scenario, Promise<Compared>> | undefined;

for (const scenario of SCENARIOS) {
  Deno.test({
    name: `simulated as measured: ${scenario.name}`,
    sanitizeOps: false,
    sanitizeResources: false,
    sanitizeExit: false,
    async fn() {
      all ??= runAll();
      const { measured, foreseen, wrong } = await all.get(scenario)!;
      console.log(`failed ${ms(measured.phase)} after an advert`);
      for (const [i, address] of scenario.addresses.entries()) {
        const [real, model] = [measured.fared[i]!, foreseen[i]!];
        const keys = ["takeover", "announced", "outage", "double"] as const;
        const pairs = keys.map((key) => `${key} ${ms(real[key])} (${ms(model[key])})`);
        console.log(`${address}: measured (simulated): ${pairs.join(", ")}`);
      }
      assert.deepEqual(wrong.map(({ text }) => text), []);
    },
  });
}
