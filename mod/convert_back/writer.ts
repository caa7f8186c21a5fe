/**
 * Text of a keepalived.conf: blocks, words in quotes, times.
 *
 * @module
 */

/** Collects lines, each as deep as its blocks. */
export class Writer {
  readonly #lines: string[] = [];
  #depth = 0;

  /** A statement; words that are undefined are left out. */
  line(...words: readonly (string | number | undefined)[]): void {
    const text = words.filter((word) => word !== undefined).join(" ");
    this.#lines.push(`${"    ".repeat(this.#depth)}${text}`);
  }

  /** `HEAD { … }`; nothing at all where `body` writes nothing and `empty` is not set. */
  block(head: string, body: () => void, empty = false): void {
    this.line(`${head} {`);
    const begun = this.#lines.length;
    this.#depth++;
    body();
    this.#depth--;
    if (this.#lines.length === begun && !empty) this.#lines.pop();
    else this.line("}");
  }

  /** A blank line between parts. */
  gap(): void {
    if (this.#lines.length > 0 && this.#lines.at(-1) !== "") this.#lines.push("");
  }

  text(): string {
    return `${this.#lines.join("\n").trimEnd()}\n`;
  }
}

/** What a plain word has to stand in quotes for. */
const BREAKING = /[\s"'#!{}]/;

/** Whether keepalived can be given it as a plain word, of which it takes no escapes. */
export function isWritable(word: string): boolean {
  return !/["\n\r]/.test(word) && !(BREAKING.test(word) && word.endsWith("\\"));
}

/**
 * A plain word, in quotes where keepalived would read it otherwise. A backslash is itself there;
 * what is not {@link isWritable} loses its quotes, and must be told of.
 */
export function wordText(word: string): string {
  if (word !== "" && !BREAKING.test(word)) return word;
  return `"${word.replace(/["\n\r]|\\$/g, "")}"`;
}

/**
 * Text between quotes of what keepalived takes escapes out of: programs and expressions. A quote is
 * written as a number, since keepalived counts quotes without regard to backslashes.
 */
export function escapedText(text: string): string {
  const inner = text.replaceAll("\\", "\\\\").replaceAll('"', "\\042")
    .replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `"${inner}"`;
}

/**
 * A command: its words in quotes as one, as keepalived takes them apart again. It takes backslashes
 * out within single quotes, too.
 */
export function commandText(words: readonly string[]): string {
  const inner = words.map((word) => {
    if (word !== "" && !/[\s"'\\]/.test(word)) return word;
    if (word.includes("'")) return word.replace(/[\s"'\\]/g, "\\$&");
    return `'${word.replaceAll("\\", "\\\\")}'`;
  }).join(" ");
  return escapedText(inner);
}

/** Words, each before its value; those without one are left out. */
export function givenWords(
  values: Readonly<Record<string, string | number | undefined>>,
): (string | number)[] {
  return Object.entries(values).flatMap(([word, value]) =>
    value === undefined ? [] : [word, value]
  );
}

/** Names that nobody has yet: as wished, else with a number behind. */
export function freeNames(taken: readonly string[]): (wish: string) => string {
  const used = new Set(taken);
  return (wish) => {
    let name = wish;
    for (let number = 2; used.has(name); number++) name = `${wish}-${number}`;
    used.add(name);
    return name;
  };
}

/** Microseconds as seconds with a fraction. */
export function secondsText(micros: number): string {
  return (micros / 1_000_000).toFixed(6).replace(/\.?0+$/, "");
}

/** Microseconds as whole seconds, where keepalived takes no fractions: at least as long. */
export function wholeSeconds(micros: number): number {
  return Math.ceil(micros / 1_000_000);
}
