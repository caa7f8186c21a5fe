/** Routers of both families in virtual time: one state, whatever one family does. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  createGroup,
  createRouter,
  type Group,
  type Micros,
  type RouterEvent,
  stepGroup,
} from "../../../mod/vrrp/mod.ts";
import { Random } from "../../lib/random.ts";
import { settings } from "./fixtures.ts";

const SECOND = 1_000_000;
const FAMILIES = ["ipv4", "ipv6"] as const;
type Family = typeof FAMILIES[number];

interface Node {
  readonly group: Group;
  readonly source: Record<Family, string>;
  readonly timers: Map<string, Micros>;
  readonly families: readonly Family[];
  history: string[];
}

/** Nodes on one wire, on which a family may be cut. */
class Wire {
  now: Micros = 0;
  readonly nodes: Node[] = [];
  readonly cut = new Set<Family>();
  readonly #flying: { at: Micros; to: Node; family: Family; event: RouterEvent }[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** @param order of its addresses among those of the others, by family */
  add(
    priority: number,
    order: Record<Family, number>,
    families: readonly Family[] = FAMILIES,
  ): Node {
    const source = { ipv4: `192.0.2.${order.ipv4}`, ipv6: `fe80::${order.ipv6}` };
    const routers = families.map((family) =>
      createRouter(
        settings({
          name: `web/${family}`,
          family,
          priority,
          advertisementInterval: SECOND,
          addresses: [family === "ipv4" ? "192.0.2.100" : "fe80::100"],
        }),
        this.now,
      )
    );
    const members = routers.map((router) => router.settings.name);
    const group = createGroup(
      { name: "web", members, need: "all", sessions: [members] },
      routers,
      this.now,
    );
    const node: Node = { group, source, timers: new Map(), families, history: [] };
    this.nodes.push(node);
    for (const family of families) {
      const health = { type: "health", waitingFor: [], contribution: 0 } as const;
      this.step(node, family, { ...health, source: source[family] });
    }
    return node;
  }

  step(node: Node, family: Family, event: RouterEvent): void {
    const before = node.group.state;
    const effects = stepGroup(node.group, {
      type: "member",
      name: `web/${family}`,
      event,
    }, this.now);
    for (const one of effects) {
      if (one.type !== "member") continue;
      const about = one.name.slice(4) as Family;
      const { effect } = one;
      if (effect.type === "set_timer") node.timers.set(about, effect.at);
      if (effect.type === "cancel_timer") node.timers.delete(about);
      if (effect.type === "send") this.#send(node, about, effect.priority);
    }
    if (node.group.state !== before) node.history.push(`${this.now} ${node.group.state}`);
    // One state: only a session that nobody else speaks to has its own.
    const bound = node.group.members.filter(({ lonely }) => !lonely);
    const states = new Set(bound.map(({ router }) => router.state));
    if (node.families.length === node.group.members.length && bound.length === 2) {
      ok(states.size === 1 || node.group.members.some(({ health }) => health === null));
    }
  }

  #send(from: Node, family: Family, priority: number): void {
    if (this.cut.has(family)) return;
    for (const to of this.nodes) {
      const speaks = to.group.settings.members.includes(`web/${family}`);
      if (to === from || !speaks) continue;
      const advertisement = {
        version: 3,
        source: from.source[family],
        virtualRouterId: 51,
        priority,
        interval: SECOND,
        addresses: [family === "ipv4" ? "192.0.2.100" : "fe80::100"],
        checksum: "rfc5798",
      } as const;
      const at = this.now + 100 + this.#random.int(0, 300 - 1);
      this.#flying.push({ at, to, family, event: { type: "advertisement", advertisement } });
    }
  }

  run(micros: Micros): void {
    const end = this.now + micros;
    for (;;) {
      let next = end;
      let act: (() => void) | null = null;
      for (const node of this.nodes) {
        for (const [family, at] of node.timers) {
          if (at >= next) continue;
          next = at;
          act = () => {
            node.timers.delete(family);
            const { router } = node.group.members.find(({ settings: { name } }) =>
              name === `web/${family}`
            )!;
            this.step(node, family as Family, {
              type: "timer",
              generation: router.timer?.generation ?? -1,
            });
          };
        }
      }
      for (const [i, { at, to, family, event }] of this.#flying.entries()) {
        if (at >= next) continue;
        next = at;
        act = () => {
          this.#flying.splice(i, 1);
          if (!this.cut.has(family)) this.step(to, family, event);
        };
      }
      this.now = Math.max(this.now, next);
      if (act === null) return;
      act();
    }
  }

  /** A session that is no more has said so. */
  resign(from: Node, family: Family): void {
    this.#send(from, family, 0);
  }

  get states(): string[] {
    return this.nodes.map(({ group }) => group.members.map(({ router }) => router.state).join("/"));
  }
}

/** Where a run ends: one node is master of both families, the others are backups. */
function converged(wire: Wire): boolean {
  const states = wire.states.toSorted();
  return states.join() ===
    [...Array(states.length - 1).fill("backup/backup"), "master/master"].join();
}

Deno.test("both families: 10,000 runs with equal priorities, crossed addresses and cuts converge and rest", () => {
  for (let seed = 0; seed < 10_000; seed++) {
    const random = new Random(seed);
    const wire = new Wire(random);
    const crossed = random.int(0, 2 - 1) === 0;
    const equal = random.int(0, 3 - 1) > 0;
    wire.add(100, { ipv4: 1, ipv6: crossed ? 2 : 1 });
    wire.run(random.int(0, 6 * SECOND - 1));
    const early = random.int(0, 4 - 1) === 0;
    const family = FAMILIES[random.int(0, 2 - 1)]!;
    if (early) wire.cut.add(family);
    wire.add(equal ? 100 : 150, { ipv4: 2, ipv6: crossed ? 1 : 2 });
    wire.run(15 * SECOND);
    if (!early) {
      ok(converged(wire), `seed ${seed}: ${wire.states} before the cut`);
      const before = wire.nodes.map(({ history }) => history.length);
      wire.cut.add(family);
      wire.run(5 * SECOND + random.int(0, 60 * SECOND - 1));
      // Who was heard and is silent now is behind a cut: the other family still decides.
      ok(converged(wire), `seed ${seed}: ${wire.states} during the cut`);
      deepStrictEqual(wire.nodes.map(({ history }) => history.length), before, `seed ${seed}`);
    }
    wire.cut.delete(family);
    wire.run(20 * SECOND);
    ok(converged(wire), `seed ${seed}: ${wire.states} after the cut`);
    const rested = wire.nodes.map(({ history }) => history.length);
    wire.run(10 * SECOND);
    deepStrictEqual(wire.nodes.map(({ history }) => history.length), rested, `seed ${seed} flaps`);
    ok(Math.max(...rested) <= 6, `seed ${seed}: ${wire.nodes.map(({ history }) => history)}`);
  }
});

Deno.test("both families: an equal priority in the second family demotes nobody", () => {
  const wire = new Wire(new Random(1));
  wire.add(100, { ipv4: 2, ipv6: 1 });
  wire.run(5 * SECOND);
  const second = wire.add(100, { ipv4: 1, ipv6: 2 });
  wire.run(SECOND);
  // Made master by force in both: the first family decides, whatever the second one says.
  for (const family of FAMILIES) wire.cut.add(family);
  wire.run(5 * SECOND);
  strictEqual(second.group.state, "master");
  wire.cut.clear();
  wire.run(3 * SECOND);
  deepStrictEqual(wire.states, ["master/master", "backup/backup"]);
  strictEqual(wire.nodes[0]!.history.filter((line) => line.endsWith("backup")).length, 1);
});

Deno.test("both families: where the peer speaks one only, the other session runs alone", () => {
  const wire = new Wire(new Random(2));
  const peer = wire.add(200, { ipv4: 2, ipv6: 2 }, ["ipv4"]);
  wire.run(5 * SECOND);
  const node = wire.add(100, { ipv4: 1, ipv6: 1 });
  wire.run(5 * SECOND);
  deepStrictEqual(wire.states, ["master", "backup/master"]);
  deepStrictEqual(node.group.members.map(({ lonely }) => lonely), [false, true]);
  strictEqual(node.group.state, "backup");
  // The peer goes and comes back: the lonely session does not notice.
  const six = node.group.members[1]!.router;
  const { since } = six;
  wire.step(peer, "ipv4", { type: "stop", now: true });
  wire.run(5 * SECOND);
  deepStrictEqual(wire.states[1], "master/master");
  const health = { type: "health", waitingFor: [], contribution: 0 } as const;
  peer.group.members[0]!.stopping = false;
  wire.step(peer, "ipv4", { ...health, source: peer.source.ipv4 });
  wire.run(6 * SECOND);
  deepStrictEqual(wire.states, ["master", "backup/master"]);
  strictEqual(six.since, since);
  // One that speaks both joins, worse than all: the first advert it hears ends the loneliness there.
  wire.add(50, { ipv4: 3, ipv6: 3 });
  wire.run(8 * SECOND);
  deepStrictEqual(wire.states[2], "backup/backup");
});

Deno.test("both families: a peer that resigns in one family for good leaves it to the other session", () => {
  const wire = new Wire(new Random(3));
  const peer = wire.add(200, { ipv4: 2, ipv6: 2 });
  wire.run(5 * SECOND);
  const node = wire.add(100, { ipv4: 1, ipv6: 1 });
  wire.run(5 * SECOND);
  deepStrictEqual(wire.states, ["master/master", "backup/backup"]);
  // A reload there takes IPv6 away: its session resigns, and IPv4 goes on.
  const { group } = peer;
  const [four] = group.settings.members;
  const settings = { name: "web", members: [four!], need: "all" } as const;
  const six = group.members[1]!.router;
  for (
    const one of stepGroup(group, {
      type: "member",
      name: "web/ipv6",
      event: { type: "stop", now: true },
    }, wire.now)
  ) ok(one.type !== "member" || one.name === "web/ipv6" || one.effect.type !== "transition");
  stepGroup(group, { type: "configure", settings, joining: [] }, wire.now);
  strictEqual(six.state, "init");
  peer.timers.delete("ipv6");
  wire.resign(peer, "ipv6");
  wire.run(5 * SECOND);
  deepStrictEqual(wire.states, ["master", "backup/master"]);
  deepStrictEqual(node.group.members.map(({ lonely }) => lonely), [false, true]);
  // Released, it hands over what others can take, and goes on serving the rest.
  stepGroup(node.group, { type: "release", until: null }, wire.now);
  strictEqual(node.group.members[1]!.router.releasing, false);
  deepStrictEqual(wire.states, ["master", "backup/master"]);
});

Deno.test("both families in a sync group: one state with the other members, alone where it must", () => {
  const names = ["lan", "web", "web/ipv6"];
  const router = (name: string, family: Family) =>
    createRouter(
      settings({ name, family, addresses: [family === "ipv4" ? "192.0.2.100" : "fe80::100"] }),
      0,
    );
  const routers = [router("lan", "ipv4"), router("web", "ipv4"), router("web/ipv6", "ipv6")];
  const sessions = [["web", "web/ipv6"]];
  const group = createGroup({ name: "site", members: names, need: 2, sessions }, routers, 0);
  const tell = (name: string, event: RouterEvent, at: Micros) =>
    stepGroup(group, { type: "member", name, event }, at);
  const health = (waitingFor: string[] = []) =>
    ({ type: "health", waitingFor, contribution: 0, source: "192.0.2.1" }) as const;
  const expire = (name: string) => {
    const { timer } = group.members.find((one) => one.settings.name === name)!.router;
    tell(name, { type: "timer", generation: timer!.generation }, timer!.at);
  };
  const states = () => group.members.map(({ router: { state } }) => state).join(" ");
  for (const name of names) tell(name, health(), 0);
  strictEqual(states(), "backup backup backup");
  // The router counts once: a fault of one session is one of both, and two of two are needed.
  tell("web/ipv6", health(["eth0 is down"]), 1);
  strictEqual(states(), "fault fault fault");
  tell("web/ipv6", health(), 2);
  for (const name of names) expire(name);
  strictEqual(states(), "master master master");
});
