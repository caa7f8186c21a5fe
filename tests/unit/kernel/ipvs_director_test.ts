/** The load balancer's driver with a model kernel: few commands, and what may go wrong. */

import { strict as assert } from "node:assert";
import {
  buildTable,
  describeCommand,
  planTable,
  type RealServer,
  type Service,
  type Table,
} from "../../../mod/ipvs/mod.ts";
import { IpvsDirector } from "../../../mod/kernel/ipvs_director.ts";
import { forSeeds } from "../../lib/random.ts";
import { randomKey, randomTable } from "../ipvs/chance.ts";
import { ModelIpvs } from "./ipvs_model.ts";

const SETTINGS: Omit<Service, "key"> = {
  scheduler: "wlc",
  schedulerFlags: 0,
  onePacket: false,
  persistence: null,
  engine: "",
};

/** One service at each port, with servers of the given weights. */
function table(ports: readonly number[], weights: readonly number[], scheduler = "wlc"): Table {
  const servers: RealServer[] = weights.map((weight, i) => ({
    address: `198.51.${100 + Math.floor(i / 250)}.${1 + i % 250}`,
    forward: "nat",
    tunnel: null,
    weight,
    upperThreshold: 0,
    lowerThreshold: 0,
  }));
  const built = buildTable(ports.map((port) => ({
    listen: [{ protocol: "tcp", address: "192.0.2.10", port }],
    settings: { ...SETTINGS, scheduler },
    servers,
  })));
  assert(built.ok, built.ok ? "" : built.reason);
  return built.value;
}

/** Nothing is left to do from the kernel's own table. */
function assertReached(kernel: ModelIpvs, wanted: Table): void {
  assert.deepEqual(planTable(wanted, kernel.model.table, "all").map(describeCommand), []);
}

Deno.test("ipvs: read once, then known: a changed weight among 10,000 is one command and no reading", () => {
  const kernel = new ModelIpvs();
  const director = new IpvsDirector(kernel);
  const ports = Array.from({ length: 100 }, (_, i) => 1000 + i);
  const weights = Array.from({ length: 100 }, () => 1);
  const first = director.converge(table(ports, weights));
  assert.deepEqual(first, { sent: 10_100, reads: 1, failures: [] });
  assert.ok(kernel.sends < 200, `${kernel.sends} buffers`);
  weights[99] = 5;
  const base = table(ports, weights.with(99, 1));
  const changed = new Map(base);
  const name = "tcp 192.0.2.10:1042";
  changed.set(name, table([1042], weights).get(name)!);
  kernel.commands.length = 0;
  assert.deepEqual(director.converge(changed), { sent: 1, reads: 0, failures: [] });
  assert.deepEqual(kernel.commands.map(describeCommand), [
    "set 198.51.100.100:1042 of tcp 192.0.2.10:1042: nat, weight 5",
  ]);
  assert.deepEqual(director.converge(changed), { sent: 0, reads: 0, failures: [] });
  assert.equal(kernel.reads, 1);
});

Deno.test("ipvs: a new start adopts what is there and corrects only what differs", () => {
  const kernel = new ModelIpvs();
  new IpvsDirector(kernel).converge(table([80, 81], [1, 2, 3]));
  kernel.commands.length = 0;
  const next = new IpvsDirector(kernel);
  assert.deepEqual(next.converge(table([80], [1, 2, 4])), { sent: 1, reads: 1, failures: [] });
  // Port 81 is not known to be ours: it stays until somebody says so.
  assert.deepEqual([...kernel.model.table.keys()], ["tcp 192.0.2.10:80", "tcp 192.0.2.10:81"]);
  assert.equal(next.converge(table([80], [1, 2, 4]), { flush: true }).sent, 1);
  assert.deepEqual([...kernel.model.table.keys()], ["tcp 192.0.2.10:80"]);
});

Deno.test("ipvs: what an earlier run has made is removed by the next, what others made is not", () => {
  const kernel = new ModelIpvs();
  new IpvsDirector(kernel).converge(table([80, 81, 82], [1]));
  const next = new IpvsDirector(kernel, ["tcp 192.0.2.10:81"]);
  next.converge(table([80], [1]));
  assert.deepEqual([...kernel.model.table.keys()], ["tcp 192.0.2.10:80", "tcp 192.0.2.10:82"]);
  assert.deepEqual([...next.own], ["tcp 192.0.2.10:80"]);
  next.converge(new Map());
  assert.deepEqual([...kernel.model.table.keys()], ["tcp 192.0.2.10:82"]);
  assert.deepEqual([...next.own], []);
});

Deno.test("ipvs: a table that others have emptied is noticed at the next change, and put back", () => {
  const kernel = new ModelIpvs();
  const director = new IpvsDirector(kernel);
  director.converge(table([80, 81], [1, 1]));
  for (const [, { service }] of [...kernel.model.table]) {
    kernel.model.apply({ kind: "delete-service", service: service.key });
  }
  const wanted = table([80, 81], [1, 9]);
  const outcome = director.converge(wanted);
  assert.deepEqual(outcome.failures, []);
  assert.equal(outcome.reads, 1);
  assertReached(kernel, wanted);
});

Deno.test("ipvs: whatever others add or remove under way is found, in any of the commands", () => {
  const disturbances: ((kernel: ModelIpvs) => void)[] = [
    (kernel) => void kernel.model.apply({ kind: "delete-service", service: webKey() }),
    (kernel) => {
      const service = kernel.model.table.get("tcp 192.0.2.10:80")?.service;
      if (service === undefined) {
        kernel.model.apply({ kind: "add-service", service: { ...SETTINGS, key: webKey() } });
      }
    },
    (kernel) => {
      for (const { key } of [...kernel.destinations(webKey()).values()]) {
        kernel.model.apply({ kind: "delete-destination", service: webKey(), destination: key });
      }
    },
    (kernel) => {
      for (
        const [, destination] of table([80], [9, 9, 9, 9]).get("tcp 192.0.2.10:80")!.destinations
      ) {
        kernel.model.apply({ kind: "add-destination", service: webKey(), destination });
      }
    },
  ];
  const goals = [table([80], [1, 1, 1, 1]), table([80, 81], [5], "mh"), new Map()];
  for (const [which, disturb] of disturbances.entries()) {
    for (const goal of goals) {
      for (let at = 0; at < 6; at++) {
        const kernel = new ModelIpvs();
        const director = new IpvsDirector(kernel);
        director.converge(table([80], [1, 2]));
        let count = 0;
        kernel.before = () => {
          if (count++ === at) disturb(kernel);
        };
        const outcome = director.converge(goal);
        assert.deepEqual(outcome.failures, [], `disturbance ${which} at command ${at}`);
        // What was disturbed after our last word about it is found at the next reading.
        director.distrust();
        director.converge(goal, { flush: true });
        assertReached(kernel, goal);
      }
    }
  }
});

function webKey() {
  return { family: 4, protocol: "tcp", address: "192.0.2.10", port: 80 } as const;
}

Deno.test("ipvs: a scheduler that the kernel lacks is named; the rest of the table is done", () => {
  const kernel = new ModelIpvs();
  const director = new IpvsDirector(kernel);
  const wanted = new Map([...table([80], [1, 2], "twos"), ...table([81], [1])]);
  const outcome = director.converge(wanted);
  assert.deepEqual(outcome.failures.map(({ errno, text }) => [errno, text]), [
    [
      2,
      'add tcp 192.0.2.10:80: twos: this kernel has no scheduler "twos" (module ip_vs_twos)',
    ],
  ]);
  assert.deepEqual([outcome.sent, outcome.reads], [5, 1]);
  assert.deepEqual([...kernel.model.table.keys()], ["tcp 192.0.2.10:81"]);
  // The module has been loaded: the next call makes what was missing.
  kernel.schedulers.add("twos");
  assert.deepEqual(director.converge(wanted), { sent: 3, reads: 0, failures: [] });
  assertReached(kernel, wanted);
});

Deno.test("ipvs: without the privilege every command fails by name, and nothing is believed", () => {
  const kernel = new ModelIpvs();
  kernel.fault = () => 1;
  const director = new IpvsDirector(kernel);
  const outcome = director.converge(table([80], [1]));
  assert.deepEqual(outcome.failures.map(({ text }) => text), [
    "add tcp 192.0.2.10:80: wlc: EPERM: it needs CAP_NET_ADMIN",
  ]);
  assert.equal(director.table.size, 0);
});

Deno.test("ipvs: lost and broken answers: the table is read again, nothing is done twice", () => {
  for (const fault of ["lost", "half"] as const) {
    const kernel = new ModelIpvs();
    const director = new IpvsDirector(kernel);
    let count = 0;
    kernel.fault = () => count++ % 7 === 3 && count < 40 ? fault : undefined;
    const wanted = table([80, 81], Array.from({ length: 30 }, (_, i) => i));
    const outcome = director.converge(wanted);
    assert.deepEqual(outcome.failures, []);
    assert.equal(outcome.reads, 2);
    // The commands were carried out although nobody heard of it.
    assert.equal(outcome.sent, 62);
    assertReached(kernel, wanted);
  }
});

Deno.test("ipvs: a kernel that says nothing is an error, and one that says nothing for ever too", () => {
  const kernel = new ModelIpvs();
  kernel.silent = true;
  assert.throws(() => new IpvsDirector(kernel).converge(table([80], [1])), /it has no end/);
  const deaf = new ModelIpvs();
  deaf.fault = () => "lost";
  deaf.before = () => {};
  const director = new IpvsDirector(deaf);
  const outcome = director.converge(table([80], [1]));
  assert.deepEqual(outcome.failures, []);
  assert.equal(outcome.reads, 2);
  // Somebody undoes each of our commands: after three rounds that is what is reported.
  const fought = new ModelIpvs();
  fought.before = (command) => {
    if (command.kind === "add-destination") {
      fought.model.apply({ kind: "delete-service", service: command.service });
    }
  };
  const given = new IpvsDirector(fought).converge(table([80], [1]));
  assert.equal(given.reads, 3);
  assert.deepEqual(given.failures.map(({ errno, text }) => [errno, text]), [
    [0, "add 198.51.100.1:80 of tcp 192.0.2.10:80: nat, weight 1: ESRCH"],
  ]);
});

Deno.test("ipvs: 2,000 random walks over tables with faults under way arrive", () => {
  forSeeds(2_000, (random) => {
    const kernel = new ModelIpvs();
    for (const name of ["lc", "sh", "dh", "fo", "ovf", "sed", "nq", "lblc"]) {
      kernel.schedulers.add(name);
    }
    const director = new IpvsDirector(kernel);
    const keys = Array.from({ length: 3 }, () => randomKey(random));
    let faults = 2;
    kernel.fault = () => random.chance(0.02) && faults-- > 0 ? "lost" : undefined;
    for (let step = 0; step < 4; step++) {
      const wanted = randomTable(random, keys, 4);
      const outcome = director.converge(wanted);
      assert.deepEqual(outcome.failures, []);
      assertReached(kernel, wanted);
    }
  });
});
