/** BFD as an operator sees it: commands, status, reload, log, programs and FIFOs of real agents. */

import { strict as assert } from "node:assert";
import { ask } from "../../mod/control/client.ts";
import type { SessionStatus } from "../../mod/control/bfd_status.ts";
import type { ReloadResult } from "../../mod/agent/results.ts";
import { type HalbAgent, halbPath, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { statusOf, untilLogged } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";
import { linesOf, notebook, script, untilLines, workshop } from "./notify_helpers.ts";

/** A session with the other host, of an agent that needs no virtual router. */
function site(peer: string, more = "", agent = ""): string {
  return `[agent]
${agent}
[[bfd]]
name = "to-peer"
peer = "${peer}"
interface = "eth0"
transmit_interval = "100ms"
receive_interval = "100ms"
detect_multiplier = 10
${more}
`;
}

async function session(agent: HalbAgent, name = "to-peer"): Promise<SessionStatus> {
  const found = (await statusOf(agent)).bfd.find((one) => one.name === name);
  if (found === undefined) throw new Error(`No BFD session ${name} in the status`);
  return found;
}

async function untilSession(
  lab: Lab,
  agent: HalbAgent,
  state: SessionStatus["state"],
): Promise<SessionStatus> {
  await lab.until(`the session of ${agent.name} is ${state}`, async () => {
    const one = await session(agent);
    if (one.state === state) return true;
    throw new Error(`${one.state}: ${one.reason}; ${one.waiting_for.join("; ")}`);
  }, 15_000);
  return await session(agent);
}

/** Up, and with the intervals of a session that is up: these are agreed on a moment after that. */
async function untilAgreed(lab: Lab, agent: HalbAgent): Promise<SessionStatus> {
  await untilSession(lab, agent, "up");
  await lab.until("the intervals are agreed on", async () => {
    const { detection_time_ms, transmit_interval_ms, polling } = await session(agent);
    return detection_time_ms === 1000 && transmit_interval_ms === 100 && !polling;
  }, 10_000);
  return await session(agent);
}

/** One command of `halb`, with what it prints. */
async function command(agent: HalbAgent, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(halbPath(), {
    args: [...args, "--control", agent.controlPath],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

async function hostsOf(lab: Lab): Promise<[Host, Host]> {
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  return hosts as [Host, Host];
}

lab(
  "halb bfd down and up: the other side is told, a reload keeps it, a start forgets it",
  async (lab) => {
    const [hostA, hostB] = await hostsOf(lab);
    const a = startHalb(lab, hostA, site("192.0.2.2"));
    const b = startHalb(lab, hostB, site("192.0.2.1"));
    await untilSession(lab, a, "up");
    await untilSession(lab, b, "up");

    const down = await command(a, "bfd", "down", "to-peer");
    assert.deepEqual([down.code, down.err], [0, ""]);
    assert.match(down.out, /^to-peer: taken down, until halb bfd up to-peer or a restart/);
    const mine = await untilSession(lab, a, "admin-down");
    assert.equal(mine.diagnostic, "admin-down");
    assert.deepEqual(mine.waiting_for, ["halb bfd up to-peer"]);
    const other = await untilSession(lab, b, "down");
    assert.deepEqual(
      [other.diagnostic, other.remote.state, other.remote_diagnostic],
      ["neighbor-down", "admin-down", "admin-down"],
    );
    assert.match(other.waiting_for.join(), /192\.0\.2\.1, which says AdminDown/);

    // Across reloads, whether its intervals change or it is another session altogether.
    for (const more of ["stall_grace = false", 'source = "192.0.2.1"']) {
      a.writeSite(site("192.0.2.2", more));
      const { result, changes } = await ask(a.controlPath, { command: "reload" }) as ReloadResult;
      assert.equal(result, "applied");
      const key = more.slice(0, more.indexOf(" "));
      const told = changes.filter((one) => one.startsWith(`BFD session to-peer: ${key} `));
      assert.equal(told.length, 1, changes.join());
      await untilSession(lab, a, "admin-down");
    }
    const up = await command(a, "bfd", "up", "to-peer", "--json");
    assert.deepEqual([up.code, JSON.parse(up.out)], [0, { name: "to-peer", action: "up" }]);
    await untilSession(lab, a, "up");
    await untilSession(lab, b, "up");

    // A start forgets it.
    await command(a, "bfd", "down", "to-peer");
    await untilSession(lab, a, "admin-down");
    assert.equal((await a.stop()).code, 0);
    await untilSession(lab, startHalb(lab, hostA, site("192.0.2.2")), "up");
  },
);

lab("commands for sessions that are not there, and wrong usage", async (lab) => {
  const [hostA] = await hostsOf(lab);
  const a = startHalb(lab, hostA, site("192.0.2.2"));
  await untilSession(lab, a, "down");
  const near = await command(a, "bfd", "down", "to-pear");
  assert.equal(near.code, 1);
  assert.match(
    near.err,
    /^halb: Cannot take to-pear down: .*no such BFD session; is to-peer meant/,
  );
  for (const args of [["bfd"], ["bfd", "down"], ["bfd", "reset", "to-peer"]]) {
    const wrong = await command(a, ...args);
    assert.equal(wrong.code, 2, args.join(" "));
    assert.match(wrong.err, /bfd needs down or up, and the NAME of a session/);
  }
  assert.match((await command(a, "bfd", "--help")).out, /^halb bfd down\|up NAME/);
  const gone = await command(a, "status", "nobody");
  assert.deepEqual([gone.code, gone.err], [1, 'halb: there is no "nobody" here: to-peer\n']);
});

lab("status says why a session is not up, for people and programs", async (lab) => {
  const [hostA, hostB] = await hostsOf(lab);
  const keyed = (key: string) =>
    `auth = { type = "keyed-sha1", keys = [{ id = 1, key = "${key}" }] }`;
  const a = startHalb(lab, hostA, site("192.0.2.2", keyed("one secret")));
  // Until its sockets are open it waits for those.
  await lab.until("it waits for a packet", async () => {
    return (await session(a)).waiting_for.join() === "a packet from 192.0.2.2";
  }, 10_000);
  const alone = await command(a, "status");
  assert.match(alone.out, /^SESSION +PEER +INTERFACE +STATE/m);
  assert.match(alone.out, /^to-peer +192\.0\.2\.2 +eth0 +down/m);
  assert.match(alone.out, /to-peer is down: .*waits for: a packet from 192\.0\.2\.2/);
  assert.doesNotMatch(alone.out, /ROUTER/);

  const b = startHalb(lab, hostB, site("192.0.2.1", keyed("another one")));
  await lab.until("the digest is refused", async () => {
    const { dropped } = (await session(a)).counters;
    return (dropped["authentication_digest"] ?? 0) > 0;
  }, 10_000);
  const text = await command(a, "status", "to-peer");
  assert.match(text.out, /^authentication +keyed-sha1$/m);
  assert.match(text.out, /refused, since they do not match the key/);
  const whole = JSON.stringify(await statusOf(a)) + text.out + a.log() + b.log();
  assert.doesNotMatch(whole, /one secret|another one/);

  // The key is put right; the session comes up, and says so.
  b.writeSite(site("192.0.2.1", keyed("one secret")));
  const { result } = await ask(b.controlPath, { command: "reload" }) as ReloadResult;
  assert.equal(result, "applied");
  const up = await untilAgreed(lab, a);
  assert.deepEqual(
    [up.authentication, up.detection_time_ms, up.transmit_interval_ms, up.waiting_for],
    ["keyed-sha1", 1000, 100, []],
  );
  const table = await command(a, "status");
  assert.match(table.out, /^to-peer +192\.0\.2\.2 +eth0 +up +\S+ +1000 ms/m);

  await b.kill();
  await untilSession(lab, a, "down");
  await untilLogged(lab, a, "warning bfd.to-peer: up → down");
  assert.match(a.log(), /up → down reason="nothing heard for 1000 ms" cause=detection_expired/);
  const failed = await command(a, "status");
  assert.match(failed.out, /to-peer is down: nothing heard for 1000 ms; waits for: a packet/);
});

lab("programs and FIFOs of a session: up, down, taken down, and the agent's JSON", async (lab) => {
  const [hostA, hostB] = await hostsOf(lab);
  const work = workshop(lab);
  const book = notebook(`${work}/book`);
  const program = script(
    `${work}/note`,
    `echo "$*|$HALB_TYPE $HALB_NAME $HALB_PREVIOUS_STATE>$HALB_STATE` +
      `|$HALB_PEER $HALB_EVENT $HALB_DIAGNOSTIC" >>${book}`,
  );
  const [fifo, all, json] = [`${work}/own`, `${work}/all`, `${work}/json`];
  const read = (path: string) => {
    const lines = notebook(`${path}.lines`);
    hostA.spawn(["sh", "-c", `while true; do cat ${path} >>${lines}; done`], { name: "reader" });
    return lines;
  };
  for (const path of [fifo, all, json]) {
    await new Deno.Command("mkfifo", { args: ["-m", "666", path] }).output();
  }
  const [own, everything, objects] = [read(fifo), read(all), read(json)] as [
    string,
    string,
    string,
  ];
  const notify = `notify = { up = ["${program}", "up"], down = ["${program}", "down"], ` +
    `admin_down = ["${program}", "admin"], any = ["${program}", "any"], fifo = "${fifo}" }`;
  const agent = `notify = { fifo = "${all}", json_fifo = "${json}" }\n`;
  const a = startHalb(lab, hostA, site("192.0.2.2", notify, agent));
  const b = startHalb(lab, hostB, site("192.0.2.1"));
  await untilAgreed(lab, a);
  await b.kill();
  await untilSession(lab, a, "down");
  await command(a, "bfd", "down", "to-peer");
  await untilSession(lab, a, "admin-down");
  await untilLines(lab, book, [
    "up|BFD to-peer >UP|192.0.2.2 handshake none",
    "any BFD to-peer UP 0|BFD to-peer >UP|192.0.2.2 handshake none",
    "down|BFD to-peer UP>DOWN|192.0.2.2 detection_expired control-expiry",
    "any BFD to-peer DOWN 0|BFD to-peer UP>DOWN|192.0.2.2 detection_expired control-expiry",
    "admin|BFD to-peer DOWN>ADMIN_DOWN|192.0.2.2 admin_down admin-down",
    "any BFD to-peer ADMIN_DOWN 0|BFD to-peer DOWN>ADMIN_DOWN|192.0.2.2 admin_down admin-down",
  ]);
  await untilLines(lab, own, [
    'BFD "to-peer" UP',
    'BFD "to-peer" DOWN',
    'BFD "to-peer" ADMIN_DOWN',
  ]);
  await lab.until("all objects have come", () => linesOf(objects).length >= 3, 10_000);
  const told = linesOf(objects).map((line) => JSON.parse(line));
  assert.deepEqual(
    told.map(({ type, name, state, previous_state, peer, event, diagnostic }) =>
      [type, name, state, previous_state, peer, event, diagnostic].join(" ")
    ),
    [
      "bfd to-peer up  192.0.2.2 handshake none",
      "bfd to-peer down up 192.0.2.2 detection_expired control-expiry",
      "bfd to-peer admin_down down 192.0.2.2 admin_down admin-down",
    ],
  );
  assert.equal(told[1].cause, "nothing heard for 1000 ms");
  // Readers of keepalived's lines have not asked for others.
  assert.deepEqual(linesOf(everything), []);
});

lab(
  "an upgrade is no news, and keeps what was taken down; the end of the agent is told",
  async (lab) => {
    const [hostA, hostB] = await hostsOf(lab);
    const work = workshop(lab);
    const book = notebook(`${work}/book`);
    const program = script(
      `${work}/note`,
      `echo "$HALB_NAME $HALB_PREVIOUS_STATE>$HALB_STATE $HALB_EVENT" >>${book}`,
    );
    const second = `[[bfd]]\nname = "quiet"\npeer = "192.0.2.3"\ninterface = "eth0"\n`;
    const notify = `[defaults.bfd]\nnotify = { any = ["${program}"] }\n`;
    const a = startHalb(lab, hostA, site("192.0.2.2", second) + notify);
    const b = startHalb(lab, hostB, site("192.0.2.1"));
    await untilSession(lab, a, "up");
    await command(a, "bfd", "down", "quiet");
    const told = ["to-peer >UP handshake", "quiet >ADMIN_DOWN admin_down"];
    await untilLines(lab, book, told);
    const before = await session(a);

    const { new: next } = await upgrade(a);
    const after = await session(a);
    assert.deepEqual(
      [after.state, after.transitions, after.local_discriminator, after.source_port],
      ["up", before.transitions, before.local_discriminator, before.source_port],
    );
    assert.equal((await session(a, "quiet")).state, "admin-down");
    assert.equal((await untilSession(lab, b, "up")).transitions, (await session(b)).transitions);
    assert.deepEqual(linesOf(book), told);

    // The new process knows what was told.
    assert.equal((await command(a, "bfd", "up", "quiet")).code, 0);
    Deno.kill(next.pid, "SIGTERM");
    // The one that was taken down is told of no more: it has not been up since.
    await untilLines(lab, book, [...told, "to-peer UP>ADMIN_DOWN stopped"]);
  },
);
