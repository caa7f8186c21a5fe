/** A master that does not take packets to its addresses, and is found by its neighbours all the same. */

import assert from "node:assert/strict";
import { type Host, type Lab, lab, startHalb, startKeepalived } from "../lib/mod.ts";
import { routerOf } from "./agent_helpers.ts";

const FOUR = "192.0.2.10";
const SIX = "2001:db8::10";

function site(more = "accept = false", priority = 150): string {
  const router = (name: string, id: number, addresses: string) =>
    `[[vrrp]]\nname = "${name}"\ninterface = "eth0"\nvirtual_router_id = ${id}\n` +
    `priority = ${priority}\nadvertisement_interval = "100ms"\naddresses = [${addresses}]\n` +
    `${more}\n`;
  return router("four", 51, `"${FOUR}/24"`) + router("six", 52, `"fe80::10/64", "${SIX}/64"`);
}

/** Whether somebody answers echo requests at the address. */
async function answers(client: Host, address: string): Promise<boolean> {
  const { code } = await client.tryExec(["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", address]);
  return code === 0;
}

async function hosts(lab: Lab) {
  const [a, client] = await lab.hostsNamed("a", "client");
  const lan = await lab.lan("net", [a, client]);
  for (const [host, address] of [[a, "2001:db8::1/64"], [client, "2001:db8::9/64"]] as const) {
    await host.exec(["ip", "address", "add", address, "dev", "eth0", "nodad"]);
  }
  return { a, client, lan };
}

lab(
  "[V7-10] a master that accepts nothing: pings are dropped, neighbours are answered",
  async (lab) => {
    const { a, client, lan } = await hosts(lab);
    const agent = startHalb(lab, a, site());
    await agent.untilState("four", "master");
    await agent.untilState("six", "master");
    await lab.until(
      "the addresses are there",
      async () => await a.holds(FOUR) && await a.holds(SIX),
      5000,
    );
    for (const address of [FOUR, SIX]) {
      assert.equal(await answers(client, address), false, address);
      const entry = await client.exec(["ip", "neighbour", "show", address]);
      assert.ok(entry.includes(a.link(lan).mac), entry);
    }
    // A unicast solicitation, as a neighbour sends before it forgets an entry, is answered, too.
    const linkLocal = ["ip", "neighbour", "show", "fe80::10"];
    assert.equal(await answers(client, "fe80::10%eth0"), false);
    assert.match(await client.exec(linkLocal), new RegExp(a.link(lan).mac));
    for (const own of ["192.0.2.1", "2001:db8::1"]) {
      assert.ok(await answers(client, own), own);
    }
    const rules = await a.exec(["nft", "list", "ruleset"]);
    assert.match(rules, /flags owner/);
    assert.match(rules, /ip daddr @ipv4 counter packets [1-9]\d* bytes \d+ drop/);
    assert.match(rules, /ip6 daddr @ipv6 counter packets [1-9]\d* bytes \d+ drop/);
    assert.match(rules, /elements = \{ fe80::10 \. "eth0" \}/);
    const { accept, accept_problem } = await routerOf(agent, "four");
    assert.deepEqual([accept, accept_problem], [false, null]);

    agent.reload(site("accept = true"));
    await lab.until("it answers", () => answers(client, FOUR), 5000);
    const untilNoRules = (why: string) =>
      lab.until(why, async () => await a.exec(["nft", "list", "ruleset"]) === "", 5000);
    await untilNoRules("no rule is left");
    agent.reload(site());
    await lab.until("it answers no more", async () => !await answers(client, FOUR), 5000);
    assert.equal((await routerOf(agent, "four")).transitions, 2, "all that is no failover");
    await agent.kill();
    await untilNoRules("nothing stays when it is killed");
  },
);

lab("the owner of the addresses takes packets whatever it was told", async (lab) => {
  const { a, client } = await hosts(lab);
  const agent = startHalb(lab, a, site("accept = false", 255));
  await agent.untilState("four", "master");
  await lab.until("it answers", () => answers(client, FOUR), 5000);
});

lab("keepalived with no_accept and halb look the same to a client", async (lab) => {
  const [a, k, client] = await lab.hostsNamed("a", "k", "client");
  await lab.lan("net", [a, k, client]);
  startKeepalived(
    lab,
    k,
    `global_defs {\n  vrrp_version 3\n  nftables keepalived\n}\nvrrp_instance four {\n` +
      `  interface eth0\n  virtual_router_id 51\n  priority 100\n  advert_int 0.1\n` +
      `  no_accept\n  virtual_ipaddress {\n    ${FOUR}/24\n  }\n}\n`,
  );
  // keepalived's rules need not come before its address.
  const untilDeaf = () =>
    lab.until("keepalived does not answer", async () => !await answers(client, FOUR), 10_000);
  await lab.until("keepalived holds it", () => k.holds(FOUR), 15_000);
  await untilDeaf();
  const agent = startHalb(lab, a, site().split("[[vrrp]]").slice(0, 2).join("[[vrrp]]"));
  await agent.untilState("four", "master");
  await lab.until("keepalived let go", async () => !await k.holds(FOUR), 5000);
  assert.equal(await answers(client, FOUR), false);
  await agent.stop();
  await lab.until("keepalived holds it again", () => k.holds(FOUR), 5000);
  await untilDeaf();
});
