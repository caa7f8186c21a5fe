/**
 * Words of a line as keepalived.conf(5) has them: quotes and escapes, and braces that stand for
 * themselves.
 *
 * @module
 */

/** A word; a brace outside quotes is a word of its own. */
export interface Word {
  readonly text: string;
  /** Whether a part of it was in quotes. */
  readonly quoted: boolean;
  /** As keepalived has it where it takes no escapes: only `"` quotes, a backslash is itself. */
  readonly plain: string;
}

/** The words of a line, and what is wrong with it. */
export interface Words {
  readonly words: readonly Word[];
  readonly problem?: string;
}

const NAMED: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  E: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** What stands behind a backslash at `at`: the character, and where it ends. */
function escaped(text: string, at: number): readonly [string, number] {
  const next = text[at] ?? "\\";
  const named = NAMED[next];
  if (named !== undefined) return [named, at + 1];
  const rest = text.slice(at, at + 16);
  const octal = /^[0-7]{1,3}/.exec(rest)?.[0];
  if (octal !== undefined) {
    return [String.fromCharCode(parseInt(octal, 8) & 0xff), at + octal.length];
  }
  const hex = /^x([0-9a-fA-F]+)/.exec(rest);
  if (hex !== null) {
    return [String.fromCharCode(parseInt(hex[1]!.slice(-2), 16)), at + hex[0].length];
  }
  // Where no escapes are taken, the quote ends the word.
  if (next === "c" && !/^"?$/.test(text[at + 1] ?? "")) {
    return [String.fromCharCode(text.charCodeAt(at + 1) & 0x1f), at + 2];
  }
  return [next, at + 1];
}

/** Where the comment of a line begins; its length where there is none. */
export function commentStart(text: string): number {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\") at++;
    else if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || character === "'") quote = character;
    else if (character === "#" || character === "!") return at;
  }
  return text.length;
}

/** Splits a line without its comment into words. */
export function wordsOf(text: string): Words {
  const words: Word[] = [];
  let word = "";
  let plain = "";
  let begun = false;
  let quoted = false;
  let quote = "";
  const end = () => {
    // A plain word ends at its next quote, and within apostrophes at a blank.
    if (begun) words.push({ text: word, quoted, plain: plain.replace(/\0[^]*/, "") });
    word = plain = "";
    begun = quoted = false;
  };
  let at = 0;
  while (at < text.length) {
    const character = text[at]!;
    if (character === "\\" && (quote !== "" || /["'\\#!{}]/.test(text[at + 1] ?? ""))) {
      const [read, next] = escaped(text, at + 1);
      word += read;
      plain += text.slice(at, next).replace('"', "\0");
      begun = true;
      at = next;
      continue;
    }
    at++;
    if (quote !== "") {
      if (quote === "'") plain += /\s/.test(character) ? "\0" : character;
      else plain += character === quote ? "\0" : character;
      if (character === quote) quote = "";
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      if (quote === "'") plain += quote;
      else if (plain !== "") plain += "\0";
      begun = quoted = true;
    } else if (/\s/.test(character)) {
      end();
    } else if (character === "$" && text[at] === "{") {
      // A variable that nobody has defined stays as it is, braces and all.
      const close = text.indexOf("}", at);
      const stop = close < 0 ? text.length : close + 1;
      word += text.slice(at - 1, stop);
      plain += text.slice(at - 1, stop);
      begun = true;
      at = stop;
    } else if (character === "{" || character === "}") {
      end();
      words.push({ text: character, quoted: false, plain: character });
    } else {
      word += character;
      plain += character;
      begun = true;
    }
  }
  end();
  return quote === ""
    ? { words }
    : { words, problem: `the quote ${quote} is not closed on this line` };
}

/**
 * The words of a command as keepalived runs it: blanks divide, quotes hold together, no shell.
 */
export function commandWords(text: string): string[] {
  const words: string[] = [];
  let word = "";
  let begun = false;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\" && at + 1 < text.length) {
      // keepalived takes them out within quotes of both kinds, too.
      word += text[++at];
      begun = true;
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      begun = true;
    } else if (/\s/.test(character)) {
      if (begun) words.push(word);
      word = "";
      begun = false;
    } else {
      word += character;
      begun = true;
    }
  }
  if (begun) words.push(word);
  return words;
}
