/**
 * Virtual MACs on real interfaces: what the wire, the neighbours and the switch see, and what is
 * left of it on the host.
 */

import assert from "node:assert/strict";
import { type Host, type Lab, lab, type Lan, startHalb } from "../lib/mod.ts";

/** A family, with what is virtual in it. */
interface Form {
  readonly name: string;
  readonly mac: string;
  readonly link: string;
  readonly addresses: readonly string[];
  /** The address that clients use. */
  readonly vip: string;
  /** How tshark knows packets that say where an address is. */
  readonly announcement: string;
}

const IPV4: Form = {
  name: "IPv4",
  mac: "00:00:5e:00:01:33",
  link: "vrrp.51",
  addresses: ["192.0.2.10/24"],
  vip: "192.0.2.10",
  announcement: "arp.src.proto_ipv4 == 192.0.2.10",
};

const IPV6: Form = {
  name: "IPv6",
  mac: "00:00:5e:00:02:33",
  link: "vrrp6.51",
  addresses: ["fe80::10/64", "2001:db8::10/64"],
  vip: "2001:db8::10",
  announcement: "icmpv6.type == 136 && icmpv6.nd.na.target_address == 2001:db8::10",
};

function site({ addresses }: Form, more = "virtual_mac = true"): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ${JSON.stringify(addresses)}
${more}
`;
}

/** Two routers and a client, all with addresses of the documentation prefixes. */
async function threeHosts(lab: Lab): Promise<{ a: Host; b: Host; client: Host; lan: Lan }> {
  const [a, b, client] = await lab.hostsNamed("a", "b", "c");
  const lan = await lab.lan("net", [a, b, client]);
  for (const [index, host] of [a, b, client].entries()) {
    await host.exec(["ip", "address", "add", `2001:db8::${index + 1}/64`, "dev", "eth0", "nodad"]);
  }
  return { a, b, client, lan };
}

/** The hardware address that a host has noted for an address; undefined: none. */
async function neighbour(host: Host, address: string): Promise<string | undefined> {
  const text = await host.exec(["ip", "-j", "neighbour", "show", "to", address]);
  const [entry] = JSON.parse(text || "[]") as { lladdr?: string }[];
  return entry?.lladdr;
}

const ping = (host: Host, address: string, ...more: string[]) =>
  host.exec(["ping", "-n", "-c", "1", "-W", "2", ...more, address]);

for (const form of [IPV4, IPV6]) {
  lab(
    `${form.name}: the virtual MAC is the source of adverts and answers, on both nodes`,
    async (lab) => {
      const { a, b, client, lan } = await threeHosts(lab);
      const capture = await lab.capture(lan);
      const first = startHalb(lab, a, site(form));
      await first.untilState("web", "master");
      await lab.until("a holds the address", () => a.holds(form.vip), 2000);
      const second = startHalb(lab, b, site(form));
      await second.untilState("web", "backup");
      await ping(client, form.vip);
      assert.equal(await neighbour(client, form.vip), form.mac);
      // What a node asks with the virtual address as its own must not teach another address.
      await a.tryExec(["ip", "neighbour", "flush", "all"]);
      await ping(a, form === IPV4 ? "192.0.2.3" : "2001:db8::3", "-I", form.vip);
      assert.equal(await neighbour(client, form.vip), form.mac);
      await first.stop();
      await second.untilState("web", "master");
      await lab.until("b holds the address", () => b.holds(form.vip), 2000);
      await ping(client, form.vip);
      assert.equal(await neighbour(client, form.vip), form.mac);
      assert.equal((await second.router("web")).sessions[0]!.counters.dropped.checksum ?? 0, 0);
      const adverts = await capture.packets("vrrp", [
        "eth.src",
        "ip.ttl",
        "ipv6.hlim",
        "_ws.malformed",
      ]);
      assert.ok(adverts.length > 5);
      for (const { fields } of adverts) {
        assert.equal(fields["eth.src"], form.mac);
        assert.equal(fields["ip.ttl"] || fields["ipv6.hlim"], "255");
        assert.equal(fields["_ws.malformed"], "");
      }
      const told = await capture.packets(form.announcement, ["eth.src"]);
      assert.ok(told.length >= 10, "both have announced it");
      assert.deepEqual([...new Set(told.map(({ fields }) => fields["eth.src"]))], [form.mac]);
      assert.doesNotMatch(first.log() + second.log(), /warning|error/);
      // The stopped one has left nothing.
      assert.equal((await a.tryExec(["ip", "link", "show", form.link])).code, 1);
    },
  );
}
