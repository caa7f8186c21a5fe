/** Virtual servers where the kernel has no IPVS, as the machine of the labs: what is said and done. */

import assert from "node:assert/strict";
import { type HalbAgent, type Host, lab, runHalb, startHalb } from "../lib/mod.ts";

const SERVERS = `
[[virtual_server]]
name = "web-http"
listen = "192.0.2.10:80"

[[virtual_server.real_server]]
address = "198.51.100.11:8080"
`;

const ROUTER = `
[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24"]
`;

/** What of a status is about IPVS. */
interface IpvsPart {
  readonly ipvs: { readonly trouble: string | null };
  readonly virtual_servers: readonly { readonly name: string; readonly active: boolean }[];
}

async function hasIpvs(host: Host): Promise<boolean> {
  return (await host.tryExec(["ipvsadm", "-Ln"])).code === 0;
}

lab("an agent for virtual servers alone ends with 4, and says what is missing", async (lab) => {
  const [host] = await lab.hostsNamed("a", "b");
  // Where the kernel has it, the labs of the guest show more.
  if (await hasIpvs(host)) return;
  const agent = startHalb(lab, host, SERVERS);
  const { code } = await agent.process.exited;
  assert.equal(code, 4, agent.log());
  assert.match(agent.log(), /there are virtual servers alone, and IPVS does not work: /);
});

lab("one that has routers goes on, and status says what does not work", async (lab) => {
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  if (await hasIpvs(hosts[0])) return;
  const agent: HalbAgent = startHalb(lab, hosts[0], ROUTER + SERVERS);
  await agent.untilState("web", "master");
  const status = await agent.status() as unknown as IpvsPart;
  assert.match(status.ipvs.trouble ?? "", /ip_vs|IPVS/);
  assert.deepEqual(status.virtual_servers.map(({ name }) => name), ["web-http"]);
  const { stdout } = await runHalb(["status", "--control", agent.controlPath]);
  assert.match(stdout, /IPVS does not work: /);
  // An order is kept for the time when it does.
  const order = ["drain", "web-http", "198.51.100.11:8080", "--no-wait"];
  assert.equal((await runHalb([...order, "--control", agent.controlPath])).code, 0);
  assert.equal((await agent.stop()).code, 0);
});
