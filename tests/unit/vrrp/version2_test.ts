/**
 * RFC 3768 section 6.4, rule by rule, where version 2 differs from version 3 or could be thought to.
 * Two seconds between adverts: the skew of priority 100 is 609,375 µs all the same, and the
 * master-down interval 6,609,375 µs.
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type RouterEvent, type RouterSettings, step } from "../../../mod/vrrp/mod.ts";
import {
  advert,
  after,
  ANNOUNCE,
  CANCEL,
  DROP,
  HIGHER,
  hold,
  initial,
  LOWER,
  master,
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

const TWO = 2 * SECOND;
const DOWN = 3 * TWO + SKEW;
const M = DOWN + SECOND; // in the life of a master

function v2(changed: Partial<RouterSettings> = {}): Partial<RouterSettings> {
  return { version: 2, advertisementInterval: TWO, ...changed };
}

type Said = Extract<RouterEvent, { type: "advertisement" }>["advertisement"];

function says(changed: Partial<Said> = {}): RouterEvent {
  return advert({ version: 2, interval: TWO, checksum: "rfc9568", ...changed });
}

const INTERVAL_NOTICE = {
  type: "notice",
  kind: "interval_mismatch",
  text: "198.51.100.11 advertises every 1000 ms, we every 2000: ignored, as version 2 demands",
} as const;
const INTERVAL_DISCARD = { type: "discard", reason: "interval_mismatch" } as const;

testRows([
  {
    rule: "[R6.4.1-2] [V7-9] v2: startup: own interval, three of them and a skew without it",
    given: () => initial(v2()),
    event: { type: "health", waitingFor: [], contribution: 0, source: "198.51.100.10" },
    at: 0,
    effects: [transition("init", "backup", "healthy"), setTimer("master_down", 1, DOWN)],
    state: "backup",
  },
  {
    rule: "[R6.4.2-2] v2: the master-down timer expires: advert, addresses, timer, master",
    given: () => started(v2()),
    event: timer(1),
    at: DOWN,
    effects: [
      send(100),
      hold(1),
      transition("backup", "master", "no advertisement from any master in time"),
      setTimer("advertisement", 2, DOWN + TWO),
    ],
    state: "master",
  },
  {
    rule: "[R6.4.2-4] v2: equal or higher priority: timer anew",
    given: () => started(v2()),
    event: says(),
    at: SECOND,
    effects: [setTimer("master_down", 2, SECOND + DOWN)],
    state: "backup",
    memory: { masterInterval: TWO, master: { address: HIGHER, priority: 100 } },
  },
  {
    rule: "[R6.4.2-6] v2: a lower priority is discarded, the timer runs on",
    given: () => started(v2()),
    event: says({ priority: 99 }),
    at: SECOND,
    effects: [],
    state: "backup",
  },
  {
    rule: "[R6.4.2-5] v2: without preemption a lower priority is accepted, too",
    given: () => started(v2({ preempt: false })),
    event: says({ priority: 1 }),
    at: SECOND,
    effects: [setTimer("master_down", 2, SECOND + DOWN)],
    state: "backup",
  },
  {
    rule: "[R6.4.2-3] [V7-C6] [V7-9] v2: priority 0: timer set to the skew of one second's share",
    given: () => after(started(v2()), [SECOND, says({ priority: 200 })]),
    event: says({ priority: 0 }),
    at: TWO,
    effects: [setTimer("master_down", 3, TWO + SKEW)],
    state: "backup",
  },
  {
    rule:
      "[V7-C6] [V7-9] v2: priority 0 with a second left: the skew is less, whatever the interval",
    given: () => started(v2()),
    event: says({ priority: 0 }),
    at: DOWN - SECOND,
    effects: [setTimer("master_down", 2, DOWN - SECOND + SKEW)],
    state: "backup",
  },
  {
    rule: "[V7-4] v2: another interval is discarded and told, nothing is adopted",
    given: () => started(v2()),
    event: says({ interval: SECOND, priority: 254 }),
    at: SECOND,
    effects: [INTERVAL_NOTICE, INTERVAL_DISCARD],
    state: "backup",
    memory: { masterInterval: TWO, master: null, peers: [] },
  },
  {
    rule: "[V7-4] v2: so is a resignation with another interval",
    given: () => started(v2()),
    event: says({ interval: SECOND, priority: 0 }),
    at: SECOND,
    effects: [INTERVAL_NOTICE, INTERVAL_DISCARD],
    state: "backup",
  },
  {
    rule: "[V7-4] v2: a master does not yield to another interval either",
    given: () => master(v2()),
    event: says({ interval: SECOND, priority: 254 }),
    at: M,
    effects: [INTERVAL_NOTICE, INTERVAL_DISCARD],
    state: "master",
  },
  {
    rule: "[V7-4] [V7-16] v2: discarded each time, told once in 10 s",
    given: () => after(started(v2()), [SECOND, says({ interval: SECOND })]),
    event: says({ interval: SECOND }),
    at: TWO,
    effects: [INTERVAL_DISCARD],
    state: "backup",
  },
  {
    rule: "[V7-7] v2: another address list is told, the advert counts",
    given: () => started(v2()),
    event: says({ addresses: ["192.0.2.11"] }),
    at: SECOND,
    effects: [
      {
        type: "notice",
        kind: "address_list_mismatch",
        text: "198.51.100.11 advertises 192.0.2.11",
      },
      setTimer("master_down", 2, SECOND + DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[R6.4.3-3] v2: priority 0 as master: own advert at once, timer anew",
    given: () => master(v2()),
    event: says({ priority: 0 }),
    at: M,
    effects: [send(100), setTimer("advertisement", 3, M + TWO)],
    state: "master",
  },
  {
    rule: "[R6.4.3-4] v2: higher priority: one last advert, then backup",
    given: () => master(v2()),
    event: says({ priority: 101, source: LOWER }),
    at: M,
    effects: [
      send(100),
      DROP,
      CANCEL,
      transition("master", "backup", "198.51.100.9 has priority 101, we have 100"),
      setTimer("master_down", 3, M + DOWN),
    ],
    state: "backup",
    memory: { masterInterval: TWO },
  },
  {
    rule: "[R6.4.3-4] [V7-C4] [N22] v2: equal priority, higher address: it wins",
    given: () => master(v2()),
    event: says(),
    at: M,
    effects: [
      send(100),
      DROP,
      CANCEL,
      transition(
        "master",
        "backup",
        "198.51.100.11 has the same priority 100 and the higher address",
      ),
      setTimer("master_down", 3, M + DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[V7-8] v2: a losing advert is answered at once, the timer runs on",
    given: () => master(v2()),
    event: says({ priority: 99 }),
    at: M,
    effects: [send(100), ANNOUNCE],
    state: "master",
    memory: { timer: { name: "advertisement", generation: 2, at: DOWN + TWO } },
  },
  {
    rule: "[V7-8] v2: no second answer within 5 ms",
    given: () => after(master(v2()), [M, says({ priority: 99 })]),
    event: says({ priority: 99 }),
    at: M + 4_999,
    effects: [],
    state: "master",
  },
  {
    rule: "[R6.4.3-1] [V7-C7] v2: shutdown: priority 0, then the longest skew and one interval",
    given: () => master(v2()),
    event: { type: "stop", now: false },
    at: M,
    effects: [send(0), setTimer("release", 3, M + 996_093 + TWO)],
    state: "master",
    memory: { releasing: true },
  },
  {
    rule: "[V7-9] v2: a tracker moves the timer by its share of a second",
    given: () => started(v2()),
    event: { type: "health", waitingFor: [], contribution: -50, source: "198.51.100.10" },
    at: SECOND,
    effects: [setTimer("master_down", 2, 3 * TWO + 804_687)],
    state: "backup",
  },
  {
    rule: "v2: another interval by configuration counts, though a master is known",
    given: () => after(started(v2()), [SECOND, says()]),
    event: { type: "configure", settings: settings(v2({ advertisementInterval: SECOND })) },
    at: TWO,
    effects: [setTimer("master_down", 3, SECOND + 3 * SECOND + SKEW)],
    state: "backup",
    memory: { masterInterval: SECOND },
  },
  {
    rule:
      "from version 3 to 2 by configuration: back to the own interval, and to one checksum rule",
    given: () => after(started(), [SECOND, advert({ interval: 100_000, priority: 200 })]),
    event: { type: "configure", settings: settings(v2()) },
    at: SECOND,
    effects: [setTimer("master_down", 3, SECOND + DOWN)],
    state: "backup",
    memory: {
      masterInterval: TWO,
      checksum: { sending: "rfc9568", streak: 0, changed: null },
    },
  },
  {
    rule: "from version 2 to 3 by configuration: the skew is a share of the interval again",
    given: () => after(started(v2()), [SECOND, says()]),
    event: { type: "configure", settings: settings({ advertisementInterval: TWO }) },
    at: SECOND,
    effects: [setTimer("master_down", 3, SECOND + 3 * TWO + 2 * SKEW)],
    state: "backup",
    memory: { checksum: { sending: "rfc5798", streak: 0, changed: null } },
  },
]);

Deno.test("[V7-6] v2: one checksum rule, whatever is configured, and nothing is learnt", () => {
  for (const checksum of ["auto", "rfc9568", "rfc5798", "ignore"] as const) {
    const router = started(v2({ checksum }));
    for (let i = 0; i < 10; i++) step(router, says({ priority: 200 }), i * SECOND);
    deepStrictEqual(router.checksum, { sending: "rfc9568", streak: 0, changed: null });
  }
});

Deno.test("v2: a wake-up later than a master-down interval is forgiven for one such, not more", () => {
  const router = started(v2());
  const late = 2 * DOWN;
  deepStrictEqual(step(router, timer(1), DOWN + late), [
    {
      type: "notice",
      kind: "stall_grace",
      text: `Woke up ${late} µs late: waiting ${DOWN} µs more`,
    },
    setTimer("master_down", 2, DOWN + late + DOWN),
  ]);
});

Deno.test("v2: a plane that is back after its own master-down interval is master no longer", () => {
  for (const [age, state] of [[DOWN - 1, "master"], [DOWN, "backup"]] as const) {
    const router = master(v2());
    step(router, { type: "resume", age }, 3 * DOWN);
    strictEqual(router.state, state);
  }
});

Deno.test("v2: silent for longer than its own master-down interval, a master listens first", () => {
  // The last advert was at 6,609,375; nobody with this priority takes over for as long again.
  const router = master(v2());
  deepStrictEqual(step(router, { type: "stall", length: SECOND }, 2 * DOWN), []);
  strictEqual(router.state, "master");
  step(router, { type: "stall", length: SECOND }, 2 * DOWN + 1);
  strictEqual(router.state, "backup");
});
