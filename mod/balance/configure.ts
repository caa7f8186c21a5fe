/**
 * A configuration, applied as a difference: who stays keeps health, orders, drain and slow start.
 *
 * @module
 */

import { sampleServices } from "../ipvs/mod.ts";
import { endDrain, startDrain } from "./drains.ts";
import { judge, shareOf } from "./real_server.ts";
import { eachOf } from "../steps/mod.ts";
import { areTwins, refusing } from "./refuse.ts";
import { endRise, rise } from "./rises.ts";
import type { RealServerSettings, VirtualServerSettings } from "./settings.ts";
import { quorumReason } from "./settle.ts";
import { tell, touchWhole, type Turn } from "./turn.ts";
import type {
  Balance,
  MachineMemory,
  RealServerEntry,
  VirtualServerEntry,
  VirtualServerMemory,
} from "./types.ts";
import { sameValue } from "../values/mod.ts";

/** Real servers of one step. */
const STEP = 64;

/**
 * In steps: between them nothing else may happen to the machine.
 *
 * @throws {RangeError} where the configuration makes no sense; nothing has changed then
 */
export function* configuring(
  turn: Turn,
  settings: readonly VirtualServerSettings[],
  checks: readonly string[] | undefined,
): Generator<void, void> {
  const wrong = yield* refusing(settings);
  if (wrong !== null) throw new RangeError(wrong);
  const { balance } = turn;
  balance.revision++;
  const remembered = memoryOf(balance.remembered);
  balance.remembered = null;
  const former = new Map(balance.servers);
  balance.servers.clear();
  for (const each of settings) {
    const known = former.get(each.name);
    former.delete(each.name);
    if (known === undefined) yield* creating(turn, each, remembered.get(each.name));
    else {
      balance.servers.set(each.name, known);
      yield* changing(turn, known, each);
    }
  }
  for (const gone of former.values()) remove(turn, gone);
  yield* indexingChecks(balance);
  const kept = new Set(checks ?? balance.users.keys());
  for (const id of balance.findings.keys()) if (!kept.has(id)) balance.findings.delete(id);
}

function memoryOf(memory: MachineMemory | null): Map<string, VirtualServerMemory> {
  return new Map((memory?.servers ?? []).map((each) => [each.name, each]));
}

function* creating(
  turn: Turn,
  settings: VirtualServerSettings,
  memory: VirtualServerMemory | undefined,
): Generator<void, void> {
  const server: VirtualServerEntry = {
    settings,
    servers: new Map(),
    active: false,
    met: memory?.met ?? false,
    since: memory?.since ?? turn.now,
    transitions: memory?.transitions ?? 0,
    total: 0,
    announced: false,
    wanted: null,
  };
  turn.balance.servers.set(settings.name, server);
  touchWhole(turn, server, true);
  server.active = isFollowed(turn.balance, settings);
  // Whoever is restored knows that it is.
  if (server.active && settings.follow.length > 0 && memory === undefined) {
    tellActive(turn, server);
  }
  const known = new Map(memory?.servers.map((each) => [each.name, each]));
  yield* eachOf(
    settings.servers,
    STEP,
    (each) => createReal(turn, server, each, known.get(each.name)),
  );
  yield* markingTwins(server);
  // Nobody has seen it come: it has its full weight.
  for (const [name, real] of server.servers) {
    if (known.has(name)) continue;
    real.share = shareOf(real);
    server.total += real.share;
  }
  if (memory !== undefined) return;
  // Nobody has waited for it to be lost or met: the hysteresis is for what comes.
  server.met = server.total >= settings.quorum;
  tell(turn, server, { kind: "quorum", met: server.met, reason: quorumReason(server) });
}

function* changing(
  turn: Turn,
  server: VirtualServerEntry,
  settings: VirtualServerSettings,
): Generator<void, void> {
  touchWhole(turn, server);
  const { balance } = turn;
  const former = new Map(server.servers);
  const active = isFollowed(balance, settings);
  server.settings = settings;
  server.servers.clear();
  yield* eachOf(settings.servers, STEP, (each) => keepOrCreate(turn, server, former, each));
  for (const gone of former.values()) removeReal(turn, server, gone);
  yield* markingTwins(server);
  if (active === server.active) return;
  server.active = active;
  tellActive(turn, server);
}

function remove(turn: Turn, server: VirtualServerEntry): void {
  const { name } = server.settings;
  if (server.announced) turn.withdrawn.push({ type: "announce", server: name, announced: false });
  if (server.active) turn.programmed.add(name);
  for (const real of server.servers.values()) removeReal(turn, server, real);
  turn.touched.delete(server);
}

function keepOrCreate(
  turn: Turn,
  server: VirtualServerEntry,
  former: Map<string, RealServerEntry>,
  settings: RealServerSettings,
): void {
  const known = former.get(settings.name);
  if (known === undefined) return createReal(turn, server, settings, undefined);
  former.delete(settings.name);
  if (known.settings === settings) {
    server.servers.set(settings.name, known);
    return;
  }
  if (!sameValue(known.settings.server, settings.server)) known.shown = null;
  known.settings = settings;
  server.servers.set(settings.name, known);
  judge(turn.balance, known);
  // Its end may be another one.
  if (known.risingSince !== null) rise(turn, server, known, known.risingSince);
}

function createReal(
  turn: Turn,
  server: VirtualServerEntry,
  settings: RealServerSettings,
  memory: VirtualServerMemory["servers"][number] | undefined,
): void {
  const drain = memory?.drain ?? null;
  const real: RealServerEntry = {
    settings,
    twin: false,
    healthy: false,
    reason: "",
    weight: 0,
    override: memory?.override ?? null,
    drain: drain === null ? null : { done: false, counted: null, ...drain },
    risingSince: null,
    state: "up",
    undecided: memory?.undecided ?? false,
    since: memory?.since ?? turn.now,
    transitions: memory?.transitions ?? 0,
    placed: null,
    shown: null,
    share: 0,
  };
  server.servers.set(settings.name, real);
  judge(turn.balance, real);
  // What everybody takes it for: if its checks say otherwise already, that is told.
  if (memory === undefined) {
    real.undecided = settings.startDown && settings.checks.length > 0;
    real.state = real.undecided ? "down" : "up";
    return;
  }
  real.state = drain !== null ? "draining" : memory.up ? "up" : "down";
  startDrain(turn, server, real);
  // What it contributed before: if it does no longer, or does again, that is a change.
  if (real.state !== "up") return;
  real.share = shareOf(real);
  server.total += real.share;
  if (memory.risingSince !== null) rise(turn, server, real, memory.risingSince);
}

function removeReal(turn: Turn, server: VirtualServerEntry, real: RealServerEntry): void {
  endDrain(turn, server, real);
  endRise(turn, real);
  server.total -= real.share;
}

/** Notes which real servers are the sorry server, too. */
function* markingTwins({ settings, servers }: VirtualServerEntry): Generator<void, void> {
  const { sorryServer, listen } = settings;
  const services = sampleServices(listen);
  yield* eachOf(servers.values(), STEP, (real) => {
    real.twin = sorryServer !== null &&
      areTwins(services, sorryServer.server, real.settings.server);
  });
}

function* indexingChecks(balance: Balance): Generator<void, void> {
  balance.users.clear();
  for (const server of balance.servers.values()) {
    yield* eachOf(server.servers.values(), STEP, (real) => {
      for (const id of new Set(real.settings.checks)) {
        const users = balance.users.get(id);
        if (users === undefined) balance.users.set(id, [[server, real]]);
        else users.push([server, real]);
      }
    });
  }
}

/** Whether a virtual server is to be in the table. */
export function isFollowed({ held }: Balance, { follow }: VirtualServerSettings): boolean {
  return follow.length === 0 || follow.some((holding) => held.has(holding));
}

/** Tells that a virtual server is in the table, or no longer. */
export function tellActive(turn: Turn, server: VirtualServerEntry): void {
  const { active } = server;
  const reason = server.settings.follow.length === 0
    ? "it follows no virtual router"
    : `the virtual router that it follows is ${active ? "" : "not "}master`;
  tell(turn, server, { kind: "active", active, reason });
}
