/**
 * The tables `[bfd_reflector]` (Seamless BFD, RFC 7880 and 7881) and `[bfd_unsolicited]` (RFC 9468):
 * BFD with hosts that no `[[bfd]]` names. Both are off unless they are written.
 *
 * @module
 */

import * as v from "valibot";
import { parseIp } from "../mod/ip/mod.ts";
import { hostAddress } from "./address_fields.ts";
import { BFD_AUTH_TABLE } from "./bfd_auth_schema.ts";
import { BFD_INTERVALS } from "./bfd_echo_schema.ts";
import { type Doc, documented, duration, flag, refusalIssue, VALUE, whole } from "./fields.ts";
import { interfaceName, namespaceName } from "./names.ts";
import { MOST_U32, network } from "./network_fields.ts";

const MOST_DISCRIMINATORS = 256;
const MOST_PLACES = 256;

/** An S-BFD discriminator: a number, or an IPv4 address that stands for its 32 bits. */
export function discriminator(doc: Doc) {
  const described = documented(
    v.union([v.number(), v.string()]),
    "a whole number, or an IPv4 address in quotes",
    { range: `1 to ${MOST_U32}, or an address that stands for its 32 bits`, ...doc },
  );
  return v.pipe(
    described,
    v.rawTransform(({ dataset, addIssue, NEVER }): number => {
      const { value } = dataset;
      const number = typeof value === "number" ? value : numberOf(value);
      if (Number.isInteger(number) && number >= 1 && number <= MOST_U32) return number;
      addIssue(refusalIssue({
        message: `${VALUE} is neither a whole number from 1 to ${MOST_U32} nor an IPv4 address`,
      }));
      return NEVER;
    }),
  );
}

function numberOf(text: string): number {
  const bytes = text.includes(":") ? undefined : parseIp(text);
  return bytes === undefined ? NaN : new DataView(bytes.buffer).getUint32(0);
}

function few<S extends v.GenericSchema>(item: S, most: number, doc: Doc) {
  return v.pipe(
    documented(v.array(item), "a list", { range: `at most ${most}`, ...doc }),
    v.check(
      (list) => list.length <= most,
      (issue) => `${issue.input.length} entries are more than ${most}`,
    ),
  );
}

const NAMESPACE = v.exactOptional(namespaceName({
  text: "The network namespace (`ip netns`) in which it works; without the key, the agent's own.",
  example: "blue",
}));

/** `[bfd_reflector]`. */
export const BFD_REFLECTOR_SCHEMA = documented(
  v.strictObject({
    discriminators: few(
      discriminator({
        text: "One S-BFD discriminator of this host.",
        example: "192.0.2.1",
      }),
      MOST_DISCRIMINATORS,
      {
        text: "By which numbers initiators ask for this host: at least one. They are a pool of " +
          "their own, which no session's discriminator is taken from (RFC 7880 section 3).",
        example: ["192.0.2.1", 4711],
      },
    ),
    addresses: v.optional(
      few(
        hostAddress({ text: "One own address.", example: "192.0.2.1" }),
        MOST_PLACES,
        {
          text: "Own addresses that may be asked. Empty: all, of both families.",
          example: ["192.0.2.1", "2001:db8::1"],
        },
      ),
      [],
    ),
    interfaces: v.optional(
      few(
        interfaceName({ text: "One interface.", example: "eth0" }),
        MOST_PLACES,
        {
          text: "Interfaces, or VRFs, that may be asked through. Empty: all that belong to no VRF.",
          example: ["eth0"],
        },
      ),
      [],
    ),
    allow: v.optional(
      few(
        network([], { text: "One network.", example: "192.0.2.0/24" }),
        MOST_PLACES,
        {
          text: "Networks that may ask. Empty: everybody whose TTL is enough.",
          example: ["192.0.2.0/24"],
        },
      ),
      [],
    ),
    min_ttl: v.optional(
      whole(1, 255, {
        text:
          "The least TTL (hop limit) of a question as it arrives; it leaves with 255. 255 lets " +
          "nobody ask but neighbours. With less, name in `allow` who may: a question with a false " +
          "sender is answered to somebody else.",
        example: 250,
      }),
      255,
    ),
    receive_interval: v.optional(
      duration(BFD_INTERVALS, {
        text:
          "How often one initiator may ask at most: it keeps to that. All of them together are " +
          "answered within a tenth of the protocol thread's time.",
        example: "50ms",
      }),
      "50ms",
    ),
    admin_down: v.optional(
      flag({
        text:
          "Out of service: answers say AdminDown, which an initiator does not take for a loss " +
          "of the path.",
        example: true,
      }),
      false,
    ),
    namespace: NAMESPACE,
    auth: v.exactOptional(BFD_AUTH_TABLE),
  }),
  "a table",
  {
    text:
      "Answers the questions of Seamless BFD (RFC 7880) on UDP port 7784. It remembers nobody, " +
      "and sends nothing by itself.",
    example: { discriminators: ["192.0.2.1"] },
  },
);

/** `[bfd_unsolicited]`. */
export const BFD_UNSOLICITED_SCHEMA = documented(
  v.strictObject({
    interfaces: few(
      interfaceName({ text: "One interface.", example: "eth0" }),
      MOST_PLACES,
      { text: "Interfaces on which others may begin a session: at least one.", example: ["eth0"] },
    ),
    allow: v.optional(
      few(
        network([], { text: "One network.", example: "192.0.2.0/25" }),
        MOST_PLACES,
        {
          text:
            "Networks that may. Empty: whoever is in a network of the interface, which everybody " +
            "must be in any case.",
          example: ["192.0.2.0/25"],
        },
      ),
      [],
    ),
    limit: v.optional(
      whole(1, 1024, { text: "Most sessions that exist at once.", example: 32 }),
      64,
    ),
    transmit_interval: v.optional(
      duration(BFD_INTERVALS, {
        text:
          "How often we want to send at most while a session is up. The other side's wish counts " +
          "where it is a longer one.",
        example: "50ms",
      }),
      "300ms",
    ),
    receive_interval: v.optional(
      duration(BFD_INTERVALS, {
        text: "How often the other side may send at most.",
        example: "50ms",
      }),
      "300ms",
    ),
    detect_multiplier: v.optional(
      whole(1, 255, {
        text:
          "So many of our packets in a row must be missing for the other side to call the path " +
          "broken.",
        example: 3,
      }),
      3,
    ),
    namespace: NAMESPACE,
    auth: v.exactOptional(BFD_AUTH_TABLE),
  }),
  "a table",
  {
    text:
      "Lets others begin sessions over one hop that no `[[bfd]]` names (RFC 9468). Such a session " +
      "is called by the other side's address and the interface, `192.0.2.7%eth0`; it is deleted " +
      "when it has not been up for ten seconds, and nothing can track it.",
    example: { interfaces: ["eth0"], allow: ["192.0.2.0/25"] },
  },
);

/** `[bfd_reflector]`, resolved. Durations in microseconds. */
export type BfdReflectorConfig = v.InferOutput<typeof BFD_REFLECTOR_SCHEMA>;

/** `[bfd_unsolicited]`, resolved. Durations in microseconds. */
export type BfdUnsolicitedConfig = v.InferOutput<typeof BFD_UNSOLICITED_SCHEMA>;
