import assert from "node:assert/strict";
import { formatProblem } from "../../../config/mod.ts";
import { scanPositions } from "../../../config/positions.ts";
import { FAMILIES, load, VALID } from "./fixtures.ts";

/** Cases of one run. */
const CASES = 2_000;

/** Pieces that are put in: all that has a meaning in TOML or in site.toml. */
const PIECES: readonly string[] = [
  ..."=[]{}\"'#,.\\\n\r\t \0\ufeff\ud800é😀",
  '"""',
  "'''",
  "[[vrrp]]\n",
  "[vrrp]\n",
  "[agent]\n",
  "by_host",
  "env",
  "file",
  "default",
  "include = ['site.toml']\n",
  "include = ['*']\n",
  "__proto__",
  "constructor",
  "{ env = 'X' }",
  "{ by_host = { edge-a = [] } }",
  "{ file = 'site.toml' }",
  "1979-05-27T07:32:00Z",
  "nan",
  "-1",
  "99999999999999999999",
  "1e400",
  "true",
  "[[[[[[[[",
  "a.b.c.d = ",
  "\u202e",
  "version = 2\n",
  "v2_compatibility = true\n",
  "label = 'x'",
  "'192.0.2.1', ",
  "'2001:db8::1/64', ",
  "fe80::1%eth0",
  "::ffff:",
  "/128",
  "%",
];

/** mulberry32: numbers from 0 up to, not including, 1. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `text` with some pieces put in, cut out, doubled or swapped. */
function mutate(text: string, random: () => number): string {
  function below(limit: number): number {
    return Math.floor(random() * limit);
  }
  let result = text;
  for (let edits = 1 + below(4); edits > 0; edits--) {
    const at = below(result.length + 1);
    const length = below(12);
    const [head, cut, tail] = [
      result.slice(0, at),
      result.slice(at, at + length),
      result.slice(at + length),
    ];
    const piece = PIECES[below(PIECES.length)] ?? "";
    const choice = below(4);
    if (choice === 0) result = head + piece + cut + tail;
    else if (choice === 1) result = head + tail;
    else if (choice === 2) result = head + piece + tail;
    else result = head + cut + cut + tail;
  }
  return result;
}

Deno.test(`${CASES} broken files: never a throw, always a place inside the file`, () => {
  const seed = Number(Deno.env.get("HALB_SEED") ?? 20_240_601);
  const random = randomNumbers(seed);
  let [valid, refused] = [0, 0];
  for (let index = 0; index < CASES; index++) {
    const text = mutate(index % 2 === 0 ? VALID : FAMILIES, random);
    const hint = `seed ${seed}, case ${index}: ${JSON.stringify(text)}`;
    const result = load({ "site.toml": text }, { variables: { X: "1" } });
    if (result.ok) {
      valid++;
      continue;
    }
    refused++;
    assert.ok(result.problems.some(({ severity }) => severity === "error"), hint);
    const lines = text.replace(/^\ufeff/, "").split("\n");
    for (const problem of result.problems) {
      const source = (lines[problem.line - 1] ?? "").replace(/\r$/, "");
      if (problem.line > 0) {
        assert.equal(problem.source_line, source, hint);
        assert.ok(problem.column >= 1 && problem.column <= [...source].length + 1, hint);
      }
      assert.ok(!/[\ue000\ue001]/.test(problem.message), hint);
      assert.ok(formatProblem(problem, { color: false }).includes(`${problem.severity}: `), hint);
    }
  }
  assert.ok(valid > 20 && refused > 1_000, `${valid} valid, ${refused} refused`);
});

Deno.test("noise of all kinds is refused and scanned to its end", () => {
  const random = randomNumbers(7);
  for (let index = 0; index < 500; index++) {
    const length = Math.floor(random() * 200);
    const pieces = Array.from({ length }, () => PIECES[Math.floor(random() * PIECES.length)] ?? "");
    const text = pieces.join("");
    scanPositions(text);
    assert.equal(load({ "site.toml": text }).ok, false);
  }
});

Deno.test("a file of one long line, and one nested deeply, end soon", () => {
  for (
    const text of [`a = "${"x".repeat(2_000_000)}"`, "a = " + "[".repeat(50_000), "[".repeat(1e6)]
  ) {
    const start = performance.now();
    const result = load({ "site.toml": text });
    assert.equal(result.ok, false);
    if (!result.ok) {
      for (const problem of result.problems) {
        assert.ok(formatProblem(problem, { color: false }).length < 2_000);
      }
    }
    assert.ok(performance.now() - start < 5_000);
  }
});
