/**
 * The hostile wire, counted: packets of every kind, malformed and foreign, on a real kernel in both
 * families. Each one that arrived is found in the counters, under its reason, charged to whom it
 * concerns; the election does not notice.
 */

import assert from "node:assert/strict";
import {
  arrivals,
  countArrivals,
  expected,
  flood,
  inTurn,
  malformed,
  startFlood,
  wellFormed,
} from "../lib/flood.ts";
import { lab, startHalb } from "../lib/mod.ts";
import { counted, routerOf, statusOf, untilLogged } from "./agent_helpers.ts";

const ADDRESS = { ipv4: "192.0.2.10", ipv6: "fe80::10" } as const;

function site(family: "ipv4" | "ipv6", id = 51): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = ${id}
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ["${ADDRESS[family]}"]
`;
}

for (const family of ["ipv4", "ipv6"] as const) {
  lab(`hostile wire, ${family}: each packet is counted once, for its reason`, async (lab) => {
    const [a, b, attacker] = await lab.hostsNamed("a", "b", "attacker");
    const lan = await lab.lan("net", [a, b, attacker]);
    const kinds = inTurn(malformed(family, 51, 77), wellFormed(family, 77));
    for (const host of [a, b]) await countArrivals(host, kinds);
    const agents = [startHalb(lab, a, site(family))];
    await agents[0]!.untilState("web", "master");
    agents.push(startHalb(lab, b, site(family)));
    await agents[1]!.untilState("web", "backup");
    const speed = { rate: 2_000, seconds: 1 };
    const { sent, seconds } = await flood(lab, attacker, lan, kinds, speed);
    for (const [i, host] of [a, b].entries()) {
      const arrived = await arrivals(host, kinds);
      const total = [...arrived.values()].reduce((sum, packets) => sum + packets);
      assert.equal(total, sent.reduce((sum, packets) => sum + packets), "nothing was lost");
      await lab.until(`${host.name} has counted all`, async () => {
        assert.deepEqual(await counted(agents[i]!), expected(kinds, arrived));
        return true;
      }, 5_000);
    }
    for (const [i, state] of ["master", "backup"].entries()) {
      const [router] = (await statusOf(agents[i]!)).vrrp;
      assert.equal(router!.state, state);
      assert.equal(router!.sessions[0]!.counters.advertisements_received > 0, state === "backup");
      // At most a line for each of seven reasons and second, whoever it is charged to.
      await untilLogged(lab, agents[i]!, "Advertisement refused", 7);
      const lines = agents[i]!.log().match(/Advertisement refused/g) ?? [];
      assert.ok(lines.length <= 7 * (2 + Math.ceil(seconds)), agents[i]!.log());
    }
  });
}

lab("hostile wire: an id that comes or goes by reload is counted accordingly", async (lab) => {
  const [a, attacker] = await lab.hostsNamed("a", "attacker");
  const lan = await lab.lan("net", [a, attacker]);
  const [kind] = wellFormed("ipv4", 77);
  await countArrivals(a, [kind!]);
  const agent = startHalb(lab, a, site("ipv4"));
  await agent.untilState("web", "master");
  const attack = startFlood(attacker, lan, [kind!], { rate: 500, seconds: 100 });
  const refused = async () => (await counted(agent))["interface.virtual_router_id"] ?? 0;
  await lab.until("packets are refused", async () => await refused() > 0, 10_000);
  // Its priority is 200: the new router 77 becomes backup of the attacker.
  const other = site("ipv4", 77).replace("web", "other");
  agent.reload(`${site("ipv4")}\n${other.replace("192.0.2.10", "192.0.2.11")}`);
  await lab.until("its adverts are received", async () => {
    const { counters } = (await routerOf(agent, "other")).sessions[0]!;
    return counters.advertisements_received >= 100;
  }, 10_000);
  assert.equal((await routerOf(agent, "other")).state, "backup");
  agent.reload(site("ipv4"));
  await lab.until("other is gone", async () => (await statusOf(agent)).vrrp.length === 1, 10_000);
  const before = await refused();
  await lab.until("they are refused again", async () => await refused() >= before + 100, 10_000);
  await attack.kill();
  const sent = [...(await arrivals(a, [kind!])).values()][0]!;
  const foreign = await refused();
  assert.ok(foreign >= 100 && foreign <= sent - 100, `${foreign} of ${sent}`);
});

for (const family of ["ipv4", "ipv6"] as const) {
  lab(`hostile wire, ${family}: what the queues cannot hold is counted, too`, async (lab) => {
    const [a, attacker] = await lab.hostsNamed("a", "attacker");
    const lan = await lab.lan("net", [a, attacker]);
    // Foreign ones alone: of a full queue the kernel also counts what the filter would not let in.
    const foreign = malformed(family, 51, 77).filter(({ counted }) => /interface/.test(counted));
    const kinds = inTurn(foreign, wellFormed(family, 77));
    await countArrivals(a, kinds);
    const agent = startHalb(lab, a, site(family));
    await agent.untilState("web", "master");
    agent.freeze();
    await flood(lab, attacker, lan, kinds, { rate: 20_000, seconds: 1 });
    agent.thaw();
    const arrived = [...(await arrivals(a, kinds)).values()].reduce((sum, count) => sum + count);
    await lab.until("all are counted", async () => {
      const { "interface.overflow": overflow = 0, ...read } = await counted(agent);
      const seen = Object.values(read).reduce((sum, count) => sum + count, 0);
      assert.equal(seen + overflow, arrived);
      // A queue of 2 MiB holds some thousands of them.
      assert.ok(overflow > 5_000 && seen > 1_000, `${seen} read and ${overflow} lost`);
      return true;
    }, 5_000);
    const line = /Advertisement refused: overflow packets=\d+/;
    await lab.until("the log says so", () => line.test(agent.log()), 2_000);
    await agent.untilState("web", "master");
  });
}
