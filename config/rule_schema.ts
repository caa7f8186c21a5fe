/**
 * Rules of policy routing that halb holds, in the words of `ip rule`. What several keys contradict
 * each other in is in `moves_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented, flag, whole } from "./fields.ts";
import { interfaceName } from "./names.ts";
import {
  ipProtocol,
  MOST_U32,
  network,
  numberRange,
  realms,
  routingTable,
} from "./network_fields.ts";

/** The last of the kernel's own rules is 32767. */
const MOST_PRIORITY = MOST_U32;

const ruleTable = documented(
  v.strictObject({
    priority: whole(1, MOST_PRIORITY, {
      text: "Rules are asked in the order of their priority; the kernel's own are 0, 32766 and " +
        "32767. It is part of what a rule is, so it must be given.",
      example: 1000,
    }),
    family: v.exactOptional(choice(["ipv4", "ipv6"], {
      text: "Family of the rule, where neither `from` nor `to` says it. Without the key: ipv4.",
      example: "ipv6",
    })),
    not: v.optional(
      flag({ text: "Match what the selector does not match.", example: true }),
      false,
    ),
    from: v.exactOptional(network(["all"], { text: "Source network.", example: "203.0.113.0/24" })),
    to: v.exactOptional(network(["all"], {
      text: "Destination network.",
      example: "198.51.100.0/24",
    })),
    iif: v.exactOptional(interfaceName({
      text: "Incoming interface; `lo`: packets of the host itself.",
      example: "eth0",
    }, { loopback: true })),
    oif: v.exactOptional(interfaceName({
      text: "Outgoing interface, of sockets that are bound to one.",
      example: "eth0",
    }, { loopback: true })),
    tos: v.exactOptional(whole(0, 255, { text: "Type of service.", example: 16 })),
    fwmark: v.exactOptional(whole(0, MOST_U32, { text: "Firewall mark.", example: 7 })),
    fwmask: v.exactOptional(whole(1, MOST_U32, {
      text: "Bits of the mark that count. Without the key: all.",
      example: 255,
    })),
    uid_range: v.exactOptional(numberRange(MOST_U32 - 1, {
      text: "User ids of the sockets' owners.",
      example: "1000-1999",
    })),
    ip_protocol: v.exactOptional(ipProtocol({ text: "IP protocol.", example: "tcp" })),
    source_port: v.exactOptional(numberRange(65_535, { text: "Source ports.", example: 443 })),
    destination_port: v.exactOptional(numberRange(65_535, {
      text: "Destination ports.",
      example: "8000-8999",
    })),
    tunnel_id: v.exactOptional(whole(1, MOST_U32, {
      text: "Tunnel id of packets out of a tunnel device that works by flow.",
      example: 42,
    })),
    action: v.optional(
      choice(["table", "goto", "nop", "blackhole", "unreachable", "prohibit"], {
        text:
          "What becomes of packets that match: `table` looks into a table, `goto` goes on with " +
          "the rule of another priority, `nop` with the next one, the others refuse them.",
        example: "prohibit",
      }),
      "table",
    ),
    table: v.exactOptional(routingTable({
      text: 'The routing table; `action = "table"` only.',
      example: 100,
    })),
    l3mdev: v.optional(
      flag({
        text: "Look into the table of the VRF that the packet belongs to, in place of `table`.",
        example: true,
      }),
      false,
    ),
    goto: v.exactOptional(whole(1, MOST_PRIORITY, {
      text: 'The priority to go on at; `action = "goto"` only.',
      example: 2000,
    })),
    realms: v.exactOptional(realms({ text: "Realms of what matches; IPv4 only.", example: "1/2" })),
    suppress_prefix_length: v.exactOptional(whole(0, 128, {
      text: "Routes of the table with a prefix so long or shorter do not count: 0 leaves out the " +
        "default route.",
      example: 0,
    })),
    suppress_interface_group: v.exactOptional(whole(0, MOST_U32 - 1, {
      text: "Routes of the table over an interface of this group do not count.",
      example: 1,
    })),
  }),
  "a table",
  {
    text: "A rule of policy routing, in the words of `ip rule`.",
    example: { from: "203.0.113.0/24", table: 100, priority: 1000 },
  },
);

/** A rule with its family. */
export const ruleItem = v.pipe(
  ruleTable,
  v.transform(({ from, to, family, ...rule }) => {
    const networks = [from, to].filter((one) => one !== undefined && one !== "all");
    const words = networks[0]?.includes(":") ? "ipv6" : networks[0] === undefined ? family : "ipv4";
    return {
      ...rule,
      family: words ?? "ipv4",
      ...(from === undefined || from === "all" ? {} : { from }),
      ...(to === undefined || to === "all" ? {} : { to }),
    };
  }),
);
export type RuleConfig = v.InferOutput<typeof ruleItem>;
