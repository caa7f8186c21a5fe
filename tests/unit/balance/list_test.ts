/** Real servers from a list beside the configured ones. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { real, Scene, SECOND, server, virtual } from "./scene.ts";

Deno.test("a list is applied as a difference: who stays keeps health, weight and drain", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)]));
  deepStrictEqual(scene.list(real(21, 2), real(22, 2), real(23, 2)), ["program web"]);
  strictEqual(scene.table(), "11=1 21=2 22=2 23=2");
  scene.down(21);
  scene.weigh(22, 9);
  scene.drain(23);
  strictEqual(scene.table(), "11=1 22=9 23=0");
  deepStrictEqual(scene.list(real(21, 3), real(22, 3), real(23, 3), real(24)), ["program web"]);
  strictEqual(scene.table(), "11=1 22=9 23=0 24=1");
  deepStrictEqual(scene.list(real(21, 3), real(22, 3), real(23, 3), real(24)), []);
  scene.up(21);
  scene.weigh(22, null);
  strictEqual(scene.table(), "11=1 21=3 22=3 23=0 24=1");
  deepStrictEqual(scene.list(), ["program web", "198.51.100.23 drained, 0 left"]);
  strictEqual(scene.table(), "11=1");
});

Deno.test("what is listed counts for the quorum and outlives a reload", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)], { quorum: 2 }));
  deepStrictEqual(scene.list(real(21)), ["program web", "track web met", "quorum met"]);
  scene.weigh(21, 5);
  deepStrictEqual(scene.configure(virtual([real(12)], { quorum: 2 })), ["program web"]);
  strictEqual(scene.table(), "12=1 21=5");
});

Deno.test("what cannot be used is named with the reason, the rest is used", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)]));
  const listed = scene.list(
    real(11, 7),
    real(21),
    { ...real(21), name: "again" },
    real(22, 70_000),
    { ...real(23), server: server("2001:db8::23") },
    { ...real(24), server: server("no address") },
    real(25),
    real(25),
    real(26, 1, { slowStart: NaN }),
    real(27, 1, { require: 0.5 }),
  );
  deepStrictEqual(listed, [
    "program web",
    "not listed: 198.51.100.11: it is there already",
    "not listed: again: another one has its address and port",
    "not listed: 198.51.100.22: 198.51.100.22:80: the weight is 70000, not 0 to 65535",
    "not listed: 198.51.100.23: [2001:db8::23]:80: a server of the other address family can only " +
    "be reached through a tunnel",
    'not listed: 198.51.100.24: not an IP address: "no address"',
    "not listed: 198.51.100.25: it is there already",
    "not listed: 198.51.100.26: its slow start lasts NaN µs",
    "not listed: 198.51.100.27: 0.5 of its checks are required",
  ]);
  strictEqual(scene.table(), "11=1 21=1 25=1");
});

Deno.test("a list of a virtual server that is not there, or without end, is refused as a whole", () => {
  const scene = new Scene();
  deepStrictEqual(scene.list(real(11)), ['not listed: all: there is no virtual server "web"']);
  scene.configure(virtual([real(11)]));
  scene.list(real(21));
  const endless = Array.from({ length: 65_537 }, () => real(22));
  deepStrictEqual(scene.list(...endless), [
    "not listed: all: it has more than 65536 real servers",
  ]);
  strictEqual(scene.table(), "11=1 21=1");
});

Deno.test("what is configured now and was listed is the same server; what no longer fits goes", () => {
  const scene = new Scene();
  const nat = (number: number, port: number) => ({
    ...real(number),
    name: `198.51.100.${number}:${port}`,
    server: server(`198.51.100.${number}`, 1, { port }),
  });
  scene.configure(virtual([real(11)]));
  scene.list(real(21), nat(22, 81), nat(22, 82));
  scene.weigh(21, 6);
  const direct = virtual([real(11), real(21)]);
  scene.configure(direct);
  strictEqual(scene.table(), "11=1 21=6 22=1 22=1");
  // The list still names it: it is configured, and that counts.
  scene.list(real(21, 3), nat(22, 81));
  strictEqual(scene.table(), "11=1 21=6 22=1");
  deepStrictEqual(scene.configure(virtual([real(11), real(21), nat(22, 81)])), []);
  deepStrictEqual(scene.configure(virtual([real(11), real(21)])), ["program web"]);
});

Deno.test("a new server of a list begins by its checks, and slowly where it is to", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)]));
  scene.list(real(21, 4, { startDown: true, slowStart: 4 * SECOND }), real(22, 4, { checks: [] }));
  strictEqual(scene.table(), "11=1 22=4");
  scene.up(21);
  strictEqual(scene.table(), "11=1 21=1 22=4");
  scene.pass(2 * SECOND);
  strictEqual(scene.table(), "11=1 21=2 22=4");
});
