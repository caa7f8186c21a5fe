/** Whose a packet is, and what it says of itself: RFC 5881 sections 3 to 6, RFC 5883 section 4. */

import { strict as assert } from "node:assert";
import { lab } from "../lib/mod.ts";
import { authentication } from "../unit/bfd/packet_fixtures.ts";
import { bfdConfig, Sessions } from "./bfd_helpers.ts";

lab(
  "[B5881-4] the same address on two links: a packet is for the session of its link",
  async (lab) => {
    const [a, b, c] = await lab.hostsNamed("a", "b", "c");
    const addresses = { b: ["fe80::b:1/64"], c: ["fe80::b:1/64"] };
    await lab.lan("left", [a, b], { addresses: { a: ["fe80::a:1/64"], b: addresses.b } });
    await lab.lan("right", [a, c], { addresses: { a: ["fe80::a:2/64"], c: addresses.c } });
    const [ours, right] = [new Sessions(lab), new Sessions(lab)];
    const peer = "fe80::b:1";
    ours.set(bfdConfig(a, peer, { name: "left" }, { interface: "eth0", source: "fe80::a:1" }));
    ours.set(bfdConfig(a, peer, { name: "right" }, { interface: "eth1", source: "fe80::a:2" }));
    right.set(bfdConfig(c, "fe80::a:2", {}, { source: peer }));
    await ours.until("right", "up");
    await right.until("to-peer", "up");
    assert.deepEqual(ours.changes("left"), []);
    assert.equal((await ours.session("left")).packetsReceived, 0);
    const left = new Sessions(lab);
    left.set(bfdConfig(b, "fe80::a:1", {}, { source: peer }));
    await ours.until("left", "up");
    left.apply("to-peer", { type: "admin", down: true });
    await ours.until("left", "down");
    assert.deepEqual(ours.falls("right"), []);
    left.remove("to-peer");
  },
);

lab(
  "[B5881-6] [B5881-8] addresses of the link's network, and ports that the kernel would not take",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    // The link's network is not the only one, and not the first one.
    const lan = await lab.lan("net", [a, b], {
      addresses: {
        a: ["198.51.100.7/24", "192.0.2.1/24"],
        b: ["203.0.113.7/24", "192.0.2.2/24"],
      },
    });
    for (const host of [a, b]) {
      await host.sysctl("net.ipv4.ip_local_port_range", "1024 2000");
    }
    const capture = await lab.capture(lan, "udp");
    const [left, right] = [new Sessions(lab), new Sessions(lab)];
    left.set(bfdConfig(a, "192.0.2.2"));
    right.set(bfdConfig(b, "192.0.2.1"));
    await left.until("to-peer", "up");
    await right.until("to-peer", "up");
    for (const one of [left, right]) {
      await lab.until("some packets have left", async () => {
        return (await one.session("to-peer")).packetsSent > 8;
      }, 10_000);
    }
    const seen = await capture.packets("bfd", ["ip.src", "ip.dst", "udp.srcport"]);
    assert(seen.length > 10);
    const ends = new Set(seen.map(({ fields }) => `${fields["ip.src"]} ${fields["ip.dst"]}`));
    assert.deepEqual([...ends].sort(), ["192.0.2.1 192.0.2.2", "192.0.2.2 192.0.2.1"]);
    const ports = new Set(seen.map(({ fields }) => Number(fields["udp.srcport"])));
    assert.equal(ports.size, 2, "one for each session's life");
    assert([...ports].every((port) => port >= 49_152));
  },
);

lab(
  "[B5883-3] [B5883-4] several hops: sessions with one peer from two addresses, authenticated",
  async (lab) => {
    const [a, r, b] = await lab.hostsNamed("a", "r", "b");
    await r.sysctl("net.ipv4.ip_forward", "1");
    await lab.lan("left", [a, r], {
      addresses: { a: ["192.0.2.1/24", "192.0.2.11/24"], r: ["192.0.2.2/24"] },
    });
    await lab.lan("right", [b, r], { prefix: "198.51.100.0/24" });
    await a.exec(["ip", "route", "add", "198.51.100.0/24", "via", "192.0.2.2"]);
    await b.exec(["ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.2"]);
    const ends = { multihop: true, interface: "", minimumTtl: 254 };
    const key = { authentication: authentication("meticulous-keyed-sha1") };
    const other = authentication("meticulous-keyed-sha1", { keys: [{ id: 1, secret: [9] }] });
    const [left, right] = [new Sessions(lab), new Sessions(lab)];
    for (const [name, source] of [["one", "192.0.2.1"], ["two", "192.0.2.11"]] as const) {
      left.set(bfdConfig(a, "198.51.100.1", { name, ...key }, { ...ends, source }));
    }
    const there = { ...ends, source: "198.51.100.1" };
    right.set(bfdConfig(b, "192.0.2.11", { name: "two", ...key }, there));
    right.set(bfdConfig(b, "192.0.2.1", { name: "one", authentication: other }, there));
    await left.until("two", "up");
    await right.until("two", "up");
    await lab.until("another key is refused", async () => {
      const { dropped } = await left.session("one");
      return Object.values(dropped).reduce((sum, count) => sum + count, 0) > 1;
    }, 10_000);
    assert.deepEqual(left.changes("one"), [], "what is for one address is not for the other");
    right.configure("one", key);
    await left.until("one", "up");
    right.apply("two", { type: "admin", down: true });
    await left.until("two", "down");
    assert.deepEqual(left.falls("one"), []);
  },
);
