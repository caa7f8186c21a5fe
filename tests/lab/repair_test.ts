/**
 * A host that changes under a whole agent, with a second agent and a client beside it: what must
 * not become a failover becomes none, what must does so once, and the service is back within
 * bounds. `kernel_repair_test.ts` shows the same of the kernel plane alone, change by change.
 */

import assert from "node:assert/strict";
import { adverts, longestDoubleMaster, takeovers } from "../lib/adverts.ts";
import { HolderWatch } from "../lib/holders.ts";
import {
  type Capture,
  type HalbAgent,
  type Host,
  type Lab,
  lab,
  type Lan,
  startHalb,
  startProbe,
} from "../lib/mod.ts";
import { longestGap, routerOf } from "./agent_helpers.ts";
import { type Form, halbSite, IPV4, IPV6, sourceOf } from "./forms.ts";

/** Until b misses a, milliseconds: three intervals of 100 ms and its skew. */
const MASTER_DOWN = 361;
/** What a busy machine with two processors may add to any of it, milliseconds. */
const TOLERANCE = 150;
/** How long one address may be away that is put back at once, milliseconds. */
const AT_ONCE = 50;

function site(form: Form): string {
  const priority = "{ by_host = { a = 150, b = 100 } }";
  return halbSite(form, priority, 'garp = { repeat = 2, delay = "1s" }');
}

/** Two agents and a client of their address; a is master. */
interface Bench {
  readonly form: Form;
  readonly lab: Lab;
  readonly a: HalbAgent;
  readonly b: HalbAgent;
  readonly hosts: readonly [Host, Host, Host];
  readonly lan: Lan;
  readonly capture: Capture;
  readonly holders: HolderWatch;
  /** Where a sends its adverts from. */
  readonly source: string;
}

async function startBench(lab: Lab, form: Form): Promise<Bench> {
  const hosts = await lab.hostsNamed("a", "b", "client");
  const lan = await lab.lan("net", hosts);
  await hosts[2].exec(["ip", "address", "add", "2001:db8::3/64", "dev", "eth0", "nodad"]);
  const capture = await lab.capture(lan, "ip proto 112 or ip6 proto 112");
  const source = await sourceOf(hosts[0], form);
  const a = startHalb(lab, hosts[0], site(form));
  await a.untilState("web", "master");
  const b = startHalb(lab, hosts[1], site(form));
  await b.untilState("web", "backup");
  await lab.until("a holds the address", () => hosts[0].holds(form.vip), 2000);
  const holders = await HolderWatch.start(form.vip, hosts.slice(0, 2));
  return { form, lab, a, b, hosts, lan, capture, holders, source };
}

function ip(host: Host, words: string): Promise<string> {
  return host.exec(["ip", ...words.split(" ")]);
}

/** All in one program: nobody can look in between. */
function ipBatch(host: Host, ...lines: string[]): Promise<string> {
  return host.exec(["ip", "-batch", "-"], { input: lines.join("\n") + "\n" });
}

/** Plugs a host's `eth0` that was deleted into the LAN again, down and without an address. */
async function plugIn({ lan, lab }: Pick<Bench, "lan" | "lab">, host: Host): Promise<void> {
  const leg = host.name === "a" ? "leg1" : "leg2";
  const bridge = await lab.until("the old leg is gone", async () => {
    const words = ["ip", "-n", lan.namespace, "-o", "link", "show"];
    const shown = await host.exec(words);
    return shown.includes(`${leg}@`) ? undefined : ["ip", "-n", lan.namespace, "link"];
  }, 2000);
  const peer = ["peer", "name", "eth0", "netns", host.namespace];
  await host.exec([...bridge, "add", leg, "type", "veth", ...peer]);
  await host.exec([...bridge, "set", leg, "master", "br0"]);
}

async function untilWaiting({ lab }: { lab: Lab }, agent: HalbAgent, reason: string) {
  await lab.until(`${agent.name} waits for: ${reason}`, async () => {
    const { waiting_for: reasons, state } = await routerOf(agent, "web");
    if (state === "fault" && reasons.join() === reason) return true;
    throw new Error(`${state}: ${reasons.join()}`);
  }, 3000);
}

/** a is master, b backup, a alone holds the address, and the client reaches it. */
async function untilAtWork({ lab, a, b, hosts, form }: Bench): Promise<void> {
  await a.untilState("web", "master", 4000);
  await b.untilState("web", "backup", 2000);
  await lab.until("a holds the address, alone", async () => {
    return await hosts[0].holds(form.vip) && !await hosts[1].holds(form.vip);
  }, 2000);
  const ping = ["ping", "-n", "-c", "1", "-W", "1", form.vip];
  await lab.until("the client reaches it", async () => {
    return (await hosts[2].tryExec(ping)).code === 0;
  }, 2000);
}

/** Nothing happened to the routers: neither to their states nor to what the other hears. */
async function assertNoFailover(bench: Bench, before: readonly number[]): Promise<void> {
  const routers = [await routerOf(bench.a, "web"), await routerOf(bench.b, "web")];
  assert.deepEqual(routers.map(({ state }) => state), ["master", "backup"]);
  assert.deepEqual(routers.map(({ transitions }) => transitions), before, "no transition");
  const seen = await adverts(bench.capture);
  assert.deepEqual(takeovers(seen), []);
  assert.ok(seen.every(({ priority }) => priority === 150), "no resignation");
  const gap = longestGap(seen, bench.source);
  assert.ok(gap < 200_000, `silent for ${gap} µs`);
}

/** b took over once, and a is back: nobody else spoke, and no two for longer than it takes. */
async function assertOneFailover(bench: Bench): Promise<void> {
  const seen = await adverts(bench.capture);
  const mine = (source: string) => source === bench.source;
  assert.deepEqual(takeovers(seen).map(({ to }) => mine(to)), [false, true]);
  const overlap = longestDoubleMaster(seen) / 1000;
  assert.ok(overlap <= 100 + TOLERANCE, `two advertised for ${overlap} ms`);
  const held = bench.holders.longestOverlap();
  assert.ok(held <= 100 + TOLERANCE, `two held the address for ${held} ms`);
}

async function transitions({ a, b }: Bench): Promise<number[]> {
  return [(await routerOf(a, "web")).transitions, (await routerOf(b, "web")).transitions];
}

/** Times for which a did not hold the address between two holdings, milliseconds. */
function absences({ holders }: Bench): number[] {
  const own = holders.holdings().filter(({ host }) => host === "a");
  return own.slice(1).map(({ from }, i) => from - own[i]!.to);
}

/** Somebody deletes the address: it is back at once, and counted. */
async function deleteByHand(bench: Bench): Promise<void> {
  const { form, lab, a, hosts: [host] } = bench;
  const { repairs } = await routerOf(a, "web");
  await ip(host, `address del ${form.vip}/${form === IPV4 ? 32 : 128} dev eth0`);
  await lab.until("it is back", () => host.holds(form.vip), 1000);
  await lab.until("it is counted", async () => {
    return (await routerOf(a, "web")).repairs === repairs + 1;
  }, 1000);
  // The monitor is a program of its own: it tells of it when it gets to it.
  await lab.until("the monitor tells of it", () => absences(bench).length > 0, 2000);
}

lab("repair: an address deleted by hand is back at once, and no client waits", async (lab) => {
  const bench = await startBench(lab, IPV4);
  const before = await transitions(bench);
  const probe = await startProbe(lab, bench.hosts[2], IPV4.vip);
  await deleteByHand(bench);
  await lab.delay(300);
  const outage = (await probe.stop()).longest()?.duration ?? 0;
  assert.ok(outage < (AT_ONCE + TOLERANCE) * 1000, `no answer for ${outage} µs`);
  const [away] = absences(bench);
  assert.ok(away !== undefined && away <= AT_ONCE, `away for ${away} ms`);
  await assertNoFailover(bench, before);
}, { attempts: 2 });

lab("repair: another MTU and another hardware address are no failover", async (lab) => {
  const bench = await startBench(lab, IPV4);
  const { hosts: [host, , client], a } = bench;
  const before = await transitions(bench);
  const probe = await startProbe(lab, client, IPV4.vip);
  const { announcements } = await routerOf(a, "web");
  await ip(host, "link set eth0 mtu 1400");
  await ip(host, "link set eth0 mtu 1500");
  await ip(host, "link set eth0 address 02:00:00:00:00:77");
  await lab.until("the client knows the new one", async () => {
    return await client.neighbour(IPV4.vip) === "02:00:00:00:00:77";
  }, 1000);
  await lab.until("the announcement is counted", async () => {
    return (await routerOf(a, "web")).announcements > announcements;
  }, 1000);
  await lab.delay(300);
  const outage = (await probe.stop()).longest()?.duration ?? 0;
  assert.ok(outage < TOLERANCE * 1000, `no answer for ${outage} µs`);
  assert.deepEqual(absences(bench), [], "the address never went");
  assert.equal((await routerOf(a, "web")).repairs, 0);
  await assertNoFailover(bench, before);
}, { attempts: 2 });

lab("repair: interface down and up: one failover there and back", async (lab) => {
  const bench = await startBench(lab, IPV4);
  const { hosts: [host, , client], a, b } = bench;
  const probe = await startProbe(lab, client, IPV4.vip);
  await ip(host, "link set eth0 down");
  await untilWaiting(bench, a, "interface eth0: down");
  await b.untilState("web", "master", 2000);
  assert.equal(await host.holds(IPV4.vip), false, "nothing is held that nobody can reach");
  await ip(host, "link set eth0 up");
  await untilAtWork(bench);
  await lab.delay(300);
  const outages = (await probe.stop()).outages(TOLERANCE);
  assert.ok(outages.length <= 2, JSON.stringify(outages));
  const [first] = outages;
  const bound = (MASTER_DOWN + TOLERANCE) * 1000;
  assert.ok(first !== undefined && first.duration <= bound, JSON.stringify(first));
  assert.equal((await routerOf(a, "web")).repairs, 0, "nobody removed anything");
  await assertOneFailover(bench);
});

lab("repair: interface deleted and created again, slowly and at one stroke", async (lab) => {
  const bench = await startBench(lab, IPV4);
  const { hosts: [host], a, b, lan } = bench;
  await ip(host, "link del eth0");
  await untilWaiting(bench, a, "interface eth0: not there");
  await b.untilState("web", "master", 2000);
  await plugIn(bench, host);
  await untilWaiting(bench, a, "interface eth0: down");
  await ip(host, "link set eth0 up");
  await untilWaiting(bench, a, "interface eth0: no carrier");
  await host.exec(["ip", "-n", lan.namespace, "link", "set", "leg1", "up"]);
  await untilWaiting(bench, a, "interface eth0: no IPv4 address");
  await ip(host, "address add 192.0.2.1/24 dev eth0");
  await untilAtWork(bench);
  await assertOneFailover(bench);
  await ipBatch(
    host,
    "link del eth0",
    `link add eth0 type veth peer name leg1 netns ${lan.namespace}`,
    "address add 192.0.2.1/24 dev eth0",
    "link set eth0 up",
  );
  await host.exec(["ip", "-n", lan.namespace, "link", "set", "leg1", "master", "br0", "up"]);
  await untilAtWork(bench);
  // One lease more: it is refreshed on the new one.
  await lab.delay(3200);
  assert.ok(await host.holds(IPV4.vip), "the lease is refreshed");
});

lab("repair: interface renamed away and back", async (lab) => {
  const bench = await startBench(lab, IPV4);
  const { hosts: [host], a, b } = bench;
  await ipBatch(host, "link set eth0 down", "link set eth0 name lan0", "link set lan0 up");
  await untilWaiting(bench, a, "interface eth0: not there");
  await b.untilState("web", "master", 2000);
  assert.equal(await host.holds(IPV4.vip), false, "nothing is left on the renamed one");
  await ipBatch(host, "link set lan0 down", "link set lan0 name eth0", "link set eth0 up");
  await untilAtWork(bench);
  await assertOneFailover(bench);
});

lab("repair: a backup that starts too early joins without a failover, and works", async (lab) => {
  const [hostA, hostB] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [hostA, hostB]);
  const capture = await lab.capture(lan, "ip proto 112");
  await ip(hostB, "link del eth0");
  const a = startHalb(lab, hostA, site(IPV4));
  await a.untilState("web", "master");
  const b = startHalb(lab, hostB, site(IPV4));
  await lab.until("b answers", () => routerOf(b, "web"), 5000);
  await untilWaiting({ lab }, b, "interface eth0: not there");
  await plugIn({ lan, lab }, hostB);
  await untilWaiting({ lab }, b, "interface eth0: down");
  await ip(hostB, "link set eth0 up");
  await untilWaiting({ lab }, b, "interface eth0: no carrier");
  await hostB.exec(["ip", "-n", lan.namespace, "link", "set", "leg2", "up"]);
  await untilWaiting({ lab }, b, "interface eth0: no IPv4 address");
  await ip(hostB, "address add 192.0.2.2/24 dev eth0");
  await b.untilState("web", "backup", 3000);
  assert.deepEqual((await routerOf(b, "web")).waiting_for, []);
  await lab.until("b hears a", async () => {
    return (await routerOf(b, "web")).sessions[0]!.counters.advertisements_received >= 5;
  }, 2000);
  assert.equal((await routerOf(a, "web")).transitions, 2, "a saw nothing of it");
  assert.equal(await hostB.holds(IPV4.vip), false);
  // It has joined for good.
  await lan.link(hostA).cut();
  await b.untilState("web", "master", 2000);
  await lab.until("b holds the address", () => hostB.holds(IPV4.vip), 1000);
  const seen = await adverts(capture);
  const [only, ...others] = takeovers(seen);
  assert.deepEqual(others, []);
  assert.equal(only?.to, "192.0.2.2");
  const took = (only!.first - only!.lastHeard) / 1000;
  assert.ok(took >= MASTER_DOWN - 1 && took <= MASTER_DOWN + TOLERANCE, `took over after ${took}`);
});

lab("repair: all of it over IPv6", async (lab) => {
  const bench = await startBench(lab, IPV6);
  const { form, hosts: [host, , client], a, b, lan } = bench;
  const before = await transitions(bench);
  await deleteByHand(bench);
  const [away] = absences(bench);
  assert.ok(away !== undefined && away <= AT_ONCE, `away for ${away} ms`);
  await client.exec(["ping", "-n", "-c", "1", "-W", "1", form.vip]);
  await ip(host, "link set eth0 mtu 1400");
  await ip(host, "link set eth0 mtu 1500");
  await ip(host, "link set eth0 address 02:00:00:00:00:77");
  await lab.until("the client knows the new one", async () => {
    return await client.neighbour(form.vip) === "02:00:00:00:00:77";
  }, 1000);
  assert.equal((await routerOf(a, "web")).repairs, 1);
  await assertNoFailover(bench, before);
  const [transitionsOfA, transitionsOfB] = before;
  // Its own link-local address goes with the interface, and comes back after a moment.
  await ip(host, "link set eth0 down");
  await untilWaiting(bench, a, "interface eth0: down");
  await b.untilState("web", "master", 2000);
  await ip(host, "link set eth0 up");
  await untilAtWork(bench);
  await ip(host, "link del eth0");
  await untilWaiting(bench, a, "interface eth0: not there");
  await b.untilState("web", "master", 2000);
  await plugIn(bench, host);
  await ip(host, "link set eth0 up");
  await untilWaiting(bench, a, "interface eth0: no carrier");
  await host.exec(["ip", "-n", lan.namespace, "link", "set", "leg1", "up"]);
  await untilAtWork(bench);
  // To fault, to backup, to master: twice. To master and back: twice.
  const after = [transitionsOfA! + 6, transitionsOfB! + 4];
  assert.deepEqual(await transitions(bench), after);
  assert.equal((await routerOf(a, "web")).repairs, 1, "nobody else removed anything");
  const held = bench.holders.longestOverlap();
  assert.ok(held <= 100 + TOLERANCE, `two held the address for ${held} ms`);
}, { attempts: 2 });

lab("repair: a backup that IPv6 was taken off for a while hears the master again", async (lab) => {
  const { b, hosts: [, host] } = await startBench(lab, IPV6);
  // The kernel ends the membership of a socket that is still open, also where it goes by so fast
  // that nobody sees the state in between.
  for (const seen of [true, false]) {
    await ip(host, "link set eth0 mtu 1200");
    if (seen) await b.untilState("web", "fault");
    await ip(host, "link set eth0 mtu 1500");
    await lab.until("b is in the group", async () => {
      return (await ip(host, "maddress show dev eth0")).includes("ff02::12");
    }, 5000);
    await b.untilState("web", "backup", 5000);
    await lab.delay(2 * MASTER_DOWN + TOLERANCE);
    assert.equal((await routerOf(b, "web")).state, "backup");
  }
});
