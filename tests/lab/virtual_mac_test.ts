/**
 * Virtual MACs on real interfaces: what the wire, the neighbours and the switch see, and what is
 * left of it on the host.
 */

import assert from "node:assert/strict";
import { adverts, longestDoubleMaster } from "../lib/adverts.ts";
import {
  type HalbAgent,
  type Host,
  type Lab,
  lab,
  type Lan,
  startHalb,
  startKeepalived,
  startProbe,
} from "../lib/mod.ts";
import { execute } from "../lib/process.ts";
import { routerOf, statusOf } from "./agent_helpers.ts";
import { IPV4 as V3, keepalivedSite } from "./forms.ts";

/** A family, with what is virtual in it. */
interface Form {
  readonly name: string;
  readonly mac: string;
  readonly link: string;
  readonly addresses: readonly string[];
  /** The address that clients use. */
  readonly vip: string;
  /** How tshark knows packets that say where an address is. */
  readonly announcement: string;
}

const IPV4: Form = {
  name: "IPv4",
  mac: "00:00:5e:00:01:33",
  link: "vrrp.51",
  addresses: ["192.0.2.10/24"],
  vip: "192.0.2.10",
  announcement: "arp.src.proto_ipv4 == 192.0.2.10",
};

const IPV6: Form = {
  name: "IPv6",
  mac: "00:00:5e:00:02:33",
  link: "vrrp6.51",
  addresses: ["fe80::10/64", "2001:db8::10/64"],
  vip: "2001:db8::10",
  announcement: "icmpv6.type == 136 && icmpv6.nd.na.target_address == 2001:db8::10",
};

function site({ addresses }: Form, more = "virtual_mac = true"): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ${JSON.stringify(addresses)}
${more}
`;
}

/** Two routers and a client, all with addresses of the documentation prefixes. */
async function threeHosts(lab: Lab): Promise<{ a: Host; b: Host; client: Host; lan: Lan }> {
  const [a, b, client] = await lab.hostsNamed("a", "b", "c");
  const lan = await lab.lan("net", [a, b, client]);
  for (const [index, host] of [a, b, client].entries()) {
    await host.exec(["ip", "address", "add", `2001:db8::${index + 1}/64`, "dev", "eth0", "nodad"]);
  }
  return { a, b, client, lan };
}

const ping = (host: Host, address: string, ...more: string[]) =>
  host.exec(["ping", "-n", "-c", "1", "-W", "2", ...more, address]);

for (const form of [IPV4, IPV6]) {
  lab(
    `[V7-C8] [V7-C9] [V7-19] ${form.name}: the virtual MAC is the source of adverts and answers`,
    async (lab) => {
      const { a, b, client, lan } = await threeHosts(lab);
      const capture = await lab.capture(lan);
      const first = startHalb(lab, a, site(form));
      await first.untilState("web", "master");
      await lab.until("a holds the address", () => a.holds(form.vip), 5000);
      const second = startHalb(lab, b, site(form));
      await second.untilState("web", "backup");
      await ping(client, form.vip);
      assert.equal(await client.neighbour(form.vip), form.mac);
      // What a node asks with the virtual address as its own must not teach another address.
      await a.tryExec(["ip", "neighbour", "flush", "all"]);
      await ping(a, form === IPV4 ? "192.0.2.3" : "2001:db8::3", "-I", form.vip);
      assert.equal(await client.neighbour(form.vip), form.mac);
      await first.stop();
      await second.untilState("web", "master");
      await lab.until("b holds the address", () => b.holds(form.vip), 5000);
      // No identifier of an address is made of the virtual MAC.
      const there = (await b.addresses(form.link)).map(({ address }) => address).sort();
      assert.deepEqual(there, form.addresses.map((text) => text.split("/")[0]!).sort());
      await ping(client, form.vip);
      assert.equal(await client.neighbour(form.vip), form.mac);
      assert.equal((await second.router("web")).sessions[0]!.counters.dropped.checksum ?? 0, 0);
      const adverts = await capture.packets("vrrp", [
        "eth.src",
        "ip.ttl",
        "ipv6.hlim",
        "_ws.malformed",
      ]);
      assert.ok(adverts.length > 5);
      for (const { fields } of adverts) {
        assert.equal(fields["eth.src"], form.mac);
        assert.equal(fields["ip.ttl"] || fields["ipv6.hlim"], "255");
        assert.equal(fields["_ws.malformed"], "");
      }
      const told = await capture.packets(form.announcement, ["eth.src"]);
      assert.ok(told.length >= 10, "both have announced it");
      assert.deepEqual([...new Set(told.map(({ fields }) => fields["eth.src"]))], [form.mac]);
      assert.doesNotMatch(first.log() + second.log(), /warning|error/);
      // The stopped one has left nothing.
      assert.equal((await a.tryExec(["ip", "link", "show", form.link])).code, 1);
    },
  );
}

/** What a host has to say about an address, as often as asked; ends with the lab. */
async function changesOf(lab: Lab, host: Host, address: string): Promise<() => string[]> {
  const name = `${host.name}-neighbours-${address}`;
  const watch = host.spawn(["ip", "monitor", "neigh"], { name });
  // It has joined its group when it tells of what comes now.
  await lab.until("the neighbours are watched", async () => {
    await host.exec([
      "ip",
      "neighbour",
      "replace",
      "192.0.2.99",
      "lladdr",
      "02:00:00:00:00:99",
      "dev",
      "eth0",
    ]);
    await host.exec(["ip", "neighbour", "delete", "192.0.2.99", "dev", "eth0"]);
    return watch.log().includes("192.0.2.99");
  }, 5000);
  return () => {
    const lines = watch.log().split("\n").filter((line) => line.startsWith(`${address} `));
    const macs = lines.map((line) => /lladdr ([0-9a-f:]{17})/.exec(line)?.[1]);
    return [...new Set(macs.filter((mac) => mac !== undefined))];
  };
}

for (const form of [IPV4, IPV6]) {
  lab(`${form.name}: a client's neighbour entry stays as it is at a failover`, async (lab) => {
    const { a, b, client, lan } = await threeHosts(lab);
    const capture = await lab.capture(lan, "proto 112");
    const first = startHalb(lab, a, site(form));
    await first.untilState("web", "master");
    const second = startHalb(lab, b, site(form));
    await second.untilState("web", "backup");
    await lab.until("a holds the address", () => a.holds(form.vip), 5000);
    await ping(client, form.vip);
    const macs = await changesOf(lab, client, form.vip);
    const probe = form === IPV4 ? await startProbe(lab, client, form.vip) : undefined;
    await lab.delay(300);
    await a.link(lan).cut();
    await second.untilState("web", "master");
    await lab.until("b holds the address", () => b.holds(form.vip), 5000);
    await ping(client, form.vip);
    await lab.delay(300);
    await a.link(lan).restore();
    await first.untilState("web", "master");
    await lab.until("b let go", async () => !await b.holds(form.vip), 5000);
    await lab.delay(300);
    await ping(client, form.vip);
    assert.equal(await client.neighbour(form.vip), form.mac);
    assert.deepEqual(macs().filter((mac) => mac !== form.mac), []);
    assert.ok(longestDoubleMaster(await adverts(capture)) <= 150_000);
    if (probe === undefined) return;
    const outages = (await probe.stop()).outages(20);
    console.log(`outages, ms: ${outages.map(({ duration }) => Math.round(duration / 1000))}`);
    assert.ok(outages.length > 0 && outages.every(({ ended }) => ended));
    // Three intervals and the skew, and what a busy machine takes.
    assert.ok(outages.every(({ duration }) => duration < 1_000_000));
  });
}

lab("both families: a virtual MAC for each, which neighbours keep at a failover", async (lab) => {
  const { a, b, client, lan } = await threeHosts(lab);
  const both = { ...IPV4, addresses: [...IPV4.addresses, ...IPV6.addresses] };
  const capture = await lab.capture(lan, "proto 112");
  const first = startHalb(lab, a, site(both));
  await first.untilState("web", "master");
  assert.deepEqual((await routerOf(first, "web")).virtual_mac, [
    { interface: IPV4.link, type: "macvlan", mac: IPV4.mac },
    { interface: IPV6.link, type: "macvlan", mac: IPV6.mac },
  ]);
  const second = startHalb(lab, b, site(both));
  await second.untilState("web", "backup");
  const reached = async (host: Host) => {
    for (const { vip, mac } of [IPV4, IPV6]) {
      await lab.until(`${host.name} holds ${vip}`, () => host.holds(vip), 5000);
      await ping(client, vip);
      assert.equal(await client.neighbour(vip), mac);
    }
  };
  await reached(a);
  const changes = await Promise.all([IPV4, IPV6].map(({ vip }) => changesOf(lab, client, vip)));
  await a.link(lan).cut();
  await second.untilState("web", "master");
  await reached(b);
  await a.link(lan).restore();
  await first.untilState("web", "master");
  await second.untilState("web", "backup");
  await reached(a);
  for (const [index, { mac }] of [IPV4, IPV6].entries()) {
    assert.deepEqual(changes[index]!().filter((seen) => seen !== mac), []);
  }
  const sources = new Map([["", IPV6.mac], ["255", IPV4.mac]]);
  for (const { fields } of await capture.packets("vrrp", ["eth.src", "ip.ttl"])) {
    assert.equal(fields["eth.src"], sources.get(fields["ip.ttl"] ?? ""));
  }
  await first.stop();
  for (const { link } of [IPV4, IPV6]) {
    assert.equal((await a.tryExec(["ip", "link", "show", link])).code, 1);
  }
});

lab("IPv6: former masters say nothing more with the virtual MAC", async (lab) => {
  const { a, b, lan } = await threeHosts(lab);
  // So many that to take their interfaces down takes longer than the kernel waits.
  const many = Array.from({ length: 30 }, (_, index) => {
    const addresses = [`fe80::1:${index}/64`, `2001:db8::1:${index}/64`];
    return site({ ...IPV6, addresses })
      .replace('"web"', `"r${index}"`)
      .replace("= 51", `= ${index + 1}`);
  }).join("\n");
  const masters = async (agent: HalbAgent, host: Host) => {
    await lab.until(`${host.name} holds all`, async () => {
      const { vrrp } = await statusOf(agent);
      return vrrp.length === 30 &&
        vrrp.every((one) => one.state === "master" && one.addresses_held.length === 2);
    }, 20_000);
  };
  const worse = startHalb(lab, b, many);
  await masters(worse, b);
  const capture = await lab.capture(lan, "ip6");
  const better = startHalb(lab, a, many);
  await masters(better, a);
  await lab.until("b has let go", async () => {
    return (await statusOf(worse)).vrrp.every((one) => one.addresses_held.length === 0);
  }, 10_000);
  // Whatever is said is repeated within a second.
  await lab.delay(1500);
  const fields = ["eth.src", "icmpv6.mldr.mar.record_type"];
  const reports = await capture.packets(
    "icmpv6.type == 143 && eth.src[0:5] == 00:00:5e:00:02",
    fields,
  );
  const types = new Set(reports.map(({ fields }) => fields["icmpv6.mldr.mar.record_type"]));
  // 4: a group is joined; 3: it is left.
  assert.deepEqual([...types], ["4"]);
  assert.equal((await capture.packets("icmpv6.type == 132", fields)).length, 0);
});

lab(
  "[V7-C10] [V7-C11] a backup takes no frame to the virtual MAC, a master redirects nobody",
  async (lab) => {
    const [a, b, client, far] = await lab.hostsNamed("a", "b", "c", "d");
    const lan = await lab.lan("net", [a, b, client]);
    const back = await lab.lan("far", [a, b, far], { prefix: "198.51.100.0/24" });
    for (const host of [a, b]) {
      await host.sysctl("net.ipv4.ip_forward", "1");
      await host.sysctl("net.ipv4.conf.all.rp_filter", "1");
    }
    // The switch floods: each frame reaches both routers.
    for (const host of [a, b, client]) {
      const { leg } = lan.link(host);
      await execute(["bridge", "-n", lan.namespace, "link", "set", "dev", leg, "learning", "off"]);
    }
    const first = startHalb(lab, a, site(IPV4));
    await first.untilState("web", "master");
    const second = startHalb(lab, b, site(IPV4));
    await second.untilState("web", "backup");
    await lab.until("a holds the address", () => a.holds(IPV4.vip), 5000);
    await far.exec(["ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.1"]);
    await client.exec(["ip", "route", "add", "198.51.100.0/24", "via", IPV4.vip]);
    const passed = await lab.capture(back, "icmp");
    const redirects = await lab.capture(lan, "icmp");
    const reached = await lab.capture(b, "icmp");
    for (let i = 0; i < 5; i++) await ping(client, "198.51.100.3");
    // Through the router back to the same wire: that is what a redirect is for.
    for (const gateway of [IPV4.vip, "192.0.2.1"]) {
      await a.exec(["ip", "route", "replace", "203.0.113.0/24", "via", "192.0.2.3"]);
      await client.exec(["ip", "route", "replace", "203.0.113.0/24", "via", gateway]);
      await client.tryExec(["ping", "-n", "-c", "1", "-W", "1", "203.0.113.9"]);
    }
    const flooded = await reached.packets(`icmp.type == 8 && eth.dst == ${IPV4.mac}`);
    assert.ok(flooded.length >= 5, "the backup got them, too");
    const requests = await passed.packets("icmp.type == 8", ["eth.src"]);
    assert.deepEqual(
      requests.map(({ fields }) => fields["eth.src"]),
      Array.from({ length: 5 }, () => a.link(back).mac),
    );
    const sent = await redirects.packets("icmp.type == 5", ["ip.src"]);
    // Asked by its own address it does redirect, so the capture would have shown others.
    // The first source is that of the redirect, the second one that of the packet in it.
    const sources = sent.map(({ fields }) => fields["ip.src"]!.split(",")[0]);
    assert.deepEqual([...new Set(sources)], ["192.0.2.1"]);
  },
);

const ON_BASE: readonly (readonly [name: string, ours: string, theirs: string])[] = [
  ["transmit_on_base", "virtual_mac = { transmit_on_base = true }", ""],
  [
    "unicast",
    'virtual_mac = true\nunicast = { peers = ["192.0.2.1", "192.0.2.2"] }',
    "unicast_src_ip 192.0.2.2\n  unicast_peer {\n    192.0.2.1\n  }",
  ],
];

for (const [name, ours, theirs] of ON_BASE) {
  lab(`${name}: adverts have the own hardware address, answers the virtual one`, async (lab) => {
    const { a, b, client, lan } = await threeHosts(lab);
    const capture = await lab.capture(lan);
    const halb = startHalb(lab, a, site(IPV4, ours));
    await halb.untilState("web", "master");
    await lab.until("halb holds the address", () => a.holds(IPV4.vip), 5000);
    await ping(client, IPV4.vip);
    assert.equal(await client.neighbour(IPV4.vip), IPV4.mac);
    const keepalived = startKeepalived(
      lab,
      b,
      keepalivedSite(V3, 200, `use_vmac\n  vmac_xmit_base\n  ${theirs}`),
    );
    await halb.untilState("web", "backup");
    await lab.until("keepalived holds the address", () => b.holds(IPV4.vip), 5000);
    await lab.until("halb let go", async () => !await a.holds(IPV4.vip), 5000);
    await ping(client, IPV4.vip);
    await keepalived.stop();
    await halb.untilState("web", "master");
    await lab.until("halb holds the address again", () => a.holds(IPV4.vip), 5000);
    await ping(client, IPV4.vip);
    assert.equal(await client.neighbour(IPV4.vip), IPV4.mac);
    const own = a.link(lan).mac;
    const adverts = await capture.packets("vrrp && !icmp && ip.src == 192.0.2.1", [
      "eth.src",
    ]);
    assert.ok(adverts.length > 5);
    assert.deepEqual([...new Set(adverts.map(({ fields }) => fields["eth.src"]))], [own]);
    const told = await capture.packets(IPV4.announcement, ["eth.src"]);
    assert.ok(told.length >= 10, "halb has announced it twice");
    assert.deepEqual(told.filter(({ fields }) => fields["eth.src"] === own), []);
  });
}

for (const form of [IPV4, IPV6]) {
  lab(`${form.name}: keepalived with use_vmac and halb, each in both parts`, async (lab) => {
    const { a, b, client, lan } = await threeHosts(lab);
    const halb = startHalb(lab, a, site(form));
    await halb.untilState("web", "master");
    await lab.until("halb holds the address", () => a.holds(form.vip), 5000);
    await ping(client, form.vip);
    const macs = await changesOf(lab, client, form.vip);
    const keepalived = (priority: number) =>
      startKeepalived(
        lab,
        b,
        keepalivedSite({ ...V3, addresses: form.addresses }, priority, "use_vmac"),
        { name: `keepalived-${priority}` },
      );
    const better = keepalived(200);
    await halb.untilState("web", "backup");
    await lab.until("keepalived holds the address", () => b.holds(form.vip), 5000);
    await lab.until("halb let go", async () => !await a.holds(form.vip), 5000);
    await ping(client, form.vip);
    assert.ok((await halb.router("web")).sessions[0]!.counters.advertisements_received > 0);
    await better.stop();
    await halb.untilState("web", "master");
    await lab.until("halb holds the address again", () => a.holds(form.vip), 5000);
    await ping(client, form.vip);
    const worse = keepalived(50);
    await lab.until("keepalived is backup", () => /BACKUP STATE/.test(worse.log()), 5000);
    await lab.delay(1000);
    assert.doesNotMatch(worse.log(), /MASTER STATE/);
    await halb.stop();
    await lab.until("keepalived takes over", () => b.holds(form.vip), 5000);
    await ping(client, form.vip);
    // keepalived's host may ask from the virtual address with its own hardware address; ours never.
    const others = macs().filter((mac) => mac !== form.mac && mac !== b.link(lan).mac);
    assert.deepEqual(others, []);
  });
}
