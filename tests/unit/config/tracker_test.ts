/** Trackers and who names them: what is accepted, refused and doubted. */

import assert from "node:assert/strict";
import { load } from "./fixtures.ts";

/** A router whose next lines, from line 6 on, are these. */
function router(more: string): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
${more}`;
}

const SCRIPT = '[[track_script]]\nname = "up"\ncommand = ["/bin/true"]\n';

/** Messages, each with the advice. */
function said(text: string): string[] {
  const result = load({ "site.toml": text });
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ line, column, message, suggestion, severity }) =>
    `${line}:${column} ${severity}: ${message} | ${suggestion ?? ""}`
  );
}

const CASES: readonly (readonly [string, readonly RegExp[]])[] = [
  [`track = { scripts = ["up"] }\n${SCRIPT}`, []],
  [`track = { scripts = ["pu"] }\n${SCRIPT}`, [
    /^6:22 error: There is no `\[\[track_script\]\]` with the name "pu" \| write `"up"` instead$/,
    /^8:8 warning: Nobody tracks the script "up"/,
  ]],
  [`track = { scripts = ["up", "up"] }\n${SCRIPT}`, [
    /^6:28 error: The script "up" is tracked twice: first at site.toml:6:22/,
  ]],
  [`track = { scripts = ["up"] }\n${SCRIPT}${SCRIPT}`, [
    /^11:8 error: Two `\[\[track_script\]\]` have the name "up": first at site.toml:8:8/,
  ]],
  // One whose table is wrong exists all the same.
  [`track = { scripts = ["up"] }\n${SCRIPT}rise = 0\n`, [
    /^10:8 error: Invalid `rise`: 0 is not a whole number from 1 to 1000/,
  ]],
  [SCRIPT, [
    /^7:8 warning: Nobody tracks the script "up" \| name it in `track.scripts` of a virtual/,
  ]],
  ['[[track_interface]]\nname = "eth0"\ndown_delay = "1s"\n', []],
  ['[[track_interface]]\nname = "eth1"\ndown_delay = "1s"\n', [
    /^7:8 warning: Nobody tracks the interface "eth1"/,
  ]],
  // Nobody knows whom the second router tracks.
  [`${SCRIPT}[[vrrp]]\nname = "lan"\n`, [/virtual_router_id/, /addresses/, /interface/]],
  [
    `[[sync_group]]\nname = "site"\nmembers = ["web"]\ntrack = { scripts = ["up"] }\n${SCRIPT}`,
    [/^8:11 warning: A sync group of one member/],
  ],
  ['priority = 255\ntrack = { interfaces = ["eth1", { name = "eth2", weight = -10 }] }\n', [
    /^7:33 warning: The weight of the interface "eth2" has no effect: .*255 at site.toml:6:12/,
  ]],
  [`priority = 255\ntrack = { scripts = ["up"] }\n${SCRIPT}weight = 5\n`, [
    /^7:22 warning: The weight of the script "up" has no effect/,
  ]],
  [
    `priority = 255\ntrack = { scripts = [{ name = "up", weight = 0 }] }\n${SCRIPT}weight = 5\n`,
    [],
  ],
  ['priority = 255\ntrack = { files = ["n"] }\n[[track_file]]\nname = "n"\npath = "/n"\n', []],
  ["priority = 255\naccept = false\n", [
    /^7:1 warning: `accept = false` has no effect at priority 255 \(site.toml:6:12\)/,
  ]],
];

for (const [more, expected] of CASES) {
  Deno.test(`trackers: ${JSON.stringify(more.slice(0, 60))}`, () => {
    const found = said(router(more));
    assert.equal(found.length, expected.length, found.join("\n"));
    expected.forEach((pattern, i) => assert.match(found[i]!, pattern));
  });
}
