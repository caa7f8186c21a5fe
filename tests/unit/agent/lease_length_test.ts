/** How long addresses outlive the agent: against the slowest backup, and against their number. */

import assert from "node:assert/strict";
import type { VrrpConfig } from "../../../config/mod.ts";
import { leaseOf, refreshCost } from "../../../mod/agent/lease_length.ts";
import { masterDownInterval, version2Interval } from "../../../mod/vrrp/mod.ts";

const SECOND = 1_000_000;

function router(more: Partial<VrrpConfig> = {}, addresses = ["192.0.2.10"]): VrrpConfig {
  return {
    advertisement_interval: SECOND,
    version: 3,
    v2_compatibility: false,
    address_lease: "auto",
    addresses: addresses.map((address) => ({ address, prefix_length: 24, interface: "eth0" })),
    excluded_addresses: [],
    ...more,
  } as VrrpConfig;
}

Deno.test("the lease is half as much again as the slowest backup waits, at least 3 s", () => {
  const lease = (interval: number, more: Partial<VrrpConfig> = {}) =>
    leaseOf(router({ advertisement_interval: interval, ...more }), 0);
  assert.equal(lease(10_000), 3);
  assert.equal(lease(100_000), 3);
  assert.equal(lease(500_000), 3);
  assert.equal(lease(SECOND), 6);
  assert.equal(lease(10 * SECOND), 60);
  // In version 2 the skew is a share of one second, whatever the interval.
  assert.equal(lease(SECOND, { version: 2 }), 6);
  assert.equal(lease(10 * SECOND, { version: 2 }), 47);
  // A version 2 backup of a fast version 3 master goes by whole seconds.
  assert.equal(lease(100_000, { v2_compatibility: true }), 6);
});

Deno.test("what is left of a lease before its refresh outlasts every backup and its takeover", () => {
  for (let interval = 10_000; interval <= 40_950_000; interval += 10_000) {
    for (const v2_compatibility of [false, true]) {
      const one = router({ advertisement_interval: interval, v2_compatibility });
      const left = 0.7 * leaseOf(one, 0) * SECOND;
      const waits = [masterDownInterval(1, interval)];
      if (v2_compatibility) waits.push(masterDownInterval(1, version2Interval(interval), 2));
      assert.ok(left >= 1.04 * Math.max(...waits), `${interval}: ${left} µs left`);
    }
  }
});

Deno.test("the operator's word counts, whatever it costs", () => {
  assert.equal(leaseOf(router({ address_lease: "off" }), 1e9), 0);
  assert.equal(leaseOf(router({ address_lease: 1 }), 1e9), 1);
});

Deno.test("many addresses have longer leases: a hundredth of a processor, up to 30 s", () => {
  const many = (count: number, prefix: string) =>
    router({ advertisement_interval: 100_000 }, Array.from({ length: count }, () => prefix));
  const lease = (...vrrp: VrrpConfig[]) => leaseOf(vrrp[0]!, refreshCost({ vrrp }));
  assert.equal(lease(many(70, "2001:db8::1")), 3);
  assert.equal(lease(many(250, "2001:db8::1")), 10);
  assert.equal(lease(many(750, "2001:db8::1")), 30);
  assert.equal(lease(many(2000, "2001:db8::1")), 30);
  assert.equal(lease(many(600, "192.0.2.1")), 3);
  assert.equal(lease(many(1000, "192.0.2.1")), 5);
  // Those of all routers count together.
  assert.equal(lease(many(125, "2001:db8::1"), many(125, "2001:db8::2")), 10);
  const round = refreshCost({ vrrp: [many(250, "2001:db8::1")] });
  assert.ok(round / (0.3 * 10 * SECOND) <= 0.0101, `${round} µs a round`);
  // A slow backup needs a longer one all the same.
  const slow = router({ advertisement_interval: 10 * SECOND }, Array(1000).fill("2001:db8::1"));
  assert.equal(lease(slow), 60);
});
