/**
 * Texts of /proc and of lists of modules, taken apart. Lines that are not understood are passed over.
 *
 * @module
 */

import { formatIp } from "../ip/mod.ts";
import type { ModuleState, RouteReading } from "./readings.ts";

const RTF_UP = 1;
const RTF_GATEWAY = 2;
const RTF_REJECT = 0x200;

/** /proc/net/route: hexadecimal words as the machine has them, least significant byte first. */
export function readRoutes4(text: string): RouteReading[] {
  const routes: RouteReading[] = [];
  for (const line of text.split("\n").slice(1)) {
    const [name, network, gateway, flags, , , metric, mask] = line.trim().split(/\s+/);
    if (name === undefined || mask === undefined) continue;
    const bits = parseInt(flags!, 16);
    if ((bits & RTF_UP) === 0 || (bits & RTF_REJECT) !== 0) continue;
    const base = address4(network!);
    const via = address4(gateway!);
    const length = address4(mask)?.reduce((sum, byte) => sum + ones(byte), 0);
    if (base === undefined || via === undefined || length === undefined) continue;
    routes.push({
      network: formatIp(base) ?? "",
      prefixLength: length,
      interface: name,
      gateway: (bits & RTF_GATEWAY) === 0 ? null : formatIp(via) ?? null,
      metric: Number(metric),
    });
  }
  return routes;
}

/** /proc/net/ipv6_route. */
export function readRoutes6(text: string): RouteReading[] {
  const routes: RouteReading[] = [];
  for (const line of text.split("\n")) {
    const [network, length, , , gateway, metric, , , flags, name] = line.trim().split(/\s+/);
    if (network === undefined || name === undefined) continue;
    const bits = parseInt(flags!, 16);
    if ((bits & RTF_UP) === 0 || (bits & RTF_REJECT) !== 0) continue;
    const [base, via] = [address6(network), address6(gateway!)];
    if (base === undefined || via === undefined) continue;
    routes.push({
      network: base,
      prefixLength: parseInt(length!, 16),
      interface: name,
      gateway: (bits & RTF_GATEWAY) === 0 ? null : via,
      metric: parseInt(metric!, 16),
    });
  }
  return routes;
}

function address4(word: string): Uint8Array | undefined {
  if (!/^[0-9A-Fa-f]{8}$/.test(word)) return undefined;
  return Uint8Array.from([6, 4, 2, 0], (at) => parseInt(word.slice(at, at + 2), 16));
}

function address6(word: string): string | undefined {
  if (!/^[0-9A-Fa-f]{32}$/.test(word)) return undefined;
  return formatIp(
    Uint8Array.from({ length: 16 }, (_, i) => parseInt(word.slice(2 * i, 2 * i + 2), 16)),
  );
}

function ones(byte: number): number {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}

/** Lists of a kernel's modules, as texts; null: not to be had. */
export interface ModuleLists {
  /** /proc/modules. */
  readonly loaded: string | null;
  /** modules.builtin of this kernel. */
  readonly builtin: string | null;
  /** modules.dep of this kernel. */
  readonly available: string | null;
}

/** What a kernel has of the modules `names`. */
export function moduleStates(
  lists: ModuleLists,
  names: readonly string[],
): ReadonlyMap<string, ModuleState> {
  const loaded = new Set((lists.loaded ?? "").split("\n").map((line) => line.split(" ")[0]!));
  const builtin = moduleNames(lists.builtin);
  const available = moduleNames(lists.available);
  const unknown = lists.builtin === null && lists.available === null;
  return new Map(names.map((name): [string, ModuleState] => {
    if (loaded.has(name)) return [name, "loaded"];
    if (builtin.has(name)) return [name, "built-in"];
    if (available.has(name)) return [name, "available"];
    return [name, unknown ? "unknown" : "absent"];
  }));
}

/** Of lines such as `kernel/net/netfilter/ipvs/ip_vs.ko.xz: …`: `ip_vs`. */
function moduleNames(text: string | null): Set<string> {
  const names = new Set<string>();
  for (const line of (text ?? "").split("\n")) {
    const name = /([^/:\s]+)\.ko(\.\w+)?(:|$)/.exec(line)?.[1];
    if (name !== undefined) names.add(name.replaceAll("-", "_"));
  }
  return names;
}
