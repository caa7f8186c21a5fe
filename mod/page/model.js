/**
 * What the page knows: rows by kind and name, brought up to date by what the agent says has changed;
 * what is wrong, and how fast counters grow. Pure.
 *
 * @module
 */
// @ts-check

/** @typedef {import("../control/page_rows.ts").Row} Row */
/** @typedef {import("../control/page_rows.ts").Kind} Kind */
/** @typedef {import("../control/page_rows.ts").Level} Level */
/** @typedef {Record<string, number>} Counters */
/** @typedef {{ kind: Kind | "agent", name: string, level: Level, text: string }} Trouble */

/** @type {readonly Kind[]} */
export const KINDS = ["vrrp", "group", "bfd", "virtual_server", "check"];
/** @type {readonly Level[]} */
const LEVELS = ["error", "warning", "notice"];
/** Counters that stand still for so long do not grow, milliseconds. */
const STILL = 15_000;

export class Model {
  /** Of the last answer; what is asked for next is newer. */
  version = "";
  /** When the agent was as it is shown, milliseconds since 1970 by its own clock. */
  at = 0;
  freshMs = 1000;
  /** @type {Record<string, any> | null} */
  agent = null;
  /** @type {Record<Kind, Map<string, any>>} */
  rows;
  /** @type {Map<string, { at: number, counters: Counters, rates: Counters | null }>} */
  #meters = new Map();

  constructor() {
    this.rows = /** @type {any} */ (Object.fromEntries(KINDS.map((kind) => [kind, new Map()])));
  }

  /**
   * @param {any} answer of `/overview.json`
   * @returns {Set<string>} kinds that have changed
   */
  apply(answer) {
    /** @type {Set<string>} */
    const changed = new Set();
    this.version = answer.version;
    this.at = Date.parse(answer.at);
    this.freshMs = answer.fresh_ms;
    if (answer.agent !== undefined) {
      this.agent = answer.agent;
      changed.add("agent");
    }
    for (const kind of KINDS) {
      const known = this.rows[kind];
      if (answer.whole) known.clear();
      for (const row of answer[kind]) known.set(row.name, row);
      if (answer.whole || answer[kind].length > 0) changed.add(kind);
    }
    this.#measure(answer.whole);
    return changed;
  }

  /**
   * How fast a virtual server's counters grow, a second; null: that is not known yet.
   *
   * @param {string} name
   * @param {string} counter
   * @returns {number | null}
   */
  rate(name, counter) {
    return this.#meters.get(name)?.rates?.[counter] ?? null;
  }

  /** @param {boolean} whole */
  #measure(whole) {
    const servers = this.rows.virtual_server;
    if (whole) {
      for (const name of this.#meters.keys()) if (!servers.has(name)) this.#meters.delete(name);
    }
    for (const [name, { counters }] of servers) {
      const meter = this.#meters.get(name);
      if (meter === undefined) {
        this.#meters.set(name, { at: this.at, counters, rates: null });
        continue;
      }
      const rates = ratesOf(meter, { at: this.at, counters });
      if (rates === undefined) continue;
      this.#meters.set(name, { at: this.at, counters, rates });
    }
  }
}

/**
 * @param {{ at: number, counters: Counters }} before
 * @param {{ at: number, counters: Counters }} after
 * @returns {Counters | null | undefined} null: not known; undefined: nothing new to say
 */
export function ratesOf(before, after) {
  const elapsed = after.at - before.at;
  if (elapsed === 0) return undefined;
  // The agent's clock was set back: what was measured by the former one says nothing.
  if (elapsed < 0) return null;
  const names = Object.keys(after.counters);
  const grown = names.map((name) => (after.counters[name] ?? 0) - (before.counters[name] ?? 0));
  // They were reset: what they count from is gone.
  if (grown.some((one) => one < 0)) return null;
  // The kernel is asked every few seconds only.
  if (grown.every((one) => one === 0) && elapsed < STILL) return undefined;
  return Object.fromEntries(names.map((name, i) => [name, (grown[i] ?? 0) * 1000 / elapsed]));
}

/** The worst that is wrong with something; null: nothing is. @param {Row} row */
export function worst({ wrong }) {
  // As nearly all of thousands are.
  if (wrong.length === 0) return null;
  return LEVELS.find((level) => wrong.some((one) => one.level === level)) ?? null;
}

/**
 * All that is wrong, the worst first.
 *
 * @param {Model} model
 * @returns {Trouble[]}
 */
export function troublesOf(model) {
  /** @type {Trouble[]} */
  const found = [];
  /** @param {Kind | "agent"} kind @param {Row} row */
  const add = (kind, row) => {
    for (const { level, text } of row.wrong) found.push({ kind, name: row.name, level, text });
  };
  if (model.agent !== null) add("agent", /** @type {Row} */ (model.agent));
  for (const kind of KINDS) for (const row of model.rows[kind].values()) add(kind, row);
  const rank = (/** @type {Trouble} */ one) => LEVELS.indexOf(one.level);
  return found.sort((a, b) => rank(a) - rank(b));
}

/**
 * How it stands in one line.
 *
 * @param {readonly Trouble[]} troubles
 * @returns {{ level: Level | "good", text: string }}
 */
export function verdictOf(troubles) {
  const count = (/** @type {Level} */ level) =>
    troubles.filter((one) => one.level === level).length;
  const [errors, warnings] = [count("error"), count("warning")];
  const words = (/** @type {number} */ number, /** @type {string} */ word) =>
    `${number} ${word}${number === 1 ? "" : "s"}`;
  if (errors > 0) {
    const more = warnings > 0 ? `, ${words(warnings, "warning")}` : "";
    return { level: "error", text: words(errors, "error") + more };
  }
  if (warnings > 0) return { level: "warning", text: words(warnings, "warning") };
  return { level: "good", text: "All is well" };
}

/** One word for how a row stands, as it is coloured. @param {string} kind @param {any} row */
export function stateOf(kind, row) {
  switch (kind) {
    case "virtual_server":
      return !row.quorum.met ? "down" : row.active ? "up" : "standby";
    case "check":
      return row.healthy === null ? "unknown" : row.healthy ? "up" : "down";
    default:
      return row.state;
  }
}

/**
 * How many rows are in which state, the most frequent first.
 *
 * @param {string} kind
 * @param {Iterable<any>} rows
 * @returns {[string, number][]}
 */
export function statesOf(kind, rows) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const row of rows) {
    const state = stateOf(kind, row);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
}

const collator = new Intl.Collator("en", { numeric: true });

/**
 * @typedef {object} Wish
 * @property {string} find part of anything that stands in a row; empty: all
 * @property {((row: any) => string | number) | null} by null: what is wrong first
 * @property {boolean} descending
 * @property {number} page from 0
 * @property {number} size rows of a page
 */

/**
 * The rows of a page of a list. What is equal stays in the order that the agent tells.
 *
 * @param {readonly any[]} rows
 * @param {(row: any) => string} textOf what is searched, in small letters
 * @param {Wish} wish
 * @returns {{ rows: any[], count: number, page: number, pages: number }}
 */
export function select(rows, textOf, { find, by, descending, page, size }) {
  const words = find.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const found = words.length === 0 ? [...rows] : rows.filter((row) => {
    const text = textOf(row);
    return words.every((word) => text.includes(word));
  });
  const keyOf = by ?? ((row) => {
    const level = worst(row);
    return level === null ? LEVELS.length : LEVELS.indexOf(level);
  });
  const keyed = found.map((row) => ({ row, key: keyOf(row) }));
  const sign = descending ? -1 : 1;
  keyed.sort(({ key: a }, { key: b }) =>
    sign *
    (typeof a === "number" && typeof b === "number" ? a - b : collator.compare(`${a}`, `${b}`))
  );
  const pages = Math.max(1, Math.ceil(found.length / size));
  const shown = Math.min(Math.max(0, page), pages - 1);
  return {
    rows: keyed.slice(shown * size, (shown + 1) * size).map(({ row }) => row),
    count: found.length,
    page: shown,
    pages,
  };
}
