import assert from "node:assert/strict";
import { InterfaceUsers } from "../../../mod/protocol/interface_users.ts";

const uses = (name: string, ...tracked: string[]) => ({
  namespace: "",
  interface: name,
  trackers: tracked.map((name) => ({ kind: "interface" as const, name, weight: 0 })),
});

Deno.test("users of an interface are those that speak on it and those that track it", () => {
  const users = new InterfaceUsers<string>();
  users.add("web", uses("eth0", "eth1"));
  users.add("lan", uses("eth1"));
  users.add("other", { ...uses("eth1"), namespace: "blue" });
  assert.deepEqual([...users.of("", ["eth0"])], ["web"]);
  assert.deepEqual([...users.of("", ["eth1"])], ["web", "lan"]);
  assert.deepEqual([...users.of("", ["eth2", undefined])], []);
});

Deno.test("a user of two names that changed at once is told once", () => {
  const users = new InterfaceUsers<string>();
  users.add("web", uses("eth0", "eth1"));
  assert.deepEqual([...users.of("", ["eth0", "eth1"])], ["web"]);
});

Deno.test("a user that was removed is in no list any more", () => {
  const users = new InterfaceUsers<string>();
  users.add("web", uses("eth0", "eth1"));
  users.add("lan", uses("eth0"));
  users.remove("web", uses("eth0", "eth1"));
  assert.deepEqual([...users.of("", ["eth0", "eth1"])], ["lan"]);
});
