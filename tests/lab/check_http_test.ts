/**
 * HTTP and TLS checks against nginx, Python's http.server and openssl s_server, and against servers
 * that are broken in every way that one can think of.
 */

import assert from "node:assert/strict";
import type { HttpSettings } from "../../mod/check/drivers/http.ts";
import { ANYWHERE, type SocketSource } from "../../mod/check/drivers/open.ts";
import type { BodyTest } from "../../mod/check/types/http_expect.ts";
import type { HttpExchange } from "../../mod/check/types/http.ts";
import { basicAuthorization, type HttpRequest } from "../../mod/check/types/http_request.ts";
import { execute, lab } from "../lib/mod.ts";
import {
  BROKEN_PORTS,
  type Certificates,
  makeCertificates,
  probeOn,
  startBroken,
  startNginx,
  untilListening,
  verdict,
  write,
} from "./check_helpers.ts";
import type { ProbeSpec } from "./check_prober.ts";

const SERVER = "192.0.2.2";
// Own ports (25001 and so on) are none that the kernel gives to connections without one.

interface Ask {
  readonly port?: number;
  readonly version?: "1.0" | "1.1" | "2";
  readonly request?: Partial<HttpRequest>;
  readonly more?: readonly Partial<HttpRequest>[];
  readonly status?: readonly (readonly [number, number])[];
  readonly headers?: readonly { name: string; contains: string }[];
  readonly body?: readonly BodyTest[];
  readonly redirects?: number;
  readonly proxyProtocol?: 1 | 2 | null;
  readonly own?: Partial<SocketSource>;
  readonly timeout?: number;
  readonly tls?: Partial<NonNullable<HttpSettings["tls"]>>;
  readonly address?: string;
}

function specOf(ask: Ask, certificates?: Certificates): ProbeSpec {
  const exchange = (request: Partial<HttpRequest>): HttpExchange => ({
    request: {
      method: "GET",
      path: "/",
      host: "www.example.net",
      scheme: ask.tls === undefined ? "http" : "https",
      headers: [],
      body: null,
      ...request,
    },
    port: null,
    expected: {
      status: ask.status ?? [[200, 299]],
      headers: ask.headers ?? [],
      body: ask.body ?? [],
    },
    bodyLimit: 100_000,
  });
  return {
    type: "http",
    timeout: ask.timeout ?? 3000,
    target: {
      address: ask.address ?? SERVER,
      port: ask.port ?? 80,
      own: { ...ANYWHERE, ...ask.own },
      proxyProtocol: ask.proxyProtocol ?? null,
    },
    settings: {
      plan: {
        exchanges: [exchange(ask.request ?? {}), ...(ask.more ?? []).map(exchange)],
        redirects: ask.redirects ?? 0,
      },
      version: ask.version ?? "1.1",
      tls: {
        serverName: "www.example.net",
        verify: true,
        ca: certificates?.ca ?? null,
        certificate: null,
        minVersion: "1.2",
        expiryDays: 14,
        ...ask.tls,
      },
    },
  };
}

const FINE = "passed: HTTP status 200";
const contains = (text: string): BodyTest => ({ type: "contains", text });

lab("http: nginx in all versions, with everything that a check may want", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  await execute(["ip", "-n", probe.namespace, "address", "add", "2001:db8::1/64", "dev", "eth0"]);
  await execute(["ip", "-n", server.namespace, "address", "add", "2001:db8::2/64", "dev", "eth0"]);
  const hashed = (await execute(["openssl", "passwd", "-apr1", "secret"])).trim();
  const passwords = write(lab, "passwords", `halb:${hashed}\n`);
  Deno.chmodSync(lab.directory, 0o755);
  await startNginx(
    lab,
    server,
    `
    map $http_authorization $bearer { default 0; "Bearer token" 1; }
    server {
      listen 80; listen [::]:80;
      location = / { add_header X-State "ready now"; return 200 "all is well\\n"; }
      location = /json { return 200 '{"status":"UP","checks":[{"name":"db","ok":true}]}'; }
      location = /seen { return 200 "$request_method $server_protocol $host [$http_x_probe] $content_length"; }
      location = /moved { return 302 /json?from=moved; }
      location = /round { return 302 /round; }
      location = /sick { return 503; }
      location = /basic { auth_basic "lab"; auth_basic_user_file ${passwords}; try_files /x @well; }
      location @well { return 200 "in"; }
      location = /bearer { if ($bearer = 0) { return 401; } return 200 "in"; }
    }
    server { listen 81 http2; location / { return 200 "all is well over $server_protocol\\n"; } }
    server { listen 82 proxy_protocol; location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $remote_port"; } }
  `,
    [80, 81, 82],
  );
  const md5 = (await execute(["sh", "-c", 'printf "all is well\\n" | md5sum'])).split(" ")[0]!;
  const json = (pointer: string, value: string | boolean): BodyTest => ({
    type: "json",
    pointer,
    parts: pointer.split("/").slice(1),
    value,
  });
  const cases: [Ask, string][] = [
    [{}, FINE],
    [{ version: "1.0" }, FINE],
    [{ port: 81, version: "2" }, FINE],
    [{ address: "2001:db8::2" }, FINE],
    [{ headers: [{ name: "x-state", contains: "ready" }] }, FINE],
    [{ headers: [{ name: "x-other", contains: "" }] }, "failed: the header x-other is missing"],
    [{ body: [contains("is well")] }, FINE],
    [{ body: [contains("is ill")] }, 'failed: "is ill" is missing in the body'],
    [{ body: [{ type: "matches", pattern: /^all\s+is/, not: false }] }, FINE],
    [{ body: [{ type: "digest", algorithm: "md5", hex: md5 }] }, FINE],
    [
      { request: { path: "/json" }, body: [json("/status", "UP"), json("/checks/0/ok", true)] },
      FINE,
    ],
    [{ request: { path: "/json" }, body: [json("/status", "DOWN")] }, 'failed: /status is "UP"'],
    [{ request: { path: "/sick" } }, "failed: HTTP status 503 instead of 200-299"],
    [{ request: { path: "/sick" }, status: [[503, 503]] }, "passed: HTTP status 503"],
    [{ request: { method: "HEAD" } }, FINE],
    [{
      request: {
        path: "/seen",
        method: "POST",
        headers: [["X-Probe", "yes"]],
        body: new TextEncoder().encode("12345"),
      },
      body: [contains("POST HTTP/1.1 www.example.net [yes] 5")],
    }, FINE],
    [{ request: { path: "/moved" } }, "failed: HTTP status 302 instead of 200-299"],
    [{ request: { path: "/moved" }, redirects: 1, body: [json("/status", "UP")] }, FINE],
    [{ request: { path: "/round" }, redirects: 3 }, "failed: more than 3 redirects in a row"],
    [{ request: { path: "/basic" } }, "failed: HTTP status 401 instead of 200-299"],
    [{
      request: {
        path: "/basic",
        headers: [["Authorization", basicAuthorization("halb", "secret")]],
      },
    }, FINE],
    [{ request: { path: "/bearer", headers: [["Authorization", "Bearer token"]] } }, FINE],
    [
      { more: [{ path: "/json" }, { path: "/moved" }] },
      "failed: /moved: HTTP status 302 instead of 200-299",
    ],
    [{ more: [{ path: "/json" }] }, FINE],
    [
      {
        port: 82,
        own: { bindPort: 25_001 },
        proxyProtocol: 1,
        body: [contains("192.0.2.1 25001 25001")],
      },
      FINE,
    ],
    [{ port: 82, proxyProtocol: 2 }, FINE],
    [{ port: 82, timeout: 500 }, "failed: closed without a response"],
    [
      { version: "2", timeout: 500 },
      'failed: the answer is not HTTP/2: "HTTP/1.1 400 Bad Request\\r\\nServer: ngi…"',
    ],
  ];
  const outcomes = await probeOn(probe, cases.map(([ask]) => specOf(ask)));
  assert.deepEqual(outcomes.map(verdict), cases.map(([, wanted]) => wanted));
});

lab("http: Python's own server, which closes without being asked", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  Deno.mkdirSync(`${lab.directory}/files`);
  write(lab, "files/health", "fine\n");
  server.spawn(["/usr/bin/python3", "-m", "http.server", "8000", "-d", `${lab.directory}/files`]);
  await untilListening(server, [8000]);
  const outcomes = await probeOn(probe, [
    specOf({ port: 8000, request: { path: "/health" }, body: [contains("fine")] }),
    specOf({ port: 8000, request: { path: "/health" }, version: "1.0", body: [contains("fine")] }),
    specOf({ port: 8000, request: { path: "/none" } }),
  ]);
  assert.deepEqual(outcomes.map(verdict), [
    FINE,
    FINE,
    "failed: HTTP status 404 instead of 200-299",
  ]);
});

lab("http: broken servers have reasons, and none takes longer than its time", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  await startBroken(lab, server);
  const body = [contains("all is well")];
  const ports = BROKEN_PORTS;
  const cases: [Ask, string][] = [
    [{ port: ports.closed }, "connection refused"],
    [{ port: ports.deaf }, "no connection in time"],
    [{ address: "192.0.2.77" }, "no connection in time"],
    [{ address: "203.0.113.1" }, "network unreachable"],
    [{ port: ports.hangs }, "a response did not come in time"],
    [
      { port: ports.garbage },
      'the answer is not HTTP/1: "\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005…"',
    ],
    [{ port: ports.gigabyte }, '"all is well" is missing in the first 100000 bytes of the body'],
    [{ port: ports.closes }, "closed without a response"],
    [{ port: ports.closesHalfway }, "closed in the middle of the body"],
    // Its first line takes 340 ms, its headers 860: far from both, for what is held up is later.
    [{ port: ports.drips, timeout: 600 }, "the headers did not come in time"],
    [{ port: ports.resets }, "connection reset"],
  ];
  const outcomes = await probeOn(
    probe,
    cases.map(([ask]) => specOf({ timeout: 700, ...ask, body })),
  );
  assert.deepEqual(outcomes.map(verdict), cases.map(([, wanted]) => `failed: ${wanted}`));
  for (const [i, { took }] of outcomes.entries()) {
    assert.ok(took < 3000, `${cases[i]![1]}: ${took} ms`);
  }
});

lab("tls: verified against an authority, with every reason to refuse", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  const certificates = await makeCertificates(lab);
  Deno.chmodSync(lab.directory, 0o755);
  const { directory } = certificates;
  const use = (name: string) =>
    `ssl_certificate ${directory}/${name}.pem; ssl_certificate_key ${directory}/${name}.key;`;
  const well =
    'location / { return 200 "all is well over $server_protocol $ssl_protocol [$ssl_server_name] [$ssl_client_s_dn]"; }';
  await startNginx(
    lab,
    server,
    `
    server { listen 443 ssl http2; ssl_protocols TLSv1.2 TLSv1.3; ${use("www")} ${well} }
    server { listen 444 ssl; ssl_protocols TLSv1.2; ${use("soon")} ${well} }
    server { listen 445 ssl; ssl_protocols TLSv1.2 TLSv1.3; ${
      use("www")
    } ssl_client_certificate ${directory}/ca.pem; ssl_verify_client on; ${well} }
    server { listen 446 ssl proxy_protocol; ${use("www")} ${well} }
    server { listen 80; location / { return 301 https://www.example.net/; } }
  `,
    [443, 444, 445, 446, 80],
  );
  server.spawn([
    "openssl",
    "s_server",
    "-accept",
    "9443",
    "-www",
    "-cert",
    `${directory}/expired.pem`,
    "-key",
    `${directory}/expired.key`,
  ], { name: "s_server" });
  await untilListening(server, [9443]);
  await startBroken(lab, server);
  const client = certificates.client;
  const cases: [Ask, string][] = [
    [{ port: 443, tls: {} }, FINE],
    [{
      port: 443,
      tls: {},
      version: "2",
      body: [contains("over HTTP/2.0 TLSv1.3 [www.example.net]")],
    }, FINE],
    [{ port: 443, tls: { minVersion: "1.3" } }, FINE],
    [{ port: 444, tls: {} }, FINE],
    [
      { port: 444, tls: { minVersion: "1.3" } },
      "failed: the server speaks TLS 1.2, not 1.3",
    ],
    [{ port: 443, tls: { ca: null } }, "failed: the certificate is not signed by anybody trusted"],
    [
      { port: 443, tls: { serverName: "other.example.net" } },
      "failed: the certificate is for www.example.net, not for other.example.net",
    ],
    [{ port: 443, tls: { serverName: "other.example.net", verify: false } }, FINE],
    [
      { port: 9443, tls: {} },
      `failed: the certificate expired on ${certificates.ends.expired}`,
    ],
    [{ port: 9443, tls: { verify: false } }, FINE],
    [{ port: 445, tls: { certificate: client }, body: [contains("[CN=halb.example.net]")] }, FINE],
    [{ port: 445, tls: {} }, "failed: HTTP status 400 instead of 200-299"],
    [{ port: 446, tls: {}, proxyProtocol: 1 }, FINE],
    [{ port: 446, tls: {}, proxyProtocol: 2 }, FINE],
    [{
      port: 80,
      redirects: 1,
      request: { scheme: "http" },
      tls: {},
      body: [contains("all is well")],
    }, FINE],
    [{ port: BROKEN_PORTS.closed, tls: {} }, "failed: connection refused"],
    [
      { port: BROKEN_PORTS.hangs, tls: {}, timeout: 700 },
      "failed: a response did not come in time (over TLS)",
    ],
  ];
  const outcomes = await probeOn(probe, cases.map(([ask]) => specOf(ask, certificates)));
  assert.deepEqual(outcomes.map(verdict), cases.map(([, wanted]) => wanted));
  // The certificate of port 444 ends in three days.
  const expires = `the certificate expires on ${certificates.ends.soon}`;
  assert.deepEqual(outcomes[3]?.warnings, [expires]);
  assert.deepEqual(outcomes[0]?.warnings, []);

  const broken = await probeOn(probe, [
    specOf({ port: BROKEN_PORTS.garbage, tls: {}, timeout: 1500 }, certificates),
    specOf({ port: BROKEN_PORTS.closes, tls: {}, timeout: 1500 }, certificates),
    specOf({ port: 80, tls: {}, timeout: 1500 }, certificates),
  ]);
  for (const one of broken) {
    assert.equal(one.result, "failed");
    assert.match(one.reason, /TLS|certificate/);
    assert.ok(one.took < 4000, `${one.reason}: ${one.took} ms`);
  }
});

lab("tls: from an address, port, interface and namespace, with a mark", async (lab) => {
  const [probe, other, server] = await lab.hostsNamed("probe", "other", "server");
  await lab.lan("net", [probe, other, server]);
  await execute(["ip", "-n", probe.namespace, "address", "add", "192.0.2.9/24", "dev", "eth0"]);
  const certificates = await makeCertificates(lab);
  Deno.chmodSync(lab.directory, 0o755);
  const { directory } = certificates;
  const own = (name: string) =>
    `ssl_certificate ${directory}/${name}.pem; ssl_certificate_key ${directory}/${name}.key;`;
  const seen = 'location / { return 200 "from $remote_addr $remote_port."; }';
  await startNginx(
    lab,
    server,
    `server { listen 443 ssl http2; ${own("www")} ${seen} }
     server { listen 444 ssl; ssl_protocols TLSv1.2; ${own("soon")} ${seen} }
     server { listen 446 ssl proxy_protocol; ${own("www")}
       location / { return 200 "by $proxy_protocol_addr $proxy_protocol_port $remote_port."; } }`,
    [443, 444, 446],
  );
  server.spawn([
    ...["openssl", "s_server", "-accept", "9443", "-www"],
    ...["-cert", `${directory}/expired.pem`, "-key", `${directory}/expired.key`],
  ], { name: "s_server" });
  await untilListening(server, [9443]);
  // What carries the mark 7 gets lost.
  await probe.exec(["nft", "-f", "-"], {
    input:
      "table ip lab {\nchain out { type filter hook output priority 0; meta mark 7 drop; }\n}\n",
  });
  const at = (address: string) => ({ address: "192.0.2.3", tls: {}, body: [contains(address)] });
  const marked = (mark: number) => ({ ...at("from 192.0.2.1 "), own: { mark }, timeout: 1500 });
  const cases: [Ask, string][] = [
    [{ ...at("from 192.0.2.9 "), port: 443, own: { bindAddress: "192.0.2.9" } }, FINE],
    [
      { ...at("from 192.0.2.9 "), port: 443, own: { bindAddress: "192.0.2.9" }, version: "2" },
      FINE,
    ],
    [{ ...at(" 25004."), port: 443, own: { bindPort: 25_004 } }, FINE],
    [{ ...at("from 192.0.2.1 "), port: 443, own: { bindInterface: "eth0" } }, FINE],
    [{ ...at("from 192.0.2.2 "), port: 443, own: { namespace: other.namespace } }, FINE],
    [{ ...marked(8), port: 443 }, FINE],
    [{ ...marked(7), port: 443 }, "failed: no connection in time"],
    [
      {
        ...at("by 192.0.2.1 25005 25005."),
        port: 446,
        own: { bindPort: 25_005 },
        proxyProtocol: 1,
      },
      FINE,
    ],
    [
      { ...at(""), port: 443, own: { bindInterface: "eth7" } },
      "failed: our interface is missing",
    ],
    [
      { ...at(""), port: 443, own: { bindAddress: "198.51.100.1" } },
      "failed: our address is not on this machine, or all its ports are in use",
    ],
    [{ ...at(""), port: 447, own: { mark: 8 } }, "failed: connection refused"],
    [
      { ...at(""), port: 443, own: { mark: 8 }, tls: { serverName: "other.example.net" } },
      "failed: the certificate is for www.example.net, not for other.example.net",
    ],
    [
      { ...at(""), port: 443, own: { mark: 8 }, tls: { ca: null } },
      "failed: the certificate is not signed by anybody trusted",
    ],
    [
      { ...at(""), port: 9443, own: { mark: 8 } },
      `failed: the certificate expired on ${certificates.ends.expired}`,
    ],
    [
      { ...at(""), port: 444, own: { mark: 8 }, tls: { minVersion: "1.3" } },
      "failed: the server speaks TLS 1.2, not 1.3",
    ],
    [{ ...at("from "), port: 444, own: { mark: 8 } }, FINE],
  ];
  const outcomes = await probeOn(probe, cases.map(([ask]) => specOf(ask, certificates)));
  assert.deepEqual(outcomes.map(verdict), cases.map(([, wanted]) => wanted));
  const expires = `the certificate expires on ${certificates.ends.soon}`;
  assert.deepEqual(outcomes.at(-1)?.warnings, [expires]);
  // A connection that was closed by a reset leaves no port behind.
  for (const host of [probe, other]) {
    const left = await host.exec(["ss", "-Htan", "state", "time-wait"]);
    assert.deepEqual(left.split("\n").filter((line) => / 192\.0\.2\.\d+:/.test(line)), []);
  }
});

/** Shows an expired certificate once, and never says anything again. */
const ONCE = (directory: string) => `
import socket, ssl, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("${directory}/expired.pem", "${directory}/expired.key")
listener = socket.socket(); listener.bind(("0.0.0.0", 9010)); listener.listen(9)
connection, _ = listener.accept()
try: context.wrap_socket(connection, server_side=True)
except (ssl.SSLError, OSError): pass
kept = []
while True: kept.append(listener.accept())
`;

lab("tls: a server that hangs at the second look costs no more than the time", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  const certificates = await makeCertificates(lab);
  const script = write(lab, "once.py", ONCE(certificates.directory));
  server.spawn(["/usr/bin/python3", script], { name: "once" });
  await untilListening(server, [9010]);
  const [outcome] = await probeOn(probe, [
    specOf({ port: 9010, tls: {}, timeout: 2500 }, certificates),
  ]);
  assert.equal(
    verdict(outcome!),
    "failed: the certificate is refused; a second look at it did not end in time",
  );
  assert.ok(outcome!.took < 4500, `${outcome!.took} ms`);
});
