/** Elections among halb's own: delays, owners, and links that heal in one direction first. */

import assert from "node:assert/strict";
import { boottimeMicros } from "../../ffi/mod.ts";
import { adverts, longestDoubleMaster, takeovers } from "../lib/adverts.ts";
import { lab, runHalb, startHalb } from "../lib/mod.ts";
import { routerOf, startPair, untilLogged, VIP, webSite } from "./agent_helpers.ts";

lab("delay_after_boot keeps a router out of the election until then", async (lab) => {
  const host = await lab.host("a");
  const lan = await lab.lan("net", [host]);
  const capture = await lab.capture(lan, "ip proto 112");
  const site = `[agent]\ndelay_after_boot = "66s"\n\n${webSite("100ms")}`;
  const begun = Date.now() * 1000;
  // Its boot is a minute ago, and six seconds before the delay is over: on a slow machine a third of
  // them goes by until it can be asked.
  const offset = 60 - Math.floor(boottimeMicros() / 1_000_000);
  const agent = startHalb(lab, host, site, {
    within: ["unshare", "--time", "--boottime", String(offset)],
  });
  await lab.until("it waits", async () => {
    const { state, waiting_for: reasons } = await routerOf(agent, "web");
    return state === "init" && reasons.join() === "startup delay";
  }, 5000);
  await agent.untilState("web", "master", 10_000);
  const [first] = await adverts(capture);
  const waited = first!.time - begun;
  assert.ok(waited >= 5_000_000 && waited < 10_000_000, `first advert after ${waited} µs`);
});

lab("preempt_delay: a node that comes back counts down, and moves once", async (lab) => {
  const site = webSite("100ms", 'preempt_delay = "5s"');
  const { a, b, hosts, capture } = await startPair(lab, site);
  await a.stop();
  await b.untilState("web", "master");
  const started = Date.now() * 1000;
  const back = startHalb(lab, hosts[0], site);
  await back.untilState("web", "backup");
  const words = /web would become master in [0-4]\.\d s \(preempt_delay\)/;
  await lab.until("the status counts down", async () => {
    const { stdout } = await runHalb(["status", "--control", back.controlPath]);
    return words.test(stdout);
  }, 4000);
  await back.untilState("web", "master", 15_000);
  await b.untilState("web", "backup");
  assert.equal((await routerOf(back, "web")).takeover, null);
  const seen = await adverts(capture);
  assert.equal(longestDoubleMaster(seen), 0);
  const last = takeovers(seen).at(-1)!;
  assert.equal(last.to, "192.0.2.1");
  assert.ok(last.first - started >= 5_000_000, `after ${last.first - started} µs`);
});

lab(
  "preempt_delay: a carrier that comes back counts anew; the master's death does not wait",
  async (lab) => {
    const site = webSite("100ms", 'preempt_delay = "10m"');
    const { a, b, hosts, lan } = await startPair(lab, site);
    await hosts[0].link(lan).cut();
    await a.untilState("web", "fault");
    await b.untilState("web", "master");
    await hosts[0].link(lan).restore();
    await a.untilState("web", "backup");
    await lab.until("a counts down", async () => {
      const { takeover } = await routerOf(a, "web");
      return takeover !== null && takeover.in_ms > 590_000;
    }, 3000);
    await b.kill();
    await a.untilState("web", "master", 5000);
  },
);

lab(
  "a cut that heals in one direction first: the last advert is said until it is heard",
  async (lab) => {
    // Without refreshes nothing but an advert that loses makes the better one announce.
    const { a, b, hosts, lan, capture } = await startPair(
      lab,
      webSite("100ms", 'garp = { repeat = 1, delay = "0s", refresh = "0s" }'),
    );
    const link = hosts[0].link(lan);
    await link.lose(100);
    await b.untilState("web", "master");
    assert.equal((await routerOf(a, "web")).state, "master", "two masters, each on its side");
    const before = (await routerOf(a, "web")).announcements;
    // a is heard again, and does not hear.
    await link.lose(100, "in");
    await b.untilState("web", "backup");
    await lab.delay(300);
    assert.equal((await routerOf(a, "web")).announcements, before, "a knows nothing yet");
    await link.lose(0);
    await lab.until("a has announced its address again", async () => {
      return (await routerOf(a, "web")).announcements > before;
    }, 5000);
    assert.equal(await hosts[0].holds(VIP), true);
    assert.equal(await hosts[1].holds(VIP), false);
    const seen = await adverts(capture);
    const said = seen.filter(({ source }) => source === "192.0.2.2").length;
    assert.ok(said > 0);
    // Then it is silent.
    const quiet = await lab.capture(lan, "ip proto 112");
    await lab.delay(1500);
    const after = await adverts(quiet);
    assert.ok(after.length > 5);
    assert.ok(after.every(({ source }) => source === "192.0.2.1"), "b says nothing any more");
  },
);

lab("two owners: the lower address yields; one that ignores adverts gets its way", async (lab) => {
  const hosts = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", hosts);
  const owner = webSite("100ms").replace(/priority = .*/, "priority = 255");
  const b = startHalb(lab, hosts[1], owner);
  await b.untilState("web", "master");
  const a = startHalb(lab, hosts[0], owner);
  await a.untilState("web", "backup");
  assert.equal((await routerOf(b, "web")).state, "master");
  await untilLogged(lab, a, "192.0.2.2 claims to own the addresses, too");
  await untilLogged(lab, b, "192.0.2.1 claims to own the addresses, too");
  await a.stop();
  // After three intervals of silence the next owner of that address is another one.
  await lab.delay(400);
  const deaf = startHalb(lab, hosts[0], `${owner}owner_ignore_adverts = true\n`);
  await deaf.untilState("web", "master");
  await b.untilState("web", "backup");
  await untilLogged(lab, b, "192.0.2.1 claims to own the addresses, too, and does not yield");
  assert.equal((await routerOf(b, "web")).effective_priority, 254);
  const ignored = (await routerOf(deaf, "web")).sessions[0]!.counters.dropped.address_owner;
  assert.ok(ignored > 0, `${ignored} ignored`);
  const capture = await lab.capture(lan, "ip proto 112");
  await lab.delay(1000);
  assert.ok((await adverts(capture)).every(({ source }) => source === "192.0.2.1"));
  await deaf.stop();
  await b.untilState("web", "master");
  assert.equal((await routerOf(b, "web")).effective_priority, 255, "an owner again");
});
