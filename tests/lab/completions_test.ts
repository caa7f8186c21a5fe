/** Real shells complete command lines of halb, on a terminal, beside a running agent. */

import assert from "node:assert/strict";
import { halbPath, type Lab, lab, startHalb } from "../lib/mod.ts";
import { webSite } from "./agent_helpers.ts";

const SITE = `${webSite("100ms")}
[[sync_group]]
name = "site"
members = ["web"]

[[bfd]]
name = "to-peer"
peer = "192.0.2.2"
interface = "eth0"

[[check]]
name = "gate:way"
type = "ping"
address = "192.0.2.2"
`;

/** Keys that are typed before TAB and Enter, and the words that halb is then called with. */
const LINES: readonly [keys: string, words: readonly string[]][] = [
  ["halb sta", ["status"]],
  ["halb status --js", ["status", "--json"]],
  ["halb release si", ["release", "site"]],
  ["halb bfd down to", ["bfd", "down", "to-peer"]],
  ["halb status gate:w", ["status", "gate:way"]],
  ["halb events --type bf", ["events", "--type", "bfd"]],
  ["halb events --type=bf", ["events", "--type=bfd"]],
  ["halb check only-o", ["check", "only-one.toml"]],
  ["halb why nob", ["why", "nob"]],
];

/** How each shell is started without its user's settings, and reads the script. */
const SHELLS: Readonly<Record<string, { start: string; ready: (script: string) => string }>> = {
  bash: { start: "bash --norc --noprofile -i", ready: (script) => `. ${script}` },
  zsh: {
    start: "zsh -f -i",
    ready: (script) => `autoload -U compinit; compinit -u -D; . ${script}`,
  },
  fish: { start: "fish --no-config -i", ready: (script) => `source ${script}` },
};

/** A halb on the PATH that notes what it is called with, and knows of the lab's agent. */
function noting(lab: Lab, control: string): { folder: string; noted: string } {
  const folder = `${lab.directory}/bin`;
  const noted = `${lab.directory}/noted`;
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(
    `${folder}/halb`,
    `#!/bin/sh
if [ "$1" = completions ]; then
  shift 2; [ "$1" = -- ] && shift
  exec ${halbPath()} completions candidates -- --control ${control} "$@"
fi
printf '%s|' "$@" >>${noted}; echo >>${noted}
`,
    { mode: 0o755 },
  );
  return { folder, noted };
}

for (const [shell, { start, ready }] of Object.entries(SHELLS)) {
  lab(`${shell} completes commands, options, names and files`, async (lab) => {
    const host = await lab.host("a");
    await lab.lan("net", [host]);
    const agent = startHalb(lab, host, SITE);
    await agent.untilState("web", "master");
    const { folder, noted } = noting(lab, agent.controlPath);
    const { stdout } = await new Deno.Command(halbPath(), { args: ["completions", shell] })
      .output();
    const script = `${lab.directory}/script`;
    Deno.writeFileSync(script, stdout);
    const work = `${lab.directory}/work`;
    Deno.mkdirSync(work);
    Deno.writeTextFileSync(`${work}/only-one.toml`, "");
    Deno.writeTextFileSync(noted, "");

    const terminal = new Deno.Command("script", {
      args: ["--quiet", "--flush", "--command", start, "/dev/null"],
      cwd: work,
      env: {
        PATH: `${folder}:${Deno.env.get("PATH")}`,
        HOME: work,
        TERM: "xterm",
        SHELL: "/bin/sh",
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let screen = "";
    const reading = (async () => {
      for await (const bytes of terminal.stdout) screen += new TextDecoder().decode(bytes);
    })();
    const ended = terminal.status.then(() => true);
    lab.atEnd(async () => {
      // A shell writes its history when it ends, into a directory that goes after this.
      await Promise.race([ended, lab.delay(2_000)]);
      try {
        terminal.kill("SIGKILL");
      } catch {
        // The shell has ended already.
      }
      await terminal.status;
      await reading;
    });
    const keyboard = terminal.stdin.getWriter();
    const type = (keys: string) => keyboard.write(new TextEncoder().encode(keys));
    try {
      await type(`${ready(script)}; halb ready\r`);
      const lines = () => Deno.readTextFileSync(noted).split("\n").slice(0, -1);
      await lab.until(`${shell} is ready`, () => lines().length === 1, 20_000);
      for (const [at, [keys, words]] of LINES.entries()) {
        await type(`${keys}\t\r`);
        await lab.until(`${shell} runs "${keys}…"`, () => lines().length === at + 2, 20_000);
        assert.equal(lines()[at + 1], `${words.join("|")}|`, keys);
      }
      await type("exit\r");
    } catch (error) {
      console.error(screen);
      throw error;
    } finally {
      keyboard.close().catch(() => {});
    }
  });
}
