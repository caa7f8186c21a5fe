/** RFC 9568 section 8.4: a version 3 router that also talks to version 2 routers. */

import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  decodeAdvertisement,
  decodeAdvertisement6,
  outgoingPackets,
  type Router,
  type RouterSettings,
  step,
  VRRP_GROUP_IPV6,
} from "../../../mod/vrrp/mod.ts";
import { parseIp } from "../../../mod/ip/mod.ts";
import { Random } from "../../lib/random.ts";
import { Network } from "../../lib/virtual_time.ts";
import {
  advert,
  after,
  HIGHER,
  LOWER,
  master,
  MASTER_DOWN,
  OURS,
  SECOND,
  send,
  setTimer,
  settings,
  started,
  testRows,
} from "./fixtures.ts";

const MS = 1000;
const BOTH: Partial<RouterSettings> = { version2: true };
const FAST: Partial<RouterSettings> = { ...BOTH, advertisementInterval: 100 * MS };
const DUPLICATE = { type: "discard", reason: "version2_duplicate" } as const;
const V2 = { version: 2, checksum: "rfc9568" } as const;

testRows([
  {
    rule: "[V7-17] a backup times out by the seconds that a version 2 master states",
    given: () => started(FAST),
    event: advert({ ...V2, priority: 200, interval: SECOND }),
    at: 200 * MS,
    effects: [setTimer("master_down", 2, 200 * MS + MASTER_DOWN)],
    state: "backup",
    memory: { masterInterval: SECOND },
  },
  {
    rule: "[V7-17] [V7-4] other seconds than a version 2 router would hear from us: told, adopted",
    given: () => started(FAST),
    event: advert({ ...V2, priority: 200, interval: 3 * SECOND }),
    at: 200 * MS,
    effects: [
      {
        type: "notice",
        kind: "interval_mismatch",
        text: "198.51.100.11 advertises every 3000 ms, we every 1000",
      },
      setTimer("master_down", 2, 200 * MS + 3 * MASTER_DOWN),
    ],
    state: "backup",
    memory: { masterInterval: 3 * SECOND },
  },
  {
    rule: "[V7-17] the version 2 copy of a version 3 advert is ignored",
    given: () => after(started(FAST), [50 * MS, advert({ priority: 200, interval: 100 * MS })]),
    event: advert({ ...V2, priority: 200, interval: SECOND }),
    at: 50 * MS,
    effects: [DUPLICATE],
    state: "backup",
    memory: { masterInterval: 100 * MS },
  },
  {
    rule: "[V7-17] ... to the last microsecond of three of its version 3 intervals",
    given: () => after(started(BOTH), [50 * MS, advert({ priority: 200, interval: 100 * MS })]),
    event: advert({ ...V2, priority: 200, interval: SECOND }),
    at: 350 * MS,
    effects: [DUPLICATE],
    state: "backup",
  },
  {
    rule: "[V7-17] ... after which it counts: its sender may have been configured back",
    given: () => after(started(BOTH), [50 * MS, advert({ priority: 200, interval: 100 * MS })]),
    event: advert({ ...V2, priority: 200, interval: SECOND }),
    at: 350 * MS + 1,
    effects: [setTimer("master_down", 3, 350 * MS + 1 + MASTER_DOWN)],
    state: "backup",
    memory: { masterInterval: SECOND },
  },
  {
    rule: "[V7-17] a version 2 copy that overtook its version 3 advert does no harm",
    given: () =>
      after(started(FAST), [50 * MS, advert({ ...V2, priority: 200, interval: SECOND })]),
    event: advert({ priority: 200, interval: 100 * MS }),
    at: 50 * MS,
    effects: [setTimer("master_down", 3, 50 * MS + 360_937)],
    state: "backup",
    memory: { masterInterval: 100 * MS },
  },
  {
    rule: "[V7-17] what others say in version 3 does not silence a version 2 router",
    given: () => after(started(BOTH), [50 * MS, advert({ source: LOWER, priority: 150 })]),
    event: advert({ ...V2, priority: 200, interval: SECOND }),
    at: 60 * MS,
    effects: [setTimer("master_down", 3, 60 * MS + MASTER_DOWN)],
    state: "backup",
  },
  {
    rule: "[V7-17] [V7-8] a master answers a loser of both versions once",
    given: () => after(master(BOTH), [4 * SECOND, advert({ priority: 99 })]),
    event: advert({ ...V2, priority: 99, interval: SECOND }),
    at: 4 * SECOND + 50 * MS,
    effects: [DUPLICATE],
    state: "master",
  },
  {
    rule: "[V7-17] [V7-8] a master answers a version 2 loser",
    given: () => master(BOTH),
    event: advert({ ...V2, priority: 99, interval: SECOND }),
    at: 4 * SECOND,
    effects: [send(100)],
    state: "master",
  },
  {
    rule: "[V7-17] [V7-C7] a sub-second master that leaves waits for the skew of version 2",
    given: () => master(FAST),
    event: { type: "stop", now: false },
    at: SECOND,
    effects: [send(0), setTimer("release", 3, SECOND + 1_996_093)],
    state: "master",
  },
]);

Deno.test("[V7-6] [V7-17] version 2 adverts teach no checksum rule, and contradict none", () => {
  const router = started(BOTH);
  for (let i = 0; i < 10; i++) {
    step(router, advert({ ...V2, priority: 200, source: LOWER }), i * SECOND);
  }
  deepStrictEqual(router.checksum, { sending: "rfc5798", streak: 0, changed: null });
  // Three from a version 3 router do, though the other was heard with the rule in force.
  const learner = started(BOTH);
  for (let i = 0; i < 3; i++) {
    step(learner, advert({ priority: 200, checksum: "rfc9568" }), i * SECOND);
  }
  strictEqual(learner.checksum.sending, "rfc9568");
  // And back: the version 2 router that goes on is not loyal to any rule.
  for (let i = 70; i < 73; i++) {
    step(learner, advert({ ...V2, priority: 200, source: LOWER }), i * SECOND);
    step(learner, advert({ priority: 200, checksum: "rfc5798" }), i * SECOND);
  }
  strictEqual(learner.checksum.sending, "rfc5798");
});

// ===== what a "send" puts on the wire ============================================================

function sent(router: Router, priority = 100, destination?: string) {
  return outgoingPackets(router, priority, destination).map((packet) => {
    const version = packet[20]! >> 4 === 2 ? 2 : 3;
    const options = { verifyChecksum: true, version, version2: false } as const;
    const decoded = decodeAdvertisement(packet, packet.length, options);
    if (!decoded.ok) throw new Error(decoded.drop);
    deepStrictEqual(packet.subarray(16, 20), parseIp(destination ?? "224.0.0.18"));
    return decoded.advertisement;
  });
}

const SAYS = {
  source: OURS,
  virtualRouterId: 51,
  priority: 100,
  interval: SECOND,
  addresses: ["192.0.2.10"],
};

Deno.test("[V7-17] both versions leave, version 3 first, with one priority", () => {
  deepStrictEqual(sent(started(BOTH)), [
    { ...SAYS, version: 3, checksum: "rfc5798" },
    { ...SAYS, version: 2, checksum: "rfc9568" },
  ]);
  deepStrictEqual(sent(started(BOTH), 0).map(({ priority }) => priority), [0, 0]);
});

Deno.test("[V7-17] [V7-3] an interval of no whole seconds is rounded up for version 2", () => {
  for (
    const [own, told] of [[10, 1000], [100, 1000], [1000, 1000], [1500, 2000], [40_950, 41_000]]
  ) {
    const router = started({ ...BOTH, advertisementInterval: own! * MS });
    deepStrictEqual(sent(router).map(({ interval }) => interval), [own! * MS, told! * MS]);
  }
});

Deno.test("version 3 alone and version 2 alone send one packet each, to group or peer", () => {
  const [three, two] = [started(), started({ version: 2 })];
  deepStrictEqual(sent(three), [{ ...SAYS, version: 3, checksum: "rfc5798" }]);
  deepStrictEqual(sent(two), [{ ...SAYS, version: 2, checksum: "rfc9568" }]);
  deepStrictEqual(sent(three, 7, "198.51.100.20")[0]!.priority, 7);
  // Version 2 has no version 2 beside it.
  strictEqual(sent(started({ version: 2, version2: true })).length, 1);
});

Deno.test("[V7-2] over IPv6 one message leaves, for the group unless a peer is given", () => {
  const router = started({ family: "ipv6", addresses: ["fe80::100", "2001:db8::1"] });
  router.source = "fe80::10";
  for (const destination of [undefined, "fe80::20"]) {
    const packets = outgoingPackets(router, 100, destination);
    strictEqual(packets.length, 1);
    const from = {
      source: parseIp("fe80::10")!,
      destination: parseIp(destination ?? VRRP_GROUP_IPV6)!,
      hopLimit: 255,
    };
    const decoded = decodeAdvertisement6(packets[0]!, packets[0]!.length, from);
    deepStrictEqual(decoded.ok && decoded.advertisement.addresses, ["fe80::100", "2001:db8::1"]);
  }
});

Deno.test("without a source address nothing can be encoded", () => {
  const router = started();
  router.source = null;
  throws(() => outgoingPackets(router, 100), {
    name: "RangeError",
    message: "Cannot encode advertisement: router web has no source",
  });
});

// ===== together ==================================================================================

Deno.test("[V7-17] a fast master keeps version 2 and version 3 backups quiet, and both take over", () => {
  const network = new Network(new Random(1));
  const fast = network.add(settings({ ...FAST, priority: 200 }), HIGHER);
  const both = network.add(settings({ ...FAST, priority: 150 }), LOWER);
  const two = network.add(settings({ version: 2, priority: 100 }), "198.51.100.1");
  network.run(20 * SECOND);
  deepStrictEqual(network.active(), [fast]);
  strictEqual(both.router.masterInterval, 100 * MS);
  deepStrictEqual(two.router.peers.map(({ version, interval }) => [version, interval]), [
    [2, SECOND],
  ]);
  // The backup of both versions hears each advert twice; the version 2 one refuses version 3.
  const refused = network.unused.get("version")!;
  strictEqual(network.unused.get("version2_duplicate"), refused);
  network.crash(fast);
  network.run(21 * SECOND);
  deepStrictEqual(network.active(), [both]);
  network.crash(both);
  network.run(30 * SECOND);
  deepStrictEqual(network.active(), [two]);
  // The fast one is back beside a slow master of lower priority, and takes its place.
  network.restart(fast);
  network.run(40 * SECOND);
  deepStrictEqual(network.active(), [fast]);
});
