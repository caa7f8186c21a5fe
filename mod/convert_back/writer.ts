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

/** A word, in quotes where keepalived would read it otherwise. */
export function wordText(word: string): string {
  if (word !== "" && !/[\s"'\\#!{}]/.test(word)) return word;
  return `"${word.replace(/["\\]/g, "\\$&")}"`;
}

/** A command: its words in quotes as one, as keepalived takes them apart again. */
export function commandText(words: readonly string[]): string {
  const inner = words.map((word) => {
    if (word !== "" && !/[\s"'\\]/.test(word)) return word;
    return word.includes("'") ? word.replace(/[\s"'\\]/g, "\\$&") : `'${word}'`;
  }).join(" ");
  return `"${inner.replace(/["\\]/g, "\\$&")}"`;
}

/** Microseconds as seconds with a fraction. */
export function secondsText(micros: number): string {
  return (micros / 1_000_000).toFixed(6).replace(/\.?0+$/, "");
}
