/** docs/checks.md: its file is valid, and what it says of defaults and types is so. */

import assert from "node:assert/strict";
import { CHECK_TYPES } from "../../../config/check_schema.ts";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import { trackerUses } from "../../../mod/agent/tracker_plan.ts";
import { loadValid, router } from "../config/fixtures.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/checks.md", import.meta.url));

Deno.test("the file of the page is valid, and its checks count and run as they should", () => {
  const [, text = ""] = /```toml\n([^]*?)```/.exec(PAGE) ?? [];
  const site = loadValid({ "site.toml": text });
  const uses = trackerUses(site.vrrp[0]!.track, site);
  assert.deepEqual(uses.map(({ kind, name, weight }) => [kind, name, weight]), [
    ["check", "gateway", 0],
    ["check", "shop", -30],
    ["check", "mail", -10],
  ]);
  const { kernel, control } = planChecks(site);
  assert.deepEqual(kernel.map(({ id }) => id), ["gateway"]);
  assert.deepEqual(control.map(({ id }) => id), ["shop", "mail"]);
});

Deno.test("every type has its line, and the defaults are those of the page", () => {
  for (const type of CHECK_TYPES) assert.ok(PAGE.includes(`| \`${type}\``), type);
  const text = '[[check]]\nname = "c"\ntype = "ping"\naddress = "192.0.2.1"\n';
  const site = loadValid({ "site.toml": `${router('track.checks = ["c"]\n')}${text}` });
  const [{ timing, verdict }] = planChecks(site).kernel as [
    ReturnType<typeof planChecks>["kernel"][number],
  ];
  const said = (word: string, value: number) =>
    new RegExp(`\`${word}\` \\(${value}( s)?\\)`).test(PAGE);
  assert.ok(said("interval", timing.interval / 1_000_000));
  assert.ok(said("fall", verdict.fall));
  assert.ok(said("rise", verdict.rise));
  assert.deepEqual([timing.timeout, timing.retryInterval, timing.warmup], [
    5_000_000,
    1_000_000,
    1_000_000,
  ]);
});
