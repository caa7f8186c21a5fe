/** Sites by chance: to a keepalived.conf and back again they are the same. */

import assert from "node:assert/strict";
import type { SiteConfig } from "../../../config/mod.ts";
import { toKeepalived } from "../../../mod/convert_back/mod.ts";
import { forSeeds, type Random } from "../../lib/random.ts";
import { load } from "../config/fixtures.ts";
import { ANYBODY, conversion } from "./fixtures.ts";

const SEEDS = 150;

/** Words that quotes must hold together. */
const WORDS = [
  "plain",
  "two words",
  "it's",
  'say "x"',
  "back\\slash",
  "#no",
  "a{b}",
  "!",
  "$X",
  '5" x',
  "a\nb",
  "it's\\",
  "it's 5\" x",
];

function router(random: Random, index: number, scripts: number): string {
  const version = random.pick([2, 3]);
  const lines = [
    "[[vrrp]]",
    `name = "r${index}"`,
    `interface = "eth${index}"`,
    `virtual_router_id = ${random.int(1, 255)}`,
    `version = ${version}`,
    `priority = ${random.int(1, 254)}`,
    `advertisement_interval = "${
      version === 2 ? `${random.int(1, 9)}s` : `${random.int(1, 400) * 10}ms`
    }"`,
    `preempt = ${random.chance(0.7)}`,
    `answer_lower_priority = ${random.chance(0.5)}`,
    `advertise_before_yielding = ${random.chance(0.5)}`,
    `down_timer_adverts = ${random.int(1, 100)}`,
    ...version === 3 ? [`checksum = "rfc5798"`, `accept = ${random.chance(0.5)}`] : [],
    `addresses = ["192.0.2.${index * 60 + random.int(1, 50)}/${random.pick([8, 24, 32])}", ` +
    `{ address = "198.51.100.${
      index * 60 + random.int(1, 50)
    }/32", interface = "eth9", label = "eth9:x" }]`,
    `excluded_addresses = [{ address = "2001:db8::${index + 1}/${random.pick([64, 128])}", ` +
    `preferred = ${random.chance(0.5)} }]`,
    `routes = [{ to = "203.0.113.0/24", via = "192.0.2.1", table = ${random.int(1, 250)}, ` +
    `metric = ${random.int(1, 999)} }, { to = "203.0.113.0/25", type = "blackhole" }]`,
    `rules = [{ from = "203.0.113.0/24", table = 9, priority = ${index * 10 + 1} }]`,
    `garp = { repeat = ${random.int(1, 9)}, delay = "${random.int(0, 9)}s", ` +
    `refresh = "${random.int(0, 99)}s" }`,
  ];
  const tracked = Array.from({ length: scripts }, (_, i) => i).filter(() => random.chance(0.5));
  if (tracked.length > 0) {
    const list = tracked.map((i) => `{ name = "s${i}", weight = ${random.int(-253, 253)} }`);
    lines.push(`track = { scripts = [${list.join(", ")}] }`);
  }
  if (random.chance(0.5)) {
    const word = JSON.stringify(random.pick(WORDS));
    lines.push(`notify = { master = ["/bin/x", ${word}], user = "nobody" }`);
  }
  return lines.join("\n");
}

function server(random: Random, index: number): string {
  const checks = [
    '{ type = "tcp", interval = "2s", timeout = "1s", retry_interval = "200ms" }',
    '{ type = "http", version = "1.1", path = "/x", status = ["200-299", 404], interval = "3s", ' +
    'timeout = "2s", retry_interval = "1s", matches = "(?i)ok \\\\d+" }',
    '{ type = "ping", interval = "1s", timeout = "500ms", fall = 1 }',
    '{ type = "script", command = ["/bin/y", "a b"], interval = "5s", timeout = "4s", retry_interval = "1s" }',
  ];
  const two = () => {
    const first = random.int(0, checks.length - 2);
    return checks.slice(first, first + 2);
  };
  const servers = Array.from(
    { length: random.int(1, 4) },
    (_, i) =>
      `{ address = "198.51.100.${i + 1}:80", weight = ${random.int(1, 99)}, ` +
      `check = [${two().join(", ")}] }`,
  );
  return `[[virtual_server]]
name = "v${index}"
listen = "192.0.2.${index + 1}:80"
protocol = "${random.pick(["tcp", "udp"])}"
scheduler = "${random.pick(["rr", "wlc", "sh", "mh"])}"
forward = "${random.pick(["nat", "direct", "tunnel"])}"
on_failure = "${random.pick(["remove", "weight-zero"])}"
start_down = ${random.chance(0.5)}
run_down_on_stop = ${random.chance(0.5)}
real_server = [
  ${servers.join(",\n  ")},
]
`;
}

function site(random: Random): string {
  const scripts = Array.from({ length: random.int(0, 3) }, (_, i) =>
    `[[track_script]]
name = "s${i}"
command = ["/bin/z", ${JSON.stringify(random.pick(WORDS))}, ${JSON.stringify(random.pick(WORDS))}]
interval = "${random.int(1, 9)}s"
rise = ${random.int(1, 9)}
fall = ${random.int(1, 9)}
weight = ${random.int(-253, 253)}
`);
  const routers = Array.from(
    { length: random.int(1, 4) },
    (_, i) => router(random, i, scripts.length),
  );
  const servers = Array.from({ length: random.int(0, 2) }, (_, i) => server(random, i));
  return [...scripts, ...routers, ...servers].join("\n");
}

function common({ vrrp, track_script, virtual_server }: SiteConfig): unknown {
  // Checks that all servers share stand at the virtual server: each has them all the same.
  const servers = virtual_server.map(({ name: _, listed: __, ...rest }) => rest);
  // What is no source is so without being said, and whom programs run as is written in any case.
  const said = (key: string, value: unknown) =>
    (key === "preferred" && value === false) || key === "assumed" ? undefined : value;
  return JSON.parse(JSON.stringify({ vrrp, track_script, servers }, said));
}

Deno.test("sites by chance come back the same", () => {
  forSeeds(SEEDS, (random) => {
    const text = site(random);
    const loaded = load({ "site.toml": text }, { users: ANYBODY });
    assert.deepEqual(loaded.ok ? [] : loaded.problems, [], text);
    assert.ok(loaded.ok);
    const conf = toKeepalived(loaded.site);
    const back = conversion(conf);
    const unread = back.notes.filter(({ verdict }) => verdict === "unread");
    assert.deepEqual(unread, [], conf);
    assert.deepEqual(common(back.site()), common(loaded.site), conf);
  });
});
