/**
 * The kernel plane on a real kernel: what the host has of its own survives everything halb does
 * with virtual addresses, leases end on time without us, and announcements are what tshark takes
 * for gratuitous ARP.
 */

import { strict as assert } from "node:assert";
import { inNamespace, monotonicMicros, NETLINK_ROUTE, NetlinkSocket } from "../../ffi/mod.ts";
import { addAddress, HALB_PROTOCOL, MessageWriter } from "../../mod/netlink/mod.ts";
import type { KernelRouter } from "../../mod/plane/messages.ts";
import { delay, type Host, type Lab, lab } from "../lib/mod.ts";
import { Agent, ANNOUNCE, CREATE, router } from "./kernel_agent.ts";

interface Case {
  readonly host: Host;
  readonly router: KernelRouter;
  readonly configure: (host: Host) => Promise<void>;
  /** The host's configuration comes after the virtual address. */
  readonly late: boolean;
  expected: string;
}

/** What a host may configure of its own, each with commands for `ip`. */
const HOSTS: Readonly<Record<string, readonly string[]>> = {
  subnet: [
    "address add 192.0.2.1/24 dev eth0",
    "address add 192.0.2.2/24 dev eth0",
    "route add default via 192.0.2.254",
    "route add 198.51.100.0/24 via 192.0.2.253 src 192.0.2.1 metric 7",
  ],
  elsewhere: [
    "address add 203.0.113.1/28 dev eth0",
    "route add default via 203.0.113.14 dev eth0",
    "route add 198.51.100.0/24 dev eth0",
  ],
  unnumbered: [
    "route add 198.51.100.0/24 dev eth0 table 77 metric 3",
    "route add 203.0.113.0/24 dev eth0",
    "route add default dev eth0 mtu 1400",
  ],
};

/** Addresses and routes of a host, in all tables, those that carry our mark left out. */
async function hostsOwn(host: Host, vip: string): Promise<string> {
  const addresses = (await host.addresses())
    .filter((one) => one.family === "inet" && one.address !== vip)
    .map((one) => `${one.interface} ${one.address}/${one.prefixLength} ${one.flags} ${one.label}`);
  const all = await host.exec(["ip", "-4", "route", "show", "table", "all"]);
  const routes = all.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.includes("proto 112") && !line.includes(`local ${vip}`));
  return [...addresses.sort(), ...routes.sort()].join("\n");
}

async function makeCases(lab: Lab, lease: number): Promise<Case[]> {
  const cases: Case[] = [];
  for (const [kind, commands] of Object.entries(HOSTS)) {
    for (const late of [false, true]) {
      // Without an address of its own the host cannot configure routes after the VIP and expect
      // them to survive a lease that ends while nobody lives to put them back.
      if (kind === "unnumbered" && late) continue;
      for (const length of [24, 32]) {
        const host = await lab.host(`${kind.slice(0, 3)}${late ? "late" : ""}${length}`);
        await host.exec(["sh", "-c", CREATE]);
        const configure = async (host: Host) => {
          for (const words of commands) await host.exec(["ip", ...words.split(" ")]);
        };
        await configure(host);
        const expected = await hostsOwn(host, "192.0.2.10");
        assert.match(expected, /^default /m);
        if (late) {
          await host.exec(["ip", "-4", "address", "flush", "dev", "eth0"]);
          assert.equal((await host.routes()).length, 0);
        }
        const slot = cases.length;
        const made = router(host.name, host, slot, `192.0.2.10/${length}`, lease);
        cases.push({ host, router: made, configure, late, expected });
      }
    }
  }
  return cases;
}

/** All hold their address; the late hosts configure theirs after it. */
async function holdAll(agent: Agent, cases: readonly Case[]): Promise<void> {
  agent.configure(cases.map((one) => one.router));
  for (const one of cases) {
    agent.hold(one.router);
    assert(await one.host.holds("192.0.2.10"), one.router.name);
    if (one.late) await one.configure(one.host);
  }
  await agent.run(20);
  await compare(cases, "while the address is held", agent);
}

async function compare(cases: readonly Case[], when: string, agent?: Agent): Promise<void> {
  for (const one of cases) {
    // To look at all of them may take as long as a lease.
    agent?.pulse();
    assert.equal(await hostsOwn(one.host, "192.0.2.10"), one.expected, `${one.host.name}, ${when}`);
  }
}

async function expectGone(cases: readonly Case[], when: string): Promise<void> {
  for (const { host } of cases) {
    assert.equal(await host.holds("192.0.2.10"), false, `${host.name}, ${when}`);
    const all = await host.exec(["ip", "-4", "route", "show", "table", "all"]);
    assert(!all.includes("proto 112"), `${host.name}, ${when}: ${all}`);
  }
}

const WHAT = "The host's own addresses, connected and default routes survive";

lab(`${WHAT} drop, in every order of VIP and host address`, async (lab) => {
  const cases = await makeCases(lab, 3);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  await holdAll(agent, cases);
  for (const one of cases) agent.drop(one.router);
  await expectGone(cases, "after drop");
  await compare(cases, "after drop");
  assert.deepEqual(agent.problems(), []);
});

lab(`${WHAT} the expiry of a lease whose agent is dead`, async (lab) => {
  const cases = (await makeCases(lab, 1)).filter((one) => !one.host.name.startsWith("unn"));
  const agent = new Agent();
  await holdAll(agent, cases);
  await agent.run(1500);
  agent.die();
  await lab.until("all leases have ended", async () => {
    for (const { host } of cases) if (await host.holds("192.0.2.10")) return false;
    return true;
  }, 3000);
  await expectGone(cases, "after expiry");
  await compare(cases, "after expiry");
  assert.deepEqual(agent.problems(), []);
});

lab(`${WHAT} the end of a lease whose protocol plane hangs`, async (lab) => {
  const cases = await makeCases(lab, 1);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  await holdAll(agent, cases);
  agent.beating = false;
  await agent.until("all leases have ended", async () => {
    for (const { host } of cases) if (await host.holds("192.0.2.10")) return false;
    return true;
  });
  await agent.run(300);
  await expectGone(cases, "after the protocol plane hung");
  await compare(cases, "after the protocol plane hung");
});

lab(`${WHAT} adoption of permanent leftovers, then drop`, async (lab) => {
  const cases = await makeCases(lab, 0);
  const dead = new Agent();
  await holdAll(dead, cases);
  dead.die();
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  const routers = cases.map((one) => ({ ...one.router, lease: 3 }));
  agent.configure(routers);
  for (const { host } of cases) assert(await host.holds("192.0.2.10"), "adopted");
  for (const one of routers) agent.hold(one);
  for (const { host } of cases) {
    const held = (await host.addresses()).find((one) => one.address === "192.0.2.10");
    assert(held !== undefined && held.validLifetime <= 3 && held.prefixLength === 32, "leased");
  }
  await compare(cases, "after adoption", agent);
  for (const one of routers) agent.drop(one);
  await expectGone(cases, "after adoption and drop");
  await compare(cases, "after adoption and drop");
  assert.deepEqual(agent.problems(), []);
});

lab(`${WHAT} the change from leased to permanent and back`, async (lab) => {
  const cases = await makeCases(lab, 3);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  await holdAll(agent, cases);
  for (const lease of [0, 2]) {
    agent.configure(cases.map((one) => ({ ...one.router, lease })));
    for (const { host } of cases) {
      const held = (await host.addresses()).find((one) => one.address === "192.0.2.10");
      assert(held !== undefined && held.flags.includes("noprefixroute"));
      assert.equal(held.validLifetime === Infinity, lease === 0, host.name);
    }
    await compare(cases, `with lease ${lease}`, agent);
  }
  for (const one of cases) agent.drop(one.router);
  await expectGone(cases, "after drop");
  await compare(cases, "after drop");
  assert.deepEqual(agent.problems(), []);
});

lab(`${WHAT} a wide leftover of ours that is primary over them`, async (lab) => {
  const host = await lab.host("wide");
  await host.exec(["sh", "-c", CREATE]);
  await host.sysctl("net.ipv4.conf.eth0.promote_secondaries", "0");
  // As an agent of other habits may have left it: marked as ours, with the prefix configured.
  const socket = inNamespace(host.namespace, () => new NetlinkSocket(NETLINK_ROUTE));
  const shown = JSON.parse(await host.exec(["ip", "-j", "link", "show", "dev", "eth0"]));
  const index = Number(shown[0].ifindex);
  const writer = new MessageWriter();
  const wide = { index, address: "192.0.2.10", prefixLength: 24, protocol: HALB_PROTOCOL };
  addAddress(writer, 1, wide, "create");
  socket.send(writer.finish());
  socket.close();
  assert(await host.holds("192.0.2.10"));
  for (const words of HOSTS.subnet ?? []) await host.exec(["ip", ...words.split(" ")]);
  const secondary = (await host.addresses()).filter((one) => one.flags.includes("secondary"));
  assert.deepEqual(secondary.map((one) => one.address), ["192.0.2.1", "192.0.2.2"]);
  const own = async () =>
    (await host.addresses()).filter((one) => one.family === "inet" && one.prefixLength === 24)
      .map((one) => one.address);
  const routes = async () =>
    (await host.routes()).filter((one) => one.protocol !== "kernel" && one.protocol !== "112");
  const before = await routes();
  assert.equal(before.length, 2);
  const holder = router("wide", host, 0, "192.0.2.10/24", 3);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  agent.configure([holder]);
  agent.hold(holder);
  const held = (await host.addresses()).find((one) => one.address === "192.0.2.10");
  assert.equal(held?.prefixLength, 32);
  agent.drop(holder);
  assert.equal(await host.holds("192.0.2.10"), false);
  assert.deepEqual(await own(), ["192.0.2.1", "192.0.2.2"]);
  assert.deepEqual(await routes(), before);
  const connected = (await host.routes()).filter((one) => one.protocol === "kernel");
  assert.deepEqual(connected.map((one) => [one.to, one.source]), [["192.0.2.0/24", "192.0.2.1"]]);
});

lab("leases of 1, 2 and 3 seconds end on time when nobody refreshes them", async (lab) => {
  const host = await lab.host("lease");
  await host.exec(["sh", "-c", CREATE]);
  await host.exec(["ip", "address", "add", "192.0.2.1/24", "dev", "eth0"]);
  const routers = [1, 2, 3].map((lease) =>
    router(`l${lease}`, host, lease, `192.0.2.1${lease}/24`, lease)
  );
  const agent = new Agent();
  agent.configure(routers);
  const since = performance.now();
  for (const one of routers) agent.hold(one);
  agent.die();
  const ended = new Map<string, number>();
  while (ended.size < 3 && performance.now() - since < 6000) {
    const seen = new Set((await host.addresses()).map((one) => one.address));
    for (const one of routers) {
      const address = one.addresses[0]?.address ?? "";
      if (!seen.has(address) && !ended.has(one.name)) {
        ended.set(one.name, (performance.now() - since) / 1000);
      }
    }
    await delay(5);
  }
  for (const one of routers) {
    const took = ended.get(one.name) ?? Infinity;
    console.log(`lease of ${one.lease} s ended after ${took.toFixed(3)} s`);
    assert(took >= one.lease - 0.05 && took <= one.lease + 1, `${one.name}: ${took} s`);
  }
});

lab(
  "an address that somebody deletes comes back at once, its route also after link down",
  async (lab) => {
    const host = await lab.host("repair");
    await host.exec(["sh", "-c", CREATE]);
    const holder = router("repair", host, 0, "192.0.2.10/24", 3);
    const agent = new Agent();
    lab.atEnd(() => agent.die());
    agent.configure([holder]);
    agent.hold(holder);
    await host.exec(["ip", "address", "del", "192.0.2.10/32", "dev", "eth0"]);
    await agent.until("it is back", () => host.holds("192.0.2.10"));
    await agent.until("it is counted", () => agent.report("repair")?.repairs === 1);
    const routes = await host.routes();
    assert.deepEqual(routes.map((route) => [route.to, route.source, route.protocol]), [
      ["192.0.2.0/24", "192.0.2.10", "112"],
    ]);
    await host.exec(["ip", "link", "set", "eth0", "down"]);
    assert.deepEqual(await host.routes(), []);
    await host.exec(["ip", "link", "set", "eth0", "up"]);
    await agent.run(1200);
    assert.deepEqual((await host.routes()).map((route) => route.source), ["192.0.2.10"]);
  },
);

lab("tshark takes the announcements for gratuitous ARP, in the right order", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("lan", [a, b]);
  const capture = await lab.capture(lan, "arp");
  const addresses = ["192.0.2.10", "192.0.2.11", "192.0.2.12"];
  const holder: KernelRouter = {
    ...router("garp", a, 0, "192.0.2.10/24", 3),
    addresses: addresses.map((address) => ({ address, prefixLength: 24, interface: "eth0" })),
    announce: { repeat: 2, delay: 300_000, refresh: 0, refreshRepeat: 0, interval: 0 },
  };
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  agent.configure([holder]);
  agent.hold(holder);
  await agent.until("all is announced", () => {
    return agent.report("garp")?.announcements === 4 * addresses.length;
  });
  agent.drop(holder);
  const fields = [
    "arp.isgratuitous",
    "arp.opcode",
    "eth.dst",
    "arp.src.hw_mac",
    "arp.src.proto_ipv4",
    "arp.dst.hw_mac",
    "arp.dst.proto_ipv4",
  ];
  const packets = await capture.packets("arp", fields);
  const broadcast = "ff:ff:ff:ff:ff:ff";
  const mac = a.link(lan).mac;
  const expected = [1, 2, 3, 4].flatMap(() =>
    addresses.map((vip) => ["1", "1", broadcast, mac, vip, broadcast, vip])
  );
  assert.deepEqual(
    packets.map((packet) => fields.map((field) => packet.fields[field]?.replace("True", "1"))),
    expected,
  );
  const gap = (packets[6]?.time ?? 0) - (packets[5]?.time ?? 0);
  assert(gap > 290_000 && gap < 600_000, `second block after ${gap} µs`);
});

lab("taking over 1, 100 and 700 addresses (printed)", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("lan", [a, b], { prefix: null, addresses: { a: ["192.0.2.1/24"] } });
  for (const count of [1, 100, 700, 700]) {
    const held = Array.from({ length: count }, (_, i) => ({
      address: i < 250
        ? `198.51.100.${i + 1}`
        : i < 500
        ? `203.0.113.${i - 249}`
        : `192.0.2.${i - 450 + 5}`,
      prefixLength: 32,
      interface: "eth0",
    })).filter((one, i, all) => all.findIndex((two) => two.address === one.address) === i);
    const holder = {
      ...router("bulk", a, 0, "192.0.2.10/32", 3),
      addresses: held.slice(0, count),
      announce: ANNOUNCE,
    };
    const agent = new Agent();
    agent.configure([holder]);
    agent.words.setMastership(0, 1);
    const start = monotonicMicros();
    agent.plane.handle({ type: "hold", id: "p:1", cause: "p:0", router: "bulk", epoch: 1 });
    const times: number[] = [];
    while ((agent.report("bulk")?.announcements ?? 0) < holder.addresses.length * 5) {
      agent.plane.turn();
      times.push((monotonicMicros() - start) / 1000);
      assert(times.length < 100, "announcements do not end");
    }
    const shown = times.map((time) => time.toFixed(1)).join(" ");
    console.log(`${holder.addresses.length} addresses: turns end after ${shown} ms`);
    assert.equal(agent.report("bulk")?.present.length, holder.addresses.length);
    agent.drop(holder);
    assert.deepEqual((await a.addresses()).filter((one) => one.prefixLength === 32), []);
    agent.die();
  }
});
