/**
 * Whom each scheduler of this kernel chooses, with each of its flags, by real connections; and what
 * else decides it: persistence, thresholds, marks. Weights change as `halb weight` changes them.
 */

import assert from "node:assert/strict";
import { type Listen, netmaskOf, type Service } from "../../mod/ipvs/mod.ts";
import { IpvsDirector } from "../../mod/kernel/ipvs_director.ts";
import { openIpvs } from "../../mod/kernel/ipvs_io.ts";
import { until } from "../lib/process.ts";
import { Exchange } from "./exchange.ts";
import { inside, ipBatch, server, tableOf, tcp, udp, virtual } from "./lib.ts";
import { REAL, VIP4, withHosts } from "./network.ts";

const PORT = 8080;
/** `IP_VS_SVC_F_SCHED_SH_FALLBACK` and `_PORT`, and the same of `mh`. */
const [FALLBACK, BY_PORT] = [1, 2];
/** A range over the border of a /24, of an address space that exists in this guest only. */
const RANGE = { first: "203.0.113.254", last: "203.0.114.1" };
const RANGE_ADDRESSES = ["203.0.113.254", "203.0.113.255", "203.0.114.0", "203.0.114.1"];
/** A packet that the kernel drops says nothing: so long we listen to that. */
const SILENCE = { timeoutMs: 300 };

interface Scene {
  readonly director: IpvsDirector;
  readonly tcp: Exchange;
  /** Gives the servers of one virtual server these weights. */
  set(
    listen: Listen,
    weights: readonly number[],
    settings: Partial<Omit<Service, "key">>,
    thresholds?: readonly [upper: number, lower: number],
  ): void;
}

function scene(body: (scene: Scene) => void | Promise<void>): Promise<void> {
  return withHosts("through-director", async () => {
    const director = new IpvsDirector(openIpvs("d"));
    const exchange = new Exchange({ wire: "tcp", family: 4, port: PORT });
    try {
      await body({
        director,
        tcp: exchange,
        set(listen, weights, settings, [upperThreshold, lowerThreshold] = [0, 0]) {
          const servers = weights.map((weight, i) =>
            server(`198.51.100.${11 + i}`, { port: PORT, weight, upperThreshold, lowerThreshold })
          );
          const outcome = director.converge(tableOf(virtual(listen, servers, settings)));
          assert.deepEqual(outcome.failures.map(({ text }) => text), []);
        },
      });
    } finally {
      exchange.close();
      director.close();
    }
  });
}

/** How many of the requests each server got, in the order of `REAL`. */
function shares(got: readonly string[]): number[] {
  return REAL.map((name) => got.filter((each) => each === name).length);
}

Deno.test("schedulers that go by weights and connections: each gives what its rule says", () =>
  scene(({ set, tcp: exchange }) => {
    let port = 1000;
    /** A virtual server of its own, connections that stay: who got them. */
    const held = (scheduler: string, weights: readonly number[], count: number) => {
      set(tcp(VIP4, ++port), weights, { scheduler });
      const all = Array.from({ length: count }, () => exchange.hold(VIP4, port));
      const names = all.map(({ server }) => server);
      for (const each of all) assert.ok(each.alive());
      return { names, all };
    };
    const turns = held("rr", [1, 5, 9], 6).names;
    assert.deepEqual(turns.slice(3), turns.slice(0, 3));
    assert.deepEqual(shares(turns), [2, 2, 2]);
    assert.deepEqual(shares(held("wrr", [3, 1, 1], 10).names), [6, 2, 2]);
    // Two that end make room for the next two.
    const least = held("lc", [1, 5, 9], 6);
    assert.deepEqual(shares(least.names), [2, 2, 2]);
    for (const each of least.all) if (each.server === "r2") each.close();
    assert.deepEqual([exchange.hold(VIP4, port).server, exchange.hold(VIP4, port).server], [
      "r2",
      "r2",
    ]);
    assert.deepEqual(shares(held("wlc", [2, 1, 1], 8).names), [4, 2, 2]);
    assert.deepEqual(shares(held("sed", [3, 1, 1], 5).names), [3, 1, 1]);
    // Nobody stays idle, whatever the weights; then by the shortest expected delay.
    const queue = held("nq", [10, 1, 1], 8).names;
    assert.deepEqual(shares(queue.slice(0, 3)), [1, 1, 1]);
    assert.deepEqual(shares(queue), [6, 1, 1]);
    // The heaviest alone, the next one when that is out.
    assert.deepEqual(shares(held("fo", [1, 5, 3], 3).names), [0, 3, 0]);
    set(tcp(VIP4, port), [1, 0, 3], { scheduler: "fo" });
    assert.deepEqual(shares(exchange.askOften(VIP4, port, 3)), [0, 0, 3]);
    // The heaviest until it has more connections than its weight.
    assert.deepEqual(held("ovf", [2, 1, 1], 5).names.slice(0, 3), ["r1", "r1", "r1"]);
    assert.equal(shares(held("ovf", [2, 1, 1], 7).names)[0], 3);
    // Weight 0 takes no more, with any of them.
    for (const scheduler of "rr wrr lc wlc sed nq fo ovf".split(" ")) {
      assert.deepEqual(shares(held(scheduler, [0, 5, 0], 3).names), [0, 3, 0], scheduler);
      set(tcp(VIP4, port), [0, 0, 0], { scheduler });
      assert.ok(exchange.refused(VIP4, port, SILENCE), scheduler);
    }
  }));

Deno.test("schedulers that go by addresses, with each of their flags; a range over a /24; marks", () =>
  scene(({ set, director, tcp: exchange }) => {
    ipBatch("c", [
      "route add 203.0.112.0/22 via 192.0.2.2 src 192.0.2.1",
      ...Array.from({ length: 8 }, (_, i) => `address add 192.0.2.${20 + i}/32 dev eth0`),
    ]);
    ipBatch("d", RANGE_ADDRESSES.map((address) => `route add local ${address} dev lo`));
    const clients = Array.from({ length: 8 }, (_, i) => `192.0.2.${20 + i}`);
    const even = [1, 1, 1];
    for (const scheduler of ["sh", "mh"]) {
      const listen = tcp(VIP4, 80);
      set(listen, even, { scheduler });
      const byClient = () => clients.map((client) => exchange.ask(VIP4, 80, client));
      const chosen = byClient();
      assert.ok(new Set(chosen).size > 1, `${scheduler}: ${chosen.join(" ")}`);
      assert.deepEqual(byClient(), chosen, scheduler);
      // One goes: nobody is moved but its own clients, and they only where that is wanted.
      const out = REAL.indexOf(chosen[0]!);
      const without = even.map((weight, i) => i === out ? 0 : weight);
      set(listen, without, { scheduler });
      // Maglev's table is made anew at once; of the other its clients have nobody.
      if (scheduler === "sh") {
        assert.ok(exchange.refused(VIP4, 80, { ...SILENCE, client: clients[0]! }));
      }
      set(listen, without, { scheduler, schedulerFlags: FALLBACK });
      const fallen = byClient();
      assert.ok(!fallen.includes(chosen[0]!), scheduler);
      for (const [i, name] of chosen.entries()) {
        if (name !== chosen[0]) assert.equal(fallen[i], name, `${scheduler}: ${clients[i]}`);
      }
      set(listen, even, { scheduler, schedulerFlags: BY_PORT });
      assert.ok(new Set(exchange.askOften(VIP4, 80, 12)).size > 1, `${scheduler}-port`);
      set(listen, even, { scheduler });
    }
    // A range over a /24: each address is served, and by rr of its own.
    const range = { protocol: "tcp", address: RANGE.first, last: RANGE.last, port: 80 } as const;
    set(range, even, { scheduler: "rr" });
    for (const address of RANGE_ADDRESSES) {
      assert.deepEqual(shares(exchange.askOften(address, 80, 3)), [1, 1, 1], address);
    }
    // A mark gathers addresses and ports into one service: by destination it makes sense then.
    // This guest's nftables knows bridges only: the mark is set at the interface.
    inside("d", "tc qdisc add dev eth0 ingress");
    inside(
      "d",
      "tc filter add dev eth0 ingress protocol ip flower dst_ip 203.0.112.0/22 action skbedit mark 7",
    );
    for (const scheduler of ["dh", "lblc", "lblcr"]) {
      set({ family: 4, mark: 7 }, even, { scheduler });
      const byAddress = () => RANGE_ADDRESSES.map((address) => exchange.hold(address, 80).server);
      const chosen = byAddress();
      assert.ok(new Set(chosen).size > 1, `${scheduler}: ${chosen.join(" ")}`);
      assert.deepEqual(byAddress(), chosen, scheduler);
      assert.deepEqual(byAddress(), chosen, scheduler);
    }
    assert.equal(director.table.size, 1);
  }));

Deno.test("persistence by address and by prefix; thresholds: full is full until one goes", () =>
  scene(async ({ set, director, tcp: exchange }) => {
    ipBatch("c", [20, 21, 22].map((last) => `address add 192.0.2.${last}/32 dev eth0`));
    const clients = ["192.0.2.20", "192.0.2.21", "192.0.2.22"];
    const twice = () => clients.flatMap((each) => [0, 1].map(() => exchange.ask(VIP4, 80, each)));
    const keep = (prefix: number) => ({
      scheduler: "rr",
      persistence: { timeout: 60, netmask: netmaskOf(4, prefix) },
    });
    set(tcp(VIP4, 80), [1, 1, 1], keep(32));
    const each = twice();
    assert.deepEqual([each[0], each[2], each[4]], [each[1], each[3], each[5]]);
    assert.deepEqual(shares(each), [2, 2, 2]);
    const persistent = inside("d", "ipvsadm -Ln --persistent-conn");
    assert.equal(persistent.match(/198\.51\.100\.1[123]:8080 +1 +\d+ +\d+ +\d+/g)?.length, 3);
    set(tcp(VIP4, 81), [1, 1, 1], keep(24));
    const all = clients.map((client) => exchange.ask(VIP4, 81, client));
    assert.equal(new Set(all).size, 1);

    const datagrams = new Exchange({ wire: "udp", family: 4, port: PORT });
    try {
      director.execute({
        kind: "set-timeouts",
        timeouts: { tcp: 0, tcpFin: 0, udp: 1 },
      });
      set(udp(VIP4, 82), [1, 1, 1], { scheduler: "rr" }, [2, 1]);
      assert.deepEqual(shares(datagrams.askOften(VIP4, 82, 6)), [2, 2, 2]);
      assert.ok(datagrams.refused(VIP4, 82, SILENCE), "a seventh one is taken");
      await until("connections have expired", () => {
        datagrams.ask(VIP4, 82);
        return true;
      }, 15_000);
    } finally {
      datagrams.close();
    }
  }));
