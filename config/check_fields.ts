/**
 * Kinds of values that checks take: bytes, status codes, bodies.
 *
 * @module
 */

import * as v from "valibot";
import { textOf } from "../mod/text/mod.ts";
import { choice, type Doc, documented, text, VALUE, whole } from "./fields.ts";
import { parsePattern } from "../mod/check/types/udp.ts";
import { readKeyText, secret } from "./secret_fields.ts";
import { Secret } from "../mod/secret/mod.ts";

/** Longest text that is sent or looked for, UTF-16 units. */
const LONGEST_TEXT = 65_536;
/** Most of anything in one check. */
const MOST_ITEMS = 64;
/** A token of RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEX_PREFIX = "hex:";

/** The bytes of a text: hexadecimal digits behind `hex:`, else UTF-8. `null`: no such digits. */
export function bytesOf(value: string): Uint8Array | null {
  if (!value.startsWith(HEX_PREFIX)) return new TextEncoder().encode(value);
  const digits = value.slice(HEX_PREFIX.length).replaceAll(/\s/g, "");
  if (digits.length % 2 !== 0 || !/^[\da-f]*$/i.test(digits)) return null;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Bytes as text, or in hexadecimal behind `hex:`. */
export function bytes(doc: Doc) {
  return text(
    "a text",
    { range: `1 to ${LONGEST_TEXT} characters; hexadecimal digits behind \`hex:\``, ...doc },
    (value) => {
      const read = bytesOf(value);
      if (read === null) {
        return { message: `Behind \`hex:\` there must be pairs of hexadecimal digits` };
      }
      if (read.length >= 1 && value.length <= LONGEST_TEXT) return undefined;
      return { message: `${VALUE} is not 1 to ${LONGEST_TEXT} characters` };
    },
  );
}

/** Bytes in hexadecimal, `X` for a digit that may be any. */
export function hexPattern(doc: Doc, wildcards: boolean) {
  const range = `pairs of hexadecimal digits${
    wildcards ? ", `X` for any digit" : ""
  }; spaces between`;
  return text("hexadecimal digits", { range, ...doc }, (value) => {
    const read = value.length <= LONGEST_TEXT ? parsePattern(value) : null;
    if (read !== null && (wildcards || !/x/i.test(value))) return undefined;
    return { message: `${VALUE} is not pairs of hexadecimal digits` };
  });
}

/** Text of one line that is sent as it is. */
export function line(kind: string, doc: Doc) {
  return text(kind, { range: "printable ASCII without blanks, not empty", ...doc }, (value) => {
    if (/^[\x21-\x7e]{1,1024}$/.test(value)) return undefined;
    return { message: `${VALUE} is empty, or holds blanks or what is not ASCII` };
  });
}

/** Text that must be somewhere. */
export function wanted(doc: Doc) {
  return text("a text", { range: `1 to ${LONGEST_TEXT} characters`, ...doc }, (value) => {
    if (value !== "" && value.length <= LONGEST_TEXT) return undefined;
    return { message: `${VALUE} is not 1 to ${LONGEST_TEXT} characters` };
  });
}

/** A regular expression of JavaScript's; `(?i)` in front: small and capital letters alike. */
export function expression(doc: Doc) {
  return text(
    "a regular expression",
    { range: "as JavaScript has it, with `(?i)`, `(?m)`, `(?s)` in front where wanted", ...doc },
    (value) => {
      try {
        expressionOf(value);
        return value === "" ? { message: "An empty expression matches anything" } : undefined;
      } catch (error) {
        return { message: `${VALUE} is not a regular expression: ${textOf(error)}` };
      }
    },
  );
}

/** @throws {SyntaxError} where it is none */
export function expressionOf(value: string): RegExp {
  const [, flags = "", source = value] = /^\(\?([ims]{1,3})\)([^]*)$/.exec(value) ?? [];
  return new RegExp(source, `u${flags}`);
}

/** A range of status codes, both ends included. */
export type StatusRange = readonly [number, number];

const statusItem = documented(
  v.union([
    v.pipe(
      v.string(),
      v.regex(
        /^[1-5][0-9]{2}(-[1-5][0-9]{2})?$/,
        `${VALUE} is not a status such as 204, nor a range such as 200-299`,
      ),
      v.transform((value): StatusRange => {
        const [low, high = low] = value.split("-").map(Number);
        return [low!, high!];
      }),
      v.check(([low, high]) => low <= high, "The range of status codes is empty"),
    ),
    v.pipe(
      whole(100, 599, { text: "A status code.", example: 204 }),
      v.transform((value): StatusRange => [value, value]),
    ),
  ]),
  "a status code, or a range of them in quotes",
  { text: "A status code, or a range.", range: "100 to 599", example: "200-299" },
);

/** Status codes that are right. */
export function statusCodes(doc: Doc) {
  return v.pipe(
    documented(v.array(statusItem), "a list of status codes and ranges", {
      range: "codes such as 204, ranges such as `200-299` in quotes",
      ...doc,
    }),
    v.check(
      (list) => list.length >= 1 && list.length <= MOST_ITEMS,
      `There must be 1 to ${MOST_ITEMS} status codes or ranges`,
    ),
  );
}

/** Header fields: a table from names to texts. */
export function headers(doc: Doc) {
  const range = "names are tokens, values without control characters";
  return v.pipe(
    documented(v.record(v.string(), v.string()), "a table of texts", { range, ...doc }),
    v.check(
      (table) => Object.keys(table).length <= MOST_ITEMS,
      `There are more than ${MOST_ITEMS} headers`,
    ),
    v.check(
      (table) => Object.keys(table).every((name) => TOKEN.test(name)),
      "The name of a header is no token: letters, digits and hyphens",
    ),
    v.check(
      (table) => Object.values(table).every((value) => /^[\t\x20-\x7e\x80-\uffff]*$/.test(value)),
      "The value of a header holds control characters",
    ),
  );
}

/** Whether a text may stand in a request as its path. */
export function isRequestPath(value: string): boolean {
  return /^\/[\x21-\x7e]{0,4095}$/.test(value);
}

/** What the path of a request may be. */
function requestPath(doc: Doc) {
  return text("a path", { range: "from /, with a query if wanted, no blanks", ...doc }, (value) => {
    if (isRequestPath(value)) return undefined;
    return { message: `${VALUE} is not a path: it begins with / and holds no blanks` };
  });
}

/** A method of HTTP. */
export function method(doc: Doc) {
  return text("a method", { range: "a token, such as GET, HEAD, POST", ...doc }, (value) => {
    if (!TOKEN.test(value)) return { message: `${VALUE} is not a method of HTTP` };
    const upper = value.toUpperCase();
    if (value === upper) return undefined;
    return {
      message: `${VALUE} is not a method: they are written in capitals`,
      advice: `write \`"${upper}"\` instead`,
    };
  });
}

/** A digest of a body: keepalived's MD5, or SHA-256. */
export const bodyDigest = text(
  "a digest",
  {
    text:
      "The MD5 (32 digits, as keepalived's genhash prints it) or SHA-256 (64 digits) that the " +
      "body must have.",
    range: "32 or 64 hexadecimal digits",
    example: "9b3a0c85a887a256d6939da88aabd8cd",
  },
  (value) => {
    if (/^([\da-f]{32}|[\da-f]{64})$/i.test(value)) return undefined;
    return { message: `${VALUE} is neither 32 (MD5) nor 64 (SHA-256) hexadecimal digits` };
  },
);

/** A value in a body of JSON. */
export const bodyJson = documented(
  v.strictObject({
    pointer: text(
      "a JSON pointer",
      {
        text: "Where to look (RFC 6901).",
        range: "empty, or from /",
        example: "/status/ready",
      },
      (value) => {
        if (/^(\/([^~]|~[01])*)?$/.test(value)) return undefined;
        return { message: `${VALUE} is not a JSON pointer such as /status/ready` };
      },
    ),
    value: v.exactOptional(documented(
      v.union([v.string(), v.number(), v.boolean()]),
      "a text, a number, or true or false",
      {
        text: "What must stand there; without the key, anything may.",
        range: "a text, a number, true, false",
        example: true,
      },
    )),
  }),
  "a table with `pointer`",
  {
    text: "The body is JSON, and has this.",
    example: { pointer: "/status/ready", value: true },
  },
);

/** What a body and the rest of a response must be, of one URL. */
export const responseKeys = {
  status: v.exactOptional(statusCodes({
    text:
      'Status codes that are right (http; udp with `preset = "sip"`); without the key, 200 to ' +
      "299.",
    example: ["200-299", 401],
  })),
  expect_headers: v.exactOptional(headers({
    text: "Headers that the response must have, each with a text that must be in its value.",
    example: { "content-type": "json" },
  })),
  contains: v.exactOptional(wanted({
    text: "A text that the body must contain.",
    example: "all is well",
  })),
  matches: v.exactOptional(expression({
    text: "An expression that must match somewhere in the first 65,536 characters of the body.",
    example: "(?i)^ok",
  })),
  not_matches: v.exactOptional(expression({
    text: "An expression that must match nowhere in these.",
    example: "degraded|read-only",
  })),
  json: v.exactOptional(bodyJson),
  digest: v.exactOptional(bodyDigest),
} as const;

/** `urls`: several requests in turn, all of which must be answered well. */
export const urlList = v.pipe(
  documented(
    v.array(documented(
      v.strictObject({
        path: requestPath({ text: "Path and query.", example: "/healthz" }),
        method: v.exactOptional(method({
          text: "The method; without the key, that of the check.",
          example: "HEAD",
        })),
        host: v.exactOptional(line("a host name", {
          text: "The name in the request; without the key, that of the check.",
          example: "static.example.net",
        })),
        ...responseKeys,
      }),
      "a table with `path`",
      { text: "One request.", example: { path: "/healthz", status: [200] } },
    )),
    "a list of tables with `path`",
    {
      text: "Several requests in turn, all of which must be answered well; `path` and what the " +
        "response must be stand in each of them then.",
      range: `1 to ${MOST_ITEMS}`,
      example: [{ path: "/healthz" }, { path: "/ready", contains: "yes" }],
    },
  ),
  v.check(
    (list) => list.length >= 1 && list.length <= MOST_ITEMS,
    `There must be 1 to ${MOST_ITEMS} URLs`,
  ),
);

/** `auth` of an http check. */
export const basicAuth = documented(
  v.strictObject({
    user: text("a user name", {
      text: "The user name.",
      range: "not empty, without `:`",
      example: "halb",
    }, (value) => {
      if (/^[^:\p{Cc}]+$/u.test(value)) return undefined;
      return { message: "A user name is not empty, and has no colon (RFC 7617)" };
    }),
    password: secret("text, in quotes", {
      text: 'The password; better not here but in a file: `{ file = "/etc/halb/probe.key" }`.',
      range: "not empty",
      example: "change me",
    }, readCredential("auth.password")),
  }),
  "a table",
  { text: "Basic authentication (RFC 7617).", example: { user: "halb", password: "change me" } },
);

/** `token` of an http check. */
export const bearerToken = secret(
  "text, in quotes",
  {
    text:
      'A bearer token (RFC 6750); better not here but in a file: `{ file = "/etc/halb/token" }`.',
    range: "printable ASCII without blanks",
    example: "change-me",
  },
  (value) =>
    /^[\x21-\x7e]+$/.test(value)
      ? Secret.ofText(value)
      : { message: "Invalid `token`: it is empty, or holds blanks" },
);

/** `secret` of a udp check with `preset = "radius"`. */
export const radiusSecret = secret(
  "text, in quotes",
  {
    text: 'udp with `preset = "radius"`: the secret that the server has for this host; better ' +
      'not here but in a file: `{ file = "/etc/halb/radius.key" }`.',
    range: "1 to 64 bytes",
    example: "change-me",
  },
  (value) => readKeyText(value, "secret", [1, 64]),
);

function readCredential(what: string) {
  return (value: string) =>
    /^\P{Cc}+$/u.test(value)
      ? Secret.ofText(value)
      : { message: `Invalid \`${what}\`: it is empty, or holds control characters` };
}

/** Codes of DNS that are right. */
export function words<const T extends readonly [string, ...string[]]>(list: T, doc: Doc) {
  return v.pipe(
    documented(v.array(choice(list, doc)), "a list of words", {
      range: list.join(", "),
      ...doc,
      example: [doc.example],
    }),
    v.check((items) => items.length >= 1, "The list is empty"),
  );
}
