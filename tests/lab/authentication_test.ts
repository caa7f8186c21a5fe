/**
 * Authentication of adverts by the built agent: what is signed is believed, everything else is
 * refused under its own name, keys change on a live pair, clocks may be wrong.
 */

import assert from "node:assert/strict";
import { adverts, takeovers } from "../lib/adverts.ts";
import { type HalbAgent, lab, startHalb, tryExecute } from "../lib/mod.ts";
import { ask } from "../../mod/control/client.ts";
import {
  counted,
  FAULTS,
  inject,
  longestGap,
  routerOf,
  startPair,
  untilLogged,
  VIP,
  webSite,
} from "./agent_helpers.ts";
import { rawPackets, sendRaw, soon } from "./authentication_helpers.ts";

const INTERVAL = 100_000;
/** Less than this between two adverts, and none is missing, microseconds. */
const ONE_MISSED = 1.8 * INTERVAL;

const ONE = `hex:${"11".repeat(32)}`;
const TWO = `hex:${"22".repeat(32)}`;

/** `auth` with these keys. */
function hmac(keys: Record<number, string>, active: number, more = ""): string {
  const list = Object.entries(keys).map(([id, key]) => `{ id = ${id}, key = "${key}" }`);
  return `auth = { type = "hmac", keys = [${list.join(", ")}], active_key = ${active}${more} }`;
}

const SIGNED = webSite("100ms", hmac({ 1: ONE }, 1));

async function authenticationOf(agent: HalbAgent) {
  const { authentication } = (await routerOf(agent, "web")).sessions[0]!;
  assert.ok(authentication !== null && authentication.senders !== undefined);
  return { ...authentication, senders: authentication.senders };
}

lab("HMAC: a pair elects, fails over, and shows its key nowhere", async (lab) => {
  const { a, b, lan } = await startPair(lab, SIGNED);
  const signed = await lab.capture(lan, "ip proto 112");
  await soon(lab, "b believes a", async () => {
    return (await authenticationOf(b)).senders.some(({ key }) => key === 1);
  });
  assert.deepEqual(await counted(b), {});
  const { type, mode, active_key, time_window_ms, alarm } = await authenticationOf(b);
  assert.deepEqual([type, mode, active_key, time_window_ms, alarm], [
    "hmac",
    "enforce",
    1,
    5000,
    null,
  ]);
  await a.stop();
  await b.untilState("web", "master");
  for (const agent of [a, b]) assert.doesNotMatch(agent.log(), /1111111|refused|Cannot|error/);
  b.process.signal("SIGUSR1");
  const dump = `${b.stateDirectory}/dump.json`;
  await soon(lab, "the dump is there", () => Deno.statSync(dump).size > 0);
  assert.doesNotMatch(Deno.readTextFileSync(dump), /11111111|(17, ?){8}/);
  const packets = await signed.packets("vrrp", ["ip.len", "vrrp.prio"]);
  assert.ok(packets.length > 0);
  for (const { fields } of packets) assert.equal(fields["ip.len"], String(20 + 12 + 28));
});

lab("HMAC over IPv6, and beside version 2, is believed too", async (lab) => {
  const site = `${
    webSite("100ms", hmac({ 1: ONE }, 1)).replace(`"${VIP}/24"`, '"fe80::10/64", "2001:db8::10/64"')
  }
${
    webSite("1s", `v2_compatibility = true\n${hmac({ 2: TWO }, 2)}`)
      .replace('"web"', '"both"').replace("= 51", "= 52").replace(VIP, "192.0.2.11")
  }`;
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  const [a, b] = hosts.map((host) => startHalb(lab, host, site));
  await a!.untilState("web", "master");
  await a!.untilState("both", "master");
  await b!.untilState("web", "backup");
  for (const name of ["web", "both"]) {
    await soon(lab, `b hears a for ${name}`, async () => {
      return (await routerOf(b!, name)).sessions[0]!.counters.advertisements_received > 3;
    }, 15_000);
    const { counters } = (await routerOf(b!, name)).sessions[0]!;
    // One advert may come while the first of the two routers is begun with, and the other one not.
    const refused = Object.entries(counters.dropped).filter(([reason, count]) =>
      count > (reason === "not_running" ? 1 : 0) && reason !== "version2_duplicate"
    );
    assert.deepEqual(refused, [], name);
  }
  assert.equal((await routerOf(b!, "both")).state, "backup");
});

lab("HMAC: keys are rotated on a live pair, and no advert is missed", async (lab) => {
  const both = { 1: ONE, 2: TWO };
  const { a, b, capture } = await startPair(lab, SIGNED);
  const reload = async (agent: HalbAgent, auth: string) => {
    agent.writeSite(webSite("100ms", auth));
    const result = await ask(agent.controlPath, { command: "reload" });
    const { changes } = result as { changes: string[] };
    assert.ok(changes.length > 0, "it has changed");
    for (const change of changes) {
      assert.match(change, /^virtual router web: auth\.(keys changed|active_key \d -> \d)$/);
    }
  };
  const before = (await routerOf(b, "web")).transitions;
  for (const agent of [a, b]) await reload(agent, hmac(both, 1));
  for (const agent of [a, b]) await reload(agent, hmac(both, 2));
  await soon(lab, "b hears the new key", async () => {
    return (await authenticationOf(b)).senders.every(({ key }) => key === 2);
  });
  for (const agent of [b, a]) await reload(agent, hmac({ 2: TWO }, 2));
  const { advertisements_received: received } = (await routerOf(b, "web")).sessions[0]!.counters;
  await soon(lab, "b goes on hearing", async () => {
    const { counters } = (await routerOf(b, "web")).sessions[0]!;
    return counters.advertisements_received >= received + 5;
  });
  assert.deepEqual(await counted(a), {});
  assert.deepEqual(await counted(b), {});
  assert.equal((await routerOf(b, "web")).transitions, before);
  const seen = await adverts(capture);
  assert.deepEqual(takeovers(seen), []);
  const longest = longestGap(seen, "192.0.2.1");
  assert.ok(longest < ONE_MISSED, `${longest} µs between two adverts`);
});

lab(
  "HMAC: replayed, stripped, forged and foreign adverts have a counter each",
  async (lab) => {
    // Time enough to look at a recording before it is stale.
    const site = webSite("100ms", hmac({ 1: ONE }, 1, ', time_window = "15s"'));
    const { a, b, hosts, lan } = await startPair(lab, site);
    const attacker = hosts[0];
    // One advert as it was on the wire.
    const tap = await lab.capture(lan, "ip proto 112 and src host 192.0.2.1");
    const heard = async () =>
      (await routerOf(b, "web")).sessions[0]!.counters.advertisements_received;
    const before = await heard();
    await soon(lab, "b believes a", async () => await heard() >= before + 3);
    const packets = await tap.packets("vrrp", ["ip.src"]);
    assert.ok(packets.length > 0);
    const recorded = await rawPackets(tap.path);
    const genuine = recorded.at(-1)!;
    const changed = (at: number, byte: number) => {
      const copy = genuine.slice();
      copy[at] = byte;
      return copy;
    };
    const stripped = genuine.slice(0, genuine.length - 28);
    new DataView(stripped.buffer).setUint16(2, stripped.length);
    const trailer = genuine.length - 28;
    await sendRaw(lab, attacker, [
      genuine,
      stripped,
      changed(trailer, 9),
      changed(trailer + 1, 77),
      changed(genuine.length - 1, genuine.at(-1)! ^ 1),
    ]);
    const wanted = {
      "router.authentication_missing": 1,
      "router.authentication_malformed": 1,
      "router.authentication_unknown_key": 1,
      "router.authentication_invalid": 1,
      "router.authentication_replay": 1,
    };
    await soon(lab, "all are counted", async () => {
      const now = await counted(b);
      assert.deepEqual(now, wanted);
      return true;
    });
    // Past the window it is stale before it is anything else.
    await soon(
      lab,
      "it is too old",
      async () => {
        await sendRaw(lab, attacker, [genuine]);
        return ((await counted(b))["router.authentication_stale"] ?? 0) > 0;
      },
      40_000,
      1000,
    );
    assert.equal((await authenticationOf(b)).alarm, null, "a recording is no clock");
    assert.equal((await routerOf(b, "web")).state, "backup");
    assert.equal((await routerOf(a, "web")).state, "master");
  },
);

lab("HMAC: another key is two masters, and each says why", async (lab) => {
  const hosts = await lab.hostsNamed("a", "b");
  await lab.lan("net", hosts);
  const [a, b] = [
    startHalb(lab, hosts[0], SIGNED),
    startHalb(lab, hosts[1], webSite("100ms", hmac({ 1: TWO }, 1))),
  ];
  for (const agent of [a, b]) await agent.untilState("web", "master");
  for (const agent of [a, b]) {
    await untilLogged(lab, agent, "Advertisement refused: authentication_invalid");
  }
});

lab(
  "HMAC: the way there: receive-only, then permissive, then enforce, without a gap",
  async (lab) => {
    const { a, b, capture } = await startPair(lab, webSite("100ms"));
    for (const mode of ["receive-only", "permissive", "enforce"]) {
      for (const agent of [a, b]) {
        agent.writeSite(webSite("100ms", hmac({ 1: ONE }, 1, `, mode = "${mode}"`)));
        await ask(agent.controlPath, { command: "reload" });
      }
      await soon(lab, `b is ${mode}`, async () => (await authenticationOf(b)).mode === mode);
      await soon(lab, "a signs, or does not", async () => {
        return ((await authenticationOf(b)).senders.length > 0) === (mode !== "receive-only");
      });
    }
    assert.deepEqual(await counted(b), {});
    const seen = await adverts(capture);
    assert.deepEqual(takeovers(seen), []);
    assert.ok(longestGap(seen, "192.0.2.1") < ONE_MISSED);
  },
);

lab("HMAC: a step of an hour while running refuses no advert", async (lab) => {
  const { a, b, capture } = await startPair(lab, SIGNED, FAULTS);
  for (const hours of [1, -2]) {
    for (const agent of [a, b]) {
      await inject(agent, "protocol", "set_clock", hours * 3_600_000);
      const { advertisements_received: received } =
        (await routerOf(b, "web")).sessions[0]!.counters;
      await soon(lab, "b goes on hearing", async () => {
        const { counters } = (await routerOf(b, "web")).sessions[0]!;
        return counters.advertisements_received >= received + 3;
      });
    }
  }
  for (const agent of [a, b]) assert.deepEqual(await counted(agent), {});
  assert.deepEqual(takeovers(await adverts(capture)), []);
});

lab(
  "HMAC: a clock that is wrong at the start is told by name, and followed once it is right",
  async (lab) => {
    const hosts = await lab.hostsNamed("a", "b");
    await lab.lan("net", hosts);
    const a = startHalb(lab, hosts[0], SIGNED);
    await a.untilState("web", "master");
    const b = startHalb(lab, hosts[1], SIGNED, {
      env: { ...FAULTS.env, HALB_CLOCK_OFFSET_MS: "-90000" },
    });
    // Whole seconds are compared: the next one may begin between the signing of an advert and its
    // arrival, or between the moments at which the two have read their clocks.
    const ahead = /The clock of 192\.0\.2\.1 is (89|90|91) s ahead of ours/;
    const behind = /The clock of 192\.0\.2\.2 is (89|90|91) s behind ours/;
    await soon(lab, "b tells of a's clock", () => ahead.test(b.log()));
    await soon(lab, "a tells of b's clock", () => behind.test(a.log()));
    assert.match((await authenticationOf(b)).alarm!, ahead);
    await b.untilState("web", "master");
    await inject(b, "protocol", "set_clock", 90_000);
    await untilLogged(lab, b, "This host's clock was set by 90 s since halb took it");
    await b.untilState("web", "backup");
    await soon(lab, "nobody complains", async () => {
      return (await authenticationOf(b)).alarm === null;
    });
    assert.equal((await routerOf(a, "web")).state, "master");
  },
);

lab(
  "HMAC: a plane that dies is believed again at once; nothing old is believed by it",
  async (lab) => {
    // At 1 s: how long a plane takes to come back is for planes_test.ts to see.
    const site = webSite("1s", hmac({ 1: ONE }, 1));
    const { a, b, capture } = await startPair(lab, site, FAULTS);
    await inject(a, "protocol", "throw");
    await untilLogged(lab, a, "The protocol plane runs again");
    const { advertisements_received: received } = (await routerOf(b, "web")).sessions[0]!.counters;
    await soon(lab, "b goes on hearing", async () => {
      const { counters } = (await routerOf(b, "web")).sessions[0]!;
      return counters.advertisements_received >= received + 3;
    }, 15_000);
    assert.equal((await routerOf(a, "web")).state, "master");
    assert.deepEqual(await counted(b), {});
    assert.deepEqual(takeovers(await adverts(capture)), []);
  },
);

lab("a key that is gone at a reload is refused, and the old one goes on", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const file = `${lab.directory}/vrrp.key`;
  Deno.writeTextFileSync(file, `${ONE}\n`, { mode: 0o600 });
  const site = webSite(
    "100ms",
    `auth = { type = "hmac", keys = [{ id = 1, key = { file = "${file}" } }] }`,
  );
  const a = startHalb(lab, host, site);
  await a.untilState("web", "master");
  for (const breakIt of [() => Deno.chmodSync(file, 0o644), () => Deno.removeSync(file)]) {
    breakIt();
    const { result, problems } = await ask(a.controlPath, { command: "reload" }) as {
      result: string;
      problems: string[];
    };
    assert.equal(result, "invalid");
    assert.match(problems.join("\n"), /vrrp\.key/);
  }
  assert.equal((await routerOf(a, "web")).state, "master");
  assert.equal((await authenticationOf(a)).active_key, 1);
  const check = await tryExecute(["grep", "-c", "1111111", a.configPath]);
  assert.equal(check.stdout.trim(), "0");
});
