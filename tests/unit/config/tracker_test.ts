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

const LAN = `[[vrrp]]
name = "lan"
interface = "eth1"
virtual_router_id = 52
addresses = ["198.51.100.1"]
`;
const ONE = '[[track_address]]\nname = "a"\naddress = "192.0.2.10"\n';
const TWO = '[[track_address]]\nname = "b"\naddress = "198.51.100.1"\n';
const BOTH = ONE + TWO;

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
  // Processes, files, routes and addresses.
  [
    'track = { processes = ["p"] }\n[[track_process]]\nname = "p"\ncommand = "x"\nquorum = 3\nquorum_max = 2\n',
    [/^11:14 error: At least 3 and at most 2 processes: no number is right \| write `3` or more$/],
  ],
  [
    'track = { processes = ["p"] }\n[[track_process]]\nname = "p"\ncommand = "x"\nquorum_max = 0\n',
    [/^10:14 error: At least 1 and at most 0 .* \| write `quorum = 0` too, if none may run$/],
  ],
  [
    'track = { processes = ["p"] }\n[[track_process]]\nname = "p"\ncommand = ["x", "-d"]\nparam_match = "initial"\nquorum = 0\nquorum_max = 0\nup_delay = "1s"\n',
    [],
  ],
  ['track = { processes = ["p"] }\n[[track_process]]\nname = "p"\ncommand = ""\n', [
    /^9:11 error: .*A process needs a name/,
  ]],
  ['track = { routes = ["r"] }\n[[track_route]]\nname = "r"\nto = "203.0.113.0/24"\n', []],
  [
    'track = { routes = ["r"] }\n[[track_route]]\nname = "r"\nto = "203.0.113.0/24"\nvia = "2001:db8::1"\n',
    [],
  ],
  [
    'track = { routes = ["r"] }\n[[track_route]]\nname = "r"\nto = "::/0"\nvia = "192.0.2.1"\n',
    [/^10:7 error: Invalid `via`: "192.0.2.1" is IPv4, and "::\/0" IPv6/],
  ],
  ['track = { routes = ["r"] }\n[[track_route]]\nname = "r"\nto = "203.0.113.1/24"\n', [
    /^9:6 error: .*203\.0\.113\.0\/24/,
  ]],
  ['track = { addresses = ["a"] }\n[[track_address]]\nname = "a"\naddress = "192.0.2.7"\n', []],
  ['track = { addresses = ["a"] }\n[[track_address]]\nname = "a"\naddress = "192.0.2.10"\n', [
    /^6:24 error: The router would wait for itself: it tracks "192.0.2.10\/24", which it holds \(site.toml:5:14\)/,
  ]],
  // Held on another interface it is not what is tracked.
  [
    'track = { addresses = ["a"] }\n[[track_address]]\nname = "a"\naddress = "192.0.2.10"\ninterface = "eth1"\n',
    [],
  ],
  [
    'excluded_addresses = ["192.0.2.11"]\ntrack = { addresses = ["a"] }\n[[track_address]]\nname = "a"\naddress = "192.0.2.11"\n',
    [/^7:24 error: The router would wait for itself/],
  ],
  [
    'routes = [{ to = "0.0.0.0/0", via = "192.0.2.1" }]\ntrack = { routes = ["r"] }\n[[track_route]]\nname = "r"\nto = "0.0.0.0/0"\n',
    [/^7:21 error: The router would wait for itself: it tracks "0.0.0.0\/0"/],
  ],
  [
    'routes = [{ to = "0.0.0.0/0", via = "192.0.2.1" }]\ntrack = { routes = ["r"] }\n[[track_route]]\nname = "r"\nto = "0.0.0.0/0"\nvia = "192.0.2.2"\n',
    [],
  ],
  [
    `track = { addresses = ["b"] }\n${LAN}track = { addresses = ["a"] }\n${BOTH}`,
    [
      /^6:24 error: The routers would wait for each other: this one tracks "198.51.100.1" of `lan`/,
      /^12:24 error: The routers would wait for each other: this one tracks "192.0.2.10\/24" of `web`/,
    ],
  ],
  // One way is no circle; in a group it is.
  [`track = { addresses = ["b"] }\n${LAN}${TWO}`, []],
  [
    `${LAN}[[sync_group]]\nname = "g"\nmembers = ["web", "lan"]\ntrack = { addresses = ["b"] }\n${TWO}`,
    [/^14:24 error: The routers would wait for each other: this one tracks "198.51.100.1" of `lan`/],
  ],
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
