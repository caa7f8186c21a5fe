import assert from "node:assert/strict";
import { validate } from "../../../config/issues.ts";
import { readUses } from "../../../config/check_checks.ts";
import { CHECK_USES } from "../../../config/check_schema.ts";
import { withCheckDefaults } from "../../../config/check_uses.ts";
import { addressOf, portOf, type Problem } from "../../../config/mod.ts";
import type { Finding } from "../../../config/finding.ts";
import { plant } from "../../../config/tree.ts";
import { parse } from "smol-toml";
import { load, loadValid, router, underlined as underlinedIn, USERS } from "./fixtures.ts";

/** A site whose router tracks `c`, and that check. */
function site(check: string, more = ""): string {
  return `${router('track.checks = ["c"]\n')}[[check]]\nname = "c"\n${check}${more}`;
}

function problemsOf(text: string): readonly Problem[] {
  const loaded = load({ "site.toml": text });
  return loaded.ok ? loaded.warnings : loaded.problems;
}

Deno.test("a check resolves with its defaults", () => {
  const { check } = loadValid({ "site.toml": site('type = "ping"\naddress = "192.0.2.1"\n') });
  const [one] = check;
  assert.equal(one?.interval, 5_000_000);
  assert.equal(one?.timeout, undefined);
  assert.deepEqual([one?.rise, one?.fall, one?.hold_down, one?.size], [1, 2, 0, 56]);
  assert.equal(one?.damping, undefined);
  assert.equal(one?.start_failed, false);
});

Deno.test("each type takes its keys", () => {
  for (
    const text of [
      'type = "tcp"\naddress = "192.0.2.1"\nport = 80\nsend = "hex:00 ff"\nexpect = "ok"\n',
      'type = "http"\naddress = "192.0.2.1"\npath = "/a?b"\nstatus = ["200-299", 404]\n' +
      'headers = { accept = "x" }\ncontains = "y"\nmatches = "(?i)z"\nredirects = 2\n',
      'type = "http"\naddress = "192.0.2.1"\ntls = { verify = false }\nversion = "2"\n' +
      'urls = [{ path = "/" }, { path = "/x", json = { pointer = "/a", value = 1 } }]\n',
      'type = "http"\naddress = "192.0.2.1"\ntls = { min_version = "1.3" }\nmark = 7\n' +
      'bind_address = "192.0.2.2"\nbind_port = 7\nbind_interface = "eth1"\nnamespace = "blue"\n',
      'type = "grpc"\naddress = "192.0.2.1"\nport = 50051\nservice = "shop.Cart"\n',
      'type = "smtp"\naddress = "2001:db8::1"\nstarttls = true\nhelo_name = "a.example"\n',
      'type = "dns"\naddress = "192.0.2.1"\nquery = "a.example"\nrecord = "A"\n' +
      'answers = ["192.0.2.2"]\ncodes = ["NOERROR", "NXDOMAIN"]\nprotocol = "tcp"\n',
      'type = "udp"\naddress = "192.0.2.1"\nport = 123\npayload = "1b 00"\nreply = "1c XX"\n',
      'type = "ping"\naddress = "192.0.2.1"\nsize = 8\nmark = 7\nnamespace = "blue"\n',
      'type = "script"\ncommand = ["/usr/bin/true"]\nuser = "root"\ndynamic = true\n',
      'type = "file"\npath = "/etc/halb/with blank"\nweight = 2\nreverse = true\n',
      'type = "agent"\naddress = "192.0.2.1"\nport = 9707\nsend = "hello\\n"\n',
      'type = "ping"\naddress = "192.0.2.1"\ndamping = { suppress = 3, half_life = "10s" }\n' +
      'hold_down = "30s"\nstart_failed = true\nrise = 2\nfall = 3\nwarmup = "0s"\n',
    ]
  ) assert.deepEqual(problemsOf(site(text)), [], text);
});

/** What is refused: the check, the line in it, the place's text, the beginning of the message. */
const REFUSED: readonly (readonly [string, string, string])[] = [
  ['type = "ping"\n', "type", "The key `address` is missing"],
  ['type = "tcp"\naddress = "192.0.2.1"\n', "", "The key `port` is missing"],
  ['type = "grpc"\naddress = "192.0.2.1"\n', "", "The key `port` is missing"],
  ['type = "ping"\naddress = "192.0.2.1"\nport = 7\n', "port", "`port` has no meaning"],
  ['type = "script"\ncommand = ["/bin/true"]\nmark = 1\n', "mark", "`mark` has no meaning"],
  ['type = "tcp"\naddress = "192.0.2.1"\nport = 1\npath = "/"\n', "path", "`path` has no meaning"],
  ['type = "script"\n', "", "The key `command` is missing"],
  ['type = "file"\n', "", "The key `path` is missing"],
  ['type = "bfd"\n', "", "The key `session` is missing"],
  ['type = "bfd"\nsession = "x"\n', '"x"', 'There is no `[[bfd]]` with the name "x"'],
  [
    'type = "ping"\naddress = "192.0.2.1"\nbind_address = "2001:db8::1"\n',
    '"2001:db8::1"',
    "Invalid `bind_address`",
  ],
  ['type = "ping"\naddress = "fe80::1"\n', "", "The key `bind_interface` is missing"],
  [
    'type = "http"\naddress = "192.0.2.1"\ntls = { min_version = "1.1" }\n',
    '"1.1"',
    "Invalid `tls.min_version`",
  ],
  ['type = "http"\naddress = "192.0.2.1"\nmatches = "("\n', '"("', "Invalid `matches`"],
  ['type = "http"\naddress = "192.0.2.1"\npath = "/a b"\n', '"/a b"', "Invalid `path`"],
  ['type = "http"\naddress = "192.0.2.1"\nmethod = "get"\n', '"get"', "Invalid `method`"],
  ['type = "http"\naddress = "192.0.2.1"\nstatus = ["2xx"]\n', '"2xx"', "Invalid `status`"],
  [
    'type = "http"\naddress = "192.0.2.1"\npath = "/"\nurls = [{ path = "/" }]\n',
    "path",
    "`path` beside `urls`",
  ],
  [
    'type = "http"\naddress = "192.0.2.1"\nheaders = { Authorization = "Basic eA==" }\n',
    "Authorization",
    "Credentials do not belong into `headers`",
  ],
  [
    'type = "http"\naddress = "192.0.2.1"\ntls = { certificate = "/x" }\n',
    "certificate",
    "`tls.certificate` without `tls.key`",
  ],
  [
    'type = "udp"\naddress = "192.0.2.1"\nport = 1\nmin_reply_length = 4\n',
    "min_reply_length",
    "`min_reply_length` has no meaning where no reply",
  ],
  ['type = "udp"\naddress = "192.0.2.1"\nport = 1\nreply = "1"\n', '"1"', "Invalid `reply`"],
  ['type = "dns"\naddress = "192.0.2.1"\nquery = "a..b"\n', '"a..b"', "Invalid `query`"],
  [
    'type = "ping"\naddress = "192.0.2.1"\ndamping = { suppress = 1, reuse = 1 }\n',
    "1",
    "Invalid `damping.reuse`",
  ],
  ['type = "pong"\naddress = "192.0.2.1"\n', '"pong"', "Invalid `type`"],
  ['type = "ping"\naddress = "www.example.net"\n', '"www.example.net"', "Invalid `address`"],
];

for (const [check, underlined, message] of REFUSED) {
  Deno.test(`checks: ${JSON.stringify(check).slice(0, 76)} …`, () => {
    const found = problemsOf(site(check)).find((one) => one.message.startsWith(message));
    assert.ok(found, JSON.stringify(problemsOf(site(check)).map((one) => one.message)));
    assert.equal(found.severity, "error");
    if (underlined === "" || underlined === "type") return;
    assert.equal(underlinedIn(found), underlined);
  });
}

Deno.test("a name that nothing has, one given twice, a session that is tracked as a check", () => {
  const ping = 'type = "ping"\naddress = "192.0.2.1"\n';
  const messages = (text: string) => problemsOf(text).map(({ message }) => message);
  assert.match(
    messages(router('track.checks = ["d"]\n')).join(),
    /no `\[\[check\]\]` with the name "d"/,
  );
  assert.match(
    messages(site(ping, `[[check]]\nname = "c"\n${ping}`)).join(),
    /Two `\[\[check\]\]` have the name "c"/,
  );
  const session = '[[bfd]]\nname = "s"\npeer = "192.0.2.9"\ninterface = "eth0"\n';
  assert.match(
    messages(site('type = "bfd"\nsession = "s"\n', session)).join(),
    /The check "c" is the BFD session "s"/,
  );
});

Deno.test("no message shows a password, a token or a key", () => {
  const http = 'type = "http"\naddress = "192.0.2.1"\n';
  for (
    const secret of [
      'token = "hush hush"\n',
      'auth = { user = "u", password = "hush\\u0001hush" }\n',
      'tls = { certificate = "/x", key = "hushhush" }\n',
      'token = ["hushhush"]\n',
    ]
  ) {
    const problems = problemsOf(site(http + secret));
    assert.ok(problems.length > 0);
    assert.ok(!JSON.stringify(problems).includes("hush"), JSON.stringify(problems));
  }
  const valid = loadValid({
    "site.toml": site(`${http}tls = {}\nauth = { user = "u", password = "hushhush" }\n`),
  });
  assert.ok(!JSON.stringify(valid).includes("hushhush"));
});

/** `check` of a server as the site's loader reads it. */
function uses(text: string, defaults = "") {
  const findings: Finding[] = [];
  const source = { name: "site.toml", text };
  const common = defaults === "" ? undefined : plant(source, parse(defaults));
  const written = (parse(text) as { check: unknown }).check;
  const node = withCheckDefaults(common, plant(source, written, ["check"]));
  const report = (finding: Finding) => void findings.push(finding);
  const read = validate(node, CHECK_USES, report);
  const surroundings = {
    users: USERS,
    user: { name: "nobody", uid: 65_534, gid: 65_534, groups: [] },
    sessions: [],
    checks: ["gateway"],
  };
  const server = { address: "198.51.100.11", port: 8080 };
  const list = read === undefined ? [] : readUses(read, node, server, surroundings, report);
  return { list, findings: findings.map(({ message }) => message), server };
}

Deno.test("a server's checks: a name, a table, a list; its own address and port unless they say", () => {
  assert.deepEqual(uses('check = "gateway"').list, [{ name: "gateway" }]);
  const { list, findings, server } = uses(
    'check = ["gateway", { type = "http" }, { type = "tcp", port = 81 }, { type = "ping" },' +
      ' { type = "dns", address = "192.0.2.1" }]',
  );
  assert.deepEqual(findings, []);
  const ends = list.flatMap((one) =>
    "name" in one ? [] : [[addressOf(one, server), portOf(one, server)]]
  );
  assert.deepEqual(ends, [
    ["198.51.100.11", 8080],
    ["198.51.100.11", 81],
    ["198.51.100.11", 0],
    ["192.0.2.1", 53],
  ]);
  assert.match(uses('check = { type = "agent" }').findings.join(), /`port` is missing/);
  assert.match(uses('check = ["gatway"]').findings.join(), /no `\[\[check\]\]` with the name/);
  assert.match(uses('check = ["gateway", "gateway"]').findings.join(), /is used twice/);
});

Deno.test("two checks of one server that ask the same are one mistake, whatever they look like", () => {
  const twice = (list: string) => uses(`check = [${list}]`).findings.join();
  const refused = /^Two checks of one server ask the same, at the same times: first at/;
  assert.match(twice('{ type = "tcp" }, { type = "tcp" }'), refused);
  assert.match(twice('{ type = "tcp" }, "gateway", { type = "tcp", port = 8080 }'), refused);
  assert.match(
    twice('{ type = "ping", interval = "1s" }, { type = "ping", interval = "1000ms" }'),
    refused,
  );
  for (
    const list of [
      '{ type = "tcp" }, { type = "tcp", port = 81 }',
      '{ type = "tcp" }, { type = "tcp", interval = "1s" }',
      '{ type = "http", token = "one" }, { type = "http", token = "other" }',
      '{ type = "tcp", mark = 1 }, { type = "tcp", mark = 2 }, "gateway"',
    ]
  ) assert.doesNotMatch(twice(list), refused, list);
});

Deno.test("defaults serve the checks that have a use for them", () => {
  const { list, findings } = uses(
    'check = [{ type = "tcp" }, { type = "http", path = "/own" }, { path = "/x" }]',
    'type = "http"\npath = "/healthz"\ninterval = "2s"\nstatus = [204]\n',
  );
  assert.deepEqual(findings, []);
  const shown = list.map((one) => "name" in one ? one : [one.type, one.path, one.interval]);
  assert.deepEqual(shown, [
    ["tcp", undefined, 2_000_000],
    ["http", "/own", 2_000_000],
    ["http", "/x", 2_000_000],
  ]);
});

/** A virtual server with direct routing, whose check is given. */
function forwarded(check: string, server = "", real = ""): string {
  return `[[virtual_server]]
name = "web"
listen = ["192.0.2.10:80", "[2001:db8::10]:80"]
forward = "direct"
${server}
check = ${check}
[[virtual_server.real_server]]
address = "198.51.100.11"
${real}[[virtual_server.real_server]]
address = "2001:db8:2::12"
`;
}

Deno.test("via_forwarding: where it cannot be, or contradicts something, that is said", () => {
  const via = '{ type = "tcp", via_forwarding = "eth0" }';
  assert.deepEqual(problemsOf(forwarded(via)), []);
  const said = (text: string) =>
    problemsOf(text).map(({ message, line, column }) => `${line}:${column} ${message}`);
  const first = (text: string) => said(text)[0] ?? "";
  assert.match(
    first(forwarded(via, "", 'forward = "nat"\n')),
    /with `forward = "nat"` packets are sent to its own address, which every check asks$/,
  );
  assert.match(first(forwarded(via, 'mark = "auto"')), /have a mark of its own$/);
  assert.match(
    first(
      forwarded(via).replace(/listen = .*/, "fwmark = 7").replace(
        /\n.*real_server\]\]\naddress = "2001.*/,
        "",
      ),
    ),
    /has no address of its own, only a mark$/,
  );
  assert.match(
    first(site('type = "tcp"\naddress = "192.0.2.1"\nport = 80\nvia_forwarding = "eth0"\n')),
    /a check with a name stands at no real server$/,
  );
  const keys = ['address = "192.0.2.1"', "mark = 7", 'namespace = "blue"', "bind_port = 4000"];
  for (const key of keys) {
    const check = `{ type = "tcp", via_forwarding = "eth0", ${key} }`;
    assert.match(first(forwarded(check)), /^\d+:\d+ `\w+` beside `via_forwarding` \(/, key);
  }
  assert.match(
    first(forwarded('{ type = "ping", via_forwarding = "eth0" }')),
    /`via_forwarding` has no meaning for a check of type "ping"/,
  );
  const own = '{ type = "tcp", via_forwarding = "eth0", bind_address = "192.0.2.10" }';
  assert.match(first(forwarded(own)), /From the virtual address itself no answer/);
  // A tunnel of the other family.
  const tunnel = forwarded(via).replace('"direct"', '"tunnel"')
    .replace('listen = ["192.0.2.10:80", ', "listen = [");
  assert.match(first(tunnel), /Which address to ask 2001:db8::10 from cannot be told/);
  const bound = via.replace(" }", ', bind_address = "2001:db8::1" }');
  assert.ok(!said(tunnel.replace(via, bound)).some((text) => text.includes("cannot be told")));
});

Deno.test("via_forwarding: its marks are nobody else's, and there are enough", () => {
  const via = '{ type = "tcp", via_forwarding = "eth0" }';
  const marks = (table: string, mark: number) =>
    `[ipvs]\nforwarding_marks = ${table}\n${forwarded(via)}[[virtual_server]]\nname = "marked"\n` +
    `fwmark = ${mark}\n[[virtual_server.real_server]]\naddress = "198.51.100.11"\n`;
  assert.deepEqual(problemsOf(marks("{ first = 1000, count = 2 }", 1002)), []);
  const said = (text: string) => problemsOf(text).map(({ message }) => message).join(" ");
  assert.match(
    said(marks("{ first = 1000, count = 2 }", 1001)),
    /^The mark 1001 is one of those of checks with `via_forwarding`, 1000 to 1001 \(/,
  );
  const marked = forwarded(`[${via}, { type = "tcp", mark = 1000 }]`);
  assert.match(said(`[ipvs]\nforwarding_marks = { first = 1000 }\n${marked}`), /^The mark 1000 is/);
  assert.match(said(marks("{ first = 1000, count = 1 }", 7)), /^2 real servers are asked with/);
  assert.match(said(marks("{ first = 4294967295, count = 2 }", 7)), /do not fit into 32 bits/);
});

Deno.test("preset: a ready question has its port, and what it needs and contradicts is said", () => {
  const udp = (more: string) => `type = "udp"\naddress = "192.0.2.1"\n${more}\n`;
  const found = (more: string) =>
    problemsOf(site(udp(more))).map(({ message }) => message).join(" ");
  const ports = ["ntp", "quic", "sip", "radius"].map((preset) => {
    const secret = preset === "radius" ? '\nsecret = "s"' : "";
    const { check: [one] } = loadValid({ "site.toml": site(udp(`preset = "${preset}"${secret}`)) });
    return portOf(one!);
  });
  assert.deepEqual(ports, [123, 443, 5060, 1812]);
  assert.match(found('preset = "ntp"\nreply = "00"'), /^`reply` beside `preset` \(/);
  assert.match(found('preset = "ntp"\nmin_reply_length = 4'), /^`min_reply_length` beside/);
  assert.match(found('preset = "ntp"\nstatus = [200]'), /^`status` is for HTTP and SIP alone/);
  assert.equal(found('preset = "sip"\nstatus = ["200-299", 404]'), "");
  assert.match(found('preset = "radius"'), /^The key `secret` is missing: RADIUS has one/);
  assert.match(found('preset = "sip"\nsecret = "s"'), /^`secret` is for RADIUS alone/);
  assert.match(found(`preset = "radius"\nsecret = "${"x".repeat(65)}"`), /1 to 64 bytes/);
  assert.doesNotMatch(found(`preset = "radius"\nsecret = "${"x".repeat(65)}"`), /xxx/);
  for (const secret of ["4711471147", '["4711471147"]']) {
    const told = JSON.stringify(problemsOf(site(udp(`preset = "radius"\nsecret = ${secret}`))));
    assert.match(told, /secret/);
    assert.doesNotMatch(told, /47114/, secret);
  }
  assert.match(found('port = 9\nsecret = "s"'), /^`secret` is for RADIUS alone/);
  assert.match(found('preset = "dns"'), /dns/);
});
