/**
 * Reading a site.toml and the files it includes. Each file is parsed on its own, so that an error
 * in one does not hide those of the others. A file is read once, however many globs match it; one
 * that includes itself, directly or through others, is refused.
 *
 * @module
 */

import { textOf } from "../mod/text/mod.ts";
import { parse } from "./toml.ts";
import type { Report } from "./finding.ts";
import { beside, expandGlob, isGlob, type ListDirectory, sameFile } from "./glob.ts";
import { type FileSecurity, untrusted } from "./security.ts";
import { syntaxFinding } from "./syntax.ts";
import {
  keyPlace,
  type Place,
  plant,
  shown,
  type Source,
  type TableNode,
  valuePlace,
} from "./tree.ts";

/** Longest configuration file, in UTF-16 units. */
const LONGEST_FILE = 16 * 1024 * 1024;

/** Most files of one site. */
const MOST_FILES = 10_000;

/** How files are read. */
export interface FileAccess {
  /** Text of a file in UTF-8; throws where it cannot be read. */
  readonly readText: (path: string) => string;
  readonly listDirectory: ListDirectory;
  /** Absent: every file is trusted. */
  readonly security?: FileSecurity;
}

/** What was read. */
export interface ReadResult {
  /** Every file that was read, the main one first. */
  readonly sources: readonly Source[];
  /** The files that could be parsed, without their `include`. */
  readonly tables: readonly TableNode[];
}

/** Why reading failed, in words. */
export function readFailure(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotFound") return "there is no such file";
  if (name === "PermissionDenied") return "permission denied";
  if (name === "IsADirectory") return "it is a directory";
  if (name === "NotADirectory") return "a part of its path is not a directory";
  return textOf(error);
}

/** Reads files; collects sources and tables. */
class Reader {
  readonly #access: FileAccess;
  readonly #report: Report;
  readonly sources: Source[] = [];
  readonly tables: TableNode[] = [];

  constructor(access: FileAccess, report: Report) {
    this.#access = access;
    this.#report = report;
  }

  /** Reads `name` and what it includes; `from` is the place of the include that names it. */
  read(name: string, chain: readonly string[], from?: Place): void {
    const again = chain.findIndex((above) => sameFile(above, name));
    if (again >= 0) {
      const way = [...chain.slice(again), name].join(" → ");
      return this.#refuse(name, from, `The file includes itself: ${way}`, "leave out this include");
    }
    if (this.sources.some((source) => sameFile(source.name, name))) return;
    if (this.sources.length >= MOST_FILES) {
      return this.#refuse(name, from, `More than ${MOST_FILES} files are included`);
    }
    const reason = this.#access.security === undefined
      ? undefined
      : untrusted(name, this.#access.security);
    if (reason !== undefined) {
      const advice = "only root and the agent's own user may be able to write it";
      return this.#refuse(name, from, `Refusing ${name}: ${reason}`, advice);
    }
    let text: string;
    try {
      text = this.#access.readText(name);
    } catch (error) {
      return this.#refuse(name, from, `Cannot read ${name}: ${readFailure(error)}`);
    }
    if (text.length > LONGEST_FILE) {
      return this.#refuse(name, from, `${name} is longer than ${LONGEST_FILE} characters`);
    }
    const source: Source = { name, text: text.replace(/^\ufeff/, "") };
    this.sources.push(source);
    this.#parse(source, [...chain, name]);
  }

  #refuse(name: string, from: Place | undefined, message: string, advice?: string): void {
    const place = from ?? { source: { name, text: "" }, line: 0, column: 0, length: 1 };
    this.#report({ place, message, ...(advice === undefined ? {} : { advice }) });
  }

  #parse(source: Source, chain: readonly string[]): void {
    let table: TableNode;
    try {
      const node = plant(source, parse(source.text));
      if (node.kind !== "table") return;
      table = node;
    } catch (error) {
      this.#report(syntaxFinding(source, error));
      return;
    }
    const include = table.entries.get("include");
    table.entries.delete("include");
    this.tables.push(table);
    if (include === undefined) return;
    if (include.kind !== "list") {
      const one = include.kind === "scalar" && typeof include.value === "string";
      this.#report({
        place: one ? valuePlace(include) : keyPlace(include),
        message: `Invalid \`include\`: ${shown(include)} is not a list of paths or globs`,
        advice: one ? `write \`[${shown(include)}]\` instead` : 'write `["conf.d/*.toml"]`',
      });
      return;
    }
    for (const item of include.items) {
      const pattern = item.kind === "scalar" ? item.value : undefined;
      if (typeof pattern !== "string" || pattern === "") {
        this.#report({
          place: valuePlace(item),
          message: `Invalid \`include\`: ${shown(item)} is not a path or glob`,
        });
        continue;
      }
      const path = beside(source.name, pattern);
      const names = isGlob(pattern) ? expandGlob(path, this.#access.listDirectory) : [path];
      for (const name of names) this.read(name, chain, valuePlace(item));
    }
  }
}

/** Reads the file at `path` and all that it includes. */
export function readSources(path: string, access: FileAccess, report: Report): ReadResult {
  const reader = new Reader(access, report);
  reader.read(path, []);
  return { sources: reader.sources, tables: reader.tables };
}
