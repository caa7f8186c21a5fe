/** The command of docs/containers.md, in a container like podman's. */

import assert from "node:assert/strict";
import { Container, containerOptions } from "../lib/container.ts";
import { type Host, type Lab, lab } from "../lib/mod.ts";
import { VIP, webSite } from "./agent_helpers.ts";

const DOCUMENT = new URL("../../docs/containers.md", import.meta.url);

/** The words behind `podman run` in the document's first block. */
function documentedWords(): string[] {
  const block = /```sh\npodman run ([^`]*)```/.exec(Deno.readTextFileSync(DOCUMENT))?.[1];
  assert.ok(block !== undefined, "docs/containers.md has no podman run");
  return block.replaceAll("\\\n", " ").trim().split(/\s+/);
}

async function containerOf(lab: Lab, host: Host, site: string): Promise<Container> {
  const outside = { "/etc/halb": `${lab.directory}/etc`, "halb-state": `${lab.directory}/state` };
  for (const path of Object.values(outside)) Deno.mkdirSync(path, { mode: 0o700 });
  Deno.writeTextFileSync(
    `${lab.directory}/etc/site.toml`,
    `[agent]\nname = "a"\ncontrol = "/run/halb/control.sock"\nstate_directory = "/var/lib/halb"\n${site}`,
  );
  return await Container.create(lab, host, containerOptions(documentedWords()), outside);
}

async function untilMaster(lab: Lab, host: Host, container: Container): Promise<void> {
  await lab.until(
    "it is master",
    async () => {
      const status = JSON.parse(await container.exec(["/usr/bin/halb", "status", "--json"]));
      return status.vrrp[0].state === "master" && await host.holds(VIP);
    },
    15_000,
    100,
  );
}

lab("the documented container is master, is killed and comes back, and stops", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const container = await containerOf(lab, host, webSite("100ms", 'address_lease = "15s"'));
  const first = container.run();
  await untilMaster(lab, host, container);
  const status = Deno.readTextFileSync(`/proc/${await container.pid()}/status`);
  // KILL, SETGID, SETUID, NET_ADMIN, NET_RAW, IPC_LOCK, SYS_NICE.
  for (const set of ["CapEff", "CapPrm", "CapBnd"]) {
    assert.match(status, new RegExp(`^${set}:\\s*00000000008070e0$`, "m"));
  }
  assert.doesNotMatch(first.log(), / (warning|error) /, "nothing is missing");

  Deno.kill(await container.pid(), "SIGKILL");
  await first.exited;
  await container.forget();
  const second = container.run();
  assert.ok(await host.holds(VIP), "its lease lasts until somebody is back");
  await untilMaster(lab, host, container);
  assert.ok(Deno.statSync(`${lab.directory}/state/events.jsonl`).size > 0, "on the volume");

  second.signal("SIGTERM");
  assert.equal((await second.exited).code, 0);
  assert.ok(!await host.holds(VIP));
});

lab("what a container may not write stands in the log", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const container = await containerOf(lab, host, webSite("100ms", "virtual_mac = true"));
  const running = container.run();
  await untilMaster(lab, host, container);
  await lab.until("its log tells", () => {
    return /warning .*\/proc\/sys\/net\/ipv4\/conf\/.*EROFS/.test(running.log());
  }, 5000);
});
