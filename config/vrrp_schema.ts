/**
 * The tables `[[vrrp]]` and `[defaults.vrrp]`: virtual routers of version 3 over either family, or
 * of version 2 over IPv4. What depends on several keys, as the interval does on the version, is in
 * `router_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { AUTH_TABLE } from "./auth_schema.ts";
import { choice, documented, duration, flag, lease, VALUE, whole } from "./fields.ts";
import { ELECTION_KEYS, electionOf } from "./election_fields.ts";
import { hostAddress } from "./address_fields.ts";
import { garpTable } from "./announce_schema.ts";
import { type AddressConfig, addressItem, resolveAddress } from "./held_address_schema.ts";
import { interfaceName, name } from "./names.ts";
import { routeList, ruleList } from "./static_schema.ts";
import { NOTIFY_TABLE } from "./notify_schema.ts";
import { transportKeys } from "./transport_schema.ts";
import { VIRTUAL_MAC_SCHEMA } from "./virtual_mac_schema.ts";
import { TRACK_TABLE } from "./track_table.ts";

/** Most addresses of one router: the count in an advert is eight bits (RFC 9568 section 5.2.5). */
const MOST_ADDRESSES = 255;
/** Enough for two /21; more are slower to take over than they are worth in one router. */
const MOST_EXCLUDED = 4096;

/** The keys of `[[vrrp]]` that `[defaults.vrrp]` takes too. */
const commonKeys = {
  interface: interfaceName({
    text: "The interface that adverts are sent and received on.",
    example: "eth0",
  }),
  version: v.optional(
    v.pipe(
      documented(
        v.number(),
        "the number 2 or 3",
        {
          text: "VRRP version: 3 (RFC 9568), or 2 (RFC 3768), which is for IPv4 only and has " +
            "intervals of whole seconds.",
          range: "2, 3",
          example: 3,
        },
        { type: "integer", enum: [2, 3] },
      ),
      v.rawTransform(({ dataset, addIssue, NEVER }): 2 | 3 => {
        if (dataset.value === 2 || dataset.value === 3) return dataset.value;
        addIssue({
          message: `${VALUE} is not a version of VRRP that halb speaks`,
          expected: "write `3` instead, or leave the key out",
        });
        return NEVER;
      }),
    ),
    3,
  ),
  v2_compatibility: v.optional(
    flag({
      text: "Send adverts of version 2 beside those of version 3, and hear both (RFC 9568 " +
        "section 8.4): for the time in which routers are upgraded, IPv4 only. Version 2 states " +
        "the interval in whole seconds, rounded up: give the old routers that one.",
      example: true,
    }),
    false,
  ),
  priority: v.optional(
    whole(1, 255, {
      text: "The highest priority becomes master. 255 is for the owner of the addresses, whose " +
        "own they are also without halb; it always preempts.",
      example: 150,
    }),
    100,
  ),
  advertisement_interval: v.optional(
    // The limits depend on the version: `router_checks.ts` has them.
    duration({ min: "0s", max: "1d" }, {
      text: "Time between two adverts of the master; a backup takes over after three of them " +
        "and its skew. All nodes of a router should have the same.",
      range: "10ms to 40.95s in steps of 10ms; in version 2, 1s to 255s in whole seconds",
      example: "100ms",
    }),
    "1s",
  ),
  source: v.exactOptional(hostAddress({
    text: "Source address of the adverts, of the router's family; without the key, the " +
      "interface's first address (IPv6: its first link-local one, with unicast peers that are " +
      "not link-local its first other one). While the interface does not have it, the router " +
      "is in fault.",
    example: "192.0.2.1",
  })),
  ...ELECTION_KEYS,
  accept: v.optional(
    flag({
      text:
        "Whether a master that does not own the addresses takes packets to them (Accept_Mode, " +
        "RFC 9568 section 6.1). `false`: they are dropped by nftables, neighbour discovery " +
        "excepted; the owner always takes them.",
      example: false,
    }),
    true,
  ),
  promote_secondaries: v.optional(
    flag({
      text: "Set `promote_secondaries` of the interfaces that carry the addresses, and set it " +
        "back at the stop: where the host's own first address of a network is removed, the " +
        "others stay. Virtual addresses stay without it.",
      example: true,
    }),
    false,
  ),
  address_lease: v.optional(
    lease({ min: "1s", max: "1h" }, {
      text: "How long the kernel keeps the addresses when the agent dies or hangs. `auto`: half " +
        "as much again as the slowest backup waits, at least 3 s; more, up to 30 s, where there are " +
        "many addresses. `off`: for ever, as keepalived.",
      example: "5s",
    }),
    "auto",
  ),
  checksum: v.optional(
    choice(["auto", "rfc9568", "rfc5798", "ignore"], {
      text: "Checksum rule of VRRPv3 over IPv4: without a pseudo header (`rfc9568`) or with one " +
        "(`rfc5798`, as keepalived sends). `auto` accepts both and sends what the peer does; " +
        "`ignore` accepts anything. Version 2 and IPv6 have one rule each.",
      example: "rfc5798",
    }),
    "auto",
  ),
  virtual_mac: v.optional(VIRTUAL_MAC_SCHEMA, false),
  auth: v.exactOptional(AUTH_TABLE),
  garp: v.optional(garpTable, {}),
  track: v.optional(TRACK_TABLE, {}),
  ...transportKeys,
  notify: v.exactOptional(NOTIFY_TABLE),
};

/** The keys of one `[[vrrp]]`. */
const vrrpTable = documented(
  v.strictObject({
    name: name({ text: "Unique name of the virtual router.", example: "web" }),
    virtual_router_id: whole(1, 255, {
      text: "VRID: the same on all nodes of this router, unlike any other on the LAN.",
      example: 51,
    }),
    addresses: v.pipe(
      documented(
        v.array(addressItem),
        "a list of addresses",
        {
          text:
            "The virtual addresses, IPv4, IPv6 or both (then two sessions with one state, ties decided in the family of the first address): strings, or tables with `address`, " +
            "`interface`, `label`. Over IPv6 the first one must be link-local.",
          range: `1 to ${MOST_ADDRESSES} addresses`,
          example: ["192.0.2.10/24"],
        },
      ),
      v.check((list) => list.length > 0, "A virtual router needs at least one address"),
      v.check(
        (list) => list.length <= MOST_ADDRESSES,
        (issue) =>
          `${issue.input.length} addresses are more than the ${MOST_ADDRESSES} an advert can carry`,
      ),
    ),
    excluded_addresses: v.optional(
      v.pipe(
        documented(v.array(addressItem), "a list of addresses", {
          text: "Addresses of either family that are held like the others and are not in the " +
            "adverts.",
          range: `0 to ${MOST_EXCLUDED} addresses`,
          example: ["198.51.100.10/32"],
        }),
        v.check(
          (list) => list.length <= MOST_EXCLUDED,
          (issue) => `${issue.input.length} addresses are more than ${MOST_EXCLUDED}`,
        ),
      ),
      [],
    ),
    routes: v.optional(
      routeList(
        "Routes that are there while the router is master: added after its addresses, removed " +
          "before them.",
      ),
      [],
    ),
    rules: v.optional(
      ruleList("Rules of policy routing that are there while the router is master."),
      [],
    ),
    ...commonKeys,
  }),
  "a table",
  {
    text: "One virtual router.",
    example: {
      name: "web",
      interface: "eth0",
      virtual_router_id: 51,
      addresses: ["192.0.2.10/24"],
    },
  },
);

/** One `[[vrrp]]`, with the addresses resolved. */
export const VRRP_SCHEMA = v.pipe(
  vrrpTable,
  v.transform((router) => ({
    ...router,
    ...electionOf(router),
    addresses: router.addresses.map((item): AddressConfig =>
      resolveAddress(item, router.interface)
    ),
    excluded_addresses: router.excluded_addresses.map((item): AddressConfig =>
      resolveAddress(item, router.interface)
    ),
  })),
);

/** `[defaults.vrrp]`. */
export const VRRP_DEFAULTS_SCHEMA = documented(
  v.strictObject({
    ...commonKeys,
    interface: v.exactOptional(commonKeys.interface),
  }),
  "a table",
  {
    text: "Values for every `[[vrrp]]` that does not give its own; tables are merged key by key, " +
      "lists are replaced.",
    example: { advertisement_interval: "100ms" },
  },
);
