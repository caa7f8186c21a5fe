/** How agents beside each other find each other, and what they must not share. */

import assert from "node:assert/strict";
import { loadSite, type SiteConfig, systemOptions } from "../../../config/mod.ts";
import {
  AF_UNIX,
  bindSocket,
  closeDescriptor,
  connectSocket,
  listenSocket,
  openSocket,
  SOCK_STREAM,
  sockaddrUn,
} from "../../../ffi/mod.ts";
import { claimantsIn, holderOf, nameOfClaim, readClaims } from "../../../mod/agent/claimants.ts";
import { Claimed, Claims, namespacesOf } from "../../../mod/agent/claims.ts";
import { until } from "../../lib/process.ts";
import { conflictsOf, type OtherStatus, othersThan } from "../../../mod/agent/neighbours.ts";

Deno.test("a table of Unix sockets: claims with their control sockets, and nothing else", () => {
  const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 25001 @halb/112
0000000000000000: 00000002 00000000 00000000 0001 01 25002 @halb/112/4711/run/halb/control.sock
0000000000000000: 00000002 00000000 00010000 0001 01 25003 /run/@halb/113
0000000000000000: 00000002 00000000 00010000 0001 01 25004 @halb/x
0000000000000000: 00000002 00000000 00010000 0001 01 25005 @halb/126
0000000000000000: 00000002 00000000 00000000 0001 01 25006 @halb/126/9
0000000000000000: 00000003 00000000 00000000 0001 03 25007
`;
  assert.deepEqual(readClaims(table), [
    { protocol: 112, controls: new Map([[4711, "/run/halb/control.sock"]]) },
    { protocol: 126, controls: new Map([[9, ""]]) },
  ]);
  assert.deepEqual(readClaims(""), []);
});

Deno.test("a number has one agent in a namespace, and is free when that ends", () => {
  const agent = { protocol_number: 175, instance: "unit-a", control: "/run/unit/a.sock" };
  const first = new Claims(agent);
  const second = new Claims({ ...agent, control: "/run/unit/b.sock" });
  try {
    first.take([""]);
    first.take([""]);
    const seen = claimantsIn("").filter(({ protocol }) => protocol === 175);
    assert.deepEqual(seen, [{ protocol: 175, pid: Deno.pid, control: agent.control }]);
    assert.throws(
      () => second.take([""]),
      (error) => error instanceof Claimed && error.message.includes(`process ${Deno.pid}`),
    );
    first.close();
    second.take([""]);
    first.close();
  } finally {
    first.close();
    second.close();
  }
  assert.equal(claimantsIn("").some(({ protocol }) => protocol === 175), false);
});

Deno.test("a claim whose owner has too many callers to be asked keeps a second one out", () => {
  const name = sockaddrUn(nameOfClaim(174));
  const sockets: number[] = [];
  const open = () => {
    const fd = openSocket(AF_UNIX, SOCK_STREAM, 0);
    sockets.push(fd);
    return fd;
  };
  const late = new Claims({
    protocol_number: 174,
    instance: "unit-b",
    control: "/run/unit/c.sock",
  });
  try {
    const owner = open();
    bindSocket(owner, name);
    assert.equal(holderOf(174), "nobody");
    listenSocket(owner, 2);
    assert.equal(holderOf(174), Deno.pid);
    while (holderOf(174) !== "busy") connectSocket(open(), name);
    assert.deepEqual(claimantsIn("").filter(({ protocol }) => protocol === 174), [
      { protocol: 174, pid: 0 },
    ]);
    assert.throws(
      () => late.take([""]),
      (error) => error instanceof Claimed && error.message.includes("more callers than he answers"),
    );
  } finally {
    late.close();
    sockets.forEach(closeDescriptor);
  }
});

Deno.test("what a reload takes beside is had in all namespaces or in none, and let go again", () => {
  const agent = { protocol_number: 173, instance: "unit-c", control: "/run/unit/d.sock" };
  const first = new Claims(agent);
  const second = new Claims({ ...agent, control: "/run/unit/e.sock" });
  const seen = () => claimantsIn("").find(({ protocol }) => protocol === 173)?.control;
  try {
    first.take(["no-such-namespace"]);
    assert.equal(seen(), undefined);
    second.take([""]);
    assert.throws(() => first.take(["no-such-namespace", ""]), Claimed);
    second.keep([]);
    assert.equal(seen(), undefined);
    first.take([""]);
    assert.equal(seen(), agent.control);
    // As the other one sees it: of its number, and not itself.
    const site = (control: string, protocol_number: number) =>
      ({ agent: { control, protocol_number }, vrrp: [], bfd: [] }) as unknown as SiteConfig;
    const others = (control: string, number: number) =>
      othersThan(site(control, number)).filter(({ protocol }) => protocol === 173).length;
    assert.equal(others("/run/unit/e.sock", 173), 1, "its number, at another place");
    assert.equal(others(agent.control, 172), 1, "its place, with another number");
    assert.equal(others(agent.control, 173), 0);
  } finally {
    first.close();
    second.close();
  }
});

Deno.test("a process of a hand-over has the claim as soon as the former one lets go", async () => {
  const agent = { protocol_number: 172, instance: "unit-d", control: "/run/unit/f.sock" };
  const former = new Claims(agent);
  const next = new Claims(agent);
  try {
    former.take([""]);
    next.inherit([""]);
    // A reload meanwhile neither fails nor hastens anything.
    next.take([""]);
    next.keep([""]);
    former.close();
    await until("the claim is the next one's", () => {
      assert.ok(claimantsIn("").some(({ protocol }) => protocol === 172));
      return true;
    }, 5000);
  } finally {
    former.close();
    next.close();
  }
});

Deno.test("strangers with a namespace of their own count among those that a site works in", () => {
  const text = `[bfd_reflector]
namespace = "red"
discriminators = [4711]
[bfd_unsolicited]
namespace = "blue"
interfaces = ["eth0"]
`;
  const loaded = loadSite("site.toml", { ...systemOptions(), readText: () => text });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  assert.deepEqual(namespacesOf(loaded.site).sort(), ["", "blue", "red"]);
});

Deno.test("what two agents have in common is found, and nothing more", () => {
  const text = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24", "192.0.2.11/24"]
[[virtual_server]]
name = "http"
listen = ["192.0.2.10:80"]
real_server = [{ address = "198.51.100.1:80" }]
[[virtual_server]]
name = "dns"
listen = ["192.0.2.10:53"]
protocol = "udp"
real_server = [{ address = "198.51.100.1:53" }]
`;
  const loaded = loadSite("site.toml", { ...systemOptions(), readText: () => text });
  assert.ok(loaded.ok);
  const router = (more: object) => ({
    name: "lan",
    interface: "eth0",
    virtual_router_id: 52,
    addresses: [],
    sessions: [{ family: "ipv4" }],
    ...more,
  });
  const status = (vrrp: object[], servers: object[] = []) =>
    ({ name: "a", instance: "blue", vrrp, virtual_servers: servers }) as unknown as OtherStatus;
  const found = (other: OtherStatus) =>
    conflictsOf(loaded.site, other).map(({ subject, message }) => `${subject}: ${message}`);
  assert.deepEqual(found(status([router({})])), []);
  assert.deepEqual(found(status([router({ virtual_router_id: 51, interface: "eth1" })])), []);
  assert.deepEqual(
    found(status([router({ virtual_router_id: 51, sessions: [{ family: "ipv6" }] })])),
    [],
  );
  assert.deepEqual(found(status([router({ virtual_router_id: 51 })])), [
    "virtual router web: virtual_router_id 51 on eth0 is also that of virtual router lan of the " +
    'other agent of instance "blue" on this host',
  ]);
  assert.deepEqual(found(status([router({ addresses: ["192.0.2.11/32", "192.0.2.12/24"] })])), [
    "virtual router web: 192.0.2.11 is also an address of virtual router lan of the other agent " +
    'of instance "blue" on this host',
  ]);
  // Elsewhere is no conflict, whatever a namespace is called from where one stands.
  const elsewhere = { ...status([router({ virtual_router_id: 51 })]), network_namespace: "other" };
  assert.deepEqual(found(elsewhere), []);
  assert.deepEqual(found(status([router({ virtual_router_id: 51, namespace: "red" })])), []);
  const network = (name: string) => name === "red" ? "net:[1]" : name === "" ? "net:[2]" : name;
  const red = {
    ...loaded.site,
    vrrp: loaded.site.vrrp.map((one) => ({ ...one, namespace: "red" })),
  };
  for (const [namespace, own] of [["red", "net:[2]"], [undefined, "net:[1]"]] as const) {
    const more = { virtual_router_id: 51, ...(namespace === undefined ? {} : { namespace }) };
    const other = { ...status([router(more)]), network_namespace: own };
    assert.equal(conflictsOf(red, other, network).length, 1);
    const here: number = conflictsOf(loaded.site, other, network).length;
    assert.equal(here, 0, `${namespace} of ${own} is not where the site's router is`);
  }
  const server = (protocol: string) => ({ name: "x", listen: ["192.0.2.10:53"], protocol });
  assert.deepEqual(found(status([], [server("tcp")])), []);
  assert.deepEqual(found(status([], [server("udp")])), [
    "virtual server dns: 192.0.2.10:53 is also that of virtual server x of the other agent of " +
    'instance "blue" on this host',
  ]);
});
