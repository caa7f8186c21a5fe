/** `agent.http`: what resolves to what, what is refused, what is warned of. */

import assert from "node:assert/strict";
import { listenText } from "../../../config/mod.ts";
import { load, loadValid, problemsOf, router } from "./fixtures.ts";

const PEM = "-----BEGIN CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nsesame\n";

function site(http: string): Record<string, string> {
  return {
    "site.toml": `[agent]\nhttp = { ${http} }\n${router("")}`,
    "/etc/halb/http.pem": PEM,
    "/etc/halb/http.key": KEY,
    "/etc/halb/http.token": "open-sesame\n",
  };
}

Deno.test("an address of either family with a port, or a socket", () => {
  const known: [string, unknown][] = [
    ["127.0.0.1:9650", { address: "127.0.0.1", port: 9650 }],
    ["0.0.0.0:80", { address: "0.0.0.0", port: 80 }],
    ["[2001:DB8::0:1]:9650", { address: "2001:db8::1", port: 9650 }],
    ["[::]:9650", { address: "::", port: 9650 }],
    ["unix:/run/halb/http.sock", { path: "/run/halb/http.sock" }],
  ];
  for (const [text, listen] of known) {
    const { http } = loadValid(site(`listen = "${text}", token = "sesame-sesame"`)).agent;
    assert.deepEqual(http?.listen, listen);
    assert.equal(listenText(http!.listen), text.replace("2001:DB8::0:1", "2001:db8::1"));
  }
  assert.equal(loadValid({ "site.toml": router("") }).agent.http, undefined, "off unless written");
  const { http } = loadValid(site('listen = "[::1]:9650"')).agent;
  assert.deepEqual(http, { listen: { address: "::1", port: 9650 }, hosts: [] });
});

Deno.test("what is no such address is refused, a port alone with advice", () => {
  const wrong = [
    "127.0.0.1",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "[127.0.0.1]:80",
    "::1:80",
    "localhost:9650",
    "unix:run.sock",
    "unix:/run/",
    `unix:/${"x".repeat(200)}`,
  ];
  for (const listen of wrong) {
    const [[, , problem] = []] = problemsOf(site(`listen = "${listen}"`));
    assert.match(problem!, /is not an address with a port/, listen);
  }
  const [port] = problemsOf(site('listen = ":9650"'));
  assert.equal(port![3], 'write `"127.0.0.1:9650"` instead');
});

Deno.test("whoever can be reached from elsewhere is warned of: no token, and one in the clear", () => {
  const warnings = (http: string) => {
    const loaded = load(site(http));
    assert.ok(loaded.ok, JSON.stringify(loaded));
    return loaded.warnings.map(({ severity, message }) => `${severity}: ${message}`);
  };
  const tls = 'tls = { certificate = "/etc/halb/http.pem", key = { file = "/etc/halb/http.key" } }';
  const token = 'token = { file = "/etc/halb/http.token" }';
  assert.deepEqual(warnings('listen = "127.0.0.1:9650"'), []);
  assert.deepEqual(warnings('listen = "unix:/run/h.sock"'), []);
  assert.deepEqual(warnings('listen = "192.0.2.1:9650"'), [
    "warning: Everybody who reaches 192.0.2.1:9650 can read the whole status",
  ]);
  assert.deepEqual(warnings(`listen = "[::]:9650", ${token}`), [
    "warning: Without `tls` the token crosses the network in the clear",
  ]);
  assert.deepEqual(warnings(`listen = "[::]:9650", ${token}, ${tls}`), []);
});

Deno.test("secrets are shown nowhere, and must be such", () => {
  const files = site('listen = "127.0.0.1:9650", token = { file = "/etc/halb/http.token" }');
  const { http } = loadValid(files).agent;
  assert.equal(new TextDecoder().decode(http!.token!.reveal()), "open-sesame");
  assert.doesNotMatch(JSON.stringify(http), /sesame/);
  for (const token of ["short", "blank in between", "sesame-\\u001b[2J"]) {
    const loaded = load(site(`listen = "127.0.0.1:9650", token = "${token}"`));
    assert.ok(!loaded.ok);
    const text = JSON.stringify(
      loaded.problems.map(({ message, suggestion }) => [message, suggestion]),
    );
    assert.match(text, /Invalid `http\.token`/);
    assert.doesNotMatch(text, /short"|blank|sesame/);
  }
  const [[, , key] = []] = problemsOf(site(
    'listen = "127.0.0.1:9650", tls = { certificate = "/etc/halb/http.pem", key = "/a/path" }',
  ));
  assert.match(key!, /^Invalid `tls\.key`: write/);
});

Deno.test("a certificate must be there, and be one", () => {
  const tls = (path: string) =>
    problemsOf(site(
      `listen = "127.0.0.1:9650", tls = { certificate = "${path}", ` +
        'key = { file = "/etc/halb/http.key" } }',
    )).map(([, , message]) => message);
  assert.match(tls("/etc/halb/gone.pem").join(), /^Cannot read \/etc\/halb\/gone\.pem: /);
  assert.deepEqual(tls("/etc/halb/http.token"), [
    "There is no certificate in /etc/halb/http.token",
  ]);
  const [[, , half] = []] = problemsOf(
    site('listen = "127.0.0.1:1", tls = { certificate = "/a" }'),
  );
  assert.match(half!, /key/);
});

Deno.test("a Unix socket is not the control socket, and has no TLS", () => {
  for (const name of ["control.sock", "control.sock~", "control.sock.lock"]) {
    const [[, , problem] = []] = problemsOf(site(`listen = "unix:/run/halb/${name}"`));
    assert.match(problem!, /is the place of the control socket/);
  }
  const tls = 'tls = { certificate = "/etc/halb/http.pem", key = { file = "/etc/halb/http.key" } }';
  const [[, , problem] = []] = problemsOf(site(`listen = "unix:/run/halb/http.sock", ${tls}`));
  assert.match(problem!, /no TLS over a Unix socket/);
});

Deno.test("names of hosts have neither port nor path", () => {
  const { http } = loadValid(site('listen = "127.0.0.1:9650", hosts = ["edge.example.net"]')).agent;
  assert.deepEqual(http!.hosts, ["edge.example.net"]);
  for (const name of ["edge:80", "http://edge", "", "-edge", "*.example.net"]) {
    const [[, , problem] = []] = problemsOf(site(`listen = "127.0.0.1:9650", hosts = ["${name}"]`));
    assert.match(problem!, /is not the name of a host/);
  }
});
