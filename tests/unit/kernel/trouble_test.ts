/** A kernel that refuses, withholds or cannot: what fails stays alone, is tried again, and spins never. */

import { strict as assert } from "node:assert";
import { type Encode, Requester } from "../../../mod/kernel/requester.ts";
import { NamespaceView } from "../../../mod/kernel/view.ts";
import {
  AF_INET6,
  NLMSG_ERROR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  splitMessages,
} from "../../../mod/netlink/mod.ts";
import { ModelSockets } from "./model_sockets.ts";
import { errorMessage } from "./model_messages.ts";
import { held, Rig, router } from "./rig.ts";

const SECOND = 1_000_000;
const ENOMEM = 12;

/** A master with one address on eth0. */
function master(): { rig: Rig; eth0: number } {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([router("web", ["192.0.2.10/24"])]);
  rig.hold("web");
  return { rig, eth0 };
}

Deno.test("tables that cannot be read after an overrun: what was known counts, leases go on", () => {
  for (const type of [RTM_GETLINK, RTM_GETADDR]) {
    const { rig, eth0 } = master();
    rig.kernel.overrun();
    rig.kernel.refusals.push(...Array.from({ length: 20 }, () => ({ type, errno: ENOMEM })));
    rig.run(10 * SECOND);
    assert(rig.interface("eth0") !== undefined, "the interface has not gone");
    assert(rig.kernel.has(eth0, "192.0.2.10"), "the lease was refreshed");
    assert.equal(rig.report("web").repairs, 0);
    assert.deepEqual(rig.kernel.refusals, [], "it was tried until it went well");
    rig.kernel.changeLink(eth0, { name: "lan" });
    rig.run(SECOND);
    assert.equal(rig.interface("eth0"), undefined, "and now it is known how things stand");
  }
});

Deno.test("IPv6 addresses that cannot be read for want of memory have not gone", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "fe80::1", 64);
  rig.configure([]);
  assert.deepEqual(rig.interface("eth0")?.ipv6, ["fe80::1"]);
  rig.kernel.overrun();
  rig.kernel.refusals.push({ type: RTM_GETADDR, errno: ENOMEM, family: AF_INET6 });
  rig.run(SECOND);
  assert.deepEqual(rig.interface("eth0")?.ipv6, ["fe80::1"]);
});

Deno.test("routes that cannot be read keep no address from its interface", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  const route = {
    to: "203.0.113.0/24",
    type: "unicast",
    table: 254,
    hops: [{ interface: "eth0" }],
  };
  rig.configure([router("web", ["192.0.2.10"], { routes: [route as never] })]);
  rig.kernel.refusals.push(
    ...Array.from({ length: 10 }, () => ({ type: RTM_GETROUTE, errno: ENOMEM })),
  );
  rig.kernel.changeLink(eth0, { mtu: 1400 });
  rig.hold("web");
  assert(rig.kernel.has(eth0, "192.0.2.10"));
  rig.run(5 * SECOND);
  assert(rig.kernel.routes.some(({ destination }) => destination === "203.0.113.0"));
});

Deno.test("what cannot be asked for is refused alone", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  const nonsense = { to: "nonsense/24", type: "unicast", table: 254, hops: [] };
  rig.configure([
    router("bad", ["192.0.2.9"], { slot: 1, routes: [nonsense as never] }),
    router("web", ["192.0.2.10", { ...held("192.0.2.11"), broadcast: "nonsense" }]),
  ]);
  rig.hold("bad", 1, 1);
  rig.hold("web");
  rig.run(10 * SECOND);
  assert(rig.kernel.has(eth0, "192.0.2.9"));
  assert(rig.kernel.has(eth0, "192.0.2.10"));
  assert.match(rig.report("bad").routes!.failed[0]!.reason, /not a network/);
  assert.match(rig.report("web").failed[0]!.reason, /"nonsense": not an IP address/);
});

Deno.test("a namespace that nobody wants any more is left clean, however much is in it", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  const texts = Array.from({ length: 300 }, (_, i) => `198.51.${100 + (i >> 8)}.${i & 255}`);
  rig.configure([router("web", texts, { lease: 0 })]);
  rig.hold("web");
  rig.run(SECOND);
  assert(rig.kernel.has(eth0, texts.at(-1)!));
  rig.kernel.cost = 1000;
  rig.configure([], []);
  rig.run(SECOND);
  assert.equal(rig.kernel.addresses.length, 0);
});

Deno.test("requests: sequence numbers begin anew without losing an answer", () => {
  const io = new ModelSockets();
  const answers: Uint8Array[] = [];
  const requester = new Requester({
    send: (bytes) => {
      for (const { sequence } of splitMessages(bytes).messages) {
        answers.push(errorMessage(sequence, 0));
      }
    },
    receive: () => answers.shift() ?? io.receive(),
  }, 0x7ffe_ffff - 5);
  const errnos: number[] = [];
  const requests = Array.from({ length: 20 }, (): Encode => (writer, sequence) => {
    writer.begin(NLMSG_ERROR, 0, sequence).end();
  });
  requester.transact(requests, (_, { errno }) => errnos.push(errno));
  assert.deepEqual(errnos, Array.from({ length: 20 }, () => 0));
});

Deno.test("the view forgets all of an interface that is gone", () => {
  const view = new NamespaceView();
  const link = { family: 0, index: 7, name: "eth0" } as Parameters<NamespaceView["putLink"]>[0];
  view.putLink(link);
  view.putForwarding(7, true);
  view.removeLink(link);
  assert.equal(view.forwards(7), false);
});
