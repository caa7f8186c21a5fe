/**
 * `halb why` names what was done to real agents: a stall, a session that flaps, packets that are
 * broken on the way, an interface made anew. The other causes are in why_test.ts and, where it takes
 * IPVS or a clock of one's own, in tests/kernel/why_test.ts.
 */

import assert from "node:assert/strict";
import { type HalbAgent, type Lab, lab, startHalb } from "../lib/mod.ts";
import { routerOf, startPair, statusOf, webSite } from "./agent_helpers.ts";
import { namedIn, untilSaid } from "./why_helpers.ts";

/** Words that stand for causes, of which an answer may name the injected one only. */
const CAUSES = {
  silence: /did not resign: it died, hangs, or the way from it is cut/,
  carrier: /no carrier|lost its carrier/,
  // A busy machine holds it up for some milliseconds now and then.
  stall: /Our own loop stood still for ([\d.]+ s|[3-9]\d\d(\.\d)? ms) just before/,
  flap: /It flaps: it has fallen \d+ times/,
  checksum: /were heard and refused.*: their checksum is wrong/,
  key: /their key or password is not ours/,
  recreated: /Interface vx0 is gone/,
  reload: /The configuration was reloaded just before/,
  order: /An operator had ordered it/,
};

/** Waits until `halb why` names the cause, and then no other one. */
async function untilWhy(
  lab: Lab,
  agent: HalbAgent,
  name: string,
  cause: keyof typeof CAUSES,
): Promise<string> {
  const text = await untilSaid(lab, agent, name, CAUSES[cause]);
  const named = namedIn(text, CAUSES);
  assert.deepEqual(named, [cause], text);
  return text;
}

lab("why: the whole agent stood still, and the other side hears that it hangs", async (lab) => {
  const { a, b } = await startPair(lab, webSite("100ms", "preempt = false"));
  await lab.until("b has heard a", async () => {
    return (await routerOf(b, "web")).sessions[0]!.master?.address === "192.0.2.1";
  }, 10_000);
  Deno.kill(a.pid, "SIGSTOP");
  await b.untilState("web", "master", 20_000);
  const other = await untilWhy(lab, b, "web", "silence");
  assert.match(other, /192\.0\.2\.1 \(priority 150\) was heard last/);
  Deno.kill(a.pid, "SIGCONT");
  await a.untilState("web", "backup", 20_000);
  const text = await untilWhy(lab, a, "web", "stall");
  assert.match(text, /The cause: .*stood still/);
});

lab("why: a BFD session flaps", async (lab) => {
  const hosts = await lab.hostsNamed("a", "b");
  const lan = await lab.lan("net", hosts);
  const site = (peer: string) =>
    `[[bfd]]\nname = "to-peer"\npeer = "${peer}"\ninterface = "eth0"\n` +
    `transmit_interval = "100ms"\nreceive_interval = "100ms"\n`;
  const a = startHalb(lab, hosts[0], site("192.0.2.2"));
  startHalb(lab, hosts[1], site("192.0.2.1"));
  const until = (state: string) =>
    lab.until(`the session is ${state}`, async () => {
      return (await statusOf(a)).bfd[0]?.state === state;
    }, 20_000);
  await until("up");
  const link = hosts[1].link(lan);
  await link.lose(100);
  await until("down");
  await link.lose(0);
  await until("up");
  await link.lose(100);
  await until("down");
  const text = await untilWhy(lab, a, "to-peer", "flap");
  assert.match(text, /^BFD session to-peer to 192\.0\.2\.2 is down since/);
  assert.match(text, /nothing of the other side arrived within the detection time/);
});

lab("why: adverts are broken on the way; then the interface goes and is made anew", async (lab) => {
  const { a, b, hosts } = await startPair(lab, webSite("100ms"));
  const broken = "table ip broken { chain out { type filter hook output priority 0; " +
    "ip protocol 112 @th,48,16 set 0x1234; }; }";
  await hosts[0].exec(["nft", broken]);
  await b.untilState("web", "master", 20_000);
  const text = await untilWhy(lab, b, "web", "checksum");
  assert.match(text, /Adverts from 192\.0\.2\.1 were heard and refused/);
  assert.equal(await routerOf(a, "web").then(({ state }) => state), "master");
  await Promise.all([a.stop(), b.stop()]);

  const [host] = hosts;
  const make = async () => {
    await host.exec(["ip", "link", "add", "vx0", "type", "veth", "peer", "name", "vx1"]);
    await host.exec(["ip", "link", "set", "vx1", "up"]);
    await host.exec(["ip", "address", "add", "198.51.100.1/24", "dev", "vx0"]);
    await host.exec(["ip", "link", "set", "vx0", "up"]);
  };
  await make();
  const site = webSite("100ms").replace('"eth0"', '"vx0"').replace("192.0.2.10", "198.51.100.10")
    .replace("b = 100", "c = 100");
  const c = startHalb(lab, host, site, { name: "c" });
  await c.untilState("web", "master", 20_000);
  await host.exec(["ip", "link", "delete", "vx0"]);
  await c.untilState("web", "fault", 20_000);
  await untilWhy(lab, c, "web", "recreated");
  await make();
  await c.untilState("web", "master", 20_000);
  const anew = await untilWhy(lab, c, "web", "recreated");
  assert.match(anew, /Interface vx0 is there/);
});
