/**
 * What all translators share: the notes, the site that is being written, what the global
 * definitions say, and ways to read values.
 *
 * @module
 */

import { parseIp } from "../ip/mod.ts";
import { own } from "../values/mod.ts";
import type { Notes } from "./notes.ts";
import type { Reasons } from "./reasons.ts";
import type { ConvertOptions, Statement } from "./types.ts";
import { isLoose, Table } from "./value.ts";

/** Reads one statement of a block. */
export type Handler = (statement: Statement) => void;
export type Handlers = Readonly<Record<string, Handler>>;

/** What global_defs says that others must know. */
export interface Globals {
  /** `default_interface`. */
  interface: string;
  version: 2 | 3;
  strict: boolean;
  /** `smtp_alert` and its two kinds. */
  mailRouters: boolean | undefined;
  mailServers: boolean | undefined;
  checksumAsV2: boolean;
  checkSource: boolean;
  priorityChanges: boolean | undefined;
  markServers: boolean;
  /** Whether `[mail]` can be written: somebody to write to is named. */
  hasMail: boolean;
  scriptUser: boolean;
  scriptSecurity: boolean;
}

/** Kinds whose names must differ from each other. */
const SHARED: readonly string[] = ["routers", "groups", "servers", "bfd"];

/** One conversion of one view. */
export class Scope {
  readonly notes: Notes;
  readonly options: ConvertOptions;
  readonly root = new Table();
  readonly globals: Globals = {
    interface: "eth0",
    version: 2,
    strict: false,
    mailRouters: undefined,
    mailServers: undefined,
    checksumAsV2: false,
    checkSource: false,
    priorityChanges: undefined,
    markServers: false,
    hasMail: false,
    scriptUser: false,
    scriptSecurity: false,
  };
  /** By kind and keepalived's name. */
  readonly #names = new Map<string, Map<string, string>>();
  /** By kind, those that are shared being one: names that are taken, and how often each was asked. */
  readonly #taken = new Map<string, Map<string, number>>();
  /** Statements that were read, with the tables that their comments belong into. */
  readonly #read: (readonly [Statement, Table])[] = [];
  /** Whether some program runs as the script user. */
  runsPrograms = false;
  /** Whether conditions by id are in the file. */
  readonly byHost: boolean;

  constructor(options: ConvertOptions, notes: Notes, byHost: boolean) {
    this.options = options;
    this.notes = notes;
    this.byHost = byHost;
  }

  /**
   * The name of something as halb may have it, unique in its kind; routers, groups and virtual
   * servers are of one kind in this. A note where it is another one than before.
   */
  name(kind: string, written: string, statement?: Statement): string {
    const known = this.#names.get(kind) ?? new Map<string, string>();
    this.#names.set(kind, known);
    const before = known.get(written);
    if (before !== undefined) return before;
    const clean = written.toWellFormed().normalize("NFC").replace(/[^\p{L}\p{N}._:@+-]/gu, "-")
      .replace(/^[^\p{L}\p{N}]+/u, "").slice(0, 60).toWellFormed().replace(/\ufffd/g, "-") || "x";
    const space = SHARED.includes(kind) ? "shared" : kind;
    const taken = this.#taken.get(space) ?? new Map<string, number>();
    this.#taken.set(space, taken);
    let count = taken.get(clean) ?? 1;
    let name = clean;
    while (taken.has(name)) name = `${clean}-${++count}`;
    taken.set(clean, count).set(name, taken.get(name) ?? 1);
    known.set(written, name);
    if (statement !== undefined && name !== written) {
      this.notes.approximated(statement, `it is called ${name} now: programs are told that name`);
    }
    return name;
  }

  /** The name that was given before; undefined: there is nobody. */
  known(kind: string, written: string): string | undefined {
    return this.#names.get(kind)?.get(written);
  }

  /**
   * Reads the statements of a block: each by its handler, or by the reason why there is none.
   * Comments of what has no key here are kept in `table`.
   */
  block(
    statements: readonly Statement[],
    handlers: Handlers,
    reasons: Reasons,
    where: string,
    table?: Table,
  ): void {
    for (const statement of statements) {
      const { keyword } = statement;
      const handler = own(handlers, keyword);
      const reason = own(reasons, keyword);
      if (handler !== undefined) {
        handler(statement);
        if (table !== undefined) this.#read.push([statement, table]);
        if (!this.notes.has(statement)) this.notes.of(statement, "translated");
      } else if (reason !== undefined) {
        this.notes.of(statement, reason.verdict, reason.reason, reason.instead);
        table?.remark(statement);
      } else {
        const all = statement.children === undefined ? "" : ", and so is all that is in its block";
        const reason = keyword.startsWith("$") && statement.args[0] === "="
          ? "a definition has no blank before its =: keepalived does not read it, either"
          : `keepalived has no such keyword ${where}${all}`;
        this.notes.unread(statement, reason);
        table?.remark(statement);
      }
      this.notes.within(statement);
    }
  }

  /** How many statements were read so far. */
  get count(): number {
    return this.#read.length;
  }

  /** Puts comments of what was read since `from` into the tables, unless they stand at a key. */
  keepComments(from = 0): void {
    for (const [statement, table] of this.#read.splice(from)) {
      if (isLoose(statement)) table.remark(statement);
    }
  }

  /** A whole number of the statement; undefined, and a note, where there is none. */
  whole(statement: Statement, low: number, high: number, index = 0): number | undefined {
    const text = statement.args[index];
    const value = text !== undefined && /^-?[0-9]{1,12}$/.test(text) ? Number(text) : NaN;
    if (value >= low && value <= high) return value;
    const shown = text === undefined ? "there is no value" : `"${text}" is no value`;
    this.notes.unread(statement, `${shown}: a whole number from ${low} to ${high}`);
    return undefined;
  }

  /** Seconds with a fraction, as microseconds. */
  micros(statement: Statement, index = 0, unit = 1_000_000): number | undefined {
    const text = statement.args[index] ?? "";
    const match = /^([0-9]{0,9})(?:\.([0-9]*))?$/.exec(text);
    if (match !== null && /[0-9]/.test(text)) {
      const fraction = Number(`0.${match[2] || "0"}`);
      return Number(match[1] || "0") * unit + Math.round(fraction * unit);
    }
    const shown = text === "" ? "there is no value" : `"${text}" is no value`;
    this.notes.unread(statement, `${shown}: a number of seconds`);
    return undefined;
  }

  /** A time as halb writes it, kept between two limits (microseconds). */
  time(statement: Statement, low: number, high: number, index = 0): string | undefined {
    const value = this.micros(statement, index);
    if (value === undefined) return undefined;
    const kept = Math.min(Math.max(value, low), high);
    if (kept !== value) {
      const reason = `halb has ${timeText(low)} to ${timeText(high)}: written as ${timeText(kept)}`;
      this.notes.approximated(statement, reason);
    }
    return timeText(kept);
  }

  /** on, off and so on; without a value `true`. */
  flag(statement: Statement): boolean | undefined {
    const text = statement.args[0]?.toLowerCase();
    if (text === undefined || /^(on|true|yes)$/.test(text)) return true;
    if (/^(off|false|no)$/.test(text)) return false;
    this.notes.unread(statement, `"${statement.args[0]}" is none of on, off, true, false, yes, no`);
    return undefined;
  }

  /** `smtp_alert`, with a note where it tells nobody. */
  alert(statement: Statement): boolean | undefined {
    const flag = this.flag(statement);
    if (flag !== undefined && !this.globals.hasMail) {
      this.notes.needless(statement, "nobody is written to: there is no notification_email");
    }
    return flag;
  }

  /** The text of the statement; undefined, and a note, where there is none. */
  text(statement: Statement): string | undefined {
    return this.#text(statement, statement.args);
  }

  /** The same where keepalived takes no escapes: a backslash is itself, only `"` quotes. */
  plain(statement: Statement): string | undefined {
    return this.#text(statement, statement.plain);
  }

  #text(statement: Statement, [text = ""]: readonly string[]): string | undefined {
    if (text !== "") return text;
    this.notes.unread(statement, "there is no value");
    return undefined;
  }

  /** The name of an interface. */
  interface(statement: Statement, text = statement.args[0] ?? ""): string | undefined {
    if (/^[^\s/:$]+$/.test(text) && new TextEncoder().encode(text).length <= 15) return text;
    const why = /^\$\{?\w/.test(text) ? ": there is no such variable" : "";
    this.notes.unread(statement, `"${text}" is no name of an interface${why}`);
    return undefined;
  }

  /** An IP address. */
  address(statement: Statement, text = statement.args[0] ?? ""): string | undefined {
    const bare = text.replace(/%[^\s%]+$/, "");
    if (parseIp(bare) !== undefined) return bare;
    this.notes.unread(statement, `"${text}" is no IP address`);
    return undefined;
  }
}

/** Microseconds as a time with its unit. */
export function timeText(micros: number): string {
  if (micros % 1_000 !== 0) return `${micros}us`;
  if (micros !== 0 && micros < 1_000_000) return `${micros / 1_000}ms`;
  return `${micros / 1_000_000}s`;
}

/** Whether an address is one of IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(":");
}
