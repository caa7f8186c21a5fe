/** Unicast, groups, VRFs and namespaces in site.toml: what is taken, and what is refused and how. */

import assert from "node:assert/strict";
import { type Expected, loadValid, problemsOf, router } from "./fixtures.ts";

/** A second router with the same id on the same interface, on lines 7 and up. */
function another(more: string, name = "other", address = "192.0.2.11"): string {
  return router(more).replace("web", name).replace("192.0.2.10", address);
}

const SITE = { "site.toml": "" };

function configured(text: string) {
  return loadValid({ ...SITE, "site.toml": text }).vrrp;
}

Deno.test("unicast: peers as strings and tables, canonical, with defaults", () => {
  const [vrrp] = configured(router(
    'unicast = { peers = ["192.0.2.1", { address = "198.51.100.3", min_ttl = 253 }] }\n',
  ));
  assert.deepEqual(vrrp!.unicast, {
    peers: [{ address: "192.0.2.1" }, { address: "198.51.100.3", min_ttl: 253 }],
    ttl: 255,
    check_source: true,
  });
  const six = router('source = "2001:db8::1"\nunicast = { peers = ["2001:DB8:0::2"] }\n')
    .replace("192.0.2.10/24", "fe80::10");
  assert.deepEqual(configured(six)[0]!.unicast?.peers, [{ address: "2001:db8::2" }]);
});

Deno.test("multicast groups: one, or one of each family; of the defaults the one that fits", () => {
  assert.deepEqual(configured(router('multicast_group = "224.0.0.99"\n'))[0]!.multicast_group, [
    "224.0.0.99",
  ]);
  const both = '[defaults.vrrp]\nmulticast_group = ["224.0.0.99", "FF02:0::99"]\n';
  assert.deepEqual(configured(both + router(""))[0]!.multicast_group, ["224.0.0.99", "ff02::99"]);
  configured('[defaults.vrrp]\nmulticast_group = "ff02::99"\n' + router(""));
});

Deno.test("one id, one interface: in other groups, with other peers, in other namespaces", () => {
  const peers = (list: string) => `unicast = { peers = ${list} }\n`;
  const good: [string, string][] = [
    ['multicast_group = "224.0.0.99"\n', ""],
    [peers('["192.0.2.2"]'), ""],
    [peers('["192.0.2.2"]'), peers('["192.0.2.3"]')],
    [
      'source = "192.0.2.1"\n' + peers('["192.0.2.1", "192.0.2.2"]'),
      'source = "192.0.2.1"\n' + peers('["192.0.2.1", "192.0.2.3"]'),
    ],
    [
      'source = "192.0.2.1"\n' + peers('["192.0.2.2"]'),
      'source = "192.0.2.9"\n' + peers('["192.0.2.2"]'),
    ],
    ['namespace = "blue"\n', 'namespace = "red"\n'],
  ];
  for (const [a, b] of good) configured(router(a) + another(b));
  // The same address may be held in two namespaces.
  configured(router('namespace = "blue"\n') + another("", "other", "192.0.2.10"));
});

const BROKEN: readonly (readonly [string, string, readonly Expected[]])[] = [
  ["no peers", router("unicast = { peers = [] }\n"), [[
    "site.toml:6:13",
    "peers",
    "Unicast needs at least one peer",
    undefined,
  ]]],
  [
    "a group beside peers",
    router('multicast_group = "224.0.0.9"\nunicast.peers = ["192.0.2.2"]\n'),
    [[
      "site.toml:6:19",
      '"224.0.0.9"',
      "`multicast_group` has no place beside `unicast` (site.toml:7:1): adverts go to a group or " +
      "to peers",
      "leave one of the two out",
    ]],
  ],
  ["peers of another family", router('unicast = { peers = ["192.0.2.2", "2001:db8::2"] }\n'), [[
    "site.toml:6:35",
    '"2001:db8::2"',
    'Invalid `unicast.peers`: "2001:db8::2" is an IPv6 address, and the virtual ones are IPv4 ' +
    "(site.toml:5:14)",
    "write the node's IPv4 address, or leave it out",
  ]]],
  ["a virtual address as peer", router('unicast = { peers = ["192.0.2.10"] }\n'), [[
    "site.toml:6:22",
    '"192.0.2.10"',
    'Invalid `unicast.peers`: "192.0.2.10" is a virtual address of this router (site.toml:5:14)',
    "write the node's own address",
  ]]],
  ["a peer twice", router('unicast = { peers = ["192.0.2.2", { address = "192.0.2.2" }] }\n'), [[
    "site.toml:6:47",
    '"192.0.2.2"',
    'The peer "192.0.2.2" is listed twice: first at site.toml:6:22',
    "leave out one of the two",
  ]]],
  [
    "an empty range",
    router('unicast = { peers = [{ address = "192.0.2.2", min_ttl = 255, max_ttl = 254 }] }\n'),
    [[
      "site.toml:6:72",
      "254",
      "No TTL is from 255 (site.toml:6:57) to 254",
      "exchange the two",
    ]],
  ],
  ["itself alone", router('source = "192.0.2.1"\nunicast.peers = ["192.0.2.1"]\n'), [[
    "site.toml:7:17",
    '["192.0.2.1"]',
    "No unicast peer is left: the only one is this node's own `source`",
    "add the other nodes' addresses",
  ]]],
  [
    "two kinds of IPv6 peers",
    router('unicast.peers = ["fe80::2", "2001:db8::3"]\n').replace("192.0.2.10/24", "fe80::10"),
    [[
      "site.toml:6:17",
      '["fe80::2", "2001:db8::3"]',
      "Link-local and other peers cannot be answered from one source address",
      "write link-local addresses for all of them, or for none",
    ]],
  ],
  ["no group", router('multicast_group = "192.0.2.9"\n'), [[
    "site.toml:6:19",
    '"192.0.2.9"',
    'Invalid `multicast_group`: "192.0.2.9" is not a multicast group',
    'write one such as `"224.0.0.118"` or `"ff02::118"`, or `unicast = { peers = […] }`',
  ]]],
  ["everybody's group", router('multicast_group = "224.0.0.1"\n'), [[
    "site.toml:6:19",
    '"224.0.0.1"',
    'Invalid `multicast_group`: "224.0.0.1" is the group of all hosts or routers',
    "choose another one",
  ]]],
  ["a group of the other family", router('multicast_group = "ff02::99"\n'), [[
    "site.toml:6:19",
    '"ff02::99"',
    "`multicast_group` has no effect: none is an IPv4 group, and the addresses are IPv4 " +
    "(site.toml:5:14)",
    'write one such as `"224.0.0.118"`, or leave the key out',
  ]]],
  ["a path as namespace", router('namespace = "/run/netns/blue"\n'), [[
    "site.toml:6:13",
    '"/run/netns/blue"',
    'Invalid `namespace`: "/run/netns/blue" is a path: the name alone is wanted',
    'write `"blue"` instead',
  ]]],
  ["the VRF itself", router('vrf = "eth0"\n'), [[
    "site.toml:3:13",
    '"eth0"',
    "The interface is the VRF itself (site.toml:6:7): adverts need one that belongs to it",
    "write the name of the interface that the peers are behind",
  ]]],
  [
    "one id with the same peers",
    router('unicast.peers = ["192.0.2.2"]\n') + another('unicast.peers = ["192.0.2.2"]\n'),
    [[
      "site.toml:10:21",
      "51",
      "Two routers of the id 51 hear the same unicast peers and cannot tell whose adverts they " +
      "are: first at site.toml:4:21",
      "give each an id or peers of its own; where all nodes are listed, leave this one out or " +
      "give each router a `source` of its own",
    ]],
  ],
];

for (const [name, text, expected] of BROKEN) {
  Deno.test(`transport refused: ${name}`, () => {
    assert.deepEqual(problemsOf({ "site.toml": text }), expected);
  });
}
