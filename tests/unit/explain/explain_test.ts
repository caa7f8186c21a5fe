/** Twelve failures, and that the explanation names the one that was injected, and no other. */

import assert from "node:assert/strict";
import { ClockWatch } from "../../../mod/agent/flight/clock_watch.ts";
import {
  balanceFact,
  type Fact,
  holdingFacts,
  interfaceFacts,
  interfaceGoneFact,
  remarkFact,
  sessionFact,
} from "../../../mod/agent/flight/facts.ts";
import { noteReload } from "../../../mod/agent/reload_notes.ts";
import { balanceStatus } from "../../../mod/control/balance_status.ts";
import type { Status } from "../../../mod/control/status.ts";
import type { BfdChanged } from "../../../mod/plane/bfd.ts";
import type { InterfaceState } from "../../../mod/plane/messages.ts";
import { lastWords } from "../../../mod/explain/mod.ts";
import {
  balancePlan,
  balanceState,
  report,
  serverReport,
  virtualServer,
} from "../control/balance_fixtures.ts";
import { advert, health, HIGHER, master, SECOND, started, unhealthy } from "../vrrp/fixtures.ts";
import { REPORT, Scene, wallTime } from "./scene.ts";

/** Words that stand for each cause. */
const CAUSES = {
  "peer killed": /did not resign: it died, hangs, or the way from it is cut/,
  "link cut": /Interface eth0 has lost its carrier/,
  "script failing": /Tracked script up says: exit 3: no such luck/,
  "CPU stall": /Our own loop stood still for/,
  "clock step": /the wall clock was set forward by 30\.0 s/,
  "VIP deleted": /Somebody else removed what it holds/,
  "BFD flap": /It flaps: it has fallen 3 times/,
  "quorum loss": /weight 10 is up, 20 is needed/,
  "key mismatch": /their key or password is not ours/,
  "checksum mismatch": /their checksum is wrong/,
  "interface recreated": /Interface eth0 is gone/,
  "config change": /The configuration was (reloaded|taken back) just before/,
};

/** The answer names the cause that was injected, and of the others `also` at most. */
function names(
  text: string,
  cause: keyof typeof CAUSES,
  ...also: (keyof typeof CAUSES)[]
): void {
  const named = Object.entries(CAUSES).filter(([, words]) => words.test(text)).map(([key]) => key);
  const wanted: string[] = [cause, ...also];
  assert.ok(named.includes(cause), `${cause} is not named in:\n${text}`);
  assert.deepEqual(named.filter((one) => !wanted.includes(one)), [], text);
}

const ETH0: InterfaceState = {
  namespace: "",
  groups: [],
  index: 2,
  name: "eth0",
  up: true,
  running: true,
  mac: "02:00:00:00:00:01",
  mtu: 1500,
  ipv4: ["198.51.100.10"],
  ipv6: [],
  ipv6Global: [],
  networks: ["198.51.100.0/24"],
};

/** A backup that hears a master of priority 150 for ten seconds. */
function follower(): Scene {
  const scene = new Scene(started());
  for (let i = 1; i <= 10; i++) scene.apply(advert({ priority: 150 }), i * SECOND);
  return scene;
}

/** A master for ten seconds. */
function leader(): Scene {
  const scene = new Scene(started());
  scene.fire();
  for (let i = 0; i < 10; i++) scene.fire();
  return scene;
}

Deno.test("peer killed", () => {
  const scene = follower();
  scene.fire();
  const text = scene.why();
  names(text, "peer killed");
  assert.match(text, /^web is master here since 07:00:13\.\d+ \(1 s ago\)\./);
  assert.match(text, new RegExp(`${HIGHER} \\(priority 150\\) was heard last 07:00:10\\.000`));
  assert.match(text, /Our own loop was on time: never more than 2 ms late\./);
});

Deno.test("a peer that resigns has not been killed", () => {
  const scene = follower();
  scene.apply(advert({ priority: 0 }), 11 * SECOND);
  const heard = { type: "peer", id: "p:7", at: 11 * SECOND, router: "web" } as const;
  scene.record(remarkFact({ ...heard, address: HIGHER, priority: 0, before: 150 }));
  scene.fire();
  const text = scene.why();
  assert.match(
    text,
    /The cause: the master resigned\.\n198\.51\.100\.11 had resigned, 07:00:11\.000/,
  );
  assert.doesNotMatch(text, CAUSES["peer killed"]);
});

Deno.test("link cut", () => {
  const scene = leader();
  scene.record(...interfaceFacts({ state: { ...ETH0, running: false } }, ETH0));
  scene.apply(unhealthy("interface eth0: no carrier"), scene.now);
  const text = scene.why();
  names(text, "link cut");
  assert.match(text, /in fault: it takes no part/);
  assert.match(text, /it waits for: interface eth0: no carrier\.\n.*takes part again by itself/);
});

Deno.test("script failing", () => {
  const scene = leader();
  scene.log({
    level: "warning",
    category: ["trackers"],
    message: "Tracked script fails",
    properties: { script: "up", reason: "exit 3", output: "no such luck" },
  });
  const up = { name: "up", kind: "script", healthy: false, contribution: 0, reason: "exit 3" };
  scene.trackers = [{ ...up, fault: true }];
  scene.apply(unhealthy("tracked script up: exit 3"), scene.now);
  const text = scene.why();
  names(text, "script failing");
  assert.match(text, /The cause: tracked script up: exit 3\./);
  const tracker = scene.why("up");
  assert.match(
    tracker,
    /^Tracked script up fails since .*: exit 3\.\nIt said then: exit 3: no such luck\./,
  );
  assert.match(tracker, /web \(fault\): keeps it out of the election/);
});

Deno.test("a script with a weight lowers the priority, and that is said", () => {
  const scene = leader();
  scene.trackers = [{
    name: "up",
    kind: "script",
    healthy: false,
    contribution: -30,
    reason: "exit 3",
    fault: false,
  }];
  scene.apply(health(-30), scene.now);
  scene.apply(advert({ priority: 90 }), scene.now + SECOND / 2);
  const text = scene.why();
  assert.match(text, /web is backup here/);
  assert.match(text, /Tracked script up says: exit 3, and changes the priority by -30\./);
  assert.match(text, /Its priority is 70 instead of 100\./);
  assert.match(
    text,
    new RegExp(`the master is ${HIGHER.replaceAll(".", "\\.")} with priority 90`, "i"),
  );
});

Deno.test("CPU stall", () => {
  const scene = leader();
  const length = 20 * SECOND;
  const at = scene.now;
  scene.stalls = [{ at, length }];
  scene.record(remarkFact({ type: "late", at, length }));
  scene.apply({ type: "stall", length }, at + length);
  const text = scene.why();
  names(text, "CPU stall");
  assert.match(text, /The cause: stood still for longer than its master-down interval/);
});

Deno.test("clock step", () => {
  const scene = follower();
  const watch = new ClockWatch();
  assert.equal(watch.look(0, 5 * SECOND, 0), undefined);
  assert.equal(watch.look(SECOND, 6 * SECOND + 200, SECOND), undefined);
  scene.record(watch.look(2 * SECOND, 37 * SECOND, 2 * SECOND));
  scene.log({
    level: "warning",
    category: ["vrrp", "web"],
    message: "Advertisement refused: authentication_stale",
    properties: { source: HIGHER },
  });
  scene.fire();
  const text = scene.why();
  names(text, "clock step");
  assert.match(
    text,
    new RegExp(`Adverts from ${HIGHER} were heard and refused.*one of the two clocks`),
  );
});

Deno.test("a clock that was set since then is told, and that times are those of another", () => {
  const scene = follower();
  scene.fire();
  const watch = new ClockWatch();
  watch.look(scene.now, scene.now, 0);
  scene.now += 20 * SECOND;
  scene.record(watch.look(scene.now, scene.now + 30 * SECOND, 20 * SECOND));
  const text = scene.why();
  assert.match(
    text,
    /Since then the wall clock was set forward by 30\.0 s, .* are those of another\./,
  );
});

Deno.test("a machine that slept was not set", () => {
  const watch = new ClockWatch();
  watch.look(0, 0, 0);
  const fact = watch.look(SECOND, 61 * SECOND, 61 * SECOND);
  assert.equal(fact?.text, "the machine was suspended for 60.0 s");
});

Deno.test("nor was one that stood still while it looked", () => {
  const watch = new ClockWatch();
  watch.look(0, 0, 0, 10);
  assert.equal(watch.look(SECOND, 3 * SECOND, 3 * SECOND, 3 * SECOND), undefined);
  assert.equal(watch.look(4 * SECOND, 4 * SECOND, 4 * SECOND, 4 * SECOND + 10), undefined);
});

Deno.test("VIP deleted", () => {
  const scene = leader();
  scene.repairs = 1;
  scene.record(...holdingFacts({ ...REPORT, repairs: 1 }, REPORT));
  const text = scene.why();
  names(text, "VIP deleted");
  assert.match(text, /it was put back each time, 1 in all/);
});

/** A session that falls and comes back. */
function bfdChange(at: number, from: "up" | "down", cause: BfdChanged["cause"]): BfdChanged {
  const reason = cause === "handshake" ? "both sides hear each other" : "nothing heard for 150 ms";
  const memory = {
    path: { peer: "198.51.100.11" },
    session: { diagnostic: 1, remote: { diagnostic: 0 } },
  } as unknown as BfdChanged["memory"];
  const to = from === "up" ? "down" : "up";
  return {
    type: "bfd_changed",
    id: "p:3",
    at,
    session: "to-peer",
    from,
    to,
    cause,
    reason,
    reaction: 40,
    memory,
  };
}

const SESSION = {
  name: "to-peer",
  state: "down",
  reason: "nothing heard for 150 ms",
  waiting_for: ["a packet from 198.51.100.11"],
  peer: "198.51.100.11",
  interface: "eth0",
  since: wallTime(50 * SECOND),
  transitions: 6,
  remote_diagnostic: "none",
  detection_time_ms: 150,
} as unknown as Status["bfd"][number];

Deno.test("BFD flap", () => {
  const scene = leader();
  for (let i = 0; i < 3; i++) {
    scene.record(sessionFact(bfdChange((30 + 10 * i) * SECOND, "up", "detection_expired")));
    if (i < 2) scene.record(sessionFact(bfdChange((35 + 10 * i) * SECOND, "down", "handshake")));
  }
  scene.now = 51 * SECOND;
  scene.trackers = [{
    name: "to-peer",
    kind: "bfd",
    healthy: false,
    contribution: 0,
    reason: "down",
    fault: true,
  }];
  const text = scene.why("to-peer", { bfd: [SESSION] });
  names(text, "BFD flap");
  assert.match(text, /^BFD session to-peer to 198\.51\.100\.11 is down since 07:00:50\.000/);
  assert.match(text, /nothing of the other side arrived within the detection time/);
  assert.match(text, /Our own loop was on time/);
  assert.match(text, /Virtual routers that track it: web \(master\)/);
});

Deno.test("a session that falls while we stand still blames us", () => {
  const scene = leader();
  scene.stalls = [{ at: 49_800_000, length: 190_000 }];
  scene.record(sessionFact(bfdChange(50 * SECOND, "up", "detection_expired")));
  scene.now = 51 * SECOND;
  const text = scene.why("to-peer", { bfd: [SESSION] });
  names(text, "CPU stall");
});

Deno.test("quorum loss", () => {
  const scene = leader();
  const plan = balancePlan(virtualServer({ quorum: 20 }));
  const down = { state: "down", reason: "tcp 198.51.100.12:8080: connection refused" } as const;
  const state = balanceState(report({
    quorum: { required: 20, current: 10, met: false },
    since: 20 * SECOND,
    servers: [
      serverReport("198.51.100.11:8080"),
      serverReport("198.51.100.12:8080", { ...down, since: 20 * SECOND, effectiveWeight: 0 }),
    ],
  }));
  const servers = balanceStatus(
    { plan, state, stale: false, checkOf: () => undefined },
    wallTime,
  );
  scene.now = 21 * SECOND;
  const head = { type: "balance_step", id: "k:1", cause: "k:0", at: 20 * SECOND } as const;
  const lost = { kind: "quorum", met: false, reason: "10 of 20 needed" } as const;
  const fallen = { kind: "real_server", realServer: "198.51.100.12:8080", ...down } as const;
  scene.record(
    balanceFact({ ...head, server: "web-http", what: fallen }),
    balanceFact({ ...head, server: "web-http", what: lost }),
  );
  const text = scene.why("web-http", servers);
  names(text, "quorum loss");
  assert.match(text, /The cause: 10 of 20 needed\./);
  assert.match(text, /198\.51\.100\.12:8080 is down: tcp .*: connection refused, since 07:00:20/);
  const real = scene.why("web-http 198.51.100.12:8080", servers);
  assert.match(real, /^Real server 198\.51\.100\.12:8080 of web-http is down since/);
  assert.match(real, /comes back by itself/);
});

for (
  const [cause, reason] of [
    ["key mismatch", "authentication_invalid"],
    ["checksum mismatch", "checksum"],
  ] as const
) {
  Deno.test(cause, () => {
    const scene = new Scene(started());
    scene.log({
      level: "warning",
      category: ["vrrp", "web"],
      message: `Advertisement refused: ${reason}`,
      properties: { source: HIGHER, packets: 3 },
    });
    scene.fire();
    const text = scene.why();
    names(text, cause);
    assert.match(text, new RegExp(`Adverts from ${HIGHER} were heard and refused`));
  });
}

Deno.test("interface recreated", () => {
  const scene = leader();
  scene.record(interfaceGoneFact("eth0", ""));
  scene.apply(unhealthy("interface eth0: is not there"), scene.now);
  scene.now += SECOND;
  scene.record(...interfaceFacts({ state: { ...ETH0, index: 7 } }, undefined));
  scene.apply(health(), scene.now);
  const text = scene.why();
  names(text, "interface recreated");
  assert.match(text, /Interface eth0 is there, up/);
});

for (const result of ["applied", "rolled_back"] as const) {
  Deno.test(`config change: ${result}`, () => {
    const scene = leader();
    const facts: Fact[] = [];
    const applied = {
      result,
      changes: ["virtual router web: changed"],
      problems: [],
    } as const;
    // It takes a while: it is told when it is over, with the time at which it began.
    noteReload(applied, { record: (...all) => void facts.push(...all) }, scene.now - 1);
    scene.apply(
      { type: "configure", settings: { ...scene.router.settings, priority: 50 } },
      scene.now,
    );
    scene.record(...facts);
    scene.apply(advert({ priority: 90 }), scene.now + SECOND / 2);
    const text = scene.why();
    names(text, "config change");
    assert.match(text, /and that changed it: virtual router web: changed\./);
    assert.match(text, /has priority 90, we have 50/);
  });
}

Deno.test("an operator's release is named, and what ends it", () => {
  const scene = leader();
  const order = { type: "operator", level: "info", name: "web", event: "release" } as const;
  scene.record({ ...order, text: "halb release for 60 s", cause: null });
  scene.router.state = "backup";
  scene.router.since = scene.now;
  const [router] = scene.status().vrrp;
  const override = { kind: "release" as const, until: "2026-11-22T07:02:00.000Z" };
  const text = scene.why("web", { vrrp: [{ ...router!, override, effective_priority: 1 }] });
  assert.match(text, /An operator had ordered it: halb release for 60 s/);
  assert.match(text, /An operator has released it until/);
  assert.match(text, /halb claim web ends the release\./);
});

Deno.test("an order that led elsewhere, or came later, is not named", () => {
  const order = { type: "operator", level: "info", name: "web", cause: null } as const;
  const released = follower();
  released.record({ ...order, event: "release", text: "halb release" });
  released.fire();
  assert.match(released.why(), /web is master/);
  assert.doesNotMatch(released.why(), /An operator/);
  const late = follower();
  late.fire();
  late.record({ ...order, event: "claim", text: "halb claim", at: late.now + SECOND / 10 });
  assert.doesNotMatch(late.why(), /An operator/);
});

Deno.test("a peer is not blamed for what we may have missed", () => {
  const scene = follower();
  const length = 2 * SECOND;
  scene.stalls = [{ at: scene.now + SECOND, length }];
  scene.fire();
  const text = scene.why();
  names(text, "CPU stall");
  assert.match(text, /no advertisement from/);
  // A little late is not deaf.
  scene.stalls = [{ at: scene.now - SECOND, length: SECOND / 50 }];
  names(scene.why(), "CPU stall", "peer killed");
  assert.match(text, /was heard last 07:00:10\.000 \([\d.]+ s ago\)\.$/m);
});

Deno.test("the cause of another change to the same state is not told", () => {
  const scene = leader();
  const { router } = scene;
  scene.apply(advert({ priority: 150 }), scene.now + SECOND / 2);
  scene.fire();
  // Too much happened for all of it to be recorded.
  const before = scene.events.findLast(({ to }) => to === "master")!;
  router.since += 60 * SECOND;
  scene.now = router.since;
  assert.ok(before.cause);
  const text = scene.why();
  assert.match(text, /What led to that is not recorded any more\./);
  assert.doesNotMatch(text, /The cause:/);
});

Deno.test("what was recorded last happened last, though the clock was set back", () => {
  const scene = leader();
  const ahead = (events: typeof scene.events) =>
    events.map((one) => ({
      ...one,
      time: new Date(Date.parse(one.time) + 3_600_000).toISOString(),
    }));
  const before = ahead(scene.events.splice(0));
  scene.apply(advert({ priority: 150 }), scene.now + SECOND / 2);
  scene.fire();
  scene.events.unshift(...before);
  assert.match(scene.why(), /The cause: no advertisement from/);
  // The cause of what happened before it was set is known, too.
  const old = leader();
  const [last] = ahead(old.events.splice(0)).filter(({ to }) => to === "master");
  old.events.push(last!);
  assert.doesNotMatch(old.why(), /The cause:/);
  const head = { type: "clock", name: null, level: "warning", cause: null } as const;
  old.record({ ...head, event: "set", text: "the wall clock was set back by 3600.0 s" });
  assert.match(old.why(), new RegExp(`The cause: ${last!.cause}`));
});

Deno.test("what nobody has recorded is not made up", () => {
  const scene = leader();
  scene.events.length = 0;
  assert.match(scene.why(), /What led to that is not recorded any more\./);
  assert.equal(scene.why("wbe"), "");
});

Deno.test("of an agent that is gone the last words are told", () => {
  const scene = follower();
  scene.fire();
  const now = Date.parse(wallTime(scene.now + 5 * SECOND));
  const words = lastWords("web", { events: scene.events, now, when: (time) => time.slice(11, 19) });
  assert.match(words[0]!, /No agent runs.*5 s ago/);
  assert.match(words.at(-1)!, /^07:00:1\d: backup → master: no advertisement/);
  assert.deepEqual(lastWords("lan", { events: scene.events, now, when: String }), []);
});

Deno.test("in each state something is said, with the state and without an empty sentence", () => {
  const scene = new Scene(master());
  const words = { init: /not started/, backup: /backup/, master: /master/, fault: /in fault/ };
  for (const state of ["init", "backup", "master", "fault"] as const) {
    scene.router.state = state;
    const lines = scene.why().split("\n");
    assert.match(lines[0]!, words[state]);
    assert.ok(lines.every((line) => /^\S.*\.$/.test(line)), lines.join("\n"));
  }
});

Deno.test("who held an address once is history: who does is told of its own", () => {
  const scene = follower();
  const line = (message: string) =>
    scene.log({ level: "warning", category: ["kernel", "web"], message, properties: {} });
  line("Somebody else holds a virtual address");
  assert.doesNotMatch(scene.why(), /The log said/);
  line("The kernel refuses an address");
  assert.match(scene.why(), /The log said .*The kernel refuses an address/);
});
