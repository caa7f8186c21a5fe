/** Real servers beside those of the configuration: files that change, and lists by command. */

import assert from "node:assert/strict";
import type { SiteConfig } from "../../../config/mod.ts";
import { Listing } from "../../../mod/agent/listing.ts";
import { until } from "../../lib/process.ts";
import { loadValid } from "../config/fixtures.ts";

/** A virtual server `web` with one configured server of weight 5. */
function siteOf(more = ""): SiteConfig {
  return loadValid({
    "site.toml": `[[virtual_server]]
name = "web"
listen = "192.0.2.10:80"
default_weight = 3
drain_timeout = "30s"
${more}
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
weight = 5
`,
  });
}

function serversOf(site: SiteConfig): string[] {
  return site.virtual_server.flatMap(({ real_server }) =>
    real_server.map(({ address, weight }) => `${address.address}:${address.port} ${weight}`)
  );
}

const CONFIGURED = "198.51.100.11:8080 5";

async function world(
  body: (world: { listing: Listing; path: string; changes: () => number }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  let changes = 0;
  const listing = new Listing(() => void changes++);
  try {
    await body({ listing, path: `${directory}/servers`, changes: () => changes });
  } finally {
    listing.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

const write = (path: string, text: string, mode = 0o644) =>
  Deno.writeTextFileSync(path, text, { mode });

Deno.test("a file's servers are as if they were configured, and follow it", () =>
  world(async ({ listing, path, changes }) => {
    write(path, "# more\n198.51.100.12:8080 10\n198.51.100.13:8080\n");
    const site = siteOf(`servers_file = "${path}"`);
    const first = await listing.of(site);
    assert.deepEqual(serversOf(first), [
      CONFIGURED,
      "198.51.100.12:8080 10",
      "198.51.100.13:8080 3",
    ]);
    assert.equal(first.virtual_server[0]!.real_server[2]!.drain_timeout, 30_000_000);
    assert.deepEqual([...listing.names.get("web")!], ["198.51.100.12:8080", "198.51.100.13:8080"]);
    // What is found by the one who looks is news to nobody else.
    assert.equal(changes(), 0);
    write(path, "198.51.100.12:8080 20\n");
    await until("the change is seen", () => changes() > 0, 5000);
    assert.deepEqual(serversOf(await listing.of(site)), [CONFIGURED, "198.51.100.12:8080 20"]);
    const before = changes();
    write(path, "");
    await until("the empty file is believed", () => changes() > before, 5000);
    assert.deepEqual(serversOf(await listing.of(site)), [CONFIGURED]);
    assert.deepEqual(serversOf(await listing.of(siteOf())), [CONFIGURED]);
  }));

Deno.test("while a file cannot be read, what it said last counts, and status says why", () =>
  world(async ({ listing, path, changes }) => {
    write(path, "198.51.100.12:8080\n");
    const site = siteOf(`servers_file = "${path}"`);
    const both = [CONFIGURED, "198.51.100.12:8080 3"];
    assert.deepEqual(serversOf(await listing.of(site)), both);
    assert.equal(listing.problem("web"), undefined);
    Deno.removeSync(path);
    await until("it is missed", () => listing.problem("web") !== undefined, 5000);
    assert.match(listing.problem("web")!, /there is no such file/);
    assert.deepEqual(serversOf(await listing.of(site)), both);
    write(path, "198.51.100.13:8080\n");
    Deno.chmodSync(path, 0o666);
    await until("it is refused", () => /others .* may write/.test(listing.problem("web")!), 5000);
    assert.deepEqual(serversOf(await listing.of(site)), both);
    Deno.chmodSync(path, 0o644);
    await until("it is read", () => listing.problem("web") === undefined, 5000);
    assert.deepEqual(serversOf(await listing.of(site)), [CONFIGURED, "198.51.100.13:8080 3"]);
    assert.ok(changes() > 0);
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    await until("it is no file", () => listing.problem("web") !== undefined, 5000);
  }));

Deno.test("a line that cannot be used is named, and the others count", () =>
  world(async ({ listing, path }) => {
    write(path, "198.51.100.12:8080 10\nnonsense\n198.51.100.11:8080\n198.51.100.13:8080 x\n");
    const site = await listing.of(siteOf(`servers_file = "${path}"`));
    assert.deepEqual(serversOf(site), [CONFIGURED, "198.51.100.12:8080 10"]);
    assert.match(listing.problem("web")!, /^line 2: .*nonsense.*; line 3: .*; line 4: /);
  }));

Deno.test("lists by command: servers are added, reweighted, removed, all at once replaced", () =>
  world(async ({ listing }) => {
    const site = siteOf();
    await listing.of(site);
    const now = async () => serversOf(await listing.of(site)).slice(1);
    listing.change("web", "add", ["198.51.100.12:8080 10", "198.51.100.13:8080"]);
    assert.deepEqual(await now(), ["198.51.100.12:8080 10", "198.51.100.13:8080 3"]);
    listing.change("web", "add", ["198.51.100.12:8080 20"]);
    assert.deepEqual(await now(), ["198.51.100.12:8080 20", "198.51.100.13:8080 3"]);
    listing.change("web", "remove", ["198.51.100.12:8080"]);
    assert.deepEqual(await now(), ["198.51.100.13:8080 3"]);
    const refused: [Parameters<Listing["change"]>[1], string[], RegExp][] = [
      ["remove", ["198.51.100.12:8080"], /198\.51\.100\.12:8080 is not listed by command/],
      ["add", ["nonsense"], /Cannot change the servers of web: line 2: .*nonsense/],
      ["add", ["198.51.100.11:8080"], /is there already/],
      ["set", ["198.51.100.14:80", "198.51.100.14:80"], /is there already/],
      ["add", ["[2001:db8::1]:80"], /family/],
    ];
    for (const [action, lines, reason] of refused) {
      assert.throws(() => listing.change("web", action, lines), reason, lines.join());
      assert.deepEqual(await now(), ["198.51.100.13:8080 3"]);
    }
    listing.change("web", "set", ["198.51.100.14:80 1", "", "198.51.100.15:80"]);
    assert.deepEqual(await now(), ["198.51.100.14:80 1", "198.51.100.15:80 3"]);
    const heir = new Listing(() => {});
    heir.restore(listing.byCommand);
    assert.deepEqual(serversOf(await heir.of(site)), serversOf(await listing.of(site)));
    listing.change("web", "set", []);
    assert.deepEqual([await now(), [...listing.byCommand]], [[], []]);
  }));

Deno.test("what is configured from now on is what the configuration says", () =>
  world(async ({ listing }) => {
    await listing.of(siteOf());
    listing.change("web", "add", ["198.51.100.12:8080 10"]);
    const more = '[[virtual_server.real_server]]\naddress = "198.51.100.12:8080"\nweight = 7\n';
    assert.deepEqual(serversOf(await listing.of(siteOf(more))), [
      "198.51.100.12:8080 7",
      CONFIGURED,
    ]);
    assert.equal(listing.problem("web"), undefined);
    // And listed again when it is configured no longer.
    assert.deepEqual(serversOf(await listing.of(siteOf())), [CONFIGURED, "198.51.100.12:8080 10"]);
    assert.throws(() => listing.change("mail", "set", []), /try again/);
  }));
