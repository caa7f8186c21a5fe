/**
 * Reload: what did not change goes on as if nothing had happened, what did is applied as a
 * difference, and an invalid file changes nothing at all.
 */

import assert from "node:assert/strict";
import { adverts, type SeenAdvert } from "../lib/adverts.ts";
import { HolderWatch } from "../lib/holders.ts";
import {
  type Capture,
  type Executed,
  type HalbAgent,
  halbPath,
  type Host,
  type Lab,
  lab,
  startHalb,
  tryExecute,
} from "../lib/mod.ts";
import type { PlanResult } from "../../mod/agent/plan/plan.ts";
import { longestGap, routerOf, statusOf, untilLogged } from "./agent_helpers.ts";

/** What a busy machine may add to an interval, microseconds. */
const TOLERANCE = 25_000;
const INTERVAL = 100_000;

interface RouterOptions {
  readonly id: number;
  readonly addresses: readonly string[];
  readonly priority?: number;
  readonly interval?: string;
  readonly more?: string;
}

function router(name: string, options: RouterOptions): string {
  const { id, addresses, priority = 150, interval = "100ms", more = "" } = options;
  return `[[vrrp]]
name = "${name}"
interface = "eth0"
virtual_router_id = ${id}
priority = ${priority}
advertisement_interval = "${interval}"
addresses = ${JSON.stringify(addresses.map((address) => `${address}/24`))}
garp = { repeat = 1, delay = "0s" }
${more}
`;
}

const web = router("web", { id: 51, addresses: ["192.0.2.10"] });
const lan = router("lan", { id: 52, addresses: ["192.0.2.20"] });

interface Single {
  readonly agent: HalbAgent;
  readonly host: Host;
  readonly capture: Capture;
}

/** One agent that is master of all its routers. */
async function startSingle(lab: Lab, site: string, routers: readonly string[]): Promise<Single> {
  const host = await lab.host("a");
  const net = await lab.lan("net", [host]);
  const capture = await lab.capture(net, "ip proto 112");
  const agent = startHalb(lab, host, site);
  for (const name of routers) await agent.untilState(name, "master");
  return { agent, host, capture };
}

/** `halb reload` with a new file. */
function reload(agent: HalbAgent, site?: string): Promise<Executed> {
  if (site !== undefined) agent.writeSite(site);
  return tryExecute([halbPath(), "reload", "--control", agent.controlPath]);
}

async function advertsOf(capture: Capture, id: number): Promise<SeenAdvert[]> {
  const packets = await capture.packets(`vrrp.virt_rtr_id == ${id}`, ["ip.src", "vrrp.prio"]);
  return packets.map(({ time, fields }) => ({
    time,
    source: fields["ip.src"]!,
    priority: Number(fields["vrrp.prio"]),
  }));
}

function sent(of: Awaited<ReturnType<typeof routerOf>>): number {
  return of.sessions[0]!.counters.advertisements_sent;
}

lab("an unchanged router misses no advert while others come and go", async (lab) => {
  const { agent, host, capture } = await startSingle(lab, web, ["web"]);
  const watch = await HolderWatch.start("192.0.2.10", [host]);
  const before = await routerOf(agent, "web");
  const added = await reload(agent, web + lan);
  assert.equal(added.code, 0, added.stderr);
  assert.match(added.stdout, /^virtual router lan: added$/m);
  assert.doesNotMatch(added.stdout, /web/);
  await agent.untilState("lan", "master");
  await lab.until("lan's address is there", () => host.holds("192.0.2.20"), 2000);
  // A router whose id changes is another one: it starts from the beginning.
  const other = router("lan", { id: 53, addresses: ["192.0.2.20"] });
  assert.equal((await reload(agent, web + other)).code, 0);
  await agent.untilState("lan", "master");
  agent.reload(web);
  await untilLogged(lab, agent, "Reload: applied", 3);
  await lab.until("a removed router lets go", async () => !await host.holds("192.0.2.20"), 1000);
  const again = await reload(agent);
  assert.equal(again.stdout, "No changes\n");
  const status = await statusOf(agent);
  assert.equal(status.generation, 5);
  assert.deepEqual(status.vrrp.map(({ name }) => name), ["web"]);
  assert.equal(status.config.last_reload?.result, "applied");
  const after = await routerOf(agent, "web");
  assert.equal(after.transitions, before.transitions);
  assert.ok(sent(after) > sent(before));
  assert.deepEqual(watch.holdings().map(({ to }) => to), [Infinity]);
  const seen = await advertsOf(capture, 51);
  const gap = longestGap(seen, "192.0.2.1");
  assert.ok(gap <= 1.25 * INTERVAL + TOLERANCE, `silent for ${gap} µs`);
  for (const id of [52, 53]) {
    const priorities = (await advertsOf(capture, id)).map(({ priority }) => priority);
    assert.equal(priorities.at(-1), 0, `router ${id} resigned`);
    assert.equal(priorities.filter((priority) => priority === 0).length, 1);
  }
}, { attempts: 2 });

lab("many reloads at once: each is applied, adverts keep their time", async (lab) => {
  const { agent, capture } = await startSingle(lab, web, ["web"]);
  for (let i = 0; i < 5; i++) {
    agent.writeSite(i % 2 === 0 ? web + lan : web);
    await Promise.all([reload(agent), lab.delay(5).then(() => agent.process.signal("SIGHUP"))]);
  }
  await untilLogged(lab, agent, "Reload: ", 6);
  await lab.delay(500);
  const status = await statusOf(agent);
  assert.deepEqual(status.vrrp.map(({ name }) => name).sort(), ["lan", "web"]);
  const gap = longestGap(await advertsOf(capture, 51), "192.0.2.1");
  assert.ok(gap <= 1.25 * INTERVAL + TOLERANCE, `silent for ${gap} µs`);
}, { attempts: 2 });

lab("a reload that comes while the agent starts is applied after that", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const agent = startHalb(lab, host, web);
  await untilLogged(lab, agent, "halb 0");
  agent.reload(web + lan);
  await agent.untilState("lan", "master");
  await agent.untilState("web", "master");
});

lab("changed priority, interval and checksum take effect without a transition", async (lab) => {
  const { agent, capture } = await startSingle(lab, web, ["web"]);
  const before = await routerOf(agent, "web");
  const steps: [Partial<RouterOptions>, RegExp][] = [
    [{ priority: 200 }, /^virtual router web: priority 150 -> 200$/m],
    [
      { priority: 200, interval: "50ms" },
      /^virtual router web: advertisement_interval 100ms -> 50ms$/m,
    ],
    [{ priority: 180, interval: "300ms" }, /^virtual router web: priority 200 -> 180$/m],
  ];
  for (const [change, told] of steps) {
    const site = router("web", { id: 51, addresses: ["192.0.2.10"], ...change });
    const result = await reload(agent, site);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, told);
    await lab.delay(1000);
  }
  const after = await routerOf(agent, "web");
  assert.equal(after.state, "master");
  assert.equal(after.transitions, before.transitions);
  assert.equal(after.priority, 180);
  assert.equal(after.advertisement_interval_ms, 300);
  const packets = await capture.packets("vrrp", ["vrrp.prio", "vrrp.short_adver_int"]);
  const seen = packets.map(({ time, fields }) => ({ time, priority: Number(fields["vrrp.prio"]) }));
  assert.deepEqual([...new Set(seen.map(({ priority }) => priority))], [150, 200, 180]);
  const intervals = new Set(packets.map(({ fields }) => fields["vrrp.short_adver_int"]));
  assert.equal(intervals.size, 3, [...intervals].join());
  // Between the last two reloads 50 ms, after them 300 ms.
  const time = seen.map((advert) => advert.time);
  const last = time.slice(1).map((at, i) => at - time[i]!).slice(-2);
  assert.ok(last.every((gap) => Math.abs(gap - 300_000) < TOLERANCE), last.join());
  const fast = seen.filter(({ priority }) => priority === 200).length;
  assert.ok(fast >= 25, `${fast} adverts in one second of 100 ms and one of 50 ms`);
});

lab("addresses are added to and taken from a master", async (lab) => {
  const { agent, host, capture } = await startSingle(lab, web, ["web"]);
  const watch = await HolderWatch.start("192.0.2.10", [host]);
  await lab.until("the first address", () => host.holds("192.0.2.10"), 2000);
  const three = router("web", {
    id: 51,
    addresses: ["192.0.2.11", "192.0.2.10", "192.0.2.12"],
  });
  assert.equal((await reload(agent, three)).code, 0);
  for (const address of ["192.0.2.11", "192.0.2.12"]) {
    await lab.until(`${address} is there`, () => host.holds(address), 1000);
  }
  await lab.delay(4000);
  const held = (await host.addresses("eth0")).map(({ address }) => address);
  for (const address of ["192.0.2.10", "192.0.2.11", "192.0.2.12"]) {
    assert.ok(held.includes(address), `${address} is refreshed`);
  }
  assert.deepEqual([...(await routerOf(agent, "web")).addresses_held].sort(), [
    "192.0.2.10",
    "192.0.2.11",
    "192.0.2.12",
  ]);
  assert.equal((await reload(agent, web)).code, 0);
  await lab.until("the others are gone", async () => {
    return !await host.holds("192.0.2.11") && !await host.holds("192.0.2.12");
  }, 1000);
  assert.deepEqual(watch.holdings().map(({ to }) => to).slice(1), [], "the first one stayed");
  assert.ok(await host.holds("192.0.2.10"));
  const packets = await capture.packets("vrrp", ["vrrp.addr_count"]);
  assert.deepEqual([...new Set(packets.map(({ fields }) => fields["vrrp.addr_count"]))], [
    "1",
    "3",
  ]);
});

lab("the lease comes and goes while the address stays", async (lab) => {
  const lease = (value: string) =>
    router("web", {
      id: 51,
      addresses: ["192.0.2.10"],
      more: `address_lease = ${JSON.stringify(value)}`,
    });
  const { agent, host } = await startSingle(lab, lease("off"), ["web"]);
  const lifetime = async () => {
    const held = (await host.addresses("eth0")).find(({ address }) => address === "192.0.2.10");
    return held?.validLifetime ?? -1;
  };
  await lab.until("it is permanent", async () => await lifetime() === Infinity, 2000);
  assert.equal((await reload(agent, lease("auto"))).code, 0);
  await lab.until("it is leased", async () => {
    const left = await lifetime();
    return left > 0 && left <= 3;
  }, 2000);
  assert.equal((await routerOf(agent, "web")).address_lease_ms, 3000);
  await lab.delay(3500);
  assert.ok(await lifetime() > 0, "it is refreshed");
  assert.equal((await reload(agent, lease("10s"))).code, 0);
  await lab.until("the lease is longer", async () => await lifetime() > 5, 3000);
  assert.equal((await reload(agent, lease("off"))).code, 0);
  await lab.until("it is permanent again", async () => await lifetime() === Infinity, 4000);
  const own = (await host.addresses("eth0")).map(({ address }) => address);
  assert.ok(own.includes("192.0.2.1"), "the host's own address is still there");
  assert.equal((await routerOf(agent, "web")).state, "master");
});

lab("an address that moves from one router to another ends up held once", async (lab) => {
  const site = (first: string[], second: string[]) =>
    router("web", { id: 51, addresses: first }) + router("lan", { id: 52, addresses: second });
  const start = site(["192.0.2.10", "192.0.2.11"], ["192.0.2.20"]);
  const { agent, host } = await startSingle(lab, start, ["web", "lan"]);
  await lab.until("it is held", () => host.holds("192.0.2.11"), 2000);
  for (
    const [first, second] of [[["192.0.2.10"], ["192.0.2.20", "192.0.2.11"]], [
      ["192.0.2.10", "192.0.2.11"],
      ["192.0.2.20"],
    ]] as const
  ) {
    assert.equal((await reload(agent, site([...first], [...second]))).code, 0);
    await lab.delay(4000);
    const held = (await host.addresses()).filter(({ address }) => address === "192.0.2.11");
    assert.equal(held.length, 1);
    const holder = second.length === 2 ? "lan" : "web";
    const other = holder === "lan" ? "web" : "lan";
    assert.ok((await routerOf(agent, holder)).addresses_held.includes("192.0.2.11"));
    assert.ok(!(await routerOf(agent, other)).addresses_held.includes("192.0.2.11"));
  }
  // To a router that is new, from one that goes.
  const moved = router("new", { id: 53, addresses: ["192.0.2.10", "192.0.2.11"] });
  assert.equal((await reload(agent, moved)).code, 0);
  await agent.untilState("new", "master");
  await lab.delay(4000);
  const held = (await host.addresses("eth0")).map(({ address }) => address)
    .filter((address) => address.startsWith("192.0.2.")).sort();
  assert.deepEqual(held, ["192.0.2.1", "192.0.2.10", "192.0.2.11"]);
});

lab("the log's level and format change at a reload", async (lab) => {
  const host = await lab.host("a");
  await lab.lan("net", [host]);
  const file = `${lab.directory}/agent.log`;
  const site = (log: string) => `[agent]\nlog = ${log}\n\n${web}`;
  const agent = startHalb(lab, host, site(`{ level = "error" }`));
  await agent.untilState("web", "master");
  assert.doesNotMatch(agent.log(), / info /);
  const toFile = `{ level = "debug", format = "json", targets = ["stderr", "file:${file}"] }`;
  assert.equal((await reload(agent, site(toFile))).code, 0);
  await lab.until("both targets have the line", () => {
    const line = `"message":"Reload: applied"`;
    return agent.log().includes(line) && Deno.readTextFileSync(file).includes(line);
  }, 2000);
  assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
  const open = () =>
    [...Deno.readDirSync(`/proc/${agent.pid}/fd`)].filter(({ name }) => {
      try {
        return Deno.readLinkSync(`/proc/${agent.pid}/fd/${name}`) === file;
      } catch {
        return false; // Closed while we looked.
      }
    }).length;
  assert.equal(open(), 1);
  for (const level of ["info", "debug", "info"]) {
    const next = toFile.replace("debug", level);
    assert.equal((await reload(agent, site(next))).code, 0);
  }
  assert.equal(open(), 1, "the file is not opened again and again");
  assert.equal((await reload(agent, site(`{ level = "error" }`))).code, 0);
  assert.equal(open(), 0);
});

lab("an invalid file changes nothing, and says where it is wrong", async (lab) => {
  const { agent, host, capture } = await startSingle(lab, web, ["web"]);
  await lab.until("the address", () => host.holds("192.0.2.10"), 2000);
  const cases: [string, RegExp][] = [
    [`${web}\nthis is no TOML`, /site\.toml:\d+:\d+: error/],
    [web.replace("priority = 150", "priority = 1500"), /site\.toml:5:12: error/],
    [web.replace("interface =", "interfaec ="), /"?interface"?/],
    [web + web, /web/],
  ];
  const before = await statusOf(agent);
  for (const [site, expected] of cases) {
    const result = await reload(agent, site);
    assert.equal(result.code, 2, result.stdout + result.stderr);
    assert.match(result.stdout + result.stderr, expected);
    assert.match(result.stdout + result.stderr, /Nothing was changed/);
    const { config, generation } = await statusOf(agent);
    assert.equal(config.last_reload?.result, "invalid");
    assert.equal(config.last_reload?.changes, 0);
    assert.equal(config.sha256, before.config.sha256);
    assert.equal(generation, before.generation);
  }
  Deno.removeSync(agent.configPath);
  const gone = await reload(agent);
  assert.equal(gone.code, 2, gone.stdout + gone.stderr);
  agent.reload();
  await untilLogged(lab, agent, "Reload: invalid", cases.length + 2);
  const [router] = (await statusOf(agent)).vrrp;
  assert.equal(router!.state, "master");
  assert.equal(router!.transitions, before.vrrp[0]!.transitions);
  assert.ok(await host.holds("192.0.2.10"));
  const gap = longestGap(await adverts(capture), "192.0.2.1");
  assert.ok(gap <= 1.25 * INTERVAL + TOLERANCE, `silent for ${gap} µs`);
}, { attempts: 2 });

lab("what cannot change while the agent runs is refused", async (lab) => {
  const { agent } = await startSingle(lab, web, ["web"]);
  for (
    const [key, value] of [
      ["control", `"${lab.directory}/other.sock"`],
      ["state_directory", `"${lab.directory}/other"`],
      ["realtime", `{ policy = "other" }`],
    ]
  ) {
    const result = await reload(agent, `[agent]\n${key} = ${value}\n\n${web}${lan}`);
    assert.equal(result.code, 2, result.stdout + result.stderr);
    assert.match(result.stdout + result.stderr, new RegExp(`agent\\.${key}.*restart`));
  }
  const status = await statusOf(agent);
  assert.deepEqual(status.vrrp.map(({ name }) => name), ["web"], "not even the rest is applied");
  // And what was refused once does not stand in the way later.
  assert.equal((await reload(agent, web + lan)).code, 0);
  await agent.untilState("lan", "master");
});

lab(
  "a plan tells what the reload then reports, of the agent's file and of another",
  async (lab) => {
    const { agent } = await startSingle(lab, web, ["web"]);
    const plan = async (...args: string[]) => {
      const ran = await tryExecute([
        halbPath(),
        "plan",
        ...args,
        "--json",
        "--control",
        agent.controlPath,
      ]);
      return { code: ran.code, ...JSON.parse(ran.stdout) as PlanResult };
    };
    const texts = ({ changes }: PlanResult) => changes.map(({ text }) => text);
    const before = await statusOf(agent);
    assert.deepEqual(texts(await plan()), []);
    const other = router("web", {
      id: 51,
      addresses: ["192.0.2.10", "192.0.2.11"],
      priority: 180,
      more: 'version = 2\nauth = { type = "pass", password = "sesame" }',
      interval: "1s",
    }) + lan;
    const candidate = `${lab.directory}/candidate.toml`;
    // The agent's own file has lines of the lab's, too.
    const whole = Deno.readTextFileSync(agent.configPath).replace(web, other);
    Deno.writeTextFileSync(candidate, whole, { mode: 0o600 });
    const foreseen = await plan(candidate);
    assert.deepEqual([foreseen.code, foreseen.result], [0, "valid"]);
    assert.doesNotMatch(JSON.stringify(foreseen), /sesame/);
    agent.writeSite(other);
    const own = await plan();
    assert.deepEqual(own.changes, foreseen.changes);
    const after = await statusOf(agent);
    // What runs is as it was; the file is another one by now.
    assert.deepEqual(
      [after.generation, after.config],
      [before.generation, { ...before.config, differs: true }],
    );
    const done = await tryExecute([
      halbPath(),
      "reload",
      "--json",
      "--control",
      agent.controlPath,
    ]);
    assert.equal(done.code, 0, done.stderr);
    assert.deepEqual((JSON.parse(done.stdout) as { changes: string[] }).changes, texts(own));
    // A secret that is another one is found by its mark.
    Deno.writeTextFileSync(candidate, whole.replace("sesame", "mustard"));
    assert.deepEqual(texts(await plan(candidate)), ["virtual router web: auth.password changed"]);
    // What a reload refuses, a plan does.
    agent.writeSite(`[agent]\nrealtime = { policy = "other" }\n${other}`);
    const refused = await plan();
    assert.deepEqual([refused.code, refused.result], [2, "refused"]);
    assert.match(refused.problems.join(), /agent\.realtime .* restart it/);
    agent.writeSite("nonsense");
    const invalid = await plan();
    assert.deepEqual([invalid.code, invalid.result], [2, "invalid"]);
  },
);
