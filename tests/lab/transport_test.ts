/**
 * How adverts travel: unicast beside keepalived and across a router, other groups, several routers
 * of one id, and routers in network namespaces of their own.
 */

import assert from "node:assert/strict";
import {
  execute,
  type Host,
  type Lab,
  lab,
  type Lan,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { routerOf, statusOf } from "./agent_helpers.ts";
import {
  COMPLAINTS,
  type Form,
  halbSite as site,
  IPV4,
  IPV6,
  keepalivedSite,
  VERSION_2,
} from "./forms.ts";

/** A form, with what the hosts h and k send from. */
interface UnicastForm extends Form {
  readonly own: readonly [string, string];
}

const OWN4 = { own: ["192.0.2.1", "192.0.2.2"] } as const;
const UNICAST: UnicastForm = { ...IPV4, ...OWN4 };
const UNICAST6: UnicastForm = { ...IPV6, own: ["2001:db8::1", "2001:db8::2"] };
const UNICAST_FORMS = [UNICAST, { ...VERSION_2, ...OWN4 }, UNICAST6];

function keepalivedConf(form: Form, priority: number, more: string): string {
  return keepalivedSite(form, priority, more, "vrrp_check_unicast_src");
}

async function hostsOf(form: UnicastForm, lab: Lab): Promise<[Host, Host, Lan]> {
  const [h, k] = await lab.hostsNamed("h", "k");
  const lan = await lab.lan("net", [h, k]);
  if (form.own[0].includes(":")) {
    for (const [i, host] of [h, k].entries()) {
      const address = [`${form.own[i]}/64`, "dev", "eth0", "nodad"];
      await host.exec(["ip", "address", "add", ...address]);
    }
  }
  return [h, k, lan];
}

const untilHeld = (lab: Lab, host: Host, vip: string) =>
  lab.until(`${host.name} holds ${vip}`, () => host.holds(vip), 15_000);
const untilFree = (lab: Lab, host: Host, vip: string) =>
  lab.until(`${host.name} let go of ${vip}`, async () => !await host.holds(vip), 5_000);

async function droppedBy(agent: Parameters<typeof routerOf>[0], name = "web") {
  const { sessions } = await routerOf(agent, name);
  const { dropped } = sessions[0]!.counters;
  return Object.fromEntries(Object.entries(dropped).filter(([, count]) => count > 0));
}

for (const form of UNICAST_FORMS) {
  lab(`unicast, ${form.name}: halb and keepalived in both roles`, async (lab) => {
    const [h, k, lan] = await hostsOf(form, lab);
    const capture = await lab.capture(lan, "ip proto 112 or ip6 proto 112");
    const [own, peer] = form.own;
    // Without `unicast_ttl`, keepalived 2.2.7 sends with hop limit 64 over IPv6.
    const more = `unicast_src_ip ${peer}\n  unicast_ttl 255\n  unicast_peer { ${own} }`;
    const keepalived = startKeepalived(lab, k, keepalivedConf(form, 100, more));
    await untilHeld(lab, k, form.vip);
    // Both nodes are listed, as in one file for all.
    const unicast = `unicast = { peers = ${JSON.stringify(form.own)} }`;
    const halb = startHalb(lab, h, site(form, 150, unicast));
    await halb.untilState("web", "master");
    await untilHeld(lab, h, form.vip);
    await untilFree(lab, k, form.vip);
    await lab.until("keepalived's adverts were heard", async () => {
      const [session] = (await routerOf(halb, "web")).sessions;
      return session!.peers.some(({ address, priority }) => address === peer && priority === 100);
    }, 5_000);
    await halb.stop();
    await untilHeld(lab, k, form.vip);
    const second = startHalb(lab, h, site(form, 50, unicast));
    await second.untilState("web", "backup");
    await lab.until("keepalived is known as master", async () => {
      const [session] = (await routerOf(second, "web")).sessions;
      return session!.master?.address === peer && session!.source === own;
    }, 5_000);
    assert.deepEqual(await droppedBy(second), {});
    await keepalived.stop();
    await second.untilState("web", "master");
    assert.doesNotMatch(keepalived.log(), COMPLAINTS);
    const packets = await capture.packets("vrrp", ["ip.dst", "ipv6.dst", "ip.ttl", "ipv6.hlim"]);
    for (const { fields } of packets) {
      const to = fields["ip.dst"] || fields["ipv6.dst"]!;
      assert.ok(form.own.includes(to), `an advert to ${to}`);
      assert.equal(fields["ip.ttl"] || fields["ipv6.hlim"], "255");
    }
  });
}

lab("unicast in both families: one state, each session among its own peers", async (lab) => {
  const [a, b, lan] = await hostsOf(UNICAST6, lab);
  const capture = await lab.capture(lan, "ip proto 112 or ip6 proto 112");
  const form = { ...IPV4, addresses: [...IPV4.addresses, ...IPV6.addresses] };
  const nodes = [...OWN4.own, ...UNICAST6.own];
  const unicast = `unicast = { peers = ${JSON.stringify(nodes)} }\nsource = `;
  const first = startHalb(lab, a, site(form, 150, `${unicast}"192.0.2.1"`));
  await first.untilState("web", "master");
  const second = startHalb(lab, b, site(form, 100, `${unicast}"2001:db8::2"`));
  await lab.until("b hears a in both families", async () => {
    const { state, sessions } = await routerOf(second, "web");
    const heard = sessions.map(({ master }) => master?.address ?? "").sort().join();
    return state === "backup" && heard === "192.0.2.1,2001:db8::1";
  }, 10_000);
  for (const vip of [IPV4.vip, IPV6.vip]) await untilHeld(lab, a, vip);
  await first.stop();
  await second.untilState("web", "master");
  for (const vip of [IPV4.vip, IPV6.vip]) await untilHeld(lab, b, vip);
  const { sessions } = await routerOf(second, "web");
  const dropped = sessions.flatMap(({ counters }) => Object.values(counters.dropped));
  assert.equal(dropped.reduce((sum, count) => sum + count, 0), 0);
  const packets = await capture.packets("vrrp", ["ip.dst", "ipv6.dst"]);
  const to = packets.map(({ fields }) => fields["ip.dst"] || fields["ipv6.dst"]!);
  assert.deepEqual([...new Set(to)].sort(), [...nodes].sort());
});

lab(
  "unicast: keepalived's hop limit over IPv6 is 64, which a range of its own allows",
  async (lab) => {
    const form = UNICAST6;
    const [h, k] = await hostsOf(form, lab);
    const [own, peer] = form.own;
    const conf = keepalivedConf(form, 150, `unicast_src_ip ${peer}\n  unicast_peer { ${own} }`);
    startKeepalived(lab, k, conf);
    await untilHeld(lab, k, form.vip);
    const of = (least: string) => `unicast = { peers = [{ address = "${peer}"${least} }] }`;
    const halb = startHalb(lab, h, site(form, 100, of(", min_ttl = 64")));
    await halb.untilState("web", "backup");
    await lab.until("keepalived is known as master", async () => {
      const [session] = (await routerOf(halb, "web")).sessions;
      return session!.master?.address === peer;
    }, 5_000);
    assert.deepEqual(await droppedBy(halb), {});
    halb.reload(site(form, 100, of("")));
    await lab.until("it is refused", async () => (await droppedBy(halb)).ttl! > 2, 5_000);
  },
);

lab("unicast: each peer gets the checksums that it sends itself", async (lab) => {
  const [h, a, b] = await lab.hostsNamed("h", "a", "b");
  const lan = await lab.lan("net", [h, a, b]);
  const peers = 'peers = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]';
  const with_ = (priority: number, rule: string) =>
    site(IPV4, priority, `checksum = "${rule}"\nunicast = { ${peers} }`);
  const halb = startHalb(lab, h, with_(100, "auto"));
  await halb.untilState("web", "master");
  // Adverts of losers teach nothing, for they send none: each is master for a while.
  for (const [host, rule] of [[a, "rfc9568"], [b, "rfc5798"]] as const) {
    const better = startHalb(lab, host, with_(150, rule));
    await halb.untilState("web", "backup");
    await lab.until("three adverts were heard", async () => {
      const { sessions } = await routerOf(better, "web");
      return sessions[0]!.counters.advertisements_sent >= 5;
    }, 3_000);
    await better.stop();
    await halb.untilState("web", "master");
  }
  const capture = await lab.capture(lan, "ip proto 112 and src 192.0.2.1");
  await lab.until("some adverts", async () => {
    const { sessions } = await routerOf(halb, "web");
    return sessions[0]!.counters.advertisements_sent > 20;
  }, 5_000);
  await lab.delay(500);
  const packets = await capture.packets("vrrp", ["ip.dst", "vrrp.checksum"]);
  const sums = (to: string) =>
    new Set(
      packets.filter(({ fields }) => fields["ip.dst"] === to)
        .map(({ fields }) => fields["vrrp.checksum"]),
    );
  // The message alone is 3133 6401 000a 0000 c000 020a with its sum; to b the pseudo header counts.
  const message = 0x3133 + 0x6401 + 0x000a + 0xc000 + 0x020a;
  const pseudo = 0xc000 + 0x0201 + 0xc000 + 0x0203 + 112 + 12;
  const checksum = (sum: number) => `0x${(~((sum & 0xffff) + (sum >>> 16)) & 0xffff).toString(16)}`;
  assert.deepEqual([...sums("192.0.2.2")], [checksum(message)]);
  assert.deepEqual([...sums("192.0.2.3")], [checksum(message + pseudo)]);
});

for (const six of [false, true]) {
  lab(
    `unicast across a router, ${six ? "IPv6" : "IPv4"}: as far as the TTL allows`,
    async (lab) => {
      const [a, b, r] = await lab.hostsNamed("a", "b", "r");
      const address = (net: number, host: number) =>
        six ? `2001:db8:${net}::${host}` : `${net === 1 ? "192.0.2" : "198.51.100"}.${host}`;
      const length = six ? 64 : 24;
      const addresses = (net: number) => ({
        prefix: null,
        addresses: {
          [net === 1 ? "a" : "b"]: [`${address(net, 1)}/${length}`],
          r: [`${address(net, 254)}/${length}`],
        },
      });
      await lab.lan("left", [a, r], addresses(1));
      await lab.lan("right", [b, r], addresses(2));
      await r.sysctl(six ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward", "1");
      for (const [host, net] of [[a, 1], [b, 2]] as const) {
        await host.exec(["ip", "route", "add", "default", "via", address(net, 254)]);
      }
      const form: Form = six
        ? { ...IPV4, addresses: ["fe80::10", "2001:db8:ff::10"], vip: "2001:db8:ff::10" }
        : { ...IPV4, addresses: ["203.0.113.10"], vip: "203.0.113.10" };
      const of = (priority: number, least: string) => {
        const peers = [1, 2].map((net) => `{ address = "${address(net, 1)}"${least} }`);
        return site(form, priority, `unicast = { peers = [${peers.join(", ")}] }`);
      };
      const first = startHalb(lab, a, of(150, ", min_ttl = 254"));
      await first.untilState("web", "master");
      const second = startHalb(lab, b, of(100, ", min_ttl = 254"));
      await second.untilState("web", "backup");
      await lab.until("a's adverts arrive", async () => {
        const [session] = (await routerOf(second, "web")).sessions;
        return session!.master?.address === address(1, 1);
      }, 5_000);
      assert.deepEqual(await droppedBy(second), {});
      // Without a range, any distance will do for a peer that is not on the link.
      second.reload(of(100, ""));
      await lab.delay(500);
      assert.equal((await routerOf(second, "web")).state, "backup");
      // Too far: b hears nobody, and says why.
      second.reload(of(100, ", min_ttl = 255"));
      await second.untilState("web", "master");
      await lab.until(
        "refusals are counted",
        async () => (await droppedBy(second)).ttl! > 2,
        5_000,
      );
    },
  );
}

lab("unicast: who is no peer is refused, and so is what goes to the wrong place", async (lab) => {
  const [a, b, c] = await lab.hostsNamed("a", "b", "c");
  await lab.lan("net", [a, b, c]);
  const peers = (...list: string[]) => `unicast = { peers = ${JSON.stringify(list)} }`;
  const agent = startHalb(lab, a, site(IPV4, 100, peers("192.0.2.2")));
  await agent.untilState("web", "master");
  // A stranger of higher priority who knows our address, and a peer that listens to the group.
  startHalb(lab, c, site(IPV4, 200, peers("192.0.2.1")));
  const other = startHalb(lab, b, site(IPV4, 200, ""));
  const refuses = (who: typeof agent, reason: string) =>
    lab.until(`${who.name} refuses for the ${reason}`, async () => {
      const dropped = await droppedBy(who);
      return (dropped[reason] ?? 0) > 2 && Object.keys(dropped).length === 1;
    }, 5_000);
  await refuses(agent, "source");
  await refuses(other, "destination");
  assert.equal((await routerOf(agent, "web")).state, "master");
  // Nobody else is left: our own address alone says nothing to anybody.
  agent.reload(site(IPV4, 100, peers("192.0.2.1")));
  await lab.until("it is in fault for that", async () => {
    const { state, waiting_for } = await routerOf(agent, "web");
    return state === "fault" && /no peer is left/.test(waiting_for.join());
  }, 5_000);
  agent.reload(site(IPV4, 100, 'unicast = { peers = ["192.0.2.2"], check_source = false }'));
  await agent.untilState("web", "backup");
  const [session] = (await routerOf(agent, "web")).sessions;
  assert.equal(session!.master?.address ?? "192.0.2.3", "192.0.2.3");
});

for (const six of [false, true]) {
  const title = `two routers of one id, ${six ? "IPv6" : "IPv4"}: in two groups, and by unicast`;
  lab(title, async (lab) => {
    const hosts = await lab.hostsNamed("a", "b");
    const lan = await lab.lan("net", hosts);
    const capture = await lab.capture(lan, "ip proto 112 or ip6 proto 112");
    const own: string[] = [];
    for (const host of hosts) {
      await lab.until("link-local addresses are there", async () => {
        const [found] = (await host.addresses("eth0")).filter(({ address, flags }) =>
          six ? address.startsWith("fe80:") && !flags.includes("tentative") : true
        );
        return found !== undefined;
      }, 5_000);
      const addresses = (await host.addresses("eth0")).map(({ address }) => address);
      own.push(addresses.find((address) => address.includes(":") === six)!);
    }
    const group = six ? "ff02::118" : "224.0.0.118";
    const form = (n: number): Form => ({
      ...IPV4,
      addresses: [six ? `fe80::1${n}` : `192.0.2.1${n}`],
    });
    // The first prefers a, the second b, the third a.
    const of = (node: number) =>
      [
        site(form(0), node === 0 ? 150 : 100, "", "usual"),
        site(form(1), node === 1 ? 150 : 100, `multicast_group = "${group}"`, "other"),
        site(form(2), node === 0 ? 150 : 100, `unicast.peers = ${JSON.stringify(own)}`, "third"),
      ].join("");
    const agents = hosts.map((host, node) => startHalb(lab, host, of(node)));
    const wanted: ("master" | "backup")[][] = [["master", "backup", "master"], [
      "backup",
      "master",
      "backup",
    ]];
    for (const [node, agent] of agents.entries()) {
      for (const [i, name] of ["usual", "other", "third"].entries()) {
        await agent.untilState(name, wanted[node]![i]!);
      }
    }
    await lab.delay(1_000);
    for (const agent of agents) {
      for (const name of ["usual", "other", "third"]) {
        const router = await routerOf(agent, name);
        assert.ok(router.transitions <= 3, `${name}: ${router.transitions} transitions`);
      }
      const { vrrp, interfaces } = await statusOf(agent);
      const all = vrrp.flatMap(({ sessions }) => Object.values(sessions[0]!.counters.dropped));
      // Before both were in both groups nothing can be said.
      assert.equal(all.reduce((sum, count) => sum + count, 0), 0, JSON.stringify(vrrp));
      assert.deepEqual(interfaces.map(({ dropped }) => Object.keys(dropped)), [[]]);
    }
    const packets = await capture.packets("vrrp", ["ip.dst", "ipv6.dst"]);
    const to = new Set(packets.map(({ fields }) => fields["ip.dst"] || fields["ipv6.dst"]!));
    assert.ok(to.has(group) && to.has(six ? "ff02::12" : "224.0.0.18"));
  });
}

lab("another group: keepalived's mcast_dst_ip in both roles", async (lab) => {
  const [h, k] = await lab.hostsNamed("h", "k");
  await lab.lan("net", [h, k]);
  const conf = keepalivedConf(IPV4, 100, "mcast_dst_ip 224.0.0.118");
  const keepalived = startKeepalived(lab, k, conf.replace("  vrrp_check_unicast_src\n", ""));
  await untilHeld(lab, k, IPV4.vip);
  const halb = startHalb(lab, h, site(IPV4, 150, 'multicast_group = "224.0.0.118"'));
  await halb.untilState("web", "master");
  await untilFree(lab, k, IPV4.vip);
  halb.reload(site(IPV4, 50, 'multicast_group = "224.0.0.118"'));
  await halb.untilState("web", "backup");
  await untilHeld(lab, k, IPV4.vip);
  assert.deepEqual(await droppedBy(halb), {});
  await keepalived.stop();
  await halb.untilState("web", "master");
  // Back in the usual group, it leaves the other one.
  halb.reload(site(IPV4, 50, ""));
  await lab.until("the group was left", async () => {
    const groups = await h.exec(["ip", "maddress", "show", "dev", "eth0"]);
    return groups.includes("224.0.0.18") && !groups.includes("224.0.0.118");
  }, 5_000);
  await halb.untilState("web", "master");
});

lab("the whole agent in a network namespace", async (lab) => {
  const [outer, inner] = await lab.hostsNamed("outer", "inner");
  await lab.lan("out", [outer]);
  await lab.lan("in", [inner]);
  const whole = `[agent]\nnamespace = "${inner.namespace}"\n` + site(IPV4, 150, "");
  const agent = startHalb(lab, outer, whole);
  await agent.untilState("web", "master");
  await untilHeld(lab, inner, IPV4.vip);
  assert.ok(!await outer.holds(IPV4.vip));
  const namespaceOf = (pid: number) => Deno.readLinkSync(`/proc/${pid}/ns/net`);
  const { pid } = await statusOf(agent);
  const pids = (await execute(["ip", "netns", "pids", inner.namespace])).split("\n");
  assert.ok(pids.includes(String(pid)), `${pid} in ${namespaceOf(pid)}`);
  agent.reload(site(IPV4, 150, ""));
  await lab.until(
    "another namespace needs a restart",
    () => agent.log().includes("agent.namespace cannot change while the agent runs"),
    3_000,
  );
  await agent.stop();
  assert.ok(!await inner.holds(IPV4.vip));
});

lab("one agent, routers in two network namespaces", async (lab) => {
  const [a, inner, b] = await lab.hostsNamed("a", "inner", "b");
  const outside = await lab.lan("out", [a, b]);
  const within = await lab.lan("in", [inner, b]);
  const vips = ["192.0.2.10", "192.0.2.10"];
  const router = (name: string, more: string) =>
    site({ ...IPV4, addresses: [vips[0]!] }, 150, more, name);
  const both = router("web", "") + router("lan", `namespace = "${inner.namespace}"`);
  const agent = startHalb(lab, a, both);
  for (const name of ["web", "lan"]) await agent.untilState(name, "master");
  await untilHeld(lab, a, vips[0]!);
  await untilHeld(lab, inner, vips[1]!);
  // A peer on each of the two LANs hears the right one.
  const peer = startHalb(
    lab,
    b,
    `[[vrrp]]\nname = "web"\ninterface = "eth0"\nvirtual_router_id = 51\npriority = 100\n` +
      `advertisement_interval = "100ms"\naddresses = ["192.0.2.10"]\n` +
      `[[vrrp]]\nname = "lan"\ninterface = "eth1"\nvirtual_router_id = 51\npriority = 100\n` +
      `advertisement_interval = "100ms"\naddresses = ["192.0.2.10"]\n`,
  );
  for (const name of ["web", "lan"]) await peer.untilState(name, "backup");
  // Carrier inside concerns the one inside alone.
  await within.link(inner).cut();
  await agent.untilState("lan", "fault");
  await peer.untilState("lan", "master");
  assert.equal((await routerOf(agent, "web")).state, "master");
  await within.link(inner).restore();
  await agent.untilState("lan", "master");
  assert.ok((await statusOf(agent)).interfaces.some(({ name }) => name === "eth0"));
  agent.reload(router("web", ""));
  await untilFree(lab, inner, vips[1]!);
  assert.ok(await a.holds(vips[0]!));
  await agent.stop();
  assert.ok(!await a.holds(vips[0]!) && outside.links.length === 2);
});

lab(
  "a namespace that comes later, or anew, is found; an interface outside its VRF is in fault",
  async (lab) => {
    const [a] = await lab.hostsNamed("a");
    await lab.lan("net", [a]);
    const later = `${a.namespace}-later`;
    const agent = startHalb(
      lab,
      a,
      site(IPV4, 150, 'vrf = "blue"') +
        site(IPV4, 150, `namespace = "${later}"`, "inner").replace("eth0", "veth1"),
    );
    // A start may find the interface a moment late.
    await lab.until("it is known that it is outside", async () => {
      const { state, waiting_for } = await routerOf(agent, "web");
      assert.deepEqual([state, waiting_for], ["fault", ["interface eth0: not in VRF blue"]]);
      return true;
    }, 5_000);
    await agent.untilState("inner", "fault");
    const ip = ["ip", "-n", later];
    const make = async (link: string) => {
      await execute(["ip", "netns", "add", later]);
      const peer = ["peer", "name", "veth1", "netns", later];
      await a.exec(["ip", "link", "add", link, "type", "veth", ...peer]);
      await a.exec(["ip", "link", "set", link, "up"]);
      await a.exec([...ip, "address", "add", "198.51.100.1/24", "dev", "veth1"]);
      await a.exec([...ip, "link", "set", "veth1", "up"]);
    };
    try {
      await make("veth0");
      await agent.untilState("inner", "master");
      // The agent's sockets keep the former one alive: nobody can reach it by its name any more.
      await execute(["ip", "netns", "delete", later]);
      await agent.untilState("inner", "fault");
      await make("veth2");
      await agent.untilState("inner", "master");
      await lab.until("the address is held in the new one", async () => {
        const held = await a.exec([...ip, "address", "show", "dev", "veth1"]);
        return held.includes("192.0.2.10/32");
      }, 5_000);
      await agent.stop();
    } finally {
      await execute(["ip", "netns", "delete", later]);
    }
  },
);
