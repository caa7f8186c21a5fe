/**
 * `~SEQ(…)` and `~LST(…)`: a line for each number of a sequence, for each value of a list.
 *
 * @module
 */

/** Most rounds of one block. */
const MOST_ROUNDS = 100_000;

/** Variables of each round, and the rest of the line. */
export interface Repetition {
  readonly rounds: readonly (readonly (readonly [name: string, value: string])[])[];
  readonly rest: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function wholeNumber(text: string): number | undefined {
  if (!/^-?(0x[0-9a-f]{1,12}|[0-9]{1,12})$/i.test(text)) return undefined;
  return text.startsWith("-") ? -Number(text.slice(1)) : Number(text);
}

function sequence(args: readonly string[], hex: boolean): Repetition["rounds"] | string {
  const [name = "", ...values] = args;
  if (!NAME.test(name)) return "it begins with the name of a variable";
  const numbers = values.map(wholeNumber);
  if (numbers.length < 1 || numbers.length > 3 || numbers.includes(undefined)) {
    return "it takes START, STEP, END, of which the first two may be left out, as whole numbers";
  }
  const known = numbers as number[];
  const end = known.at(-1)!;
  const start = known.length === 1 ? (end < 0 ? -1 : 1) : known[0]!;
  const step = known.length === 3 ? known[1]! : end < start ? -1 : 1;
  if (step === 0) return "its step is 0";
  // Counted before the first is made: an outer sequence may ask for this one any number of times.
  if ((end - start) / step >= MOST_ROUNDS) return `it has more than ${MOST_ROUNDS} rounds`;
  const rounds: (readonly [string, string][])[] = [];
  for (let value = start; step > 0 ? value <= end : value >= end; value += step) {
    const sign = value < 0 ? "-" : "";
    rounds.push([[name, hex ? sign + Math.abs(value).toString(16) : String(value)]]);
  }
  return rounds;
}

/** Splits at the commas outside braces. */
function parts(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let part = "";
  for (const character of text) {
    if (character === "," && depth === 0) {
      found.push(part.trim());
      part = "";
      continue;
    }
    if (character === "{") depth++;
    if (character === "}") depth--;
    part += character;
  }
  found.push(part.trim());
  return found;
}

/** The members of `{a, b}`, or the text itself. */
function members(text: string): string[] {
  return text.startsWith("{") && text.endsWith("}") ? parts(text.slice(1, -1)) : [text];
}

function list(args: readonly string[]): Repetition["rounds"] | string {
  const [first = "", ...values] = args;
  const names = members(first);
  if (!names.every((name) => NAME.test(name))) return "it begins with the name of a variable";
  if (values.length === 0) return "it has no values";
  const rounds = values.map((value) => members(value));
  if (rounds.some((round) => round.length !== names.length)) {
    return `each of its values must have ${names.length} parts`;
  }
  return rounds.map((round) => round.map((value, index) => [names[index]!, value] as const));
}

/**
 * Reads a line that begins with `~SEQ`, `~SEQx` or `~LST`. A text: what is wrong with it;
 * undefined: it is none.
 */
export function repetition(line: string): Repetition | string | undefined {
  const begin = /^\s*~(SEQx?|LST)\(/.exec(line);
  if (begin === null) return undefined;
  const [{ length }, word] = begin as unknown as [string, string];
  const close = line.indexOf(")", length);
  if (close < 0) return `~${word}( is not closed`;
  const args = parts(line.slice(length, close));
  const rounds = word === "LST" ? list(args) : sequence(args, word === "SEQx");
  if (typeof rounds === "string") return `~${word}: ${rounds}`;
  return { rounds, rest: line.slice(close + 1) };
}
