/**
 * `halb watch` in a real terminal, as somebody who looks has it. The shell in it is one that leaves
 * the terminal's modes alone, so that what is there after halb is halb's doing.
 */

import assert from "node:assert/strict";
import { ask } from "../../mod/control/client.ts";
import { type HalbAgent, halbPath, type Host, type Lab, lab, startHalb } from "../lib/mod.ts";
import { processTree, tryExecute } from "../lib/mod.ts";
import { type Look, SOBER, Terminal } from "../lib/terminal.ts";
import { endSuccessor, statusOf, webSite } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

/** From a change until it is on the screen, milliseconds: a decent while and a machine's. */
const SEEN = 1_500;
/** Times as long as an answer takes between two questions, so that they cost the agent little. */
const REST = 20;

/** How long an agent takes to answer as it is asked here, milliseconds, as a slow one does. */
async function answerTime({ controlPath }: HalbAgent): Promise<number> {
  let longest = 0;
  for (let i = 0; i < 3; i++) {
    const begun = performance.now();
    await ask(controlPath, { command: "overview" });
    longest = Math.max(longest, performance.now() - begun);
  }
  return longest;
}

const SITE = `${webSite("100ms")}
[[vrrp]]
name = "lan"
interface = "eth0"
virtual_router_id = 52
priority = { by_host = { a = 150, b = 100 } }
advertisement_interval = "100ms"
addresses = ["192.0.2.11/24"]

[[sync_group]]
name = "site"
members = ["web", "lan"]

[[bfd]]
name = "to-peer"
peer = { by_host = { a = "192.0.2.2", b = "192.0.2.1" } }
interface = "eth0"
transmit_interval = "100ms"
receive_interval = "100ms"

[[check]]
name = "gate"
type = "ping"
address = "192.0.2.2"

[[virtual_server]]
name = "shop"
listen = "192.0.2.80:80"
check = { type = "tcp", interval = "1s" }
real_server = [{ address = "192.0.2.1:8080" }, { address = "192.0.2.2:8080" }]
`;

/** The keys of a terminal. */
const KEY = { up: "\x1b[A", down: "\x1b[B", escape: "\x1b", interrupt: "\x03", suspend: "\x1a" };

/** A shell on a host, in a terminal. */
function shell(lab: Lab, host: Host, env: Record<string, string> = {}): Terminal {
  return new Terminal(lab, host.prefix(), ["dash", "-i"], { env: { NO_COLOR: "", ...env } });
}

/** The command that looks at an agent. */
function watchOf({ controlPath }: HalbAgent): string {
  return `${halbPath()} watch --control ${controlPath}`;
}

/** The shell has its terminal back, as it was, and the view is gone. */
async function untilSober(terminal: Terminal, mark: string): Promise<string> {
  const sober = { ...SOBER, canonical: true };
  const isSober = (look: Look) =>
    Object.entries(sober).every(([key, value]) => {
      return look[key as keyof Look] === value;
    });
  const { lines } = await terminal.untilLook(mark, (look) => {
    return isSober(look) && look.lines.some((line) => line.includes(mark));
  });
  const text = lines.join("\n");
  assert.doesNotMatch(text, /Recent events|KIND/);
  return text;
}

/** Rows of the table, the mark of the chosen one first. */
function rows(screen: string): string[] {
  const [table = ""] = screen.split("\nRecent events");
  return table.split("\n").slice(3).filter((line) => line.trim() !== "");
}

lab("halb watch: rows, keys, sizes, and a failover as it happens", async (lab) => {
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  const [a, b] = hosts.map((host) => startHalb(lab, host, SITE)) as [HalbAgent, HalbAgent];
  await a.untilState("web", "master");
  await b.untilState("web", "backup");
  const terminal = shell(lab, b.host);
  await terminal.keys(`${watchOf(b)}\r`);
  const all = await terminal.until(
    "all are there, with rates",
    /bfd +to-peer +up +\S+ +[\d.]+\/s[\s\S]* 0\/2 up[\s\S]*check +gate +up/,
  );
  assert.match(all, /^b {2}halb \S+ {2}configuration 1 {2}2 routers {2}1 session {2}1 pool/);
  const shape = [
    /^> router lan +backup +\S+ +[\d.]+\/s +eth0 id 52/,
    /^ {2}router web +backup .* eth0 id 51/,
    /^ {2}group {2}site +backup/,
    /^ {2}bfd {4}to-peer +up .* 192\.0\.2\.1/,
    /^ {2}pool {3}shop +\S+ .* 0\/2 up/,
    /^ {2}check {2}gate +up .* ping/,
  ];
  const shown = rows(all);
  assert.equal(shown.length, shape.length, all);
  shape.forEach((row, i) => assert.match(shown[i]!, row));
  const { lines, reversed, colours, ...modes } = await terminal.look();
  assert.match(lines[23]!, /^\? help {2}q quit/);
  assert.deepEqual(reversed, [3], "the chosen row");
  assert.ok(colours.includes("green"), colours.join());
  const asked = { alternate: true, cursor: false, canonical: false, echoes: false };
  assert.deepEqual(modes, { ...asked, wraps: false, exit_code: null });

  // Choose, sort, the other way round, filter.
  await terminal.keys(`${KEY.down}jk${KEY.down}`);
  await terminal.until("the third is chosen", /^> group {2}site/m);
  await terminal.keys("s");
  const byName = rows(await terminal.until("by name", /^All, by name$/m));
  const names = byName.map((row) => row.slice(2).split(/ +/)[1]!);
  assert.deepEqual(names, names.toSorted());
  assert.match(byName.find((row) => row.startsWith(">"))!, /group {2}site/, "the choice is kept");
  await terminal.keys("r");
  await terminal.until("reversed", /^All, by name, reversed$/m);
  await terminal.keys("/router web");
  await terminal.until("it is typed", /filter: router web_$/m);
  await terminal.keys("\r");
  assert.equal(rows(await terminal.until("the filter", /filter: router web$/m)).length, 1);
  // Open, back; the pool's servers.
  await terminal.keys("\r");
  await terminal.until("all about it", /^router web\n[\s\S]*^virtual router +web \(id 51/m);
  await terminal.keys(KEY.escape);
  await terminal.until("the list again", /^> router web/m);
  await terminal.keys(KEY.escape);
  await terminal.until("no filter", /^All, by name, reversed$/m);
  await terminal.keys("/shop\r\r");
  const servers = await terminal.until("its servers", /^> server 192\.0\.2\.2:8080 +down/m);
  assert.match(servers, /server 192\.0\.2\.1:8080 +down/);
  await terminal.keys("d");
  await terminal.until("a question", /^drain 192\.0\.2\.2:8080 of shop\? y: yes/m);
  await terminal.keys("n");
  await terminal.until("refused", /^drain: not done$/m);
  await terminal.keys(`q${KEY.escape}`);
  await terminal.until("the list", /^. router web/m);
  // Help, events alone.
  await terminal.keys("?");
  await terminal.until("help", /^Enter → +open/m);
  await terminal.keys("?e");
  await terminal.until("events", /^Events, the newest first\n[\s\S]*web +\S+ → backup/m);
  await terminal.keys("e");

  // The master dies: from the new master's first advert to the screen.
  const before = await answerTime(b);
  await a.kill();
  await terminal.until("it has become master", /router web +master/);
  const late = Date.now() - Date.parse((await statusOf(b)).vrrp[0]!.since);
  const allowed = Math.max(SEEN, REST * Math.max(before, await answerTime(b)) + 500);
  console.log(`A new master is seen after ${late} ms`);
  assert.ok(late <= allowed, `${late} ms of ${allowed}`);
  // Among the few recent ones it may have been followed by others.
  await terminal.keys("e");
  await terminal.until("and why", /web +backup → master: no advertisement/);
  await terminal.keys("e");
  await terminal.until("the list is back", /^. router web +master/m);

  // Larger, and as small as a phone's.
  await terminal.resize(120, 40);
  const large = await terminal.until("larger", /(?:.*\n){39}\? help/);
  assert.match(large, /^.{81,}$/m);
  await terminal.resize(40, 10);
  // The lower end of what was shown before has a line of help, too: only a new picture has the rest.
  const small = /^. router web +master(?:.*\n)+\? help {2}q quit {2}Enter open/m;
  await terminal.until("smaller", small);
  await terminal.keys("/bfd\r\r");
  await terminal.until("opened there", /^bfd to-peer[\s\S]*down/m);
  await terminal.keys("qq");
  await untilSober(terminal, "$");
});

lab("halb watch: suspended and continued, through an upgrade, a loss and a return", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"));
  await agent.untilState("web", "master");
  const terminal = shell(lab, host, { NO_COLOR: "1" });
  await terminal.keys(`${watchOf(agent)}\r`);
  await terminal.until("it watches", /^> router web +master/m);
  const { colours, reversed } = await terminal.look();
  assert.deepEqual([colours, reversed], [[], []], "NO_COLOR");

  // What is typed meanwhile is the shell's; halb draws all anew.
  for (const time of ["once", "again"]) {
    await terminal.keys(KEY.suspend);
    await untilSober(terminal, "Stopped");
    await terminal.keys(`echo asleep-$((40+2))-${time}\r`);
    await untilSober(terminal, `asleep-42-${time}`);
    await terminal.resize(time === "once" ? 100 : 80, 24);
    await terminal.keys("fg\r");
    await terminal.until("it is drawn anew", /^> router web +master(?:.*\n)+\? help/m);
    const { alternate, echoes, cursor } = await terminal.look();
    assert.deepEqual({ alternate, echoes, cursor }, {
      alternate: true,
      echoes: false,
      cursor: false,
    });
  }

  // Another process, none, and another one.
  const { pid } = await statusOf(agent);
  await upgrade(agent);
  await terminal.until("the event of the upgrade", /halb upgrade|taken over/i);
  assert.notEqual((await statusOf(agent)).pid, pid);
  await endSuccessor(lab, agent);
  await terminal.until("it says so", /^The agent does not answer: it is away/m);
  const control = `[agent]\ncontrol = "${agent.controlPath}"\n`;
  const again = startHalb(lab, host, control + webSite("100ms"));
  await terminal.until("it is back", /^All, by kind\n[\s\S]*router web +master/m);
  await again.kill();
  await terminal.until("it is away again", /^The agent does not answer/m);
  await terminal.keys("q");
  // What is typed before that is still for halb.
  await untilSober(terminal, "$");
  await terminal.keys("echo code-$?\r");
  await untilSober(terminal, "code-0");
  await terminal.keys(`${watchOf(agent)}; echo nobody-$?\r`);
  await untilSober(terminal, "nobody-3");
});

lab("halb watch: however it ends, the terminal is as it was", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"));
  await agent.untilState("web", "master");
  const terminal = shell(lab, host);
  const note = `${lab.directory}/pid`;
  const noted = `sh -c 'echo $$ >${note}; exec ${watchOf(agent)}'`;
  const signal = (name: Deno.Signal) => {
    Deno.kill(Number(Deno.readTextFileSync(note)), name);
    return Promise.resolve();
  };
  const ends: readonly [mark: string, code: number, end: () => Promise<unknown>][] = [
    ["quit", 0, () => terminal.keys("q")],
    ["interrupt", 130, () => terminal.keys(KEY.interrupt)],
    ["term", 143, () => signal("SIGTERM")],
    ["hangup", 129, () => signal("SIGHUP")],
  ];
  for (const [mark, code, end] of ends) {
    await terminal.keys(`${noted}; echo ${mark}-$?-code\r`);
    await terminal.untilLook("it watches", ({ alternate, lines }) => {
      return alternate && lines.some((line) => /router web +master/.test(line));
    });
    await end();
    await untilSober(terminal, `${mark}-${code}-code`);
  }
  // Nothing of it stays when the window is closed.
  await terminal.keys(`${noted}\r`);
  await terminal.untilLook("it watches", ({ alternate }) => alternate);
  const pid = Number(Deno.readTextFileSync(note));
  assert.equal(processTree(pid)[0], pid);
  await terminal.hangUp();
  await lab.until("it has ended", () => tryKill(pid), 10_000);
  // Where no shell would let it go on, it does not stop.
  const alone = new Terminal(lab, host.prefix(), watchOf(agent).split(" "));
  await alone.until("it watches", /router web +master/);
  await alone.keys(`${KEY.suspend}/web`);
  await alone.until("it goes on", /filter: web_/);
  await alone.keys("\rq");
  await alone.untilLook("it has ended", ({ exit_code: code }) => code === 0);
  const piped = await tryExecute([halbPath(), "watch", "--control", agent.controlPath]);
  assert.equal(piped.code, 2);
  assert.match(piped.stderr, /needs a terminal/);
});

/** Whether there is no such process. */
function tryKill(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return false;
  } catch {
    return true;
  }
}
