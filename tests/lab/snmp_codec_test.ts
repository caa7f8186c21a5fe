/**
 * tshark must read from our AgentX messages what we put in, in both byte orders. No traffic, no
 * privilege.
 */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Body, encodePdu, oid, oidText, type Pdu, TYPES } from "../../mod/agentx/mod.ts";
import { dissect, find, finished, type Tree } from "../lib/dissector.ts";

/** IPv4 and TCP headers before a message, to AgentX's port; each is a connection of its own. */
function segment(payload: Uint8Array, connection: number): Uint8Array {
  const bytes = new Uint8Array(40 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4500);
  view.setUint16(2, bytes.length);
  view.setUint16(8, 0x4006);
  bytes.set([127, 0, 0, 1, 127, 0, 0, 1], 12);
  view.setUint16(20, 50_000 + connection);
  view.setUint16(22, 705);
  view.setUint32(24, 1);
  view.setUint32(28, 1);
  view.setUint16(32, 0x5018);
  view.setUint16(34, 65_535);
  bytes.set(payload, 40);
  return finished(bytes);
}

const RANGES = [{ start: oid("1.3.6.1.2.1.207.1"), include: true, end: oid("1.3.6.1.2.1.208") }];
const BODIES: readonly Body[] = [
  { type: "open", timeout: 10, id: [], description: "halb 0.1" },
  { type: "register", timeout: 3, priority: 127, subtree: oid("1.3.6.1.4.1.9586.100.5") },
  { type: "get_next", ranges: RANGES },
  { type: "get_bulk", nonRepeaters: 1, maxRepetitions: 20, ranges: RANGES },
  { type: "ping" },
  { type: "close", reason: "shutdown" },
  {
    type: "response",
    sysUpTime: 4_711,
    error: 0,
    index: 0,
    varBinds: [{ name: oid("1.3.6.1.2.1.222.1.1.1.0"), value: { type: "gauge32", value: 42 } }],
  },
  {
    type: "notify",
    varBinds: [{
      name: oid("1.3.6.1.6.3.1.1.4.1.0"),
      value: { type: "oid", value: oid("1.3.6.1.2.1.222.0.1") },
    }],
  },
];

/** What tshark calls a field, and what we put into it. */
function fields(body: Body): Record<string, string> {
  switch (body.type) {
    case "open":
      return { "agentx.o.timeout": "10", "agentx.ostring": body.description };
    case "register":
      return {
        "agentx.r.timeout": "3",
        "agentx.r.priority": "127",
        "agentx.oid": `.${oidText(body.subtree)}`,
      };
    case "get_bulk":
      return { "agentx.gb.nrepeat": "1", "agentx.gb.mrepeat": "20" };
    case "close":
      return { "agentx.c.reason": "5" };
    case "response":
      // It leaves the variables of responses alone.
      return { "agentx.r.error": "0", "agentx.r.uptime": "4711" };
    case "notify":
      return { "agentx.v.tag": "6" };
    default:
      return {};
  }
}

Deno.test("tshark reads our AgentX messages as they were meant, in both byte orders", async () => {
  const pdus = [true, false].flatMap((bigEndian) =>
    BODIES.map((body): Pdu => ({ session: 7, transaction: 8, packet: 9, bigEndian, body }))
  );
  const packets = pdus.map((pdu, i) => segment(encodePdu(pdu), i));
  const trees = await dissect(packets, false);
  strictEqual(trees.length, pdus.length);
  pdus.forEach(({ body, bigEndian }, i) => {
    const tree = trees[i]!.agentx as Tree;
    const read = (name: string) => String(find(tree, name));
    const title = `${body.type}, ${JSON.stringify(tree)}`;
    deepStrictEqual(
      ["version", "type", "session_id", "transaction_id", "packet_id"].map((name) =>
        read(`agentx.${name}`)
      ),
      ["1", String(TYPES[body.type]), "7", "8", "9"],
      title,
    );
    strictEqual(read("agentx.flags"), bigEndian ? "16" : "0", title);
    for (const [name, value] of Object.entries(fields(body))) strictEqual(read(name), value, title);
    strictEqual(find(tree, "_ws.malformed"), undefined, title);
  });
});
