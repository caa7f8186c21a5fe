/** What the page makes of what the agent says: rates, what is wrong, lists. */

import assert from "node:assert/strict";
import {
  Model,
  ratesOf,
  select,
  stateOf,
  statesOf,
  troublesOf,
  verdictOf,
} from "../../../mod/page/model.js";

const NOTHING = { vrrp: [], group: [], bfd: [], virtual_server: [], check: [] };

function answer(second: number, more: Record<string, unknown>) {
  const at = new Date(1e12 + second * 1000).toISOString();
  return { version: `r.1.${second}`, at, fresh_ms: 1000, whole: false, ...NOTHING, ...more };
}

function pool(name: string, connections: number) {
  return { name, wrong: [], counters: { connections, bytes_in: 10 * connections } };
}

Deno.test("what has changed is taken over, the rest stays; a whole answer replaces all", () => {
  const model = new Model();
  const [web, mail] = ["web", "mail"].map((name) => ({ name, wrong: [], state: "backup" }));
  const agent = { name: "a", wrong: [] };
  assert.deepEqual([...model.apply(answer(0, { whole: true, agent, vrrp: [web, mail] }))].sort(), [
    "agent",
    "bfd",
    "check",
    "group",
    "virtual_server",
    "vrrp",
  ]);
  const changed = model.apply(answer(1, { vrrp: [{ ...mail, state: "master" }] }));
  assert.deepEqual([...changed], ["vrrp"]);
  assert.deepEqual([...model.rows.vrrp.values()].map(({ state }) => state), ["backup", "master"]);
  assert.equal(model.version, "r.1.1");
  assert.equal(model.agent, agent);
  model.apply(answer(2, { whole: true, vrrp: [mail] }));
  assert.deepEqual([...model.rows.vrrp.keys()], ["mail"]);
});

Deno.test("rates: of what has grown, over the time since it was counted last", () => {
  const model = new Model();
  const at = (second: number, count: number | null, whole = false) => {
    const told = count === null ? [] : [pool("web", count)];
    model.apply(answer(second, { whole, virtual_server: told }));
    return model.rate("web", "connections");
  };
  assert.equal(at(0, 100, true), null, "nothing to compare with");
  assert.equal(at(2, 300), 100);
  assert.equal(model.rate("web", "bytes_in"), 1000);
  assert.equal(at(3, null), 100, "the kernel was not asked again");
  assert.equal(at(4, 400), 50, "over both seconds");
  assert.equal(at(30, null), 0, "it stands still");
  assert.equal(at(31, 5), null, "counters were reset");
  assert.equal(at(32, 6), 1);
  assert.equal(model.rate("gone", "connections"), null);
  at(33, 7, true);
  model.apply(answer(34, { whole: true, virtual_server: [pool("other", 1)] }));
  assert.equal(model.rate("web", "connections"), null);
  at(40, 900);
  at(-3600, 1000);
  assert.equal(at(-3599, 1100), 100, "the agent's clock was set back: they are measured anew");
  const still = { at: 0, counters: { a: 1 } };
  assert.equal(ratesOf(still, still), undefined);
});

Deno.test("what is wrong: the worst first, in one line and one by one", () => {
  const model = new Model();
  const wrong = (...levels: string[]) => levels.map((level) => ({ level, text: level }));
  model.apply(answer(0, {
    whole: true,
    agent: { name: "a", wrong: wrong("warning") },
    vrrp: [{ name: "web", wrong: wrong("notice", "error") }, { name: "fine", wrong: [] }],
    bfd: [{ name: "peer", wrong: wrong("error") }],
  }));
  const troubles = troublesOf(model);
  assert.deepEqual(troubles.map(({ kind, name, level }) => [kind, name, level]), [
    ["vrrp", "web", "error"],
    ["bfd", "peer", "error"],
    ["agent", "a", "warning"],
    ["vrrp", "web", "notice"],
  ]);
  assert.deepEqual(verdictOf(troubles), { level: "error", text: "2 errors, 1 warning" });
  const notices = troubles.filter(({ level }) => level === "notice");
  assert.deepEqual(verdictOf(notices), { level: "good", text: "All is well" });
});

Deno.test("states in one word, counted", () => {
  const server = (met: boolean, active: boolean) => ({ quorum: { met }, active });
  assert.equal(stateOf("virtual_server", server(false, true)), "down");
  assert.equal(stateOf("virtual_server", server(true, false)), "standby");
  assert.equal(stateOf("check", { healthy: null }), "unknown");
  const rows = ["backup", "master", "backup"].map((state) => ({ state }));
  assert.deepEqual(statesOf("vrrp", rows), [["backup", 2], ["master", 1]]);
});

Deno.test("a page of a list: searched, sorted by numbers in names, what is wrong first", () => {
  const rows = ["r10", "r9", "r2"].map((name) => ({
    name,
    wrong: name === "r9" ? [{ level: "error", text: "x" }] : [],
  }));
  const wish = { find: "", by: null, descending: false, page: 0, size: 2 };
  const named = { ...wish, by: ({ name }: { name: string }) => name };
  const names = (of: Parameters<typeof select>[2]) => {
    const { rows: found, ...rest } = select(rows, ({ name }) => name, of);
    return [found.map(({ name }) => name), rest];
  };
  assert.deepEqual(names(wish), [["r9", "r10"], { count: 3, page: 0, pages: 2 }]);
  assert.deepEqual(names(named), [["r2", "r9"], { count: 3, page: 0, pages: 2 }]);
  assert.deepEqual(names({ ...named, descending: true })[0], ["r10", "r9"]);
  assert.deepEqual(names({ ...named, page: 7 }), [["r10"], { count: 3, page: 1, pages: 2 }]);
  assert.deepEqual(names({ ...named, find: " R 1 " }), [["r10"], { count: 1, page: 0, pages: 1 }]);
  assert.deepEqual(names({ ...named, find: "none" })[1], { count: 0, page: 0, pages: 1 });
});
