/** Real servers that a reload or a list adds, keeps and takes away. */

import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { real, Scene, SECOND, server, virtual } from "./scene.ts";

Deno.test("a reload is applied as a difference: who stays keeps health, weight and drain", () => {
  const scene = new Scene();
  const reload = (...more: readonly ReturnType<typeof real>[]) =>
    scene.configure(virtual([real(11), ...more]));
  reload();
  deepStrictEqual(reload(real(21, 2), real(22, 2), real(23, 2)), ["program web"]);
  strictEqual(scene.table(), "11=1 21=2 22=2 23=2");
  scene.down(21);
  scene.weigh(22, 9);
  scene.drain(23);
  strictEqual(scene.table(), "11=1 22=9 23=0");
  deepStrictEqual(reload(real(21, 3), real(22, 3), real(23, 3), real(24)), ["program web"]);
  strictEqual(scene.table(), "11=1 22=9 23=0 24=1");
  deepStrictEqual(reload(real(21, 3), real(22, 3), real(23, 3), real(24)), []);
  scene.up(21);
  scene.weigh(22, null);
  strictEqual(scene.table(), "11=1 21=3 22=3 23=0 24=1");
  deepStrictEqual(reload(), ["program web", "198.51.100.23 drained, 0 left"]);
  strictEqual(scene.table(), "11=1");
});

Deno.test("what comes counts for the quorum, with an operator's weight through a reload", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)], { quorum: 2 }));
  const both = virtual([real(11), real(21)], { quorum: 2 });
  deepStrictEqual(scene.configure(both), ["program web", "track web met", "quorum met"]);
  scene.weigh(21, 5);
  const other = virtual([real(12), real(21)], { quorum: 2 });
  deepStrictEqual(scene.configure(other), ["program web"]);
  strictEqual(scene.table(), "12=1 21=5");
});

Deno.test("what cannot be used is refused with the reason, and what there was goes on", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)]));
  const refused: readonly [ReturnType<typeof real>, string][] = [
    [real(11, 7), "198.51.100.11: it is there already"],
    [{ ...real(11), name: "again" }, "again: another one has its address and port"],
    [real(22, 70_000), "198.51.100.22: 198.51.100.22:80: the weight is 70000, not 0 to 65535"],
    [
      { ...real(23), server: server("2001:db8::23") },
      "198.51.100.23: [2001:db8::23]:80: a server of the other address family can only be reached " +
      "through a tunnel",
    ],
    [
      { ...real(24), server: server("no address") },
      '198.51.100.24: not an IP address: "no address"',
    ],
    [real(26, 1, { slowStart: NaN }), "198.51.100.26: its slow start lasts NaN µs"],
    [real(26, 1, { drainTimeout: -1 }), "198.51.100.26: its drain lasts -1 µs"],
    [real(27, 1, { require: 0.5 }), "198.51.100.27: 0.5 of its checks are required"],
  ];
  for (const [wrong, reason] of refused) {
    const [name, ...why] = reason.split(": ");
    const message = `virtual server "web": real server "${name}": ${why.join(": ")}`;
    throws(() => scene.configure(virtual([real(11), wrong])), new RangeError(message));
    strictEqual(scene.table(), "11=1");
  }
});

Deno.test("servers whose ports differ are several, and each is known again", () => {
  const scene = new Scene();
  const nat = (number: number, port: number) => ({
    ...real(number),
    name: `198.51.100.${number}:${port}`,
    server: server(`198.51.100.${number}`, 1, { port }),
  });
  scene.configure(virtual([real(11), real(21), nat(22, 81), nat(22, 82)]));
  scene.weigh(21, 6);
  scene.tell({
    type: "order",
    server: "web",
    realServer: "198.51.100.22:82",
    what: { order: "weight", weight: 7 },
  });
  strictEqual(scene.table(), "11=1 21=6 22=1 22=7");
  deepStrictEqual(scene.configure(virtual([real(11), real(21), nat(22, 82)])), ["program web"]);
  strictEqual(scene.table(), "11=1 21=6 22=7");
});

Deno.test("a new server begins by its checks, and slowly where it is to", () => {
  const scene = new Scene();
  scene.configure(virtual([real(11)]));
  const slow = real(21, 4, { startDown: true, slowStart: 4 * SECOND });
  scene.configure(virtual([real(11), slow, real(22, 4, { checks: [] })]));
  strictEqual(scene.table(), "11=1 22=4");
  scene.up(21);
  strictEqual(scene.table(), "11=1 21=1 22=4");
  scene.pass(2 * SECOND);
  strictEqual(scene.table(), "11=1 21=2 22=4");
});
