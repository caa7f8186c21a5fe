/** `on_stop = "keep"`: a restart without a failover, and what becomes of it where none follows. */

import assert from "node:assert/strict";
import { HolderWatch } from "../lib/holders.ts";
import { halbPath, lab, startHalb, startProbe } from "../lib/mod.ts";
import { adverts, takeovers } from "../lib/adverts.ts";
import { FAULTS, inject, routerOf, statusOf, untilLogged, VIP, webSite } from "./agent_helpers.ts";
import { soleAdvertiser, unchanging } from "./upgrade_helpers.ts";

const KEEP = `[agent]\non_stop = "keep"\n\n`;

lab("stopped and started again at adverts of 1 s: no failover", async (lab) => {
  const [a, b, client] = await lab.hostsNamed("a", "b", "client");
  const lan = await lab.lan("net", [a, b, client]);
  const capture = await lab.capture(lan, "ip proto 112");
  const site = KEEP + webSite("1s");
  const agent = startHalb(lab, a, site);
  await agent.untilState("web", "master");
  const peer = startHalb(lab, b, webSite("1s"));
  await peer.untilState("web", "backup");
  await lab.until("a holds the address", () => a.holds(VIP), 2000);
  const watch = await HolderWatch.start(VIP, [a, b]);
  const probe = await startProbe(lab, client, VIP);
  const before = await unchanging(agent);
  assert.equal((await agent.stop()).code, 0, agent.log());
  const state = `${agent.stateDirectory}/state.json`;
  assert.equal(Deno.statSync(state).mode! & 0o777, 0o600);
  const argv = ["run", "--config", agent.configPath, "--name", "a"];
  const again = a.spawn([halbPath(), ...argv], { name: "again" });
  await lab.until("it answers", () => statusOf(agent), 5000);
  await lab.until("it is master", async () => {
    return (await routerOf(agent, "web")).state === "master";
  }, 2000);
  assert.throws(() => Deno.statSync(state), Deno.errors.NotFound);
  assert.equal((await statusOf(agent)).pid, again.pid);
  await lab.delay(4500);
  const after = await unchanging(agent);
  assert.equal(after.transitions, before.transitions);
  assert.ok(Math.abs(after.since - before.since) <= 5);
  assert.ok(after.sent > before.sent);
  assert.equal((await routerOf(peer, "web")).transitions, 1);
  assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
  const gap = await soleAdvertiser(capture, "192.0.2.1");
  const { lost } = await probe.stop();
  console.log(`restart: longest gap ${gap} µs, ${lost} pings lost`);
  assert.ok(gap < 2_500_000, `silent for ${gap} µs`);
  assert.equal(lost, 0);
});

lab("stopped and not started again: the lease ends, the backup takes over", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  const capture = await lab.capture(lan, "ip proto 112");
  const agent = startHalb(lab, a, KEEP + webSite("100ms"));
  await agent.untilState("web", "master");
  const peer = startHalb(lab, b, webSite("100ms"));
  await peer.untilState("web", "backup");
  await lab.until("a holds the address", () => a.holds(VIP), 2000);
  await agent.stop();
  assert.ok(await a.holds(VIP), "it stays for its lease");
  await peer.untilState("web", "master", 2000);
  await lab.until("the lease ends", async () => !await a.holds(VIP), 3500);
  // Too late: what it kept is old news.
  const second = startHalb(lab, a, KEEP + webSite("100ms"));
  Deno.renameSync(`${agent.stateDirectory}/state.json`, `${second.stateDirectory}/state.json`);
  await second.untilState("web", "master");
  const seen = await adverts(capture);
  assert.deepEqual(takeovers(seen).map(({ to }) => to), ["192.0.2.2", "192.0.2.1"]);
  assert.ok(seen.every(({ priority }) => priority !== 0), "nobody resigned");
});

lab(
  "a state file that is corrupt, of another boot or no file is refused in a line",
  async (lab) => {
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const site = KEEP + webSite("100ms");
    const first = startHalb(lab, host, site);
    await first.untilState("web", "master");
    await first.stop();
    const good = Deno.readTextFileSync(`${first.stateDirectory}/state.json`);
    const cases: [string | null, RegExp][] = [
      ["", /Takes no notice of .*state\.json: it is not JSON/],
      [good.slice(0, 200), /it is not JSON/],
      ["[]", /it is no memory of halb/],
      [good.replace(/"format":\d+/, '"format":99'), /its format is 99, and this version reads/],
      [good.replace(/"boot":"[^"]*"/, '"boot":"x"'), /it is from before the last boot/],
      [
        good.replace(/"priority":\d+/, '"priority":9999'),
        /"plan\.routers\.0\.settings\.priority" is/,
      ],
      [null, /it is no file/],
    ];
    for (const [content, reason] of cases) {
      const directory = `${lab.directory}/state-${cases.findIndex(([one]) => one === content)}`;
      Deno.mkdirSync(directory, { mode: 0o700 });
      if (content === null) Deno.mkdirSync(`${directory}/state.json`);
      else Deno.writeTextFileSync(`${directory}/state.json`, content);
      const own = `[agent]\non_stop = "keep"\nstate_directory = "${directory}"\n\n`;
      const agent = startHalb(lab, host, own + webSite("100ms"));
      await agent.untilState("web", "master");
      assert.match(agent.log(), reason);
      await agent.process.kill();
    }
  },
);

lab("a second signal ends an agent that cannot keep anything", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, KEEP + webSite("100ms"), FAULTS);
  await agent.untilState("web", "master");
  await inject(agent, "kernel", "wait", 60_000);
  agent.process.signal("SIGTERM");
  // Two signals that wait to be taken are one.
  await untilLogged(lab, agent, "Stopping");
  await lab.delay(500);
  assert.ok(agent.process.running, "it waits for the kernel plane");
  const status = await agent.stop(3000);
  assert.equal(status.code, 1, agent.log());
  assert.match(agent.log(), /stopped at once, and kept nothing/);
});

lab("an interface that is gone at the next start: what was kept is let go", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  const agent = startHalb(lab, a, KEEP + webSite("1s"));
  await agent.untilState("web", "master");
  await agent.stop();
  await a.link(lan).cut();
  a.spawn([halbPath(), "run", "--config", agent.configPath, "--name", "a"], { name: "again" });
  await lab.until("it says fault", async () => {
    return (await routerOf(agent, "web")).state === "fault";
  }, 5000);
  await lab.until("the address is gone", async () => !await a.holds(VIP), 2000);
});
