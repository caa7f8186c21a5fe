/**
 * Firewall marks and what IPVS makes of them: many addresses and ports are one service, by marks
 * that our table of nftables sets. This guest's nftables knows bridges only, so that the director's
 * leg to the client is a bridge and the table one of that family; what it looks up, and how, is the
 * same as in the family `inet` (tests/lab/marks_test.ts).
 */

import assert from "node:assert/strict";
import { planOf, reals, Rig, vip } from "./balancer_rig.ts";
import { inside, run, saved, server } from "./lib.ts";
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
    const ruleset = () => inside("d", "nft list ruleset");
    const rule = { protocol: "tcp", port: 8000, lastPort: 8003, mark: 7 } as const;
    const marks = [
      { ...rule, address: VIP4, last: "192.0.2.12" },
      { ...rule, address: VIP6, last: "2001:db8:1::11" },
    ];
    const ends = (prefix: string) =>
      [11, 12, 13].map((last) => {
        const [real] = reals([`r${last}`]);
        return { ...real!, server: server(`${prefix}${last}`, { port: PORT }) };
      });
    const all = (name: string, family: 4 | 6, prefix: string) => {
      const service = { ...vip(name, "", []).service, scheduler: "rr" };
      return vip(name, "", ends(prefix), { listen: [{ family, mark: 7 }], service });
    };
    const wanted = [all("four", 4, "198.51.100."), all("six", 6, "2001:db8:2::")];
    const rig = new Rig();
    rig.configure(planOf(wanted, { marks }));
    assert.deepEqual(rig.state().failures, []);
    assert.match(
      ruleset(),
      /192\.0\.2\.10-192\.0\.2\.12 \. tcp \. 8000-8003 : 0x00000007/,
    );
    assert.deepEqual(saved().filter((line) => line.startsWith("-A")), [
      "-A -f 7 -6 -s rr",
      "-A -f 7 -s rr",
    ]);
    const turn = ["r1", "r2", "r3"];
    for (const [first, second] of [[VIP4, "192.0.2.12"], [VIP6, "2001:db8:1::11"]] as const) {
      // One service, so that turns go on across addresses and ports.
      const got = [...await network.ask(first, 8000, 2), ...await network.ask(second, 8003, 1)];
      assert.deepEqual(got.sort(), turn, first);
    }
    await assert.rejects(network.ask("192.0.2.13", 8000, 1), "beside the range");

    // Flushed by somebody else: clients are refused until it is put back, within a second.
    const before = rig.state().repairs;
    inside("d", "nft flush ruleset");
    await assert.rejects(network.ask(VIP4, 8000, 1));
    rig.until("it is put back", () => rig.state().repairs > before);
    assert.equal((await network.ask(VIP4, 8000, 3)).length, 3);

    // Killed: table and marks go on. The next one has no use for the marks, and removes them.
    const note = rig.note()!;
    rig.balancer.close();
    assert.equal((await network.ask(VIP4, 8000, 1)).length, 1);
    const next = new Rig();
    next.configure(planOf([vip("web", VIP4, ends("198.51.100."))]), { balanceNote: note });
    assert.equal(ruleset(), "");
    assert.deepEqual(saved().filter((line) => line.startsWith("-A")).length, 1);

    // A reload that brings them back, and the end.
    next.configure(planOf(wanted, { marks: marks.slice(0, 1) }));
    assert.match(ruleset(), /0x00000007/);
    next.stop();
    assert.equal(ruleset(), "");
  }));
