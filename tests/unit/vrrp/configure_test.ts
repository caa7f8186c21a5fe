/** New settings for a router that runs: in each state, what moves and what does not. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type RouterEvent, type RouterSettings, step } from "../../../mod/vrrp/mod.ts";
import {
  advert,
  after,
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
  settings,
  SKEW,
  started,
  testRows,
  timer,
  transition,
} from "./fixtures.ts";

const T = 2 * SECOND;
const M = 4 * SECOND; // 390,625 µs after the advert, 609,375 µs before the next

function configure(changed: Partial<RouterSettings> = {}): RouterEvent {
  return { type: "configure", settings: settings(changed) };
}

testRows([
  // ===== backup ================================================================================
  {
    rule: "backup, the same settings: nothing",
    given: () => started(),
    event: configure(),
    at: T,
    effects: [],
    state: "backup",
  },
  {
    rule: "backup, higher priority: the timer ends as if it had always been so",
    given: () => started(),
    event: configure({ priority: 200 }),
    at: T,
    effects: [setTimer("master_down", 2, 3 * SECOND + 218_750)],
    state: "backup",
  },
  {
    rule: "backup, lower priority",
    given: () => started(),
    event: configure({ priority: 1 }),
    at: T,
    effects: [setTimer("master_down", 2, 3 * SECOND + 996_093)],
    state: "backup",
  },
  {
    rule: "backup that hears a master: counted from its last advert, by its interval",
    given: () => after(started(), [SECOND, advert({ priority: 201, interval: 500_000 })]),
    event: configure({ priority: 200 }),
    at: T,
    effects: [setTimer("master_down", 3, SECOND + 1_500_000 + 109_375)],
    state: "backup",
  },
  {
    rule: "backup that hears a master: an own interval changes nothing until it is master",
    given: () => after(started(), [SECOND, advert({ priority: 201 })]),
    event: configure({ advertisementInterval: 100_000 }),
    at: T,
    effects: [],
    state: "backup",
    memory: { masterInterval: SECOND },
  },
  {
    rule: "backup that hears nobody, shorter interval: the timer ends as if always so",
    given: () => started(),
    event: configure({ advertisementInterval: 100_000 }),
    at: 100_000,
    effects: [setTimer("master_down", 2, 360_937)],
    state: "backup",
    memory: { masterInterval: 100_000 },
  },
  {
    rule: "backup that hears nobody, shorter interval, long since over: now, not in the past",
    given: () => started(),
    event: configure({ advertisementInterval: 100_000 }),
    at: T,
    effects: [setTimer("master_down", 2, T)],
    state: "backup",
  },
  {
    rule: "backup that hears nobody, longer interval",
    given: () => started(),
    event: configure({ advertisementInterval: 2 * SECOND }),
    at: T,
    effects: [setTimer("master_down", 2, 7_218_750)],
    state: "backup",
  },
  {
    rule: "backup whose master has resigned: a new priority moves the skew alone",
    given: () => after(started(), [T, advert({ priority: 0 })]),
    event: configure({ priority: 200 }),
    at: T + 1,
    effects: [setTimer("master_down", 3, T + 218_750)],
    state: "backup",
  },
  {
    rule: "backup whose master has resigned: a new interval does not make it wait longer",
    given: () => after(started(), [T, advert({ priority: 0 })]),
    event: configure({ advertisementInterval: 10 * SECOND }),
    at: T + 1,
    effects: [],
    state: "backup",
    memory: { timer: { name: "master_down", generation: 2, at: T + SKEW } },
  },
  {
    rule: "backup becomes the owner: master at once",
    given: () => started(),
    event: configure({ priority: 255 }),
    at: T,
    effects: [
      send(255),
      hold(1),
      transition("backup", "master", "owns the addresses now"),
      setTimer("advertisement", 2, T + SECOND),
    ],
    state: "master",
  },
  {
    rule: "an owner that yielded to another does not fight again for new addresses",
    given: () => after(started({ priority: 255 }), [T, advert({ priority: 255 })]),
    event: configure({ priority: 255, addresses: ["192.0.2.99"] }),
    at: T + 1,
    effects: [],
    state: "backup",
  },
  {
    rule: "backup, other addresses: nothing to do until it is master",
    given: () => started(),
    event: configure({ addresses: ["192.0.2.99"] }),
    at: T,
    effects: [],
    state: "backup",
  },
  // ===== master ================================================================================
  {
    rule: "master, the same settings: nothing",
    given: () => master(),
    event: configure(),
    at: M,
    effects: [],
    state: "master",
  },
  {
    rule: "master, other addresses: held under the same mastership",
    given: () => master(),
    event: configure({ addresses: ["192.0.2.10", "192.0.2.11"] }),
    at: M,
    effects: [hold(1)],
    state: "master",
    memory: { epoch: 1, timer: { name: "advertisement", generation: 2, at: MASTER_DOWN + SECOND } },
  },
  {
    rule: "master, shorter interval: the next advert as if it had always been so",
    given: () => master(),
    event: configure({ advertisementInterval: 500_000 }),
    at: M,
    effects: [setTimer("advertisement", 3, MASTER_DOWN + 500_000)],
    state: "master",
  },
  {
    rule: "master, much shorter interval: at once",
    given: () => master(),
    event: configure({ advertisementInterval: 10_000 }),
    at: M,
    effects: [setTimer("advertisement", 3, M)],
    state: "master",
  },
  {
    rule: "master, longer interval: told at the planned time, when the others still listen",
    given: () => master(),
    event: configure({ advertisementInterval: 10 * SECOND }),
    at: M,
    effects: [],
    state: "master",
  },
  {
    rule: "master, longer interval: the one after the planned advert comes by the new one",
    given: () => after(master(), [M, configure({ advertisementInterval: 10 * SECOND })]),
    event: timer(2),
    at: MASTER_DOWN + SECOND,
    effects: [send(100), setTimer("advertisement", 3, MASTER_DOWN + 11 * SECOND)],
    state: "master",
  },
  {
    rule: "master, other priority: in the next advert",
    given: () => after(master(), [M, configure({ priority: 10 })]),
    event: timer(2),
    at: MASTER_DOWN + SECOND,
    effects: [send(10), setTimer("advertisement", 3, MASTER_DOWN + 2 * SECOND)],
    state: "master",
  },
  // ===== neither ===============================================================================
  {
    rule: "fault, other settings: they count when it is healthy",
    given: () => after(faulty(), [T, configure({ advertisementInterval: 100_000, priority: 200 })]),
    event: health(),
    at: M,
    effects: [
      transition("fault", "backup", "healthy"),
      setTimer("master_down", 1, M + 321_875),
    ],
    state: "backup",
    memory: { masterInterval: 100_000 },
  },
  {
    rule: "before startup, owner now: not before it is healthy",
    given: () => initial(),
    event: configure({ priority: 255 }),
    at: T,
    effects: [],
    state: "init",
  },
]);

Deno.test("other settings in fault: nothing happens", () => {
  deepStrictEqual(step(faulty(), configure({ priority: 255 }), T), []);
});

Deno.test("preempt switched on while a lower master is heard: it takes over by its timer", () => {
  const router = after(started({ preempt: false }), [T, advert({ priority: 50 })]);
  deepStrictEqual(step(router, configure({ preempt: true }), T + 1), []);
  deepStrictEqual(step(router, advert({ priority: 50 }), T + SECOND), []);
  step(router, timer(2), T + MASTER_DOWN);
  strictEqual(router.state, "master");
});

Deno.test("another checksum mode begins anew; while handing over, too", () => {
  const router = started();
  strictEqual(router.checksum.sending, "rfc5798");
  step(router, configure({ checksum: "rfc9568" }), T);
  deepStrictEqual(router.checksum, { sending: "rfc9568", streak: 0, changed: null });
  step(router, configure({ checksum: "rfc5798" }), T + 1);
  strictEqual(router.checksum.sending, "rfc5798");
  const leaving = releasing();
  deepStrictEqual(step(leaving, configure({ checksum: "rfc9568" }), 5 * SECOND), []);
  strictEqual(leaving.checksum.sending, "rfc9568");
});
