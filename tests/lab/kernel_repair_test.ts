/**
 * Interference on a real kernel: somebody removes virtual addresses, takes the interface down,
 * away, or renames it, changes its hardware address or MTU, pulls the plug, floods the monitor,
 * or kills the agent. Every time the addresses of both families must be there again as soon as
 * they can be, and be announced.
 */

import { strict as assert } from "node:assert";
import {
  AF_NETLINK,
  getOption,
  setOption,
  SO_DOMAIN,
  SO_RCVBUF,
  SOL_SOCKET,
  SystemError,
} from "../../ffi/mod.ts";
import { HALB_PROTOCOL } from "../../mod/netlink/mod.ts";
import type { AddressReport, KernelRouter } from "../../mod/plane/messages.ts";
import { delay, type Host, type Lab, lab } from "../lib/mod.ts";
import { Agent, QUIET, router } from "./kernel_agent.ts";

const VIPS = ["192.0.2.10", "2001:db8::10", "fe80::10"];
const OWN = ["192.0.2.1/24", "2001:db8::1/64"];

interface Bench {
  readonly host: Host;
  readonly agent: Agent;
  readonly holder: KernelRouter;
}

/** Makes `eth0` of a host, its peer in the same place, with addresses of its own. */
async function createLink(host: Host, mac = "02:00:00:00:00:01"): Promise<void> {
  const link = "link add eth0 address " + mac + " type veth peer name peer";
  await host.exec(["ip", ...link.split(" ")]);
  for (const name of ["eth0", "peer"]) await host.exec(["ip", "link", "set", name, "up"]);
  for (const own of OWN) await host.exec(["ip", "address", "add", own, "dev", "eth0"]);
}

/** An agent that holds one address of each kind on `eth0`. */
async function hold(lab: Lab, name: string, lease = 3): Promise<Bench> {
  const host = await lab.host(name);
  await createLink(host);
  const addresses = VIPS.map((address) => ({ address, prefixLength: 24, interface: "eth0" }));
  const holder = { ...router(name, host, 0, "192.0.2.10/24", lease), addresses, announce: QUIET };
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  agent.configure([holder]);
  agent.hold(holder);
  await untilHeld({ host, agent }, VIPS);
  return { host, agent, holder };
}

/** The agent goes on until these are held, and no others. */
async function untilHeld(
  { host, agent }: Pick<Bench, "host" | "agent">,
  wanted: readonly string[],
  interfaceName = "eth0",
): Promise<void> {
  await agent.until(`${wanted} are held`, async () => {
    assert.deepEqual(await held(host, interfaceName), wanted);
    return true;
  });
}

/** The agent goes on until it says so. */
function untilReported(
  { agent, holder }: Pick<Bench, "agent" | "holder">,
  wanted: Partial<AddressReport>,
): Promise<void> {
  return agent.until(`it reports ${JSON.stringify(wanted)}`, () => {
    const report = agent.report(holder.name);
    const keys = Object.keys(wanted) as (keyof AddressReport)[];
    assert.deepEqual(Object.fromEntries(keys.map((key) => [key, report?.[key]])), wanted);
    return true;
  });
}

/** Which virtual addresses are on an interface, in the order of `VIPS`. */
async function held(host: Host, interfaceName = "eth0"): Promise<string[]> {
  const there = await host.addresses(interfaceName);
  return VIPS.filter((vip) => there.some((one) => one.address === vip));
}

lab(
  "repair: an address that is deleted comes back at once, then with waits, and is counted",
  async (lab) => {
    const bench = await hold(lab, "repair", 10);
    const { host, agent } = bench;
    const remove = (vip: string) =>
      host.exec(["ip", "address", "del", `${vip}/${vip.includes(":") ? 128 : 32}`, "dev", "eth0"]);
    for (const [i, vip] of VIPS.entries()) {
      await remove(vip);
      for (let turn = 0; turn < 5; turn++) agent.pulse();
      assert.deepEqual(await held(host), VIPS, `${vip} at once`);
      await untilReported(bench, { repairs: 4 * i + 1 });
      // Whoever insists is answered ever more slowly: after 100, 200 and 400 ms.
      for (const [again, wait] of [100, 200, 400].entries()) {
        const began = performance.now();
        await remove(vip);
        await untilHeld(bench, VIPS);
        const took = performance.now() - began;
        assert(took >= wait, `${vip}: no fight after ${took} ms`);
        assert(took < wait + 1000, `${vip} after ${took} ms`);
        // What is removed before the agent has seen it come back is no repair.
        await untilReported(bench, { repairs: 4 * i + 2 + again });
      }
    }
  },
);

lab("repair: everything flushed at once is one repair of each address", async (lab) => {
  const bench = await hold(lab, "flush");
  await bench.host.exec(["ip", "address", "flush", "dev", "eth0"]);
  await untilHeld(bench, VIPS);
  await untilReported(bench, { repairs: VIPS.length });
});

lab("repair: interface down and up while master", async (lab) => {
  const bench = await hold(lab, "updown");
  const { host, agent } = bench;
  await host.exec(["ip", "link", "set", "eth0", "down"]);
  // IPv6 vanishes, IPv4 stays.
  await untilHeld(bench, ["192.0.2.10"]);
  await agent.until("it says why", () => {
    const reasons = agent.report("updown")?.failed.map((one) => one.reason);
    assert.deepEqual(reasons, ["Interface eth0 is down", "Interface eth0 is down"]);
    return true;
  });
  const announcements = () => agent.report("updown")?.announcements ?? 0;
  const announced = announcements();
  await host.exec(["ip", "link", "set", "eth0", "up"]);
  await untilHeld(bench, VIPS);
  // Nobody removed anything.
  await untilReported(bench, { present: VIPS, repairs: 0 });
  await agent.until("all are announced anew", () => announcements() >= announced + VIPS.length);
  await host.exec(["ping", "-6", "-c", "1", "-W", "1", "2001:db8::10"]);
});

lab("repair: interface deleted and created again under the same name", async (lab) => {
  const bench = await hold(lab, "anew");
  const { host, agent } = bench;
  await host.exec(["ip", "link", "delete", "eth0"]);
  await agent.until("it says why", () => {
    const { present, failed } = agent.report("anew")!;
    assert.deepEqual(present, []);
    const reasons = failed.map((one) => one.reason);
    assert.deepEqual(reasons, VIPS.map(() => "Interface eth0 does not exist"));
    return true;
  });
  await createLink(host);
  await untilHeld(bench, VIPS);
  await host.exec(["ip", "link", "delete", "eth0"]);
  await createLink(host);
  // Also when both are seen at once.
  await untilHeld(bench, VIPS);
  assert.equal(agent.report("anew")?.repairs, 0);
  assert.deepEqual(agent.problems(), []);
});

lab("repair: interface renamed away and back, and another one in its place", async (lab) => {
  const bench = await hold(lab, "rename");
  const { host, agent } = bench;
  await host.exec(["ip", "link", "set", "eth0", "name", "away"]);
  // What it means is gone: the name counts.
  await untilHeld(bench, [], "away");
  await host.exec(["ip", "link", "set", "away", "name", "eth0"]);
  await untilHeld(bench, VIPS);
  await host.exec(["ip", "link", "set", "eth0", "name", "old"]);
  await host.exec(["ip", "link", "set", "peer", "name", "eth0"]);
  await untilHeld(bench, VIPS);
  await untilHeld(bench, [], "old");
  assert.equal(agent.report("rename")?.repairs, 0);
  assert.deepEqual(agent.problems(), []);
});

lab("repair: an MTU too small for IPv6, IPv6 disabled by a setting", async (lab) => {
  const bench = await hold(lab, "least");
  const { host, agent } = bench;
  const untilReasons = (...wanted: string[]) =>
    agent.until(`the reasons are ${wanted}`, () => {
      const reasons = new Set(agent.report("least")?.failed.map((one) => one.reason));
      assert.deepEqual(reasons, new Set(wanted));
      return true;
    });
  await host.exec(["ip", "link", "set", "eth0", "mtu", "1200"]);
  await untilHeld(bench, ["192.0.2.10"]);
  await untilReasons("MTU of eth0 is 1200, IPv6 needs 1280");
  await host.exec(["ip", "link", "set", "eth0", "mtu", "1500"]);
  await untilHeld(bench, VIPS);
  await host.sysctl("net.ipv6.conf.eth0.disable_ipv6", "1");
  const disabled = "IPv6 is disabled on the interface (disable_ipv6 is 1)";
  await untilReasons(disabled);
  await untilHeld(bench, ["192.0.2.10"]);
  await host.sysctl("net.ipv6.conf.eth0.disable_ipv6", "0");
  await untilHeld(bench, VIPS);
  await untilReasons();
  assert(agent.problems().every((one) => one.includes(disabled)), `${agent.problems()}`);
});

lab(
  "repair: another hardware address is announced; so is a carrier that comes back",
  async (lab) => {
    const [a, client] = await lab.hostsNamed("a", "client");
    const lan = await lab.lan("lan", [a, client]);
    await client.exec(["ip", "address", "add", "2001:db8::9/64", "dev", "eth0"]);
    const addresses = VIPS.map((address) => ({ address, prefixLength: 64, interface: "eth0" }));
    const holder = { ...router("mac", a, 0, "192.0.2.10/24", 5), addresses, announce: QUIET };
    const agent = new Agent();
    lab.atEnd(() => agent.die());
    agent.configure([holder]);
    agent.hold(holder);
    await untilHeld({ host: a, agent }, VIPS);
    await untilReported({ agent, holder }, { announcements: VIPS.length });
    for (const vip of VIPS) {
      const zone = vip.startsWith("fe80") ? "%eth0" : "";
      await client.exec(["ping", "-c", "1", "-W", "3", vip + zone]);
      assert.equal(await client.neighbour(vip), a.link(lan).mac);
    }
    const mac = "02:00:00:00:00:77";
    await a.exec(["ip", "link", "set", "eth0", "address", mac]);
    await agent.until("the client knows the new one", async () => {
      for (const vip of VIPS) assert.equal(await client.neighbour(vip), mac, vip);
      return true;
    });
    await untilReported({ agent, holder }, { announcements: 2 * VIPS.length });
    await a.link(lan).cut();
    await agent.run(50);
    assert.deepEqual(await held(a), VIPS, "without carrier the addresses stay");
    await untilReported({ agent, holder }, { announcements: 2 * VIPS.length });
    await a.link(lan).restore();
    await untilReported({ agent, holder }, { announcements: 3 * VIPS.length });
    await agent.run(50);
    await untilReported({ agent, holder }, { announcements: 3 * VIPS.length });
  },
);

lab("repair: lost notifications (ENOBUFS, for real) are followed by a new dump", async (lab) => {
  const bench = await hold(lab, "storm", 10);
  const { host, agent } = bench;
  // The smallest buffer that the kernel allows.
  for (const fd of netlinkDescriptors()) setOption(fd, SOL_SOCKET, SO_RCVBUF, 1);
  const lines: string[] = [];
  for (let i = 0; i < 3000; i++) {
    const address = `203.0.113.${i % 250 + 1}/32`;
    lines.push(`address ${i % 500 < 250 ? "add" : "del"} ${address} dev eth0`);
  }
  for (const vip of VIPS) {
    lines.push(`address del ${vip}/${vip.includes(":") ? 128 : 32} dev eth0`);
  }
  lines.push("address add 192.0.2.77/24 dev eth0");
  await host.exec(["ip", "-batch", "-"], { input: lines.join("\n") });
  await agent.until("it says so", () => {
    const said = agent.messages.filter((one) => one.type === "log").map((one) => one.message);
    assert(said.some((one) => one.startsWith("Notifications were lost")), `${said}`);
    return true;
  });
  await untilHeld(bench, VIPS);
  await agent.until("what was missed is known", () => {
    const state = agent.messages.filter((one) => one.type === "interface").at(-1);
    return state?.state.ipv4.includes("192.0.2.77") === true;
  });
});

lab("repair: leftovers of a killed agent are recognised by their mark", async (lab) => {
  const { host, agent, holder } = await hold(lab, "killed", 0);
  const foreign = ["address", "add", "192.0.2.66/32", "dev", "eth0", "noprefixroute"];
  await host.exec(["ip", ...foreign]);
  agent.die();
  await delay(50);
  assert.deepEqual(await held(host), VIPS, "permanent ones outlive their agent");
  const next = new Agent();
  lab.atEnd(() => next.die());
  const kept = { ...holder, lease: 3, addresses: holder.addresses.slice(0, 2) };
  next.configure([kept]);
  assert.deepEqual(await held(host), VIPS.slice(0, 2), "nobody names the third any more");
  next.hold(kept);
  await next.until("what is ours is leased, and nothing else", async () => {
    for (const one of await host.addresses("eth0")) {
      assert.equal(one.validLifetime === Infinity, !VIPS.includes(one.address), one.address);
    }
    return true;
  });
  assert(await host.holds("192.0.2.66"), `not marked ${HALB_PROTOCOL}, so not ours`);
});

lab("a multipath route of the host keeps its next hop when the last address goes", async (lab) => {
  const host = await lab.host("multi");
  await host.exec(["ip", ..."link add eth0 type veth peer name eth1".split(" ")]);
  for (const name of ["eth0", "eth1"]) await host.exec(["ip", "link", "set", name, "up"]);
  await host.exec(["ip", "address", "add", "203.0.113.1/24", "dev", "eth1"]);
  const hops = "nexthop dev eth0 weight 3 nexthop via 203.0.113.9 dev eth1";
  await host.exec(["ip", ...`route add 198.51.100.0/24 ${hops}`.split(" ")]);
  const shown = () => host.exec(["ip", "route", "show", "198.51.100.0/24"]);
  const before = await shown();
  assert(!before.includes("dead"));
  // So it is without us.
  await host.exec(["ip", "address", "add", "192.0.2.10/32", "dev", "eth0"]);
  await host.exec(["ip", "address", "del", "192.0.2.10/32", "dev", "eth0"]);
  assert.match(await shown(), /dev eth0 .*dead/);
  const holder = router("multi", host, 0, "192.0.2.10/32", 3);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  agent.configure([holder]);
  agent.hold(holder);
  assert.equal(await shown(), before, "an address revives it");
  agent.drop(holder);
  assert.equal(await host.holds("192.0.2.10"), false);
  assert.equal(await shown(), before);
  assert.deepEqual(agent.problems(), []);
});

/** Netlink sockets of this process. */
function netlinkDescriptors(): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (getOption(Number(name), SOL_SOCKET, SO_DOMAIN) === AF_NETLINK) found.push(Number(name));
    } catch (error) {
      // No socket, or the descriptor of this very listing, which is gone by now.
      if (!(error instanceof SystemError)) throw error;
    }
  }
  return found;
}
