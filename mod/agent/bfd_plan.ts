/**
 * From a site's configuration to what the protocol plane is told of BFD: the sessions, and beside
 * them what they authenticate with. Pure.
 *
 * @module
 */

import {
  type BfdConfig,
  type BfdReflectorConfig,
  type BfdUnsolicitedConfig,
  familyOf,
  minimumTtl,
  nearest,
  type SiteConfig,
} from "../../config/mod.ts";
import type { BfdCredentials, BfdPath, BfdPlan, ProtocolBfd } from "../plane/bfd.ts";
import {
  REFLECTOR_CREDENTIALS,
  type ReflectorPlan,
  UNSOLICITED_CREDENTIALS,
  type UnsolicitedPlan,
} from "../plane/bfd_strangers.ts";

/** All of BFD that a site wants; undefined: nothing. */
export function planBfd(site: BfdPart): BfdPlan | undefined {
  const { bfd, bfd_reflector: reflector, bfd_unsolicited: unsolicited } = site;
  if (bfd.length === 0 && reflector === undefined && unsolicited === undefined) return undefined;
  return {
    sessions: bfd.map(sessionOf),
    ...(reflector === undefined ? {} : { reflector: reflectorOf(reflector) }),
    ...(unsolicited === undefined ? {} : { unsolicited: unsolicitedOf(unsolicited) }),
  };
}

/** What of a site is BFD. */
export type BfdPart = Pick<SiteConfig, "bfd" | "bfd_reflector" | "bfd_unsolicited">;

function reflectorOf(config: BfdReflectorConfig): ReflectorPlan {
  const { namespace = "", addresses, interfaces, allow, discriminators, auth } = config;
  return {
    namespace,
    addresses,
    interfaces,
    allow,
    discriminators,
    minimumTtl: config.min_ttl,
    requiredMinRx: config.receive_interval,
    adminDown: config.admin_down,
    ...authenticationOf(auth),
  };
}

function unsolicitedOf(config: BfdUnsolicitedConfig): UnsolicitedPlan {
  const { namespace = "", interfaces, allow, limit, auth } = config;
  return {
    namespace,
    interfaces,
    allow,
    limit,
    settings: {
      name: "",
      transmitInterval: config.transmit_interval,
      receiveInterval: config.receive_interval,
      detectMultiplier: config.detect_multiplier,
      passive: true,
      demand: null,
      echoReceiveInterval: 0,
      authentication: null,
      stallGrace: true,
    },
    ...authenticationOf(auth),
  };
}

function authenticationOf(auth: BfdConfig["auth"]): Pick<ProtocolBfd, "authentication"> {
  return auth === undefined || auth.type === "none" ? {} : { authentication: auth.type };
}

function sessionOf(config: BfdConfig): ProtocolBfd {
  const { auth, damping, admin_down_is_failure: failure, padded_pdu_size: padded, seamless } =
    config;
  const echo = config.multihop || seamless !== undefined ? undefined : config.echo;
  const alone = seamless !== undefined || echo?.unaffiliated === true;
  return {
    path: pathOf(config),
    settings: {
      name: config.name,
      transmitInterval: config.transmit_interval,
      receiveInterval: seamless === undefined ? config.receive_interval : 0,
      detectMultiplier: config.detect_multiplier,
      // Defaults that mean nothing where nobody agrees to anything are left out.
      passive: config.passive && !alone,
      demand: config.demand === null || alone
        ? null
        : { pollInterval: config.demand.poll_interval },
      echoReceiveInterval: alone ? 0 : echo?.receive_interval ?? 0,
      authentication: null,
      stallGrace: config.stall_grace,
      ...(seamless === undefined
        ? {}
        : { seamless: { remoteDiscriminator: seamless.remote_discriminator } }),
      ...(echo?.unaffiliated ? { unaffiliated: true } : {}),
    },
    ...(alone || echo?.transmit_interval === undefined
      ? {}
      : { echo: { transmitInterval: echo.transmit_interval } }),
    ...authenticationOf(auth),
    ...(damping === undefined ? {} : { damping }),
    ...(padded === undefined || alone ? {} : { paddedPduSize: padded }),
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
    ...(config.seamless === undefined ? {} : { seamless: true as const }),
    minimumTtl: minimumTtl(config),
  };
}

/** What the sessions of a site authenticate with: copies, for one message. */
export function bfdCredentialsOf(site: BfdPart): BfdCredentials[] {
  const { bfd, bfd_reflector: reflector, bfd_unsolicited: unsolicited } = site;
  const all: { readonly name: string; readonly auth?: BfdConfig["auth"] }[] = [...bfd];
  if (reflector !== undefined) all.push({ ...reflector, name: REFLECTOR_CREDENTIALS });
  if (unsolicited !== undefined) all.push({ ...unsolicited, name: UNSOLICITED_CREDENTIALS });
  return all.flatMap(({ name: session, auth }): BfdCredentials[] => {
    if (auth === undefined || auth.type === "none") return [];
    const { type, construction, keys = [] } = auth;
    const secrets = keys.map(({ id, key }) => ({ id, secret: [...key.reveal()] }));
    return [{ session, authentication: { type, construction, keys: secrets } }];
  });
}

/**
 * Why `halb bfd` did not do it, in words.
 *
 * @param known names of the sessions that are configured
 */
export function refusalOf(
  name: string,
  down: boolean,
  refused: string,
  known: readonly string[],
): string {
  return amongKnown(
    `Cannot ${down ? "take" : "let"} ${name} ${down ? "down" : "up"}: ${refused}`,
    name,
    known,
  );
}

/** A refusal, and which names there are where it is none of them. */
export function amongKnown(what: string, name: string, known: readonly string[]): string {
  if (known.includes(name)) return what;
  const near = nearest(name, known);
  if (near !== undefined) return `${what}; is ${near} meant?`;
  if (known.length === 0) return `${what}: none is configured`;
  return `${what}; there are ${known.slice(0, 20).join(", ")}${known.length > 20 ? ", …" : ""}`;
}

/** Zeroes the keys. */
export function wipeBfd(credentials: readonly BfdCredentials[]): void {
  for (const { authentication } of credentials) {
    for (const { secret } of authentication.keys) (secret as number[]).fill(0);
  }
}
