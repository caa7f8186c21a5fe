/**
 * The table `auth` of a BFD session: how its packets are authenticated (RFC 5880 section 6.7). What
 * a type needs and has no use for is in `bfd_checks.ts`.
 *
 * @module
 */

import * as v from "valibot";
import { choice, documented } from "./fields.ts";
import { keyTable, readKeyText } from "./secret_fields.ts";

/** The types of RFC 5880 section 4.1, and the longest key of each, bytes (sections 4.2 to 4.4). */
const LONGEST_KEYS = {
  simple: 16,
  "keyed-md5": 16,
  "meticulous-keyed-md5": 16,
  "keyed-sha1": 20,
  "meticulous-keyed-sha1": 20,
} as const;

export type BfdAuthType = keyof typeof LONGEST_KEYS;

/** Bytes of the longest key of a type. */
export function longestKey(type: BfdAuthType): number {
  return LONGEST_KEYS[type];
}

const TYPES = Object.keys(LONGEST_KEYS) as BfdAuthType[];
const LONGEST_KEY = Math.max(...Object.values(LONGEST_KEYS));
/** In the documentation alone; `openssl rand -hex 20` makes better ones. */
const EXAMPLE_KEY = `hex:${"00112233445566778899".repeat(2)}`;
/** More are a list that nobody has tidied. */
const MOST_KEYS = 16;

const KEY_TABLE = keyTable({
  smallest: 0,
  packets: "packets",
  file: "/etc/halb/bfd.key",
  range: `1 to ${LONGEST_KEY} bytes; of simple passwords and MD5 at most 16`,
  example: EXAMPLE_KEY,
}, (text) => readKeyText(text, "auth.keys.key", [1, LONGEST_KEY]));

/** `auth` of `[[bfd]]`. */
export const BFD_AUTH_TABLE = documented(
  v.strictObject({
    type: choice(["none", ...TYPES], {
      text:
        "What RFC 5880 section 6.7 has: both sides must have the same. `meticulous-keyed-sha1` " +
        "is the strongest, each of its packets has a number of its own. `simple` is a password that " +
        "everybody on the path can read. `none`: none, where `[defaults.bfd]` has one.",
      example: "meticulous-keyed-sha1",
    }),
    keys: v.exactOptional(v.pipe(
      documented(
        v.array(KEY_TABLE),
        "a list of tables with `id` and `key`",
        {
          text: "The keys. All are believed, the first one is sent with: for a rotation add the " +
            "new one second on both sides, put it first on both, then take the old one away.",
          range: `1 to ${MOST_KEYS} keys`,
          example: [{ id: 1, key: EXAMPLE_KEY }],
        },
      ),
      v.check(
        (list) => list.length <= MOST_KEYS,
        (issue) => `${issue.input.length} keys are more than ${MOST_KEYS}`,
      ),
    )),
    construction: v.optional(
      choice(["rfc5880", "frr-hmac"], {
        text: "How the digest of a keyed SHA1 type is made: `rfc5880` is the plain hash of the " +
          "packet with the key in it, as BIRD and most routers have it; `frr-hmac` is an HMAC-SHA1, " +
          "as FRR makes it from version 10.6 on.",
        example: "rfc5880",
      }),
      "rfc5880",
    ),
  }),
  "a table",
  {
    text: "How packets are authenticated; without the table they are not.",
    example: { type: "meticulous-keyed-sha1", keys: [{ id: 1, key: EXAMPLE_KEY }] },
  },
);

/** `auth` of a session that passed the checks: what its type needs is there. */
export type BfdAuthConfig = v.InferOutput<typeof BFD_AUTH_TABLE>;
