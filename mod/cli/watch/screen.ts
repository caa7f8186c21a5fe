/**
 * What `halb watch` shows, line by line, for a terminal of any size. Pure: the time comes in.
 *
 * Whatever comes from outside is escaped, so that nobody moves the cursor of whoever looks.
 *
 * @module
 */

import type { Status } from "../../control/status.ts";
import { escapeText } from "../../text/mod.ts";
import { formatVirtualServer } from "../balance_text.ts";
import { formatSession } from "../bfd_text.ts";
import { formatCheck } from "../check_text.ts";
import { formatEvent, formatLost } from "../events_text.ts";
import { formatRouter } from "../status_text.ts";
import { ageText, type Colour, painter } from "../table.ts";
import { type Opened, type Row, SORTS, type WatchState } from "./state.ts";

/** A piece of a line. */
export interface Segment {
  readonly text: string;
  readonly colour?: Colour;
}
export interface Line {
  readonly segments: readonly Segment[];
  /** The row that is chosen. */
  readonly chosen?: boolean;
}

const COLOURS = { good: "green", idle: "bold", bad: "red" } as const;
/** Fewer lines or columns cannot show a table. */
const [LEAST_LINES, LEAST_COLUMNS] = [8, 30];

const HELP = [
  "↑ ↓ k j PgUp PgDn Home End   choose, scroll",
  "Enter →                      open: a router, session, pool, check",
  "Esc ← q                      back; q in the list: quit",
  `s, r                         sort: ${SORTS.join(", ")}; reverse`,
  "/                            filter by words; Enter keeps it, Esc ends it",
  "e                            events alone, and back",
  "d, u                         in a pool: drain, undrain a server; asks first",
  "Ctrl-L                       draw the screen anew",
  "Ctrl-Z, Ctrl-C               suspend; quit",
  "?                            this help",
  "",
  "Rates, in a second: a router's adverts, a session's packets, connections.",
];

/** What the last line tells, the more important ones first. */
const KEYS = {
  list: [
    "? help",
    "q quit",
    "Enter open",
    "/ filter",
    "s sort",
    "r reverse",
    "e events",
  ],
  pool: ["? help", "q back", "d drain", "u undrain", "/ filter", "s sort", "r reverse"],
  text: ["? help", "q back", "↑ ↓ scroll", "e events"],
} as const;

const plain = painter(false);

/** Exactly as many lines as the terminal has. @param now milliseconds since 1970 */
export function screenOf(state: WatchState, now: number): Line[] {
  const { lines, columns } = state;
  if (lines < LEAST_LINES || columns < LEAST_COLUMNS) {
    return fill([text("halb watch: this terminal is too small")], lines);
  }
  const room = lines - 3;
  const body = state.help
    ? fill(HELP.map((one) => text(one)), room)
    : state.eventsOnly
    ? scrolled(state, state.events.map(eventLine).reverse(), room)
    : state.opened === null
    ? listBody(state, room, now)
    : openedBody(state, state.opened, room, now);
  return [header(state), second(state), ...body, footer(state)];
}

function text(words: string, colour?: Colour): Line {
  return { segments: [colour === undefined ? { text: words } : { text: words, colour }] };
}

function fill(lines: readonly Line[], room: number): Line[] {
  return Array.from({ length: room }, (_, i) => lines[i] ?? text(""));
}

function header({ overview }: WatchState): Line {
  if (overview === null) return text("halb watch: waits for the agent", "bold");
  const { name, version, generation, rows } = overview;
  const count = (kind: string, word: string): string => {
    const some = rows.filter((row) => row.kind === kind);
    if (some.length === 0) return "";
    const bad = some.filter(({ health }) => health === "bad").length;
    return `  ${some.length} ${word}${some.length === 1 ? "" : "s"}${
      bad === 0 ? "" : ` (${bad} bad)`
    }`;
  };
  const counts = count("router", "router") + count("bfd", "session") + count("pool", "pool") +
    count("check", "check");
  return {
    segments: [
      { text: escapeText(name), colour: "bold" },
      { text: `  halb ${escapeText(version)}  configuration ${generation}${counts}` },
    ],
  };
}

function second(
  { away, opened, eventsOnly, help, filter, typing, sort, reversed }: WatchState,
): Line {
  if (away !== null) return text(`The agent does not answer: ${escapeText(away)}`, "red");
  if (help) return text("Keys");
  if (eventsOnly) return text("Events, the newest first");
  const about = opened === null ? "All" : `${opened.kind} ${escapeText(opened.name)}`;
  // Text has no order.
  if (opened !== null && opened.kind !== "pool") return text(about, "dim");
  const by = `by ${sort}${reversed ? ", reversed" : ""}`;
  const words = filter === "" && !typing
    ? ""
    : `  filter: ${escapeText(filter)}${typing ? "_" : ""}`;
  return text(`${about}, ${by}${words}`, "dim");
}

function footer(state: WatchState): Line {
  const { confirming, typing, message, opened, columns } = state;
  if (confirming !== null) {
    const { command, real_server: server, virtual_server: pool } = confirming;
    const words = `${command} ${escapeText(server)} of ${
      escapeText(pool)
    }? y: yes, any other key: no`;
    return text(words, "yellow");
  }
  if (message !== "") return text(escapeText(message), "yellow");
  if (typing) return text("type words; Enter keeps the filter, Esc ends it");
  const keys = opened === null ? KEYS.list : opened.kind === "pool" ? KEYS.pool : KEYS.text;
  return text(hints(keys, columns));
}

/** As many of them, whole, as a line has room for. */
function hints(keys: readonly string[], columns: number): string {
  return keys.reduce((line, key) => {
    const longer = line === "" ? key : `${line}  ${key}`;
    return longer.length > columns ? line : longer;
  }, "");
}

// ===== the list ==================================================================================

function listBody(state: WatchState, room: number, now: number): Line[] {
  const recent = Math.min(state.events.length, Math.max(2, Math.floor(room / 3)));
  const below = recent === 0 ? 0 : recent + 1;
  const table = tableOf(state, room - below, now);
  if (recent === 0) return table;
  const events = state.events.slice(-recent).map(eventLine);
  return [...table, text("Recent events", "dim"), ...fill(events, recent)];
}

function tableOf(state: WatchState, room: number, now: number): Line[] {
  const rows = state.shown;
  const page = room - 1;
  state.page = page;
  state.top = Math.max(
    state.selected - page + 1,
    Math.min(state.top, state.selected, Math.max(0, rows.length - page)),
  );
  const visible = rows.slice(state.top, state.top + page);
  const longest = Math.max(12, ...visible.map(({ name }) => name.length));
  const widths = [6, Math.min(longest, Math.max(12, Math.floor(state.columns / 3))), 11, 8, 8];
  const head = ["KIND", "NAME", "STATE", "SINCE", "RATE"].map((word, i) => cell(word, widths[i]!));
  const more = rows.length > page
    ? `  ${state.top + 1}–${state.top + visible.length} of ${rows.length}`
    : "";
  const lines = visible.map((row, i) =>
    rowLine(row, widths, now, state.top + i === state.selected)
  );
  if (rows.length === 0) {
    lines.push(text(state.rows.length > 0 ? "  nothing matches the filter" : "  nothing is here"));
  }
  return [text(`  ${head.join(" ")} DETAIL${more}`, "dim"), ...fill(lines, page)];
}

function rowLine(row: Row, widths: readonly number[], now: number, chosen: boolean): Line {
  const [kind, name, state, age, rate] = widths as [number, number, number, number, number];
  const [since = ""] = ageText(row.since, now).split(" ");
  return {
    chosen,
    segments: [
      { text: `${chosen ? ">" : " "} ${cell(row.kind, kind)} ${cell(row.name, name)} ` },
      { text: cell(row.state, state), colour: COLOURS[row.health] },
      { text: ` ${cell(since, age)} ${cell(rateText(row.rate), rate)} ${escapeText(row.detail)}` },
    ],
  };
}

/** Escaped, and exactly so wide. */
function cell(words: string, width: number): string {
  const escaped = escapeText(words);
  return escaped.length > width ? `${escaped.slice(0, width - 1)}…` : escaped.padEnd(width);
}

export function rateText(rate: number | null): string {
  if (rate === null) return "-";
  if (rate >= 1_000_000) return `${(rate / 1_000_000).toFixed(1)}M/s`;
  if (rate >= 10_000) return `${(rate / 1_000).toFixed(0)}k/s`;
  return `${rate >= 100 || rate === 0 ? rate.toFixed(0) : rate.toFixed(1)}/s`;
}

// ===== one thing, and events =====================================================================

function openedBody(state: WatchState, opened: Opened, room: number, now: number): Line[] {
  const { status } = opened;
  if (status === null) return fill([text("…")], room);
  if (opened.kind === "pool" && status.virtual_servers.length > 0) {
    return listBody(state, room, now);
  }
  const parts = detailsOf(status, now);
  if (parts.length === 0) return fill([text("It is gone: q goes back")], room);
  return scrolled(state, parts.join("\n\n").split("\n").map((line) => text(line)), room);
}

/** What `halb status NAME` says; it escapes what comes from outside. */
function detailsOf(status: Status, now: number): string[] {
  return [
    ...status.vrrp.map((one) => formatRouter(one, now)),
    ...status.sync_groups.map(({ name, state, need, members }) =>
      escapeText(`sync group ${name}: ${state}, need ${need}, members ${members.join(" ")}`)
    ),
    ...status.bfd.map((one) => formatSession(one, now)),
    ...status.virtual_servers.map((one) => formatVirtualServer(one, now, plain)),
    ...status.checks.map((one) => formatCheck(one, now, plain)),
  ];
}

function scrolled(state: WatchState, lines: readonly Line[], room: number): Line[] {
  state.page = room;
  state.top = Math.max(0, Math.min(state.top, lines.length - room));
  return fill(lines.slice(state.top, state.top + room), room);
}

function eventLine(line: WatchState["events"][number]): Line {
  if ("lost" in line) return text(formatLost(line.lost, plain), "yellow");
  // Without the date: what is new is of today.
  const words = formatEvent(line, plain).slice("2026-11-22 ".length);
  const colour = line.level === "error" ? "red" : line.level === "warning" ? "yellow" : undefined;
  return text(words, colour);
}

// ===== onto the terminal =========================================================================

/** One line as bytes for a terminal, no wider than it is. */
export function paintLine(line: Line, columns: number, colours: boolean): string {
  const paint = painter(colours);
  let left = columns;
  let out = "";
  for (const { text: words, colour } of line.segments) {
    const cut = [...words].slice(0, left).join("");
    left -= [...cut].length;
    out += colour === undefined || line.chosen ? cut : paint(cut, colour);
  }
  // Reverse video, where colours are wanted; the mark before it says it, too.
  return line.chosen && colours ? `\x1b[7m${out}${" ".repeat(left)}\x1b[0m` : out;
}
