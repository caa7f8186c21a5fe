/**
 * The checks of real servers, and their ids: that of a named one is its name, others have an
 * identity (config/check_identity.ts). Pure.
 *
 * @module
 */

import {
  type CheckConfig,
  type CheckedServer,
  type CheckUseConfig,
  inlineId,
  question,
  type RealServerConfig,
  type SiteConfig,
  type VirtualServerConfig,
} from "../../config/mod.ts";

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
