/**
 * Firewall marks that gather addresses and ports into one service of IPVS, as the kernel's
 * nftables sets them: every packet of a client counted by a table of the lab's own. What IPVS makes
 * of marks is shown in the guest (tests/kernel/marks_test.ts).
 */

import assert from "node:assert/strict";
import { MarkTable } from "../../mod/kernel/mark_table.ts";
import { openFirewall } from "../../mod/kernel/firewall_io.ts";
import type { MarkRule } from "../../mod/netlink/mod.ts";
import { type Host, lab } from "../lib/mod.ts";

const RULES: readonly MarkRule[] = [
  // Over the border of a /24, and ports that are no power of two.
  rule("tcp", "198.51.99.250", "198.51.100.5", 8000, 8010, 1000),
  rule("udp", "203.0.113.0", "203.0.113.255", 53, 53, 0xfffffffe),
  rule("tcp", "192.0.2.10", "192.0.2.10", 0, 65535, 7),
  rule("tcp", "2001:db8:1::10", "2001:db8:1::1:ffff", 80, 81, 1000),
  rule("sctp", "192.0.2.10", "192.0.2.10", 9, 9, 8),
];

function rule(
  protocol: MarkRule["protocol"],
  address: string,
  last: string,
  port: number,
  lastPort: number,
  mark: number,
): MarkRule {
  return { protocol, address, last, port, lastPort, mark };
}

/** Packets that came by with each mark, by a table of our own behind halb's. */
const WITNESS = `table inet witness {
  chain prerouting { type filter hook prerouting priority 0
    ip daddr 192.0.2.1 return
    meta l4proto { icmp, icmpv6 } return
    meta mark 1000 counter
    meta mark 7 counter
    meta mark 8 counter
    meta mark 0xfffffffe counter
    meta mark 0 counter
  }
  chain output { type filter hook output priority 0
    meta mark 1000 counter
  }
}
`;

async function counts(host: Host, chain: string): Promise<number[]> {
  const text = await host.exec(["nft", "list", "chain", "inet", "witness", chain]);
  return [...text.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
}

/** Each line a protocol, address, port: one packet to it. */
const SEND = `
import socket, sys
for line in sys.stdin.read().split("\\n"):
    if not line: continue
    protocol, address, port = line.split()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if protocol == "udp":
        socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", (address, int(port)))
    else:
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(5)
        try: s.connect((address, int(port)))
        except ConnectionRefusedError: pass
`;

async function send(host: Host, ...lines: readonly string[]): Promise<void> {
  const script = SEND.replace("sys.stdin.read()", JSON.stringify(lines.join("\n")));
  await host.exec(["python3", "-c", script]);
}

lab(
  "marks: ranges of addresses and ports of both families, as nft lists them and packets have them",
  async (lab) => {
    const [d, client] = await lab.hostsNamed("d", "client");
    await lab.lan("net", [d, client]);
    const local = ["198.51.99.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.0.2.10/32"];
    await d.exec(["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0"]);
    for (const network of local) {
      await d.exec(["ip", "route", "add", "local", network, "dev", "lo"]);
      await client.exec(["ip", "route", "add", network, "via", "192.0.2.1"]);
    }
    await d.exec(["ip", "-6", "route", "add", "local", "2001:db8:1::/64", "dev", "lo"]);
    for (const [host, address] of [[d, "2001:db8::1/64"], [client, "2001:db8::9/64"]] as const) {
      await host.exec(["ip", "address", "add", address, "dev", "eth0", "nodad"]);
    }
    await client.exec(["ip", "route", "add", "2001:db8:1::/64", "via", "2001:db8::1"]);

    const said: string[] = [];
    const table = new MarkTable(
      { firewall: () => openFirewall(d.namespace) },
      (_level, _category, text, fields) => void said.push(`${text} ${JSON.stringify(fields)}`),
    );
    try {
      table.want(RULES);
      table.settle(0);
      assert.equal(table.failure, "");
      const rules = await d.exec(["nft", "list", "ruleset"]);
      assert.match(rules, /table inet halb_ipvs \{/);
      assert.match(rules, /type ipv4_addr \. inet_proto \. inet_service : mark/);
      assert.match(
        rules,
        /198\.51\.99\.250-198\.51\.100\.5 \. tcp \. 8000-8010 : 0x000003e8/,
      );
      assert.match(rules, /203\.0\.113\.0\/24 \. udp \. 53 : 0xfffffffe/);
      assert.match(rules, /2001:db8:1::10-2001:db8:1::1:ffff \. tcp \. 80-81 : 0x000003e8/);
      assert.match(rules, /type filter hook prerouting priority mangle/);
      assert.match(rules, /type route hook output priority mangle/);

      await d.exec(["nft", WITNESS]);
      await send(
        client,
        "tcp 198.51.99.250 8000",
        "tcp 198.51.100.5 8010",
        "tcp 198.51.100.0 8004",
        "tcp 2001:db8:1::10 80",
        "tcp 2001:db8:1::1:ffff 81",
      );
      assert.deepEqual(await counts(d, "prerouting"), [5, 0, 0, 0, 0]);
      await send(client, "tcp 192.0.2.10 1", "tcp 192.0.2.10 65535", "udp 203.0.113.255 53");
      assert.deepEqual(await counts(d, "prerouting"), [5, 2, 0, 1, 0]);
      // One beside each end of everything, and the other protocol.
      await send(
        client,
        "tcp 198.51.99.249 8000",
        "tcp 198.51.100.6 8000",
        "tcp 198.51.100.1 7999",
        "tcp 198.51.100.1 8011",
        "tcp 2001:db8:1::f 80",
        "tcp 2001:db8:1::10 82",
        "udp 203.0.113.1 54",
        "udp 192.0.2.10 1",
      );
      assert.deepEqual(await counts(d, "prerouting"), [5, 2, 0, 1, 8]);
      // The director is a client of its own, too.
      await send(d, "tcp 198.51.100.1 8001");
      assert.equal((await counts(d, "output"))[0], 1);

      // A second, as time goes on in `settle`.
      await d.exec(["nft", "add", "table", "inet", "other"]);
      table.settle(1_000_000);
      assert.equal(table.repairs, 0, "tables of others are theirs");
      for (
        const [second, harm] of [
          ["nft", "flush", "ruleset"],
          ["nft", "delete", "table", "inet", "halb_ipvs"],
          ["nft", "flush", "chain", "inet", "halb_ipvs", "prerouting"],
          ["nft", "flush", "map", "inet", "halb_ipvs", "ipv6"],
          ["nft", "add", "table", "inet", "halb_ipvs", "{", "flags", "dormant", ";", "}"],
        ].entries()
      ) {
        await d.exec(harm);
        table.settle((second + 2) * 1_000_000);
        assert.deepEqual([table.repairs, table.failure], [second + 1, ""], harm.join(" "));
        const listed = await d.exec(["nft", "list", "table", "inet", "halb_ipvs"]);
        const plain = (text: string) => text.match(/table inet halb_ipvs \{[^]*?\n\}\n/)![0];
        assert.equal(plain(listed), plain(rules), harm.join(" "));
      }

      // A crash leaves it, and the next agent takes it over in one batch.
      table.close(true);
      const next = new MarkTable({ firewall: () => openFirewall(d.namespace) }, () => {});
      next.want(RULES.slice(0, 1));
      next.settle(0);
      assert.equal(next.failure, "");
      const fewer = await d.exec(["nft", "list", "ruleset"]);
      assert.equal(fewer.match(/0x[0-9a-f]{8}/g)!.length, 1);
      next.close(false);
      assert.doesNotMatch(await d.exec(["nft", "list", "ruleset"]), /halb/);
      assert.equal(said.length, 5, said.join("\n"));
    } finally {
      table.close(true);
    }
  },
);

lab("marks: ten thousand ranges are one batch, looked up in one step", async (lab) => {
  const [d] = await lab.hostsNamed("d");
  const table = new MarkTable({ firewall: () => openFirewall(d.namespace) }, () => {});
  const many = Array.from({ length: 10_000 }, (_, i) => {
    const address = `2001:db8:${(i >> 8).toString(16)}:${(i & 255).toString(16)}::1`;
    return rule("tcp", address, address.replace(/1$/, "9"), 80, 90, 1000 + i);
  });
  table.want(many);
  table.settle(0);
  assert.equal(table.failure, "");
  const listed = await d.exec(["nft", "list", "table", "inet", "halb_ipvs"]);
  assert.equal(listed.match(/tcp \. 80-90/g)!.length, 10_000);
  table.settle(1_000_000);
  assert.equal(table.repairs, 0);
  table.close(false);
});
