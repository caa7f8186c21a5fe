/**
 * IPv6 on a real kernel: what the host has of its own survives everything halb does with virtual
 * addresses, also where the agent is dead; addresses can be used at once and are nobody's source;
 * neighbour advertisements are what tshark and the neighbours' caches take them for.
 */

import { strict as assert } from "node:assert";
import { inNamespace, NETLINK_ROUTE, NetlinkSocket } from "../../ffi/mod.ts";
import { addAddress, HALB_PROTOCOL, MessageWriter } from "../../mod/netlink/mod.ts";
import type { KernelRouter } from "../../mod/plane/messages.ts";
import { delay, type Host, type Lab, lab } from "../lib/mod.ts";
import { Agent, QUIET, router } from "./kernel_agent.ts";

interface Case {
  readonly kind: string;
  readonly host: Host;
  readonly router: KernelRouter;
  readonly vip: string;
  /** The host's configuration comes after the virtual address. */
  readonly late: boolean;
}

/** The same hardware addresses on all hosts, so the same link-local ones. */
const CREATE = "ip link add eth0 address 02:00:00:00:00:01 type veth peer name peer && " +
  "ip link set peer address 02:00:00:00:00:02 up && ip link set eth0 up";
const BARE = CREATE.replace("&& ip link set eth0 up", "") +
  "&& ip link set eth0 addrgenmode none && ip link set eth0 up";

/** What a host may configure of its own, each with commands for `ip`. */
const HOSTS: Readonly<Record<string, readonly string[]>> = {
  subnet: [
    "address add 2001:db8::1/64 dev eth0",
    "address add 2001:db8::2/64 dev eth0",
    "-6 route add default via 2001:db8::fe",
    "-6 route add 2001:db8:5::/64 via 2001:db8::fd src 2001:db8::1 metric 7",
  ],
  elsewhere: [
    "address add 2001:db8:9::1/64 dev eth0",
    "-6 route add default via fe80::99 dev eth0 proto ra expires 1800",
    "-6 route add 2001:db8:5::/64 dev eth0",
  ],
  managed: [
    "address add 2001:db8::1/64 dev eth0 noprefixroute",
    "-6 route add 2001:db8::/64 dev eth0 proto kernel metric 100",
    "-6 route add default via 2001:db8::fe metric 100",
  ],
  unnumbered: [
    "-6 route add 2001:db8:5::/64 dev eth0 table 77 metric 3",
    "-6 route add default via fe80::99 dev eth0",
  ],
  bare: ["-6 route add 2001:db8:5::/64 dev eth0", "-6 route add default dev eth0 mtu 1400"],
};

const VIPS = ["2001:db8::10/64", "2001:db8::10/128", "fe80::10/64"];

/** Addresses and routes of a host, in all tables, those that are ours left out. */
async function hostsOwn(host: Host, vip: string): Promise<string> {
  const addresses = (await host.addresses())
    .filter((one) => one.family === "inet6" && one.address !== vip)
    .map((one) => `${one.interface} ${one.address}/${one.prefixLength} ${one.flags}`);
  const all = await host.exec(["ip", "-6", "route", "show", "table", "all"]);
  const routes = all.split("\n").map((line) => line.trim().replace(/ expires \d+sec/, " expires"))
    .filter((line) => line !== "" && !line.includes("proto 112"))
    .filter((line) => !line.includes(`local ${vip} `));
  return [...addresses.sort(), ...routes.sort()].join("\n");
}

async function configure({ host, kind }: { host: Host; kind: string }): Promise<void> {
  for (const words of HOSTS[kind] ?? []) await host.exec(["ip", ...words.split(" ")]);
}

/** Hosts, and what each kind of host has when halb has not been there. */
async function makeCases(
  lab: Lab,
  lease: number,
): Promise<{ cases: Case[]; expected: ReadonlyMap<string, string> }> {
  const cases: Case[] = [];
  const expected = new Map<string, string>();
  const make = async (name: string, kind: string) => {
    const host = await lab.host(name);
    await host.exec(["sh", "-c", kind === "bare" ? BARE : CREATE]);
    return host;
  };
  for (const kind of Object.keys(HOSTS)) {
    const untouched = await make(kind.slice(0, 3), kind);
    await configure({ host: untouched, kind });
    await delay(20);
    expected.set(kind, await hostsOwn(untouched, "none"));
    assert.match(expected.get(kind) ?? "", /^default /m);
    for (const late of [false, true]) {
      for (const [i, vip] of VIPS.entries()) {
        const host = await make(`${kind.slice(0, 3)}${late ? "late" : ""}${i}`, kind);
        if (!late) await configure({ host, kind });
        const made = router(host.name, host, cases.length, vip, lease);
        cases.push({ kind, host, router: made, vip: vip.split("/")[0] ?? "", late });
      }
    }
  }
  return { cases, expected };
}

async function holdAll(agent: Agent, cases: readonly Case[]): Promise<void> {
  agent.configure(cases.map((one) => one.router));
  for (const one of cases) {
    agent.hold(one.router);
    assert(await one.host.holds(one.vip), one.router.name);
    if (one.late) await configure(one);
  }
  await agent.run(20);
}

async function compare(
  { cases, expected }: { cases: readonly Case[]; expected: ReadonlyMap<string, string> },
  when: string,
  agent?: Agent,
): Promise<void> {
  for (const { kind, host, vip } of cases) {
    // To look at all of them may take as long as a lease.
    agent?.pulse();
    assert.equal(await hostsOwn(host, vip), expected.get(kind), `${host.name}, ${when}`);
  }
}

async function expectGone(cases: readonly Case[], when: string): Promise<void> {
  for (const { host, vip } of cases) {
    assert.equal(await host.holds(vip), false, `${host.name}, ${when}`);
    const all = await host.exec(["ip", "-6", "route", "show", "table", "all"]);
    const ours = all.split("\n").filter((line) => line.includes("proto 112"));
    // A route that has expired counts no more, and stays in the table until the kernel sweeps it.
    const living = ours.filter((line) => !/ expires (-\d+|0)sec/.test(line));
    assert.deepEqual(living, [], `${host.name}, ${when}`);
  }
}

/** An address as an agent of other habits may have left it: marked as ours, permanent. */
function leaveBehind(host: Host, index: number, address: string, prefixLength: number): void {
  const socket = inNamespace(host.namespace, () => new NetlinkSocket(NETLINK_ROUTE));
  const writer = new MessageWriter();
  addAddress(writer, 1, { index, address, prefixLength, protocol: HALB_PROTOCOL }, "create");
  socket.send(writer.finish());
  socket.close();
}

const WHAT = "IPv6: the host's own addresses, connected and default routes survive";

lab(`${WHAT} drop, in every order of VIP and host address`, async (lab) => {
  const made = await makeCases(lab, 3);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  await holdAll(agent, made.cases);
  await compare(made, "while the address is held", agent);
  for (const one of made.cases) agent.drop(one.router);
  await expectGone(made.cases, "after drop");
  await compare(made, "after drop");
  assert.deepEqual(agent.problems(), []);
});

lab(`${WHAT} the expiry of a lease whose agent is dead, unnumbered hosts too`, async (lab) => {
  const made = await makeCases(lab, 2);
  const agent = new Agent();
  await holdAll(agent, made.cases);
  await agent.run(1500);
  agent.die();
  await lab.until("all leases have ended", async () => {
    for (const { host, vip } of made.cases) if (await host.holds(vip)) return false;
    return true;
  }, 4000);
  await delay(600);
  await expectGone(made.cases, "after expiry");
  await compare(made, "after expiry");
  assert.deepEqual(agent.problems(), []);
});

lab(`${WHAT} the end of a lease whose protocol plane hangs`, async (lab) => {
  const made = await makeCases(lab, 1);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  await holdAll(agent, made.cases);
  agent.beating = false;
  await agent.until("all leases have ended", async () => {
    for (const { host, vip } of made.cases) if (await host.holds(vip)) return false;
    return true;
  });
  await agent.run(300);
  await expectGone(made.cases, "after the protocol plane hung");
  await compare(made, "after the protocol plane hung");
  for (const one of made.cases) assert.equal(agent.report(one.router.name)?.repairs, 0);
});

lab(`${WHAT} permanent leftovers, narrow and wide, adopted and dropped`, async (lab) => {
  const made = await makeCases(lab, 3);
  for (const [i, { host, vip, kind, late }] of made.cases.entries()) {
    const shown = JSON.parse(await host.exec(["ip", "-j", "link", "show", "dev", "eth0"]));
    // Beside addresses that make no route themselves the kernel leaves the route of a wide one.
    const prefixLength = i % 2 === 0 && kind !== "managed" ? 64 : 128;
    leaveBehind(host, Number(shown[0].ifindex), vip, prefixLength);
    if (late) await configure({ host, kind });
  }
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  agent.configure(made.cases.map((one) => one.router));
  for (const { host, vip } of made.cases) assert(await host.holds(vip), "adopted");
  for (const one of made.cases) agent.hold(one.router);
  for (const { host, vip } of made.cases) {
    agent.pulse();
    const held = (await host.addresses()).find((one) => one.address === vip);
    assert(held !== undefined && held.validLifetime <= 3 && held.prefixLength === 128, "leased");
  }
  await compare(made, "after adoption", agent);
  for (const one of made.cases) agent.drop(one.router);
  await expectGone(made.cases, "after adoption and drop");
  await compare(made, "after adoption and drop");
  assert.deepEqual(agent.problems(), []);
});

lab(`${WHAT} a wide leftover with which the kernel removes their connected route`, async (lab) => {
  const host = await lab.host("wide");
  await host.exec(["sh", "-c", CREATE]);
  const commands = [
    "address add 2001:db8::1/128 dev eth0",
    "-6 route add 2001:db8::/64 dev eth0 proto kernel metric 100",
    "-6 route add default via 2001:db8::fe",
    "-6 address add 2001:db8::10/64 dev eth0 nodad",
  ];
  for (const words of commands) await host.exec(["ip", ...words.split(" ")]);
  const routes = async () =>
    (await host.routes("inet6"))
      .filter((one) => one.metric !== 256 && one.protocol !== "112")
      .map((one) => [one.to, one.metric]);
  const before = await routes();
  // So it is without us: what somebody made goes, what the address made stays.
  await host.exec(["ip", "address", "del", "2001:db8::10/64", "dev", "eth0"]);
  assert.notDeepEqual(await routes(), before);
  await host.exec(["ip", ...(commands[1] ?? "").split(" ")]);
  const shown = JSON.parse(await host.exec(["ip", "-j", "link", "show", "dev", "eth0"]));
  leaveBehind(host, Number(shown[0].ifindex), "2001:db8::10", 64);
  const holder = router("wide", host, 0, "2001:db8::10/64", 3);
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  agent.configure([holder]);
  agent.hold(holder);
  const held = (await host.addresses()).find((one) => one.address === "2001:db8::10");
  assert.equal(held?.prefixLength, 128);
  assert.deepEqual(await routes(), before);
  agent.drop(holder);
  assert.deepEqual(await routes(), before);
});

lab(
  "IPv6 addresses answer at once, and the host's own connections keep their source",
  async (lab) => {
    const [a, client] = await lab.hostsNamed("a", "client");
    // Duplicate address detection as usual, unlike elsewhere in the labs.
    await a.sysctl("net.ipv6.conf.default.accept_dad", "1");
    await lab.lan("lan", [a, client], {
      prefix: null,
      addresses: { a: ["2001:db8::1/64"], client: ["2001:db8::9/64"] },
    });
    const source = async () => {
      const text = await a.exec(["ip", "-6", "-j", "route", "get", "2001:db8::9"]);
      return JSON.parse(text)[0].prefsrc as string;
    };
    await lab.until("the host's own address is usable", async () => {
      const own = await a.addresses("eth0");
      return own.length === 2 && own.every((one) => !one.flags.includes("tentative"));
    }, 5000);
    assert.equal(await source(), "2001:db8::1");
    for (const lease of [3, 0]) {
      const holder = router(`now${lease}`, a, lease, "2001:db8::2/64", lease);
      const agent = new Agent();
      agent.configure([holder]);
      agent.hold(holder);
      await client.exec(["ping", "-6", "-c", "1", "-W", "3", "2001:db8::2"]);
      const held = (await a.addresses()).find((one) => one.address === "2001:db8::2");
      assert.equal(held?.preferredLifetime, 0);
      assert.equal(held.validLifetime === Infinity, lease === 0);
      assert(held.flags.includes("nodad") && held.flags.includes("deprecated"));
      assert.equal(await source(), "2001:db8::1");
      agent.drop(holder);
      agent.die();
    }
  },
);

lab("tshark takes the advertisements for what they are, in one order with ARP", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("lan", [a, b]);
  const capture = await lab.capture(lan, "arp or icmp6");
  const addresses = ["2001:db8::10", "192.0.2.10", "fe80::10"];
  const holder: KernelRouter = {
    ...router("na", a, 0, "192.0.2.10/24", 3),
    addresses: addresses.map((address) => ({ address, prefixLength: 64, interface: "eth0" })),
    announce: { ...QUIET, repeat: 2 },
  };
  const agent = new Agent();
  lab.atEnd(() => agent.die());
  agent.configure([{ ...holder, addresses: holder.addresses.slice(0, 3) }]);
  agent.hold(holder);
  const untilAnnounced = (times: number) =>
    agent.until(`announced ${times} times`, () => {
      return agent.report("na")?.announcements === times * addresses.length;
    });
  await untilAnnounced(2);
  await a.sysctl("net.ipv6.conf.eth0.forwarding", "1");
  await agent.run(50);
  agent.plane.handle({ type: "announce", id: "p:9", cause: "p:0", router: "na" });
  await untilAnnounced(4);
  await agent.run(50);
  const fields = {
    "icmpv6.nd.na.flag.r": "",
    "icmpv6.nd.na.flag.s": "0",
    "icmpv6.nd.na.flag.o": "1",
    "icmpv6.code": "0",
    "icmpv6.checksum.status": "1",
    "icmpv6.opt.type": "2",
    "icmpv6.opt.linkaddr": a.link(lan).mac,
    "ipv6.hlim": "255",
    "ipv6.dst": "ff02::1",
    "eth.src": a.link(lan).mac,
    "eth.dst": "33:33:00:00:00:01",
    "_ws.expert": "",
  };
  const names = [...Object.keys(fields), "ipv6.src", "icmpv6.nd.na.target_address", "eth.type"];
  const ours = "(arp.opcode == 1 && arp.src.proto_ipv4 == 192.0.2.10) || " +
    "(icmpv6.type == 136 && ipv6.dst == ff02::1 && eth.src == " + a.link(lan).mac + ")";
  const packets = await capture.packets(ours, names);
  const bit = (text = "") => text.replace("True", "1").replace("False", "0");
  const seen = packets.map((packet) =>
    packet.fields["eth.type"] === "0x0806" ? "192.0.2.10" : packet.fields["ipv6.src"]
  );
  // The kernel puts IPv6 addresses in place a moment after it has agreed to: at first each is
  // announced as soon as it is there, and later all in the order of the configuration.
  assert.deepEqual(seen.slice(0, 6).sort(), [...addresses, ...addresses].sort());
  assert.deepEqual(seen.slice(6), [...addresses, ...addresses]);
  for (const [i, packet] of packets.entries()) {
    if (packet.fields["eth.type"] === "0x0806") continue;
    for (
      const [name, value] of Object.entries({ ...fields, "icmpv6.nd.na.flag.r": i < 6 ? "0" : "1" })
    ) {
      assert.equal(bit(packet.fields[name]), value, `packet ${i}: ${name}`);
    }
    assert.equal(packet.fields["icmpv6.nd.na.target_address"], packet.fields["ipv6.src"]);
  }
});

lab("a client's neighbour cache follows a takeover at once", async (lab) => {
  const [a, b, client] = await lab.hostsNamed("a", "b", "client");
  const lan = await lab.lan("lan", [a, b, client]);
  await client.exec(["ip", "address", "add", "2001:db8::9/64", "dev", "eth0", "nodad"]);
  const vips = ["2001:db8::10", "fe80::10", "192.0.2.10"];
  const agents = [a, b].map((host) => {
    const agent = new Agent();
    lab.atEnd(() => agent.die());
    const addresses = vips.map((address) => ({ address, prefixLength: 64, interface: "eth0" }));
    const holder = { ...router(host.name, host, 0, "192.0.2.10/24", 3), addresses };
    agent.configure([holder]);
    return { host, agent, holder };
  });
  for (const round of [0, 1, 2]) {
    const { host, agent, holder } = agents[round % 2] ?? assert.fail();
    agent.hold(holder);
    // The kernel tells of an IPv6 address later than it agrees to it, and then it is announced.
    await lab.until("all addresses are there", async () => {
      await agent.run(5);
      return agent.report(holder.name)?.present.length === vips.length;
    }, 5000);
    if (round === 0) {
      for (const vip of vips) {
        await client.exec(["ping", "-c", "1", "-W", "5", `${vip}${zone(vip)}`]);
      }
    }
    for (const vip of vips) {
      // The frames have left; the client reads them when it gets to it.
      await lab.until(
        `the client knows ${vip} at ${host.name}, round ${round}`,
        async () => {
          await agent.run(5);
          return await client.neighbour(vip) === host.link(lan).mac;
        },
        // Without an announcement it would go on for half a minute as it was.
        3000,
        5,
      );
    }
    agent.drop(holder);
  }
});

function zone(vip: string): string {
  return vip.startsWith("fe80") ? "%eth0" : "";
}
