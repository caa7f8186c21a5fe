/**
 * What each key of a virtual server does: from site.toml over the plan and the machine to the table
 * that the kernel is to have, or to what becomes of it when a server fails. A key that were read
 * and did nothing fails here.
 */

import assert from "node:assert/strict";
import { planBalance } from "../../../mod/agent/balance_plan.ts";
import { type BalanceEvent, createBalance, step } from "../../../mod/balance/mod.ts";
import { buildTable, type Destination, type Service } from "../../../mod/ipvs/mod.ts";
import { wantedServers } from "../balance/scene.ts";
import { loadValid } from "../config/fixtures.ts";

/** What happens after the start: a server by the last number of its address, or a router. */
type Happening =
  | { readonly up: number }
  | { readonly down: number }
  | { readonly master: boolean };

function serviceText({ scheduler, schedulerFlags, onePacket, persistence, engine }: Service) {
  return [
    scheduler,
    ...(schedulerFlags === 0 ? [] : [`flags ${schedulerFlags}`]),
    ...(onePacket ? ["one packet"] : []),
    ...(persistence === null
      ? []
      : [`${persistence.timeout} s by ${persistence.netmask.toString(16)}`]),
    ...(engine === "" ? [] : [engine]),
  ].join(", ");
}

function serverText(name: string, server: Destination): string {
  const { forward, tunnel, weight, upperThreshold: upper, lowerThreshold: lower } = server;
  const way = tunnel === null ? forward : `${tunnel.type} ${tunnel.port} ${tunnel.flags}`;
  return `  ${name} ${way} ${weight}${upper === 0 ? "" : ` ${lower} to ${upper}`}`;
}

/** The table that a site wants, a line for each service and server. */
function table(site: string, ...happenings: readonly Happening[]): string[] {
  const plan = planBalance(loadValid({ "site.toml": site }))!;
  const balance = createBalance();
  const tell = (event: BalanceEvent) => void step(balance, event, 1_000_000);
  tell({ type: "configure", servers: plan.servers });
  for (const one of happenings) {
    if ("master" in one) {
      for (const holding of new Set(plan.servers.flatMap(({ follow }) => follow))) {
        tell({ type: "holding", holding, held: one.master });
      }
      continue;
    }
    const [number, health] = "up" in one ? [one.up, "up" as const] : [one.down, "down" as const];
    const isThat = (name: string) => new RegExp(`\\b${number}(?::|$)`).test(name);
    const all = plan.servers.flatMap(({ servers }) => servers);
    for (const check of all.filter(({ name }) => isThat(name)).flatMap(({ checks }) => checks)) {
      tell({ type: "check", finding: { check, health, reason: "", weight: null } });
    }
  }
  const built = buildTable(wantedServers(balance));
  assert.ok(built.ok, built.ok ? "" : built.reason);
  return [...built.value].flatMap(([name, { service, destinations }]) => [
    `${name} ${serviceText(service)}`,
    ...[...destinations].map(([name, server]) => serverText(name, server)),
  ]);
}

const LISTEN = 'listen = "192.0.2.10:80"\n';

/** A virtual server. @param reals each a line of a real server's table */
function web(more: string, reals = ['address = "198.51.100.11"']): string {
  const listen = /^(listen|fwmark)/m.test(more) ? "" : LISTEN;
  return `[[virtual_server]]\nname = "web"\n${listen}${more}\n` +
    reals.map((real) => `[[virtual_server.real_server]]\n${real}\n`).join("");
}

const TWO = ['address = "198.51.100.11"', 'address = "198.51.100.12"'];
const CHECK = 'check = { type = "tcp" }\n';
const PLAIN = ["tcp 192.0.2.10:80 wlc", "  198.51.100.11:80 nat 1"];
/** Beside two servers of weight 1. */
const one = (...lines: readonly string[]) => ["tcp 192.0.2.10:80 wlc", ...lines];
const SORRY = "  203.0.113.99:80 nat 1";
const [FIRST, SECOND] = ["  198.51.100.11:80 nat 1", "  198.51.100.12:80 nat 1"] as const;

/** A keyword of keepalived, the site that says it here, what the table is after some happenings. */
type Case = readonly [string, string, readonly string[], ...Happening[]];

const CASES: readonly Case[] = [
  ["nothing said", web(""), PLAIN],
  ["lvs_sched and lb_algo", web('scheduler = "rr"'), ["tcp 192.0.2.10:80 rr", FIRST]],
  [
    "flag sh-fallback",
    web('scheduler = "sh"\nflags = ["sh-fallback"]'),
    ["tcp 192.0.2.10:80 sh, flags 1", FIRST],
  ],
  [
    "flag sh-port",
    web('scheduler = "sh"\nflags = ["sh-port"]'),
    ["tcp 192.0.2.10:80 sh, flags 2", FIRST],
  ],
  [
    "flag mh-fallback",
    web('scheduler = "mh"\nflags = ["mh-fallback"]'),
    ["tcp 192.0.2.10:80 mh, flags 1", FIRST],
  ],
  [
    "flag mh-port",
    web('scheduler = "mh"\nflags = ["mh-port"]'),
    ["tcp 192.0.2.10:80 mh, flags 2", FIRST],
  ],
  [
    "flag flag-1",
    web('scheduler = "wlc"\nflags = ["flag-1"]'),
    ["tcp 192.0.2.10:80 wlc, flags 1", FIRST],
  ],
  [
    "flag flag-2",
    web('scheduler = "wlc"\nflags = ["flag-2"]'),
    ["tcp 192.0.2.10:80 wlc, flags 2", FIRST],
  ],
  [
    "flag flag-3",
    web('scheduler = "wlc"\nflags = ["flag-3"]'),
    ["tcp 192.0.2.10:80 wlc, flags 4", FIRST],
  ],
  ["lvs_method DR", web('forward = "direct"'), one("  198.51.100.11:80 direct 1")],
  ["lvs_method TUN", web('forward = "tunnel"'), one("  198.51.100.11:80 ipip 0 0 1")],
  [
    "lvs_method of a real server",
    web("", ['address = "198.51.100.11"\nforward = "direct"', TWO[1]!]),
    one("  198.51.100.11:80 direct 1", SECOND),
  ],
  [
    "tunnel type and port",
    web('forward = "tunnel"\ntunnel = { type = "gue", port = 6080 }'),
    one("  198.51.100.11:80 gue 6080 0 1"),
  ],
  [
    "tunnel nocsum",
    web('forward = "tunnel"\ntunnel = { type = "gre", checksum = "none" }'),
    one("  198.51.100.11:80 gre 0 0 1"),
  ],
  [
    "tunnel csum",
    web('forward = "tunnel"\ntunnel = { type = "gre", checksum = "full" }'),
    one("  198.51.100.11:80 gre 0 1 1"),
  ],
  [
    "tunnel remcsum",
    web('forward = "tunnel"\ntunnel = { type = "gue", port = 6080, checksum = "remote" }'),
    one("  198.51.100.11:80 gue 6080 2 1"),
  ],
  [
    "protocol and ops",
    web('protocol = "udp"\none_packet = true'),
    ["udp 192.0.2.10:80 wlc, one packet", FIRST],
  ],
  ["protocol SCTP", web('protocol = "sctp"'), ["sctp 192.0.2.10:80 wlc", FIRST]],
  [
    "persistence_timeout without a number",
    web("persistence = true"),
    ["tcp 192.0.2.10:80 wlc, 360 s by ffffffff", FIRST],
  ],
  [
    "persistence_timeout and persistence_granularity",
    web('persistence = { timeout = "50s", prefix_length = 24 }'),
    ["tcp 192.0.2.10:80 wlc, 50 s by ffffff00", FIRST],
  ],
  [
    "persistence_engine",
    web('protocol = "udp"\npersistence = { engine = "sip" }'),
    ["udp 192.0.2.10:80 wlc, 360 s by ffffffff, sip", FIRST],
  ],
  [
    "fwmark and ip_family",
    web('fwmark = 7\nfamily = "ipv6"', ['address = "2001:db8::11"']),
    ["mark 7 ipv6 wlc", "  [2001:db8::11]:0 nat 1"],
  ],
  [
    "virtual_server_group",
    web('listen = ["192.0.2.10-192.0.2.11:80", "192.0.2.12:443"]', ['address = "198.51.100.11"']),
    [
      "tcp 192.0.2.10:80 wlc",
      FIRST,
      "tcp 192.0.2.11:80 wlc",
      FIRST,
      "tcp 192.0.2.12:443 wlc",
      "  198.51.100.11:443 nat 1",
    ],
  ],
  [
    "real_server with its port and weight",
    web("", ['address = "198.51.100.11:8080"\nweight = 7']),
    one("  198.51.100.11:8080 nat 7"),
  ],
  ["weight of all", web("default_weight = 5"), one("  198.51.100.11:80 nat 5")],
  [
    "uthreshold and lthreshold",
    web("", ['address = "198.51.100.11"\nthresholds = { upper = 9, lower = 5 }']),
    one("  198.51.100.11:80 nat 1 5 to 9"),
  ],
  ["no inhibit_on_failure", web(CHECK, TWO), one(SECOND), { down: 11 }],
  [
    "inhibit_on_failure of all",
    web(`${CHECK}on_failure = "weight-zero"`, TWO),
    one("  198.51.100.11:80 nat 0", SECOND),
    { down: 11 },
  ],
  [
    "inhibit_on_failure of one",
    web(CHECK, [`${TWO[0]}\non_failure = "weight-zero"`, TWO[1]!]),
    one("  198.51.100.11:80 nat 0"),
    { down: 11 },
    { down: 12 },
  ],
  ["alpha of all", web(`${CHECK}start_down = true`, TWO), one(SECOND), { up: 12 }],
  ["alpha of one", web(CHECK, [`${TWO[0]}\nstart_down = true`, TWO[1]!]), one(SECOND)],
  [
    "without quorum one server is enough",
    web(`${CHECK}sorry_server = "203.0.113.99:80"`, TWO),
    one(SECOND),
    {
      down: 11,
    },
  ],
  [
    "sorry_server when all are down",
    web(`${CHECK}sorry_server = "203.0.113.99:80"`, TWO),
    one(SORRY),
    { down: 11 },
    { down: 12 },
  ],
  [
    "quorum",
    web(`${CHECK}quorum = 2\nsorry_server = "203.0.113.99:80"`, TWO),
    one(SORRY),
    { down: 11 },
  ],
  [
    "hysteresis keeps the quorum",
    web(`${CHECK}quorum = 2\nhysteresis = 1\nsorry_server = "203.0.113.99:80"`, [
      ...TWO,
      'address = "198.51.100.13"',
    ]),
    one("  198.51.100.13:80 nat 1"),
    { down: 11 },
    { down: 12 },
  ],
  [
    "hysteresis delays the return",
    web(`${CHECK}quorum = 2\nhysteresis = 1\nsorry_server = "203.0.113.99:80"`, [
      ...TWO,
      'address = "198.51.100.13"',
    ]),
    one(SORRY),
    { down: 11 },
    { down: 12 },
    { down: 13 },
    { up: 11 },
    { up: 12 },
  ],
  [
    "sorry_server_inhibit",
    web(`${CHECK}sorry_server = { address = "203.0.113.99:80", inhibit = true }`),
    one(FIRST, "  203.0.113.99:80 nat 0"),
  ],
  [
    "sorry_server_lvs_method",
    web(`${CHECK}sorry_server = { address = "203.0.113.99", forward = "direct" }`),
    one("  203.0.113.99:80 direct 1"),
    { down: 11 },
  ],
];

for (const [keyword, site, expected, ...happenings] of CASES) {
  Deno.test(`from site to table: ${keyword}`, () => {
    assert.deepEqual(table(site, ...happenings), expected);
    // With nothing said it is another one: the key is what does it.
    const plain = keyword === "nothing said" || keyword.startsWith("no ") ||
      keyword.startsWith("without ");
    if (!plain) assert.notDeepEqual(expected, PLAIN);
  });
}

Deno.test("from site to table: ha_suspend, in the table of the master alone", () => {
  const router = '[[vrrp]]\nname = "web"\ninterface = "eth0"\nvirtual_router_id = 51\n' +
    'addresses = ["192.0.2.10/24"]\n';
  const site = `${router}${web(`follow = "web"\n${CHECK}`, TWO)}`;
  assert.deepEqual(table(site), []);
  assert.deepEqual(table(site, { down: 11 }, { master: true }), one(SECOND));
  assert.deepEqual(table(site, { master: true }, { master: false }), []);
});
