/**
 * The agent as director while things happen: it is stopped, killed and started again under traffic,
 * its table is changed by others. What it says to the kernel is heard by nlmon.
 */

import assert from "node:assert/strict";
import { type HalbAgent, until } from "../lib/mod.ts";
import { listing, PATIENCE, untilEntries, virtualServer } from "./balance.ts";
import { assertAlive, PORT, type Scene, scene, SERVERS, webSite } from "./balance_scene.ts";
import { inside } from "./lib.ts";
import { VIP4 } from "./network.ts";

const untilActive = (agent: HalbAgent) =>
  until(
    "it is in the table",
    async () => {
      const { active, real_servers } = await virtualServer(agent, "web");
      return active && real_servers.every(({ counters }) => counters !== null);
    },
    PATIENCE,
    200,
  );

/** The table is that of `webSite`. */
const untilWhole = () =>
  until(
    "the table is whole",
    () => {
      const weights = listing("d").filter(({ name }) => name.endsWith(`:${PORT}`))
        .map(({ figures }) => figures[0]);
      assert.deepEqual(weights, [1, 1, 1]);
      return true;
    },
    PATIENCE,
    100,
  );

/** What others change is put right, and counted; what is theirs stays. */
async function disturbed({ traffic, overheard }: Scene, agent: HalbAgent): Promise<void> {
  await untilWhole();
  const held = traffic.exchange.hold(VIP4, 80);
  inside("d", "ipvsadm -A -t 192.0.2.10:99 -s rr");
  overheard.commands();
  inside("d", `ipvsadm -e -t ${VIP4}:80 -r 198.51.100.12:${PORT} -m -w 9`);
  inside("d", `ipvsadm -d -t ${VIP4}:80 -r 198.51.100.13:${PORT}`);
  await untilWhole();
  assert.deepEqual(overheard.commands().sort(), [
    "add-destination",
    "delete-destination",
    "set-destination",
    "set-destination",
  ]);
  assert.ok(listing("d").some(({ name }) => name === "TCP 192.0.2.10:99"), "theirs");
  inside("d", "ipvsadm -C");
  await untilWhole();
  assert.equal(new Set(traffic.exchange.askOften(VIP4, 80, 3)).size, 3);
  assertAlive([held], "through it all");
  held.close();
  await until(
    "repairs are counted",
    async () => {
      const status = await agent.status() as unknown as { ipvs: { readonly repairs: number } };
      assert.ok(status.ipvs.repairs >= 2, `${status.ipvs.repairs} repairs`);
      return true;
    },
    PATIENCE,
    200,
  );
}

scene("stopped, killed and started again under traffic: adopted, nothing lost; put right", async (
  scene,
) => {
  const { start, traffic, overheard } = scene;
  const keep = '[ipvs]\non_stop = "keep"\n\n';
  const other = webSite().replaceAll("web", "old").replaceAll(`${VIP4}:80`, `${VIP4}:90`);
  const both = `${keep}${webSite()}\n${other}`;
  const first = start(both);
  await untilEntries(8);
  const held = [1, 2, 3].map(() => traffic.exchange.hold(VIP4, 80));
  assert.equal(new Set(held.map(({ server }) => server)).size, 3);
  traffic.begin(80);
  await traffic.next(5);
  overheard.commands();
  // An end that is to keep all of it.
  assert.equal((await first.stop(PATIENCE)).code, 0);
  assertAlive(held, "kept");
  await traffic.next(5);
  const second = start(both);
  await untilActive(second);
  await traffic.next(5);
  assertAlive(held, "taken over");
  assert.deepEqual(overheard.commands(), []);
  await second.kill();
  await traffic.next(5);
  assertAlive(held, "without an agent");
  assert.deepEqual(overheard.commands(), []);
  // While it is dead the site changes: the next one does the difference, and knows what was its own.
  const third = start(webSite([{ ...SERVERS[0]!, weight: 7 }, SERVERS[1]!, SERVERS[2]!]));
  await untilActive(third);
  await untilEntries(4);
  assert.deepEqual(overheard.commands().sort(), ["delete-service", "set-destination"]);
  await traffic.next(5);
  assertAlive(held, "changed");
  await traffic.pause();
  await scene.reload(third, webSite());
  await disturbed(scene, third);
  // An end in order leaves nothing.
  assert.equal((await third.stop(PATIENCE)).code, 0);
  assert.deepEqual(listing("d"), []);
});
