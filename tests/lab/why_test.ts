/** `halb why` names what was done to a pair of agents, and nothing else. */

import assert from "node:assert/strict";
import { type HalbAgent, type Lab, lab, runHalb, startHalb } from "../lib/mod.ts";
import { FAULTS, inject, routerOf, startPair, VIP, webSite } from "./agent_helpers.ts";
import { switchedScript, trackedSite } from "./tracker_helpers.ts";
import { namedIn, untilSaid } from "./why_helpers.ts";

/** Words that stand for causes, of which an answer may name the injected one only. */
const CAUSES = {
  silence: /did not resign: it died, hangs, or the way from it is cut/,
  carrier: /no carrier|lost its carrier/,
  script: /script up/,
  removed: /Somebody else removed what it holds/,
  key: /their key or password is not ours/,
  reload: /The configuration was reloaded just before/,
  order: /An operator had ordered it/,
};

/** Waits until `halb why` names the cause; then it must name no other one. */
async function untilWhy(
  lab: Lab,
  agent: HalbAgent,
  name: string,
  cause: keyof typeof CAUSES,
  allowed: readonly (keyof typeof CAUSES)[] = [],
): Promise<string> {
  const text = await untilSaid(lab, agent, name, CAUSES[cause]);
  const named = namedIn(text, CAUSES);
  assert.deepEqual(
    named.filter((key) => !([cause, ...allowed] as string[]).includes(key)),
    [],
    text,
  );
  return text;
}

lab("why: the peer was killed; and of an agent that is gone its last words", async (lab) => {
  const { a, b } = await startPair(lab, webSite("100ms"));
  await lab.until("b has heard a", async () => {
    return (await routerOf(b, "web")).sessions[0]!.master?.address === "192.0.2.1";
  }, 5_000);
  await a.kill();
  await b.untilState("web", "master");
  const text = await untilWhy(lab, b, "web", "silence");
  assert.match(
    text,
    /^web is master here since .* ago\)\.\nThe cause: no advertisement from 192\.0\.2\.1 in time/,
  );
  assert.match(text, /192\.0\.2\.1 \(priority 150\) was heard last/);
  const gone = await runHalb(["why", "web", "--config", a.configPath, "--name", "a"]);
  assert.equal(gone.code, 3);
  assert.match(gone.stdout, /^No agent runs.*\n(.*\n)*.*backup → master/);
  const nothing = await runHalb(["why", "wbe", "--control", b.controlPath]);
  assert.deepEqual([nothing.code, nothing.stderr], [1, 'halb: there is no "wbe" here: web\n']);
});

lab("why: the link was cut, an operator released it", async (lab) => {
  const { a, b, hosts, lan } = await startPair(lab, webSite("100ms"));
  await hosts[0].link(lan).cut();
  await a.untilState("web", "fault");
  const cut = await untilWhy(lab, a, "web", "carrier");
  assert.match(cut, /It takes no part, since it waits for: interface eth0: no carrier\./);
  await hosts[0].link(lan).restore();
  await a.untilState("web", "master");
  // Whom it hands over to must be there, and hear it.
  await b.untilState("web", "backup");
  await runHalb(["release", "web", "--control", a.controlPath]);
  await a.untilState("web", "backup");
  const released = await untilWhy(lab, a, "web", "order", ["carrier"]);
  assert.match(released, /handed over to 192\.0\.2\.2/);
  assert.match(released, /halb claim web ends the release/);
});

lab("why: a script fails, for the router and for the tracker", async (lab) => {
  const own = switchedScript(lab, "own");
  const table = `[[track_script]]\nname = "up"\ncommand = ["${own.command}"]\n` +
    `interval = "200ms"\ntimeout = "5s"\nuser = "nobody"\n`;
  const { a } = await startPair(lab, trackedSite(table, '{ scripts = ["up"] }'));
  // Both sides have it: one file is for both.
  own.ok.off();
  await a.untilState("web", "fault");
  const text = await untilWhy(lab, a, "web", "script");
  assert.match(
    text,
    /Tracked script up says: exit 3: no such luck, since .*, and keeps the router out/,
  );
  const tracker = await lab.until(
    "both are in fault",
    async () => {
      const why = await runHalb(["why", "up", "--control", a.controlPath]);
      return /: web \(fault\)/.test(why.stdout) && why;
    },
    20_000,
    200,
  );
  assert.match(tracker.stdout, /^Tracked script up fails since .*: exit 3\./);
  assert.match(tracker.stdout, /Virtual routers that track it: web \(fault\): keeps it out/);
});

lab("why: somebody deleted the address; then the configuration changed", async (lab) => {
  const { a, hosts } = await startPair(lab, webSite("100ms"));
  await hosts[0].exec(["ip", "address", "delete", `${VIP}/32`, "dev", "eth0"]);
  await untilWhy(lab, a, "web", "removed");
  const lower = webSite("100ms").replace("a = 150", "a = 50");
  a.writeSite(lower);
  await runHalb(["reload", "--control", a.controlPath]);
  await a.untilState("web", "backup");
  const text = await untilWhy(lab, a, "web", "reload", ["removed"]);
  assert.match(text, /192\.0\.2\.2 has priority 100, we have 50/);
  assert.match(text, /that changed it: virtual router web: priority 150 -> 50/);
});

lab("why: the key of the other side is another one", async (lab) => {
  const auth = (digit: string) =>
    `auth = { type = "hmac", keys = [{ id = 1, key = "hex:${
      digit.repeat(64)
    }" }], active_key = 1 }`;
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  const a = startHalb(lab, hosts[0], webSite("100ms", auth("1")), FAULTS);
  await a.untilState("web", "master");
  const b = startHalb(lab, hosts[1], webSite("100ms", auth("2")));
  await b.untilState("web", "master");
  const text = await untilWhy(lab, b, "web", "key");
  assert.match(text, /Adverts from 192\.0\.2\.1 were heard and refused/);
  assert.doesNotMatch(text, new RegExp("2".repeat(64)));
  await untilWhy(lab, a, "web", "key");
  // The plane that hears them dies, and that is said.
  await inject(a, "protocol", "throw");
  await lab.until(
    "the death is recorded",
    async () => {
      const { stdout } = await runHalb(["events", "--type", "agent", "--control", a.controlPath]);
      return stdout.includes("The protocol plane died") && stdout.includes("plane runs again");
    },
    20_000,
    200,
  );
});
