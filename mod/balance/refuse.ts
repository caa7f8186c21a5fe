/**
 * What cannot be wanted of virtual and real servers. Configurations, and lists of real servers, are
 * checked before they come here (`halb check`); another process may hand over what it likes.
 *
 * @module
 */

import { placesOf, type RealServer, type ServiceKey, TakenPlaces } from "../ipvs/mod.ts";
import { atOnce } from "../steps/mod.ts";
import type { RealServerSettings, VirtualServerSettings } from "./settings.ts";

/** Real servers that are looked at in one step. */
const STEP = 64;

/** What is wrong with a configuration, in words; `null`: nothing. */
export function refuseServers(servers: readonly VirtualServerSettings[]): string | null {
  return atOnce(refusing(servers));
}

/** The same in steps. */
export function* refusing(
  servers: readonly VirtualServerSettings[],
): Generator<void, string | null> {
  const names = new Set<string>();
  for (const settings of servers) {
    const { name } = settings;
    if (names.has(name)) return `two virtual servers have the name "${name}"`;
    names.add(name);
    const wrong = yield* refusingServer(settings);
    if (wrong !== null) return `virtual server "${name}": ${wrong}`;
  }
  return null;
}

function* refusingServer(settings: VirtualServerSettings): Generator<void, string | null> {
  const { quorum, hysteresis, sorryServer, servers, listen } = settings;
  if (!isWhole(quorum) || quorum < 1) return `the quorum is ${quorum}`;
  if (!isWhole(hysteresis) || hysteresis >= quorum) {
    return `the hysteresis ${hysteresis} is not less than the quorum ${quorum}`;
  }
  if (listen.length === 0) return "it listens nowhere";
  const names = new Set<string>();
  const places = new TakenPlaces(listen);
  for (const real of servers) {
    const wrong = names.has(real.name) ? "it is there already" : refuseReal(real, places);
    if (wrong !== null) return `real server "${real.name}": ${wrong}`;
    names.add(real.name);
    if (names.size % STEP === 0) yield;
  }
  if (sorryServer === null) return null;
  const sorry = placesOf(places.services, sorryServer.server);
  return sorry.ok ? null : `sorry server: ${sorry.reason}`;
}

function refuseReal(real: RealServerSettings, places: TakenPlaces): string | null {
  const { name, server, slowStart, drainTimeout, require } = real;
  if (!isWhole(slowStart)) return `its slow start lasts ${slowStart} µs`;
  if (!isWhole(drainTimeout)) return `its drain lasts ${drainTimeout} µs`;
  if (typeof require === "number" && (!isWhole(require) || require < 1)) {
    return `${require} of its checks are required`;
  }
  const taken = places.take(server, name);
  if (!taken.ok) return taken.reason;
  return taken.value === null ? null : "another one has its address and port";
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** Whether two real servers cannot both be in the table. */
export function areTwins(
  services: readonly ServiceKey[],
  a: RealServer,
  b: RealServer,
): boolean {
  const [left, right] = [placesOf(services, a), placesOf(services, b)];
  return left.ok && right.ok && left.value.some((name) => right.value.includes(name));
}
