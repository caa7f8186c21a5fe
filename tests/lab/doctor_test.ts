/**
 * `halb doctor` on hosts that lack something, and a host without libnl: what it says, and that it
 * says it no longer when it is put right.
 */

import assert from "node:assert/strict";
import { inBareRoot } from "../lib/bare_root.ts";
import { halbPath, type Host, lab, startKeepalived } from "../lib/mod.ts";

const SITE = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
[[vrrp]]
name = "six"
interface = "eth0"
virtual_router_id = 52
addresses = ["fe80::10/64"]
[[bfd]]
name = "peer"
peer = "192.0.2.2"
source = "192.0.2.1"
interface = "eth0"
`;

interface Doctor {
  readonly code: number;
  readonly libnl: string | null;
  /** Codes of errors and warnings. */
  readonly found: readonly string[];
}

async function doctor(host: Host, path: string): Promise<Doctor> {
  const { code, stdout, stderr } = await host.tryExec([halbPath(), "doctor", path, "--json"]);
  assert.ok(code === 0 || code === 1, `exit code ${code}: ${stdout}${stderr}`);
  const { findings, libnl } = JSON.parse(stdout) as {
    readonly libnl: string | null;
    readonly findings: readonly { readonly code: string; readonly gravity: string }[];
  };
  const found = findings.filter(({ gravity }) => gravity !== "advice").map((one) => one.code);
  assert.equal(code, found.length === 0 ? 0 : 1);
  return { code, libnl, found: [...new Set(found)].sort() };
}

lab("doctor: each thing that is wrong is found, and no longer when it is right", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const path = `${lab.directory}/site.toml`;
  Deno.writeTextFileSync(path, SITE);
  // The kernel gives the link-local address a moment after the interface is up.
  await lab.until("nothing is wrong", async () => {
    assert.deepEqual(await doctor(a, path), { code: 0, libnl: "host", found: [] });
    return true;
  }, 10_000);

  const wrong = async (found: readonly string[], harm: string, cure: string) => {
    await a.exec(["sh", "-c", harm]);
    assert.deepEqual((await doctor(a, path)).found, found, harm);
    await a.exec(["sh", "-c", cure]);
    assert.deepEqual((await doctor(a, path)).found, [], cure);
  };
  await wrong(
    ["interface-missing"],
    "ip link set eth0 name other0",
    "ip link set other0 name eth0",
  );
  await wrong(
    ["no-source"],
    "sysctl -qw net.ipv6.conf.eth0.addr_gen_mode=1; ip -6 address flush dev eth0",
    "ip address add fe80::1/64 dev eth0 nodad",
  );
  await wrong(
    ["address-configured"],
    "ip address add 192.0.2.10/24 dev eth0",
    "ip address del 192.0.2.10/24 dev eth0",
  );
  const nft = "nft 'table inet f { chain input { type filter hook input priority 0; policy drop; " +
    "ct state established,related accept; iifname lo accept; tcp dport 22 accept; }; };'";
  await wrong(["firewall"], nft, "nft delete table inet f");
  await a.exec(["sh", "-c", nft]);
  assert.deepEqual((await doctor(a, path)).found, ["firewall"]);
  await a.exec(["nft", "add", "rule", "inet", "f", "input", "meta", "l4proto", "vrrp", "accept"]);
  await a.exec(["nft", "add", "rule", "inet", "f", "input", "udp", "dport", "3784", "accept"]);
  assert.deepEqual((await doctor(a, path)).found, []);

  const script = "import signal,socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); " +
    's.bind(("",3784)); print("bound",flush=True); signal.pause()';
  const holder = a.spawn(["python3", "-c", script]);
  await lab.until(
    "the port is taken",
    async () => (await doctor(a, path)).found.length > 0,
    10_000,
  );
  assert.deepEqual((await doctor(a, path)).found, ["port-taken"]);
  await holder.kill();

  startKeepalived(
    lab,
    a,
    "vrrp_instance x {\n state BACKUP\n interface eth0\n" +
      " virtual_router_id 99\n virtual_ipaddress {\n 192.0.2.77\n }\n}\n",
  );
  await lab.until(
    "keepalived is noticed",
    async () => (await doctor(a, path)).found.includes("other-daemon"),
    10_000,
  );
  // A check of the same file is about the file alone, unless the host is asked for.
  assert.equal((await a.tryExec([halbPath(), "check", path])).stdout.includes("keepalived"), false);
  const { code, stdout } = await a.tryExec([halbPath(), "check", path, "--host"]);
  assert.deepEqual([code, /warning: On this host: keepalived \(pid \d+\)/.test(stdout)], [0, true]);
});

lab(
  "a host that has the C library and halb alone uses the libnl in the binary",
  async (lab) => {
    const [a] = await lab.hostsNamed("a");
    const bare = inBareRoot(`${lab.directory}/root`, halbPath(), ["doctor", "--json"]);
    const { stdout, stderr } = await a.tryExec(bare);
    assert.notEqual(stdout, "", stderr);
    const { libnl, findings } = JSON.parse(stdout);
    assert.equal(libnl, "embedded", JSON.stringify(findings));
    assert.ok(!findings.some(({ code }: { readonly code: string }) => code === "libnl"));
  },
);
