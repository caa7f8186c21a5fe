/**
 * What may come next on a command line: the commands, options and operands that the help texts tell
 * of. So a command is completed as soon as it is documented, and no list can fall behind another.
 *
 * Names of routers, servers and sessions are asked for (`Wanted`), not known here.
 *
 * @module
 */

import { EVENT_TYPES } from "../events/mod.ts";
import { COMMON_OPTIONS } from "./arguments.ts";
import { commandNames, helpText, isCommand, usageOf } from "./help.ts";

/** A word that may stand there, and what it does. */
export interface Candidate {
  readonly word: string;
  readonly about?: string;
}

/** Names that only a site knows. */
export interface Wanted {
  /** `movable`: routers and groups; `session`: of BFD; `any`: all that has a name. */
  readonly kind: "any" | "movable" | "real_server" | "server" | "session";
  /** The virtual server whose real servers are meant. */
  readonly server?: string;
}

/** Options that say which agent is meant. */
const WHERE = ["config", "control", "instance"] as const;
type Where = Readonly<Partial<Record<typeof WHERE[number], string>>>;

/** What may come next. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly names: readonly Wanted[];
  /** Paths of files as well. */
  readonly files: boolean;
  /** What the line says of the agent that is meant. */
  readonly where: Where;
}

const NOTHING = { candidates: [], names: [], files: false } as const;

const SHORT: ReadonlyMap<string, string> = new Map(
  Object.entries(COMMON_OPTIONS).flatMap(([name, option]) =>
    "short" in option ? [[`-${option.short}`, `--${name}`] as const] : []
  ),
);
/** What the values of options are; the others have none that could be guessed. */
const FILES: readonly string[] = [
  "--config",
  "--control",
  "--output",
  "--binary",
  "--script",
  "--svg",
];
const VALUES: Readonly<Record<string, readonly string[]>> = { "--type": EVENT_TYPES };
/** What a NAME is, where it is not any. */
const NAMES: Readonly<Record<string, Wanted["kind"]>> = {
  bfd: "session",
  claim: "movable",
  release: "movable",
};

/** What may come next after `words`, without "halb"; the last one is being written. */
export function completionOf(words: readonly string[]): Completion {
  const line = readLine(words.slice(0, -1));
  const current = words.at(-1) ?? "";
  const found = line.open === undefined ? nextOf(line, current) : valuesOf(line.open, current);
  const candidates = found.candidates.filter(({ word }) => word.startsWith(current));
  return { ...found, candidates, where: line.where };
}

interface Line {
  readonly command: string | undefined;
  readonly operands: readonly string[];
  /** The option whose value comes next. */
  readonly open: string | undefined;
  readonly where: Where;
  /** After `--` there are operands only. */
  readonly operandsOnly: boolean;
}

function readLine(words: readonly string[]): Line {
  const operands: string[] = [];
  const where: Partial<Record<typeof WHERE[number], string>> = {};
  let open: string | undefined;
  let operandsOnly = false;
  const note = (option: string, value: string): void => {
    const key = WHERE.find((one) => option === `--${one}`);
    if (key !== undefined) where[key] = value;
  };
  for (const word of words) {
    if (open !== undefined) {
      note(open, word);
      open = undefined;
    } else if (operandsOnly || !word.startsWith("-") || word === "-") operands.push(word);
    else if (word === "--") operandsOnly = true;
    else {
      const [name, value] = splitOption(word);
      if (value !== undefined) note(name, value);
      else if (takesValue(name)) open = name;
    }
  }
  const [command, ...rest] = operands;
  return { command, operands: rest, open, where, operandsOnly };
}

/** `--config=x` and `-c` as `--config`. */
function splitOption(word: string): [string, string | undefined] {
  const at = word.startsWith("--") ? word.indexOf("=") : -1;
  const name = at === -1 ? word : word.slice(0, at);
  return [SHORT.get(name) ?? name, at === -1 ? undefined : word.slice(at + 1)];
}

function takesValue(option: string): boolean {
  const known = COMMON_OPTIONS[option.slice(2) as keyof typeof COMMON_OPTIONS];
  return known?.type === "string";
}

function valuesOf(option: string, current: string): Omit<Completion, "where"> {
  if (FILES.includes(option)) return { ...NOTHING, files: true };
  // Several values, with commas between.
  const head = current.slice(0, current.lastIndexOf(",") + 1);
  const values = (VALUES[option] ?? []).map((value) => ({ word: head + value }));
  return { ...NOTHING, candidates: values };
}

function nextOf(line: Line, current: string): Omit<Completion, "where"> {
  const { command, operands, operandsOnly } = line;
  if (current.startsWith("-") && !operandsOnly) {
    const [option, value] = splitOption(current);
    if (value !== undefined) {
      const { candidates, files } = valuesOf(option, value);
      const whole = candidates.map(({ word }) => ({ word: `${option}=${word}` }));
      return { ...NOTHING, candidates: whole, files };
    }
    return { ...NOTHING, candidates: optionsOf(command).map((word) => ({ word })) };
  }
  if (command === undefined) {
    const summaries = commandSummaries();
    const candidates = commandNames().map((word) => {
      const about = summaries.get(word);
      return about === undefined ? { word } : { word, about };
    });
    return { ...NOTHING, candidates };
  }
  return operandsAt(command, operands);
}

/** The options that the help of a command names; without one, those of `halb` itself. */
export function optionsOf(command: string | undefined): string[] {
  if (command !== undefined && !isCommand(command)) return [];
  const named = helpText(command).match(/(?<![\w-])--?[a-z][a-z-]*/g) ?? [];
  const known = named.flatMap((word) => {
    const long = SHORT.get(word) ?? word;
    const exists = Object.hasOwn(COMMON_OPTIONS, long.slice(2).replace(/^no-/, ""));
    return exists && long.startsWith("--") ? [word, long] : [];
  });
  return [...new Set([...known, "--help"])].sort();
}

/** What the general help says of each command, in a few words. */
export function commandSummaries(): Map<string, string> {
  const lines = helpText().split("\n").flatMap((line) => {
    const command = /^ {2}halb ([a-z]+)\s/.exec(line)?.[1];
    const about = line.slice(SUMMARY).split(/[:;]/)[0]!.trim();
    return command === undefined || about === "" ? [] : [[command, about] as const];
  });
  return new Map(lines);
}

/** The column of the general help in which it says what a command does. */
const SUMMARY = 37;

/** What may stand as the operand after `before`. */
function operandsAt(command: string, before: readonly string[]): Omit<Completion, "where"> {
  if (!isCommand(command)) return NOTHING;
  const candidates: Candidate[] = [];
  const names: Wanted[] = [];
  let files = false;
  for (const forms of operandForms(usageOf(command))) {
    const last = forms.at(-1);
    const form = forms[before.length] ?? (last?.endsWith("...") ? last : undefined);
    if (form === undefined) continue;
    if (!forms.every((one, at) => at >= before.length || fits(one, before[at]!))) continue;
    const bare = form.replace(/\.\.\.$/, "");
    if (bare === "NAME") names.push({ kind: NAMES[command] ?? "any" });
    else if (bare === "VS") names.push({ kind: "server" });
    else if (bare === "RS") names.push({ kind: "real_server", server: before[0]! });
    else if (/^[A-Z.=]*(FILE|TOML|CONF|RECORDING)$/.test(bare)) files = true;
    else {
      const words = bare.split("|").filter((word) => /^[a-z]/.test(word));
      candidates.push(...words.map((word) => ({ word })));
    }
  }
  return { candidates, names, files };
}

/** Words stand for themselves, all else for anything. */
function fits(form: string, word: string): boolean {
  const words = form.split("|");
  return words.some((one) => /[A-Z]/.test(one)) || words.includes(word);
}

/** The operands that a usage line knows: `VS RS [--json]` is VS and RS; `NAME | VS RS` two ways. */
export function operandForms(usage: string): string[][] {
  const operands = usage
    // Choices of words, of which each may have operands of its own: the words alone.
    .replace(/\[([a-z]+)((?:[^[\]]|\[[^\]]*\])*\|(?:[^[\]]|\[[^\]]*\])*)\]/g, (_, first, rest) => {
      const more = [...rest.matchAll(/\|\s*([a-z]+)/g)].map(([, word]) => word);
      return [first, ...more].join("|");
    })
    .replace(/\[-(?:[^[\]]|\[[^\]]*\])*\]/g, " ")
    .replace(/--?[a-z-]+ [A-Z]+/g, " ")
    .replace(/[[\]]/g, "");
  return operands.split(" | ").map((one) => one.trim().split(/\s+/).filter((word) => word !== ""));
}
