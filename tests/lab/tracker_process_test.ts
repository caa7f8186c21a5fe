/** Tracked processes of a running agent: told by the kernel, or counted once a second. */

import assert from "node:assert/strict";
import { HOST_PROCESSES } from "../../mod/agent/trackers/process_source.ts";
import { type Host, type Lab, lab, type LabProcess, startHalb } from "../lib/mod.ts";
import { routerOf, untilLogged } from "./agent_helpers.ts";
import {
  keepalivedConf,
  OUTSIDE,
  startMixed,
  trackedSite,
  untilTracked,
} from "./tracker_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

let programs = 0;

/** A program that sleeps, whose name no other process of the machine has. Returns its path. */
function program(lab: Lab): string {
  const path = `${lab.directory}/p${Deno.pid}-${programs++}`;
  Deno.copyFileSync("/bin/sleep", path);
  Deno.chmodSync(path, 0o700);
  return path;
}

function nameOf(path: string): string {
  return path.split("/").at(-1)!;
}

function run(host: Host, path: string, seconds = "1000"): LabProcess {
  return host.spawn([path, seconds]);
}

/** `[[track_process]]` of that program. */
function processTable(path: string, more = ""): string {
  return `[[track_process]]\nname = "server"\ncommand = "${nameOf(path)}"\n${more}\n`;
}

/** Whether this kernel tells us of processes. */
function kernelTells(): boolean {
  try {
    HOST_PROCESSES.follow().close();
    return true;
  } catch {
    return false;
  }
}

const SCANNING = "Processes are looked at once a second";

for (const weight of [-60, 60]) {
  lab(`a process of weight ${weight} moves mastership like keepalived's`, async (lab) => {
    const [own, other] = [program(lab), program(lab)];
    const block = `vrrp_track_process server {\n  process ${
      nameOf(other)
    }\n  weight ${weight}\n}\n`;
    const [here] = await lab.hostsNamed("processes");
    const first = run(here, own);
    let theirs = run(here, other);
    const { halb, keepalived, hosts } = await startMixed(
      lab,
      trackedSite(processTable(own, `weight = ${weight}`), '{ processes = ["server"] }'),
      keepalivedConf(120, block, "track_process {\n    server\n  }"),
      true,
    );
    assert.equal(halb.log().includes(SCANNING), !kernelTells());
    const both = weight > 0 ? 150 + weight : 150;
    await untilTracked(lab, halb, {
      state: "master",
      priority: both,
      reason: "1 process runs",
      healthy: true,
    });
    await first.kill();
    await untilTracked(lab, halb, {
      state: "backup",
      priority: both - 60,
      reason: "0 processes run, 1 needed",
    });
    await lab.until("keepalived holds the address", () => hosts[1].holds("192.0.2.10"), 5000);
    if (kernelTells()) {
      await theirs.kill();
      await untilTracked(lab, halb, { state: "master" });
      assert.match(keepalived.log(), /Quorum lost for tracked process server/);
      theirs = run(here, other);
      await untilTracked(lab, halb, { state: "backup" });
    }
    run(here, own);
    await untilTracked(lab, halb, { state: "master", priority: both });
  });
}

lab("processes by number and arguments, where the kernel does not tell", async (lab) => {
  const path = program(lab);
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const table = processTable(path, "quorum = 2\nquorum_max = 3") +
    `[[track_process]]\nname = "long"\ncommand = ["${path}", "20"]\nparam_match = "initial"\n` +
    `weight = 30\n`;
  const agent = startHalb(lab, host, trackedSite(table, '{ processes = ["server", "long"] }'));
  await untilLogged(lab, agent, SCANNING);
  const first = run(host, path);
  await untilTracked(lab, agent, { state: "fault", reason: "1 process runs, 2 needed" });
  assert.deepEqual((await routerOf(agent, "web")).waiting_for, [
    "tracked process server: 1 process runs, 2 needed",
  ]);
  const second = run(host, path, "2000");
  await untilTracked(lab, agent, { state: "master", reason: "2 processes run", priority: 180 });
  const more = [run(host, path), run(host, path)];
  await untilTracked(lab, agent, { state: "fault", reason: "4 processes run, 3 allowed" });
  for (const process of more) await process.kill();
  await untilTracked(lab, agent, { state: "master", reason: "2 processes run" });
  const { transitions } = await routerOf(agent, "web");
  // One that another takes the place of within its delay was never away.
  agent.reload(
    trackedSite(processTable(path, 'quorum = 2\ndown_delay = "60s"'), '{ processes = ["server"] }'),
  );
  await untilTracked(lab, agent, { state: "master", priority: 150 });
  const logged = (found: string) => agent.log().split(`found="${found}"`).length;
  const [missed, back] = [logged("0 processes run, 2 needed"), logged("2 processes run")];
  await first.kill();
  await second.kill();
  await lab.until("both are missed", () => logged("0 processes run, 2 needed") > missed, 10_000);
  run(host, path);
  run(host, path);
  await lab.until("both are back", () => logged("2 processes run") > back, 10_000);
  assert.equal((await routerOf(agent, "web")).transitions, transitions, "it was never away");
  await upgrade(agent);
  await untilTracked(lab, agent, { state: "master", reason: "2 processes run" });
  assert.equal((await routerOf(agent, "web")).transitions, transitions, "nothing has changed");
});

lab("hundreds of programs a second: each that is tracked is seen", async (lab) => {
  const path = program(lab);
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(
    lab,
    host,
    trackedSite(processTable(path), '{ processes = ["server"] }') +
      `\nnamespace = "${host.namespace}"\n`,
    { within: OUTSIDE },
  );
  await untilTracked(lab, agent, { state: "fault" });
  const storm = host.spawn(["sh", "-c", "while :; do /bin/true; done"], { name: "storm" });
  for (let i = 0; i < 5; i++) {
    const one = run(host, path);
    await untilTracked(lab, agent, { state: "master" });
    await one.kill();
    await untilTracked(lab, agent, { state: "fault" });
  }
  await storm.kill();
});
