/** The firewall pair of config/examples, for examples_test.ts: conntrackd, and a node that comes back. */

import assert from "node:assert/strict";
import { forwarding, ip, lanOf, placeExample, startExample, untilRouter } from "../lib/examples.ts";
import type { Host, Lab, LabProcess } from "../lib/mod.ts";

export async function firewallPair(lab: Lab) {
  const [a, b, client, server] = await lab.hostsNamed("edge-a", "edge-b", "client", "server");
  await lanOf(lab, "outside", [
    [a, "192.0.2.2/24"],
    [b, "192.0.2.3/24"],
    [client, "192.0.2.100/24"],
  ]);
  await lanOf(lab, "inside", [
    [a, "198.51.100.2/24"],
    [b, "198.51.100.3/24"],
    [server, "198.51.100.10/24"],
  ]);
  await lanOf(lab, "states", [[a, "203.0.113.1/24"], [b, "203.0.113.2/24"]]);
  await ip(client, "route add default via 192.0.2.1");
  await ip(server, "route add default via 198.51.100.1");
  await forwarding(a, b);
  const files: string[] = [];
  const startDaemon = async (host: Host, file: string) => {
    const daemon = host.spawn(["conntrackd", "-C", file], { name: `conntrackd-${host.name}` });
    await lab.until("conntrackd works", async () => {
      if (!daemon.running) throw new Error(daemon.log().slice(-500));
      return (await host.tryExec(["conntrackd", "-C", file, "-s"])).code === 0;
    }, 10_000);
    return daemon;
  };
  const daemons: LabProcess[] = [];
  for (const [i, host] of [a, b].entries()) {
    await host.exec(["nft", "-f", placeExample(lab, host, "firewall-pair.nft")]);
    // What is not known from its beginning is nothing that is established.
    await host.sysctl("net.netfilter.nf_conntrack_tcp_loose", "0");
    const own = `${lab.directory}/${host.name}-conntrackd`;
    const file = placeExample(lab, host, "firewall-pair-conntrackd.conf", (text) => {
      const ours = text.replace("/var/lock/conntrack.lock", `${own}.lock`)
        .replace("/var/run/conntrackd.ctl", `${own}.ctl`);
      // As its first line says.
      return i === 0
        ? ours
        : ours.replace(/203\.0\.113\.[12]/g, (address) =>
          address.endsWith("1") ? "203.0.113.2" : "203.0.113.1");
    });
    placeExample(lab, host, "conntrackd-state", (text) => {
      assert.match(text, /\/etc\/conntrackd\/conntrackd\.conf/);
      return text.replace("/etc/conntrackd/conntrackd.conf", file);
    });
    files.push(file);
    daemons.push(await startDaemon(host, file));
  }
  // Nobody is to wait half a minute here.
  const start = (host: Host) =>
    startExample(lab, host, "firewall-pair.toml", (text) => {
      assert.match(text, /^preempt_delay = "30s"$/m);
      return text.replace('preempt_delay = "30s"', 'preempt_delay = "5s"');
    });
  const first = start(a);
  await untilRouter(first, "outside", "master");
  await untilRouter(first, "inside", "master");
  const second = start(b);
  await untilRouter(second, "inside", "backup");
  server.spawn(["/usr/bin/python3", "-c", ECHO], { name: "echo" });
  await lab.until("the server listens", async () => {
    return (await server.exec(["ss", "-Hltn"])).includes(":7777");
  }, 10_000);
  const talk = client.spawn(["/usr/bin/python3", "-c", TALK], { name: "talk" });
  const heard = () => talk.log().split("\n").filter(Boolean).length;
  const untilMore = async (when: string) => {
    const before = heard();
    await lab.until(`the connection goes on ${when}`, () => {
      if (!talk.running) throw new Error(`it has ended: ${talk.log().slice(-500)}`);
      return heard() > before + 20;
    }, 60_000);
  };
  await untilMore("at first");
  const known = async (host: Host) =>
    (await host.exec(["conntrack", "-L", "-p", "tcp", "--dport", "7777"])).includes("ESTABLISHED");
  await lab.until("edge-b has been told of it", async () => {
    const states = await b.exec(["conntrackd", "-C", files[1]!, "-e"]);
    return states.includes("ESTABLISHED") && states.includes("dport=7777");
  }, 20_000);
  assert.equal(await known(b), false, "edge-b's kernel knows nothing yet");
  for (const link of a.links.slice(0, 2)) await link.cut();
  await untilRouter(second, "inside", "master");
  await untilMore("through edge-b");
  assert.equal(await known(b), true);
  // As after a boot: edge-a knows nothing, and starts in the order of the page.
  await Promise.all([first.kill(), daemons[0]!.kill()]);
  await a.exec(["conntrack", "-F"]);
  // Where these lie nothing outlives a boot.
  for (const left of ["lock", "ctl"]) {
    await Deno.remove(`${lab.directory}/${a.name}-conntrackd.${left}`);
  }
  for (const link of a.links.slice(0, 2)) await link.restore();
  await a.exec(["nft", "-f", placeExample(lab, a, "firewall-pair.nft")]);
  assert.equal((await a.exec(["nft", "list", "ruleset"])).split("7777").length, 2, "once");
  await startDaemon(a, files[0]!);
  const again = start(a);
  await untilRouter(again, "inside", "backup");
  await untilRouter(again, "inside", "master");
  await untilMore("through edge-a again");
  assert.equal(await known(a), true);
  for (const agent of [first, second, again]) {
    assert.doesNotMatch(agent.log(), /conntrackd-state: (exit|ended by|did not|cannot)/);
  }
}

const ECHO = `import socket
connection, _ = socket.create_server(("", 7777)).accept()
while data := connection.recv(100):
    connection.sendall(data)
`;

/** Says a number, hears it, prints it; all by one connection. */
const TALK = `import socket, time
connection = socket.create_connection(("198.51.100.10", 7777), 10)
connection.settimeout(None)
number = 0
while True:
    number += 1
    connection.sendall(b"%08d" % number)
    heard = b""
    while len(heard) < 8:
        data = connection.recv(8 - len(heard))
        if not data:
            raise SystemExit("closed")
        heard += data
    print(int(heard), flush=True)
    time.sleep(0.02)
`;
