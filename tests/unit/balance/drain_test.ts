/** Draining and weights by an operator, and what comes in between. */

import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { VirtualServerSettings } from "../../../mod/balance/mod.ts";
import { real, Scene, SECOND, SORRY, virtual } from "./scene.ts";

const DRAINING = "198.51.100.11 draining: an operator has ordered it";

function started(settings: VirtualServerSettings = virtual([real(11, 5), real(12)])): Scene {
  const scene = new Scene();
  scene.configure(settings);
  return scene;
}

Deno.test("a drain ends when the last connection has ended, and the server leaves the table", () => {
  const scene = started();
  deepStrictEqual(scene.drain(11), ["program web", DRAINING]);
  strictEqual(scene.table(), "11=0 12=1");
  deepStrictEqual(scene.pass(SECOND), ["11: count 198.51.100.11"]);
  deepStrictEqual(scene.connections(11, 3), []);
  deepStrictEqual(scene.pass(SECOND), ["12: count 198.51.100.11"]);
  // What both sides have closed is not waited for.
  deepStrictEqual(scene.connections(11, 0, 7), ["program web", "198.51.100.11 drained, 0 left"]);
  strictEqual(scene.table(), "12=1");
  deepStrictEqual(scene.pass(10 * SECOND), []);
  deepStrictEqual(scene.undrain(11), ["program web", "198.51.100.11 up: not checked yet"]);
  strictEqual(scene.table(), "11=5 12=1");
});

Deno.test("handshakes that were under way when a drain began are waited for", () => {
  const scene = started();
  scene.now += SECOND / 2;
  scene.drain(11);
  deepStrictEqual(scene.pass(SECOND / 2), ["11: count 198.51.100.11"]);
  deepStrictEqual(scene.connections(11, 0, 1), []);
  deepStrictEqual(scene.pass(SECOND), ["12: count 198.51.100.11"]);
  scene.connections(11, 0, 1);
  strictEqual(scene.table(), "12=1");
});

Deno.test("of datagrams and marks every connection is waited for", () => {
  const udp = { protocol: "udp", address: "192.0.2.10", port: 53 } as const;
  for (const listen of [udp, { family: 4, mark: 7 } as const]) {
    const scene = started(virtual([real(11), real(12)], { listen: [listen] }));
    scene.drain(11);
    scene.pass(2 * SECOND);
    scene.connections(11, 0, 1);
    strictEqual(scene.table(), "11=0 12=1");
    scene.connections(11, 0, 0);
    strictEqual(scene.table(), "12=1");
  }
});

Deno.test("a drain ends at its limit, whatever is left: the order's, or the configured one", () => {
  for (const [configured, given, limit] of [[0, 2, 2], [3, null, 3], [3, 1, 1], [3, 0, null]]) {
    const scene = started(
      virtual([real(11, 1, { drainTimeout: configured! * SECOND }), real(12)]),
    );
    scene.now += SECOND / 4;
    scene.drain(11, given === null ? null : given! * SECOND);
    const seen: string[] = [];
    for (let i = 0; i < 40; i++) {
      const some = scene.pass(SECOND / 4);
      seen.push(...some);
      if (some.some((text) => text.includes("count"))) scene.connections(11, 4);
    }
    const ended = seen.filter((text) => text.includes("drained"));
    if (limit === null) deepStrictEqual(ended, []);
    else deepStrictEqual(ended, [`${10.25 + limit!}: 198.51.100.11 drained, 4 left`]);
  }
});

Deno.test("a second drain sets the limit anew; one that is over stays over", () => {
  const scene = started();
  scene.drain(11, 0);
  scene.pass(5 * SECOND);
  deepStrictEqual(scene.drain(11, 2 * SECOND), []);
  const seen = scene.pass(2 * SECOND).filter((text) => !text.includes("count"));
  deepStrictEqual(seen, ["17: program web", "17: 198.51.100.11 drained, 0 left"]);
  deepStrictEqual(scene.drain(11, 2 * SECOND), []);
  deepStrictEqual(scene.pass(9 * SECOND), []);
});

Deno.test("connections are counted once a second at most, all draining servers together", () => {
  const scene = started();
  scene.drain(11);
  scene.now += SECOND / 2;
  scene.drain(12);
  deepStrictEqual(scene.pass(SECOND), ["11: count 198.51.100.11, 198.51.100.12"]);
  // The end of a time limit in the midst of a second is no reason to count again.
  scene.drain(11, SECOND / 4);
  deepStrictEqual(scene.pass(SECOND / 2), [
    "11.75: program web",
    "11.75: 198.51.100.11 drained, 0 left",
    "12: count 198.51.100.12",
  ]);
});

Deno.test("a drain takes the weight out of the quorum", () => {
  const scene = started(virtual([real(11, 5), real(12, 1)], { quorum: 2 }));
  deepStrictEqual(scene.drain(11), ["program web", "track web lost", DRAINING, "quorum lost"]);
});

Deno.test("the last server is drained while the sorry server takes what is new", () => {
  const scene = started(virtual([real(11)], { sorryServer: SORRY }));
  deepStrictEqual(scene.drain(11), ["program web", "track web lost", DRAINING, "quorum lost"]);
  strictEqual(scene.table(), "99=1 11=0");
  scene.pass(2 * SECOND);
  scene.connections(11, 0);
  strictEqual(scene.table(), "99=1");
  scene.undrain(11);
  strictEqual(scene.table(), "11=1");
});

Deno.test("a draining server that fails goes out, and its drain is over; it does not come back", () => {
  const scene = started();
  scene.drain(11);
  scene.pass(SECOND);
  scene.connections(11, 9);
  deepStrictEqual(scene.down(11), ["program web", "198.51.100.11 drained, 9 left"]);
  strictEqual(scene.table(), "12=1");
  deepStrictEqual(scene.up(11), []);
  deepStrictEqual(scene.down(11), []);
  deepStrictEqual(scene.undrain(11), ["198.51.100.11 down: 198.51.100.11: refused"]);
  scene.up(11);
  strictEqual(scene.table(), "11=5 12=1");
});

Deno.test("one that stays in the table when it fails goes on draining", () => {
  const scene = started(virtual([real(11, 5, { onFailure: "weight-zero" }), real(12)]));
  scene.drain(11);
  scene.down(11);
  scene.up(11);
  scene.down(11);
  strictEqual(scene.table(), "11=0 12=1");
  scene.pass(2 * SECOND);
  scene.connections(11, 0);
  strictEqual(scene.table(), "12=1");
});

Deno.test("drain and weight at once: the weight counts after the drain", () => {
  const scene = started();
  scene.weigh(11, 7);
  scene.drain(11);
  deepStrictEqual(scene.weigh(11, 9), []);
  strictEqual(scene.table(), "11=0 12=1");
  scene.undrain(11);
  strictEqual(scene.table(), "11=9 12=1");
  scene.weigh(11, null);
  strictEqual(scene.table(), "11=5 12=1");
});

Deno.test("a reload that keeps the server keeps its drain and its weight", () => {
  const scene = started();
  scene.drain(11, 10 * SECOND);
  scene.weigh(12, 3);
  scene.configure(
    virtual([real(13), real(12, 8), real(11, 6)], { quorum: 2, follow: ["web"] }),
  );
  strictEqual(scene.table(), null);
  scene.hold("web");
  strictEqual(scene.table(), "13=1 12=3 11=0");
  scene.configure(virtual([real(12, 8), real(11, 6)]));
  strictEqual(scene.table(), "12=3 11=0");
  ok(scene.pass(10 * SECOND).includes("20: 198.51.100.11 drained, 0 left"));
  scene.undrain(11);
  scene.weigh(12, null);
  strictEqual(scene.table(), "12=8 11=6");
});

Deno.test("a reload that removes a draining server ends its drain, and forgets it", () => {
  const scene = started();
  scene.drain(11);
  scene.pass(SECOND);
  scene.connections(11, 2);
  deepStrictEqual(scene.configure(virtual([real(12)])), [
    "program web",
    "198.51.100.11 drained, 2 left",
  ]);
  deepStrictEqual(scene.pass(9 * SECOND), []);
  scene.configure(virtual([real(11), real(12)]));
  strictEqual(scene.table(), "11=1 12=1");
});

Deno.test("a router that is master by turns during a drain: it goes on, and its limit stands", () => {
  const scene = started(virtual([real(11), real(12)], { follow: ["web"] }));
  scene.hold("web");
  scene.drain(11, 5 * SECOND);
  scene.pass(SECOND);
  scene.connections(11, 2);
  scene.hold("web", false);
  // What is not in the table cannot be counted, and is not over.
  deepStrictEqual(scene.pass(2 * SECOND), []);
  deepStrictEqual(scene.connections(11, 0), []);
  scene.hold("web");
  strictEqual(scene.table(), "11=0 12=1");
  deepStrictEqual(scene.pass(SECOND), ["14: count 198.51.100.11"]);
  scene.connections(11, 2);
  scene.hold("web", false);
  deepStrictEqual(scene.pass(SECOND), ["15: 198.51.100.11 drained, 2 left"]);
  scene.hold("web");
  strictEqual(scene.table(), "12=1");
});

Deno.test("what cannot be ordered is refused in words, and changes nothing", () => {
  const scene = started();
  deepStrictEqual(scene.order(11, { order: "undrain" }, "mail"), [
    'refused: there is no virtual server "mail"',
  ]);
  deepStrictEqual(scene.drain(99), ['refused: "web" has no real server "198.51.100.99"']);
  deepStrictEqual(scene.undrain(11), ['refused: "198.51.100.11" of "web" is not draining']);
  for (const weight of [-1, 65_536, 1.5, NaN]) {
    deepStrictEqual(scene.weigh(11, weight), [
      `refused: the weight is ${weight}, not 0 to 65535`,
    ]);
  }
  deepStrictEqual(scene.drain(11, -1), ["refused: the time limit is -1"]);
  strictEqual(scene.table(), "11=5 12=1");
});
