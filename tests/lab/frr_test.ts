/** halb beside FRR's vrrpd, in both roles. */

import assert from "node:assert/strict";
import { adverts, longestDoubleMaster } from "../lib/adverts.ts";
import { type FrrRouter, startFrr } from "../lib/frr.ts";
import { lab, startHalb } from "../lib/mod.ts";

interface Form {
  readonly name: string;
  /** Addresses for site.toml. */
  readonly addresses: readonly string[];
  readonly frr: Pick<FrrRouter, "ipv4" | "ipv6">;
  readonly family: "v4" | "v6";
}

const FORMS: readonly Form[] = [{
  name: "IPv4",
  addresses: ["192.0.2.10/24"],
  frr: { ipv4: ["192.0.2.10/24"] },
  family: "v4",
}, {
  name: "IPv6",
  addresses: ["fe80::10/64", "2001:db8::10/64"],
  frr: { ipv6: ["fe80::10/64", "2001:db8::10/64"] },
  family: "v6",
}];

function site(form: Form, priority: number): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = ${priority}
advertisement_interval = "100ms"
addresses = ${JSON.stringify(form.addresses)}
`;
}

for (const form of FORMS) {
  lab(`FRR, ${form.name}: mastership follows the priority both ways`, async (lab) => {
    const [halbHost, frrHost] = await lab.hostsNamed("h", "f");
    const lan = await lab.lan("net", [halbHost, frrHost]);
    const capture = await lab.capture(lan, "ip proto 112 or ip6 proto 112");
    const router = { virtualRouterId: 51, priority: 100, intervalMs: 100, ...form.frr };
    const frr = await startFrr(lab, frrHost, router);
    const untilFrr = (state: string) =>
      lab.until(`vrrpd is ${state}`, async () => {
        const found = (await frr.state())[form.family];
        if (found === state) return true;
        throw new Error(`it is ${found}`);
      }, 10_000);
    await untilFrr("Master");
    // halb has the higher priority: it preempts, and FRR yields.
    const halb = startHalb(lab, halbHost, site(form, 150));
    await halb.untilState("web", "master");
    await untilFrr("Backup");
    const { sessions } = await halb.router("web");
    assert.ok(sessions[0]!.counters.advertisements_received > 0);
    assert.deepEqual(Object.values(sessions[0]!.counters.dropped).filter((n) => n > 0), []);
    // It leaves: FRR takes over, and halb comes back as its backup with a lower priority.
    await halb.stop();
    await untilFrr("Master");
    const again = startHalb(lab, halbHost, site(form, 50));
    await again.untilState("web", "backup");
    await lab.until("it follows FRR", async () => {
      return (await again.router("web")).sessions[0]!.master?.priority === 100;
    }, 5000);
    // FRR resigns when it is stopped; halb follows.
    await frr.stop();
    await again.untilState("web", "master", 3000);
    assert.doesNotMatch(frr.log(), /invalid|bad checksum|mismatch|dropping/i);
    assert.equal(longestDoubleMaster(await adverts(capture)), 0);
  });
}
