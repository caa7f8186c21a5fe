/**
 * The agent as a program: exit codes, control socket, signals, dumps, logs, privileges, memory and
 * scheduling.
 */

import assert from "node:assert/strict";
import { adverts } from "../lib/adverts.ts";
import {
  type Executed,
  type HalbAgent,
  halbPath,
  type Host,
  type Lab,
  lab,
  runHalb,
  startHalb,
  tryExecute,
  withAgentKeys,
} from "../lib/mod.ts";
import {
  FAULTS,
  inject,
  longestGap,
  routerOf,
  statusOf,
  threads,
  untilLogged,
  VIP,
  webSite,
} from "./agent_helpers.ts";
import { ask } from "../../mod/control/client.ts";

const WEB = webSite("100ms");

async function startMaster(lab: Lab, site = WEB, faults = false): Promise<[HalbAgent, Host]> {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, site, faults ? FAULTS : {});
  await agent.untilState("web", "master");
  return [agent, host];
}

function write(lab: Lab, name: string, text: string): string {
  const path = `${lab.directory}/${name}`;
  Deno.writeTextFileSync(path, text, { mode: 0o600 });
  return path;
}

/** A complete site file for one agent, with its own paths. */
function siteFile(lab: Lab, name: string, keys: Record<string, string> = {}): string {
  return write(
    lab,
    `${name}.toml`,
    withAgentKeys(WEB, {
      control: `"${lab.directory}/${name}.sock"`,
      state_directory: `"${lab.directory}/${name}"`,
      ...keys,
    }),
  );
}

function says(result: Executed): string {
  return `exit code ${result.code}\n${result.stdout}${result.stderr}`;
}

lab("exit codes: 2 for wrong usage and invalid configuration", async (lab) => {
  const broken = write(lab, "broken.toml", WEB.replace("interface", "interfaec"));
  const cases: [string[], RegExp][] = [
    [["frobnicate"], /no command "frobnicate"/],
    [["status", "--frobnicate"], /frobnicate/],
    [["run"], /--config/],
    [["--name", "a"], /--config/],
    [["status", "web", "lan"], /unexpected argument "lan"/],
    [["check", broken], /broken\.toml:\d+:1: error/],
    [["run", "--config", broken], /broken\.toml:\d+:1: error/],
    [["--config", broken], /broken\.toml:\d+:1: error/],
    [["--config", `${lab.directory}/none.toml`], /none\.toml/],
    [["run", "--config", siteFile(lab, "c"), "--name", "c"], /by_host|"c"/],
  ];
  for (const [argv, expected] of cases) {
    const result = await runHalb(argv);
    assert.equal(result.code, 2, `${argv.join(" ")}: ${says(result)}`);
    assert.match(result.stdout + result.stderr, expected);
  }
});

lab("exit code 3: no agent answers", async (lab) => {
  for (const words of [["status"], ["status", "--json"], ["reload"]]) {
    const result = await runHalb([...words, "--control", `${lab.directory}/none.sock`]);
    assert.equal(result.code, 3, says(result));
    assert.match(result.stderr, /Cannot reach the agent at ".*none\.sock": no such socket/);
  }
  // The socket of an agent that was killed.
  const [agent] = await startMaster(lab);
  await agent.kill();
  const result = await runHalb(["status", "--config", agent.configPath, "--name", "a"]);
  assert.equal(result.code, 3, says(result));
  assert.match(result.stderr, /nobody listens/);
});

lab("exit code 4: a missing privilege is named", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const run = [halbPath(), "run", "--config", siteFile(lab, "a"), "--name", "a"];
  for (const name of ["net_raw", "net_admin"]) {
    const result = await host.tryExec(["setpriv", `--bounding-set=-${name}`, ...run]);
    assert.equal(result.code, 4, says(result));
    assert.match(result.stderr, new RegExp(`needs CAP_${name.toUpperCase()}: run it as root`));
  }
});

lab("without CAP_SYS_NICE it runs, and says what is missing", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const run = [halbPath(), "run", "--config", siteFile(lab, "a"), "--name", "a"];
  const process = host.spawn(["setpriv", "--bounding-set=-sys_nice", ...run]);
  await lab.until("it holds the address", () => host.holds(VIP), 15_000);
  assert.match(process.log(), /warning protocol: No real-time scheduling/);
  assert.equal((await process.stop()).code, 0);
});

lab("exit code 1: what cannot be had is named, and nothing is touched", async (lab) => {
  const [agent, host] = await startMaster(lab);
  const run = (path: string) => host.tryExec([halbPath(), "run", "--config", path, "--name", "a"]);
  const second = await run(agent.configPath);
  assert.equal(second.code, 1, says(second));
  assert.match(second.stderr, /Another agent answers at/);
  const file = write(lab, "file", "precious");
  const directory = await run(siteFile(lab, "b", { state_directory: `"${file}/state"` }));
  assert.equal(directory.code, 1, says(directory));
  assert.match(directory.stderr, /file\/state/);
  const shared = await run(siteFile(lab, "d", { state_directory: `"${agent.stateDirectory}"` }));
  assert.equal(shared.code, 1, says(shared));
  assert.match(shared.stderr, /Another agent uses the state directory ".*": give each its own/);
  const control = await run(siteFile(lab, "c", { control: `"${file}"`, instance: '"c"' }));
  assert.equal(control.code, 1, says(control));
  assert.match(control.stderr, /file" is there and is no socket/);
  assert.equal(Deno.readTextFileSync(file), "precious");
  assert.equal((await routerOf(agent, "web")).state, "master", "the first one goes on");
  assert.ok(await host.holds(VIP));
});

lab("the control socket is its owner's alone, and goes with the agent", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const control = `${lab.directory}/run/halb/control.sock`;
  const state = `${lab.directory}/lib/state`;
  const keys = { control: `"${control}"`, state_directory: `"${state}"` };
  const argv = ["--config", siteFile(lab, "a", keys), "--name", "a"];
  const process = host.spawn(["sh", "-c", 'umask 000; exec "$@"', "sh", halbPath(), ...argv]);
  await lab.until("it answers", () => ask(control, { command: "status" }), 15_000);
  const mode = (path: string) => (Deno.lstatSync(path).mode! & 0o777).toString(8);
  assert.equal(mode(control), "600");
  assert.equal(mode(`${lab.directory}/run/halb`), "700");
  assert.equal(mode(state), "700");
  assert.equal((await process.stop()).code, 0);
  assert.throws(() => Deno.lstatSync(control), Deno.errors.NotFound);
});

/** Connects without a word. */
function connect(agent: HalbAgent): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: agent.controlPath });
}

async function converse(agent: HalbAgent, request: Uint8Array): Promise<string> {
  const connection = await connect(agent);
  const answer = new Response(connection.readable).text();
  try {
    for (let at = 0; at < request.length;) at += await connection.write(request.subarray(at));
  } catch (error) {
    // It may have heard enough before we have said all; reading its end closes our side, too.
    const { BrokenPipe, ConnectionReset, Interrupted } = Deno.errors;
    const ends = [BrokenPipe, ConnectionReset, Interrupted];
    if (!ends.some((kind) => error instanceof kind)) throw error;
  }
  return await answer;
}

lab(
  "hostile clients: the agent lives, others are answered, adverts keep their time",
  async (lab) => {
    const host = await lab.host("a");
    const lan = await lab.lan("net", [host]);
    const agent = startHalb(lab, host, WEB);
    await agent.untilState("web", "master");
    const capture = await lab.capture(lan, "ip proto 112");
    const bytes = (text: string) => new TextEncoder().encode(text);
    const answers: [Uint8Array, RegExp][] = [
      [bytes("garbage\n"), /"Request is not JSON"/],
      [bytes("\n"), /"Request is not JSON"/],
      [bytes("null\n"), /has no \\"command\\"/],
      [bytes(`{"command":"constructor"}\n`), /Unknown command/],
      [bytes(`{"command":["status"]}\n`), /Unknown command/],
      [bytes(`{"command":"inject_fault","plane":"kernel","fault":"throw"}\n`), /FAULT_INJECTION/],
      [Uint8Array.of(0xff, 0xfe, 0, 0x0a), /"Request is not JSON"/],
      [bytes(`{"command":"version"}\nmore`), /"version":/],
    ];
    for (const [request, expected] of answers) {
      assert.match(await converse(agent, request), expected);
    }
    // Refused unread: whether the refusal is heard before the connection is gone is a matter of luck.
    const refused = await converse(agent, new Uint8Array(1_000_000).fill(0x7b)).catch(String);
    assert.match(refused, /longer than 65536 bytes|ConnectionReset/);
    // Silent ones, more than there is room for; and some that ask and never read.
    const held: Deno.UnixConn[] = [];
    for (let i = 0; i < 200; i++) held.push(await connect(agent));
    for (let i = 0; i < 100; i++) {
      const connection = await connect(agent);
      await connection.write(bytes(`{"command":"status"}\n`)).catch(() => {});
      held.push(connection);
    }
    const asked = performance.now();
    for (let i = 0; i < 20; i++) assert.equal((await routerOf(agent, "web")).state, "master");
    const took = performance.now() - asked;
    assert.ok(took < 2000, `20 answers took ${took} ms`);
    const looked = await runHalb(["status", "--control", agent.controlPath]);
    assert.equal(looked.code, 0, says(looked));
    for (const connection of held) connection.close();
    await lab.delay(300);
    assert.ok(await host.holds(VIP));
    const gap = longestGap(await adverts(capture), "192.0.2.1");
    assert.ok(gap < 140_000, `an advert came after ${gap} µs`);
  },
  { attempts: 2 },
);

lab(
  "USR1 and USR2 write state and statistics, for the owner only, through no link",
  async (lab) => {
    const [agent] = await startMaster(lab);
    const dump = `${agent.stateDirectory}/dump.json`;
    const statistics = `${agent.stateDirectory}/stats.json`;
    const victim = write(lab, "victim", "precious");
    Deno.symlinkSync(victim, dump);
    Deno.symlinkSync(victim, `${dump}.${agent.pid}`);
    Deno.symlinkSync(`${lab.directory}/nowhere`, statistics);
    agent.process.signal("SIGUSR1");
    agent.process.signal("SIGUSR2");
    await untilLogged(lab, agent, "Wrote ", 2);
    for (const path of [dump, statistics]) {
      const { isFile, mode } = Deno.lstatSync(path);
      assert.ok(isFile, `${path} is a file of its own`);
      assert.equal(mode! & 0o777, 0o600);
    }
    assert.equal(Deno.readTextFileSync(victim), "precious");
    const state = JSON.parse(Deno.readTextFileSync(dump));
    assert.equal(state.vrrp[0].state, "master");
    const became = state.recent.filter((step: { effects: { effect: { to?: string } }[] }) =>
      step.effects.some(({ effect }) => effect.to === "master")
    );
    assert.equal(became.length, 1, "the step to master, with its cause");
    assert.match(became[0].cause, /^p:/);
    const stats = JSON.parse(Deno.readTextFileSync(statistics));
    assert.ok(stats.vrrp[0].counters[0].advertisements_sent > 0);
    // A directory in the way is said, and nothing more.
    Deno.removeSync(dump);
    Deno.mkdirSync(`${dump}/x`, { recursive: true });
    agent.process.signal("SIGUSR1");
    await untilLogged(lab, agent, "Cannot write ");
    assert.equal((await routerOf(agent, "web")).state, "master");
    const names = [...Deno.readDirSync(agent.stateDirectory)].map(({ name }) => name).sort();
    const kept = names.filter((name) => !name.startsWith("events."));
    assert.deepEqual(kept, ["dump.json", "protocol_number", "stats.json"], "no draft is left");
  },
);

lab("a second TERM stops at once, a first one waits for a successor", async (lab) => {
  const owner = webSite("10s").replace(/priority = .*/, "priority = 255");
  const [agent, host] = await startMaster(lab, owner);
  agent.process.signal("SIGTERM");
  await untilLogged(lab, agent, "Stopping");
  await lab.delay(1000);
  assert.ok(agent.process.running, "nobody has succeeded it");
  assert.ok(await host.holds(VIP), "so that it still answers");
  const status = await agent.stop(4000);
  assert.equal(status.code, 0, agent.log());
  assert.equal(await host.holds(VIP), false);
});

lab("a TERM or INT in the first moments ends the agent in order", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  for (const [i, wait] of [0, 20, 60, 120, 250].entries()) {
    const agent = startHalb(lab, host, WEB);
    await untilLogged(lab, agent, "halb 0", 1, 15_000);
    await lab.delay(wait);
    agent.process.signal(i % 2 === 0 ? "SIGTERM" : "SIGINT");
    const status = await agent.stop(8000);
    assert.equal(status.code, 0, agent.log());
    assert.equal(await host.holds(VIP), false);
  }
});

lab("status while the startup script runs says so at once, and again later", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const go = `${lab.directory}/go`;
  const script = `while [ ! -e ${go} ]; do sleep 0.05; done`;
  const table = `[agent]\nscript_user = "root"\nstartup_script = ["/bin/sh", "-c", "${script}"]\n`;
  const agent = startHalb(lab, host, table + WEB);
  const early = await lab.until("it answers", async () => {
    const answer = await runHalb(["status", "--control", agent.controlPath]);
    return answer.code === 3 ? undefined : answer;
  }, 15_000);
  assert.equal(early.code, 1);
  assert.match(early.stderr, /The agent is starting/);
  write(lab, "go", "");
  await agent.untilState("web", "master");
});

lab("nobody reads what it says: the agent goes on", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const path = siteFile(lab, "a", { log: `{ level = "debug" }` });
  const control = `${lab.directory}/a.sock`;
  const script = 'exec "$@" > >(head -n 1) 2> >(head -n 1)';
  const argv = [halbPath(), "--config", path, "--name", "a"];
  const process = host.spawn(["bash", "-c", script, "bash", ...argv]);
  await lab.until("it holds the address", () => host.holds(VIP), 15_000);
  assert.equal(process.log().trimEnd().split("\n").length, 1, "the reader went after one line");
  for (let i = 0; i < 3; i++) {
    process.signal("SIGHUP");
    await ask(control, { command: "reload" });
  }
  const result = await tryExecute([halbPath(), "status", "--control", control]);
  assert.equal(result.code, 0, says(result));
  assert.equal((await process.stop()).code, 0);
});

lab("every line of a JSON log is a JSON object, also when a plane dies", async (lab) => {
  const site = `[agent]\nlog = { level = "debug", format = "json" }\n\n${WEB}`;
  const [agent, host] = await startMaster(lab, site, true);
  await inject(agent, "protocol", "throw");
  await untilLogged(lab, agent, "The protocol plane runs again");
  await inject(agent, "kernel", "throw");
  await untilLogged(lab, agent, "The kernel plane runs again");
  agent.reload("this is no TOML {");
  await untilLogged(lab, agent, "Reload: invalid");
  await host.exec(["ip", "link", "set", "eth0", "down"]);
  await agent.untilState("web", "fault");
  await agent.stop();
  const lines = agent.log().trimEnd().split("\n");
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const { time, level, category, message } of records) {
    assert.equal(new Date(String(time)).toISOString(), time);
    assert.match(String(level), /^(debug|info|warning|error)$/);
    assert.match(String(category), /^[\w.]+$/);
    assert.ok(typeof message === "string" && message !== "");
  }
  const died = records.find(({ message }) => message === "The protocol plane died");
  assert.match(String(died?.stack), /injectFault/);
});

lab("--name names the node, with options before and after the command", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const path = siteFile(lab, "a");
  const process = host.spawn([halbPath(), "--name=b", "run", "-c", path]);
  const control = `${lab.directory}/a.sock`;
  const show = () => runHalb(["status", "--json", "web", "--control", control]);
  await lab.until("it knows its router", async () => (await show()).code === 0, 10_000);
  assert.equal(JSON.parse((await show()).stdout).priority, 100, "the priority of b");
  const all = await runHalb(["--json", "--control", control, "status"]);
  assert.equal(JSON.parse(all.stdout).name, "b");
  const missing = await runHalb(["status", "lan", "--control", control]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /no "lan" here: web/);
  assert.equal((await process.stop()).code, 0);
});

/** Scheduling policy of a thread, as `chrt` shows it: `SCHED_FIFO|SCHED_RESET_ON_FORK 50`. */
async function scheduling(thread: number): Promise<string> {
  const { stdout } = await tryExecute(["chrt", "-p", String(thread)]);
  return [...stdout.matchAll(/: (.*)$/gm)].map((match) => match[1]).join(" ");
}

lab(
  "one thread is a real-time one, its memory is locked, and both survive a crash",
  async (lab) => {
    const [agent] = await startMaster(lab, WEB, true);
    for (let crash = 1; crash <= 2; crash++) {
      const status = Deno.readTextFileSync(`/proc/${agent.pid}/status`);
      const locked = Number(/^VmLck:\s+(\d+) kB/m.exec(status)?.[1]);
      assert.ok(locked > 10_000, `${locked} kB are locked`);
      assert.deepEqual((await statusOf(agent)).realtime.policy, "fifo");
      // The thread of the one that died takes a moment to end.
      await lab.until("one thread, and no other, is a real-time one", async () => {
        const policies = await Promise.all(threads(agent.pid).map(scheduling));
        const realtime = policies.filter((policy) => policy.startsWith("SCHED_FIFO"));
        assert.deepEqual(realtime, ["SCHED_FIFO|SCHED_RESET_ON_FORK 50"], policies.join("\n"));
        return true;
      }, 2000);
      await inject(agent, "protocol", "throw");
      await untilLogged(lab, agent, "The protocol plane runs again", crash);
      await agent.untilState("web", "master");
    }
    assert.equal((await agent.stop()).code, 0);
  },
);
