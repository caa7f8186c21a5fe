/**
 * From a site's configuration to what the protocol plane is told of BFD: the sessions, and beside
 * them what they authenticate with. Pure.
 *
 * @module
 */

import { type BfdConfig, familyOf, minimumTtl, type SiteConfig } from "../../config/mod.ts";
import type { BfdCredentials, BfdPath, BfdPlan, ProtocolBfd } from "../plane/bfd.ts";

/** All of BFD that a site wants; undefined: nothing. */
export function planBfd({ bfd }: Pick<SiteConfig, "bfd">): BfdPlan | undefined {
  return bfd.length === 0 ? undefined : { sessions: bfd.map(sessionOf) };
}

function sessionOf(config: BfdConfig): ProtocolBfd {
  const { auth, damping, admin_down_is_failure: failure } = config;
  return {
    path: pathOf(config),
    settings: {
      name: config.name,
      transmitInterval: config.transmit_interval,
      receiveInterval: config.receive_interval,
      detectMultiplier: config.detect_multiplier,
      passive: config.passive,
      demand: config.demand === null ? null : { pollInterval: config.demand.poll_interval },
      echoReceiveInterval: 0,
      authentication: null,
      stallGrace: config.stall_grace,
    },
    ...(auth === undefined || auth.type === "none" ? {} : { authentication: auth.type }),
    ...(damping === undefined ? {} : { damping }),
    ...(failure ? {} : { adminDownIsFailure: false }),
  };
}

function pathOf(config: BfdConfig): BfdPath {
  const { namespace = "", peer, source = "", interface: own = "", vrf, multihop } = config;
  return {
    namespace,
    family: familyOf(peer),
    peer,
    source,
    interface: own,
    ...(vrf === undefined ? {} : { vrf }),
    multihop,
    minimumTtl: minimumTtl(config),
  };
}

/** What the sessions of a site authenticate with: copies, for one message. */
export function bfdCredentialsOf({ bfd }: Pick<SiteConfig, "bfd">): BfdCredentials[] {
  return bfd.flatMap(({ name: session, auth }): BfdCredentials[] => {
    if (auth === undefined || auth.type === "none") return [];
    const { type, construction, keys = [] } = auth;
    const secrets = keys.map(({ id, key }) => ({ id, secret: [...key.reveal()] }));
    return [{ session, authentication: { type, construction, keys: secrets } }];
  });
}

/** Zeroes the keys. */
export function wipeBfd(credentials: readonly BfdCredentials[]): void {
  for (const { authentication } of credentials) {
    for (const { secret } of authentication.keys) (secret as number[]).fill(0);
  }
}
