/** The kernel plane as the agent runs it: in its Worker, with real ports and bells. */

import { strict as assert } from "node:assert";
import { EventFd, monotonicMicros, newDescriptorRegistry } from "../../ffi/mod.ts";
import { HALB_PROTOCOL } from "../../mod/netlink/mod.ts";
import type { KernelToControl, KernelToProtocol } from "../../mod/plane/messages.ts";
import type { KernelStart } from "../../mod/plane/start.ts";
import { SharedWords } from "../../mod/plane/shared.ts";
import { delay, lab } from "../lib/mod.ts";
import { CREATE, router } from "./kernel_agent.ts";

lab("the Worker takes its messages, holds, and ends in order", async (lab) => {
  const host = await lab.host("worker");
  await host.exec(["sh", "-c", CREATE]);
  await host.exec(["ip", "address", "add", "192.0.2.1/24", "dev", "eth0"]);
  const words = new SharedWords();
  const [control, protocol] = [new MessageChannel(), new MessageChannel()];
  const [wake, protocolWake] = [new EventFd(), new EventFd()];
  const heard: KernelToControl[] = [];
  const told: KernelToProtocol[] = [];
  control.port1.onmessage = (event) => heard.push(event.data);
  protocol.port1.onmessage = (event) => told.push(event.data);
  const worker = new Worker(new URL("../../mod/kernel/worker.ts", import.meta.url), {
    type: "module",
  });
  const start: KernelStart = {
    mark: { protocol: HALB_PROTOCOL },
    words: words.buffer,
    registry: newDescriptorRegistry(),
    control: control.port2,
    protocol: protocol.port2,
    wake: wake.fd,
    protocolWake: protocolWake.fd,
    faultInjection: false,
  };
  worker.postMessage(start, [control.port2, protocol.port2]);
  const heart = setInterval(() => words.beatProtocol(monotonicMicros()), 50);
  lab.atEnd(() => {
    clearInterval(heart);
    control.port1.close();
    protocol.port1.close();
    worker.terminate();
    wake.close();
    protocolWake.close();
  });
  await lab.until("the plane is ready", () => heard.some((one) => one.type === "ready"), 20_000);
  const holder = router("web", host, 3, "192.0.2.10/24", 1);
  const interfaces = [{ namespace: host.namespace, name: "eth0", groups: [] }];
  control.port1.postMessage({ type: "configure", id: "c:1", routers: [holder], interfaces });
  wake.signal();
  await lab.until("it is configured", () => heard.some((one) => one.type === "configured"), 5000);
  words.setMastership(3, 9);
  protocol.port1.postMessage({ type: "hold", id: "p:1", cause: "p:0", router: "web", epoch: 9 });
  wake.signal();
  await lab.until(
    "the address is reported",
    () => heard.some((one) => one.type === "addresses" && one.present.includes("192.0.2.10")),
    5000,
  );
  await delay(2500);
  assert(await host.holds("192.0.2.10"), "refreshed past its lease of 1 s");
  assert(words.kernelHeartbeat > 5);
  const state = told.find((one) => one.type === "interface");
  assert(state?.type === "interface");
  assert.deepEqual(state.state.ipv4, ["192.0.2.1"]);
  control.port1.postMessage({ type: "stop", id: "c:2", keep: false });
  wake.signal();
  await lab.until("the plane has stopped", () => heard.some((one) => one.type === "stopped"), 5000);
  assert.equal(await host.holds("192.0.2.10"), false);
  assert.deepEqual(heard.filter((one) => one.type === "log"), []);
});
