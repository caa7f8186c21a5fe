/** Long messages in pieces: what comes out, how much is told, and in how small parts. */

import assert from "node:assert/strict";
import { atOnce } from "../../../mod/steps/mod.ts";
import { Assembly } from "../../../mod/plane/assembly.ts";
import { differencePieces, type Piece } from "../../../mod/plane/difference.ts";
import { Assembler, Disassembler, type Pieces } from "../../../mod/plane/pieces.ts";
import { forSeeds } from "../../lib/random.ts";

interface Told {
  readonly type: "told";
  readonly id: string;
  readonly list?: readonly unknown[];
  readonly rest?: string;
}

/** Texts and numbers, however deep. */
function leaves(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce((sum: number, one) => sum + leaves(one), 0);
}

function assembled(former: unknown, pieces: readonly Piece[]): unknown {
  const assembly = new Assembly(former);
  // As it comes from another thread.
  for (const piece of pieces) assembly.take(structuredClone(piece));
  return assembly.value;
}

function there(former: unknown, wanted: unknown, most = 100): Piece[] {
  const pieces = [...differencePieces(former, wanted, most)];
  assert.deepEqual(assembled(former, pieces), wanted);
  return pieces;
}

const routers = (count: number, priority = 100) =>
  Array.from({ length: count }, (_, i) => ({
    slot: i,
    interface: "eth0",
    settings: { name: `r${i}`, priority, addresses: [`198.51.100.${i}`, "203.0.113.1"] },
    trackers: Array.from({ length: i === 3 ? 1000 : 0 }, (_, n) => ({ name: `c${n}`, weight: 1 })),
  }));

Deno.test("pieces: a whole configuration comes in small parts", () => {
  const pieces = there(undefined, { routers: routers(150), groups: [] });
  assert(pieces.length > 20, `${pieces.length}`);
  for (const piece of pieces) assert(leaves(piece) <= 350, `${leaves(piece)}`);
});

Deno.test("pieces: what has not changed is not told, and is the same object", () => {
  const former = { routers: routers(150), groups: [{ name: "g" }] };
  const wanted = structuredClone(former) as typeof former;
  const same = there(former, wanted);
  assert.equal(leaves(same), 1);
  assert.equal(assembled(former, same), former);
  wanted.routers[3]!.settings.priority = 90;
  const pieces = there(former, wanted);
  assert(leaves(pieces) < 40, `${JSON.stringify(pieces)}`);
  const made = assembled(former, pieces) as typeof former;
  assert.equal(made.routers[3]!.trackers, former.routers[3]!.trackers);
  assert.equal(made.routers[149], former.routers[149]);
  assert.equal(made.groups, former.groups);
});

Deno.test("pieces: one that comes or goes in the middle is told alone", () => {
  const former = routers(150);
  assert(leaves(there(former, former.toSpliced(70, 1))) < 10);
  assert(leaves(there(former.toSpliced(70, 1), former)) < 30);
  there(former, []);
  there([], former);
});

Deno.test("pieces: keys that come and go, other kinds of values, awkward names", () => {
  const awkward = JSON.parse('{ "__proto__": 1, "constructor": [2], "": null }');
  for (
    const [a, b] of [
      [{ a: 1, b: 2 }, { b: 2, c: 3 }],
      [[1], { 0: 1 }],
      [{ 0: 1 }, [1]],
      [null, {}],
      [{}, awkward],
      [undefined, { list: Array.from({ length: 80 }, (_, i) => i), no: undefined }],
      [[{ x: null, y: [] }, 1], [{ x: Infinity, y: [] }]],
      [{ x: 0 }, { x: -0 }],
    ]
  ) there(a, b, 1);
});

Deno.test("pieces: random changes of random data", () =>
  forSeeds(20, (random) => {
    const value = (depth: number): unknown => {
      const kind = random.int(0, depth === 0 ? 2 : 5);
      if (kind < 2) return random.int(0, 3);
      if (kind === 2) return `t${random.int(0, 3)}`;
      const items = Array.from({ length: random.int(0, 30) }, () => value(depth - 1));
      return kind < 5 ? items : Object.fromEntries(items.map((item, i) => [`k${i % 9}`, item]));
    };
    const changed = (from: unknown): unknown => {
      if (random.int(0, 9) === 0) return value(2);
      if (Array.isArray(from)) {
        const list = from.map((one) => random.int(0, 5) === 0 ? changed(one) : one);
        if (random.int(0, 2) === 0) list.splice(random.int(0, list.length), 1);
        if (random.int(0, 2) === 0) list.splice(random.int(0, list.length), 0, value(1));
        return list;
      }
      if (typeof from !== "object" || from === null) return from;
      return Object.fromEntries(Object.entries(from).map(([key, one]) => [key, changed(one)]));
    };
    let former: unknown = undefined;
    for (let i = 0; i < 30; i++) {
      const wanted = i % 20 === 0 ? value(3) : changed(former);
      there(former, wanted, random.int(1, 60));
      former = wanted;
    }
  }));

/** Both ends, and what is on its way. */
function line(most: number, whole = false) {
  const sent: Pieces<Told>[] = [];
  const from = new Disassembler<Told>(most, (one) => sent.push(structuredClone(one)));
  const to = new Assembler<Told>(whole);
  const hear = () => {
    const heard: Told[] = [];
    for (const one of sent.splice(0)) {
      if (one.type === "piece") to.take(one);
      else heard.push(to.end(one));
    }
    return heard;
  };
  return { sent, from, to, hear };
}

Deno.test("pieces: messages one after the other, and a plane that knows nothing", () => {
  const { sent, from, hear } = line(50);
  const list = routers(20);
  from.send({ list }, { type: "told", id: "1", rest: "a" }, 1);
  assert(sent.length > 5);
  assert.deepEqual(hear(), [{ type: "told", id: "1", list, rest: "a" }]);
  from.send({ list: structuredClone(list) }, { type: "told", id: "2" }, 1);
  assert.equal(sent.length, 2);
  assert.deepEqual(hear(), [{ type: "told", id: "2", list }]);
  from.send({ list }, { type: "told", id: "3" }, 2);
  assert(sent.length > 5, "another life is told everything");
  const [first] = sent;
  assert(first?.type === "piece" && first.number === 0);
});

Deno.test("pieces: what is broken off counts for nothing", () => {
  const { sent, from, to, hear } = line(20);
  from.send({ list: [1, 2, 3] }, { type: "told", id: "1" }, 1);
  hear();
  from.send({ list: routers(9) }, { type: "told", id: "2" }, 1);
  const lost = sent.splice(3);
  hear();
  const end = lost.at(-1)!;
  assert(end.type === "end");
  assert.throws(() => to.end(end), RangeError);
  assert.throws(() => lost[1]!.type === "piece" && to.take(lost[1]!), RangeError);
});

Deno.test("pieces: what could not be sent is no base of what comes next", () => {
  const { sent, from, hear } = line(20);
  from.send({ list: routers(9) }, { type: "told", id: "1" }, 1);
  hear();
  const wrong = [...routers(9, 90), () => "cannot be sent"];
  assert.throws(() => from.send({ list: wrong }, { type: "told", id: "2" }, 1), DOMException);
  assert(sent.length > 0 && sent.every(({ type }) => type === "piece"));
  from.send({ list: routers(9, 90) }, { type: "told", id: "3" }, 1);
  assert.deepEqual(hear(), [{ type: "told", id: "3", list: routers(9, 90) }]);
});

Deno.test("pieces: an answer is told in steps, and may change meanwhile", () => {
  const { sent, from, hear } = line(20, true);
  const list: unknown[] = routers(9);
  const steps = from.sending({ list }, { type: "told", id: "1" });
  for (let i = 0; i < 4; i++) {
    steps.next();
    assert.equal(sent.length, i + 1);
  }
  list.pop();
  atOnce(steps);
  const [told] = hear();
  assert.equal(told!.list!.length, 9);
  atOnce(from.sending({ list }, { type: "told", id: "2" }));
  assert.deepEqual(hear(), [{ type: "told", id: "2", list }]);
});
