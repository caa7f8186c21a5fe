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
import { FAULTS, inject, routerOf, webSite } from "./agent_helpers.ts";
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
  await lab.until("it is ready", () => manager.listen().length > 0, 15_000);
  assert.deepEqual(manager.heard, ["READY=1"]);
  await agent.untilState("web", "master");
  assert.equal((await tryUpgrade(agent, "--binary", faulty(lab, "kill", "resumed"))).code, 1);
  assert.deepEqual(manager.listen(), ["READY=1"], "nothing has changed");
  const { new: { pid } } = await upgrade(agent);
  await lab.until("the new one is ready", () => manager.listen().length > 2, 15_000);
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

/** Watched by somebody who wants to hear of it every 900 ms. */
const WATCHED = { WATCHDOG_USEC: "900000", ...FAULTS.env };

lab("a watchdog hears nothing of an agent whose control or protocol plane hangs", async (lab) => {
  const manager = new Manager(lab, `${lab.directory}/notify`);
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const env = { NOTIFY_SOCKET: manager.name, ...WATCHED };
  const agent = startHalb(lab, host, webSite("100ms"), { env });
  await agent.untilState("web", "master");
  const pings = () => manager.listen().filter((said) => said === "WATCHDOG=1").length;
  const more = (than: number) => lab.until("it pings", () => pings() > than, 5000);
  await more(2);

  // Control sleeps over this request, which is answered afterwards.
  const sent = async () => (await routerOf(agent, "web")).sessions[0]!.counters;
  const before = await sent();
  await inject(agent, "control", "wait", 100);
  const asleep = inject(agent, "control", "wait", 3000);
  await lab.delay(200);
  const asked = pings();
  // It would have pinged six times, and sleeps for another while yet.
  await lab.delay(2000);
  assert.equal(pings(), asked, "not while control sleeps");
  await asleep;
  await more(asked);
  const adverts = (await sent()).advertisements_sent - before.advertisements_sent;
  assert.ok(adverts >= 25, `${adverts} adverts meanwhile`);

  // Less than after which it would be replaced, and more than after which nobody vouches for it.
  await inject(agent, "protocol", "hang", 4800);
  await lab.delay(3600);
  const silent = pings();
  await lab.delay(700);
  assert.equal(pings(), silent, "not while the protocol plane hangs");
  await more(silent);
  assert.doesNotMatch(agent.log(), /plane died/);
});
