/**
 * Firewall marks and what IPVS makes of them: many addresses and ports are one service, by marks
 * that our table of nftables sets. This guest's nftables knows bridges only, so that the director's
 * leg to the client is a bridge and the table one of that family; what it looks up, and how, is the
 * same as in the family `inet` (tests/lab/marks_test.ts).
 */

import assert from "node:assert/strict";
import { openFirewall } from "../../mod/kernel/firewall_io.ts";
import { MARK_TABLE, MarkTable } from "../../mod/kernel/mark_table.ts";
import { inside, run, saved, server, tableOf, virtual } from "./lib.ts";
import { VIP4, VIP6, withNetwork } from "./network.ts";

const PORT = 8080;

/** Moves the director's leg to the client onto a bridge. */
function bridgeLeg(): void {
  run("ip", "-n", "d", "link", "add", "br0", "type", "bridge", "forward_delay", "0");
  const addresses = ["192.0.2.2/24", "2001:db8:1::2/64"];
  for (const last of [10, 11, 12, 13]) addresses.push(`192.0.2.${last}/32`);
  for (const last of ["10", "11"]) addresses.push(`2001:db8:1::${last}/128`);
  run("ip", "-n", "d", "address", "flush", "dev", "eth0");
  run("ip", "-n", "d", "link", "set", "eth0", "master", "br0");
  run("ip", "-n", "d", "link", "set", "br0", "up");
  for (const address of addresses) {
    run("ip", "-n", "d", "address", "add", address, "dev", "br0", "nodad");
  }
}

Deno.test("marks: ranges of addresses and ports of both families are one service each", () =>
  withNetwork("through-director", PORT, async (network) => {
    bridgeLeg();
    const table = new MarkTable(
      { firewall: () => openFirewall("d") },
      () => {},
      { ...MARK_TABLE, family: "bridge" },
    );
    try {
      const rule = { protocol: "tcp", port: 8000, lastPort: 8003 } as const;
      table.want([
        { ...rule, address: VIP4, last: "192.0.2.12", mark: 7 },
        { ...rule, address: VIP6, last: "2001:db8:1::11", mark: 7 },
      ]);
      table.settle(0);
      assert.equal(table.failure, "");
      assert.match(
        inside("d", "nft list ruleset"),
        /192\.0\.2\.10-192\.0\.2\.12 \. tcp \. 8000-8003 : 0x00000007/,
      );
      const settings = { scheduler: "rr" };
      const nat = { forward: "nat", port: PORT } as const;
      const servers = (prefix: string) => [11, 12, 13].map((n) => server(`${prefix}${n}`, nat));
      const outcome = network.director.converge(tableOf(
        virtual({ family: 4, mark: 7 }, servers("198.51.100."), settings),
        virtual({ family: 6, mark: 7 }, servers("2001:db8:2::"), settings),
      ));
      assert.deepEqual(outcome.failures.map(({ text }) => text), []);
      assert.deepEqual(saved().filter((line) => line.startsWith("-A")), [
        "-A -f 7 -6 -s rr",
        "-A -f 7 -s rr",
      ]);
      const turn = ["r1", "r2", "r3"];
      for (const [first, second] of [[VIP4, "192.0.2.12"], [VIP6, "2001:db8:1::11"]] as const) {
        // One service, so that turns go on across addresses and ports.
        const got = [
          ...await network.ask(first, 8000, 2),
          ...await network.ask(second, 8003, 2),
          ...await network.ask(first, 8001, 2),
        ];
        assert.deepEqual([got.slice(0, 3).sort(), got.slice(3).sort()], [turn, turn], first);
      }
      await assert.rejects(network.ask("192.0.2.13", 8000, 1), "beside the range");

      // Flushed by somebody else: clients are refused until it is put back.
      inside("d", "nft flush ruleset");
      await assert.rejects(network.ask(VIP4, 8000, 1));
      table.settle(1_000_000);
      assert.deepEqual([table.repairs, table.failure], [1, ""]);
      assert.equal((await network.ask(VIP4, 8000, 3)).length, 3);
    } finally {
      table.close(false);
    }
    assert.equal(inside("d", "nft list ruleset"), "");
  }));
