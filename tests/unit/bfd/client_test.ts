/** What those who depend on a session are told: RFC 5882. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  bringUpTime,
  type Client,
  clientDeadline,
  type ClientEvent,
  type ClientSettings,
  createClient,
  type Micros,
  type SessionEffect,
  stepClient,
} from "../../../mod/bfd/mod.ts";
import { forSeeds } from "../../lib/random.ts";
import { Bench, benchIn, settings } from "./fixtures.ts";

const SECOND = 1_000_000;
const DAMPING = { threshold: 3, window: 60 * SECOND, hold: SECOND, longest: 10 * SECOND };

function clientSettings(changed: Partial<ClientSettings> = {}): ClientSettings {
  return { damping: null, adminDownIsFailure: true, bringUp: 4 * SECOND, ...changed };
}

/** A session, its client, and what that one was told: `+ reason` or `- reason` with the time. */
class Follower {
  readonly told: string[] = [];
  readonly client: Client;
  readonly #start: Micros;

  constructor(readonly bench: Bench, changed: Partial<ClientSettings> = {}) {
    const up = bench.session.state === "up";
    this.client = createClient(clientSettings(changed), up, bench.now);
    this.#start = bench.now;
  }

  tell(event: ClientEvent): void {
    const told = stepClient(this.client, event, this.bench.now);
    if (told === null) return;
    strictEqual(this.client.told, told);
    const at = (this.bench.now - this.#start) / SECOND;
    this.told.push(`${at} ${told.healthy ? "+" : "-"} ${told.reason}`);
  }

  hear(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "transition" || effect.type === "neighbour_admin_down") this.tell(effect);
    }
  }

  /** Time passes; the client's timer alone is served. */
  sleep(length: Micros): void {
    const end = this.bench.now + length;
    while (clientDeadline(this.client) <= end) {
      this.bench.now = clientDeadline(this.client);
      this.tell({ type: "timer" });
      ok(clientDeadline(this.client) > this.bench.now, "whatever was due has been done");
    }
    this.bench.now = end;
  }

  down(): void {
    this.hear(this.bench.receive({ state: "down" }));
  }

  up(): void {
    this.hear(this.bench.receive({ state: "init" }));
    if (this.bench.session.state !== "up") this.hear(this.bench.receive({ state: "up" }));
  }
}

const ADMIN = { type: "admin", down: true } as const;
const ENABLE = { type: "admin", down: false } as const;

Deno.test("[B5882-3] coming up is no failure: nothing is told until up, or until that took too long", () => {
  const quick = new Follower(new Bench());
  quick.hear(quick.bench.receive({ state: "down", yourDiscriminator: 0 }));
  // It falls on its way up.
  quick.hear(quick.bench.wait(SECOND));
  strictEqual(quick.bench.session.state, "down");
  deepStrictEqual(quick.told, []);
  quick.up();
  deepStrictEqual(quick.told, ["1 + both sides hear each other"]);
  quick.sleep(100 * SECOND);
  strictEqual(quick.told.length, 1);

  const never = new Follower(new Bench());
  strictEqual(clientDeadline(never.client), never.bench.now + 4 * SECOND);
  never.sleep(4 * SECOND - 1);
  deepStrictEqual(never.told, []);
  never.sleep(1);
  deepStrictEqual(never.told, ["4 - not up within 4 s"]);
  never.sleep(100 * SECOND);
  never.up();
  deepStrictEqual(never.told.slice(1), ["104 + both sides hear each other"]);
});

Deno.test("[B5882-3] the time to come up allows for lost packets at the slow rate", () => {
  strictEqual(bringUpTime(50_000), 4 * SECOND);
  strictEqual(bringUpTime(3 * SECOND), 12 * SECOND);
});

Deno.test("[B5882-1] bad news at once, whatever it was", () => {
  for (
    const [event, reason] of [
      ["silence", "nothing heard for 150 ms"],
      ["echo_failed", "echo packets do not come back"],
      ["forwarding_reset", "the forwarding plane was reset"],
      ["down", "the other side says that it is down"],
    ] as const
  ) {
    const follower = new Follower(benchIn("up"), { damping: DAMPING });
    const { bench } = follower;
    if (event === "silence") follower.hear(bench.wait(150_000));
    else if (event === "down") follower.down();
    else follower.hear(bench.step({ type: event }));
    const at = event === "silence" ? 0.15 : 0;
    deepStrictEqual(follower.told, [`${at} - ${reason}`]);
    follower.up();
    deepStrictEqual(follower.told.slice(1), [`${at} + both sides hear each other`]);
  }
});

Deno.test("[B5882-1] good news of a session that flaps waits, and is not told if it falls again", () => {
  const follower = new Follower(benchIn("up"), { damping: DAMPING });
  for (let i = 0; i < 3; i++) {
    follower.down();
    follower.up();
  }
  // Three falls: the third time up has to wait a second.
  deepStrictEqual(follower.told.map((text) => text.slice(0, 3)), [
    "0 -",
    "0 +",
    "0 -",
    "0 +",
    "0 -",
  ]);
  strictEqual(clientDeadline(follower.client), follower.bench.now + SECOND);
  follower.sleep(SECOND - 1);
  strictEqual(follower.told.length, 5);
  follower.down();
  follower.up();
  follower.sleep(2 * SECOND - 1);
  strictEqual(follower.told.length, 5, "told down once, and not up yet");
  follower.sleep(1);
  deepStrictEqual(
    follower.told.slice(5),
    ["3 + both sides hear each other"].map((text) =>
      text.replace("3", String((3 * SECOND - 1) / SECOND))
    ),
  );
});

Deno.test("[B5882-1] other settings count for a wait that runs", () => {
  const follower = new Follower(benchIn("up"), { damping: { ...DAMPING, threshold: 1 } });
  follower.down();
  follower.up();
  strictEqual(follower.told.length, 1);
  follower.tell({ type: "configure", settings: clientSettings() });
  deepStrictEqual(follower.told.slice(1), ["0 + both sides hear each other"]);
});

Deno.test("[B5882-2] AdminDown of either side: a failure", () => {
  const ours = new Follower(benchIn("up"));
  ours.hear(ours.bench.step(ADMIN));
  deepStrictEqual(ours.told, ["0 - taken down by command"]);
  ours.hear(ours.bench.step(ENABLE));
  ours.sleep(60 * SECOND);
  deepStrictEqual(ours.told.length, 1, "it stays failed until it is up");
  ours.up();
  deepStrictEqual(ours.told.slice(1), ["60 + both sides hear each other"]);

  const theirs = new Follower(benchIn("up"));
  theirs.hear(theirs.bench.receive({ state: "admin_down" }));
  deepStrictEqual(theirs.told, ["0 - the other side is administratively down"]);
});

Deno.test("[B5882-2] [B5882-4] AdminDown of either side: no failure where the site says so", () => {
  const change = { adminDownIsFailure: false };
  const ours = new Follower(benchIn("up"), change);
  ours.hear(ours.bench.step(ADMIN));
  deepStrictEqual(ours.told, ["0 + taken down by command"]);
  ours.sleep(60 * SECOND);
  strictEqual(ours.told.length, 1);
  // Enabled again, and nobody there: that counts after the time to come up.
  ours.hear(ours.bench.step(ENABLE));
  ours.sleep(4 * SECOND);
  deepStrictEqual(ours.told.slice(1), ["64 - not up within 4 s"]);

  const theirs = new Follower(benchIn("up"), change);
  theirs.hear(theirs.bench.receive({ state: "admin_down" }));
  theirs.sleep(60 * SECOND);
  deepStrictEqual(theirs.told, ["0 + the other side is administratively down"]);
  theirs.up();
  theirs.down();
  deepStrictEqual(theirs.told.slice(1), [
    "60 + both sides hear each other",
    "60 - the other side says that it is down",
  ]);
});

Deno.test("[B5882-2] a side that was never up, or has failed, and says AdminDown", () => {
  for (const failure of [true, false]) {
    const start = new Follower(new Bench(), { adminDownIsFailure: failure });
    start.hear(start.bench.receive({ state: "admin_down", yourDiscriminator: 0 }));
    start.hear(start.bench.receive({ state: "admin_down", yourDiscriminator: 0 }));
    const sign = failure ? "-" : "+";
    deepStrictEqual(start.told, [`0 ${sign} the other side is administratively down`]);
    start.sleep(60 * SECOND);
    strictEqual(start.told.length, 1);

    const dead = new Follower(benchIn("up"), { adminDownIsFailure: failure });
    dead.hear(dead.bench.wait(SECOND));
    dead.hear(dead.bench.receive({ state: "admin_down" }));
    deepStrictEqual(dead.told, [
      "1 - nothing heard for 150 ms",
      `1 ${sign} the other side is administratively down`,
    ]);
  }
});

Deno.test("[B5882-2] who comes back from AdminDown and dies on the way is a failure in the end", () => {
  const follower = new Follower(benchIn("up"), { adminDownIsFailure: false });
  follower.hear(follower.bench.receive({ state: "admin_down" }));
  follower.hear(follower.bench.receive({ state: "down" }));
  strictEqual(follower.bench.session.state, "init");
  strictEqual(follower.told.length, 1);
  follower.hear(follower.bench.wait(2 * SECOND));
  strictEqual(follower.bench.session.state, "down");
  follower.sleep(2 * SECOND);
  deepStrictEqual(follower.told.slice(1), ["4 - not up within 4 s"]);
});

Deno.test("[B5882-2] the operator's answer can be changed while it matters", () => {
  const follower = new Follower(benchIn("up"));
  follower.hear(follower.bench.receive({ state: "admin_down" }));
  follower.tell({ type: "configure", settings: clientSettings({ adminDownIsFailure: false }) });
  follower.tell({ type: "configure", settings: clientSettings() });
  deepStrictEqual(follower.told.map((text) => text.slice(0, 3)), ["0 -", "0 +", "0 -"]);
});

Deno.test("administrative changes do not count as flaps", () => {
  const follower = new Follower(benchIn("up"), { damping: { ...DAMPING, threshold: 1 } });
  for (let i = 0; i < 10; i++) {
    follower.hear(follower.bench.step(ADMIN));
    follower.hear(follower.bench.step(ENABLE));
    follower.up();
  }
  strictEqual(follower.told.length, 20);
});

Deno.test("a session that cannot be had has failed; one that stops says nothing", () => {
  const follower = new Follower(benchIn("up"));
  follower.tell({ type: "unavailable", reason: "interface eth0 is not there" });
  deepStrictEqual(follower.told, ["0 - interface eth0 is not there"]);
  const stopped = new Follower(benchIn("up"));
  stopped.hear(stopped.bench.step({ type: "stop", now: true }));
  deepStrictEqual(stopped.told, []);
});

Deno.test("[B5882-1] any session: bad news in the same step, and nothing told twice", () => {
  let news = 0;
  forSeeds(200, (random) => {
    const use = {
      damping: random.chance(0.5) ? DAMPING : null,
      adminDownIsFailure: random.chance(0.5),
    };
    const follower = new Follower(new Bench(settings()), use);
    const { bench, client } = follower;
    let before = client.told;
    for (let i = 0; i < 200; i++) {
      const kind = random.next();
      if (kind < 0.7) {
        const state = random.pick(["admin_down", "down", "init", "up", "up"] as const);
        follower.hear(bench.receive({ state }));
      } else if (kind < 0.9) {
        const length = random.pick([1_000, 200_000, 5 * SECOND]);
        const end = bench.now + length;
        while (bench.now < end) {
          const part = Math.min(1_000, end - bench.now);
          follower.hear(bench.wait(part));
          follower.tell({ type: "timer" });
        }
      } else follower.hear(bench.step(random.chance(0.5) ? ADMIN : ENABLE));
      const { told } = client;
      const { state } = bench.session;
      if (told?.healthy === true && state !== "up") {
        ok(!use.adminDownIsFailure, `healthy although ${state}`);
        ok(client.condition === "admin_down" || client.condition === "bring_up");
      }
      if (state === "up" && use.damping === null) strictEqual(told?.healthy, true);
      if (told !== before && told !== null) news++;
      before = told;
      deepStrictEqual(JSON.parse(JSON.stringify(client)), client);
    }
  });
  ok(news > 1_000, `${news} times`);
});
