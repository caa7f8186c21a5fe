/**
 * The tables `[[virtual_server]]` and `[defaults.virtual_server]`: services of the kernel's load
 * balancer, each with real servers behind it. What several keys contradict each other in is in
 * `virtual_server_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import type { CheckUseConfig } from "./check_uses.ts";
import { choice, documented, duration, flag, whole } from "./fields.ts";
import { endpoint, type ListenConfig, listenItem } from "./listen_fields.ts";
import { MARK_SCHEMA, markOf } from "./mark_fields.ts";
import { interfaceName, name, path } from "./names.ts";
import { MOST_U32 } from "./network_fields.ts";
import { VIRTUAL_SERVER_NOTIFY_TABLE } from "./notify_schema.ts";
import {
  FORWARD_SCHEMA,
  type ListedDefaults,
  REAL_SERVER_SCHEMA,
  type RealServerConfig,
  resolveDefaults,
  resolveServer,
  serverDefaults,
  TUNNEL_SCHEMA,
  tunnelOf,
} from "./real_server_schema.ts";

/** Every scheduler of the kernel. */
export const SCHEDULERS = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "fo",
  "ovf",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "mh",
  "sed",
  "nq",
  "twos",
] as const;

/** Flags of schedulers, and the kernel's bits for them. */
export const SCHEDULER_FLAGS = {
  "flag-1": 1,
  "flag-2": 2,
  "flag-3": 4,
  "sh-fallback": 1,
  "sh-port": 2,
  "mh-fallback": 1,
  "mh-port": 2,
} as const;

export type SchedulerFlag = keyof typeof SCHEDULER_FLAGS;

const FLAG_NAMES = Object.keys(SCHEDULER_FLAGS) as [SchedulerFlag, ...SchedulerFlag[]];

const where = listenItem({
  text: "An address, a range or a network, with a port.",
  example: "192.0.2.10:80",
});

const LISTEN_SCHEMA = documented(
  v.union([
    v.pipe(where, v.transform((one): ListenConfig[] => [one])),
    v.array(where),
  ]),
  "an address with a port, or a list of them",
  {
    text:
      "Where it listens: each address becomes a service of the kernel's, all with the same real " +
      "servers.",
    range: "up to 65536 addresses in a range or network",
    example: ["192.0.2.10:80", "192.0.2.16/28:80"],
  },
);

const mark = whole(1, MOST_U32, { text: "The mark of a packet.", example: 7 });

const FWMARK_SCHEMA = documented(
  v.union([
    v.pipe(mark, v.transform((one): number[] => [one])),
    v.array(mark),
  ]),
  "a mark, or a list of them",
  {
    text: "Balances packets that the firewall has marked so, whatever their address and port: " +
      "several ports, or protocols, that belong together.",
    range: `1 to ${MOST_U32}`,
    example: 7,
  },
);

const persistenceTable = v.strictObject({
  timeout: v.optional(
    duration({ min: "1s", max: "31d", step: "1s" }, {
      text: "How long a client is remembered after its last connection.",
      example: "5m",
    }),
    "6m",
  ),
  prefix_length: v.exactOptional(whole(1, 128, {
    text: "Clients of one network of this prefix length count as one; without the key, each by " +
      "itself.",
    range: "1 to 32, over IPv6 alone to 128",
    example: 24,
  })),
  ipv6_prefix_length: v.exactOptional(whole(1, 128, {
    text: "The same for clients over IPv6, where the virtual server has those of both families; " +
      "without the key, each of them by itself.",
    example: 64,
  })),
  engine: v.exactOptional(choice(["sip"], {
    text: "What else tells clients apart: the Call-ID of SIP, over UDP.",
    example: "sip",
  })),
});

const PERSISTENCE_SCHEMA = documented(
  v.union([
    v.pipe(
      flag({ text: "Whether clients stay with their server, for 6 minutes.", example: true }),
      v.transform((on): v.InferOutput<typeof persistenceTable> | null =>
        on ? { timeout: 360_000_000 } : null
      ),
    ),
    persistenceTable,
  ]),
  "true, false or a table",
  {
    text: "Connections of a client stay with the server that its first one went to.",
    example: { timeout: "5m", prefix_length: 24 },
  },
);

const sorryTable = v.strictObject({
  address: endpoint({
    text: "Where it is.",
    example: "192.0.2.99:80",
  }),
  forward: v.exactOptional(FORWARD_SCHEMA),
  tunnel: v.exactOptional(TUNNEL_SCHEMA),
  inhibit: v.optional(
    flag({
      text: "It stays in the table with the weight 0 while it is not needed, so that its " +
        "connections go on when real servers are back; otherwise it is removed then.",
      example: true,
    }),
    false,
  ),
});

const SORRY_SCHEMA = documented(
  v.union([
    v.pipe(
      endpoint({ text: "Where it is.", example: "192.0.2.99:80" }),
      v.transform((address): v.InferOutput<typeof sorryTable> => ({ address, inhibit: false })),
    ),
    sorryTable,
  ]),
  "an address with a port, or a table with `address`",
  {
    text: "Gets all connections while the quorum is lost; the real servers are out meanwhile. " +
      "Nothing checks it.",
    example: { address: "192.0.2.99:80", forward: "nat", inhibit: true },
  },
);

const ANNOUNCE_TABLE = documented(
  v.strictObject({
    interface: interfaceName({
      text: "The interface that carries the addresses, such as `lo` or a dummy interface.",
      example: "lo",
    }, { loopback: true }),
  }),
  "a table with `interface`",
  {
    text:
      "Hold the addresses of `listen` on an interface while the quorum is met, as /32 or /128, " +
      "for a routing daemon (BIRD, FRR) to tell the routers: several directors share the work by " +
      "ECMP, best with the scheduler `mh`.",
    example: { interface: "lo" },
  },
);

/** The keys of `[[virtual_server]]` that `[defaults.virtual_server]` takes too. */
const commonKeys = {
  protocol: v.optional(
    choice(["tcp", "udp", "sctp"], { text: "Of all of `listen`.", example: "udp" }),
    "tcp",
  ),
  scheduler: v.optional(
    choice(SCHEDULERS, {
      text: "Which server a new connection goes to, as `man ipvsadm` explains them.",
      example: "mh",
    }),
    "wlc",
  ),
  flags: v.optional(
    documented(
      v.array(choice(FLAG_NAMES, {
        text: "A flag of the scheduler: for `sh` and `mh` by name, or by its number.",
        example: "mh-port",
      })),
      "a list of flags",
      {
        text:
          "`sh-port`, `mh-port`: the client's port counts, too. `sh-fallback`, `mh-fallback`: " +
          "what a server without weight would get goes to another one.",
        example: ["mh-port", "mh-fallback"],
      },
    ),
    [],
  ),
  one_packet: v.optional(
    flag({
      text: "Schedule each UDP datagram by itself, for DNS or syslog.",
      example: true,
    }),
    false,
  ),
  persistence: v.optional(PERSISTENCE_SCHEMA, false),
  quorum: v.optional(
    whole(1, MOST_U32, {
      text: "Total weight of real servers that must be up; below it the quorum is lost.",
      example: 2,
    }),
    1,
  ),
  hysteresis: v.optional(
    whole(0, MOST_U32 - 1, {
      text: "The quorum is met from `quorum` + `hysteresis` on, and lost below `quorum` - " +
        "`hysteresis`; less than the quorum.",
      example: 1,
    }),
    0,
  ),
  sorry_server: v.exactOptional(SORRY_SCHEMA),
  follow: v.exactOptional(name({
    text: "In the table only while that virtual router is master here; without the key, always. " +
      "Checks run in any case, so that a new master knows who is up.",
    example: "web",
  })),
  announce: v.exactOptional(ANNOUNCE_TABLE),
  run_down_on_stop: v.optional(
    flag({
      text: "At the end of the agent run the programs of `notify` for real servers that go down " +
        "and for the lost quorum.",
      example: true,
    }),
    false,
  ),
  notify: v.exactOptional(VIRTUAL_SERVER_NOTIFY_TABLE),
  ...serverDefaults,
};

/** One `[[virtual_server]]`. */
export const VIRTUAL_SERVER_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name of the virtual server.", example: "web-http" }),
    listen: v.optional(LISTEN_SCHEMA, []),
    mark: v.exactOptional(MARK_SCHEMA),
    fwmark: v.optional(FWMARK_SCHEMA, []),
    family: v.exactOptional(choice(["ipv4", "ipv6"], {
      text: "Whose packets `fwmark` is about; without the key, IPv4.",
      example: "ipv6",
    })),
    ...commonKeys,
    servers_file: v.exactOptional(path(4095, {
      text: "A file with more real servers, a line each: address, port and weight as in " +
        "`198.51.100.12:8080 10`. It is watched; what changes in it changes in the table. While it " +
        "cannot be read, what it said last counts.",
      example: "/etc/halb/web.servers",
    })),
    real_server: v.optional(
      documented(v.array(REAL_SERVER_SCHEMA), "a list of tables", {
        text: "The real servers.",
        example: [{ address: "198.51.100.11:8080" }],
      }),
      [],
    ),
  }),
  "a table",
  {
    text: "One virtual server.",
    example: {
      name: "web-http",
      listen: "192.0.2.10:80",
      real_server: [{ address: "198.51.100.11:8080" }],
    },
  },
);

/** `[defaults.virtual_server]`. */
export const VIRTUAL_SERVER_DEFAULTS_SCHEMA = documented(v.strictObject(commonKeys), "a table", {
  text: "Values for every `[[virtual_server]]` that does not give its own; tables are merged key " +
    "by key, lists are replaced.",
  example: { scheduler: "wrr" },
});

/** One `[[virtual_server]]` as it is written. */
export type WrittenVirtualServer = v.InferOutput<typeof VIRTUAL_SERVER_SCHEMA>;
type Written = WrittenVirtualServer;

/** A sorry server with all that it takes from its virtual server. */
export interface SorryServerConfig
  extends Pick<RealServerConfig, "address" | "forward" | "tunnel"> {
  readonly inhibit: boolean;
}

/**
 * One `[[virtual_server]]`, resolved: real servers have all that they take from it. Durations in
 * microseconds.
 */
export interface VirtualServerConfig extends
  Omit<
    Written,
    | "real_server"
    | "sorry_server"
    | "family"
    | "mark"
    | "thresholds"
    | "tunnel"
    | "check"
    | "require"
  > {
  readonly family: "ipv4" | "ipv6";
  /** All of `listen` is one service for each family, by this mark. */
  readonly mark?: number;
  readonly sorry_server?: SorryServerConfig;
  readonly real_server: readonly RealServerConfig[];
  /** What real servers of a list have, those of `servers_file` and of `halb servers`. */
  readonly listed: ListedDefaults;
}

/**
 * What is written, with what is inherited.
 *
 * @param checks those of each real server
 * @param listed those of servers of a list
 */
export function resolveVirtualServer(
  written: Written,
  checks: readonly (readonly CheckUseConfig[])[],
  listed: readonly CheckUseConfig[],
): VirtualServerConfig {
  const { real_server, sorry_server, family = "ipv4", mark, ...rest } = written;
  const { thresholds: _, tunnel, check: __, require: ___, ...common } = rest;
  return {
    ...common,
    family,
    ...(mark === undefined ? {} : { mark: markOf(mark, rest.name) }),
    ...(sorry_server === undefined
      ? {}
      : { sorry_server: resolveSorry(sorry_server, common.forward, tunnel) }),
    real_server: real_server.map((server, index) =>
      resolveServer(server, written, checks[index] ?? [])
    ),
    listed: resolveDefaults({}, written, listed),
  };
}

function resolveSorry(
  { address, inhibit, ...own }: v.InferOutput<typeof sorryTable>,
  forward: RealServerConfig["forward"],
  tunnel: Written["tunnel"],
): SorryServerConfig {
  const way = own.forward ?? forward;
  return { address, inhibit, forward: way, ...tunnelOf(way, own.tunnel, tunnel) };
}
