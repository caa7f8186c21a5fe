/** Every way in which a hand-over can fail leaves the agent that ran at work, and one alone. */

import assert from "node:assert/strict";
import { HolderWatch } from "../lib/holders.ts";
import { halbPath, lab, startHalb } from "../lib/mod.ts";
import {
  descriptors,
  FAULTS,
  inject,
  routerOf,
  settledDescriptors,
  startPair,
  statusOf,
  untilLogged,
  VIP,
  webSite,
} from "./agent_helpers.ts";
import { faulty, soleAdvertiser, tryUpgrade, unchanging, upgrade } from "./upgrade_helpers.ts";

lab("a new process that fails costs nothing, wherever it does", async (lab) => {
  const pair = await startPair(lab, webSite("1s"));
  const watch = await HolderWatch.start(VIP, pair.hosts);
  const before = await unchanging(pair.a);
  const open = await settledDescriptors(lab, pair.a.pid);
  const text = `${lab.directory}/text`;
  Deno.writeTextFileSync(text, "no program", { mode: 0o700 });
  const everybodys = `${lab.directory}/everybodys`;
  Deno.writeTextFileSync(everybodys, "#!/bin/sh\n");
  Deno.chmodSync(everybodys, 0o777);
  const cases: [string, RegExp][] = [
    [everybodys, /which others may change: .*everybodys can be written by everybody/],
    ["/nonexistent", /nonexistent/],
    [text, /text/],
    [lab.directory, /./],
    ["/bin/true", /\/bin\/true ended with exit code 0 before it took over/],
    ["/bin/false", /ended with exit code 1/],
    ["/bin/ls", /ended with exit code 2/],
  ];
  const stages = ["booted", "offered", "prepared", "frozen", "locked", "resumed", "listening"];
  for (const stage of stages) {
    const said = stage === "booted" ? /ended by SIGKILL before it took over/ : /went away/;
    cases.push([faulty(lab, "kill", stage), said]);
    const failed = new RegExp(`Fault injected on request: ${stage}`);
    if (stage !== "booted") cases.push([faulty(lab, "fail", stage), failed]);
  }
  for (const [binary, reason] of cases) {
    const { code, stderr } = await tryUpgrade(pair.a, "--binary", binary);
    assert.equal(code, 1, `${binary}: ${stderr}`);
    assert.match(stderr, reason);
    assert.match(stderr, /The agent that ran goes on/);
    assert.equal((await statusOf(pair.a)).pid, pair.a.pid, `${binary}: it answers`);
  }
  const after = await unchanging(pair.a);
  assert.deepEqual({ ...after, sent: 0, since: 0 }, { ...before, sent: 0, since: 0 });
  await lab.until(`no more than ${open} descriptors`, () => {
    const now = descriptors(pair.a.pid);
    if (now <= open) return true;
    throw new Error(`${now}`);
  }, 3000);
  // It still can what it could.
  await upgrade(pair.a);
  await lab.delay(3500);
  assert.deepEqual((await routerOf(pair.a, "web")).addresses_held, [VIP]);
  assert.equal((await routerOf(pair.b, "web")).transitions, 1);
  assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
  const gap = await soleAdvertiser(pair.capture, "192.0.2.1");
  assert.ok(gap < 1_100_000, `silent for ${gap} µs`);
}, { timeoutMs: 180_000 });

lab("an invalid configuration is shown, and changes nothing", async (lab) => {
  const pair = await startPair(lab, webSite("100ms"));
  pair.a.writeSite(webSite("100ms", "prioritee = 7"));
  const invalid = await tryUpgrade(pair.a);
  assert.equal(invalid.code, 1);
  assert.match(invalid.stderr, /is not valid:[^]*site\.toml:\d+:\d+[^]*prioritee/);
  pair.a.writeSite(`[agent]\ncontrol = "${lab.directory}/other.sock"\n\n${webSite("100ms")}`);
  const moved = await tryUpgrade(pair.a);
  assert.equal(moved.code, 1);
  assert.match(moved.stderr, /agent\.control is ".*other\.sock" now/);
  assert.equal((await statusOf(pair.a)).pid, pair.a.pid);
  await soleAdvertiser(pair.capture, "192.0.2.1");
});

lab("a new process that stands still before it may act: the former one goes on", async (lab) => {
  const pair = await startPair(lab, webSite("1s"));
  const watch = await HolderWatch.start(VIP, pair.hosts);
  const { code, stderr } = await tryUpgrade(pair.a, "--binary", faulty(lab, "hang", "frozen"));
  assert.equal(code, 1);
  assert.match(stderr, /did not answer in time/);
  // It wakes, finds that it has lost, and ends; we have ended it anyhow.
  await lab.delay(3500);
  assert.equal((await statusOf(pair.a)).pid, pair.a.pid);
  assert.equal((await routerOf(pair.a, "web")).transitions, 2);
  assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
  const gap = await soleAdvertiser(pair.capture, "192.0.2.1");
  assert.ok(gap < 1_500_000, `silent for ${gap} µs`);
});

lab("one that nobody ends finds that it has lost, and ends without a word", async (lab) => {
  const pair = await startPair(lab, webSite("1s"));
  const program = faulty(lab, "hang", "frozen");
  const argv = ["run", "--config", pair.a.configPath, "--name", "a", "--take-over"];
  const byHand = pair.hosts[0].spawn([program, ...argv], { name: "by-hand" });
  const status = await Promise.race([byHand.exited, lab.delay(8000)]);
  assert.equal(status?.code, 1, byHand.log());
  assert.match(byHand.log(), /The former agent has gone on by itself/);
  assert.match(pair.a.log(), /Goes on itself: The new process did not answer in time/);
  await lab.delay(1500);
  assert.equal((await statusOf(pair.a)).pid, pair.a.pid);
  assert.equal((await routerOf(pair.b, "web")).transitions, 1);
  await soleAdvertiser(pair.capture, "192.0.2.1");
});

lab("a new process that stands still once it may act is waited for", async (lab) => {
  const pair = await startPair(lab, webSite("1s"));
  const watch = await HolderWatch.start(VIP, pair.hosts);
  const result = await upgrade(pair.a, "--binary", faulty(lab, "hang", "locked"));
  assert.ok(result.silence_ms! > 2400 && result.silence_ms! < 3500, `${result.silence_ms}`);
  await lab.delay(1500);
  assert.equal((await statusOf(pair.a)).pid, result.new.pid);
  assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
  await soleAdvertiser(pair.capture, "192.0.2.1");
});

lab("a kernel plane that is busy: no hand-over, and no advert is late", async (lab) => {
  const pair = await startPair(lab, webSite("100ms", 'address_lease = "12s"'), FAULTS);
  // Longer than a new process takes to boot, and three seconds more.
  await inject(pair.a, "kernel", "wait", 7000);
  const { code, stderr } = await tryUpgrade(pair.a);
  assert.equal(code, 1);
  assert.match(stderr, /The kernel plane is busy: try again/);
  await lab.until("it can be handed over", async () => {
    const again = await tryUpgrade(pair.a);
    if (again.code === 0) return true;
    assert.match(again.stderr, /The kernel plane is busy: try again/);
    return false;
  }, 20_000);
  await lab.delay(4000);
  assert.ok(await pair.hosts[0].holds(VIP));
  const gap = await soleAdvertiser(pair.capture, "192.0.2.1");
  assert.ok(gap < 150_000, `silent for ${gap} µs`);
}, { attempts: 2 });

lab("a plane that dies while it is handed over: the next one goes on", async (lab) => {
  const pair = await startPair(lab, webSite("1s"), FAULTS);
  const trying = tryUpgrade(pair.a, "--binary", faulty(lab, "hang", "frozen"));
  await untilLogged(lab, pair.a, "Hangs on request: frozen");
  await inject(pair.a, "protocol", "throw");
  const { code, stderr } = await trying;
  assert.equal(code, 1, stderr);
  await lab.until("it runs again", () => /protocol plane runs again/.test(pair.a.log()), 3000);
  await lab.delay(1500);
  assert.equal((await routerOf(pair.a, "web")).state, "master");
  assert.equal((await routerOf(pair.b, "web")).transitions, 1);
  await soleAdvertiser(pair.capture, "192.0.2.1");
});

lab("who is told to stop while it hands over stops: itself, or its successor", async (lab) => {
  for (const stage of ["frozen", "locked"] as const) {
    const [a] = await lab.hostsNamed(`a-${stage}`);
    await lab.lan(`net-${stage}`, [a]);
    const agent = startHalb(lab, a, webSite("1s"), { name: "a" });
    await agent.untilState("web", "master");
    await lab.until("it holds the address", () => a.holds(VIP), 2000);
    const trying = tryUpgrade(agent, "--json", "--binary", faulty(lab, "hang", stage));
    await untilLogged(lab, agent, `Hangs on request: ${stage}`);
    agent.process.signal("SIGTERM");
    const { code } = await trying;
    assert.equal(code, stage === "frozen" ? 1 : 0);
    await lab.until("nobody answers", async () => {
      return await statusOf(agent).then(() => false, () => true);
    }, 6000);
    await lab.until("the address is gone", async () => !await a.holds(VIP), 1000);
    assert.equal((await agent.process.exited).code, 0, agent.log());
  }
});

lab("there is nobody to take over from: exit code 3", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"), { args: ["--take-over"] });
  assert.equal((await agent.process.exited).code, 3, agent.log());
  assert.match(agent.log(), /Cannot reach the agent/);
});

lab("of agents that start at once at one control path one remains", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"));
  const argv = ["--config", agent.configPath, "--name", "a"];
  const others = [1, 2, 3].map((number) =>
    host.spawn([halbPath(), "run", ...argv], { name: `other-${number}` })
  );
  const all = [agent.process, ...others];
  await lab.until("all but one have ended", () => {
    return all.filter(({ running }) => running).length === 1;
  }, 10_000);
  await lab.until("it answers", () => statusOf(agent), 3000);
  const remaining = all.find(({ running }) => running)!;
  assert.equal((await statusOf(agent)).pid, remaining.pid);
  for (const process of all.filter((one) => one !== remaining)) {
    assert.equal(process.status?.code, 1);
    assert.match(process.log(), /Another agent (runs|answers) at/);
  }
});
