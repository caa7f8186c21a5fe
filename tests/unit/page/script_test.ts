/** What the page's script does while the agent is silent, wants a token, or changes. */

import assert from "node:assert/strict";
import { OverviewFeed } from "../../../mod/control/page_feed.ts";
import { objectOf, overviewOf, serversPage } from "../../../mod/control/page_rows.ts";
import { facts } from "../metrics/fixtures.ts";
import { type Element, openPage } from "./page_scene.ts";

const TOKEN = "open-sesame";

/** An agent with a pool of 60 servers, and a page that shows it. */
async function scene() {
  const { status } = facts();
  const [pool] = status.virtual_servers;
  const servers = (count: number) => {
    const real_servers = Array.from({ length: count }, (_, i) => {
      return { ...pool!.real_servers[0]!, address: `198.51.100.${i}:80` };
    });
    return { ...status, virtual_servers: [{ ...pool!, real_servers }] };
  };
  const agent = { status: servers(60), run: "r", silent: false, wants: "" };
  let feed = new OverviewFeed(agent.run);
  let run = agent.run;
  const answer = ({ pathname, searchParams }: URL): unknown => {
    const of = (name: string) => searchParams.get(name) ?? "";
    switch (pathname) {
      case "/overview.json": {
        if (agent.run !== run) feed = new OverviewFeed(run = agent.run);
        const at = page.time.now;
        feed.update(overviewOf(agent.status, at), new Date(at).toISOString());
        return JSON.parse(new TextDecoder().decode(feed.answer(of("since"), 1000)));
      }
      case "/events.json": {
        const whole = of("after") !== `${agent.run}:1`;
        return { next: `${agent.run}:1`, whole, complete: true, problem: null, events: [] };
      }
      case "/object.json":
        return objectOf(agent.status, of("type"), of("name"));
      default: {
        const piece = { offset: Number(of("offset")), find: of("find") };
        return serversPage(agent.status, of("name"), piece);
      }
    }
  };
  const page = openPage((url, token) => {
    if (agent.silent) throw new TypeError("Failed to fetch");
    if (token !== agent.wants) return { code: 401, text: "A token is wanted\n" };
    const found = answer(url);
    if (found === undefined) return { code: 404, text: "There is nothing of that name\n" };
    return { code: 200, text: JSON.stringify(found) };
  });
  await page.pass(0);
  const press = (place: string, label: string) => {
    const wanted = (one: Element) =>
      one.tag === "button" && (one.getAttribute("aria-label") ?? one.textContent).startsWith(label);
    page.id(place).find(wanted)!.happens("click");
  };
  const search = () => page.id("detail-servers").find(({ tag }) => tag === "input")!;
  const place = () => /[0-9]+–[0-9]+ of [0-9]+/.exec(page.text("detail-servers"))![0];
  return { agent, page, press, search, place, servers, pool: pool!.name };
}

Deno.test("an agent that is silent: nothing is well or wrong any more, and its age is told aside", async () => {
  const { agent, page } = await scene();
  const verdict = page.text("health");
  assert.match(page.id("health").getAttribute("class")!, /^badge (warning|good|error)$/);
  assert.deepEqual([page.text("live"), page.id("trouble").hidden], ["live", true]);
  agent.silent = true;
  await page.pass(3_000);
  const said = page.text("trouble-said");
  assert.deepEqual([page.id("trouble").hidden, said], [false, "The agent does not answer."]);
  assert.deepEqual([page.text("health"), page.text("live")], ["Not known", "not live"]);
  assert.equal(page.id("health").getAttribute("class"), "badge");
  assert.match(page.text("trouble-age"), /^This is how it was [23] s ago\.$/);
  await page.pass(60_000);
  assert.match(page.text("trouble-age"), /1 min [0-9] s ago\.$/);
  assert.equal(page.text("trouble-said"), said, "what is read aloud stays");
  agent.silent = false;
  await page.pass(11_000);
  assert.deepEqual([page.id("trouble").hidden, page.text("health")], [true, verdict]);
  assert.equal(page.text("live"), "live");
});

Deno.test("a token is asked for: nothing says that the agent is silent, and nothing is in the way", async () => {
  const { agent, page, press, pool } = await scene();
  press("tables", pool);
  await page.pass(0);
  assert.equal(page.id("detail").open, true);
  agent.wants = TOKEN;
  await page.pass(10_000);
  assert.deepEqual([page.id("detail").open, page.id("door").hidden], [false, false]);
  assert.deepEqual([page.id("trouble").hidden, page.text("health")], [true, "Token wanted"]);
  assert.equal(page.document.activeElement, page.id("token"));
  const enter = async (text: string) => {
    page.asked.length = 0;
    page.id("token").value = text;
    page.id("door-form").happens("submit");
    await page.pass(5_000);
  };
  for (const wrong of ["open\u200bsesame", "open-sesam"]) {
    await enter(wrong);
    assert.equal(page.text("door-said"), "This is not the token of the agent.");
    assert.deepEqual([page.id("all").hidden, page.id("trouble").hidden], [true, true]);
  }
  await enter(` ${TOKEN}\n`);
  assert.deepEqual([page.id("all").hidden, page.id("door").hidden], [false, true]);
  assert.ok(page.asked.length > 2 && !page.asked.join().includes("sesame"));
});

Deno.test("after its restart the agent is asked for as many events as at first", async () => {
  const { agent, page } = await scene();
  await page.pass(1_500);
  agent.run = "other";
  page.asked.length = 0;
  await page.pass(2_000);
  const events = page.asked.filter((path) => path.startsWith("/events.json"));
  assert.deepEqual(events, [
    "/events.json?last=1000&after=r%3A1",
    "/events.json?last=1000&after=other%3A1",
  ]);
  assert.equal(page.text("live"), "live");
});

Deno.test("the servers of a pool: pages, fewer than before, a search that does not stay", async () => {
  const { agent, page, press, search, place, servers, pool } = await scene();
  press("tables", pool);
  await page.pass(0);
  assert.equal(place(), "1–25 of 60");
  for (const shown of ["26–50 of 60", "51–60 of 60"]) {
    press("detail-servers", "Further");
    await page.pass(0);
    assert.equal(place(), shown);
  }
  agent.status = servers(30);
  await page.pass(2_000);
  assert.equal(place(), "1–25 of 30", "there is no such page any more");
  search().value = ".7:";
  search().happens("input");
  await page.pass(0);
  assert.equal(place(), "1–1 of 1");
  page.id("detail").close();
  press("tables", pool);
  await page.pass(0);
  assert.deepEqual([place(), search().value], ["1–25 of 30", ""]);
  agent.status = { ...agent.status, virtual_servers: [] };
  await page.pass(2_000);
  assert.equal(page.text("detail-said"), "This may be old: There is nothing of that name");
  page.id("detail").close();
  page.asked.length = 0;
  await page.pass(10_000);
  assert.ok(!page.asked.some((path) => /object|servers/.test(path)), "who is closed asks nothing");
});
