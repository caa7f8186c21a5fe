/** The pages of HTTP: made once for all who ask within a second, and again after that. */

import assert from "node:assert/strict";
import { type Later, Pages } from "../../../mod/agent/http_pages.ts";
import { facts } from "../metrics/fixtures.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Pages, what has been asked of the planes, and what is to happen in a second. */
function scene(knowledge = () => Promise.resolve(facts())) {
  const acts: (() => void)[] = [];
  const later: Later = (act, ms) => {
    assert.ok(ms >= 1_000, `${ms}`);
    acts.push(act);
  };
  const asked = { times: 0 };
  const pages = new Pages({
    knowledge: () => {
      asked.times++;
      return knowledge();
    },
    counts: () => facts().counts,
    events: { run: "r", recent: [], query: () => Promise.resolve({ events: [], problem: null }) },
  }, later);
  const second = () => acts.splice(0).forEach((act) => act());
  return { pages, asked, second };
}

Deno.test("all who ask within a second get one answer, in each form; later another", async () => {
  const { pages, asked, second } = scene();
  const both = await Promise.all([pages.metrics("text"), pages.metrics("text")]);
  assert.equal(both[0], both[1], "the same bytes");
  assert.match(decode(both[0]), /^halb_vrrp_priority\{name="web"\} 150$/m);
  assert.match(decode(await pages.metrics("openmetrics")), /# EOF\n$/);
  assert.equal(JSON.parse(decode(await pages.status())).vrrp[0].name, "web");
  await pages.ready();
  assert.equal(asked.times, 1);
  second();
  assert.notEqual(await pages.metrics("text"), both[0]);
  assert.equal(asked.times, 2);
});

Deno.test("the page's questions are answered from the same knowledge", async () => {
  const { pages, asked, second } = scene();
  const read = async (answer: Promise<Uint8Array | undefined>) =>
    JSON.parse(decode((await answer)!));
  const first = await read(pages.overview(""));
  assert.deepEqual([first.whole, first.version], [true, "r.1.1"]);
  assert.ok(first.fresh_ms >= 1000);
  assert.equal(first.vrrp[0].name, "web");
  assert.ok(Math.abs(Date.parse(first.at) - Date.now()) < 60_000);
  assert.equal((await read(pages.object("vrrp", "web"))).virtual_router_id, 51);
  const { name } = first.virtual_server[0];
  const { servers, count } = await read(pages.servers(name, { offset: 0, find: "" }));
  assert.deepEqual([servers.length, count > 0], [count, true]);
  assert.equal(await pages.object("vrrp", "gone"), undefined);
  assert.equal(await pages.servers("gone", { offset: 0, find: "" }), undefined);
  assert.equal(asked.times, 1);
  second();
  const next = await read(pages.overview(first.version));
  assert.deepEqual([next.whole, next.version, next.vrrp], [false, "r.1.2", []]);
  assert.equal((await read(pages.events({ last: 1, since: null, after: null }))).next, "r:0");
});

Deno.test("an answer that takes long is waited for, not asked for again", async () => {
  const answer = Promise.withResolvers<ReturnType<typeof facts>>();
  const { pages, asked, second } = scene(() => answer.promise);
  const first = pages.status();
  second();
  const other = pages.status();
  answer.resolve(facts());
  assert.equal(await first, await other);
  assert.equal(asked.times, 1);
});

Deno.test("a failure is told to all, and tried again a second later", async () => {
  let fails = true;
  const { pages, asked, second } = scene(() => {
    return fails ? Promise.reject(new Error("starting")) : Promise.resolve(facts());
  });
  await assert.rejects(pages.status(), /starting/);
  await assert.rejects(pages.metrics("text"), /starting/);
  await assert.rejects(pages.ready(), /starting/);
  assert.equal(asked.times, 1);
  fails = false;
  second();
  assert.ok((await pages.status()).length > 0);
});

Deno.test("what the process uses is that of this process", async () => {
  const page = decode(await scene().pages.metrics("text"));
  const value = (name: string) => Number(new RegExp(`^${name} (.*)$`, "m").exec(page)![1]);
  assert.ok(value("halb_process_resident_memory_bytes") > 10e6);
  assert.ok(value("halb_process_cpu_seconds_total") > 0);
});
