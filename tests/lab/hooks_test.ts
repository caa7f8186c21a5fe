/** docs/hooks.md at work: connections that outlive a failover, router advertisements that follow. */

import assert from "node:assert/strict";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/hooks.md", import.meta.url));

/** Writes a file of the page. */
function fileOf(lab: Lab, name: string, mode: number): string {
  const [, text] = new RegExp(`<!-- file: ${name} -->\\s+\`\`\`\\w+\\n([^]*?)\`\`\``).exec(PAGE)!;
  const path = `${lab.directory}/${name}`;
  Deno.writeTextFileSync(path, text!);
  Deno.chmodSync(path, mode);
  return path;
}

const FILTER = `table ip firewall {
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established accept
    tcp dport 7777 ct state new accept
  }
}
`;

const SERVER = `import socket
connection, _ = socket.create_server(("", 7777)).accept()
while data := connection.recv(100):
    connection.sendall(data)
`;

/** Says a number, hears it, prints it; all by one connection. */
const CLIENT = `import socket, time
connection = socket.create_connection(("198.51.100.3", 7777), 10)
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

function conntrackdConf(lab: Lab, host: Host, own: string, peer: string): string {
  const path = `${lab.directory}/conntrackd-${host.name}.conf`;
  const file = (ending: string) => `${lab.directory}/conntrackd-${host.name}.${ending}`;
  Deno.writeTextFileSync(
    path,
    `Sync {
  Mode FTFW {
  }
  UDP {
    IPv4_address ${own}
    IPv4_Destination_Address ${peer}
    Port 3780
    Interface eth2
    Checksum on
  }
}
General {
  HashSize 1024
  HashLimit 8192
  LockFile ${file("lock")}
  UNIX {
    Path ${file("socket")}
  }
  Filter From Userspace {
    Protocol Accept {
      TCP
    }
  }
}
`,
  );
  return path;
}

function firewallSite(program: string, configuration: string): string {
  const router = (name: string, id: number, eth: number, address: string) =>
    `[[vrrp]]
name = "${name}"
interface = "eth${eth}"
virtual_router_id = ${id}
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ["${address}"]
`;
  const words = (state: string) => JSON.stringify([program, state, configuration]);
  return router("outside", 51, 0, "192.0.2.254/24") +
    router("inside", 52, 1, "198.51.100.254/24") +
    `[[sync_group]]
name = "site"
members = ["outside", "inside"]
[sync_group.notify]
user = "root"
master = ${words("primary")}
backup = ${words("backup")}
fault = ${words("fault")}
`;
}

lab(
  "conntrackd: a connection through a stateful firewall outlives a failover and the way back",
  async (lab) => {
    Deno.chmodSync(lab.directory, 0o711);
    const program = fileOf(lab, "conntrackd-state", 0o755);
    const [a, b, client, server] = await lab.hostsNamed("a", "b", "c", "s");
    const outside = await lab.lan("outside", [a, b, client]);
    const inside = await lab.lan("inside", [a, b, server], {
      prefix: null,
      addresses: {
        a: ["198.51.100.1/24"],
        b: ["198.51.100.2/24"],
        s: ["198.51.100.3/24"],
      },
    });
    await lab.lan("states", [a, b], {
      prefix: null,
      addresses: { a: ["203.0.113.1/24"], b: ["203.0.113.2/24"] },
    });
    await client.exec(["ip", "route", "add", "default", "via", "192.0.2.254"]);
    await server.exec(["ip", "route", "add", "default", "via", "198.51.100.254"]);
    const agents: HalbAgent[] = [];
    const files: string[] = [];
    for (const [i, host] of [a, b].entries()) {
      await host.sysctl("net.ipv4.ip_forward", "1");
      await host.exec(["nft", "-f", "-"], { input: FILTER });
      // What is not known from its beginning is nothing that is established.
      await host.sysctl("net.netfilter.nf_conntrack_tcp_loose", "0");
      const file = conntrackdConf(lab, host, `203.0.113.${i + 1}`, `203.0.113.${2 - i}`);
      files.push(file);
      const daemon = host.spawn(["conntrackd", "-C", file], { name: `conntrackd-${host.name}` });
      await lab.until("conntrackd works", async () => {
        if (!daemon.running) throw new Error(daemon.log().slice(-500));
        return (await host.tryExec(["conntrackd", "-C", file, "-s"])).code === 0;
      }, 10_000);
      agents.push(startHalb(lab, host, firewallSite(program, file)));
      if (i === 0) await agents[0]!.untilState("outside", "master");
    }
    const [first, second] = agents as [HalbAgent, HalbAgent];
    await first.untilState("inside", "master");
    await second.untilState("inside", "backup");
    server.spawn(["python3", "-c", SERVER], { name: "server" });
    await lab.until("the server listens", async () => {
      return (await server.exec(["ss", "-Hltn"])).includes(":7777");
    }, 5000);
    const talk = client.spawn(["python3", "-c", CLIENT], { name: "client" });
    const heard = () => talk.log().split("\n").filter(Boolean).length;
    const untilMore = async (when: string) => {
      const before = heard();
      await lab.until(`the connection goes on ${when}`, () => {
        if (!talk.running) throw new Error(`it has ended: ${talk.log().slice(-500)}`);
        return heard() > before + 20;
      }, 30_000);
    };
    await untilMore("at first");
    const known = async (host: Host) =>
      (await host.exec(["conntrack", "-L", "-p", "tcp", "--dport", "7777"])).includes(
        "ESTABLISHED",
      );
    await lab.until("b has been told of it", async () => {
      const states = await b.exec(["conntrackd", "-C", files[1]!, "-e"]);
      return states.includes("ESTABLISHED") && states.includes("dport=7777");
    }, 10_000);
    assert.equal(await known(b), false, "b's kernel knows nothing yet");
    for (const lan of [outside, inside]) await lan.link(a).cut();
    await second.untilState("inside", "master");
    await untilMore("through b");
    assert.equal(await known(b), true);
    for (const lan of [outside, inside]) await lan.link(a).restore();
    await first.untilState("inside", "master");
    await untilMore("through a again");
    for (const agent of agents) {
      assert.doesNotMatch(
        agent.log(),
        /conntrackd-state: (exit|ended by|did not|cannot)/,
      );
    }
  },
);

lab("radvd: routers are advertised by the master alone, from the virtual address", async (lab) => {
  const file = fileOf(lab, "radvd.conf", 0o644);
  const [a, b, client] = await lab.hostsNamed("a", "b", "c");
  await lab.lan("net", [a, b, client]);
  const macs: string[] = [];
  const agents: HalbAgent[] = [];
  for (const host of [a, b]) {
    await host.sysctl("net.ipv6.conf.all.forwarding", "1");
    const [{ address }] = JSON.parse(await host.exec(["ip", "-j", "link", "show", "eth0"]));
    macs.push(address);
  }
  await client.sysctl("net.ipv6.conf.eth0.accept_ra", "1");
  const filter = "icmp6 and ip6[40] == 134";
  const seen = client.spawn(["tcpdump", "-l", "-n", "-e", "-i", "eth0", filter], { name: "seen" });
  await lab.until("the client listens", () => seen.log().includes("listening"), 5000);
  for (const host of [a, b]) {
    const pid = `${lab.directory}/radvd-${host.name}.pid`;
    host.spawn(["radvd", "-n", "-m", "stderr", "-C", file, "-p", pid], {
      name: `radvd-${host.name}`,
    });
    agents.push(startHalb(
      lab,
      host,
      `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ["fe80::10", "2001:db8::10/64"]
`,
    ));
  }
  /** Who has sent each advertisement to all: the index of a host. */
  const senders = () =>
    seen.log().split("\n").filter((line) => line.includes("ff02::1:")).map((line) => {
      assert.match(line, / fe80::10 > ff02::1: ICMP6, router advertisement/);
      return macs.findIndex((mac) => line.includes(`${mac} >`));
    });
  await agents[0]!.untilState("web", "master", 20_000);
  await lab.until("a advertises", () => senders().at(-1) === 0, 20_000);
  await agents[0]!.stop();
  await agents[1]!.untilState("web", "master");
  await lab.until("b advertises", () => senders().at(-1) === 1, 20_000);
  assert.match(
    await client.exec(["ip", "-6", "route", "show", "default"]),
    /via fe80::10 dev eth0/,
  );
  const turns = senders().filter((who, i, all) => who !== all[i - 1]);
  // Where both start at once, b may have been master for a moment.
  assert.deepEqual(turns.slice(-2), [0, 1]);
});
