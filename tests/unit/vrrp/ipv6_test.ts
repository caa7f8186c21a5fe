/** What is different for a router over IPv6: addresses compare by sixteen bytes, link-local first. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type RouterSettings, step } from "../../../mod/vrrp/mod.ts";
import {
  advert,
  after,
  CANCEL,
  DROP,
  initial,
  MASTER_DOWN,
  SECOND,
  send,
  setTimer,
  testRows,
  timer,
  transition,
} from "./fixtures.ts";

const OWN = "fe80::10";
const SIX: Partial<RouterSettings> = {
  family: "ipv6",
  addresses: ["fe80::100", "2001:db8::100"],
};
const HEALTH = { type: "health", waitingFor: [], contribution: 0, source: OWN } as const;
const M = 4 * SECOND;

function backup(changed: Partial<RouterSettings> = {}) {
  return after(initial({ ...SIX, ...changed }), [0, HEALTH]);
}

function master() {
  return after(backup(), [MASTER_DOWN, timer(1)]);
}

function says(source: string, addresses = SIX.addresses!, priority = 100) {
  return advert({ source, addresses, priority, checksum: "rfc5798" });
}

testRows([
  {
    rule: "[R6.4.1-2] IPv6: startup of a backup",
    given: () => initial(SIX),
    event: HEALTH,
    at: 0,
    effects: [transition("init", "backup", "healthy"), setTimer("master_down", 1, MASTER_DOWN)],
    state: "backup",
    memory: { source: OWN },
  },
  {
    rule: "[V7-C4] [R6.4.3-4] IPv6: equal priority, higher address (fe80::a0 > fe80::10): it wins",
    given: master,
    event: says("fe80::a0"),
    at: M,
    effects: [
      send(100),
      DROP,
      CANCEL,
      transition("master", "backup", "fe80::a0 has the same priority 100 and the higher address"),
      setTimer("master_down", 3, M + MASTER_DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[V7-C4] [V7-8] IPv6: equal priority, lower address (fe80::a < fe80::10): it is answered",
    given: master,
    event: says("fe80::a"),
    at: M,
    effects: [send(100)],
    state: "master",
  },
  {
    rule: "IPv6: an advert from our own address is a loop or a duplicate",
    given: backup,
    event: says(OWN),
    at: SECOND,
    effects: [
      {
        type: "notice",
        kind: "duplicate_source",
        text: "Somebody sends adverts from our address fe80::10",
      },
      { type: "discard", reason: "own_address" },
    ],
    state: "backup",
  },
  {
    rule: "[V7-15] IPv6: a list that does not begin with a link-local address is told, and counts",
    given: backup,
    event: says("fe80::20", ["2001:db8::100", "fe80::100"]),
    at: SECOND,
    effects: [
      {
        type: "notice",
        kind: "not_link_local",
        text: "fe80::20 advertises 2001:db8::100 first, not a link-local address",
      },
      setTimer("master_down", 2, SECOND + MASTER_DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[V7-15] IPv6: febf:: is link-local, too; another list is told as in IPv4",
    given: backup,
    event: says("fe80::20", ["febf::1"]),
    at: SECOND,
    effects: [
      { type: "notice", kind: "address_list_mismatch", text: "fe80::20 advertises febf::1" },
      setTimer("master_down", 2, SECOND + MASTER_DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[V7-15] IPv6: whose own list begins so has been told before, and hears no more of it",
    given: () => backup({ addresses: ["2001:db8::100"] }),
    event: says("fe80::20", ["2001:db8::100"]),
    at: SECOND,
    effects: [setTimer("master_down", 2, SECOND + MASTER_DOWN)],
    state: "backup",
  },
]);

Deno.test("[V7-15] fec0:: and fe7f:: are not link-local", () => {
  for (const first of ["fec0::1", "fe7f::1", "ff02::1", "::1"]) {
    const effects = step(backup(), says("fe80::20", [first, ...SIX.addresses!]), SECOND);
    const kinds = effects.flatMap((effect) => effect.type === "notice" ? [effect.kind] : []);
    deepStrictEqual(kinds, ["address_list_mismatch", "not_link_local"], first);
  }
});

Deno.test("[V7-6] IPv6: one checksum rule, whatever is configured, and nothing is learnt", () => {
  for (const checksum of ["auto", "rfc9568", "rfc5798", "ignore"] as const) {
    const router = backup({ checksum });
    for (let i = 0; i < 10; i++) step(router, says("fe80::20"), i * SECOND);
    strictEqual(router.peers.length, 1);
    deepStrictEqual(router.checksum, { sending: "rfc5798", streak: 0, changed: null });
  }
});
