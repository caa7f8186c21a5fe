/**
 * A mistake in a configuration file, and how it is shown to the person who made it: the place as
 * `file:line:column`, the line itself, a caret under the exact characters, and what to write
 * instead. Lines and columns count from 1, columns in characters (code points), as editors do.
 * Whatever the file contains, nothing in it can move the cursor or colour the terminal: control
 * characters are shown as U+FFFD.
 *
 * @module
 */

/** One mistake or doubt in a configuration file. */
export interface Problem {
  /** The file as the user named it, or as an `include` led to it. */
  readonly file: string;
  /** From 1; 0 where the problem is the file itself (missing, not readable). */
  readonly line: number;
  /** From 1, in characters; 0 where `line` is 0. */
  readonly column: number;
  /** What is wrong, with the value; no full stop. */
  readonly message: string;
  /** The line of the file, without its line end; empty where `line` is 0. */
  readonly source_line: string;
  /** Characters to underline, at least 1. */
  readonly length?: number;
  /** What to do about it, such as ``write `"1s"` instead``. */
  readonly suggestion?: string;
  /** An `error` refuses the configuration, a `warning` does not. */
  readonly severity: "error" | "warning";
}

/** How {@link formatProblem} writes. */
export interface FormatOptions {
  /** ANSI colours. */
  readonly color: boolean;
}

/** Widest piece of a source line that is shown. */
const WINDOW = 120;

/** Control characters, line separators, and the marks that reverse the direction of text. */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** Replaces what could steer a terminal by U+FFFD, one for one. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "\ufffd");
}

/** Columns a character takes on a terminal: 0, 1 or 2. */
function width(character: string): number {
  if (/\p{M}/u.test(character)) return 0;
  const code = character.codePointAt(0) ?? 0;
  const wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

/** As many columns as `text` takes; tabs stay tabs, so that the terminal aligns both lines. */
function blank(text: readonly string[]): string {
  return text.map((character) => character === "\t" ? "\t" : " ".repeat(width(character))).join("");
}

/** The line and, below, the caret line, cut to a window around the place. */
function excerpt(problem: Problem): { source: string; before: string; carets: string } {
  const characters = [...printable(problem.source_line)];
  const column = Math.min(problem.column - 1, characters.length);
  const start = column > WINDOW * 2 / 3 && characters.length > WINDOW ? column - WINDOW / 3 : 0;
  const shown = characters.slice(start, start + WINDOW);
  const lead = start > 0 ? "…" : "";
  const tail = start + WINDOW < characters.length ? "…" : "";
  const marked = shown.slice(column - start, column - start + (problem.length ?? 1));
  const carets = marked.reduce((sum, character) => sum + Math.max(1, width(character)), 0);
  return {
    source: lead + shown.join("") + tail,
    before: blank([...lead, ...shown.slice(0, column - start)]),
    carets: "^".repeat(Math.max(1, carets)),
  };
}

/**
 * The problem as text for people, several lines without a final newline:
 *
 * ```text
 * site.toml:5:12: error: `priority` must be between 1 and 255, not 300
 *   5 | priority = 300
 *     |            ^^^
 *     = help: write `255` instead
 * ```
 */
export function formatProblem(problem: Problem, options: FormatOptions): string {
  function paint(code: string, text: string): string {
    return options.color ? `\x1b[${code}m${text}\x1b[0m` : text;
  }
  const place = problem.line > 0
    ? `${printable(problem.file)}:${problem.line}:${problem.column}`
    : printable(problem.file);
  const color = problem.severity === "error" ? "31;1" : "33;1";
  const message = printable(problem.message);
  const lines = [`${paint("1", `${place}:`)} ${paint(color, `${problem.severity}:`)} ${message}`];
  const number = String(problem.line);
  const margin = " ".repeat(number.length + 2);
  if (problem.line > 0) {
    const { source, before, carets } = excerpt(problem);
    lines.push(`  ${paint("34", `${number} |`)} ${source}`);
    lines.push(`${margin} ${paint("34", "|")} ${before}${paint(color, carets)}`);
  }
  if (problem.suggestion !== undefined) {
    const help = `help: ${printable(problem.suggestion)}`;
    lines.push(problem.line > 0 ? `${margin} ${paint("34", "=")} ${help}` : `  ${help}`);
  }
  return lines.join("\n");
}
