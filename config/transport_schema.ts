/**
 * How adverts travel: the keys of `[[vrrp]]` for unicast peers, other multicast groups, VRFs and
 * network namespaces. What they contradict each other in is in `transport_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { hostAddress, multicastGroup } from "./address_fields.ts";
import { documented, flag, whole } from "./fields.ts";
import { interfaceName, namespaceName } from "./names.ts";

/** Each advert goes to each of them; more are a mistake. */
const MOST_PEERS = 64;

/** One unicast peer, resolved. */
export interface PeerConfig {
  /** Canonical text. */
  readonly address: string;
  /** 1 to 255; absent: `ttl` for a peer on the link, 1 for any other. */
  readonly min_ttl?: number;
  /** 1 to 255; absent: 255. */
  readonly max_ttl?: number;
}

const peerTable = v.strictObject({
  address: hostAddress({ text: "The peer's address.", example: "192.0.2.3" }),
  min_ttl: v.exactOptional(whole(1, 255, {
    text: "Least TTL (hop limit) of its adverts as they arrive. Without the key: `ttl` for a " +
      "peer inside a network of the interface, so that nobody beyond the link can pass for it; " +
      "1 for any other. Each router on the way takes one off: 254 is a peer behind one.",
    example: 254,
  })),
  max_ttl: v.exactOptional(whole(1, 255, {
    text: "Greatest TTL of its adverts as they arrive; without the key 255.",
    example: 254,
  })),
});

const peerItem = documented(
  v.union([
    v.pipe(
      hostAddress({ text: "The peer's address.", example: "192.0.2.2" }),
      v.transform((address): PeerConfig => ({ address })),
    ),
    peerTable,
  ]),
  "an address, or a table with `address`",
  { text: "A unicast peer.", example: { address: "192.0.2.3", min_ttl: 254 } },
);

const unicastTable = documented(
  v.strictObject({
    peers: v.pipe(
      documented(
        v.array(peerItem),
        "a list of peers",
        {
          text: "The other nodes. All nodes may be listed: the interface's own addresses are " +
            "left out. While no other is left, the router is in fault.",
          range: `1 to ${MOST_PEERS} peers`,
          example: ["192.0.2.1", "192.0.2.2", { address: "192.0.2.3", min_ttl: 254 }],
        },
      ),
      v.check((list) => list.length > 0, "Unicast needs at least one peer"),
      v.check(
        (list) => list.length <= MOST_PEERS,
        (issue) => `${issue.input.length} peers are more than ${MOST_PEERS}`,
      ),
    ),
    ttl: v.optional(
      whole(1, 255, {
        text: "TTL (hop limit) of the adverts. All nodes should have the same: it is also the " +
          "least that a peer on the link must arrive with.",
        example: 255,
      }),
      255,
    ),
    check_source: v.optional(
      flag({
        text: "Refuse adverts of senders that are no peers. Without the check anybody who can " +
          "route packets here may take part in the election.",
        example: true,
      }),
      true,
    ),
  }),
  "a table with `peers`",
  {
    text: "Send adverts to peers instead of a multicast group. They are routed like any other " +
      "packet, but leave and arrive by the router's interface, with its own hardware address " +
      "even beside `virtual_mac`.",
    example: { peers: ["192.0.2.1", "192.0.2.2"] },
  },
);

const group = multicastGroup({
  text: "A multicast group.",
  example: "224.0.0.118",
});

/** Keys of `[[vrrp]]` and `[defaults.vrrp]`. */
export const transportKeys = {
  unicast: v.exactOptional(unicastTable),
  multicast_group: v.exactOptional(documented(
    v.union([v.pipe(group, v.transform((address) => [address])), v.array(group)]),
    "a multicast group, or a list of them",
    {
      text: "Another multicast group than 224.0.0.18 and ff02::12, the same on all nodes: of a " +
        "list the one of the router's family. Two routers of one id can share a LAN in two groups.",
      example: ["224.0.0.118", "ff02::118"],
    },
  )),
  vrf: v.exactOptional(interfaceName({
    text: "The VRF that the router's interface belongs to. While it does not, the router is in " +
      "fault: adverts would be answered, and addresses reached, from another routing table.",
    example: "blue",
  })),
  namespace: v.exactOptional(namespaceName({
    text: "The network namespace (`ip netns`) in which the router's interfaces and addresses " +
      "are; without the key, the agent's own.",
    example: "blue",
  })),
};
