/**
 * Which processes are meant by a name or a command line, as keepalived's track_process has it.
 *
 * @module
 */

/** The kernel keeps so many bytes of a name. */
const LONGEST_NAME = 15;

/** Whose processes are meant. */
export interface ProcessPattern {
  /** The program, and its arguments where they count. */
  readonly command: readonly string[];
  /** Compare the command line, also without arguments. */
  readonly full_command: boolean;
  readonly param_match?: "exact" | "initial" | "partial" | undefined;
}

/** Whether a process is meant. @param command its command line, empty for the kernel's threads */
export function commandMatches(
  pattern: ProcessPattern,
  { name, command }: { readonly name: string; readonly command: readonly string[] },
): boolean {
  const [program = "", ...wanted] = pattern.command;
  const { param_match: match } = pattern;
  if (wanted.length === 0 && match === undefined && !pattern.full_command) {
    const bytes = new TextEncoder().encode(program);
    return name === new TextDecoder().decode(bytes.subarray(0, LONGEST_NAME));
  }
  const [own = "", ...given] = command;
  if (own !== program && (program.includes("/") || own.split("/").at(-1) !== program)) return false;
  // The program alone, whatever its arguments.
  if (wanted.length === 0 && match === undefined) return true;
  if (match !== "partial" && given.length !== wanted.length) return false;
  return wanted.every((word, i) =>
    match === "initial" && i === wanted.length - 1
      ? given[i]?.startsWith(word) === true
      : given[i] === word
  );
}
