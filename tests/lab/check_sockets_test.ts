/**
 * Probes over sockets of our own, in the namespace of a lab's host: tcp, udp, ping, DNS and plain
 * HTTP against real servers; binding, marks, ICMP errors; and nothing left behind after thousands.
 */

import assert from "node:assert/strict";
import { Epoll, getrlimit, monotonicMicros, RLIMIT_NOFILE, setrlimit } from "../../ffi/mod.ts";
import { ANYWHERE, destinationOf, type SocketTarget } from "../../mod/check/drivers/open.ts";
import { type MakeConversation, SocketProber } from "../../mod/check/drivers/sockets.ts";
import type { Outcome } from "../../mod/check/mod.ts";
import { dnsConversation } from "../../mod/check/types/dns.ts";
import { httpConversation } from "../../mod/check/types/http.ts";
import { grpcConversation } from "../../mod/check/types/http2_check.ts";
import { pingConversation } from "../../mod/check/types/ping.ts";
import { tcpConversation } from "../../mod/check/types/tcp.ts";
import { parsePattern, udpConversation } from "../../mod/check/types/udp.ts";
import { execute, type Host, lab } from "../lib/mod.ts";
import { BROKEN_PORTS, startBroken, startNginx, untilListening, verdict } from "./check_helpers.ts";

const FIRST_TOKEN = 1000;
const MILLISECOND = 1000;

/** A loop as the kernel plane's: what is ready, then what is late. */
class Loop {
  readonly #epoll = new Epoll();
  readonly #outcomes = new Map<number, Outcome & { latency: number }>();
  readonly prober = new SocketProber<number>(
    this.#epoll,
    FIRST_TOKEN,
    (number, outcome, latency) => this.#outcomes.set(number, { ...outcome, latency }),
  );
  #numbers = 0;

  start(target: SocketTarget, make: MakeConversation, milliseconds = 700): number {
    const number = this.#numbers++;
    this.prober.start(
      number,
      destinationOf(target),
      make,
      milliseconds * MILLISECOND,
      monotonicMicros(),
    );
    return number;
  }

  turn(): void {
    const wait = Math.ceil((this.prober.next - monotonicMicros()) / MILLISECOND);
    const count = this.#epoll.wait(Math.max(0, Math.min(wait, 1000)));
    const now = monotonicMicros();
    for (let i = 0; i < count; i++) {
      this.prober.ready(this.#epoll.token(i), this.#epoll.events(i), now);
    }
    this.prober.expire(now);
  }

  finish(): void {
    while (this.prober.size > 0) this.turn();
  }

  outcome(number: number): Outcome & { latency: number } {
    const outcome = this.#outcomes.get(number);
    assert.ok(outcome !== undefined, `probe ${number} has ended`);
    return outcome;
  }

  close(): void {
    this.prober.close();
    this.#epoll.close();
  }
}

function targetOf(host: Host, transport: SocketTarget["transport"], port: number): SocketTarget {
  return {
    transport,
    address: "192.0.2.2",
    port,
    scope: 0,
    ...ANYWHERE,
    namespace: host.namespace,
  };
}

const connect: MakeConversation = () => tcpConversation({ send: null, expect: null, limit: 1 });

/** Plain HTTP whose body must contain the text. */
const http = (text: string): MakeConversation => () =>
  httpConversation(
    {
      request: { method: "GET", path: "/", host: "a", scheme: "http", headers: [], body: null },
      port: null,
      expected: { status: [[200, 200]], headers: [], body: [{ type: "contains", text }] },
      bodyLimit: 100_000,
    },
    "1.1",
    () => "",
  );

const SEEN = 'location / { return 200 "from $remote_addr $remote_port."; }';

/** Starts these probes at once and compares what comes of them. */
function expectAll(cases: readonly (readonly [SocketTarget, MakeConversation, string])[]): void {
  const loop = new Loop();
  try {
    const numbers = cases.map(([target, make]) => loop.start(target, make));
    loop.finish();
    assert.deepEqual(
      numbers.map((number) => verdict(loop.outcome(number))),
      cases.map(([, , wanted]) => wanted),
    );
  } finally {
    loop.close();
  }
}

lab("sockets: tcp and plain HTTP, from where one wants, and broken servers", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  await execute(["ip", "-n", probe.namespace, "address", "add", "192.0.2.9/24", "dev", "eth0"]);
  await startNginx(lab, server, `server { listen 80; ${SEEN} } server { listen 81 http2; }`, [
    80,
    81,
  ]);
  await startBroken(lab, server);
  // What carries the mark 7 gets lost.
  await probe.exec(["nft", "-f", "-"], {
    input:
      "table ip lab {\nchain out { type filter hook output priority 0; meta mark 7 drop; }\n}\n",
  });
  const tcp = (port: number, change: Partial<SocketTarget> = {}): SocketTarget => ({
    ...targetOf(probe, "tcp", port),
    ...change,
  });
  const bytes = (text: string) => new TextEncoder().encode(text);
  const ask = () =>
    tcpConversation({
      send: bytes("GET / HTTP/1.0\r\n\r\n"),
      expect: bytes("200 OK"),
      limit: 9999,
    });
  const grpc = () => grpcConversation({ service: "", authority: "a", scheme: "http" });
  expectAll([
    [tcp(80), connect, "passed: connected"],
    [tcp(BROKEN_PORTS.closed), connect, "failed: connection refused"],
    [tcp(BROKEN_PORTS.deaf), connect, "failed: no connection in time"],
    [tcp(80, { address: "192.0.2.77" }), connect, "failed: no connection in time"],
    [tcp(80, { address: "203.0.113.1" }), connect, "failed: network unreachable"],
    [tcp(80), ask, "passed: the expected answer"],
    [tcp(BROKEN_PORTS.hangs), ask, "failed: no answer in time"],
    [tcp(80), http("from 192.0.2.1"), "passed: HTTP status 200"],
    [tcp(80, { bindAddress: "192.0.2.9" }), http("from 192.0.2.9"), "passed: HTTP status 200"],
    // None that the kernel gives to one of the others.
    [tcp(80, { bindPort: 25_002 }), http("25002."), "passed: HTTP status 200"],
    [
      tcp(80, { bindAddress: "198.51.100.1" }),
      connect,
      "failed: our address is not on this machine, or all its ports are in use",
    ],
    [tcp(80, { bindInterface: "eth0" }), connect, "passed: connected"],
    [tcp(80, { bindInterface: "lo" }), connect, "failed: no connection in time"],
    [tcp(80, { bindInterface: "eth7" }), connect, "failed: our interface is missing"],
    [tcp(80, { mark: 8 }), connect, "passed: connected"],
    [tcp(80, { mark: 7 }), connect, "failed: no connection in time"],
    [tcp(81), grpc, "failed: HTTP status 404 instead of 200"],
    [
      tcp(BROKEN_PORTS.garbage),
      http("x"),
      'failed: the answer is not HTTP/1: "\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005…"',
    ],
    [
      tcp(BROKEN_PORTS.gigabyte),
      http("y"),
      'failed: "y" is missing in the first 100000 bytes of the body',
    ],
    [tcp(BROKEN_PORTS.closesHalfway), http("x"), "failed: closed in the middle of the body"],
    [tcp(BROKEN_PORTS.drips), http("x"), "failed: the headers did not come in time"],
    [tcp(BROKEN_PORTS.resets), http("x"), "failed: connection reset"],
  ]);
});

lab("sockets: without descriptors or ports nothing is said about the server", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  await startNginx(lab, server, "server { listen 80; return 200; }", [80]);
  await probe.sysctl("net.ipv4.ip_local_port_range", "40000 40001");
  const target = targetOf(probe, "tcp", 80);
  const loop = new Loop();
  try {
    const { soft } = getrlimit(RLIMIT_NOFILE);
    setrlimit(RLIMIT_NOFILE, 3);
    let refused: number;
    try {
      refused = loop.start(target, connect);
    } finally {
      setrlimit(RLIMIT_NOFILE, soft);
    }
    assert.equal(
      verdict(loop.outcome(refused)),
      "unasked: no descriptors left for this process",
    );
    const numbers = Array.from({ length: 5 }, () => loop.start(target, connect));
    loop.finish();
    const verdicts = numbers.map((number) => verdict(loop.outcome(number))).sort();
    assert.equal(verdicts[0], "passed: connected");
    assert.deepEqual(
      verdicts.slice(2),
      new Array(3).fill("unasked: no port left on this machine"),
    );
    // All is as before once there is something again.
    const last = loop.start(target, connect);
    loop.finish();
    assert.equal(verdict(loop.outcome(last)), "passed: connected");
    // Who has a way there and no address to ask from is cut off: that is no want of this moment.
    await probe.exec(["ip", "-6", "address", "flush", "dev", "eth0"]);
    await probe.exec(["ip", "-6", "address", "flush", "dev", "lo"]);
    await probe.exec(["ip", "-6", "route", "add", "2001:db8:77::/64", "dev", "eth0"]);
    const towards = { address: "2001:db8:77::2", interface: "eth0" };
    for (const more of [{ transport: "tcp" }, { transport: "udp" }, { towards }] as const) {
      const cut = loop.start({ ...target, ...more, address: "2001:db8:77::1" }, connect);
      assert.equal(
        verdict(loop.outcome(cut)),
        "failed: no address of this machine's to ask from",
      );
    }
  } finally {
    loop.close();
  }
});

lab("sockets: udp, DNS and ping, with the ICMP errors of those who are not there", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  for (const [host, address] of [[probe, "2001:db8::1/64"], [server, "2001:db8::2/64"]] as const) {
    await execute(["ip", "-n", host.namespace, "address", "add", address, "dev", "eth0"]);
  }
  await execute([
    "ip",
    "-n",
    probe.namespace,
    "route",
    "add",
    "198.51.100.0/24",
    "via",
    "192.0.2.2",
  ]);
  await server.sysctl("net.ipv4.ip_forward", "1");
  // Else a router tells the same host only now and then. (A limit of 0 would silence it.)
  await server.sysctl("net.ipv4.icmp_ratemask", "0");
  server.spawn([
    ...[
      "dnsmasq",
      "--no-daemon",
      "--conf-file=/dev/null",
      "--no-resolv",
      "--no-hosts",
      "--user=root",
    ],
    ...["--host-record=www.example.net,192.0.2.80", "--pid-file="],
  ], { name: "dnsmasq" });
  const silent =
    "import socket,time;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('0.0.0.0',9));time.sleep(999)";
  server.spawn(["/usr/bin/python3", "-c", silent], { name: "silent" });
  await untilListening(server, [53]);
  await lab.until(
    "the silent socket is bound",
    async () => /:9\s/.test(await server.exec(["ss", "-Hlun"])),
    5000,
  );
  const udp = (port: number, change: Partial<SocketTarget> = {}): SocketTarget => ({
    ...targetOf(probe, "udp", port),
    ...change,
  });
  const dns = (answers: string[]): MakeConversation => () =>
    dnsConversation({
      id: 7,
      name: "www.example.net",
      type: 1,
      protocol: "udp",
      codes: ["NOERROR"],
      answers,
    });
  const query = parsePattern(
    "0007 0100 0001 0000 0000 0000 0377 7777 0765 7861 6d70 6c65 036e 6574 0000 0100 01",
  )!.bytes;
  const say = (reply: string | null): MakeConversation => () =>
    udpConversation({
      payload: query,
      reply: reply === null ? null : { pattern: parsePattern(reply), minLength: 0, maxLength: 255 },
    });
  let sequence = 0;
  const ping = (address: string): [SocketTarget, MakeConversation] => [
    { ...targetOf(probe, "ping", 0), address },
    (raw) =>
      pingConversation({
        family: address.includes(":") ? "ipv6" : "ipv4",
        raw,
        identifier: 4711,
        sequence: sequence++,
        token: crypto.getRandomValues(new Uint8Array(8)),
        size: 56,
      }),
  ];
  const cases = [
    [udp(53), dns(["192.0.2.80"]), "passed: the answer is NOERROR"],
    [udp(53), dns(["192.0.2.81"]), "failed: the answer lacks 192.0.2.81"],
    [udp(54), dns([]), "failed: port unreachable"],
    [udp(53), say("0007 8X8X"), "passed: the expected reply"],
    [udp(53), say("0008"), "failed: the reply begins with 00078580000100010000000003777777…"],
    [udp(54), say(null), "failed: port unreachable"],
    [udp(54, { address: "2001:db8::2" }), say(null), "failed: port unreachable"],
    [udp(9), say(null), "passed: nobody said that the port is closed"],
    [udp(9), say("00"), "failed: no reply in time"],
    [udp(9, { address: "198.51.100.1" }), say(null), "failed: network unreachable"],
    [...ping("192.0.2.2"), "passed: an echo"],
    [...ping("2001:db8::2"), "passed: an echo"],
    [...ping("192.0.2.77"), "failed: no echo in time"],
    [...ping("198.51.100.1"), "failed: network unreachable"],
    [...ping("203.0.113.1"), "failed: network unreachable"],
  ] as const;
  // Raw sockets first, since ping sockets are closed to everybody by default; then those.
  assert.equal((await probe.exec(["cat", "/proc/sys/net/ipv4/ping_group_range"])).trim(), "1\t0");
  expectAll(cases);
  await probe.sysctl("net.ipv4.ping_group_range", "0 2147483647");
  expectAll(cases.slice(10));
  assert.ok(!/^icmp/m.test(await probe.exec(["ss", "-Hawn"])), "no socket is left");
});

lab("sockets: thousands leave no descriptor, no port and no memory of them", async (lab) => {
  const [probe, server] = await lab.hostsNamed("probe", "server");
  await lab.lan("net", [probe, server]);
  await startNginx(lab, server, `server { listen 80 backlog=4096; ${SEEN} }`, [80]);
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const loop = new Loop();
  const target = targetOf(probe, "tcp", 80);
  const before = descriptors();
  const numbers: number[] = [];
  for (let i = 0; i < 6000; i++) {
    numbers.push(loop.start(target, i % 6 === 0 ? http("from") : connect, 5000));
    while (loop.prober.size >= 200) loop.turn();
  }
  loop.finish();
  const wrong = numbers.map((number) => loop.outcome(number)).filter(({ result }) =>
    result !== "passed"
  );
  assert.deepEqual(wrong.map(verdict), []);
  assert.equal(descriptors(), before);
  const waiting = await probe.exec(["ss", "-Htan"]);
  assert.equal(waiting.trim(), "", "no connection waits for its end on our side");

  // A cancelled one is gone at once, and what ran out while we stood still says nothing.
  const cancelled = loop.start(target, connect);
  loop.prober.cancel(cancelled);
  assert.equal(loop.prober.size, 0);
  const lost = { ...target, address: "192.0.2.77" };
  const now = monotonicMicros();
  const stalled = loop.start(lost, connect, 100);
  loop.prober.expire(now + 10_000_000, now);
  assert.equal(verdict(loop.outcome(stalled)), "void: this machine stood still");
  loop.close();
  assert.equal(descriptors(), before - 1, "the epoll is closed too");
});
