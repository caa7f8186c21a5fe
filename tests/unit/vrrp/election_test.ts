/** How an election goes where the operator wants it otherwise than RFC 9568: each of the options. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { step } from "../../../mod/vrrp/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { Network } from "../../lib/virtual_time.ts";
import {
  advert,
  after,
  CANCEL,
  DROP,
  HIGHER,
  LOWER,
  master,
  releasing,
  SECOND,
  send,
  setTimer,
  SKEW,
  started,
  testRows,
  timer,
  transition,
} from "./fixtures.ts";
import { forForms, nodeSettings } from "./lan.ts";

/** When the master of the fixtures is one. */
const M = 4 * SECOND;
const OWNER_DOWN = 3 * SECOND + 3_906;

testRows([
  {
    rule: "down_timer_adverts: five may be missing, and the skew",
    given: () => started({ downAdverts: 5 }),
    event: advert({ priority: 200 }),
    at: SECOND,
    effects: [setTimer("master_down", 2, 6 * SECOND + SKEW)],
    state: "backup",
  },
  {
    rule: "down_timer_adverts: one may be missing",
    given: () => started({ downAdverts: 1 }),
    event: advert({ priority: 200 }),
    at: SECOND,
    effects: [setTimer("master_down", 2, 2 * SECOND + SKEW)],
    state: "backup",
  },
  {
    rule: "down_timer_adverts: another number moves the timer that runs",
    given: () => after(started(), [SECOND, advert({ priority: 200 })]),
    event: { type: "configure", settings: started({ downAdverts: 10 }).settings },
    at: 2 * SECOND,
    effects: [setTimer("master_down", 3, 11 * SECOND + SKEW)],
    state: "backup",
  },
  {
    rule: "down_timer_adverts: a stalled master has its right for as long",
    given: () => master({ downAdverts: 10 }),
    event: { type: "stall", length: 9 * SECOND },
    at: M + 9 * SECOND,
    effects: [],
    state: "master",
  },
  {
    rule: "answer_lower_priority off: a losing advert is not answered, but announced after",
    given: () => master({ answersLowerPriority: false }),
    event: advert({ priority: 50 }),
    at: 6 * SECOND,
    effects: [{ type: "announce" }],
    state: "master",
  },
  {
    rule: "answer_lower_priority off: one that resigns is answered all the same",
    given: () => master({ answersLowerPriority: false }),
    event: advert({ priority: 0 }),
    at: M,
    effects: [send(100), setTimer("advertisement", 3, M + SECOND)],
    state: "master",
  },
  {
    rule: "advertise_before_yielding off: a master yields in silence",
    given: () => master({ advertisesBeforeYielding: false }),
    event: advert({ priority: 200 }),
    at: M,
    effects: [
      DROP,
      CANCEL,
      transition("master", "backup", "198.51.100.11 has priority 200, we have 100"),
      setTimer("master_down", 3, M + 3 * SECOND + SKEW),
    ],
    state: "backup",
    memory: { lastAdvert: null },
  },
  {
    rule: "[V7-13] owner_ignore_adverts: an owner discards what others say",
    given: () => started({ priority: 255, ownerIgnoresAdverts: true }),
    event: advert({ priority: 254 }),
    at: SECOND,
    effects: [{ type: "discard", reason: "address_owner" }],
    state: "master",
    memory: { peers: [] },
  },
  {
    rule: "[V7-13] owner_ignore_adverts: another owner is discarded, too, but told",
    given: () => started({ priority: 255, ownerIgnoresAdverts: true }),
    event: advert({ priority: 255 }),
    at: SECOND,
    effects: [
      {
        type: "notice",
        kind: "owner_conflict",
        text: "198.51.100.11 claims to own the addresses, too",
      },
      { type: "discard", reason: "address_owner" },
    ],
    state: "master",
  },
  {
    rule: "owner_ignore_adverts means nothing to those who own nothing",
    given: () => started({ ownerIgnoresAdverts: true }),
    event: advert({ priority: 200 }),
    at: SECOND,
    effects: [setTimer("master_down", 2, 4 * SECOND + SKEW)],
    state: "backup",
  },
  {
    rule: "owner_ignore_adverts: an owner that leaves hears its successor",
    given: () => releasing({ priority: 255, ownerIgnoresAdverts: true }),
    event: advert({ priority: 100 }),
    at: 4 * SECOND + 10_000,
    effects: [setTimer("release", 3, 4 * SECOND + 60_000)],
    state: "master",
    memory: { master: { address: HIGHER, priority: 100 } },
  },
]);

/** An owner that hears another one, of a lower address, which does not yield. */
function contested(...times: readonly number[]) {
  const router = started({ priority: 255 });
  const all = times.map((at) => step(router, advert({ priority: 255, source: LOWER }), at));
  return { router, last: all.at(-1)! };
}

Deno.test("[V7-13] two owners: one that does not yield to the higher address gets its way", () => {
  const { router } = contested(SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND);
  strictEqual(router.state, "master", "it has 3.2 s");
  const effects = step(router, advert({ priority: 255, source: LOWER }), 5 * SECOND);
  const text = "198.51.100.9 claims to own the addresses, too, and does not yield: giving way, " +
    "with priority 254";
  deepStrictEqual(effects, [
    { type: "notice", kind: "owner_yields", text },
    send(254),
    DROP,
    CANCEL,
    transition("master", "backup", "198.51.100.9 has priority 255, we have 254"),
    setTimer("master_down", 2, 8 * SECOND + 7_812),
  ]);
  strictEqual(router.demoted, true);
});

Deno.test("[V7-13] two owners: rarely heard ones are no contest, nor is one that has yielded", () => {
  const { router } = contested(SECOND, 5 * SECOND, 9 * SECOND, 13 * SECOND);
  strictEqual(router.state, "master");
});

Deno.test("[V7-13] an owner that gave way is one again when the other is gone", () => {
  const yielded = () => contested(1e6, 2e6, 3e6, 4e6, 5e6).router;
  const silent = yielded();
  const { generation, at } = silent.timer!;
  deepStrictEqual(step(silent, timer(generation), at)[0], send(255));
  strictEqual(silent.demoted, false);
  const lesser = yielded();
  deepStrictEqual(step(lesser, advert({ priority: 200, source: LOWER }), 6 * SECOND), [
    setTimer("master_down", 3, 5 * SECOND + OWNER_DOWN),
  ], "the owner preempts");
  strictEqual(lesser.demoted, false);
  const configured = yielded();
  step(configured, {
    type: "configure",
    settings: { ...configured.settings, priority: 100 },
  }, 6 * SECOND);
  strictEqual(configured.demoted, false);
});

forForms(
  "[V7-13] two owners, whoever ignores adverts: one master where one of them hears",
  (form) => {
    forSeeds(200, (random) => {
      const network = new Network(random);
      network.wire.delay = random.int(10, 1_000);
      const deaf = random.int(0, 2);
      const nodes = [0, 1].map((i) => {
        const node = network.add(
          nodeSettings(form, i, { priority: 255, ownerIgnoresAdverts: i === deaf }),
          form.source(i + 1),
        );
        network.run(network.now + random.int(0, 5 * SECOND));
        return node;
      });
      network.run(network.now + 20 * SECOND);
      deepStrictEqual(network.active(), [nodes[deaf === 2 ? 1 : deaf]]);
      const before = nodes.map(({ router }) => router.transitions);
      network.run(network.now + 200 * SECOND);
      deepStrictEqual(nodes.map(({ router }) => router.transitions), before, "and it stays");
      network.crash(network.active()[0]!);
      network.run(network.now + 10 * SECOND);
      strictEqual(network.active().length, 1);
      strictEqual(network.active()[0]!.router.demoted, false);
      ok(network.steps > 100);
    });
  },
);
