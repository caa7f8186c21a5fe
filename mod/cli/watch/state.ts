/**
 * What `halb watch` knows and shows: a key, an answer or an event goes in, the state changes, and
 * orders to the edge come out. Pure: no clock, no terminal, no socket.
 *
 * @module
 */

import type { OverviewKind, OverviewRow } from "../../control/overview.ts";
import { OVERVIEW_KINDS } from "../../control/overview.ts";
import type { Overview } from "../../control/overview.ts";
import type { Status } from "../../control/status.ts";
import type { FollowedLine } from "../follow.ts";

/** Events that are kept. */
const MOST_EVENTS = 500;
/** Characters of a filter. */
const LONGEST_FILTER = 60;
export const SORTS = ["kind", "name", "state", "age", "rate"] as const;
export type Sort = typeof SORTS[number];

/** A row of the list, or a real server of an opened pool. */
export interface Row extends Omit<OverviewRow, "kind"> {
  readonly kind: OverviewKind | "server";
  /** A second; null: not known yet, or nothing is counted. */
  readonly rate: number | null;
}

export type WatchOrder =
  | { readonly command: "drain"; readonly virtual_server: string; readonly real_server: string }
  | { readonly command: "undrain"; readonly virtual_server: string; readonly real_server: string };

export type WatchEvent =
  | { readonly type: "key"; readonly key: string }
  | { readonly type: "size"; readonly lines: number; readonly columns: number }
  /** @property at milliseconds of any clock */
  | { readonly type: "overview"; readonly overview: Overview; readonly at: number }
  | { readonly type: "detail"; readonly name: string; readonly status: Status; readonly at: number }
  | { readonly type: "event"; readonly line: FollowedLine }
  | { readonly type: "away"; readonly reason: string }
  | { readonly type: "said"; readonly text: string };

export type WatchEffect =
  | { readonly type: "quit" }
  | { readonly type: "redraw" }
  /** The answer is wanted sooner than in the usual turn. */
  | { readonly type: "look" }
  /** Something has happened: so is another answer, after a decent while. */
  | { readonly type: "news" }
  | { readonly type: "order"; readonly order: WatchOrder };

/** What is opened. */
export interface Opened {
  readonly kind: OverviewKind;
  readonly name: string;
  /** null: the answer is not there yet. */
  status: Status | null;
}

export class WatchState {
  lines = 24;
  columns = 80;
  overview: Overview | null = null;
  /** Why the agent does not answer; null: it does. */
  away: string | null = null;
  rows: readonly Row[] = [];
  readonly events: FollowedLine[] = [];
  opened: Opened | null = null;
  sort: Sort = "kind";
  reversed = false;
  filter = "";
  /** The filter is being typed. */
  typing = false;
  help = false;
  eventsOnly = false;
  confirming: WatchOrder | null = null;
  /** The outcome of the last order. */
  message = "";
  selected = 0;
  /** First line of what is scrolled. */
  top = 0;
  readonly #counts = new Map<string, { readonly count: number; readonly at: number }>();
  #page = 10;
  /** How the list was when something was opened. */
  #listed: { readonly chosen?: Row; readonly top: number; readonly filter: string } = {
    top: 0,
    filter: "",
  };

  /** What is shown of the list, sorted and filtered. */
  get shown(): readonly Row[] {
    const words = this.filter.toLowerCase().split(/\s+/).filter((word) => word !== "");
    const rows = this.rows.filter(({ kind, name, state, detail }) => {
      const text = `${kind} ${name} ${state} ${detail}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const sorted = rows.toSorted(COMPARE[this.sort]);
    return this.reversed ? sorted.reverse() : sorted;
  }

  /** How many lines a page has, as the screen was drawn last. */
  set page(lines: number) {
    this.#page = Math.max(1, lines);
  }

  get page(): number {
    return this.#page;
  }

  apply(event: WatchEvent): WatchEffect[] {
    switch (event.type) {
      case "key":
        return this.#key(event.key);
      case "size":
        this.lines = event.lines;
        this.columns = event.columns;
        return [{ type: "redraw" }];
      case "overview":
        this.#hear(event.overview, event.at);
        return [];
      case "detail":
        this.#detail(event.name, event.status, event.at);
        return [];
      case "event":
        this.events.push(event.line);
        if (this.events.length > MOST_EVENTS) this.events.shift();
        return [{ type: "news" }];
      case "away":
        this.away = event.reason;
        return [];
      case "said":
        this.message = event.text;
        return [];
    }
  }

  #hear(overview: Overview, at: number): void {
    this.away = null;
    // Another process counts on: nothing is forgotten, and a smaller count is a new beginning.
    this.overview = overview;
    if (this.opened?.kind === "pool") return;
    const chosen = this.shown[this.selected];
    this.rows = overview.rows.map((row) => ({ ...row, rate: this.#rate(row, at) }));
    this.#stayOn(chosen);
  }

  #detail(name: string, status: Status, at: number): void {
    if (this.opened?.name !== name) return;
    this.opened.status = status;
    if (this.opened.kind !== "pool") return;
    // Servers that change places take the choice with them: the next key may drain it.
    const chosen = this.shown[this.selected];
    this.rows = this.#serverRows(status, at);
    this.#stayOn(chosen);
  }

  #serverRows(status: Status, at: number): Row[] {
    const [pool] = status.virtual_servers;
    return (pool?.real_servers ?? []).map((server): Row => {
      const { state, address, counters, drain } = server;
      const own = {
        kind: "server",
        name: address,
        count: counters.connections,
      } as const;
      return {
        ...own,
        state: drain?.done === true ? "drained" : state,
        health: state === "up" ? "good" : state === "draining" ? "idle" : "bad",
        since: server.since,
        detail: `weight ${server.effective_weight}/${server.weight}, ` +
          `${counters.active_connections ?? 0} open${state === "up" ? "" : ` ${server.reason}`}`,
        rate: this.#rate(own, at),
      };
    });
  }

  #rate(row: { kind: string; name: string; count: number | null }, at: number): number | null {
    if (row.count === null) return null;
    const key = `${row.kind} ${row.kind === "server" ? this.opened?.name : ""} ${row.name}`;
    const before = this.#counts.get(key);
    // Two answers that come together say nothing.
    if (before !== undefined && at - before.at < 200) return null;
    this.#counts.set(key, { count: row.count, at });
    if (before === undefined || row.count < before.count) return null;
    return (row.count - before.count) * 1000 / (at - before.at);
  }

  #stayOn(row: Row | undefined): void {
    const found = row === undefined ? -1 : this.shown.findIndex((one) => {
      return one.kind === row.kind && one.name === row.name;
    });
    if (found >= 0) this.selected = found;
    this.#clamp();
  }

  #clamp(): void {
    this.selected = Math.max(0, Math.min(this.selected, this.shown.length - 1));
  }

  // ===== keys ====================================================================================

  #key(key: string): WatchEffect[] {
    this.message = "";
    if (key === "interrupt") return [{ type: "quit" }];
    if (key === "redraw") return [{ type: "redraw" }];
    if (this.confirming !== null) return this.#confirm(key);
    if (this.typing) return this.#type(key);
    if (this.help) {
      this.help = false;
      return [];
    }
    const chosen = this.shown[this.selected];
    switch (key) {
      case "q":
      case "escape":
      case "left":
      case "quit":
        return this.#back(key);
      case "?":
      case "h":
        this.help = true;
        return [];
      case "up":
      case "k":
        return this.#move(-1);
      case "down":
      case "j":
        return this.#move(1);
      case "pageup":
        return this.#move(-this.#page);
      case "pagedown":
      case " ":
        return this.#move(this.#page);
      case "home":
      case "g":
        return this.#move(-Infinity);
      case "end":
      case "G":
        return this.#move(Infinity);
      case "s":
        this.sort = SORTS[(SORTS.indexOf(this.sort) + 1) % SORTS.length]!;
        this.#stayOn(chosen);
        return [];
      case "r":
        this.reversed = !this.reversed;
        this.#stayOn(chosen);
        return [];
      case "/":
        this.typing = true;
        return [];
      case "e":
        this.eventsOnly = !this.eventsOnly;
        this.top = 0;
        return [];
      case "enter":
      case "right":
        return this.#open(chosen);
      case "d":
      case "u":
        return this.#ask(key === "d" ? "drain" : "undrain", chosen);
      default:
        return [];
    }
  }

  #back(key: string): WatchEffect[] {
    if (this.eventsOnly) this.eventsOnly = false;
    else if (this.opened !== null) {
      this.opened = null;
      this.filter = this.#listed.filter;
      this.rows = (this.overview?.rows ?? []).map((row) => ({ ...row, rate: null }));
      this.top = this.#listed.top;
      this.#stayOn(this.#listed.chosen);
      return [{ type: "look" }];
    } else if (this.filter !== "" && key === "escape") this.filter = "";
    else if (key !== "left" && key !== "escape") return [{ type: "quit" }];
    return [];
  }

  #move(by: number): WatchEffect[] {
    // Text is scrolled, and in lists the row that is chosen moves.
    if (this.eventsOnly || (this.opened !== null && this.opened.kind !== "pool")) {
      this.top = by === -Infinity ? 0 : Math.max(0, Math.min(this.top + by, 100_000));
    } else {
      this.selected += by === -Infinity || by === Infinity
        ? by > 0 ? this.shown.length : -this.shown.length
        : by;
      this.#clamp();
    }
    return [];
  }

  #open(chosen: Row | undefined): WatchEffect[] {
    if (chosen === undefined || chosen.kind === "server" || this.opened !== null) return [];
    if (this.eventsOnly) return [];
    this.#listed = { chosen, top: this.top, filter: this.filter };
    this.opened = { kind: chosen.kind, name: chosen.name, status: null };
    if (chosen.kind === "pool") {
      this.rows = [];
      this.filter = "";
    }
    this.selected = 0;
    this.top = 0;
    return [{ type: "look" }];
  }

  #ask(command: "drain" | "undrain", chosen: Row | undefined): WatchEffect[] {
    if (this.opened?.kind !== "pool" || chosen === undefined || this.eventsOnly) {
      this.message = `${command}: open a pool, and choose one of its servers`;
      return [];
    }
    if (this.away !== null) {
      this.message = `${command}: the agent does not answer`;
      return [];
    }
    const names = { virtual_server: this.opened.name, real_server: chosen.name };
    this.confirming = { command, ...names };
    return [];
  }

  #confirm(key: string): WatchEffect[] {
    const order = this.confirming!;
    this.confirming = null;
    if (key === "y" || key === "Y") return [{ type: "order", order }];
    this.message = `${order.command}: not done`;
    return [];
  }

  #type(key: string): WatchEffect[] {
    const chosen = this.shown[this.selected];
    if (key === "enter") this.typing = false;
    else if (key === "escape") {
      this.typing = false;
      this.filter = "";
    } else if (key === "backspace") this.filter = this.filter.slice(0, -1);
    else if (key === "erase") this.filter = "";
    else if ([...key].length === 1 && this.filter.length < LONGEST_FILTER) this.filter += key;
    this.#stayOn(chosen);
    return [];
  }
}

const KINDS: readonly string[] = [...OVERVIEW_KINDS, "server"];
const HEALTHS = ["bad", "idle", "good"];

function byName(a: Row, b: Row): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** Ties are settled by kind and name, so that no row jumps about. */
const COMPARE: Readonly<Record<Sort, (a: Row, b: Row) => number>> = {
  kind: (a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || byName(a, b),
  name: (a, b) => byName(a, b) || COMPARE.kind(a, b),
  state: (a, b) => HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health) || COMPARE.kind(a, b),
  // The youngest change first.
  age: (a, b) => Date.parse(b.since ?? "") - Date.parse(a.since ?? "") || COMPARE.kind(a, b),
  rate: (a, b) => (b.rate ?? -1) - (a.rate ?? -1) || COMPARE.kind(a, b),
};
