/** docs/reference.md is what the schema says now, and says something of each key. */

import assert from "node:assert/strict";
import { reference } from "../../../config/reference.ts";
import { referencePage } from "../../../scripts/reference.ts";
import { sitePage } from "../../../scripts/man.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/reference.md", import.meta.url));

/** As it is before and after `deno fmt`. */
function words(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

Deno.test("the reference is that of the schema: deno run -A scripts/reference.ts", () => {
  assert.equal(words(PAGE), words(referencePage()));
});

Deno.test("the reference says what each key means, and where its own keys stand", () => {
  const sections = reference();
  const paths = new Set(sections.map(({ path }) => path));
  assert.equal(paths.size, sections.length);
  for (const { path, keys } of sections) {
    assert.ok(keys.length > 0, path);
    for (const { name, text, kind, section } of keys) {
      assert.match(text, /Example: /, `${path}.${name}`);
      assert.ok(kind.length > 0, `${path}.${name}`);
      assert.ok(section === null || paths.has(section), `${path}.${name}: ${section}`);
    }
  }
  const router = sections.find(({ path }) => path === "vrrp")!;
  const priority = router.keys.find(({ name }) => name === "priority")!;
  assert.deepEqual([priority.required, priority.preset], [false, "100"]);
});

Deno.test("site.toml(5) has every section and key", () => {
  const page = sitePage("2026-11-22");
  for (const { title, keys } of reference()) {
    assert.ok(page.includes(title.replaceAll("-", "\\-")), title);
    for (const { name } of keys) assert.ok(page.includes(`\n.B ${name}\n`), name);
  }
  assert.doesNotMatch(page, /^(?!\.(TH|SH|SS|TP|B|PP|ad|nf|fi|BR)\b)[.'].*/m);
});
