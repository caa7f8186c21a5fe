/** A virtual address that somebody else has, too: noticed, named, and over when it is over. */

import assert from "node:assert/strict";
import { lab, startHalb } from "../lib/mod.ts";
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
  const [duplicate] = (await routerOf(agent, "web")).duplicate_holders;
  assert.deepEqual([duplicate?.address, duplicate?.mac], [VIP, other.link(lan).mac]);
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
      const found = (await routerOf(agent, "web")).duplicate_holders;
      assert.deepEqual(found.map(({ address }) => address).sort(), ["2001:db8::10", "fe80::10"]);
      assert.ok(found.every(({ mac }) => mac === [b, a][i]!.link(lan).mac));
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
