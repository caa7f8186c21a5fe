/** What is found in the wild (tests/lab/sites) converts to sites that are valid on all their hosts. */

import assert from "node:assert/strict";
import { wildSites } from "../../lib/keepalived_sites.ts";
import { conversion } from "./fixtures.ts";

/** Keywords that keepalived does not know either, or refuses where they stand, by site. */
const UNREAD: Readonly<Record<string, readonly string[]>> = {
  old_words: ["lvs_id", "lvs_sync_daemon_inteface"],
  sloppy: ["nat_mask", "conect_port"],
};

for (const kind of ["ipvs", "vrrp"] as const) {
  for (const site of wildSites(kind, "/run/lab")) {
    Deno.test(`${kind} site ${site.name} is valid, and all of it is accounted for`, () => {
      const result = conversion({ "keepalived.conf": site.text, ...site.included });
      for (const host of result.ids.length === 0 ? ["lab"] : result.ids) result.site(host);
      if (site.ids.length > 0) assert.deepEqual([...result.ids].sort(), [...site.ids].sort());
      const unread = result.notes.filter(({ verdict }) => verdict === "unread");
      assert.deepEqual(unread.map(({ keyword }) => keyword), UNREAD[site.name] ?? []);
    });
  }
}

Deno.test("there are fifty sites and more", () => {
  const all = [...wildSites("ipvs", "/run/lab"), ...wildSites("vrrp", "/run/lab")];
  assert.ok(all.length >= 50, `${all.length} sites`);
});
