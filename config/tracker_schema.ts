/**
 * The tables `[[track_script]]`, `[[track_process]]`, `[[track_file]]`, `[[track_route]]`,
 * `[[track_address]]` and `[[track_interface]]`: what can be tracked, and how it counts for a
 * virtual router that names it in `track` (`track_table.ts`).
 *
 * @module
 */

import * as v from "valibot";
import type { BfdConfig } from "./bfd_schema.ts";
import type { NamedCheckConfig } from "./check_uses.ts";
import { command } from "./commands.ts";
import { choice, documented, duration, flag, text, VALUE, whole } from "./fields.ts";
import { network, plainAddress, routingTable } from "./network_fields.ts";
import { interfaceName, name, path } from "./names.ts";
import { LARGEST_FILE_WEIGHT, LARGEST_WEIGHT } from "./track_table.ts";
import { type ScriptUser, userName } from "./users.ts";
import type { VirtualServerConfig } from "./virtual_server_schema.ts";

/** Most words of one command line. */
const MOST_WORDS = 256;
/** Longest word, UTF-16 units; the kernel takes 128 KiB. */
const LONGEST_WORD = 4096;

function weightKey(largest: number, preset: number, what: string) {
  return v.optional(
    whole(-largest, largest, {
      text: `What it adds to the priority of a router that tracks it: ${what}`,
      example: -30,
    }),
    preset,
  );
}

const weight = weightKey(
  LARGEST_WEIGHT,
  0,
  "a positive weight while it is healthy, a negative one while it is not. 0: the router is in " +
    "fault while it is not healthy.",
);

const reverse = v.optional(
  flag({
    text: "The other way round: less priority while it is healthy, more while it is not; with " +
      "weight 0 the fault is that it is healthy.",
    example: true,
  }),
  false,
);

function delayKey(words: string) {
  return v.optional(
    duration({ min: "0s", max: "1h" }, { text: words, example: "5s" }),
    "0s",
  );
}

const delays = {
  up_delay: delayKey("How long it must be healthy again before that counts."),
  down_delay: delayKey("How long it must have failed before that counts."),
};

/** A word of a command line. */
function word(what: string, example: string) {
  return text(
    "a text",
    { text: what, example, range: `1 to ${LONGEST_WORD} characters` },
    (value) => {
      if (value.includes("\0")) return { message: `${VALUE} contains a NUL character` };
      if (value.length > LONGEST_WORD) {
        return { message: `${VALUE} is longer than ${LONGEST_WORD} characters` };
      }
      return undefined;
    },
  );
}

const process = documented(
  v.union([
    v.pipe(
      word("The name of the program, as in /proc/PID/comm.", "nginx"),
      v.nonEmpty("A process needs a name"),
      v.transform((one) => [one]),
    ),
    v.pipe(
      v.array(word("The program, or one of its arguments.", "haproxy")),
      v.check(
        (list) => list.length >= 1 && list.length <= MOST_WORDS && list[0] !== "",
        `A process is named by 1 to ${MOST_WORDS} texts, the first one the program`,
      ),
    ),
  ]),
  "a text, or a list of texts",
  {
    text:
      "The name of the program, as in /proc/PID/comm; or the program and its arguments, as in " +
      "/proc/PID/cmdline, where a program without `/` is compared with the last part of a path.",
    range: `a text, or 1 to ${MOST_WORDS} of them`,
    example: "nginx",
  },
);

/** One `[[track_script]]`. */
export const TRACK_SCRIPT_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name among the scripts.", example: "uplink" }),
    command: command({
      text: "The program and its arguments. It is healthy when it ends with exit code 0.",
      example: ["/usr/local/bin/check-uplink", "--fast"],
    }),
    interval: v.optional(
      duration({ min: "10ms", max: "1d" }, {
        text: "Time from one start to the next; one that still runs then is not started again.",
        example: "2s",
      }),
      "1s",
    ),
    timeout: v.exactOptional(
      duration({ min: "10ms", max: "1d" }, {
        text: "A run that lasts longer is a failure: its process group gets SIGTERM, and SIGKILL " +
          "half a second later. Without the key, as long as the interval.",
        example: "1s",
      }),
    ),
    rise: v.optional(
      whole(1, 1000, { text: "Successes in a row that end a failure.", example: 2 }),
      1,
    ),
    fall: v.optional(
      whole(1, 1000, { text: "Failures in a row that begin one.", example: 3 }),
      1,
    ),
    weight,
    reverse,
    start_failed: v.optional(
      flag({
        text: "Count it as failed until it has succeeded `rise` times. Otherwise a router that " +
          "tracks it waits for the first result, which decides alone.",
        example: true,
      }),
      false,
    ),
    user: v.exactOptional(userName({
      text: "Whom it runs as; without the key, as `agent.script_user` says.",
      example: "nobody:nogroup",
    })),
  }),
  "a table",
  {
    text: "A program that is run again and again.",
    example: { name: "uplink", command: ["/usr/local/bin/check-uplink"] },
  },
);

/** One `[[track_process]]`. */
export const TRACK_PROCESS_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name among the processes.", example: "nginx" }),
    command: process,
    full_command: v.optional(
      flag({
        text: "Compare the command line instead of the name, also where no arguments are given.",
        example: true,
      }),
      false,
    ),
    param_match: v.exactOptional(
      choice(["exact", "initial", "partial"], {
        text: "How the arguments are compared: all of them and no more (`exact`), the first ones " +
          "(`partial`), or the first ones with a last one that may go on (`initial`). Without " +
          "the key, `exact` where there are arguments.",
        example: "partial",
      }),
    ),
    quorum: v.optional(
      whole(0, 1_000_000, { text: "Fewer processes than that are a failure.", example: 1 }),
      1,
    ),
    quorum_max: v.exactOptional(
      whole(0, 1_000_000, {
        text: "More processes than that are a failure; without the key, any number is right.",
        example: 1,
      }),
    ),
    ...delays,
    weight,
    reverse,
  }),
  "a table",
  {
    text: "Processes that must run, or must not.",
    example: { name: "nginx", command: "nginx" },
  },
);

/** One `[[track_file]]`. */
export const TRACK_FILE_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name among the files.", example: "maintenance" }),
    path: path(4095, {
      text: "A file whose first word is a whole number. One that is not there, or holds none, " +
        "counts as 0.",
      example: "/etc/halb/maintenance",
    }),
    weight: weightKey(
      LARGEST_FILE_WEIGHT,
      1,
      "the number in the file times the weight; less than -253 is a fault. 0: any number but 0 " +
        "is a fault.",
    ),
    reverse,
    init_file: v.exactOptional(documented(
      v.strictObject({
        value: v.optional(
          whole(-LARGEST_FILE_WEIGHT, LARGEST_FILE_WEIGHT, {
            text: "The number that is written.",
            example: 0,
          }),
          0,
        ),
        overwrite: v.optional(
          flag({ text: "Write it also where there is a file.", example: true }),
          false,
        ),
      }),
      "a table",
      {
        text: "Make the file at the start of the agent where there is none.",
        example: { value: 0 },
      },
    )),
  }),
  "a table",
  {
    text: "A number in a file.",
    example: { name: "maintenance", path: "/etc/halb/maintenance" },
  },
);

/** One `[[track_route]]`. */
export const TRACK_ROUTE_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name among the routes.", example: "default" }),
    to: network([], {
      text: "The destination of the route, exactly: a network, an address, or `0.0.0.0/0` and " +
        "`::/0` for the default routes.",
      example: "0.0.0.0/0",
    }),
    via: v.exactOptional(plainAddress({
      text: "Only a route through this gateway counts.",
      example: "192.0.2.1",
    })),
    interface: v.exactOptional(interfaceName({
      text: "Only a route through this interface counts.",
      example: "eth0",
    })),
    table: v.optional(
      routingTable({ text: "The routing table, by name or number.", example: 100 }),
      "main",
    ),
    ...delays,
    weight,
    reverse,
  }),
  "a table",
  {
    text: "A route that the kernel must have.",
    example: { name: "default", to: "0.0.0.0/0" },
  },
);

/** One `[[track_address]]`. */
export const TRACK_ADDRESS_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name among the addresses.", example: "uplink-address" }),
    address: plainAddress({ text: "The address, of either family.", example: "198.51.100.1" }),
    interface: v.exactOptional(interfaceName({
      text: "Only on this interface it counts; without the key, on any.",
      example: "eth1",
    })),
    ...delays,
    weight,
    reverse,
  }),
  "a table",
  {
    text: "An address that this host must have.",
    example: { name: "uplink-address", address: "198.51.100.1" },
  },
);

/** One `[[track_interface]]`. */
export const TRACK_INTERFACE_SCHEMA = documented(
  v.strictObject({
    name: interfaceName({ text: "The interface.", example: "eth1" }),
    up_delay: delayKey(
      "How long it must be up, with carrier, before that counts: for routers that track it, and " +
        "for those that speak on it.",
    ),
    down_delay: delayKey(
      "How long it must be down or without carrier before that counts: for routers that track " +
        "it, and for those that speak on it. An interface that is not there counts at once.",
    ),
    weight,
    reverse,
  }),
  "a table",
  {
    text: "How the state of an interface counts for the routers that track it; one that needs " +
      "none of this may be tracked without such a table.",
    example: { name: "eth1", down_delay: "100ms" },
  },
);

/** With the user resolved. */
export type TrackScriptConfig = Omit<v.InferOutput<typeof TRACK_SCRIPT_SCHEMA>, "user"> & {
  user: ScriptUser;
};
export type TrackProcessConfig = v.InferOutput<typeof TRACK_PROCESS_SCHEMA>;
export type TrackFileConfig = v.InferOutput<typeof TRACK_FILE_SCHEMA>;
export type TrackRouteConfig = v.InferOutput<typeof TRACK_ROUTE_SCHEMA>;
export type TrackAddressConfig = v.InferOutput<typeof TRACK_ADDRESS_SCHEMA>;
export type TrackInterfaceConfig = v.InferOutput<typeof TRACK_INTERFACE_SCHEMA>;

function listOf<S extends v.GenericSchema>(table: S, words: string, example: unknown) {
  return v.optional(
    documented(v.array(table), "a list of tables", { text: words, example: [example] }),
    [],
  );
}

/** The lists of trackers, by their key in the file. */
export const TRACKER_LISTS = {
  track_interface: listOf(
    TRACK_INTERFACE_SCHEMA,
    "Interfaces of which more is to be said than that they are tracked.",
    { name: "eth1", weight: -10 },
  ),
  track_script: listOf(TRACK_SCRIPT_SCHEMA, "Programs that are run again and again.", {
    name: "uplink",
    command: ["/usr/local/bin/check-uplink"],
  }),
  track_process: listOf(TRACK_PROCESS_SCHEMA, "Processes that must run, or must not.", {
    name: "nginx",
    command: "nginx",
  }),
  track_file: listOf(TRACK_FILE_SCHEMA, "Files with a number.", {
    name: "maintenance",
    path: "/etc/halb/maintenance",
  }),
  track_route: listOf(TRACK_ROUTE_SCHEMA, "Routes that the kernel must have.", {
    name: "default",
    to: "0.0.0.0/0",
  }),
  track_address: listOf(TRACK_ADDRESS_SCHEMA, "Addresses that this host must have.", {
    name: "uplink-address",
    address: "198.51.100.1",
  }),
} as const;

/** All trackers of a site, by their key in the file. */
export interface TrackersConfig {
  readonly track_interface: readonly TrackInterfaceConfig[];
  readonly track_script: readonly TrackScriptConfig[];
  readonly track_process: readonly TrackProcessConfig[];
  readonly track_file: readonly TrackFileConfig[];
  readonly track_route: readonly TrackRouteConfig[];
  readonly track_address: readonly TrackAddressConfig[];
  /** Sessions can be tracked, and do more than that. */
  readonly bfd: readonly BfdConfig[];
  /** So can checks. */
  readonly check: readonly NamedCheckConfig[];
  /** Their quorums can be tracked. */
  readonly virtual_server: readonly VirtualServerConfig[];
}
