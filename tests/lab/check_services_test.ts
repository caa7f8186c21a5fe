/**
 * Checks of other services: mail (aiosmtpd, with STARTTLS), names (dnsmasq, over TCP and UDP), gRPC
 * health (grpcio), an agent as HAProxy's manual describes it.
 */

import assert from "node:assert/strict";
import { ANYWHERE } from "../../mod/check/drivers/open.ts";
import type { StreamTarget } from "../../mod/check/drivers/stream.ts";
import { lab } from "../lib/mod.ts";
import {
  BROKEN_PORTS,
  type Certificates,
  makeCertificates,
  probeOn,
  startBroken,
  untilListening,
  verdict,
  write,
} from "./check_helpers.ts";
import type { ProbeSpec } from "./check_prober.ts";

function target(
  port: number,
  certificates: Certificates | null = null,
  more: Partial<StreamTarget> = {},
): StreamTarget {
  return {
    address: "192.0.2.2",
    port,
    own: ANYWHERE,
    proxyProtocol: null,
    secure: false,
    tls: certificates === null ? null : {
      serverName: "www.example.net",
      verify: true,
      ca: certificates.ca,
      certificate: null,
      minVersion: "1.2",
      expiryDays: 14,
      protocols: [],
    },
    ...more,
  };
}

const MAIL = (directory: string) => `
import ssl, threading
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain("${directory}/%s.pem" % name, "${directory}/%s.key" % name)
    return made
for port, name in ((25, None), (587, "www"), (588, "expired"), (589, "client")):
    options = {} if name is None else {"tls_context": context(name)}
    Controller(Sink(), hostname="192.0.2.2", port=port, server_hostname="mail.example.net", **options).start()
threading.Event().wait()
`;

lab("smtp: aiosmtpd in the clear and with STARTTLS", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  const certificates = await makeCertificates(lab);
  const script = write(lab, "mail.py", MAIL(certificates.directory));
  server.spawn(["/usr/bin/python3", script], { name: "aiosmtpd" });
  await untilListening(server, [25, 587, 588, 589]);
  await startBroken(lab, server);
  const smtp = (port: number, startTls: boolean, trusted = true): ProbeSpec => ({
    type: "smtp",
    timeout: 3000,
    target: target(
      port,
      trusted ? certificates : { ...certificates, ca: certificates.client.chain },
    ),
    settings: { helo: "probe.example.net", startTls },
  });
  const outcomes = await probeOn(probe, [
    smtp(25, false),
    smtp(25, true),
    smtp(587, false),
    smtp(587, true),
    smtp(BROKEN_PORTS.hangs, false),
    smtp(BROKEN_PORTS.closed, false),
  ]);
  assert.deepEqual(outcomes.map(verdict), [
    "passed: greeted and answered",
    "failed: the server does not offer STARTTLS",
    "passed: greeted and answered",
    "passed: greeted and answered",
    "failed: no greeting in time",
    "failed: connection refused",
  ]);
  assert.match(outcomes[0]!.output, /^220 mail\.example\.net /);
  const refused = await probeOn(probe, [smtp(588, true), smtp(589, true), smtp(587, true, false)]);
  const yesterday = /^failed: the certificate expired on \d{4}-\d\d-\d\d$/;
  const [expired, misnamed, unknown] = refused.map(verdict);
  assert.match(expired ?? "", yesterday);
  assert.equal(
    misnamed,
    "failed: the certificate is for halb.example.net, not for www.example.net",
  );
  assert.equal(unknown, "failed: the certificate is not signed by anybody trusted");
});

/**
 * Mail servers that stop speaking: of the first connection after TLS has begun, with a certificate
 * that is good; of all but the first, whose certificate has ended, before their greeting, after
 * EHLO, and when TLS should begin.
 */
const STALLING = (directory: string) => `
import socket, ssl, threading, time
def context(name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain("${directory}/%s.pem" % name, "${directory}/%s.key" % name)
    return made
kept = []
def converse(connection, certificate, until):
    kept.append(connection)
    steps = (("greeting", None, b"220 mail.example.net\\r\\n"),
             ("EHLO", b"EHLO", b"250-mail.example.net\\r\\n250 STARTTLS\\r\\n"),
             ("TLS", b"STARTTLS", b"220 go on\\r\\n"))
    for step, wanted, answer in steps:
        if wanted is not None and not connection.recv(1000).startswith(wanted): return
        if step == until: return
        connection.sendall(answer)
    if until == "handshake": return
    kept.append(context(certificate).wrap_socket(connection, server_side=True))
def serve(port, certificate, first, later):
    listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("192.0.2.2", port)); listener.listen(50)
    def loop():
        until = first
        while True:
            connection, _ = listener.accept()
            try: converse(connection, certificate, until)
            except OSError: pass
            until = later
    threading.Thread(target=loop, daemon=True).start()
serve(2501, "www", "", "")
serve(2502, "expired", "", "greeting")
serve(2503, "expired", "", "EHLO")
serve(2504, "expired", "", "handshake")
time.sleep(3600)
`;

lab(
  "smtp: a server that hangs after TLS, or at the second look, says so when the time is up",
  async (lab) => {
    const [probe, server] = await lab.hostsNamed("probe", "server");
    await lab.lan("net", [probe, server]);
    const certificates = await makeCertificates(lab);
    const script = write(lab, "stalling.py", STALLING(certificates.directory));
    server.spawn(["/usr/bin/python3", script], { name: "stalling" });
    const ports = [2501, 2502, 2503, 2504];
    await untilListening(server, ports);
    // Three of them shake hands before they hang: a busy machine takes its time for that.
    const timeout = 3000;
    const outcomes = await probeOn(
      probe,
      ports.map((port): ProbeSpec => ({
        type: "smtp",
        timeout,
        target: target(port, certificates),
        settings: { helo: "probe.example.net", startTls: true },
      })),
      ports.length,
    );
    const unseen = "failed: the certificate is refused; a second look at it did not end in time";
    assert.deepEqual(outcomes.map(verdict), [
      "failed: no answer to EHLO in time (over TLS)",
      unseen,
      unseen,
      unseen,
    ]);
    for (const { took } of outcomes) {
      assert.ok(took > timeout - 100 && took < timeout + 5000, `${took} ms`);
    }
  },
);

lab("dns: dnsmasq over TCP", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  server.spawn([
    ...[
      "dnsmasq",
      "--no-daemon",
      "--conf-file=/dev/null",
      "--no-resolv",
      "--no-hosts",
      "--user=root",
    ],
    ...["--host-record=www.example.net,192.0.2.80,2001:db8::80", "--local=/example.net/"],
    ...["--mx-host=example.net,mail.example.net,10", "--txt-record=example.net,v=1 -all"],
    ...["--cname=web.example.net,www.example.net", "--pid-file="],
  ], { name: "dnsmasq" });
  await untilListening(server, [53]);
  const dns = (name: string, type: number, answers: string[], codes = ["NOERROR"]): ProbeSpec => ({
    type: "dns",
    timeout: 3000,
    target: target(53),
    settings: { id: 4711, name, type, protocol: "tcp", codes, answers },
  });
  const outcomes = await probeOn(probe, [
    dns("www.example.net", 1, ["192.0.2.80"]),
    dns("www.example.net.", 28, ["2001:db8::80"]),
    dns("example.net", 15, ["10 mail.example.net."]),
    dns("example.net", 16, ['"v=1 -all"']),
    dns("web.example.net", 5, ["www.example.net."]),
    dns("www.example.net", 1, ["192.0.2.81"]),
    dns("none.example.net", 1, []),
    dns("none.example.net", 1, [], ["NXDOMAIN"]),
    dns("www.example.org", 1, []),
  ]);
  assert.deepEqual(outcomes.map(verdict), [
    "passed: the answer is NOERROR",
    "passed: the answer is NOERROR",
    "passed: the answer is NOERROR",
    "passed: the answer is NOERROR",
    "passed: the answer is NOERROR",
    "failed: the answer lacks 192.0.2.81",
    "failed: the answer is NXDOMAIN instead of NOERROR",
    "passed: the answer is NXDOMAIN",
    "failed: the answer is REFUSED instead of NOERROR",
  ]);
});

/** The health service by hand, on top of grpcio: its messages are two bytes. */
const GRPC = (directory: string) => `
import grpc, threading
from concurrent import futures
STATUS = {b"": 1, b"\\x0a\\x04shop": 1, b"\\x0a\\x04cart": 2}
def check(request, context):
    if request not in STATUS:
        context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
    return bytes([8, STATUS[request]])
class Health(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(check)
def read(name):
    with open("${directory}/" + name, "rb") as file: return file.read()
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Health(),))
server.add_insecure_port("192.0.2.2:50051")
server.add_secure_port("192.0.2.2:50052", grpc.ssl_server_credentials(((read("www.key"), read("www.pem")),)))
server.start()
empty = grpc.server(futures.ThreadPoolExecutor(1))
empty.add_insecure_port("192.0.2.2:50053")
empty.start()
threading.Event().wait()
`;

lab("grpc: grpcio's server, in the clear and over TLS", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  const certificates = await makeCertificates(lab);
  const script = write(lab, "health.py", GRPC(certificates.directory));
  server.spawn(["/usr/bin/python3", script], { name: "grpc" });
  await untilListening(server, [50_051, 50_052, 50_053]);
  await startBroken(lab, server);
  const grpc = (service: string, port: number): ProbeSpec => {
    const secure = port === 50_052;
    const there = target(port, certificates, { secure });
    return {
      type: "grpc",
      timeout: 3000,
      target: secure ? { ...there, tls: { ...there.tls!, protocols: ["h2"] } } : there,
      settings: { service, authority: "www.example.net", scheme: secure ? "https" : "http" },
    };
  };
  const outcomes = await probeOn(probe, [
    grpc("", 50_051),
    grpc("shop", 50_051),
    grpc("cart", 50_051),
    grpc("none", 50_051),
    grpc("", 50_053),
    grpc("shop", 50_052),
    grpc("cart", 50_052),
    grpc("", BROKEN_PORTS.closes),
    grpc("", BROKEN_PORTS.hangs),
  ]);
  assert.deepEqual(outcomes.map(verdict), [
    "passed: SERVING",
    "passed: SERVING",
    "failed: the service says NOT_SERVING",
    "failed: gRPC status NOT_FOUND",
    "failed: gRPC status UNIMPLEMENTED",
    "passed: SERVING",
    "failed: the service says NOT_SERVING",
    "failed: closed without a response",
    "failed: an HTTP/2 greeting did not come in time",
  ]);
});

/** Says one line on each port and closes, as the manual wants. */
const AGENT = `
import socket, threading, time
def serve(port, line):
    listener = socket.socket(); listener.bind(("0.0.0.0", port)); listener.listen(9)
    while True:
        connection, _ = listener.accept(); connection.sendall(line); connection.close()
for port, line in ((7001, b"up 50%\\n"), (7002, b"drain\\r\\n"), (7003, b"down#disk full\\n"), (7004, b"ready"), (7005, b"")):
    threading.Thread(target=serve, args=(port, line), daemon=True).start()
time.sleep(3600)
`;

lab("agent: one line, and the connection ends", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  server.spawn(["/usr/bin/python3", write(lab, "agent.py", AGENT)], { name: "agent" });
  const ports = [7001, 7002, 7003, 7004, 7005];
  await untilListening(server, ports);
  const outcomes = await probeOn(
    probe,
    ports.map((port) => ({
      type: "agent",
      timeout: 3000,
      target: target(port),
      settings: { send: null },
    })),
  );
  assert.deepEqual(outcomes.map((one) => [verdict(one), one.weight?.value]), [
    ["passed: the agent agrees", 50],
    ["passed: the agent says drain", 0],
    ["failed: the agent says down: disk full", undefined],
    ["passed: the agent agrees", undefined],
    ["failed: the agent says nothing", undefined],
  ]);
});
