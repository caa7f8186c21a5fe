/** docs/moving-from-keepalived.md: its example is what the converter writes, and valid. */

import assert from "node:assert/strict";
import { conversion } from "../convert/fixtures.ts";

const PAGE = Deno.readTextFileSync(
  new URL("../../../docs/moving-from-keepalived.md", import.meta.url),
);

Deno.test("the example of the page converts to what the page shows", () => {
  const [, hosts = "", source = "", site = ""] =
    /<!-- converted: (.*) -->\s+```\n([^]*?)```[^]*?```toml\n([^]*?)```/.exec(PAGE) ?? [];
  const result = conversion(source);
  const written = result.text.replace(/^# Converted from .*\n\n/, "").replace(
    /\n# Summary:[^]*$/,
    "",
  );
  assert.equal(written, site);
  for (const host of hosts.split(" ")) result.site(host);
});
