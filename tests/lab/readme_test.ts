/** The README, word by word: its commands are run, and print what it says they print. */

import assert from "node:assert/strict";
import { loadSite, systemOptions } from "../../config/mod.ts";
import { halbPath, type Lab, lab } from "../lib/mod.ts";
import { tryExecute } from "../lib/process.ts";

const README = await Deno.readTextFile(new URL("../../README.md", import.meta.url));

interface Block {
  readonly language: string;
  readonly text: string;
}

/** The fenced block behind each mark, and the output block behind it where there is one. */
function marked(mark: string): { block: Block; output: string | undefined }[] {
  const pattern = new RegExp(
    `<!-- ${mark} -->\\s+\`\`\`(\\w+)\\n([^]*?)\`\`\`\\n(?:\\s*\`\`\`text\\n([^]*?)\`\`\`)?`,
    "g",
  );
  return [...README.matchAll(pattern)].map((match) => ({
    block: { language: match[1]!, text: match[2]! },
    output: match[3],
  }));
}

/** Times, process ids and column padding differ from run to run. */
function normalise(text: string): string {
  return text.replace(/\b\d+s\b/g, "Ns").replace(/@if\d+/g, "@ifN").replace(/[ \t]+/g, " ")
    .split("\n").map((line) => line.trimEnd()).join("\n").trim();
}

lab("README: two nodes of your own", async (lab: Lab) => {
  const [site] = marked("example: site.toml");
  const steps = marked("run");
  assert.ok(site !== undefined && steps.length >= 5, "the README has its examples");
  // Its namespaces and paths are made this lab's own: several runs may share a machine.
  const own = (text: string) =>
    text.replaceAll("/run/halb/", `${lab.directory}/`)
      .replaceAll("/var/lib/halb/", `${lab.directory}/state-`)
      .replace(/(ip netns (?:add|delete|exec)|ip -n) (left|right)/g, `$1 rd${Deno.pid}-$2`)
      .replace(/netns (right)$/gm, `netns rd${Deno.pid}-$1`);
  Deno.symlinkSync(halbPath(), `${lab.directory}/halb`);
  Deno.writeTextFileSync(`${lab.directory}/site.toml`, own(site.block.text), { mode: 0o600 });
  lab.atEnd(async () => {
    for (const name of ["left", "right"]) {
      const namespace = `rd${Deno.pid}-${name}`;
      const { stdout } = await tryExecute(["ip", "netns", "pids", namespace]);
      for (const pid of stdout.trim().split("\n").filter(Boolean)) {
        Deno.kill(Number(pid), "SIGKILL");
      }
      await tryExecute(["ip", "netns", "delete", namespace]);
    }
  });
  for (const { block, output } of steps) {
    // To a file: what runs on in the background keeps a pipe open.
    const printed = `${lab.directory}/printed`;
    const script = `cd "${lab.directory}"; exec >"${printed}" 2>&1\n${own(block.text)}`;
    const { code } = await tryExecute(["bash", "-e", "-c", script]);
    const text = Deno.readTextFileSync(printed);
    const logs = ["left", "right"].map((name) => readLog(`${lab.directory}/${name}.log`)).join("");
    assert.equal(code, 0, `${block.text}\n${text}\n${logs}`);
    if (output !== undefined) assert.equal(normalise(text), normalise(output), block.text);
  }
});

Deno.test("README: the list of keys is valid, complete, and shows the defaults", () => {
  const [keys] = marked("check");
  assert.ok(keys !== undefined);
  const directory = Deno.makeTempDirSync();
  try {
    const path = `${directory}/site.toml`;
    Deno.writeTextFileSync(path, keys.block.text, { mode: 0o600 });
    const shown = loadSite(path, systemOptions({ name: "x" }));
    assert.ok(shown.ok, JSON.stringify(shown));
    const minimal = `[[vrrp]]
name = "web"
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/24", { address = "203.0.113.10/32", interface = "eth1", label = "eth1:web" }]
track = { interfaces = ["eth1", { name = "eth2", weight = -10 }] }
`;
    Deno.writeTextFileSync(path, minimal, { mode: 0o600 });
    const defaults = loadSite(path, systemOptions({ name: "x" }));
    assert.ok(defaults.ok);
    assert.deepEqual(shown.site, defaults.site);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

function readLog(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
