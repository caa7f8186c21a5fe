/** Every command line of halb that a page shows is one that the program takes. */

import assert from "node:assert/strict";
import { parseArguments, UsageError } from "../../../mod/cli/arguments.ts";
import { commandNames, helpText, isCommand } from "../../../mod/cli/help.ts";
import { blocksOf, pages, read } from "./pages.ts";

/** Options of every command that talks to an agent or reads a site. */
const EVERYWHERE = ["config", "control", "help", "json", "name", "version"];
/** Programs whose operands may be called halb. */
const OTHERS =
  /^(install|cp|mv|ln|chown|chmod|pidof|systemctl|journalctl|apt|man|echo|sudo|useradd|systemd-analyze|strace|grep)$/;

interface Shown {
  readonly place: string;
  /** The words behind `halb`. */
  readonly words: readonly string[];
}

/** Simple commands of a line of shell, as words; redirections are left out. */
function simpleCommands(line: string): string[][] {
  const commands: string[][] = [[]];
  const token =
    /"(?:\\.|[^"\\])*"|'[^']*'|\s+#.*$|\$\(|&&|\|\||[;|&()`]|[0-9]?>>?&?[^\s;|&()]*|<\S*|[^\s"'$`;|&()<>]+|\$|\s+/g;
  let word = "";
  const end = () => {
    if (word !== "") commands.at(-1)!.push(word);
    word = "";
  };
  for (const [text] of line.matchAll(token)) {
    if (/^\s+#/.test(text)) break;
    if (/^\s/.test(text)) end();
    else if (/^(&&|\|\||[;|&()`]|\$\()$/.test(text)) {
      end();
      commands.push([]);
    } else if (/^([0-9]?>|<)/.test(text) && !/^<[A-Z]/.test(text)) end();
    else word += text.replaceAll(/^["']|["']$/g, "");
  }
  end();
  return commands.filter((words) => words.length > 0);
}

function halbWords(line: string): string[][] {
  return simpleCommands(line).flatMap((words) => {
    const first = words.findIndex((word) => !/^\w+=/.test(word));
    if (first < 0 || OTHERS.test(words[first]!)) return [];
    const at = words.findIndex((word) => /^([\w./~-]*\/)?halb$/.test(word));
    return at < 0 ? [] : [words.slice(at + 1)];
  });
}

function shownCommands(): Shown[] {
  return pages().flatMap((page) => {
    const inBlocks = blocksOf(page).flatMap(({ language, text, place }) => {
      const joined = text.replaceAll(/\\\n\s*/g, " ").split("\n");
      const lines = ["sh", "bash"].includes(language)
        ? joined
        // A transcript: what was typed stands behind a prompt, or begins with halb.
        : joined.flatMap((line) => /^(?:\$ |# )?(halb [a-z-].*)/.exec(line)?.[1] ?? []);
      if (language === "text") return [];
      return lines.flatMap((line) => halbWords(line).map((words) => ({ place, words })));
    });
    const prose = page.text.replaceAll(/```[^]*?```/g, "");
    const inProse = [...prose.matchAll(/`(halb [^`]+)`/g)].flatMap(([, line]) => {
      // `[NAME]`, `a|b` and `…` are the language of usage texts.
      // An option whose value is left open is named, and not given.
      const plain = line!.replaceAll(/[[\]]/g, "").replace(/ (-o|--\w+)( …)?$/, "")
        .replaceAll(/ ?(\.\.\.|…)/g, "").replace(/^halb COMMAND/, "halb status");
      return halbWords(plain.split(/\s\|\s/)[0]!).map((words) => ({ place: page.path, words }));
    });
    return [...inBlocks, ...inProse];
  });
}

function refusal({ words }: Shown): string | undefined {
  let parsed;
  try {
    parsed = parseArguments(words);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  const [command, ...operands] = parsed.positionals;
  if (command === undefined) return undefined;
  if (!isCommand(command)) return `there is no command ${command} (${commandNames()})`;
  const help = helpText(command);
  const unknown = Object.keys(parsed.values).filter((option) =>
    !EVERYWHERE.includes(option) &&
    !new RegExp(`--(no-)?${option}\\b${option === "output" ? "|-o " : ""}`).test(help)
  );
  if (unknown.length > 0) return `${command} has no ${unknown.map((each) => `--${each}`)}`;
  const usage = help.split("\n")[0]!;
  if (operands.length > 0 && /^halb \w+( \[?--?[^\]]*\]?)*$/.test(usage)) {
    return `${command} takes no ${operands}`;
  }
  return undefined;
}

Deno.test("every command line that a page shows is one that halb takes", () => {
  const shown = shownCommands();
  assert.ok(shown.length >= 150, `${shown.length} command lines`);
  const wrong = shown.flatMap((each) => {
    const why = refusal(each);
    return why === undefined ? [] : [`${each.place}: halb ${each.words.join(" ")}: ${why}`];
  });
  assert.deepEqual(wrong, []);
});

Deno.test("the README lists every command", () => {
  const table = read("README.md").split("## Commands")[1]!.split("\n## ")[0]!;
  const listed = new Set([...table.matchAll(/`(?:halb )?([a-z]+)\b/g)].map(([, word]) => word!));
  // The first row, and its other half.
  const missing = commandNames().filter((name) => name !== "run" && !listed.has(name));
  assert.deepEqual(missing, []);
});

Deno.test("the reader of command lines finds what is wrong", () => {
  const judged = (line: string) => halbWords(line).map((words) => refusal({ place: "", words }));
  assert.deepEqual(halbWords("A=1 ip netns exec x ./halb status --json 2>log | sed x &"), [
    ["status", "--json"],
  ]);
  assert.deepEqual(halbWords('kill $(./halb status "a b")'), [["status", "a b"]]);
  assert.deepEqual(halbWords("install halb /usr/local/bin/halb && halb upgrade # halb x"), [
    ["upgrade"],
  ]);
  assert.match(judged("halb status --jason")[0]!, /jason/);
  assert.match(judged("halb statu")[0]!, /no command statu/);
  assert.match(judged("halb status --confirm")[0]!, /status has no --confirm/);
  assert.match(judged("halb upgrade now")[0]!, /upgrade takes no now/);
  assert.deepEqual(judged("halb doctor --no-listen site.toml"), [undefined]);
});
