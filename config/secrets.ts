/**
 * What of a configuration must not be shown: values under keys that hold a secret, in messages and
 * in the lines of a file that stand above a caret.
 *
 * @module
 */

import type { Path, TreeNode } from "./tree.ts";

/** Keys whose values are secret, and how these are spoken of. */
const SECRET_KEYS: Readonly<Record<string, string>> = {
  password: "the password",
  key: "the key",
  token: "the token",
  secret: "the secret",
};

/**
 * How to speak of the value that stands under this path, be it ever so deep; undefined: it may be
 * shown. A host that is called like a secret is none.
 */
export function secretAt(path: Path): string | undefined {
  const key = path.find((step, i) =>
    typeof step === "string" && Object.hasOwn(SECRET_KEYS, step) && path[i - 1] !== "by_host"
  );
  return typeof key === "string" ? SECRET_KEYS[key] : undefined;
}

/** The same tree, in which secrets that were written into the file are marked as such. */
export function hideSecrets<T extends TreeNode>(node: T): T {
  if (node.kind === "list") return { ...node, items: node.items.map(hideSecrets) };
  if (node.kind === "table") {
    const entries = new Map([...node.entries].map(([key, entry]) => [key, hideSecrets(entry)]));
    return { ...node, entries };
  }
  const secret = node.secret ?? secretAt(node.keyPath);
  return secret === undefined ? node : { ...node, secret };
}

/** A key that may be meant for a secret, and its equals sign. */
const KEY =
  /(?<![\w-])(?!active_key\b)["']?[\w-]*(?:pas{1,2}[wp]|pass\b|pwd|key|secret|token)[\w-]*["']?\s*=\s*/
    .source;
/** A value that is no table, nor a list of tables. */
const VALUE = /"(?:[^"\\]|\\.)*"?|'[^']*'?|\[\s*[^\s{[\]][^\]]*|[^\s"'{[][^,}\]#]*/.source;
const STRING = /"(?:[^"\\]|\\.)*"?|'[^']*'?/.source;
/** A table in braces, as far as it stands on this line, three deep. */
const TABLE = ["", "", ""].reduce(
  (inner) => String.raw`\{(?:[^{}"']|${STRING}${inner && `|${inner}`})*\}?`,
  "",
);
const ASSIGNMENT = new RegExp(`(${KEY})(${VALUE})`, "giu");
/** A table in the place of a secret: `by_host`, say, or a mistake. */
const TABLE_ASSIGNMENT = new RegExp(KEY + TABLE, "giu");
/** What stands in it, but for where the secret is to be had. */
const INNER = new RegExp(
  String.raw`((?<![\w-])["']?(?!(?:file|env)(?![\w-]))[\w-]+["']?\s*=\s*)(${VALUE})`,
  "giu",
);

/** Shorter pieces of text than this stand everywhere. */
const TELLING = 3;

/** The same line, in which somebody has replaced each value that may be secret. */
function replaceSecrets(line: string, replaced: (value: string) => string): string {
  const one = (_: string, key: string, value: string) => key + replaced(value);
  return line.replace(ASSIGNMENT, one)
    .replace(TABLE_ASSIGNMENT, (table) => table.replace(INNER, one));
}

/** The same text without what may be secret on this line. */
export function withoutSecretsOf(line: string, text: string): string {
  let clean = text;
  replaceSecrets(line, (value) => {
    const bare = value.replace(/^["'[\s]+|["'\]\s]+$/gu, "");
    if (bare.length >= TELLING) clean = clean.replaceAll(bare, "…");
    return value;
  });
  return clean;
}

/** A line of a file with asterisks for what may be secret, each character in its place. */
export function maskLine(line: string): string {
  return replaceSecrets(line, (value) => {
    const quoted = /^["']/.test(value);
    const closed = quoted && value.length > 1 && value.at(-1) === value[0];
    const inner = value.slice(quoted ? 1 : 0, closed ? -1 : undefined);
    const hidden = inner.replace(/\S/gu, "*");
    return `${quoted ? value[0] : ""}${hidden}${closed ? value[0] : ""}`;
  });
}
