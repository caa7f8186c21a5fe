/**
 * What trackers do to a priority. The table was taken from the wire of keepalived 2.2.7: base
 * priority 100, one tracker, the priority in its adverts, or nothing where it was in fault.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  contribution,
  evaluateGroupTrackers,
  evaluateTrackers,
  isFault,
  type Tracker,
  TRACKER_KINDS,
} from "../../../mod/vrrp/tracker.ts";
import { effectivePriority } from "../../../mod/vrrp/timers.ts";

function tracker(changed: Partial<Tracker> = {}): Tracker {
  return { kind: "script", name: "uplink", weight: 0, healthy: true, reason: "exit 0", ...changed };
}

/** The priority that is advertised; null: fault. */
function advertised(base: number, one: Tracker): number | null {
  const verdict = evaluateTrackers([one]);
  return verdict.faults.length > 0 ? null : effectivePriority(base, verdict.contribution);
}

/** What is tracked, and with which weights (`r`: reverse) keepalived advertised what. */
const KEEPALIVED: readonly (readonly [Partial<Tracker>, string])[] = [
  [
    { kind: "script", healthy: true },
    "10 → 110, -10 → 100, 0 → 100, 10r → 90, -10r → 100, 0r → fault",
  ],
  [
    { kind: "script", healthy: false },
    "10 → 100, -10 → 90, 0 → fault, 10r → 100, -10r → 110, 0r → 100",
  ],
  [
    { kind: "interface", healthy: true },
    "10 → 110, -10 → 100, 0 → 100, 10r → 90, -10r → 100, 0r → fault",
  ],
  [
    { kind: "interface", healthy: false },
    "10 → 100, -10 → 90, 0 → fault, 10r → 100, -10r → 110, 0r → 100",
  ],
  [{ kind: "file", value: 2 }, "5 → 110, -5 → 90, 0 → fault, 1 → 102, 5r → 90, 0r → 100, -1 → 98"],
  [
    { kind: "file", value: -3 },
    "5 → 85, -5 → 115, 0 → fault, 1 → 97, 5r → 115, 0r → 100, -1 → 103",
  ],
  [
    { kind: "file", value: 300 },
    "5 → 254, -5 → fault, 0 → fault, 1 → 254, 5r → fault, 0r → 100, -1 → fault",
  ],
  [
    { kind: "file", value: 0 },
    "5 → 100, -5 → 100, 0 → 100, 1 → 100, 5r → 100, 0r → fault, -1 → 100",
  ],
  [
    { kind: "file", value: -300 },
    "5 → fault, -5 → 254, 0 → fault, 1 → fault, 5r → 254, 0r → 100, -1 → 254",
  ],
  [
    { kind: "file", value: -253 },
    "5 → fault, -5 → 254, 0 → fault, 1 → 1, 5r → 254, 0r → 100, -1 → 254",
  ],
  [
    { kind: "file", value: -254 },
    "5 → fault, -5 → 254, 0 → fault, 1 → fault, 5r → 254, 0r → 100, -1 → 254",
  ],
  [
    { kind: "file", value: 253 },
    "5 → 254, -5 → fault, 0 → fault, 1 → 254, 5r → fault, 0r → 100, -1 → 1",
  ],
  [
    { kind: "file", value: 254 },
    "5 → 254, -5 → fault, 0 → fault, 1 → 254, 5r → fault, 0r → 100, -1 → fault",
  ],
  [{ kind: "file", value: 1 }, "5 → 105, -5 → 95, 0 → fault, 1 → 101, 5r → 95, 0r → 100, -1 → 99"],
];

for (const [tracked, row] of KEEPALIVED) {
  const what = tracked.value ?? (tracked.healthy ? "healthy" : "not healthy");
  Deno.test(`keepalived's arithmetic: ${tracked.kind}, ${what}: ${row}`, () => {
    for (const one of row.split(", ")) {
      const [, weight, reverse, expected] = /^(-?\d+)(r?) → (\w+)$/.exec(one)!;
      const result = advertised(
        100,
        tracker({ ...tracked, weight: Number(weight), reverse: reverse === "r" }),
      );
      strictEqual(result === null ? "fault" : String(result), expected, one);
    }
  });
}

Deno.test("every kind that is healthy or not counts alike, and is named in its fault", () => {
  for (const kind of TRACKER_KINDS) {
    const lost = tracker({ kind, healthy: false, reason: "gone" });
    deepStrictEqual(evaluateTrackers([lost]), {
      contribution: 0,
      faults: [`tracked ${kind} uplink: gone`],
    });
    strictEqual(contribution({ ...lost, weight: -30 }), -30);
    strictEqual(contribution({ ...lost, weight: 30, healthy: true }), 30);
  }
});

Deno.test("trackers add up; those in fault say so, all of them", () => {
  const trackers = [
    tracker({ weight: 20 }),
    tracker({ name: "b", weight: -30, healthy: false }),
    tracker({ name: "c", healthy: false, reason: "exit 1" }),
    tracker({ kind: "file", name: "maintenance", value: 4, weight: -5, reason: "4" }),
    tracker({ kind: "file", name: "drain", value: 1, reason: "holds 1" }),
  ];
  deepStrictEqual(evaluateTrackers(trackers), {
    contribution: -30,
    faults: ["tracked script c: exit 1", "tracked file drain: holds 1"],
  });
  deepStrictEqual(evaluateTrackers([]), { contribution: 0, faults: [] });
});

Deno.test("nothing counts as a negative zero", () => {
  for (const weight of [0, 5, -5]) {
    for (const reverse of [false, true]) {
      for (const healthy of [false, true]) {
        const sum = contribution(tracker({ weight, reverse, healthy }));
        ok(!Object.is(sum, -0));
        ok(!Object.is(contribution(tracker({ weight, reverse, healthy, value: 0 })), -0));
      }
    }
  }
});

Deno.test("the sum may be any number, the priority stays within its bounds", () => {
  strictEqual(advertised(100, tracker({ kind: "file", value: 2_147_483_647, weight: 1 })), 254);
  strictEqual(advertised(254, tracker({ weight: -253, healthy: false })), 1);
  strictEqual(advertised(255, tracker({ weight: -253, healthy: false })), 255);
  strictEqual(advertised(255, tracker({ healthy: false })), null);
});

Deno.test("a number far below zero is a fault, one unit above it is not", () => {
  strictEqual(isFault(tracker({ kind: "file", value: -253, weight: 1 })), false);
  strictEqual(isFault(tracker({ kind: "file", value: -254, weight: 1 })), true);
  strictEqual(isFault(tracker({ kind: "file", value: -127, weight: 2 })), true);
});

Deno.test("a group is moved by what its members track, once each; faults stay with the member", () => {
  const uplink = tracker({ weight: -10, healthy: false });
  const own = tracker({ name: "own", weight: 5 });
  const lost = tracker({ kind: "interface", name: "eth1", healthy: false, reason: "no carrier" });
  deepStrictEqual(evaluateGroupTrackers([[uplink, own], [uplink, lost], []]), {
    contribution: -5,
    faults: [[], ["tracked interface eth1: no carrier"], []],
  });
  // The same thing with another weight is another opinion, and counts as well.
  const { contribution } = evaluateGroupTrackers([[uplink], [{ ...uplink, weight: -20 }]]);
  strictEqual(contribution, -30);
  const reversed = { ...uplink, reverse: true };
  strictEqual(evaluateGroupTrackers([[uplink], [reversed], [reversed]]).contribution, 0);
});
