/** Variables in order: what a view answers equals what a sorted list of all of them would. */

import assert from "node:assert/strict";
import {
  answerRequest,
  compareOid,
  type Oid,
  scalarsOf,
  type SearchRange,
  type Table,
  tableOf,
  type Value,
  type VarBind,
  View,
} from "../../../mod/agentx/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";

const END: Value = { type: "end_of_mib_view" };

function value(number: number): Value {
  return { type: "integer", value: number };
}

/** Tables of all forms, and everything in them. */
function anyView(random: Random): { view: View; all: VarBind[] } {
  const tables: Table[] = [];
  const all: VarBind[] = [];
  let number = 0;
  for (const entry of [[1, 3], [1, 4, 1], [1, 6]].filter(() => random.chance(0.8))) {
    const columns = [1, 2, 3, 5].filter(() => random.chance(0.7));
    const rows = new Map<string, Oid>();
    for (let i = random.int(0, 8); i > 0; i--) {
      const index = Array.from({ length: random.int(1, 3) }, () => random.int(0, 3));
      rows.set(index.join("."), index);
    }
    const cells = new Map<string, Value>();
    for (const [key, index] of rows) {
      for (const column of columns.filter(() => random.chance(0.8))) {
        const made = value(number++);
        cells.set(`${column} ${key}`, made);
        all.push({ name: [...entry, column, ...index], value: made });
      }
    }
    const of = (column: number) => (key: string) => cells.get(`${column} ${key}`);
    tables.push(tableOf(
      entry,
      Object.fromEntries(columns.map((column) => [column, of(column)])),
      () => [...rows].map(([key, index]) => ({ index, of: key })),
    ));
  }
  if (random.chance(0.5)) {
    // With a table behind them, in the same place.
    tables.push(scalarsOf([1, 5], { 1: () => value(-1), 2: () => value(-2) }, null));
    tables.push(tableOf([1, 5, 3], { 1: () => value(-3) }, () => [{ index: [7], of: null }]));
    all.push({ name: [1, 5, 1, 0], value: value(-1) }, { name: [1, 5, 2, 0], value: value(-2) });
    all.push({ name: [1, 5, 3, 1, 7], value: value(-3) });
  }
  all.sort((a, b) => compareOid(a.name, b.name));
  return { view: new View(tables), all };
}

function anyOid(random: Random, all: readonly VarBind[]): Oid {
  if (all.length > 0 && random.chance(0.5)) {
    const name = [...random.pick(all).name];
    if (random.chance(0.3)) name.pop();
    if (random.chance(0.3)) name.push(random.int(0, 2));
    return name;
  }
  return Array.from({ length: random.int(0, 6) }, () => random.int(0, 7));
}

function expected(all: readonly VarBind[], { start, include, end }: SearchRange): VarBind {
  const found = all.find(({ name }) => {
    const order = compareOid(name, start);
    return (order > 0 || (include && order === 0)) &&
      (end.length === 0 || compareOid(name, end) < 0);
  });
  return found ?? { name: start, value: END };
}

Deno.test("next and get equal a search through everything", () => {
  forSeeds(3_000, (random) => {
    const { view, all } = anyView(random);
    for (let i = 0; i < 10; i++) {
      const range = {
        start: anyOid(random, all),
        include: random.chance(0.5),
        end: random.chance(0.5) ? [] : anyOid(random, all),
      };
      assert.deepEqual(view.next(range), expected(all, range));
      const got = view.get(range.start);
      const there = all.find(({ name }) => compareOid(name, range.start) === 0);
      if (there !== undefined) assert.deepEqual(got, there);
      else assert.match(got.value.type, /^no_such_/);
    }
  });
});

Deno.test("a walk finds each variable once, in order; in bulk, too", () => {
  forSeeds(300, (random) => {
    const { view, all } = anyView(random);
    const walk = (next: (start: Oid) => VarBind[]): VarBind[] => {
      const seen: VarBind[] = [];
      for (let start: Oid = [1];;) {
        for (const one of next(start)) {
          if (one.value.type === "end_of_mib_view") return seen;
          seen.push(one);
          start = one.name;
        }
      }
    };
    assert.deepEqual(walk((start) => [view.next({ start, include: false, end: [] })]), all);
    const maxRepetitions = random.int(1, 5);
    const bulk = (start: Oid) =>
      answerRequest(view, {
        type: "get_bulk",
        nonRepeaters: 0,
        maxRepetitions,
        ranges: [{ start, include: false, end: [] }],
      });
    assert.deepEqual(walk(bulk), all);
  });
});

Deno.test("a walk ends though two rows have one index", () => {
  const rows = [[2], [1], [1], [2], [1]].map((index, of) => ({ index, of }));
  const view = new View([tableOf([1, 3], { 1: (of: number) => value(of) }, () => rows)]);
  const request = {
    type: "get_bulk",
    nonRepeaters: 0,
    maxRepetitions: 20,
    ranges: [{ start: [1], include: false, end: [] }],
  } as const;
  const names = answerRequest(view, request).map(({ name, value: { type } }) => [type, ...name]);
  assert.deepEqual(names, [
    ["integer", 1, 3, 1, 1],
    ["integer", 1, 3, 1, 2],
    ["end_of_mib_view", 1, 3, 1, 2],
  ]);
});

Deno.test("what is not there: no such object, no such instance", () => {
  const view = new View([tableOf([1, 3], { 2: () => value(1) }, () => [{ index: [1], of: null }])]);
  const kinds = [[1, 3, 2, 1], [1, 3, 2, 2], [1, 3, 2], [1, 3, 4, 1], [1, 3], [1, 9]]
    .map((name) => view.get(name).value.type);
  assert.deepEqual(kinds, [
    "integer",
    "no_such_instance",
    "no_such_instance",
    "no_such_object",
    "no_such_object",
    "no_such_object",
  ]);
});

Deno.test("an answer in bulk: non-repeaters once, whole rounds, and an end", () => {
  const rows = Array.from({ length: 2_000 }, (_, i) => ({ index: [i], of: i }));
  const view = new View([tableOf([1, 3], { 1: (of: number) => value(of) }, () => rows)]);
  const range = (...start: number[]) => ({ start, include: false, end: [] });
  const names = (nonRepeaters: number, maxRepetitions: number, ...ranges: SearchRange[]) =>
    answerRequest(view, { type: "get_bulk", nonRepeaters, maxRepetitions, ranges })
      .map(({ name }) => name.at(-1));
  assert.deepEqual(names(1, 2, range(1), range(1, 3, 1, 5), range(1, 3, 1, 8)), [0, 6, 9, 7, 10]);
  assert.deepEqual(names(0, 9, range(1, 3, 1, 1_998), range(1, 9)), [1_999, 9, 1_999, 9]);
  assert.equal(names(0, 65_535, range(1), range(1)).length, 500);
  assert.deepEqual(names(0, 0, range(1)), []);
});

Deno.test("ten thousand rows of thirty columns are walked without a second look at others", () => {
  let made = 0;
  let asked = 0;
  const column = (of: number) => {
    asked++;
    return value(of);
  };
  const columns = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [i + 2, column]));
  const view = new View([
    tableOf([1, 3], columns, () => {
      made++;
      return Array.from({ length: 10_000 }, (_, i) => ({ index: [1 + (i % 10), i], of: i }));
    }),
  ]);
  let start: Oid = [1];
  let seen = 0;
  for (;; seen++) {
    const { name, value: { type } } = view.next({ start, include: false, end: [] });
    if (type === "end_of_mib_view") break;
    start = name;
  }
  assert.deepEqual([made, seen, asked], [1, 300_000, 300_000]);
});
