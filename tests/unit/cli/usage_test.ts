/** What is said to a command line that names no command, or an option that is not its own. */

import assert from "node:assert/strict";
import { parseArguments, UsageError } from "../../../mod/cli/arguments.ts";
import { helpText } from "../../../mod/cli/help.ts";
import { helpOn, noSuchCommand, requireHeeded } from "../../../mod/cli/usage.ts";

Deno.test("a word that is no command: what was meant", () => {
  const cases: [string, RegExp][] = [
    ["staus", /there is no command "staus": did you mean status\?$/],
    ["validate", /did you mean check\?$/],
    ["show", /did you mean status\?$/],
    ["site.toml", /halb --config site\.toml runs that site, halb check site\.toml checks it$/],
    ["/etc/keepalived/keepalived.conf", /halb convert \/etc\/keepalived\/keepalived\.conf/],
    ["stop", /TERM ends it; where systemd has it: systemctl stop halb$/],
    ["frobnicate", /: one of run, check, /],
  ];
  for (const [word, expected] of cases) assert.match(noSuchCommand(word).message, expected);
});

Deno.test("halb help, of all and of one", () => {
  assert.equal(helpOn(undefined), helpText());
  assert.equal(helpOn("check"), helpText("check"));
  assert.throws(() => helpOn("chek"), /did you mean check\?/);
});

Deno.test("an option that its command would not heed is refused", () => {
  const heed = (...args: string[]): void => {
    const { values, positionals: [command = "run"] } = parseArguments(args);
    requireHeeded(command, values);
  };
  heed("doctor", "site.toml", "--no-listen", "--name", "a");
  heed("init", "-o", "site.toml", "--id", "5");
  heed("cleanup", "--after-stop");
  heed("--config", "site.toml", "--take-over");
  heed("simulate", "a.toml", "--svg", "a.svg", "--seed", "1");
  // It would have started an agent.
  assert.throws(() => heed("--config", "site.toml", "--dry-run"), /^.*run takes no --dry-run$/);
  assert.throws(() => heed("claim", "web", "--for", "5m"), /claim takes no --for: it lasts while/);
  assert.throws(() => heed("check", "site.toml", "-f"), /check takes no --follow/);
});

Deno.test("an option that does not exist: which one was meant, and no word of the parser's", () => {
  const cases: [string[], string][] = [
    [["--confg", "x"], "there is no option --confg: did you mean --config?"],
    [["check", "--nmae", "a"], "there is no option --nmae: did you mean --name?"],
    [["-v"], "there is no option -v: did you mean --version?"],
    [["-x"], "there is no option -x"],
    [["--config"], "--config needs a value"],
    [["status", "--control"], "--control needs a value"],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => parseArguments(args), (error) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.message, message);
      return true;
    });
  }
});
