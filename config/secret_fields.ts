/**
 * Keys of site.toml whose values are secret. They leave the schema as `Secret`: nothing that prints
 * a configuration shows them.
 *
 * @module
 */

import * as v from "valibot";
import { Secret } from "../mod/secret/mod.ts";
import { type Doc, documented, refusalIssue, whole } from "./fields.ts";

/** A secret, or what is wrong with its text in words that do not show it. */
export type ReadSecret = Secret | { readonly message: string; readonly advice?: string };

/** Text that is secret. */
export function secret(kind: string, doc: Doc, read: (text: string) => ReadSecret) {
  return v.pipe(
    documented(v.string(), kind, doc),
    v.rawTransform(({ dataset, addIssue, NEVER }): Secret => {
      const result = read(dataset.value);
      if (result instanceof Secret) return result;
      addIssue(refusalIssue(result));
      return NEVER;
    }),
  );
}

/**
 * A key as text or as hexadecimal digits behind `hex:`, of `shortest` to `longest` bytes.
 *
 * @param what its dotted name, such as `auth.keys.key`
 * @param hint what to do about one of another length, behind a colon; absent: nothing is said
 */
export function readKeyText(
  text: string,
  what: string,
  [shortest, longest]: readonly [number, number],
  hint?: string,
): ReadSecret {
  if (text.startsWith("file:")) {
    return {
      message: `Invalid \`${what}\`: write \`key = { file = "PATH" }\` for a key in a file`,
    };
  }
  let key: Secret;
  try {
    key = Secret.ofKey(text);
  } catch {
    return {
      message: `Invalid \`${what}\`: behind \`hex:\` there must be pairs of hexadecimal digits`,
    };
  }
  if (key.length >= shortest && key.length <= longest) return key;
  return {
    message: `Invalid \`${what}\`: a key has ${shortest} to ${longest} bytes, and this one has ` +
      `${key.length}${hint === undefined ? "" : `: ${hint}`}`,
  };
}

/** What is different about the keys of one `auth`. */
export interface KeyWords {
  /** Least id; the greatest is 255. */
  readonly smallest: number;
  /** Whose packets name the key by its id. */
  readonly packets: string;
  /** A file that it might be kept in. */
  readonly file: string;
  readonly range: string;
  readonly example: string;
}

/** One table of a list of keys: `id` and `key`. */
export function keyTable(words: KeyWords, read: (text: string) => ReadSecret) {
  const { smallest, packets, file, range, example } = words;
  return documented(
    v.strictObject({
      id: whole(smallest, 255, { text: `Number that ${packets} name the key by.`, example: 1 }),
      key: secret(
        "text, in quotes",
        {
          text:
            "The key: bytes in hexadecimal behind `hex:`, or the text itself. It is better kept " +
            `elsewhere, \`{ file = "${file}" }\`, in a file that others cannot read.`,
          range,
          example,
        },
        read,
      ),
    }),
    "a table with `id` and `key`",
    { text: "One key.", example: { id: 1, key: example } },
  );
}
