/** `halb cleanup` where the kernel has IPVS: the services of a killed agent go, others' stay. */

import assert from "node:assert/strict";
import { halbPath, until } from "../lib/mod.ts";
import { listing, PATIENCE, untilEntries } from "./balance.ts";
import { scene, webSite } from "./balance_scene.ts";
import { inside } from "./lib.ts";

scene("after kill -9 virtual servers, timeouts and sync daemons are as they were", async (
  { host, start },
) => {
  inside("d", "ipvsadm --set 800 100 200");
  inside("d", "ipvsadm -A -t 192.0.2.10:99 -s rr");
  inside("d", "ipvsadm -a -t 192.0.2.10:99 -r 198.51.100.12:99 -m");
  const before = listing("d");
  const timeouts = inside("d", "ipvsadm -L --timeout");
  const agent = start(
    `[ipvs]\ntimeouts = { tcp = "7m" }\nsync_daemon = { interface = "eth1", role = "master", id = 5 }\n${webSite()}`,
  );
  await untilEntries(6);
  await until(
    "timeouts are set",
    () => inside("d", "ipvsadm -L --timeout").includes("420"),
    PATIENCE,
    100,
  );
  await until(
    "the sync daemon runs",
    () => inside("d", "ipvsadm -L --daemon").includes("syncid=5"),
    PATIENCE,
    100,
  );
  await agent.kill();
  assert.notDeepEqual(listing("d"), before);
  const words = [halbPath(), "cleanup", agent.configPath, "--name", "d"];
  const dry = await host.tryExec([...words, "--dry-run"]);
  assert.equal(dry.code, 0, dry.stdout + dry.stderr);
  assert.match(dry.stdout, /would remove virtual server .*192\.0\.2\.10/i);
  assert.match(dry.stdout, /would remove sync daemon master on eth1, id 5/);
  assert.doesNotMatch(dry.stdout, /:99/);
  const done = await host.tryExec(words);
  assert.equal(done.code, 0, done.stdout + done.stderr);
  assert.deepEqual(listing("d"), before);
  assert.equal(inside("d", "ipvsadm -L --timeout"), timeouts);
  assert.equal(inside("d", "ipvsadm -L --daemon").trim(), "");
  const again = await host.tryExec(words);
  assert.deepEqual([again.code, again.stdout], [0, "Nothing was left\n"]);
});
