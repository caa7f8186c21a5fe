import assert from "node:assert/strict";
import { type ServerUse, serverUse } from "../../../mod/agent/check_names.ts";
import { planChecks } from "../../../mod/agent/check_plan.ts";
import type { CheckUseConfig, SiteConfig } from "../../../config/mod.ts";
import { loadValid, router } from "../config/fixtures.ts";

function site(checks: string, more = ""): SiteConfig {
  const bfd = '[[bfd]]\nname = "s"\npeer = "192.0.2.9"\ninterface = "eth0"\n';
  return loadValid({ "site.toml": `${router(more)}${bfd}${checks}` });
}

function check(name: string, keys: string): string {
  return `[[check]]\nname = "${name}"\n${keys}\n`;
}

const HTTP = 'type = "http"\naddress = "192.0.2.1"\n';

Deno.test("each check runs where it can without waiting", () => {
  const plan = planChecks(
    site(
      [
        check("tcp", 'type = "tcp"\naddress = "192.0.2.1"\nport = 1'),
        check("ping", 'type = "ping"\naddress = "2001:db8::1"'),
        check("dns", 'type = "dns"\naddress = "192.0.2.1"'),
        check("http", HTTP),
        check("grpc", 'type = "grpc"\naddress = "192.0.2.1"\nport = 2'),
        check("https", `${HTTP}tls = {}`),
        check("regex", `${HTTP}matches = "x"`),
        check("redirect", `${HTTP}redirects = 1`),
        check("mail", 'type = "smtp"\naddress = "192.0.2.1"\nstarttls = true'),
        check("script", 'type = "script"\ncommand = ["/usr/bin/true"]'),
        check("file", 'type = "file"\npath = "/x"'),
        check("bfd", 'type = "bfd"\nsession = "s"'),
      ].join(""),
      'track.checks = ["tcp", "https"]\n',
    ),
    [],
  );
  assert.deepEqual(plan.kernel.map(({ id }) => id), ["tcp", "ping", "dns", "http", "grpc"]);
  assert.deepEqual(
    plan.control.map(({ id }) => id),
    ["https", "regex", "redirect", "mail", "script", "file"],
  );
  assert.deepEqual(plan.protocol, [{ check: "bfd", session: "s" }]);
  const tracked = [...plan.kernel, ...plan.control].filter((one) => one.tracked);
  assert.deepEqual(tracked.map(({ id }) => id), ["tcp", "https"]);
  const ends = plan.kernel.map(({ end }) => `${end.transport} ${end.address} ${end.port}`);
  assert.deepEqual(ends, [
    "tcp 192.0.2.1 1",
    "ping 2001:db8::1 0",
    "udp 192.0.2.1 53",
    "tcp 192.0.2.1 80",
    "tcp 192.0.2.1 2",
  ]);
});

Deno.test("what is not said of times follows from the interval", () => {
  const slow = check("slow", `${HTTP}interval = "1m"`);
  const fast = check("fast", `${HTTP}interval = "200ms"`);
  const [a, b] = planChecks(site(slow + fast), []).kernel;
  const shown = [a!.timing, b!.timing].map((one) => Object.values(one));
  assert.deepEqual(shown, [
    [60_000_000, 5_000_000, 1_000_000, 1_000_000],
    [200_000, 200_000, 200_000, 200_000],
  ]);
  assert.ok(a!.jitter >= 0 && a!.jitter < 1 && a!.jitter !== b!.jitter);
});

/** A check that stands at a server, with the defaults of one that has a name. */
function inline(keys: string): CheckUseConfig {
  const { name: _, ...use } = site(check("x", `address = "192.0.2.1"\nport = 1\n${keys}`))
    .check[0]!;
  const { address: _1, port: _2, ...rest } = use;
  return rest as CheckUseConfig;
}

Deno.test("checks of servers that ask the same of the same are one", () => {
  const at = (address: string, ...uses: CheckUseConfig[]): ServerUse => {
    return serverUse({ listen: [] }, {
      address: { address, port: 80 },
      check: uses,
      forward: "nat",
    });
  };
  const http = inline('type = "http"');
  const slower = inline('type = "http"\ninterval = "9s"');
  const servers = [
    at("198.51.100.1", http, { name: "gateway" }),
    at("198.51.100.1", http),
    at("198.51.100.2", http),
    at("198.51.100.2", slower),
  ];
  const gateway = check("gateway", 'type = "ping"\naddress = "192.0.2.1"');
  const plan = planChecks(site(gateway), servers);
  assert.equal(plan.kernel.length, 4);
  const ids = servers.map((use) => use.ids);
  assert.equal(ids[0]![0], ids[1]![0]);
  assert.equal(new Set(ids.flat()).size, 4);
  assert.ok(ids.flat().every((id) => plan.identities.some((one) => one.id === id)));
  assert.match(ids[0]![0]!, /^http\/198\.51\.100\.1:80\/[0-9a-f]{16}$/);
  // Another interval is another check of the same target: what is known of one holds for it.
  const [first, second] = plan.kernel.filter(({ end }) => end.address === "198.51.100.2");
  assert.equal(first!.target, second!.target);
});

Deno.test("a server's checks are worked out once, for each place at which it stands", () => {
  const at = (port: number) => ({ listen: [{ address: "192.0.2.10", port }] });
  const real = {
    address: { address: "198.51.100.1" },
    forward: "nat" as const,
    check: [inline('type = "tcp"')],
  };
  const first = serverUse(at(80), real);
  assert.equal(serverUse(at(80), real), first);
  assert.match(serverUse(at(81), real).ids.join(), /^tcp\/198\.51\.100\.1:81\/[0-9a-f]{16}$/);
  assert.deepEqual(serverUse(at(80), real), first);
});

Deno.test("times and passwords are no part of the target, and credentials of no id", () => {
  const target = (keys: string) => planChecks(site(check("c", HTTP + keys)), []).kernel[0]!.target;
  assert.equal(target(""), target('interval = "1s"\nfall = 9\n'));
  const secret = (word: string) => `auth = { user = "u", password = "${word}" }\n`;
  const load = (keys: string) => {
    const warned = site(check("c", `${HTTP}tls = {}\n${keys}`));
    return planChecks(warned, []).control[0]!;
  };
  assert.equal(load(secret("one")).target, load(secret("two")).target);
  assert.notEqual(target(""), target('path = "/x"\n'));
  assert.notEqual(target(""), target("mark = 7\n"));
});

Deno.test("a request is made of its keys", () => {
  const keys = `${HTTP}port = 8080\nmethod = "POST"\nbody = "hex:00ff"\nheaders = { a = "b" }\n` +
    'urls = [{ path = "/1" }, { path = "/2", host = "h", status = [204], contains = "x", ' +
    'json = { pointer = "/a~1b", value = 1 } }]\n';
  const { task } = planChecks(site(check("c", keys)), []).kernel[0]!;
  assert.ok(task.type === "http");
  const [one, two] = task.exchanges;
  assert.deepEqual(one!.request, {
    method: "POST",
    path: "/1",
    host: "192.0.2.1:8080",
    scheme: "http",
    headers: [["a", "b"]],
    body: Uint8Array.of(0, 255),
  });
  assert.deepEqual([two!.request.host, two!.expected.status], ["h", [[204, 204]]]);
  assert.deepEqual(two!.expected.body, [
    { type: "contains", text: "x" },
    { type: "json", pointer: "/a~1b", parts: ["a/b"], value: 1 },
  ]);
});
