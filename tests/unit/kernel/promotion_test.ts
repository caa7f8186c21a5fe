/** `promote_secondaries` of interfaces: set for whom it is wanted, and set back for nobody else. */

import { strict as assert } from "node:assert";
import { useMark } from "../../../mod/kernel/mark.ts";
import { Rig, router } from "./rig.ts";

const pathOf = (name: string) => `ipv4/conf/${name}/promote_secondaries`;

function rigWith(...settings: readonly string[]): Rig {
  const rig = new Rig();
  settings.forEach((value, i) => {
    rig.kernel.link(`eth${i}`);
    rig.kernel.settings.set(pathOf(`eth${i}`), value);
  });
  return rig;
}

const on = (name: string, address: string) => ({
  ...router(name, [`${address}/24`]),
  promoteSecondaries: true as const,
});

Deno.test("it is set with a number of our own, and set back when nobody wants it", () => {
  const rig = rigWith("0");
  const setting = () => rig.kernel.settings.get(pathOf("eth0"));
  rig.configure([on("web", "192.0.2.10"), on("lan", "192.0.2.11")]);
  assert.equal(setting(), "112");
  rig.configure([on("web", "192.0.2.10"), router("lan", ["192.0.2.11/24"])]);
  assert.equal(setting(), "112", "one of two still wants it");
  rig.configure([router("web", ["192.0.2.10/24"])]);
  assert.equal(setting(), "0");
});

Deno.test("the number is that of the instance, also where it is known late", () => {
  const rig = rigWith("0", "112");
  const setting = (name: string) => rig.kernel.settings.get(pathOf(name));
  useMark({ protocol: 126, instance: "blue" });
  try {
    rig.configure([on("web", "192.0.2.10")]);
    assert.equal(setting("eth0"), "126");
    assert.equal(setting("eth1"), "112", "another agent's");
    rig.configure([]);
    assert.equal(setting("eth0"), "0");
  } finally {
    useMark({ protocol: 112 });
  }
});

Deno.test("what others have set is left alone, before and after", () => {
  const rig = rigWith("1");
  const setting = () => rig.kernel.settings.get(pathOf("eth0"));
  rig.configure([on("web", "192.0.2.10")]);
  assert.equal(setting(), "1");
  rig.configure([]);
  assert.equal(setting(), "1");
});

Deno.test("what a killed agent left is set back at the start, or goes on", () => {
  const rig = rigWith("112", "112", "5");
  rig.configure([on("web", "192.0.2.10")]);
  const settings = ["eth0", "eth1", "eth2"].map((name) => rig.kernel.settings.get(pathOf(name)));
  assert.deepEqual(settings, ["112", "0", "5"]);
});

Deno.test("an interface that comes later has it, one that is renamed loses it", () => {
  const rig = rigWith();
  rig.configure([on("web", "192.0.2.10")]);
  rig.kernel.settings.set(pathOf("eth0"), "0");
  const index = rig.kernel.link("eth0");
  rig.wake();
  assert.equal(rig.kernel.settings.get(pathOf("eth0")), "112");
  rig.kernel.settings.set(pathOf("other"), "112");
  rig.kernel.changeLink(index, { name: "other" });
  rig.wake();
  assert.equal(rig.kernel.settings.get(pathOf("other")), "0");
});
