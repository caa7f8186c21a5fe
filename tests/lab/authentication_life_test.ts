/**
 * What authentication remembers goes on with the router, to another process and through the state
 * file; keys do not. And the other ways that adverts take: virtual MAC, unicast, groups.
 */

import assert from "node:assert/strict";
import { adverts, takeovers } from "../lib/adverts.ts";
import { halbPath, lab, startHalb } from "../lib/mod.ts";
import { counted, routerOf, startPair, statusOf, VIP, webSite } from "./agent_helpers.ts";
import { rawPackets, sendRaw, soon } from "./authentication_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

const KEY = `hex:${"11".repeat(32)}`;
const PASSWORD = "k3EpHalb";
/** The key or password in any form that a document could have it in. */
const LEAK = /11111111|(?:17, ?){4}|k3EpHalb|107, ?51, ?69/;
/** With time enough to look at a recording before it is stale. */
const HMAC = `auth = { type = "hmac", keys = [{ id = 1, key = "${KEY}" }], time_window = "60s" }`;
const AH = `auth = { type = "ah", password = "${PASSWORD}" }`;

const received = async (agent: Parameters<typeof routerOf>[0], name = "web") =>
  (await routerOf(agent, name)).sessions[0]!.counters.advertisements_received;

const WAYS = [
  { name: "HMAC", site: webSite("100ms", HMAC), filter: "ip proto 112" },
  { name: "AH", site: webSite("1s", `version = 2\n${AH}`), filter: "ip proto 51" },
];

for (const { name, site, filter } of WAYS) {
  lab(`${name}: both nodes are upgraded: no advert is refused, none is new again`, async (lab) => {
    const { a, b, hosts, lan } = await startPair(lab, site);
    const capture = await lab.capture(lan, filter);
    const tap = await lab.capture(lan, filter);
    await soon(lab, "b hears a", async () => await received(b) >= 2);
    await tap.packets("vrrp", ["ip.src"]);
    const recorded = (await rawPackets(tap.path)).at(-1)!;
    for (const agent of [b, a]) await upgrade(agent);
    const before = await received(b);
    await soon(lab, "b goes on hearing", async () => await received(b) >= before + 2);
    assert.deepEqual(await counted(b), {});
    await sendRaw(lab, hosts[0], [recorded]);
    await soon(lab, "the recording is refused", async () => {
      assert.deepEqual(await counted(b), { "router.authentication_replay": 1 });
      return true;
    });
    assert.deepEqual(takeovers(await adverts(capture)), []);
    for (const agent of [a, b]) assert.doesNotMatch(agent.log(), LEAK);
  });

  lab(
    `${name}: stopped with on_stop = "keep": the state has no key in it, and goes on`,
    async (lab) => {
      const { a, b, hosts } = await startPair(lab, `[agent]\non_stop = "keep"\n\n${site}`);
      await soon(lab, "b hears a", async () => await received(b) >= 2);
      assert.equal((await a.stop()).code, 0);
      const state = Deno.readTextFileSync(`${a.stateDirectory}/state.json`);
      assert.match(state, /"authentication"/);
      assert.doesNotMatch(state, LEAK);
      hosts[0].spawn([halbPath(), "run", "--config", a.configPath, "--name", "a"], {
        name: "again",
      });
      await lab.until("it answers", () => statusOf(a), 5000);
      await soon(lab, "it is master", async () => (await routerOf(a, "web")).state === "master");
      const before = await received(b);
      await soon(lab, "b goes on hearing", async () => await received(b) >= before + 2);
      assert.deepEqual(await counted(b), {});
    },
  );

  lab(`${name} from a virtual MAC is believed`, async (lab) => {
    const own = site.replace("virtual_router_id", "virtual_mac = true\nvirtual_router_id");
    const { a, b, lan } = await startPair(lab, own);
    const capture = await lab.capture(lan, filter);
    const before = await received(b);
    await soon(lab, "b goes on hearing", async () => await received(b) >= before + 2);
    assert.deepEqual(await counted(b), {});
    const seen = await capture.packets("vrrp", ["eth.src"]);
    assert.ok(seen.length > 0);
    for (const { fields } of seen) {
      assert.equal(fields["eth.src"], "00:00:5e:00:01:33");
    }
    await a.stop();
    await b.untilState("web", "master");
  });
}

lab("HMAC between unicast peers: who is none is refused, be it with the right key", async (lab) => {
  const [a, b, x] = await lab.hostsNamed("a", "b", "x");
  await lab.lan("net", [a, b, x]);
  const peers = (list: string) => webSite("100ms", `unicast = { peers = [${list}] }\n${HMAC}`);
  const site = peers('"192.0.2.1", "192.0.2.2"');
  const first = startHalb(lab, a, site);
  await first.untilState("web", "master");
  const second = startHalb(lab, b, site);
  await second.untilState("web", "backup");
  await soon(lab, "b hears a", async () => await received(second) >= 3);
  assert.deepEqual(await counted(second), {});
  const stranger = peers('"192.0.2.2"').replace(/priority = .*/, "priority = 200");
  await startHalb(lab, x, stranger).untilState("web", "master");
  await soon(lab, "b refuses x", async () => {
    const refused = Object.entries(await counted(second));
    return refused.some(([reason, packets]) => reason.endsWith("source") && packets >= 2);
  });
  assert.equal((await routerOf(second, "web")).state, "backup");
  assert.equal((await routerOf(first, "web")).state, "master");
});

lab("HMAC in a sync group: both members are signed, and fail over together", async (lab) => {
  const other = webSite("100ms", HMAC).replace('"web"', '"lan"').replace("= 51", "= 52")
    .replace(VIP, "192.0.2.11");
  const site = `${webSite("100ms", HMAC)}${other}
[[sync_group]]
name = "both"
members = ["web", "lan"]
`;
  const { a, b } = await startPair(lab, site);
  await soon(lab, "b hears a of both", async () => {
    return await received(b) >= 2 && await received(b, "lan") >= 2;
  });
  await upgrade(b);
  await a.stop();
  await soon(lab, "b is master of both", async () => {
    return (await statusOf(b)).vrrp.every(({ state }) => state === "master");
  });
  for (const { sessions } of (await statusOf(b)).vrrp) {
    assert.deepEqual(Object.values(sessions[0]!.counters.dropped).filter((n) => n > 0), []);
    assert.equal(sessions[0]!.authentication?.type, "hmac");
  }
});

lab(
  "HMAC over both families in one router: both sessions are signed, one key each way",
  async (lab) => {
    const both = '"192.0.2.10/24", "fe80::10/64", "2001:db8::10/64"';
    const { a, b } = await startPair(lab, webSite("100ms", HMAC).replace(`"${VIP}/24"`, both));
    const sessions = async () => (await routerOf(b, "web")).sessions;
    await soon(lab, "b believes a in both families", async () => {
      const senders = (await sessions()).map((one) => one.authentication?.senders?.length ?? 0);
      return senders.length === 2 && senders.every((count) => count > 0);
    });
    await a.stop();
    await b.untilState("web", "master");
    for (const { counters } of await sessions()) {
      assert.deepEqual(Object.values(counters.dropped).filter((n) => n > 0), []);
    }
  },
);
