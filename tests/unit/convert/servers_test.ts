/** Configurations of virtual servers as they are found in the wild. */

import assert from "node:assert/strict";
import { conversion, server } from "./fixtures.ts";

function has(text: string, parts: readonly string[], absent: readonly string[] = []): void {
  for (const part of parts) assert.ok(text.includes(part), `${part}\n---\n${text}`);
  for (const part of absent) assert.ok(!text.includes(part), `not ${part}\n---\n${text}`);
}

/** Converts a virtual server; the site must be valid. */
function pool(more: string, real = "", head = "") {
  const result = conversion(server(more, real, head));
  return { ...result, vs: result.site().virtual_server[0]! };
}

Deno.test("a web pool: keepalived's times are written out, inherited ones too", () => {
  const plain = pool("", "TCP_CHECK {\n}");
  has(plain.text, ['interval = "60s"', 'timeout = "5s"', "fall = 2", 'retry_interval = "1s"']);
  const own = pool(
    "delay_loop 6\nconnect_timeout 3\nretry 2",
    "delay_before_retry 4\nTCP_CHECK {\nretry 0\nconnect_port 81\n}",
  );
  has(own.text, ['interval = "6s"', 'timeout = "3s"', "fall = 1", "port = 81"], ["retry_interval"]);
  has(pool("", "DNS_CHECK {\ntype A\nname example.net\n}").text, ["fall = 4", 'record = "A"']);
  has(pool("", "MISC_CHECK {\nmisc_path /bin/true\n}").text, ["fall = 1", 'timeout = "60s"']);
});

Deno.test("checks that all servers share stand once", () => {
  const real = (last: number, more = "") =>
    `real_server 198.51.100.${last} 80 {\nTCP_CHECK {\nconnect_timeout 3\n${more}\n}\n}\n`;
  const text = (more: string) =>
    `virtual_server 192.0.2.1 80 {\nlvs_sched wrr\nprotocol TCP\n${real(1)}${real(2)}${
      real(3, more)
    }}`;
  const shared = conversion(text(""));
  shared.site();
  assert.equal(shared.text.match(/type = "tcp"/g)?.length, 1);
  const apart = conversion(text("retry 5"));
  apart.site();
  assert.equal(apart.text.match(/type = "tcp"/g)?.length, 3);
});

Deno.test("HTTPS with several URLs, expressions and codes; certificates were never looked at", () => {
  const result = pool(
    "virtualhost www.example.net",
    `SSL_GET {
      url {
        path /a
        status_code 200-299 301
        regex "^ok\\\\.$"
        regex_options caseless multiline
      }
      url {
        path /b?x=1
        regex bad
        regex_no_match
      }
      enable_sni
      http_protocol 1.1
    }`,
  );
  has(result.text, [
    'status = ["200-299", 301]',
    String.raw`matches = '(?im)^ok\.$'`,
    'not_matches = "bad"',
    'host = "www.example.net"',
    'version = "1.1"',
    "verify = false",
    'retry_interval = "3s"',
  ]);
  const bad = pool("", "HTTP_GET {\nurl {\npath /\nregex (?<=a{2,})\\\\Qb\n}\n}");
  assert.deepEqual(bad.verdicts("regex"), ["dropped"]);
});

Deno.test("mail and name servers, pings, datagrams, programs and files", () => {
  const result = pool(
    "",
    `SMTP_CHECK {
      helo_name lb.example.net
    }
    PING_CHECK {
      retry 4
    }
    UDP_CHECK {
      payload Ab12f 3
      require_reply 1c XX
      bindto 192.0.2.3
      connect_port 53
    }
    MISC_CHECK {
      misc_path "/etc/check.sh 'a b' c"
      misc_timeout 7
      misc_dynamic
      user nobody nogroup
    }
    FILE_CHECK {
      track_file w
      weight 2 reverse
    }
    BFD_CHECK {
      name peer
    }`,
    "track_file w {\nfile /run/weight\n}\nbfd_instance peer {\nneighbor_ip 192.0.2.9\n}\n",
  );
  has(result.text, [
    'helo_name = "lb.example.net"',
    'payload = "AB 12 0F 03"',
    'reply = "1C XX"',
    "max_reply_length = 255",
    'command = ["/etc/check.sh", "a b", "c"]',
    'user = "nobody:nogroup"',
    "dynamic = true",
    'path = "/run/weight"',
    'session = "peer"',
  ]);
});

Deno.test("a file check without a weight has that of its track_file", () => {
  const check = (weight: string, own: string) =>
    pool(
      "",
      `FILE_CHECK {\n${own}\ntrack_file w\n}`,
      `track_file w {\nfile /run/weight\n${weight}\n}\n`,
    ).text;
  const parts = ["weight = -3, reverse = true }"];
  has(check("weight -3 reverse", ""), parts);
  has(check("weight -3 reverse", "weight 2"), ["weight = 2 }"], parts);
  has(check("", ""), ["weight = 1 }"], parts);
});

Deno.test("a persistence of no time is none", () => {
  const result = pool("persistence_timeout 0");
  has(result.text, [], ["persistence ="]);
  assert.deepEqual(result.verdicts("persistence_timeout"), ["approximated"]);
});

Deno.test("direct routing: a port that packets would not arrive at is for the check alone", () => {
  const result = pool("lvs_method DR", "TCP_CHECK {\n}");
  has(result.text, ['forward = "direct"', 'address = "198.51.100.11"', "port = 8080"]);
  assert.deepEqual(result.verdicts("real_server"), ["approximated"]);
});

Deno.test("tunnels of each kind, for all and for one", () => {
  const gue = 'tunnel = { type = "gue", port = 6080, checksum = "remote" }';
  has(pool("lb_kind TUN type gue port 6080 remcsum").text, [gue]);
  has(pool("", "lvs_method TUN type gre csum").text, ['{ type = "gre", checksum = "full" }']);
  has(pool("lvs_method TUN").text, ['forward = "tunnel"'], ["tunnel = {"]);
});

Deno.test("persistence, granularity, schedulers with their flags, one packet", () => {
  has(pool("persistence_timeout").text, ['persistence = { timeout = "360s" }']);
  has(pool("persistence_timeout 900\npersistence_granularity 255.255.255.0").text, [
    'persistence = { timeout = "900s", prefix_length = 24 }',
  ]);
  has(pool("lb_algo mh\nmh-port\nmh-fallback").text, ['flags = ["mh-port", "mh-fallback"]']);
  has(pool("protocol UDP\nops").text, ["one_packet = true", 'protocol = "udp"', '-udp"']);
});

Deno.test("quorum, hysteresis, sorry server, alpha, omega, inhibit, thresholds, programs", () => {
  const result = pool(
    `quorum 1
    alpha
    omega
    inhibit_on_failure
    sorry_server 198.51.100.99 80
    sorry_server_inhibit
    quorum_up "/etc/q.sh up" nobody
    quorum_down "/etc/q.sh down" nobody`,
    "uthreshold 100\nlthreshold 80\nnotify_down /etc/rs.sh\nTCP_CHECK {\n}",
  );
  has(result.text, [
    'sorry_server = { address = "198.51.100.99:80", inhibit = true }',
    "start_down = true",
    "run_down_on_stop = true",
    'on_failure = "weight-zero"',
    "thresholds = { upper = 100, lower = 80 }",
    'quorum_up = ["/etc/q.sh", "up"]',
    'notify = { down = ["/etc/rs.sh"] }',
  ]);
  const never = pool("quorum 9\nhysteresis 3");
  assert.deepEqual([never.vs.quorum, never.vs.hysteresis], [1, 0]);
  assert.deepEqual(never.verdicts("virtual_server"), ["approximated"]);
});

Deno.test("marks, and groups of addresses, ranges and marks in both families", () => {
  const of = (head: string, place: string, real: string) =>
    conversion(
      `${head}virtual_server ${place} {\nlvs_sched rr\nlvs_method TUN\nprotocol TCP\n` +
        `persistence_timeout 50\nreal_server ${real} {\nTCP_CHECK {\nconnect_port 80\n}\n}\n}`,
    );
  const mark = of("", "fwmark 7", "2001:db8::1");
  has(mark.text, ["fwmark = 7", 'family = "ipv6"'], ["protocol ="]);
  mark.site();
  const head = `virtual_server_group g {
    192.0.2.1 80
    192.0.2.8-10 80
    192.0.2.32-192.0.2.40 80
    192.0.2.64/29 80
    fwmark 1
    fwmark 2 inet6
}
`;
  const group = of(head, "group g", "198.51.100.1");
  const { virtual_server } = group.site();
  assert.deepEqual(virtual_server.map(({ name }) => name), ["g", "g-marks", "g-marks6"]);
  assert.equal(virtual_server[0]?.listen.length, 4);
  const marked = of(`global_defs {\nnftables_ipvs\n}\n${head}`, "group g", "198.51.100.1");
  has(marked.text, ['mark = "auto"']);
  marked.site();
  const none = of("", "group nobody", "198.51.100.1");
  assert.deepEqual(none.verdicts("virtual_server"), ["unread"]);
});

Deno.test("a large pool out of a sequence, with one range of IPv6", () => {
  const result = conversion(`$RS= \\
  real_server 198.51.100.\${N} 8080 { \\
    weight \${W} \\
    TCP_CHECK { \\
      connect_timeout 2 \\
    } \\
  }
virtual_server 192.0.2.80 80 {
  lvs_sched wlc
  protocol TCP
  ~LST({W, F, L}, {1, 1, 100}, {3, 101, 200}) ~SEQ(N, \${F}, \${L}) $RS
}
virtual_server_group six {
  2001:db8::2-9 80
}
virtual_server group six {
  lvs_sched rr
  protocol TCP
  real_server 2001:db8:1::1 80 {
  }
}
`);
  const [pool, six] = result.site().virtual_server;
  assert.equal(pool?.real_server.length, 200);
  assert.deepEqual(
    [pool?.real_server[0]?.weight, pool?.real_server[199]?.weight],
    [1, 3],
  );
  assert.deepEqual([six?.listen[0]?.address, six?.listen[0]?.last], ["2001:db8::2", "2001:db8::9"]);
});

Deno.test("mail of servers is on unless it is off, as keepalived has it", () => {
  const mail = "global_defs {\nnotification_email {\nnoc@example.net\n}\n";
  has(pool("", "", `${mail}}\n`).text, ["mail = true"]);
  has(pool("", "", `${mail}smtp_alert_checker off\n}\n`).text, [], ["mail = true"]);
  has(pool("", "smtp_alert off", `${mail}}\n`).text, [], ["mail = true"]);
});

Deno.test("what cannot be read of servers is told with its line", () => {
  const result = pool("quorum many\nprotocol ICMP", "weight x\nFOO_CHECK {\na b\n}");
  const unread = result.notes.filter(({ verdict }) => verdict === "unread");
  assert.deepEqual(unread.map(({ line, keyword }) => [line, keyword]), [
    [5, "quorum"],
    [6, "protocol"],
    [9, "weight"],
    [10, "FOO_CHECK"],
    [11, "a"],
  ]);
});

Deno.test("hosts of an SMTP_CHECK are checks of their own", () => {
  const { vs } = pool(
    "",
    "SMTP_CHECK {\nretry 0\nhost {\nconnect_ip 192.0.2.3\n}\n" +
      "host {\nconnect_ip 192.0.2.4\nconnect_port 587\nbindto 192.0.2.9\n}\n}",
  );
  const checks = vs.real_server[0]!.check.map((check) =>
    "type" in check && [check.type, check.address, check.port, check.bind_address, check.fall]
  );
  assert.deepEqual(checks, [
    ["smtp", "192.0.2.3", 8080, undefined, 1],
    ["smtp", "192.0.2.4", 587, "192.0.2.9", 1],
  ]);
});

Deno.test("what keepalived refuses or guesses of servers is told", () => {
  const retry = pool("retry 0", "TCP_CHECK {\n}");
  assert.equal(retry.vs.real_server[0]!.check.length, 1);
  assert.deepEqual(retry.verdicts("retry"), ["unread"]);
  has(retry.text, ["fall = 2"]);
  const without = conversion(server("", "TCP_CHECK {\n}").replace("protocol TCP", ""));
  assert.deepEqual(without.verdicts("virtual_server"), ["approximated"]);
  assert.equal(without.site().virtual_server[0]?.protocol, "tcp");
  const bare = pool("", "TCP_CHECK");
  assert.deepEqual(bare.verdicts("TCP_CHECK"), ["approximated"]);
  const mask = pool("persistence_timeout 60\npersistence_granularity 24");
  assert.deepEqual(mask.verdicts("persistence_granularity"), ["approximated"]);
  const expression = (text: string) =>
    pool("", `HTTP_GET {\nurl {\npath /\nregex ${text}\n}\n}`).verdicts("regex");
  assert.deepEqual(expression("^ok"), ["approximated"]);
  assert.deepEqual(expression("^ok\nregex_options multiline"), ["translated"]);
  assert.deepEqual(expression("[^o]k"), ["translated"]);
  // Each is what keepalived 2.2.7 says nothing about, and does nothing for.
  const lone = pool("", 'HTTP_GET {\nurl {\npath /\nregex_no_match "ERROR"\n}\n}');
  assert.deepEqual(lone.verdicts("regex_no_match"), ["unread"]);
  const options = pool("", "HTTP_GET {\nurl {\npath /\nregex ok\nregex_options nocase\n}\n}");
  assert.match(options.about("regex_options")[0]?.reason ?? "", /has not; it has caseless/);
  const empty = conversion(
    `virtual_server 192.0.2.9 80 {\nlvs_sched rr\nsorry_server 192.0.2.8 80\n}\n` + server(""),
  );
  assert.deepEqual(empty.site().virtual_server.map(({ name }) => name), ["192.0.2.10:80"]);
  assert.ok(empty.verdicts("virtual_server").includes("dropped"));
});

Deno.test("all ports of an address are a service", () => {
  const { text } = conversion(
    server("persistence_timeout 60").replace("192.0.2.10 80", "192.0.2.10 0"),
  );
  has(text, ['listen = "192.0.2.10:0"']);
});

Deno.test("expressions of PCRE that JavaScript spells otherwise", () => {
  const { vs } = pool("", 'HTTP_GET {\nurl {\npath /\nregex "a\\\\ b\\\\:\\\\.c"\n}\n}');
  const [check] = vs.real_server[0]!.check;
  assert.equal(check !== undefined && "type" in check && check.matches, "a b:\\.c");
});
