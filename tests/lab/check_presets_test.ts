/**
 * Ready questions over UDP (`preset`), asked by the agent: real servers are believed (chrony,
 * freeradius, kamailio, the QUIC of Deno), those that are not well or say something else are not.
 */

import assert from "node:assert/strict";
import { type HalbAgent, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { statusOf, webSite } from "./agent_helpers.ts";
import { makeCertificates, write } from "./check_helpers.ts";

const SERVER = "192.0.2.2";
const NOISE = 9000;
const ECHO = 9001;

/** It never touches the clock (-x), and is synchronised by its own word, or not at all. */
const chrony = (port: number, directory: string, local: string) =>
  `port ${port}
cmdport 0
bindcmdaddress /
pidfile ${directory}/chrony-${port}.pid
allow
${local}
`;

const RADIUS = (directory: string) =>
  `run_dir = ${directory}
libdir = /usr/lib/freeradius
max_request_time = 5
security {
  status_server = yes
}
client probe {
  ipaddr = 192.0.2.1
  secret = "the right one"
}
modules {
}
server default {
  listen {
    type = auth
    ipaddr = ${SERVER}
    port = 1812
  }
  authorize {
  }
}
`;

const KAMAILIO = `listen=udp:${SERVER}:5060
listen=udp:${SERVER}:5070
children=1
disable_tcp=yes
auto_aliases=no
loadmodule "sl.so"
request_route {
  if (dst_port == 5070) {
    sl_send_reply("503", "Maintenance");
    exit;
  }
  sl_send_reply("200", "Here");
  exit;
}
`;

const QUIC = (directory: string) =>
  `const endpoint = new Deno.QuicEndpoint({ hostname: "${SERVER}", port: 443 });
const read = (name) => Deno.readTextFileSync("${directory}/www." + name);
endpoint.listen({ cert: read("pem"), key: read("key"), alpnProtocols: ["h3"] });
setInterval(() => {}, 1e6);
`;

/** Noise from one port; from the other, what has been said. */
const BROKEN = `
import socket, threading
def serve(port, answer):
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); bound.bind(("${SERVER}", port))
    while True:
        data, sender = bound.recvfrom(2000)
        bound.sendto(answer(data), sender)
threading.Thread(target=serve, args=(${NOISE}, lambda data: bytes(range(200))), daemon=True).start()
serve(${ECHO}, lambda data: data)
`;

async function startServers(lab: Lab, host: Host): Promise<void> {
  const { directory } = await makeCertificates(lab);
  // A copy: where there is AppArmor, the one that is installed may read its own files alone.
  const daemon = `${directory}/chronyd`;
  Deno.copyFileSync("/usr/sbin/chronyd", daemon);
  for (const [port, local] of [[123, "local stratum 7"], [1123, ""]] as const) {
    const config = write(lab, `chrony-${port}.conf`, chrony(port, directory, local));
    host.spawn([daemon, "-d", "-x", "-u", "root", "-f", config], { name: `chrony-${port}` });
  }
  const radius = `${directory}/radius`;
  Deno.mkdirSync(radius);
  Deno.writeTextFileSync(`${radius}/radiusd.conf`, RADIUS(radius));
  host.spawn(["freeradius", "-f", "-l", "stdout", "-d", radius], { name: "freeradius" });
  const routes = write(lab, "kamailio.cfg", KAMAILIO);
  const sip = ["kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-Y", directory, "-f", routes];
  host.spawn(sip, { name: "kamailio" });
  const quic = write(lab, "quic.js", QUIC(directory));
  host.spawn([Deno.execPath(), "run", "-A", "--unstable-net", quic], { name: "quic" });
  host.spawn(["/usr/bin/python3", write(lab, "broken.py", BROKEN)], { name: "broken" });
  const ports = [123, 443, 1123, 1812, 5060, 5070, NOISE, ECHO];
  await lab.until("all servers listen", async () => {
    const shown = await host.exec(["ss", "-Hlun"]);
    const missing = ports.filter((port) => !new RegExp(`:${port}\\s`).test(shown));
    assert.deepEqual(missing, []);
    return true;
  }, 30_000);
}

const SECRET = 'secret = "the right one"';

/** Keys of each check, whether it passes, and why. */
const CHECKS: Readonly<Record<string, readonly [keys: string, healthy: boolean, reason: RegExp]>> =
  {
    "ntp": ['preset = "ntp"', true, /^synchronised, of stratum 7$/],
    "ntp-alone": ['preset = "ntp"\nport = 1123', false, /^the server is not synchronised/],
    "ntp-noise": [`preset = "ntp"\nport = ${NOISE}`, false, /^the reply is not NTP: 000102/],
    "ntp-echo": [`preset = "ntp"\nport = ${ECHO}`, false, /^the reply is not NTP: 2300/],
    "quic": ['preset = "quic"', true, /^QUIC .*\b1\b/],
    "quic-noise": [`preset = "quic"\nport = ${NOISE}`, false, /^the reply is no list of QUIC's/],
    "quic-echo": [`preset = "quic"\nport = ${ECHO}`, false, /^the reply is no list of QUIC's/],
    "radius": [`preset = "radius"\n${SECRET}`, true, /^Access-Accept$/],
    "radius-other": [
      'preset = "radius"\nsecret = "another"',
      false,
      /^no reply in time: so does a server that has another secret/,
    ],
    "radius-noise": [
      `preset = "radius"\n${SECRET}\nport = ${NOISE}`,
      false,
      /is not RADIUS|another/,
    ],
    "radius-echo": [
      `preset = "radius"\n${SECRET}\nport = ${ECHO}`,
      false,
      /^the reply is not signed with our secret$/,
    ],
    "radius-closed": [`preset = "radius"\n${SECRET}\nport = 9009`, false, /^port unreachable$/],
    "sip": ['preset = "sip"', true, /^SIP status 200$/],
    "sip-busy": ['preset = "sip"\nport = 5070', false, /^SIP status 503$/],
    "sip-wanted": ['preset = "sip"\nport = 5070\nstatus = [503]', true, /^SIP status 503$/],
    "sip-noise": [`preset = "sip"\nport = ${NOISE}`, false, /^the reply is not SIP: "/],
    "sip-echo": [`preset = "sip"\nport = ${ECHO}`, false, /^the reply is not SIP: "OPTIONS sip:/],
  };

const SITE = `[defaults.check]
interval = "1s"
timeout = "900ms"

${
  webSite(
    "1s",
    `track.checks = [${
      Object.keys(CHECKS).map((name) => `{ name = "${name}", weight = -1 }`).join(", ")
    }]`,
  )
}
${
  Object.entries(CHECKS).map(([name, [keys]]) =>
    `[[check]]\nname = "${name}"\ntype = "udp"\naddress = "${SERVER}"\n${keys}\n`
  ).join("\n")
}`;

async function verdicts(agent: HalbAgent): Promise<Record<string, [boolean | null, string]>> {
  const { checks } = await statusOf(agent);
  return Object.fromEntries(checks.map(({ name, healthy, reason }) => [name, [healthy, reason]]));
}

lab(
  "presets: real servers pass; silence, noise, echoes and those that are not well fail",
  async (lab) => {
    const [a, server] = await lab.hostsNamed("a", "server");
    await lab.lan("net", [a, server]);
    await server.sysctl("net.ipv4.icmp_ratemask", "0");
    await startServers(lab, server);
    const agent = startHalb(lab, a, SITE);
    await lab.until("all stand as they should", async () => {
      const found = await verdicts(agent);
      const wrong = Object.entries(CHECKS).filter(([name, [, healthy, reason]]) => {
        const [stands, why] = found[name] ?? [null, ""];
        return stands !== healthy || !reason.test(why);
      }).map(([name]) => [name, found[name]]);
      assert.deepEqual(wrong, []);
      return true;
    }, 30_000);
    const shown = agent.log() + JSON.stringify(await statusOf(agent));
    assert.ok(!shown.includes("the right one"), "nobody is told the secret");
  },
);
