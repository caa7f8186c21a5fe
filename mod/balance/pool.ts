/**
 * One virtual server by itself: what the machine remembers of it, which events are about it, and what
 * is decided about it. So it can be recorded, and step again without the others.
 *
 * @module
 */

import type { CheckFinding } from "../check/board.ts";
import { sameValue } from "../values/mod.ts";
import { createBalance, step } from "./machine.ts";
import type { VirtualServerSettings } from "./settings.ts";
import type {
  Balance,
  BalanceEffect,
  BalanceEvent,
  Micros,
  RealServerEntry,
  VirtualServerEntry,
} from "./types.ts";
import { isSorry } from "./wanted.ts";

/** What is remembered of a virtual server and its surroundings: plain data. */
export interface PoolMemory {
  readonly settings: VirtualServerSettings;
  readonly active: boolean;
  readonly met: boolean;
  readonly since: Micros;
  readonly transitions: number;
  readonly total: number;
  readonly announced: boolean;
  /** In the order of the settings. */
  readonly servers: readonly PoolServer[];
  /** Whose weights rise, and who are drained, by name, in the order in which that began. */
  readonly rising: readonly string[];
  readonly draining: readonly string[];
  /** What it follows, as far as that is held. */
  readonly held: readonly string[];
  /** Of its checks. */
  readonly findings: readonly CheckFinding[];
}

/** What is remembered of one real server. */
export type PoolServer = Omit<RealServerEntry, "settings" | "shown">;

/** What a virtual server is told. */
export type PoolEvent =
  | Exclude<BalanceEvent, { readonly type: "configure" | "restore" | "timer" }>
  | {
    readonly type: "timer";
    /** The last second at which connections were counted, of whichever virtual server. */
    readonly tick: Micros;
  };

/** What is decided about it. */
export type PoolEffect =
  | Exclude<BalanceEffect, { readonly type: "timer" | "program" }>
  | {
    readonly type: "program";
    /** The sorry server takes the place of all others. */
    readonly sorry: boolean;
    /** Weights that are others than before; null: out of the table. */
    readonly weights: Readonly<Record<string, number | null>>;
  };

/** What is remembered of a virtual server; undefined: there is none. */
export function poolOf(balance: Balance, name: string): PoolMemory | undefined {
  const entry = balance.servers.get(name);
  if (entry === undefined) return undefined;
  const { settings, active, met, since, transitions, total, announced } = entry;
  const servers = [...entry.servers.values()].map(({ settings: _, shown: __, ...one }) => one);
  const checks = new Set(settings.servers.flatMap((one) => one.checks));
  const findings = [...checks].flatMap((id) => balance.findings.get(id) ?? []);
  const held = settings.follow.filter((one) => balance.held.has(one));
  const namesIn = (all: ReadonlyMap<RealServerEntry, VirtualServerEntry>): string[] =>
    [...all].flatMap(([real, of]) => of === entry ? [real.settings.name] : []);
  const [rising, draining] = [namesIn(balance.rising), namesIn(balance.draining)];
  const state = { settings, active, met, since, transitions, total, announced };
  return { ...state, servers, rising, draining, held, findings };
}

/**
 * Weights in the wanted table by real server, as they were told last: at the beginning, and with each
 * `program`.
 */
export type PoolWeights = Map<string, number | null>;

/** A machine that knows one virtual server alone. */
export interface Pool {
  readonly balance: Balance;
  readonly weights: PoolWeights;
}

/** One that goes on from there. @param memory belongs to it from now on */
export function revivePool(memory: PoolMemory): Pool {
  const { settings, servers, rising, draining, held, findings, ...rest } = memory;
  const balance = createBalance();
  const entry: VirtualServerEntry = { ...rest, settings, servers: new Map(), wanted: null };
  balance.servers.set(settings.name, entry);
  for (const one of held) balance.held.add(one);
  for (const one of findings) balance.findings.set(one.check, one);
  settings.servers.forEach((each, i) => {
    const real: RealServerEntry = { ...servers[i]!, settings: each, shown: null };
    entry.servers.set(each.name, real);
    for (const id of new Set(each.checks)) {
      const users = balance.users.get(id);
      if (users === undefined) balance.users.set(id, [[entry, real]]);
      else users.push([entry, real]);
    }
  });
  for (const [names, all] of [[rising, balance.rising], [draining, balance.draining]] as const) {
    for (const name of names) {
      const real = entry.servers.get(name);
      if (real !== undefined) all.set(real, entry);
    }
  }
  return { balance, weights: weightsOf(balance, settings.name) };
}

/** Whom an event is about, and what of it. Nobody: it changes nothing, or it is a configuration. */
export function poolEvents(balance: Balance, event: BalanceEvent): Map<string, PoolEvent> {
  const all = new Map<string, PoolEvent>();
  switch (event.type) {
    case "configure":
    case "restore":
      break;
    case "check": {
      const { finding } = event;
      if (sameValue(balance.findings.get(finding.check), finding)) break;
      for (const [{ settings }] of balance.users.get(finding.check) ?? []) {
        all.set(settings.name, event);
      }
      break;
    }
    case "holding":
      for (const [name, { settings }] of balance.servers) {
        if (settings.follow.includes(event.holding)) all.set(name, event);
      }
      break;
    case "order":
      if (balance.servers.has(event.server)) all.set(event.server, event);
      break;
    case "connections":
      for (const [server, counts] of byServer(event.counts)) {
        if (balance.servers.has(server)) all.set(server, { type: "connections", counts });
      }
      break;
    case "timer": {
      if (event.generation !== balance.timer.generation) break;
      const { tick, rising, draining } = balance;
      for (const { settings } of [...rising.values(), ...draining.values()]) {
        all.set(settings.name, { type: "timer", tick });
      }
    }
  }
  return all;
}

/** In the order in which each is first there. */
function byServer<One extends { readonly server: string }>(
  all: readonly One[],
): Map<string, One[]> {
  const found = new Map<string, One[]>();
  for (const one of all) {
    const list = found.get(one.server);
    if (list === undefined) found.set(one.server, [one]);
    else list.push(one);
  }
  return found;
}

/** Weights as they are now. */
export function weightsOf(balance: Balance, name: string): PoolWeights {
  const servers = balance.servers.get(name)?.servers ?? [];
  return new Map([...servers].map(([real, { placed }]) => [real, placed]));
}

/**
 * What of all effects is about each of some virtual servers.
 *
 * @param pools their weights, which are told where they are others by now, and are then known
 */
export function poolEffects(
  balance: Balance,
  effects: readonly BalanceEffect[],
  pools: ReadonlyMap<string, PoolWeights>,
): Map<string, PoolEffect[]> {
  const found = new Map(Array.from(pools.keys(), (name): [string, PoolEffect[]] => [name, []]));
  for (const effect of effects) {
    switch (effect.type) {
      case "timer":
        break;
      case "program":
        for (const name of effect.servers) {
          const weights = pools.get(name);
          if (weights !== undefined) found.get(name)!.push(programmed(balance, name, weights));
        }
        break;
      case "count":
        for (const [name, servers] of byServer(effect.servers)) {
          found.get(name)?.push({ type: "count", servers });
        }
        break;
      default:
        found.get(effect.server)?.push(effect);
    }
  }
  return found;
}

/** What is new in the table. @param known weights that were told; brought up to date */
function programmed(balance: Balance, name: string, known: PoolWeights): PoolEffect {
  const entry = balance.servers.get(name)!;
  const weights: Record<string, number | null> = {};
  for (const [real, { placed }] of entry.servers) {
    if (known.get(real) === placed) continue;
    known.set(real, placed);
    weights[real] = placed;
  }
  return { type: "program", sorry: isSorry(entry), weights };
}

/** One event for a machine that knows one virtual server alone. */
export function stepPool({ balance, weights }: Pool, event: PoolEvent, now: Micros): PoolEffect[] {
  const [name = ""] = balance.servers.keys();
  const { generation } = balance.timer;
  if (event.type === "timer") balance.tick = event.tick;
  const whole = event.type === "timer" ? { type: "timer", generation } as const : event;
  const effects = step(balance, whole, now);
  return poolEffects(balance, effects, new Map([[name, weights]])).get(name)!;
}

/**
 * Whether a finding says what was taken for granted, so that nothing can come of it: all that is
 * well goes on being well, and is worth no memory.
 */
export function isNoNews(balance: Balance, event: BalanceEvent): boolean {
  if (event.type !== "check") return false;
  const { check, health, weight } = event.finding;
  const known = balance.findings.get(check);
  return health === "up" && weight === null && (known?.weight ?? null) === null &&
    known?.health !== "down" &&
    (balance.users.get(check) ?? []).every(([, { healthy, undecided }]) => healthy && !undecided);
}
