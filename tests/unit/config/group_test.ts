/** `[[sync_group]]`: what is accepted, refused and doubted. */

import assert from "node:assert/strict";
import { load, loadValid } from "./fixtures.ts";

const ROUTERS = ["web", "lan", "dmz"].map((name, i) =>
  `[[vrrp]]
name = "${name}"
interface = "eth${i}"
virtual_router_id = 51
addresses = ["192.0.2.${i + 10}/24"]
`
).join("");

/** Messages, each with the advice. */
function said(text: string): string[] {
  const result = load({ "site.toml": text });
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ line, column, message, suggestion, severity }) =>
    `${line}:${column} ${severity}: ${message} | ${suggestion ?? ""}`
  );
}

const NO_TRACK = {
  interfaces: [],
  scripts: [],
  processes: [],
  files: [],
  routes: [],
  addresses: [],
  bfd: [],
  checks: [],
  virtual_servers: [],
};

Deno.test("a sync group resolves with its defaults, in the order of the file", () => {
  const { sync_group } = loadValid({
    "site.toml": `${ROUTERS}[[sync_group]]
name = "site"
members = ["web", "lan"]
[[sync_group]]
name = "rest"
members = ["dmz", "dmz2"]
need = 1
track = { interfaces = [{ name = "eth9", weight = -10 }] }
[[vrrp]]
name = "dmz2"
interface = "eth2"
virtual_router_id = 52
addresses = ["198.51.100.10/24"]
`,
  });
  assert.deepEqual(sync_group, [
    { name: "site", members: ["web", "lan"], need: "all", track: NO_TRACK },
    {
      name: "rest",
      members: ["dmz", "dmz2"],
      need: 1,
      track: { ...NO_TRACK, interfaces: [{ name: "eth9", weight: -10 }] },
    },
  ]);
});

/** What follows the routers, from line 16 on, and what is said of it. */
const WRONG: readonly (readonly [string, readonly RegExp[]])[] = [
  ['name = "s"\nmembers = ["web", "lam"]', [
    /^18:19 error: There is no virtual router "lam" \| did you mean `lan`\? write `"lan"`/,
  ]],
  ['name = "s"\nmembers = ["web", "web"]', [
    /^18:19 error: The virtual router "web" is in a sync group twice: first at site.toml:18:12/,
  ]],
  ['name = "s"\nmembers = ["web", "lan"]\n[[sync_group]]\nname = "t"\nmembers = ["lan", "dmz"]', [
    /^21:12 error: The virtual router "lan" is in a sync group twice: first at site.toml:18:19/,
  ]],
  [
    'name = "s"\nmembers = ["web", "lan"]\n[[sync_group]]\nname = "s"\nmembers = ["dmz"]\nneed = "any"',
    [
      /^20:8 error: Two sync groups have the name "s": first at site.toml:17:8/,
      /warning: A sync group of one/,
    ],
  ],
  ['name = "web"\nmembers = ["web", "lan"]', [
    /^17:8 error: A sync group and a virtual router have the name "web": first at site.toml:2:8/,
  ]],
  ['name = "s"\nmembers = []', [/^18:11 error: A sync group needs members: this one has none/]],
  ['name = "s"\nmembers = ["web", "lan"]\nneed = 3', [
    /^19:8 error: Invalid `need`: 3 is more than the 2 members \(site.toml:18:11\) \| write `"all"`/,
  ]],
  ['name = "s"\nmembers = ["web", "lan"]\nneed = 0', [/^19:8 error: .*0 is not/]],
  ['name = "s"\nmembers = ["web", "lan"]\nneed = "most"', [/^19:8 error: /]],
  ['name = "s"\nmembers = ["web", "lan"]\nneeds = 1', [
    /^19:1 error: Unknown key `needs` in `\[\[sync_group\]\]` \| did you mean `need`/,
  ]],
  ['name = "s"\nmembers = ["web"]', [/^18:11 warning: A sync group of one member has no effect/]],
  ['members = ["web", "lan"]', [/error: .*name/]],
];

for (const [text, expected] of WRONG) {
  Deno.test(`a sync group that cannot be: ${text.replaceAll("\n", "; ")}`, () => {
    const found = said(`${ROUTERS}[[sync_group]]\n${text}\n`);
    assert.equal(found.length, expected.length, found.join("\n"));
    expected.forEach((pattern, i) => assert.match(found[i]!, pattern));
  });
}

Deno.test("an owner cannot be in a group with others, nor one table stand for the list", () => {
  const owner = ROUTERS.replace('name = "lan"', 'name = "lan"\npriority = 255');
  const [message, ...more] = said(`${owner}[[sync_group]]\nname = "s"\nmembers = ["web", "lan"]\n`);
  assert.deepEqual(more, []);
  assert.match(message!, /^19:19 error: The virtual router "lan" owns its addresses/);
  assert.match(message!, /site.toml:8:12/);
  const [single] = said(`${ROUTERS}[sync_group]\nname = "s"\nmembers = ["web", "lan"]\n`);
  assert.match(single!, /error: `sync_group` is a list of tables.*\| write `\[\[sync_group\]\]`/);
});
