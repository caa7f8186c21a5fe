/**
 * What `halb doctor` says of a kernel that has IPVS, and an agent without libnl on its host: it
 * drives the kernel's table by the one that its binary carries.
 */

import assert from "node:assert/strict";
import { halbPath, lab } from "../lib/mod.ts";
import { inBareRoot } from "../lib/bare_root.ts";
import { PATIENCE, untilEntries } from "./balance.ts";
import { saved } from "./lib.ts";

const SITE = `[[virtual_server]]
name = "web"
listen = "192.0.2.10:80"
scheduler = "sed"
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
[[virtual_server]]
name = "other"
listen = "192.0.2.10:81"
scheduler = "twos"
[[virtual_server.real_server]]
address = "198.51.100.12"
forward = "direct"
[static]
addresses = [{ address = "192.0.2.10/32", interface = "lo" }]
`;

interface Finding {
  readonly code: string;
  readonly gravity: string;
  readonly message: string;
}

lab("doctor: the scheduler that this kernel lacks, forwarding, ways to servers", async (lab) => {
  const [d] = await lab.hostsNamed("d");
  const path = `${lab.directory}/site.toml`;
  Deno.writeTextFileSync(path, SITE);
  const found = async () => {
    const { stdout } = await d.tryExec([halbPath(), "doctor", path, "--json", "--no-listen"]);
    const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] };
    return findings.filter(({ gravity }) => gravity !== "advice");
  };
  const all = await found();
  const codes = (findings: readonly Finding[]) => findings.map(({ code }) => code).sort();
  assert.deepEqual(codes(all), ["module-missing", "no-forwarding", "no-route", "no-route"]);
  assert.match(all.find(({ code }) => code === "module-missing")!.message, /ip_vs_twos/);
  await d.sysctl("net.ipv4.ip_forward", "1");
  await d.exec(["ip", "link", "add", "eth1", "type", "dummy"]);
  await d.exec(["ip", "address", "add", "198.51.100.1/24", "dev", "eth1"]);
  await d.exec(["ip", "link", "set", "eth1", "up"]);
  assert.deepEqual(codes(await found()), ["module-missing"]);
});

lab("an agent on a host without libnl balances by the one in its binary", async (lab) => {
  const [d] = await lab.hostsNamed("d");
  const root = `${lab.directory}/root`;
  Deno.mkdirSync(root);
  const site = SITE.replace('"twos"', '"rr"') +
    '[agent]\ncontrol = "/run/control.sock"\nstate_directory = "/var/lib/halb"\n';
  Deno.writeTextFileSync(`${root}/site.toml`, site);
  const agent = d.spawn(inBareRoot(root, halbPath(), ["run", "--config", "/site.toml"]));
  await untilEntries(4, d.namespace, PATIENCE);
  assert.deepEqual(saved(d.namespace).filter((line) => line.startsWith("-A")), [
    "-A -t 192.0.2.10:80 -s sed",
    "-A -t 192.0.2.10:81 -s rr",
  ]);
  const maps = Deno.readTextFileSync(`/proc/${agent.pid}/maps`);
  assert.match(maps, /memfd:libnl-genl-3\.so\.200/);
  assert.doesNotMatch(maps, /\/libnl-3\.so/);
  await agent.stop(PATIENCE);
  assert.deepEqual(saved(d.namespace), []);
});
