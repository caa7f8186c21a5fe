/**
 * CONFORMANCE.md section 8, S6: sync groups on simulated networks. In every step of every run the
 * network checks that no group is half moved; here it is seen where they settle, and that they stay.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { forSeeds, type Random } from "../../lib/random.ts";
import { GroupNetwork, type Host, type Port } from "./group_network.ts";

const SECOND = 1_000_000;
const NAMES = ["web", "lan", "dmz", "mail"];

/** Ports of host `i`: addresses in an order of their own on each network where `crossed`. */
function ports(
  random: Random,
  i: number,
  names: readonly string[],
  priority: () => number,
  crossed: boolean,
): Port[] {
  return names.map((name, n) => {
    const host = crossed && n % 2 === 1 ? 100 - i : 10 + i;
    return {
      name,
      source: `198.51.${n}.${host}`,
      priority: priority(),
      preempt: random.chance(0.7),
    };
  });
}

/** One host is master of everything, all others are not, and nobody moves any more. */
function settled(network: GroupNetwork, label: string, length = 60 * SECOND): Host {
  const names = network.names();
  const holders = names.map((name) => network.holders(name).map(({ id }) => id));
  strictEqual(holders[0]!.length, 1, `${label}: ${JSON.stringify(holders)}`);
  for (const one of holders) deepStrictEqual(one, holders[0], `${label}: one host holds all`);
  const before = network.transitions();
  network.run(length);
  deepStrictEqual(network.transitions(), before, `${label}: and it stays so`);
  return network.hosts[holders[0]![0]!]!;
}

Deno.test("[S6] members that expire at different moments become master in one step", () => {
  forSeeds(300, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(2, 4));
    const count = random.int(1, 4);
    const priorities = Array.from({ length: count }, () => random.int(1, 254));
    for (let i = 0; i < count; i++) {
      const host = network.add(ports(random, i, names, () => priorities[i]!, false));
      // Members come up at different times, so that their timers end at different times.
      for (const name of names) {
        network.at(random.int(0, 3 * SECOND), () => network.health(host, name));
      }
    }
    network.run(30 * SECOND);
    settled(network, "at first");
    ok(network.steps > 20);
  });
});

Deno.test("[S6] the host of the highest priority wins, where it preempts", () => {
  forSeeds(200, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(2, 4));
    const order = [50, 100, 150].sort(() => random.next() - 0.5);
    order.forEach((priority, i) => {
      const own = names.map((name, n) => ({ name, source: `198.51.${n}.${10 + i}`, priority }));
      const host = network.add(own);
      network.at(random.int(0, 20 * SECOND), () => network.start(host));
    });
    network.run(40 * SECOND);
    strictEqual(settled(network, "").id, order.indexOf(150));
  });
});

Deno.test("[S6] crossed priorities and addresses, loss, cuts: they settle, and never flap", () => {
  forSeeds(250, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(2, 4));
    const few = random.pick([[100], [100, 150], [1, 100, 254]]);
    for (let i = random.int(2, 4); i > 0; i--) {
      const host = network.add(ports(random, i, names, () => random.pick(few), true));
      network.at(random.int(0, 5 * SECOND), () => network.start(host));
    }
    network.run(30 * SECOND);
    settled(network, "at first", 20 * SECOND);
    // Loss on all networks, some of them cut.
    network.loss = random.next() * 0.4;
    for (const host of network.hosts) {
      for (const name of names) if (random.chance(0.4)) host.part.set(name, random.int(0, 1));
    }
    network.run(random.int(1, 30) * SECOND);
    network.loss = 0;
    for (const host of network.hosts) host.part.clear();
    network.run(40 * SECOND);
    settled(network, "afterwards");
  });
});

Deno.test("[S6] all networks cut at once: a group on each side; healed, one goes in one step", () => {
  forSeeds(300, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(2, 3));
    const priorities = random.pick([[100, 100], [100, 150], [150, 100]]);
    const crossed = random.chance(0.5);
    for (const i of [0, 1]) {
      network.start(network.add(ports(random, i, names, () => priorities[i]!, crossed)));
    }
    network.run(10 * SECOND);
    for (const name of names) network.hosts[0]!.part.set(name, 1);
    network.run(10 * SECOND);
    for (const name of names) strictEqual(network.holders(name).length, 2, name);
    const before = network.transitions();
    network.hosts[0]!.part.clear();
    // One interval, and the way.
    network.run(SECOND + 1000);
    const winner = settled(network, "healed");
    const moved = network.transitions().map((count, i) => count - before[i]!);
    deepStrictEqual(moved, network.hosts.map((host) => host === winner ? 0 : 1), "one yields once");
    // The first member decides ties and crossed addresses.
    strictEqual(winner.id, priorities[0]! > priorities[1]! ? 0 : 1);
  });
});

Deno.test("[S6] a member fails: the other host has everything within the longest skew", () => {
  forSeeds(300, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(2, 4));
    const own = (i: number, priority: number) =>
      names.map((name, n) => ({ name, source: `198.51.${n}.${10 + i}`, priority }));
    const [a, b] = [network.add(own(0, 150)), network.add(own(1, 100))];
    for (const host of [a, b]) network.start(host);
    network.run(random.int(9, 11) * SECOND + random.int(0, SECOND));
    strictEqual(a.group.state, "master");
    const failing = random.pick(names);
    network.health(a, failing, "eth0 is down");
    strictEqual(a.group.state, "fault");
    strictEqual(a.holding.size, 0);
    // Skew of priority 100: 609,375 µs.
    network.run(609_375 + 401);
    strictEqual(b.group.state, "master");
    strictEqual(b.holding.size, names.length);
    network.run(10 * SECOND);
    network.health(a, failing);
    network.run(10 * SECOND);
    strictEqual(settled(network, "recovered"), a);
  });
});

Deno.test("[S6] members fail and recover in all orders, for every need", () => {
  forSeeds(250, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(2, 4));
    const need = random.pick(["all", "any", random.int(1, names.length)] as const);
    const needed = need === "all" ? names.length : need === "any" ? 1 : need;
    for (const i of [0, 1, 2]) {
      const priority = random.int(1, 254);
      const own = ports(random, i, names, () => priority, random.chance(0.3));
      network.start(network.add(own, need));
    }
    network.run(5 * SECOND);
    for (let n = 0; n < 30; n++) {
      const host = random.pick(network.hosts);
      const name = random.pick(names);
      const fault = random.chance(0.5) ? "eth0 is down" : null;
      network.health(host, name, fault, random.pick([0, 0, 20, -20]));
      const fit = host.group.members.filter(({ health }) => health!.waitingFor.length === 0).length;
      strictEqual(host.group.state === "fault", fit < needed, `${fit} of ${needed}`);
      network.run(random.int(0, 4 * SECOND));
    }
    for (const host of network.hosts) for (const name of names) network.health(host, name);
    network.run(60 * SECOND);
    settled(network, `need ${need}`);
  });
});

Deno.test("preempt_delay: a group comes back when each member's delay is over, and moves once", () => {
  forSeeds(300, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(2, 4));
    const own = (i: number, priority: number) =>
      names.map((name, n) => ({ name, source: `198.51.${n}.${10 + i}`, priority }));
    const delay = random.int(1, 30) * SECOND + random.int(0, SECOND);
    const a = network.add(own(0, 150), "all", { preemptDelay: delay });
    const b = network.add(own(1, 100));
    network.start(b);
    network.run(10 * SECOND);
    strictEqual(b.group.state, "master");
    // Members become healthy one after the other: the last one counts.
    const late = random.int(0, random.pick([0, 1000, 3 * SECOND]));
    names.forEach((name, n) => {
      network.at(network.now + Math.round(late * n / (names.length - 1)), () => {
        network.health(a, name);
      });
    });
    const healthy = network.now + late;
    // Not a moment earlier.
    network.run(healthy + delay - network.now - 1000);
    strictEqual(a.group.state, "backup");
    network.run(5 * SECOND);
    strictEqual(settled(network, "after the delay"), a);
    deepStrictEqual(a.history, ["init backup", "backup master"]);
    strictEqual(b.history.at(-1), "master backup");
    // Health that comes back counts anew; a master that dies meanwhile is replaced at once.
    const failing = random.pick(names);
    network.health(a, failing, "eth0 is down");
    network.run(3 * SECOND);
    strictEqual(b.group.state, "master");
    network.health(a, failing);
    network.run(random.int(0, Math.min(delay, 4 * SECOND) - 1));
    strictEqual(a.group.state, "backup");
    network.crash(b);
    // Master-down at priority 150: 3.41 s, for the last that heard; or the delay's end.
    network.run(3_500_000 + 1000);
    strictEqual(a.group.state, "master");
  });
});

Deno.test("[S6] dual stack, equal priorities, crossed addresses, one family cut: never flaps", () => {
  forSeeds(400, (random) => {
    const network = new GroupNetwork(random);
    for (const i of [0, 1]) {
      const own = [
        { name: "ipv4", source: `198.51.100.${10 + i}`, priority: 100 },
        { name: "ipv6", source: `198.51.101.${20 - i}`, priority: 100 },
      ];
      const host = network.add(own, "all");
      network.at(random.int(0, random.pick([0, 1000, 2 * SECOND])), () => network.start(host));
    }
    network.run(20 * SECOND);
    settled(network, "at first", 10 * SECOND);
    const [cut, other] = random.pick([["ipv4", "ipv6"], ["ipv6", "ipv4"]]) as [string, string];
    const before = network.transitions();
    network.hosts[0]!.part.set(cut, 1);
    network.run(20 * SECOND);
    deepStrictEqual(network.transitions(), before, `${other} keeps them together`);
    // Now the other one, too, and both back in some order.
    network.hosts[0]!.part.set(other, 1);
    network.run(random.int(1, 10) * SECOND);
    const [first, second] = random.chance(0.5) ? [cut, other] : [other, cut];
    network.hosts[0]!.part.delete(first);
    network.run(random.pick([0, random.int(0, 20 * SECOND)]));
    network.hosts[0]!.part.delete(second);
    network.run(10 * SECOND);
    settled(network, "healed");
    // Both may yield where patience with one family ends while the first advert of the other one
    // is under way: then they begin anew, once.
    for (const { history } of network.hosts) ok(history.length <= 8, history.join(", "));
    for (const [name, gap] of network.longestGap) ok(gap <= 3_620_000, `${name}: ${gap}`);
  });
});

Deno.test("a peer without a group, better in the second network only, ends with all or nothing", () => {
  forSeeds(300, (random) => {
    const network = new GroupNetwork(random);
    const grouped = network.add([
      { name: "web", source: "198.51.0.11", priority: 100 },
      { name: "lan", source: "198.51.1.11", priority: 100 },
    ]);
    // Two hosts of one member each are one host without a group.
    const priority = random.pick([100, 150]);
    const alone = ["web", "lan"].map((name, n) =>
      network.add([{ name, source: `198.51.${n}.${n === 0 ? 10 : 20}`, priority }])
    );
    for (const host of network.hosts) {
      network.at(random.int(0, 2000), () => network.start(host));
    }
    network.run(30 * SECOND);
    // A cut makes all of them master; then there must be one of each again.
    for (const name of ["web", "lan"]) grouped.part.set(name, 1);
    network.run(10 * SECOND);
    grouped.part.clear();
    network.run(30 * SECOND);
    for (const name of ["web", "lan"]) strictEqual(network.holders(name).length, 1, name);
    strictEqual(grouped.holding.size % 2, 0);
    const before = network.transitions();
    network.run(60 * SECOND);
    deepStrictEqual(network.transitions(), before);
    if (priority === 150) { for (const host of alone) strictEqual(host.holding.size, 1); }
  });
});

Deno.test("a crash, a restart: nothing is half moved, and all is held again", () => {
  forSeeds(200, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, 3);
    for (const i of [0, 1, 2]) {
      network.start(network.add(ports(random, i, names, () => 100 + 20 * i, false)));
    }
    network.run(15 * SECOND);
    const victim = settled(network, "at first", SECOND);
    network.crash(victim);
    // Master-down at priority 100: 3.61 s, after at most one interval.
    network.run(3_700_000);
    for (const name of names) strictEqual(network.holders(name).length, 1);
    settled(network, "without it");
  });
});

Deno.test("release and claim in virtual time: nobody is without addresses for a moment", () => {
  forSeeds(300, (random) => {
    const network = new GroupNetwork(random);
    const names = NAMES.slice(0, random.int(1, 3));
    for (const i of [0, 1, 2]) {
      const own = names.map((name, n) => ({
        name,
        source: `198.51.${n}.${10 + i}`,
        priority: 100 + i * random.pick([0, 20]),
      }));
      network.start(network.add(own));
    }
    network.run(15 * SECOND);
    const former = settled(network, "at first", SECOND);
    network.run(random.int(0, SECOND));
    network.step(former, { type: "release", until: null });
    network.run(5 * SECOND);
    const successor = settled(network, "released", 30 * SECOND);
    ok(successor !== former);
    strictEqual(former.group.state, "backup");
    network.step(former, { type: "claim" });
    strictEqual(former.group.state, "master", "at once");
    network.run(SECOND);
    strictEqual(settled(network, "claimed"), former);
    deepStrictEqual([...network.longestGap.values()], names.map(() => 0));
  });
});
