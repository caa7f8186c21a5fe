/** Reloads that wait, in virtual time. */

import assert from "node:assert/strict";
import { type Moment, ReloadMachine, type ReloadMemory, resume } from "../../../mod/reload/mod.ts";

interface Site {
  readonly fingerprint: string;
}

const [OLD, NEW, NEWER] = ["old", "new", "newer"].map((fingerprint): Site => ({ fingerprint })) as [
  Site,
  Site,
  Site,
];
/** Seconds after the start, on both clocks. */
function at(seconds: number, set = 0): Moment {
  return { monotonic: 5_000_000 + seconds * 1e6, wall: 1_000_000_000_000 + (seconds + set) * 1000 };
}

const MINUTE = 60_000_000;

function awaiting(): ReloadMachine<Site> {
  const machine = new ReloadMachine(OLD);
  machine.applied(NEW, MINUTE, at(0));
  return machine;
}

function memoryOf(machine: ReloadMachine<Site>): ReloadMemory<Site> {
  assert.ok(machine.memory !== null);
  return JSON.parse(JSON.stringify(machine.memory));
}

Deno.test("a reload that need not be confirmed leaves nothing behind", () => {
  const machine = new ReloadMachine(OLD);
  machine.applied(NEW, null, at(0));
  assert.deepEqual([machine.running, machine.memory], [NEW, null]);
  assert.deepEqual([machine.wake(at(1)), machine.due(at(1e6)), machine.confirm()], [
    null,
    null,
    false,
  ]);
});

Deno.test("nobody confirms: it goes back when the time is up, not before, and only once", () => {
  const machine = awaiting();
  assert.equal(machine.wake(at(0)), 60_000);
  assert.equal(machine.due(at(59.999)), null);
  assert.equal(machine.wake(at(59.9995)), 1);
  assert.deepEqual(machine.due(at(60)), { what: "roll_back", to: OLD });
  machine.rolledBack("nobody did", at(60));
  assert.deepEqual([machine.running, machine.due(at(100)), machine.wake(at(100))], [
    OLD,
    null,
    null,
  ]);
  assert.deepEqual(machine.refused, { fingerprint: "new", at: at(60).wall, reason: "nobody did" });
  // Whoever wants it all the same gets it, and it is no longer refused.
  machine.applied(NEW, null, at(200));
  assert.equal(machine.memory, null);
});

Deno.test("confirmed in time, it stays; the wall clock has no say in that", () => {
  const machine = awaiting();
  assert.equal(machine.due(at(30, 86_400)), null);
  assert.equal(machine.confirm(), true);
  assert.deepEqual([machine.running, machine.memory, machine.due(at(100))], [NEW, null, null]);
});

Deno.test("a second reload has to be confirmed by the same time, or by its own", () => {
  const machine = awaiting();
  machine.applied(NEWER, null, at(50));
  assert.deepEqual(machine.due(at(60)), { what: "roll_back", to: OLD });
  machine.applied(NEW, MINUTE, at(50));
  assert.equal(machine.due(at(109)), null);
  assert.deepEqual(machine.due(at(110)), { what: "roll_back", to: OLD });
  // The one before, by hand: there is nothing to confirm.
  machine.applied({ fingerprint: "old" }, null, at(55));
  assert.deepEqual([machine.memory, machine.due(at(200))], [null, null]);
});

Deno.test("a reload with nothing to do waits for nobody", () => {
  const machine = new ReloadMachine(OLD);
  machine.applied({ fingerprint: "old" }, MINUTE, at(0));
  assert.equal(machine.memory, null);
});

Deno.test("going back that fails is tried again", () => {
  const machine = awaiting();
  machine.failed(at(60));
  assert.equal(machine.due(at(64)), null);
  assert.deepEqual(machine.due(at(65)), { what: "roll_back", to: OLD });
});

Deno.test("what is tried with a copy changes nothing here", () => {
  const machine = awaiting();
  const before = memoryOf(machine);
  const copy = machine.clone();
  assert.deepEqual(copy.memory, before);
  copy.confirm();
  copy.schedule(at(10).wall, null);
  assert.deepEqual(memoryOf(machine), before);
});

Deno.test("a reload for later follows the wall clock, is done once, and can be taken back", () => {
  const machine = new ReloadMachine(OLD);
  machine.schedule(at(100).wall, MINUTE);
  // The clock may be set: it is looked at again and again.
  assert.equal(machine.wake(at(0)), 30_000);
  assert.equal(machine.wake(at(99.5)), 500);
  assert.equal(machine.due(at(99)), null);
  assert.deepEqual(machine.due(at(10, 90)), { what: "reload", within: MINUTE });
  assert.equal(machine.due(at(10, 90)), null);
  machine.schedule(at(100).wall, null);
  machine.schedule(at(200).wall, null);
  assert.deepEqual(machine.cancel(), { at: at(200).wall, within: null });
  assert.deepEqual([machine.cancel(), machine.memory, machine.wake(at(0))], [null, null, null]);
});

Deno.test("both at once: going back comes first", () => {
  const machine = awaiting();
  machine.schedule(at(60).wall, null);
  assert.equal(machine.due(at(60))?.what, "roll_back");
  machine.rolledBack("", at(60));
  assert.equal(machine.due(at(60))?.what, "reload");
});

Deno.test("a process that takes over waits on; one that is started anew goes back", () => {
  const memory = memoryOf(awaiting());
  const taken = resume(memory, "new", true, at(10));
  assert.deepEqual(taken.running, NEW);
  const next = new ReloadMachine(taken.running!, taken.memory);
  assert.deepEqual(next.due(at(60)), { what: "roll_back", to: OLD });

  const anew = resume(memory, "new", false, at(10));
  assert.deepEqual(anew.running, OLD);
  const back = new ReloadMachine(anew.running!, anew.memory);
  assert.deepEqual([back.awaiting, back.refused?.fingerprint], [null, "new"]);
  // Once more, with the same file, and with another one.
  const again = memoryOf(back);
  for (const takesOver of [false, true]) {
    assert.deepEqual(resume(again, "new", takesOver, at(20)).running, OLD);
    assert.deepEqual(resume(again, "newer", takesOver, at(20)), { running: null });
  }
  // The file had been put back before the start.
  assert.deepEqual(resume(memory, "old", false, at(10)), { running: OLD });
});

Deno.test("while a reload is scheduled no start takes the file", () => {
  const machine = new ReloadMachine(OLD);
  machine.schedule(at(100).wall, null);
  const memory = memoryOf(machine);
  for (const takesOver of [false, true]) {
    const resumed = resume(memory, "new", takesOver, at(10));
    assert.deepEqual(resumed.running, OLD);
    // Its time came while nobody was there.
    const late = new ReloadMachine(OLD, resumed.memory);
    assert.equal(late.wake(at(500)), 0);
    assert.deepEqual(late.due(at(500)), { what: "reload", within: null });
  }
});
