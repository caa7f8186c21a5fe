/** Elections between halb and keepalived: who preempts whom, when, and who never does. */

import assert from "node:assert/strict";
import { adverts, longestDoubleMaster, takeovers } from "../lib/adverts.ts";
import {
  type HalbAgent,
  type Host,
  type Lab,
  lab,
  type Lan,
  startHalb,
  startKeepalived,
} from "../lib/mod.ts";
import { skewTime } from "../../mod/vrrp/mod.ts";
import { COMPLAINTS, halbSite, IPV4, keepalivedSite, VERSION_2 } from "./forms.ts";

const { vip: VIP } = IPV4;

async function twoHosts(lab: Lab): Promise<{ h: Host; k: Host; lan: Lan }> {
  const [h, k] = await lab.hostsNamed("h", "k");
  return { h, k, lan: await lab.lan("net", [h, k]) };
}

function untilHeld(lab: Lab, host: Host, timeoutMs = 15_000): Promise<unknown> {
  return lab.until(`${host.name} holds the address`, () => host.holds(VIP), timeoutMs);
}

/** Waits until the agent counts down to its takeover. */
async function untilCounting(lab: Lab, agent: HalbAgent): Promise<number> {
  let left = 0;
  await lab.until("it counts down", async () => {
    const { takeover } = await agent.router("web") as unknown as {
      takeover: { in_ms: number; reason: string } | null;
    };
    if (takeover === null) return false;
    assert.equal(takeover.reason, "preempt_delay");
    left = takeover.in_ms;
    return true;
  }, 5000);
  return left;
}

for (const form of [IPV4, VERSION_2]) {
  const name = `v${form.version}`;
  const down = (adverts: number, priority: number): number =>
    adverts * form.interval * 1000 + skewTime(priority, form.interval * 1000, form.version);

  lab(
    `preempt_delay: halb lets keepalived be, counts down, and takes over (${name})`,
    async (lab) => {
      const { h, k, lan } = await twoHosts(lab);
      const capture = await lab.capture(lan, "ip proto 112");
      const keepalived = startKeepalived(lab, k, keepalivedSite(form, 100));
      await untilHeld(lab, k);
      const started = Date.now() * 1000;
      const halb = startHalb(lab, h, halbSite(form, 150, 'preempt_delay = "6s"'));
      await halb.untilState("web", "backup");
      const left = await untilCounting(lab, halb);
      assert.ok(left > 0 && left <= 6000, `${left} ms left`);
      assert.equal(await h.holds(VIP), false);
      await halb.untilState("web", "master");
      await untilHeld(lab, h);
      await lab.until("keepalived lets go", async () => !await k.holds(VIP), 5000);
      const seen = await adverts(capture);
      assert.equal(longestDoubleMaster(seen), 0);
      const [first, ...more] = takeovers(seen);
      assert.deepEqual(more, []);
      const waited = first!.first - started;
      assert.ok(waited >= 6_000_000, `took over after ${waited} µs`);
      assert.doesNotMatch(keepalived.log(), COMPLAINTS);
    },
    { attempts: 2 },
  );

  lab(
    `preempt_delay: a keepalived that dies meanwhile is replaced at once (${name})`,
    async (lab) => {
      const { h, k, lan } = await twoHosts(lab);
      const capture = await lab.capture(lan, "ip proto 112");
      const keepalived = startKeepalived(lab, k, keepalivedSite(form, 100));
      await untilHeld(lab, k);
      const halb = startHalb(lab, h, halbSite(form, 150, 'preempt_delay = "10m"'));
      await untilCounting(lab, halb);
      await keepalived.kill();
      await halb.untilState("web", "master", 10_000);
      const [change] = takeovers(await adverts(capture));
      const took = change!.first - change!.lastHeard;
      const wait = down(3, 150);
      assert.ok(took > wait - 5000 && took < wait + 200_000, `took ${took} µs, ${wait} due`);
    },
    { attempts: 2 },
  );

  lab(`preempt_delay: keepalived lets halb be, and takes over (${name})`, async (lab) => {
    const { h, k } = await twoHosts(lab);
    const halb = startHalb(lab, h, halbSite(form, 100));
    await halb.untilState("web", "master");
    const asked = Date.now();
    const keepalived = startKeepalived(lab, k, keepalivedSite(form, 150, "preempt_delay 4"));
    await untilHeld(lab, k);
    assert.ok(Date.now() - asked >= 4000, `after ${Date.now() - asked} ms`);
    await halb.untilState("web", "backup");
    assert.doesNotMatch(keepalived.log(), COMPLAINTS);
  });

  lab(`nopreempt: who comes back better stays backup, on either side (${name})`, async (lab) => {
    const { h, k } = await twoHosts(lab);
    const first = startKeepalived(lab, k, keepalivedSite(form, 100));
    await untilHeld(lab, k);
    const halb = startHalb(lab, h, halbSite(form, 150, "preempt = false"));
    await halb.untilState("web", "backup");
    await lab.delay(1000 + 4 * form.interval);
    assert.equal((await halb.router("web")).state, "backup");
    // A resignation is nobody's mastership: whoever is there takes over.
    await first.stop();
    await halb.untilState("web", "master");
    const second = startKeepalived(lab, k, keepalivedSite(form, 200, "nopreempt"), {
      name: "keepalived-again",
    });
    await lab.until("it has started", () => /BACKUP STATE/.test(second.log()), 10_000);
    await lab.delay(1000 + 4 * form.interval);
    assert.equal((await halb.router("web")).state, "master");
    assert.equal(await k.holds(VIP), false);
    await halb.stop();
    await untilHeld(lab, k);
    assert.doesNotMatch(second.log(), COMPLAINTS);
  });

  lab(`down_timer_adverts: each waits for as many as it is told (${name})`, async (lab) => {
    const { h, k, lan } = await twoHosts(lab);
    const halbAdverts = 5;
    const peerAdverts = 7;
    const capture = await lab.capture(lan, "ip proto 112");
    const keepalived = startKeepalived(
      lab,
      k,
      keepalivedSite(form, 150, `down_timer_adverts ${peerAdverts}`),
    );
    await untilHeld(lab, k);
    const site = halbSite(form, 100, `down_timer_adverts = ${halbAdverts}`);
    const halb = startHalb(lab, h, site);
    await lab.until("halb hears it", async () => {
      return (await halb.router("web")).sessions[0]!.master !== null;
    }, 5000);
    const { sessions } = await halb.router("web");
    assert.equal(sessions[0]!.master_down_interval_ms, down(halbAdverts, 100) / 1000);
    await keepalived.kill();
    await halb.untilState("web", "master", 15_000);
    const again = startKeepalived(
      lab,
      k,
      keepalivedSite(form, 50, `down_timer_adverts ${peerAdverts}`),
      { name: "keepalived-again" },
    );
    await lab.until("it has started", () => /BACKUP STATE/.test(again.log()), 10_000);
    // At least one advert since: its wait begins with that.
    await lab.delay(2500);
    await halb.kill();
    await lab.until("keepalived is master", () => /MASTER STATE/.test(again.log()), 20_000);
    const changes = takeovers(await adverts(capture));
    const waits = changes.map(({ first, lastHeard }) => first - lastHeard);
    const due = [down(halbAdverts, 100), down(peerAdverts, 50)];
    assert.equal(waits.length, 2);
    waits.forEach((wait, i) => {
      const wanted = due[i]!;
      assert.ok(wait > wanted - 5000 && wait < wanted + 300_000, `${wait} µs, ${wanted} due`);
    });
  }, { attempts: 2 });
}

lab("an owner: halb with priority 255 is master at once, and takes part in no tie", async (lab) => {
  const { h, k, lan } = await twoHosts(lab);
  const keepalived = startKeepalived(lab, k, keepalivedSite(IPV4, 254));
  await untilHeld(lab, k);
  const capture = await lab.capture(lan, "ip proto 112");
  const halb = startHalb(lab, h, halbSite(IPV4, 255));
  await halb.untilState("web", "master");
  await lab.until("keepalived lets go", async () => !await k.holds(VIP), 5000);
  await halb.stop();
  await untilHeld(lab, k);
  const seen = await adverts(capture);
  assert.equal(longestDoubleMaster(seen), 0);
  assert.ok(seen.some(({ priority }) => priority === 255));
  const handOver = takeovers(seen).at(-1)!;
  assert.equal(handOver.lastPriority, 0);
  assert.doesNotMatch(keepalived.log(), COMPLAINTS);
});

lab(
  "an owner: keepalived with priority 255 preempts halb, even without preemption",
  async (lab) => {
    const { h, k } = await twoHosts(lab);
    const halb = startHalb(lab, h, halbSite(IPV4, 254));
    await halb.untilState("web", "master");
    const conf = keepalivedSite(IPV4, 255).replace("state BACKUP", "state MASTER");
    const keepalived = startKeepalived(lab, k, conf);
    await halb.untilState("web", "backup");
    await untilHeld(lab, k);
    assert.equal((await halb.router("web")).sessions[0]!.master?.priority, 255);
    await keepalived.stop();
    await halb.untilState("web", "master");
  },
);

lab("two owners, halb and keepalived: told by name, and one master in the end", async (lab) => {
  const { h, k, lan } = await twoHosts(lab);
  const halb = startHalb(lab, h, halbSite(IPV4, 255));
  await halb.untilState("web", "master");
  const conf = keepalivedSite(IPV4, 255).replace("state BACKUP", "state MASTER");
  startKeepalived(lab, k, conf);
  const complaint = /192\.0\.2\.2 claims to own the addresses, too/;
  await lab.until("halb says who it is", () => complaint.test(halb.log()), 10_000);
  // halb yields to the higher address, and keepalived lowers its priority when it hears of halb.
  await lab.until("it has settled", async () => await h.holds(VIP) !== await k.holds(VIP), 10_000);
  await lab.delay(1000);
  const capture = await lab.capture(lan, "ip proto 112");
  await lab.delay(1500);
  const sources = new Set((await adverts(capture)).map(({ source }) => source));
  assert.equal(sources.size, 1, "one advertises");
});

/** Makes an interface that is tracked and nothing else. */
async function addTracked(host: Host): Promise<void> {
  await host.exec("ip link add up0 type veth peer name up1".split(" "));
  await host.exec("ip link set up1 up".split(" "));
  await setTracked(host, "up");
}

const setTracked = (host: Host, state: "up" | "down") =>
  host.exec(["ip", "link", "set", "up0", state]);

for (const weight of [-60, 60]) {
  const [base, up, downPriority] = weight < 0 ? [150, 150, 90] : [90, 150, 90];

  lab(`a tracked interface of weight ${weight} in halb moves keepalived`, async (lab) => {
    const { h, k, lan } = await twoHosts(lab);
    await addTracked(h);
    const capture = await lab.capture(lan, "ip proto 112");
    const track = `track = { interfaces = [{ name = "up0", weight = ${weight} }] }`;
    const halb = startHalb(lab, h, halbSite(IPV4, base, track));
    await halb.untilState("web", "master");
    const keepalived = startKeepalived(lab, k, keepalivedSite(IPV4, 100));
    await lab.until("it has started", () => /BACKUP STATE/.test(keepalived.log()), 10_000);
    assert.equal((await halb.router("web")).effective_priority, up);
    await setTracked(h, "down");
    await untilHeld(lab, k);
    await halb.untilState("web", "backup");
    assert.equal((await halb.router("web")).effective_priority, downPriority);
    await setTracked(h, "up");
    await halb.untilState("web", "master");
    await lab.until("keepalived lets go", async () => !await k.holds(VIP), 5000);
    const seen = await adverts(capture);
    assert.deepEqual(takeovers(seen).map(({ to }) => to), ["192.0.2.2", "192.0.2.1"]);
    assert.ok(seen.some(({ priority }) => priority === downPriority), "the others were told");
    assert.doesNotMatch(keepalived.log(), COMPLAINTS);
  });

  lab(`a tracked interface of weight ${weight} in keepalived moves halb`, async (lab) => {
    const { h, k } = await twoHosts(lab);
    await addTracked(k);
    const more = `track_interface {\n    up0 weight ${weight}\n  }`;
    const keepalived = startKeepalived(lab, k, keepalivedSite(IPV4, base, more));
    await untilHeld(lab, k);
    const halb = startHalb(lab, h, halbSite(IPV4, 100));
    await halb.untilState("web", "backup");
    const peer = async () => (await halb.router("web")).sessions[0]!.master?.priority;
    await lab.until("halb hears it", async () => await peer() === up, 5000);
    await setTracked(k, "down");
    await halb.untilState("web", "master");
    await setTracked(k, "up");
    await halb.untilState("web", "backup");
    await lab.until("halb hears it again", async () => await peer() === up, 5000);
    assert.doesNotMatch(keepalived.log(), COMPLAINTS);
  });
}

lab("a last advert makes keepalived announce its addresses again", async (lab) => {
  const { h, k, lan } = await twoHosts(lab);
  const halb = startHalb(lab, h, halbSite(IPV4, 100));
  await halb.untilState("web", "master");
  const more = "garp_master_repeat 1\n  garp_master_delay 0\n  garp_lower_prio_repeat 2";
  const capture = await lab.capture(lan, "ip proto 112");
  const keepalived = startKeepalived(lab, k, keepalivedSite(IPV4, 150, more));
  await halb.untilState("web", "backup");
  await untilHeld(lab, k);
  await lab.until(
    "keepalived has heard it",
    () => /lower priority 100, ours 150/.test(keepalived.log()),
    5000,
  );
  await lab.delay(1500);
  // It answers at once, so that nothing is said again: one advert may cross with its first.
  const seen = await adverts(capture);
  const from = seen.findIndex(({ source }) => source === "192.0.2.2");
  const said = seen.slice(from).filter(({ source }) => source === "192.0.2.1");
  assert.ok(from > 0 && said.length >= 1 && said.length <= 2, `${said.length} adverts since then`);
});
