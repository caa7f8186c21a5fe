/**
 * The table `[ipvs]`: what holds for the kernel's whole load balancer. What several keys
 * contradict each other in is in `ipvs_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { multicastGroup } from "./address_fields.ts";
import { choice, documented, duration, flag, whole } from "./fields.ts";
import { FORWARDING_MARKS_TABLE } from "./forwarding.ts";
import { IPVS_SETTINGS_TABLE } from "./ipvs_settings_schema.ts";
import { interfaceName, name, namespaceName } from "./names.ts";

/** The kernel counts in ticks in 31 bits: past this they overflow at the fastest clock, 1000 Hz. */
const IDLE = { min: "1s", max: "24d", step: "1s" };

function idle(what: string, example: string) {
  return v.exactOptional(duration(IDLE, {
    text: `How long ${what} is remembered; without the key, what the kernel has stays.`,
    example,
  }));
}

const TIMEOUTS_TABLE = documented(
  v.strictObject({
    tcp: idle("an idle TCP connection", "15m"),
    tcp_fin: idle("a TCP connection that one side has closed", "2m"),
    udp: idle("a flow of UDP datagrams that has stopped", "5m"),
  }),
  "a table",
  {
    text: "When idle connections are forgotten. At the end of the agent the former times are put " +
      "back, unless `on_stop` keeps everything.",
    example: { tcp: "15m", tcp_fin: "2m", udp: "5m" },
  },
);

const syncDaemon = v.strictObject({
  interface: interfaceName({
    text: "The interface that the other directors are reached by.",
    example: "eth1",
  }),
  follow: v.exactOptional(name({
    text: "Tell the others of connections while that virtual router is master here, and listen " +
      "to them otherwise.",
    example: "web",
  })),
  role: v.exactOptional(choice(["master", "backup", "both"], {
    text:
      "Always tell (`master`), always listen (`backup`), or both. Without the key and without " +
      "`follow`, both.",
    example: "both",
  })),
  id: v.optional(
    whole(0, 255, {
      text: "Directors of one number listen to each other.",
      example: 1,
    }),
    0,
  ),
  max_length: v.exactOptional(whole(1024, 65_507, {
    text: "Most bytes of a message; without the key, what the interface's MTU gives.",
    unit: "bytes",
    example: 1472,
  })),
  group: v.exactOptional(multicastGroup({
    text: "Where messages go; without the key, the kernel's own 224.0.0.81.",
    example: "224.0.0.82",
  })),
  port: v.exactOptional(whole(1, 65_535, {
    text: "The UDP port; without the key, the kernel's own 8848.",
    example: 8849,
  })),
  ttl: v.exactOptional(whole(1, 255, {
    text: "The TTL (hop limit) of messages; without the key 1: they stay on the link.",
    example: 1,
  })),
});

const SYNC_DAEMON_SCHEMA = documented(
  v.union([
    v.pipe(syncDaemon, v.transform((one): v.InferOutput<typeof syncDaemon>[] => [one])),
    v.array(documented(syncDaemon, "a table", {
      text: "One daemon.",
      example: { interface: "eth1", follow: "web" },
    })),
  ]),
  "a table, or a list of tables",
  {
    text: "The kernel threads that tell other directors of connections, so that these survive a " +
      "failover. The kernel has one that tells and one that listens: two tables are for one of " +
      "each.",
    example: { interface: "eth1", follow: "web", id: 1 },
  },
);

/** `[ipvs]`. */
export const IPVS_SCHEMA = documented(
  v.strictObject({
    timeouts: v.exactOptional(TIMEOUTS_TABLE),
    sync_daemon: v.optional(SYNC_DAEMON_SCHEMA, []),
    settings: v.exactOptional(IPVS_SETTINGS_TABLE),
    on_stop: v.optional(
      choice(["remove", "keep"], {
        text: "What the end of the agent leaves of the table: nothing of ours, or all, with its " +
          "connections.",
        example: "keep",
      }),
      "remove",
    ),
    compare_interval: v.optional(
      duration({ min: "1s", max: "1h" }, {
        text: "How often the kernel's table is compared with what it is to be, since the kernel " +
          "tells nobody when somebody else changes it. Comparing takes at most a fiftieth of the " +
          "time: a table of ten thousand servers is read less often, but for its services.",
        example: "10s",
      }),
      "2s",
    ),
    forwarding_marks: v.exactOptional(FORWARDING_MARKS_TABLE),
    flush: v.optional(
      flag({
        text: "The table is ours alone: services that others have made, or that were left by " +
          "others, are removed. Without it they are left alone.",
        example: true,
      }),
      false,
    ),
    namespace: v.exactOptional(namespaceName({
      text: "The network namespace (`ip netns`) whose table it is; without the key, the agent's " +
        "own.",
      example: "blue",
    })),
  }),
  "a table",
  {
    text: "The kernel's load balancer (IPVS) as a whole.",
    example: { timeouts: { tcp: "15m" }, on_stop: "remove" },
  },
);

/** `[ipvs]`, resolved. Durations in microseconds. */
export type IpvsConfig = v.InferOutput<typeof IPVS_SCHEMA>;

/** One daemon, resolved. */
export type SyncDaemonConfig = IpvsConfig["sync_daemon"][number];
