/** Who is answered what over HTTP, without a connection. */

import assert from "node:assert/strict";
import {
  answerHttp,
  type EventsQuery,
  headOf,
  type HttpRules,
  type ServersPiece,
} from "../../../mod/control/http_site.ts";
import { parseHttpRequest } from "../../../mod/control/http_request.ts";
import { Secret } from "../../../mod/secret/mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const PAGES = {
  metrics: (format: string) => Promise.resolve(encode(`as ${format}\n`)),
  status: () => Promise.resolve(encode("{}\n")),
  ready: () => Promise.resolve(),
  overview: (since: string) => Promise.resolve(encode(`since ${since}`)),
  servers: (name: string, piece: ServersPiece) =>
    Promise.resolve(name === "web" ? encode(JSON.stringify(piece)) : undefined),
  object: (type: string, name: string) =>
    Promise.resolve(name === "web" ? encode(`${type} ${name}`) : undefined),
  events: (query: EventsQuery) => Promise.resolve(encode(JSON.stringify(query))),
};
const LOCAL: HttpRules = { address: "127.0.0.1", hosts: [] };

/** Code and body of the answer. */
async function ask(
  lines: string,
  rules: HttpRules = LOCAL,
): Promise<{ code: number; body: string; head: string; bare: boolean }> {
  const answer = await answerHttp(lines.replaceAll("\n", "\r\n"), rules, PAGES);
  const { code, body, bare = false } = answer;
  return { code, body: decode(body), head: decode(headOf(answer)), bare };
}

const code = async (lines: string, rules?: HttpRules) => (await ask(lines, rules)).code;
const get = (path: string, more = "") => `GET ${path} HTTP/1.1\nHost: localhost:9650${more}`;

Deno.test("each page, with fields that keep it out of other sites and caches", async () => {
  const metrics = await ask(get("/metrics"));
  assert.deepEqual([metrics.code, metrics.body], [200, "as text\n"]);
  const head = metrics.head.split("\r\n");
  assert.equal(head[0], "HTTP/1.1 200 OK");
  for (
    const field of [
      "Content-Type: text/plain; version=0.0.4; charset=utf-8",
      "Content-Length: 8",
      "Cache-Control: no-store",
      "X-Content-Type-Options: nosniff",
      "Cross-Origin-Resource-Policy: same-origin",
      "Connection: close",
    ]
  ) assert.ok(head.includes(field), field);
  assert.ok(metrics.head.endsWith("\r\n\r\n"));
  assert.doesNotMatch(metrics.head, /Access-Control/i, "no CORS");
  const status = await ask(get("/status.json?pretty"));
  assert.deepEqual([status.code, status.body], [200, "{}\n"]);
  assert.match(status.head, /\r\nContent-Type: application\/json\r\n/);
  const front = await ask(get("/"));
  assert.match(front.body, /href="\/status\.json".*href="\/metrics"/s);
  assert.equal((await ask(get("/healthz"))).body, "ok\n");
  assert.equal(await code(get("/metrics/")), 404);
});

Deno.test("what the page asks for: its questions are read, or refused", async () => {
  const body = async (path: string) => (await ask(get(path))).body;
  assert.equal(await body("/overview.json?since=r.1.7"), "since r.1.7");
  assert.equal(await body("/overview.json"), "since ");
  assert.equal(
    await body("/servers.json?name=web&offset=50&find=%3A80"),
    '{"offset":50,"find":":80"}',
  );
  assert.equal(await body("/servers.json?name=web"), '{"offset":0,"find":""}');
  assert.equal(await body("/object.json?type=vrrp&name=web&name=other"), "vrrp web");
  assert.equal(await body("/events.json"), '{"last":200,"since":null,"after":null}');
  const asked = await body("/events.json?last=5&since=2026-05-01T12:00:00Z&after=r:7");
  assert.deepEqual(JSON.parse(asked), { last: 5, since: 1_777_636_800_000, after: "r:7" });
  for (const path of ["/servers.json?name=gone", "/object.json?type=vrrp", "/object.json"]) {
    assert.equal(await code(get(path)), 404, path);
  }
  const wrong = [
    "/servers.json?name=web&offset=-1",
    "/servers.json?name=web&offset=1e3",
    "/events.json?last=1001",
    "/events.json?last=x",
    "/events.json?since=yesterday",
  ];
  for (const path of wrong) assert.equal(await code(get(path)), 400, path);
});

Deno.test("the page: by its own policy, again only where it is another one, with no token", async () => {
  const front = await ask(get("/"));
  const head = new Map(
    front.head.split("\r\n").map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  assert.match(head.get("Content-Security-Policy")!, /^default-src 'none'; script-src 'sha256-/);
  assert.equal(front.head.match(/Content-Security-Policy/g)!.length, 1);
  const tag = head.get("ETag")!;
  const same = await ask(get("/", `\nIf-None-Match: "other", ${tag}`));
  assert.deepEqual([same.code, same.body], [304, ""]);
  assert.doesNotMatch(same.head, /Content-Length/);
  assert.equal(await code(get("/", '\nIf-None-Match: "other"')), 200);
  // It tells nothing of this node; what it asks for wants the token.
  const rules: HttpRules = { ...LOCAL, token: Secret.ofText("open-sesame") };
  assert.equal(await code(get("/"), rules), 200);
  for (const path of ["/overview.json", "/events.json", "/servers.json", "/object.json", "//"]) {
    assert.equal(await code(get(path), rules), 401, path);
  }
  assert.equal(await code("GET / HTTP/1.1\nHost: attacker.example.com", rules), 421);
});

Deno.test("OpenMetrics for who asks for it", async () => {
  const asked = async (accept: string) => (await ask(get("/metrics", `\nAccept: ${accept}`))).body;
  const prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4";
  assert.equal(await asked(prometheus), "as openmetrics\n");
  assert.equal(await asked("text/plain, application/openmetrics-text;q=0"), "as text\n");
  assert.equal(await asked("*/*"), "as text\n");
});

Deno.test("HEAD has the fields alone; other methods may not, content is not wanted", async () => {
  const head = await ask("HEAD /metrics HTTP/1.1\nHost: localhost");
  assert.deepEqual([head.code, head.bare], [200, true]);
  assert.match(head.head, /Content-Length: 8/);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"]) {
    const answer = await ask(`${method} /metrics HTTP/1.1\nHost: localhost`);
    assert.equal(answer.code, 405);
    assert.match(answer.head, /\r\nAllow: GET, HEAD\r\n/);
  }
  assert.equal(await code(get("/", "\nContent-Length: 3")), 400);
  assert.equal(await code(get("/", "\nTransfer-Encoding: chunked")), 400);
  assert.equal(await code(get("/", "\nContent-Length: 0")), 200);
});

Deno.test("only who calls us by our name is answered", async () => {
  const by = (host: string, rules: HttpRules) => code(`GET / HTTP/1.1\nHost: ${host}`, rules);
  const there: HttpRules = { address: "192.0.2.1", hosts: ["Edge.example.net"] };
  const any: HttpRules = { address: "::", hosts: [] };
  const socket: HttpRules = { address: null, hosts: [] };
  const right: [string, HttpRules][] = [
    ["localhost", LOCAL],
    ["LOCALHOST:80", LOCAL],
    ["127.0.0.1:9650", LOCAL],
    ["[::1]:9650", LOCAL],
    ["192.0.2.1:9650", there],
    ["edge.example.net:9650", there],
    ["EDGE.EXAMPLE.NET", there],
    ["198.51.100.7:9650", any],
    ["[2001:db8::1]", any],
    ["localhost", socket],
  ];
  for (const [host, rules] of right) assert.equal(await by(host, rules), 200, host);
  const wrong: [string, HttpRules][] = [
    ["attacker.example.com", LOCAL],
    ["192.0.2.1", LOCAL],
    ["localhost.example.com", LOCAL],
    ["localhost", there],
    ["192.0.2.2", there],
    ["example.net", there],
    ["rebound.example.com", any],
    ["example.com", socket],
  ];
  for (const [host, rules] of wrong) assert.equal(await by(host, rules), 421, host);
  for (const host of ["", "a b", "localhost:x", "localhost:80:80", "http://localhost", "[::1"]) {
    assert.equal(await by(host, LOCAL), 400, host);
  }
  assert.equal(await code("GET / HTTP/1.0"), 400, "a host is needed");
});

Deno.test("a token is asked for before anything is told, and compared whole", async () => {
  const rules: HttpRules = { ...LOCAL, token: Secret.ofText("open-sesame") };
  const by = (authorization: string) =>
    code(get("/metrics", `\nAuthorization: ${authorization}`), rules);
  assert.equal(await by("Bearer open-sesame"), 200);
  assert.equal(await by("bearer  open-sesame"), 200);
  for (
    const wrong of [
      "Bearer open-sesam",
      "Bearer open-sesamee",
      "Bearer",
      "Basic open-sesame",
      "open-sesame",
    ]
  ) assert.equal(await by(wrong), 401, wrong);
  const answer = await ask(get("/gone"), rules);
  assert.equal(answer.code, 401, "nor which pages there are");
  assert.match(answer.head, /\r\nWWW-Authenticate: Bearer realm="halb"\r\n/);
  assert.doesNotMatch(answer.head + answer.body, /sesame/);
});

Deno.test("whether it is well is told without the status, which may have many megabytes", async () => {
  const pages = { ...PAGES, status: () => assert.fail("nobody wants it") };
  const answer = await answerHttp(get("/healthz").replaceAll("\n", "\r\n"), LOCAL, pages);
  assert.equal(answer.code, 200);
});

Deno.test("an agent that cannot tell says so", async () => {
  const starting = () => Promise.reject(new Error("starting"));
  const pages = { ...PAGES, ready: starting, status: starting };
  for (const path of ["/status.json", "/healthz"]) {
    const answer = await answerHttp(get(path).replaceAll("\n", "\r\n"), LOCAL, pages);
    assert.equal(answer.code, 503);
    assert.doesNotMatch(decode(answer.body), /starting/);
  }
});

Deno.test("what is no request, or may be read as two, is refused", async () => {
  const wrong = [
    "",
    "GET /",
    "GET / HTTP/2.0\nHost: localhost",
    "get / HTTP/1.1\nHost: localhost",
    "GET  / HTTP/1.1\nHost: localhost",
    "GET http://localhost/ HTTP/1.1\nHost: localhost",
    "GET /\u00e4 HTTP/1.1\nHost: localhost",
    "GET * HTTP/1.1\nHost: localhost",
    get("/", "\n folded"),
    get("/", "\nHost: other"),
    get("/", "\nContent-Length: 0\nContent-Length: 0"),
    get("/", "\nName : value"),
    get("/", "\nno colon"),
    get("/", "\nX: a\u0000b"),
    get("/", "\nX: a\r"),
    get("/", "\nX:\u000ba"),
  ];
  for (const lines of wrong) assert.equal(await code(lines), 400, JSON.stringify(lines));
});

Deno.test("no text of chance makes it fail", async () => {
  const pieces = [
    "GET ",
    "/",
    "HTTP/1.1",
    "\r\n",
    "Host:",
    " localhost",
    "\u0000",
    ":",
    "é",
    "[",
    "]",
    ",",
  ];
  let seed = 4711;
  for (let i = 0; i < 20_000; i++) {
    let text = "";
    for (let j = 0; j < 12; j++) {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      text += pieces[Math.floor(seed / 2 ** 16) % pieces.length];
    }
    parseHttpRequest(text);
    const answer = await answerHttp(text, LOCAL, PAGES);
    assert.ok([200, 400, 404, 405, 421].includes(answer.code), text);
  }
});
