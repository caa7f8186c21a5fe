/**
 * From what a terminal sends to keys with names. Pure.
 *
 * @module
 */

const SEQUENCES: Readonly<Record<string, string>> = {
  "[A": "up",
  "OA": "up",
  "[B": "down",
  "OB": "down",
  "[C": "right",
  "OC": "right",
  "[D": "left",
  "OD": "left",
  "[H": "home",
  "OH": "home",
  "[1~": "home",
  "[F": "end",
  "OF": "end",
  "[4~": "end",
  "[5~": "pageup",
  "[6~": "pagedown",
};
const CONTROLS: Readonly<Record<string, string>> = {
  "\r": "enter",
  "\n": "enter",
  "\x7f": "backspace",
  "\b": "backspace",
  "\t": "tab",
  "\x03": "interrupt",
  "\x04": "quit",
  "\x0c": "redraw",
  "\x15": "erase",
};

/**
 * Where a sequence begins that goes on in the next piece of input, or is the escape key alone: a
 * serial console tells each byte by itself. The length of the text: there is none.
 */
export function unfinishedAt(text: string): number {
  // deno-lint-ignore no-control-regex
  return /\x1b(?:\[[0-9;?]*|O)?$/.exec(text)?.index ?? text.length;
}

/**
 * Keys in one piece of input: characters as they are, others by name. A sequence that is none of
 * these is passed over whole, and one that is unfinished is an escape and what follows.
 */
export function readKeys(text: string): string[] {
  const keys: string[] = [];
  for (let at = 0; at < text.length;) {
    if (text[at] === "\x1b") {
      // deno-lint-ignore no-control-regex
      const sequence = /^\x1b((?:\[[0-9;?]*[ -/]*[@-~])|(?:O[A-Za-z]))/.exec(text.slice(at));
      const key = sequence === null ? "escape" : SEQUENCES[sequence[1]!];
      at += sequence?.[0].length ?? 1;
      if (key !== undefined) keys.push(key);
      continue;
    }
    const character = String.fromCodePoint(text.codePointAt(at)!);
    at += character.length;
    const control = CONTROLS[character];
    if (control !== undefined) keys.push(control);
    else if (character >= " ") keys.push(character);
  }
  return keys;
}
