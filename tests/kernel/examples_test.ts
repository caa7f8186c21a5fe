/**
 * The sites of config/examples that balance, run as they are in the guest: servers fail, the
 * master is lost, and clients are answered. Those without IPVS: tests/lab/examples_test.ts.
 */

import assert from "node:assert/strict";
import {
  Client,
  command,
  exampleText,
  forwarding,
  ip,
  lanOf,
  lose,
  placeExample,
  startExample,
  untilRouter,
} from "../lib/examples.ts";
import { type HalbAgent, type Host, type Lab, type LabProcess, labsAtOnce } from "../lib/mod.ts";
import "./lib.ts";

const PYTHON = "/usr/bin/python3";

/** An HTTP server that says its name: address, port, name. */
const SERVER = `import socket, sys
address, port, name = sys.argv[1:]
listener = socket.create_server((address, int(port)), backlog=64)
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    try:
        connection.settimeout(5)
        connection.recv(4096)
        body = name.encode() + b"\\n"
        head = b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
        connection.sendall(head + body)
    except OSError:
        pass
    connection.close()
`;

/** Asks a web server five times a second, each time by a connection of its own. */
const BROWSE = `import socket, sys, time
while True:
    try:
        with socket.create_connection((sys.argv[1], 80), 1) as connection:
            connection.settimeout(2)
            connection.sendall(b"GET / HTTP/1.1\\r\\nHost: www.example.net\\r\\nConnection: close\\r\\n\\r\\n")
            text = b""
            while data := connection.recv(4096):
                text += data
            print("answer", text.split(b"\\r\\n\\r\\n")[1].decode().strip(), flush=True)
    except Exception as error:
        print("failed", repr(error), flush=True)
    time.sleep(0.2)
`;

/** Asks a resolver for the name that each answers with its own address. */
const RESOLVE = `import socket, struct, sys, time
name = b"".join(bytes([len(part)]) + part for part in b"whoami.example.net".split(b".")) + b"\\0"
question = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
def ask(kind):
    with socket.socket(socket.AF_INET, kind) as asking:
        asking.settimeout(1)
        asking.connect((sys.argv[1], 53))
        if kind == socket.SOCK_DGRAM:
            asking.send(question)
            return asking.recv(512)
        asking.sendall(struct.pack("!H", len(question)) + question)
        return asking.recv(514)[2:]
while True:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        try:
            print("answer", socket.inet_ntoa(ask(kind)[-4:]), kind.name, flush=True)
        except Exception as error:
            print("failed", repr(error), kind.name, flush=True)
    time.sleep(0.2)
`;

const ANSWER = /^answer (\S+)/;

function client(host: Host, program: string, address: string): Client {
  const words = [PYTHON, "-u", "-c", program, address];
  return new Client(host.spawn(words, { name: `client-of-${address}` }), ANSWER);
}

async function serve(lab: Lab, host: Host, port: number): Promise<LabProcess> {
  const words = [PYTHON, "-c", SERVER, "0.0.0.0", String(port), host.name];
  const server = host.spawn(words, { name: `server-${host.name}` });
  await lab.until(`${host.name} listens`, () => server.log().includes("listening"), 60_000);
  return server;
}

async function startPair(lab: Lab, file: string, hosts: readonly Host[], router: string) {
  const agents = hosts.map((host) => startExample(lab, host, file)) as [HalbAgent, HalbAgent];
  await untilRouter(agents[0], router, "master");
  await untilRouter(agents[1], router, "backup");
  return agents;
}

async function webPool(lab: Lab) {
  const hosts = await lab.hostsNamed("edge-a", "edge-b", "users", "web-1", "web-2", "sorry");
  const [a, b, users, ...servers] = hosts;
  await lanOf(lab, "front", [[a, "192.0.2.2/24"], [b, "192.0.2.3/24"], [users, "192.0.2.100/24"]]);
  await lanOf(lab, "back", [
    [a, "198.51.100.2/24"],
    [b, "198.51.100.3/24"],
    [servers[0], "198.51.100.11/24"],
    [servers[1], "198.51.100.12/24"],
    [servers[2], "198.51.100.99/24"],
  ]);
  await forwarding(a, b);
  const running: LabProcess[] = [];
  for (const host of servers) {
    await ip(host, "route add 192.0.2.0/24 via 198.51.100.1");
    running.push(await serve(lab, host, 8080));
  }
  const [, second] = await startPair(lab, "web-pool-nat.toml", [a, b], "web");
  const asking = client(users, BROWSE, "192.0.2.10");
  await asking.untilFrom(["web-1", "web-2"], "at first");
  await running[0]!.kill();
  await asking.untilFrom(["web-2"], "when web-1 is dead");
  await running[1]!.kill();
  await asking.untilFrom(["sorry"], "when no server is left");
  await serve(lab, servers[0], 8080);
  await asking.untilFrom(["web-1"], "when web-1 is back");
  await lose(a);
  await untilRouter(second, "web", "master");
  await asking.untilFrom(["web-1"], "by edge-b");
}

/** Real servers that hold the virtual address as docs/howto/direct-routing.md says. */
async function silently(host: Host, address: string): Promise<void> {
  await host.sysctl("net.ipv4.conf.all.arp_ignore", "1");
  await host.sysctl("net.ipv4.conf.all.arp_announce", "2");
  await ip(host, `address add ${address}/32 dev lo`);
}

async function directRouting(lab: Lab) {
  const [a, b, users, one, two] = await lab.hostsNamed(
    "edge-a",
    "edge-b",
    "users",
    "web-1",
    "web-2",
  );
  const lan = await lanOf(lab, "net", [
    [a, "192.0.2.2/24"],
    [b, "192.0.2.3/24"],
    [users, "192.0.2.100/24"],
    [one, "192.0.2.21/24"],
    [two, "192.0.2.22/24"],
  ]);
  const running: LabProcess[] = [];
  for (const host of [one, two]) {
    await silently(host, "192.0.2.20");
    running.push(await serve(lab, host, 80));
  }
  const [, second] = await startPair(lab, "direct-routing.toml", [a, b], "web");
  const asking = client(users, BROWSE, "192.0.2.20");
  await asking.untilFrom(["web-1", "web-2"], "at first");
  assert.equal(await users.neighbour("192.0.2.20"), lan.link(a).mac, "nobody else says to have it");
  await running[0]!.kill();
  await asking.untilFrom(["web-2"], "when web-1 is dead");
  await lose(a);
  await untilRouter(second, "web", "master");
  await asking.untilFrom(["web-2"], "by edge-b");
  const told = async () => await users.neighbour("192.0.2.20") === lan.link(b).mac;
  await lab.until("the clients know edge-b", told, 10_000);
}

async function resolver(lab: Lab, host: Host, address: string): Promise<LabProcess> {
  const words = [
    ...["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"],
    ...["--user=root", `--pid-file=${lab.directory}/dnsmasq-${host.name}.pid`],
    `--host-record=health.example.net,${address}`,
    `--host-record=whoami.example.net,${address}`,
  ];
  const process = host.spawn(words, { name: `dnsmasq-${host.name}` });
  await lab.until(
    `${host.name} listens`,
    async () => (await host.exec(["ss", "-Hlun"])).includes(":53 "),
    60_000,
  );
  return process;
}

async function dns(lab: Lab) {
  const [a, b, users, one, two] = await lab.hostsNamed(
    "edge-a",
    "edge-b",
    "users",
    "dns-1",
    "dns-2",
  );
  await lanOf(lab, "net", [
    [a, "192.0.2.2/24"],
    [b, "192.0.2.3/24"],
    [users, "192.0.2.100/24"],
    [one, "192.0.2.31/24"],
    [two, "192.0.2.32/24"],
  ]);
  await silently(one, "192.0.2.53");
  await silently(two, "192.0.2.53");
  const first = await resolver(lab, one, "192.0.2.31");
  await resolver(lab, two, "192.0.2.32");
  const [, second] = await startPair(lab, "dns-udp.toml", [a, b], "dns");
  const asking = client(users, RESOLVE, "192.0.2.53");
  await asking.untilFrom(["192.0.2.31", "192.0.2.32"], "at first");
  await first.kill();
  await asking.untilFrom(["192.0.2.32"], "when dns-1 is dead");
  await lose(a);
  await untilRouter(second, "dns", "master");
  await asking.untilFrom(["192.0.2.32"], "by edge-b");
  await resolver(lab, one, "192.0.2.31");
  await asking.untilFrom(["192.0.2.31", "192.0.2.32"], "when dns-1 is back");
}

/** The router between the clients and the places, which likes the first one better. */
const ROUTER = `log stderr all;
router id 192.0.2.1;
protocol device { }
protocol kernel { ipv4 { export all; }; }
template bgp place {
  connect delay time 1;
  connect retry time 2;
  error wait time 1, 2;
}
protocol bgp pop_a from place {
  local 192.0.2.1 as 64500;
  neighbor 192.0.2.2 as 64511;
  ipv4 { import filter { preference = 200; accept; }; export none; };
}
protocol bgp pop_b from place {
  local 192.0.2.5 as 64500;
  neighbor 192.0.2.6 as 64512;
  ipv4 { import all; export none; };
}
`;

function bird(lab: Lab, host: Host, configuration: string): void {
  const base = `${lab.directory}/bird-${host.name}`;
  const words = ["bird", "-f", "-c", configuration, "-s", `${base}.sock`, "-P", `${base}.pid`];
  host.spawn(words, { name: `bird-${host.name}` });
}

async function anycast(lab: Lab) {
  const hosts = await lab.hostsNamed("router", "pop-a", "pop-b", "users", "web-1", "web-2");
  const [router, a, b, users, ...servers] = hosts;
  await lanOf(lab, "to-a", [[router, "192.0.2.1/30"], [a, "192.0.2.2/30"]]);
  await lanOf(lab, "to-b", [[router, "192.0.2.5/30"], [b, "192.0.2.6/30"]]);
  await lanOf(lab, "clients", [[router, "192.0.2.129/25"], [users, "192.0.2.130/25"]]);
  await lanOf(lab, "pool-a", [[a, "198.51.100.1/25"], [servers[0], "198.51.100.11/25"]]);
  await lanOf(lab, "pool-b", [[b, "198.51.100.129/25"], [servers[1], "198.51.100.141/25"]]);
  await forwarding(router, a, b);
  await ip(users, "route add default via 192.0.2.129");
  await ip(a, "route add 192.0.2.128/25 via 192.0.2.1");
  await ip(b, "route add 192.0.2.128/25 via 192.0.2.5");
  await ip(servers[0], "route add default via 198.51.100.1");
  await ip(servers[1], "route add default via 198.51.100.129");
  Deno.writeTextFileSync(`${lab.directory}/router.conf`, ROUTER);
  bird(lab, router, `${lab.directory}/router.conf`);
  // As its second line says.
  assert.match(
    exampleText("anycast-bird.conf"),
    /On pop-b: OWN 192\.0\.2\.6, ROUTER 192\.0\.2\.5, AS_OWN 64512\./,
  );
  const onB = (text: string) =>
    text.replace("OWN = 192.0.2.2;", "OWN = 192.0.2.6;")
      .replace("ROUTER = 192.0.2.1;", "ROUTER = 192.0.2.5;")
      .replace("AS_OWN = 64511;", "AS_OWN = 64512;");
  bird(lab, a, placeExample(lab, a, "anycast-bird.conf"));
  bird(lab, b, placeExample(lab, b, "anycast-bird.conf", onB));
  const running: LabProcess[] = [];
  for (const host of servers) running.push(await serve(lab, host, 8080));
  const start = (host: Host) => startExample(lab, host, "anycast-bird.toml");
  const [first] = [start(a), start(b)];
  const asking = client(users, BROWSE, "203.0.113.80");
  await asking.untilFrom(["web-1"], "of pop-a");
  await lab.until("pop-b is ready, too", () => b.holds("203.0.113.80"), 60_000);
  await running[0]!.kill();
  await asking.untilFrom(["web-2"], "when pop-a has no server");
  await serve(lab, servers[0], 8080);
  await asking.untilFrom(["web-1"], "of pop-a again");
  await command(first, "drain", "web", "198.51.100.11:8080", "--no-wait");
  await asking.untilFrom(["web-2"], "while pop-a is drained");
  await command(first, "undrain", "web", "198.51.100.11:8080");
  await asking.untilFrom(["web-1"], "of pop-a after the drain");
  await first.stop();
  await asking.untilFrom(["web-2"], "when pop-a's agent has stopped");
  const last = start(a);
  await asking.untilFrom(["web-1"], "of pop-a, started again");
  await last.kill();
  await asking.untilFrom(["web-2"], "when pop-a's agent is killed");
}

labsAtOnce({
  "web-pool-nat: servers fail until the sorry server serves; a director is lost": webPool,
  "direct-routing: servers are silent, one fails; a director is lost": directRouting,
  "dns-udp: questions over UDP and TCP; a resolver fails; a director is lost": dns,
  "anycast-bird: clients go to the other place and back": anycast,
}, { timeoutMs: 600_000 });
