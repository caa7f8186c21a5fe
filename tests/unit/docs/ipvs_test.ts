/** docs/ipvs.md: each file is valid, and says what the text around it says. */

import assert from "node:assert/strict";
import {
  listenOf,
  readServerList,
  realServerOf,
  serviceOf,
  type SiteConfig,
  type VirtualServerConfig,
} from "../../../config/mod.ts";
import { announcedHoldings, planBalance } from "../../../mod/agent/balance_plan.ts";
import { refuseServers } from "../../../mod/balance/mod.ts";
import { buildTable } from "../../../mod/ipvs/mod.ts";
import { load } from "../config/fixtures.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/ipvs.md", import.meta.url));

function sites(): SiteConfig[] {
  return [...PAGE.matchAll(/```toml\n([^]*?)```/g)].map(([, text]) => {
    const loaded = load({ "site.toml": text! });
    assert.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, [], text);
    assert.ok(loaded.ok);
    return loaded.site;
  });
}

function tableOf(servers: readonly VirtualServerConfig[]) {
  return buildTable(servers.map((server) => ({
    listen: listenOf(server),
    settings: serviceOf(server),
    servers: server.real_server.map(realServerOf),
  })));
}

Deno.test("every file is valid, without so much as a warning, and the balancer takes it", () => {
  const all = sites();
  assert.ok(all.length >= 8, `${all.length} files`);
  for (const site of all) {
    const plan = planBalance(site);
    assert.ok(plan !== undefined);
    assert.equal(refuseServers(plan.servers), null);
    const table = tableOf(site.virtual_server);
    assert.ok(table.ok, JSON.stringify(table));
  }
});

Deno.test("what the page says of ways, marks and announcements is so", () => {
  const all = sites().flatMap((site) => site.virtual_server.map((server) => ({ site, server })));
  const ways = all.flatMap(({ server }) =>
    server.real_server.map(({ forward, tunnel }) => tunnel?.type ?? forward)
  );
  for (const way of ["nat", "direct", "ipip", "gue", "gre"] as const) {
    assert.ok(ways.includes(way), way);
  }
  const marked = all.find(({ server }) => server.mark !== undefined)!;
  assert.equal(listenOf(marked.server).length, 1, "one service of all that is listed");
  const announced = all.find(({ server }) => server.announce !== undefined)!;
  const [held] = announcedHoldings(announced.site);
  assert.deepEqual(held?.addresses.map(({ address }) => address), ["192.0.2.10"]);
  assert.equal(held?.lease, 10);
  assert.match(PAGE, /withdraws announced addresses within 10 seconds/);
  const followed = all.find(({ server }) => server.follow !== undefined)!;
  assert.deepEqual(planBalance(followed.site)?.servers[0]?.follow, ["web"]);
});

Deno.test("the list of real servers is one", () => {
  const [, list = ""] = /```text\n(# address, port[^]*?)```/.exec(PAGE)!;
  const loaded = load({
    "site.toml": '[[virtual_server]]\nname = "a"\nlisten = "192.0.2.1:80"\n' +
      'servers_file = "/etc/halb/a"\n',
  });
  assert.ok(loaded.ok);
  const { servers, refused } = readServerList(list, loaded.site.virtual_server[0]!);
  // The other one is of another family than this virtual server.
  assert.deepEqual([servers.length, refused.length], [1, 1]);
});
