/**
 * The planner against a model of the kernel: a hundred thousand pairs of random tables for what
 * must always hold, and every way of doing it for small ones, to see that none is shorter.
 */

import { strict as assert } from "node:assert";
import {
  describeCommand,
  type Destination,
  destinationName,
  planTable,
  type Removable,
  sameDestination,
  sameService,
  type Service,
  type ServiceKey,
  serviceName,
  type Table,
  type TableCommand,
  type TableEntry,
  TableModel,
} from "../../../mod/ipvs/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { randomKey, randomTable } from "./chance.ts";

const WEB: ServiceKey = { family: 4, protocol: "tcp", address: "192.0.2.10", port: 80 };
const MARK: ServiceKey = { family: 4, mark: 7 };

function entry(key: ServiceKey, servers: Readonly<Record<string, number>>): TableEntry {
  const service: Service = {
    key,
    scheduler: "wlc",
    schedulerFlags: 0,
    onePacket: false,
    persistence: null,
    engine: "",
  };
  const destinations = new Map<string, Destination>();
  for (const [address, weight] of Object.entries(servers)) {
    const destination: Destination = {
      key: { family: 4, address: `198.51.100.${address}`, port: 80 },
      forward: "nat",
      tunnel: null,
      weight,
      upperThreshold: 0,
      lowerThreshold: 0,
    };
    destinations.set(destinationName(destination.key), destination);
  }
  return { service, destinations };
}

function table(...entries: readonly TableEntry[]): Table {
  return new Map(entries.map((each) => [serviceName(each.service.key), each]));
}

function planned(wanted: Table, actual: Table, removable: Removable = "all"): string[] {
  return planTable(wanted, actual, removable).map(describeCommand);
}

Deno.test("from nothing: each service is followed by its servers, those in use first", () => {
  const wanted = table(entry(WEB, { 11: 0, 12: 5 }), entry(MARK, { 13: 1 }));
  assert.deepEqual(planned(wanted, table()), [
    "add tcp 192.0.2.10:80: wlc",
    "add 198.51.100.12:80 of tcp 192.0.2.10:80: nat, weight 5",
    "add 198.51.100.11:80 of tcp 192.0.2.10:80: nat, weight 0",
    "add mark 7 ipv4: wlc",
    "add 198.51.100.13:80 of mark 7 ipv4: nat, weight 1",
  ]);
});

Deno.test("servers are added and raised before others are lowered and removed", () => {
  const before = table(entry(WEB, { 11: 1, 12: 1, 13: 0, 14: 3 }));
  const after = table(entry(WEB, { 12: 0, 13: 2, 14: 4, 15: 1 }));
  assert.deepEqual(planned(after, before), [
    "set 198.51.100.13:80 of tcp 192.0.2.10:80: nat, weight 2",
    "add 198.51.100.15:80 of tcp 192.0.2.10:80: nat, weight 1",
    "set 198.51.100.14:80 of tcp 192.0.2.10:80: nat, weight 4",
    "set 198.51.100.12:80 of tcp 192.0.2.10:80: nat, weight 0",
    "delete 198.51.100.11:80 of tcp 192.0.2.10:80",
  ]);
});

Deno.test("traffic that moves from an address to a mark finds the mark before the address goes", () => {
  assert.deepEqual(planned(table(entry(MARK, { 11: 1 })), table(entry(WEB, { 11: 1 }))), [
    "add mark 7 ipv4: wlc",
    "add 198.51.100.11:80 of mark 7 ipv4: nat, weight 1",
    "delete tcp 192.0.2.10:80",
  ]);
});

Deno.test("services of others stay; servers that others put into ours go", () => {
  const actual = table(entry(WEB, { 11: 1, 99: 1 }), entry(MARK, { 13: 1 }));
  const wanted = table(entry(WEB, { 11: 1 }));
  assert.deepEqual(planned(wanted, actual, new Set()), [
    "delete 198.51.100.99:80 of tcp 192.0.2.10:80",
  ]);
  const ours = new Set(["mark 7 ipv4", "tcp 192.0.2.10:80"]);
  assert.deepEqual(planned(wanted, actual, ours), [
    "delete 198.51.100.99:80 of tcp 192.0.2.10:80",
    "delete mark 7 ipv4",
  ]);
});

Deno.test("each setting of a service, and each of a server, is one edit", () => {
  const base = entry(WEB, { 11: 1 });
  const services: Partial<Service>[] = [
    { scheduler: "mh" },
    { schedulerFlags: 1 },
    { onePacket: true },
    { engine: "sip" },
    { persistence: { timeout: 300, netmask: 0xffffffff } },
    { persistence: { timeout: 300, netmask: 0xffffff00 } },
    { persistence: { timeout: 301, netmask: 0xffffff00 } },
  ];
  let former = table(base);
  for (const change of services) {
    const wanted = table({ ...base, service: { ...base.service, ...change } });
    const plan = planTable(wanted, former, "all");
    assert.deepEqual(plan.map(({ kind }) => kind), ["set-service"], JSON.stringify(change));
    assert.deepEqual(planTable(wanted, wanted, "all"), []);
    former = wanted;
  }
  const gue = { type: "gue", port: 6080, flags: 0 } as const;
  const destinations: Partial<Destination>[] = [
    { weight: 2 },
    { forward: "direct" },
    { forward: "tunnel", tunnel: gue },
    { forward: "tunnel", tunnel: { ...gue, port: 1 } },
    { forward: "tunnel", tunnel: { ...gue, port: 1, flags: 1 } },
    { forward: "tunnel", tunnel: { type: "gre", port: 1, flags: 1 } },
    { upperThreshold: 5 },
    { lowerThreshold: 5 },
  ];
  const server = base.destinations.values().next().value!;
  const name = destinationName(server.key);
  let previous = table(base);
  for (const change of destinations) {
    const wanted = table({ ...base, destinations: new Map([[name, { ...server, ...change }]]) });
    const plan = planTable(wanted, previous, "all");
    assert.deepEqual(plan.map(({ kind }) => kind), ["set-destination"], JSON.stringify(change));
    previous = wanted;
  }
});

Deno.test("one weight among ten thousand servers is one command", () => {
  const servers = (changed: number) => {
    const weights: Record<string, number> = {};
    for (let i = 0; i < 100; i++) weights[i] = i === 50 ? changed : 1;
    return weights;
  };
  const build = (changed: number) =>
    table(...Array.from({ length: 100 }, (_, i) => {
      const key = { ...WEB, port: 1000 + i } as ServiceKey;
      return entry(key, servers(i === 42 ? changed : 1));
    }));
  assert.deepEqual(planned(build(7), build(1)), [
    "set 198.51.100.50:80 of tcp 192.0.2.10:1042: nat, weight 7",
  ]);
});

/** The usable servers of each service. */
function usable(of: Table): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [name, { destinations }] of of) {
    const weights = [...destinations.values()].filter(({ weight }) => weight > 0);
    counts.set(name, weights.length);
  }
  return counts;
}

function sameTable(a: Table, b: Table): boolean {
  if (a.size !== b.size) return false;
  for (const [name, left] of a) {
    const right = b.get(name);
    if (right === undefined || !sameService(left.service, right.service)) return false;
    if (left.destinations.size !== right.destinations.size) return false;
    for (const [key, destination] of left.destinations) {
      const other = right.destinations.get(key);
      if (other === undefined || !sameDestination(destination, other)) return false;
    }
  }
  return true;
}

/** What must be there in the end: the wanted services, and the others that may not be removed. */
function expected(wanted: Table, actual: Table, removable: Removable): Table {
  const result = new Map(wanted);
  for (const [name, kept] of actual) {
    if (!wanted.has(name) && removable !== "all" && !removable.has(name)) result.set(name, kept);
  }
  return result;
}

function randomPair(random: Random): [wanted: Table, actual: Table, removable: Removable] {
  const keys = Array.from({ length: random.int(1, 4) }, () => randomKey(random));
  const actual = randomTable(random, keys, 5);
  // Half of the time the wanted table is the actual one with some entries of another.
  const other = randomTable(random, keys, 5);
  const wanted = random.chance(0.5) ? other : mixed(random, actual, other);
  const removable = random.chance(0.5)
    ? "all"
    : new Set(keys.map(serviceName).filter(() => random.chance(0.5)));
  return [wanted, actual, removable];
}

function mixed(random: Random, base: Table, other: Table): Table {
  const result = new Map<string, TableEntry>();
  for (const [name, { service, destinations }] of base) {
    if (random.chance(0.1)) continue;
    const changed = new Map(destinations);
    for (const [key, destination] of other.get(name)?.destinations ?? []) {
      if (random.chance(0.3)) changed.set(key, destination);
    }
    for (const key of destinations.keys()) if (random.chance(0.2)) changed.delete(key);
    const settings = random.chance(0.3) ? other.get(name)?.service ?? service : service;
    result.set(name, { service: settings, destinations: changed });
  }
  return result;
}

Deno.test("100,000 pairs of tables: the plan arrives, is idempotent and harms no service", () => {
  let commands = 0;
  forSeeds(100_000, (random) => {
    const [wanted, actual, removable] = randomPair(random);
    const model = new TableModel(actual);
    const goal = expected(wanted, actual, removable);
    const before = usable(actual);
    const after = usable(goal);
    const plan = planTable(wanted, actual, removable);
    commands += plan.length;
    let filling = "";
    for (const command of plan) {
      assert(model.apply(command), `the kernel would refuse: ${describeCommand(command)}`);
      if (command.kind === "add-service") filling = serviceName(command.service.key);
      for (const [name, { destinations }] of model.table) {
        if (name === filling) continue;
        const left = [...destinations.values()].filter(({ weight }) => weight > 0).length;
        const least = Math.min(before.get(name) ?? 0, after.get(name) ?? 0);
        assert(left >= least, `${name} has ${left} usable servers at ${describeCommand(command)}`);
      }
      // Nothing that stays is ever deleted: its connections would be cut.
      if (command.kind === "delete-service") assert(!goal.has(serviceName(command.service)));
      if (command.kind === "delete-destination") {
        const kept = goal.get(serviceName(command.service))?.destinations;
        assert.equal(kept?.has(destinationName(command.destination)), false);
      }
    }
    assert(sameTable(model.table, goal), "the plan does not lead to the wanted table");
    assert.deepEqual(planTable(wanted, model.table, removable), []);
    assert.deepEqual(planTable(actual, actual, removable), []);
  });
  if (Deno.env.get("HALB_SEED") === undefined) assert(commands > 100_000, `${commands} commands`);
});

/** Every command that could be of use on the way from a table to another. */
function moves(wanted: Table, actual: Table): TableCommand[] {
  const commands: TableCommand[] = [];
  for (const { service, destinations } of wanted.values()) {
    commands.push({ kind: "add-service", service }, { kind: "set-service", service });
    for (const destination of destinations.values()) {
      for (const kind of ["add-destination", "set-destination"] as const) {
        commands.push({ kind, service: service.key, destination });
      }
    }
  }
  for (const [name, { service, destinations }] of actual) {
    // Deleting what is wanted would cut its connections: no shorter way may do it.
    if (!wanted.has(name)) commands.push({ kind: "delete-service", service: service.key });
    for (const [key, { key: destination }] of destinations) {
      if (wanted.get(name)?.destinations.has(key)) continue;
      commands.push({ kind: "delete-destination", service: service.key, destination });
    }
  }
  return commands;
}

/** The fewest commands, found by trying all. */
function fewest(wanted: Table, actual: Table, most: number): number {
  const possible = moves(wanted, actual);
  let tables: Table[] = [actual];
  for (let steps = 0; steps < most; steps++) {
    if (tables.some((each) => sameTable(each, wanted))) return steps;
    const next = new Map<string, Table>();
    for (const each of tables) {
      for (const command of possible) {
        const model = new TableModel(each);
        if (model.apply(command)) next.set(fingerprint(model.table), model.table);
      }
    }
    tables = [...next.values()];
  }
  return most;
}

function fingerprint(of: Table): string {
  const parts = [...of].map(([name, { service, destinations }]) =>
    [name, JSON.stringify(service), ...[...destinations].map((each) => JSON.stringify(each)).sort()]
      .join()
  );
  return parts.sort().join("\n");
}

Deno.test("no way is shorter: every one is tried for 2,000 pairs of tables of up to 4 entries", () => {
  let [longest, edited] = [0, 0];
  forSeeds(2_000, (random) => {
    // Two services with two destinations each, or one with four.
    const [services, destinations] = random.chance(0.5) ? [random.int(1, 2), 2] : [1, 4];
    const keys = [WEB, MARK].slice(0, services);
    const actual = randomTable(random, keys, destinations);
    const other = randomTable(random, keys, destinations);
    const wanted = random.chance(0.5) ? other : mixed(random, actual, other);
    const entries = [...wanted.values()].reduce(
      (sum, { destinations }) => sum + destinations.size,
      0,
    );
    if (entries > 4) return;
    const plan = planTable(wanted, actual, "all");
    longest = Math.max(longest, plan.length);
    edited += plan.filter(({ kind }) => kind === "set-destination").length;
    // The search ends at the plan's own length: it finds what is shorter, if there is any.
    assert.equal(fewest(wanted, actual, plan.length), plan.length);
  });
  if (Deno.env.get("HALB_SEED") === undefined) {
    assert(longest >= 8 && edited > 100, `at most ${longest}, ${edited} edits`);
  }
});

Deno.test("a sorry server is in before the others go, and goes after they are back", () => {
  const up = table(entry(WEB, { 11: 2, 12: 3 }));
  const lost = table(entry(WEB, { 99: 1 }));
  assert.deepEqual(planned(lost, up), [
    "add 198.51.100.99:80 of tcp 192.0.2.10:80: nat, weight 1",
    "delete 198.51.100.11:80 of tcp 192.0.2.10:80",
    "delete 198.51.100.12:80 of tcp 192.0.2.10:80",
  ]);
  assert.deepEqual(planned(up, lost), [
    "add 198.51.100.11:80 of tcp 192.0.2.10:80: nat, weight 2",
    "add 198.51.100.12:80 of tcp 192.0.2.10:80: nat, weight 3",
    "delete 198.51.100.99:80 of tcp 192.0.2.10:80",
  ]);
  // With inhibit it is an edit, and so are servers that stay with weight 0.
  const waits = table(entry(WEB, { 11: 2, 99: 0 }));
  const instead = table(entry(WEB, { 11: 0, 99: 1 }));
  assert.deepEqual(planned(instead, waits), [
    "set 198.51.100.99:80 of tcp 192.0.2.10:80: nat, weight 1",
    "set 198.51.100.11:80 of tcp 192.0.2.10:80: nat, weight 0",
  ]);
  assert.deepEqual(planned(waits, instead), [
    "set 198.51.100.11:80 of tcp 192.0.2.10:80: nat, weight 2",
    "set 198.51.100.99:80 of tcp 192.0.2.10:80: nat, weight 0",
  ]);
});
