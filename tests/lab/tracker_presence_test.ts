/** Tracked routes and addresses of a running agent: the kernel's tables as `ip` changes them. */

import assert from "node:assert/strict";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { FAULTS, inject, routerOf, untilLogged } from "./agent_helpers.ts";
import { keepalivedConf, startMixed, trackedSite, untilTracked } from "./tracker_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

/** `[[track_route]]` or `[[track_address]]`. */
function table(kind: "route" | "address", name: string, more: string): string {
  return `[[track_${kind}]]\nname = "${name}"\n${more}\n`;
}

function ip(host: Host, ...words: string[]): Promise<string> {
  return host.exec(["ip", ...words]);
}

/** Waits until the trackers of `web` are as wanted: healthy, and the reason. */
async function untilAll(
  lab: Lab,
  agent: HalbAgent,
  wanted: Record<string, [boolean, string]>,
): Promise<void> {
  await lab.until(`trackers are ${JSON.stringify(wanted)}`, async () => {
    const { trackers } = await routerOf(agent, "web");
    const now = Object.fromEntries(
      trackers.map(({ name, healthy, reason }) => [name, [healthy, reason]]),
    );
    assert.deepEqual(now, wanted);
    return true;
  }, 10_000);
}

lab("a default route of weight 60 moves mastership to keepalived and back", async (lab) => {
  const { halb, hosts } = await startMixed(
    lab,
    trackedSite(
      table("route", "default", 'to = "0.0.0.0/0"\nweight = 60'),
      '{ routes = ["default"] }',
    ),
    keepalivedConf(180, "", ""),
    false,
    "backup",
  );
  await untilTracked(lab, halb, { state: "backup", priority: 150, reason: "there is none" });
  await ip(hosts[0], "route", "add", "default", "via", "192.0.2.254");
  await untilTracked(lab, halb, {
    state: "master",
    priority: 210,
    reason: "via 192.0.2.254 dev eth0",
  });
  await ip(hosts[0], "route", "del", "default");
  await untilTracked(lab, halb, { state: "backup", priority: 150, reason: "there is none" });
  await lab.until("keepalived holds the address", () => hosts[1].holds("192.0.2.10"), 5000);
});

lab("routes by table, gateway and interface, of both families; delays; silence", async (lab) => {
  const [host, other] = await lab.hostsNamed("a", "o");
  await lab.lan("net", [host, other]);
  const second = await lab.lan("two", [host, other]);
  const trackers = [
    table("route", "any", 'to = "203.0.113.0/24"\nweight = 1'),
    table("route", "via", 'to = "203.0.113.0/24"\nvia = "192.0.2.200"\nweight = 2'),
    table("route", "dev", 'to = "203.0.113.0/24"\ninterface = "eth1"\nweight = 4'),
    table("route", "table", 'to = "203.0.113.0/24"\ntable = 100\nweight = 8'),
    table("route", "six", 'to = "2001:db8:1::/48"\nweight = 16'),
  ].join("");
  const agent = startHalb(
    lab,
    host,
    trackedSite(trackers, '{ routes = ["any", "via", "dev", "table", "six"] }'),
  );
  const none: [boolean, string] = [false, "there is none"];
  const all = { any: none, via: none, dev: none, table: none, six: none };
  await agent.untilState("web", "master");
  await untilAll(lab, agent, all);
  // Neither a part of it nor what leads nowhere.
  await ip(host, "route", "add", "203.0.113.0/25", "via", "192.0.2.200");
  await ip(host, "route", "add", "blackhole", "203.0.113.0/24", "metric", "5000");
  const gateway = "198.51.100.77";
  await ip(host, "address", "add", "198.51.100.1/24", "dev", "eth1");
  await ip(host, "route", "add", "203.0.113.0/24", "via", gateway);
  const through = `via ${gateway} dev eth1`;
  await untilAll(lab, agent, {
    ...all,
    any: [true, through],
    via: [false, `there is only one ${through}`],
    dev: [true, through],
  });
  await ip(
    host,
    "route",
    "replace",
    "203.0.113.0/24",
    "proto",
    "static",
    "nexthop",
    "via",
    gateway,
    "nexthop",
    "via",
    "192.0.2.200",
  );
  await untilAll(lab, agent, {
    ...all,
    any: [true, through],
    via: [true, "via 192.0.2.200 dev eth0"],
    dev: [true, through],
  });
  await ip(host, "route", "add", "203.0.113.0/24", "dev", "eth0", "table", "100");
  await ip(host, "-6", "route", "add", "2001:db8:1::/48", "dev", "eth1");
  await lab.until(
    "all weights count",
    async () => (await routerOf(agent, "web")).effective_priority === 150 + 31,
    5000,
  );
  // The kernel says nothing of IPv4 routes that go with their interface.
  await ip(host, "link", "set", "eth1", "down");
  await untilAll(lab, agent, {
    any: [true, "via 192.0.2.200 dev eth0"],
    via: [true, "via 192.0.2.200 dev eth0"],
    dev: [false, "there is only one via 192.0.2.200 dev eth0"],
    table: [true, "dev eth0"],
    six: none,
  });
  assert.equal(second.links.length, 2);
});

lab("an address that comes and goes, with delays, reload, planes and processes", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  await ip(host, "link", "add", "side0", "type", "veth", "peer", "name", "side1");
  await ip(host, "link", "set", "side0", "up");
  const site = (more: string) =>
    trackedSite(
      table("address", "uplink", `address = "198.51.100.1"\n${more}`),
      '{ addresses = ["uplink"] }',
    );
  const agent = startHalb(lab, host, site(""), FAULTS);
  await untilTracked(lab, agent, { state: "fault", reason: "no interface has it" });
  assert.deepEqual((await routerOf(agent, "web")).waiting_for, [
    "tracked address uplink: no interface has it",
  ]);
  await ip(host, "address", "add", "198.51.100.1/24", "dev", "side0");
  await untilTracked(lab, agent, { state: "master", reason: "on side0" });
  await ip(host, "link", "del", "side0");
  await untilTracked(lab, agent, { state: "fault", reason: "no interface has it" });
  await ip(host, "address", "add", "198.51.100.1/24", "dev", "eth0");
  await untilTracked(lab, agent, { state: "master", reason: "on eth0" });
  // It would be a fault with the former weight.
  const steady = (await routerOf(agent, "web")).transitions;
  agent.writeSite(site('interface = "eth7"\nweight = -20'));
  agent.reload();
  await untilTracked(lab, agent, {
    state: "master",
    priority: 130,
    reason: "eth0 has it, eth7 does not",
  });
  assert.equal((await routerOf(agent, "web")).transitions, steady);
  agent.writeSite(site('weight = -20\ndown_delay = "60s"'));
  agent.reload();
  await untilTracked(lab, agent, { state: "master", priority: 150, reason: "on eth0" });
  for (const plane of ["protocol", "kernel"] as const) {
    await inject(agent, plane, "throw");
    await untilLogged(lab, agent, `The ${plane} plane runs again`);
    await untilTracked(lab, agent, { state: "master", priority: 150, reason: "on eth0" });
  }
  const { transitions } = await routerOf(agent, "web");
  await upgrade(agent);
  await untilTracked(lab, agent, { state: "master", priority: 150, reason: "on eth0" });
  assert.equal((await routerOf(agent, "web")).transitions, transitions);
  // Gone for less than its delay is never gone.
  const lines = () => agent.log().split("Tracked address").length;
  const before = lines();
  await ip(host, "address", "del", "198.51.100.1/24", "dev", "eth0");
  await lab.until("it is missed", () => lines() > before, 5000);
  await ip(host, "address", "add", "198.51.100.1/24", "dev", "eth0");
  await lab.until("it is back", () => lines() > before + 1, 5000);
  await untilTracked(lab, agent, { state: "master", priority: 150, reason: "on eth0" });
});
