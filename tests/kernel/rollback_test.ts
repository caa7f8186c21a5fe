/**
 * A reload of virtual servers that nobody confirms is taken back while clients ask: the table is as
 * it was, connections that are open live on, and no request fails.
 */

import assert from "node:assert/strict";
import { until } from "../lib/mod.ts";
import { command, PATIENCE, untilEntries } from "./balance.ts";
import { assertAlive, scene, SERVERS, webSite } from "./balance_scene.ts";
import { inside } from "./lib.ts";
import { VIP4 } from "./network.ts";

/** Longer than a slow guest takes to look at what is to be taken back. */
const CONFIRM = "15s";

/** The kernel's table, a line for each service and server. */
const table = (): string[] => inside("d", "ipvsadm -Sn").split("\n").filter(Boolean).sort();

scene("a reload that nobody confirms is taken back, no request fails", async ({
  traffic,
  overheard,
  state,
  start,
}) => {
  const agent = start(webSite());
  await untilEntries(4);
  const before = table();
  traffic.begin(80);
  await traffic.next(6);
  const held = [1, 2, 3].map(() => traffic.exchange.hold(VIP4, 80));
  overheard.commands();

  const [first, second, third] = SERVERS;
  const weighted = [{ ...first!, weight: 7 }, second!, { ...third!, weight: 0 }];
  const other = webSite(weighted).replace('"rr"', '"wrr"');
  const more = other.replace('"web"', '"more"').replace(`${VIP4}:80`, `${VIP4}:81`);
  agent.writeSite(`[agent]\nstate_directory = "${state}"\n${other}${more}`);
  const said = await command(agent, "reload", "--confirm-within", CONFIRM);
  assert.match(said, /^Is taken back at .*, unless: halb reload --confirm$/m);
  await untilEntries(8);
  const meanwhile = table();
  assert.ok(meanwhile.some((line) => line.includes(`${VIP4}:80`) && line.includes("-s wrr")));
  assert.ok(meanwhile.some((line) => line.includes(`${first!.address}`) && /-w 7$/.test(line)));
  const answers = await traffic.next(8);
  assert.ok(new Set(answers).size < 3, `the third has no weight: ${answers.join()}`);

  await until(
    "it is taken back",
    async () => {
      const { config } = await agent.status() as unknown as {
        config: { last_reload: { result: string } | null };
      };
      return config.last_reload?.result === "rolled_back";
    },
    PATIENCE,
    200,
  );
  await until(
    "the table is as it was",
    () => {
      assert.deepEqual(table(), before);
      return true;
    },
    PATIENCE,
    200,
  );
  assertAlive(held, "after it is taken back");
  assert.deepEqual(new Set(await traffic.next(6)).size, 3, "all of them answer again");
  // What stays is edited: nothing was taken away but the other virtual server.
  const removals = overheard.commands().filter((name) => /delete|flush/.test(name));
  assert.deepEqual(removals.filter((name) => name !== "delete-destination"), ["delete-service"]);
  assert.deepEqual(traffic.failures, []);
});
