/**
 * Health checks in the agent: a virtual router that tracks named checks of every type fails over
 * when one of them fails, and comes back; reloads, crashes and upgrades keep what is known.
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import type { CheckStatus } from "../../mod/control/check_status.ts";
import {
  execute,
  fifoReader,
  type HalbAgent,
  halbPath,
  type Host,
  type Lab,
  lab,
  type LabProcess,
  startHalb,
} from "../lib/mod.ts";
import {
  endSuccessor,
  FAULTS,
  inject,
  routerOf,
  statusOf,
  untilLogged,
  webSite,
} from "./agent_helpers.ts";
import { makeCertificates, startNginx, untilListening, write } from "./check_helpers.ts";
import { switchedScript } from "./tracker_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

const SERVER = "192.0.2.3";
/** An address of the server's that goes and comes. */
const PINGED = "192.0.2.33";

/** One service: it can be broken, with what is said then. */
interface Service {
  readonly name: string;
  /** Keys of its `[[check]]`. */
  readonly keys: string;
  readonly fails: () => Promise<void> | void;
  readonly mends: () => Promise<void> | void;
  readonly reason: RegExp;
}

const MAIL = (directory: string) => `
import ssl, threading
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
made.load_cert_chain("${directory}/www.pem", "${directory}/www.key")
Controller(Sink(), hostname="${SERVER}", port=587, server_hostname="mail.example.net", tls_context=made).start()
threading.Event().wait()
`;

const GRPC = `
import grpc, threading
from concurrent import futures
class Health(grpc.GenericRpcHandler):
    def service(self, call):
        if call.method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: bytes([8, 1]))
server = grpc.server(futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((Health(),))
server.add_insecure_port("${SERVER}:50051")
server.start()
threading.Event().wait()
`;

/** tcp on 7000 answers PING, an agent on 7001 reads its line from a file, udp on 7002 answers. */
const SMALL = (line: string) => `
import socket, threading
def listener(port):
    made = socket.socket(); made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("0.0.0.0", port)); made.listen(50); return made
def serve(port, handle):
    bound = listener(port)
    def loop():
        while True:
            connection, _ = bound.accept()
            try: handle(connection)
            except OSError: pass
            finally: connection.close()
    threading.Thread(target=loop, daemon=True).start()
def pong(c):
    if c.recv(100) == b"PING\\r\\n": c.sendall(b"+PONG\\r\\n"); c.recv(100)
def agent(c): c.sendall(open("${line}", "rb").read())
serve(7000, pong); serve(7001, agent)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("${SERVER}", 7002))
while True:
    data, sender = udp.recvfrom(100)
    udp.sendto(b"ok " + data, sender)
`;

/** Starts a service of every type on a host. */
async function startServices(lab: Lab, host: Host): Promise<Service[]> {
  const { directory } = await makeCertificates(lab);
  // Else a host says only now and then that a port is closed.
  await host.sysctl("net.ipv4.icmp_ratemask", "0");
  const html = `${lab.directory}/html`;
  Deno.mkdirSync(html);
  Deno.chmodSync(lab.directory, 0o755);
  const tls = `ssl_certificate ${directory}/www.pem; ssl_certificate_key ${directory}/www.key;`;
  await startNginx(
    lab,
    host,
    `server { listen 80; root ${html}; } server { listen 443 ssl; ${tls} root ${html}; }`,
    [80, 443],
  );
  for (const name of ["plain", "secure", "matched"]) write(lab, `html/${name}`, "all is well\n");
  const line = write(lab, "line", "up 100%\n");
  const python = (name: string, text: string): LabProcess =>
    host.spawn(["/usr/bin/python3", write(lab, `${name}_server.py`, text)], { name });
  python("small", SMALL(line));
  const mail = python("mail", MAIL(directory));
  const grpc = python("grpc", GRPC);
  const dns = host.spawn([
    ...["dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"],
    ...["--user=root", "--host-record=www.example.net,192.0.2.80", "--pid-file="],
  ], { name: "dnsmasq" });
  await host.exec(["nft", "add", "table", "inet", "lab"]);
  await host.exec([
    ...["nft", "add", "chain", "inet", "lab", "in"],
    "{ type filter hook input priority 0; }",
  ]);
  await host.exec(["ip", "address", "add", `${PINGED}/24`, "dev", "eth0"]);
  await untilListening(host, [80, 443, 7000, 7001, 587, 50_051, 53]);
  const refuse = (rule: string) => async () => {
    await host.exec(["nft", "add", "rule", "inet", "lab", "in", ...rule.split(" ")]);
  };
  const admit = async () => void await host.exec(["nft", "flush", "chain", "inet", "lab", "in"]);
  const without = (name: string) => ({
    fails: () => Deno.removeSync(`${html}/${name}`),
    mends: () => void write(lab, `html/${name}`, "all is well\n"),
  });
  const stopped = (process: LabProcess) => ({
    fails: () => process.freeze(),
    mends: () => process.thaw(),
  });
  const { command, ok } = switchedScript(lab, "healthy");
  const flag = write(lab, "flag", "0\n");
  const there = `address = "${SERVER}"\n`;
  return [
    {
      name: "tcp",
      keys: `type = "tcp"\n${there}port = 7000\nsend = "PING\\r\\n"\nexpect = "+PONG"\n`,
      fails: refuse("tcp dport 7000 reject with tcp reset"),
      mends: admit,
      reason: /^connection refused$/,
    },
    {
      name: "udp",
      keys: `type = "udp"\n${there}port = 7002\npayload = "6869"\nreply = "6f 6b 20 68 XX"\n`,
      fails: refuse("udp dport 7002 reject"),
      mends: admit,
      reason: /^port unreachable$/,
    },
    {
      name: "ping",
      keys: `type = "ping"\naddress = "${PINGED}"\n`,
      fails: async () =>
        void await host.exec(["ip", "address", "del", `${PINGED}/24`, "dev", "eth0"]),
      mends: async () =>
        void await host.exec(["ip", "address", "add", `${PINGED}/24`, "dev", "eth0"]),
      reason: /^no echo in time$|^host unreachable$/,
    },
    {
      name: "http",
      keys: `type = "http"\n${there}path = "/plain"\ncontains = "well"\n`,
      ...without("plain"),
      reason: /^HTTP status 404 instead of 200-299$/,
    },
    {
      name: "matched",
      keys: `type = "http"\n${there}path = "/matched"\nmatches = "(?i)^ALL is"\n`,
      fails: () => void write(lab, "html/matched", "all was well\n"),
      mends: () => void write(lab, "html/matched", "all is well\n"),
      reason: /^nothing matches/,
    },
    {
      name: "https",
      keys: `type = "http"\n${there}path = "/secure"\n` +
        `tls = { server_name = "www.example.net", ca = "${directory}/ca.pem" }\n` +
        'bind_interface = "eth0"\nmark = 8\n',
      ...without("secure"),
      reason: /^HTTP status 404 instead of 200-299$/,
    },
    {
      name: "smtp",
      keys: `type = "smtp"\n${there}port = 587\nstarttls = true\n` +
        `tls = { server_name = "www.example.net", ca = "${directory}/ca.pem", min_version = "1.3" }\n`,
      ...stopped(mail),
      reason: /in time|closed/,
    },
    {
      name: "grpc",
      keys: `type = "grpc"\n${there}port = 50051\n`,
      ...stopped(grpc),
      reason: /in time/,
    },
    {
      name: "dns",
      keys: `type = "dns"\n${there}query = "www.example.net"\nrecord = "A"\n` +
        `answers = ["192.0.2.80"]\n`,
      ...stopped(dns),
      reason: /in time/,
    },
    {
      name: "agent",
      keys: `type = "agent"\n${there}port = 7001\n`,
      fails: () => void write(lab, "line", "down#disk full\n"),
      mends: () => void write(lab, "line", "up 100%\n"),
      reason: /disk full/,
    },
    {
      name: "script",
      keys: `type = "script"\ncommand = ["${command}"]\n`,
      fails: ok.off,
      mends: ok.on,
      reason: /^exit 3$/,
    },
    {
      name: "file",
      keys: `type = "file"\npath = "${flag}"\n`,
      fails: () => void write(lab, "flag", "1\n"),
      mends: () => void write(lab, "flag", "0\n"),
      reason: /^1$/,
    },
  ];
}

/** A router of host `a` that tracks these; `b` takes over. */
function siteOf(services: readonly Pick<Service, "name" | "keys">[], more = ""): string {
  const names = services.map(({ name }) => `"${name}"`).join(", ");
  const checks = services.map(({ name, keys }) => `[[check]]\nname = "${name}"\n${keys}`);
  return `[defaults.check]
interval = "200ms"
retry_interval = "200ms"
timeout = "1s"
fall = 1

${webSite("100ms", `track.checks = { by_host = { a = [${names}], b = [] } }\n`)}
${checks.join("\n")}${more}`;
}

async function checkOf(agent: HalbAgent, name: string): Promise<CheckStatus> {
  const { checks } = await statusOf(agent);
  const found = checks.find((one) => one.name === name);
  assert.ok(found, `No check ${name} in the status`);
  return found;
}

lab("a router fails over when a check of any type fails, and comes back", async (lab) => {
  const [a, b, server] = await lab.hostsNamed("a", "b", "server");
  await lab.lan("net", [a, b, server]);
  const services = await startServices(lab, server);
  const site = siteOf(services);
  const first = startHalb(lab, a, site);
  await first.untilState("web", "master", 15_000);
  const second = startHalb(lab, b, site);
  await second.untilState("web", "backup");
  for (const { name, fails, mends, reason } of services) {
    assert.equal((await checkOf(first, name)).healthy, true, name);
    await fails();
    await second.untilState("web", "master", 10_000);
    const check = await checkOf(first, name);
    assert.equal(check.healthy, false, name);
    assert.match(check.reason, reason, name);
    const { state, trackers } = await routerOf(first, "web");
    assert.equal(state, "fault", name);
    const tracker = trackers.find((one) => one.name === name);
    assert.deepEqual([tracker?.kind, tracker?.healthy], ["check", false], name);
    assert.match(tracker?.reason ?? "", reason, name);
    await untilLogged(lab, first, name);
    await mends();
    await first.untilState("web", "master", 10_000);
    await second.untilState("web", "backup");
    // A probe may have begun while its server stood still.
    assert.ok((await checkOf(first, name)).latency_ms! < 1500, name);
  }
  const { checks } = await statusOf(first);
  assert.deepEqual(checks.map(({ transitions }) => transitions), services.map(() => 2));
});

lab("what is known of checks goes through crashes, upgrades and reloads", async (lab) => {
  const [a, server] = await lab.hostsNamed("a", "server");
  await lab.lan("net", [a, server]);
  const html = `${lab.directory}/html`;
  Deno.mkdirSync(html);
  Deno.chmodSync(lab.directory, 0o755);
  await startNginx(lab, server, `server { listen 80; root ${html}; }`, [80]);
  const there = 'type = "http"\naddress = "192.0.2.2"\n';
  // One for the kernel plane, one for control: neither is healthy, as the server has no such file.
  const checks = [
    { name: "plain", keys: `${there}path = "/file"\n` },
    { name: "matched", keys: `${there}path = "/file"\nmatches = "well"\n` },
  ];
  const fifo = await fifoReader(lab, a);
  const notify = `\n[agent]\nnotify = { json_fifo = "${fifo.path}" }\n`;
  const site = siteOf(checks, notify);
  const agent = startHalb(lab, a, site, FAULTS);
  await agent.untilState("web", "fault");
  const known = async () => {
    const { checks: all, vrrp } = await statusOf(agent);
    const trackers = vrrp[0]!.trackers.map(({ name, healthy }) => ({ name, healthy }));
    return {
      checks: all.map(({ name, healthy, transitions }) => ({ name, healthy, transitions })),
      trackers,
      router: { state: vrrp[0]!.state, transitions: vrrp[0]!.transitions },
    };
  };
  const bothDown = () =>
    lab.until("both are down", async () => {
      return (await known()).checks.every(({ healthy }) => healthy === false);
    }, 10_000);
  await bothDown();
  const before = await known();
  const { since } = await checkOf(agent, "plain");
  const running = async (plane: string, times: number) => {
    await untilLogged(lab, agent, `The ${plane} plane runs again`, times);
  };
  await inject(agent, "protocol", "throw");
  await running("protocol", 1);
  assert.deepEqual(await known(), before, "after a crash of the protocol plane");
  await inject(agent, "kernel", "throw");
  await running("kernel", 1);
  // Its probes go on, too.
  const probed = (await checkOf(agent, "plain")).counters.failed;
  await lab.until("probes go on", async () => {
    return (await checkOf(agent, "plain")).counters.failed > probed;
  }, 10_000);
  assert.deepEqual(await known(), before, "after a crash of the kernel plane");
  await upgrade(agent);
  await lab.until("the new process knows its checks", async () => {
    return (await statusOf(agent)).checks.length === 2;
  }, 10_000);
  const upgraded = await known();
  // Clocks of two processes agree to within milliseconds.
  const moved = Date.parse((await checkOf(agent, "plain")).since!) - Date.parse(since!);
  assert.ok(Math.abs(moved) < 100, `since moved by ${moved} ms`);
  assert.deepEqual(upgraded.checks, before.checks, "after an upgrade");
  assert.deepEqual(upgraded.router, before.router);
  // Signals would go to the process that has ended.
  const reload = async (text: string) => {
    agent.writeSite(text);
    await ask(agent.controlPath, { command: "reload" });
  };
  const becomes = (state: string) =>
    lab.until(`web is ${state}`, async () => {
      return (await routerOf(agent, "web")).state === state;
    }, 10_000);
  await reload(site.replaceAll('interval = "200ms"', 'interval = "300ms"'));
  assert.deepEqual((await known()).checks, before.checks, "after a reload of other times");
  // Another target is another check, whatever its name.
  write(lab, "html/other", "all is well\n");
  await reload(site.replaceAll('path = "/file"', 'path = "/other"'));
  await becomes("master");
  const now = await known();
  assert.deepEqual(now.checks.map(({ healthy }) => healthy), [true, true]);
  // A router that no longer tracks what fails takes part again.
  Deno.removeSync(`${html}/other`);
  await becomes("fault");
  await bothDown();
  await reload(webSite("100ms") + notify);
  await becomes("master");
  assert.deepEqual((await statusOf(agent)).checks, []);
  // Who reads JSON was told of each verdict once, whoever came after whom.
  const objects = () => fifo.lines().map((line) => JSON.parse(line));
  const told = () => objects().filter(({ type, repeated }) => type === "check" && !repeated);
  await lab.until("all has been told", () => {
    if (told().length >= 8) return true;
    throw new Error(fifo.lines().join("\n"));
  }, 10_000);
  for (const name of ["plain", "matched"]) {
    const own = told().filter((one) => one.name === name);
    assert.deepEqual(own.map(({ healthy }) => healthy), [false, true, false, null], name);
    const [first] = own;
    assert.deepEqual(
      [first.check, first.server, first.reason, first.previous_healthy],
      ["http", "192.0.2.2:80", "HTTP status 404 instead of 200-299", null],
    );
    assert.ok(first.latency_ms > 0, `${first.latency_ms} ms`);
  }
  await endSuccessor(lab, agent);
});

lab(
  "what comes and goes is kept down and named; certificates that end; escaped output",
  async (lab) => {
    const [a, server] = await lab.hostsNamed("a", "server");
    await lab.lan("net", [a, server]);
    const { directory, ends } = await makeCertificates(lab);
    Deno.chmodSync(lab.directory, 0o755);
    const tls = `ssl_certificate ${directory}/soon.pem; ssl_certificate_key ${directory}/soon.key;`;
    await startNginx(lab, server, `server { listen 443 ssl; ${tls} return 200 "ok"; }`, [443]);
    const flag = write(lab, "flag", "0\n");
    const loud = write(
      lab,
      "loud",
      "#!/bin/sh\nprintf '\\033[2Jred\\007 \\302\\233 alert'; exit 1\n",
    );
    Deno.chmodSync(loud, 0o755);
    const site = siteOf([
      {
        name: "flappy",
        keys: `type = "file"\npath = "${flag}"\ndamping = { suppress = 2, half_life = "1h" }\n`,
      },
      {
        name: "soon",
        keys: 'type = "http"\naddress = "192.0.2.2"\n' +
          `tls = { server_name = "www.example.net", ca = "${directory}/ca.pem" }\n`,
      },
      { name: "loud", keys: `type = "script"\ncommand = ["${loud}"]\n` },
    ]);
    const agent = startHalb(lab, a, site);
    const untilHealthy = (name: string, healthy: boolean) =>
      lab.until(
        `${name} is ${healthy ? "healthy" : "not healthy"}`,
        async () => (await checkOf(agent, name)).healthy === healthy,
        10_000,
      );
    await untilHealthy("flappy", true);
    // Points melt: two falls are a little less than two points.
    for (const value of [1, 0, 1, 0, 1]) {
      write(lab, "flag", `${value}\n`);
      await untilHealthy("flappy", value === 0);
    }
    write(lab, "flag", "0\n");
    await lab.until("it answers, and is kept down", async () => {
      const { held, flapping, healthy } = await checkOf(agent, "flappy");
      return held === "flapping" && flapping && healthy === false;
    }, 10_000);
    await untilLogged(lab, agent, "warning checks.flappy: Flapping: it stays down");
    assert.match(await agentText(agent, "flappy"), /flapping/i);

    await untilHealthy("soon", true);
    const warning = `the certificate expires on ${ends.soon}`;
    assert.deepEqual((await checkOf(agent, "soon")).warnings, [warning]);
    await untilLogged(lab, agent, `checks.soon: ${warning}`);
    const { passed } = (await checkOf(agent, "soon")).counters;
    await lab.until("it is seen again", async () => {
      return (await checkOf(agent, "soon")).counters.passed >= passed + 2;
    }, 10_000);
    assert.equal(agent.log().split(`checks.soon: ${warning}`).length, 2, "it is told once");

    await untilHealthy("loud", false);
    const { output } = await checkOf(agent, "loud");
    assert.match(output, /red.*alert/);
    for (const text of [output, agent.log(), await agentText(agent, "loud")]) {
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    }
  },
);

/** What `halb status NAME` writes for people. */
async function agentText(agent: HalbAgent, name: string): Promise<string> {
  return await execute([halbPath(), "status", name, "--control", agent.controlPath]);
}
