/** Addresses that accept nothing: what nftables is told, and what follows when it refuses. */

import assert from "node:assert/strict";
import { blockedOf, Blocklist } from "../../../mod/kernel/blocklist.ts";
import { splitMessages } from "../../../mod/netlink/mod.ts";
import { ModelSockets } from "./model_sockets.ts";
import { Rig, router } from "./rig.ts";

const WEB = { address: "192.0.2.10", interface: "eth0" };
const SIX = { address: "2001:db8::10", interface: "eth0" };

/** Messages of a batch, by number: 0 table, 2 its deletion, 3 chain, 6 rule, 9 set, 12 elements. */
function kinds(batch: Uint8Array): number[] {
  return splitMessages(batch).messages.map(({ type }) => type >> 8 === 10 ? type & 0xff : -type);
}

Deno.test("[V7-10] the whole list is exchanged at once, between two brackets", () => {
  const io = new ModelSockets();
  const list = new Blocklist(io, "halb_7", () => {});
  assert.equal(list.deadline, Infinity, "nothing is wanted");
  list.want([WEB]);
  assert.equal(list.deadline, 0);
  assert.equal(list.settle(5), false);
  const { batches } = io.firewalls[0]!;
  assert.deepEqual(kinds(batches[0]!), [-0x10, 0, 3, 9, 12, 6, -0x11]);
  assert.equal(list.deadline, Infinity);
  list.settle(6);
  assert.equal(batches.length, 1, "said once");
  list.want([WEB, SIX]);
  list.settle(7);
  assert.deepEqual(kinds(batches[1]!), [-0x10, 2, 0, 3, 9, 12, 6, 9, 12, 6, 6, -0x11]);
});

Deno.test("nothing wanted closes the socket, and the table goes with it", () => {
  const io = new ModelSockets();
  const list = new Blocklist(io, "halb_7", () => {});
  list.want([WEB]);
  list.settle(0);
  list.want([]);
  list.settle(1);
  assert.equal(io.firewalls[0]!.closed, true);
  list.want([WEB]);
  list.settle(2);
  assert.equal(io.firewalls.length, 2);
  assert.deepEqual(kinds(io.firewalls[1]!.batches[0]!).slice(0, 2), [-0x10, 0]);
});

Deno.test("a refusal is said, kept, and tried again after five seconds", () => {
  const io = new ModelSockets();
  io.firewallErrno = 95;
  const list = new Blocklist(io, "halb_7", () => {});
  list.want([WEB]);
  assert.equal(list.settle(1000), true);
  assert.match(list.failure, /nftables: EOPNOTSUPP.*Linux 5\.12/);
  assert.equal(list.deadline, 5_001_000);
  assert.equal(list.settle(2000), false);
  io.firewallErrno = 0;
  assert.equal(list.settle(5_001_000), true);
  assert.equal(list.failure, "");
});

Deno.test("a socket that cannot be had is a failure like any other", () => {
  const io = {
    firewall() {
      throw new Error("socket: EPROTONOSUPPORT");
    },
  };
  const list = new Blocklist(io, "halb_7", () => {});
  list.want([WEB]);
  assert.equal(list.settle(0), true);
  assert.equal(list.failure, "nftables: socket: EPROTONOSUPPORT");
});

Deno.test("thousands of addresses are put in parts into one batch", () => {
  const io = new ModelSockets();
  const list = new Blocklist(io, "halb_7", () => {});
  list.want(
    Array.from({ length: 1200 }, (_, i) => ({ address: `2001:db8::${i}`, interface: "e" })),
  );
  list.settle(0);
  assert.deepEqual(
    kinds(io.firewalls[0]!.batches[0]!),
    [-0x10, 0, 3, 9, 12, 12, 12, 6, 6, -0x11],
  );
});

Deno.test("each address of routers that accept nothing, once", () => {
  const closed = { ...router("web", ["192.0.2.10", "192.0.2.11"]), accept: false } as const;
  const again = { ...router("lan", ["192.0.2.11"]), accept: false } as const;
  const open = router("open", ["192.0.2.12"]);
  assert.deepEqual(blockedOf([closed, again, open]).map(({ address }) => address), [
    "192.0.2.10",
    "192.0.2.11",
  ]);
});

Deno.test("the plane blocks before it holds, and reports what is open", () => {
  const rig = new Rig();
  rig.kernel.link("eth0");
  rig.kernel.firewallErrno = 95;
  rig.configure([{ ...router("web", ["192.0.2.10"]), accept: false }]);
  rig.hold("web");
  assert.match(rig.report("web").open ?? "", /EOPNOTSUPP/);
  rig.kernel.firewallErrno = 0;
  rig.run(6_000_000);
  assert.equal(rig.report("web").open, undefined);
  assert.deepEqual(rig.report("web").present, ["192.0.2.10"]);
});
