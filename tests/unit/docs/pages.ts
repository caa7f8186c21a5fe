/**
 * The pages that users read, README and docs, and what is in them for a machine to look at.
 *
 * @module
 */

const ROOT = new URL("../../../", import.meta.url);

export interface Page {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block. */
export interface Block {
  /** File and line of its first line, for messages. */
  readonly place: string;
  readonly language: string;
  readonly text: string;
  /** What stands in the comment right before it; empty: none. */
  readonly mark: string;
}

/** Every page, README first. */
export function pages(): Page[] {
  const paths = ["README.md", ...markdownIn("docs")];
  return paths.map((path) => ({ path, text: Deno.readTextFileSync(new URL(path, ROOT)) }));
}

function markdownIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return markdownIn(path);
    return name.endsWith(".md") ? [path] : [];
  }).sort();
}

/** The names of files in a folder of the repository. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].filter(({ isFile }) => isFile)
    .map(({ name }) => name).sort();
}

export function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** The blocks of a page, also those within lists. */
export function blocksOf({ path, text }: Page): Block[] {
  const pattern =
    /(?:<!-- ([^>]*) -->\s+)?^([ \t]*)(?:[-*]|\d+\.)?[ \t]*```(\w*)\n([^]*?)^[ \t]*```$/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const body = match[4]!;
    const start = match.index + match[0].indexOf(body);
    const indent = /^[ \t]*/.exec(body)![0];
    return {
      place: `${path}:${text.slice(0, start).split("\n").length}`,
      language: match[3]!,
      text: body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      mark: match[1] ?? "",
    };
  });
}
