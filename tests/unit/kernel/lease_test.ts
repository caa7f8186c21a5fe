/** The rules of the lease, one test each, on a model kernel in virtual time. */

import { strict as assert } from "node:assert";
import {
  HALB_PROTOCOL,
  IFA_F_NOPREFIXROUTE,
  RTM_DELADDR,
  RTM_NEWADDR,
} from "../../../mod/netlink/mod.ts";
import { hostsOwn } from "./model_tables.ts";
import { held, Rig, router } from "./rig.ts";

const SECOND = 1_000_000;
const VIP = "192.0.2.10";

/** `eth0` with the host's own 192.0.2.1/24, and one router with one address. */
function usual(vip = `${VIP}/24`, lease = 3): { rig: Rig; eth0: number } {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", [vip], { lease })]);
  return { rig, eth0 };
}

Deno.test("a leased address is installed as /32 with noprefixroute, whatever is configured", () => {
  for (const lease of [3, 0]) {
    const { rig, eth0 } = usual(`${VIP}/24`, lease);
    rig.hold("web");
    const address = rig.kernel.has(eth0, VIP);
    assert.deepEqual(address, {
      index: eth0,
      address: VIP,
      prefixLength: 32,
      flags: IFA_F_NOPREFIXROUTE,
      protocol: HALB_PROTOCOL,
      label: "",
      expiresAt: lease === 0 ? Infinity : rig.kernel.time + 3 * SECOND,
    });
  }
});

Deno.test("hold and drop are idempotent", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.hold("web");
  assert.deepEqual(rig.kernel.journal, [`add ${VIP}/32`]);
  rig.drop("web");
  rig.drop("web");
  assert.deepEqual(rig.kernel.journal, [`add ${VIP}/32`, `delete ${VIP}/32`]);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  assert.equal(rig.report("web").wanted, false);
});

Deno.test("a lease is refreshed before a third of it is over as long as the protocol beats", () => {
  const { rig } = usual();
  rig.hold("web");
  rig.run(60 * SECOND);
  const refreshes = rig.kernel.journal.filter((line) => line.startsWith("replace")).length;
  assert(refreshes >= 66 && refreshes <= 70, `${refreshes} refreshes in 60 s`);
  assert.deepEqual(rig.logs(), []);
});

Deno.test("whenever the agent dies, two thirds of each lease are left, from the first moment", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  const addresses = Array.from({ length: 50 }, (_, i) => `203.0.113.${i + 1}`);
  rig.configure([router("many", addresses.map((address) => `${address}/32`), { lease: 6 })]);
  rig.hold("many");
  rig.run(100_000);
  let least = Infinity;
  for (let i = 0; i < 300; i++) {
    rig.run(33_000);
    for (const address of addresses) {
      const { expiresAt } = rig.kernel.has(eth0, address)!;
      least = Math.min(least, expiresAt! - rig.kernel.time);
    }
  }
  assert(least >= 4 * SECOND, `only ${least} µs left`);
});

Deno.test("refreshes of many addresses are spread over the period", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  const addresses = Array.from({ length: 200 }, (_, i) => `203.0.113.${i + 1}/32`);
  rig.configure([router("many", addresses)]);
  rig.hold("many");
  rig.run(5 * SECOND);
  const perSlice: number[] = [];
  for (let slice = 0; slice < 18; slice++) {
    const before = rig.kernel.journal.length;
    rig.run(50_000);
    perSlice.push(rig.kernel.journal.length - before);
  }
  const most = Math.max(...perSlice);
  const sum = perSlice.reduce((a, b) => a + b, 0);
  assert(sum >= 180 && sum <= 230, `${sum} refreshes in one period`);
  assert(most <= 40, `${most} refreshes in 50 ms: ${perSlice}`);
});

Deno.test("many addresses come and go in parts, and a drop in between ends it", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.kernel.cost = 300;
  const addresses = Array.from(
    { length: 400 },
    (_, i) => `2001:db8:1::${(i + 1).toString(16)}/128`,
  );
  rig.configure([router("many", addresses)]);
  rig.words.beatProtocol(rig.kernel.time);
  rig.hold("many");
  assert(rig.kernel.addresses.length > 0);
  rig.wake();
  assert(rig.kernel.addresses.length < 400, `${rig.kernel.addresses.length} in two turns`);
  assert(rig.kernel.frames.length > 0, "the first are announced while others are still to come");
  assert(rig.plane.deadline <= rig.kernel.time, "the rest waits for the next turn only");
  rig.run(200_000);
  assert.equal(rig.report("many").present.length, 400);
  assert.equal(rig.kernel.journal.length, 400, "none was added twice");
  rig.drop("many");
  rig.hold("many", 2);
  rig.drop("many");
  rig.run(300_000);
  assert.deepEqual(rig.kernel.addresses, []);
  rig.hold("many", 3);
  rig.stop(false);
  assert.deepEqual(rig.kernel.addresses, [], "a stop waits for all parts");
});

Deno.test("no refresh while the heartbeat stands still: the address ends with its lease", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.run(10 * SECOND);
  rig.beating = false;
  const since = rig.kernel.time;
  rig.run(3.1 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  assert(rig.kernel.time - since <= 4 * SECOND);
  assert.deepEqual(rig.report("web").present, []);
  assert.match(rig.logs()[0]?.message ?? "", /protocol plane stands still/);
  rig.run(20 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
});

Deno.test("no refresh under another epoch, however the heartbeat advances", () => {
  const { rig, eth0 } = usual();
  rig.hold("web", 7);
  rig.run(5 * SECOND);
  rig.words.setMastership(0, 8);
  rig.run(3.1 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
});

Deno.test("a protocol plane that comes back as master gets its addresses back", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.run(5 * SECOND);
  rig.beating = false;
  rig.run(5 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  rig.beating = true;
  rig.run(0.5 * SECOND);
  assert(rig.kernel.has(eth0, VIP));
  assert.deepEqual(rig.report("web").present, [VIP]);
});

Deno.test("a thawed process installs nothing before the protocol loop has turned twice", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.run(5 * SECOND);
  rig.freeze(10 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  rig.words.beatProtocol(rig.kernel.time);
  rig.wake();
  assert.equal(rig.kernel.has(eth0, VIP), undefined, "the beat may be of a turn begun before");
  rig.words.beatProtocol(rig.kernel.time);
  rig.wake();
  assert.equal(rig.kernel.has(eth0, VIP), undefined, "one turn after we woke");
  rig.words.setMastership(0, 0);
  rig.words.beatProtocol(rig.kernel.time);
  rig.run(SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined, "the word says: no longer master");
});

Deno.test("a permanent leftover of ours becomes a leased one by delete and add", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.kernel.addByOthers(eth0, VIP, 32, { protocol: HALB_PROTOCOL, flags: IFA_F_NOPREFIXROUTE });
  rig.configure([router("web", [`${VIP}/24`])]);
  rig.hold("web");
  assert.deepEqual(rig.kernel.journal, [`delete ${VIP}/32`, `add ${VIP}/32`]);
  assert.equal(rig.kernel.has(eth0, VIP)?.expiresAt, rig.kernel.time + 3 * SECOND);
});

Deno.test("a leased leftover is adopted: refreshed at once by the first hold", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.run(1.5 * SECOND);
  rig.restart();
  rig.kernel.journal.length = 0;
  rig.configure([router("web", [`${VIP}/24`])]);
  assert(rig.kernel.has(eth0, VIP), "kept until the first decision");
  rig.hold("web", 2);
  assert.deepEqual(rig.kernel.journal, [`replace ${VIP}/32`]);
  rig.run(20 * SECOND);
  assert(rig.kernel.has(eth0, VIP));
});

Deno.test("a form that the kernel does not keep is asked for again in moderation", () => {
  const { rig } = usual();
  rig.kernel.forgets = IFA_F_NOPREFIXROUTE;
  rig.hold("web");
  rig.kernel.journal.length = 0;
  rig.run(10 * SECOND);
  const additions = rig.kernel.journal.filter((line) => line.startsWith("add")).length;
  assert(additions >= 8 && additions <= 11, `${additions} additions in 10 s`);
});

Deno.test("an adopted address goes with the first drop, or with its lease", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.restart();
  rig.configure([router("web", [`${VIP}/24`])]);
  rig.drop("web");
  assert.equal(rig.kernel.has(eth0, VIP), undefined);

  rig.kernel.addByOthers(eth0, VIP, 32, { protocol: HALB_PROTOCOL, flags: IFA_F_NOPREFIXROUTE });
  rig.restart();
  rig.configure([router("web", [`${VIP}/24`])]);
  rig.run(2.9 * SECOND);
  assert(rig.kernel.has(eth0, VIP), "permanent, adopted for one lease");
  rig.run(0.2 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
});

Deno.test("leftovers that no configuration names are removed at once", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  const eth1 = rig.kernel.link("eth1");
  rig.kernel.addByOthers(eth0, "192.0.2.99", 32, { protocol: HALB_PROTOCOL });
  rig.kernel.addByOthers(eth1, VIP, 32, { protocol: HALB_PROTOCOL });
  rig.kernel.addByOthers(eth1, "192.0.2.1", 24);
  rig.configure([router("web", [`${VIP}/24`])]);
  assert.deepEqual(rig.kernel.addresses.map((one) => one.address), ["192.0.2.1"]);
});

Deno.test("a change between leased and permanent keeps the address and the host's own", () => {
  const { rig, eth0 } = usual();
  const before = hostsOwn(rig.kernel);
  rig.hold("web");
  rig.run(2 * SECOND);
  rig.kernel.journal.length = 0;
  rig.configure([router("web", [`${VIP}/24`], { lease: 0 })]);
  assert.deepEqual(rig.kernel.journal, [`replace ${VIP}/32`]);
  rig.run(60 * SECOND);
  assert.equal(rig.kernel.has(eth0, VIP)?.expiresAt, Infinity);
  rig.kernel.journal.length = 0;
  rig.configure([router("web", [`${VIP}/24`], { lease: 5 })]);
  assert.deepEqual(rig.kernel.journal, [`delete ${VIP}/32`, `add ${VIP}/32`]);
  rig.run(60 * SECOND);
  assert(rig.kernel.has(eth0, VIP));
  assert.deepEqual(hostsOwn(rig.kernel), before);
});

Deno.test("an address that the host itself has is present, and never touched", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, VIP, 24);
  rig.configure([router("owner", [`${VIP}/24`])]);
  rig.hold("owner");
  rig.run(10 * SECOND);
  assert.deepEqual(rig.report("owner").present, [VIP]);
  assert.deepEqual(rig.interface("eth0")?.ipv4, [VIP], "adverts are sent from it");
  rig.drop("owner");
  rig.stop(false);
  assert.deepEqual(rig.kernel.journal, []);
  assert(rig.kernel.has(eth0, VIP));
  assert.equal(rig.kernel.frames.length, 1, "and it is announced");
});

Deno.test("an address that somebody removes comes back at once; repeated removal is slowed", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.run(20 * SECOND);
  rig.kernel.frames.length = 0;
  rig.kernel.removeByOthers(eth0, VIP);
  rig.wake();
  assert(rig.kernel.has(eth0, VIP));
  assert.equal(rig.report("web").repairs, 1);
  rig.wake();
  assert.equal(rig.kernel.frames.length, 1, "and is announced");
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    rig.kernel.removeByOthers(eth0, VIP);
    rig.wake();
    const since = rig.kernel.time;
    while (rig.kernel.has(eth0, VIP) === undefined) rig.run(10_000);
    waits.push(Math.round((rig.kernel.time - since) / 10_000) * 10);
  }
  assert.deepEqual(waits, [100, 200, 400, 800]);
  assert.equal(rig.report("web").repairs, 5);
});

Deno.test("an address that is removed while its refresh is under way was put back by that", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.run(20 * SECOND);
  rig.kernel.frames.length = 0;
  for (let time = 1; time <= 2; time++) {
    rig.kernel.removeByOthers(eth0, VIP);
    // The kernel makes anew what a refresh does not find.
    const ours = { protocol: HALB_PROTOCOL, flags: IFA_F_NOPREFIXROUTE, lifetime: 3 };
    rig.kernel.addByOthers(eth0, VIP, 32, ours);
    rig.wake();
    assert.deepEqual([rig.report("web").repairs, rig.kernel.frames.length], [time, time]);
  }
});

Deno.test("a refused address is reported with its reason and tried again with growing waits", () => {
  const { rig, eth0 } = usual();
  rig.kernel.refusals.push(
    { type: RTM_NEWADDR, errno: 12 },
    { type: RTM_NEWADDR, errno: 12 },
    { type: RTM_NEWADDR, errno: 12 },
  );
  rig.hold("web");
  assert.deepEqual(rig.report("web").failed, [{ address: VIP, reason: "ENOMEM" }]);
  rig.run(290_000);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  rig.run(420_000);
  assert(rig.kernel.has(eth0, VIP));
  assert.deepEqual(rig.report("web").failed, []);
  assert.deepEqual(rig.report("web").present, [VIP]);
});

Deno.test("a refused removal is tried again", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.kernel.refusals.push({ type: RTM_DELADDR, errno: 12 });
  rig.drop("web");
  assert(rig.kernel.has(eth0, VIP));
  rig.run(200_000);
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
});

Deno.test("lost notifications: the tables are read again and the difference is made good", () => {
  const { rig, eth0 } = usual();
  rig.hold("web");
  rig.kernel.removeByOthers(eth0, VIP);
  rig.kernel.overrun();
  rig.wake();
  assert(rig.kernel.has(eth0, VIP));
});

Deno.test("echoes of refreshes change nothing: no report, no request", () => {
  const { rig } = usual();
  rig.hold("web");
  rig.run(SECOND);
  const reports = rig.control.length;
  rig.run(30 * SECOND);
  assert.equal(rig.control.length, reports);
  assert(rig.kernel.journal.every((line) => !line.startsWith("delete")));
});

Deno.test("a kernel that keeps no mark: our address is known by what we remember", () => {
  const { rig, eth0 } = usual();
  rig.kernel.marks = false;
  rig.hold("web");
  assert.deepEqual(rig.interface("eth0")?.ipv4, ["192.0.2.1"]);
  rig.run(20 * SECOND);
  assert(rig.kernel.has(eth0, VIP));
  rig.drop("web");
  assert.equal(rig.kernel.has(eth0, VIP), undefined);
  assert(rig.kernel.has(eth0, "192.0.2.1"));
});

Deno.test("the interface may come later, be renamed, and come anew with another index", () => {
  const rig = new Rig();
  rig.configure([router("web", [held(`${VIP}/32`, "eth7")])], ["eth7"]);
  rig.hold("web");
  assert.deepEqual(rig.report("web").failed, [
    { address: VIP, reason: "Interface eth7 does not exist" },
  ]);
  const first = rig.kernel.link("eth7");
  rig.wake();
  assert(rig.kernel.has(first, VIP));
  rig.kernel.changeLink(first, { name: "old7" });
  rig.wake();
  assert.equal(rig.kernel.has(first, VIP), undefined, "the name no longer means this interface");
  assert.equal(rig.interface("eth7"), undefined);
  const second = rig.kernel.link("eth7");
  rig.wake();
  assert(rig.kernel.has(second, VIP));
  rig.kernel.unlink(second);
  rig.wake();
  assert.deepEqual(rig.report("web").present, []);
  const third = rig.kernel.link("eth7");
  rig.wake();
  assert(rig.kernel.has(third, VIP));
  assert.equal(rig.interface("eth7")?.index, third);
});

Deno.test("stop removes what is held, adopted addresses and routes too; keep leaves it", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  const before = hostsOwn(rig.kernel);
  const routers = [
    router("web", ["203.0.113.10/24"]),
    router("lan", [`${VIP}/24`], { slot: 1, lease: 0 }),
  ];
  rig.configure(routers);
  rig.hold("web");
  rig.hold("lan", 1, 1);
  rig.stop(true);
  assert.equal(rig.kernel.addresses.length, 3);
  rig.restart();
  rig.configure(routers);
  rig.stop(false);
  assert.deepEqual(rig.kernel.addresses.map((one) => one.address), ["192.0.2.1"]);
  assert.deepEqual(hostsOwn(rig.kernel), before);
  assert.equal(rig.kernel.routes.length, 1);
  assert.equal(rig.control.at(-1)?.type, "stopped");
  assert(rig.plane.stopped);
});
