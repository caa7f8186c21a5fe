import assert from "node:assert/strict";
import { readKeys, unfinishedAt } from "../../../mod/cli/watch/keys.ts";
import { type Line, paintLine, rateText, screenOf } from "../../../mod/cli/watch/screen.ts";
import { WatchState } from "../../../mod/cli/watch/state.ts";
import {
  named,
  type Overview,
  overviewOf,
  type OverviewRow,
} from "../../../mod/control/overview.ts";
import { document, master, NOW } from "../control/status_fixtures.ts";
import type { Status } from "../../../mod/control/status.ts";

function row(name: string, more: Partial<OverviewRow> = {}): OverviewRow {
  return {
    kind: "router",
    name,
    state: "master",
    health: "good",
    since: new Date(NOW - 72_000).toISOString(),
    count: 0,
    detail: "eth0 id 51",
    ...more,
  };
}

function overview(...rows: OverviewRow[]): Overview {
  return { version: "0.1.0", pid: 7, name: "edge-a", generation: 3, rows };
}

function watching(...rows: OverviewRow[]): WatchState {
  const state = new WatchState();
  state.apply({ type: "overview", overview: overview(...rows), at: 0 });
  return state;
}

function press(state: WatchState, ...keys: string[]) {
  return keys.flatMap((key) => state.apply({ type: "key", key }));
}

function textOf(lines: readonly Line[]): string[] {
  return lines.map(({ segments }) => segments.map(({ text }) => text).join(""));
}

const shown = (state: WatchState) => textOf(screenOf(state, NOW));
const names = (state: WatchState) => state.shown.map(({ name }) => name);

const EVENT = {
  time: new Date(NOW).toISOString(),
  run: "1-a",
  seq: 1,
  type: "vrrp",
  name: "web",
  level: "warning",
  event: "transition",
  text: "master → fault",
  cause: "down",
} as const;

Deno.test("keys: characters, sequences of terminals, and nothing of those that are unknown", () => {
  assert.deepEqual(readKeys("jk/"), ["j", "k", "/"]);
  assert.deepEqual(readKeys("\x1b[A\x1bOB\x1b[5~\r\x7f\x1b"), [
    "up",
    "down",
    "pageup",
    "enter",
    "backspace",
    "escape",
  ]);
  assert.deepEqual(readKeys("\x1b[1;5Cq"), ["q"], "with Ctrl: passed over whole");
  assert.deepEqual(readKeys("é😀\x00\x03"), ["é", "😀", "interrupt"]);
  for (const cut of ["\x1b", "\x1b[", "\x1b[1;5", "\x1bO"]) {
    assert.equal(unfinishedAt(`j${cut}`), 1);
  }
  for (const whole of ["", "j", "\x1b[A", "\x1b[5~", "\x1bOB", "\x1bj"]) {
    assert.equal(unfinishedAt(whole), whole.length);
  }
});

Deno.test("an overview has a row for each thing, with what is counted of it", () => {
  const { rows, name } = overviewOf(document([master("web"), master("lan")]));
  assert.equal(name, "edge-a");
  assert.deepEqual(rows.map((one) => [one.kind, one.name, one.state, one.health]), [
    ["router", "web", "master", "good"],
    ["router", "lan", "master", "good"],
  ]);
  assert.match(rows[0]!.detail, /^eth0 id 51 priority 120/);
  assert.equal(typeof rows[0]!.count, "number");
  const one = named(document([master("web"), master("lan")]), "lan");
  assert.deepEqual(one.vrrp.map((router) => router.name), ["lan"]);
});

Deno.test("a master with a trouble that the status page shows is not shown as well", () => {
  const status = document([master("web"), master("lan")]);
  const addresses_failed = [{ address: "192.0.2.10", reason: "no room" }];
  const [web, lan] = status.vrrp;
  const { rows } = overviewOf({ ...status, vrrp: [{ ...web!, addresses_failed }, lan!] });
  assert.deepEqual(rows.map(({ state, health }) => [state, health]), [
    ["master", "bad"],
    ["master", "good"],
  ]);
  assert.match(rows[0]!.detail, /priority 120: cannot hold 192\.0\.2\.10: no room$/);
});

Deno.test("no pool is shown as well where the kernel's table cannot be had", () => {
  const trouble = "This kernel has no IPVS";
  const { ipvs } = document([]);
  const broken = { ...pool("up"), ipvs: { ...ipvs, trouble } } as unknown as Status;
  assert.deepEqual(overviewOf(pool("up")).rows.map(({ state, health }) => [state, health]), [
    ["up", "good"],
  ]);
  const [row] = overviewOf(broken).rows;
  assert.deepEqual([row?.state, row?.health], ["up", "bad"]);
  assert.match(row!.detail, /: IPVS does not work: This kernel has no IPVS$/);
});

Deno.test("every size gives as many lines as the terminal has, none wider", () => {
  const rows = Array.from({ length: 50 }, (_, i) => row(`a-router-with-a-long-name-${i}`));
  const state = watching(...rows);
  for (let i = 0; i < 30; i++) state.apply({ type: "event", line: EVENT });
  for (const [lines, columns] of [[24, 80], [8, 30], [3, 10], [60, 200], [1, 1]] as const) {
    state.apply({ type: "size", lines, columns });
    for (const keys of [[], ["?"], ["x", "e"], ["e", "enter"], ["q", "/"], ["escape", "end"]]) {
      press(state, ...keys);
      const screen = screenOf(state, NOW);
      assert.equal(screen.length, Math.max(lines, 0), `${lines}x${columns} ${keys}`);
      for (const line of screen) assert.ok([...paintLine(line, columns, false)].length <= columns);
    }
    press(state, "home");
  }
});

Deno.test("80x24: no line of the help is cut", () => {
  const helpAt = (columns: number): string[] => {
    const state = watching(row("web"));
    state.apply({ type: "size", lines: 24, columns });
    press(state, "?");
    return screenOf(state, NOW).slice(2, -1).map((line) => paintLine(line, columns, false).trim());
  };
  assert.ok(helpAt(80).some((line) => line.startsWith("Ctrl-L")));
  assert.deepEqual(helpAt(80), helpAt(200));
});

Deno.test("80x24: header, table, events, keys", () => {
  const state = watching(
    row("web", { count: 100 }),
    row("to-peer", { kind: "bfd", state: "down", health: "bad", detail: "192.0.2.2", count: 0 }),
  );
  const more = overview(row("web", { count: 120 }), row("to-peer", { kind: "bfd", count: 0 }));
  state.apply({ type: "overview", overview: more, at: 2_000 });
  state.apply({ type: "event", line: EVENT });
  const lines = shown(state);
  assert.match(lines[0]!, /^edge-a {2}halb 0\.1\.0 {2}configuration 3 {2}1 router {2}1 session$/);
  assert.match(lines[2]!, /^ {2}KIND +NAME +STATE +SINCE +RATE +DETAIL/);
  assert.match(lines[3]!, /^> router web +master +1m +10\.0\/s +eth0 id 51$/);
  assert.match(lines[4]!, /^ {2}bfd +to-peer +master +1m +0\/s/);
  assert.equal(lines[21], "Recent events");
  assert.match(lines[22]!, /^\d\d:\d\d:05\.000 {2}vrrp +web +master → fault: down$/);
  assert.match(lines[23]!, /^\? help {2}q quit .* e events$/);
});

Deno.test("who sorts, filters and moves stays on the row that was chosen", () => {
  const state = watching(row("b"), row("a"), row("c", { health: "bad", state: "fault" }));
  assert.deepEqual(names(state), ["a", "b", "c"]);
  press(state, "down");
  assert.equal(state.shown[state.selected]!.name, "b");
  press(state, "s", "s");
  assert.equal(state.sort, "state");
  assert.deepEqual(names(state), ["c", "a", "b"]);
  assert.equal(state.shown[state.selected]!.name, "b");
  press(state, "r");
  assert.deepEqual(names(state), ["b", "a", "c"]);
  press(state, "/", ..."FAULT", "enter");
  assert.deepEqual(names(state), ["c"]);
  assert.equal(state.selected, 0);
  assert.deepEqual(press(state, "escape"), []);
  assert.equal(names(state).length, 3);
  press(state, "end");
  // Rows that come and go move what is chosen no further than to the end.
  state.apply({ type: "overview", overview: overview(row("a")), at: 9_000 });
  assert.equal(state.selected, 0);
  press(state, "/", "q", "escape");
  assert.deepEqual(press(state, "q"), [{ type: "quit" }]);
});

/** A pool with two servers, as status tells it. */
function pool(...states: string[]): Status {
  const counters = { connections: 0, packets_in: 0, packets_out: 0, bytes_in: 0, bytes_out: 0 };
  const real_servers = states.map((state, i) => ({
    address: `198.51.100.1${i}:80`,
    weight: 1,
    effective_weight: 1,
    state,
    reason: "told",
    since: null,
    drain: null,
    checks: [],
    counters: { ...counters, active_connections: 3, inactive_connections: 0 },
  }));
  const server = {
    name: "web-http",
    listen: ["192.0.2.10:80"],
    protocol: "tcp",
    scheduler: "wlc",
    active: true,
    since: null,
    quorum: { required: 1, hysteresis: 0, current: 1, met: true },
    persistence: null,
    sorry_server: null,
    sorry_server_active: false,
    list_problem: null,
    counters,
    real_servers,
  };
  return { ...document([]), virtual_servers: [server] } as unknown as Status;
}

Deno.test("a pool is opened, and a server of it drained when that is confirmed", () => {
  const status = pool("up", "down");
  const state = new WatchState();
  state.apply({ type: "overview", overview: overviewOf(status), at: 0 });
  assert.match(state.rows[0]!.detail, /^1\/2 up, 6 open 192\.0\.2\.10:80$/);
  press(state, "d");
  assert.match(state.message, /open a pool/);
  assert.deepEqual(press(state, "enter"), [{ type: "look" }]);
  state.apply({ type: "detail", name: "web-http", status, at: 0 });
  assert.deepEqual(names(state), ["198.51.100.10:80", "198.51.100.11:80"]);
  // The list that goes on meanwhile does not take their place.
  state.apply({ type: "overview", overview: overviewOf(status), at: 1_000 });
  assert.deepEqual(names(state).length, 2);
  press(state, "down", "d");
  assert.match(shown(state)[23]!, /^drain 198\.51\.100\.11:80 of web-http\? y: yes/);
  assert.deepEqual(press(state, "n"), []);
  assert.match(state.message, /not done/);
  assert.deepEqual(press(state, "d", "y"), [{
    type: "order",
    order: { command: "drain", virtual_server: "web-http", real_server: "198.51.100.11:80" },
  }]);
  assert.deepEqual(press(state, "u", "y"), [{
    type: "order",
    order: { command: "undrain", virtual_server: "web-http", real_server: "198.51.100.11:80" },
  }]);
  // A detail of what is no longer open changes nothing.
  press(state, "q");
  state.apply({ type: "detail", name: "web-http", status, at: 2_000 });
  assert.deepEqual(names(state), ["web-http"]);
  state.apply({ type: "away", reason: "gone" });
  press(state, "enter", "d");
  assert.match(shown(state)[1]!, /^The agent does not answer: gone$/);
});

Deno.test("a server that changes places stays the one that a key drains", () => {
  const state = new WatchState();
  const tell = (at: number, ...states: string[]) => {
    const status = pool(...states);
    state.apply({ type: "overview", overview: overviewOf(status), at });
    state.apply({ type: "detail", name: "web-http", status, at });
  };
  tell(0, "up", "up", "up");
  press(state, "s", "s", "enter");
  assert.equal(state.sort, "state");
  tell(0, "up", "up", "up");
  press(state, "down");
  tell(1_000, "up", "up", "down");
  assert.deepEqual(names(state), ["198.51.100.12:80", "198.51.100.10:80", "198.51.100.11:80"]);
  press(state, "d");
  assert.equal(state.confirming?.real_server, "198.51.100.11:80");
});

Deno.test("who goes back finds the list filtered as it was, on the row that was opened", () => {
  const rows = ["a", "b-web", "c", "d-web"].map((name) => row(name));
  const state = watching(...rows);
  press(state, "/", ..."web", "enter", "down", "enter");
  assert.equal(state.opened?.name, "d-web");
  // Meanwhile another one has come.
  const more = overview(row("a-web"), ...rows);
  state.apply({ type: "overview", overview: more, at: 1_000 });
  press(state, "q");
  assert.deepEqual(names(state), ["a-web", "b-web", "d-web"]);
  assert.equal(state.shown[state.selected]!.name, "d-web");
});

Deno.test("what comes from outside moves no cursor, in any line", () => {
  const evil = "x\x1b[2J\n\u202e\u009b31m";
  const state = watching(row(evil, { detail: evil, state: evil }));
  state.apply({ type: "event", line: { ...EVENT, text: evil, cause: evil, name: evil } });
  state.apply({ type: "said", text: evil });
  state.apply({ type: "overview", overview: { ...overview(row(evil)), name: evil }, at: 5_000 });
  const check = (what: string) => {
    for (const line of shown(state)) {
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f\u202e]/, what);
    }
  };
  check("the list");
  state.apply({ type: "away", reason: evil });
  press(state, "e");
  check("events");
  press(state, "e", "/", ...evil);
  check("a filter");
});

Deno.test("without colours nothing but the mark shows what is chosen", () => {
  const state = watching(row("web"), row("z", { health: "bad", state: "fault" }));
  const lines = screenOf(state, NOW);
  for (const line of lines) assert.ok(!paintLine(line, 80, false).includes("\x1b"));
  assert.ok(paintLine(lines[3]!, 80, true).startsWith("\x1b[7m>"));
  assert.ok(paintLine(lines[4]!, 80, true).includes("\x1b[31mfault"));
});

Deno.test("rates: of two answers, none over a restart or between two that come together", () => {
  const state = watching(row("web", { count: 100 }));
  const hear = (count: number, at: number) => {
    state.apply({ type: "overview", overview: overview(row("web", { count })), at });
    return state.rows[0]!.rate;
  };
  assert.equal(hear(150, 1_000), 50);
  assert.equal(hear(151, 1_100), null);
  assert.equal(hear(200, 2_000), 50);
  assert.equal(hear(3, 3_000), null, "another process");
  assert.equal(hear(5, 4_000), 2);
  assert.deepEqual([null, 0, 1.25, 999, 9_999, 12_345, 2_500_000].map(rateText), [
    "-",
    "0/s",
    "1.3/s",
    "999/s",
    "9999/s",
    "12k/s",
    "2.5M/s",
  ]);
});
