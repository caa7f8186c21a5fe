/** IPv6 virtual addresses: their form, what takes them away, what becomes of their routes. */

import { strict as assert } from "node:assert";
import { ROUTE_METRIC } from "../../../mod/kernel/mod.ts";
import {
  HALB_PROTOCOL,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  RTPROT_KERNEL,
} from "../../../mod/netlink/mod.ts";
import { hostsOwn } from "./model_tables.ts";
import { Rig, router } from "./rig.ts";

const SECOND = 1_000_000;
const VIP = "2001:db8::10";
const LOCAL = "fe80::10";

/** `eth0` with the host's own 2001:db8::1/64, and one router with the given addresses. */
function usual(vips = [`${VIP}/64`, `${LOCAL}/64`], lease = 3): { rig: Rig; eth0: number } {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "fe80::1", 64);
  rig.kernel.addByOthers(eth0, "2001:db8::1", 64);
  rig.configure([router("web", vips, { lease })]);
  return { rig, eth0 };
}

/** Destinations and sources of halb's own routes. */
function ownRoutes(rig: Rig): string[] {
  return rig.kernel.routes.filter((route) => route.protocol === HALB_PROTOCOL)
    .map((route) => `${route.destination}/${route.prefixLength} from ${route.source}`);
}

Deno.test("IPv6: installed as /128, usable at once, never a source of the host's own", () => {
  for (const lease of [3, 0]) {
    const { rig, eth0 } = usual(undefined, lease);
    rig.hold("web");
    for (const address of [VIP, LOCAL]) {
      assert.deepEqual(rig.kernel.has(eth0, address), {
        index: eth0,
        address,
        prefixLength: 128,
        flags: IFA_F_NOPREFIXROUTE | IFA_F_NODAD,
        preferred: 0,
        protocol: HALB_PROTOCOL,
        label: "",
        expiresAt: lease === 0 ? Infinity : rig.kernel.time + 3 * SECOND,
      });
    }
    rig.run(20 * SECOND);
    assert.deepEqual(rig.report("web").present, [VIP, LOCAL]);
    rig.drop("web");
    assert.deepEqual(rig.kernel.addresses.map((one) => one.address), ["fe80::1", "2001:db8::1"]);
    assert.equal(rig.report("web").repairs, 0);
  }
});

Deno.test("IPv6: the kernel tells of a new address late: nothing is done twice or too early", () => {
  const { rig, eth0 } = usual([`${VIP}/64`]);
  rig.kernel.tardy = true;
  rig.hold("web");
  rig.wake();
  rig.wake();
  assert.deepEqual(rig.kernel.journal, [`add ${VIP}/128`]);
  assert.deepEqual(rig.kernel.frames, [], "not announced before it is there");
  rig.run(1000);
  assert.equal(rig.kernel.frames.length, 1);
  assert.deepEqual(rig.report("web").present, [VIP]);
  rig.drop("web");
  rig.kernel.journal.length = 0;
  rig.hold("web");
  rig.drop("web");
  assert.deepEqual(rig.kernel.journal, [`add ${VIP}/128`, `delete ${VIP}/128`]);
  assert.equal(rig.kernel.has(eth0, VIP), undefined, "dropped before it was seen");
  rig.hold("web");
  rig.stop(false);
  assert.equal(rig.kernel.has(eth0, VIP), undefined, "also by a stop");
  assert.equal(rig.report("web").repairs, 0);
});

Deno.test("IPv6: an address of which the kernel never tells is asked for again, and found", () => {
  const { rig } = usual([`${VIP}/64`]);
  rig.kernel.tardy = true;
  rig.hold("web");
  rig.kernel.loseLate();
  rig.run(1.9 * SECOND);
  assert.deepEqual(rig.kernel.journal, [`add ${VIP}/128`]);
  rig.run(0.2 * SECOND);
  assert.deepEqual(rig.report("web").present, [VIP]);
  rig.run(5 * SECOND);
  assert.deepEqual(rig.report("web").present, [VIP]);
});

Deno.test("IPv6: what somebody removes comes back, though notifications name nobody", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.run(SECOND / 2);
  rig.kernel.removeByOthers(eth0, VIP);
  rig.wake();
  assert(rig.kernel.has(eth0, VIP), "at once");
  assert.equal(rig.report("web").repairs, 1);
  rig.kernel.removeByOthers(eth0, VIP);
  rig.wake();
  assert.equal(rig.kernel.has(eth0, VIP), undefined, "again so soon: a pause");
  rig.run(150_000);
  assert(rig.kernel.has(eth0, VIP));
  assert.equal(rig.report("web").repairs, 2);
});

Deno.test("IPv6: our own removals and ends of leases are no interference", () => {
  const { rig, eth0 } = usual([`${VIP}/64`], 0);
  rig.hold("web");
  rig.configure([router("web", [`${VIP}/64`], { lease: 2 })]);
  assert(rig.kernel.has(eth0, VIP));
  rig.beating = false;
  rig.freeze(5 * SECOND);
  rig.wake();
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  rig.beating = true;
  rig.run(SECOND);
  assert(rig.kernel.has(eth0, VIP));
  assert.equal(rig.report("web").repairs, 0);
});

Deno.test("IPv6: a link that is down, an MTU too small, IPv6 disabled: waits, says why", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  const failed = () => new Set(rig.report("web").failed.map(({ reason }) => reason));
  const obstacles: [string | RegExp, () => void, () => void][] = [
    [
      "Interface eth0 is down",
      () => rig.kernel.changeLink(eth0, { flags: 0 }),
      () => rig.kernel.changeLink(eth0, { flags: 0x41 }),
    ],
    [
      "MTU of eth0 is 1200, IPv6 needs 1280",
      () => rig.kernel.changeLink(eth0, { mtu: 1200 }),
      () => rig.kernel.changeLink(eth0, { mtu: 1500 }),
    ],
    [
      "IPv6 is disabled on the interface (disable_ipv6 is 1)",
      () => rig.kernel.disableIpv6(eth0),
      () => {
        rig.kernel.disabled.delete(eth0);
        rig.kernel.addByOthers(eth0, "fe80::1", 64);
      },
    ],
  ];
  for (const [reason, begin, end] of obstacles) {
    begin();
    rig.run(2 * SECOND);
    assert.deepEqual(rig.report("web").present, []);
    assert.deepEqual(failed(), new Set([reason]));
    const tries = rig.kernel.journal.length;
    rig.run(10 * SECOND);
    assert(rig.kernel.journal.length - tries < 20, "not in a busy loop");
    end();
    rig.wake();
    assert.deepEqual(rig.report("web").present, [VIP, LOCAL], `at once after: ${reason}`);
    assert.deepEqual(rig.report("web").failed, []);
  }
});

Deno.test("IPv6: a connected route of our own has a lifetime, and its source is put back", () => {
  const { rig, eth0 } = usual(["2001:db8:1::10/64", "2001:db8:1::11/64"]);
  rig.hold("web");
  const [route] = rig.kernel.routes.filter((one) => one.protocol === HALB_PROTOCOL);
  assert.deepEqual(route, {
    index: eth0,
    destination: "2001:db8:1::",
    prefixLength: 64,
    gateway: "",
    source: "2001:db8:1::10",
    priority: ROUTE_METRIC + eth0,
    protocol: HALB_PROTOCOL,
    expiresAt: rig.kernel.time + 3 * SECOND,
  });
  rig.run(20 * SECOND);
  assert.deepEqual(ownRoutes(rig), ["2001:db8:1::/64 from 2001:db8:1::10"], "refreshed");
  rig.kernel.removeByOthers(eth0, "2001:db8:1::10");
  assert.deepEqual(ownRoutes(rig), ["2001:db8:1::/64 from "], "the kernel forgot the source");
  rig.wake();
  assert.match(ownRoutes(rig).join(), /^2001:db8:1::\/64 from 2001:db8:1::1[01]$/);
  rig.freeze(5 * SECOND);
  assert.deepEqual(ownRoutes(rig), [], "it does not outlive its addresses");
});

Deno.test("IPv6: a route that a dead agent left is adopted with its address or removed", () => {
  for (const later of [true, false]) {
    const { rig, eth0 } = usual(["2001:db8:1::10/64"]);
    rig.hold("web");
    rig.restart();
    if (!later) rig.kernel.removeByOthers(eth0, "2001:db8:1::10");
    rig.configure(later ? [router("web", ["2001:db8:1::10/64"])] : []);
    assert.deepEqual(ownRoutes(rig), later ? ["2001:db8:1::/64 from 2001:db8:1::10"] : []);
    rig.run(4 * SECOND);
    assert.deepEqual(ownRoutes(rig), [], "nobody decided to hold it");
  }
});

Deno.test("IPv6: the host's own survives a wide leftover of ours, also a connected route", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, VIP, 64, { protocol: HALB_PROTOCOL });
  // As network managers do it: the address makes no route, and the route is made beside it.
  rig.kernel.addByOthers(eth0, "2001:db8::1", 64, { flags: IFA_F_NOPREFIXROUTE });
  rig.kernel.addRouteByOthers({
    index: eth0,
    destination: "::",
    prefixLength: 0,
    gateway: "fe80::9",
  });
  const before = hostsOwn(rig.kernel);
  assert.equal(rig.kernel.routes.filter((one) => one.protocol === RTPROT_KERNEL).length, 1);
  rig.kernel.careless = true;
  rig.configure([router("web", [`${VIP}/64`])]);
  rig.hold("web");
  assert.equal(rig.kernel.has(eth0, VIP)?.prefixLength, 128);
  assert.deepEqual(hostsOwn(rig.kernel), before);
});

Deno.test("echoes of refreshes are no news: no route is verified, nothing is announced", () => {
  const { rig } = usual(["2001:db8:1::10/64", "192.0.2.10/24", "203.0.113.10/24"], 9);
  rig.hold("web");
  rig.run(100_000);
  rig.kernel.journal.length = 0;
  rig.kernel.frames.length = 0;
  const said = rig.control.length;
  rig.run(30 * SECOND);
  const refreshes = rig.kernel.journal.filter((line) => line.startsWith("replace "));
  const routes = rig.kernel.journal.filter((line) => line.startsWith("add route"));
  assert(refreshes.length >= 27, `${refreshes.length} refreshes`);
  assert(routes.every((line) => line === "add route 2001:db8:1::/64"), "IPv4 needs none");
  assert(routes.length >= 9 && routes.length <= 11, `${routes.length} refreshes of the route`);
  assert.equal(refreshes.length + routes.length, rig.kernel.journal.length);
  assert.deepEqual(rig.kernel.frames, []);
  assert.equal(rig.control.length, said);
});

Deno.test("[V7-12] IPv6 and IPv4 are announced in one order; the Router flag is that of the moment", () => {
  const { rig, eth0 } = usual([`${VIP}/64`, "192.0.2.10/24", `${LOCAL}/64`]);
  rig.kernel.setForwarding(eth0, true);
  rig.hold("web");
  const frames = () => rig.kernel.frames.splice(0).map(({ frame }) => frame);
  const kinds = (list: Uint8Array[]) =>
    list.map((frame) => frame[12] === 0x08 ? "arp" : `na ${frame[58]?.toString(16)}`);
  assert.deepEqual(kinds(frames()), ["na a0", "arp", "na a0"]);
  rig.kernel.setForwarding(eth0, false);
  rig.announce("web");
  assert.deepEqual(kinds(frames()), ["na 20", "arp", "na 20"]);
  rig.kernel.overrun();
  rig.kernel.setForwarding(eth0, true);
  rig.wake();
  rig.announce("web");
  assert.deepEqual(kinds(frames()), ["na a0", "arp", "na a0"], "also after lost notifications");
});

Deno.test("the oldest link-local address stays the first, also when the tables are read again", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "fe80::1", 64);
  rig.configure([], ["eth0"]);
  rig.kernel.addByOthers(eth0, "fe80::2", 64);
  rig.wake();
  assert.deepEqual(rig.interface("eth0")?.ipv6, ["fe80::1", "fe80::2"]);
  rig.kernel.overrun();
  const before = rig.protocol.length;
  rig.wake();
  assert.deepEqual(rig.interface("eth0")?.ipv6, ["fe80::1", "fe80::2"]);
  assert.equal(rig.protocol.length, before, "no news");
});
