/**
 * `track` of a virtual router: which trackers count for it, each by name, or as a table where it
 * counts otherwise than the tracker's own table says.
 *
 * @module
 */

import * as v from "valibot";
import { type Doc, documented, flag, whole } from "./fields.ts";
import { interfaceName, name } from "./names.ts";

/** Largest weight of what is healthy or not; files have numbers, and any weight. */
export const LARGEST_WEIGHT = 253;
export const LARGEST_FILE_WEIGHT = 2_147_483_647;

/** One tracked thing as one router uses it; what is absent is as the tracker's own table has it. */
export interface TrackedConfig {
  readonly name: string;
  /** 0: failure is a fault. */
  readonly weight?: number | undefined;
  readonly reverse?: boolean | undefined;
}

/** What differs between the lists. */
interface ListWords {
  /** Singular, with article: `a script`. */
  readonly one: string;
  /** Names of what: `a \`[[track_script]]\``. */
  readonly named: string;
  readonly text: string;
  readonly example: string;
  readonly item: (doc: Doc) => v.GenericSchema<string, string>;
  readonly largest: number;
}

function trackedList({ one, named, text, example, item, largest }: ListWords) {
  const own = "without the key, as its own table has it";
  const table = v.strictObject({
    name: item({ text: `The name of ${named}.`, example }),
    weight: v.exactOptional(whole(-largest, largest, {
      text: `What it adds to this router's priority, as in its own table; ${own}. 0: a fault.`,
      example: -10,
    })),
    reverse: v.exactOptional(flag({
      text: `Whether it counts the other way round for this router; ${own}.`,
      example: true,
    })),
  });
  const list = v.array(documented(
    v.union([
      v.pipe(
        item({ text: `The name of ${named}.`, example }),
        v.transform((name): v.InferOutput<typeof table> => ({ name })),
      ),
      table,
    ]),
    "a name, or a table with `name`",
    { text: `What is tracked: ${one}.`, example: { name: example, weight: -10 } },
  ));
  return v.optional(
    documented(list, "a list of names or tables", {
      text,
      example: [example, { name: example, weight: -10, reverse: true }],
    }),
    [],
  );
}

const interfaces = trackedList({
  one: "a network interface",
  named: "a network interface; it needs no `[[track_interface]]`",
  text: "Interfaces whose state counts for the router; its own always does. Weight 0, which is " +
    "the default: the router is in fault while the interface is down.",
  example: "eth1",
  item: interfaceName,
  largest: LARGEST_WEIGHT,
});

const scripts = trackedList({
  one: "a script",
  named: "a `[[track_script]]`",
  text: "Scripts whose result counts for the router.",
  example: "uplink",
  item: name,
  largest: LARGEST_WEIGHT,
});

const files = trackedList({
  one: "a file with a number",
  named: "a `[[track_file]]`",
  text: "Files whose number counts for the router.",
  example: "maintenance",
  item: name,
  largest: LARGEST_FILE_WEIGHT,
});

const processes = trackedList({
  one: "processes of a name",
  named: "a `[[track_process]]`",
  text: "Processes that must run.",
  example: "nginx",
  item: name,
  largest: LARGEST_WEIGHT,
});

const routes = trackedList({
  one: "a route",
  named: "a `[[track_route]]`",
  text: "Routes that the kernel must have.",
  example: "default",
  item: name,
  largest: LARGEST_WEIGHT,
});

const addresses = trackedList({
  one: "an address of this host",
  named: "a `[[track_address]]`",
  text: "Addresses that this host must have.",
  example: "uplink-address",
  item: name,
  largest: LARGEST_WEIGHT,
});

const bfd = trackedList({
  one: "a BFD session",
  named: "a `[[bfd]]`",
  text: "BFD sessions that must be up.",
  example: "to-peer",
  item: name,
  largest: LARGEST_WEIGHT,
});

const checks = trackedList({
  one: "a health check",
  named: "a `[[check]]`",
  text: "Health checks that must pass.",
  example: "gateway",
  item: name,
  largest: LARGEST_WEIGHT,
});

const virtual_servers = trackedList({
  one: "a virtual server",
  named: "a `[[virtual_server]]`",
  text: "Virtual servers whose quorum must be met: a director that reaches too few real servers " +
    "leaves the work to another one. Their own tables have no weight for this: without one here " +
    "it is 0, a fault.",
  example: "web-http",
  item: name,
  largest: LARGEST_WEIGHT,
});

const own_interface = v.optional(
  flag({
    text: "Whether the router is in fault while its own interface is down or without carrier, as " +
      "it should be. `false`: it goes on as long as the interface has an address.",
    example: true,
  }),
  true,
);

const lists = {
  interfaces,
  scripts,
  processes,
  files,
  routes,
  addresses,
  bfd,
  checks,
  virtual_servers,
};

/** `track` of `[[sync_group]]`. */
export const GROUP_TRACK_TABLE = documented(v.strictObject(lists), "a table", {
  text: "What else the health and priority of all members depend on.",
  example: { interfaces: ["eth1"] },
});

export type GroupTrackConfig = v.InferOutput<typeof GROUP_TRACK_TABLE>;

/** `track` of `[[vrrp]]`. */
export const TRACK_TABLE = documented(
  v.strictObject({ own_interface, ...lists }),
  "a table",
  {
    text: "What else the router's health and priority depend on.",
    example: { interfaces: ["eth1"] },
  },
);

/** `track`, resolved: every list is there. */
export type TrackConfig = v.InferOutput<typeof TRACK_TABLE>;

/** The keys of `track` that are lists. */
export type TrackList = Exclude<keyof TrackConfig, "own_interface">;
