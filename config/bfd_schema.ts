/**
 * The tables `[[bfd]]` and `[defaults.bfd]`: sessions that look after a path (RFC 5880), over one
 * hop (RFC 5881) or several (RFC 5883). What several keys contradict each other in is in
 * `bfd_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { hostAddress } from "./address_fields.ts";
import { BFD_AUTH_TABLE } from "./bfd_auth_schema.ts";
import { BFD_ECHO_TABLE, BFD_INTERVALS } from "./bfd_echo_schema.ts";
import { discriminator } from "./bfd_strangers_schema.ts";
import { documented, duration, flag, whole } from "./fields.ts";
import { interfaceName, name, namespaceName } from "./names.ts";
import { BFD_NOTIFY_TABLE } from "./notify_schema.ts";
import { LARGEST_WEIGHT } from "./track_table.ts";

/** Most sessions of one agent: each has a source port of its own, and the machine two cores. */
export const MOST_SESSIONS = 4096;

/** Faster is possible; this survives what happens on an ordinary host (PROTOCOL: 10 ms is risky). */
const INTERVAL = "300ms";
/** Between two looks of demand mode where nobody says otherwise. */
const POLL_INTERVAL = "1s";

const demandTable = v.strictObject({
  poll_interval: v.optional(
    duration({ min: "100ms", max: "1h" }, {
      text: "From the end of one look after the path to the beginning of the next.",
      example: "1s",
    }),
    POLL_INTERVAL,
  ),
});

/** `demand`; `null`: packets flow all the time. */
const DEMAND_SCHEMA = documented(
  v.union([
    v.pipe(
      flag({ text: "Whether the other side is asked to be silent while up.", example: true }),
      v.transform((wanted): v.InferOutput<typeof demandTable> | null =>
        wanted ? { poll_interval: 1_000_000 } : null
      ),
    ),
    demandTable,
  ]),
  "true, false or a table",
  {
    text: "Demand mode (RFC 5880 section 6.6): ask the other side to be silent while the session " +
      "is up, and look after the path by polling. A failure is noticed at the next look.",
    example: { poll_interval: "1s" },
  },
);

function dampingTime(text: string, example: string, preset: string) {
  return v.optional(duration({ min: "100ms", max: "1h" }, { text, example }), preset);
}

const dampingTable = documented(
  v.strictObject({
    threshold: v.optional(
      whole(1, 60, {
        text: "From the so many-th failure within `window` on, good news waits.",
        example: 3,
      }),
      3,
    ),
    window: dampingTime("How long a failure is remembered.", "60s", "60s"),
    hold: dampingTime(
      "How long the session must have been up then; twice as long after each further failure.",
      "5s",
      "5s",
    ),
    longest: dampingTime("The longest wait.", "60s", "60s"),
  }),
  "a table",
  {
    text:
      "Hysteresis for what tracks the session (RFC 5882 section 3.1): a failure counts at once, " +
      "always; that it is up again counts later where it has failed often lately. Without the " +
      "table it counts at once.",
    example: { threshold: 3, window: "60s", hold: "5s", longest: "60s" },
  },
);

/** The keys of `[[bfd]]` that `[defaults.bfd]` takes too. */
const commonKeys = {
  source: v.exactOptional(hostAddress({
    text: "Own address, of the peer's family. Without the key, the one that the kernel takes for " +
      "what it sends to the peer.",
    example: "192.0.2.1",
  })),
  interface: v.exactOptional(interfaceName({
    text: "The interface that leads to the peer: a session over one hop belongs to one (RFC 5881 " +
      "section 3). With `multihop` it may be left out: any.",
    example: "eth0",
  })),
  vrf: v.exactOptional(interfaceName({
    text: "The VRF that the interface belongs to; with `multihop` and without `interface`, the " +
      "one whose routes lead to the peer.",
    example: "blue",
  })),
  namespace: v.exactOptional(namespaceName({
    text: "The network namespace (`ip netns`) in which the session runs; without the key, the " +
      "agent's own.",
    example: "blue",
  })),
  transmit_interval: v.optional(
    duration(BFD_INTERVALS, {
      text: "How often we want to send while the session is up; the other side may want less. " +
        "Unless it is up, packets are a second apart.",
      example: "50ms",
    }),
    INTERVAL,
  ),
  receive_interval: v.optional(
    duration(BFD_INTERVALS, {
      text: "How often the other side may send at most. It has failed when nothing has come for " +
        "its multiplier times the longer one of this and what it sends at.",
      example: "50ms",
    }),
    INTERVAL,
  ),
  detect_multiplier: v.optional(
    whole(1, 255, {
      text: "So many of our packets in a row must be missing for the other side to call the path " +
        "broken. How many of its own may be missing here, it says.",
      example: 3,
    }),
    3,
  ),
  multihop: v.optional(
    flag({
      text: "Several hops (RFC 5883, UDP port 4784) in place of one (RFC 5881, port 3784).",
      example: true,
    }),
    false,
  ),
  min_ttl: v.exactOptional(
    whole(1, 255, {
      text:
        "With `multihop`, the least TTL (hop limit) of packets as they arrive: each router on " +
        "the way takes one off 255. Without the key 254, as in FRR: one router. Over one hop it " +
        "is always 255.",
      example: 250,
    }),
  ),
  padded_pdu_size: v.exactOptional(
    whole(24, 65_487, {
      text:
        "Bytes of UDP payload that packets are padded to (RFC 9764), never fragmented: a path that " +
        "does not carry them takes the session down. 1472 fill an MTU of 1500 over IPv4, 1452 over " +
        "IPv6. What arrives may have any size.",
      example: 1472,
    }),
  ),
  passive: v.optional(
    flag({ text: "Send nothing until the other side has spoken.", example: true }),
    false,
  ),
  demand: v.optional(DEMAND_SCHEMA, false),
  echo: v.exactOptional(BFD_ECHO_TABLE),
  auth: v.exactOptional(BFD_AUTH_TABLE),
  admin_down_is_failure: v.optional(
    flag({
      text: "Whether it counts as a failure for what tracks the session that either side is " +
        "administratively down: an operator has taken the session down, or the other side's " +
        "daemon was stopped. `false`: it goes on as if the session were up, as RFC 5882 section " +
        "3.2 has it where something else looks after the path, too.",
      example: false,
    }),
    true,
  ),
  damping: v.exactOptional(dampingTable),
  stall_grace: v.optional(
    flag({
      text: "Time during which this host itself stood still is not held against the other side: " +
        "a peer that is really dead is then noticed a detection time after the stall.",
      example: true,
    }),
    true,
  ),
  notify: v.exactOptional(BFD_NOTIFY_TABLE),
  weight: v.optional(
    whole(-LARGEST_WEIGHT, LARGEST_WEIGHT, {
      text: "What it adds to the priority of a router that tracks it: a positive weight while it " +
        "is up, a negative one while it is not. 0: the router is in fault while it is not up.",
      example: -30,
    }),
    0,
  ),
  reverse: v.optional(
    flag({
      text:
        "The other way round: less priority while it is up, more while it is not; with weight " +
        "0 the fault is that it is up.",
      example: true,
    }),
    false,
  ),
};

const SEAMLESS_TABLE = documented(
  v.strictObject({
    remote_discriminator: discriminator({
      text: "The S-BFD discriminator of the reflector.",
      example: "192.0.2.2",
    }),
  }),
  "a table with `remote_discriminator`",
  {
    text:
      "Seamless BFD (RFC 7880): ask the reflector of the other side (UDP port 7784), which needs " +
      "to know nothing of this session, and listen to its answers. `transmit_interval` and " +
      "`detect_multiplier` say how often, and how many answers may be missing.",
    example: { remote_discriminator: "192.0.2.2" },
  },
);

/** One `[[bfd]]`. */
export const BFD_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name of the session.", example: "to-peer" }),
    peer: hostAddress({
      text: "Address of the other side. A link-local one is on `interface`.",
      example: "192.0.2.2",
    }),
    seamless: v.exactOptional(SEAMLESS_TABLE),
    ...commonKeys,
  }),
  "a table",
  {
    text: "One session.",
    example: { name: "to-peer", peer: "192.0.2.2", interface: "eth0" },
  },
);

/** `[defaults.bfd]`. */
export const BFD_DEFAULTS_SCHEMA = documented(v.strictObject(commonKeys), "a table", {
  text: "Values for every `[[bfd]]` that does not give its own; tables are merged key by key, " +
    "lists are replaced.",
  example: { transmit_interval: "50ms" },
});

/** One `[[bfd]]`, resolved. Durations in microseconds. */
export type BfdConfig = v.InferOutput<typeof BFD_SCHEMA>;

/** Least TTL of what arrives. */
export function minimumTtl({ multihop, min_ttl }: Pick<BfdConfig, "multihop" | "min_ttl">): number {
  return multihop ? min_ttl ?? 254 : 255;
}
