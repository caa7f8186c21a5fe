/**
 * RFC 9568 section 6.4.3, rule by rule: from this state, at this event, exactly these effects in
 * this order. The ids count the rules of each section in the order of its text.
 */

import {
  advert,
  after,
  ANNOUNCE,
  CANCEL,
  DROP,
  LOWER,
  master,
  MASTER_DOWN,
  SECOND,
  send,
  setTimer,
  testRows,
  timer,
  transition,
} from "./fixtures.ts";

const STOP = { type: "stop", now: false } as const;
const M = 4 * SECOND; // a time in the life of a master, 390,625 µs after its first advert

testRows([
  {
    rule:
      "[R6.4.3-1] [V7-C7] [V7-C3] Shutdown: one advert of priority 0, then wait for a successor",
    given: () => master(),
    event: STOP,
    at: M,
    effects: [send(0), setTimer("release", 3, M + 1_996_093)],
    state: "master",
    memory: { releasing: true },
  },
  {
    rule: "[R6.4.3-2] the timer expires: advert, timer anew from its planned time",
    given: () => master(),
    event: timer(2),
    at: MASTER_DOWN + SECOND + 300,
    effects: [send(100), setTimer("advertisement", 3, MASTER_DOWN + 2 * SECOND)],
    state: "master",
  },
  {
    rule: "[R6.4.3-2] later than a whole interval: no burst to catch up",
    given: () => master(),
    event: timer(2),
    at: MASTER_DOWN + 2 * SECOND + 1,
    effects: [send(100), setTimer("advertisement", 3, MASTER_DOWN + 3 * SECOND + 1)],
    state: "master",
  },
  {
    rule: "[R6.4.3-3] priority 0: own advert at once, timer anew",
    given: () => master(),
    event: advert({ priority: 0 }),
    at: M,
    effects: [send(100), setTimer("advertisement", 3, M + SECOND)],
    state: "master",
  },
  {
    rule: "[R6.4.3-3] priority 0 again and again, a forged flood: no flood of ours",
    given: () => after(master(), [M, advert({ priority: 0 })]),
    event: advert({ priority: 0 }),
    at: M + 4_999,
    effects: [],
    state: "master",
  },
  {
    rule: "[R6.4.3-4] higher priority: addresses dropped, timer cancelled, backup, nothing sent",
    given: () => master(),
    event: advert({ priority: 101, source: LOWER }),
    at: M,
    effects: [
      DROP,
      CANCEL,
      transition("master", "backup", "198.51.100.9 has priority 101, we have 100"),
      setTimer("master_down", 3, M + MASTER_DOWN),
    ],
    state: "backup",
    memory: { master: { address: LOWER, priority: 101 } },
  },
  {
    rule: "[R6.4.3-4] [V7-9] the winner's interval is adopted, skew included",
    given: () => master(),
    event: advert({ priority: 200, interval: 40_950_000 }),
    at: M,
    effects: [
      {
        type: "notice",
        kind: "interval_mismatch",
        text: "198.51.100.11 advertises every 40950 ms, we every 1000",
      },
      DROP,
      CANCEL,
      transition("master", "backup", "198.51.100.11 has priority 200, we have 100"),
      setTimer("master_down", 3, M + 122_850_000 + 24_953_906),
    ],
    state: "backup",
  },
  {
    rule: "[R6.4.3-4] [N22] [V7-C4] equal priority, higher address: it wins",
    given: () => master(),
    event: advert(),
    at: M,
    effects: [
      DROP,
      CANCEL,
      transition(
        "master",
        "backup",
        "198.51.100.11 has the same priority 100 and the higher address",
      ),
      setTimer("master_down", 3, M + MASTER_DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[R6.4.3-5] [N22] [V7-C4] [V7-8] equal priority, lower address (9 < 10): it is answered",
    given: () => master(),
    event: advert({ source: LOWER }),
    at: M,
    effects: [send(100)],
    state: "master",
  },
  {
    rule: "[R6.4.3-5] [N19] [V7-8] a losing advert is answered at once, the timer runs on",
    given: () => master(),
    event: advert({ priority: 99 }),
    at: M,
    effects: [send(100)],
    state: "master",
    memory: { timer: { name: "advertisement", generation: 2, at: MASTER_DOWN + SECOND } },
  },
  {
    rule: "[R6.4.3-5] an answer later than a second: the addresses are announced again",
    given: () => master(),
    event: advert({ priority: 99 }),
    at: MASTER_DOWN + SECOND,
    effects: [send(100), ANNOUNCE],
    state: "master",
  },
  {
    rule: "[R6.4.3-5] Preempt_Mode off is no reason for a master to yield",
    given: () => master({ preempt: false }),
    event: advert({ priority: 99 }),
    at: M,
    effects: [send(100)],
    state: "master",
  },
  {
    rule: "[R6.4.3-5] a second answer within 5 ms is not sent: a flood must not echo",
    given: () => after(master(), [M, advert({ priority: 99 })]),
    event: advert({ priority: 99 }),
    at: M + 4_999,
    effects: [],
    state: "master",
  },
  {
    rule: "[R6.4.3-5] but after 5 ms it is",
    given: () => after(master(), [M, advert({ priority: 99 })]),
    event: advert({ priority: 99 }),
    at: M + 5_000,
    effects: [send(100)],
    state: "master",
  },
]);
