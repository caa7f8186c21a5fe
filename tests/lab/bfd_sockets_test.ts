/**
 * The sockets of BFD sessions beside what a host does to them: a path that carries less, a packet
 * filter, ICMP errors, a peer that moves to another port, and other daemons on the same ports.
 */

import { strict as assert } from "node:assert";
import { BfdAgent } from "../lib/bfd_agent.ts";
import type { BfdSpec } from "../lib/bfd_site.ts";
import { startBird } from "../lib/bird.ts";
import { type Host, lab } from "../lib/mod.ts";
import { untilLogged } from "./agent_helpers.ts";
import { FAR, twoHops } from "./bfd_topology.ts";

/** UDP payload that fills 1500 bytes. */
const LARGEST = { ipv4: 1472, ipv6: 1452 } as const;

lab("[B9764-1] padded packets: a path that carries less takes the session down", async (lab) => {
  const [a, r, b] = await lab.hostsNamed("a", "r", "b");
  const { left } = await twoHops(lab, a, r, b);
  const specs = (side: 0 | 1): BfdSpec[] =>
    FAR.map((ends) => {
      const family = ends[0].includes(":") ? "ipv6" : "ipv4";
      return {
        name: family,
        source: ends[side],
        peer: ends[1 - side]!,
        multihop: true,
        // The other side does not pad, and takes what comes.
        ...(side === 0 ? { more: `padded_pdu_size = ${LARGEST[family]}` } : {}),
      };
    });
  const capture = await lab.capture(left, "udp port 4784");
  const ours = new BfdAgent(lab, a, specs(0));
  const theirs = new BfdAgent(lab, b, specs(1));
  await ours.untilAll(true);
  await theirs.untilAll(true);
  const mtu = (value: number) => r.exec(["ip", "link", "set", "eth1", "mtu", String(value)]);
  await mtu(1400);
  await ours.untilAll(false);
  assert.equal((await theirs.row("ipv4")).diagnostic, "control-expiry");
  // The router has said that packets are too big; they go on leaving as large as they were.
  await mtu(1500);
  await ours.untilAll(true);
  for (const { counters } of await ours.rows()) assert.deepEqual(counters.unsent, {});
  const fields = ["ip.src", "ipv6.src", "ip.flags.df", "ip.len", "ipv6.plen", "bfd.version"];
  const seen = (await capture.packets("bfd", fields)).map(({ fields: one }) => one);
  const four = seen.filter((one) => one["ip.src"] === FAR[0][0]);
  const six = seen.filter((one) => one["ipv6.src"] === FAR[1][0]);
  assert(four.length > 5 && six.length > 5);
  for (const one of four) {
    assert.equal(Number(one["ip.len"]), 1500);
    assert.match(one["ip.flags.df"]!, /^(1|True)$/i);
  }
  for (const one of six) assert.equal(Number(one["ipv6.plen"]), 1460);
  const back = seen.filter((one) => one["ip.src"] === FAR[0][1]);
  assert(back.length > 5 && back.every((one) => Number(one["ip.len"]) === 52));
});

lab("packets that may not leave are counted, and named", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const ours = new BfdAgent(lab, a, [{ name: "x", peer: "192.0.2.2" }]);
  const theirs = new BfdAgent(lab, b, [{ name: "x", peer: "192.0.2.1" }]);
  await ours.untilAll(true);
  const nft = (input: string) => a.exec(["nft", "-f", "-"], { input });
  await nft(`table inet out { chain output { type filter hook output priority 0;
    udp dport 3784 drop; }; }\n`);
  // Down, and then Init, since it hears that the other is Down.
  await ours.untilAll(false);
  await lab.until("status says why", async () => {
    const { counters, waiting_for } = await ours.row("x");
    assert(counters.unsent["EPERM"]! > 0, JSON.stringify(counters));
    assert(waiting_for.includes("its packets to leave: refused by a local packet filter (EPERM)"));
    return true;
  }, 15_000);
  await untilLogged(lab, ours.agent, "Packets do not leave: refused by a local packet filter");
  await nft("delete table inet out\n");
  await ours.untilState("x", "up");
  await lab.until("it lacks nothing", async () => {
    return (await ours.row("x")).waiting_for.length === 0;
  }, 5000);
  // Larger than the interface carries.
  const padded = { name: "x", peer: "192.0.2.2", more: "padded_pdu_size = 1400" };
  await ours.reload([padded]);
  const { transitions } = await ours.row("x");
  await a.exec(["ip", "link", "set", "eth0", "mtu", "1300"]);
  await theirs.untilState("x", "down");
  await ours.untilAll(false);
  await lab.until("status says so", async () => {
    const { waiting_for } = await ours.row("x");
    return waiting_for.includes("its packets to leave: longer than the path MTU (EMSGSIZE)");
  }, 15_000);
  await a.exec(["ip", "link", "set", "eth0", "mtu", "1500"]);
  await ours.untilState("x", "up");
  assert((await ours.row("x")).transitions > transitions);
});

lab("a peer that begins anew, from another port, is heard at once", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const ours = new BfdAgent(lab, a, [{ name: "x", peer: "192.0.2.2" }]);
  const ports = new Set<number>();
  for (let life = 0; life < 3; life++) {
    const theirs = new BfdAgent(lab, b, [{ name: "x", peer: "192.0.2.1" }]);
    await theirs.untilAll(true);
    await ours.untilAll(true);
    ports.add((await theirs.row("x")).source_port);
    // Nothing is said: from now on nobody has that port, and ICMP says so to each packet.
    await theirs.agent.process.kill();
    await ours.untilState("x", "down");
  }
  assert.equal(ports.size, 3);
  const { counters } = await ours.row("x");
  assert.deepEqual([counters.unsent, counters.dropped["authentication_digest"]], [{}, undefined]);
});

/** A BIRD with sockets of its own on one address alone. */
function birdOn(host: Host, lab: Parameters<typeof startBird>[0], own: string, peer: string) {
  return startBird(
    lab,
    host,
    `  strict bind yes;
  interface "eth0" { interval 100 ms; multiplier 3; };
  neighbor ${peer} dev "eth0" local ${own};`,
  );
}

lab("BIRD and halb on one host, each on an address of its own", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const addresses = { a: ["192.0.2.1/24", "192.0.2.11/24"], b: ["192.0.2.2/24"] };
  await lab.lan("net", [a, b], { prefix: null, addresses });
  const other = new BfdAgent(lab, b, [
    { name: "halb", peer: "192.0.2.1" },
    { name: "bird", peer: "192.0.2.11" },
  ]);
  const bird = await birdOn(a, lab, "192.0.2.11", "192.0.2.2");
  await bird.untilState("192.0.2.2", "Up");
  // Without an address of its own there is nothing to be had, and the error names who is there.
  const ours = new BfdAgent(lab, a, [{ name: "x", peer: "192.0.2.2" }]);
  await lab.until("status names BIRD", async () => {
    const { waiting_for } = await ours.row("x");
    return waiting_for.some((one) => /UDP port 3784 belongs to bird \(pid \d+\)/.test(one));
  }, 15_000);
  await ours.reload([{ name: "x", peer: "192.0.2.2", source: "192.0.2.1" }]);
  await ours.untilAll(true);
  await other.untilAll(true);
  assert.equal((await bird.session("192.0.2.2")).state, "Up");
  // Once BIRD is gone the whole port is to be had.
  await ours.reload([{ name: "x", peer: "192.0.2.2" }]);
  await bird.stop();
  await ours.untilAll(true, 20_000);
});

lab("a daemon that comes later does not take the port away", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const ours = new BfdAgent(lab, a, [{ name: "x", peer: "192.0.2.2" }]);
  const theirs = new BfdAgent(lab, b, [{ name: "x", peer: "192.0.2.1" }]);
  await ours.untilAll(true);
  const bird = await startBird(lab, a, `  interface "eth0" { };\n  neighbor 192.0.2.2 dev "eth0";`);
  await lab.until(
    "BIRD cannot bind",
    () => /bind: Address already in use/.test(bird.log()),
    15_000,
  );
  // First packets still come to us.
  await theirs.down("x");
  await ours.untilState("x", "down");
  await theirs.up("x");
  await ours.untilState("x", "up");
});
