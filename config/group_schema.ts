/**
 * The table `[[sync_group]]`: virtual routers that are master together or not at all.
 *
 * @module
 */

import * as v from "valibot";
import { documented, whole } from "./fields.ts";
import { name } from "./names.ts";
import { GROUP_NOTIFY_TABLE } from "./notify_schema.ts";
import { GROUP_TRACK_TABLE } from "./track_table.ts";

/** Most members that may be asked for: the slots of the planes' shared memory. */
const MOST_MEMBERS = 4096;

/** One `[[sync_group]]`. */
export const SYNC_GROUP_SCHEMA = documented(
  v.strictObject({
    name: name({ text: "Unique name of the group, unlike any router's.", example: "site" }),
    members: documented(
      v.array(name({ text: "Name of a virtual router.", example: "web" })),
      "a list of names",
      {
        text: "Names of the virtual routers, each in one group at most. Where two nodes are " +
          "equally good, or each is better in one network, the first member that is not in " +
          "fault decides: give all nodes the same order.",
        example: ["web", "lan"],
      },
    ),
    need: v.optional(
      documented(
        v.union([
          v.picklist(["all", "any"]),
          whole(1, MOST_MEMBERS, { text: "So many of the members.", example: 2 }),
        ]),
        'a number of members, "all" or "any"',
        {
          text: "How many members must be free of fault. With fewer, all are in fault. Members " +
            "in fault hold nothing, the others share one state.",
          range: `all, any, or 1 to the number of members`,
          example: "all",
        },
      ),
      "all",
    ),
    track: v.optional(GROUP_TRACK_TABLE, {}),
    notify: v.exactOptional(GROUP_NOTIFY_TABLE),
  }),
  "a table",
  {
    text: "Virtual routers that are master together or not at all, such as both sides of a " +
      "firewall. Weights of trackers count for all members, each thing tracked once.",
    example: { name: "site", members: ["web", "lan"] },
  },
);

/** One `[[sync_group]]`, resolved. */
export type SyncGroupConfig = v.InferOutput<typeof SYNC_GROUP_SCHEMA>;
