/**
 * The table `auth` of a virtual router: how its adverts are authenticated. What a type needs and
 * what it has no use for is in `auth_checks.ts`.
 *
 * Passwords and keys leave the schema as `Secret`: nothing that prints a configuration shows them.
 *
 * @module
 */

import * as v from "valibot";
import { Secret } from "../mod/secret/mod.ts";
import { choice, documented, duration, whole } from "./fields.ts";
import { keyTable, readKeyText, type ReadSecret, secret } from "./secret_fields.ts";

/** Bytes of a version 2 password that go into an advert (RFC 2338 section 5.3.9). */
const LONGEST_PASSWORD = 8;
/** Bytes of a key of the HMAC trailer. */
const [SHORTEST_KEY, LONGEST_KEY] = [32, 64];
/** In the documentation alone; `openssl rand -hex 32` makes better ones. */
const EXAMPLE_KEY = `hex:${"00112233445566778899aabbccddeeff".repeat(2)}`;

/** Reads a version 2 password. */
function readPassword(text: string): ReadSecret {
  const password = Secret.ofText(text);
  if (password.length === 0) return { message: "Invalid `auth.password`: it is empty" };
  if (password.length <= LONGEST_PASSWORD) return password;
  return {
    message: `Invalid \`auth.password\`: it has ${password.length} bytes, and an advert has room ` +
      `for ${LONGEST_PASSWORD}; keepalived uses the first ${LONGEST_PASSWORD} of a longer one: ` +
      "write these alone",
  };
}

/** Reads a key of the trailer. */
function readKey(text: string): ReadSecret {
  const hint = "make one with `openssl rand -hex 32`, and put `hex:` before it";
  return readKeyText(text, "auth.keys.key", [SHORTEST_KEY, LONGEST_KEY], hint);
}

const KEY_TABLE = keyTable({
  smallest: 1,
  packets: "adverts",
  file: "/etc/halb/vrrp.key",
  range: `${SHORTEST_KEY} to ${LONGEST_KEY} bytes`,
  example: EXAMPLE_KEY,
}, readKey);

/** `auth`. */
export const AUTH_TABLE = documented(
  v.strictObject({
    type: choice(["none", "pass", "ah", "hmac"], {
      text: "`hmac`: an HMAC-SHA256 trailer, against forgery and replay (halb, and keepalived " +
        "from 2.4.2 on). `pass` and `ah` are for old peers of version 2: a password that everybody " +
        "on the LAN can read, and IPsec's authentication header with MD5. `none`: none, where " +
        "`[defaults.vrrp]` has one.",
      example: "hmac",
    }),
    password: v.exactOptional(secret(
      "text, in quotes",
      {
        text: "The password of `pass` and `ah`; better in the environment or a file, " +
          '`{ file = "/etc/halb/vrrp.password" }`, than here.',
        range: `1 to ${LONGEST_PASSWORD} bytes`,
        example: "k3EpHalb",
      },
      readPassword,
    )),
    keys: v.exactOptional(documented(
      v.array(KEY_TABLE),
      "a list of tables with `id` and `key`",
      {
        text:
          "The keys of `hmac`. All are believed: for a rotation give the new one to every node, " +
          "then sign with it everywhere, then take the old one away.",
        example: [{ id: 1, key: EXAMPLE_KEY }],
      },
    )),
    active_key: v.exactOptional(whole(1, 255, {
      text: "The id of the key to sign with; needed where there are several.",
      example: 1,
    })),
    mode: v.optional(
      choice(["enforce", "permissive", "receive-only"], {
        text:
          "`enforce`: what is not signed is refused. For the time in which not all nodes have " +
          "a key: first `receive-only` (sign nothing) on all, then `permissive` (sign, and believe " +
          "what is not signed), then `enforce`. What is signed and wrong is refused in each.",
        example: "enforce",
      }),
      "enforce",
    ),
    anti_replay: v.optional(
      choice(["time", "monotonic"], {
        text: "`time`: adverts are fresh within `time_window` of our clock, so clocks must be " +
          "synchronised. `monotonic`: newer than what their sender has said before, whatever the " +
          "clock; after a start anything recorded is believed once.",
        example: "time",
      }),
      "time",
    ),
    time_window: v.exactOptional(duration({ min: "1s", max: "300s", step: "1s" }, {
      text: "How far the clock of a sender may be from ours, either way. Without the key three " +
        "times the whole seconds of the interval, at least 5 s.",
      example: "5s",
    })),
  }),
  "a table",
  {
    text: "How adverts are authenticated; without the table they are not.",
    example: {
      type: "hmac",
      keys: [{ id: 1, key: EXAMPLE_KEY }],
      active_key: 1,
    },
  },
);

/** `auth` of a router that passed the checks: what its type needs is there. */
export type AuthConfig = v.InferOutput<typeof AUTH_TABLE>;
