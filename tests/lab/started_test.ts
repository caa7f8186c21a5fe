/**
 * docs/getting-started.md, word by word: its commands are run on two hosts that have the names of
 * the page, with folders and processes of their own, and print what it says they print.
 */

import assert from "node:assert/strict";
import { halbPath, type Host, type Lab, lab } from "../lib/mod.ts";
import { tryExecute } from "../lib/process.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/getting-started.md", import.meta.url));
const STEP = /<!-- run: (\S+) -->\s+```sh\n([^]*?)```\n(?:\s*```text\n([^]*?)```)?/g;

/** Process 1 of a host: it reaps whatever is left to it. */
const INIT = `
mount --bind "$1/etc" /etc
mount --bind "$1" /mnt # Where the lab's own folder is may be hidden next.
for folder in /usr/local/bin /run /var/lib /var/log; do mount -t tmpfs tmpfs $folder; done
hostname "$2"
echo ready
while sleep 1; do :; done`;

/** A host that looks like a machine of its own. @returns words that run a command there */
async function machine(lab: Lab, host: Host): Promise<string[]> {
  const folder = `${lab.directory}/${host.name}`;
  Deno.mkdirSync(folder);
  await host.exec(["cp", "-a", "/etc", `${folder}/etc`]);
  Deno.symlinkSync(halbPath(), `${folder}/halb`);
  const own = ["--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const script = ["bash", "-e", "-c", INIT, "bash", folder, host.name];
  const made = host.spawn(["unshare", ...own, ...script], { name: `machine-${host.name}` });
  await lab.until("the machine is up", () => made.log().includes("ready"), 10_000);
  const children = Deno.readTextFileSync(`/proc/${made.pid}/task/${made.pid}/children`);
  return ["nsenter", "-t", children.trim(), "--mount", "--uts", "--net", "--pid"];
}

/** Times and column padding differ from run to run, and versions of what halb is built with. */
function normalise(text: string): string {
  return text.replace(/\b\d+s\b/g, "Ns").replace(/\(deno .*\)/, "").replace(/[ \t]+/g, " ")
    .split("\n").map((line) => line.trimEnd()).join("\n").trim();
}

lab("getting started: from the program to a pair that fails over", async (lab) => {
  const hosts = await lab.hostsNamed("edge-a", "edge-b", "client");
  await lab.lan("net", hosts);
  const machines = new Map<string, string[]>();
  for (const host of hosts) machines.set(host.name, await machine(lab, host));
  const logs = async () => {
    const read = async (name: string) =>
      (await tryExecute([...machines.get(name)!, "cat", "/var/log/halb.log"])).stdout;
    return `${await read("edge-a")}\n${await read("edge-b")}`;
  };
  const steps = [...PAGE.matchAll(STEP)];
  assert.ok(steps.length >= 12, `${steps.length} steps`);
  assert.equal(steps.length, PAGE.match(/^```sh$/gm)?.length, "all are run");
  const isMaster = async () => {
    const status = [...machines.get("edge-a")!, "halb", "status"];
    return /51\s+master/.test((await tryExecute(status)).stdout);
  };
  for (const [, where = "", commands = "", output] of steps) {
    const nodes = where === "both" ? ["edge-a", "edge-b"] : [where];
    // What has been claimed is on its way for some seconds: nobody pings at the moment it moves.
    if (/^ping/m.test(commands)) await lab.until("edge-a is master", isMaster, 20_000, 200);
    // Side by side: nodes that listen to each other's adverts take their time.
    await Promise.all(nodes.map(async (node) => {
      // To a file: what runs on in the background keeps a pipe open.
      const script = `cd /mnt; exec >printed 2>&1\n${commands}`;
      const { code } = await tryExecute([...machines.get(node)!, "bash", "-e", "-c", script]);
      const text = Deno.readTextFileSync(`${lab.directory}/${node}/printed`);
      assert.equal(code, 0, `${node}: ${commands}\n${text}\n${await logs()}`);
      if (output !== undefined) assert.equal(normalise(text), normalise(output), commands);
      check(commands, text);
    }));
  }
}, { timeoutMs: 300_000 });

/** What the page says beside its commands. */
function check(commands: string, text: string): void {
  if (/halb why gateway/.test(commands)) assert.match(text, /51\s+master/);
  if (/ip -4 -brief/.test(commands)) assert.doesNotMatch(text, /192\.0\.2\.10/);
  if (/ping -c 3/.test(commands)) assert.match(text, / 0% packet loss/);
  if (/halb plan/.test(commands)) assert.match(text, /virtual router gateway: addresses \+192/);
  if (/halb doctor/.test(commands)) console.log(text);
}
