/** The pages of HTTP: made once for all who ask within a second, and again after that. */

import assert from "node:assert/strict";
import { type Later, Pages } from "../../../mod/agent/http_pages.ts";
import { facts } from "../metrics/fixtures.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Pages, what has been asked of the planes, and what is to happen in a second. */
function scene(knowledge = () => Promise.resolve(facts())) {
  const acts: (() => void)[] = [];
  const later: Later = (act, ms) => {
    assert.equal(ms, 1_000);
    acts.push(act);
  };
  const asked = { times: 0 };
  const pages = new Pages({
    knowledge: () => {
      asked.times++;
      return knowledge();
    },
    counts: () => facts().counts,
    who: ["a", "0.1.0"],
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
  assert.equal(asked.times, 1);
  second();
  assert.notEqual(await pages.metrics("text"), both[0]);
  assert.equal(asked.times, 2);
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
