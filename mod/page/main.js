/**
 * The page: asks the agent once a second while somebody looks, and shows what has changed.
 *
 * @module
 */

import { Detail, factsOf } from "./detail.js";
import { byId, el, linkButton, setClass, setText } from "./dom.js";
import { drawTimeline, drawTopology } from "./drawing.js";
import { ask, hasToken, newsAfter, setToken, TokenWanted } from "./feed.js";
import { duration, micros, moment, rate, short, since } from "./format.js";
import { makeEvents, makeLists } from "./lists.js";
import { KINDS, Model, stateOf, statesOf, troublesOf, verdictOf } from "./model.js";
import { setUpTheme } from "./theme.js";
import { withMore } from "./timeline.js";

/** Between two questions at least, and after failures at most; milliseconds. */
const PERIOD = 1_000;
const LONGEST = 10_000;
/** What is older than so many questions' time is not live, milliseconds at least. */
const LATE = 5_000;
const MOST_MISSED = 3;
/** The page is drawn for so long without a look at what somebody does with it, milliseconds. */
const SLICE = 12;
/** Events that are kept, and lines of what is wrong. */
const MOST_EVENTS = 3_000;
const MOST_WRONG = 12;
const RANGES = [["5 min", 300_000], ["1 h", 3_600_000], ["6 h", 21_600_000], ["24 h", 86_400_000]];
const LEVEL_WORDS = { error: "Error", warning: "Warning", notice: "Notice" };
const KIND_TITLES = {
  agent: "agent",
  vrrp: "router",
  group: "group",
  bfd: "BFD session",
  virtual_server: "pool",
  check: "check",
};

const model = new Model();
let events = [];
let after = "";
let range = RANGES[1][1];
/** The agent's clock minus ours. */
let offset = 0;
/** By our clock, which also counts the time that this machine slept. */
let heardAt = 0;
let failures = 0;
/** How things stand is not known now. */
let dark = false;
let drawn = 0;
let timer = 0;

const now = () => Date.now() + offset;
const detail = new Detail(now, () => failed(new TokenWanted()));
const open = (kind, name) => detail.open(kind, name);
const lists = makeLists(open, now, model);
const eventList = makeEvents(now, moment);
const waitsForToken = () => !byId("door").hidden;

async function turn() {
  const started = performance.now();
  try {
    const query = model.version === "" ? {} : { since: model.version };
    const [overview, news] = await Promise.all([
      ask("/overview.json", query),
      ask("/events.json", newsAfter(after)),
    ]);
    const received = performance.now();
    failures = 0;
    heardAt = Date.now();
    offset = Date.parse(overview.at) - Date.now();
    const changed = model.apply(overview);
    takeEvents(news, changed);
    await show(changed);
    // A page that is slow here asks less often: it leaves room for whoever works beside it.
    plan(
      Math.max(PERIOD, model.freshMs, 4 * (performance.now() - received)) - (received - started),
    );
  } catch (error) {
    failures++;
    failed(error);
    if (!(error instanceof TokenWanted)) plan(Math.min(LONGEST, PERIOD * 2 ** failures));
  }
}

function plan(ms) {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(turn, Math.max(200, ms));
}

function takeEvents({ events: more, next, whole, complete }, changed) {
  after = next;
  if (!whole && more.length === 0) return;
  // Where some are missing in between, nothing is claimed of the time before them.
  events = whole || !complete ? more : withMore(events, more, MOST_EVENTS);
  changed.add("events");
}

function failed(error) {
  if (error instanceof TokenWanted) {
    const tried = hasToken();
    setToken("");
    // It answers: it only wants to know who asks. It is asked again when somebody says so.
    failures = 0;
    clearTimeout(timer);
    byId("trouble").hidden = true;
    setText(byId("live"), "");
    // Nothing behind a window can be typed into.
    detail.close();
    byId("door").hidden = false;
    byId("all").hidden = true;
    byId("forget").hidden = true;
    setText(byId("door-said"), tried ? "This is not the token of the agent." : "");
    setBadge("Token wanted", "");
    byId("token").focus();
    return;
  }
  tellAge(error instanceof Error && error.name !== "TypeError" ? error.message : "");
}

/**
 * How old what is shown is, where that is not a matter of course.
 *
 * @param reason why the agent does not answer; null: as it was said
 */
function tellAge(reason) {
  byId("trouble").hidden = failures === 0;
  const old = heardAt === 0 ? 0 : Date.now() - heardAt;
  const age = heardAt === 0 ? "" : `This is how it was ${duration(old)} ago.`;
  if (failures > 0) {
    // An alert is read aloud whenever it changes: the age stands beside it.
    if (reason !== null) {
      setText(byId("trouble-said"), `The agent does not answer${reason && `: ${reason}`}.`);
    }
    setText(byId("trouble-age"), age);
    setText(byId("live"), "not live");
    dark = true;
    setBadge("Not known", "");
  } else if (heardAt > 0) {
    const late = old > Math.max(LATE, MOST_MISSED * model.freshMs);
    setText(byId("live"), late ? `not live: ${duration(old)} old` : "live");
  }
}

/** @param level of the worst that is wrong; empty: nobody knows */
function setBadge(text, level) {
  setText(byId("health"), text);
  setClass(byId("health"), `badge ${level}`.trim());
}

/**
 * One part after the other: whoever types or scrolls is answered in between, also where there are
 * thousands of rows.
 */
async function show(changed) {
  const first = byId("all").hidden;
  byId("all").hidden = byId("door").hidden === false;
  byId("forget").hidden = !hasToken();
  const moved = KINDS.some((kind) => changed.has(kind)) || changed.has("agent");
  const parts = [];
  if (moved || first || dark) {
    dark = false;
    parts.push(showWrong, showGlance, () => drawTopology(byId("topology"), model));
  }
  if (changed.has("agent")) parts.push(showAgent);
  parts.push(...KINDS.map((kind) => () => showList(kind)));
  if (changed.has("events")) parts.push(() => eventList.show([...events].reverse()));
  // Time goes on without any event: by a pixel.
  const pixel = range / Math.max(300, byId("timeline").clientWidth);
  if (moved || changed.has("events") || performance.now() - drawn > pixel) parts.push(showTimeline);
  let began = performance.now();
  for (const part of parts) {
    if (performance.now() - began > SLICE) {
      await new Promise((resolve) => setTimeout(resolve));
      began = performance.now();
    }
    part();
  }
  tellAge(null);
}

function showList(kind) {
  const rows = [...model.rows[kind].values()];
  const list = lists[kind];
  list.element.hidden = rows.length === 0;
  if (rows.length === 0) return;
  const counts = statesOf(kind, rows).map(([state, count]) => `${count} ${state}`);
  list.show(rows, counts.join(", "));
}

function showWrong() {
  const troubles = troublesOf(model);
  const { level, text } = verdictOf(troubles);
  setBadge(text, level);
  setText(byId("said"), text);
  const list = byId("wrong-list");
  const shown = troubles.slice(0, MOST_WRONG);
  const key = JSON.stringify(shown);
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    const focused = document.activeElement?.closest?.("#wrong-list") === list
      ? document.activeElement.textContent
      : null;
    list.replaceChildren(...(troubles.length === 0 ? [allIsWell()] : shown.map(troubleLine)));
    if (focused !== null) {
      [...list.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
    }
  }
  const rest = troubles.length - shown.length;
  byId("wrong-more").hidden = rest <= 0;
  setText(byId("wrong-more"), `and ${rest} more; each stands in its list below`);
}

function allIsWell() {
  return el(
    "li",
    { class: "good" },
    el("strong", {}, "Nothing"),
    el("span", { class: "what" }, "Nothing is wrong that this agent knows of."),
  );
}

function troubleLine({ kind, name, level, text }) {
  const who = el("span", {}, `${KIND_TITLES[kind]} `, linkButton(name, () => open(kind, name)));
  return el(
    "li",
    { class: level },
    el("strong", {}, LEVEL_WORDS[level]),
    who,
    el("span", { class: "what" }, text),
  );
}

function showGlance() {
  const tiles = [];
  const states = (kind, title) => {
    const rows = [...model.rows[kind].values()];
    if (rows.length === 0) return;
    const counts = statesOf(kind, rows);
    const [[state, count], ...rest] = counts;
    tiles.push([
      title,
      `${short(count)} ${state}`,
      rest.map(([other, number]) => `${number} ${other}`).join(", "),
    ]);
  };
  states("vrrp", "Virtual routers");
  states("group", "Sync groups");
  states("bfd", "BFD sessions");
  const pools = [...model.rows.virtual_server.values()];
  if (pools.length > 0) {
    const sum = (of) => pools.reduce((total, row) => total + of(row), 0);
    const served = pools.filter((row) => stateOf("virtual_server", row) === "up").length;
    tiles.push(["Pools", `${served} of ${pools.length}`, "served here"]);
    tiles.push([
      "Real servers",
      `${sum(({ servers }) => servers.up)} of ${sum(({ servers }) => servers.all)}`,
      "up",
    ]);
    const known = pools.filter(({ name }) => model.rate(name, "connections") !== null);
    const perSecond = known.length === 0
      ? null
      : known.reduce((total, { name }) => total + model.rate(name, "connections"), 0);
    tiles.push([
      "Connections",
      rate(perSecond),
      `${short(sum((row) => row.active_connections))} open`,
    ]);
  }
  states("check", "Checks");
  const { lateness_us: lateness, policy } = model.agent;
  tiles.push(["Timers late by", micros(lateness.p99), `99th percentile, ${policy}`]);
  const key = JSON.stringify(tiles);
  const glance = byId("glance");
  if (glance.dataset.key === key) return;
  glance.dataset.key = key;
  glance.replaceChildren(
    ...tiles.map(([title, big, small]) =>
      el(
        "div",
        {},
        el("dt", {}, title),
        el("dd", {}, big, el("span", { class: "small" }, small || "\u00a0")),
      )
    ),
  );
}

function showAgent() {
  const { name, version, wrong: _, http: _1, lateness_us: lateness, ...rest } = model.agent;
  setText(byId("node"), `${name} ${version}`);
  document.title = `${name} – halb`;
  const facts = factsOf({
    ...rest,
    started: `${rest.started} (${since(rest.started, now())} ago)`,
    "timers late (µs)": lateness,
  });
  byId("agent").replaceChildren(...facts.childNodes);
}

function showTimeline() {
  drawn = performance.now();
  const present = KINDS.flatMap((kind) => {
    // Thousands of lanes are sorted for nothing: those in trouble or few are worth one.
    const rows = [...model.rows[kind].values()];
    return rows.slice(0, 500).map((row) => ({
      type: kind,
      name: row.name,
      state: stateOf(kind, row),
      since: row.since,
    }));
  });
  const to = now();
  drawTimeline(byId("timeline"), events, present, { from: to - range, to });
}

function setUp() {
  setUpTheme(byId("theme"));
  byId("events").append(eventList.element);
  byId("tables").append(...KINDS.map((kind) => lists[kind].element));
  for (const [text, ms] of RANGES) {
    const button = el("button", { type: "button", "aria-pressed": `${ms === range}` }, text);
    button.addEventListener("click", () => {
      range = ms;
      for (const one of byId("ranges").children) {
        one.setAttribute("aria-pressed", `${one === button}`);
      }
      if (model.agent !== null) showTimeline();
    });
    byId("ranges").append(button);
  }
  byId("door-form").addEventListener("submit", (event) => {
    event.preventDefault();
    setToken(byId("token").value.trim());
    byId("token").value = "";
    byId("door").hidden = true;
    void turn();
  });
  byId("forget").addEventListener("click", () => {
    setToken("");
    location.reload();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !waitsForToken()) plan(0);
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    // Phones change the height whenever their bars come and go.
    if (innerWidth === width || model.agent === null) return;
    width = innerWidth;
    drawTopology(byId("topology"), model);
    showTimeline();
  });
  setInterval(() => {
    if (!waitsForToken()) tellAge(null);
  }, 1_000);
  void turn();
}

setUp();
