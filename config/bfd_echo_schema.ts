/**
 * The table `echo` of `[[bfd]]`: the echo function of RFC 5880 section 6.4, and unaffiliated echo
 * (RFC 9747).
 *
 * @module
 */

import * as v from "valibot";
import { documented, duration, flag } from "./fields.ts";

/**
 * Shortest and longest interval. RFC 7419 section 3 begins at 3.3 ms; the field has 32 bits of
 * microseconds, which are a little more than an hour.
 */
export const BFD_INTERVALS = { min: "3.3ms", max: "1h" };

export const BFD_ECHO_TABLE = documented(
  v.strictObject({
    transmit_interval: v.exactOptional(
      duration(BFD_INTERVALS, {
        text: "How often we send an echo packet while the session is up, unless the peer takes " +
          "fewer; without the key we send none. `detect_multiplier` says how many may be missing.",
        example: "20ms",
      }),
    ),
    receive_interval: v.exactOptional(
      duration(BFD_INTERVALS, {
        text: "How often the peer may send echo packets to have them back; without the key it " +
          "may send none. The kernel forwards them, or where it does not, halb sends them back.",
        example: "20ms",
      }),
    ),
    unaffiliated: v.optional(
      flag({
        text:
          "The peer needs to know nothing of BFD, only to forward (RFC 9747): our own packets are " +
          "sent to ourselves by way of it, as often as `transmit_interval` of the session says.",
        example: true,
      }),
      false,
    ),
  }),
  "a table",
  {
    text:
      "Echo packets: they go to the peer, whose forwarding sends them back, so that they look after " +
      "what forwards rather than after a daemon, and control packets may be a second apart. Over " +
      "one hop of Ethernet.",
    example: { transmit_interval: "20ms", receive_interval: "20ms" },
  },
);
