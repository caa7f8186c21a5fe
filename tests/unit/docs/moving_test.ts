/** docs/moving-from-*.md: their examples are valid, and what the converter writes. */

import assert from "node:assert/strict";
import { load } from "../config/fixtures.ts";
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

Deno.test("the example of the page for FRR is valid, and has what its commands say", () => {
  const page = Deno.readTextFileSync(
    new URL("../../../docs/moving-from-frr.md", import.meta.url),
  );
  const [, commands = ""] = /```\n(interface [^]*?)```/.exec(page) ?? [];
  const loaded = load({ "site.toml": /```toml\n([^]*?)```/.exec(page)?.[1] ?? "" });
  assert.ok(loaded.ok);
  const [router] = loaded.site.vrrp;
  const said = (word: string) =>
    [...commands.matchAll(new RegExp(`vrrp 51 ${word} (\\S+)`, "g"))].map(([, value]) => value);
  assert.deepEqual(said("(?:ip|ipv6)").sort(), router?.addresses.map((one) => one.address).sort());
  assert.deepEqual([said("priority"), said("version")], [[`${router?.priority}`], ["3"]]);
  assert.deepEqual(said("advertisement-interval").map(Number), [
    router!.advertisement_interval / 1_000,
  ]);
  assert.equal(router?.preempt, false);
});
