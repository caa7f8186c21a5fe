/** Gratuitous ARP: the frame byte by byte, and who is announced when. */

import { strict as assert } from "node:assert";
import { sharedGaps } from "../../../mod/kernel/announce.ts";
import {
  Announcer,
  type AnnounceTarget,
  gratuitousArp,
  neighbourAdvertisement,
} from "../../../mod/kernel/mod.ts";
import { Rig, router } from "./rig.ts";

const MAC = "02:00:00:00:00:01";
const PLAN = { repeat: 2, delay: 0, refresh: 0, refreshRepeat: 0, interval: 0 };

function target(address: string, index = 1): AnnounceTarget {
  return { index, interface: `eth${index}`, address, mac: MAC, forwards: false };
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** Frames as `router address@interface`. */
function names(frames: ReturnType<Announcer["due"]>): string[] {
  return frames.map(({ router, index, frame }) =>
    `${router} ${frame.slice(28, 32).join(".")}@${index}`
  );
}

Deno.test("the frame is a broadcast ARP request from the address for itself", () => {
  const frame = gratuitousArp("192.0.2.10", MAC);
  assert.equal(
    Array.from(frame, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    "ffffffffffff" + "020000000001" + "0806" + "0001" + "0800" + "06" + "04" + "0001" +
      "020000000001" + "c000020a" + "ffffffffffff" + "c000020a",
  );
  assert.throws(() => gratuitousArp("2001:db8::1", MAC), RangeError);
  assert.throws(() => gratuitousArp("192.0.2.10", ""), RangeError);
});

Deno.test("[V7-12] the advertisement goes to all nodes, from the address itself, with Override", () => {
  const frame = (router: boolean) => neighbourAdvertisement("2001:db8::10", MAC, router);
  const source = "20010db8000000000000000000000010";
  const hex = (bytes: Uint8Array) =>
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  // The checksums are those that tshark expects (tests/lab/kernel_ipv6_test.ts).
  for (const router of [false, true]) {
    assert.equal(
      hex(frame(router)),
      "333300000001" + "020000000001" + "86dd" + "60000000" + "0020" + "3a" + "ff" + source +
        "ff020000000000000000000000000001" + "8800" + (router ? "790c" : "f90c") +
        (router ? "a0000000" : "20000000") + source + "0201" + "020000000001",
    );
  }
  assert.throws(() => neighbourAdvertisement("192.0.2.1", MAC, false), RangeError);
  assert.throws(() => neighbourAdvertisement("2001:db8::1", "02:00", false), RangeError);
});

Deno.test("the ICMPv6 checksum sums up to all ones over pseudo header and message", () => {
  for (let i = 0; i < 500; i++) {
    const address = `2001:db8:${(i * 7919 % 65536).toString(16)}::${(i * 131).toString(16)}`;
    const frame = neighbourAdvertisement(address, `02:00:00:00:00:${hexByte(i % 256)}`, i % 2 > 0);
    const view = new DataView(frame.buffer);
    let sum = view.getUint16(18) + (frame[20] ?? 0);
    for (let at = 22; at < frame.length; at += 2) sum += view.getUint16(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    assert.equal(sum, 0xffff, address);
  }
});

Deno.test("a block is all addresses in turn, so many rounds, then silence", () => {
  const announcer = new Announcer(() => [target("192.0.2.1"), target("192.0.2.2")]);
  announcer.start("web", PLAN, 0);
  assert.deepEqual(names(announcer.due(0, 100)), [
    "web 192.0.2.1@1",
    "web 192.0.2.2@1",
    "web 192.0.2.1@1",
    "web 192.0.2.2@1",
  ]);
  assert.equal(announcer.deadline, Infinity);
  assert.deepEqual(announcer.due(1e12, 100), []);
});

Deno.test("every interface gets its first round before any gets its second", () => {
  const announcer = new Announcer(() => [target("192.0.2.1", 1), target("192.0.2.2", 2)]);
  announcer.start("web", PLAN, 0);
  assert.deepEqual(names(announcer.due(0, 100)), [
    "web 192.0.2.1@1",
    "web 192.0.2.2@2",
    "web 192.0.2.1@1",
    "web 192.0.2.2@2",
  ]);
});

Deno.test("the budget bounds a turn, and the rest goes on where it stopped", () => {
  const targets = Array.from({ length: 5 }, (_, i) => target(`192.0.2.${i}`));
  const announcer = new Announcer(() => targets);
  announcer.start("web", PLAN, 0);
  const all: string[] = [];
  const sizes: number[] = [];
  while (announcer.deadline === 0) {
    const frames = names(announcer.due(0, 3));
    sizes.push(frames.length);
    all.push(...frames);
  }
  assert.deepEqual(sizes, [3, 3, 3, 1]);
  const round = [0, 1, 2, 3, 4].map((i) => `web 192.0.2.${i}@1`);
  assert.deepEqual(all, [...round, ...round]);
});

Deno.test("second block after the delay, refreshes with their own number of rounds", () => {
  const announcer = new Announcer(() => [target("192.0.2.1")]);
  const plan = { repeat: 2, delay: 500, refresh: 1000, refreshRepeat: 1, interval: 0 };
  announcer.start("web", plan, 0);
  const times: number[] = [];
  for (let now = 0; now <= 3000; now = Math.max(now + 1, announcer.deadline)) {
    for (const _ of announcer.due(now, 100)) times.push(now);
  }
  assert.deepEqual(times, [0, 0, 500, 500, 1000, 2000, 3000]);
});

Deno.test("refreshes that a stall made late are not made up for", () => {
  const announcer = new Announcer(() => [target("192.0.2.1")]);
  const plan = { repeat: 0, delay: 0, refresh: 1000, refreshRepeat: 1, interval: 0 };
  announcer.start("web", plan, 0);
  assert.equal(announcer.due(10_500, 100).length, 1);
  assert.equal(announcer.deadline, 11_500);
});

Deno.test("a gap is kept between two frames on one interface, whichever router they are for", () => {
  const announcer = new Announcer((name) => [target(name === "a" ? "192.0.2.1" : "192.0.2.2")]);
  const plan = { ...PLAN, interval: 100 };
  announcer.start("a", plan, 0);
  announcer.start("b", plan, 0);
  const sent: [number, string][] = [];
  for (let now = 0; now <= 1000; now = Math.max(now + 1, announcer.deadline)) {
    for (const name of names(announcer.due(now, 100))) sent.push([now, name]);
  }
  assert.deepEqual(sent.map(([at]) => at), [0, 100, 200, 300]);
  assert.equal(sent.filter(([, name]) => name.startsWith("a")).length, 2);
});

Deno.test("gaps that make blocks longer than their causes are apart: one more waits, never more", () => {
  const announcer = new Announcer(() => [target("192.0.2.1"), target("192.0.2.2")]);
  const plan = { ...PLAN, repeat: 5, interval: 1000 };
  announcer.start("web", plan, 0);
  const sent: number[] = [];
  const run = (from: number, to: number) => {
    for (let now = from; now < to; now += 100) {
      if (now < 20_000) announcer.contested("web", now);
      sent.push(...announcer.due(now, 100).map(() => now));
    }
  };
  run(0, 60_000);
  assert.ok(sent.every((at, i) => i === 0 || at - sent[i - 1]! >= 1000), "gaps are kept");
  const last = sent.at(-1)!;
  assert.ok(last > 30_000 && last <= 40_000, `at most two blocks after the last cause: ${last}`);
  assert.equal(announcer.deadline, Infinity);
});

Deno.test("addresses that come while others wait have their own rounds, and add none to those", () => {
  const all = Array.from({ length: 10 }, (_, i) => target(`192.0.2.${i}`));
  const announcer = new Announcer(() => all);
  announcer.start("web", { ...PLAN, repeat: 3 }, 0);
  const sent: string[] = [];
  const send = (budget: number) => sent.push(...names(announcer.due(0, budget)));
  send(4);
  for (const last of [100, 101]) {
    all.push(target(`192.0.2.${last}`));
    announcer.again("web", new Set([`192.0.2.${last}`]));
    send(4);
  }
  send(1000);
  assert.deepEqual(new Set(sent.slice(0, 12)).size, 12, "each once before any is told twice");
  for (const { address } of all) {
    assert.equal(sent.filter((one) => one === `web ${address}@1`).length, 3, address);
  }
});

Deno.test("frames that wait are those of now: another hardware address, another owner", () => {
  const targets = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((one) => target(one));
  const announcer = new Announcer(() => targets);
  const plan = { ...PLAN, interval: 1000 };
  announcer.start("web", plan, 0);
  assert.equal(announcer.due(0, 100).length, 1);
  targets.pop();
  announcer.change("web", plan, 500);
  targets[0] = { ...targets[0]!, mac: "02:00:00:00:00:99" };
  announcer.again("web", new Set(["192.0.2.1"]));
  const frames: Uint8Array[] = [];
  for (let now = 1000; now < 20_000; now += 1000) {
    frames.push(...announcer.due(now, 100).map(({ frame }) => frame));
  }
  const told = frames.map((frame) => `${frame[31]} ${hexByte(frame[11]!)}`);
  assert.deepEqual(told, ["1 99", "2 01", "1 99", "2 01", "1 99"]);
});

Deno.test("a group of interfaces shares its gaps, each family its own", () => {
  const all = [
    target("192.0.2.1", 1),
    target("192.0.2.2", 2),
    target("2001:db8::1", 1),
    target("2001:db8::2", 2),
    target("192.0.2.3", 3),
  ];
  const announcer = new Announcer(() => all);
  announcer.share(sharedGaps([
    { namespace: "", interfaces: ["eth1", "eth2"], interval: 100, neighbourInterval: 30 },
  ]));
  announcer.start("web", { ...PLAN, repeat: 1, interval: 1000, neighbourInterval: 0 }, 0);
  const sent: [number, number, boolean][] = [];
  for (let now = 0; now <= 1000; now = Math.max(now + 1, announcer.deadline)) {
    for (const { index, frame } of announcer.due(now, 100)) {
      sent.push([now, index, frame[12] === 0x86]);
    }
  }
  assert.deepEqual(sent.sort(), [
    [0, 1, false],
    [0, 1, true],
    [0, 3, false],
    [100, 2, false],
    [30, 2, true],
  ]);
});

Deno.test("neighbour advertisements may have a gap of their own", () => {
  const announcer = new Announcer(() => [target("192.0.2.1"), target("2001:db8::1")]);
  announcer.start("web", { ...PLAN, repeat: 3, interval: 100, neighbourInterval: 10 }, 0);
  const times: { four: number[]; six: number[] } = { four: [], six: [] };
  for (let now = 0; now <= 1000; now = Math.max(now + 1, announcer.deadline)) {
    for (const { frame } of announcer.due(now, 100)) {
      times[frame[12] === 0x86 ? "six" : "four"].push(now);
    }
  }
  assert.deepEqual(times, { four: [0, 100, 200], six: [0, 10, 20] });
});

Deno.test("a lower priority that was heard has a number and a delay of its own", () => {
  const announcer = new Announcer(() => [target("192.0.2.1")]);
  const plan = { ...PLAN, repeat: 4, delay: 1000, lowerPriority: { repeat: 2, delay: 300 } };
  announcer.contested("web", 0);
  assert.deepEqual(announcer.due(0, 100), [], "nothing is held");
  announcer.start("web", plan, 0);
  const times: number[] = [];
  for (let now = 0; now <= 5000; now = Math.max(now + 1, Math.min(announcer.deadline, 2000))) {
    if (now === 2000) announcer.contested("web", now);
    for (const _ of announcer.due(now, 100)) times.push(now);
    if (now >= 2000 && announcer.deadline === Infinity) break;
  }
  assert.deepEqual(times, [0, 0, 0, 0, 1000, 1000, 1000, 1000, 2000, 2000, 2300, 2300]);
  announcer.contested("web", 5000);
  announcer.cancel("web");
  assert.equal(announcer.deadline, Infinity);
});

Deno.test("ARP goes out as request, as reply or as both", () => {
  for (const [form, operations] of [["reply", [2]], ["both", [1, 2]]] as const) {
    const announcer = new Announcer(() => [target("192.0.2.1")]);
    announcer.start("web", { ...PLAN, repeat: 1, form }, 0);
    assert.deepEqual(announcer.due(0, 100).map(({ frame }) => frame[21]), operations);
  }
});

Deno.test("addresses on other interfaces have refreshes of their own", () => {
  const announcer = new Announcer(() => [target("192.0.2.1", 1), target("192.0.2.2", 2)]);
  const elsewhere = { home: "eth1", refresh: 100 };
  announcer.start("web", { ...PLAN, repeat: 1, elsewhere }, 0);
  assert.deepEqual(names(announcer.due(0, 100)), ["web 192.0.2.1@1", "web 192.0.2.2@2"]);
  assert.equal(announcer.deadline, 100);
  assert.deepEqual(names(announcer.due(100, 100)), ["web 192.0.2.2@2"]);
  assert.equal(announcer.deadline, 200);
});

Deno.test("cancelled is silent, and `again` says nothing for who holds nothing", () => {
  const announcer = new Announcer(() => [target("192.0.2.1"), target("192.0.2.2")]);
  announcer.again("web");
  assert.deepEqual(announcer.due(0, 100), []);
  announcer.start("web", { ...PLAN, delay: 10 }, 0);
  assert.equal(announcer.due(0, 1).length, 1);
  announcer.cancel("web");
  assert.deepEqual(announcer.due(1000, 100), []);
  announcer.start("web", { ...PLAN, repeat: 1 }, 0);
  announcer.due(0, 100);
  announcer.again("web", new Set(["192.0.2.2"]));
  assert.deepEqual(names(announcer.due(0, 100)), ["web 192.0.2.2@1"]);
});

Deno.test("the plane announces what it holds: on hold, on request, when the carrier comes", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10", "192.0.2.11"])]);
  rig.announce("web");
  assert.equal(rig.kernel.frames.length, 0, "a backup announces nothing");
  rig.hold("web");
  assert.equal(rig.kernel.frames.length, 2);
  assert.equal(rig.report("web").announcements, 2);
  rig.announce("web");
  assert.equal(rig.kernel.frames.length, 4);
  rig.kernel.changeLink(eth0, { flags: 0x1 });
  rig.wake();
  assert.equal(rig.kernel.frames.length, 4);
  rig.kernel.changeLink(eth0, { flags: 0x41 });
  rig.wake();
  assert.equal(rig.kernel.frames.length, 6);
  rig.kernel.changeLink(eth0, { mac: [2, 0, 0, 0, 0, 99] });
  rig.wake();
  assert.deepEqual(Array.from(rig.kernel.frames.at(-1)?.frame.slice(6, 12) ?? []), [
    2,
    0,
    0,
    0,
    0,
    99,
  ]);
  rig.drop("web");
  rig.run(10_000_000);
  assert.equal(rig.kernel.frames.length, 8);
});

Deno.test("an interface without ARP carries addresses and no announcements", () => {
  for (const flags of [0x1 | 0x40 | 0x80, 0x1 | 0x40 | 0x8, 0x40]) {
    const rig = new Rig();
    const eth0 = rig.kernel.link("eth0", flags);
    rig.configure([router("web", ["192.0.2.10"])]);
    rig.hold("web");
    assert(rig.kernel.has(eth0, "192.0.2.10"));
    assert.equal(rig.kernel.frames.length, 0, `flags ${flags}`);
  }
});
