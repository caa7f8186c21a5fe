/** What a real pair has recorded of a failover replays to the same decisions; no secret is in it. */

import assert from "node:assert/strict";
import { type HalbAgent, type Lab, lab, runHalb, startHalb } from "../lib/mod.ts";
import { bfdSite } from "../lib/bfd_site.ts";
import { routerOf, startPair, statusOf, webSite } from "./agent_helpers.ts";
import { switchedScript } from "./tracker_helpers.ts";

const KEY = "1f".repeat(32);

async function recording(lab: Lab, agent: HalbAgent, ...name: string[]): Promise<string> {
  const path = `${lab.directory}/${agent.name}-${name.join()}.rec`;
  const argv = ["events", ...name, "--recording", path, "--control", agent.controlPath];
  const { code, stdout, stderr } = await runHalb(argv);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^\d+ steps of \d+ state machines?: halb replay /);
  return path;
}

lab("a failover of a real pair replays to the same decisions", async (lab) => {
  const auth = `auth = { type = "hmac", keys = [{ id = 1, key = "hex:${KEY}" }] }`;
  const { a, b } = await startPair(lab, webSite("50ms", auth));
  await lab.until("b has heard enough for more than one segment", async () => {
    return (await routerOf(b, "web")).sessions[0]!.counters.advertisements_received > 140;
  }, 40_000);
  await a.kill();
  await b.untilState("web", "master", 20_000);
  const path = await recording(lab, b, "web");
  assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  const text = Deno.readTextFileSync(path);
  assert.ok(!text.includes(KEY.slice(0, 8)) && !text.includes("authentication"), "no secret");
  const { code, stdout, stderr } = await runHalb(["replay", path]);
  assert.deepEqual([code, stderr], [0, ""], stdout);
  assert.match(stdout, /advertisement from 192\.0\.2\.1, priority 150 \(\d+ times\)/);
  assert.match(stdout, /timer: .*backup → master, no advertisement from 192\.0\.2\.1 in time/);
  assert.match(stdout, /takes the addresses/);
  assert.match(stdout, /\n\d+ steps in \d+ segments: the same decisions as recorded\.\n$/);
  const json = await runHalb(["replay", path, "--json"]);
  const said = JSON.parse(json.stdout) as {
    steps: number;
    segments: { machine: string; difference: unknown }[];
  };
  assert.ok(said.steps > 20, `${said.steps} steps`);
  assert.ok(said.segments.every((one) => one.machine === "router web" && one.difference === null));

  // It is not overwritten; and one that tells another story is found out.
  const again = ["events", "web", "--recording", path, "--control", b.controlPath];
  assert.equal((await runHalb(again)).code, 1);
  const tampered = `${lab.directory}/tampered.rec`;
  Deno.writeTextFileSync(
    tampered,
    text.replace(/"priority":150,"interval"/g, '"priority":90,"interval"'),
  );
  const other = await runHalb(["replay", tampered]);
  assert.equal(other.code, 1, other.stdout);
  assert.match(
    other.stdout,
    /\d of \d+ segments differ, first router web, line \d+, step \d+, .*: it decided/,
  );
});

lab("groups and what operators order of them replay, too", async (lab) => {
  const [host] = await lab.hostsNamed("a");
  await lab.lan("net", [host]);
  const second = webSite("100ms").replace('"web"', '"other"').replace("= 51", "= 52")
    .replace("192.0.2.10", "192.0.2.11");
  const group = '[[sync_group]]\nname = "site"\nmembers = ["web", "other"]\n';
  const a = startHalb(lab, host, webSite("100ms") + second + group);
  await a.untilState("web", "master");
  await runHalb(["release", "site", "--control", a.controlPath]);
  await runHalb(["claim", "site", "--control", a.controlPath]);
  await a.untilState("other", "master");
  const path = await recording(lab, a);
  const { code, stdout } = await runHalb(["replay", path]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^group site, \d+ steps since/m);
  assert.match(stdout, /claimed by an operator/);
  assert.match(stdout, /the same decisions as recorded/);
  const missing = ["events", "wbe", "--recording", `${path}2`, "--control", a.controlPath];
  const { code: none, stderr } = await runHalb(missing);
  assert.deepEqual([none, /there is nothing called "wbe" here: /.test(stderr)], [1, true]);
});

/** A router that tracks a script and a check of a port where nobody listens. */
function tracking(command: string): string {
  return `[[track_script]]
name = "uplink"
command = ["${command}"]
user = "root"
interval = "300ms"
timeout = "5s"
rise = 2
fall = 2
weight = -30

[[check]]
name = "gateway"
type = "tcp"
address = "192.0.2.2"
port = 9
interval = "300ms"
timeout = "2s"
fall = 2

${
    webSite(
      "100ms",
      'track = { scripts = ["uplink"], checks = [{ name = "gateway", weight = -7 }] }',
    )
  }`;
}

lab("a BFD session that flaps, a script and a check that fail: all of it replays", async (lab) => {
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  const auth = { type: "meticulous-keyed-sha1", keys: [{ id: 1, secret: "hush hush" }] };
  const site = (peer: string) =>
    bfdSite([{ name: "to-peer", peer, transmit: 20, receive: 20, multiplier: 5, auth }]);
  const { command, ok } = switchedScript(lab, "uplink");
  const a = startHalb(lab, hosts[0]!, site("192.0.2.2") + tracking(command));
  const start = () => startHalb(lab, hosts[1]!, site("192.0.2.1"));
  const until = (state: string) =>
    lab.until(`the session of a is ${state}`, async () => {
      return (await statusOf(a)).bfd[0]?.state === state;
    }, 20_000);
  const former = start();
  await until("up");
  await lab.until("more packets than one segment has steps", async () => {
    return (await statusOf(a)).bfd[0]!.counters.packets_received > 150;
  }, 20_000);
  await a.untilState("web", "master", 20_000);
  const priority = (value: number) =>
    lab.until(`the priority is ${value}`, async () => {
      return (await routerOf(a, "web")).effective_priority === value;
    }, 20_000);
  await priority(143);
  ok.off();
  await priority(113);
  ok.on();
  await priority(143);
  await former.kill();
  await until("down");
  start();
  await until("up");
  const all = await runHalb(["replay", await recording(lab, a)]);
  assert.deepEqual([all.code, all.stderr], [0, ""], all.stdout);
  // A reason that is another one is another step, and steps that read alike are told once.
  for (
    const words of [
      /^router web, \d+ steps since/m,
      /^trackers web, \d+ steps since/m,
      /script uplink failed, check gateway failed: add -37 to the priority( \(\d+ times\))?$/m,
      /script uplink healthy, check gateway failed: add -7 to the priority( \(\d+ times\))?$/m,
      /^script uplink, \d+ steps since/m,
      /failed, exit 3.*: → failed, exit 3/,
      /succeeded, .*: → healthy, /,
      /^check gateway, \d+ steps since/m,
      /failed, connection refused.*: → down, connection refused/,
      /^bfd to-peer, \d+ steps since/m,
      /the same decisions as recorded\.\n$/,
    ]
  ) assert.match(all.stdout, words);

  const path = await recording(lab, a, "to-peer");
  const text = Deno.readTextFileSync(path);
  assert.ok(!/hush|secret|104,117,115,104/.test(text), "no key");
  const { code, stdout, stderr } = await runHalb(["replay", path]);
  assert.deepEqual([code, stderr], [0, ""], stdout);
  assert.match(stdout, /^bfd to-peer, \d+ steps since/m);
  assert.match(stdout, /packet, the other side is up/);
  assert.match(stdout, /timer: up → down, nothing heard for 100 ms; sends a packet/);
  // Whose packet comes first decides whether the one that brings it up polls.
  assert.match(stdout, /packet, the other side is [^:]+: \w+ → up, both sides hear each other/);
  assert.match(stdout, /the same decisions as recorded\.\n$/);
  const tampered = `${lab.directory}/tampered.rec`;
  Deno.writeTextFileSync(tampered, text.replaceAll("nothing heard for 100 ms", "it was tired"));
  const other = await runHalb(["replay", tampered]);
  assert.equal(other.code, 1, other.stdout);
  assert.match(other.stdout, /differ, first bfd to-peer, line \d+, step \d+, .*nothing heard for/);
});
