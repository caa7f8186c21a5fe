/** docs/capabilities.md: its table is that of the program. */

import assert from "node:assert/strict";
import { capabilityRows } from "../../../scripts/capabilities.ts";
import { capabilityNames } from "../../../ffi/mod.ts";

Deno.test("the table of capabilities is the program's: deno run -A scripts/capabilities.ts", () => {
  const page = Deno.readTextFileSync(new URL("../../../docs/capabilities.md", import.meta.url));
  const rows = page.split("\n").filter((line) => /^\| [^-]/.test(line)).slice(1)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assert.deepEqual(rows, capabilityRows());
  const known = capabilityNames().map((name) => name.toUpperCase());
  for (const [, , names] of rows) {
    for (const [, name] of names!.matchAll(/`([^`]+)`/g)) assert.ok(known.includes(name!), name);
  }
});
