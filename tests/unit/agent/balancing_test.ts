/** The agent's side of virtual servers: orders, what outlives a plane, and what outlives a kill. */

import assert from "node:assert/strict";
import type { SiteConfig } from "../../../config/mod.ts";
import { BalanceFile } from "../../../mod/agent/balance_file.ts";
import { stepRecord } from "../../../mod/agent/balance_steps.ts";
import { answerBalance } from "../../../mod/agent/balance_commands.ts";
import { uselessWithout } from "../../../mod/agent/balance_need.ts";
import { Balancing } from "../../../mod/agent/balancing.ts";
import { PlaneDied } from "../../../mod/agent/questions.ts";
import { rememberBalance } from "../../lib/balance.ts";
import type {
  BalanceMemory,
  BalanceNote,
  BalanceOrder,
  BalancePlan,
  BalanceState,
} from "../../../mod/plane/balance.ts";
import {
  balancePlan,
  balanceState,
  report,
  serverReport,
  virtualServer,
} from "../control/balance_fixtures.ts";
import { real, Scene, virtual } from "../balance/scene.ts";

const VS = "web-http";
const RS = "198.51.100.11:8080";

function note(more: Partial<BalanceNote> = {}): BalanceNote {
  return {
    namespace: "",
    own: ["tcp 192.0.2.10:80"],
    originals: { timeouts: null, settings: {} },
    daemons: [],
    ...more,
  };
}

const NOTHING = { orders: [], checks: [], lists: new Map() };

function servers(override: number | null): BalanceMemory["servers"] {
  const common = { up: true, since: 1, transitions: 0, drain: null, risingSince: null };
  return [{
    name: VS,
    met: true,
    since: 1,
    transitions: 1,
    servers: [
      { name: RS, ...common, override },
      { name: "198.51.100.12:8080", ...common, override: null },
    ],
  }];
}

/** A kernel plane by the book, in a state directory of its own. */
async function world(
  body: (world: {
    balancing(): Balancing;
    directory: string;
    kernel: {
      state: BalanceState;
      plan: BalancePlan | undefined;
      dies: boolean;
      refuses: string | null;
      orders: [string, string, BalanceOrder][];
      noted: string[];
    };
  }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const kernel = {
    state: balanceState(report()),
    plan: balancePlan(virtualServer()) as BalancePlan | undefined,
    dies: false,
    refuses: null as string | null,
    orders: [] as [string, string, BalanceOrder][],
    noted: [] as string[],
  };
  const all: Balancing[] = [];
  const balancing = (): Balancing => {
    const made = new Balancing({
      directory,
      plan: () => kernel.plan,
      runs: () => true,
      query: () =>
        kernel.dies ? Promise.reject(new PlaneDied("kernel")) : Promise.resolve(kernel.state),
      order: (...order) => {
        kernel.orders.push(order);
        const refused = kernel.refuses;
        return Promise.resolve({ type: "balance_ordered", id: "t:2", cause: "c:2", refused });
      },
      heard: () => {},
      listed: () => {},
      noted: (cause) => void kernel.noted.push(cause),
    });
    all.push(made);
    return made;
  };
  try {
    await body({ balancing, directory, kernel });
  } finally {
    for (const one of all) one.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("an order reaches the kernel plane, and its answer tells how the server stands", () =>
  world(async ({ balancing, kernel }) => {
    const ours = balancing();
    const drain = { since: 0, until: null, done: false };
    const drained = serverReport(RS, { state: "draining", drain });
    kernel.state = balanceState(report({ servers: [drained] }));
    const names = { virtual_server: VS, real_server: RS };
    const result = await answerBalance({ command: "drain", ...names, timeout_ms: 1500 }, ours);
    assert.deepEqual(kernel.orders, [[VS, RS, { order: "drain", timeout: 1_500_000 }]]);
    assert.equal(result.real_server.state, "draining");
    assert.equal(result.left, null);
    const step = { type: "balance_step", id: "t:3", cause: "t:2", at: 0, server: VS } as const;
    ours.step({ ...step, what: { kind: "drained", realServer: RS, connections: 2 } });
    const asked = await answerBalance({ command: "real_server", ...names }, ours);
    assert.equal(asked.left, 2);
    const again = { kind: "real_server", realServer: RS, state: "up", reason: "" } as const;
    ours.step({ ...step, what: again });
    assert.equal(ours.left(VS, RS), null);
  }));

Deno.test("names that do not exist are refused, with the nearest that do", () =>
  world(async ({ balancing, kernel }) => {
    const ours = balancing();
    const order = (server: string, real: string) => ours.order(server, real, { order: "undrain" });
    await assert.rejects(order("web-htp", RS), /no virtual server "web-htp": is web-http meant\?/);
    await assert.rejects(
      order(VS, "198.51.100.11:808"),
      /web-http has no real server "198\.51\.100\.11:808": is 198\.51\.100\.11:8080 meant\?/,
    );
    await assert.rejects(order("mail", RS), /no virtual server "mail": there are web-http$/);
    kernel.plan = undefined;
    await assert.rejects(order(VS, RS), /none is configured/);
    assert.equal(kernel.orders.length, 0);
  }));

Deno.test("a refusal of the balancer is said in its words", () =>
  world(async ({ balancing, kernel }) => {
    kernel.refuses = "it is the last one";
    const order = balancing().order(VS, RS, { order: "drain", timeout: null });
    await assert.rejects(order, /Cannot drain 198\.51\.100\.11:8080 of web-http: it is the last/);
  }));

Deno.test("status waits for no plane that dies, and says that it shows the past", () =>
  world(async ({ balancing, kernel }) => {
    const ours = balancing();
    assert.equal((await ours.facts())!.stale, false);
    kernel.dies = true;
    const facts = await ours.facts();
    assert.equal(facts!.stale, true);
    assert.equal(facts!.state, kernel.state);
    kernel.plan = undefined;
    assert.equal(await ours.facts(), undefined);
  }));

Deno.test("a new kernel plane goes on from what the last one remembered", () =>
  world(async ({ balancing, kernel }) => {
    const ours = balancing();
    assert.deepEqual(ours.former(true), {});
    kernel.state = { ...kernel.state, memory: { servers: servers(3), checks: [], own: ["a"] } };
    await ours.learn();
    ours.note({ type: "balance_note", id: "t:9", ...note() });
    assert.deepEqual(kernel.noted, ["t:9"]);
    assert.deepEqual(ours.former(true), { memory: kernel.state.memory, note: note() });
    // It has it: the next configuration of the same plane brings none.
    assert.deepEqual(ours.former(false), { note: note() });
    assert.deepEqual(ours.former(true), { memory: kernel.state.memory, note: note() });
  }));

Deno.test("a kernel plane without virtual servers has taken nothing", () =>
  world(({ balancing, kernel }) => {
    const ours = balancing();
    const memory = { servers: servers(3), checks: [], own: [] };
    ours.restore(memory);
    const { plan } = kernel;
    kernel.plan = undefined;
    assert.deepEqual(ours.former(false), { memory });
    kernel.plan = plan;
    assert.deepEqual(ours.former(false), { memory });
    assert.deepEqual(ours.former(false), {});
    return Promise.resolve();
  }));

Deno.test("after a kill the next agent knows what is ours and what was ordered, and no more", () =>
  world(async ({ balancing, kernel, directory }) => {
    const killed = balancing();
    killed.note({ type: "balance_note", id: "t:9", ...note() });
    kernel.state = { ...kernel.state, memory: { servers: servers(3), checks: [], own: ["a"] } };
    await killed.learn();
    const { mode } = await Deno.stat(`${directory}/ipvs.json`);
    assert.equal(mode! & 0o777, 0o600);
    const next = balancing();
    next.restore();
    assert.deepEqual(next.former(true).note, note());
    const [server] = next.memory!.servers;
    assert.deepEqual(server!.servers.map(({ name, override }) => [name, override]), [[RS, 3]]);
    // What was handed over counts more.
    const heir = balancing();
    heir.restore({ servers: [], checks: [], own: [] });
    assert.deepEqual(heir.former(true), {
      memory: { servers: [], checks: [], own: [] },
      note: note(),
    });
    // Orders outlive a time in which nothing is in the table; not an end that leaves nothing there.
    next.note({ type: "balance_note", id: "t:10", ...note({ own: [] }) });
    assert.equal((await Deno.stat(`${directory}/ipvs.json`)).isFile, true);
    next.end();
    await assert.rejects(Deno.stat(`${directory}/ipvs.json`), Deno.errors.NotFound);
  }));

Deno.test("after a kill who was down is down until its checks speak, and new servers are up", () =>
  world(async ({ balancing, kernel, directory }) => {
    const killed = balancing();
    killed.note({ type: "balance_note", id: "t:9", ...note() });
    const scene = new Scene();
    scene.configure(virtual([real(11), real(12), real(13, 1, { startDown: true })]));
    scene.down(11);
    scene.up(12);
    scene.up(13);
    kernel.plan = {
      ...balancePlan(virtualServer()),
      servers: [scene.balance.servers.get("web")!.settings],
    };
    kernel.state = { ...kernel.state, memory: { ...rememberBalance(scene.balance), own: [] } };
    await killed.learn();
    const next = balancing();
    next.restore();
    assert.deepEqual(next.memory?.checks, [
      { check: "198.51.100.11", health: "down", reason: "refused", weight: null },
      // Without it, nobody would know that it need not wait for its checks.
      { check: "198.51.100.13", health: "up", reason: "connected", weight: null },
    ]);
    const after = new Scene();
    after.restore(next.memory!);
    // 14 has come into the file meanwhile.
    after.configure(virtual([real(11), real(12), real(13, 1, { startDown: true }), real(14)]));
    assert.equal(after.table(), "12=1 13=1 14=1");
    after.up(11);
    after.down(14);
    assert.equal(after.table(), "11=1 12=1 13=1");
    // Everybody is up: there is nothing to be known.
    scene.configure(virtual([real(11), real(12)]));
    scene.up(11);
    kernel.plan = { ...kernel.plan!, servers: [scene.balance.servers.get("web")!.settings] };
    kernel.state = { ...kernel.state, memory: { ...rememberBalance(scene.balance), own: [] } };
    await next.learn();
    assert.deepEqual(new BalanceFile(directory).read(), { ...NOTHING, note: note() });
    // A first start.
    next.note({ type: "balance_note", id: "t:10", ...note({ own: [] }) });
    next.end();
    const first = balancing();
    first.restore();
    assert.deepEqual(first.former(true), {});
  }));

Deno.test("what nobody could have written is not believed", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/ipvs.json`;
  const written = (): string => Deno.readTextFileSync(path);
  try {
    const file = new BalanceFile(directory);
    assert.deepEqual(file.read(), NOTHING);
    file.note(note());
    const good = written();
    assert.deepEqual(new BalanceFile(directory).read(), { ...NOTHING, note: note() });
    for (
      const bad of [
        "",
        "{}",
        good.slice(0, -5),
        good.replace('"own":["tcp 192.0.2.10:80"]', '"own":[7]'),
        good.replace(/"boot":"[^"]+"/, '"boot":"another"'),
        good.replace('"format":1', '"format":2'),
        good.replace("}\n", ',"checks":[{"check":"a","health":"ill","reason":"","weight":null}]}'),
      ]
    ) {
      Deno.writeTextFileSync(path, bad);
      assert.deepEqual(new BalanceFile(directory).read(), NOTHING, bad);
    }
    Deno.removeSync(path);
    Deno.symlinkSync("/etc/passwd", path);
    assert.deepEqual(new BalanceFile(directory).read(), NOTHING);
    // It is written beside and moved there: the link's target stays.
    file.note(note({ own: ["tcp 192.0.2.11:80"] }));
    assert.equal(Deno.lstatSync(path).isSymlink, false);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("root cleans up with another user's file, which stays that user's", {
  ignore: Deno.uid() !== 0,
}, () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/ipvs.json`;
  try {
    new BalanceFile(directory).note(note());
    const before = Deno.readTextFileSync(path);
    Deno.chownSync(path, 4711, 4711);
    const said: string[] = [];
    const strict = new BalanceFile(directory, 0, (message) => said.push(message));
    assert.deepEqual(strict.read(), NOTHING);
    assert.match(said.join(), /Takes no notice of .*ipvs\.json: it belongs to user 4711/);
    const file = new BalanceFile(directory, 4711);
    assert.deepEqual(file.read(), { ...NOTHING, note: note() });
    file.note(note({ own: ["tcp 192.0.2.11:80"] }));
    assert.deepEqual([Deno.statSync(path).uid, Deno.readTextFileSync(path)], [4711, before]);
    const originals = { timeouts: null, settings: {} };
    file.note(note({ own: [], daemons: [], originals }));
    file.end();
    assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("what happens is logged by how much it matters", () => {
  const step = { type: "balance_step", id: "t:3", cause: "t:2", at: 0, server: VS } as const;
  const log = (what: Parameters<typeof stepRecord>[0]["what"]) => {
    const { level, category, message, properties } = stepRecord({ ...step, what });
    assert.deepEqual(category, ["ipvs", VS]);
    return [level, message, properties];
  };
  const reason = "connection refused";
  const down = { kind: "real_server", realServer: RS, state: "down", reason } as const;
  assert.deepEqual(log(down), ["warning", `Real server ${RS} is down`, { reason }]);
  assert.equal(log({ ...down, state: "up" })[0], "info");
  const lost = log({ kind: "quorum", met: false, reason });
  assert.deepEqual(lost, ["error", "The quorum is lost", { reason }]);
  assert.deepEqual(log({ kind: "drained", realServer: RS, connections: 2 }), [
    "info",
    `Real server ${RS} is drained: its time is over`,
    { connections: 2 },
  ]);
  const active = log({ kind: "active", active: false, reason });
  assert.equal(active[1], "Virtual server is no longer in the kernel's table");
});

Deno.test("without IPVS an agent ends that is of no other use, and goes on otherwise", async () => {
  const none = { addresses: [], routes: [], rules: [] };
  const site = { vrrp: [], bfd: [], static: none, virtual_server: [{}] } as never as SiteConfig;
  const with_ = (trouble: string | null) => ({
    state: () => Promise.resolve({ ...balanceState(), trouble }),
  });
  const lacks = await uselessWithout(site, with_("no module ip_vs"));
  assert.match(lacks!, /IPVS does not work: no module ip_vs/);
  assert.equal(await uselessWithout(site, with_(null)), null);
  for (
    const more of [
      { vrrp: [{}] },
      { bfd: [{}] },
      { bfd_reflector: {} },
      { bfd_unsolicited: {} },
      { static: { ...none, addresses: [{}] } },
      { virtual_server: [] },
    ]
  ) {
    const other = { ...site, ...more } as never as SiteConfig;
    assert.equal(await uselessWithout(other, with_("no module ip_vs")), null);
  }
});
