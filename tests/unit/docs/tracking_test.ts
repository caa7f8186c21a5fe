/** docs/tracking.md: its file is valid, and tracks what it says. */

import assert from "node:assert/strict";
import { trackerUses } from "../../../mod/agent/tracker_plan.ts";
import { load } from "../config/fixtures.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/tracking.md", import.meta.url));

Deno.test("the file of the page is valid, and its trackers count as they should", () => {
  const [, text = ""] = /```toml\n([^]*?)```/.exec(PAGE) ?? [];
  const loaded = load({ "site.toml": text });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { site } = loaded;
  const uses = trackerUses(site.vrrp[0]!.track, site);
  assert.deepEqual(uses.map(({ kind, weight }) => [kind, weight]), [
    ["interface", 0],
    ["script", -30],
    ["process", 20],
    ["file", 1],
    ["route", 0],
    ["address", -10],
  ]);
});
