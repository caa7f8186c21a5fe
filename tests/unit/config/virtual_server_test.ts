/** Virtual servers in site.toml: what is accepted, what it means, what is refused in which words. */

import assert from "node:assert/strict";
import {
  listenOf,
  marksOf,
  realServerOf,
  serviceOf,
  sorryServerOf,
  type VirtualServerConfig,
} from "../../../config/mod.ts";
import { SCHEDULERS } from "../../../config/virtual_server_schema.ts";
import { buildTable, netmaskOf } from "../../../mod/ipvs/mod.ts";
import { load, loadValid, problemsOf, router } from "./fixtures.ts";

/** A virtual server of one line for each key, and one real server. */
function server(more = "", real = 'address = "198.51.100.11:8080"\n'): string {
  return `[[virtual_server]]\nname = "web"\nlisten = "192.0.2.10:80"\n${more}` +
    `[[virtual_server.real_server]]\n${real}`;
}

/** Everything after the name is given. */
function bare(more: string): string {
  return `[[virtual_server]]\nname = "web"\n${more}`;
}

function one(text: string): VirtualServerConfig {
  const [only, ...others] = loadValid({ "site.toml": text }).virtual_server;
  assert.equal(others.length, 0);
  return only!;
}

/** Place and words of what is wrong, warnings too. */
function wrong(text: string): string[] {
  const result = load({ "site.toml": text });
  const problems = result.ok ? result.warnings : result.problems;
  return problems.map(({ line, column, severity, message, suggestion }) =>
    `${line}:${column} ${severity}: ${message} | ${suggestion ?? ""}`
  );
}

Deno.test("a virtual server alone is a site, with the values of the contract where nobody gives any", () => {
  const { listed: _, ...config } = one(server());
  assert.deepEqual(config, {
    name: "web",
    listen: [{ address: "192.0.2.10", port: 80 }],
    fwmark: [],
    family: "ipv4",
    protocol: "tcp",
    scheduler: "wlc",
    flags: [],
    one_packet: false,
    persistence: null,
    quorum: 1,
    hysteresis: 0,
    run_down_on_stop: false,
    forward: "nat",
    on_failure: "remove",
    start_down: false,
    slow_start: 0,
    drain_timeout: 0,
    default_weight: 1,
    real_server: [{
      address: { address: "198.51.100.11", port: 8080 },
      weight: 1,
      forward: "nat",
      thresholds: { upper: 0, lower: 0 },
      on_failure: "remove",
      start_down: false,
      slow_start: 0,
      drain_timeout: 0,
      check: [],
      require: "all",
    }],
  });
});

Deno.test("real servers take what they do not say from their virtual server, and that from the defaults", () => {
  const config = one(`[defaults.virtual_server]
scheduler = "wrr"
forward = "tunnel"
tunnel = { type = "gue", port = 6080 }
thresholds = { upper = 100 }
start_down = true
${
    server(
      'scheduler = "rr"\ndefault_weight = 7\nslow_start = "30s"\non_failure = "weight-zero"\n',
      'address = "198.51.100.11"\n',
    )
  }
[[virtual_server.real_server]]
address = "2001:0db8::11"
weight = 3
forward = "tunnel"
tunnel = { type = "gre", checksum = "full" }
thresholds = { upper = 10, lower = 5 }
start_down = false
slow_start = "0s"
on_failure = "remove"
drain_timeout = "1m"
[[virtual_server.real_server]]
address = "198.51.100.12"
forward = "direct"
`);
  assert.equal(config.scheduler, "rr");
  assert.deepEqual(config.real_server, [
    {
      address: { address: "198.51.100.11" },
      weight: 7,
      forward: "tunnel",
      tunnel: { type: "gue", port: 6080, checksum: "none" },
      thresholds: { upper: 100, lower: 0 },
      on_failure: "weight-zero",
      start_down: true,
      slow_start: 30_000_000,
      drain_timeout: 0,
      check: [],
      require: "all",
    },
    {
      address: { address: "2001:db8::11" },
      weight: 3,
      forward: "tunnel",
      tunnel: { type: "gre", checksum: "full" },
      thresholds: { upper: 10, lower: 5 },
      on_failure: "remove",
      start_down: false,
      slow_start: 0,
      drain_timeout: 60_000_000,
      check: [],
      require: "all",
    },
    {
      address: { address: "198.51.100.12" },
      weight: 7,
      forward: "direct",
      thresholds: { upper: 100, lower: 0 },
      on_failure: "weight-zero",
      start_down: true,
      slow_start: 30_000_000,
      drain_timeout: 0,
      check: [],
      require: "all",
    },
  ]);
});

Deno.test("every form of listen, canonical, and what the kernel's table makes of it", () => {
  const forms: [string, VirtualServerConfig["listen"]][] = [
    ['"192.0.2.10:80"', [{ address: "192.0.2.10", port: 80 }]],
    ['["192.0.2.10:80", "192.0.2.10:443"]', [
      { address: "192.0.2.10", port: 80 },
      { address: "192.0.2.10", port: 443 },
    ]],
    ['"192.0.2.250-192.0.2.255:80"', [{
      address: "192.0.2.250",
      last: "192.0.2.255",
      port: 80,
    }]],
    // As keepalived writes it.
    ['"192.0.2.10-12:80"', [{ address: "192.0.2.10", last: "192.0.2.12", port: 80 }]],
    ['"192.0.2.10-192.0.2.10:80"', [{ address: "192.0.2.10", port: 80 }]],
    ['"192.0.2.16/28:80"', [{ address: "192.0.2.16", prefix_length: 28, port: 80 }]],
    ['"192.0.2.16/32:80"', [{ address: "192.0.2.16", port: 80 }]],
  ];
  for (const [text, listen] of forms) {
    const config = one(server().replace('"192.0.2.10:80"', text));
    assert.deepEqual(config.listen, listen, text);
    const built = buildTable([{
      listen: listenOf(config),
      settings: serviceOf(config),
      servers: config.real_server.map(realServerOf),
    }]);
    assert.ok(built.ok, text);
  }
  const six = [
    ['"[2001:0DB8::10]:80"', { address: "2001:db8::10", port: 80 }],
    ['"[2001:db8::10-2001:db8::1f]:80"', {
      address: "2001:db8::10",
      last: "2001:db8::1f",
      port: 80,
    }],
    ['"[2001:db8::10]-[2001:db8::1f]:80"', {
      address: "2001:db8::10",
      last: "2001:db8::1f",
      port: 80,
    }],
    ['"[2001:db8::/120]:80"', { address: "2001:db8::", prefix_length: 120, port: 80 }],
    ['"[2001:db8::]/120:80"', { address: "2001:db8::", prefix_length: 120, port: 80 }],
  ] as const;
  for (const [text, listen] of six) {
    const config = one(
      server("", 'address = "[2001:db8:1::11]:8080"\n').replace('"192.0.2.10:80"', text),
    );
    assert.deepEqual(config.listen, [listen], text);
  }
});

Deno.test("services of the kernel's: schedulers, flags, persistence, one packet, engines", () => {
  for (const scheduler of SCHEDULERS) {
    assert.equal(serviceOf(one(server(`scheduler = "${scheduler}"\n`))).scheduler, scheduler);
  }
  const settings = (more: string) => serviceOf(one(server(more)));
  assert.equal(settings('scheduler = "mh"\nflags = ["mh-port"]\n').schedulerFlags, 2);
  assert.equal(
    settings('scheduler = "sh"\nflags = ["sh-fallback", "sh-port"]\n').schedulerFlags,
    3,
  );
  assert.equal(settings('flags = ["flag-3", "flag-1"]\n').schedulerFlags, 5);
  assert.deepEqual(settings("persistence = true\n").persistence, {
    timeout: 360,
    netmask: 0xffffffff,
  });
  assert.equal(settings("persistence = false\n").persistence, null);
  assert.deepEqual(settings('persistence = { timeout = "5m", prefix_length = 24 }\n').persistence, {
    timeout: 300,
    netmask: netmaskOf(4, 24),
  });
  const udp = settings('protocol = "udp"\none_packet = true\npersistence = { engine = "sip" }\n');
  assert.deepEqual([udp.onePacket, udp.engine], [true, "sip"]);
  const six = server("persistence = { prefix_length = 64 }\n", 'address = "2001:db8:1::1"\n')
    .replace("192.0.2.10", "[2001:db8::10]");
  assert.equal(serviceOf(one(six)).persistence?.netmask, 64);
});

Deno.test("defaults are for the virtual servers that they can serve", () => {
  const defaults =
    '[defaults.virtual_server]\nscheduler = "mh"\nflags = ["mh-port"]\none_packet = true\n';
  const config = one(defaults + server('scheduler = "wlc"\n'));
  assert.deepEqual(
    [serviceOf(config).schedulerFlags, serviceOf(config).onePacket],
    [0, false],
  );
  assert.equal(serviceOf(one(defaults + server())).schedulerFlags, 2);
});

Deno.test("marks, one or several, of either family", () => {
  const marked = (more: string) =>
    listenOf(
      one(
        `${bare(more)}[[virtual_server.real_server]]\naddress = "${
          more.includes("ipv6") ? "2001:db8::11" : "198.51.100.11"
        }"\n`,
      ),
    );
  assert.deepEqual(marked("fwmark = 7\n"), [{ family: 4, mark: 7 }]);
  assert.deepEqual(marked('fwmark = [7, 4294967295]\nfamily = "ipv6"\n'), [
    { family: 6, mark: 7 },
    { family: 6, mark: 4_294_967_295 },
  ]);
  assert.deepEqual(marked('fwmark = 7\nlisten = "192.0.2.10:80"\n'), [
    { protocol: "tcp", address: "192.0.2.10", port: 80 },
    { family: 4, mark: 7 },
  ]);
});

/** Listens at both families. */
function both(more = "", real = 'address = "198.51.100.11:8080"\n'): string {
  return `[[virtual_server]]\nname = "web"\nlisten = ["192.0.2.10:80", "[2001:db8::10]:80"]\n` +
    `${more}[[virtual_server.real_server]]\n${real}`;
}

const FOUR = '[[virtual_server.real_server]]\naddress = "198.51.100.11"\n';
const SIX = '[[virtual_server.real_server]]\naddress = "[2001:db8:1::11]:8080"\n';

Deno.test("both families: servers of each, and persistence counts bits of each", () => {
  const netmasks = (more: string) => {
    const { persistence, ipv6Netmask } = serviceOf(one(both(`persistence = ${more}\n`) + SIX));
    return [persistence?.netmask, ipv6Netmask];
  };
  assert.deepEqual(wrong(both() + SIX), []);
  assert.deepEqual(netmasks("true"), [0xffffffff, 128]);
  assert.deepEqual(netmasks("{ prefix_length = 24 }"), [0xffffff00, 128]);
  assert.deepEqual(netmasks("{ prefix_length = 24, ipv6_prefix_length = 64 }"), [0xffffff00, 64]);
  assert.equal("ipv6Netmask" in serviceOf(one(both() + SIX)), false);
  const table = buildTable([{
    listen: listenOf(one(both() + SIX)),
    settings: serviceOf(one(both("persistence = { ipv6_prefix_length = 56 }\n") + SIX)),
    servers: one(both() + SIX).real_server.map(realServerOf),
  }]);
  assert(table.ok);
  assert.deepEqual(
    [...table.value.values()].map((
      { service, destinations },
    ) => [service.persistence?.netmask, ...destinations.keys()]),
    [[0xffffffff, "198.51.100.11:8080"], [56, "[2001:db8:1::11]:8080"]],
  );
  // Of one family alone the one key is as good as the other.
  const alone = (key: string) =>
    serviceOf(one(
      server(`persistence = { ${key} = 64 }\n`, 'address = "2001:db8:1::1"\n')
        .replace("192.0.2.10", "[2001:db8::10]"),
    ));
  assert.deepEqual(alone("prefix_length"), alone("ipv6_prefix_length"));
  // Who listens by direct routing at two ports has a server for each.
  const ports = both('forward = "direct"\n', 'address = "198.51.100.11:80"\n') +
    SIX.replace("8080", "443");
  assert.deepEqual(wrong(ports.replace("10]:80", "10]:443")), []);
  assert.equal(wrong(ports).length, 1);
});

Deno.test("a mark of its own makes one service of every listen, for each family", () => {
  const gathered = (mark: string, ...listen: readonly string[]) =>
    one(
      `${bare(`${mark}listen = ${JSON.stringify(listen)}\n`)}[[virtual_server.real_server]]\n` +
        'address = "198.51.100.11"\nforward = "tunnel"\n',
    );
  const all = gathered(
    "mark = 9\n",
    "192.0.2.10-192.0.2.20:8000-8100",
    "198.18.0.0/15:0",
    "[2001:db8::/64]:53",
  );
  assert.deepEqual(listenOf(all), [{ family: 4, mark: 9 }, { family: 6, mark: 9 }]);
  const tcp = { protocol: "tcp", mark: 9 } as const;
  assert.deepEqual(marksOf(all), [
    { ...tcp, address: "192.0.2.10", last: "192.0.2.20", port: 8000, lastPort: 8100 },
    { ...tcp, address: "198.18.0.0", last: "198.19.255.255", port: 0, lastPort: 65_535 },
    {
      ...tcp,
      address: "2001:db8::",
      last: "2001:db8::ffff:ffff:ffff:ffff",
      port: 53,
      lastPort: 53,
    },
  ]);
  assert.deepEqual(all.listen[0], {
    address: "192.0.2.10",
    last: "192.0.2.20",
    port: 8000,
    last_port: 8100,
  });
  // What is made of a name is the same everywhere, and stays when others come and go.
  const auto = gathered('mark = "auto"\n', "192.0.2.10:80").mark!;
  assert.equal(auto, gathered('mark = "auto"\n', "192.0.2.11:81").mark);
  assert.equal(auto >>> 24, 0x68);
  assert.deepEqual(marksOf(one(server())), []);
});

Deno.test("sorry servers take the forwarding of their virtual server, or say their own", () => {
  const sorry = (more: string) => sorryServerOf(one(server(more)).sorry_server!);
  assert.deepEqual(sorry('sorry_server = "192.0.2.99:80"\n'), {
    address: "192.0.2.99",
    port: 80,
    forward: "nat",
    tunnel: null,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
  });
  const own = 'sorry_server = { address = "192.0.2.99", forward = "tunnel", inhibit = true }\n';
  assert.deepEqual(sorry(own).tunnel, { type: "ipip", port: 0, flags: 0 });
  assert.equal(one(server(own)).sorry_server?.inhibit, true);
});

Deno.test("programs of quorum and servers are known by keepalived's words", () => {
  const { notifications } = loadValid({
    "site.toml": server(
      'notify = { quorum_down = ["/bin/false"], mail = false }\n',
      'address = "198.51.100.11:8080"\nnotify = { up = ["/bin/true"], timeout = "1s" }\n',
    ),
  });
  assert.deepEqual(
    notifications.targets.map(({ type, name, up, down, timeout }) => [
      type,
      name,
      up,
      down,
      timeout,
    ]),
    [
      ["VS", "web", undefined, ["/bin/false"], 60_000_000],
      ["RS", "web 198.51.100.11:8080", ["/bin/true"], undefined, 1_000_000],
    ],
  );
});

Deno.test("checks: inherited, replaced as a whole, named, over their own defaults", () => {
  const text = `[defaults.check]
interval = "2s"
[defaults.virtual_server]
check = { type = "tcp", send = "x" }
[[check]]
name = "gateway"
type = "ping"
address = "192.0.2.1"
${server("", 'address = "198.51.100.11"\n')}
[[virtual_server.real_server]]
address = "198.51.100.12"
check = ["gateway", { type = "http", path = "/healthz" }]
require = "any"
[[virtual_server.real_server]]
address = "198.51.100.13"
check = []
[[virtual_server]]
name = "b"
listen = "192.0.2.10:81"
check = { type = "http" }
require = 1
[[virtual_server.real_server]]
address = "198.51.100.11"
`;
  const { virtual_server: [a, b] } = loadValid({ "site.toml": text });
  const uses = (config: VirtualServerConfig) =>
    config.real_server.map(({ check, require }) => [
      check.map((use) =>
        "name" in use ? use.name : [use.type, use.interval, use.path ?? use.send ?? null].join()
      ),
      require,
    ]);
  assert.deepEqual(uses(a!), [
    [["tcp,2000000,x"], "all"],
    [["gateway", "http,2000000,/healthz"], "any"],
    [[], "all"],
  ]);
  assert.deepEqual(uses(b!), [[["http,2000000,"], 1]]);
});

Deno.test("checks that nobody has, that are too few, and that nobody uses", () => {
  const named = '[[check]]\nname = "gateway"\ntype = "ping"\naddress = "192.0.2.1"\n';
  const two =
    'address = "198.51.100.11"\n[[virtual_server.real_server]]\naddress = "198.51.100.12"\n';
  // What both inherit is wrong once.
  assert.deepEqual(wrong(server('check = "gatewya"\n', two) + named), [
    '4:9 error: There is no `[[check]]` with the name "gatewya" | write `"gateway"` instead',
    '10:8 warning: Nobody uses the check "gateway" | name it in `check` of a server or in ' +
    "`track.checks` of a router, or take it out",
  ]);
  assert.deepEqual(wrong(server('check = "gateway"\n', two) + named), []);
  // All of them in one warning, at the first.
  const others = ["a", "b"].map((name) => named.replace("gateway", name)).join("");
  assert.deepEqual(wrong(server('check = "a"\n', two) + named + others + named.replace("te", "")), [
    '10:8 warning: Nobody uses these checks: "gateway", "b", "gaway" | name them in `check` of a ' +
    "server or in `track.checks` of a router, or take them out",
  ]);
  assert.deepEqual(wrong(router('track.checks = ["gateway"]\n') + named), []);
  assert.deepEqual(wrong(server('check = { type = "tcp" }\nrequire = 2\n', two)), [
    "5:11 error: `require = 2`, and the real server has 1 check: it would never be up | write " +
    "`1` or less",
  ]);
  assert.deepEqual(wrong(server("start_down = true\n", two)), [
    "4:1 error: `start_down` waits for checks, and the real server has none | add `check`, or " +
    "leave the key out",
  ]);
  assert.deepEqual(wrong(`[defaults.virtual_server]\nstart_down = true\n${server("", two)}`), []);
});

const REFUSED: readonly (readonly [string, string, readonly string[]])[] = [
  ["nowhere to listen", bare(""), [
    '1:1 error: The virtual server listens nowhere: neither `listen` nor `fwmark` is given | add `listen = "192.0.2.10:80"`',
  ]],
  ["no port", bare('listen = "192.0.2.10"\n'), [
    '3:10 error: Invalid `listen`: "192.0.2.10" has no port | write `"192.0.2.10:80"` for port 80',
  ]],
  ["IPv6 without brackets", bare('listen = "2001:db8::10"\n'), [
    '3:10 error: Invalid `listen`: "2001:db8::10" has no port | write `"[2001:db8::10]:80"` for port 80',
  ]],
  ["a range backwards", server().replace("192.0.2.10:80", "192.0.2.20-192.0.2.10:80"), [
    '3:10 error: Invalid `listen`: "192.0.2.20-192.0.2.10:80" ends before it begins | write the range as `192.0.2.10-192.0.2.20`',
  ]],
  ["bits behind the prefix", server().replace("192.0.2.10:80", "192.0.2.17/28:80"), [
    '3:10 error: Invalid `listen`: "192.0.2.17/28:80" is not a network: there are bits behind its prefix | write the network as `192.0.2.16/28`',
  ]],
  ["a range of two families", server().replace("192.0.2.10:80", "[192.0.2.17]-[2001:db8::1]:80"), [
    '3:10 error: Invalid `listen`: "[192.0.2.17]-[2001:db8::1]:80" goes from one address family to the other | ',
  ]],
  ["a group", server().replace("192.0.2.10:80", "224.0.0.18:80"), [
    '3:10 error: Invalid `listen`: "224.0.0.18:80" has a multicast address in it | ',
  ]],
  ["a network that is too large", server().replace("192.0.2.10:80", "198.18.0.0/15:80"), [
    '3:10 error: "198.18.0.0/15:80" stands for more than 65536 addresses, each of which would be a service of the kernel\'s | add `mark = "auto"`: it is one service then',
  ]],
  [
    "all ports without persistence",
    server("", 'address = "198.51.100.11"\n').replace(":80", ":0"),
    [
      '3:10 error: "192.0.2.10:0" is for all ports, and that needs persistence: connections to two ports of one server belong together | add `persistence = { timeout = "5m" }`, or write a port',
    ],
  ],
  ["an unknown scheduler", server('scheduler = "wlcc"\n'), [
    '4:13 error: Invalid `scheduler`: "wlcc" is not one of "rr", "wrr", "lc", "wlc", "fo", "ovf", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "twos" | write `"wlc"` instead',
  ]],
  ["a flag of another scheduler", server('scheduler = "sh"\nflags = ["mh-port"]\n'), [
    '5:10 error: "mh-port" is a flag of the scheduler `mh`, and this one has `sh` (site.toml:4:13) | write `scheduler = "mh"`, or leave the flag out',
  ]],
  ["one packet over TCP", server("one_packet = true\n"), [
    '4:1 error: `one_packet` is for UDP, and this is TCP | write `protocol = "udp"`, or leave the key out',
  ]],
  ["an engine over TCP", server('persistence = { engine = "sip" }\n'), [
    '4:17 error: The engine "sip" is for UDP, and this is TCP | write `protocol = "udp"`, or leave the key out',
  ]],
  ["a prefix of IPv6 for IPv4", server("persistence = { prefix_length = 64 }\n"), [
    "4:33 error: Invalid `persistence.prefix_length`: an IPv4 address has 32 bits, not 64 | write `32` or less, or leave the key out",
  ]],
  ["family without a mark", server('family = "ipv6"\n'), [
    "4:1 error: `family` is for `fwmark`: the addresses of `listen` have theirs | leave the key out",
  ]],
  ["a protocol with a mark", bare('fwmark = 7\nprotocol = "udp"\nservers_file = "/etc/halb/x"\n'), [
    "4:1 error: `protocol` has no effect with a mark (site.toml:3:1): the rule that sets it decides | leave the key out",
  ]],
  ["a quorum that no servers reach", server("quorum = 2\n"), [
    '4:10 error: The real servers of "web" weigh 1 together, and the quorum is met from 2 on: it can never be met | give them more weight, or write `quorum = 1` or less',
  ]],
  ["a hysteresis as large as the quorum", server("quorum = 2\nhysteresis = 2\n"), [
    "5:14 error: A `hysteresis` of 2 is not less than the quorum, 2: it would never be lost | write `1` or less",
  ]],
  ["all servers out", server("", 'address = "198.51.100.11"\nweight = 0\n'), [
    '2:8 warning: The real servers of "web" weigh 0 together, and the quorum is met from 1 on: it can never be met | give at least one of them a weight',
  ]],
  ["no servers", bare('listen = "192.0.2.10:80"\n'), [
    '2:8 warning: The virtual server "web" has no real servers | add `[[virtual_server.real_server]]` with an `address`, or a `servers_file`',
  ]],
  ["another family by NAT", server("", 'address = "2001:db8::11"\n'), [
    '5:11 error: "2001:db8::11" is IPv6, and the virtual server takes IPv4 (site.toml:3:10): only a tunnel leads from one family to the other | write an IPv4 address, or `forward = "tunnel"`',
  ]],
  ["nobody for one of two families", both(), [
    "3:28 error: No real server is there for clients over IPv6: only a tunnel leads from one family to the other | add a real server with an IPv6 address, or leave this out",
  ]],
  [
    "nobody for a mark's family",
    both().replace('["192.0.2.10:80", "[2001:db8::10]:80"]', '"[2001:db8::10]:80"\nfwmark = 7')
      .replace("198.51.100.11", "[2001:db8:1::11]"),
    [
      "4:1 error: No real server is there for clients over IPv4: only a tunnel leads from one family to the other | add a real server with an IPv4 address, or leave this out",
    ],
  ],
  ["a sorry server for one of two families", both('sorry_server = "192.0.2.99:80"\n') + SIX, [
    '4:16 warning: Clients over IPv6 (site.toml:3:28) find nobody while the quorum is lost: only a tunnel leads from one family to the other | write `forward = "tunnel"`, or a virtual server for each family',
  ]],
  [
    "a prefix of IPv6 for both families",
    both("persistence = { prefix_length = 64 }\n") + SIX,
    [
      "4:33 error: Invalid `persistence.prefix_length`: an IPv4 address has 32 bits, not 64 | write `32` or less, and `ipv6_prefix_length = 64` for the others",
    ],
  ],
  ["a prefix for nobody", server("persistence = { ipv6_prefix_length = 64 }\n"), [
    "4:17 error: `ipv6_prefix_length` has no effect: nobody comes to this virtual server over IPv6 | leave the key out, or write `prefix_length`",
  ]],
  ["the same server of IPv6 twice", both("", SIX.slice(SIX.indexOf("\n") + 1)) + SIX + FOUR, [
    "7:11 error: The real server [2001:db8:1::11]:8080 is given twice: first at site.toml:5:11 | leave out one of the two",
  ]],
  ["another port by direct routing", server('forward = "direct"\n'), [
    '6:11 error: "198.51.100.11:8080" has a port that packets would not arrive at: with `forward = "direct"` (site.toml:4:11) they keep the one that the client asked for, 80 | write the address without a port, or `forward = "nat"`',
  ]],
  [
    "the same server twice",
    server(
      "",
      'address = "198.51.100.11:80"\n[[virtual_server.real_server]]\naddress = "198.51.100.11"\n',
    ),
    [
      "7:11 error: The real server 198.51.100.11 is given twice: first at site.toml:5:11 | leave out one of the two",
    ],
  ],
  [
    "GUE without a port",
    server('forward = "tunnel"\ntunnel = { type = "gue" }\n', 'address = "198.51.100.11"\n'),
    [
      '5:1 error: A tunnel of type `gue` needs the UDP `port` of the real server | write `tunnel = { type = "gue", port = 6080 }`',
    ],
  ],
  [
    "a checksum that IPIP has not",
    server("", 'address = "198.51.100.11"\nforward = "tunnel"\ntunnel = { checksum = "full" }\n'),
    [
      '7:23 error: A tunnel of type `ipip` has no checksum of the kind "full" | leave the key out',
    ],
  ],
  [
    "a tunnel that nothing goes through",
    server("", 'address = "198.51.100.11"\ntunnel = { type = "gre" }\n'),
    [
      '6:1 error: `tunnel` has no effect with `forward = "nat"` | write `forward = "tunnel"`, or leave the key out',
    ],
  ],
  [
    "thresholds upside down",
    server("", 'address = "198.51.100.11"\nthresholds = { upper = 5, lower = 6 }\n'),
    [
      "6:35 error: The lower threshold, 6, is above the upper one, 5 | write `5` or less",
    ],
  ],
  ["a weight that is too large", server("", 'address = "198.51.100.11"\nweight = 65536\n'), [
    "6:10 error: Invalid `real_server.weight`: 65536 is not a whole number from 0 to 65535 | write `65535` instead",
  ]],
  [
    "announcing a mark",
    bare('fwmark = 7\nannounce = { interface = "lo" }\nservers_file = "/etc/halb/x"\n'),
    [
      "4:1 error: `announce` holds the addresses of `listen`, and a mark has none | leave the key out, and hold the addresses by `[static]` or a `[[vrrp]]`",
    ],
  ],
  [
    "whom the agent tells of everything",
    `[agent]\nnotify = { fifo = "/run/halb/fifo" }\n${server("run_down_on_stop = true\n")}`,
    [],
  ],
  ["a program for nobody", server("run_down_on_stop = true\n"), [
    "4:1 warning: `run_down_on_stop` has no effect: no `notify` says who is to be told | add `notify = { quorum_down = […] }`, or `notify = { down = […] }` to real servers",
  ]],
  [
    "a key that is misspelt in a real server",
    server("", 'address = "198.51.100.11"\nwieght = 1\n'),
    [
      "6:1 error: Unknown key `wieght` in `[[virtual_server.real_server]]` | did you mean `weight`? write `weight` instead",
    ],
  ],
  [
    "a name among the defaults",
    `[defaults.virtual_server]\nlisten = "192.0.2.10:80"\n${server()}`,
    [
      "2:1 error: `listen` belongs to one virtual server: it has no default | give it in each `[[virtual_server]]`",
    ],
  ],
];

for (const [title, text, expected] of REFUSED) {
  Deno.test(`a virtual server that is wrong: ${title}`, () => {
    assert.deepEqual(wrong(text), expected);
  });
}

Deno.test("services that are asked for twice are named at both places, ranges too", () => {
  const second = (listen: string) =>
    `${server()}[[virtual_server]]\nname = "b"\nlisten = "${listen}"\nservers_file = "/etc/x"\n`;
  for (const listen of ["192.0.2.10:80", "192.0.2.0/24:80", "192.0.2.1-192.0.2.30:80"]) {
    assert.deepEqual(wrong(second(listen)), [
      `8:10 error: "${listen}" is asked for twice: first at site.toml:3:10 | an address and port ` +
      "belong to one virtual server: leave one out, or write another port",
    ]);
  }
  for (const listen of ["192.0.2.10:81", "192.0.2.11:80", "192.0.2.16/28:80"]) {
    assert.deepEqual(wrong(second(listen)), [], listen);
  }
  assert.deepEqual(wrong(`${second("192.0.2.10:80")}protocol = "udp"\n`), []);
  const marks = (a: string, b: string) =>
    `[[virtual_server]]\nname = "a"\n${a}servers_file = "/etc/x"\n` +
    `[[virtual_server]]\nname = "b"\n${b}servers_file = "/etc/x"\n`;
  assert.deepEqual(wrong(marks("fwmark = 7\n", "fwmark = [8, 7]\n")), [
    "7:14 error: The mark 7 is balanced twice: first at site.toml:3:10 | leave out one of the " +
    "two, or give it a mark of its own",
  ]);
  assert.deepEqual(wrong(marks("fwmark = 7\n", 'fwmark = 7\nfamily = "ipv6"\n')), []);
});

Deno.test("packets with a mark belong to one virtual server", () => {
  const two = (a: string, b: string) =>
    `[[virtual_server]]\nname = "a"\n${a}servers_file = "/etc/x"\n` +
    `[[virtual_server]]\nname = "b"\n${b}servers_file = "/etc/x"\n`;
  const marked = (listen: string, mark = '"auto"') => `listen = "${listen}"\nmark = ${mark}\n`;
  const common = (at: string, first: string, what: string) => [
    `${at} error: "${what}" has addresses and ports in common with site.toml:${first}, and a mark ` +
    "belongs to one virtual server | leave them out of one of the two",
  ];
  const base = marked("192.0.2.10-192.0.2.20:8000-8100");
  for (const other of ["192.0.2.20:8100", "192.0.2.0/24:0", "192.0.2.1-192.0.2.99:7999-9000"]) {
    assert.deepEqual(wrong(two(base, marked(other))), common("8:10", "3:10", other));
    assert.deepEqual(
      wrong(two(marked(other), base)),
      common("8:10", "3:10", "192.0.2.10-192.0.2.20:8000-8100"),
    );
  }
  for (const other of ["192.0.2.21:8000", "192.0.2.15:8101", "[2001:db8::1]:8000"]) {
    assert.deepEqual(wrong(two(base, marked(other))), [], other);
  }
  assert.deepEqual(wrong(two(base, `${base}protocol = "udp"\n`)), []);
  // A mark would hide the service of another.
  assert.deepEqual(
    wrong(two('listen = "192.0.2.12:8050"\n', base)),
    common("3:10", "7:10", "192.0.2.12:8050"),
  );
  assert.deepEqual(wrong(two("fwmark = 7\n", marked("192.0.2.10:80", "7"))), [
    '8:8 error: The mark 7 of "b" is balanced twice: first at site.toml:3:10 | give one of the ' +
    "two another mark",
  ]);
  assert.deepEqual(wrong(two(base, 'listen = "192.0.2.10:80-90"\n')), [
    '8:10 error: "192.0.2.10:80-90" has a range of ports, which is no service of the kernel\'s | ' +
    'add `mark = "auto"`: the firewall marks the packets for one service then',
  ]);
  assert.deepEqual(wrong(two("mark = 7\nfwmark = 8\n", base)), [
    "3:1 error: `mark` marks the packets of `listen`, and there is none | leave the key out: " +
    "packets of `fwmark` are marked by somebody else",
  ]);
  assert.deepEqual(wrong(two(`${base}fwmark = 8\n`, marked("192.0.2.1:1"))), [
    "4:1 error: `mark` makes one service of `listen`, and `fwmark` (site.toml:5:1) would be " +
    "another one | leave one of the two out",
  ]);
  for (const bad of ["0", "4294967296", "1.5", '"later"']) {
    assert.match(wrong(two(marked("192.0.2.1:1", bad), base)).join(), /^4:8 error: .*`mark`/, bad);
  }
  assert.match(wrong(two(marked("192.0.2.1:9-8"), base)).join(), /ends before it begins/);
  assert.match(wrong(two(marked("192.0.2.1:0-8"), base)).join(), /no port from 1 to 65535/);
});

Deno.test("two names are one too many, and 65,536 services are enough", () => {
  assert.deepEqual(wrong(server() + server().replace(":80", ":81")), [
    '7:8 error: Two virtual servers have the name "web": first at site.toml:2:8 | give each a ' +
    "name of its own",
  ]);
  const wide = server().replace("192.0.2.10:80", "198.18.0.0/16:80");
  assert.deepEqual(wrong(wide), []);
  const more = wide + server().replace('"web"', '"b"');
  assert.match(wrong(more).join(), /^8:10 error: With "192\.0\.2\.10:80" there are more than/);
});

Deno.test("who is followed is there, in the table's namespace", () => {
  const site = (follow: string, more = "") => `${router(more)}${server(`follow = "${follow}"\n`)}`;
  assert.deepEqual(wrong(site("web")), []);
  assert.deepEqual(wrong(site("wbe")), [
    '9:10 error: There is no `[[vrrp]]` with the name "wbe" to follow | write `"web"` instead',
  ]);
  assert.deepEqual(wrong(server('follow = "web"\n')), [
    '4:10 error: There is no `[[vrrp]]` with the name "web" to follow | add one, or leave the key out',
  ]);
  const [warning] = wrong(site("web", 'namespace = "blue"\n'));
  assert.match(warning!, /^10:10 warning: The router "web" lives in "blue", and the load balancer/);
  assert.deepEqual(wrong(site("web", 'namespace = "blue"\n') + '[ipvs]\nnamespace = "blue"\n'), []);
});

Deno.test("an address is held by the router that is followed, or announced, not both", () => {
  const announce = 'follow = "web"\nannounce = { interface = "lo" }\n';
  assert.deepEqual(problemsOf({ "site.toml": router("") + server(announce) }), [[
    "site.toml:10:1",
    "announce",
    '`announce` would hold "192.0.2.10:80" a second time: the router "web" (site.toml:9:10) holds ' +
    "it while it is master",
    "leave one of `announce` and `follow` out",
  ]]);
  const other = server(announce).replace("192.0.2.10", "192.0.2.11");
  assert.deepEqual(wrong(router("") + other), []);
  const wide = server('announce = { interface = "lo" }\n').replace(
    "192.0.2.10:80",
    "192.0.2.0/23:80",
  );
  assert.match(wrong(wide).join(), /stands for more than the 256 addresses that `announce`/);
});

Deno.test("a quorum is tracked by name; a fault would hide the sorry server", () => {
  const tracked = (item: string) => router(`track.virtual_servers = [${item}]\n`);
  const config = loadValid({ "site.toml": tracked('"web"') + server() });
  assert.deepEqual(config.vrrp[0]?.track.virtual_servers, [{ name: "web" }]);
  assert.deepEqual(wrong(tracked('"wbe"') + server()), [
    '6:26 error: There is no `[[virtual_server]]` with the name "wbe" | write `"web"` instead',
  ]);
  // Checks run whatever a virtual server follows, so that its quorum does not hang on mastership.
  assert.deepEqual(wrong(tracked('"web"') + server('follow = "web"\n')), []);
  const sorry = server('follow = "web"\nsorry_server = "192.0.2.99:80"\n');
  assert.match(wrong(tracked('"web"') + sorry).join(), /^6:26 warning: The router is in fault/);
  assert.deepEqual(wrong(tracked('{ name = "web", weight = -10 }') + sorry), []);
});

Deno.test("a quorum that only the router's own address can make would make it wait for itself", () => {
  const tracked = router('track.virtual_servers = ["web"]\n');
  const own = server('check = { type = "tcp" }\n', 'address = "192.0.2.10:8080"\n');
  const listens = own.replace('listen = "192.0.2.10:80"', 'listen = "192.0.2.11:80"');
  assert.deepEqual(wrong(tracked + listens), [
    '6:26 error: The router would wait for itself: it tracks "192.0.2.10/24", which it holds ' +
    "(site.toml:5:14) | track something that is there without VRRP",
  ]);
  const second = `${listens}[[virtual_server.real_server]]\naddress = "198.51.100.12"\n`;
  assert.deepEqual(wrong(tracked + second), []);
  // Nobody asks it.
  assert.deepEqual(wrong(tracked + listens.replace('check = { type = "tcp" }\n', "")), []);
  const named = '[[check]]\nname = "own"\ntype = "ping"\naddress = "192.0.2.10"\n';
  assert.match(
    wrong(router('track.checks = ["own"]\n') + named).join(),
    /^6:17 error: The router would wait for itself/,
  );
});

Deno.test("a quorum above all weights is right where a check may lift one of them", () => {
  const lifting = [
    '{ type = "script", command = ["/usr/bin/true"], user = "root", dynamic = true }',
    '{ type = "file", path = "/run/x", weight = 10 }',
    '"named"',
  ];
  const plain = ['{ type = "script", command = ["/usr/bin/true"], user = "root" }', '"other"'];
  const named = (name: string, more: string) =>
    `[[check]]\nname = "${name}"\ntype = "script"\ncommand = ["/usr/bin/true"]\nuser = "root"\n${more}`;
  const siteWith = (check: string) =>
    `${named("named", "dynamic = true\n")}${named("other", "")}${
      server(`quorum = 2\ncheck = [${check}]\n`)
    }`;
  const errors = (check: string) => {
    const loaded = load({ "site.toml": siteWith(check) });
    return (loaded.ok ? [] : loaded.problems).filter(({ severity }) => severity === "error").map((
      one,
    ) => one.message);
  };
  for (const check of lifting) assert.deepEqual(errors(check), [], check);
  for (const check of plain) assert.match(errors(check).join(), /can never be met/, check);
});
