/**
 * `halb convert`: a site.toml out of a keepalived.conf, and what became of each line.
 *
 * @module
 */

import { expandGlob, isGlob } from "../../config/glob.ts";
import {
  formatProblem,
  type LoadedSite,
  loadSite,
  type Problem,
  systemOptions,
} from "../../config/mod.ts";
import { HOST_USERS } from "../../config/user_directory.ts";
import { readFailure } from "../../config/include.ts";
import {
  convert,
  type Converted,
  type ConvertOptions,
  countNotes,
  countsText,
  noteText,
  remarkable,
} from "../convert/mod.ts";
import { showText, textOf } from "../text/mod.ts";
import { UsageError } from "./arguments.ts";
import { convertBack } from "./convert_back.ts";
import { writeNew } from "./new_file.ts";

/** What the command may be told. */
export interface ConvertCommandOptions {
  /** The host name that `${_INSTANCE}` stands for. */
  readonly name?: string;
  /** Where to write the site; absent: standard output. */
  readonly output?: string;
  /** What to convert to: `halb` or `keepalived`. */
  readonly to?: string;
  readonly json: boolean;
}

/** What the command says; empty texts: nothing. */
export interface ConvertResult {
  /** 1: what came out needs a hand first; 2: what is to be converted is not valid. */
  readonly exitCode: 0 | 1 | 2;
  /** For standard output. */
  readonly output: string;
  /** For standard error. */
  readonly report: string;
}

/** Most notes that are shown on a terminal. */
const MOST_SHOWN = 100;

/** Text of a file: UTF-8, else Latin-1, as comments of older files often are. */
function readConfig(path: string, readText: (path: string) => string): string {
  try {
    return readText(path);
  } catch (error) {
    if (!textOf(error).includes("not UTF-8")) throw new Error(readFailure(error));
    return new TextDecoder("latin1").decode(Deno.readFileSync(path));
  }
}

function exists(path: string): boolean {
  try {
    return !Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** What keepalived would see on this host. */
function hostOptions(name: string | undefined): ConvertOptions {
  const { readText, listDirectory } = systemOptions();
  return {
    hostname: name ?? Deno.hostname().split(".")[0] ?? "",
    environment: (variable) => {
      try {
        return Deno.env.get(variable);
      } catch {
        return undefined;
      }
    },
    hasUser: (user) => HOST_USERS.user(user) !== undefined,
    read: (path) => readConfig(path, readText),
    find: (pattern) =>
      (isGlob(pattern) ? expandGlob(pattern, listDirectory) : [pattern]).filter(exists),
  };
}

/**
 * Loads the converted text as `name` sees it. Users and programs are not looked for, since the
 * site may be for another host.
 */
function load(path: string, text: string, name: string): LoadedSite {
  const system = systemOptions();
  const { security: _, ...options } = system;
  return loadSite(path, {
    ...options,
    name,
    environment: (key) => system.environment(key) ?? "unset",
    users: {
      user: (user) => HOST_USERS.user(user) ?? { name: user, uid: 65_534, gid: 65_534 },
      group: (group) => HOST_USERS.group(group) ?? 65_534,
      groupsOf: (user) => HOST_USERS.groupsOf(user),
    },
    readText: (file) => file === path ? text : system.readText(file),
  });
}

/** What is wrong with the converted text on any of its hosts. */
function problemsOf(path: string, { text, ids }: Converted, name: string): Problem[] {
  const names = ids.length === 0 ? [name] : ids;
  const found = names.flatMap((host) => {
    const loaded = load(path, text, host);
    return loaded.ok ? [] : loaded.problems.filter(({ severity }) => severity === "error");
  });
  const seen = new Set<string>();
  return found.filter(({ line, message }) => {
    const key = `${line} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}

/**
 * Converts `file`.
 *
 * @throws {UsageError} for another target than halb's own file
 * @throws {Error} in words where a file cannot be read or written
 */
export function convertCommand(file: string, options: ConvertCommandOptions): ConvertResult {
  const { to = "halb", output, json } = options;
  if (to === "keepalived") return convertBack(file, options);
  if (to !== "halb") throw new UsageError(`--to takes halb or keepalived, not "${to}"`);
  const host = hostOptions(options.name);
  try {
    host.read(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${textOf(error)}`);
  }
  const converted = convert(file, host);
  const target = output ?? "site.toml";
  const problems = problemsOf(target, converted, host.hostname);
  if (output !== undefined) writeNew(output, converted.text);
  const exitCode = problems.length === 0 ? 0 : 1;
  const counts = countNotes(converted.notes);
  if (json) {
    const report = {
      valid: problems.length === 0,
      counts,
      ids: converted.ids,
      notes: converted.notes,
      problems: problems.map(({ line, column, message, suggestion }) => ({
        line,
        column,
        message,
        suggestion: suggestion ?? null,
      })),
      ...(output === undefined ? { site: converted.text } : { output }),
    };
    return { exitCode, output: JSON.stringify(report, null, 2), report: "" };
  }
  const notes = remarkable(converted.notes).filter(({ verdict }) => verdict !== "needless");
  const lines = notes.slice(0, MOST_SHOWN).map(noteText);
  if (notes.length > MOST_SHOWN) {
    lines.push(`… and ${notes.length - MOST_SHOWN} more at the end of the site`);
  }
  if (problems.length > 0) {
    lines.push("", `${target} needs your hand before it is valid:`);
    lines.push(...problems.map((problem) => formatProblem(problem, { color: false })), "");
  }
  lines.push(`${file}: ${countsText(counts)}`);
  const [first] = converted.ids;
  if (converted.ids.length > 1 && !converted.ids.includes(host.hostname)) {
    // `halb check` alone would refuse this host, which is told nothing.
    const names = converted.ids.map((id) => showText(id)).join(", ");
    const check = `halb check ${target} --name ${showText(first!)}`;
    lines.push(`${target} is for ${names} alone, and not for ${showText(host.hostname)}: ${check}`);
  }
  return { exitCode, output: output === undefined ? converted.text : "", report: lines.join("\n") };
}
