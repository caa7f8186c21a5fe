/**
 * The table `[ipvs.settings]`: settings of the kernel's load balancer, `net.ipv4.vs.*`, by the
 * last part of their names, with what the kernel's documentation (`ipvs-sysctl.rst`) says of them.
 *
 * @module
 */

import * as v from "valibot";
import { type Doc, documented, whole } from "./fields.ts";

/** A setting that is 0 or 1; a truth value will do. */
function onOff(text: string, example = true) {
  const doc: Doc = { text, range: "true, false, 1, 0", example };
  return v.exactOptional(documented(
    v.union([v.pipe(v.boolean(), v.transform((on) => on ? 1 : 0)), whole(0, 1, doc)]),
    "true or false",
    doc,
  ));
}

function number(least: number, most: number, text: string, example: number, unit?: string) {
  const doc: Doc = { text, example, ...(unit === undefined ? {} : { unit }) };
  return v.exactOptional(whole(least, most, doc));
}

const MOST = 2_147_483_647;

const DEFENCE =
  "0: never; 1: while memory is short; 2: the same, and 1 and 3 are changed to 2 and " +
  "back by the kernel; 3: always.";

/** `[ipvs.settings]`; every key is one of the kernel's, absent: left as it is. */
export const IPVS_SETTINGS_TABLE = documented(
  v.strictObject({
    conn_reuse_mode: number(
      0,
      3,
      "What happens where a client's port comes again while its former connection is remembered. " +
        "0: it goes to the former server, whatever its weight is now; 1 (kernel's default): it is " +
        "scheduled anew; 2: also while the former one is being closed; 3: both.",
      1,
    ),
    expire_nodest_conn: onOff(
      "End connections of a server that is taken out at their next packet, so that clients try " +
        "again elsewhere at once. 0 (kernel's default): their packets are dropped until they " +
        "give up, or go on where the server comes back.",
    ),
    expire_quiescent_template: onOff(
      "Forget a client's persistence where its server has the weight 0: new connections go " +
        "elsewhere. 0 (kernel's default): they stay.",
    ),
    sloppy_tcp: onOff(
      "Take TCP connections in the middle, not only from their SYN on: for a director that took " +
        "over without the other one's connections, with a scheduler that decides by hash.",
    ),
    sloppy_sctp: onOff("The same for SCTP."),
    schedule_icmp: onOff(
      "Schedule ICMP errors that belong to no known connection: for several active directors " +
        "behind ECMP, so that path MTU discovery works.",
    ),
    ignore_tunneled: onOff(
      "Leave ICMP errors about packets inside a tunnel alone: for several layers of directors.",
    ),
    nat_icmp_send: onOff(
      "Send ICMP errors to a real server over NAT whose packets belong to no connection.",
    ),
    pmtu_disc: onOff(
      "Refuse packets that are too long for the tunnel to a real server by an ICMP error. 0: " +
        "they are sent in fragments.",
      false,
    ),
    snat_reroute: onOff(
      "Look the route of answers over NAT up anew, by their new source (kernel's default).",
    ),
    conntrack: onOff(
      "Let the kernel's connection tracking know balanced connections, for rules of a firewall " +
        "that ask for it. It costs throughput.",
    ),
    cache_bypass: onOff(
      "Send a client's packets straight to their destination where no cache server is left: for " +
        "transparent caches behind a mark.",
    ),
    backup_only: onOff(
      "A director that only listens to others does not balance: for a director that is a real " +
        "server of another one.",
    ),
    run_estimation: onOff("Let the kernel estimate rates, as `ipvsadm --rate` shows them.", false),
    secure_tcp: number(0, 3, `Shorter timeouts for half-open connections. ${DEFENCE}`, 1),
    drop_entry: number(0, 3, `Drop half-open connections at random. ${DEFENCE}`, 1),
    drop_packet: number(0, 3, `Drop packets at a rate, see \`am_droprate\`. ${DEFENCE}`, 1),
    amemthresh: number(1, MOST, "Memory is short below so many free pages.", 1024, "pages"),
    am_droprate: number(1, MOST, "With `drop_packet` 3, one packet of so many is dropped.", 10),
    sync_version: number(
      0,
      1,
      "Form of the messages to other directors; 0 for kernels before 2.6.39, 1 (kernel's " +
        "default) is needed for IPv6, SCTP and times.",
      1,
    ),
    sync_ports: number(
      1,
      64,
      "So many threads tell others of connections, each by a port of its own, from `port` on; a " +
        "power of two.",
      4,
    ),
    sync_threshold: v.exactOptional(documented(
      v.array(whole(0, MOST, { text: "A number of packets.", example: 3 })),
      "a list of two numbers",
      {
        text: "Others are told of a connection at so many packets of it (the first number), and " +
          "then each time that so many more have come (the second). `[3, 50]` is the kernel's " +
          "default; `[0, 1]`: at its first packet and at each one after it; a second of 0: once, " +
          "or as `sync_refresh_period` says.",
        range: "the first less than the second, unless that is 0",
        example: [3, 50],
      },
    )),
    sync_persist_mode: number(
      0,
      2,
      "What is told of persistent services. 0 (kernel's default): all; 1: persistence alone, not " +
        "its connections, while it is known; 2: persistence alone, in any case.",
      1,
    ),
    sync_qlen_max: number(1, MOST, "Most messages that wait to be sent.", 8192, "messages"),
    sync_sock_size: number(
      0,
      MOST,
      "Size of the socket buffers for messages; 0: what the system has.",
      0,
      "bytes",
    ),
    sync_refresh_period: number(
      0,
      MOST,
      "Tell of a connection again after so long even if nothing about it has changed; 0: as its " +
        "packets are counted.",
      0,
      "seconds",
    ),
    sync_retries: number(
      0,
      3,
      "How often that is repeated within an eighth of the period, against lost messages.",
      0,
    ),
  }),
  "a table",
  {
    text:
      "Settings of the kernel's load balancer, `net.ipv4.vs.*` of the network namespace, by the " +
      "last part of their names. What is not given is left alone; what is given is put back at " +
      "the end of the agent.",
    example: { expire_nodest_conn: true, conn_reuse_mode: 1 },
  },
);

/** `[ipvs.settings]`, resolved: numbers as the kernel has them. */
export type IpvsSettingsConfig = v.InferOutput<typeof IPVS_SETTINGS_TABLE>;
