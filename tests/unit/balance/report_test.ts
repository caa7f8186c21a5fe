/** How everything stands, as status and metrics show it. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  joinSlices,
  type RealServerReport,
  sliceBalance,
  type Statistics,
  type VirtualServerReport,
} from "../../../mod/balance/mod.ts";
import { rememberBalance, reportBalance } from "../../lib/balance.ts";
import { real, Scene, SECOND, SORRY, virtual } from "./scene.ts";

function web(scene: Scene, statistics?: Statistics): VirtualServerReport {
  return reportBalance(scene.balance, scene.now, statistics)[0]!;
}

function one(scene: Scene, number: number): RealServerReport {
  const name = `198.51.100.${number}`;
  return web(scene).servers.find((real) => real.name === name)!;
}

Deno.test("a real server through a drain and a slow start", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 8, { slowStart: 4 * SECOND }), real(12, 2)]));
  const fresh = {
    name: "198.51.100.11",
    weight: 8,
    effectiveWeight: 8,
    override: null,
    state: "up",
    reason: "not checked yet",
    since: 10 * SECOND,
    transitions: 0,
    drain: null,
    connections: null,
    counters: null,
  } as const;
  deepStrictEqual(one(scene, 11), fresh);
  scene.pass(SECOND / 2);
  scene.weigh(11, 20);
  scene.drain(11, 9 * SECOND);
  scene.pass(SECOND);
  scene.connections(11, 3, 4);
  const drain = { since: 10.5 * SECOND, until: 19.5 * SECOND, done: false };
  const draining = {
    ...fresh,
    effectiveWeight: 0,
    override: 20,
    state: "draining",
    since: 10.5 * SECOND,
    transitions: 1,
    drain,
    connections: { active: 3, inactive: 4 },
  } as const;
  deepStrictEqual(one(scene, 11), draining);
  scene.pass(8 * SECOND);
  deepStrictEqual(one(scene, 11), {
    ...draining,
    drain: { ...drain, done: true },
    connections: null,
  });
  scene.undrain(11);
  scene.pass(SECOND);
  const back = { since: 19.5 * SECOND, transitions: 2, override: 20 };
  deepStrictEqual(one(scene, 11), { ...fresh, ...back, effectiveWeight: 2 });
  scene.down(11);
  const down = { state: "down", since: 20.5 * SECOND, transitions: 3 } as const;
  const reason = "198.51.100.11: refused";
  deepStrictEqual(one(scene, 11), { ...fresh, ...back, ...down, effectiveWeight: 0, reason });
});

Deno.test("a virtual server that loses its quorum, and is in the table or not", () => {
  const scene = new Scene();
  const settings = { quorum: 3, sorryServer: SORRY, follow: ["web"] };
  scene.configure(virtual([real(11, 2), real(12, 2)], settings));
  const begun = {
    name: "web",
    active: false,
    quorum: { required: 3, current: 4, met: true },
    sorryServerActive: false,
    since: 10 * SECOND,
    transitions: 0,
    counters: null,
  };
  const report = () => {
    const { servers: _, ...rest } = web(scene);
    return rest;
  };
  deepStrictEqual(report(), begun);
  scene.pass(SECOND);
  scene.down(12);
  const quorum = { required: 3, current: 2, met: false };
  const lost = { ...begun, quorum, since: 11 * SECOND, transitions: 1 };
  // What is not in the table here has no sorry server here.
  deepStrictEqual(report(), lost);
  scene.hold("web");
  deepStrictEqual(report(), { ...lost, active: true, sorryServerActive: true });
  strictEqual(one(scene, 11).effectiveWeight, 2);
});

Deno.test("what the kernel has counted is shown of what is in the table", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11), real(12)], { follow: ["web"] }));
  const counters = { connections: 5, packetsIn: 4, packetsOut: 3, bytesIn: 2, bytesOut: 1 };
  const connections = { active: 2, inactive: 7 };
  const asked: string[] = [];
  const statistics: Statistics = {
    server: (name) => {
      asked.push(name);
      return counters;
    },
    realServer: (server, name) => {
      asked.push(`${server} ${name}`);
      return { connections, counters };
    },
  };
  strictEqual(web(scene, statistics).counters, null);
  deepStrictEqual(asked, []);
  scene.hold("web");
  scene.down(12);
  const { counters: total, servers: [first, second] } = web(scene, statistics);
  deepStrictEqual([total, first?.connections, first?.counters], [counters, connections, counters]);
  deepStrictEqual([second?.connections, second?.counters], [null, null]);
  deepStrictEqual(asked, ["web", "web 198.51.100.11"]);
});

Deno.test("in parts it is the same as at once, whatever the size", () => {
  const scene = new Scene();
  const names = Array.from({ length: 7 }, (_, i) => real(11 + i));
  scene.configure(
    virtual(names, { name: "a", listen: [{ family: 4, mark: 1 }] }),
    virtual([], { name: "empty", listen: [{ family: 4, mark: 2 }] }),
    virtual([real(41)], { name: "web" }),
  );
  scene.down(12);
  scene.up(13);
  const counters = { connections: 1, packetsIn: 2, packetsOut: 3, bytesIn: 4, bytesOut: 5 };
  let sums = 0;
  const statistics = {
    server: () => {
      sums++;
      return counters;
    },
    realServer: () => ({ connections: { active: 1, inactive: 0 }, counters }),
  };
  const whole = {
    servers: reportBalance(scene.balance, scene.now, statistics),
    memory: rememberBalance(scene.balance),
  };
  for (const size of [1, 2, 3, 4, 6, 7, 8, 1000]) {
    sums = 0;
    const slices = [...sliceBalance(scene.balance, scene.now, statistics, size)];
    deepStrictEqual(joinSlices(slices), whole, `${size}`);
    // The sum over a range of services is made once.
    strictEqual(sums, 3);
    for (const { servers, memory } of slices) {
      const count = servers.reduce((sum, one) => sum + one.servers.length, 0);
      strictEqual(Math.max(count, memory.checks.length) <= size, true);
    }
  }
  const nothing = [...sliceBalance(new Scene().balance, 0, undefined, 5)];
  deepStrictEqual(joinSlices(nothing), { servers: [], memory: { servers: [], checks: [] } });
});
