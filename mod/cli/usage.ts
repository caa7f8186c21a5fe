/**
 * What is said to a command line that names no command, or an option that its command does not
 * take: what was meant, in the first place.
 *
 * @module
 */

import { nearest } from "../../config/nearest.ts";
import { type CommonValues, UsageError } from "./arguments.ts";
import { optionsOf } from "./completion.ts";
import { commandNames, helpText, isCommand } from "./help.ts";

/** Options that tell which agent or which node is meant, and how to answer: any command's. */
export const EVERYWHERE = ["config", "control", "help", "instance", "json", "name", "version"];

/** Who says one of these wants a command by another name. */
const MEANT: Readonly<Record<string, string>> = {
  config: "check",
  diff: "plan",
  failover: "release",
  history: "events",
  list: "status",
  show: "status",
  test: "check",
  top: "watch",
  validate: "check",
};

/** `word` stands where a command should. */
export function noSuchCommand(word: string): UsageError {
  return new UsageError(`there is no command "${word}": ${adviceOn(word)}`);
}

function adviceOn(word: string): string {
  if (word === "start" || word === "stop" || word === "restart") {
    return "halb --config FILE runs the agent, TERM ends it; " +
      `where systemd has it: systemctl ${word} halb`;
  }
  if (word.endsWith(".conf")) return `halb convert ${word} makes a site.toml of keepalived's`;
  if (word.endsWith(".toml") || word.includes("/")) {
    return `halb --config ${word} runs that site, halb check ${word} checks it`;
  }
  const commands = commandNames();
  const meant = MEANT[word] ?? nearest(word, [...commands, "help"]);
  return meant === undefined ? `one of ${commands.join(", ")}` : `did you mean ${meant}?`;
}

/** `halb help`, `halb help COMMAND`. @throws {UsageError} where there is no such command */
export function helpOn(command: string | undefined): string {
  if (command !== undefined && !isCommand(command)) throw noSuchCommand(command);
  return helpText(command);
}

/** @throws {UsageError} for an option that the command would not heed */
export function requireHeeded(command: string, values: CommonValues): void {
  const heeded = optionsOf(command);
  for (const option of Object.keys(values)) {
    if (EVERYWHERE.includes(option)) continue;
    if (heeded.includes(`--${option}`) || heeded.includes(`--no-${option}`)) continue;
    const why = command === "claim" && option === "for" ? ": it lasts while it is master" : "";
    throw new UsageError(`${command} takes no --${option}${why}`);
  }
}
