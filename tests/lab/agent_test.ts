/**
 * One agent and a host that changes under it: interfaces that are missing, come, go, are renamed or
 * lose their address; addresses that somebody else removes; trackers; a delayed start.
 */

import assert from "node:assert/strict";
import { adverts, takeovers } from "../lib/adverts.ts";
import { HolderWatch } from "../lib/holders.ts";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { longestGap, routerOf, startPair, untilLogged, VIP, webSite } from "./agent_helpers.ts";

/** Runs `ip` on a host. */
function ip(host: Host, words: string): Promise<string> {
  return host.exec(["ip", ...words.split(" ")]);
}

/** A veth pair with both ends on the host: `peer0` decides whether `eth0` has carrier. */
async function addPair(host: Host): Promise<void> {
  await ip(host, "link add eth0 type veth peer name peer0");
}

/** An interface `up0` that is up. */
async function addTracked(host: Host): Promise<void> {
  await ip(host, "link add up0 type veth peer name up1");
  await ip(host, "link set up1 up");
  await ip(host, "link set up0 up");
}

async function bringUp(host: Host, address = "192.0.2.1/24"): Promise<void> {
  await ip(host, "link set peer0 up");
  await ip(host, "link set eth0 up");
  await ip(host, `address add ${address} dev eth0`);
}

async function untilWaiting(
  lab: Lab,
  agent: HalbAgent,
  reason: string,
  wanted = "fault",
): Promise<void> {
  await lab.until(`web waits for: ${reason}`, async () => {
    const { waiting_for: reasons, state } = await routerOf(agent, "web");
    if (state === wanted && reasons.join() === reason) return true;
    throw new Error(`${state}: ${reasons.join()}`);
  }, 3000);
}

async function untilMaster(lab: Lab, agent: HalbAgent, host: Host): Promise<void> {
  await agent.untilState("web", "master");
  await lab.until("the address is held", () => host.holds(VIP), 5000);
}

lab("a router waits for its interface, carrier and address, and says so", async (lab) => {
  const host = await lab.host("a");
  const agent = startHalb(lab, host, webSite("100ms"));
  await lab.until("it answers", () => routerOf(agent, "web"), 10_000);
  await untilWaiting(lab, agent, "interface eth0: not there");
  await addPair(host);
  await untilWaiting(lab, agent, "interface eth0: down");
  await ip(host, "link set eth0 up");
  await untilWaiting(lab, agent, "interface eth0: no carrier");
  await ip(host, "link set peer0 up");
  await untilWaiting(lab, agent, "interface eth0: no IPv4 address");
  await ip(host, "address add 192.0.2.1/24 dev eth0");
  await untilMaster(lab, agent, host);
  assert.deepEqual((await routerOf(agent, "web")).waiting_for, []);
  await ip(host, "address del 192.0.2.1/24 dev eth0");
  await untilWaiting(lab, agent, "interface eth0: no IPv4 address");
  await lab.until("the virtual address goes", async () => !await host.holds(VIP), 2000);
});

lab("an interface comes back with another index", async (lab) => {
  const host = await lab.host("a");
  await addPair(host);
  await bringUp(host);
  const agent = startHalb(lab, host, webSite("100ms"));
  await untilMaster(lab, agent, host);
  const index = async () => JSON.parse(await ip(host, "-j link show dev eth0"))[0].ifindex;
  const before = await index();
  for (let time = 0; time < 3; time++) {
    await ip(host, "link del eth0");
    await untilWaiting(lab, agent, "interface eth0: not there");
    await addPair(host);
    await bringUp(host);
    await untilMaster(lab, agent, host);
  }
  assert.notEqual(await index(), before);
  // The socket is the new interface's: what is sent arrives there.
  const peer = await lab.capture(host, "ip proto 112", "peer0");
  await lab.delay(500);
  assert.ok((await adverts(peer)).length >= 3);
  // Deleted and made again faster than anybody can look.
  await host.exec(["ip", "-batch", "-"], {
    input: "link del eth0\nlink add eth0 type veth peer name peer0\nlink set peer0 up\n" +
      "link set eth0 up\naddress add 192.0.2.1/24 dev eth0\n",
  });
  await lab.delay(500);
  await untilMaster(lab, agent, host);
  await lab.delay(3500);
  assert.ok(await host.holds(VIP), "held and refreshed on the new one");
});

lab("a renamed interface is another one, and comes back with its name", async (lab) => {
  const host = await lab.host("a");
  await addPair(host);
  await bringUp(host);
  const agent = startHalb(lab, host, webSite("100ms"));
  await untilMaster(lab, agent, host);
  await ip(host, "link set eth0 down");
  await untilWaiting(lab, agent, "interface eth0: down");
  await ip(host, "link set eth0 name lan0");
  await untilWaiting(lab, agent, "interface eth0: not there");
  await ip(host, "link set lan0 up");
  await lab.until("nothing is left on the renamed one", async () => !await host.holds(VIP), 2000);
  await lab.delay(500);
  assert.equal((await routerOf(agent, "web")).state, "fault");
  assert.equal(await host.holds(VIP), false, "and nothing comes back");
  await ip(host, "link set lan0 down");
  await ip(host, "link set lan0 name eth0");
  await ip(host, "link set eth0 up");
  await untilMaster(lab, agent, host);
});

lab("another own address is taken for the adverts without letting go", async (lab) => {
  const host = await lab.host("a");
  const lan = await lab.lan("net", [host]);
  const capture = await lab.capture(lan, "ip proto 112");
  const agent = startHalb(lab, host, webSite("100ms"));
  await untilMaster(lab, agent, host);
  const before = await routerOf(agent, "web");
  await ip(host, "address add 192.0.2.7/24 dev eth0");
  await lab.delay(300);
  // The second becomes the first: the kernel promotes it where it is told to.
  await host.sysctl("net.ipv4.conf.eth0.promote_secondaries", "1");
  await ip(host, "address del 192.0.2.1/24 dev eth0");
  await lab.until("it sends from the other", async () => {
    return (await routerOf(agent, "web")).sessions[0]!.source === "192.0.2.7";
  }, 2000);
  await lab.delay(500);
  assert.equal((await routerOf(agent, "web")).transitions, before.transitions);
  assert.ok(await host.holds(VIP));
  const seen = await adverts(capture);
  assert.deepEqual([...new Set(seen.map(({ source }) => source))], ["192.0.2.1", "192.0.2.7"]);
  assert.ok(seen.every(({ priority }) => priority === 150));
});

lab("an address that somebody removes comes back at once, without failover", async (lab) => {
  const pair = await startPair(lab, webSite("100ms"));
  const [host] = pair.hosts;
  const watch = await HolderWatch.start(VIP, [host]);
  for (let time = 1; time <= 3; time++) {
    await ip(host, `address del ${VIP}/32 dev eth0`);
    await lab.until("it is back", () => host.holds(VIP), 1000);
    await lab.until("it is counted", async () => {
      return (await routerOf(pair.a, "web")).repairs === time;
    }, 1000);
  }
  await ip(host, "address flush dev eth0 to 192.0.2.10/32");
  await lab.until("flushed, and back", () => host.holds(VIP), 1000);
  const holdings = watch.holdings();
  for (const [i, holding] of holdings.slice(1).entries()) {
    const missing = holding.from - holdings[i]!.to;
    // At once, and then more slowly: two programs that undo each other must not spin.
    // `ip monitor` tells the times, and not ahead of everybody.
    const allowed = [50, 150, 250, 450][i]! + 200;
    assert.ok(missing <= allowed, `away for ${missing} ms the time number ${i + 1}`);
  }
  assert.equal((await routerOf(pair.a, "web")).transitions, 2);
  const seen = await adverts(pair.capture);
  assert.deepEqual(takeovers(seen), []);
  assert.ok(seen.every(({ priority }) => priority === 150), "no resignation");
  assert.ok(longestGap(seen, "192.0.2.1") < 150_000);
});

lab("a tracked interface with a weight moves mastership both ways", async (lab) => {
  const site = webSite("100ms", `track = { interfaces = [{ name = "up0", weight = -60 }] }`);
  const hosts = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", hosts);
  const capture = await lab.capture(lan, "ip proto 112");
  for (const host of hosts) {
    await addTracked(host);
  }
  const a = startHalb(lab, hosts[0], site);
  await a.untilState("web", "master");
  const b = startHalb(lab, hosts[1], site);
  await b.untilState("web", "backup");
  await ip(hosts[0], "link set up0 down");
  await b.untilState("web", "master");
  await a.untilState("web", "backup");
  const router = await routerOf(a, "web");
  assert.equal(router.effective_priority, 90);
  assert.deepEqual(router.trackers, [
    {
      name: "up0",
      kind: "interface",
      healthy: false,
      contribution: -60,
      reason: "down",
      fault: false,
    },
  ]);
  await ip(hosts[0], "link del up0");
  await lab.until("the reason changes", async () => {
    return (await routerOf(a, "web")).trackers[0]?.reason === "not there";
  }, 2000);
  await addTracked(hosts[0]);
  await a.untilState("web", "master");
  await b.untilState("web", "backup");
  assert.equal((await routerOf(a, "web")).effective_priority, 150);
  const seen = await adverts(capture);
  assert.deepEqual(takeovers(seen).map(({ to }) => to), ["192.0.2.2", "192.0.2.1"]);
  assert.ok(seen.some(({ priority }) => priority === 90), "the others were told");
});

lab("a tracked interface without a weight is a condition", async (lab) => {
  const site = webSite("100ms", `track = { interfaces = ["up0"] }`);
  const hosts = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", hosts);
  const capture = await lab.capture(lan, "ip proto 112");
  for (const host of hosts) {
    await addTracked(host);
  }
  const a = startHalb(lab, hosts[0], site);
  await a.untilState("web", "master");
  const b = startHalb(lab, hosts[1], site);
  await b.untilState("web", "backup");
  await ip(hosts[0], "link set up0 down");
  await untilWaiting(lab, a, "tracked interface up0: down");
  await b.untilState("web", "master");
  await ip(hosts[1], "link set up0 down");
  await untilWaiting(lab, b, "tracked interface up0: down");
  for (const host of hosts) {
    await lab.until("nobody holds it", async () => !await host.holds(VIP), 2000);
  }
  for (const host of hosts) await ip(host, "link set up0 up");
  await a.untilState("web", "master");
  await b.untilState("web", "backup");
  const resigned = (await adverts(capture)).filter(({ priority }) => priority === 0);
  assert.deepEqual(resigned.map(({ source }) => source), ["192.0.2.1", "192.0.2.2"]);
});

lab("startup_delay keeps a router out of the election for so long", async (lab) => {
  const host = await lab.host("a");
  const lan = await lab.lan("net", [host]);
  const capture = await lab.capture(lan, "ip proto 112");
  const site = `[agent]\nstartup_delay = "3s"\n\n${webSite("100ms")}`;
  const started = Date.now() * 1000;
  const agent = startHalb(lab, host, site);
  await lab.until("it answers", () => routerOf(agent, "web"), 10_000);
  await untilWaiting(lab, agent, "startup delay", "init");
  // A reload must not end the delay.
  agent.reload();
  await untilLogged(lab, agent, "Reload: applied");
  await untilMaster(lab, agent, host);
  const [first] = await adverts(capture);
  const waited = first!.time - started;
  assert.ok(waited >= 3_000_000 && waited < 10_000_000, `first advert after ${waited} µs`);
});
