/** Routers of both families on the built agent: one state, two sessions. */

import assert from "node:assert/strict";
import {
  type HalbAgent,
  halbPath,
  type Host,
  lab,
  runHalb,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { endSuccessor, FAULTS, holding, inject, routerOf, statusOf } from "./agent_helpers.ts";
import { IPV4, keepalivedSite } from "./forms.ts";

const VIPS = ["192.0.2.10", "2001:db8::10"] as const;

function site(priority: number): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
priority = ${priority}
advertisement_interval = "100ms"
addresses = ["192.0.2.10/24", "fe80::10/64", "2001:db8::10/64"]
`;
}

const { holdsBoth, holdsNone, untilMaster } = holding(VIPS);

async function transitions(...agents: HalbAgent[]): Promise<number[]> {
  return await Promise.all(agents.map(async (agent) => (await routerOf(agent, "web")).transitions));
}

/** Loses IPv6 adverts here, in both directions. */
async function cutIpv6(host: Host): Promise<void> {
  const rules = `table netdev cut {
  chain in { type filter hook ingress device eth0 priority 0; meta protocol ip6 drop; }
}
table ip6 cut {
  chain out { type filter hook output priority 0; ip6 nexthdr 112 drop; }
}
`;
  await host.exec(["nft", "-f", "-"], { input: rules });
}

async function healIpv6(host: Host): Promise<void> {
  await host.exec(["nft", "flush", "ruleset"]);
}

lab("both families: equal priorities, one family cut and healed, nobody flaps", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const first = startHalb(lab, a, site(100));
  await first.untilState("web", "master");
  await lab.until("a holds both", () => holdsBoth(a), 5000);
  const second = startHalb(lab, b, site(100));
  await second.untilState("web", "backup");
  const router = await routerOf(second, "web");
  assert.deepEqual(router.sessions.map(({ family, state, alone }) => [family, state, alone]), [
    ["ipv4", "backup", false],
    ["ipv6", "backup", false],
  ]);
  assert.deepEqual(router.addresses, ["192.0.2.10/24", "fe80::10/64", "2001:db8::10/64"]);
  // Who has never heard a family would serve it alone.
  await lab.until("b has heard both families", async () => {
    return (await routerOf(second, "web")).sessions.every(({ master }) => master);
  }, 5000);
  const before = await transitions(first, second);
  await cutIpv6(b);
  await lab.delay(2000);
  assert.deepEqual(await transitions(first, second), before);
  assert.ok(await holdsBoth(a) && await holdsNone(b));
  await healIpv6(b);
  await lab.delay(1000);
  assert.deepEqual(await transitions(first, second), before);
  await first.stop();
  await untilMaster(lab, b, a);
  assert.equal((await statusOf(second)).sync_groups.length, 0);
});

lab(
  "both families: told once, released and claimed, handed over to another process",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    const told = `${lab.directory}/told`;
    const script = `${lab.directory}/tell`;
    Deno.writeTextFileSync(script, `#!/bin/sh\necho "$@" >> ${told}\n`, { mode: 0o755 });
    Deno.writeTextFileSync(told, "");
    const four = site(150).replace(', "fe80::10/64", "2001:db8::10/64"', "");
    const notify = `notify = { any = ["${script}"] }\n`;
    const user = '[agent]\nscript_user = "root"\n';
    const first = startHalb(lab, a, user + four + notify, FAULTS);
    await first.untilState("web", "master");
    const before = await routerOf(first, "web");
    // A reload adds IPv6 to the master that runs.
    first.reload(user + site(150) + notify);
    await lab.until("a holds both", () => holdsBoth(a), 10_000);
    const after = await routerOf(first, "web");
    assert.deepEqual([after.transitions, after.since], [before.transitions, before.since]);
    const second = startHalb(lab, b, site(100));
    await second.untilState("web", "backup");
    const say = async (...words: string[]) => {
      const done = await runHalb([...words, "--control", first.controlPath]);
      assert.equal(done.code, 0, done.stderr + first.log());
      return done.stdout;
    };
    assert.match(await say("release", "web"), /^web: released, with priority 1/);
    await untilMaster(lab, b, a);
    assert.match(await say("status", "web"), /released/);
    await inject(first, "protocol", "throw");
    await lab.until("the plane is back", () => first.log().includes("plane runs again"), 10_000);
    await say("upgrade", "--binary", halbPath());
    const { override } = await routerOf(first, "web");
    assert.equal(override?.kind, "release");
    assert.ok(await holdsBoth(b) && await holdsNone(a));
    await say("claim", "web");
    await untilMaster(lab, a, b);
    // Beside the states it hears of losing adverts, as the former master's last one is.
    const lines = () =>
      Deno.readTextFileSync(told).trim().split("\n").filter((line) => !/LOWER_PRI/.test(line));
    await lab.until("the script has heard of it", () => lines().length >= 4, 10_000);
    const priorities = ["150", "150", "1", "254"];
    assert.deepEqual(
      lines(),
      ["BACKUP", "MASTER", "BACKUP", "MASTER"].map((state, i) =>
        `INSTANCE web ${state} ${priorities[i]}`
      ),
    );
    await endSuccessor(lab, first);
  },
);

lab(
  "both families: where keepalived speaks one only, the other session runs alone",
  async (lab) => {
    const [a, b] = await lab.hostsNamed("a", "b");
    await lab.lan("net", [a, b]);
    startKeepalived(lab, b, keepalivedSite(IPV4, 150));
    await lab.until("keepalived is master", () => b.holds(VIPS[0]), 10_000);
    const agent = startHalb(lab, a, site(100));
    await lab.until("a serves IPv6 alone", () => a.holds(VIPS[1]), 10_000);
    assert.equal(await a.holds(VIPS[0]), false);
    const router = await routerOf(agent, "web");
    assert.equal(router.state, "backup");
    assert.deepEqual(router.sessions.map(({ family, state, alone }) => [family, state, alone]), [
      ["ipv4", "backup", false],
      ["ipv6", "master", true],
    ]);
  },
);

lab("both families: by unicast, authenticated, and nothing accepted", async (lab) => {
  const [a, b] = await lab.hostsNamed("a", "b");
  await lab.lan("net", [a, b]);
  const [six, other] = ["2001:db8::1", "2001:db8::2"];
  await a.exec(["ip", "address", "add", `${six}/64`, "dev", "eth0", "nodad"]);
  await b.exec(["ip", "address", "add", `${other}/64`, "dev", "eth0", "nodad"]);
  const more = `accept = false
unicast = { peers = ["192.0.2.1", "192.0.2.2", "${six}", "${other}"] }
auth = { type = "hmac", keys = [{ id = 1, key = "a key for the lab, of sixteen bytes and more" }] }
`;
  const first = startHalb(lab, a, site(150) + more);
  await first.untilState("web", "master");
  await lab.until("a holds both", () => holdsBoth(a), 5000);
  const second = startHalb(lab, b, site(100) + more);
  await lab.until("b hears both families", async () => {
    const { sessions } = await routerOf(second, "web");
    return sessions.every(({ state, master }) => state === "backup" && master?.priority === 150);
  }, 10_000);
  const { sessions } = await routerOf(second, "web");
  assert.deepEqual(sessions.map(({ master }) => master?.address), ["192.0.2.1", six]);
  assert.ok(await holdsBoth(a) && await holdsNone(b));
  await first.stop();
  await untilMaster(lab, b, a);
});
