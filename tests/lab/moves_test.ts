/**
 * What moves with mastership beside the adverts' addresses, on a real kernel: excluded addresses,
 * address attributes, routes and rules, and what `[static]` holds. `ip` reads all of it back.
 */

import assert from "node:assert/strict";
import {
  type HalbAgent,
  halbPath,
  type Host,
  type Lab,
  lab,
  type LabProcess,
  startHalb,
  startKeepalived,
  tryExecute,
} from "../lib/mod.ts";
import { monotonicMicros } from "../../ffi/mod.ts";
import { routerOf, statusOf } from "./agent_helpers.ts";

/** A master within half a second. */
function router(name: string, id: number, more: string): string {
  return `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
priority = 150
advertisement_interval = "100ms"
garp = { repeat = 1, delay = "0s" }
${more}
`;
}

async function ip(host: Host, words: string): Promise<string> {
  return await host.exec(["ip", ...words.split(" ")]);
}

/** Routes of halb in all tables, a line each, its connected ones left out. */
async function routes(host: Host, family: 4 | 6 = 4): Promise<string[]> {
  const shown = await ip(host, `-d -${family} route show table all proto 112`);
  const lines = shown.replace(/\n\t/g, " ").split("\n").map((line) =>
    line.trim().replace(/ +/g, " ")
  );
  // IPv6 lists every table, and then the main one once more.
  return [...new Set(lines)].filter((line) => line !== "" && !/metric 1000\d\d\d/.test(line));
}

/** Rules of halb. */
async function rules(host: Host, family: 4 | 6 = 4): Promise<string[]> {
  const shown = await ip(host, `-d -${family} rule show`);
  return shown.split("\n").filter((line) => line.endsWith("proto 112"))
    .map((line) => line.replace(/\s+/g, " ").replace(" proto 112", ""));
}

async function startOne(lab: Lab, site: string, name = "web"): Promise<[Host, HalbAgent]> {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  await ip(host, "address add 2001:db8::5/64 dev eth0 nodad");
  const agent = startHalb(lab, host, site);
  await agent.untilState(name, "master");
  return [host, agent];
}

/** A monitor listens when it shows a change of ours. */
async function untilMonitoring(lab: Lab, host: Host, monitor: LabProcess): Promise<void> {
  await lab.until("the monitor listens", async () => {
    await ip(host, "route replace 203.0.113.77/32 dev lo metric 77");
    await ip(host, "route delete 203.0.113.77/32 dev lo metric 77");
    return monitor.log().includes("203.0.113.77");
  }, 5000);
}

/** Waits until everything that a router has is held, or has a reason not to be. */
async function untilTold(lab: Lab, agent: HalbAgent, name: string): Promise<void> {
  await lab.until(`all of ${name} is told of`, async () => {
    const { routes, rules } = await routerOf(agent, name);
    return [...routes, ...rules].every(({ held, reason }) => held || reason !== null);
  }, 5000);
}

const EVERYTHING = router(
  "web",
  51,
  `addresses = ["192.0.2.10/24"]
excluded_addresses = ["2001:db8::10/64"]
routes = [
  { to = "default", via = "192.0.2.9", table = 100, source = "192.0.2.10" },
  { to = "198.51.100.0/28", type = "blackhole" },
  { to = "198.51.100.16/28", type = "unreachable", metric = 5 },
  { to = "198.51.100.16/28", type = "prohibit", metric = 6 },
  { to = "198.51.100.16/28", type = "throw", table = 1000 },
  { to = "203.0.113.128/25", interface = "eth0", scope = "link", tos = 16, realms = "1/2", mtu = 1400, advmss = 1360, rtt = "30ms", rttvar = "5ms", rto_min = "40ms", window = 1000, reordering = 5, cwnd = 20, ssthresh = 30, hoplimit = 9, initcwnd = 11, initrwnd = 12, quickack = true, features = ["ecn"], congctl = "reno", lock = ["mtu", "cwnd"], fastopen_no_cookie = true },
  { to = "198.51.100.128/25", nexthops = [{ via = "192.0.2.7", weight = 2 }, { via = "203.0.113.7", interface = "eth0", onlink = true }] },
  { to = "0.0.0.0/0", type = "local", interface = "lo", table = 101 },
  { to = "198.51.100.32/28", interface = "eth0", encap = { type = "ip", id = 42, destination = "192.0.2.9", source = "192.0.2.10", ttl = 3, tos = 16 } },
  { to = "default", via = "2001:db8::9", metric = 100, pref = "high", table = 100 },
  { to = "2001:db8:1::/48", nexthops = [{ via = "2001:db8::7" }, { via = "2001:db8::8", weight = 3 }] },
  { to = "2001:db8:2::/48", type = "unreachable" },
  { to = "2001:db8:3::/48", interface = "eth0", encap = { type = "ip6", id = 42, destination = "2001:db8::9" } },
]
rules = [
  { from = "203.0.113.0/24", table = 100, priority = 1000 },
  { to = "198.51.100.0/24", not = true, iif = "eth0", oif = "lo", tos = 16, fwmark = 7, fwmask = 255, action = "goto", goto = 2000, priority = 1001 },
  { uid_range = "1000-1999", ip_protocol = "tcp", source_port = 443, destination_port = "8000-8999", tunnel_id = 42, table = "main", suppress_prefix_length = 0, suppress_interface_group = 3, realms = "1/2", priority = 1002 },
  { l3mdev = true, priority = 1003 },
  { action = "unreachable", priority = 1006, fwmark = 9 },
  { action = "nop", priority = 2000 },
  { action = "prohibit", priority = 1004, from = "2001:db8:5::/48" },
  { action = "blackhole", priority = 1005, family = "ipv6", fwmark = 9 },
]`,
);

const SHOWN_ROUTES = [
  "unicast default via 192.0.2.9 dev eth0 table 100 scope global src 192.0.2.10",
  "local default dev lo table 101 scope host",
  "throw 198.51.100.16/28 table 1000 scope global",
  "blackhole 198.51.100.0/28 table main scope global",
  "unreachable 198.51.100.16/28 table main scope global metric 5",
  "prohibit 198.51.100.16/28 table main scope global metric 6",
  "unicast 198.51.100.32/28 encap ip id 42 src 192.0.2.10 dst 192.0.2.9 ttl 3 tos 16 dev eth0 " +
  "table main scope link",
  "unicast 198.51.100.128/25 table main scope global nexthop via 192.0.2.7 dev eth0 weight 2 " +
  "nexthop via 203.0.113.7 dev eth0 weight 1 onlink",
  "unicast 203.0.113.128/25 tos 0x10 dev eth0 table main scope link realms 1/2 mtu lock 1400 " +
  "window 1000 rtt 30ms rttvar 5ms ssthresh 30 cwnd lock 20 advmss 1360 reordering 5 hoplimit 9 " +
  "initcwnd 11 features ecn rto_min lock 40ms initrwnd 12 quickack 1 congctl reno fastopen_no_cookie 1",
];

const SHOWN_ROUTES6 = [
  "unicast default via 2001:db8::9 dev eth0 table 100 scope global metric 100 pref high",
  "unicast 2001:db8:1::/48 table main scope global metric 1024 pref medium nexthop via 2001:db8::7 " +
  "dev eth0 weight 1 nexthop via 2001:db8::8 dev eth0 weight 3",
  "unreachable 2001:db8:2::/48 dev lo table main scope global metric 1024 pref medium",
  "unicast 2001:db8:3::/48 encap ip6 id 42 src :: dst 2001:db8::9 hoplimit 0 tc 0 dev eth0 table " +
  "main scope global metric 1024 pref medium",
];

const SHOWN_RULES = [
  "1000: from 203.0.113.0/24 lookup 100",
  "1001: not from all to 198.51.100.0/24 tos 0x10 fwmark 0x7/0xff iif eth0 oif lo goto 2000",
  "1002: from all uidrange 1000-1999 ipproto tcp sport 443 dport 8000-8999 tun_id 42 lookup main " +
  "suppress_prefixlength 0 suppress_ifgroup 3 realms 1/2",
  "1003: from all lookup [l3mdev-table]",
  "1006: from all fwmark 0x9 unreachable",
  "2000: from all nop",
];

lab("every attribute of routes and rules, as ip shows it; gone at the stop", async (lab) => {
  const [host, agent] = await startOne(lab, EVERYTHING);
  await untilTold(lab, agent, "web");
  const status = await routerOf(agent, "web");
  assert.deepEqual([...status.routes, ...status.rules].filter(({ held }) => !held), []);
  assert.deepEqual((await routes(host)).sort(), [...SHOWN_ROUTES].sort());
  assert.deepEqual((await routes(host, 6)).sort(), [...SHOWN_ROUTES6].sort());
  assert.deepEqual(await rules(host), SHOWN_RULES);
  assert.deepEqual(await rules(host, 6), [
    "1004: from 2001:db8:5::/48 prohibit",
    "1005: from all fwmark 0x9 blackhole",
  ]);
  assert.equal((await agent.stop()).code, 0);
  for (const family of [4, 6] as const) {
    assert.deepEqual([...await routes(host, family), ...await rules(host, family)], []);
  }
});

lab("labels, scopes, peers, broadcast and preferred addresses, as ip shows them", async (lab) => {
  const site = router(
    "web",
    51,
    `addresses = ["192.0.2.10/24", { address = "203.0.113.10/24", interface = "eth0", scope = "link", label = "eth0:web", broadcast = "203.0.113.255" }]
excluded_addresses = ["2001:db8::10/64", { address = "2001:db8::11", preferred = true }, { address = "198.51.100.1", peer = "198.51.100.2" }]`,
  );
  const [host, agent] = await startOne(lab, site);
  await lab.until("all five are held", async () => {
    return (await routerOf(agent, "web")).addresses_held.length === 5;
  }, 5000);
  const shown = (await ip(host, "address show dev eth0")).replace(/\s+/g, " ");
  assert.match(
    shown,
    /inet 203\.0\.113\.10\/32 brd 203\.0\.113\.255 scope link dynamic noprefixroute eth0:web/,
  );
  assert.match(shown, /inet 198\.51\.100\.1 peer 198\.51\.100\.2\/32 scope global dynamic eth0/);
  assert.match(shown, /inet6 2001:db8::10\/128 scope global nodad deprecated/);
  assert.match(shown, /inet6 2001:db8::11\/128 scope global nodad dynamic noprefixroute/);
  assert.match(await ip(host, "route get 198.51.100.2"), /dev eth0 src 198\.51\.100\.1/);
  const { addresses, excluded_addresses } = await routerOf(agent, "web");
  assert.deepEqual(addresses, ["192.0.2.10/24", "203.0.113.10/24"]);
  assert.deepEqual(excluded_addresses, ["2001:db8::10/64", "2001:db8::11/128", "198.51.100.1/32"]);
  // Another form is another address: a reload exchanges it.
  agent.reload(site.replace("203.0.113.255", "203.0.113.127").replace("eth0:web", "eth0:new"));
  await lab.until("the new form is there", async () => {
    const now = await ip(host, "address show dev eth0");
    return /brd 203\.0\.113\.127 scope link dynamic noprefixroute eth0:new/.test(now);
  }, 5000);
  assert.equal((await agent.stop()).code, 0);
  assert.doesNotMatch(await ip(host, "address show dev eth0"), /203\.0|198\.51|::1[01]\//);
});

lab(
  "a route or rule that somebody removes comes back without failover, and is counted",
  async (lab) => {
    const site = router(
      "web",
      51,
      `addresses = ["192.0.2.10/24"]
routes = [{ to = "198.51.100.0/24", via = "192.0.2.9" }, { to = "2001:db8:1::/48", via = "2001:db8::9" }, { to = "203.0.113.0/24", interface = "eth1" }]
rules = [{ from = "198.51.100.0/24", table = 100, priority = 1000 }]`,
    );
    const [host, agent] = await startOne(lab, site);
    await untilTold(lab, agent, "web");
    const before = await routerOf(agent, "web");
    const missing = before.routes.find(({ held }) => !held);
    assert.equal(missing?.text, "203.0.113.0/24 dev eth1");
    assert.equal(missing?.reason, "Interface eth1 does not exist");
    await ip(host, "route delete 198.51.100.0/24");
    await ip(host, "-6 route delete 2001:db8:1::/48");
    await ip(host, "rule delete priority 1000");
    const repaired = async (count: number): Promise<boolean> => {
      const { repairs, routes } = await routerOf(agent, "web");
      return repairs === count && routes.filter(({ held }) => held).length >= 2;
    };
    await lab.until("three repairs", () => repaired(3), 5000);
    assert.equal((await routes(host)).length, 1);
    assert.equal((await routes(host, 6)).length, 1);
    assert.deepEqual(await rules(host), ["1000: from 198.51.100.0/24 lookup 100"]);
    // The interface that one waits for comes.
    await ip(host, "link add eth1 type veth peer name eth9");
    await ip(host, "link set eth9 up");
    await ip(host, "link set eth1 up");
    await lab.until("the third route is there", async () => {
      return (await routes(host)).some((line) => line.includes("203.0.113.0/24 dev eth1"));
    }, 5000);
    // Routes of IPv4 go with the interface in silence.
    await ip(host, "link set eth1 down");
    await lab.until("it is gone", async () => (await routes(host)).length === 1, 5000);
    await ip(host, "link set eth1 up");
    await lab.until("it is back", async () => (await routes(host)).length === 2, 5000);
    const after = await routerOf(agent, "web");
    assert.equal(after.transitions, before.transitions);
    assert.equal(after.repairs, 3, "what the kernel took is no repair");
  },
);

lab("a route that the kernel refuses is named, and comes when it can", async (lab) => {
  const site = router(
    "web",
    51,
    `addresses = ["192.0.2.10/24"]
routes = [{ to = "198.51.100.0/24", via = "203.0.113.1" }, { to = "198.51.100.128/25", via = "192.0.2.9" }]`,
  );
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  await ip(host, "route add 198.51.100.128/25 via 192.0.2.8");
  const agent = startHalb(lab, host, site);
  await agent.untilState("web", "master");
  await untilTold(lab, agent, "web");
  const { routes: told } = await routerOf(agent, "web");
  assert.match(told[0]!.reason!, /ENETUNREACH: Nexthop has invalid gateway/);
  assert.equal(told[1]!.reason, "The host has another route to this network with the same metric");
  const text = await tryExecute([halbPath(), "status", "--control", agent.controlPath]);
  assert.match(
    text.stdout,
    /web cannot hold route 198\.51\.100\.0\/24 via 203\.0\.113\.1: ENETUNREACH/,
  );
  assert.match(await ip(host, "route show 198.51.100.128/25"), /via 192\.0\.2\.8/);
  await ip(host, "address add 203.0.113.2/24 dev eth0");
  await ip(host, "route delete 198.51.100.128/25");
  await lab.until("both are held", async () => {
    return (await routerOf(agent, "web")).routes.every(({ held }) => held);
  }, 10_000);
  assert.equal((await routes(host)).length, 2);
});

lab(
  "addresses and routes move between routers in one reload, and are never missing",
  async (lab) => {
    const shared = `{ to = "198.51.100.0/24", via = "192.0.2.9" }`;
    const rule = `{ from = "198.51.100.0/24", table = 100, priority = 1000 }`;
    const site = (first: boolean) =>
      router(
        "one",
        51,
        first
          ? `addresses = ["192.0.2.10/24", "192.0.2.11/24"]\nroutes = [${shared}]\nrules = [${rule}]`
          : `addresses = ["192.0.2.10/24"]`,
      ) +
      router(
        "two",
        52,
        first
          ? `addresses = ["192.0.2.20/24"]`
          : `addresses = ["192.0.2.20/24", "192.0.2.11/24"]\nroutes = [${shared}]\nrules = [${rule}]`,
      );
    const [host, agent] = await startOne(lab, site(true), "one");
    await agent.untilState("two", "master");
    await untilTold(lab, agent, "one");
    await lab.until("the address is there", () => host.holds("192.0.2.11"), 2000);
    const monitor = host.spawn(["ip", "monitor", "address", "route", "rule"], { name: "monitor" });
    await untilMonitoring(lab, host, monitor);
    agent.writeSite(site(false));
    const reload = await tryExecute([halbPath(), "reload", "--control", agent.controlPath]);
    assert.equal(reload.code, 0, reload.stderr);
    await lab.until("two has all of it", async () => {
      const { addresses_held, routes, rules } = await routerOf(agent, "two");
      return addresses_held.includes("192.0.2.11") && [...routes, ...rules].length === 2 &&
        [...routes, ...rules].every(({ held }) => held);
    }, 5000);
    assert.deepEqual((await routerOf(agent, "one")).routes, []);
    const gone = monitor.log().split("\n")
      .filter((line) => /^Deleted/.test(line) && !line.includes("203.0.113.77"));
    assert.deepEqual(gone, []);
    assert.equal((await routes(host)).length, 1);
    // Now its last holder lets go.
    agent.reload(site(false).split("[[vrrp]]")[1]!.replace(/^/, "[[vrrp]]"));
    await lab.until("all of it is gone", async () => {
      return (await routes(host)).length === 0 && (await rules(host)).length === 0 &&
        !await host.holds("192.0.2.11");
    }, 5000);
  },
);

lab("two routers share a route: it goes with the last of them", async (lab) => {
  const shared = `routes = [{ to = "198.51.100.0/24", via = "192.0.2.9" }]`;
  const one = router("one", 51, `addresses = ["192.0.2.10/24"]\n${shared}`);
  const two = router("two", 52, `addresses = ["192.0.2.20/24"]\n${shared}`);
  const [host, agent] = await startOne(lab, one + two, "one");
  await agent.untilState("two", "master");
  await untilTold(lab, agent, "two");
  agent.reload(one);
  await lab.until("two is gone", async () => !await host.holds("192.0.2.20"), 5000);
  assert.equal((await routes(host)).length, 1);
  agent.reload(one.replace(shared, ""));
  await lab.until("the route is gone", async () => (await routes(host)).length === 0, 5000);
});

lab(
  "[static] is held whatever VRRP does, reloaded as a difference, repaired, removed",
  async (lab) => {
    const statics = (more = "") =>
      `[static]
addresses = [{ address = "192.0.2.100/24", interface = "eth0" }, { address = "2001:db8::100/64", interface = "eth0" }${more}]
routes = [{ to = "198.51.100.0/24", via = "192.0.2.9", source = "192.0.2.100" }]
rules = [{ from = "192.0.2.100", table = 100, priority = 900 }]
`;
    // The router has no interface: it is nothing but waiting.
    const waiting = router("web", 51, `addresses = ["192.0.2.10/24"]`).replace('"eth0"', '"eth7"');
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const agent = startHalb(lab, host, waiting + statics());
    const held = async () => {
      const { addresses, routes, rules } = (await statusOf(agent)).static;
      return [...addresses, ...routes, ...rules].every((one) => one.held) && addresses.length;
    };
    await lab.until("status answers, and all of it is held", held, 10_000);
    const shown = await ip(host, "address show dev eth0");
    assert.match(shown, /192\.0\.2\.100\/32 scope global noprefixroute eth0\n\s+valid_lft forever/);
    assert.match(
      shown,
      /2001:db8::100\/128 scope global nodad noprefixroute \n\s+valid_lft forever/,
    );
    await ip(host, "address delete 192.0.2.100/32 dev eth0");
    await ip(host, "rule delete priority 900");
    await lab.until("it is repaired", async () => {
      const { repairs, routes } = (await statusOf(agent)).static;
      return repairs >= 2 && routes[0]!.held && await held();
    }, 5000);
    agent.reload(waiting + statics(`, { address = "192.0.2.101/24", interface = "eth0" }`));
    await lab.until("one more", async () => await held() === 3, 5000);
    agent.reload(waiting);
    await lab.until("nothing is left", async () => {
      return !await host.holds("192.0.2.100") && (await rules(host)).length === 0;
    }, 5000);
    await lab.until("nothing is told of", async () => {
      return (await statusOf(agent)).static.addresses.length === 0;
    }, 2000);
    agent.reload(waiting + statics());
    await lab.until("all of it again", held, 5000);
    assert.equal((await agent.stop()).code, 0);
    assert.equal(await host.holds("192.0.2.100"), false);
    assert.deepEqual([...await routes(host), ...await rules(host)], []);
  },
);

lab(
  "promote_secondaries: the host's own addresses stay, and so does the setting of others",
  async (lab) => {
    const site = (more: string) => router("web", 51, `addresses = ["192.0.2.10/24"]\n${more}`);
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const path = "net.ipv4.conf.eth0.promote_secondaries";
    const setting = async () => (await host.exec(["sysctl", "-n", path])).trim();
    const untilIs = (value: string) =>
      lab.until(`it is ${value}`, async () => await setting() === value, 5000);
    await host.sysctl(path, "0");
    const agent = startHalb(lab, host, site(""));
    await agent.untilState("web", "master");
    await lab.until("the address is held", () => host.holds("192.0.2.10"), 5000);
    // A virtual address is nobody's secondary: it stays where the host's own ones go.
    await ip(host, "address add 203.0.113.1/24 dev eth0");
    await ip(host, "address add 192.0.2.2/24 dev eth0");
    await ip(host, "address add 192.0.2.3/24 dev eth0");
    await ip(host, "address delete 192.0.2.1/24 dev eth0");
    assert.equal(await host.holds("192.0.2.3"), false, "that is what the kernel does");
    assert.ok(await host.holds("192.0.2.10"));
    await ip(host, "address add 192.0.2.1/24 dev eth0");
    await ip(host, "address add 192.0.2.2/24 dev eth0");
    agent.reload(site("promote_secondaries = true\n"));
    await untilIs("112");
    await ip(host, "address delete 192.0.2.1/24 dev eth0");
    assert.ok(await host.holds("192.0.2.2"));
    // Who comes after a killed one knows what is to be set back.
    await agent.kill();
    const next = startHalb(lab, host, site("promote_secondaries = true\n"));
    await next.untilState("web", "master");
    assert.equal(await setting(), "112");
    next.reload(site(""));
    await untilIs("0");
    next.reload(site("promote_secondaries = true\n"));
    await untilIs("112");
    await next.stop();
    await untilIs("0");
    // What the host has set itself is left alone.
    await host.sysctl(path, "1");
    const third = startHalb(lab, host, site("promote_secondaries = true\n"));
    await third.untilState("web", "master");
    await third.stop();
    assert.equal(await setting(), "1");
  },
);

lab("after a kill the next start adopts what is configured and removes the rest", async (lab) => {
  const site = (count: number) =>
    router(
      "web",
      51,
      `addresses = ["192.0.2.10/24"]
routes = [${
        Array.from({ length: count }, (_, i) => `{ to = "198.51.100.${i}/32", via = "192.0.2.9" }`)
      }]
rules = [{ from = "198.51.100.0/24", table = ${100 + count}, priority = 1000 }]`,
    );
  const [host, agent] = await startOne(lab, site(3));
  await untilTold(lab, agent, "web");
  await agent.kill();
  await lab.until("the address lapses", async () => !await host.holds("192.0.2.10"), 10_000);
  assert.equal((await routes(host)).length, 3, "routes have no lease");
  const next = startHalb(lab, host, site(2));
  await next.untilState("web", "master");
  await untilTold(lab, next, "web");
  await lab.until("two are left, and the rule of now", async () => {
    assert.equal((await routes(host)).length, 2);
    assert.deepEqual(await rules(host), ["1000: from 198.51.100.0/24 lookup 102"]);
    return true;
  }, 5000);
  assert.equal((await routerOf(next, "web")).repairs, 0);
});

for (const way of ["an upgrade", 'a restart with on_stop = "keep"']) {
  lab(`${way} leaves routes, rules and [static] as they are`, async (lab) => {
    const statics = `[static]\nroutes = [{ to = "203.0.113.0/24", via = "192.0.2.9" }]\n`;
    const kept = `[agent]\non_stop = "keep"\nstate_directory = "${lab.directory}"\n`;
    // Long enough for a slow machine to start again.
    const slow = EVERYTHING.replaceAll("100ms", "2s");
    const site = (way === "an upgrade" ? EVERYTHING : kept + slow) + statics;
    const [host, agent] = await startOne(lab, site);
    await untilTold(lab, agent, "web");
    const monitor = host.spawn(["ip", "monitor", "route", "rule"], { name: "monitor" });
    await untilMonitoring(lab, host, monitor);
    let next = agent;
    if (way === "an upgrade") {
      const upgraded = await tryExecute([halbPath(), "upgrade", "--control", agent.controlPath]);
      assert.equal(upgraded.code, 0, upgraded.stderr);
    } else {
      await agent.stop();
      next = startHalb(lab, host, site);
      await next.untilState("web", "master");
    }
    await untilTold(lab, next, "web");
    const status = await lab.until("the static route is told of", async () => {
      const status = await statusOf(next);
      return status.static.routes.every(({ held }) => held) ? status : undefined;
    }, 5000);
    assert.deepEqual(status.vrrp[0]!.routes.filter(({ held }) => !held), []);
    const gone = monitor.log().split("\n")
      .filter((line) => /^Deleted/.test(line) && !line.includes("203.0.113.77"));
    assert.deepEqual(gone, []);
    assert.deepEqual((await routes(host, 6)).sort(), [...SHOWN_ROUTES6].sort());
    assert.deepEqual(await rules(host), SHOWN_RULES);
    next.writeSite(site.replace(statics, "").replace('on_stop = "keep"\n', ""));
    await tryExecute([halbPath(), "reload", "--control", next.controlPath]);
    await lab.until("the static route is gone", async () => {
      return !(await routes(host)).some((line) => line.includes("203.0.113.0/24"));
    }, 5000);
    await tryExecute(["kill", "-TERM", String(status.pid)]);
    await lab.until("all of it is gone", async () => (await routes(host)).length === 0, 5000);
  });
}

lab("255 routes and as many rules go in with the takeover (time printed)", async (lab) => {
  const many = Array.from({ length: 255 }, (_, i) => i);
  const site = router(
    "web",
    51,
    `addresses = ["192.0.2.10/24"]
routes = [${many.map((i) => `{ to = "198.51.100.${i}/32", via = "192.0.2.9" }`)}]
rules = [${
      many.map((i) => `{ from = "198.51.100.${i}/32", table = 100, priority = ${1000 + i} }`)
    }]`,
  );
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const monitor = host.spawn(["ip", "-ts", "monitor", "address", "route", "rule"], {
    name: "monitor",
  });
  await untilMonitoring(lab, host, monitor);
  const agent = startHalb(lab, host, site);
  await agent.untilState("web", "master");
  await untilTold(lab, agent, "web");
  assert.equal((await routes(host)).length, 255);
  assert.equal((await rules(host)).length, 255);
  await lab.until(
    "the monitor has shown them",
    () => /^\[.*from 198\.51\.100\.254 /m.test(monitor.log()),
    5000,
  );
  const time = (pattern: RegExp) => {
    // The first one: an address is told of again whenever its lease is refreshed.
    const line = monitor.log().split("\n").find((one) => pattern.test(one)) ?? "";
    const [, hours, minutes, seconds] = /T(\d+):(\d+):([\d.]+)\]/.exec(line) ?? [];
    return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  };
  const took = time(/from 198\.51\.100\.254 /) - time(/192\.0\.2\.10\/32/);
  console.log(`255 routes and 255 rules: the last ${took.toFixed(1)} ms after the address`);
  assert.ok(took >= 0 && took < 2000, `${took} ms`);
  const stopped = monotonicMicros();
  await agent.stop();
  console.log(`stop took ${((monotonicMicros() - stopped) / 1000).toFixed(0)} ms`);
  assert.deepEqual([...await routes(host), ...await rules(host)], []);
});

lab("20 addresses and 200 excluded ones, beside keepalived, there and back", async (lab) => {
  const own = Array.from({ length: 20 }, (_, i) => `192.0.2.${100 + i}`);
  const excluded = Array.from({ length: 200 }, (_, i) => `198.51.100.${1 + i}`);
  const site = router(
    "web",
    51,
    `version = 2
addresses = ${JSON.stringify(own.map((one) => `${one}/24`))}
excluded_addresses = ${JSON.stringify(excluded)}`,
  ).replace('"100ms"', '"1s"');
  const conf = `global_defs { vrrp_garp_master_repeat 1
vrrp_garp_master_delay 0 }
vrrp_instance web {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 100
  advert_int 1
  version 2
  virtual_ipaddress { ${own.map((one) => `${one}/24`).join("\n")} }
  virtual_ipaddress_excluded { ${excluded.join("\n")} }
}
`;
  const [a, b] = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", [a, b]);
  const capture = await lab.capture(lan, "ip proto 112");
  const agent = startHalb(lab, a, site);
  await agent.untilState("web", "master");
  const peer = startKeepalived(lab, b, conf, { quiet: true });
  const count = async (host: Host) =>
    (await host.addresses("eth0")).filter(({ address }) =>
      own.includes(address) || excluded.includes(address)
    ).length;
  await lab.until("halb holds all 220", async () => await count(a) === 220, 5000);
  await lab.until("keepalived is backup", () => /Entering BACKUP STATE/.test(peer.log()), 10_000);
  assert.equal(await count(b), 0);
  await agent.stop();
  await lab.until("keepalived holds all 220", async () => await count(b) === 220, 10_000);
  assert.equal(await count(a), 0);
  const again = startHalb(lab, a, site);
  await again.untilState("web", "master");
  await lab.until("halb holds all 220 again", async () => await count(a) === 220, 5000);
  await lab.until("keepalived lets go", async () => await count(b) === 0, 5000);
  const counts = await capture.packets("vrrp", ["ip.src", "vrrp.addr_count"]);
  assert.deepEqual([...new Set(counts.map(({ fields }) => fields["vrrp.addr_count"]))], ["20"]);
  assert.equal(new Set(counts.map(({ fields }) => fields["ip.src"])).size, 2);
  assert.doesNotMatch(peer.log(), /mismatch|Invalid|error/i);
});
