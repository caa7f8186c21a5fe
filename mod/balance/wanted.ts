/**
 * What the machine wants of the kernel's table: virtual servers with the real servers that are to
 * be in it, each with the weight that it is to have now.
 *
 * @module
 */

import type { RealServer, VirtualServer } from "../ipvs/mod.ts";
import { risenWeight } from "./real_server.ts";
import type { Balance, Micros, RealServerEntry, VirtualServerEntry } from "./types.ts";

/** Whether the sorry server takes the place of all others. */
export function isSorry({ settings, met }: VirtualServerEntry): boolean {
  return !met && settings.sorryServer !== null;
}

/** The weight that a real server has in the wanted table; `null`: it is not in it. */
export function placeOf(
  server: VirtualServerEntry,
  real: RealServerEntry,
  now: Micros,
): number | null {
  if (!server.active) return null;
  const { drain, healthy, settings } = real;
  const out = settings.onFailure === "weight-zero" ? 0 : null;
  if (drain !== null) return drain.done ? null : healthy ? 0 : out;
  if (!healthy || isSorry(server)) return out;
  return risenWeight(real, now);
}

/** What one virtual server wants; `null`: nothing, or there is none. The same until it changes. */
export function wantedServer(balance: Balance, name: string): VirtualServer | null {
  const server = balance.servers.get(name);
  return server === undefined ? null : wantedOf(server);
}

/**
 * What a virtual server wants by its present state; `null`: it is not to be in the table.
 *
 * @param sorry whether the sorry server is in: before its real servers have been placed anew, as before
 */
export function wantedOf(
  server: VirtualServerEntry,
  sorry = isSorry(server),
): VirtualServer | null {
  if (!server.active) return null;
  return server.wanted ??= makeWanted(server, sorry);
}

function makeWanted(server: VirtualServerEntry, sorry: boolean): VirtualServer {
  const { listen, service, sorryServer } = server.settings;
  const servers: RealServer[] = [];
  if (sorryServer !== null && sorry) servers.push(sorryServer.server);
  let twin = sorry;
  for (const real of server.servers.values()) {
    const { settings, placed, twin: isTwin } = real;
    if (placed === null || (isTwin && sorry)) continue;
    twin ||= isTwin;
    if (real.shown?.weight !== placed) real.shown = { ...settings.server, weight: placed };
    servers.push(real.shown);
  }
  if (sorryServer?.inhibit && !twin) servers.push({ ...sorryServer.server, weight: 0 });
  return { listen, settings: service, servers };
}
