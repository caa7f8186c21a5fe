/** docs/simulate.md: its script and commands do what the page says, and its table of actions is whole. */

import assert from "node:assert/strict";
import type { SimulationReport } from "../../../mod/simulate/report.ts";
import { entriesOf, itemOf, type Schema } from "../../../config/introspect.ts";
import { ACTION_KEYS, SCRIPT_SCHEMA } from "../../../mod/simulate/script_schema.ts";
import { gateway, problemsOf, type Sites } from "../../lib/simulation.ts";
import { simulateFiles } from "./simulated_pair.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/simulate.md", import.meta.url));
const [, COMMANDS = ""] = /```sh\n([^]*?)```/.exec(PAGE) ?? [];
const EXAMPLE = Object.fromEntries(
  [...PAGE.matchAll(/<!-- example: (\S+) -->\s+```toml\n([^]*?)```/g)].map(([, name, text]) =>
    [name!, text!] as const
  ),
);
const SITE = EXAMPLE["site.toml"]!;
const SCRIPT = EXAMPLE["failures.toml"]!;
const FILES = {
  ...EXAMPLE,
  "a.toml": SITE.replace(/\{ by_host.*\}/, "150"),
  "b.toml": SITE.replace(/\{ by_host.*\}/, "100"),
};

/** A pair that has all that the actions of the page name. */
function wholeSite(node: string, peer: string): string {
  const [own, other] = node === "a" ? [2, 3] : [3, 2];
  return `${
    gateway(node === "a" ? 150 : 100, 'track = { scripts = ["uplink"], files = ["load"] }')
      .replace('"gw"', '"gateway"')
  }
[[track_script]]
name = "uplink"
command = ["/bin/true"]
weight = -60

[[track_file]]
name = "load"
path = "/etc/halb/load"

[[bfd]]
name = "to-${peer}"
peer = "192.0.2.${other}"
source = "192.0.2.${own}"
interface = "eth0"

[[virtual_server]]
name = "web"
listen = "192.0.2.1:80"
check = { type = "tcp" }
real_server = [{ address = "198.51.100.11:8080" }]
`;
}

Deno.test("simulate.md: the script runs, and what it expects comes to be", () => {
  const { exitCode, output } = simulateFiles(FILES, ["a.toml", "b.toml"], {
    script: "failures.toml",
    json: true,
  });
  assert.equal(exitCode, 0, output);
  const report = JSON.parse(output) as SimulationReport;
  assert.equal(report.expectations.length, SCRIPT.match(/^\[\[expect\]\]/gm)!.length);
  assert.deepEqual(report.failures.map(({ action }) => action), ["power_off", "start", "fail"]);
});

Deno.test("simulate.md: each command of the first block is one that ends well", () => {
  const lines = COMMANDS.trim().split("\n");
  assert.ok(lines.length >= 4);
  for (const line of lines) {
    const words = line.replace(/\s+#.*$/, "").split(/\s+/);
    assert.deepEqual(words.slice(0, 2), ["halb", "simulate"]);
    const operands = words.slice(2).filter((word, i, all) =>
      !word.startsWith("--") && !/^--(script|svg|seed|duration)$/.test(all[i - 1] ?? "")
    );
    const script = words.includes("--script") ? words[words.indexOf("--script") + 1]! : undefined;
    const { exitCode, output } = simulateFiles(FILES, operands, {
      json: words.includes("--json"),
      ...(script === undefined ? {} : { script }),
    });
    assert.equal(exitCode, 0, `${line}\n${output}`);
    assert.match(output, /192\.0\.2\.1/);
  }
});

Deno.test("simulate.md: the table has every action, each as the script takes it", () => {
  const [, events] = /### Events\n([^]*?)\n### /.exec(PAGE)!;
  const rows = [...events!.matchAll(/^\| (`\w+ = .*?)\s+\|/gm)].map(([, cell]) =>
    [...cell!.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
  );
  const shown = rows.flat().map((code) => /^\w+/.exec(code)![0]);
  assert.deepEqual(shown.toSorted(), Object.keys(ACTION_KEYS).sort());
  const files = { "a.toml": wholeSite("a", "b"), "b.toml": wholeSite("b", "a") };
  // One that stands without a value takes that of the one before it.
  const actions = rows.flatMap(([first, ...others]) => {
    const value = first!.slice(first!.indexOf("=") + 2);
    return [first!, ...others.map((code) => code.includes("=") ? code : `${code} = ${value}`)];
  });
  const lines = actions.map((action, i) => `[[event]]\nat = "${10 + 4 * i}s"\n${action}\n`);
  const network = '[[network]]\nname = "lan"\nmembers = ["a:eth0", "b:eth0"]\n';
  const nodes = ["a", "b"].map((name, i) =>
    `[[node]]\nname = "${name}"\naddresses = { eth0 = ["192.0.2.${i + 2}"] }\n`
  ).join("");
  const { exitCode, output } = simulateFiles(
    { ...files, "script.toml": network + nodes + lines.join("") },
    ["a.toml", "b.toml"],
    { script: "script.toml", json: true },
  );
  assert.equal(exitCode, 0, output);
  const { failures } = JSON.parse(output) as SimulationReport;
  const seen = new Set(failures.map(({ action }) => action));
  assert.deepEqual(Object.keys(ACTION_KEYS).filter((key) => !seen.has(key)), []);
});

Deno.test("simulate.md: the example, word by word", () => {
  const [, printed] = /<!-- run -->\s+```sh\n[^]*?```\s+```text\n([^]*?)\n```/.exec(PAGE)!;
  const { exitCode, output } = simulateFiles(FILES, ["a=site.toml", "b=site.toml"], {
    script: "failures.toml",
  });
  assert.equal(exitCode, 0);
  assert.equal(output, printed);
});

Deno.test("simulate.md: the part about networks is a script", () => {
  const [, text] = /### Networks and hosts\s+```toml\n([^]*?)```/.exec(PAGE)!;
  const sites: Sites = { a: gateway(150), b: gateway(100).replace("eth0", "lan0") };
  assert.deepEqual(problemsOf(sites, text!), []);
});

/** Every key of a table, and of tables in it. */
function keysOf(schema: Schema): string[] {
  return [...entriesOf(itemOf(schema) ?? schema) ?? []].flatMap(([key, inner]) => [
    key,
    ...keysOf(inner),
  ]);
}

Deno.test("simulate.md tells of every key", () => {
  const keys = [...new Set(keysOf(SCRIPT_SCHEMA))];
  assert.ok(keys.length > 40);
  assert.deepEqual(keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(PAGE)), []);
});
