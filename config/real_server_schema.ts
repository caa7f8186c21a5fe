/**
 * `[[virtual_server.real_server]]`, and the keys that a virtual server has for all of its real
 * servers: a real server that says nothing of its own takes these.
 *
 * @module
 */

import * as v from "valibot";
import { GREATEST_WEIGHT } from "../mod/ipvs/mod.ts";
import { CHECK_USES, REQUIRE } from "./check_schema.ts";
import type { CheckUseConfig } from "./check_uses.ts";
import { choice, documented, duration, flag, whole } from "./fields.ts";
import { endpoint, type EndpointConfig } from "./listen_fields.ts";
import { REAL_SERVER_NOTIFY_TABLE } from "./notify_schema.ts";

/** Largest threshold that the kernel takes. */
const MOST_CONNECTIONS = 4_294_967_295;

/** `tunnel`. */
export const TUNNEL_SCHEMA = documented(
  v.strictObject({
    type: v.optional(
      choice(["ipip", "gue", "gre"], {
        text: "IP in IP; Generic UDP Encapsulation, which needs `port`; or GRE. The real server " +
          "unwraps it.",
        example: "gue",
      }),
      "ipip",
    ),
    port: v.exactOptional(whole(1, 65_535, {
      text: "The UDP port of GUE at the real server.",
      example: 6080,
    })),
    checksum: v.optional(
      choice(["none", "full", "remote"], {
        text: "Checksum of the outer header: none, one of all (GUE and GRE), or one that the " +
          "receiver makes into that of the packet inside (GUE).",
        example: "full",
      }),
      "none",
    ),
  }),
  "a table",
  {
    text: 'How packets are wrapped with `forward = "tunnel"`; without the table, IP in IP.',
    example: { type: "gue", port: 6080 },
  },
);

/** `tunnel`, resolved. */
export type TunnelConfig = v.InferOutput<typeof TUNNEL_SCHEMA>;

const thresholds = documented(
  v.strictObject({
    upper: v.optional(
      whole(0, MOST_CONNECTIONS, {
        text: "With so many connections it gets no new ones; 0: no limit.",
        unit: "connections",
        example: 1000,
      }),
      0,
    ),
    lower: v.optional(
      whole(0, MOST_CONNECTIONS, {
        text: "With fewer it gets new ones again; 0: three quarters of `upper`.",
        unit: "connections",
        example: 800,
      }),
      0,
    ),
  }),
  "a table",
  {
    text:
      "How many connections a real server gets at a time, as the kernel counts them. With the " +
      "scheduler `ovf` the weight counts instead.",
    example: { upper: 1000, lower: 800 },
  },
);

/** `forward`. */
export const FORWARD_SCHEMA = choice(["nat", "direct", "tunnel"], {
  text:
    "How packets reach a real server: with its address (`nat`; it answers through this host), with " +
    "its hardware address alone (`direct`; it has the virtual address too, without answering ARP " +
    "for it, and answers the client itself), or wrapped (`tunnel`; likewise, across routers).",
  example: "nat",
});

const onFailure = choice(["remove", "weight-zero"], {
  text: "What becomes of a real server that is down: it is removed, and its connections end, or " +
    "it stays with the weight 0, and they go on.",
  example: "weight-zero",
});

const startDown = flag({
  text: "A real server is down until its checks have passed; otherwise it is up until they fail.",
  example: true,
});

const slowStart = duration({ min: "0s", max: "1d" }, {
  text: "From its return to its full weight, which grows step by step; 0s: at once.",
  example: "30s",
});

const drainTimeout = duration({ min: "0s", max: "7d" }, {
  text: "How long `halb drain` waits for the last connection to end; 0s: as long as it lasts.",
  example: "60s",
});

/** Keys of `[[virtual_server]]` for its real servers. */
export const serverDefaults = {
  forward: v.optional(FORWARD_SCHEMA, "nat"),
  tunnel: v.exactOptional(TUNNEL_SCHEMA),
  thresholds: v.exactOptional(thresholds),
  on_failure: v.optional(onFailure, "remove"),
  start_down: v.optional(startDown, false),
  slow_start: v.optional(slowStart, "0s"),
  drain_timeout: v.optional(drainTimeout, "0s"),
  check: v.exactOptional(CHECK_USES),
  require: v.optional(REQUIRE, "all"),
  default_weight: v.optional(
    whole(0, GREATEST_WEIGHT, {
      text: "Weight of real servers that give none.",
      example: 1,
    }),
    1,
  ),
};

/** One `[[virtual_server.real_server]]`, as it is written. */
export const REAL_SERVER_SCHEMA = documented(
  v.strictObject({
    address: endpoint({
      text: "Where it is. Without a port, the one that the client asked for; only NAT can use " +
        "another one.",
      example: "198.51.100.11:8080",
    }),
    weight: v.exactOptional(whole(0, GREATEST_WEIGHT, {
      text: "Its share, and what it adds to the quorum while it is up; 0: no new connections. " +
        "Without the key, `default_weight` of the virtual server.",
      example: 10,
    })),
    forward: v.exactOptional(FORWARD_SCHEMA),
    tunnel: v.exactOptional(TUNNEL_SCHEMA),
    thresholds: v.exactOptional(thresholds),
    on_failure: v.exactOptional(onFailure),
    start_down: v.exactOptional(startDown),
    slow_start: v.exactOptional(slowStart),
    drain_timeout: v.exactOptional(drainTimeout),
    check: v.exactOptional(CHECK_USES),
    require: v.exactOptional(REQUIRE),
    notify: v.exactOptional(REAL_SERVER_NOTIFY_TABLE),
  }),
  "a table",
  {
    text: "One real server. What it does not give, the virtual server gives.",
    example: { address: "198.51.100.11:8080", weight: 10 },
  },
);

type Written = v.InferOutput<typeof REAL_SERVER_SCHEMA>;

/** What a real server of a list (`servers_file`) is beside its address and weight. */
export type ListedDefaults = Omit<RealServerConfig, "address" | "notify">;

/** A real server with all that it takes from its virtual server. Durations in microseconds. */
export interface RealServerConfig {
  readonly address: EndpointConfig;
  readonly weight: number;
  readonly forward: "nat" | "direct" | "tunnel";
  /** Where `forward` is `tunnel`. */
  readonly tunnel?: TunnelConfig;
  readonly thresholds: v.InferOutput<typeof thresholds>;
  readonly on_failure: "remove" | "weight-zero";
  readonly start_down: boolean;
  readonly slow_start: number;
  readonly drain_timeout: number;
  /** What says whether it is up; none: it is. */
  readonly check: readonly CheckUseConfig[];
  /** How many of them must pass. */
  readonly require: "all" | "any" | number;
  readonly notify?: Exclude<Written["notify"], undefined>;
}

/** A real server as it is written. */
export type WrittenServer = Written;

/** What a virtual server says for its real servers. */
export type ServerDefaults = v.InferOutput<v.StrictObjectSchema<typeof serverDefaults, undefined>>;

const PLAIN_TUNNEL: TunnelConfig = { type: "ipip", checksum: "none" };

/** The tunnel of a server that is reached by one. */
export function tunnelOf(
  forward: RealServerConfig["forward"],
  own: TunnelConfig | undefined,
  common: TunnelConfig | undefined,
): { readonly tunnel?: TunnelConfig } {
  return forward === "tunnel" ? { tunnel: own ?? common ?? PLAIN_TUNNEL } : {};
}

/**
 * `server` with what `common` says where it says nothing itself.
 *
 * @param check its checks, its own or those that it inherits
 */
export function resolveServer(
  server: Written,
  common: ServerDefaults,
  check: readonly CheckUseConfig[],
): RealServerConfig {
  const { address, notify, ...own } = server;
  return {
    address,
    ...resolveDefaults(own, common, check),
    ...(notify === undefined ? {} : { notify }),
  };
}

/** All but where it is and who is told. */
export function resolveDefaults(
  server: Omit<Written, "address" | "notify">,
  common: ServerDefaults,
  check: readonly CheckUseConfig[],
): ListedDefaults {
  const { weight } = server;
  const way = server.forward ?? common.forward;
  return {
    weight: weight ?? common.default_weight,
    forward: way,
    ...tunnelOf(way, server.tunnel, common.tunnel),
    thresholds: server.thresholds ?? common.thresholds ?? { upper: 0, lower: 0 },
    on_failure: server.on_failure ?? common.on_failure,
    start_down: server.start_down ?? common.start_down,
    slow_start: server.slow_start ?? common.slow_start,
    drain_timeout: server.drain_timeout ?? common.drain_timeout,
    check,
    require: server.require ?? common.require,
  };
}
