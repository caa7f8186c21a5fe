/**
 * Thousands of random histories, each beside a model of its own: what an operator and the checks
 * have said, and what follows from it by the rules of `machine.ts`.
 */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  type BalanceEffect,
  type BalanceEvent,
  createBalance,
  type RealServerSettings,
  step,
  type VirtualServerSettings,
  wantedServer,
} from "../../../mod/balance/mod.ts";
import { rememberBalance, reportBalance } from "../../lib/balance.ts";
import {
  buildTable,
  planTable,
  serviceName,
  type Table,
  TableModel,
} from "../../../mod/ipvs/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { CHECKS, randomEvent, randomServers } from "./random_events.ts";
import { Scene, SECOND, wantedServers } from "./scene.ts";

/** What was said, and what follows from it: computed from scratch after each event. */
class Model {
  readonly findings = new Map<string, Extract<BalanceEvent, { type: "check" }>["finding"]>();
  readonly held = new Set<string>();
  readonly weights = new Map<string, number>();
  readonly drained = new Set<string>();
  readonly met = new Map<string, boolean>();
  servers: readonly VirtualServerSettings[] = [];

  tell(event: BalanceEvent): void {
    switch (event.type) {
      case "configure":
        this.servers = event.servers;
        for (const name of this.met.keys()) {
          if (!this.servers.some((settings) => settings.name === name)) this.met.delete(name);
        }
        return this.#forget();
      case "check":
        this.findings.set(event.finding.check, event.finding);
        return;
      case "holding":
        if (event.held) this.held.add(event.holding);
        else this.held.delete(event.holding);
        return;
      case "order":
        return this.#order(event.server, event.realServer, event.what);
    }
  }

  #order(
    server: string,
    name: string,
    what: Extract<BalanceEvent, { type: "order" }>["what"],
  ): void {
    const key = `${server} ${name}`;
    if (!this.#keys().has(key)) return;
    if (what.order === "drain") this.drained.add(key);
    else if (what.order === "undrain") this.drained.delete(key);
    else if (what.weight === null) this.weights.delete(key);
    else if (what.weight <= 65_535) this.weights.set(key, what.weight);
  }

  #keys(): Set<string> {
    return new Set(
      this.servers.flatMap(({ name, servers }) => servers.map((real) => `${name} ${real.name}`)),
    );
  }

  /** Who is gone is forgotten. */
  #forget(): void {
    const keys = this.#keys();
    for (const key of this.drained) if (!keys.has(key)) this.drained.delete(key);
    for (const key of this.weights.keys()) if (!keys.has(key)) this.weights.delete(key);
  }

  isHealthy({ checks, require, startDown }: RealServerSettings): boolean {
    const passing = checks.filter((id) => {
      const finding = this.findings.get(id);
      return finding === undefined ? !startDown : finding.health === "up";
    }).length;
    if (checks.length === 0 || require === "all") return passing === checks.length;
    return passing >= (require === "any" ? 1 : require);
  }

  weightOf(key: string, { server, checks }: RealServerSettings): number {
    const full = this.weights.get(key) ?? server.weight;
    const asked = checks.map((id) => this.findings.get(id))
      .filter((finding) => finding?.health === "up" && finding.weight !== null)
      .map((finding) => finding!.weight!.value)
      .map((value) => value === 0 || full === 0 ? 0 : Math.max(1, Math.round(full * value / 100)));
    return Math.min(full, ...asked);
  }

  /** What the machine must report now. */
  expected() {
    return this.servers.map(({ name, quorum, hysteresis, follow, servers: reals }) => {
      const servers = reals.map((one) => {
        const key = `${name} ${one.name}`;
        const draining = this.drained.has(key);
        const healthy = this.isHealthy(one);
        const share = draining || !healthy ? 0 : this.weightOf(key, one);
        const state = draining ? "draining" : healthy ? "up" : "down";
        return { name: one.name, state, share, override: this.weights.get(key) ?? null };
      });
      const current = servers.reduce((sum, { share }) => sum + share, 0);
      const old = this.met.get(name);
      const met = current >= (old === undefined ? quorum : quorum + (old ? -1 : 1) * hysteresis);
      this.met.set(name, met);
      const active = follow.length === 0 || follow.some((one) => this.held.has(one));
      const states = servers.map(({ name, state, override }) => ({ name, state, override }));
      return { name, active, required: quorum, current, met, states };
    });
  }
}

function reported(scene: Scene) {
  return reportBalance(scene.balance, scene.now).map(({ name, active, quorum, servers }) => ({
    name,
    active,
    ...quorum,
    states: servers.map(({ name, state, override }) => ({ name, state, override })),
  }));
}

function tableOf(scene: Scene): Table {
  const table = buildTable(wantedServers(scene.balance));
  ok(table.ok);
  return table.value;
}

/** All but the weight is as it is configured now. */
function compareSettings(scene: Scene, { servers }: Model): void {
  for (const { name, sorryServer, servers: reals } of servers) {
    const sorry = sorryServer === null ? undefined : sorryServer.server.address;
    for (const { weight, ...rest } of wantedServer(scene.balance, name)?.servers ?? []) {
      if (rest.address === sorry) continue;
      const found = reals.find(({ name }) => name === rest.address);
      deepStrictEqual({ ...rest, weight }, { ...found?.server, weight });
    }
  }
}

function usable(table: Table, name: string): number {
  return [...table.get(name)?.destinations.values() ?? []].filter(({ weight }) => weight > 0)
    .length;
}

/** No service is without a server between two tables that both have one for it. */
function walk(before: Table, after: Table): void {
  const model = new TableModel(before);
  for (const command of planTable(after, before, "all")) {
    ok(model.apply(command));
    for (const name of before.keys()) {
      if (usable(before, name) === 0 || usable(after, name) === 0) continue;
      ok(usable(model.table, name) > 0, `${name} has nobody left at ${command.kind}`);
    }
  }
  deepStrictEqual([...model.table.keys()].sort(), [...after.keys()].sort());
}

/** What is told by steps adds up to what is reported. */
class Listener {
  readonly #states = new Map<string, string>();
  readonly #met = new Map<string, boolean>();
  readonly #announced = new Set<string>();

  hear(effects: readonly BalanceEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "announce") {
        const { server, announced } = effect;
        strictEqual(this.#announced.has(server), !announced, "announced or withdrawn twice");
        if (announced) this.#announced.add(server);
        else this.#announced.delete(server);
      } else if (effect.type === "quorum") this.#met.set(effect.server, effect.met);
      else if (effect.type === "step" && effect.what.kind === "real_server") {
        const { realServer, state } = effect.what;
        const key = `${effect.server} ${realServer}`;
        ok(this.#states.get(key) !== state, `${key} is ${state} and told so again`);
        this.#states.set(key, state);
      }
    }
  }

  compare(scene: Scene): void {
    const reports = reportBalance(scene.balance, scene.now);
    const keys = new Set<string>();
    for (const { name, active, quorum, servers } of reports) {
      strictEqual(this.#met.get(name), quorum.met);
      const { announce } = scene.balance.servers.get(name)!.settings;
      strictEqual(this.#announced.has(name), announce && active && quorum.met);
      for (const { name: realName, state, undecided } of servers) {
        const key = `${name} ${realName}`;
        keys.add(key);
        const told = this.#states.get(key);
        if (told !== undefined) strictEqual(told, state);
        // That one is down which has never been up is told when its checks say so.
        else if (undecided !== true) this.#states.set(key, state);
      }
    }
    for (const key of this.#states.keys()) if (!keys.has(key)) this.#states.delete(key);
  }
}

/** Time alone lifts weights and takes out what has drained, and does nothing else. */
function passTime(scene: Scene, listener: Listener, duration: number): void {
  const end = scene.now + duration;
  while (scene.due !== null && scene.due <= end) {
    const before = tableOf(scene);
    scene.pass(scene.due - scene.now);
    listener.hear(scene.effects);
    const after = tableOf(scene);
    for (const [name, { destinations }] of before) {
      for (const [key, { weight }] of destinations) {
        const now = after.get(name)?.destinations.get(key);
        if (now === undefined) strictEqual(weight, 0, "only what has drained goes");
        else ok(now.weight >= weight, `${key} of ${name} sinks from ${weight} to ${now.weight}`);
      }
      ok(after.has(name));
    }
    listener.compare(scene);
  }
  scene.pass(end - scene.now);
}

Deno.test("2,000 histories: states, quorums and orders are what was said, and what was told", () => {
  let [drains, sorry, rising] = [0, 0, 0];
  forSeeds(2_000, (random) => {
    const scene = new Scene();
    const model = new Model();
    const listener = new Listener();
    const length = random.int(5, 60);
    for (let i = 0; i < length; i++) {
      const event = i === 0
        ? { type: "configure", servers: randomServers(random), checks: CHECKS } as const
        : randomEvent(random);
      const before = tableOf(scene);
      scene.tell(event);
      model.tell(event);
      listener.hear(scene.effects);
      listener.compare(scene);
      deepStrictEqual(reported(scene), model.expected(), `after ${event.type}`);
      const after = tableOf(scene);
      walk(before, after);
      compareSettings(scene, model);
      if (before.size === after.size && [...before.keys()].every((name) => after.has(name))) {
        const changed = planTable(after, before, "all").length > 0;
        if (changed) ok(scene.effects.some(({ type }) => type === "program"));
      }
      // The same again changes nothing.
      if (event.type === "check" || event.type === "holding" || event.type === "configure") {
        deepStrictEqual(scene.tell(event), []);
      }
      if (random.chance(0.5)) passTime(scene, listener, random.int(0, 3 * SECOND));
      deepStrictEqual(reported(scene), model.expected());
      sorry += reportBalance(scene.balance, scene.now).filter((one) => one.sorryServerActive)
        .length;
      rising += scene.balance.rising.size;
      drains += scene.balance.draining.size;
    }
    // Whatever has a limit ends by itself.
    passTime(scene, listener, 11 * SECOND);
    for (const { servers } of reportBalance(scene.balance, scene.now)) {
      for (const { drain } of servers) ok(drain === null || drain.until === null || drain.done);
    }
    strictEqual(scene.balance.rising.size, 0);
    for (const real of scene.balance.draining.keys()) strictEqual(real.drain?.until, null);
    if (scene.balance.draining.size === 0) {
      passTime(scene, listener, 2 * SECOND);
      strictEqual(scene.due, null, "where nothing goes on, nobody is woken");
    }
  });
  if (Deno.env.get("HALB_SEED") === undefined) ok(drains > 1000 && sorry > 1000 && rising > 1000);
});

/** Which of two virtual servers is told of first is nobody's business. */
function inOrder(lines: readonly string[]): string[] {
  return lines.filter((text) => !text.includes("count"))
    .map((text) =>
      text.replace(/program (.*)/, (_, names) => `program ${names.split(", ").sort()}`)
    )
    .sort();
}

Deno.test("1,000 lives in two: what goes on from the memory has the same future", () => {
  forSeeds(1_000, (random) => {
    const scene = new Scene();
    let settings = randomServers(random);
    const held = new Set<string>();
    const tell = (event: BalanceEvent, ...scenes: readonly Scene[]) => {
      if (event.type === "configure") settings = [...event.servers];
      if (event.type === "holding") held[event.held ? "add" : "delete"](event.holding);
      return scenes.map((one) => inOrder(one.tell(event)));
    };
    tell({ type: "configure", servers: settings, checks: CHECKS }, scene);
    for (let i = random.int(0, 30); i > 0; i--) {
      tell(randomEvent(random), scene);
      if (random.chance(0.5)) scene.pass(random.int(0, 3 * SECOND));
    }
    const other = new Scene();
    other.now = scene.now;
    other.restore(JSON.parse(JSON.stringify(rememberBalance(scene.balance))));
    for (const holding of held) other.hold(holding);
    const told = other.tell({ type: "configure", servers: settings, checks: CHECKS });
    // Trackers and announcements are new to the new process; nothing else is news.
    for (const text of told) ok(/^(program|announce|track) /.test(text), text);
    for (let i = random.int(0, 30); i > 0; i--) {
      const [one, two] = [scene, other].map((each) => reportBalance(each.balance, each.now));
      deepStrictEqual(two, one);
      deepStrictEqual(wantedServers(other.balance), wantedServers(scene.balance));
      const [left, right] = tell(randomEvent(random), scene, other);
      deepStrictEqual(right, left);
      if (random.chance(0.7)) {
        const duration = random.int(0, 3 * SECOND);
        const [left, right] = [scene, other].map((each) => inOrder(each.pass(duration)));
        deepStrictEqual(right, left);
      }
    }
  });
});

Deno.test("stale timers do nothing", () => {
  forSeeds(200, (random) => {
    const balance = createBalance();
    let now = SECOND;
    step(balance, { type: "configure", servers: randomServers(random), checks: CHECKS }, now);
    for (let i = 0; i < 30; i++) {
      step(balance, randomEvent(random), now);
      const { generation } = balance.timer;
      const stale = random.pick([generation - 1, generation + 1, -1]);
      now += random.int(0, SECOND);
      deepStrictEqual(step(balance, { type: "timer", generation: stale }, now), []);
    }
  });
});

Deno.test("service names of the random servers are their own", () => {
  forSeeds(50, (random) => {
    const scene = new Scene();
    scene.configure(...randomServers(random));
    const names = [...tableOf(scene).values()].map(({ service }) => serviceName(service.key));
    strictEqual(new Set(names).size, names.length);
  });
});
