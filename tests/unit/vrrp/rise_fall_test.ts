/** From findings to verdicts: results in a row, delays, counts of processes, numbers in files. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  createSettling,
  createVerdict,
  find,
  judgeProcesses,
  numberInFile,
  observe,
  type RiseFall,
  settleDown,
  type Verdict,
} from "../../../mod/vrrp/rise_fall.ts";
import { forSeeds } from "../../lib/random.ts";

const GOOD = { healthy: true, reason: "exit 0" };
const BAD = { healthy: false, reason: "exit 1" };

/** Verdicts after each result: `+` a success, `-` a failure; `?` nothing is known yet. */
function verdicts(settings: RiseFall, results: string): string {
  const verdict = createVerdict(settings, 0);
  const after = [...results].map((result, i) => {
    observe(verdict, settings, result === "+" ? GOOD : BAD, i);
    return sign(verdict);
  });
  return sign(createVerdict(settings, 0)) + after.join("");
}

function sign({ healthy }: Verdict): string {
  return healthy === null ? "?" : healthy ? "+" : "-";
}

Deno.test("results count in a row: so many failures to fall, so many successes to rise", () => {
  const settings = { rise: 2, fall: 3, startFailed: false };
  strictEqual(verdicts(settings, "+--+---"), "?++++++-");
  strictEqual(verdicts(settings, "-+-++"), "?----+");
  strictEqual(verdicts({ rise: 1, fall: 1, startFailed: false }, "+-+-"), "?+-+-");
});

Deno.test("the first result decides alone, unless the script starts failed", () => {
  strictEqual(verdicts({ rise: 3, fall: 3, startFailed: false }, "+"), "?+");
  strictEqual(verdicts({ rise: 3, fall: 3, startFailed: false }, "-"), "?-");
  strictEqual(verdicts({ rise: 3, fall: 3, startFailed: true }, "+++"), "---+");
  strictEqual(verdicts({ rise: 2, fall: 3, startFailed: true }, "-+-++"), "-----+");
});

Deno.test("a change is told once, with its time and the reason of the result that decided", () => {
  const settings = { rise: 1, fall: 2, startFailed: false };
  const verdict = createVerdict(settings, 5);
  deepStrictEqual(verdict, { healthy: null, reason: "no result yet", streak: 0, since: 5 });
  strictEqual(observe(verdict, settings, GOOD, 10), true);
  strictEqual(observe(verdict, settings, GOOD, 11), false);
  strictEqual(observe(verdict, settings, { healthy: false, reason: "exit 1" }, 12), false);
  strictEqual(verdict.reason, "exit 0", "the verdict stands, and so does its reason");
  strictEqual(observe(verdict, settings, { healthy: false, reason: "killed" }, 13), true);
  deepStrictEqual(verdict, { healthy: false, reason: "killed", streak: 0, since: 13 });
  strictEqual(observe(verdict, settings, { healthy: false, reason: "exit 2" }, 14), false);
  deepStrictEqual(verdict, { healthy: false, reason: "exit 2", streak: 0, since: 13 });
});

Deno.test("a verdict changes exactly when the last results all say so", () => {
  forSeeds(500, (random) => {
    const settings = { rise: random.int(1, 4), fall: random.int(1, 4), startFailed: true };
    const verdict = createVerdict(settings, 0);
    const results: boolean[] = [];
    for (let i = 0; i < 60; i++) {
      const before = verdict.healthy!;
      const healthy = random.chance(0.5);
      results.push(healthy);
      const changed = observe(verdict, settings, healthy ? GOOD : BAD, i);
      const needed = before ? settings.fall : settings.rise;
      const last = results.slice(-needed);
      const expected = last.length === needed && last.every((one) => one !== before);
      strictEqual(changed, expected, results.join());
      strictEqual(verdict.healthy, expected ? !before : before);
      if (changed) results.length = 0;
    }
  });
});

Deno.test("a change counts when it has lasted for its delay, and one that bounced never was", () => {
  const delays = { up: 100, down: 30 };
  const settling = createSettling(GOOD);
  strictEqual(find(settling, delays, BAD, 0), false);
  strictEqual(settling.pending!.at, 30);
  strictEqual(settleDown(settling, 29), false);
  // Found again, in other words: the time runs on.
  strictEqual(find(settling, delays, { healthy: false, reason: "no carrier" }, 20), false);
  strictEqual(settleDown(settling, 30), true);
  deepStrictEqual(settling, {
    believed: { healthy: false, reason: "no carrier" },
    pending: null,
  });
  find(settling, delays, GOOD, 40);
  find(settling, delays, BAD, 50);
  strictEqual(settleDown(settling, 1000), false, "it bounced");
  find(settling, delays, GOOD, 60);
  strictEqual(find(settling, delays, GOOD, 160), true, "no timer is needed where a finding comes");
});

Deno.test("without delay a finding counts at once", () => {
  const settling = createSettling(GOOD);
  strictEqual(find(settling, { up: 0, down: 0 }, BAD, 7), true);
  strictEqual(settling.believed, BAD);
});

Deno.test("processes: enough, too few, too many", () => {
  const rows = [
    [1, 1, null, true, "1 process runs"],
    [0, 1, null, false, "0 processes run, 1 needed"],
    [2, 3, null, false, "2 processes run, 3 needed"],
    [5, 1, 4, false, "5 processes run, 4 allowed"],
    [4, 1, 4, true, "4 processes run"],
    [0, 0, 0, true, "0 processes run"],
    [1, 0, 0, false, "1 process runs, 0 allowed"],
  ] as const;
  for (const [count, least, most, healthy, reason] of rows) {
    deepStrictEqual(judgeProcesses(count, { least, most }), { healthy, reason });
  }
});

Deno.test("the number in a file is its first word, whole, and not too large", () => {
  const rows: readonly [string, number | null][] = [
    ["5", 5],
    ["-3\n", -3],
    ["+7 because of the move\n", 7],
    ["  12\n13\n", 12],
    ["-0", 0],
    ["0012", 12],
    ["2147483647", 2_147_483_647],
    ["2147483648", null],
    ["99999999999999999999999999", null],
    ["", null],
    ["down", null],
    ["5x", null],
    ["1.5", null],
    ["0x10", null],
    ["- 5", null],
  ];
  for (const [text, value] of rows) strictEqual(numberInFile(text), value, JSON.stringify(text));
});
