/** Sync groups step by step: which effects, in which order, for whom. */

import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { createGroup, stepGroup } from "../../../mod/vrrp/groups.ts";
import type { Group, GroupEffect, GroupEvent, Need } from "../../../mod/vrrp/group_types.ts";
import {
  createAuthenticationState,
  createRouter,
  type RouterEvent,
  type RouterSettings,
} from "../../../mod/vrrp/mod.ts";
import { advert, health, MASTER_DOWN, SECOND, settings, unhealthy } from "./fixtures.ts";

/** A group of `web`, `lan` and so on, not started. */
function group(
  names: readonly string[],
  need: Need = "all",
  changed: Partial<RouterSettings> = {},
) {
  const routers = names.map((name) => createRouter(settings({ name, ...changed }), 0));
  return createGroup({ name: "site", members: names, need }, routers, 0);
}

/** All healthy since 0. */
function backup(
  names: readonly string[] = ["web", "lan"],
  need: Need = "all",
  changed: Partial<RouterSettings> = {},
): Group {
  const one = group(names, need, changed);
  for (const name of names) tell(one, name, health(), 0);
  return one;
}

/** Master since all timers ran out at 3.609375 s. */
function master(names = ["web", "lan"], need: Need = "all"): Group {
  const one = backup(names, need);
  for (const name of names) expire(one, name);
  strictEqual(one.state, "master");
  return one;
}

/** Effects in short: `web send 100`, `lan hold`, `web backup→master (why)`, `site backup→master`. */
function brief(effects: readonly GroupEffect[]): string[] {
  return effects.flatMap((one) => {
    if (one.type === "group_transition") return [`site ${one.from}→${one.to} (${one.reason})`];
    if (one.type === "group_timer") return [`site timer ${one.at}`];
    if (one.type === "group_refused") return [`site refused: ${one.reason}`];
    const { name, effect } = one;
    switch (effect.type) {
      case "send":
        return [`${name} send ${effect.priority}`];
      case "transition":
        return [`${name} ${effect.from}→${effect.to} (${effect.reason})`];
      case "set_timer":
        return [`${name} timer ${effect.at}`];
      default:
        return [`${name} ${effect.type}`];
    }
  });
}

function act(one: Group, event: GroupEvent, now: number): string[] {
  return brief(stepGroup(one, event, now));
}

function tell(one: Group, name: string, event: RouterEvent, now: number): string[] {
  return act(one, { type: "member", name, event }, now);
}

/** The timer that a member has armed, at its time. */
function expire(one: Group, name: string): string[] {
  const { timer } = member(one, name).router;
  return tell(one, name, { type: "timer", generation: timer!.generation }, timer!.at);
}

function member(one: Group, name: string) {
  return one.members.find(({ router }) => router.settings.name === name)!;
}

function states(one: Group): string {
  return one.members.map(({ router }) => router.state).join(" ");
}

Deno.test("members wait for each other to start, without a fault that anybody is told of", () => {
  const one = group(["web", "lan"]);
  deepStrictEqual(tell(one, "web", health(), 0), []);
  strictEqual(states(one), "init init");
  match(member(one, "web").router.waitingFor[0]!, /needs 2 of 2 members, and lan is not ready/);
  deepStrictEqual(tell(one, "lan", health(), 5), [
    "web init→backup (healthy)",
    `web timer ${MASTER_DOWN + 5}`,
    "lan init→backup (healthy)",
    `lan timer ${MASTER_DOWN + 5}`,
    "site init→backup (lan: healthy)",
  ]);
});

Deno.test("a member that begins in fault keeps the group there, and says which it is", () => {
  const one = group(["web", "lan"]);
  tell(one, "web", health(), 0);
  deepStrictEqual(tell(one, "lan", unhealthy("eth1 is down"), 1), [
    "lan init→fault (eth1 is down)",
    "web init→fault (sync group site needs 2 of 2 members, and lan is not ready)",
    "site init→fault (web: sync group site needs 2 of 2 members, and lan is not ready)",
  ]);
});

Deno.test("the first timer makes a wish, the last one all masters", () => {
  const one = backup();
  deepStrictEqual(expire(one, "web"), [`web timer ${2 * MASTER_DOWN}`]);
  strictEqual(states(one), "backup backup");
  deepStrictEqual(expire(one, "lan"), [
    // The last one has its wish, and that of all is fulfilled: its timer is replaced at once.
    `lan timer ${2 * MASTER_DOWN}`,
    "web send 100",
    "web hold",
    "web backup→master (no advertisement from any master in time)",
    `web timer ${MASTER_DOWN + SECOND}`,
    "lan send 100",
    "lan hold",
    "lan backup→master (no advertisement from any master in time)",
    `lan timer ${MASTER_DOWN + SECOND}`,
    "site backup→master (lan: no advertisement from any master in time)",
  ]);
});

Deno.test("a fit master's advert ends a wish, a weaker one's does not", () => {
  for (const [priority, wished] of [[100, false], [99, true], [0, true]] as const) {
    const one = backup();
    expire(one, "web");
    tell(one, "web", advert({ priority }), MASTER_DOWN);
    expire(one, "lan");
    strictEqual(states(one), wished ? "master master" : "backup backup", `priority ${priority}`);
  }
});

Deno.test("a wish that a fit master ended does not come back when that one resigns", () => {
  const one = backup();
  expire(one, "web");
  tell(one, "web", advert({ priority: 200 }), MASTER_DOWN);
  tell(one, "web", advert({ priority: 0 }), MASTER_DOWN + 1);
  expire(one, "lan");
  strictEqual(states(one), "backup backup");
  expire(one, "web");
  strictEqual(states(one), "master master");
});

Deno.test("a master that falls silent is waited for no longer, by all members", () => {
  const one = backup();
  for (const name of ["web", "lan"]) tell(one, name, advert({ priority: 200 }), SECOND);
  expire(one, "web");
  expire(one, "lan");
  strictEqual(states(one), "master master");
});

Deno.test("a stale expiry is no wish", () => {
  const one = backup();
  deepStrictEqual(tell(one, "web", { type: "timer", generation: 0 }, MASTER_DOWN), []);
  expire(one, "lan");
  strictEqual(states(one), "backup backup");
});

Deno.test("one that yields takes all with it, and the others resign", () => {
  const one = master();
  const now = MASTER_DOWN + 500_000;
  const effects = tell(one, "web", advert({ priority: 200 }), now);
  deepStrictEqual(effects.filter((line) => !line.startsWith("web send")), [
    "web drop",
    "web cancel_timer",
    "web master→backup (198.51.100.11 has priority 200, we have 100)",
    `web timer ${now + MASTER_DOWN}`,
    "lan send 0",
    "lan drop",
    "lan cancel_timer",
    "lan master→backup (sync group site: web is backup)",
    `lan timer ${now + MASTER_DOWN}`,
    "site master→backup (lan: sync group site: web is backup)",
  ]);
  ok(!effects.includes("web send 0"));
});

Deno.test("another member than the first yields only to a master that stays", () => {
  for (
    const [priority, source, patience] of [
      [200, "198.51.100.9", 1_500_000],
      [100, "198.51.100.11", MASTER_DOWN],
    ] as const
  ) {
    const one = master();
    const begin = MASTER_DOWN + 500_000;
    for (let at = begin; at < begin + patience; at += 500_000) {
      deepStrictEqual(tell(one, "lan", advert({ priority, source }), at), []);
      strictEqual(states(one), "master master");
    }
    strictEqual(member(one, "lan").router.peers[0]!.address, source, "but it is known");
    tell(one, "lan", advert({ priority, source }), begin + patience);
    strictEqual(states(one), "backup backup");
  }
});

Deno.test("while the first member hears anybody, it settles it; but not for ever", () => {
  const one = master();
  let at = 10 * SECOND;
  const begin = at;
  // A weaker one in the first network that never yields: it does not hear us.
  for (; states(one) === "master master"; at += 500_000) {
    tell(one, "web", advert({ priority: 50, source: "198.51.100.9" }), at);
    tell(one, "lan", advert({ priority: 200 }), at);
    ok(at < begin + 60 * SECOND);
  }
  ok(at - begin >= 5 * MASTER_DOWN && at - begin <= 5 * MASTER_DOWN + SECOND, `${at - begin}`);
});

Deno.test("a rival that was away for long is a new one", () => {
  const one = master();
  tell(one, "lan", advert({ priority: 200 }), 10 * SECOND);
  tell(one, "lan", advert({ priority: 200 }), 100 * SECOND);
  strictEqual(states(one), "master master");
});

Deno.test("a weaker master is answered by any member, as without a group", () => {
  const one = master();
  deepStrictEqual(tell(one, "lan", advert({ priority: 50 }), MASTER_DOWN + 500_000), [
    "lan send 100",
  ]);
});

Deno.test("a master that hears another one resign announces again, each member once in a second", () => {
  const one = master();
  for (const name of ["web", "lan"]) {
    const now = MASTER_DOWN + 1_500_000;
    deepStrictEqual(tell(one, name, advert({ priority: 0 }), now), [
      `${name} send 100`,
      `${name} timer ${now + SECOND}`,
      `${name} announce`,
    ]);
    // Once more within the second: owed until then.
    tell(one, name, advert({ priority: 0 }), now + 1000);
    deepStrictEqual(expire(one, name), [
      `${name} send 100`,
      `${name} announce`,
      `${name} timer ${now + 2 * SECOND}`,
    ]);
  }
});

Deno.test("where the first member is in fault the next one decides", () => {
  const one = master(["web", "lan"], "any");
  tell(one, "web", unhealthy(), 5 * SECOND);
  strictEqual(states(one), "fault master");
  tell(one, "lan", advert({ priority: 200 }), 6 * SECOND);
  strictEqual(states(one), "fault backup");
});

Deno.test("below its need a group resigns everywhere; then all begin anew together", () => {
  const one = master();
  const why = "sync group site needs 2 of 2 members, and lan is not ready";
  deepStrictEqual(tell(one, "lan", unhealthy("eth1 is down"), 5 * SECOND), [
    "lan send 0",
    "lan drop",
    "lan cancel_timer",
    "lan master→fault (eth1 is down)",
    "web send 0",
    "web drop",
    "web cancel_timer",
    `web master→fault (${why})`,
    `site master→fault (web: ${why})`,
  ]);
  deepStrictEqual(tell(one, "web", health(), 6 * SECOND), []);
  deepStrictEqual(tell(one, "lan", health(), 7 * SECOND), [
    "web fault→backup (healthy)",
    `web timer ${7 * SECOND + MASTER_DOWN}`,
    "lan fault→backup (healthy)",
    `lan timer ${7 * SECOND + MASTER_DOWN}`,
    "site fault→backup (lan: healthy)",
  ]);
});

Deno.test("need: how many may be in fault, and what the others do then", () => {
  const names = ["web", "lan", "dmz"];
  for (
    const [need, failing, expected] of [
      ["any", 1, "fault master master"],
      ["any", 2, "fault fault master"],
      ["any", 3, "fault fault fault"],
      [2, 1, "fault master master"],
      [2, 2, "fault fault fault"],
      ["all", 1, "fault fault fault"],
      [3, 1, "fault fault fault"],
    ] as const
  ) {
    const one = master(names, need);
    for (const name of names.slice(0, failing)) tell(one, name, unhealthy(), 5 * SECOND);
    strictEqual(states(one), expected, `${need}, ${failing}`);
    strictEqual(one.state, expected.includes("master") ? "master" : "fault");
  }
});

Deno.test("who recovers beside a master is master at once, in one change of state", () => {
  const one = master(["web", "lan"], "any");
  tell(one, "web", unhealthy(), 5 * SECOND);
  deepStrictEqual(tell(one, "web", health(), 6 * SECOND), [
    `web timer ${6 * SECOND + MASTER_DOWN}`,
    "web send 100",
    "web hold",
    "web fault→master (sync group site is master)",
    `web timer ${7 * SECOND}`,
  ]);
});

Deno.test("a member in fault no longer stands between the others and their wish", () => {
  const one = backup(["web", "lan"], "any");
  expire(one, "web");
  tell(one, "lan", advert(), MASTER_DOWN - 1);
  strictEqual(states(one), "backup backup");
  tell(one, "lan", unhealthy(), MASTER_DOWN + 1);
  strictEqual(states(one), "master fault");
});

Deno.test("owners are master together and at once, or not at all", () => {
  const one = backup(["web", "lan"], "all", { priority: 255 });
  strictEqual(states(one), "master master");
  tell(one, "lan", unhealthy(), SECOND);
  strictEqual(states(one), "fault fault");
  tell(one, "lan", health(), 2 * SECOND);
  strictEqual(states(one), "master master");
});

Deno.test("the late loop's grace holds in a group, too", () => {
  const one = backup();
  expire(one, "web");
  const { generation, at } = member(one, "lan").router.timer!;
  tell(one, "lan", { type: "timer", generation }, at + 50_000);
  strictEqual(states(one), "backup backup");
  expire(one, "lan");
  strictEqual(states(one), "master master");
});

Deno.test("a master that stood still listens with all its members, and says nothing before", () => {
  const one = master();
  const now = MASTER_DOWN + 10 * SECOND;
  const effects = tell(one, "web", { type: "stall", length: 10 * SECOND }, now);
  strictEqual(states(one), "backup backup");
  deepStrictEqual(effects.filter((line) => /send|timer \d/.test(line)), [
    `web timer ${now + SECOND}`,
    `lan timer ${now + SECOND}`,
  ]);
});

Deno.test("priority and addresses of a member change as without a group", () => {
  const one = backup();
  tell(one, "web", health(50), SECOND);
  // Priority 150: 3 s and a skew of 414,062 µs from the same beginning.
  strictEqual(member(one, "web").router.timer!.at, 3_414_062);
  const changed = settings({ name: "lan", advertisementInterval: 2 * SECOND });
  tell(one, "lan", { type: "configure", settings: changed }, SECOND);
  strictEqual(member(one, "lan").router.timer!.at, 2 * MASTER_DOWN);
  // Becoming an owner is a wish, too, and the settings stay.
  const owner = settings({ name: "lan", priority: 255 });
  tell(one, "lan", { type: "configure", settings: owner }, 2 * SECOND);
  strictEqual(states(one), "backup backup");
  strictEqual(member(one, "lan").router.settings, owner);
  expire(one, "web");
  strictEqual(states(one), "master master");
});

Deno.test("release: each member answers until its successor speaks, then waits with priority 1", () => {
  const one = master();
  const now = 10 * SECOND;
  deepStrictEqual(act(one, { type: "release", until: 600 * SECOND }, now), [
    `site timer ${600 * SECOND}`,
    "web send 0",
    // Skew at priority 1 and one interval.
    `web timer ${now + 996_093 + SECOND}`,
    "lan send 0",
    `lan timer ${now + 996_093 + SECOND}`,
  ]);
  strictEqual(states(one), "master master");
  tell(one, "web", advert({ priority: 90 }), now + 700_000);
  // 50 ms to let the successor announce its addresses.
  strictEqual(member(one, "web").router.timer!.at, now + 750_000);
  const effects = expire(one, "web");
  deepStrictEqual(effects, [
    "web drop",
    "web master→backup (handed over to 198.51.100.11)",
    `web timer ${now + 750_000 + 3 * SECOND + 996_093}`,
  ]);
  expire(one, "lan");
  strictEqual(states(one), "backup backup");
  strictEqual(one.state, "backup");
  // Nobody there: better than nothing, it comes back with priority 1.
  const sent = [expire(one, "web"), expire(one, "lan")].flat();
  deepStrictEqual(sent.filter((line) => line.includes("send")), ["web send 1", "lan send 1"]);
  // The time is over.
  act(one, { type: "timer" }, 599 * SECOND);
  strictEqual(one.override, "release");
  act(one, { type: "timer" }, 600 * SECOND);
  strictEqual(one.override, null);
  deepStrictEqual(expire(one, "web").filter((line) => line.includes("send")), ["web send 100"]);
});

Deno.test("what trackers add does not lift a released group, and an owner can be released", () => {
  const one = backup(["web", "lan"], "all", { priority: 255 });
  strictEqual(states(one), "master master");
  act(one, { type: "release", until: null }, SECOND);
  for (const name of ["web", "lan"]) expire(one, name);
  strictEqual(states(one), "backup backup");
  tell(one, "web", health(100), 2.5 * SECOND);
  const sent = [...expire(one, "lan"), ...expire(one, "web")].filter((line) => /send/.test(line));
  deepStrictEqual(sent, ["web send 1", "lan send 1"]);
  act(one, { type: "claim" }, 10 * SECOND);
  strictEqual(member(one, "web").router.settings.priority, 255, "an owner needs no 254");
});

Deno.test("claim: addresses first, then 254 while it lasts", () => {
  const one = backup();
  for (const name of ["web", "lan"]) tell(one, name, advert({ priority: 200 }), SECOND);
  const effects = act(one, { type: "claim" }, 2 * SECOND);
  deepStrictEqual(effects.filter((line) => /send|hold|→/.test(line)), [
    "web hold",
    "web backup→master (claimed)",
    "lan hold",
    "lan backup→master (claimed)",
    "site backup→master (lan: claimed)",
  ]);
  // The present master is to go on answering until clients have learned the new way.
  const answer = tell(one, "lan", advert({ priority: 200 }), 2.04 * SECOND);
  deepStrictEqual(answer.filter((line) => /send|→/.test(line)), []);
  strictEqual(states(one), "master master");
  for (const name of ["web", "lan"]) {
    strictEqual(member(one, name).router.timer?.at, 2_050_000);
    deepStrictEqual(expire(one, name).filter((line) => /send/.test(line)), [`${name} send 254`]);
    strictEqual(member(one, name).router.timer?.at, 3_050_000);
  }
  // From then on losers are answered.
  const late = tell(one, "lan", advert({ priority: 200 }), 2.06 * SECOND);
  deepStrictEqual(late.filter((line) => /send/.test(line)), ["lan send 254"]);
  // Whoever takes it away ends the claim.
  tell(one, "web", advert({ priority: 255 }), 3 * SECOND);
  strictEqual(states(one), "backup backup");
  strictEqual(one.override, null);
  strictEqual(member(one, "web").router.settings.priority, 100);
});

Deno.test("claim is refused where it could not be kept", () => {
  const owned = backup();
  tell(owned, "lan", advert({ priority: 255 }), SECOND);
  deepStrictEqual(act(owned, { type: "claim" }, 2 * SECOND), [
    "site refused: 198.51.100.11 owns the addresses",
  ]);
  strictEqual(owned.override, null);
  const faulty = backup();
  tell(faulty, "web", unhealthy(), SECOND);
  deepStrictEqual(act(faulty, { type: "claim" }, SECOND), ["site refused: site is in fault"]);
  const leaving = master();
  act(leaving, { type: "release", until: null }, 5 * SECOND);
  deepStrictEqual(act(leaving, { type: "claim" }, 5 * SECOND), [
    "site refused: site is being handed over",
  ]);
});

Deno.test("a fault in the middle of a release ends it for all", () => {
  const one = master();
  act(one, { type: "release", until: null }, 5 * SECOND);
  tell(one, "lan", unhealthy("eth1 is down"), 5.1 * SECOND);
  strictEqual(states(one), "fault fault");
  tell(one, "lan", health(), 6 * SECOND);
  strictEqual(states(one), "backup backup");
  strictEqual(member(one, "web").router.settings.priority, 1, "still released");
});

Deno.test("stop: members end by themselves, and only then say that they have", () => {
  const one = master();
  const stop: RouterEvent = { type: "stop", now: false };
  deepStrictEqual(tell(one, "web", stop, 5 * SECOND).slice(0, 1), ["web send 0"]);
  tell(one, "lan", stop, 5 * SECOND);
  const effects = [...expire(one, "web"), ...expire(one, "lan")];
  deepStrictEqual(effects.filter((line) => /stopped|→/.test(line)), [
    "web master→init (stopped)",
    "web stopped",
    "lan master→init (stopped)",
    "lan stopped",
  ]);
});

Deno.test("a snapshot goes on where it was, and forgets wishes", () => {
  const one = JSON.parse(JSON.stringify(master())) as Group;
  const resume: RouterEvent = { type: "resume", age: 100_000 };
  for (const name of ["web", "lan"]) tell(one, name, resume, 5 * SECOND);
  strictEqual(states(one), "master master");
  const two = backup();
  expire(two, "web");
  tell(two, "web", resume, 5 * SECOND);
  expire(two, "lan");
  strictEqual(states(two), "backup backup");
  const three = master();
  tell(three, "web", { type: "resume", age: 10 * SECOND }, 15 * SECOND);
  strictEqual(states(three), "backup backup", "one that was away for too long takes all along");
});

Deno.test("members come and go: who leaves goes on alone, who joins has the group's state", () => {
  const one = master();
  const dmz = createRouter(settings({ name: "dmz" }), 0);
  const join = (members: readonly string[], ...joining: typeof dmz[]) =>
    act(one, { type: "configure", settings: { name: "site", members, need: "all" }, joining }, 5e6);
  // Nothing is known of its health yet, and it is told at once: nobody lets go meanwhile.
  join(["web", "lan", "dmz"], dmz);
  strictEqual(states(one), "master master init");
  strictEqual(one.state, "master");
  tell(one, "dmz", health(), 6 * SECOND);
  strictEqual(states(one), "master master master");
  // One in fault leaves; the others are free of it.
  tell(one, "dmz", unhealthy(), 7 * SECOND);
  strictEqual(states(one), "fault fault fault");
  join(["web", "lan"]);
  strictEqual(states(one), "backup backup");
  strictEqual(dmz.state, "fault");
  // A member whose fault was only the group's is free when it leaves.
  tell(one, "web", unhealthy(), 8 * SECOND);
  const lan = member(one, "lan").router;
  strictEqual(lan.state, "fault");
  join(["web"]);
  strictEqual(lan.state, "backup");
});

Deno.test("routers that run already form a group: one master makes all masters, a joiner obeys", () => {
  const alone = (name: string, rises: boolean) => {
    const router = createRouter(settings({ name }), 0);
    const single = createGroup({ name: "x", members: [name], need: "all" }, [router], 0);
    tell(single, name, health(), 0);
    if (rises) expire(single, name);
    return router;
  };
  const one = createGroup({ name: "site", members: [], need: "all" }, [], 0);
  const configure = (members: readonly string[], joining: ReturnType<typeof alone>[]) =>
    act(one, { type: "configure", settings: { name: "site", members, need: "all" }, joining }, 5e6);
  configure(["web", "lan"], [alone("web", true), alone("lan", false)]);
  strictEqual(states(one), "master master");
  tell(one, "web", advert({ priority: 200 }), 6 * SECOND);
  strictEqual(states(one), "backup backup");
  const effects = configure(["web", "lan", "dmz"], [alone("dmz", true)]);
  strictEqual(states(one), "backup backup backup");
  deepStrictEqual(effects.slice(0, 4), [
    "dmz send 0",
    "dmz drop",
    "dmz cancel_timer",
    "dmz master→backup (joins sync group site)",
  ]);
});

Deno.test("a group names what it lacks", () => {
  throws(
    () => group(["web"]) && createGroup({ name: "site", members: ["x"], need: 1 }, [], 0),
    /no router x/,
  );
  throws(() => tell(backup(), "dmz", health(), 0), /dmz is not in sync group site/);
});

Deno.test("a member that waits goes on with the numbers that its adverts are authenticated by", () => {
  const one = group(["web", "lan"]);
  const { router } = member(one, "web");
  const authentication = router.authentication = createAuthenticationState();
  for (const name of ["web", "lan"]) tell(one, name, health(), 0);
  // It wishes to be master, and comes back to where it was.
  expire(one, "web");
  strictEqual(router.authentication, authentication);
  expire(one, "lan");
  strictEqual(states(one), "master master");
  // Another member than the first meets a better master, and does not yield at once.
  const lan = member(one, "lan").router;
  lan.authentication = createAuthenticationState();
  const { authentication: other } = lan;
  tell(one, "lan", advert({ priority: 200 }), 5 * SECOND);
  strictEqual(lan.authentication, other);
});

Deno.test("members that stop or leave are not missing, whatever number is needed", () => {
  const one = master(["web", "lan"], 2);
  const stop = { type: "stop", now: false } as const;
  const told = [
    ...tell(one, "web", stop, 5 * SECOND),
    ...tell(one, "lan", stop, 5 * SECOND),
  ];
  // Both go on answering until their successors have spoken.
  deepStrictEqual(told.filter((line) => /drop|fault/.test(line)), []);
  deepStrictEqual(told.filter((line) => /send/.test(line)), ["web send 0", "lan send 0"]);
  strictEqual(states(one), "master master");

  const other = master(["web", "lan"], 2);
  const settings = { name: "site", members: ["web"], need: 2 };
  deepStrictEqual(act(other, { type: "configure", settings, joining: [] }, 5 * SECOND), []);
  strictEqual(states(other), "master");
});
