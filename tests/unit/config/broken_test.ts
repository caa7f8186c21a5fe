import assert from "node:assert/strict";
import { entriesOf, itemOf } from "../../../config/introspect.ts";
import { SITE_SCHEMA } from "../../../config/schema.ts";
import { type Expected, problemsOf, router } from "./fixtures.ts";

/** Name, text, and all problems it must give. */
const BROKEN: readonly (readonly [string, string, readonly Expected[]])[] = [
  ["empty file", "", [[
    "site.toml",
    "",
    "There is nothing to do: no virtual router, no BFD session and no virtual server is configured",
    "add a `[[vrrp]]` table with `name`, `interface`, `virtual_router_id` and `addresses`",
  ]]],
  ["a number that can only be milliseconds", router("advertisement_interval = 100\n"), [[
    "site.toml:6:26",
    "100",
    "Invalid `advertisement_interval`: 100 is not a duration with a unit, in quotes",
    'write `"100ms"` instead',
  ]]],
  ["keepalived's name for it: one error, not two", '[[vrrp_instance]]\nname = "web"\n', [[
    "site.toml:1:3",
    "vrrp_instance",
    "Unknown key `vrrp_instance` in the top level",
    "write `[[vrrp]]` with a `name` instead",
  ]]],
  ["misspelt key", router("priorty = 150\n"), [[
    "site.toml:6:1",
    "priorty",
    "Unknown key `priorty` in `[[vrrp]]`",
    "did you mean `priority`? write `priority` instead",
  ]]],
  [
    "misspelt required key is not called missing too",
    '[[vrrp]]\nname = "web"\ninterface = "eth0"\nvirtual_router = 51\naddresses = ["192.0.2.10"]\n',
    [[
      "site.toml:4:1",
      "virtual_router",
      "Unknown key `virtual_router` in `[[vrrp]]`",
      "did you mean `virtual_router_id`? write `virtual_router_id` instead",
    ]],
  ],
  ["unknown key that is near to none", router("zebra = 1\n"), [[
    "site.toml:6:1",
    "zebra",
    "Unknown key `zebra` in `[[vrrp]]`",
    `known here: ${[...entriesOf(itemOf(SITE_SCHEMA.entries.vrrp)!)!.keys()].join(", ")}`,
  ]]],
  ["key of another table", `control = "/run/x"\n${router("")}`, [[
    "site.toml:1:1",
    "control",
    "Unknown key `control` in the top level",
    "`control` belongs into `[agent]`",
  ]]],
  ["keepalived's word", router("advert_int = 1\n"), [[
    "site.toml:6:1",
    "advert_int",
    "Unknown key `advert_int` in `[[vrrp]]`",
    'write `advertisement_interval = "1s"` instead',
  ]]],
  ["no version of VRRP", router("version = 4\n"), [[
    "site.toml:6:11",
    "4",
    "Invalid `version`: 4 is not a version of VRRP that halb speaks",
    "write `3` instead, or leave the key out",
  ]]],
  ["version in quotes", router('version = "2"\n'), [[
    "site.toml:6:11",
    '"2"',
    'Invalid `version`: "2" is not the number 2 or 3',
    "write `2` instead",
  ]]],
  ["default for what is a router's own", `[defaults.vrrp]\nname = "x"\n${router("")}`, [[
    "site.toml:2:1",
    "name",
    "`name` belongs to one router: it has no default",
    "give it in each `[[vrrp]]`",
  ]]],
  ["number in quotes", router('priority = "150"\n'), [[
    "site.toml:6:12",
    '"150"',
    'Invalid `priority`: "150" is not a whole number',
    "write `150` instead",
  ]]],
  ["truth value in quotes", router('preempt = "no"\n'), [[
    "site.toml:6:11",
    '"no"',
    'Invalid `preempt`: "no" is not true or false',
    "write `false` instead",
  ]]],
  ["duration as a number", router("advertisement_interval = 2\n"), [[
    "site.toml:6:26",
    "2",
    "Invalid `advertisement_interval`: 2 is not a duration with a unit, in quotes",
    'write `"2s"` instead',
  ]]],
  ["duration with a long unit", router('advertisement_interval = "100 msec"\n'), [[
    "site.toml:6:26",
    '"100 msec"',
    'Invalid `advertisement_interval`: "100 msec" is not a duration with a unit (us, ms, s, m, h, d)',
    'write `"100ms"` instead',
  ]]],
  ["duration off its steps", router('advertisement_interval = "333ms"\n'), [[
    "site.toml:6:26",
    '"333ms"',
    'Invalid `advertisement_interval`: "333ms" is not a multiple of 10ms, as VRRP version 3 has it',
    'write `"330ms"` instead',
  ]]],
  ["duration too long", router('advertisement_interval = "1m"\n'), [[
    "site.toml:6:26",
    '"1m"',
    'Invalid `advertisement_interval`: "1m" is not between 10ms and 40.95s, as VRRP version 3 has it',
    'write `"40.95s"` instead',
  ]]],
  ["lease off whole seconds", router('address_lease = "1500ms"\n'), [[
    "site.toml:6:17",
    '"1500ms"',
    'Invalid `address_lease`: "1500ms" is not a multiple of 1s',
    'write `"2s"` instead',
  ]]],
  ["number out of range", router("priority = 256\n"), [[
    "site.toml:6:12",
    "256",
    "Invalid `priority`: 256 is not a whole number from 1 to 255",
    "write `255` instead",
  ]]],
  ["no whole number", router("priority = 1.5\n"), [[
    "site.toml:6:12",
    "1.5",
    "Invalid `priority`: 1.5 is not a whole number from 1 to 255",
    "write `2` instead",
  ]]],
  ["not a number", router("priority = nan\n"), [[
    "site.toml:6:12",
    "nan",
    "Invalid `priority`: NaN is not a whole number",
    "write `150` instead",
  ]]],
  ["word that is none of the choices", router('checksum = "rfc5789"\n'), [[
    "site.toml:6:12",
    '"rfc5789"',
    'Invalid `checksum`: "rfc5789" is not one of "auto", "rfc9568", "rfc5798", "ignore"',
    'write `"rfc5798"` instead',
  ]]],
  ["missing key", '[[vrrp]]\nname = "web"\nvirtual_router_id = 51\naddresses = ["192.0.2.10"]\n', [[
    "site.toml:1:1",
    "[[vrrp]]",
    "The key `interface` is missing",
    'add `interface = "eth0"`',
  ]]],
  ["missing key in an inline table", router("track.interfaces = [{ weight = 5 }]\n"), [[
    "site.toml:6:21",
    "{ weight = 5 }",
    "The key `track.interfaces.name` is missing",
    'add `name = "eth1"`',
  ]]],
  ["single value for a list", router('track.interfaces = "eth1"\n'), [[
    "site.toml:6:20",
    '"eth1"',
    'Invalid `track.interfaces`: "eth1" is not a list of names or tables',
    'write `["eth1"]` instead',
  ]]],
  ["command line for words", router('notify = { master = "/usr/bin/up --fast x" }\n'), [[
    "site.toml:6:21",
    '"/usr/bin/up --fast x"',
    'Invalid `notify.master`: "/usr/bin/up --fast x" is not a list: a program and its arguments',
    'write `["/usr/bin/up", "--fast", "x"]` instead',
  ]]],
  ["value for a table", router("garp = 5\n"), [[
    "site.toml:6:8",
    "5",
    "Invalid `garp`: 5 is not a table",
    'write `{ repeat = 5, delay = "5s", refresh = "60s" }` instead',
  ]]],
  ["one bracket for a list of tables", router("").replace("[[vrrp]]", "[vrrp]"), [[
    "site.toml:1:1",
    "[vrrp]",
    "`vrrp` is a list of tables: there may be several virtual routers",
    "write `[[vrrp]]` instead",
  ]]],
  ["two brackets for a table", `[[agent]]\nname = "x"\n${router("")}`, [[
    "site.toml:1:1",
    "[[agent]]",
    "`agent` is one table, not a list of tables",
    "write `[agent]` instead, once",
  ]]],
  ["no address at all", router("").replace('"192.0.2.10/24"', ""), [[
    "site.toml:5:1",
    "addresses",
    "A virtual router needs at least one address",
    undefined,
  ]]],
  [
    "bad addresses",
    router("").replace(
      '"192.0.2.10/24"',
      '"192.0.2.300/24", "192.0.2.010/24", "192.0.2.10/255.255.255.0", "192.0.2.10/33", "224.0.0.18"',
    ),
    [
      [
        "site.toml:5:14",
        '"192.0.2.300/24"',
        'Invalid `addresses`: "192.0.2.300/24" is not an IPv4 address with prefix length, such as 192.0.2.10/24',
        undefined,
      ],
      [
        "site.toml:5:32",
        '"192.0.2.010/24"',
        'Invalid `addresses`: "192.0.2.010/24" is not an IPv4 address with prefix length, such as 192.0.2.10/24',
        'write `"192.0.2.10/24"` instead',
      ],
      [
        "site.toml:5:50",
        '"192.0.2.10/255.255.255.0"',
        'Invalid `addresses`: "192.0.2.10/255.255.255.0" has no prefix length from 1 to 32',
        'write `"192.0.2.10/24"` instead',
      ],
      [
        "site.toml:5:78",
        '"192.0.2.10/33"',
        'Invalid `addresses`: "192.0.2.10/33" has no prefix length from 1 to 32',
        undefined,
      ],
      [
        "site.toml:5:95",
        '"224.0.0.18"',
        'Invalid `addresses`: "224.0.0.18" is a multicast address: no router can hold it',
        undefined,
      ],
    ],
  ],
  [
    "network and broadcast addresses",
    router("").replace(
      '"192.0.2.10/24"',
      '"192.0.2.0/24", { address = "192.0.2.255/24" }',
    ),
    [
      [
        "site.toml:5:14",
        '"192.0.2.0/24"',
        'Invalid `addresses`: "192.0.2.0/24" is the network address of its /24: no router can hold it',
        undefined,
      ],
      [
        "site.toml:5:42",
        '"192.0.2.255/24"',
        'Invalid `addresses.address`: "192.0.2.255/24" is the broadcast address of its /24: no router can hold it',
        undefined,
      ],
    ],
  ],
  [
    "an interface in two groups",
    router("") + '[[garp_group]]\ninterfaces = ["eth0", "eth1"]\n' +
    '[[garp_group]]\ninterfaces = ["eth1"]\n',
    [[
      "site.toml:9:15",
      '"eth1"',
      '"eth1" is in two groups: first at site.toml:7:23',
      "leave out one of the two",
    ]],
  ],
  ["a group that is no list", "garp_group = 5\n" + router(""), [[
    "site.toml:1:14",
    "5",
    "`garp_group` is a list of tables",
    "write `[[garp_group]]` instead",
  ]]],
  ["source with a prefix length", router('source = "192.0.2.1/24"\n'), [[
    "site.toml:6:10",
    '"192.0.2.1/24"',
    'Invalid `source`: "192.0.2.1/24" has a prefix length: a plain address is wanted here',
    'write `"192.0.2.1"` instead',
  ]]],
  ["virtual address as source", router('source = "192.0.2.10"\n'), [[
    "site.toml:6:10",
    '"192.0.2.10"',
    'Invalid `source`: "192.0.2.10" is a virtual address of this router (site.toml:5:14)',
    "write the node's own address, or leave the key out",
  ]]],
  [
    "interface names",
    router("").replace("eth0", "lo") + 'track.interfaces = ["a/b", "abcdefghijklmnop"]\n',
    [
      [
        "site.toml:3:13",
        '"lo"',
        'Invalid `interface`: "lo" is the loopback interface: it has no neighbours to talk to',
        undefined,
      ],
      [
        "site.toml:6:21",
        '"a/b"',
        'Invalid `track.interfaces`: "a/b" is not an interface name: 1 to 15 bytes, no blanks, no /',
        undefined,
      ],
      [
        "site.toml:6:28",
        '"abcdefghijklmnop"',
        'Invalid `track.interfaces`: "abcdefghijklmnop" is longer than 15 bytes, the most an interface name can have',
        undefined,
      ],
    ],
  ],
  [
    "label too long",
    router("").replace(
      '"192.0.2.10/24"',
      '{ address = "192.0.2.10", label = "abcdefghijklmnop" }',
    ),
    [[
      "site.toml:5:48",
      '"abcdefghijklmnop"',
      'Invalid `addresses.label`: "abcdefghijklmnop" is longer than 15 bytes, the most a label can have',
      undefined,
    ]],
  ],
  ["name with a blank", router("").replace('"web"', '"web server"'), [[
    "site.toml:2:8",
    '"web server"',
    'Invalid `name`: "web server" is not a name: 1 to 64 letters, digits and . _ - : @ +',
    'write `"web-server"` instead',
  ]]],
  ["log target", `agent.log.targets = ["/var/log/halb", "journald"]\n${router("")}`, [
    [
      "site.toml:1:22",
      '"/var/log/halb"',
      'Invalid `log.targets`: "/var/log/halb" is not a log target: stderr, journal, syslog, or file: and an absolute path',
      'write `"file:/var/log/halb"` instead',
    ],
    [
      "site.toml:1:39",
      '"journald"',
      'Invalid `log.targets`: "journald" is not a log target: stderr, journal, syslog, or file: and an absolute path',
      undefined,
    ],
  ]],
  ["the same router twice", router("") + router(""), [
    [
      "site.toml:7:8",
      '"web"',
      'Two virtual routers have the name "web": first at site.toml:2:8',
      "give each router a name of its own",
    ],
    [
      "site.toml:9:21",
      "51",
      'Two IPv4 routers on "eth0" have the id 51: first at site.toml:4:21',
      "give each router on a LAN an id of its own, from 1 to 255",
    ],
    [
      "site.toml:10:14",
      '"192.0.2.10/24"',
      'The address "192.0.2.10/24" is held twice on one interface: first at site.toml:5:14',
      "leave out one of the two",
    ],
  ]],
  [
    "a wrong default is reported once",
    `[defaults.vrrp]\npriority = 0\n${router("")}${
      router("").replace("web", "x").replace("51", "52").replace("10/24", "11/24")
    }`,
    [[
      "site.toml:2:12",
      "0",
      "Invalid `priority`: 0 is not a whole number from 1 to 255",
      "write `1` instead",
    ]],
  ],
  ["substitution that is not alone", router("priority = { by_host = {}, x = 1 }\n"), [[
    "site.toml:6:12",
    "{ by_host = {}, x = 1 }",
    "Invalid `priority`: { by_host = {}, x = 1 } is not a whole number",
    "write `150` instead",
  ]]],
  [
    "tabs and wide characters before the place",
    router('\tgarp = { "delay" = "5s", "ré😀" = 1 }\n'),
    [[
      "site.toml:6:27",
      '"ré😀"',
      'Unknown key `"ré😀"` in `garp`',
      "known here: repeat, delay, refresh, refresh_repeat, interval, neighbour_interval, " +
      "lower_priority_repeat, lower_priority_delay, form, other_interfaces_refresh",
    ]],
  ],
];

for (const [name, text, expected] of BROKEN) {
  Deno.test(`broken: ${name}`, () => {
    assert.deepEqual(problemsOf({ "site.toml": text }), expected);
  });
}

Deno.test("more addresses than an advert can carry", () => {
  const list = Array.from({ length: 256 }, (_, i) => `"192.0.${2 + (i >> 7)}.${(i & 127) + 1}"`);
  const text = router("").replace('"192.0.2.10/24"', list.join(", "));
  const [problem] = problemsOf({ "site.toml": text });
  assert.equal(problem?.[0], "site.toml:5:1");
  assert.equal(problem?.[2], "256 addresses are more than the 255 an advert can carry");
});
