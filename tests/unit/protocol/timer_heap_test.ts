import assert from "node:assert/strict";
import { type Deadline, TimerHeap } from "../../../mod/protocol/timer_heap.ts";
import { Random } from "../../lib/random.ts";

function item(name: string, log: string[]): Deadline {
  return { at: Infinity, position: -1, fire: () => void log.push(name) };
}

Deno.test("timer heap fires what is due, earliest first, and no more than the budget", () => {
  const heap = new TimerHeap();
  const log: string[] = [];
  heap.set(item("c", log), 30);
  heap.set(item("a", log), 10);
  heap.set(item("b", log), 20);
  assert.equal(heap.next, 10);
  assert.equal(heap.fire(9, 10), 0);
  assert.equal(heap.fire(25, 1), 1);
  assert.equal(heap.fire(25, 10), 1);
  assert.deepEqual(log, ["a", "b"]);
  assert.equal(heap.next, 30);
});

Deno.test("timer heap moves and cancels deadlines without leaving dead ones", () => {
  const heap = new TimerHeap();
  const log: string[] = [];
  const one = item("one", log);
  const two = item("two", log);
  for (let i = 0; i < 1000; i++) heap.set(one, 1000 - i);
  heap.set(two, 500);
  assert.equal(heap.size, 2);
  heap.cancel(one);
  heap.cancel(one);
  assert.equal(heap.size, 1);
  assert.equal(heap.fire(1000, 10), 1);
  assert.deepEqual(log, ["two"]);
  assert.equal(heap.next, Infinity);
});

Deno.test("timer heap agrees with a sorted list over 20,000 random changes", () => {
  const random = new Random(42);
  const heap = new TimerHeap();
  const model = new Map<Deadline, number>();
  const items: Deadline[] = Array.from({ length: 64 }, () => {
    const one: Deadline = { at: Infinity, position: -1, fire: () => void model.delete(one) };
    return one;
  });
  let now = 0;
  for (let i = 0; i < 20_000; i++) {
    const one = items[random.int(0, items.length - 1)]!;
    const choice = random.int(0, 9);
    if (choice < 6) {
      const at = now + random.int(0, 1000);
      heap.set(one, at);
      model.set(one, at);
    } else if (choice < 8) {
      heap.cancel(one);
      model.delete(one);
    } else {
      now += random.int(0, 300);
      const due = [...model.values()].filter((at) => at <= now).length;
      assert.equal(heap.fire(now, 1000), due);
    }
    assert.equal(heap.size, model.size);
    assert.equal(heap.next, Math.min(Infinity, ...model.values()));
  }
});
