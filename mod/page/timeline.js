/**
 * History as lanes: which state something was in, from when to when, and why. Pure.
 *
 * @module
 */
// @ts-check

/** @typedef {import("../events/mod.ts").FlightEvent} FlightEvent */
/**
 * @typedef {object} Span
 * @property {number} from milliseconds since 1970
 * @property {number} to
 * @property {string} state `unknown`: nothing says it
 * @property {string} cause
 */
/** @typedef {{ type: string, name: string, changes: number, spans: Span[] }} Lane */
/** @typedef {{ type: string, name: string, state: string, since: string | null }} Present */

/** What has states. */
const TYPES = ["vrrp", "group", "bfd", "virtual_server", "real_server", "check"];
/** What else an operator wants to see beside them. */
const MARKED = ["agent", "operator", "clock"];
/** What a quorum is told as, in words of states. */
const WORDS = /** @type {Record<string, string>} */ ({ met: "up", lost: "down" });
/** Spans of one lane at most: more are no wider than a pixel. */
const MOST_SPANS = 400;

/**
 * @param {readonly FlightEvent[]} events oldest first
 * @param {readonly Present[]} present how things stand now
 * @param {{ from: number, to: number, most: number }} window `to` is now; so many lanes at most
 * @returns {{ lanes: Lane[], left: number }} those that changed most come first; how many are left out
 */
export function lanesOf(events, present, { from, to, most }) {
  const runs = runsOf(events);
  /** @type {Map<string, FlightEvent[]>} */
  const changes = new Map();
  for (const event of events) {
    if (event.to === undefined || event.name === null || !TYPES.includes(event.type)) continue;
    const key = `${event.type} ${event.name}`;
    const known = changes.get(key);
    if (known === undefined) changes.set(key, [event]);
    else known.push(event);
  }
  /** @type {Lane[]} */
  const lanes = [];
  for (const one of present) {
    const key = `${one.type} ${one.name}`;
    lanes.push(laneOf(one, changes.get(key) ?? [], runs, { from, to }));
    changes.delete(key);
  }
  // Real servers, and what is not configured any more: shown where something has happened.
  for (const own of changes.values()) {
    const last = own[own.length - 1];
    if (last === undefined || last.name === null || Date.parse(last.time) < from) continue;
    // Checks without a name are shown by their servers.
    if (last.type === "check") continue;
    const { type, name, to: state = "unknown", time: since } = last;
    const gone = { type, name, state: stateWord(state), since };
    lanes.push(laneOf(gone, own, runs, { from, to }));
  }
  lanes.sort((a, b) => b.changes - a.changes);
  return { lanes: lanes.slice(0, most), left: Math.max(0, lanes.length - most) };
}

/** @typedef {{ run: string, began: number, ended: number }} Run */

/**
 * When each process that recorded something began and ended, as far as its events tell.
 *
 * @param {readonly FlightEvent[]} events
 * @returns {Run[]} of the last one the end is not known: it runs
 */
function runsOf(events) {
  /** @type {Run[]} */
  const runs = [];
  let last = "";
  for (const { run, seq, time, type } of events) {
    const at = Date.parse(time);
    // At an upgrade the last words of one process and the first of the next are mixed.
    const own = runs.find((one) => one.run === run);
    if (own === undefined) {
      const before = runs[runs.length - 1];
      // What has said that it ends has ended then; of one that was killed nobody knows when.
      if (before !== undefined && last !== "agent") before.ended = at;
      runs.push({ run, began: seq === 1 ? at : -Infinity, ended: at });
    } else if (own === runs[runs.length - 1]) own.ended = at;
    last = type;
  }
  const newest = runs[runs.length - 1];
  if (newest !== undefined) newest.ended = Infinity;
  return runs;
}

/**
 * @param {Present} present
 * @param {readonly FlightEvent[]} changes
 * @param {readonly Run[]} runs
 * @param {{ from: number, to: number }} window
 * @returns {Lane}
 */
function laneOf({ type, name, state, since }, changes, runs, { from, to }) {
  /** @type {Span[]} */
  const spans = [];
  let count = 0;
  /** @type {Span} */
  let open = { from: -Infinity, to, state: "unknown", cause: "" };
  /** @param {number} at @param {string} is @param {string} cause */
  const turn = (at, is, cause) => {
    const [begins, ends] = [Math.max(from, open.from), Math.min(to, at)];
    if (ends > begins) spans.push({ ...open, from: begins, to: ends });
    open = { from: at, to, state: is, cause };
  };
  /** @type {Run | undefined} */
  let run;
  for (const event of changes) {
    const at = Date.parse(event.time);
    if (at > to) break;
    if (event.run !== run?.run) {
      if (run !== undefined) turn(run.ended, "unknown", "");
      run = runs.find((one) => one.run === event.run);
      if (run !== undefined && event.from !== undefined) turn(run.began, stateWord(event.from), "");
    }
    if (at >= from) count += event.count ?? 1;
    turn(at, stateWord(event.to ?? "unknown"), event.cause ?? "");
  }
  if (run !== undefined && run.ended !== Infinity) turn(run.ended, "unknown", "");
  if (open.state !== state) {
    // Nobody has recorded how it came to be so: it says itself since when.
    const began = since === null ? NaN : Date.parse(since);
    turn(Number.isNaN(began) ? to : Math.max(began, open.from), state, "");
  }
  turn(to, "", "");
  return { type, name, changes: count, spans: spans.slice(-MOST_SPANS) };
}

/** @param {string} state */
function stateWord(state) {
  return WORDS[state] ?? state;
}

/**
 * What happened to the agent itself, and what operators ordered.
 *
 * @param {readonly FlightEvent[]} events
 * @param {number} from
 */
export function marksOf(events, from) {
  return events.filter(({ type, count, time }) =>
    MARKED.includes(type) && count === undefined && Date.parse(time) >= from
  ).slice(-100).map(({ time, name, text }) => ({
    at: Date.parse(time),
    text: name === null ? text : `${text}: ${name}`,
  }));
}

const STEPS = [5, 15, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400];

/**
 * Where times stand below a timeline, milliseconds since 1970.
 *
 * @param {number} from
 * @param {number} to
 * @param {number} most so many at most
 * @param {number} offset of the local time, milliseconds east
 * @returns {number[]}
 */
export function ticksOf(from, to, most, offset = 0) {
  const step = 1000 * (STEPS.find((one) => (to - from) / 1000 / one <= most) ?? 172_800);
  /** @type {number[]} */
  const ticks = [];
  for (let at = Math.ceil((from + offset) / step) * step - offset; at <= to; at += step) {
    ticks.push(at);
  }
  return ticks;
}

/**
 * Adds what is new to what is known, by process and number; only the newest are kept.
 *
 * @param {readonly FlightEvent[]} known oldest first
 * @param {readonly FlightEvent[]} more
 * @param {number} most
 * @returns {FlightEvent[]}
 */
export function withMore(known, more, most) {
  const seen = new Set(known.slice(-more.length - 500).map(({ run, seq }) => `${run}:${seq}`));
  const all = [...known, ...more.filter(({ run, seq }) => !seen.has(`${run}:${seq}`))];
  return all.slice(-most);
}
