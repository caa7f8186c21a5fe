/**
 * Reloads that wait: one that nobody confirms is taken back under traffic, and what becomes of it
 * when the agent is upgraded or killed meanwhile; reloads for later; a file that is watched.
 */

import assert from "node:assert/strict";
import type { Status } from "../../mod/control/status.ts";
import {
  type Executed,
  type HalbAgent,
  halbPath,
  type Lab,
  lab,
  type LabProcess,
  runHalb,
  startHalb,
  startProbe,
} from "../lib/mod.ts";
import { HolderWatch } from "../lib/holders.ts";
import { endSuccessor, startPair, statusOf, untilLogged, VIP, webSite } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

const MORE = `addresses = ["${VIP}/24", "192.0.2.11/24"]`;

/** The site with another priority for both and one address more. */
function other(site: string): string {
  return site.replace("a = 150", "a = 160").replace(`addresses = ["${VIP}/24"]`, MORE);
}

function reload(agent: HalbAgent, ...args: string[]): Promise<Executed> {
  return runHalb(["reload", ...args, "--control", agent.controlPath]);
}

async function done(agent: HalbAgent, ...args: string[]): Promise<string> {
  const ran = await reload(agent, ...args);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  return ran.stdout;
}

/** Waits until the configuration's part of the status is such. */
function untilConfig(
  lab: Lab,
  agent: HalbAgent,
  what: string,
  is: (config: Status["config"], status: Status) => boolean,
  timeout = 20_000,
): Promise<Status> {
  return lab.until(what, async () => {
    const status = await statusOf(agent);
    return is(status.config, status) && status;
  }, timeout);
}

function priorityOf({ vrrp }: Status): number {
  return vrrp[0]!.priority;
}

/**
 * A process that has taken over applies its own configuration after that: whatever it refuses in its
 * turn, it refuses when it has.
 */
async function settled(agent: HalbAgent): Promise<void> {
  const { code, stderr } = await reload(agent, "--roll-back");
  assert.equal(code, 1);
  assert.match(stderr, /There is nothing to take back/);
}

/** Starts the agent of that directory again. */
function startAgain(agent: HalbAgent): LabProcess {
  const argv = [halbPath(), "run", "--config", agent.configPath, "--name", agent.name];
  return agent.host.spawn(argv, { name: `halb-${agent.name}-again` });
}

lab(
  "a reload that nobody confirms is taken back under traffic: no request is lost",
  async (lab) => {
    const site = webSite("100ms");
    const [a, b, client] = await lab.hostsNamed("a", "b", "client");
    await lab.lan("net", [a, b, client]);
    const agent = startHalb(lab, a, site);
    await agent.untilState("web", "master");
    const peer = startHalb(lab, b, site);
    await peer.untilState("web", "backup");
    await lab.until("a holds the address", () => a.holds(VIP), 2000);
    const before = await statusOf(agent);
    const watch = await HolderWatch.start(VIP, [a, b]);
    // Slow enough that the client's own buffer outlasts a busy machine.
    const probe = await startProbe(lab, client, VIP, { intervalUs: 4_000 });
    agent.writeSite(other(site));
    const said = await done(agent, "--confirm-within", "5s");
    assert.match(said, /^virtual router web: priority 150 -> 160$/m);
    assert.match(said, /^virtual router web: addresses \+192\.0\.2\.11\/24$/m);
    assert.match(said, /^Is taken back at .*, unless: halb reload --confirm$/m);
    const file = `${agent.stateDirectory}/reload.json`;
    assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
    await lab.until("the new address is there", () => a.holds("192.0.2.11"), 10_000);
    const back = await untilConfig(
      lab,
      agent,
      "it is taken back",
      ({ last_reload }) => last_reload?.result === "rolled_back",
    );
    assert.equal(priorityOf(back), 150);
    assert.deepEqual([back.config.confirmation, back.config.differs], [null, true]);
    assert.equal(back.config.rolled_back?.reason, "nobody confirmed it within 5s");
    assert.deepEqual(back.config.sha256, before.config.sha256);
    await lab.until("the new address goes", async () => !await a.holds("192.0.2.11"), 10_000);
    const { lost, record } = await probe.stop();
    assert.ok(record.sent.length > 500, `${record.sent.length} requests`);
    assert.equal(lost, 0);
    assert.deepEqual(watch.holdings().map(({ host, to }) => [host, to]), [["a", Infinity]]);
    const [web] = (await statusOf(agent)).vrrp;
    assert.equal(web!.transitions, before.vrrp[0]!.transitions);
    const text = (await runHalb(["status", "--control", agent.controlPath])).stdout;
    assert.match(text, /what is in the file was taken back .*: halb plan shows it/);
    const events = (await runHalb(["events", "--type", "agent", "--control", agent.controlPath]))
      .stdout;
    assert.match(events, /configuration rolled back: 2 changes: nobody confirmed it within 5s/);
    // An order is an order: then it stays.
    assert.match(await done(agent, "--confirm-within", "60s"), /priority 150 -> 160/);
    assert.match(await done(agent, "--confirm"), /^Confirmed/);
    assert.equal((await reload(agent, "--confirm")).code, 1);
    const after = await statusOf(agent);
    assert.equal(priorityOf(after), 160);
    const { confirmation, rolled_back, differs } = after.config;
    assert.deepEqual([confirmation, rolled_back, differs], [null, null, false]);
    assert.throws(() => Deno.statSync(file), Deno.errors.NotFound);
  },
  { attempts: 2 },
);

lab("reloads meanwhile, roll-back by hand, and a file that is put back", async (lab) => {
  const site = webSite("100ms");
  const { a } = await startPair(lab, site);
  a.writeSite(other(site));
  await done(a, "--confirm-within", "10m");
  const { until } = (await statusOf(a)).config.confirmation!;
  // A later one has to be confirmed as well, by the same time.
  a.reload(other(site).replace("a = 160", "a = 170"));
  const second = await untilConfig(lab, a, "SIGHUP counts", (_, all) => priorityOf(all) === 170);
  assert.equal(second.config.confirmation?.until, until);
  // An invalid one changes nothing, not even that.
  a.writeSite("nonsense");
  assert.equal((await reload(a, "--confirm-within", "10m")).code, 2);
  assert.equal((await statusOf(a)).config.confirmation?.until, until);
  assert.match(await done(a, "--roll-back"), /priority 170 -> 150[^]*What ran before runs again/);
  assert.equal(priorityOf(await statusOf(a)), 150);
  assert.equal((await reload(a, "--roll-back")).code, 1);
  // Who puts the file back needs to confirm nothing.
  a.writeSite(other(site));
  await done(a, "--confirm-within", "10m");
  a.writeSite(site);
  const said = await done(a);
  assert.match(said, /priority 160 -> 150/);
  assert.doesNotMatch(said, /taken back/);
  const { confirmation, differs } = (await statusOf(a)).config;
  assert.deepEqual([confirmation, differs], [null, false]);
});

lab(
  "killed before it was confirmed: the next start goes back, and so does the one after",
  async (lab) => {
    const site = webSite("100ms");
    const { a, b } = await startPair(lab, site);
    a.writeSite(other(site));
    await done(a, "--confirm-within", "10m");
    await a.kill();
    await b.untilState("web", "master");
    const master = () =>
      untilConfig(lab, a, "it is master again", (_, { vrrp }) => vrrp[0]!.state === "master");
    let process = startAgain(a);
    const first = await master();
    assert.equal(priorityOf(first), 150);
    assert.match(first.config.rolled_back?.reason ?? "", /started again before it was confirmed/);
    assert.equal(first.config.differs, true);
    await process.stop();
    process = startAgain(a);
    assert.equal(priorityOf(await master()), 150);
    // An upgrade takes the file as little.
    await upgrade(a);
    await settled(a);
    assert.equal(priorityOf(await statusOf(a)), 150);
    // Another file is another matter.
    a.writeSite(other(site).replace("a = 160", "a = 170"));
    await endSuccessor(lab, a);
    startAgain(a);
    const last = await master();
    assert.equal(priorityOf(last), 170);
    assert.deepEqual([last.config.rolled_back, last.config.differs], [null, false]);
  },
);

lab(
  "upgraded before it was confirmed: the new process waits on, and takes it back",
  async (lab) => {
    const site = webSite("100ms");
    const { a } = await startPair(lab, site);
    a.writeSite(other(site));
    await done(a, "--confirm-within", "20s");
    const before = (await statusOf(a)).config.confirmation!;
    await upgrade(a);
    const next = await untilConfig(
      lab,
      a,
      "it waits on",
      ({ confirmation }) => confirmation !== null,
    );
    assert.equal(priorityOf(next), 160);
    const apart = Date.parse(next.config.confirmation!.until) - Date.parse(before.until);
    // A point of a clock that is never set, told by one that may be slewed meanwhile.
    assert.ok(Math.abs(apart) <= 50, `${apart} ms apart`);
    const back = await untilConfig(
      lab,
      a,
      "it is taken back",
      ({ last_reload }) => last_reload?.result === "rolled_back",
      40_000,
    );
    assert.equal(priorityOf(back), 150);
    await endSuccessor(lab, a);
  },
);

lab("a reload for later: shown, cancelled, kept by an upgrade and a kill, done", async (lab) => {
  const site = webSite("100ms");
  const { a } = await startPair(lab, site);
  a.writeSite(other(site));
  const said = await done(a, "--in", "1h", "--confirm-within", "5m");
  assert.match(said, /^Scheduled for .*, to be confirmed within 5m of it$/m);
  assert.match(said, /^ {2}virtual router web: priority 150 -> 160$/m);
  assert.match(await done(a, "--cancel"), /^Cancelled/);
  assert.equal((await reload(a, "--cancel")).code, 1);
  assert.equal((await reload(a, "--at", "2001-01-01T00:00")).code, 1);
  await done(a, "--in", "1h");
  await upgrade(a);
  await settled(a);
  const kept = await untilConfig(lab, a, "it waits on", ({ scheduled }) => scheduled !== null);
  assert.equal(priorityOf(kept), 150);
  const { pid } = kept;
  // Until it has gone for good, its lock and its socket are in the way of the next one.
  await endSuccessor(lab, a, "SIGKILL");
  startAgain(a);
  const again = await untilConfig(
    lab,
    a,
    "another process waits on",
    ({ scheduled }, all) => scheduled !== null && all.pid !== pid && priorityOf(all) === 150,
  );
  assert.equal(again.config.differs, true);
  await done(a, "--in", "1s");
  await untilConfig(
    lab,
    a,
    "its time comes",
    ({ scheduled, differs }, all) =>
      scheduled === null && differs === false && priorityOf(all) === 160,
  );
});

lab(
  "watched: a file renamed into its place, a link turned over, an include, a secret",
  async (lab) => {
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    // As Kubernetes mounts it: the file is a link through a link that is turned over.
    const directory = `${lab.directory}/mounted`;
    const write = (version: string, files: Readonly<Record<string, string>>): void => {
      const target = `${directory}/${version}`;
      Deno.mkdirSync(target, { mode: 0o700 });
      for (const [name, text] of Object.entries(files)) {
        Deno.writeTextFileSync(`${target}/${name}`, text, { mode: 0o600 });
      }
      Deno.symlinkSync(version, `${directory}/next`);
      Deno.renameSync(`${directory}/next`, `${directory}/now`);
    };
    Deno.mkdirSync(directory, { mode: 0o700 });
    const auth = `auth = { type = "hmac", keys = [{ id = 1, key = { file = "key" } }] }`;
    const main = (priority: number) => webSite("100ms", auth).replace("a = 150", `a = ${priority}`);
    const key = (digit: string) => `hex:${digit.repeat(64)}\n`;
    write("one", { "web.toml": main(150), key: key("1") });
    const agent = startHalb(
      lab,
      host,
      `include = ["${directory}/now/*.toml"]\n[agent]\nwatch = true\n`,
    );
    await agent.untilState("web", "master");
    const until = (what: string, priority: number) =>
      untilConfig(lab, agent, what, (_, all) => priorityOf(all) === priority);
    write("two", { "web.toml": main(160), key: key("1") });
    await until("the link was turned over", 160);
    write("three", { "web.toml": main(160), key: key("2") });
    await untilLogged(lab, agent, "virtual router web: auth.keys changed", 1, 20_000);
    // Beside it, and renamed into its place.
    Deno.writeTextFileSync(`${directory}/now/web.toml.new`, main(170), { mode: 0o600 });
    Deno.renameSync(`${directory}/now/web.toml.new`, `${directory}/now/web.toml`);
    await until("the file was replaced", 170);
    // An invalid one is told of once.
    Deno.writeTextFileSync(`${directory}/now/web.toml`, "nonsense");
    await untilLogged(lab, agent, "Reload: invalid", 1, 20_000);
    await lab.delay(2500);
    assert.equal(agent.log().split("Reload: invalid").length - 1, 1);
    assert.equal(priorityOf(await statusOf(agent)), 170);
    // What was taken back is not applied by itself.
    Deno.writeTextFileSync(`${directory}/now/web.toml`, main(180));
    await until("it is whole again", 180);
    Deno.writeTextFileSync(`${directory}/now/more.toml`, `[agent]\nwatch = true\n`, {
      mode: 0o600,
    });
    await untilLogged(lab, agent, "Reload: invalid", 2, 20_000);
    Deno.removeSync(`${directory}/now/more.toml`);
    agent.writeSite(`include = ["${directory}/now/*.toml"]\n`);
    await untilLogged(lab, agent, "agent: watch true -> false", 1, 20_000);
    Deno.writeTextFileSync(`${directory}/now/web.toml`, main(190));
    await untilConfig(lab, agent, "it differs", ({ differs }) => differs === true);
    await lab.delay(2500);
    assert.equal(priorityOf(await statusOf(agent)), 180, "nobody watches any more");
  },
);
