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
  wayOf,
} from "../../config/mod.ts";

/** A check that stands at a real server. */
export interface InlineCheck {
  readonly id: string;
  readonly check: CheckConfig;
  /** See `question`. */
  readonly target: string;
}

/** The checks of one real server. */
export interface ServerUse {
  /** Where they ask unless they say otherwise. */
  readonly server: CheckedServer;
  /** Ids of all of them: `RealServerSettings.checks`. Two that ask the same are one. */
  readonly ids: readonly string[];
  /** Those that have no name. */
  readonly inline: readonly InlineCheck[];
}

/**
 * Real servers that have checks of their own, as long as somebody has them. Ids are digests: with
 * thousands of servers they are most of what planning costs, and whoever lists one more plans all
 * of them again.
 */
const known = new WeakMap<Pick<RealServerConfig, "address" | "check">, ServerUse>();

/** The checks of a real server. */
export function serverUse(
  virtual: Pick<VirtualServerConfig, "listen" | "mark">,
  real: Pick<RealServerConfig, "address" | "check" | "forward" | "tunnel">,
): ServerUse {
  const { listen } = virtual;
  const { address: { address, port: own }, check: uses } = real;
  // One without a port takes that of the service; a mark has none.
  const port = own ?? listen[0]?.port ?? 0;
  const before = known.get(real);
  const forwarded = uses.some((use) => "type" in use && use.via_forwarding !== undefined);
  if (before?.server.port === port && !forwarded) return before;
  const via = forwarded ? wayOf(virtual, { ...real, address }) : undefined;
  const use = identify(uses, via === undefined ? { address, port } : { address, port, via });
  if (use.inline.length > 0) known.set(real, use);
  return use;
}

function identify(uses: readonly CheckUseConfig[], server: CheckedServer): ServerUse {
  const ids = new Set<string>();
  const inline: InlineCheck[] = [];
  for (const check of uses) {
    if ("name" in check) ids.add(check.name);
    else {
      const target = question(check, server);
      const id = inlineId(check, server, target);
      ids.add(id);
      inline.push({ id, check, target });
    }
  }
  return { server, ids: [...ids], inline };
}

/** Those of all real servers of a site. */
export function serverUses({ virtual_server }: Pick<SiteConfig, "virtual_server">): ServerUse[] {
  return virtual_server.flatMap((server) =>
    server.real_server.map((real) => serverUse(server, real))
  );
}
