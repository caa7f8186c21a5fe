/**
 * Our own lateness, and coming back from a snapshot: whom not to blame, and when to keep quiet
 * (DESIGN.md, "The lateness guard" and "Planes fail apart").
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Micros, type Router, type RouterEvent, step } from "../../../mod/vrrp/mod.ts";
import {
  advert,
  after,
  CANCEL,
  DROP,
  faulty,
  health,
  hold,
  initial,
  master,
  MASTER_DOWN,
  releasing,
  SECOND,
  send,
  setTimer,
  started,
  STOPPED,
  testRows,
  timer,
  transition,
} from "./fixtures.ts";

const M = 4 * SECOND;
/** A master sends its second advert here, and is then silent. */
const LAST = MASTER_DOWN + SECOND;

function stall(length: Micros): RouterEvent {
  return { type: "stall", length };
}

function talking(): Router {
  return after(master(), [LAST, timer(2)]);
}

function grace(late: Micros, more: Micros) {
  const text = `Woke up ${late} µs late: waiting ${more} µs more`;
  return { type: "notice", kind: "stall_grace", text } as const;
}

function listening(silence: Micros) {
  const text = `Was silent for ${silence} µs as master: listening first`;
  return { type: "notice", kind: "stalled_master", text } as const;
}

const STOOD_STILL = transition(
  "master",
  "backup",
  "stood still for longer than its master-down interval",
);
const RESUMED = { ...hold(1), resumed: true } as const;
const AWAY = transition("master", "backup", "was away for longer than its master-down interval");

testRows([
  {
    rule: "[N25] a backup whose timer ran out during its own stall waits as long once more",
    given: () => started(),
    event: timer(1),
    at: MASTER_DOWN + 5_000,
    effects: [grace(5_000, 5_000), setTimer("master_down", 2, MASTER_DOWN + 10_000)],
    state: "backup",
  },
  {
    rule: "[N25] but one master-down interval at most",
    given: () => started(),
    event: timer(1),
    at: MASTER_DOWN + 60 * SECOND,
    effects: [
      grace(60 * SECOND, MASTER_DOWN),
      setTimer("master_down", 2, 2 * MASTER_DOWN + 60 * SECOND),
    ],
    state: "backup",
  },
  {
    rule: "[N25] lateness below 5 ms is ordinary",
    given: () => started(),
    event: timer(1),
    at: MASTER_DOWN + 4_999,
    effects: [
      send(100),
      hold(1),
      transition("backup", "master", "no advertisement from any master in time"),
      setTimer("advertisement", 2, MASTER_DOWN + 4_999 + SECOND),
    ],
    state: "master",
  },
  {
    rule: "[N25] grace is given once: late again, and it takes over",
    given: () => after(started(), [MASTER_DOWN + 5_000, timer(1)]),
    event: timer(2),
    at: MASTER_DOWN + 60_000,
    effects: [
      send(100),
      hold(1),
      transition("backup", "master", "no advertisement from any master in time"),
      setTimer("advertisement", 3, MASTER_DOWN + 60_000 + SECOND),
    ],
    state: "master",
  },
  {
    rule: "[N25] who speaks during the grace is master: a new wait has its own grace",
    given: () => after(started(), [MASTER_DOWN + 5_000, timer(1)]),
    event: advert(),
    at: MASTER_DOWN + 6_000,
    effects: [setTimer("master_down", 3, 2 * MASTER_DOWN + 6_000)],
    state: "backup",
    memory: { graceUsed: false },
  },
  {
    rule: "[N25] a tracker that moves the timer does not take the grace back",
    given: () => after(started(), [MASTER_DOWN + 100_000, timer(1)]),
    event: health(-30),
    at: MASTER_DOWN + 100_001,
    effects: [setTimer("master_down", 3, MASTER_DOWN + 200_000 + 117_187)],
    state: "backup",
  },
  {
    rule: "a stall as backup: the packets that follow decide",
    given: () => started(),
    event: stall(60 * SECOND),
    at: 60 * SECOND,
    effects: [],
    state: "backup",
  },
  {
    rule: "[S3] a master silent for longer than its master-down interval drops, and says nothing",
    given: talking,
    event: stall(2_700_000),
    at: LAST + MASTER_DOWN + 1,
    effects: [
      listening(MASTER_DOWN + 1),
      DROP,
      CANCEL,
      STOOD_STILL,
      setTimer("master_down", 4, LAST + MASTER_DOWN + 1 + SECOND),
    ],
    state: "backup",
  },
  {
    rule: "[S3] silent for exactly that long: nobody can have taken over",
    given: talking,
    event: stall(2_609_375),
    at: LAST + MASTER_DOWN,
    effects: [],
    state: "master",
  },
  {
    rule: "[S3] a suspended machine: its monotonic clock stood still, the stall counts",
    given: talking,
    event: stall(600 * SECOND),
    at: LAST + 1,
    effects: [
      listening(600 * SECOND),
      DROP,
      CANCEL,
      STOOD_STILL,
      setTimer("master_down", 4, LAST + 1 + SECOND),
    ],
    state: "backup",
  },
  {
    rule: "[S3] listening, it hears nobody: master again after one interval",
    given: () => after(talking(), [20 * SECOND, stall(15 * SECOND)]),
    event: timer(4),
    at: 21 * SECOND,
    effects: [
      send(100),
      hold(2),
      transition("backup", "master", "no advertisement from any master in time"),
      setTimer("advertisement", 5, 22 * SECOND),
    ],
    state: "master",
  },
  {
    rule: "[S3] listening, a tracker does not shorten it",
    given: () => after(talking(), [20 * SECOND, stall(15 * SECOND)]),
    event: health(100),
    at: 20 * SECOND + 1,
    effects: [],
    state: "backup",
  },
  {
    rule: "[S3] the old timer of the master that was does nothing",
    given: () => after(talking(), [20 * SECOND, stall(15 * SECOND)]),
    event: timer(3),
    at: 30 * SECOND,
    effects: [],
    state: "backup",
  },
  {
    rule: "a stall while handing over: its time is up",
    given: () => releasing(),
    event: stall(5 * SECOND),
    at: 9 * SECOND,
    effects: [
      listening(5 * SECOND),
      DROP,
      CANCEL,
      transition("master", "init", "stopped"),
      STOPPED,
    ],
    state: "init",
    memory: { releasing: false },
  },
  {
    rule: "a stall before startup",
    given: () => initial(),
    event: stall(60 * SECOND),
    at: 60 * SECOND,
    effects: [],
    state: "init",
  },
  {
    rule: "a stall in fault",
    given: () => faulty(),
    event: stall(60 * SECOND),
    at: 60 * SECOND,
    effects: [],
    state: "fault",
  },
  // ===== resume ================================================================================
  {
    rule: "resume as master, soon: addresses confirmed, an advert at once",
    given: talking,
    event: { type: "resume", age: MASTER_DOWN - 1 },
    at: 10 * SECOND,
    effects: [RESUMED, send(100), setTimer("advertisement", 4, 11 * SECOND)],
    state: "master",
  },
  {
    rule: "resume as master with an exact memory: the same",
    given: talking,
    event: { type: "resume", age: MASTER_DOWN - 1, exact: true },
    at: 10 * SECOND,
    effects: [RESUMED, send(100), setTimer("advertisement", 4, 11 * SECOND)],
    state: "master",
  },
  {
    rule:
      "resume as master with an exact memory, too late: the timer of the adverts is no backup's",
    given: talking,
    event: { type: "resume", age: MASTER_DOWN, exact: true },
    at: 10 * SECOND,
    effects: [DROP, AWAY, setTimer("master_down", 4, 10 * SECOND + MASTER_DOWN)],
    state: "backup",
  },
  {
    rule: "resume as backup with an exact memory, soon: the timer stood still meanwhile",
    given: () => after(started(), [SECOND, advert({ priority: 200, interval: 100_000 })]),
    event: { type: "resume", age: 99_999, exact: true },
    at: SECOND + 99_999,
    effects: [setTimer("master_down", 3, SECOND + 360_937 + 99_999)],
    state: "backup",
  },
  {
    rule: "resume as backup with an exact memory: an advert that was due meanwhile counts as heard",
    given: () => after(started(), [SECOND, advert({ priority: 200, interval: 100_000 })]),
    event: { type: "resume", age: 50_000, exact: true },
    at: SECOND + 120_000,
    effects: [setTimer("master_down", 3, SECOND + 100_000 + 360_937)],
    state: "backup",
  },
  {
    rule: "resume as backup with an exact memory: one that was due long before does not",
    given: () => after(started(), [SECOND, advert({ priority: 200, interval: 100_000 })]),
    event: { type: "resume", age: 50_000, exact: true },
    at: SECOND + 200_000,
    effects: [setTimer("master_down", 3, SECOND + 360_937 + 50_000)],
    state: "backup",
  },
  {
    rule: "resume as backup with an exact memory, after an interval: the timer anew",
    given: () => after(started(), [SECOND, advert({ priority: 200, interval: 100_000 })]),
    event: { type: "resume", age: 100_000, exact: true },
    at: SECOND + 150_000,
    effects: [setTimer("master_down", 3, SECOND + 150_000 + 360_937)],
    state: "backup",
  },
  {
    rule: "resume as master after a master-down interval: drop, and wait like any backup",
    given: talking,
    event: { type: "resume", age: MASTER_DOWN },
    at: 10 * SECOND,
    effects: [DROP, AWAY, setTimer("master_down", 4, 10 * SECOND + MASTER_DOWN)],
    state: "backup",
  },
  {
    rule: "resume as backup: the timer anew, by the master's interval",
    given: () => after(started(), [SECOND, advert({ priority: 200, interval: 100_000 })]),
    event: { type: "resume", age: 1 },
    at: 2 * SECOND,
    effects: [setTimer("master_down", 3, 2 * SECOND + 360_937)],
    state: "backup",
  },
  {
    rule: "resume while handing over: let go",
    given: () => releasing(),
    event: { type: "resume", age: 1 },
    at: 5 * SECOND,
    effects: [DROP, transition("master", "init", "stopped"), STOPPED],
    state: "init",
  },
  {
    rule: "resume in fault: nothing is armed",
    given: () => faulty(),
    event: { type: "resume", age: 1 },
    at: 5 * SECOND,
    effects: [],
    state: "fault",
  },
  {
    rule: "resume before startup: nothing is armed",
    given: () => initial(),
    event: { type: "resume", age: 1 },
    at: 5 * SECOND,
    effects: [],
    state: "init",
  },
]);

Deno.test("[S3] after a thaw the queue speaks before the timer, and the timer knows it", () => {
  const router = started();
  const thaw = 10 * SECOND;
  deepStrictEqual(step(router, stall(thaw - MASTER_DOWN), thaw), []);
  deepStrictEqual(step(router, advert(), thaw), [
    setTimer("master_down", 2, thaw + MASTER_DOWN),
  ]);
  deepStrictEqual(step(router, timer(1), thaw), []);
  strictEqual(router.state, "backup");
});

Deno.test("a snapshot is JSON: every router comes back from it as it was", () => {
  const routers = [initial(), started(), talking(), releasing(), faulty()];
  routers.push(after(master(), [M, advert({ priority: 0, checksum: "rfc9568" })]));
  for (const router of routers) deepStrictEqual(JSON.parse(JSON.stringify(router)), router);
});
