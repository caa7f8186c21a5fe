/** The plane as its neighbours see it: messages in, messages out, faults that stay where they are. */

import { strict as assert } from "node:assert";
import {
  backoff,
  Gate,
  InjectedFault,
  KernelPlane,
  refreshShare,
} from "../../../mod/kernel/mod.ts";
import { IFA_F_DADFAILED, IFA_F_TENTATIVE } from "../../../mod/netlink/mod.ts";
import type { AddressReport, KernelToProtocol } from "../../../mod/plane/messages.ts";
import { SharedWords } from "../../../mod/plane/shared.ts";
import { ModelKernel } from "./model_kernel.ts";
import { Rig, router } from "./rig.ts";

const SECOND = 1_000_000;

Deno.test("ready, then configured, once for each message", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10/24"])]);
  rig.configure([router("web", ["192.0.2.11/24"]), router("lan", [], { slot: 1 })], ["eth1"]);
  rig.configure([], []);
  assert.equal(rig.control[0]?.type, "ready");
  const causes = rig.control.flatMap((one) => one.type === "configured" ? [one.cause] : []);
  assert.deepEqual(causes, ["c:1", "c:2", "c:3"]);
});

Deno.test("ids are unique and name the plane; a report names the hold that caused it", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10"])]);
  rig.hold("web");
  const ids = rig.control.flatMap((one) => "id" in one ? [one.id] : []);
  assert.equal(new Set(ids).size, ids.length);
  assert(ids.every((id) => /^k:\d+$/.test(id)), `${ids}`);
  assert.equal(rig.report("web").cause, "c:2");
});

Deno.test("a hold that comes before its router waits for it", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.hold("web");
  rig.configure([router("web", ["192.0.2.10"])]);
  assert(rig.kernel.has(eth0, "192.0.2.10"));
  rig.configure([]);
  assert.equal(rig.kernel.has(eth0, "192.0.2.10"), undefined, "a router that goes lets go");
});

Deno.test("a reload changes only what differs", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10", "192.0.2.11"])]);
  rig.hold("web");
  rig.kernel.journal.length = 0;
  rig.kernel.frames.length = 0;
  rig.configure([router("web", ["192.0.2.11", "192.0.2.12"])]);
  assert.deepEqual(rig.kernel.journal, ["delete 192.0.2.10/32", "add 192.0.2.12/32"]);
  assert.equal(rig.kernel.frames.length, 1, "only the new one is announced");
  assert(rig.kernel.has(eth0, "192.0.2.11"));
});

Deno.test("an address that moves from one router to another stays where it is", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([router("a", ["192.0.2.10"])]);
  rig.hold("a", 1, 0);
  rig.kernel.journal.length = 0;
  rig.configure([router("b", ["192.0.2.10"], { slot: 1 })]);
  assert.deepEqual(rig.kernel.journal, []);
  rig.hold("b", 1, 1);
  assert.deepEqual(rig.kernel.journal, ["replace 192.0.2.10/32"]);
  assert(rig.kernel.has(eth0, "192.0.2.10"));
});

Deno.test("nonsense in one router faults that router and no other", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([
    router("bad", ["192.0.2.999"]),
    router("good", ["192.0.2.10"], { slot: 1 }),
  ]);
  rig.hold("bad");
  rig.hold("good", 1, 1);
  assert(rig.kernel.has(eth0, "192.0.2.10"));
  assert.deepEqual(rig.report("bad").failed, [
    { address: "192.0.2.999", reason: 'Not an IP address: "192.0.2.999"' },
  ]);
});

Deno.test("interface state: IPv6 link-local addresses of the host that may be used, no others", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "fe80::1", 64, { flags: IFA_F_TENTATIVE });
  rig.kernel.addByOthers(eth0, "fe80::2", 64, { flags: IFA_F_TENTATIVE | IFA_F_DADFAILED });
  rig.kernel.addByOthers(eth0, "2001:db8::1", 64);
  rig.configure([router("web", ["fe80::10/64"])]);
  rig.hold("web");
  assert.deepEqual(rig.interface("eth0")?.ipv6, []);
  const before = rig.protocol.length;
  rig.kernel.changeFlags(eth0, "fe80::1", 0);
  rig.wake();
  assert.equal(rig.protocol.length, before + 1);
  assert.deepEqual(rig.interface("eth0")?.ipv6, ["fe80::1"], "no longer tentative");
  rig.kernel.addByOthers(eth0, "fe80::3", 64);
  rig.wake();
  assert.deepEqual(rig.interface("eth0")?.ipv6, ["fe80::1", "fe80::3"]);
  rig.kernel.removeByOthers(eth0, "fe80::1");
  rig.wake();
  assert.deepEqual(rig.interface("eth0")?.ipv6, ["fe80::3"]);
});

Deno.test("interface state: at the start, at every change, without our own addresses", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", ["192.0.2.10/24"])]);
  assert.deepEqual(rig.interface("eth0"), {
    namespace: "",
    index: eth0,
    name: "eth0",
    up: true,
    running: true,
    mac: "02:00:00:00:00:01",
    mtu: 1500,
    ipv4: ["192.0.2.1"],
    ipv6: [],
    ipv6Global: [],
    networks: ["192.0.2.0/24"],
    groups: ["ipv4"],
  });
  const before = rig.protocol.length;
  rig.hold("web");
  rig.run(5 * SECOND);
  assert.equal(rig.protocol.length, before, "our own addresses are no news");
  rig.kernel.changeLink(eth0, { flags: 0x1 });
  rig.wake();
  assert.equal(rig.interface("eth0")?.running, false);
  rig.kernel.removeByOthers(eth0, "192.0.2.1");
  rig.wake();
  assert.deepEqual(rig.interface("eth0")?.ipv4, []);
  rig.kernel.unlink(eth0);
  rig.wake();
  assert.equal(rig.interface("eth0"), undefined);
  const gone = rig.control.filter((one) => one.type === "interface_gone");
  assert.deepEqual(gone.map((one) => one.key), [{ namespace: "", index: eth0 }]);
});

Deno.test("an interface that is not there is told once, to whoever may know it from before", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  const told = () => rig.protocol.splice(0).filter(({ type }) => type === "interface_gone");
  rig.configure([router("web", ["192.0.2.10/24"])], ["eth1"]);
  const gone = { type: "interface_gone", key: { namespace: "", index: 0 }, name: "eth1" };
  assert.deepEqual(told().map(({ id: _, ...news }) => news), [gone]);
  rig.configure([router("web", ["192.0.2.10/24"])], ["eth1"]);
  rig.wake();
  assert.deepEqual(told(), []);
  const eth1 = rig.kernel.link("eth1");
  rig.wake();
  assert.equal(rig.interface("eth1")?.index, eth1);
});

Deno.test("a bridge that reports a port leaving does not delete the interface", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10"])]);
  rig.hold("web");
  rig.kernel.bridgePortLeaves(eth0);
  rig.wake();
  assert.equal(rig.interface("eth0")?.index, eth0);
  assert(rig.kernel.has(eth0, "192.0.2.10"));
});

Deno.test("a new protocol plane is told all interfaces again", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.configure([]);
  rig.protocol.length = 0;
  const { port1, port2 } = new MessageChannel();
  rig.plane.handle({ type: "reconnect", id: "c:9", port: port1 });
  port1.close();
  port2.close();
  assert.deepEqual(rig.protocol.map((one) => one.type), ["interface"]);
  const answer = rig.control.at(-1);
  assert(answer?.type === "configured");
  assert.deepEqual([answer.cause, answer.changes], ["c:9", []]);
});

Deno.test("a namespace that cannot be entered is reported, and tried again", () => {
  const rig = new Rig();
  rig.configure([router("web", ["192.0.2.10"], { namespace: "blue" })], []);
  assert.deepEqual(rig.report("web").failed, [
    { address: "192.0.2.10", reason: 'No namespace "blue" in the model' },
  ]);
  rig.run(60 * SECOND);
  const logs = rig.logs();
  assert(logs.length >= 10 && logs.length <= 62, `${logs.length} logs`);
  assert(logs.every((one) => one.level === "error"));
});

Deno.test("a namespace that is made anew is left and entered again, and all begins anew there", () => {
  const clock = new ModelKernel();
  const words = new SharedWords();
  const told: KernelToProtocol[] = [];
  const reports: AddressReport[] = [];
  const kernels: ModelKernel[] = [];
  let identity: string | null = "4:1001";
  const open = (): ModelKernel => {
    if (identity === null) throw new Error("No such file");
    const kernel = new ModelKernel();
    kernel.time = clock.time;
    kernel.link("eth0");
    kernels.push(kernel);
    return kernel;
  };
  const plane = new KernelPlane(
    { now: () => clock.time, open, identity: () => identity },
    words,
    {
      control: (message) => void (message.type === "addresses" && reports.push(message)),
      protocol: (message) => void told.push(message),
      reconnect: () => {},
    },
  );
  const wait = (): void => {
    for (const kernel of [clock, ...kernels]) kernel.advance(1_500_000);
    words.beatProtocol(clock.time);
    plane.turn();
  };
  const web = router("web", ["192.0.2.10"], { namespace: "blue" });
  const interfaces = [{ namespace: "blue", name: "eth0", groups: ["ipv4"] }];
  plane.handle({ type: "configure", id: "c:1", routers: [web], interfaces });
  const hold = (epoch: number): void => {
    words.setMastership(0, epoch);
    plane.handle({ type: "hold", id: "p:1", cause: "p:1", router: "web", epoch });
    plane.turn();
  };
  hold(1);
  wait();
  assert.deepEqual(reports.at(-1)?.present, ["192.0.2.10"]);
  assert.equal(kernels.length, 1);
  identity = null;
  told.length = 0;
  wait();
  assert.deepEqual(told.map(({ type }) => type), ["interface_gone"]);
  assert.equal(kernels[0]!.has(1, "192.0.2.10"), undefined, "what was held is let go");
  assert.deepEqual(reports.at(-1)?.failed, [{ address: "192.0.2.10", reason: "No such file" }]);
  identity = "4:1002";
  wait();
  assert.deepEqual(told.map(({ type }) => type), ["interface_gone", "interface"]);
  assert.equal(kernels[1]!.has(1, "192.0.2.10"), undefined, "an old mastership means nothing here");
  hold(2);
  wait();
  assert.deepEqual(reports.at(-1)?.present, ["192.0.2.10"]);
  // One that takes its place at once is another one, too.
  identity = "4:1003";
  told.length = 0;
  wait();
  assert.deepEqual(told.map(({ type }) => type), ["interface_gone", "interface"]);
  plane.close();
});

Deno.test("log records of one kind are limited", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([router("web", Array.from({ length: 50 }, (_, i) => `192.0.2.${i + 1}`))]);
  for (let i = 0; i < 50; i++) rig.kernel.refusals.push({ type: 20, errno: 12 });
  rig.hold("web");
  assert.equal(rig.logs().length, 10);
  rig.run(20 * SECOND);
  assert.equal(rig.kernel.addresses.filter((one) => one.index === eth0).length, 50);
});

Deno.test("an injected fault leaves the plane where that is allowed", () => {
  const rig = new Rig();
  assert.throws(
    () => rig.plane.handle({ type: "inject_fault", id: "c:1", fault: "throw" }),
    InjectedFault,
  );
});

Deno.test("the plane beats and wakes at least every 500 ms", () => {
  const rig = new Rig();
  rig.configure([]);
  const before = rig.words.kernelHeartbeat;
  rig.beating = false;
  rig.run(10 * SECOND);
  const beats = rig.words.kernelHeartbeat - before;
  assert(beats >= 20 && beats <= 45, `${beats} beats in 10 s`);
});

Deno.test("the gate: epoch, fresh turns after a stall, a counter that wraps", () => {
  let heartbeat = 2 ** 31 - 1;
  let silence = 0;
  let word = 0;
  const gate = new Gate({
    get protocolHeartbeat() {
      return heartbeat;
    },
    protocolSilence: () => silence,
    mastership: () => word,
  }, 0);
  assert.equal(gate.open(0), false, "no epoch");
  gate.told(4, 0);
  assert.equal(gate.open(0), false, "another epoch");
  word = 4;
  assert.equal(gate.open(0), true);
  gate.distrust();
  assert.equal(gate.open(0), false);
  heartbeat = -(2 ** 31);
  assert.equal(gate.open(0), false, "one turn");
  heartbeat++;
  assert.equal(gate.open(0), true, "two turns");
  silence = 600_000;
  assert.equal(gate.open(500_000), true, "silent, but it has said hold just now");
  assert.equal(gate.open(500_001), false, "silent");
  silence = 0;
  assert.equal(gate.open(600_000), false, "after a silence two turns are asked for");
  heartbeat += 2;
  assert.equal(gate.open(600_000), true);
});

Deno.test("waits double from 100 ms to 5 s; shares of the period are spread", () => {
  assert.deepEqual([0, 1, 2, 3, 6, 7, 50].map(backoff), [
    0,
    100_000,
    200_000,
    400_000,
    3_200_000,
    5_000_000,
    5_000_000,
  ]);
  const shares = Array.from({ length: 1000 }, (_, slot) => refreshShare(slot, 0, 1));
  assert(shares.every((share) => share > 0.1 && share <= 1));
  const tenths = new Set(shares.map((share) => Math.floor(share * 10)));
  assert(tenths.size >= 9, `${[...tenths]}`);
});

Deno.test("who resigned goes on answering, and announces nothing more: not even what was due", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  const announce = {
    ...{ repeat: 5, delay: 5 * SECOND, interval: 0 },
    ...{ refresh: 6 * SECOND, refreshRepeat: 1 },
  };
  rig.configure([router("web", ["192.0.2.10"], { announce })]);
  rig.hold("web");
  rig.run(4 * SECOND);
  const before = rig.kernel.frames.length;
  assert.equal(before, 5, "the first block, and not yet the second");
  rig.plane.handle({ type: "hush", id: "p:8", cause: "p:7", router: "web" });
  rig.run(20 * SECOND);
  assert.equal(rig.kernel.frames.length, before);
  assert.deepEqual(rig.report("web").present, ["192.0.2.10"], "still answering");
  rig.drop("web");
  rig.hold("web", 2);
  rig.run(SECOND);
  assert.equal(rig.kernel.frames.length, before + 5, "master again: announced again");
});
