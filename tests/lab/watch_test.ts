/** `halb watch` in a terminal of its own (tmux), as somebody who looks has it. */

import assert from "node:assert/strict";
import { halbPath, type Host, type Lab, lab, startHalb, tryExecute } from "../lib/mod.ts";
import { endSuccessor, statusOf, webSite } from "./agent_helpers.ts";
import { upgrade } from "./upgrade_helpers.ts";

const PATIENCE = 20_000;

/** A terminal of 80x24 that runs a shell. */
class Terminal {
  readonly #lab: Lab;
  readonly #socket: string;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#socket = `${lab.directory}/tmux`;
  }

  /** Begins; the server ends with the lab's processes. */
  async begin(host: Host): Promise<void> {
    Deno.writeTextFileSync(`${this.#lab.directory}/tmux.conf`, "set -g default-shell /bin/sh\n");
    const argv = ["tmux", "-f", `${this.#lab.directory}/tmux.conf`, "-S", this.#socket, "-D"];
    host.spawn(argv, { name: "tmux", env: { TERM: "xterm", PS1: "", LC_ALL: "C.UTF-8" } });
    const size = ["-x", "80", "-y", "24"];
    await this.#lab.until(
      "a terminal",
      async () => {
        return (await this.tmux("new-session", "-d", "-s", "w", ...size, "sh")).code === 0;
      },
      PATIENCE,
      100,
    );
  }

  tmux(...args: string[]) {
    // It starts no server of its own, which would outlive the lab.
    return tryExecute(["tmux", "-N", "-u", "-S", this.#socket, ...args]);
  }

  async keys(...keys: string[]): Promise<void> {
    const { code, stderr } = await this.tmux("send-keys", "-t", "w", ...keys);
    assert.equal(code, 0, stderr);
  }

  async type(text: string): Promise<void> {
    await this.keys("-l", text);
    await this.keys("Enter");
  }

  async screen(): Promise<string> {
    return (await this.tmux("capture-pane", "-p", "-t", "w")).stdout;
  }

  until(description: string, looks: RegExp): Promise<string> {
    return this.#lab.until(
      description,
      async () => {
        const screen = await this.screen();
        if (looks.test(screen)) return screen;
        throw new Error(screen);
      },
      PATIENCE,
      100,
    );
  }

  /** The shell has its terminal back: it takes a command, and the modes are as they were. */
  async untilShell(mark: string): Promise<void> {
    await this.type(`stty -a | grep -q ' icanon' && stty -a | grep -q ' echo ' && echo ${mark}-$?`);
    await this.until(`the shell after ${mark}`, new RegExp(`^${mark}-0$`, "m"));
    assert.equal(await this.modes(), "0 1", "its own screen, with a cursor");
  }

  /** Whether the other screen is shown, and the cursor. */
  async modes(): Promise<string> {
    const flags = ["#{alternate_on}", "#{cursor_flag}"].join(" ");
    return (await this.tmux("display", "-p", "-t", "w", flags)).stdout.trim();
  }
}

lab(
  "halb watch lists, filters and opens, through an upgrade, and gives its terminal back",
  async (lab) => {
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const second = webSite("100ms").replaceAll('"web"', '"other"').replace("= 51", "= 52")
      .replaceAll("192.0.2.10", "192.0.2.11");
    const agent = startHalb(lab, host, `${webSite("100ms")}\n${second}`);
    await agent.untilState("web", "master");
    await agent.untilState("other", "master");
    const terminal = new Terminal(lab);
    await terminal.begin(host);
    const command = `${halbPath()} watch --control ${agent.controlPath}`;
    await terminal.type(command);
    const all = await terminal.until("both with their rates", /router web +master +\S+ +[\d.]+\/s/);
    assert.match(all, /^a {2}halb \S+ {2}configuration 1 {2}2 routers/m);
    assert.match(all, /router other +master/);
    assert.match(all, /Recent events/);
    assert.equal(all.trimEnd().split("\n").length, 24);
    // Filter, open, back.
    await terminal.keys("/");
    await terminal.keys("-l", "web");
    await terminal.keys("Enter");
    const filtered = await terminal.until("the filter", /filter: web\n/);
    assert.doesNotMatch(filtered.split("Recent events")[0]!, /router other/);
    await terminal.keys("Enter");
    await terminal.until("all about one", /router web, by kind[\s\S]*192\.0\.2\.10/);
    await terminal.keys("q");
    await terminal.until("the list", /router other/);
    // Another size.
    await terminal.tmux("resize-window", "-t", "w", "-x", "120", "-y", "40");
    const large = await terminal.until("a larger one", /(?:.*\n){39}.*q quit/);
    assert.match(large, /^.{85,}$/m);
    // Another process, then none, then another one.
    const { pid } = await statusOf(agent);
    await upgrade(agent);
    await terminal.until("the event of the upgrade", /halb upgrade|taken over/i);
    const after = await statusOf(agent);
    assert.notEqual(after.pid, pid);
    await endSuccessor(lab, agent);
    await terminal.until("it says so", /The agent does not answer: it is away/);
    const again = startHalb(
      lab,
      host,
      `[agent]\ncontrol = "${agent.controlPath}"\n${webSite("100ms")}`,
    );
    await terminal.until("it comes back", /configuration 1 {2}1 router\b/);
    // Suspended, and continued.
    await terminal.keys("C-z");
    // What is typed before that is still for halb.
    await terminal.until("the shell's word", /Stopped/);
    await terminal.untilShell("suspended");
    await terminal.type("fg");
    await terminal.until("it is drawn anew", /router web +master/);
    await terminal.keys("q");
    await lab.until("its own screen", async () => await terminal.modes() === "0 1", PATIENCE, 100);
    await terminal.untilShell("quit");
    assert.equal((await again.stop()).code, 0);
    // Nobody to look at.
    await terminal.type(`${command}; echo code-$?`);
    await terminal.until("exit code 3", /^code-3$/m);
  },
);

lab("however halb watch ends, the terminal is as it was", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, webSite("100ms"));
  await agent.untilState("web", "master");
  const terminal = new Terminal(lab);
  await terminal.begin(host);
  const ends: [string, () => Promise<unknown>, number][] = [
    ["interrupt", () => terminal.keys("C-c"), 130],
    ["term", async () => {
      const pid = Deno.readTextFileSync(`${lab.directory}/watch.pid`).trim();
      Deno.kill(Number(pid), "SIGTERM");
      await Promise.resolve();
    }, 143],
  ];
  for (const [mark, end, code] of ends) {
    await terminal.type(
      `sh -c 'echo $$ >${lab.directory}/watch.pid; exec env NO_COLOR=1 ${halbPath()} watch ` +
        `--control ${agent.controlPath}'; echo ${mark}-code-$?`,
    );
    await terminal.until("it watches", /router web +master/);
    const coloured = await terminal.tmux("capture-pane", "-e", "-p", "-t", "w");
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(coloured.stdout, /\x1b\[[0-9;]*[1-9]m/, "NO_COLOR");
    await end();
    await terminal.until(mark, new RegExp(`^${mark}-code-${code}$`, "m"));
    await terminal.untilShell(mark);
  }
  const piped = await tryExecute([halbPath(), "watch", "--control", agent.controlPath]);
  assert.equal(piped.code, 2);
  assert.match(piped.stderr, /needs a terminal/);
});
