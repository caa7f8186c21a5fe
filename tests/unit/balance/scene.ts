/** Virtual servers in virtual time: a driver that keeps the machine's rules, and says what it saw. */

import { ok, strictEqual } from "node:assert/strict";
import {
  type Balance,
  type BalanceEffect,
  type BalanceEvent,
  type BalanceOrder,
  createBalance,
  type MachineMemory,
  type RealServerSettings,
  step,
  type VirtualServerSettings,
  wantedServer,
} from "../../../mod/balance/mod.ts";
import { buildTable, type RealServer, type VirtualServer } from "../../../mod/ipvs/mod.ts";
import { realServerOf, serverOf, virtualServerOf } from "../../lib/balance.ts";

export const SECOND = 1_000_000;

export function server(address: string, weight = 1, rest: Partial<RealServer> = {}): RealServer {
  return serverOf(address, { weight, ...rest });
}

/** A real server `198.51.100.N` with a check of its own name. */
export function real(
  number: number,
  weight = 1,
  rest: Partial<RealServerSettings> = {},
): RealServerSettings {
  const name = `198.51.100.${number}`;
  return realServerOf(name, server(name, weight), { checks: [name], ...rest });
}

export function virtual(
  servers: readonly RealServerSettings[],
  rest: Partial<VirtualServerSettings> = {},
): VirtualServerSettings {
  return virtualServerOf("web", "192.0.2.10", servers, rest);
}

export const SORRY = { server: server("203.0.113.99"), inhibit: false };

/** An effect in one line; what is only of use to the driver is left out. */
function line(effect: BalanceEffect): string | null {
  switch (effect.type) {
    case "announce":
      return `${effect.announced ? "announce" : "withdraw"} ${effect.server}`;
    case "program":
      return `program ${effect.servers.join(", ")}`;
    case "quorum":
      return `track ${effect.server} ${effect.met ? "met" : "lost"}`;
    case "ordered":
      return effect.refused === null ? null : `refused: ${effect.refused}`;
    case "count":
      return `count ${effect.servers.map(({ realServer }) => realServer).join(", ")}`;
    case "timer":
      return null;
    case "step": {
      const { what } = effect;
      if (what.kind === "quorum") return `quorum ${what.met ? "met" : "lost"}`;
      if (what.kind === "active") return what.active ? "active" : "inactive";
      if (what.kind === "drained") return `${what.realServer} drained, ${what.connections} left`;
      return `${what.realServer} ${what.state}: ${what.reason}`;
    }
  }
}

/** All that a machine wants of the table. */
export function wantedServers(balance: Balance): VirtualServer[] {
  return [...balance.servers.keys()].flatMap((name) => wantedServer(balance, name) ?? []);
}

/** Fires the machine's timers in virtual time and checks at every step what must always hold. */
export class Scene {
  now = 10 * SECOND;
  readonly balance: Balance = createBalance();
  #timer: { readonly at: number; readonly generation: number } | null = null;
  #wanted = new Map<string, VirtualServer>();
  /** How the machine steps: who records it looks on. */
  step = step;
  /** All effects of the last call. */
  effects: BalanceEffect[] = [];

  /** @returns what came of it, in words */
  tell(event: BalanceEvent): string[] {
    const before = this.#wanted;
    this.effects = this.step(this.balance, event, this.now);
    this.#check(before);
    for (const effect of this.effects) if (effect.type === "timer") this.#timer = effect;
    return this.effects.map(line).filter((text) => text !== null);
  }

  #check(before: ReadonlyMap<string, VirtualServer>): void {
    const wanted = wantedServers(this.balance);
    const table = buildTable(wanted);
    ok(table.ok, table.ok ? "" : table.reason);
    const programs = this.effects.filter((effect) => effect.type === "program");
    ok(programs.length <= 1, "the table is asked for once");
    const named = new Set(programs.flatMap(({ servers }) => servers));
    const after = new Map<string, VirtualServer>();
    for (const name of this.balance.servers.keys()) {
      const one = wantedServer(this.balance, name);
      if (one !== null) after.set(name, one);
    }
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const [old, now] = [before.get(name), after.get(name)];
      const same = JSON.stringify(old) === JSON.stringify(now);
      strictEqual(named.delete(name), !same, `${name} has changed and nobody says so, or not`);
      if (same) strictEqual(old, now, "what has not changed is the same value");
    }
    strictEqual(named.size, 0, `changed, and is not there: ${[...named]}`);
    this.#wanted = after;
  }

  configure(...servers: readonly VirtualServerSettings[]): string[] {
    return this.tell({ type: "configure", servers });
  }

  check(check: string, health: "up" | "down", rest: { weight?: number; reason?: string } = {}) {
    const { weight, reason = health === "up" ? "connected" : "refused" } = rest;
    const opinion = weight === undefined ? null : { kind: "percent", value: weight } as const;
    return this.tell({ type: "check", finding: { check, health, reason, weight: opinion } });
  }

  up(number: number): string[] {
    return this.check(`198.51.100.${number}`, "up");
  }

  down(number: number): string[] {
    return this.check(`198.51.100.${number}`, "down");
  }

  order(number: number, what: BalanceOrder, name = "web"): string[] {
    return this.tell({
      type: "order",
      server: name,
      realServer: `198.51.100.${number}`,
      what,
    });
  }

  drain(number: number, timeout: number | null = null): string[] {
    return this.order(number, { order: "drain", timeout });
  }

  undrain(number: number): string[] {
    return this.order(number, { order: "undrain" });
  }

  weigh(number: number, weight: number | null): string[] {
    return this.order(number, { order: "weight", weight });
  }

  hold(holding: string, held = true): string[] {
    return this.tell({ type: "holding", holding, held });
  }

  connections(number: number, active: number, inactive = 0): string[] {
    const realServer = `198.51.100.${number}`;
    return this.tell({
      type: "connections",
      counts: [{ server: "web", realServer, active, inactive }],
    });
  }

  restore(memory: MachineMemory): string[] {
    return this.tell({ type: "restore", memory });
  }

  /** When the machine wants to be woken; `null`: never. */
  get due(): number | null {
    return this.#timer?.at ?? null;
  }

  /** Lets time pass, with every timer in it. @returns what came of it, with the second */
  pass(duration: number): string[] {
    const end = this.now + duration;
    const seen: string[] = [];
    while (this.#timer !== null && this.#timer.at <= end) {
      const { at, generation } = this.#timer;
      this.#timer = null;
      this.now = Math.max(this.now, at);
      const what = this.tell({ type: "timer", generation });
      seen.push(...what.map((text) => `${this.now / SECOND}: ${text}`));
    }
    this.now = end;
    return seen;
  }

  /** What is in the table of a virtual server, `11=5 12=0`; `null`: it is not in it. */
  table(name = "web"): string | null {
    const wanted = wantedServer(this.balance, name);
    if (wanted === null) return null;
    return wanted.servers.map(({ address, weight }) => `${address.split(".").at(-1)}=${weight}`)
      .join(" ");
  }
}
