/** What a service manager hears: the protocol of sd_notify, with a socket of our own as systemd. */

import assert from "node:assert/strict";
import {
  AF_UNIX,
  bindSocket,
  closeDescriptor,
  openSocket,
  receive,
  SOCK_DGRAM,
  sockaddrUn,
} from "../../ffi/mod.ts";
import { type Lab, lab, startHalb } from "../lib/mod.ts";
import { routerOf, webSite } from "./agent_helpers.ts";
import { faulty, tryUpgrade, upgrade } from "./upgrade_helpers.ts";

/** A socket that services notify. */
class Manager {
  readonly heard: string[] = [];
  readonly #fd = openSocket(AF_UNIX, SOCK_DGRAM, 0);
  readonly #buffer = new Uint8Array(4096);

  constructor(lab: Lab, readonly name: string) {
    bindSocket(this.#fd, sockaddrUn(name));
    lab.atEnd(() => closeDescriptor(this.#fd));
  }

  /** All that was said until now. */
  listen(): readonly string[] {
    for (;;) {
      const length = receive(this.#fd, this.#buffer, 0);
      if (length < 0) return this.heard;
      this.heard.push(new TextDecoder().decode(this.#buffer.subarray(0, length)));
    }
  }
}

lab("a service manager hears of readiness, a new main process, and the end", async (lab) => {
  const manager = new Manager(lab, `${lab.directory}/notify`);
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"), { env: { NOTIFY_SOCKET: manager.name } });
  await lab.until("it is ready", () => manager.listen().length > 0, 5000);
  assert.deepEqual(manager.heard, ["READY=1"]);
  await agent.untilState("web", "master");
  assert.equal((await tryUpgrade(agent, "--binary", faulty(lab, "kill", "resumed"))).code, 1);
  assert.deepEqual(manager.listen(), ["READY=1"], "nothing has changed");
  const { new: { pid } } = await upgrade(agent);
  await lab.until("the new one is ready", () => manager.listen().length > 2, 5000);
  assert.deepEqual(manager.heard.slice(1).sort(), [
    `MAINPID=${pid}`,
    `MAINPID=${pid}\nREADY=1`,
  ]);
  Deno.kill(pid, "SIGTERM");
  await lab.until("it stops", () => manager.listen().length > 3, 5000);
  assert.equal(manager.heard[3], "STOPPING=1");
});

lab("nobody listens at NOTIFY_SOCKET: a line in the log, and nothing else", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const env = { NOTIFY_SOCKET: `${lab.directory}/nobody` };
  const agent = startHalb(lab, host, webSite("100ms"), { env });
  await agent.untilState("web", "master");
  assert.match(agent.log(), /Cannot tell the service manager: .*ENOENT/);
  assert.equal((await routerOf(agent, "web")).state, "master");
});
