/** Tracked scripts in virtual time: when they run, and what is believed of them. */

import assert from "node:assert/strict";
import type { TrackScriptConfig } from "../../../config/mod.ts";
import { ScriptTrackers } from "../../../mod/agent/trackers/scripts.ts";
import type { TrackerSurroundings } from "../../../mod/agent/trackers/surroundings.ts";
import { failed, type Outcome, passed } from "../../../mod/check/mod.ts";

const SECOND = 1_000_000;
const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534, groups: [] };

interface Run {
  readonly name: string;
  readonly at: number;
  readonly signal: AbortSignal;
  readonly atOnce: AbortSignal;
  end(outcome: Outcome): void;
}

/** A world in which scripts end when the test says so. */
class World implements TrackerSurroundings {
  time = 1000 * SECOND;
  readonly runs: Run[] = [];
  readonly told: string[] = [];
  readonly logs: string[] = [];
  readonly #timers = new Set<{ at: number; work: () => void }>();
  readonly scripts = new ScriptTrackers(this);

  now(): number {
    return this.time;
  }

  after(delay: number, work: () => void): () => void {
    const timer = { at: this.time + delay, work };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  soon(work: () => void): void {
    queueMicrotask(work);
  }

  run(
    { name }: TrackScriptConfig,
    signal: AbortSignal,
    atOnce: AbortSignal,
  ): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.runs.push({ name, at: this.time, signal, atOnce, end: resolve });
    return promise;
  }

  found({ name, healthy, reason }: { name: string; healthy: boolean; reason: string }): void {
    this.told.push(`${name}: ${healthy ? "good" : "bad"}, ${reason}`);
  }

  log(_level: string, message: string): void {
    this.logs.push(message);
  }

  /** Time passes. */
  async pass(micros: number): Promise<void> {
    const end = this.time + micros;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.time = Math.max(this.time, due.at);
      due.work();
    }
    this.time = end;
    await settle();
  }

  /** The last run ends. */
  async end(outcome: Outcome): Promise<void> {
    this.runs.at(-1)!.end(outcome);
    await settle();
  }

  /** One run from start to end, a second later the next is due. */
  async round(...outcomes: Outcome[]): Promise<void> {
    for (const outcome of outcomes) {
      await this.end(outcome);
      await this.pass(SECOND);
    }
  }

  get timers(): number {
    return this.#timers.size;
  }
}

/** Lets promises that are resolved be followed. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await null;
}

function script(name: string, more: Partial<TrackScriptConfig> = {}): TrackScriptConfig {
  return {
    name,
    command: ["/bin/true"],
    interval: SECOND,
    rise: 1,
    fall: 1,
    weight: 0,
    reverse: false,
    start_failed: false,
    user: NOBODY,
    ...more,
  };
}

const GOOD = passed("exit 0");
const BAD = failed("exit 1");

Deno.test("a script runs at once, and is believed with its first result", async () => {
  const world = new World();
  world.scripts.configure([script("up")]);
  assert.equal(world.runs.length, 1);
  assert.deepEqual([world.told, world.scripts.findings()], [[], []]);
  await world.end(BAD);
  assert.deepEqual(world.told, ["up: bad, exit 1"]);
  assert.deepEqual(world.logs, ["Tracked script fails, first result"]);
  await world.pass(SECOND);
  assert.equal(world.runs.length, 2);
});

Deno.test("rise and fall count results in a row", async () => {
  const world = new World();
  world.scripts.configure([script("up", { rise: 3, fall: 2 })]);
  await world.round(GOOD, BAD, GOOD, BAD, BAD);
  assert.deepEqual(world.told, ["up: good, exit 0", "up: bad, exit 1"]);
  await world.round(GOOD, GOOD, BAD, GOOD, GOOD, GOOD);
  assert.deepEqual(world.told.slice(2), ["up: good, exit 0"]);
});

Deno.test("one that starts failed says so before its first result, and has to rise", async () => {
  const world = new World();
  world.scripts.configure([script("up", { rise: 2, start_failed: true })]);
  assert.deepEqual(world.told, ["up: bad, has not succeeded yet"]);
  await world.round(GOOD);
  assert.equal(world.told.length, 1);
  await world.round(GOOD);
  assert.deepEqual(world.told.slice(1), ["up: good, exit 0"]);
});

Deno.test("a change of the reason is told, the same result again is not", async () => {
  const world = new World();
  world.scripts.configure([script("up")]);
  await world.round(BAD, BAD, failed("ended by SIGSEGV"), BAD);
  assert.deepEqual(world.told, ["up: bad, exit 1", "up: bad, ended by SIGSEGV", "up: bad, exit 1"]);
  assert.equal(world.logs.length, 1);
});

Deno.test("a script is told to end after its timeout, and never runs twice at once", async () => {
  const world = new World();
  world.scripts.configure([script("up", { timeout: SECOND / 2 })]);
  await world.pass(SECOND / 2 - 1);
  assert.equal(world.runs[0]!.signal.aborted, false);
  await world.pass(1);
  assert.equal(world.runs[0]!.signal.aborted, true);
  // It cannot be killed. That is a failure, again and again, and no second run.
  await world.pass(60 * SECOND);
  assert.equal(world.runs.length, 1);
  assert.deepEqual(world.told, ["up: bad, the last run has not ended, and cannot be killed"]);
  await world.end(failed("did not end in time and was killed"));
  await world.pass(SECOND);
  assert.equal(world.runs.length, 2);
  await world.end(GOOD);
  assert.equal(world.told.at(-1), "up: good, exit 0");
});

Deno.test("a run longer than the interval leaves beats out", async () => {
  const world = new World();
  world.scripts.configure([script("up", { timeout: 10 * SECOND })]);
  await world.pass(2.5 * SECOND);
  assert.equal(world.runs.length, 1);
  await world.end(GOOD);
  await world.pass(SECOND / 2);
  assert.deepEqual(world.runs.map(({ at }) => at / SECOND), [1000, 1003]);
});

Deno.test("a reload leaves what is the same alone, its verdict and its run", async () => {
  const world = new World();
  world.scripts.configure([script("a"), script("b")]);
  for (const run of world.runs.splice(0)) run.end(BAD);
  await world.pass(SECOND);
  assert.deepEqual(world.runs.map(({ name }) => name), ["a", "b"]);
  // Other numbers are no other script; another command is.
  world.scripts.configure([
    script("a", { rise: 2, weight: -20 }),
    script("b", { command: ["/bin/false"] }),
    script("c", { start_failed: true }),
  ]);
  assert.equal(world.runs[0]!.signal.aborted, false);
  assert.equal(world.runs[1]!.signal.aborted, true);
  assert.deepEqual(world.runs.map(({ name }) => name), ["a", "b", "c"]);
  assert.deepEqual(world.scripts.findings().map(({ name }) => name), ["a", "c"]);
  // The new b starts when the old one is gone, whose result is nobody's.
  world.runs[1]!.end(BAD);
  await settle();
  assert.deepEqual(world.runs.map(({ name }) => name), ["a", "b", "c", "b"]);
  world.runs[3]!.end(GOOD);
  world.runs[0]!.end(GOOD);
  await settle();
  assert.deepEqual(world.told.slice(2), ["c: bad, has not succeeded yet", "b: good, exit 0"]);
});

Deno.test("a verdict of a former process is kept, and told by whoever has it already", async () => {
  const world = new World();
  const believed = { healthy: false, reason: "exit 7" };
  const thing = { kind: "script", namespace: "", name: "up" } as const;
  world.scripts.restore([{ ...thing, believed, pending: null }]);
  world.scripts.configure([script("up", { rise: 2 })]);
  assert.deepEqual(world.told, []);
  assert.deepEqual(world.scripts.findings(), [{ ...thing, ...believed }]);
  await world.round(GOOD);
  assert.deepEqual(world.told, []);
  await world.round(GOOD);
  assert.deepEqual(world.told, ["up: good, exit 0"]);
});

Deno.test("at most so many scripts at once; the others come when one has ended", async () => {
  const world = new World();
  const many = Array.from({ length: 100 }, (_, i) => script(`s${i}`));
  world.scripts.configure(many);
  assert.equal(world.runs.length, 64);
  for (const run of world.runs.slice(0, 64)) run.end(GOOD);
  await settle();
  assert.equal(world.runs.length, 100);
});

Deno.test("stop ends what runs, and nothing is started or left any more", async () => {
  const world = new World();
  world.scripts.configure([script("a"), script("b")]);
  world.scripts.stop();
  assert.ok(world.runs.every(({ atOnce }) => atOnce.aborted));
  for (const run of world.runs) run.end(BAD);
  await world.pass(10 * SECOND);
  assert.deepEqual([world.runs.length, world.told.length, world.timers], [2, 0, 0]);
});
