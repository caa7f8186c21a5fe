/** docs/metrics.md: its files are valid, its names are those that there are, its rules too. */

import assert from "node:assert/strict";
import { FAMILIES } from "../../../mod/metrics/mod.ts";
import { load, router } from "../config/fixtures.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(`../../../${path}`, import.meta.url));
const PAGE = read("docs/metrics.md");
const RULES = read("config/examples/prometheus-rules.yml");

/** The table of the page: a row for each family. */
function rows(): string[][] {
  const lines = PAGE.slice(PAGE.indexOf("## Names")).split("\n");
  return lines.filter((line) => line.startsWith("| `halb_"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

Deno.test("every metric has its row, with type, labels and meaning; there are no others", () => {
  const expected = FAMILIES.map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    help,
  ]);
  assert.deepEqual(rows(), expected);
});

Deno.test("the files of the page are valid", () => {
  const files = {
    "/etc/halb/http.pem": "-----BEGIN CERTIFICATE-----\n",
    "/etc/halb/http.key": "-----BEGIN PRIVATE KEY-----\n",
    "/etc/halb/http.token": "open-sesame\n",
  };
  const blocks = [...PAGE.matchAll(/```toml\n([^]*?)```/g)];
  assert.equal(blocks.length, 2);
  for (const [, text = ""] of blocks) {
    const loaded = load({ "site.toml": `${text}\n${router("")}`, ...files });
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.deepEqual(loaded.warnings, []);
  }
});

Deno.test("rules name metrics and labels that there are", () => {
  const known = new Map(FAMILIES.map((family) => [family.name, family]));
  const expressions = [...RULES.matchAll(/expr: (.*)$/gm)].map(([, text = ""]) => text);
  assert.ok(expressions.length >= 10);
  for (const text of expressions) {
    for (const [, name = "", , selected = ""] of text.matchAll(/(halb_[a-z_]+)(\{([^}]*)\})?/g)) {
      const family = known.get(name) ?? known.get(name.replace(/_bucket$/, ""));
      assert.ok(family, name);
      for (const [, label = ""] of selected.matchAll(/([a-z_]+)=/g)) {
        assert.ok(family.labels.includes(label), `${name}{${label}}`);
      }
    }
  }
});
