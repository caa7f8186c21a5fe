/** Slow start: weights that rise by whole seconds of the clock. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { rememberBalance } from "../../lib/balance.ts";
import { real, Scene, SECOND, virtual } from "./scene.ts";

const SLOW = { slowStart: 4 * SECOND };

Deno.test("a server that comes back rises from 1 to its full weight, one step a second", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 8, SLOW), real(12, 8)]));
  strictEqual(scene.table(), "11=8 12=8");
  scene.down(11);
  scene.now += SECOND / 2;
  scene.up(11);
  const tables = [scene.table()];
  const seen = [];
  for (let i = 0; i < 24; i++) {
    const some = scene.pass(SECOND / 4);
    seen.push(...some);
    if (some.length > 0) tables.push(scene.table());
  }
  deepStrictEqual(tables, ["11=1 12=8", "11=3 12=8", "11=5 12=8", "11=7 12=8", "11=8 12=8"]);
  deepStrictEqual(
    seen,
    [12, 13, 14, 14.5].map((second) => `${second}: program web`),
  );
  strictEqual(scene.balance.rising.size, 0);
});

Deno.test("no step where the weight stays: a weight of 2 changes once in a minute", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 2, { slowStart: 60 * SECOND }), real(12)]));
  scene.down(11);
  scene.up(11);
  strictEqual(scene.table(), "11=1 12=1");
  deepStrictEqual(scene.pass(100 * SECOND), ["70: program web"]);
});

Deno.test("nobody rises at the beginning, when it is alone, or when it becomes active", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 8, SLOW), real(12, 8, SLOW)], { follow: ["web"] }));
  scene.hold("web");
  strictEqual(scene.table(), "11=8 12=8");
  scene.down(11);
  scene.down(12);
  scene.up(11);
  strictEqual(scene.table(), "11=8");
  scene.up(12);
  strictEqual(scene.table(), "11=8 12=1");
});

Deno.test("after a drain, after a weight of 0, and as a new server of a reload", () => {
  const scene = new Scene();
  const settings = [real(11, 8, SLOW), real(12, 8)];
  scene.configure(virtual(settings));
  scene.drain(11);
  scene.undrain(11);
  strictEqual(scene.table(), "11=1 12=8");
  scene.pass(4 * SECOND);
  strictEqual(scene.table(), "11=8 12=8");
  scene.weigh(11, 0);
  scene.weigh(11, 40);
  strictEqual(scene.table(), "11=1 12=8");
  scene.pass(2 * SECOND);
  strictEqual(scene.table(), "11=20 12=8");
  scene.configure(virtual([...settings, real(13, 4, SLOW)]));
  strictEqual(scene.table(), "11=20 12=8 13=1");
});

Deno.test("a slow start counts in full for the quorum", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 8, SLOW), real(12, 1)], { quorum: 9 }));
  ok(scene.down(11).includes("quorum lost"));
  ok(scene.up(11).includes("quorum met"));
  strictEqual(scene.table(), "11=1 12=1");
});

Deno.test("one that fails while it rises begins anew, and one that is drained ends", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 8, SLOW), real(12, 8)]));
  scene.down(11);
  scene.up(11);
  scene.pass(3 * SECOND);
  strictEqual(scene.table(), "11=6 12=8");
  scene.down(11);
  scene.up(11);
  strictEqual(scene.table(), "11=1 12=8");
  scene.drain(11);
  strictEqual(scene.table(), "11=0 12=8");
  strictEqual(scene.balance.rising.size, 0);
});

Deno.test("a reload moves the end: a shorter time ends it, a new weight is risen to", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11, 8, SLOW), real(12, 8)]));
  scene.down(11);
  scene.up(11);
  scene.pass(SECOND);
  strictEqual(scene.table(), "11=2 12=8");
  scene.configure(virtual([real(11, 80, SLOW), real(12, 8)]));
  strictEqual(scene.table(), "11=20 12=8");
  scene.configure(virtual([real(11, 80), real(12, 8)]));
  strictEqual(scene.table(), "11=80 12=8");
  scene.pass(9 * SECOND);
  strictEqual(scene.balance.rising.size, 0);
});

Deno.test("a thousand that come back together change together", () => {
  const scene = new Scene();
  const servers = Array.from({ length: 1000 }, (_, i) => {
    const address = `198.51.100.${i % 250}`;
    const port = 8000 + i;
    return {
      ...real(1, 100, { slowStart: 10 * SECOND, checks: ["all"] }),
      name: `${address}:${port}`,
      server: { ...real(1, 100).server, address, port },
    };
  });
  scene.configure(virtual([...servers, real(251, 1)]));
  scene.check("all", "down");
  scene.now += 300_000;
  scene.check("all", "up");
  const seen = scene.pass(20 * SECOND);
  // One for each second that begins, and one for the end.
  strictEqual(seen.length, 11, seen.join("\n"));
});

Deno.test("who is not in the memory has its full weight: only orders and failures outlive a kill", () => {
  const scene = new Scene();
  const settings = virtual([real(11, 8, SLOW), real(12, 8, SLOW)], { quorum: 16 });
  scene.configure(settings);
  scene.weigh(12, 9);
  const { servers: [web] } = rememberBalance(scene.balance);
  const ordered = web!.servers.filter(({ override }) => override !== null);
  const next = new Scene();
  next.restore({ servers: [{ ...web!, servers: ordered }], checks: [] });
  deepStrictEqual(next.configure(settings), ["program web", "track web met"]);
  strictEqual(next.table(), "11=8 12=9");
});
