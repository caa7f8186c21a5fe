/** The flight recorder of a running agent: what it keeps, through a kill, for whom. */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import type { EventsResult } from "../../mod/control/events_protocol.ts";
import { type FlightEvent, isAfter, readEvent } from "../../mod/events/mod.ts";
import { type HalbAgent, halbPath, type Lab, lab, runHalb, startHalb } from "../lib/mod.ts";
import { endSuccessor, startPair, statusOf, VIP, webSite } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

/** What an agent has recorded, asked without starting a program. */
async function recorded(agent: HalbAgent, name?: string): Promise<readonly FlightEvent[]> {
  const request = {
    command: "events",
    last: 1_000,
    ...(name === undefined ? {} : { name }),
  } as const;
  return (await ask(agent.controlPath, request) as EventsResult).events;
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
    async () => (await recorded(agent)).find(looks) ?? null,
    20_000,
    100,
  );
}

lab("a failover is recorded on both sides, and what is recorded survives a kill", async (lab) => {
  const { a, b } = await startPair(lab, webSite("100ms"));
  const first = await untilRecorded(lab, a, "addresses", ({ event }) => event === "addresses_put");
  assert.deepEqual([first.type, first.name, first.details?.addresses], ["vrrp", "web", [VIP]]);
  await untilRecorded(
    lab,
    b,
    "who is master",
    (one) => one.event === "peer_heard" && one.details?.source === "192.0.2.1",
  );
  await a.kill();
  await b.untilState("web", "master");
  const taken = await untilRecorded(lab, b, "the takeover", ({ to }) => to === "master");
  assert.equal(taken.cause, "no advertisement from 192.0.2.1 in time");
  assert.equal(taken.details?.trigger, "timer");
  // Nobody answers: it is read from the file, up to the last event.
  const where = ["--config", a.configPath, "--name", a.name];
  const left = await runHalb(["events", "web", ...where]);
  assert.match(left.stderr, /no agent answers at .*: this is what it has recorded until then/);
  assert.match(
    left.stdout,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} {2}vrrp {12}web .*backup → master/m,
  );
  assert.match(left.stdout, /192\.0\.2\.10 put on the interface/);
  assert.equal((await runHalb(["events", "--control", a.controlPath])).code, 3);
  // The next one goes on in the same recording.
  const site = `${webSite("100ms")}[agent]\nstate_directory = "${a.stateDirectory}"\n`;
  const again = startHalb(lab, a.host, site);
  await again.untilState("web", "master");
  const runs = new Set((await recorded(again)).map(({ run }) => run));
  assert.equal(runs.size, 2);
  await again.stop();
  const agentAlone = ["--json", "--type", "agent"];
  const { stdout } = await runHalb(["events", ...where, ...agentAlone]);
  const said = stdout.trimEnd().split("\n").map((line) => readEvent(line)!);
  const { run } = said.at(-1)!;
  // What it has counted, such as how often its loop was late, is told after its last word.
  const words = said.filter((one) => one.run === run && one.count === undefined);
  const last = words.toSorted((one, two) => one.seq - two.seq).at(-1);
  assert.equal(last?.event, "ended", stdout);
});

lab("orders and reloads are recorded, and followed as they happen", async (lab) => {
  const { a } = await startPair(lab, webSite("100ms"));
  const argv = [halbPath(), "events", "web", "--follow", "--json", "--control", a.controlPath];
  const follower = a.host.spawn(argv, { name: "follower" });
  await lab.until("it follows", () => follower.log().includes("addresses_put"), 20_000);
  await runHalb(["release", "web", "--for", "60s", "--control", a.controlPath]);
  await a.untilState("web", "backup");
  a.writeSite(webSite("100ms", "preempt = false"));
  await runHalb(["reload", "--control", a.controlPath]);
  const all = await recorded(a, "web");
  const words = all.map(({ type, event }) => `${type} ${event}`);
  for (const wanted of ["operator release", "vrrp resigned", "agent reload"]) {
    assert.ok(words.includes(wanted), `${wanted} in ${words.join(", ")}`);
  }
  const order = all.find(({ event }) => event === "release");
  assert.equal(order?.text, "halb release for 60 s");
  const lines = await lab.until(
    "the follower has all of it",
    () => follower.log().includes('"reload"') && follower.log().trimEnd().split("\n"),
    20_000,
  );
  // What was there is told by time, and more may have happened since it was asked for.
  const bySeq = (events: readonly FlightEvent[]) =>
    events.toSorted((one, two) => one.seq - two.seq);
  const told = bySeq(lines.flatMap((line) => readEvent(line) ?? []));
  const last = told.at(-1)!.seq;
  assert.deepEqual(told, bySeq(await recorded(a, "web")).filter(({ seq }) => seq <= last));
  await a.stop();
  await lab.until("it says the end", () => follower.log().includes("has ended"), 20_000);
});

lab("who follows hears each event once, through upgrades and a restart", async (lab) => {
  const { a } = await startPair(lab, webSite("100ms"));
  const argv = [halbPath(), "events", "--follow", "--json", "--last", "0"];
  const follower = a.host.spawn([...argv, "--control", a.controlPath], { name: "follower" });
  const told = () =>
    follower.log().split("\n").flatMap((line) => {
      const event = readEvent(line);
      return event === undefined ? [] : [event];
    });
  const order = (command: "release" | "claim") => ask(a.controlPath, { command, name: "web" });
  const orders = (count: number) => () =>
    told().filter(({ type, name }) => type === "operator" && name === "web").length >= count;
  let ordered = 0;
  // Until it follows, nobody can say which one it hears first.
  await lab.until("it follows", async () => {
    await order("release");
    ordered++;
    await lab.delay(100);
    return orders(1)();
  }, 20_000);
  const first = told()[0]!;
  const pids = [(await statusOf(a)).pid];
  for (let i = 0; i < 2; i++) {
    await upgrade(a);
    pids.push((await statusOf(a)).pid);
    await order(i === 0 ? "claim" : "release");
  }
  assert.equal(new Set(pids).size, 3);
  const last = await untilRecorded(
    lab,
    a,
    "the last order",
    (one) => one.event === "release" && one.run.startsWith(`${pids[2]}-`),
  );
  await lab.until("it has heard it", () =>
    told().some(({ run, seq }) => {
      return run === last.run && seq === last.seq;
    }), 20_000);
  const seen = told().map(({ run, seq }) => `${run} ${seq}`);
  assert.equal(new Set(seen).size, seen.length, "none twice");
  const known = new Set(seen);
  const all = (await recorded(a)).filter((one) =>
    isAfter(one, first) && (one.run !== last.run || one.seq <= last.seq)
  );
  assert.ok(new Set(all.map(({ run }) => run)).size >= 3);
  // A process that has handed over says its last word, and after that what it has counted, when its
  // successor may have told what it knew.
  const isLeft = ({ run, seq }: FlightEvent): boolean =>
    run !== last.run &&
    all.some((one) => one.event === "ended" && one.run === run && one.seq <= seq);
  const missing = all.filter((one) => !known.has(`${one.run} ${one.seq}`) && !isLeft(one));
  assert.deepEqual(missing, []);
  assert.ok(ordered >= 1);
  await endSuccessor(lab, a);
});
