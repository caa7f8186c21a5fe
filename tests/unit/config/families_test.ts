/** VRRP version 2 and IPv6 in site.toml: what is accepted, refused and doubted. */

import assert from "node:assert/strict";
import { routerFamily } from "../../../config/mod.ts";
import {
  type Expected,
  FAMILIES,
  load,
  loadValid,
  problemsOf,
  router,
  underlined,
} from "./fixtures.ts";

/** The usual router over IPv6, from line 6 on `more`. */
function router6(more: string, addresses = '"fe80::10", "2001:db8::10/64"'): string {
  return router(more).replace('"192.0.2.10/24"', addresses);
}

/** The warnings of a text that must be valid. */
function warningsOf(text: string): Expected[] {
  const result = load({ "site.toml": text });
  assert.deepEqual(result.ok ? [] : result.problems, []);
  assert.ok(result.ok);
  return result.warnings.map((problem) => {
    assert.equal(problem.severity, "warning");
    const place = `${problem.file}:${problem.line}:${problem.column}`;
    return [place, underlined(problem), problem.message, problem.suggestion];
  });
}

Deno.test("addresses of both families become canonical, each with the longest prefix by default", () => {
  const { vrrp } = loadValid({ "site.toml": FAMILIES });
  assert.deepEqual(vrrp.map(({ addresses }) => addresses), [
    [
      { address: "fe80::a", prefix_length: 64, interface: "eth0" },
      { address: "2001:db8::10", prefix_length: 128, interface: "eth1" },
      { address: "2001:db8::c000:20b", prefix_length: 64, interface: "eth0" },
    ],
    [{ address: "192.0.2.10", prefix_length: 24, interface: "eth0" }],
    [{ address: "198.51.100.10", prefix_length: 32, interface: "eth0" }],
  ]);
  assert.deepEqual(
    vrrp.map((one) => [
      routerFamily(one),
      one.version,
      one.v2_compatibility,
      one.advertisement_interval,
      one.source,
    ]),
    [
      ["ipv6", 3, false, 1_000_000, "fe80::1"],
      ["ipv4", 3, true, 1_000_000, undefined],
      ["ipv4", 2, false, 255_000_000, undefined],
    ],
  );
  assert.deepEqual(warningsOf(FAMILIES), []);
});

Deno.test("a source of a router of both families is of either, and link-local where it is IPv6", () => {
  const text = (addresses: string, source: string) =>
    router("").replace(/addresses = .*/, `addresses = [${addresses}]\nsource = "${source}"`);
  for (const addresses of ['"192.0.2.10", "fe80::10"', '"fe80::10", "192.0.2.10"']) {
    for (const source of ["192.0.2.1", "fe80::1"]) {
      const [web] = loadValid({ "site.toml": text(addresses, source) }).vrrp;
      assert.equal(web!.source, source);
    }
    const [first] = problemsOf({ "site.toml": text(addresses, "2001:db8::1") });
    assert.match(first![2], /"2001:db8::1" is not link-local/);
  }
});

/** Texts of addresses, and what must be said of each. */
const ADDRESSES: readonly (readonly [string, string, string | undefined])[] = [
  ["::", "is the unspecified address: no router can hold it", undefined],
  ["::1", "is the loopback address: no router can hold it", undefined],
  ["ff02::12", "is a multicast address: no router can hold it", undefined],
  [
    "::ffff:192.0.2.10",
    "is an IPv4-mapped address: no router can hold it",
    'write `"192.0.2.10"` instead',
  ],
  [
    "::ffff:c000:20a/120",
    "is an IPv4-mapped address: no router can hold it",
    'write `"192.0.2.10/24"` instead',
  ],
  [
    "2001:db8::/64",
    "is the subnet-router anycast address of its /64: no router can hold it",
    undefined,
  ],
  ["fe80::10/0", "has no prefix length from 1 to 128", undefined],
  ["fe80::10/129", "has no prefix length from 1 to 128", undefined],
  [
    "fe80::10/64/1",
    "is not an IPv6 address with prefix length, such as 2001:db8::10/64",
    undefined,
  ],
  ["fe80::10/ffff:ffff::", "has no prefix length from 1 to 128", 'write `"fe80::10/32"` instead'],
  [
    "[fe80::10]/64",
    "is not an IPv6 address with prefix length, such as 2001:db8::10/64",
    'write `"fe80::10/64"` instead',
  ],
  [
    "fe80::10%eth0/64",
    "has a zone: the interface is known already",
    'write `"fe80::10/64"` instead',
  ],
  [
    "2001:db8::1::2",
    "is not an IPv6 address with prefix length, such as 2001:db8::10/64",
    undefined,
  ],
  [
    "www",
    "is not an IP address with prefix length, such as 192.0.2.10/24 or 2001:db8::10/64",
    undefined,
  ],
  ["192.0.2.10/64", "has no prefix length from 1 to 32", undefined],
];

for (const [text, message, suggestion] of ADDRESSES) {
  Deno.test(`families: no virtual address: ${text}`, () => {
    const shown = JSON.stringify(text);
    assert.deepEqual(problemsOf({ "site.toml": router6("", `"fe80::9", ${shown}`) }), [
      ["site.toml:5:25", shown, `Invalid \`addresses\`: ${shown} ${message}`, suggestion],
    ]);
  });
}

Deno.test("the ends of IPv6 networks are addresses as any other, from /127 on the first too", () => {
  const list =
    '"fe80::10", "2001:db8::/127", "2001:db8:0:1::/128", "2001:db8::ffff:ffff:ffff:ffff/64"';
  const [web] = loadValid({ "site.toml": router6("", list) }).vrrp;
  assert.equal(web?.addresses.length, 4);
});

/** Name, text, and all problems it must give. */
const BROKEN: readonly (readonly [string, string, readonly Expected[]])[] = [
  ["version 2 in both families", router6("version = 2\n", '"192.0.2.10", "fe80::10"'), [[
    "site.toml:6:11",
    "2",
    "Invalid `version`: VRRP version 2 is for IPv4 only, and this is a router of both families " +
    "(site.toml:5:28)",
    "write `version = 3` for this router",
  ]]],
  [
    "both versions in both families",
    router6("v2_compatibility = true\n", '"192.0.2.10", "fe80::10"'),
    [[
      "site.toml:6:20",
      "true",
      "`v2_compatibility` is for IPv4, and this is a router of both families (site.toml:5:28)",
      "write two routers, one for each family: they may have the same id",
    ]],
  ],
  ["an owner in both families", router6("priority = 255\n", '"192.0.2.10", "fe80::10"'), [[
    "site.toml:6:12",
    "255",
    "priority 255, the owner, for a router of both families (site.toml:5:28) is planned, but " +
    "not in halb 0.1.0",
    "write two routers, one for each family: they may have the same id",
  ]]],
  ["version 2 over IPv6", router6("version = 2\n"), [[
    "site.toml:6:11",
    "2",
    'Invalid `version`: VRRP version 2 is for IPv4 only, and "fe80::10" (site.toml:5:14) is IPv6',
    "write `version = 3` for this router",
  ]]],
  ["version 2 below a second", router('version = 2\nadvertisement_interval = "100ms"\n'), [[
    "site.toml:7:26",
    '"100ms"',
    'Invalid `advertisement_interval`: "100ms" is not between 1s and 255s, as VRRP version 2 ' +
    "(site.toml:6:11) has it",
    'write `"1s"` instead',
  ]]],
  ["version 2 between seconds", router('version = 2\nadvertisement_interval = "1.5s"\n'), [[
    "site.toml:7:26",
    '"1.5s"',
    'Invalid `advertisement_interval`: "1.5s" is not a multiple of 1s, as VRRP version 2 ' +
    "(site.toml:6:11) has it",
    'write `"2s"` instead',
  ]]],
  ["version 2 above 255 s", router('version = 2\nadvertisement_interval = "5m"\n'), [[
    "site.toml:7:26",
    '"5m"',
    'Invalid `advertisement_interval`: "5m" is not between 1s and 255s, as VRRP version 2 ' +
    "(site.toml:6:11) has it",
    'write `"255s"` instead',
  ]]],
  [
    "version 2 with the default of version 3 routers",
    `[defaults.vrrp]\nadvertisement_interval = "100ms"\n${router("version = 2\n")}`,
    [[
      "site.toml:2:26",
      '"100ms"',
      'Invalid `advertisement_interval`: "100ms" is not between 1s and 255s, as VRRP version 2 ' +
      "(site.toml:8:11) has it",
      'write `"1s"` instead',
    ]],
  ],
  ["label over IPv6", router6("", '"fe80::10", { address = "2001:db8::10", label = "web" }'), [[
    "site.toml:5:62",
    '"web"',
    "Invalid `addresses.label`: the kernel knows labels of IPv4 addresses only",
    "leave the key out",
  ]]],
  ["source of IPv4 for IPv6", router6('source = "192.0.2.1"\n'), [[
    "site.toml:6:10",
    '"192.0.2.1"',
    'Invalid `source`: "192.0.2.1" is an IPv4 address, and the virtual ones are IPv6 (site.toml:5:14)',
    "write the interface's IPv6 link-local address, or leave the key out",
  ]]],
  ["source of IPv6 for IPv4", router('source = "fe80::1"\n'), [[
    "site.toml:6:10",
    '"fe80::1"',
    'Invalid `source`: "fe80::1" is an IPv6 address, and the virtual ones are IPv4 (site.toml:5:14)',
    "write an IPv4 address of the node, or leave the key out",
  ]]],
  ["source that is not link-local", router6('source = "2001:db8::1"\n'), [[
    "site.toml:6:10",
    '"2001:db8::1"',
    'Invalid `source`: "2001:db8::1" is not link-local, as the source of adverts over IPv6 must ' +
    "be (RFC 9568 section 5.1.2.1)",
    "write the link-local address of the interface, or leave the key out",
  ]]],
  ["source with a zone", router6('source = "fe80::1%eth0"\n'), [[
    "site.toml:6:10",
    '"fe80::1%eth0"',
    'Invalid `source`: "fe80::1%eth0" has a zone: the interface is known already',
    'write `"fe80::1"` instead',
  ]]],
  ["IPv6 source with a prefix length", router6('source = "fe80::1/64"\n'), [[
    "site.toml:6:10",
    '"fe80::1/64"',
    'Invalid `source`: "fe80::1/64" has a prefix length: a plain address is wanted here',
    'write `"fe80::1"` instead',
  ]]],
  ["multicast source", router6('source = "ff02::12"\n'), [[
    "site.toml:6:10",
    '"ff02::12"',
    'Invalid `source`: "ff02::12" is a multicast address',
    undefined,
  ]]],
  ["virtual address as source, written otherwise", router6('source = "FE80:0::0010"\n'), [[
    "site.toml:6:10",
    '"FE80:0::0010"',
    'Invalid `source`: "FE80:0::0010" is a virtual address of this router (site.toml:5:14)',
    "write the node's own address, or leave the key out",
  ]]],
  ["compatibility of version 2", router("version = 2\nv2_compatibility = true\n"), [[
    "site.toml:7:20",
    "true",
    "`v2_compatibility` is for a router of version 3: this one (site.toml:6:11) speaks version 2 anyway",
    "leave the key out, or write `v2_compatibility = false` for this router",
  ]]],
  ["compatibility over IPv6", router6("v2_compatibility = true\n"), [[
    "site.toml:6:20",
    "true",
    "`v2_compatibility` is for IPv4: VRRP version 2 does not know addresses such as " +
    '"fe80::10" (site.toml:5:14)',
    "leave the key out, or write `v2_compatibility = false` for this router",
  ]]],
  [
    "versions 2 and 3 under one id",
    router("") + router("version = 2\n").replace("web", "old").replace("2.10", "2.11"),
    [[
      "site.toml:9:21",
      "51",
      'Two IPv4 routers on "eth0" have the id 51: first at site.toml:4:21',
      "write one router of version 3 with `v2_compatibility = true`: it speaks both versions",
    ]],
  ],
  [
    "one IPv6 address in two notations, one id",
    router6("") +
    router6("", '"fe80::11", { address = "2001:DB8:0:0::10" }').replace("web", "other"),
    [
      [
        "site.toml:9:21",
        "51",
        'Two IPv6 routers on "eth0" have the id 51: first at site.toml:4:21',
        "give each router on a LAN an id of its own, from 1 to 255",
      ],
      [
        "site.toml:10:38",
        '"2001:DB8:0:0::10"',
        'The address "2001:DB8:0:0::10" is held twice on one interface: first at site.toml:5:26',
        "leave out one of the two",
      ],
    ],
  ],
  ["keepalived's word for IPv6", router("native_ipv6 = true\n"), [[
    "site.toml:6:1",
    "native_ipv6",
    "Unknown key `native_ipv6` in `[[vrrp]]`",
    "leave it out: the addresses decide",
  ]]],
];

for (const [name, text, expected] of BROKEN) {
  Deno.test(`families: broken: ${name}`, () => {
    assert.deepEqual(problemsOf({ "site.toml": text }), expected);
  });
}

/** Name, text, and all warnings it must give. */
const DOUBTFUL: readonly (readonly [string, string, readonly Expected[]])[] = [
  ["no link-local address", router6("", '"2001:db8::10/64"'), [[
    "site.toml:5:14",
    '"2001:db8::10/64"',
    "The first address of a router over IPv6 must be link-local (RFC 9568 section 5.2.9), and " +
    '"2001:db8::10/64" is not: other routers may complain',
    'put `"fe80::200:5eff:fe00:233"` before it',
  ]]],
  ["link-local address, but not first", router6("", '{ address = "2001:db8::10" }, "fe80::10"'), [[
    "site.toml:5:26",
    '"2001:db8::10"',
    "The first address of a router over IPv6 must be link-local (RFC 9568 section 5.2.9), and " +
    '"2001:db8::10" is not: other routers may complain',
    'put "fe80::10" first',
  ]]],
  [
    "compatibility below a second",
    router('v2_compatibility = true\nadvertisement_interval = "100ms"\n'),
    [[
      "site.toml:7:26",
      '"100ms"',
      'Adverts every "100ms" may overwhelm routers that speak version 2 only, and none of these ' +
      "should have a higher priority than this router (RFC 9568 section 8.4.3; " +
      "`v2_compatibility` at site.toml:6:20)",
      'write `"1s"` until no such router is left; then take `v2_compatibility` out and shorten ' +
      "the interval",
    ]],
  ],
  ["compatibility from a second on", router("v2_compatibility = true\n"), []],
  ["checksum over IPv6", router6('checksum = "ignore"\n'), [[
    "site.toml:6:1",
    "checksum",
    "`checksum` has no effect over IPv6: there is one rule only",
    "leave the key out",
  ]]],
  ["checksum in version 2", router('version = 2\nchecksum = "rfc5798"\n'), [[
    "site.toml:7:1",
    "checksum",
    "`checksum` has no effect in version 2: there is one rule only",
    "leave the key out",
  ]]],
  ["checksum auto", router6('checksum = "auto"\n'), []],
  ["checksum as a default for others", `[defaults.vrrp]\nchecksum = "ignore"\n${router6("")}`, []],
];

for (const [name, text, expected] of DOUBTFUL) {
  Deno.test(`families: doubtful: ${name}`, () => {
    assert.deepEqual(warningsOf(text), expected);
  });
}

Deno.test("an interval out of the environment is refused without telling it", () => {
  const text = router("version = 2\nadvertisement_interval = { env = 'T' }\n");
  assert.deepEqual(problemsOf({ "site.toml": text }, { variables: { T: "1700ms" } }), [[
    "site.toml:7:34",
    "'T'",
    "Invalid `advertisement_interval`: the value of the environment variable T is not a multiple " +
    "of 1s, as VRRP version 2 (site.toml:6:11) has it",
    undefined,
  ]]);
});

Deno.test("one IPv6 address on two interfaces is two link-local addresses", () => {
  const other = router6("", '"fe80::10"').replace("web", "lan").replace("eth0", "eth1");
  loadValid({ "site.toml": router6("", '"fe80::10"') + other });
});

Deno.test("both families in one router: accepted, with the link-local address first among its own", () => {
  assert.deepEqual(warningsOf(router6("", '"192.0.2.10/24", "fe80::10", "2001:db8::10"')), []);
  assert.deepEqual(warningsOf(router6("", '"fe80::10", "2001:db8::10", "192.0.2.10/24"')), []);
  const [[place, , message] = []] = warningsOf(router6("", '"192.0.2.10/24", "2001:db8::10"'));
  assert.equal(place, "site.toml:5:31");
  assert.match(message!, /^The first address of a router over IPv6 must be link-local/);
});

Deno.test("routers of both families count twice towards what an agent can run", () => {
  const networks = ["192.0.2", "198.51.100", "203.0.113"];
  const both = networks.length * 256;
  // One more than there is room for.
  const count = 4_097 - both;
  const text = Array.from({ length: count }, (_, i) => {
    const ipv4 = i < both ? `"${networks[i >> 8]}.${i & 255}/32", ` : "";
    return `[[vrrp]]
name = "r${i}"
interface = "i${i}"
virtual_router_id = 51
addresses = [${ipv4}"fe80::${(i + 1).toString(16)}/64"]
`;
  }).join("");
  assert.deepEqual(
    problemsOf({ "site.toml": text }).map(([place, , message]) => [place, message]),
    [
      [
        `site.toml:${(count - 1) * 5 + 2}:8`,
        "More than the 4096 virtual routers that halb can run: those of both families count twice",
      ],
    ],
  );
});
