/** The flight recorder of a running agent: what it keeps, through a kill, for whom. */

import assert from "node:assert/strict";
import { eventLine, type FlightEvent, readEvent } from "../../mod/events/mod.ts";
import { type HalbAgent, lab, type Lab, runHalb, startHalb } from "../lib/mod.ts";
import { startPair, VIP, webSite } from "./agent_helpers.ts";

/** What `halb events --json` prints. */
async function eventsOf(agent: HalbAgent, ...args: string[]): Promise<FlightEvent[]> {
  const where = ["--config", agent.configPath, "--name", agent.name];
  const { stdout } = await runHalb(["events", "--json", ...where, ...args]);
  return stdout.split("\n").filter((line) => line !== "").map((line) => {
    const event = readEvent(line);
    assert.ok(event, line);
    assert.equal(eventLine(event), line);
    return event;
  });
}

/** Waits until there is an event that looks so. */
async function untilRecorded(
  lab: Lab,
  agent: HalbAgent,
  description: string,
  looks: (event: FlightEvent) => boolean,
): Promise<FlightEvent> {
  return await lab.until(
    `${agent.name} has recorded ${description}`,
    async () => (await eventsOf(agent)).find(looks) ?? null,
    20_000,
    100,
  );
}

lab("a failover is recorded on both sides, and what is recorded survives a kill", async (lab) => {
  const { a, b } = await startPair(lab, webSite("100ms"));
  const first = await untilRecorded(lab, a, "addresses", ({ event }) => event === "addresses_put");
  assert.deepEqual([first.type, first.name, first.details?.addresses], ["vrrp", "web", [VIP]]);
  await untilRecorded(lab, b, "who is master", (one) =>
    one.event === "peer_heard" && one.details?.source === "192.0.2.1");
  await a.kill();
  await b.untilState("web", "master");
  const taken = await untilRecorded(lab, b, "the takeover", ({ to }) => to === "master");
  assert.equal(taken.cause, "no advertisement from 192.0.2.1 in time");
  assert.equal(taken.details?.trigger, "timer");
  // Nobody answers: it is read from the file, up to the last event.
  const where = ["--config", a.configPath, "--name", a.name];
  const left = await runHalb(["events", "web", ...where]);
  assert.match(left.stderr, /no agent answers at .*: this is what it has recorded until then/);
  assert.match(left.stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}vrrp {12}web .*backup → master/m);
  assert.match(left.stdout, /192\.0\.2\.10 put on the interface/);
  assert.equal((await runHalb(["events", "--control", a.controlPath], 3)).code, 3);
  // The next one goes on in the same recording.
  const again = startHalb(lab, a.host, webSite("100ms"), { name: "a" });
  await again.untilState("web", "master");
  const runs = new Set((await eventsOf(again, "--type", "agent")).map(({ run }) => run));
  assert.equal(runs.size, 2);
  await again.stop();
  const ended = await eventsOf(again, "--type", "agent", "--last", "1");
  assert.equal(ended[0]?.event, "ended");
});

lab("orders and reloads are recorded, and followed as they happen", async (lab) => {
  const { a } = await startPair(lab, webSite("100ms"));
  const follower = a.host.spawn(
    [
      lab.halb,
      "events",
      "web",
      "--follow",
      "--json",
      "--last",
      "0",
      "--control",
      a.controlPath,
    ],
    { name: "follower" },
  );
  await lab.until("somebody follows", () => follower.log() === "" || true, 1000);
  await runHalb(["release", "web", "--for", "60s", "--control", a.controlPath]);
  await a.untilState("web", "backup");
  a.writeSite(webSite("100ms", "preempt = false"));
  await runHalb(["reload", "--control", a.controlPath]);
  const all = await eventsOf(a, "web");
  const words = all.map(({ type, event }) => `${type} ${event}`);
  for (const wanted of ["operator release", "vrrp resigned", "agent reload"]) {
    assert.ok(words.includes(wanted), `${wanted} in ${words.join(", ")}`);
  }
  const order = all.find(({ event }) => event === "release");
  assert.equal(order?.text, "halb release for 60 s");
  await lab.until("the follower has the reload", () => follower.log().includes('"reload"'), 20_000);
});
