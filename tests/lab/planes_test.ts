/**
 * Planes that die: the agent starts new ones, and neither the other node nor a client of the
 * address notices, as long as the protocol allows.
 */

import assert from "node:assert/strict";
import { adverts, longestDoubleMaster, takeovers } from "../lib/adverts.ts";
import { HolderWatch } from "../lib/holders.ts";
import { type HalbAgent, type Lab, lab, startHalb } from "../lib/mod.ts";
import {
  descriptors,
  FAULTS,
  inject,
  longestGap,
  routerOf,
  settledDescriptors,
  startPair,
  threads,
  untilLogged,
  VIP,
  webSite,
} from "./agent_helpers.ts";

/** A new plane has 260 ms to start in where adverts come every 100 ms, and needs half of it. */
const BOUNDED = { attempts: 3 };

interface Resources {
  readonly descriptors: number;
  readonly threads: number;
}

function resources(agent: HalbAgent): Resources {
  return { descriptors: descriptors(agent.pid), threads: threads(agent.pid).length };
}

/** What it has open once it has opened all that it will. */
async function settledResources(lab: Lab, agent: HalbAgent): Promise<Resources> {
  await settledDescriptors(lab, agent.pid);
  return resources(agent);
}

/**
 * Nothing has leaked. The runtime keeps a thread for two seconds to watch over the end of another,
 * those that wait for files for ten seconds after the last one, and one of its pool threads may have
 * been started meanwhile.
 */
async function untilNoMoreThan(lab: Lab, agent: HalbAgent, before: Resources): Promise<void> {
  await lab.until(`no more descriptors and threads than ${JSON.stringify(before)}`, () => {
    const now = resources(agent);
    if (now.descriptors <= before.descriptors && now.threads <= before.threads + 1) return true;
    throw new Error(JSON.stringify(now));
  }, 20_000);
}

for (const [interval, micros] of [["100ms", 100_000], ["1s", 1_000_000]] as const) {
  lab(`protocol plane dies in a master at ${interval}: no failover`, async (lab) => {
    const pair = await startPair(lab, webSite(interval), FAULTS);
    const watch = await HolderWatch.start(VIP, pair.hosts);
    const before = await settledResources(lab, pair.a);
    const router = await routerOf(pair.a, "web");
    for (let time = 1; time <= 2; time++) {
      await inject(pair.a, "protocol", "throw");
      await untilLogged(lab, pair.a, "The protocol plane runs again", time);
      await lab.delay(1500);
    }
    const after = await routerOf(pair.a, "web");
    assert.equal(after.state, "master");
    assert.equal(after.transitions, router.transitions, "nothing happened to the router");
    const moved = Math.abs(Date.parse(after.since) - Date.parse(router.since));
    assert.ok(moved <= 5, `since moved by ${moved} ms`);
    const sent = (of: typeof after) => of.sessions[0]!.counters.advertisements_sent;
    assert.ok(sent(after) > sent(router), "counters go on");
    // One lease more: it is refreshed under the new plane too.
    await lab.delay(4000);
    assert.ok(await pair.hosts[0].holds(VIP), "the lease is refreshed");
    assert.equal((await routerOf(pair.b, "web")).state, "backup");
    assert.equal((await routerOf(pair.b, "web")).transitions, 1);
    assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
    const seen = await adverts(pair.capture);
    assert.deepEqual(takeovers(seen), []);
    // The others declare it dead after three intervals and a skew of more than half.
    const gap = longestGap(seen, "192.0.2.1");
    assert.ok(gap < 3.5 * micros, `silent for ${gap} µs`);
    assert.ok(seen.every(({ priority }) => priority === 150), "it never resigned");
    assert.match(pair.a.log(), /error +control: The protocol plane died reason=.*Fault injected/);
    await untilNoMoreThan(lab, pair.a, before);
  }, BOUNDED);
}

lab("protocol plane dies in a backup: it stays backup and still takes over", async (lab) => {
  const pair = await startPair(lab, webSite("100ms"), FAULTS);
  await inject(pair.b, "protocol", "throw");
  await untilLogged(lab, pair.b, "The protocol plane runs again");
  await lab.delay(1000);
  assert.equal((await routerOf(pair.b, "web")).state, "backup");
  assert.equal((await routerOf(pair.b, "web")).transitions, 1);
  await pair.a.kill();
  await pair.b.untilState("web", "master");
  await lab.until("b holds the address", () => pair.hosts[1].holds(VIP), 2000);
  const seen = await adverts(pair.capture);
  assert.deepEqual(takeovers(seen).map(({ to }) => to), ["192.0.2.2"]);
});

lab("kernel plane dies in a master: addresses stay and are refreshed again", async (lab) => {
  const pair = await startPair(
    lab,
    webSite("100ms", `garp = { repeat = 2, delay = "0s" }`),
    FAULTS,
  );
  const watch = await HolderWatch.start(VIP, pair.hosts);
  const before = await settledResources(lab, pair.a);
  for (let time = 1; time <= 2; time++) {
    await inject(pair.a, "kernel", "throw");
    await untilLogged(lab, pair.a, "The kernel plane runs again", time);
    await lab.delay(1000);
  }
  await lab.delay(4500);
  assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
  assert.deepEqual((await routerOf(pair.a, "web")).addresses_held, [VIP]);
  await untilNoMoreThan(lab, pair.a, before);
  assert.equal((await routerOf(pair.b, "web")).state, "backup");
  // It still acts: somebody takes the address away.
  await pair.hosts[0].exec(["ip", "address", "del", `${VIP}/32`, "dev", "eth0"]);
  await lab.until("it is put back", () => pair.hosts[0].holds(VIP), 2000);
  // And it still knows the interfaces.
  await pair.hosts[0].link(pair.lan).cut();
  await pair.a.untilState("web", "fault", 2000);
  const arps = await pair.capture.packets(`arp.src.proto_ipv4 == ${VIP}`, ["eth.src"]);
  const { mac } = pair.hosts[0].link(pair.lan);
  const own = arps.filter(({ fields }) => fields["eth.src"] === mac).length;
  assert.ok(own <= 2 * 2 * 4, `${own} announcements: two rounds for each plane and the repair`);
  const seen = await adverts(pair.capture);
  assert.ok(longestGap(seen, "192.0.2.1") < 250_000, "the protocol plane did not notice");
});

lab("protocol plane hangs: the other takes over, ours lapses, and we come back", async (lab) => {
  const pair = await startPair(lab, webSite("100ms"), FAULTS);
  const watch = await HolderWatch.start(VIP, pair.hosts);
  const before = await settledResources(lab, pair.a);
  await inject(pair.a, "protocol", "hang", 60_000);
  await pair.b.untilState("web", "master", 2000);
  await lab.until("a's address lapses", async () => !await pair.hosts[0].holds(VIP), 4500);
  await untilLogged(lab, pair.a, "The protocol plane runs again", 1, 9000);
  assert.match(pair.a.log(), /The protocol plane died reason="no heartbeat for \d s"/);
  await pair.a.untilState("web", "master", 3000);
  await pair.b.untilState("web", "backup", 3000);
  await lab.until("a holds it again, alone", async () => {
    return await pair.hosts[0].holds(VIP) && !await pair.hosts[1].holds(VIP);
  }, 2000);
  await lab.delay(3500);
  assert.ok(await pair.hosts[0].holds(VIP), "the lease is refreshed");
  assert.ok(watch.longestOverlap() <= 4500, `two holders for ${watch.longestOverlap()} ms`);
  await untilNoMoreThan(lab, pair.a, before);
  const seen = await adverts(pair.capture);
  assert.deepEqual(takeovers(seen).map(({ to }) => to), ["192.0.2.2", "192.0.2.1"]);
  assert.equal(longestDoubleMaster(seen), 0);
});

lab("kernel plane hangs: its successor refreshes the lease in time", async (lab) => {
  const pair = await startPair(lab, webSite("100ms"), FAULTS);
  const watch = await HolderWatch.start(VIP, pair.hosts);
  const before = await settledResources(lab, pair.a);
  const { transitions } = await routerOf(pair.a, "web");
  await inject(pair.a, "kernel", "hang", 60_000);
  await untilLogged(lab, pair.a, "The kernel plane runs again", 1, 4000);
  assert.match(pair.a.log(), /The kernel plane died reason="runs without end: [\d.]+ s /);
  // More than a lease.
  await lab.delay(4000);
  assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
  assert.equal((await routerOf(pair.a, "web")).transitions, transitions);
  assert.equal((await routerOf(pair.b, "web")).transitions, 1);
  await untilNoMoreThan(lab, pair.a, before);
  const seen = await adverts(pair.capture);
  assert.deepEqual(takeovers(seen), []);
  assert.ok(longestGap(seen, "192.0.2.1") < 250_000, "the protocol plane did not notice");
});

lab("a kernel plane that waits for the kernel is left alone, however long", async (lab) => {
  const pair = await startPair(lab, webSite("100ms", `address_lease = "12s"`), FAULTS);
  const watch = await HolderWatch.start(VIP, [pair.hosts[0]]);
  await inject(pair.a, "kernel", "wait", 6000);
  await lab.delay(6500);
  await pair.hosts[0].exec(["ip", "address", "del", `${VIP}/32`, "dev", "eth0"]);
  await lab.until("it acts again", () => pair.hosts[0].holds(VIP), 2000);
  assert.doesNotMatch(pair.a.log(), /plane died/);
  assert.deepEqual(watch.holdings().map(({ to }) => to === Infinity), [false, true]);
});

lab("a hang during a stop does not keep the agent from ending", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"), FAULTS);
  await agent.untilState("web", "master");
  await inject(agent, "protocol", "hang", 60_000);
  const status = await agent.stop(9000);
  assert.equal(status.code, 0, agent.log());
  assert.equal(await host.holds(VIP), false);
});

lab("a second signal ends an agent that cannot stop in order", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"), FAULTS);
  await agent.untilState("web", "master");
  await inject(agent, "kernel", "wait", 60_000);
  agent.process.signal("SIGTERM");
  // Two signals that wait to be taken are one.
  await untilLogged(lab, agent, "Stopping");
  await lab.delay(500);
  assert.ok(agent.process.running, "it waits for the kernel plane");
  const status = await agent.stop(4000);
  assert.equal(status.code, 1, agent.log());
  await lab.until("the lease ends", async () => !await host.holds(VIP), 4500);
});

for (const plane of ["protocol", "kernel"] as const) {
  lab(`the third crash of the ${plane} plane ends the agent in order`, async (lab) => {
    // How fast a new plane is there is shown above.
    const pair = await startPair(lab, webSite("200ms", `address_lease = "off"`), FAULTS);
    const before = await settledResources(lab, pair.a);
    for (let time = 1; time <= 2; time++) {
      await inject(pair.a, plane, "throw");
      await untilLogged(lab, pair.a, `The ${plane} plane runs again`, time);
    }
    await untilNoMoreThan(lab, pair.a, before);
    assert.equal(takeovers(await adverts(pair.capture)).length, 0);
    await inject(pair.a, plane, "throw");
    const status = await Promise.race([pair.a.process.exited, lab.delay(5000)]);
    assert.equal(status?.code, 1, pair.a.log());
    assert.match(pair.a.log(), /Giving up: the \w+ plane died, 3 crashes within a minute/);
    // The address has no lease: somebody must have taken it away.
    assert.equal(await pair.hosts[0].holds(VIP), false, "the address is gone");
    await pair.b.untilState("web", "master", 3000);
  });
}

lab("both planes die at once: both come back", async (lab) => {
  const pair = await startPair(lab, webSite("1s"), FAULTS);
  await Promise.all([inject(pair.a, "protocol", "throw"), inject(pair.a, "kernel", "throw")]);
  await untilLogged(lab, pair.a, "The protocol plane runs again");
  await untilLogged(lab, pair.a, "The kernel plane runs again");
  await lab.delay(4500);
  assert.equal((await routerOf(pair.a, "web")).state, "master");
  assert.ok(await pair.hosts[0].holds(VIP));
  assert.equal((await routerOf(pair.b, "web")).state, "backup");
});

lab("faults are injected into an agent that allows it only", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"));
  await agent.untilState("web", "master");
  await assert.rejects(inject(agent, "protocol", "throw"), /HALB_FAULT_INJECTION=1/);
  await lab.delay(300);
  assert.doesNotMatch(agent.log(), /plane died/);
});
