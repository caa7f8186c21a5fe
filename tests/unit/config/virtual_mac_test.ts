/** `virtual_mac` in site.toml: what it comes to, and what it contradicts. */

import assert from "node:assert/strict";
import { type Expected, load, loadValid, problemsOf, router, underlined } from "./fixtures.ts";
import { virtualInterfaceName, virtualMacAddress } from "../../../config/mod.ts";

/** The usual router from line 6 on `more`, and another one with the id 52 and `other`. */
function two(more: string, other: string): string {
  const second = router(other).replace('"web"', '"lan"').replace("51", "52")
    .replace("192.0.2.10", "192.0.2.11");
  return `${router(more)}\n${second}`;
}

Deno.test("true, false and a table; name and address follow from id and family", () => {
  const configs = [
    ["", false],
    ["virtual_mac = false\n", false],
    ["virtual_mac = true\n", { transmit_on_base: false, type: "macvlan" }],
    [
      'virtual_mac = { mac = "02-00-00-00-00-AB", interface = "vmac", transmit_on_base = true }\n',
      { mac: "02:00:00:00:00:ab", interface: "vmac", transmit_on_base: true, type: "macvlan" },
    ],
    ['virtual_mac = { type = "ipvlan" }\n', { transmit_on_base: false, type: "ipvlan" }],
  ] as const;
  for (const [text, wanted] of configs) {
    assert.deepEqual(loadValid({ "site.toml": router(text) }).vrrp[0]!.virtual_mac, wanted, text);
  }
  const plain = { transmit_on_base: false, type: "macvlan" } as const;
  assert.equal(virtualInterfaceName(plain, 51, "ipv4"), "vrrp.51");
  assert.equal(virtualInterfaceName(plain, 255, "ipv6"), "vrrp6.255");
  assert.equal(virtualInterfaceName({ ...plain, interface: "x" }, 51, "ipv6"), "x");
  assert.equal(virtualMacAddress(plain, 51, "ipv4"), "00:00:5e:00:01:33");
  assert.equal(virtualMacAddress(plain, 1, "ipv6"), "00:00:5e:00:02:01");
  assert.equal(
    virtualMacAddress({ ...plain, mac: "02:00:00:00:00:ab" }, 1, "ipv6"),
    "02:00:00:00:00:ab",
  );
  assert.equal(virtualMacAddress({ ...plain, type: "ipvlan" }, 51, "ipv4"), undefined);
});

Deno.test("the default of all routers serves each, with a name of its own", () => {
  const text = `[defaults.vrrp]\nvirtual_mac = { transmit_on_base = true }\n` +
    two("", "virtual_mac = false\n");
  const { vrrp } = loadValid({ "site.toml": text });
  assert.deepEqual(vrrp.map(({ virtual_mac }) => virtual_mac), [
    { transmit_on_base: true, type: "macvlan" },
    false,
  ]);
});

/** Texts, and what must be said of each. */
const BROKEN: readonly (readonly [string, string, readonly Expected[]])[] = [
  ["no hardware address", router('virtual_mac = { mac = "02:00:00:00:51" }\n'), [[
    "site.toml:6:23",
    '"02:00:00:00:51"',
    'Invalid `virtual_mac.mac`: "02:00:00:00:51" is not a hardware address: six bytes such as ' +
    "02:00:00:00:00:51",
    undefined,
  ]]],
  ["a multicast address", router('virtual_mac = { mac = "01:00:5e:00:00:12" }\n'), [[
    "site.toml:6:23",
    '"01:00:5e:00:00:12"',
    'Invalid `virtual_mac.mac`: "01:00:5e:00:00:12" is a multicast address: no interface can ' +
    "have it",
    'write `"00:00:5e:00:00:12"` instead',
  ]]],
  [
    "one name and one address for both families",
    router(
      'virtual_mac = { interface = "v", mac = "02:00:00:00:00:51" }\n',
    ).replace('["192.0.2.10/24"]', '["192.0.2.10/24", "fe80::10/64"]'),
    [[
      "site.toml:6:17",
      "interface",
      "A router of both families has a virtual MAC for each of them: `interface` is for one",
      "leave `interface` out, or give each family a router and put both into a sync group",
    ], [
      "site.toml:6:34",
      "mac",
      "A router of both families has a virtual MAC for each of them: `mac` is for one",
      "leave `mac` out, or give each family a router and put both into a sync group",
    ]],
  ],
  ["mac of an ipvlan", router('virtual_mac = { type = "ipvlan", mac = "02:00:00:00:00:51" }\n'), [[
    "site.toml:6:34",
    "mac",
    "An ipvlan has the hardware address of the interface it lies upon: `mac` is for a macvlan",
    'leave `mac` out, or write `type = "macvlan"`',
  ]]],
  [
    "one name for two",
    two('virtual_mac = { interface = "v" }\n', 'virtual_mac = { interface = "v" }\n'),
    [[
      "site.toml:13:15",
      '{ interface = "v" }',
      "Two virtual routers would have the interface `v`: first at site.toml:6:15",
      'give each a name of its own: `virtual_mac = { interface = "…" }`',
    ]],
  ],
  [
    "one address for two",
    two(
      'virtual_mac = { mac = "02:00:00:00:00:51" }\n',
      'virtual_mac = { mac = "02:00:00:00:00:51" }\n',
    ),
    [[
      "site.toml:13:15",
      '{ mac = "02:00:00:00:00:51" }',
      "Two virtual routers on one interface would have the hardware address 02:00:00:00:00:51: " +
      "first at site.toml:6:15",
      "give each router an address of its own",
    ]],
  ],
  [
    "both kinds on one interface",
    two("virtual_mac = true\n", 'virtual_mac = { type = "ipvlan" }\n'),
    [[
      "site.toml:13:15",
      '{ type = "ipvlan" }',
      'The kernel puts macvlans and ipvlans on "eth0" one or the other, not both: another kind is ' +
      "at site.toml:6:15",
      "write the same `type` for all routers on one interface",
    ]],
  ],
  [
    "its own interface tracked",
    router('virtual_mac = true\ntrack = { interfaces = ["vrrp.51"] }\n'),
    [[
      "site.toml:6:15",
      "true",
      "The virtual MAC's interface `vrrp.51` is one that halb makes, and that is down while " +
      "another node is master: it cannot be used at site.toml:7:25",
      "name the interface that it lies upon there, or give this one another name",
    ]],
  ],
];

for (const [name, text, expected] of BROKEN) {
  Deno.test(`virtual_mac: ${name}`, () => {
    assert.deepEqual(problemsOf({ "site.toml": text }), expected);
  });
}

Deno.test("virtual_mac: what works, and is doubted", () => {
  const result = load({
    "site.toml": router(
      "priority = 255\nvirtual_mac = true\n",
    ),
  });
  assert.ok(result.ok);
  assert.deepEqual(result.warnings.map((one) => [one.line, underlined(one)]), [[7, "virtual_mac"]]);
});
