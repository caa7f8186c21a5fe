/**
 * The sites of config/examples that need no IPVS, run as they are: the master is lost, and the
 * client's traffic goes on. Those with virtual servers: tests/kernel/examples_test.ts.
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import { startBfdd } from "../lib/bfdd.ts";
import {
  command,
  exampleText,
  forwarding,
  giveBack,
  ip,
  lanOf,
  lose,
  Pings,
  placeExample,
  startExample,
  untilRouter,
} from "../lib/examples.ts";
import { type HalbAgent, type Host, type Lab, labsAtOnce } from "../lib/mod.ts";
import { firewallPair } from "./examples_firewall.ts";

/** Seconds without an answer, on a machine that six labs share. */
const OUTAGE = 6;

/** An outside (eth0) and an inside (eth1) joined by two nodes, and somebody on either side. */
async function gateways(lab: Lab, { outside, inside }: {
  readonly outside: string;
  readonly inside: string;
}) {
  const [far, a, b, client] = await lab.hostsNamed("far", "edge-a", "edge-b", "client");
  const [out, within] = [outside.split("/")[0]!, inside.split("/")[0]!];
  const front = await lanOf(lab, "front", [
    [far, outside],
    [a, "203.0.113.2/24"],
    [b, "203.0.113.3/24"],
  ]);
  const back = await lanOf(lab, "back", [
    [a, "192.0.2.2/24"],
    [b, "192.0.2.3/24"],
    [client, "192.0.2.100/24"],
  ]);
  await forwarding(a, b);
  for (const host of [a, b]) await ip(host, `route add default via ${out}`);
  await ip(client, `route add default via ${within}`);
  return { far, a, b, client, front, back };
}

async function startPair(lab: Lab, file: string, hosts: readonly Host[], router: string) {
  const agents = hosts.map((host) => startExample(lab, host, file)) as [HalbAgent, HalbAgent];
  await untilRouter(agents[0], router, "master");
  await untilRouter(agents[1], router, "backup");
  return agents;
}

/** Hands over; comes back by itself. */
const release = (agent: HalbAgent, name: string) =>
  ask(agent.controlPath, { command: "release", name, for_ms: 4000 });

async function gatewayPair(lab: Lab) {
  const { far, a, b, client, front } = await gateways(lab, {
    outside: "203.0.113.1/24",
    inside: "192.0.2.1",
  });
  await ip(far, "address add 198.51.100.1/32 dev lo");
  await ip(far, "route add 192.0.2.0/24 via 203.0.113.4");
  const [first, second] = await startPair(lab, "gateway-pair.toml", [a, b], "gateway");
  const pings = new Pings(client, "198.51.100.1");
  await pings.untilMore("at first");
  await release(first, "gateway");
  await untilRouter(second, "gateway", "master");
  await pings.untilMore("while edge-a is released");
  await untilRouter(first, "gateway", "master");
  // Carrier stays, and the provider does not answer any more.
  await front.link(a).lose(100);
  await untilRouter(second, "gateway", "master");
  await pings.untilMore("through edge-b");
  await front.link(a).lose(0);
  await untilRouter(first, "gateway", "master");
  await pings.untilMore("through edge-a again");
  await front.link(a).cut();
  await untilRouter(second, "gateway", "master");
  await untilRouter(first, "gateway", "fault");
  await front.link(a).restore();
  await untilRouter(first, "gateway", "master");
  await lose(a);
  await untilRouter(second, "gateway", "master");
  await pings.untilMore("when edge-a is lost");
  assert.ok(pings.longestOutage() < OUTAGE, `${pings.longestOutage()} s`);
}

async function cloudUnicast(lab: Lab) {
  const [cloud, a, b, client] = await lab.hostsNamed("cloud", "node-a", "node-b", "client");
  await lanOf(lab, "zone1", [[cloud, "192.0.2.1/24"], [a, "192.0.2.11/24"]]);
  await lanOf(lab, "zone2", [[cloud, "198.51.100.1/24"], [b, "198.51.100.11/24"]]);
  await lanOf(lab, "users", [[cloud, "203.0.113.129/25"], [client, "203.0.113.130/25"]]);
  await forwarding(cloud);
  await ip(a, "route add default via 192.0.2.1");
  await ip(b, "route add default via 198.51.100.1");
  await ip(client, "route add default via 203.0.113.129");
  const api = cloud.spawn(["/usr/bin/python3", "-c", CLOUD], { name: "cloud" });
  for (const host of [a, b]) {
    placeExample(
      lab,
      host,
      "cloud-claim-address",
      (text) => text.replace("http://169.254.169.254/", "http://192.0.2.1:8000/"),
    );
  }
  // With `preempt = false` whoever is there first stays.
  const first = startExample(lab, a, "cloud-unicast.toml");
  await untilRouter(first, "service", "master");
  const second = startExample(lab, b, "cloud-unicast.toml");
  await untilRouter(second, "service", "backup");
  const pings = new Pings(client, "203.0.113.10");
  await pings.untilMore("by node-a");
  await lose(a);
  await untilRouter(second, "service", "master");
  await pings.untilMore("by node-b");
  await giveBack(a);
  await untilRouter(first, "service", "backup");
  await pings.untilMore("by node-b, which stays master");
  assert.match(api.log(), /203\.0\.113\.10 leads to 192\.0\.2\.11/);
  assert.match(api.log(), /203\.0\.113\.10 leads to 198\.51\.100\.11/);
  for (const agent of [first, second]) {
    assert.doesNotMatch(agent.log(), /cloud-claim-address: (exit|ended by|did not|cannot)/);
  }
}

/**
 * An API that sends an address to who asks for it. It fails the first time it is asked; the next two
 * times it accepts the order and does nothing, and says nothing of who has the address.
 */
const CLOUD = `import http.server, subprocess, sys
holders, orders = {}, 0
class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, code, text):
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        if orders < 4:
            return self.answer(503, "")
        if self.path == "/addresses/self":
            return self.answer(200, self.client_address[0])
        self.answer(200, holders.get(self.path.split("/")[2], ""))
    def do_PUT(self):
        global orders
        orders += 1
        if orders < 4:
            return self.answer(503 if orders == 1 else 200, "")
        address, node = self.path.split("/")[2], self.client_address[0]
        subprocess.run(["ip", "route", "replace", address + "/32", "via", node], check=True)
        holders[address] = node
        print(address, "leads to", node, flush=True)
        self.answer(200, "")
http.server.ThreadingHTTPServer(("", 8000), Api).serve_forever()
`;

async function ipv6Gateway(lab: Lab) {
  const [up, a, b, client] = await lab.hostsNamed("up", "edge-a", "edge-b", "client");
  await lanOf(lab, "uplink", [
    [up, "2001:db8:0:1::1/64"],
    [a, "2001:db8:0:1::2/64"],
    [b, "2001:db8:0:1::3/64"],
  ]);
  const lan = await lanOf(lab, "lan", [
    [a, "2001:db8:0:2::2/64"],
    [b, "2001:db8:0:2::3/64"],
    [client],
  ]);
  await forwarding(up, a, b);
  for (const host of [a, b]) await ip(host, "-6 route add default via 2001:db8:0:1::1");
  await ip(up, "-6 route add 2001:db8:0:2::/64 via fe80::4 dev eth0");
  await client.sysctl("net.ipv6.conf.eth0.accept_ra", "1");
  const heard = client.spawn(
    ["tcpdump", "-l", "-n", "-e", "-i", "eth0", "icmp6 and ip6[40] == 134"],
    { name: "heard" },
  );
  await lab.until("the client listens", () => heard.log().includes("listening"), 10_000);
  for (const host of [a, b]) {
    const file = placeExample(lab, host, "ipv6-gateway-radvd.conf");
    const words = ["-n", "-m", "stderr", "-C", file, "-p", `${file}.pid`];
    host.spawn(["radvd", ...words], { name: `radvd-${host.name}` });
  }
  const [, second] = await startPair(lab, "ipv6-gateway.toml", [a, b], "lan");
  /** Who has sent each advertisement to all, by hardware address. */
  const senders = () =>
    heard.log().split("\n").filter((line) => line.includes("ff02::1:")).map((line) => {
      assert.match(line, / fe80::1 > ff02::1: ICMP6, router advertisement/);
      return / ([0-9a-f:]{17}) > /.exec(line)![1];
    });
  const untilAdvertised = (host: Host) =>
    lab.until(`${host.name} advertises`, () => senders().at(-1) === lan.link(host).mac, 60_000);
  await untilAdvertised(a);
  await lab.until("the client has configured itself", async () => {
    const shown = await ip(client, "-6 route show default");
    return shown.includes("via fe80::1 dev eth0") &&
      (await ip(client, "-6 address show dev eth0 scope global")).includes("2001:db8:0:2:");
  }, 20_000);
  const pings = new Pings(client, "2001:db8:0:1::1");
  await pings.untilMore("through edge-a");
  await lose(a);
  await untilRouter(second, "lan", "master");
  await untilRouter(second, "uplink", "master");
  await pings.untilMore("through edge-b");
  await untilAdvertised(b);
  // Where both start at once, edge-b may have been master for a moment.
  const turns = senders().filter((mac, i, all) => mac !== all[i - 1]);
  assert.deepEqual(turns.slice(-2), [lan.link(a).mac, lan.link(b).mac]);
  assert.ok(pings.longestOutage() < OUTAGE, `${pings.longestOutage()} s`);
}

async function bfdToRouter(lab: Lab) {
  const { far, a, b, client, front } = await gateways(lab, {
    outside: "203.0.113.254/24",
    inside: "192.0.2.1",
  });
  await ip(far, "address add 198.51.100.1/32 dev lo");
  await ip(far, "route add 192.0.2.0/24 via 203.0.113.1");
  const bfdd = await startBfdd(lab, far, exampleText("bfd-to-router-frr.conf"));
  const agents = await startPair(lab, "bfd-to-router.toml", [a, b], "gateway");
  for (const address of ["203.0.113.2", "203.0.113.3"]) {
    await bfdd.untilStatus(address, "up", 60_000);
  }
  const pings = new Pings(client, "198.51.100.1");
  await pings.untilMore("at first");
  await front.link(a).lose(100); // Carrier stays.
  await untilRouter(agents[1], "gateway", "master");
  await pings.untilMore("through edge-b");
  console.log(`BFD: ${pings.longestOutage()} s without an answer`);
  assert.ok(pings.longestOutage() < OUTAGE, `${pings.longestOutage()} s`);
  await front.link(a).lose(0);
  await untilRouter(agents[0], "gateway", "master");
  await pings.untilMore("through edge-a again");
  for (const [order, master] of [["down", agents[1]], ["up", agents[0]]] as const) {
    await command(agents[0], "bfd", order, "upstream");
    await untilRouter(master, "gateway", "master");
    await bfdd.untilStatus("203.0.113.2", order, 60_000);
  }
}

async function activeActive(lab: Lab) {
  const { far, a, b, client } = await gateways(lab, {
    outside: "203.0.113.1/24",
    inside: "192.0.2.11",
  });
  // Clients of blue and of green: the way back is by where they came through.
  const [other] = await lab.hostsNamed("other");
  await lab.lans[1]!.join(other, { prefix: null, addresses: { other: ["192.0.2.101/24"] } });
  await ip(other, "route add default via 192.0.2.12");
  await ip(far, "route add 192.0.2.100/32 via 203.0.113.11");
  await ip(far, "route add 192.0.2.101/32 via 203.0.113.12");
  const [first, second] = [a, b].map((host) => startExample(lab, host, "active-active.toml")) as [
    HalbAgent,
    HalbAgent,
  ];
  const both = async (blue: HalbAgent, green: HalbAgent) => {
    for (const side of ["outside", "inside"]) {
      await untilRouter(blue, `blue-${side}`, "master");
      await untilRouter(green, `green-${side}`, "master");
    }
  };
  await both(first, second);
  const pings = [client, other].map((host) => new Pings(host, "203.0.113.1"));
  for (const each of pings) await each.untilMore("with both nodes");
  assert.equal(await a.holds("192.0.2.12"), false);
  await release(first, "blue");
  await both(second, second);
  await both(first, second);
  // One cable of edge-a: the other side of blue goes with it, and green stays where it is.
  await a.link("eth0").cut();
  await both(second, second);
  await lab.until("edge-a has let go", async () => !await a.holds("192.0.2.11"), 2000);
  for (const each of pings) await each.untilMore("with edge-b");
  await a.link("eth0").restore();
  await both(first, second);
  await lose(b);
  await both(first, first);
  for (const each of pings) {
    await each.untilMore("with edge-a");
    assert.ok(each.longestOutage() < OUTAGE, `${each.longestOutage()} s`);
  }
}

labsAtOnce({
  "gateway-pair: an uplink that is dead, one that is cut, a node that is lost": gatewayPair,
  "cloud-unicast: the cloud sends the address to who is master": cloudUnicast,
  "ipv6-gateway: clients go on with the router that radvd has told them of": ipv6Gateway,
  "firewall-pair: a connection outlives a failover, and the way back to a node that knew nothing":
    firewallPair,
  "bfd-to-router: FRR's bfdd falls silent, and the other node takes over": bfdToRouter,
  "active-active: each node has its half, and who is left has both": activeActive,
}, { timeoutMs: 300_000 });
