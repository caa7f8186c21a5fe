/** A site to a keepalived.conf and back again is the same site. */

import assert from "node:assert/strict";
import { familyOf, routerFamily, type SiteConfig } from "../../../config/mod.ts";
import { toKeepalived } from "../../../mod/convert_back/mod.ts";
import { wildSites } from "../../lib/keepalived_sites.ts";
import { conversion, server } from "./fixtures.ts";

/** What a site does, as far as keepalived has words for it. */
function common(site: SiteConfig): unknown {
  const { vrrp, bfd, virtual_server, sync_group, static: held, ...rest } = site;
  const { track_interface, track_script, track_process, track_file } = rest;
  const text = JSON.stringify(
    {
      // A group of the other family is heard by nobody.
      vrrp: vrrp.map(({ multicast_group: groups, ...router }) => ({
        ...router,
        groups: [groups ?? []].flat().filter((group) => familyOf(group) === routerFamily(router)),
      })),
      bfd,
      held,
      sync_group,
      track_interface,
      track_script,
      track_process,
      track_file,
      virtual_server: virtual_server.map(({ name: _, ...server }) => server),
    },
  );
  return JSON.parse(text);
}

for (const kind of ["vrrp", "ipvs"] as const) {
  for (const site of wildSites(kind, "/run/lab")) {
    Deno.test(`${kind} site ${site.name} comes back the same`, () => {
      const first = conversion({ "keepalived.conf": site.text, ...site.included });
      const host = first.ids[0] ?? "lab";
      const text = toKeepalived(first.site(host));
      const second = conversion(text);
      const unread = second.notes.filter(({ verdict }) => verdict === "unread");
      assert.deepEqual(unread, [], text);
      assert.deepEqual(common(second.site(host)), common(first.site(host)), text);
    });
  }
}

Deno.test("each url has the host that its check has, and mail its name", () => {
  const first = conversion(
    `global_defs {\nnotification_email {\na@example.com\n}\nsmtp_helo_name edge.example.com\n}\n` +
      server(
        "virtualhost www.example.com",
        "HTTP_GET {\nurl {\npath /a\n}\nurl {\npath /b\nvirtualhost api.example.com\n}\n}",
      ),
  );
  const text = toKeepalived(first.site());
  const hosts = [...text.matchAll(/virtualhost (\S+)/g)].map(([, host]) => host);
  assert.deepEqual(hosts, ["www.example.com", "api.example.com"], text);
  assert.match(text, /^ +smtp_helo_name edge\.example\.com$/m);
});
