/**
 * Writes the manual pages: halb(1) out of the texts that `--help` shows, site.toml(5) out of the
 * schema.
 *
 * Usage: `man.ts 1|5 DATE`, with the date of the page.
 *
 * @module
 */

import { reference } from "../config/reference.ts";
import { commandNames, helpText } from "../mod/cli/help.ts";
import { VERSION } from "../mod/version.ts";

/** Text as it is: no dash is a hyphen, no line a request. */
function plain(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .split("\n").map((line) => /^[.']/.test(line) ? `\\&${line}` : line).join("\n");
}

function block(text: string): string {
  return `.nf\n${plain(text)}\n.fi`;
}

/** The page as roff. */
export function manualPage(date: string): string {
  const [title = "", , ...rest] = helpText().split("\n");
  const [, what = ""] = title.split(": ");
  const commands = commandNames().map((name) => {
    const [usage = "", ...text] = helpText(name).split("\n");
    return `.SS ${plain(name)}\n${block(usage)}\n.PP\n${block(text.join("\n").trim())}`;
  });
  return [
    `.TH HALB 1 ${plain(`"${date}" "halb ${VERSION}" "halb"`)}`,
    `.SH NAME\nhalb \\- ${plain(what)}`,
    `.SH SYNOPSIS\n${block(rest.join("\n").trimEnd())}`,
    `.SH COMMANDS\n${commands.join("\n")}`,
    `.SH FILES\n.TP\n/etc/halb/site.toml\nThe site's configuration; halb schema prints its schema.`,
    `.TP\n/run/halb/control.sock\nThe control socket.`,
    `.TP\n/var/lib/halb\nThe state directory: what must survive the agent, its events, dumps.`,
    `.SH SEE ALSO\n.BR site.toml (5),\n.BR ip (8),\n.BR ipvsadm (8)\n`,
  ].join("\n");
}

/**
 * The page about the file, as roff. Its examples are long words: lines that are not adjusted to the
 * right margin have no gaps.
 */
export function sitePage(date: string): string {
  const sections = reference().map(({ title, text, keys }) => {
    const entries = keys.map(({ name, kind, text, required, preset, section }) => {
      const facts = [kind, ...(required ? ["required"] : [])];
      if (preset !== null) facts.push(`default ${preset}`);
      const more = section === null || section === "" ? "" : ` Its keys: see ${section}.`;
      return `.TP\n.B ${name}\n${plain(`(${facts.join(", ")}) ${text}${more}`)}`;
    });
    return `.SH ${plain(title)}\n${plain(text)}\n${entries.join("\n")}`;
  });
  return [
    `.TH SITE.TOML 5 ${plain(`"${date}" "halb ${VERSION}" "halb"`)}`,
    `.ad l`,
    `.SH NAME\nsite.toml \\- configuration of halb`,
    ...sections,
    `.SH SEE ALSO\n.BR halb (1)\n`,
  ].join("\n");
}

if (import.meta.main) {
  const [section, date = ""] = Deno.args;
  console.log(section === "5" ? sitePage(date) : manualPage(date));
}
