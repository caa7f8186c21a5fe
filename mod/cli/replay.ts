/**
 * `halb replay`: runs a recording through the state machines again; and how one is written.
 *
 * @module
 */

import { headerLine, LONGEST_RECORDING, parseRecording } from "../agent/flight/recording_file.ts";
import { ask } from "../control/client.ts";
import type { RecordingList, RecordingOf } from "../control/recording_protocol.ts";
import { replay, type Replayed, type Segment } from "../record/mod.ts";
import { escapeText, textOf } from "../text/mod.ts";
import { VERSION } from "../version.ts";
import { localTime } from "./events_text.ts";
import { writeNew } from "./new_file.ts";
import { stepText } from "./replay_text.ts";

/** What came of one segment. */
interface Outcome {
  readonly machine: string;
  readonly line: number;
  readonly steps: number;
  readonly difference: { readonly time: string; readonly text: string } | null;
}

/** Writes a file that only its owner reads. Returns what to print. @throws {Error} */
export async function recordCommand(
  control: string,
  path: string,
  name: string | undefined,
): Promise<string> {
  const list = await ask(control, { command: "recording" }) as RecordingList;
  const machines = list.machines.filter((one) =>
    name === undefined || one.name === name || one.name.startsWith(`${name}/`)
  );
  if (machines.length === 0) {
    const names = [...new Set(list.machines.map((one) => one.name))].slice(0, 30).join(", ");
    const what = name === undefined ? "nothing to record" : `nothing called "${name}"`;
    throw new Error(`there is ${what} here${names === "" ? "" : `: ${names}`}`);
  }
  const lines = [headerLine(VERSION, list.time, list.at)];
  const bytesOf = (line: string): number => new TextEncoder().encode(line).length;
  let [length, steps] = [bytesOf(lines[0]!), 0];
  for (const machine of machines) {
    const found = await ask(control, { command: "recording", ...machine }) as RecordingOf;
    for (const segment of found.segments) {
      const line = `${JSON.stringify(segment)}\n`;
      length += bytesOf(line);
      if (length > LONGEST_RECORDING) {
        throw new Error("there is too much for one file: say NAME");
      }
      lines.push(line);
      steps += segment.steps.length;
    }
  }
  writeNew(path, lines.join(""));
  const count = machines.length === 1 ? "1 state machine" : `${machines.length} state machines`;
  return `${steps} steps of ${count}: halb replay ${path}`;
}

/** Returns the exit code: 1 where a decision differs. @throws {Error} where it is no recording */
export function replayCommand(
  path: string,
  json: boolean,
  print: (line: string) => void,
): number {
  const { size } = Deno.statSync(path);
  if (size > LONGEST_RECORDING) {
    throw new Error(`"${path}" is longer than ${LONGEST_RECORDING} bytes`);
  }
  const { header, segments } = read(path);
  const ahead = Date.parse(header.time) * 1000 - header.at;
  const timeOf = (at: number): string =>
    new Date(Math.min(Math.max((at + ahead) / 1000, 0), 8.64e15)).toISOString();
  const outcomes: Outcome[] = [];
  let former: { readonly segment: Segment; readonly memory: unknown } | null = null;
  for (const { line, segment } of segments) {
    const goesOn = former?.segment.kind === segment.kind && former.segment.name === segment.name;
    const machine = `${segment.kind} ${segment.name}`;
    if (!json) {
      const begin = localTime(timeOf(segment.begin));
      print(`${escapeText(machine)}, ${segment.steps.length} steps since ${begin}:`);
    }
    const timeline = new Timeline((at, text) => {
      if (!json) print(`  ${localTime(timeOf(at))}  ${escapeText(text)}`);
    });
    const { memory, steps, different } = run(
      segment,
      goesOn ? former!.memory : undefined,
      (one) => timeline.add(one.at, stepText(one)),
    );
    timeline.end();
    former = { segment, memory };
    const difference = different === null
      ? null
      : { time: timeOf(different.at), text: different.difference! };
    outcomes.push({ machine, line, steps, difference });
  }
  const steps = outcomes.reduce((sum, one) => sum + one.steps, 0);
  const wrong = outcomes.filter(({ difference }) => difference !== null);
  if (json) print(JSON.stringify({ version: header.halb, steps, segments: outcomes }, null, 2));
  else print(lastWord(outcomes, steps, wrong));
  return wrong.length === 0 ? 0 : 1;
}

function read(path: string) {
  try {
    return parseRecording(Deno.readTextFileSync(path));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error(`"${path}", ${error.message}`);
  }
}

/**
 * All steps of a segment, up to the first that differs. A machine that throws differs, too. Then its
 * memory is nobody's, and the segment after it is not compared with that.
 */
function run(
  segment: Segment,
  former: unknown,
  tell: (one: Replayed) => void,
): { memory: unknown; steps: number; different: Pick<Replayed, "at" | "difference"> | null } {
  let [steps, at] = [0, segment.begin];
  try {
    const made = replay(segment, former);
    for (;;) {
      const one = made.next();
      if (one.done) return { memory: one.value.memory, steps, different: null };
      at = one.value.at;
      if (one.value.difference !== null) return { memory: undefined, steps, different: one.value };
      steps++;
      tell(one.value);
    }
  } catch (error) {
    const difference = `the machine fails over it: ${textOf(error)}`;
    return { memory: undefined, steps, different: { at, difference } };
  }
}

/** Steps that read alike are told once, with their number. */
class Timeline {
  #line: { readonly at: number; readonly text: string; count: number } | null = null;

  constructor(readonly print: (at: number, text: string) => void) {}

  add(at: number, text: string): void {
    if (this.#line?.text === text) {
      this.#line.count++;
      return;
    }
    this.end();
    this.#line = { at, text, count: 1 };
  }

  end(): void {
    const line = this.#line;
    this.#line = null;
    if (line === null) return;
    this.print(line.at, line.count === 1 ? line.text : `${line.text} (${line.count} times)`);
  }
}

function lastWord(all: readonly Outcome[], steps: number, wrong: readonly Outcome[]): string {
  const [first] = wrong;
  if (first === undefined) {
    return `${steps} steps in ${all.length} segments: the same decisions as recorded.`;
  }
  const { machine, line, steps: made, difference } = first;
  const where = `${machine}, line ${line}, step ${made + 1}, ${localTime(difference!.time)}`;
  return escapeText(
    `${wrong.length} of ${all.length} segments differ, first ${where}: ${difference!.text}`,
  );
}
