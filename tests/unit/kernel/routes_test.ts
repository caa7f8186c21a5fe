/** What depends on virtual addresses: our routes, and what the host has of its own. */

import { strict as assert } from "node:assert";
import { ROUTE_METRIC } from "../../../mod/kernel/mod.ts";
import { HALB_PROTOCOL } from "../../../mod/netlink/mod.ts";
import { hostsOwn } from "./model_tables.ts";
import { Rig, router } from "./rig.ts";

const SECOND = 1_000_000;
const VIP = "192.0.2.10";

Deno.test("a connected route of our own only where nothing else covers the prefix", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", [`${VIP}/24`, "203.0.113.10/24", "203.0.113.11/24"])]);
  const ours = () => rig.kernel.routes.filter((route) => route.protocol === HALB_PROTOCOL);
  rig.hold("web");
  const route = {
    index: eth0,
    destination: "203.0.113.0",
    prefixLength: 24,
    gateway: "",
    source: "203.0.113.10",
    priority: ROUTE_METRIC + eth0,
    protocol: HALB_PROTOCOL,
    expiresAt: Infinity,
  };
  assert.deepEqual(ours(), [route]);
  rig.kernel.addByOthers(eth0, "203.0.113.1", 24);
  rig.wake();
  assert.deepEqual(ours(), [], "the host covers it now");
  rig.kernel.removeByOthers(eth0, "203.0.113.1");
  rig.wake();
  assert.deepEqual(ours(), [route], "and now no longer");
  rig.drop("web");
  assert.deepEqual(ours(), []);
});

Deno.test("when an address goes, the route that depended on it is verified", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", ["203.0.113.10/24", "203.0.113.11/24"])]);
  rig.hold("web");
  rig.configure([router("web", ["203.0.113.11/24"])]);
  const ours = rig.kernel.routes.filter((route) => route.protocol === HALB_PROTOCOL);
  assert.deepEqual(ours.map((route) => route.source), ["203.0.113.11"]);
});

Deno.test("the route comes back with an address that somebody removed", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", ["203.0.113.10/24"])]);
  rig.hold("web");
  rig.kernel.removeByOthers(eth0, "203.0.113.10");
  assert.equal(rig.kernel.routes.length, 1, "the kernel took it along");
  rig.wake();
  assert.equal(rig.kernel.routes.length, 2);
});

Deno.test("the route comes back with a link that was down", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.configure([router("web", ["203.0.113.10/24"])]);
  rig.hold("web");
  rig.kernel.changeLink(eth0, { flags: 0 });
  rig.wake();
  assert.equal(rig.kernel.routes.length, 0);
  rig.kernel.changeLink(eth0, { flags: 0x41 });
  rig.run(2 * SECOND);
  assert.deepEqual(rig.kernel.routes.map((route) => route.source), ["203.0.113.10"]);
  rig.kernel.changeLink(eth0, { flags: 0 });
  rig.kernel.changeLink(eth0, { flags: 0x41 });
  rig.run(2 * SECOND);
  assert.equal(rig.kernel.routes.length, 1, "also when down and up are seen at once");
});

Deno.test("routes of ours that a dead agent left are adopted with their address or removed", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.configure([router("web", ["203.0.113.10/24"])]);
  rig.hold("web");
  rig.restart();
  rig.configure([router("web", ["203.0.113.10/24"])]);
  assert.equal(rig.kernel.routes.length, 2, "the adopted address keeps its route");
  rig.restart();
  rig.configure([]);
  assert.deepEqual(rig.kernel.routes.map((route) => route.destination), ["192.0.2.0"]);
});

Deno.test("the host's routes on an interface survive the going of its last address", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addRouteByOthers({ index: eth0, destination: "198.51.100.0" });
  rig.kernel.addRouteByOthers({ index: eth0, destination: "0.0.0.0", prefixLength: 0 });
  const before = hostsOwn(rig.kernel);
  rig.configure([router("web", [`${VIP}/32`])]);
  rig.hold("web");
  rig.drop("web");
  assert.deepEqual(rig.kernel.addresses, []);
  assert.deepEqual(hostsOwn(rig.kernel), before);
  rig.hold("web");
  rig.beating = false;
  rig.run(5 * SECOND);
  assert.deepEqual(rig.kernel.addresses, [], "let go before the kernel does it");
  assert.deepEqual(hostsOwn(rig.kernel), before);
});

Deno.test("the host's secondary addresses survive a leftover that was their primary", () => {
  const rig = new Rig();
  const eth0 = rig.kernel.link("eth0");
  rig.kernel.addByOthers(eth0, VIP, 24, { protocol: HALB_PROTOCOL });
  rig.kernel.addByOthers(eth0, "192.0.2.1", 24);
  rig.kernel.addRouteByOthers({
    index: eth0,
    destination: "0.0.0.0",
    prefixLength: 0,
    gateway: "192.0.2.254",
  });
  rig.configure([router("web", [`${VIP}/24`])]);
  rig.hold("web");
  assert.equal(rig.kernel.has(eth0, VIP)?.prefixLength, 32);
  assert.equal(rig.kernel.has(eth0, "192.0.2.1")?.prefixLength, 24);
  assert.deepEqual(
    rig.kernel.routes.map((route) => `${route.destination} ${route.gateway}${route.source}`),
    ["192.0.2.0 192.0.2.1", "0.0.0.0 192.0.2.254"],
  );
});
