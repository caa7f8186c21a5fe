/** docs/examples.md: each file is valid on each node that it is for, and says what it should. */

import assert from "node:assert/strict";
import { load } from "../config/fixtures.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/examples.md", import.meta.url));
const EXAMPLES = [...PAGE.matchAll(/<!-- example: (.*) -->\s+```toml\n([^]*?)```/g)];

Deno.test("every file is valid on each of its nodes", () => {
  assert.equal(EXAMPLES.length, PAGE.match(/^```toml$/gm)?.length, "all are marked");
  assert.ok(EXAMPLES.length >= 9);
  for (const [, names = "", text = ""] of EXAMPLES) {
    const priorities = names.split(" ").map((name) => {
      const loaded = load({ "site.toml": text, "/etc/halb/vrrp.key": "sesame\n" }, { name });
      assert.ok(loaded.ok, `${name}: ${JSON.stringify(loaded)}`);
      return loaded.site.vrrp.map(({ priority }) => priority).join();
    });
    assert.equal(new Set(priorities).size, priorities.length, "the nodes differ");
  }
});
