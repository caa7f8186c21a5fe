/**
 * The automatic lease at adverts of a second: whenever the master is killed, its address is there
 * until the slowest backup that there can be holds it, and not for much longer. And it grows with
 * the number of addresses.
 */

import assert from "node:assert/strict";
import { HolderWatch } from "../lib/holders.ts";
import { lab, startHalb } from "../lib/mod.ts";
import { routerOf, VIP } from "./agent_helpers.ts";

const SITE = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 1 } }
advertisement_interval = "1s"
addresses = ["${VIP}/24"]
`;
/** Milliseconds after the lease was seen to have 5 s left: it is refreshed at 4.2 s. */
const MOMENTS = [0, 350, 700];

lab("kill -9 at adverts of a second: at no instant nobody holds the address", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  let master = startHalb(lab, a, SITE);
  await master.untilState("web", "master");
  const backup = startHalb(lab, b, SITE);
  await backup.untilState("web", "backup");
  assert.equal((await routerOf(master, "web")).address_lease_ms, 6000);
  for (const moment of MOMENTS) {
    const watch = await HolderWatch.start(VIP, [a, b]);
    await lab.until(
      "the lease is about to be refreshed",
      async () => {
        const held = (await a.addresses("eth0")).find(({ address }) => address === VIP);
        return held !== undefined && held.validLifetime <= 5;
      },
      5000,
      10,
    );
    await lab.delay(moment);
    await master.kill();
    await lab.until("b holds it", () => b.holds(VIP), 6000);
    // The monitors are programs of their own: they tell of it when they get to it.
    const [left, took] = await lab.until("a let go", () => {
      const [left, took] = ["a", "b"].map((name) =>
        watch.holdings().find(({ host }) => host === name)
      );
      if (took === undefined || left?.to === Infinity) return undefined;
      return [left!, took] as const;
    }, 5000);
    const margin = left.to - took.from;
    console.log(`killed ${moment} ms later: b had it ${margin} ms before a's ended`);
    assert.ok(margin >= 0, `nobody held it for ${-margin} ms`);
    assert.ok(margin <= 3500, `both held it for ${margin} ms`);
    await watch.stop();
    master = startHalb(lab, a, SITE);
    await master.untilState("web", "master");
    await lab.until("only a holds it", async () => await a.holds(VIP) && !await b.holds(VIP), 3000);
  }
});

lab(
  "250 IPv6 addresses have leases of 10 s, as the status and the kernel say",
  async (lab) => {
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const addresses = Array.from(
      { length: 249 },
      (_, i) => `2001:db8::${(i + 16).toString(16)}/64`,
    );
    const site = `[[vrrp]]
name = "many"
interface = "eth0"
virtual_router_id = 51
advertisement_interval = "100ms"
addresses = ${JSON.stringify(["fe80::10/64", ...addresses])}
`;
    const agent = startHalb(lab, host, site);
    await agent.untilState("many", "master");
    assert.equal((await routerOf(agent, "many")).address_lease_ms, 10_000);
    const held = async () =>
      (await host.addresses("eth0")).filter(({ validLifetime, prefixLength }) =>
        validLifetime !== Infinity && prefixLength === 128
      );
    await lab.until("all are there", async () => (await held()).length === 250, 5000);
    const lifetimes = (await held()).map(({ validLifetime }) => validLifetime);
    assert.ok(Math.min(...lifetimes) >= 7 && Math.max(...lifetimes) <= 10, `${lifetimes}`);
  },
);
