/** A virtual address that somebody else has, too: noticed, named, and over when it is over. */

import assert from "node:assert/strict";
import {
  AF_PACKET,
  closeDescriptor,
  inNamespace,
  openSocket,
  sendTo,
  SOCK_RAW,
  sockaddrLl,
} from "../../ffi/mod.ts";
import { announcementFrame } from "../../mod/kernel/mod.ts";
import { NeighbourSockets } from "../../mod/kernel/neighbour_sockets.ts";
import { type Host, lab, startHalb } from "../lib/mod.ts";
import { routerOf, untilLogged, VIP, webSite } from "./agent_helpers.ts";

lab("a silent second holder answers the master's question and is named", async (lab) => {
  const [a, other] = await lab.hostsNamed("a", "other");
  const lan = await lab.lan("net", [a, other]);
  // Left there by hand: it says nothing of its own accord.
  await other.exec(["ip", "address", "add", `${VIP}/32`, "dev", "eth0"]);
  const capture = await lab.capture(lan, "arp");
  const agent = startHalb(lab, a, webSite("100ms"));
  await agent.untilState("web", "master");
  await untilLogged(lab, agent, "Somebody else holds a virtual address", 1, 10_000);
  await lab.until("status names it", async () => {
    const [duplicate] = (await routerOf(agent, "web")).duplicate_holders;
    assert.deepEqual([duplicate?.address, duplicate?.mac], [VIP, other.link(lan).mac]);
    return true;
  }, 5000);
  const probes = await capture.packets(`arp.src.proto_ipv4 == 0.0.0.0`, [
    "arp.opcode",
    "arp.dst.proto_ipv4",
    "arp.isprobe",
  ]);
  assert.equal(probes.length, 1);
  assert.match(JSON.stringify(probes[0]!.fields), /"1","arp.dst.proto_ipv4":"192.0.2.10"/);
});

lab(
  "two masters that do not hear each other notice it by their announcements, IPv6",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    const lan = await lab.lan("net", [a, b]);
    for (const host of [a, b]) {
      await host.exec(["nft", "-f", "-"], {
        input: "table inet deaf { chain in { type filter hook input priority 0; " +
          "meta l4proto 112 drop; }; }",
      });
    }
    const site = webSite("100ms", 'garp = { refresh = "1s" }')
      .replace(`"${VIP}/24"`, '"fe80::10/64", "2001:db8::10/64"');
    const agents = [startHalb(lab, a, site), startHalb(lab, b, site)];
    for (const agent of agents) await agent.untilState("web", "master");
    for (const [i, agent] of agents.entries()) {
      await untilLogged(lab, agent, "Somebody else holds a virtual address", 2, 10_000);
      await lab.until("status names both", async () => {
        const found = (await routerOf(agent, "web")).duplicate_holders;
        assert.deepEqual(found.map(({ address }) => address).sort(), ["2001:db8::10", "fe80::10"]);
        return found.every(({ mac }) => mac === [b, a][i]!.link(lan).mac);
      }, 5000);
    }
    await b.exec(["nft", "delete", "table", "inet", "deaf"]);
    await agents[1]!.untilState("web", "backup");
    await lab.until("who holds nothing has no duplicate", async () => {
      return (await routerOf(agents[1]!, "web")).duplicate_holders.length === 0;
    }, 5000);
  },
);

lab("a failover and its return are no duplicates", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const site = webSite("100ms");
  const second = startHalb(lab, b, site);
  await second.untilState("web", "master");
  const first = startHalb(lab, a, site);
  await first.untilState("web", "master");
  await second.untilState("web", "backup");
  await first.stop();
  await second.untilState("web", "master");
  await lab.delay(4000);
  for (const agent of [first, second]) assert.doesNotMatch(agent.log(), /Somebody else/);
});

/** Announces an address from the host's eth0, as whoever takes it over does. */
async function announce(host: Host, address: string): Promise<void> {
  const index = Number(await host.exec(["cat", "/sys/class/net/eth0/ifindex"]));
  const frame = announcementFrame(address, { mac: host.links[0]!.mac, forwards: false });
  inNamespace(host.namespace, () => {
    const socket = openSocket(AF_PACKET, SOCK_RAW, 0);
    const to = sockaddrLl(index, address.includes(":") ? 0x86dd : 0x0806);
    assert.equal(sendTo(socket, frame, frame.length, to, 0), frame.length);
    closeDescriptor(socket);
  });
}

lab("claims of both families tell where they came in, also beside many addresses", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  // As kernels before 6.8 have it.
  await a.exec(["sysctl", "-w", "net.core.optmem_max=20480"]);
  const index = Number(await a.exec(["cat", "/sys/class/net/eth0/ifindex"]));
  const sockets = inNamespace(a.namespace, () => new NeighbourSockets());
  try {
    const linkLocal = "fe80::10";
    for (const count of [1, 250, 250, 1500, 2]) {
      const more = Array.from({ length: count }, (_, i) => `203.0.113.${i % 255}`);
      sockets.watch([VIP, linkLocal, ...more]);
      // By turns: what one family leaves behind must not be read as the other's.
      for (const address of [VIP, linkLocal, VIP, linkLocal]) {
        await announce(b, address);
        const claims = await lab.until(`the claim of ${address}`, () => {
          const heard = sockets.receive(100).filter((one) => one.address === address);
          return heard.length === 0 ? undefined : heard;
        }, 2000);
        assert.deepEqual(claims, [{ index, address, mac: b.links[0]!.mac }]);
      }
    }
  } finally {
    sockets.close();
  }
});
