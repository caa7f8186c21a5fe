/**
 * From a site.toml to the kernel: whatever a virtual server can say is in the table as `ipvsadm`
 * prints it, changes with a reload, and is gone after the stop; what was changed beside the table
 * is as it was before.
 */

import assert from "node:assert/strict";
import "./lib.ts";
import { lab, startHalb } from "../lib/mod.ts";

const PATIENCE = 30_000;
const OPTIONS = { timeoutMs: 120_000 };

/** Every key that ends up in the table, and the lines of `ipvsadm -Sn` that it must make. */
const EVERYTHING = `[ipvs]
timeouts = { tcp = "11m", tcp_fin = "1m", udp = "3m" }
sync_daemon = { interface = "eth0", role = "backup", id = 9 }
settings = { expire_nodest_conn = true, conn_reuse_mode = 0, sync_refresh_period = 2 }

[defaults.virtual_server]
scheduler = "wrr"

[[virtual_server]]
name = "list"
listen = ["192.0.2.10:80", "192.0.2.10:443", "192.0.2.254-192.0.3.1:80"]
default_weight = 4
real_server = [{ address = "198.51.100.11" }, { address = "198.51.100.12", weight = 0 }]

[[virtual_server]]
name = "six"
listen = "[2001:db8::10]:53"
protocol = "udp"
one_packet = true
scheduler = "mh"
flags = ["mh-port"]
real_server = [{ address = "[2001:db8:1::11]:5353" }]

[[virtual_server]]
name = "persistent"
listen = "192.0.2.20:0"
scheduler = "sh"
flags = ["sh-fallback", "sh-port"]
persistence = { timeout = "5m", prefix_length = 24 }
forward = "direct"
real_server = [{ address = "198.51.100.11", thresholds = { upper = 9, lower = 5 } }]

[[virtual_server]]
name = "calls"
listen = "192.0.2.20:5060"
protocol = "udp"
persistence = { engine = "sip" }
real_server = [{ address = "198.51.100.11" }]

[[virtual_server]]
name = "tunnels"
listen = "192.0.2.30:443"
forward = "tunnel"
real_server = [
  { address = "198.51.100.11" },
  { address = "198.51.100.12", tunnel = { type = "gue", port = 6080, checksum = "full" } },
  { address = "198.51.100.13", tunnel = { type = "gre" } },
]

[[virtual_server]]
name = "marked"
fwmark = [7, 8]
family = "ipv6"
scheduler = "lblcr"
real_server = [{ address = "2001:db8:1::11" }]

[[virtual_server]]
name = "multi"
listen = "192.0.2.40:9"
protocol = "sctp"
scheduler = "sed"
forward = "direct"
real_server = [{ address = "198.51.100.11", forward = "nat" }, { address = "198.51.100.12" }]
`;

const LISTED = ["192.0.2.10:443", "192.0.2.10:80", "192.0.2.254:80", "192.0.2.255:80"];

const EXPECTED = [
  ...[...LISTED, "192.0.3.0:80", "192.0.3.1:80"].flatMap((service) => [
    `-A -t ${service} -s wrr`,
    `-a -t ${service} -r 198.51.100.11:${service.split(":")[1]} -m -w 4`,
    `-a -t ${service} -r 198.51.100.12:${service.split(":")[1]} -m -w 0`,
  ]),
  "-A -u [2001:db8::10]:53 -s mh -o -b mh-port",
  "-a -u [2001:db8::10]:53 -r [2001:db8:1::11]:5353 -m -w 1",
  "-A -t 192.0.2.20:0 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port",
  "-a -t 192.0.2.20:0 -r 198.51.100.11:0 -g -w 1",
  "-A -u 192.0.2.20:5060 -s wrr -p 360 --pe sip",
  "-a -u 192.0.2.20:5060 -r 198.51.100.11:5060 -m -w 1",
  "-A -t 192.0.2.30:443 -s wrr",
  "-a -t 192.0.2.30:443 -r 198.51.100.11:443 -i -w 1 --tun-type ipip",
  "-a -t 192.0.2.30:443 -r 198.51.100.12:443 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
  "-a -t 192.0.2.30:443 -r 198.51.100.13:443 -i -w 1 --tun-type gre --tun-nocsum",
  ...[7, 8].flatMap((mark) => [
    `-A -f ${mark} -6 -s lblcr`,
    `-a -f ${mark} -6 -r [2001:db8:1::11]:0 -m -w 1`,
  ]),
  "-A --sctp-service 192.0.2.40:9 -s sed",
  "-a --sctp-service 192.0.2.40:9 -r 198.51.100.11:9 -m -w 1",
  "-a --sctp-service 192.0.2.40:9 -r 198.51.100.12:9 -g -w 1",
];

lab(
  "every key of a virtual server is in the kernel's table, and goes with the agent",
  async (lab) => {
    const [host] = await lab.hostsNamed("d", "e");
    await lab.lan("net", [host]);
    const ipvsadm = async (...words: string[]) => (await host.exec(["ipvsadm", ...words])).trim();
    const table = async () => (await ipvsadm("-Sn")).split("\n").map((line) => line.trim()).sort();
    const setting = async (name: string) =>
      (await host.exec(["cat", `/proc/sys/net/ipv4/vs/${name}`])).trim();
    await ipvsadm("-Ln");
    const before = [await ipvsadm("-L", "--timeout"), await setting("conn_reuse_mode")];
    const agent = startHalb(lab, host, EVERYTHING);
    const expected = EXPECTED.toSorted();
    await lab.until(
      "the table is what is written",
      async () => {
        assert.deepEqual(await table(), expected);
        return true;
      },
      PATIENCE,
      200,
    );
    // Uthreshold and Lthreshold, which `-S` leaves out.
    assert.match(await ipvsadm("-Ln", "--thresholds"), /198\.51\.100\.11:0 +9 +5 /);
    // The table comes first.
    await lab.until(
      "what is beside the table is so, too, and told",
      async () => {
        const timeouts = await ipvsadm("-L", "--timeout");
        assert.equal(timeouts, "Timeout (tcp tcpfin udp): 660 60 180");
        const daemons = await ipvsadm("-L", "--daemon");
        assert.match(daemons, /^backup sync daemon \(mcast=eth0, syncid=9/);
        const names = ["expire_nodest_conn", "conn_reuse_mode", "sync_refresh_period"];
        const values = [];
        for (const name of names) values.push(await setting(name));
        assert.deepEqual(values, ["1", "0", "2"]);
        const { virtual_servers: servers } = await agent.status() as unknown as {
          virtual_servers: { name: string; active: boolean; quorum: { met: boolean } }[];
        };
        assert.deepEqual(servers.map(({ name, active, quorum }) => [name, active, quorum.met]), [
          ["list", true, true],
          ["six", true, true],
          ["persistent", true, true],
          ["calls", true, true],
          ["tunnels", true, true],
          ["marked", true, true],
          ["multi", true, true],
        ]);
        return true;
      },
      PATIENCE,
      200,
    );
    agent.reload(
      EVERYTHING.replace("default_weight = 4", "default_weight = 5")
        .replace(
          'name = "multi"\nlisten = "192.0.2.40:9"',
          'name = "multi"\nlisten = "192.0.2.41:9"',
        ),
    );
    const changed = expected.map((line) =>
      line.replace("-w 4", "-w 5").replace("192.0.2.40:9", "192.0.2.41:9")
    ).sort();
    await lab.until(
      "the table is what is written now",
      async () => {
        assert.deepEqual(await table(), changed);
        return true;
      },
      PATIENCE,
      200,
    );
    await agent.stop();
    assert.deepEqual(await table(), [""]);
    assert.equal(await ipvsadm("-L", "--daemon"), "");
    assert.deepEqual(
      [await ipvsadm("-L", "--timeout"), await setting("conn_reuse_mode")],
      before,
    );
  },
  OPTIONS,
);
