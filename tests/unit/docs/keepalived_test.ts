/** docs/keepalived.md tells the truth: no keyword is missing, and what it names exists. */

import assert from "node:assert/strict";
import { SITE_SCHEMA } from "../../../config/schema.ts";
import { schemaKeys } from "../config/schema_keys.ts";
import { KEEPALIVED_KEYWORDS } from "./keepalived_keywords.ts";

const ROOT = new URL("../../../", import.meta.url).pathname;
const PAGE = "docs/keepalived.md";

/** One row of the page. */
interface Row {
  readonly part: string;
  readonly keyword: string;
  /** Dotted names of keys here; empty: there is none. */
  readonly keys: readonly string[];
  readonly shown: string;
}

/** The rows of the tables below each heading. @throws {Error} for a line of a table that is none */
function rowsOf(page: string): Row[] {
  const rows: Row[] = [];
  let part = "";
  for (const line of page.split("\n")) {
    if (line.startsWith("## ")) part = line.slice(3);
    if (!line.startsWith("|") || /^\|\s*(keyword|-+)\s*\|/.test(line)) continue;
    const match = /^\| `([^`]+)` \| (-|`[a-z0-9_.]+`(?:, `[a-z0-9_.]+`)*) \| (.*\S) \|$/.exec(line);
    if (match === null) throw new Error(`Not a row: ${line}`);
    const [, keyword, keys, shown] = match as unknown as [string, string, string, string];
    const names = keys === "-" ? [] : keys.split(", ").map((key) => key.replaceAll("`", ""));
    rows.push({ part, keyword, keys: names, shown });
  }
  return rows;
}

const rows = rowsOf(Deno.readTextFileSync(ROOT + PAGE));
const name = ({ part, keyword }: Row) => `${part}: ${keyword}`;

Deno.test("every keyword of keepalived has its row, once, under its heading", () => {
  const wanted = [...KEEPALIVED_KEYWORDS].flatMap(([part, words]) =>
    words.map((word) => `${part}: ${word}`)
  );
  assert.ok(wanted.length > 300, `${wanted.length} keywords`);
  assert.deepEqual(rows.map(name), wanted);
  assert.equal(new Set(wanted).size, wanted.length, "no keyword stands twice");
});

Deno.test("every key that a row names is one that the schema knows", () => {
  const known = new Set([...schemaKeys(SITE_SCHEMA)].map(([key]) => key));
  const unknown = rows.flatMap((row) =>
    row.keys.filter((key) => !known.has(key)).map((key) => `${name(row)} names ${key}`)
  );
  assert.deepEqual(unknown, []);
});

Deno.test("every test that a row names exists, and whoever has a key names one", () => {
  const texts = new Map<string, string>();
  const wrong: string[] = [];
  for (const row of rows) {
    const named = [...row.shown.matchAll(/`(tests\/[^`]+)`(?: "([^"]+)")?/g)];
    if (row.keys.length > 0 && named.length === 0) wrong.push(`${name(row)} names no test`);
    for (const [, path, title] of named) {
      if (title === undefined) wrong.push(`${name(row)} names no title in ${path}`);
      if (!path!.endsWith("_test.ts")) wrong.push(`${name(row)}: ${path} is no test`);
      try {
        const text = texts.get(path!) ?? Deno.readTextFileSync(ROOT + path!);
        texts.set(path!, text);
        if (!text.includes(title ?? "")) wrong.push(`${name(row)}: no "${title}" in ${path}`);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        wrong.push(`${name(row)}: there is no ${path}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("a row without key and test says why, and another row that it points to exists", () => {
  const keywords = new Set(rows.map(({ keyword }) => keyword));
  for (const row of rows) {
    assert.ok(row.shown.length > 8, `${name(row)} says nothing`);
    const [, other] = /^as `([^`]+)`/.exec(row.shown) ?? [];
    if (other !== undefined) assert.ok(keywords.has(other), `${name(row)} points to ${other}`);
  }
});
