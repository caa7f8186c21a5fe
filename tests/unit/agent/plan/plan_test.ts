/** What a plan says will follow from each change, as things stand. */

import assert from "node:assert/strict";
import { planChanges } from "../../../../mod/agent/plan/plan.ts";
import { markKey, settled } from "../../../../mod/agent/plan/settled.ts";
import { siteChanges } from "../../../../mod/agent/site_changes.ts";
import { planText } from "../../../../mod/cli/plan.ts";
import type { Status } from "../../../../mod/control/status.ts";
import { hexText } from "../../../../mod/agent/plan/settled.ts";
import { loadValid } from "../../config/fixtures.ts";
import { document, master } from "../../control/status_fixtures.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

function router(more = "", id = 51): string {
  return `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = ${id}
addresses = ["192.0.2.10/24"]
${more}
`;
}

function siteOf(text: string) {
  // As it comes from the agent.
  return JSON.parse(JSON.stringify(settled(loadValid({ "site.toml": text }), KEY))) as ReturnType<
    typeof settled
  >;
}

/** Lines such as `halb plan` shows them. */
function planned(before: string, after: string, status: Status | null): string[] {
  const [from, to] = [siteOf(before), siteOf(after)];
  const plan = planChanges(from, to, status);
  assert.deepEqual(plan.changes.map(({ text }) => text), siteChanges(from, to));
  const text = planText(plan, false);
  return text === "Nothing to do"
    ? []
    : text.split("\n").filter((line) => /^[! ] \w+ ?\w+ /.test(line));
}

const MASTER = document([master("web")]);

function backup(priority: number): Status {
  const status = structuredClone(MASTER);
  const [web] = status.vrrp;
  web!.state = "backup";
  web!.priority = web!.effective_priority = 100;
  web!.sessions[0]!.master = { address: "192.0.2.2", priority };
  web!.sessions[0]!.master_interval_ms = 1000;
  return status;
}

Deno.test("priority: who will be master, and when", () => {
  const change = (status: Status | null, from: number, to: number, more = "") =>
    planned(router(`priority = ${from}\n${more}`), router(`priority = ${to}\n${more}`), status);
  assert.deepEqual(change(backup(120), 100, 150), [
    "! virtual router web: priority 100 -> 150 (takes over: becomes master in about 3.4 s)",
  ]);
  assert.deepEqual(change(backup(120), 100, 110), [
    "  virtual router web: priority 100 -> 110 (stays backup of 192.0.2.2 (priority 120))",
  ]);
  assert.deepEqual(change(backup(120), 100, 150, "preempt = false"), [
    "  virtual router web: priority 100 -> 150 (stays backup of 192.0.2.2 (priority 120): " +
    "preempt is off)",
  ]);
  assert.deepEqual(change(backup(120), 100, 150, 'preempt_delay = "30s"'), [
    "! virtual router web: priority 100 -> 150 (takes over: becomes master in about 33.4 s)",
  ]);
  assert.deepEqual(change(MASTER, 150, 200), [
    "  virtual router web: priority 150 -> 200 (stays master)",
  ]);
  // Its tracker takes 30 away.
  assert.deepEqual(change(MASTER, 150, 100), [
    "  virtual router web: priority 150 -> 100 (hands over where a peer of priority above 70 preempts)",
  ]);
  // Nobody knows how things stand.
  assert.deepEqual(change(null, 150, 100), ["  virtual router web: priority 150 -> 100"]);
});

Deno.test("a router that comes, goes, becomes another; addresses that go or move", () => {
  const lan = router().replace("web", "lan").replace("51", "52").replace(".10/", ".20/");
  assert.deepEqual(planned(router(), router() + lan, MASTER), [
    "  virtual router lan: added (begins as backup, master in about 3.6 s where nobody better is heard)",
  ]);
  assert.deepEqual(planned(router() + lan, lan, MASTER), [
    "! virtual router web: removed (is master: hands over to a peer that has it, or to nobody)",
  ]);
  assert.deepEqual(planned(router() + lan, lan, backup(120)), [
    "  virtual router web: removed (is not master here: nothing moves)",
  ]);
  const moved = lan.replace(".20/24", ".10/24");
  assert.deepEqual(planned(router(), moved, MASTER), [
    "  virtual router lan: added (begins as backup, master in about 3.6 s where nobody better is heard)",
    "! virtual router web: removed (192.0.2.10 moves to lan)",
  ]);
  assert.deepEqual(planned(router(), router('preempt_delay = "1s"', 53), MASTER), [
    "! virtual router web: virtual_router_id 51 -> 53 " +
    "(another router to its peers: this one hands over, and begins anew as backup)",
    "  virtual router web: preempt_delay 0s -> 1s",
  ]);
  const two = router().replace('"192.0.2.10/24"', '"192.0.2.10/24", "192.0.2.11/24"');
  assert.deepEqual(planned(two, router(), MASTER), [
    "! virtual router web: addresses -192.0.2.11/24 " +
    "(192.0.2.11 goes from here at once; give its peers the same list)",
  ]);
});

Deno.test("real servers: connections that would be cut", () => {
  const real = (port: number, more = "") =>
    `[[virtual_server.real_server]]\naddress = "198.51.100.11:${port}"\n${more}\n`;
  const server = (...reals: string[]) =>
    `[[virtual_server]]\nname = "web-http"\nlisten = "192.0.2.10:80"\n${reals.join("")}`;
  const status = {
    ...MASTER,
    virtual_servers: [{
      name: "web-http",
      active: true,
      real_servers: [{
        address: "198.51.100.11:8080",
        counters: { active_connections: 120, inactive_connections: 3 },
      }],
    }],
  } as unknown as Status;
  const before = server(real(8080), real(8081));
  assert.deepEqual(planned(before, server(real(8081)), status), [
    "! virtual server web-http: real server 198.51.100.11:8080: removed (leaves at once: " +
    "120 connections are cut; halb drain web-http 198.51.100.11:8080 before it lets them end)",
  ]);
  assert.deepEqual(planned(before, server(real(8080)), status), [
    "  virtual server web-http: real server 198.51.100.11:8081: removed " +
    "(leaves at once: it has no connections)",
  ]);
  assert.deepEqual(planned(before, before + real(8082, 'slow_start = "30s"'), status), [
    "  virtual server web-http: real server 198.51.100.11:8082: added " +
    "(serves, its share grows for 30s)",
  ]);
  assert.deepEqual(planned(before, server(real(8080, "weight = 0"), real(8081)), status), [
    "  virtual server web-http: real server 198.51.100.11:8080: weight 1 -> 0 " +
    "(gets no new connections; those it has go on)",
  ]);
  assert.deepEqual(planned(before + router(), router(), status), [
    "! virtual server web-http: removed (leaves the kernel's table: 120 connections are cut)",
  ]);
});

Deno.test("what needs a restart is said, and that a reload would do nothing", () => {
  const agent = '[agent]\nrealtime = { priority = 60 }\nlog = { level = "debug" }\n';
  const plan = planChanges(siteOf(router()), siteOf(agent + router()), MASTER);
  assert.equal(plan.result, "refused");
  assert.deepEqual(planText(plan, false).split("\n"), [
    "  agent: log.level info -> debug",
    "  agent: realtime.priority 50 -> 60 (needs a restart)",
    "",
    "agent.realtime cannot change while the agent runs: restart it",
    "A reload would change nothing",
  ]);
  assert.equal(
    planText(planChanges(siteOf(router()), siteOf(router()), MASTER), false),
    "Nothing to do",
  );
});

Deno.test("secrets of two processes are compared by marks that tell nothing", () => {
  assert.deepEqual(markKey(hexText(KEY)), KEY);
  for (const wrong of [undefined, 7, "", "00", "zz".repeat(32)]) {
    assert.equal(markKey(wrong), undefined);
  }
  const key = (text: string) =>
    router(`version = 2\nauth = { type = "pass", password = "${text}" }`);
  assert.deepEqual(planned(key("sesame"), key("sesame"), MASTER), []);
  assert.deepEqual(planned(key("sesame"), key("mustard"), MASTER), [
    "  virtual router web: auth.password changed " +
    "(peers that do not have it yet refuse each other's adverts)",
  ]);
});
