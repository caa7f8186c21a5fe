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

/** Whether the command line counts, not the name alone. */
export function comparesCommand(pattern: ProcessPattern): boolean {
  const { command, full_command: full, param_match: match } = pattern;
  return full || match !== undefined || command.length > 1;
}

/** Whether a process is meant. @param command its command line, empty for the kernel's threads */
export function commandMatches(
  pattern: ProcessPattern,
  { name, command }: { readonly name: string; readonly command: readonly string[] },
): boolean {
  const [program = "", ...wanted] = pattern.command;
  const { param_match: match } = pattern;
  if (!comparesCommand(pattern)) {
    const bytes = new TextEncoder().encode(program);
    return name === new TextDecoder().decode(bytes.subarray(0, LONGEST_NAME));
  }
  const [own = "", ...given] = command;
  if (own !== program && (program.includes("/") || own.split("/").at(-1) !== program)) return false;
  // Without a word on arguments they do not count.
  if (wanted.length === 0 && match === undefined) return true;
  const open = match === "initial" || match === "partial";
  if (open ? given.length < wanted.length : given.length !== wanted.length) return false;
  return wanted.every((word, i) =>
    match === "initial" && i === wanted.length - 1
      ? given[i]?.startsWith(word) === true
      : given[i] === word
  );
}
