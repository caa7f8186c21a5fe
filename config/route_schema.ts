/**
 * Routes that halb holds, in the words of `ip route`. What several keys contradict each other in is
 * in `moves_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented, duration, flag, text, VALUE, whole } from "./fields.ts";
import { interfaceName } from "./names.ts";
import { MOST_U32, network, plainAddress, realms, routingTable, scope } from "./network_fields.ts";

const MOST_LABEL = 1_048_575;
const MAIN = 254;

const encapsulation = documented(
  v.strictObject({
    type: choice(["mpls", "ip", "ip6"], {
      text: "`mpls`: a label stack; `ip`, `ip6`: what a tunnel device that works by flow " +
        "(`external`) wraps packets in.",
      example: "mpls",
    }),
    labels: v.exactOptional(v.pipe(
      documented(
        v.array(whole(0, MOST_LABEL, { text: "An MPLS label.", example: 100 })),
        "a list of labels",
        { text: "Labels, outermost first; `mpls` only.", range: "1 to 16", example: [100, 200] },
      ),
      v.check(
        (labels) => labels.length > 0 && labels.length <= 16,
        "A label stack has 1 to 16 labels",
      ),
    )),
    id: v.exactOptional(whole(0, MOST_U32, {
      text: "Tunnel id, such as a VXLAN's; `ip`, `ip6`.",
      example: 42,
    })),
    destination: v.exactOptional(plainAddress({
      text: "Where the tunnel leads; `ip`, `ip6`.",
      example: "198.51.100.1",
    })),
    source: v.exactOptional(plainAddress({
      text: "Source of the outer packets; `ip`, `ip6`.",
      example: "198.51.100.2",
    })),
    ttl: v.exactOptional(whole(1, 255, { text: "TTL or hop limit.", example: 64 })),
    tos: v.exactOptional(whole(0, 255, {
      text: "TOS or traffic class; `ip`, `ip6`.",
      example: 16,
    })),
  }),
  "a table",
  {
    text: "What packets are wrapped in.",
    example: { type: "mpls", labels: [100] },
  },
);

/** Where packets go. */
const hopKeys = {
  via: v.exactOptional(plainAddress({
    text: "The next hop, of the family of the route.",
    example: "192.0.2.1",
  })),
  interface: v.exactOptional(interfaceName({
    text: "The outgoing interface; without the key, the one that leads to `via`.",
    example: "eth0",
  }, { loopback: true })),
  onlink: v.exactOptional(flag({
    text: "Take `via` for reachable on `interface`, whatever other routes say.",
    example: true,
  })),
  encap: v.exactOptional(encapsulation),
};

const hop = documented(
  v.strictObject({
    ...hopKeys,
    weight: v.exactOptional(whole(1, 256, {
      text: "Share of the packets among the next hops.",
      example: 1,
    })),
    realms: v.exactOptional(realms({ text: "Realms of this next hop; IPv4.", example: "1/2" })),
  }),
  "a table",
  { text: "One next hop of several.", example: { via: "192.0.2.1", weight: 2 } },
);

function milliseconds(what: string, example: string) {
  return v.exactOptional(duration({ min: "1ms", max: "1h", step: "1ms" }, {
    text: what,
    example,
  }));
}

function number(what: string, example: number, most = MOST_U32) {
  return v.exactOptional(whole(0, most, { text: what, example }));
}

/** Metrics of a route, which `lock` can name. */
const metricKeys = {
  mtu: v.exactOptional(whole(68, 65_535, {
    text: "MTU along the route.",
    unit: "bytes",
    example: 1400,
  })),
  advmss: v.exactOptional(whole(1, 65_535, {
    text: "Largest TCP segment that is advertised.",
    unit: "bytes",
    example: 1360,
  })),
  window: number("Largest TCP window that is advertised, bytes.", 65_535),
  rtt: milliseconds("First estimate of the round trip time.", "30ms"),
  rttvar: milliseconds("First estimate of its variance.", "5ms"),
  rto_min: milliseconds("Shortest retransmission timeout of TCP.", "40ms"),
  reordering: number("Largest reordering that TCP takes for no loss, packets.", 3),
  cwnd: number("Largest congestion window, packets; only with `lock`.", 10),
  ssthresh: number("First slow start threshold, packets.", 100),
  hoplimit: number("TTL or hop limit of packets that the host sends.", 64, 255),
  initcwnd: number("First congestion window, packets.", 10),
  initrwnd: number("First receive window that is advertised, packets.", 10),
};
export type LockableMetric = keyof typeof metricKeys;
const LOCKABLE = Object.keys(metricKeys) as [LockableMetric, ...LockableMetric[]];

const routeTable = documented(
  v.strictObject({
    to: network(["default"], {
      text: "The network. `default`: 0.0.0.0/0, or ::/0 where `via` or `source` is IPv6.",
      example: "203.0.113.0/24",
    }),
    type: v.optional(
      choice(
        [
          "unicast",
          "local",
          "broadcast",
          "anycast",
          "multicast",
          "blackhole",
          "unreachable",
          "prohibit",
          "throw",
        ],
        {
          text:
            "What becomes of packets: `unicast` sends them on, `blackhole`, `unreachable` and " +
            "`prohibit` refuse them (in silence, or with an ICMP message), `throw` goes on with " +
            "the next rule.",
          example: "blackhole",
        },
      ),
      "unicast",
    ),
    ...hopKeys,
    nexthops: v.exactOptional(v.pipe(
      documented(v.array(hop), "a list of tables", {
        text: "Several next hops that share the packets, in place of `via` and `interface`.",
        range: "2 to 64",
        example: [{ via: "192.0.2.1", weight: 2 }, { via: "192.0.2.2" }],
      }),
      v.check(
        (hops) => hops.length > 1 && hops.length <= 64,
        "`nexthops` is a list of 2 to 64: one alone is written as `via` and `interface`",
      ),
    )),
    table: v.optional(routingTable({ text: "The routing table.", example: 100 }), MAIN),
    metric: v.exactOptional(whole(0, MOST_U32, {
      text: "Of several routes to one network the lowest metric counts. Without the key: 0, for " +
        "IPv6 the kernel's 1024.",
      example: 100,
    })),
    source: v.exactOptional(plainAddress({
      text: "Source that the host's own packets prefer: an address of this host, often a " +
        "virtual one. An IPv4 route goes with it.",
      example: "192.0.2.10",
    })),
    scope: v.exactOptional(scope({
      text: "How far away the network is; IPv4 only. Without the key: what type and `via` suggest.",
      example: "link",
    })),
    tos: v.exactOptional(whole(0, 255, {
      text: "Only packets with this type of service; IPv4 only.",
      example: 16,
    })),
    realms: v.exactOptional(realms({ text: "Realms of the route; IPv4 only.", example: "1/2" })),
    pref: v.exactOptional(choice(["low", "medium", "high"], {
      text: "Router preference (RFC 4191); IPv6 only.",
      example: "high",
    })),
    ...metricKeys,
    lock: v.exactOptional(documented(
      v.array(choice(LOCKABLE, { text: "A metric of this route.", example: "mtu" })),
      "a list of metrics",
      {
        text: "Metrics of this route that the kernel must not change by what it learns.",
        example: ["mtu"],
      },
    )),
    features: v.exactOptional(documented(
      v.array(choice(["ecn", "tcp_usec_ts"], { text: "A feature of TCP.", example: "ecn" })),
      "a list of features",
      { text: "Features of TCP that connections along the route use.", example: ["ecn"] },
    )),
    quickack: v.exactOptional(flag({
      text: "TCP acknowledges at once.",
      example: true,
    })),
    fastopen_no_cookie: v.exactOptional(flag({
      text: "TCP Fast Open works without cookies.",
      example: true,
    })),
    congctl: v.exactOptional(text(
      "the name of a congestion control, in quotes",
      { text: "Congestion control of TCP.", range: "1 to 15 letters", example: "bbr" },
      (value) =>
        /^[a-z0-9_-]{1,15}$/.test(value)
          ? undefined
          : { message: `${VALUE} is not the name of a congestion control` },
    )),
  }),
  "a table",
  {
    text: "A route, in the words of `ip route`.",
    example: { to: "0.0.0.0/0", via: "192.0.2.1", table: 100 },
  },
);

/** A route; `default` is a network of the family that its addresses have. */
export const routeItem = v.pipe(
  routeTable,
  v.transform((route) => ({ ...route, to: networkOf(route) })),
);
export type RouteConfig = v.InferOutput<typeof routeItem>;

function networkOf(
  { to, via, source, nexthops = [] }: v.InferOutput<typeof routeTable>,
): string {
  if (to !== "default") return to;
  const addresses = [via, source, ...nexthops.map((one) => one.via)];
  return addresses.find((address) => address !== undefined)?.includes(":") ? "::/0" : "0.0.0.0/0";
}
