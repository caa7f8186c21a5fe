/**
 * How addresses are announced: the table `garp` of a `[[vrrp]]`, and `[[garp_group]]`, interfaces
 * that share their gaps.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented, duration, whole } from "./fields.ts";
import { interfaceName } from "./names.ts";

export const garpTable = documented(
  v.strictObject({
    repeat: v.optional(
      whole(0, 100, {
        text:
          "Gratuitous ARP packets (IPv6: unsolicited neighbour advertisements) for each address " +
          "at once on becoming master.",
        example: 5,
      }),
      5,
    ),
    delay: v.optional(
      duration({ min: "0s", max: "1h" }, {
        text: "Time until the same number is sent a second time; 0: no second time.",
        example: "5s",
      }),
      "5s",
    ),
    refresh: v.optional(
      duration({ min: "0s", max: "1d" }, {
        text: "Time between announcements while master; 0: none.",
        example: "60s",
      }),
      "60s",
    ),
    refresh_repeat: v.optional(
      whole(1, 100, { text: "Packets for each address in each such announcement.", example: 1 }),
      1,
    ),
    interval: v.optional(
      duration({ min: "0s", max: "10s" }, {
        text: "Gap between two gratuitous ARP packets on one interface; 0: none.",
        example: "1ms",
      }),
      "0s",
    ),
    neighbour_interval: v.exactOptional(
      duration({ min: "0s", max: "10s" }, {
        text:
          "Gap between two neighbour advertisements (IPv6) on one interface; 0: none; without " +
          "the key, that of `interval`.",
        example: "1ms",
      }),
    ),
    lower_priority_repeat: v.exactOptional(
      whole(0, 100, {
        text: "Packets for each address when a master hears an advert of a lower priority, whose " +
          "sender may have drawn traffic to itself; without the key, as many as `repeat`.",
        example: 1,
      }),
    ),
    lower_priority_delay: v.exactOptional(
      duration({ min: "0s", max: "1h" }, {
        text: "Time until they are sent a second time; 0: no second time; without the key, that " +
          "of `delay`.",
        example: "0s",
      }),
    ),
    form: v.optional(
      choice(["request", "reply", "both"], {
        text: "Operation of the gratuitous ARP packets; some switches and routers heed replies " +
          "only. `both` sends one of each.",
        example: "both",
      }),
      "request",
    ),
    other_interfaces_refresh: v.optional(
      duration({ min: "0s", max: "1d" }, {
        text: "Time between further announcements of addresses that are on other interfaces than " +
          "the router's, where no advert of it keeps switches informed; 0: none.",
        example: "10s",
      }),
      "0s",
    ),
  }),
  "a table",
  {
    text: "How the addresses are announced: by gratuitous ARP or neighbour advertisements.",
    example: { repeat: 5, delay: "5s", refresh: "60s" },
  },
);

/** One `[[garp_group]]`. */
export const GARP_GROUP_SCHEMA = documented(
  v.strictObject({
    interfaces: v.pipe(
      documented(
        v.array(interfaceName({ text: "An interface of the group.", example: "eth0" })),
        "a list of interface names",
        {
          text: "Interfaces that share the gaps, such as all that lead to one switch.",
          example: ["eth0", "eth1"],
        },
      ),
      v.check((list) => list.length > 0, "A group needs at least one interface"),
    ),
    interval: v.optional(
      duration({ min: "0s", max: "10s" }, {
        text:
          "Gap between two gratuitous ARP packets on any of them, instead of `garp.interval`; " +
          "0: none.",
        example: "1ms",
      }),
      "0s",
    ),
    neighbour_interval: v.exactOptional(
      duration({ min: "0s", max: "10s" }, {
        text:
          "Gap between two neighbour advertisements on any of them; 0: none; without the key, " +
          "that of `interval`.",
        example: "1ms",
      }),
    ),
  }),
  "a table",
  {
    text: "Interfaces that share a budget of announcements.",
    example: { interfaces: ["eth0", "eth1"], interval: "1ms" },
  },
);

/** One `[[garp_group]]`, resolved. Durations in microseconds. */
export type GarpGroupConfig = v.InferOutput<typeof GARP_GROUP_SCHEMA>;
