/**
 * The ids of checks: that of a named one is its name. One that stands at a real server is known by
 * what it asks, of whom and when, so that servers which ask the same share it; no name has a `/`,
 * so that the two can never be the same. Pure.
 *
 * @module
 */

import {
  addressOf,
  type CheckConfig,
  type CheckedServer,
  type CheckUseConfig,
  portOf,
  type RealServerConfig,
  type SiteConfig,
  type VirtualServerConfig,
} from "../../config/mod.ts";
import { sha256 } from "../../config/sha256.ts";
import { endpointText } from "../ip/mod.ts";

/** Digits of a digest that tell checks apart. */
const DIGITS = 16;

/** The checks of one real server. */
export interface ServerUse {
  readonly uses: readonly CheckUseConfig[];
  readonly server: CheckedServer;
}

/** A check that stands at a real server. */
export interface InlineCheck {
  readonly id: string;
  readonly check: CheckConfig;
  /** See `question`. */
  readonly target: string;
}

/** All checks of one real server. */
interface Identified {
  readonly ids: readonly string[];
  readonly inline: readonly InlineCheck[];
}

/**
 * What is known of real servers, as long as somebody has them. Ids are digests: with thousands of
 * servers they are most of what planning costs, and whoever lists one more plans all of them again.
 */
const uses = new WeakMap<Pick<RealServerConfig, "address" | "check">, ServerUse>();
const identified = new WeakMap<ServerUse, Identified>();

function identify(use: ServerUse): Identified {
  const known = identified.get(use);
  if (known !== undefined) return known;
  const ids = new Set<string>();
  const inline: InlineCheck[] = [];
  for (const check of use.uses) {
    if ("name" in check) ids.add(check.name);
    else {
      const target = question(check, use.server);
      const id = inlineId(check, use.server, target);
      ids.add(id);
      inline.push({ id, check, target });
    }
  }
  const made = { ids: [...ids], inline };
  identified.set(use, made);
  return made;
}

/** Their ids: `RealServerSettings.checks`. Two that ask the same are one. */
export function checkIds(use: ServerUse): readonly string[] {
  return identify(use).ids;
}

/** Those that stand at the server. */
export function inlineChecks(use: ServerUse): readonly InlineCheck[] {
  return identify(use).inline;
}

/** The checks of a real server, and where they ask unless they say otherwise. */
export function serverUse(
  { listen }: Pick<VirtualServerConfig, "listen">,
  real: Pick<RealServerConfig, "address" | "check">,
): ServerUse {
  const { address: { address, port: own }, check } = real;
  // One without a port takes that of the service; a mark has none.
  const port = own ?? listen[0]?.port ?? 0;
  const known = uses.get(real);
  if (known?.server.port === port) return known;
  const made = { uses: check, server: { address, port } };
  uses.set(real, made);
  return made;
}

/** Those of all real servers of a site. */
export function serverUses({ virtual_server }: Pick<SiteConfig, "virtual_server">): ServerUse[] {
  return virtual_server.flatMap((server) =>
    server.real_server.map((real) => serverUse(server, real))
  );
}

/** What it asks, without when and by which secrets, as text that is the same for the same. */
export function question(check: CheckConfig, server: CheckedServer | undefined): string {
  const { interval: _1, timeout: _2, rise: _3, fall: _4, retry_interval: _5, ...others } = check;
  const { warmup: _6, hold_down: _7, damping: _8, start_failed: _9, ...asked } = others;
  const end = { address: addressOf(check, server), port: portOf(check, server) };
  const keys = { ...asked, ...end, name: undefined };
  const sorted = Object.entries(keys).sort(([a], [b]) => a < b ? -1 : 1);
  return sha256(JSON.stringify(sorted)).slice(0, DIGITS);
}

/** Two checks of servers are one where they ask the same, at the same times, of the same. */
function inlineId(check: CheckConfig, server: CheckedServer, target: string): string {
  const { interval, timeout, rise, fall, retry_interval, warmup, hold_down, damping } = check;
  const { start_failed } = check;
  const times = [interval, timeout, rise, fall, retry_interval, warmup, hold_down, damping];
  const digest = sha256(JSON.stringify([target, times, start_failed, secretsOf(check)]));
  return `${check.type}/${askedOf(check, server)}/${digest.slice(0, DIGITS)}`;
}

/** What tells checks apart that differ in credentials alone: their digest, which is kept nowhere. */
function secretsOf({ auth, token, tls }: CheckConfig): string {
  const all = [auth?.password, token, tls?.key].map((one) => one?.reveal() ?? new Uint8Array(0));
  return all.some(({ length }) => length > 0) ? sha256(all.map(String).join("|")) : "";
}

export function askedOf(check: CheckConfig, server: CheckedServer | undefined): string {
  const address = addressOf(check, server);
  const port = portOf(check, server);
  if (port === undefined || address === undefined || check.type === "bfd") return "";
  if (check.type === "script" || check.type === "file") return "";
  return endpointText({ address, port: port === 0 ? undefined : port });
}
