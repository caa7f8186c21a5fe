/** Trackers of a running agent: scripts and files, beside keepalived with the same ones. */

import assert from "node:assert/strict";
import { adverts } from "../lib/adverts.ts";
import { type Lab, lab, runHalb, startHalb } from "../lib/mod.ts";
import { descriptors, FAULTS, inject, longestGap, routerOf, untilLogged } from "./agent_helpers.ts";
import {
  keepalivedConf,
  script,
  startMixed,
  switchedScript,
  trackedSite,
  untilTracked,
} from "./tracker_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

/** `[[track_script]]` of that name. */
function scriptTable(command: string, more = ""): string {
  return `[[track_script]]\nname = "up"\ncommand = ["${command}"]\ninterval = "200ms"\n` +
    `user = "nobody"\n${more}\n`;
}

function scriptBlock(command: string, more: string): string {
  return `vrrp_script up {\n  script "${command}"\n  interval 0.2\n  ${more}\n}\n`;
}

for (const weight of [-60, 60]) {
  lab(`a script of weight ${weight} moves mastership like keepalived's`, async (lab) => {
    const [own, other] = [switchedScript(lab, "own"), switchedScript(lab, "other")];
    const { halb, hosts } = await startMixed(
      lab,
      trackedSite(scriptTable(own.command, `weight = ${weight}`), '{ scripts = ["up"] }'),
      keepalivedConf(
        120,
        scriptBlock(other.command, `weight ${weight}`),
        "track_script {\n    up\n  }",
      ),
    );
    const both = weight > 0 ? 150 + weight : 150;
    await untilTracked(lab, halb, { state: "master", priority: both, healthy: true });
    own.ok.off();
    await untilTracked(lab, halb, { state: "backup", priority: both - 60, reason: "exit 3" });
    await lab.until("keepalived holds the address", () => hosts[1].holds("192.0.2.10"), 5000);
    // Now it fares alike.
    other.ok.off();
    await untilTracked(lab, halb, { state: "master" });
    other.ok.on();
    await untilTracked(lab, halb, { state: "backup" });
    own.ok.on();
    await untilTracked(lab, halb, { state: "master", priority: both, reason: "exit 0" });
    assert.match(
      halb.log(),
      /Tracked script fails .*script=up reason="exit 3" output="no such luck"/,
    );
    const text = (await runHalb(["status", "web", "--control", halb.controlPath])).stdout;
    if (weight > 0) assert.match(text, /explained +150 \+ 60 \(script up\) = 210/);
    assert.match(text, /tracks script up +exit 0 \(\+?\d+\)/);
  });
}

lab("a script without a weight is a condition; reversed, its success is", async (lab) => {
  const own = switchedScript(lab, "own");
  const other = switchedScript(lab, "other");
  const { halb, hosts, capture } = await startMixed(
    lab,
    trackedSite(scriptTable(own.command, "fall = 2\nrise = 2"), '{ scripts = ["up"] }'),
    keepalivedConf(120, scriptBlock(other.command, ""), "track_script {\n    up\n  }"),
  );
  own.ok.off();
  await untilTracked(lab, halb, { state: "fault", reason: "exit 3" });
  assert.deepEqual((await routerOf(halb, "web")).waiting_for, ["tracked script up: exit 3"]);
  await lab.until("keepalived holds the address", () => hosts[1].holds("192.0.2.10"), 5000);
  const resigned = (await adverts(capture)).filter(({ priority }) => priority === 0);
  assert.deepEqual(resigned.map(({ source }) => source), ["192.0.2.1"]);
  own.ok.on();
  await untilTracked(lab, halb, { state: "master" });
  halb.writeSite(
    trackedSite(scriptTable(own.command), '{ scripts = [{ name = "up", reverse = true }] }'),
  );
  halb.reload();
  await untilTracked(lab, halb, { state: "fault", reason: "exit 0", healthy: true });
  own.ok.off();
  await untilTracked(lab, halb, { state: "master", reason: "exit 3", healthy: false });
});

lab(
  "a router waits for its script's first result, and one that starts failed has it",
  async (lab) => {
    const slow = script(lab, "slow", `while ! test -e ${lab.directory}/go; do sleep 0.05; done`);
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const table = scriptTable(slow, 'timeout = "60s"');
    const agent = startHalb(
      lab,
      host,
      trackedSite(table, '{ scripts = [{ name = "up", weight = 9 }] }'),
    );
    await lab.until("it waits", async () => {
      const { state, waiting_for: reasons } = await routerOf(agent, "web");
      return state === "init" && reasons.join() === "tracked script up: no result yet";
    }, 5000);
    Deno.writeTextFileSync(`${lab.directory}/go`, "");
    await agent.untilState("web", "master");
    // Or each start would run programs that are meant for failures.
    assert.doesNotMatch(agent.log(), /→ fault/);
    await agent.stop();
    Deno.removeSync(`${lab.directory}/go`);
    const failed = trackedSite(`${table}start_failed = true\n`, '{ scripts = ["up"] }');
    const second = startHalb(lab, host, failed);
    await untilTracked(lab, second, { state: "fault", reason: "has not succeeded yet" });
    Deno.writeTextFileSync(`${lab.directory}/go`, "");
    await second.untilState("web", "master");
  },
);

lab("scripts that misbehave: no advert late, the reason in status and log", async (lab) => {
  const pids = `${lab.directory}/pids`;
  Deno.writeTextFileSync(pids, "");
  Deno.chmodSync(pids, 0o666);
  const nasty: Record<string, [string, string]> = {
    hangs: ["sleep 1000", "did not end in time and was killed"],
    stubborn: [
      `trap "" TERM; echo $$ >>${pids}; (trap "" TERM; sh -c 'echo $$ >>${pids}; exec sleep 1000'); sleep 1000`,
      "did not end in time and was killed",
    ],
    keeps: ["sleep 1000 & exit 0", "exit 0"],
    prints: ["head -c 5000000 /dev/zero", "exit 0"],
    dies: ["kill -SEGV $$", "ended by SIGSEGV"],
    escapes: [`printf '\\033[2Jgone\\n'; exit 1`, "exit 1"],
  };
  const tables = Object.entries(nasty).map(([name, [text]]) =>
    `[[track_script]]\nname = "${name}"\ncommand = ["${script(lab, name, text)}"]\n` +
    `interval = "300ms"\ntimeout = "200ms"\nweight = 1\n`
  );
  const vanishing = script(lab, "vanishes", "exit 0");
  tables.push(
    `[[track_script]]\nname = "vanishes"\ncommand = ["${vanishing}"]\ninterval = "300ms"\nweight = 1\n`,
  );
  const names = [...Object.keys(nasty), "vanishes"].map((name) => `"${name}"`).join(", ");
  const host = await lab.host("a");
  const lan = await lab.lan("net", [host]);
  const capture = await lab.capture(lan, "ip proto 112");
  const agent = startHalb(lab, host, trackedSite(tables.join("\n"), `{ scripts = [${names}] }`));
  await agent.untilState("web", "master");
  Deno.removeSync(vanishing);
  const reasons = async () =>
    Object.fromEntries(
      (await routerOf(agent, "web")).trackers.map(({ name, reason }) => [name, reason]),
    );
  const wanted = Object.fromEntries(
    Object.entries(nasty).map(([name, [, reason]]) => [name, reason]),
  );
  await lab.until("every script has its reason", async () => {
    const { vanishes, ...others } = await reasons();
    assert.deepEqual(others, wanted);
    assert.match(vanishes!, /^cannot be started: /);
    return true;
  }, 10_000);
  const before = await fewestDescriptors(lab, agent.pid);
  const runs = () => Deno.readTextFileSync(pids).trim().split("\n").length;
  const from = runs();
  await lab.until("and again, and again", () => runs() >= from + 10, 20_000);
  const after = await fewestDescriptors(lab, agent.pid);
  assert.ok(after < before + 8, `${before}, then ${after}`);
  const gap = longestGap(await adverts(capture), "192.0.2.1");
  assert.ok(gap < 150_000, `${gap} µs between two adverts`);
  assert.match(agent.log(), /Tracked script fails.*script=dies reason="ended by SIGSEGV"/);
  assert.equal(agent.log().includes("\u001b"), false);
  await agent.stop();
  // What resists SIGTERM is gone after half a second, the last one with the agent.
  await lab.until("no stubborn one is left", () => {
    const alive = Deno.readTextFileSync(pids).trim().split("\n").filter(isRunning);
    if (alive.length === 0) return true;
    throw new Error(`alive: ${alive.join()}`);
  }, 3000);
}, { attempts: 2 });

/** Scripts that run have some each: those that stay are what it has while none runs. */
async function fewestDescriptors(lab: Lab, pid: number): Promise<number> {
  let fewest = Infinity;
  for (const end = performance.now() + 1500; performance.now() < end; await lab.delay(10)) {
    fewest = Math.min(fewest, descriptors(pid));
  }
  return fewest;
}

function isRunning(pid: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

lab("verdicts outlast a reload, a new protocol plane and a new process", async (lab) => {
  const own = switchedScript(lab, "own");
  const counter = `${lab.directory}/runs`;
  Deno.writeTextFileSync(counter, "");
  Deno.chmodSync(counter, 0o666);
  const command = script(lab, "counted", `echo >>${counter}; exec ${own.command}`);
  const host = await lab.host("a");
  const lan = await lab.lan("net", [host]);
  const capture = await lab.capture(lan, "ip proto 112");
  const table = (more = "") =>
    `[[track_script]]\nname = "up"\ncommand = ["${command}"]\ninterval = "60s"\n${more}\n`;
  const site = trackedSite(table(), '{ scripts = [{ name = "up", weight = 40 }] }');
  const agent = startHalb(lab, host, site, FAULTS);
  await untilTracked(lab, agent, { state: "master", priority: 190 });
  const runs = () => Deno.readTextFileSync(counter).length;
  assert.equal(runs(), 1);
  agent.writeSite(trackedSite(table("rise = 3"), '{ scripts = [{ name = "up", weight = 30 }] }'));
  agent.reload();
  await untilTracked(lab, agent, { state: "master", priority: 180, reason: "exit 0" });
  assert.equal(runs(), 1, "the reload ran nothing");
  await inject(agent, "protocol", "throw");
  await untilLogged(lab, agent, "The protocol plane runs again");
  await untilTracked(lab, agent, { state: "master", priority: 180, reason: "exit 0" });
  assert.equal(runs(), 1, "the new plane was told");
  own.ok.off();
  await upgrade(agent);
  // The new process runs it once, at its start.
  await lab.until("it ran again", () => runs() === 2, 5000);
  await untilTracked(lab, agent, { state: "master", priority: 150, reason: "exit 3" });
  // The next advert says so.
  await lab.delay(300);
  const seen = await adverts(capture);
  const priorities = seen.map(({ priority }) => priority)
    .filter((priority, i, all) => priority !== all[i - 1]);
  assert.deepEqual(priorities, [190, 180, 150], "never without its verdict");
});

lab("a number in a file moves the priority, and too little of it is a fault", async (lab) => {
  const path = `${lab.directory}/load`;
  Deno.writeTextFileSync(path, "0\n");
  const table = `[[track_file]]\nname = "load"\npath = "${path}"\nweight = 2\n`;
  const kept = `${lab.directory}/keepalived-load`;
  Deno.writeTextFileSync(kept, "0\n");
  const { halb, hosts } = await startMixed(
    lab,
    trackedSite(table, '{ files = ["load"] }'),
    keepalivedConf(
      120,
      `track_file load {\n  file "${kept}"\n  weight 2\n}\n`,
      "track_file {\n    load\n  }",
    ),
  );
  const write = (text: string) => Deno.writeTextFileSync(path, text);
  write("-20\n");
  await untilTracked(lab, halb, { state: "backup", priority: 110, reason: "-20" });
  await lab.until("keepalived holds the address", () => hosts[1].holds("192.0.2.10"), 5000);
  Deno.writeTextFileSync(kept, "-30\n");
  await untilTracked(lab, halb, { state: "master" });
  // Replaced by another file, as editors and configuration management do it.
  Deno.writeTextFileSync(`${path}.new`, " +7 and words\n");
  Deno.renameSync(`${path}.new`, path);
  await untilTracked(lab, halb, { state: "master", priority: 164, reason: "7" });
  write("words\n");
  await untilTracked(lab, halb, { priority: 150, reason: "counts as 0: holds no number" });
  write("-127\n");
  await untilTracked(lab, halb, { state: "fault", reason: "-127" });
  Deno.removeSync(path);
  await untilTracked(lab, halb, { state: "master", reason: "0: there is no file" });
  // A directory that is made anew is watched anew.
  await hosts[0].exec(["mkfifo", path]);
  await untilTracked(lab, halb, { reason: "counts as 0: not a plain file" });
});

lab("a file is given its first number, and one that is there is left alone", async (lab) => {
  const [fresh, there, over] = ["fresh", "there", "over"].map((name) => `${lab.directory}/${name}`);
  for (const path of [there!, over!]) Deno.writeTextFileSync(path, "5\n");
  const table = (name: string, path: string, init: string) =>
    `[[track_file]]\nname = "${name}"\npath = "${path}"\ninit_file = ${init}\n`;
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const trackers = table("fresh", fresh!, "{ value = 3 }") + table("there", there!, "{}") +
    table("over", over!, "{ value = 1, overwrite = true }");
  const agent = startHalb(
    lab,
    host,
    trackedSite(trackers, '{ files = ["fresh", "there", "over"] }'),
  );
  await agent.untilState("web", "master");
  assert.equal((await routerOf(agent, "web")).effective_priority, 159);
  assert.equal(Deno.readTextFileSync(fresh!), "3\n");
  Deno.writeTextFileSync(over!, "8\n");
  agent.reload();
  await untilLogged(lab, agent, "Reload: applied");
  await lab.until(
    "8 counts",
    async () => (await routerOf(agent, "web")).effective_priority === 166,
    3000,
  );
});
