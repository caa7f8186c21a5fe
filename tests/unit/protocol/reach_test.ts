/** Where adverts go to and may come from: own addresses, distances, senders. */

import assert from "node:assert/strict";
import { parseIp } from "../../../mod/ip/mod.ts";
import type { UnicastPeer, UnicastUse } from "../../../mod/plane/messages.ts";
import { type Link, type Located, Reach } from "../../../mod/protocol/reach.ts";
import type { RouterSettings } from "../../../mod/vrrp/mod.ts";

const LINK: Link = {
  ipv4: ["192.0.2.1"],
  ipv6: ["fe80::1"],
  ipv6Global: ["2001:db8::1"],
  networks: ["192.0.2.0/24", "fe80::/64", "2001:db8::/64"],
};

function reach(peers: UnicastPeer[], more: Partial<UnicastUse> = {}, source = "192.0.2.1"): Reach {
  const family = source.includes(":") ? "ipv6" : "ipv4";
  const made = new Reach({
    settings: { family } as RouterSettings,
    unicast: { peers, ttl: 255, checkSource: true, ...more },
  });
  assert.equal(made.update(source, LINK), true);
  assert.equal(made.update(source, LINK), false, "nothing is new");
  return made;
}

/** One packet. */
function from(source: string, ttl: number, destination = "192.0.2.1"): Located {
  const same = (a: string, b: Uint8Array) => `${parseIp(a)}` === `${b}`;
  return {
    isMulticast: () => /^(22|ff)/.test(destination),
    isFrom: (_, address) => same(source, address),
    isTo: (_, address) => same(destination, address),
    ttl: () => ttl,
    source: () => parseIp(source)!,
  };
}

const fault = (made: Reach, packet: Located) => made.fault(packet, 0);

Deno.test("reach: own addresses are no peers", () => {
  const made = reach([{ address: "192.0.2.1" }, { address: "192.0.2.2" }], { ttl: 64 });
  assert.deepEqual(made.destinations, [{ address: "192.0.2.2", ttl: 64, unicast: true }]);
  assert.deepEqual(reach([{ address: "192.0.2.1" }]).destinations, []);
});

Deno.test("reach: a peer on the link must arrive with the TTL that we send with, others need not", () => {
  const made = reach([{ address: "192.0.2.2" }, { address: "198.51.100.2" }]);
  assert.equal(fault(made, from("192.0.2.2", 255)), null);
  assert.equal(fault(made, from("192.0.2.2", 254)), "ttl");
  assert.equal(fault(made, from("198.51.100.2", 1)), null);
  const near = reach([{ address: "192.0.2.2" }], { ttl: 64 });
  assert.equal(fault(near, from("192.0.2.2", 64)), null);
  assert.equal(fault(near, from("192.0.2.2", 63)), "ttl");
  const six = reach([{ address: "fe80::2" }, { address: "2001:db8:1::2" }], {}, "fe80::1");
  assert.equal(fault(six, from("fe80::2", 254, "fe80::1")), "ttl");
  assert.equal(fault(six, from("2001:db8:1::2", 60, "fe80::1")), null);
});

Deno.test("reach: a peer has a range of its own", () => {
  const made = reach([{ address: "198.51.100.2", minTtl: 250, maxTtl: 253 }]);
  for (const [ttl, expected] of [[249, "ttl"], [250, null], [253, null], [254, "ttl"]] as const) {
    assert.equal(fault(made, from("198.51.100.2", ttl)), expected);
  }
  // The least that follows from the link never makes a range empty.
  const low = reach([{ address: "192.0.2.2", maxTtl: 64 }]);
  assert.equal(fault(low, from("192.0.2.2", 64)), null);
});

Deno.test("reach: strangers, other addresses of ours, groups", () => {
  const made = reach([{ address: "192.0.2.2" }]);
  assert.equal(fault(made, from("192.0.2.3", 255)), "source");
  assert.equal(fault(made, from("192.0.2.2", 255, "192.0.2.9")), "destination");
  assert.equal(fault(made, from("192.0.2.2", 255, "224.0.0.18")), "destination");
  const open = reach([{ address: "192.0.2.2" }], { checkSource: false });
  assert.equal(fault(open, from("192.0.2.3", 255)), null);
  assert.equal(fault(open, from("192.0.2.3", 254)), "ttl", "it is on the link");
  assert.equal(fault(open, from("203.0.113.3", 9)), null);
  const usual = new Reach({ settings: { family: "ipv4" } as RouterSettings });
  assert.equal(fault(usual, from("192.0.2.2", 255)), "destination");
  assert.equal(fault(usual, from("192.0.2.2", 255, "224.0.0.118")), "destination");
  assert.equal(fault(usual, from("192.0.2.2", 255, "224.0.0.18")), null);
});

Deno.test("reach: what it knows of the link outlives another configuration", () => {
  const unicast = { peers: [{ address: "192.0.2.1" }], ttl: 255, checkSource: true };
  const settings = { family: "ipv4" } as RouterSettings;
  const peers = [...unicast.peers, { address: "192.0.2.2" }];
  const next = new Reach(
    { settings, unicast: { ...unicast, peers } },
    "192.0.2.1",
    reach(unicast.peers),
  );
  assert.deepEqual(next.destinations.map(({ address }) => address), ["192.0.2.2"]);
});
