/**
 * `halb convert site.toml --to keepalived`: a keepalived.conf for one host, and what it lacks.
 *
 * @module
 */

import {
  formatProblem,
  loadSite,
  type SiteConfig,
  systemOptions,
  type UserEntry,
} from "../../config/mod.ts";
import { HOST_USERS } from "../../config/user_directory.ts";
import { judgeWritten } from "../../config/written.ts";
import { judgeKey, type Lost, toKeepalived } from "../convert_back/mod.ts";
import { countNotes, countsText, type Note, noteText, remarkable } from "../convert/mod.ts";
import { escapeText } from "../text/mod.ts";
import type { ConvertCommandOptions, ConvertResult } from "./convert.ts";
import { writeNew } from "./new_file.ts";

/** Notes on the keys of a site, with their lines. */
function notesOf(
  file: string,
  options: ReturnType<typeof optionsFor>,
  site: SiteConfig,
): Note[] {
  const said: { readonly path: string; readonly lost: Lost | undefined }[] = [];
  const problems = judgeWritten(file, options, (path, value) => {
    const lost = judgeKey(path, value, site);
    if (lost === "deeper") return undefined;
    said.push({ path, lost: lost === "kept" ? undefined : lost });
    // The place in the list stands for what is said: positions are found in one go.
    return { message: String(said.length - 1) };
  });
  return problems.map(({ file, line, message }) => {
    const { path, lost } = said[Number(message)]!;
    if (lost === undefined) return { file, line, keyword: path, verdict: "translated" };
    const { verdict, reason, instead } = lost;
    const more = instead === undefined ? {} : { instead };
    return { file, line, keyword: path, verdict, reason, ...more };
  });
}

function optionsFor(name: string | undefined) {
  const { security: _, ...options } = systemOptions();
  return {
    ...options,
    ...name === undefined ? {} : { name },
    // The file may be for another host than this one.
    users: {
      user: (user: string) => HOST_USERS.user(user) ?? { name: user, uid: 65_534, gid: 65_534 },
      group: (group: string) => HOST_USERS.group(group) ?? 65_534,
      groupsOf: (user: UserEntry) => HOST_USERS.groupsOf(user),
    },
  };
}

/** Converts a site as the host `options.name` sees it. */
export function convertBack(file: string, options: ConvertCommandOptions): ConvertResult {
  const { output, json, name } = options;
  const host = optionsFor(name);
  const loaded = loadSite(file, host);
  if (!loaded.ok) {
    const errors = loaded.problems.filter(({ severity }) => severity === "error");
    if (json) {
      return { exitCode: 2, output: JSON.stringify({ problems: errors }, null, 2), report: "" };
    }
    const shown = errors.map((problem) => formatProblem(problem, { color: false }));
    return { exitCode: 2, output: "", report: `${file} is not valid:\n${shown.join("\n")}` };
  }
  const notes = notesOf(file, host, loaded.site);
  const counts = countNotes(notes);
  const shown = remarkable(notes).filter(({ verdict }) => verdict !== "needless");
  const text = [
    escapeText(
      `# Converted from ${file} by halb convert --to keepalived, as ${loaded.site.agent.name}.`,
    ),
    toKeepalived(loaded.site),
    `# Summary: ${countsText(counts)}.`,
    ...shown.map((note) => `#   ${noteText(note)}`),
  ].join("\n") + "\n";
  // A password may be in it.
  if (output !== undefined) writeNew(output, text);
  // As in the other direction: what is dropped is told, and whether it matters is for the reader.
  const exitCode = 0;
  if (json) {
    const config = output === undefined ? { config: text } : { output };
    const report = { counts, notes, ...config };
    return { exitCode, output: JSON.stringify(report, null, 2), report: "" };
  }
  const lines = [...shown.map(noteText), `${file}: ${countsText(counts)}`];
  return { exitCode, output: output === undefined ? text : "", report: lines.join("\n") };
}
