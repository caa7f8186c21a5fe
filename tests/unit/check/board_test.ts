import assert from "node:assert/strict";
import {
  type BoardEffect,
  CheckBoard,
  type CheckMemory,
  type CheckReport,
} from "../../../mod/check/board.ts";
import {
  type CheckSettings,
  failed,
  type Outcome,
  passed,
  unasked,
  voided,
} from "../../../mod/check/mod.ts";

const SECOND = 1_000_000;

function settings(more: Partial<CheckSettings> = {}): CheckSettings {
  return {
    id: "c",
    target: "t",
    jitter: 0,
    timing: { interval: SECOND, timeout: SECOND, retryInterval: 100_000, warmup: 0 },
    verdict: { rise: 1, fall: 2, holdDown: 0, damping: null },
    initial: "up",
    ...more,
  };
}

/** A board of one check in virtual time. */
class World {
  readonly board = new CheckBoard();
  now = 1_000;
  /** The one that runs; 0: none does. */
  #probe = 0;

  /** What was found, as `health reason`, `*` where it has changed. */
  found(effects: readonly BoardEffect[]): string[] {
    return effects.flatMap((effect) => {
      if (effect.type === "start") this.#probe = effect.probe;
      if (effect.type !== "found") return [];
      const { health, reason, weight } = effect.standing;
      return [`${effect.changed ? "*" : ""}${health} ${reason}${weight ? ` ${weight.value}` : ""}`];
    });
  }

  configure(more: Partial<CheckSettings> = {}, former: readonly CheckMemory[] = []): string[] {
    return this.found(this.board.configure([settings(more)], 10, former, this.now));
  }

  /** The next probe ends so. */
  probe(outcome: Outcome): string[] {
    if (this.#probe === 0) {
      this.now = Math.max(this.now, this.board.next);
      this.found(this.board.due(this.now));
    }
    const probe = this.#probe;
    this.#probe = 0;
    this.now += 1_000;
    return this.found(this.board.finished("c", probe, outcome, 1_000, this.now));
  }
}

Deno.test("a verdict is told when it is known, and when it changes", () => {
  const world = new World();
  assert.deepEqual(world.configure(), []);
  assert.equal(world.board.reports()[0]!.health, null);
  assert.deepEqual(world.probe(passed("connected")), ["*up connected"]);
  assert.deepEqual(world.probe(passed("connected")), []);
  assert.deepEqual(world.probe(failed("refused")), []);
  assert.deepEqual(world.probe(failed("reset")), ["*down reset"]);
  assert.deepEqual(world.probe(failed("refused")), []);
  assert.deepEqual(world.probe(passed("connected")), ["*up connected"]);
  const [report] = world.board.reports();
  assert.equal(report!.transitions, 2);
  assert.equal(report!.lastError?.reason, "refused");
});

Deno.test("an assumption is no verdict: the first failure alone says nothing", () => {
  const world = new World();
  world.configure();
  assert.deepEqual(world.probe(failed("refused")), []);
  assert.deepEqual(world.probe(voided("stood still")), []);
  assert.deepEqual(world.probe(failed("refused")), ["*down refused"]);
});

Deno.test("of a server that could not be asked nothing is told", () => {
  const world = new World();
  world.configure();
  for (let i = 0; i < 9; i++) assert.deepEqual(world.probe(unasked("no descriptors")), []);
  const [{ health, voided, last }] = world.board.reports() as [CheckReport];
  assert.deepEqual([health, voided, last?.passed, last?.reason], [
    null,
    9,
    false,
    "no descriptors",
  ]);
  assert.deepEqual(world.probe(passed("connected")), ["*up connected"]);
  for (let i = 0; i < 9; i++) assert.deepEqual(world.probe(unasked("no descriptors")), []);
});

Deno.test("one that must prove itself first is down from the start", () => {
  const world = new World();
  assert.deepEqual(world.configure({ initial: "down" }), ["down not checked yet"]);
  assert.deepEqual(world.probe(passed("connected")), ["*up connected"]);
});

Deno.test("another opinion on the weight is told, a void outcome has none", () => {
  const world = new World();
  const says = (value: number) => passed("agrees", { weight: { kind: "percent", value } });
  world.configure();
  assert.deepEqual(world.probe(says(50)), ["*up agrees 50"]);
  assert.deepEqual(world.probe(says(50)), []);
  assert.deepEqual(world.probe(voided("stood still")), []);
  assert.deepEqual(world.probe(says(70)), ["up agrees 70"]);
  assert.deepEqual(world.probe(passed("agrees")), ["up agrees"]);
});

Deno.test("a former life's verdict goes on, one about another target does not", () => {
  const former = new World();
  former.configure();
  former.probe(failed("refused"));
  former.probe(failed("refused"));
  const memory = former.board.memoryOf("c")!;
  const world = new World();
  world.now = former.now;
  assert.deepEqual(world.configure({}, [memory]), ["down refused"]);
  const [report] = world.board.reports();
  assert.equal(report!.since, memory.since);
  assert.equal(report!.transitions, 1);
  assert.deepEqual(world.probe(passed("connected")), ["*up connected"]);
  assert.deepEqual(new World().configure({ target: "other" }, [memory]), []);
});

Deno.test("a reload keeps the verdict, and forgets that of another target", () => {
  const world = new World();
  world.configure();
  world.probe(passed("connected"));
  assert.deepEqual(world.configure({ verdict: { ...settings().verdict, fall: 1 } }), []);
  assert.deepEqual(world.probe(failed("refused")), ["*down refused"]);
  assert.deepEqual(world.configure({ target: "other" }), []);
  assert.equal(world.board.reports()[0]!.health, null);
  assert.deepEqual(world.board.standings(), []);
});

Deno.test("a probe of which nothing is heard has failed, and that may decide", () => {
  const world = new World();
  world.configure({ verdict: { ...settings().verdict, fall: 1 } });
  world.found(world.board.due(world.now));
  world.now += 3 * SECOND;
  assert.deepEqual(world.found(world.board.due(world.now)), [
    "*down the probe did not end by itself",
  ]);
});
