/**
 * The tree as tidy TOML: one key a line, what is short in braces, what is long in sections.
 *
 * @module
 */

import { ENVIRONMENT_MARK } from "./expand.ts";
import { type Entry, isTables, List, type Scalar, Table, type Value } from "./value.ts";

/** Longest line that is written where there is a choice. */
const WIDTH = 100;
/** Keys whose tables always have sections of their own. */
const SECTIONS = new Set(["real_server", "defaults.vrrp", "defaults.bfd", "by_host"]);

/** A key, in quotes where it must. */
export function keyText(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : stringText(key);
}

/** A string in quotes. */
export function stringText(text: string): string {
  // deno-lint-ignore no-control-regex
  if (text.includes("\\") && !/['\u0000-\u001f\u007f\ud800-\udfff]/.test(text)) return `'${text}'`;
  const escaped = text.toWellFormed().replace(
    // deno-lint-ignore no-control-regex
    /[\\"\u0000-\u001f\u007f]/g,
    (character) => {
      if (character === '"' || character === "\\") return `\\${character}`;
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
  return `"${escaped}"`;
}

function scalarText(value: Scalar): string {
  if (typeof value !== "string") return String(value);
  if (value.startsWith(ENVIRONMENT_MARK)) {
    return `{ env = ${stringText(value.slice(ENVIRONMENT_MARK.length))} }`;
  }
  return stringText(value);
}

/** A value on one line. */
export function inlineText(value: Value): string {
  if (value instanceof List) {
    return `[${value.items.map((item) => inlineText(item.value)).join(", ")}]`;
  }
  if (value instanceof Table) {
    const parts = [...value.entries].map(([key, entry]) =>
      `${keyText(key)} = ${inlineText(entry.value)}`
    );
    return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
  }
  return scalarText(value);
}

/** Whether there are comments anywhere within. */
export function isCommented(value: Value): boolean {
  const entries = value instanceof List
    ? value.items
    : value instanceof Table
    ? [...value.entries.values()]
    : [];
  return (value instanceof Table && value.rest.length > 0) ||
    entries.some((entry) =>
      entry.before.length > 0 || entry.behind !== undefined || isCommented(entry.value)
    );
}

/** A comment: one line each, nothing that ends it early. */
export function commentText(text: string): string {
  // deno-lint-ignore no-control-regex
  const clean = text.toWellFormed().replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, " ").trimEnd();
  return clean === "" ? "#" : `# ${clean}`;
}

/** Writes one tree. */
class Writer {
  readonly lines: string[] = [];

  comments(before: readonly string[]): void {
    for (const text of before) this.lines.push(commentText(text));
  }

  blank(): void {
    if (this.lines.length > 0 && this.lines.at(-1) !== "") this.lines.push("");
  }

  /** Whether the entry becomes a section, or several. */
  #isSection(key: string, path: readonly string[], { value }: Entry): boolean {
    if (!(value instanceof Table) && !isTables(value)) return false;
    if (path.length === 0 || SECTIONS.has(key) || SECTIONS.has([...path, key].join("."))) {
      return true;
    }
    const text = `${keyText(key)} = ${inlineText(value)}`;
    return text.length > WIDTH || isCommented(value);
  }

  table(table: Table, path: readonly string[]): void {
    const sections: [string, Entry][] = [];
    for (const [key, entry] of table.entries) {
      if (this.#isSection(key, path, entry)) sections.push([key, entry]);
      else this.#entry(key, entry);
    }
    this.comments(table.rest);
    for (const [key, entry] of sections) this.#section([...path, key], entry);
  }

  #behind(text: string, behind: string | undefined): void {
    if (behind === undefined) this.lines.push(text);
    else this.lines.push(`${text} ${commentText(behind)}`);
  }

  #entry(key: string, entry: Entry): void {
    this.comments(entry.before);
    const { value } = entry;
    const text = `${keyText(key)} = ${inlineText(value)}`;
    const isLong = text.length > WIDTH || isCommented(value);
    if (!(value instanceof List) || !isLong || value.items.length === 0) {
      return this.#behind(text, entry.behind);
    }
    this.#behind(`${keyText(key)} = [`, entry.behind);
    for (const item of value.items) {
      for (const comment of item.before) this.lines.push(`  ${commentText(comment)}`);
      if (item.value instanceof Table) {
        for (const inner of item.value.entries.values()) {
          for (const comment of inner.before) this.lines.push(`  ${commentText(comment)}`);
        }
      }
      this.#behind(`  ${inlineText(item.value)},`, item.behind);
    }
    this.lines.push("]");
  }

  #section(path: readonly string[], entry: Entry): void {
    const name = path.map(keyText).join(".");
    if (entry.value instanceof Table) {
      const holds = [...entry.value.entries];
      // A header of a table that holds only sections says nothing.
      const bare = holds.length > 0 && holds.every(([key, inner]) =>
        this.#isSection(key, path, inner)
      ) && entry.behind === undefined && entry.value.rest.length === 0;
      if (!bare || entry.before.length > 0) this.blank();
      this.comments(entry.before);
      if (!bare) this.#behind(`[${name}]`, entry.behind);
      return this.table(entry.value, path);
    }
    if (!(entry.value instanceof List)) return;
    let { before } = entry;
    for (const item of entry.value.items) {
      this.blank();
      this.comments([...before, ...item.before]);
      before = [];
      this.#behind(`[[${name}]]`, item.behind);
      if (item.value instanceof Table) this.table(item.value, path);
    }
  }
}

/** The text of a site: `head` above it, `foot` below, both as comments. */
export function tomlText(root: Table, head: readonly string[], foot: readonly string[]): string {
  const writer = new Writer();
  writer.comments(head);
  writer.blank();
  writer.table(root, []);
  if (foot.length > 0) {
    writer.blank();
    writer.comments(foot);
  }
  return writer.lines.join("\n").trimEnd() + "\n";
}
