/**
 * How long it takes to hold and announce many addresses, beside `ip -batch` on a machine of the
 * same kind. What is there and what was on the wire is asserted; times are printed only, since
 * they say as much about the machine as about us.
 *
 * Each run has machines of its own: a kernel that has just left a thousand multicast groups
 * takes five times as long to join as many.
 */

import { strict as assert } from "node:assert";
import { monotonicMicros } from "../../ffi/mod.ts";
import { delay, lab } from "../lib/mod.ts";
import { Agent, ANNOUNCE, router } from "./kernel_agent.ts";

/** So long the kernel needs to have the links themselves in order. */
const SETTLED = 1500;

function addresses(family: 4 | 6, count: number): string[] {
  const networks = ["198.51.100", "203.0.113", "192.0.2"];
  return Array.from(
    { length: count },
    (_, i) =>
      family === 6
        ? `2001:db8:1::${(i + 1).toString(16)}`
        : `${networks[Math.floor(i / 250)]}.${i % 250 + 2}`,
  );
}

for (const [family, count] of [[6, 1000], [4, 700]] as const) {
  lab(`taking over ${count} IPv${family} addresses: all present, all announced`, async (lab) => {
    const [a, b, other] = await lab.hostsNamed("a", "b", "other");
    await lab.lan("lan", [a, b, other], { prefix: null });
    const [length, options] = family === 6 ? [128, " nodad"] : [32, ""];
    const list = addresses(family, count);
    await delay(SETTLED);
    const batch = list.map((one) =>
      `address add ${one}/${length} dev eth0 noprefixroute${options}`
    );
    const began = performance.now();
    await other.exec(["ip", "-batch", "-"], { input: batch.join("\n") });
    const beside = performance.now() - began;

    // Where they leave: the queue of a bridge drops some of thousands of frames in a burst, which
    // is what rounds are for.
    const capture = await lab.capture(a, family === 6 ? "icmp6 and ip6[40] == 136" : "arp");
    const held = list.map((address) => ({ address, prefixLength: length, interface: "eth0" }));
    const holder = { ...router("bulk", a, 0, "192.0.2.1/32", 3), addresses: held };
    const agent = new Agent();
    lab.atEnd(() => agent.die());
    agent.configure([{ ...holder, announce: ANNOUNCE }]);
    const start = monotonicMicros();
    const passed = () => (monotonicMicros() - start) / 1000;
    let present = 0;
    agent.hold(holder);
    for (;;) {
      const report = agent.report("bulk");
      if (present === 0 && report?.present.length === count) present = passed();
      if ((report?.announcements ?? 0) >= count * ANNOUNCE.repeat) break;
      assert(passed() < 30_000, `${report?.present.length} there, ${report?.announcements} sent`);
      agent.turnWhenDue();
    }
    const announced = passed();
    console.log(
      `${count} IPv${family} addresses: present after ${present.toFixed(0)} ms, announced ` +
        `${ANNOUNCE.repeat} times after ${announced.toFixed(0)} ms; ip -batch: ${
          beside.toFixed(0)
        } ms`,
    );
    const there = new Set((await a.addresses("eth0")).map((one) => one.address));
    assert.deepEqual(list.filter((one) => !there.has(one)), []);
    await delay(200);
    const field = family === 6 ? "icmpv6.nd.na.target_address" : "arp.src.proto_ipv4";
    const seen = new Map<string, number>();
    for (const packet of await capture.packets("", [field])) {
      const address = packet.fields[field] ?? "";
      seen.set(address, (seen.get(address) ?? 0) + 1);
    }
    assert.deepEqual(list.filter((one) => (seen.get(one) ?? 0) < ANNOUNCE.repeat), []);
    assert.deepEqual(agent.problems(), []);
    agent.drop(holder);
    assert.deepEqual((await a.addresses("eth0")).filter((one) => one.prefixLength === length), []);
  });
}
