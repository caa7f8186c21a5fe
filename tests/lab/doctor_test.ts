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

async function doctor(
  host: Host,
  path: string,
  listen: "listen" | "no-listen" = "no-listen",
): Promise<Doctor> {
  const command = [halbPath(), "doctor", path, "--json", `--${listen}`];
  const { code, stdout, stderr } = await host.tryExec(command);
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

/** One router, and nothing that has to wait long for an advert. */
const QUICK = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
advertisement_interval = "100ms"
addresses = ["192.0.2.10/24"]
`;

function keepalived(id: number, version: number, address: string): string {
  const interval = version === 2 ? 1 : 0.1;
  return `global_defs {\n vrrp_version ${version}\n}\nvrrp_instance x {\n state MASTER\n` +
    ` interface eth0\n virtual_router_id ${id}\n priority 200\n advert_int ${interval}\n` +
    ` virtual_ipaddress {\n ${address}/24\n }\n}\n`;
}

lab(
  "doctor hears other routers: another pair's id, ids that differ, adverts that are kept from us",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    const path = `${lab.directory}/site.toml`;
    Deno.writeTextFileSync(path, QUICK);
    const hears = (what: string, codes: readonly string[]) =>
      lab.until(what, async () => {
        const { found } = await doctor(a, path, "listen");
        return JSON.stringify(found) === JSON.stringify(codes);
      }, 20_000);
    await hears("nothing", []);

    const other = startKeepalived(lab, b, keepalived(51, 3, "192.0.2.77"));
    await hears("another pair", ["virtual-router-id-taken"]);
    await other.stop();
    const differs = startKeepalived(lab, b, keepalived(52, 3, "192.0.2.10"));
    await hears("the id differs", ["virtual-router-id-differs"]);
    await differs.stop();
    const same = startKeepalived(lab, b, keepalived(51, 3, "192.0.2.10"));
    // Before it is master there is nothing to be heard of it, which would prove nothing.
    await lab.until("b holds the address", () => b.holds("192.0.2.10"), 15_000);
    await hears("the other node of our own", []);
    // Something on the way keeps its adverts, and not its answers to ARP.
    await b.exec([
      "sh",
      "-c",
      "nft 'table netdev f { chain out { type filter hook egress device eth0 priority 0; " +
      "ip protocol 112 drop; }; }'",
    ]);
    await hears("its adverts are missing", ["adverts-missing"]);
    await b.exec(["nft", "delete", "table", "netdev", "f"]);
    await same.stop();
  },
);

lab(
  "doctor: what networkd says of an interface is found, in the first process's namespace",
  async (lab) => {
    const [a] = await lab.hostsNamed("a");
    await lab.lan("net", [a]);
    const path = `${lab.directory}/site.toml`;
    Deno.writeTextFileSync(path, QUICK);
    const script = `mount -t tmpfs none /run && mkdir -p /run/systemd/netif/links &&
    echo ADMIN_STATE=configured >/run/systemd/netif/links/$(cat /sys/class/net/eth0/ifindex) &&
    exec "$0" doctor "$1" --json --no-listen`;
    const apart = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", script];
    const { stdout, stderr } = await a.tryExec([...apart, halbPath(), path]);
    assert.notEqual(stdout, "", stderr);
    const { findings } = JSON.parse(stdout) as { readonly findings: readonly { code: string }[] };
    assert.ok(findings.some(({ code }) => code === "managed-interface"), stdout);
  },
);

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
