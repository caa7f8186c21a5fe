/** Health, quorum, sorry server and follow: what a virtual server wants of the table, step by step. */

import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { tellingFindings, wantedServer } from "../../../mod/balance/mod.ts";
import { buildTable } from "../../../mod/ipvs/mod.ts";
import { reportBalance } from "../../lib/balance.ts";
import { real, Scene, server, SORRY, virtual } from "./scene.ts";

Deno.test("a server that fails goes out, and comes back, in the turn of the finding", () => {
  const scene = new Scene();
  deepStrictEqual(scene.configure(virtual([real(11, 2), real(12, 3)])), [
    "program web",
    "track web met",
    "quorum met",
  ]);
  strictEqual(scene.table(), "11=2 12=3");
  deepStrictEqual(scene.down(11), [
    "program web",
    "198.51.100.11 down: 198.51.100.11: refused",
  ]);
  strictEqual(scene.table(), "12=3");
  deepStrictEqual(scene.down(11), []);
  deepStrictEqual(scene.up(12), []);
  deepStrictEqual(scene.up(11), ["program web", "198.51.100.11 up: 198.51.100.11: connected"]);
  strictEqual(scene.table(), "11=2 12=3");
});

Deno.test("weight-zero keeps a failed server in the table without weight", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 2, { onFailure: "weight-zero" }), real(12)]));
  scene.down(11);
  strictEqual(scene.table(), "11=0 12=1");
  scene.up(11);
  strictEqual(scene.table(), "11=2 12=1");
});

Deno.test("start_down: a server is out until its checks have passed; without checks it is up", () => {
  const scene = new Scene();
  const down = { startDown: true };
  deepStrictEqual(
    scene.configure(virtual([real(11, 1, down), real(12, 1, { ...down, checks: [] })])),
    ["program web", "track web met", "quorum met"],
  );
  strictEqual(scene.table(), "12=1");
  deepStrictEqual(scene.up(11), ["program web", "198.51.100.11 up: 198.51.100.11: connected"]);
  strictEqual(scene.table(), "11=1 12=1");
});

Deno.test("a change says what it was before; what was never decided before says nothing", () => {
  const changes = (scene: Scene) =>
    scene.effects.flatMap((effect) => {
      if (effect.type !== "step" || effect.what.kind !== "real_server") return [];
      const { from, state } = effect.what;
      return [[from, state]];
    });
  const scene = new Scene();
  scene.configure(virtual([real(11, 1, { startDown: true }), real(12)]));
  scene.down(11);
  deepStrictEqual(changes(scene), [[undefined, "down"]]);
  scene.up(11);
  deepStrictEqual(changes(scene), [["down", "up"]]);
  scene.down(12);
  deepStrictEqual(changes(scene), [["up", "down"]]);
});

Deno.test("start_down: that one is down which has never been up is told once, when checks say so", () => {
  const scene = new Scene();
  scene.configure(
    virtual([real(11, 1, { startDown: true, checks: ["a", "b"], require: "any" }), real(12)]),
  );
  const undecided = () => reportBalance(scene.balance, scene.now)[0]!.servers[0]!.undecided;
  // Of two of which any will do, the other one may still pass.
  deepStrictEqual(scene.check("a", "down"), []);
  strictEqual(undecided(), true);
  deepStrictEqual(scene.check("b", "down"), [
    "198.51.100.11 down: 0 of 1 checks needed pass; a: refused (and 1 more)",
  ]);
  strictEqual(undecided(), undefined);
  scene.configure(
    virtual([real(11, 2, { startDown: true, checks: ["a", "b"], require: "any" }), real(12)]),
  );
  deepStrictEqual(scene.check("b", "down"), []);
  scene.check("b", "up");
  deepStrictEqual(scene.check("b", "down"), [
    "program web",
    "198.51.100.11 down: 0 of 1 checks needed pass; a: refused (and 1 more)",
  ]);
});

Deno.test("several checks: all, any, or a number of them", () => {
  const checks = ["a", "b", "c"];
  const expected = { all: [3], any: [1, 2, 3], 2: [2, 3] };
  for (const [text, passing] of Object.entries(expected)) {
    const require = text === "all" || text === "any" ? text : Number(text);
    for (let up = 0; up <= 3; up++) {
      const scene = new Scene();
      scene.configure(virtual([real(11, 1, { checks, require })]));
      for (const [i, check] of checks.entries()) scene.check(check, i < up ? "up" : "down");
      strictEqual(scene.table(), passing.includes(up) ? "11=1" : "", `${text}, ${up} pass`);
    }
  }
});

Deno.test("a check that several servers live by moves all of them at once", () => {
  const scene = new Scene();
  const checks = ["gateway"];
  scene.configure(
    virtual([real(11, 1, { checks }), real(12, 1, { checks })]),
    virtual([real(11, 1, { checks })], {
      name: "mail",
      listen: [{ protocol: "tcp", address: "192.0.2.10", port: 25 }],
    }),
  );
  deepStrictEqual(scene.check("gateway", "down"), [
    "program web, mail",
    "track web lost",
    "track mail lost",
    "198.51.100.11 down: gateway: refused",
    "198.51.100.12 down: gateway: refused",
    "quorum lost",
    "198.51.100.11 down: gateway: refused",
    "quorum lost",
  ]);
});

Deno.test("the quorum counts weight; hysteresis is for what comes after the beginning", () => {
  const scene = new Scene();
  const servers = [real(11, 2), real(12, 2), real(13, 2), real(14, 2)];
  const quorum = { quorum: 4, hysteresis: 2, sorryServer: SORRY };
  scene.down(11);
  scene.down(12);
  // 4 of 8: met at the beginning, though it would take 6 to meet it again.
  deepStrictEqual(scene.configure(virtual(servers, quorum)), [
    "program web",
    "track web met",
    "quorum met",
    "198.51.100.11 down: 198.51.100.11: refused",
    "198.51.100.12 down: 198.51.100.12: refused",
  ]);
  strictEqual(scene.table(), "13=2 14=2");
  scene.down(13);
  strictEqual(scene.table(), "14=2");
  deepStrictEqual(scene.down(14).slice(1, 2), ["track web lost"]);
  scene.up(11);
  scene.up(12);
  strictEqual(scene.table(), "99=1");
  deepStrictEqual(scene.up(13).slice(1, 2), ["track web met"]);
  strictEqual(scene.table(), "11=2 12=2 13=2");
});

Deno.test("a lost quorum brings the sorry server in and all others out", () => {
  const scene = new Scene();
  const servers = [real(11, 2), real(12, 2), real(13, 2, { onFailure: "weight-zero" })];
  scene.configure(virtual(servers, { quorum: 3, hysteresis: 1, sorryServer: SORRY }));
  scene.down(11);
  strictEqual(scene.table(), "12=2 13=2");
  // 2 is not below 3 - 1.
  deepStrictEqual(scene.down(13), [
    "program web",
    "198.51.100.13 down: 198.51.100.13: refused",
  ]);
  strictEqual(scene.table(), "12=2 13=0");
  deepStrictEqual(scene.down(12), [
    "program web",
    "track web lost",
    "198.51.100.12 down: 198.51.100.12: refused",
    "quorum lost",
  ]);
  strictEqual(scene.table(), "99=1 13=0");
  scene.up(12);
  strictEqual(scene.table(), "99=1 13=0");
  deepStrictEqual(scene.up(11), [
    "program web",
    "track web met",
    "198.51.100.11 up: 198.51.100.11: connected",
    "quorum met",
  ]);
  strictEqual(scene.table(), "11=2 12=2 13=0");
});

Deno.test("without a sorry server a lost quorum leaves what is left at work", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11), real(12)], { quorum: 2 }));
  scene.down(11);
  strictEqual(scene.table(), "12=1");
});

Deno.test("a sorry server with inhibit stays in the table without weight", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)], { sorryServer: { ...SORRY, inhibit: true } }));
  strictEqual(scene.table(), "11=1 99=0");
  scene.down(11);
  strictEqual(scene.table(), "99=1");
  scene.up(11);
  strictEqual(scene.table(), "11=1 99=0");
});

Deno.test("a real server may be the sorry server, too: it is in the table once", () => {
  for (const inhibit of [false, true]) {
    const scene = new Scene();
    const servers = [real(11), real(12, 5, { onFailure: "weight-zero" })];
    const sorryServer = { server: { ...servers[1]!.server, weight: 3 }, inhibit };
    scene.configure(virtual(servers, { quorum: 6, sorryServer }));
    strictEqual(scene.table(), "11=1 12=5");
    scene.down(11);
    strictEqual(scene.table(), "12=3");
    scene.up(11);
    scene.down(12);
    strictEqual(scene.table(), "12=3");
  }
});

Deno.test("follow: in the table while one of its routers is master; health goes on", () => {
  const scene = new Scene();
  const settings = virtual([real(11), real(12)], { follow: ["web4", "web6"], announce: true });
  deepStrictEqual(scene.configure(settings), ["track web met", "quorum met"]);
  strictEqual(scene.table(), null);
  deepStrictEqual(scene.down(11), ["198.51.100.11 down: 198.51.100.11: refused"]);
  deepStrictEqual(scene.hold("web4"), ["program web", "announce web", "active"]);
  strictEqual(scene.table(), "12=1");
  deepStrictEqual(scene.hold("web6"), []);
  deepStrictEqual(scene.hold("web4", false), []);
  deepStrictEqual(scene.hold("other"), []);
  deepStrictEqual(scene.hold("web6", false), ["withdraw web", "program web", "inactive"]);
  strictEqual(scene.table(), null);
});

Deno.test("what is held before the configuration counts from the beginning", () => {
  const scene = new Scene();
  scene.hold("web4");
  deepStrictEqual(scene.configure(virtual([real(11)], { follow: ["web4"] })), [
    "program web",
    "track web met",
    "active",
    "quorum met",
  ]);
});

Deno.test("announce: while in the table and the quorum is met", () => {
  const scene = new Scene();
  deepStrictEqual(scene.configure(virtual([real(11)], { announce: true })), [
    "program web",
    "announce web",
    "track web met",
    "quorum met",
  ]);
  deepStrictEqual(scene.down(11).slice(0, 2), ["withdraw web", "program web"]);
  deepStrictEqual(scene.up(11).slice(0, 2), ["program web", "announce web"]);
  deepStrictEqual(scene.configure(virtual([real(11)])), ["withdraw web"]);
  deepStrictEqual(scene.configure(virtual([real(11)], { announce: true })), ["announce web"]);
  deepStrictEqual(scene.configure(), ["withdraw web", "program web"]);
});

Deno.test("both families: the quorum counts servers of each, and each is in the services of its own", () => {
  const scene = new Scene();
  const six = (number: number) => ({
    ...real(number, 1, { checks: [] }),
    name: `six ${number}`,
    server: server(`2001:db8:1::${number}`),
  });
  const listen = [
    { protocol: "tcp", address: "192.0.2.10", port: 80 },
    { protocol: "tcp", address: "2001:db8::10", port: 80 },
  ] as const;
  const sorryServer = { server: server("2001:db8:1::99"), inhibit: false };
  const table = () => {
    const table = buildTable([wantedServer(scene.balance, "web")!]);
    ok(table.ok);
    return [...table.value].map(([name, one]) => [name, ...one.destinations.keys()]);
  };
  scene.configure(
    virtual([real(11), real(12), six(11), six(12)], { listen, quorum: 3, sorryServer }),
  );
  deepStrictEqual(table(), [
    ["tcp 192.0.2.10:80", "198.51.100.11:80", "198.51.100.12:80"],
    ["tcp [2001:db8::10]:80", "[2001:db8:1::11]:80", "[2001:db8:1::12]:80"],
  ]);
  // Three are enough; two are not, whatever family they are of.
  strictEqual(scene.down(11).includes("quorum lost"), false);
  strictEqual(scene.down(12).includes("quorum lost"), true);
  deepStrictEqual(table(), [
    ["tcp 192.0.2.10:80"],
    ["tcp [2001:db8::10]:80", "[2001:db8:1::99]:80"],
  ]);
  throws(
    () => scene.configure(virtual([six(11), { ...six(11), name: "again" }], { listen })),
    /another one has its address and port/,
  );
  throws(() => scene.configure(virtual([six(11)])), /a server of the other address family/);
});

Deno.test("what the next agent is told of checks: what says otherwise than nothing would", () => {
  const finding = (check: string, health: "up" | "down", weight: number | null = null) => ({
    check,
    health,
    reason: "",
    weight: weight === null ? null : { kind: "percent", value: weight } as const,
  });
  const servers = [virtual([real(11), real(12, 1, { startDown: true })])];
  const all = [
    finding("198.51.100.11", "up"),
    finding("198.51.100.12", "up"),
    finding("lame", "up", 50),
    finding("down", "down"),
  ];
  deepStrictEqual(tellingFindings(servers, all), all.slice(1));
  deepStrictEqual(tellingFindings([], all), all.slice(2));
});

Deno.test("weights that checks report lower the configured one, and never lift it", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 10), real(12, 10)]));
  scene.check("198.51.100.11", "up", { weight: 50 });
  scene.check("198.51.100.12", "up", { weight: 200 });
  strictEqual(scene.table(), "11=5 12=10");
  // An operator's weight takes the place of the configured one; reports lower it, too.
  scene.weigh(11, 40);
  strictEqual(scene.table(), "11=20 12=10");
  scene.weigh(12, 65_535);
  strictEqual(scene.table(), "11=20 12=65535");
  scene.weigh(11, null);
  scene.weigh(12, 0);
  strictEqual(scene.table(), "11=5 12=0");
});

Deno.test("a configuration that makes no sense is refused before anything changes", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)]));
  const wrong = [
    [virtual([real(11), real(11)])],
    [virtual([real(11)]), virtual([real(11)])],
    [virtual([real(11)], { quorum: 0 })],
    [virtual([real(11)], { quorum: 2, hysteresis: 2 })],
    [virtual([real(11)], { listen: [] })],
    [virtual([real(11, 70_000)])],
    [virtual([real(11), { ...real(11), name: "other" }])],
    [virtual([real(11)], { sorryServer: { ...SORRY, server: real(300).server } })],
    [virtual([real(11, 1, { slowStart: -1 })])],
    [virtual([real(11, 1, { require: 0 })])],
  ];
  for (const servers of wrong) {
    throws(() => scene.configure(...servers), RangeError);
    strictEqual(scene.table(), "11=1");
  }
});

Deno.test("what a check has said is forgotten with it, unless somebody else still runs it", () => {
  const settings = virtual([real(11), real(12, 1, { startDown: true })]);
  const scene = new Scene();
  scene.configure(settings);
  scene.up(12);
  scene.configure(virtual([real(11)]));
  scene.configure(settings);
  strictEqual(scene.table(), "11=1");
  scene.up(12);
  const checks = ["198.51.100.11", "198.51.100.12"];
  scene.tell({ type: "configure", servers: [virtual([real(11)])], checks });
  scene.configure(settings);
  strictEqual(scene.table(), "11=1 12=1");
});

Deno.test("a reload that changes what is not the weight is a change of the table", () => {
  const scene = new Scene();
  const plain = real(11, 2);
  scene.configure(virtual([plain, real(12)]));
  const changes = [{ upperThreshold: 9 }, { forward: "direct" }, { port: 8080 }] as const;
  for (const change of changes) {
    const server = { ...plain.server, ...change };
    deepStrictEqual(scene.configure(virtual([{ ...plain, server }, real(12)])), ["program web"]);
    deepStrictEqual(wantedServer(scene.balance, "web")?.servers[0], server);
  }
  const service = { ...virtual([]).service, scheduler: "mh" };
  deepStrictEqual(scene.configure(virtual([plain, real(12)], { service })), ["program web"]);
  deepStrictEqual(wantedServer(scene.balance, "web")?.settings, service);
});
