/** The drawing: what hangs on which wire, and that nothing leaves its frame. */

import assert from "node:assert/strict";
import { Model } from "../../../mod/page/model.js";
import { cut, describe, layout, wiresOf } from "../../../mod/page/topology.js";

function router(name: string, more: Record<string, unknown> = {}) {
  return {
    name,
    wrong: [],
    interface: "eth0",
    state: "master",
    effective_priority: 150,
    addresses: ["192.0.2.10/24"],
    address_count: 1,
    sessions: [{
      family: "ipv4",
      source: "192.0.2.1",
      master: { address: "192.0.2.1", priority: 150 },
      peers: [{ address: "192.0.2.2", priority: 100, silent_since: null }],
    }],
    ...more,
  };
}

function session(name: string, more: Record<string, unknown> = {}) {
  return {
    name,
    wrong: [],
    state: "up",
    peer: "192.0.2.2",
    interface: "eth0",
    multihop: false,
    ...more,
  };
}

const down = { state: "down", wrong: [{ level: "error", text: "down" }] };

function modelOf(rows: Record<string, unknown[]>): Model {
  const model = new Model();
  const agent = { name: "a", wrong: [] };
  const none = { vrrp: [], group: [], bfd: [], virtual_server: [], check: [] };
  const at = "2026-05-01T12:00:00Z";
  model.apply({ version: "r.1.1", at, fresh_ms: 1000, whole: true, agent, ...none, ...rows });
  return model;
}

Deno.test("a wire for each interface, with its routers, whom they hear, and BFD beside them", () => {
  const backup = router("mail", {
    state: "backup",
    sessions: [{
      family: "ipv4",
      source: "192.0.2.1",
      master: { address: "192.0.2.2", priority: 200 },
      peers: [],
    }],
  });
  const { wires } = wiresOf(modelOf({
    vrrp: [router("web"), backup],
    bfd: [session("near"), session("far", { ...down, multihop: true, peer: "203.0.113.9" })],
    virtual_server: [{
      name: "pool",
      wrong: [],
      listen: ["192.0.2.10:80"],
      servers: { up: 2, draining: 1, all: 4 },
      quorum: { met: true },
      active: true,
    }],
  }));
  const words = wires.map(({ title, left, right }) => [
    title,
    left.map(({ name, right }) => `${name} ${right}`),
    right.map(({ name, right }) => `${name} ${right}`),
  ]);
  assert.deepEqual(words, [
    ["routed", [], ["203.0.113.9 BFD down"]],
    ["eth0", ["web master 150", "mail backup 150"], ["192.0.2.2 master · BFD up"]],
    ["virtual servers", [], ["pool 2 of 4 up"]],
  ]);
  assert.deepEqual(wires[2]!.right[0]!.parts, [["up", 2], ["draining", 1], ["down", 1]]);
});

Deno.test("of a thousand routers on a hundred interfaces those in trouble are drawn", () => {
  const vrrp = Array.from(
    { length: 1000 },
    (_, i) => router(`r${i}`, { interface: `eth${i % 100}`, ...(i === 777 ? down : {}) }),
  );
  const model = modelOf({ vrrp });
  const { wires, left } = wiresOf(model);
  assert.deepEqual([wires.length, left, wires[0]!.title], [12, 88, "eth77"]);
  assert.equal(wires[0]!.left[0]!.name, "r777");
  assert.match(wires[0]!.left.at(-1)!.name, /^and 5 more virtual routers$/);
  assert.match(describe(model), /^eth77: r777 down 150/);
  assert.ok(layout(model, 1200).shapes.length < 1500);
});

Deno.test("at any width nothing leaves the frame, whatever it is called", () => {
  const long = "x".repeat(300);
  const model = modelOf({
    vrrp: [router(long, { addresses: ["2001:db8:1111:2222:3333:4444:5555:6666/64"] }), router("b")],
    bfd: [session(long, { peer: long })],
  });
  for (const width of [280, 390, 640, 1200]) {
    const { height, shapes } = layout(model, width);
    for (const { kind, x, y, w = 0, h = 0, text = "", end } of shapes) {
      const room = kind === "text" && end !== true ? text.length * 7.2 : w;
      assert.ok(x >= 0 && x + room <= width + 1, `${kind} ${text} at ${x} of ${width}`);
      assert.ok(y >= 0 && y + h <= height, `${kind} ${text} at ${y} of ${height}`);
    }
  }
  assert.equal(cut("abcdef", 28.8), "abc…");
  assert.equal(cut("🦊🦊🦊🦊🦊", 21.6), "🦊🦊…");
});
