/** Real connections through the director, and changes under traffic. */

import assert from "node:assert/strict";
import type { RealServer, VirtualServer } from "../../mod/ipvs/mod.ts";
import { until } from "../lib/process.ts";
import { inside, server, tableOf, tcp, udp, virtual } from "./lib.ts";
import { type Network, VIP4, VIP6, withNetwork } from "./network.ts";

const PORT = 8080;
const RR = { scheduler: "rr" };

function servers4(rest: Partial<RealServer> = {}, count = 3): RealServer[] {
  return [11, 12, 13].slice(0, count).map((last) => server(`198.51.100.${last}`, rest));
}

function servers6(rest: Partial<RealServer> = {}, count = 3): RealServer[] {
  return [11, 12, 13].slice(0, count).map((last) => server(`2001:db8:2::${last}`, rest));
}

function made(network: Network, ...virtualServers: readonly VirtualServer[]): number {
  const outcome = network.director.converge(tableOf(...virtualServers));
  assert.deepEqual(outcome.failures.map(({ text }) => text), []);
  return outcome.sent;
}

/** Each server the same number of times, in a fixed turn. */
function assertTurns(got: readonly string[], names: readonly string[]): void {
  assert.equal(got.length % names.length, 0);
  assert.deepEqual([...new Set(got)].sort(), [...names].sort(), got.join(" "));
  for (let i = names.length; i < got.length; i++) assert.equal(got[i], got[i - names.length]);
}

Deno.test("NAT: both families, ports rewritten, in turn and by weight; datagrams one by one", () =>
  withNetwork("through-director", PORT, async (network) => {
    const nat = { port: PORT };
    made(
      network,
      virtual(tcp(VIP4), servers4(nat), RR),
      virtual(tcp(VIP6), servers6(nat), RR),
      virtual(udp(VIP4, 5353), servers4(), RR),
      virtual(udp(VIP4, 5354), servers4(), { ...RR, onePacket: true }),
      virtual(udp(VIP6, 5354), servers6(), { ...RR, onePacket: true }),
    );
    assertTurns(await network.ask(VIP4, 80, 6), ["r1", "r2", "r3"]);
    assertTurns(await network.ask(VIP6, 80, 6), ["r1", "r2", "r3"]);
    assert.equal(new Set(network.datagrams(VIP4, 5353, 6)).size, 1);
    assertTurns(network.datagrams(VIP4, 5354, 6), ["r1", "r2", "r3"]);
    assertTurns(network.datagrams(VIP6, 5354, 6), ["r1", "r2", "r3"]);
    // The kernel adds its counters up every two seconds; then ipvsadm says the same.
    await until("six connections are counted, by ipvsadm too", () => {
      const web = network.director.snapshot().find(({ service: { key } }) =>
        "address" in key && key.address === VIP4 && key.port === 80
      )!;
      const lines = inside("d", `ipvsadm -Ln --stats --exact -t ${VIP4}:80`).trim().split("\n");
      const shown = lines.slice(-4).map((line) => line.trim().split(/\s+/).slice(2).map(Number));
      const all = [web, ...web.destinations].map(({ counters }) => [
        counters.connections,
        counters.packetsIn,
        counters.packetsOut,
        counters.bytesIn,
        counters.bytesOut,
      ]);
      // ipvsadm lists the servers by another order.
      const sorted = (rows: number[][]) => rows.map((row) => row.join(" ")).sort();
      assert.deepEqual(sorted(shown), sorted(all));
      assert.deepEqual(all.map(([connections]) => connections), [6, 2, 2, 2]);
      return true;
    }, 10_000);

    const weights = [3, 1, 0].map((weight, i) =>
      server(`198.51.100.${11 + i}`, { ...nat, weight })
    );
    made(network, virtual(tcp(VIP4), weights, { scheduler: "wrr" }));
    const got = await network.ask(VIP4, 80, 8);
    assert.deepEqual(
      ["r1", "r2", "r3"].map((name) => got.filter((each) => each === name).length),
      [6, 2, 0],
    );
  }));

Deno.test("persistence keeps a client with its server; a mark gathers several ports", () =>
  withNetwork("through-director", PORT, async (network) => {
    const persistence = { timeout: 60, netmask: 0xffffffff };
    made(network, virtual(tcp(VIP4), servers4({ port: PORT }), { ...RR, persistence }));
    assert.equal(new Set(await network.ask(VIP4, 80, 6)).size, 1);
    // This guest's nftables knows bridges only: the mark is set at the interface.
    inside("d", "tc qdisc add dev eth0 ingress");
    for (const port of [81, 82]) {
      inside(
        "d",
        "tc filter add dev eth0 ingress protocol ip flower ip_proto tcp " +
          `dst_ip ${VIP4} dst_port ${port} action skbedit mark 7`,
      );
    }
    made(network, virtual({ family: 4, mark: 7 }, servers4({ port: PORT }), RR));
    assertTurns(
      [...await network.ask(VIP4, 81, 3), ...await network.ask(VIP4, 82, 3)],
      ["r1", "r2", "r3"],
    );
  }));

Deno.test("an open connection survives the change of everything around it", () =>
  withNetwork("through-director", PORT, async (network) => {
    const nat = { port: PORT };
    made(network, virtual(tcp(VIP4), servers4(nat), RR));
    const talk = await network.talk(VIP4, 80);
    const own = Number(talk.server.slice(1)) - 1;
    const alive = async (when: string) =>
      assert.equal(await talk.say(when), `${talk.server} ${when}`);
    await alive("made");
    const changed = (change: Partial<RealServer>, settings: Parameters<typeof virtual>[2]) =>
      virtual(
        tcp(VIP4),
        servers4(nat).map((each, i) => i === own ? { ...each, ...change } : each),
        settings,
      );
    assert.equal(made(network, changed({ weight: 5 }, RR)), 1);
    await alive("weight");
    assert.equal(made(network, changed({ weight: 0 }, RR)), 1);
    await alive("weight-0");
    assert.ok(!(await network.ask(VIP4, 80, 4)).includes(talk.server), "it takes new connections");
    assert.equal(made(network, changed({ weight: 0 }, { scheduler: "mh" })), 1);
    await alive("scheduler");
    const persistence = { timeout: 60, netmask: 0xffffffff };
    assert.equal(made(network, changed({ weight: 0 }, { scheduler: "wlc", persistence })), 1);
    await alive("persistence");
    // Other servers come and go.
    const alone = servers4(nat).filter((_, i) => i === own);
    assert.equal(made(network, virtual(tcp(VIP4), alone, RR)), 4);
    await alive("alone");
    made(network, virtual(tcp(VIP4), servers4({ port: PORT, upperThreshold: 9 }), RR));
    await alive("together");
    // A new agent adopts the table; the connection does not notice.
    network.director.distrust();
    assert.equal(made(network, virtual(tcp(VIP4), servers4(nat), RR)), 3);
    await alive("adopted");
    await talk.end();
  }));

Deno.test("an open connection keeps its way when its server's forwarding method is edited", () =>
  withNetwork("through-director", PORT, async (network) => {
    made(network, virtual(tcp(VIP4, PORT), servers4({}, 1), RR));
    const talk = await network.talk(VIP4, PORT);
    assert.equal(
      made(network, virtual(tcp(VIP4, PORT), servers4({ forward: "direct" }, 1), RR)),
      1,
    );
    assert.equal(await talk.say("still"), "r1 still");
    await talk.end();
  }));
