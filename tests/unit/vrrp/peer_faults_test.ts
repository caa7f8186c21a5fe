/**
 * Adverts that cannot be right but are no reason to drop them: other lists, other owners, our own
 * address (RFC 9568 sections 7.1 and 8).
 */

import {
  advert,
  CANCEL,
  DROP,
  LOWER,
  master,
  MASTER_DOWN,
  OURS,
  SECOND,
  send,
  setTimer,
  started,
  testRows,
  transition,
} from "./fixtures.ts";

const T = 2 * SECOND; // a time in the life of a backup
const M = 4 * SECOND; // a time in the life of a master, 390,625 µs after its first advert

testRows([
  {
    rule: "[V7-7] another address list is told and counts nevertheless",
    given: () => started(),
    event: advert({ priority: 200, addresses: ["192.0.2.10", "192.0.2.11"] }),
    at: T,
    effects: [
      {
        type: "notice",
        kind: "address_list_mismatch",
        text: "198.51.100.11 advertises 192.0.2.10, 192.0.2.11",
      },
      setTimer("master_down", 2, T + MASTER_DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[V7-7] a long list is told in short",
    given: () => started(),
    event: advert({
      priority: 200,
      addresses: Array.from({ length: 255 }, (_, i) => `192.0.2.${i}`),
    }),
    at: T,
    effects: [
      {
        type: "notice",
        kind: "address_list_mismatch",
        text: "198.51.100.11 advertises 192.0.2.0, 192.0.2.1, 192.0.2.2, 192.0.2.3 and 251 more",
      },
      setTimer("master_down", 2, T + MASTER_DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[V7-7] the same addresses in another order are the same",
    given: () => started({ addresses: ["192.0.2.10", "192.0.2.11", "192.0.2.12"] }),
    event: advert({ priority: 200, addresses: ["192.0.2.12", "192.0.2.10", "192.0.2.11"] }),
    at: T,
    effects: [setTimer("master_down", 2, T + MASTER_DOWN)],
    state: "backup",
  },
  {
    rule: "[V7-7] one address twice and another missing is not the same",
    given: () => started({ addresses: ["192.0.2.10", "192.0.2.11"] }),
    event: advert({ priority: 200, addresses: ["192.0.2.10", "192.0.2.10"] }),
    at: T,
    effects: [
      {
        type: "notice",
        kind: "address_list_mismatch",
        text: "198.51.100.11 advertises 192.0.2.10, 192.0.2.10",
      },
      setTimer("master_down", 2, T + MASTER_DOWN),
    ],
    state: "backup",
  },
  {
    rule: "[V7-13] two owners: told, and the higher address wins",
    given: () => started({ priority: 255 }),
    event: advert({ priority: 255 }),
    at: T,
    effects: [
      {
        type: "notice",
        kind: "owner_conflict",
        text: "198.51.100.11 claims to own the addresses, too",
      },
      send(255),
      DROP,
      CANCEL,
      transition(
        "master",
        "backup",
        "198.51.100.11 has the same priority 255 and the higher address",
      ),
      setTimer("master_down", 2, T + 3 * SECOND + 3_906),
    ],
    state: "backup",
  },
  {
    rule: "[V7-13] two owners: told, and the lower address is answered",
    given: () => started({ priority: 255 }),
    event: advert({ priority: 255, source: LOWER }),
    at: 500_000,
    effects: [
      {
        type: "notice",
        kind: "owner_conflict",
        text: "198.51.100.9 claims to own the addresses, too",
      },
      send(255),
    ],
    state: "master",
  },
  {
    rule: "[V7-C3] priority 254 never moves an owner",
    given: () => started({ priority: 255 }),
    event: advert({ priority: 254 }),
    at: 500_000,
    effects: [send(255)],
    state: "master",
  },
  {
    rule: "our own address as sender: told, dropped, in no case acted upon",
    given: () => master(),
    event: advert({ priority: 255, source: OURS }),
    at: M,
    effects: [
      {
        type: "notice",
        kind: "duplicate_source",
        text: "Somebody sends adverts from our address 198.51.100.10",
      },
      { type: "discard", reason: "own_address" },
    ],
    state: "master",
    memory: { peers: [] },
  },
]);
