/** What may come next on a command line, read from the help texts; shells ask it in a lab. */

import assert from "node:assert/strict";
import { COMMON_OPTIONS } from "../../../mod/cli/arguments.ts";
import {
  commandSummaries,
  completionOf,
  operandForms,
  optionsOf,
} from "../../../mod/cli/completion.ts";
import { candidatesText } from "../../../mod/cli/completions.ts";
import { commandNames, helpText, usageOf } from "../../../mod/cli/help.ts";

const words = (...line: string[]) => completionOf(line).candidates.map(({ word }) => word);

Deno.test("commands are completed, each with what it does", () => {
  assert.deepEqual(words(""), commandNames());
  assert.deepEqual(words("sta"), ["status"]);
  assert.deepEqual(words("-c", "site.toml", "un"), ["undrain"]);
  const [found] = completionOf(["rel"]).candidates.filter(({ word }) => word === "release");
  assert.match(found?.about ?? "", /^let another node be master/);
  for (const [command, about] of commandSummaries()) {
    assert.match(about, /^[A-Za-z]/, command);
    const line = helpText().split("\n").find((one) => one.startsWith(`  halb ${command} `));
    assert.equal(line?.[36], " ", `the general help says what ${command} does in column 38`);
  }
});

Deno.test("each option belongs to a command, and no command has one that does not exist", () => {
  const offered = new Set([undefined, ...commandNames()].flatMap((one) => optionsOf(one)));
  for (const name of Object.keys(COMMON_OPTIONS)) {
    const known = offered.has(`--${name}`) || offered.has(`--no-${name}`);
    assert.ok(known, `no help text names --${name}`);
  }
  assert.deepEqual(words("status", "--j"), ["--json"]);
  assert.deepEqual(words("events", "web", "--f"), ["--follow"]);
  assert.deepEqual(words("drain", "--no"), ["--no-wait"]);
  assert.deepEqual(words("status", "--follow"), [], "that is no option of status");
  assert.deepEqual(words("nonsense", "--"), []);
});

Deno.test("values of options", () => {
  assert.deepEqual(words("events", "--type", "vr"), ["vrrp"]);
  assert.deepEqual(words("events", "--type", "vrrp,bf"), ["vrrp,bfd"]);
  assert.deepEqual(words("events", "--type=bf"), ["--type=bfd"]);
  for (const line of [["-c", ""], ["status", "--config", "s"], ["status", "--control=/r"]]) {
    assert.equal(completionOf(line).files, true, line.join(" "));
  }
  assert.deepEqual(completionOf(["status", "--name", ""]).candidates, []);
  assert.deepEqual(completionOf(["status", "-c", "a.toml", "--control=/x", ""]).where, {
    config: "a.toml",
    control: "/x",
  });
});

Deno.test("operands are those of the usage", () => {
  const forms: [string, string[][]][] = [
    ["why", [["NAME"], ["VS", "RS"]]],
    ["servers", [["VS", "add|remove|set"]]],
    ["bfd", [["down|up", "NAME"]]],
    ["check", [["FILE..."]]],
    ["run", [[]]],
    ["status", [["NAME"]]],
    ["weight", [["VS", "RS", "N|configured"]]],
  ];
  for (const [command, expected] of forms) {
    assert.deepEqual(operandForms(usageOf(command)), expected, command);
  }
  const names = (...line: string[]) => completionOf(line).names;
  assert.deepEqual(names("status", ""), [{ kind: "any" }]);
  assert.deepEqual(names("status", "web", ""), []);
  assert.deepEqual(names("release", ""), [{ kind: "movable" }]);
  assert.deepEqual(names("drain", ""), [{ kind: "server" }]);
  assert.deepEqual(names("drain", "web", ""), [{ kind: "real_server", server: "web" }]);
  assert.deepEqual(names("why", ""), [{ kind: "any" }, { kind: "server" }]);
  assert.deepEqual(words("bfd", ""), ["down", "up"]);
  assert.deepEqual(names("bfd", "down", ""), [{ kind: "session" }]);
  assert.deepEqual(names("bfd", "sideways", ""), []);
  assert.deepEqual(words("weight", "a", "b", ""), ["configured"]);
  assert.equal(completionOf(["check", "a.toml", "b.toml", ""]).files, true);
  assert.equal(completionOf(["convert", ""]).files, true);
  assert.deepEqual(words("completions", ""), ["bash", "zsh", "fish"]);
});

Deno.test("where no agent answers, names are those of the file", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const config = `${folder}/site.toml`;
    Deno.writeTextFileSync(
      config,
      `[agent]
name = "a"
control = "${folder}/none.sock"
[[virtual_server]]
name = "web-http"
listen = "192.0.2.10:80"
[[virtual_server.real_server]]
address = "198.51.100.11:8080"
`,
      { mode: 0o600 },
    );
    const habitual = { control: `${folder}/none.sock`, config: `${folder}/none.toml` };
    const ask = (...line: string[]) => candidatesText(line, () => habitual);
    assert.equal(await ask("drain", "-c", config, "w"), "web-http");
    assert.equal(await ask("drain", "-c", config, "web-http", "198"), "198.51.100.11:8080");
    assert.equal(await ask("drain", "-c", config, "other", ""), "");
    assert.equal(await ask("drain", ""), "", "no file either");
    assert.equal(await ask("check", ""), ":files");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
