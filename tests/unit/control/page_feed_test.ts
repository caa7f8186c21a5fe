/** What is told to whom knows how much already. */

import assert from "node:assert/strict";
import { type Overview, type Row } from "../../../mod/control/page_rows.ts";
import { OverviewFeed } from "../../../mod/control/page_feed.ts";

const AT = "2026-05-01T12:00:00Z";

function overview(states: Record<string, string>, generation = 1): Overview {
  const vrrp: Row[] = Object.entries(states).map(([name, state]) => ({ name, wrong: [], state }));
  const agent = { name: "a", wrong: [], generation };
  return { agent, rows: { vrrp, group: [], bfd: [], virtual_server: [], check: [] } };
}

function scene() {
  const feed = new OverviewFeed("r");
  const ask = (since: string) => {
    const answer = JSON.parse(new TextDecoder().decode(feed.answer(since, 1500)));
    const names = answer.vrrp.map(({ name, state }: Row) => `${name} ${state}`);
    return { ...answer, names };
  };
  return { feed, ask };
}

Deno.test("at first all, then what has changed since, each as it is now", () => {
  const { feed, ask } = scene();
  feed.update(overview({ web: "backup", mail: "backup" }), AT);
  const all = ask("");
  assert.deepEqual([all.whole, all.names, all.agent.name], [
    true,
    ["web backup", "mail backup"],
    "a",
  ]);
  assert.deepEqual([all.at, all.fresh_ms], [AT, 1500]);
  const none = ask(all.version);
  assert.deepEqual([none.whole, none.names, none.agent], [false, [], undefined]);
  feed.update(overview({ web: "master", mail: "backup" }), AT);
  feed.update(overview({ web: "master", mail: "master" }), AT);
  const later = ask(all.version);
  assert.deepEqual([later.whole, later.names], [false, ["web master", "mail master"]]);
  feed.update(overview({ web: "master", mail: "backup" }, 2), AT);
  const last = ask(later.version);
  assert.deepEqual([last.names, last.agent.generation], [["mail backup"], 2]);
});

Deno.test("where something came or went, and to whoever says what we have not said: all", () => {
  const { feed, ask } = scene();
  feed.update(overview({ web: "master" }), AT);
  const { version } = ask("");
  feed.update(overview({ web: "master", mail: "master" }), AT);
  assert.deepEqual([ask(version).whole, ask(version).names.length], [true, 2]);
  const { version: now } = ask("");
  const wrong = ["other.2.2", "r.2.99", "r.2.-1", "r.2.x", "r.2.1.5", ".", "r", "r.2.", "r.2.1e9"];
  for (const since of wrong) assert.equal(ask(since).whole, true, since);
  assert.equal(ask(now).whole, false);
});

Deno.test("all who know the same get the same bytes", () => {
  const { feed, ask } = scene();
  feed.update(overview({ web: "backup" }), AT);
  const { version } = ask("");
  feed.update(overview({ web: "master" }), AT);
  assert.equal(feed.answer(version, 1000), feed.answer(version, 1000));
  // Who says many things keeps no more than some answers, and gets right ones.
  for (let i = 0; i < 100; i++) feed.update(overview({ web: `${i}` }), AT);
  for (let i = 0; i < 100; i++) assert.deepEqual(ask(`r.1.${i + 1}`).names, ["web 99"]);
});
