/** No input makes the converter throw, run without an end, or write what is no TOML. */

import assert from "node:assert/strict";
import process from "node:process";
import { parse } from "../../../config/toml.ts";
import { convert, type Converted } from "../../../mod/convert/mod.ts";
import { Random } from "../../lib/random.ts";

const SEEDS = 300;

/** Text with all that has a meaning in keepalived.conf. */
const SOURCE = `! head
include other.conf
$IF=eth0
$RS= \\
  real_server 198.51.100.\${N} 80 { \\
    TCP_CHECK { \\
    } \\
  }
global_defs {
  @a router_id one
  @^a router_id two
  notification_email {
    noc@example.net
  }
  vrrp_version 3
  lvs_sync_daemon eth1 VI_1
  lvs_timeouts tcp 900
}
vrrp_script s {
  script "/bin/sh -c 'exit 0'"
  interval 2
  weight -5 reverse
}
track_file f {
  file /run/f
}
bfd_instance b {
  neighbor_ip 192.0.2.9
  min_rx 50
}
vrrp_sync_group G {
  group {
    VI_1
  }
}
vrrp_instance VI_1 {
  state MASTER
  interface $IF
  virtual_router_id 51
  priority 100
  authentication {
    auth_type PASS
    auth_pass 1234
  }
  unicast_peer {
    @a 192.0.2.2
    192.0.2.3 min_ttl 254
  }
  track_script {
    s weight 3
  }
  virtual_ipaddress {
    192.0.2.10/24 dev eth1 label eth1:1 brd +
    ~SEQ(N, 20, 22) 192.0.2.\${N}/24
  }
  virtual_routes {
    src 192.0.2.1 203.0.113.0/24 via 192.0.2.1 or 192.0.2.2
  }
  virtual_rules {
    from 192.0.2.0/24 table 7
  }
  notify_master "/bin/x 'a b'" nobody nobody
}
virtual_server_group g {
  192.0.2.3-10 80
  fwmark 7
}
virtual_server group g {
  delay_loop 6
  lb_algo sh
  lb_kind TUN type gue port 6080 csum
  persistence_timeout 50
  quorum 3
  hysteresis 9
  sorry_server 192.0.2.99 80
  ~LST(N, 1, 2, 3) $RS
  real_server 198.51.100.9 81 {
    SSL_GET {
      url {
        path /
        status_code 200-299 404
        regex ^(ok)$
        digest 9b3a0c85a887a256d6939da88aabd8cd
      }
    }
    MISC_CHECK {
      misc_path "/bin/check a"
      misc_dynamic
    }
    UDP_CHECK {
      payload 1b00
      require_reply 1c XX
    }
  }
}
`;

const PIECES = [
  ..."{}\"'#!@$~\\()=,;:/.-\n\r\t \u0000\u0001\ufeff\ud800é😀",
  "~SEQ(A, 1, 100000) ",
  "~SEQx(",
  "~LST({A,B},{1,2}) ",
  "$X=$X $X\n",
  "${X}",
  "${_ENV X}",
  "${_RANDOM}",
  "@a ",
  "@^a ",
  "@__proto__ ",
  "$__proto__=1\n",
  "__proto__ {\n",
  "constructor 1\n",
  "include keepalived.conf\n",
  "include *\n",
  "vrrp_instance",
  "virtual_server",
  "virtual_ipaddress {",
  "99999999999999999999",
  "-1",
  "1e9",
  "::",
  "fe80::1%eth0",
  "\u202e",
  "toString",
];

const KEYWORDS = [...SOURCE.matchAll(/[A-Za-z_]{3,}/g)].map(([word]) => word);

/** The source with some pieces put in, cut out, doubled or moved. */
function mutated(random: Random): string {
  let text = SOURCE;
  for (let count = random.int(1, 30); count > 0; count--) {
    const at = random.int(0, text.length);
    const end = Math.min(text.length, at + random.int(0, 60));
    const way = random.int(0, 4);
    const piece = random.chance(0.3) ? ` ${random.pick(KEYWORDS)} ` : random.pick(PIECES);
    if (way === 0) text = text.slice(0, at) + text.slice(end);
    else if (way === 1) text = text.slice(0, at) + text.slice(at, end) + text.slice(at);
    else if (way === 2) text = text.slice(0, at) + piece + text.slice(end);
    else text = text.slice(0, at) + piece + text.slice(at);
  }
  return text;
}

function bytes(random: Random): string {
  const all = Uint8Array.from({ length: random.int(0, 2_000) }, () => random.int(0, 255));
  return new TextDecoder("latin1").decode(all);
}

function converted(text: string): Converted {
  return convert("keepalived.conf", {
    hostname: "edge-a",
    environment: () => undefined,
    hasUser: () => false,
    find: (pattern) => pattern === "*" ? ["keepalived.conf"] : [],
    read: () => text,
  });
}

/** Converts; whatever comes out must be TOML, and have a note for each line that counts. */
function check(text: string, seed: number): void {
  const result = converted(text);
  try {
    parse(result.text);
  } catch (error) {
    assert.fail(`seed ${seed}: ${error}\n${text}\n-----\n${result.text}`);
  }
  for (const note of result.notes) {
    assert.ok(note.verdict === "translated" || note.reason !== undefined, `seed ${seed}`);
    assert.ok(note.line >= 0 && note.line <= text.split("\n").length, `seed ${seed}`);
  }
}

Deno.test("no line takes long because of what it looks like", () => {
  // Each took half a minute to hours: by the square of a length, or by rounds within rounds.
  const blanks = " ".repeat(60_000);
  const sign = (index: number) =>
    String.fromCodePoint(0x2190 + index % 100, 0x2190 + Math.floor(index / 100));
  const blocks = (count: number, head: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => `${head(index)} {\n}\n`).join("");
  const cases = [
    `\${A${blanks}\n`.repeat(5),
    `include${blanks}\n`.repeat(9),
    "~SEQ(A, 1, 100000) ~SEQ(B, 1, 100002) x",
    `$A= \\\n${"# a comment among the lines of a definition\n".repeat(9_000)}`,
    blocks(20_000, (index) => `vrrp_instance v${index}`),
    blocks(5_000, (index) => `vrrp_script "${sign(index)}"`),
  ];
  for (const text of cases) {
    // Time of the processor: a machine that stands still does not count.
    const begun = process.cpuUsage();
    converted(text);
    const { user, system } = process.cpuUsage(begun);
    assert.ok(user + system < 5_000_000, `${text.slice(0, 40).trim()}: ${user + system} us`);
  }
});

Deno.test("mutated configurations and random bytes convert to TOML, with reasons", () => {
  check(SOURCE, 0);
  const own = Number(Deno.env.get("HALB_SEED") ?? NaN);
  const seeds = Number.isNaN(own) ? Array.from({ length: SEEDS }, (_, index) => index + 1) : [own];
  for (const seed of seeds) {
    const random = new Random(seed);
    check(seed % 5 === 0 ? bytes(random) : mutated(random), seed);
  }
});
