/**
 * What `/metrics` says of virtual and real servers, read over a Unix socket: the agent is in another
 * network namespace than the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { HalbAgent } from "../lib/mod.ts";
import { figuresOf, virtualServers } from "./balance.ts";

/** The page of an agent that listens on `unix:PATH`. */
async function readMetrics(path: string): Promise<Map<string, number>> {
  using connection = await Deno.connect({ transport: "unix", path });
  const request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  const decoder = new TextDecoder();
  const chunk = new Uint8Array(65_536);
  let text = "";
  for (let got = await connection.read(chunk); got !== null; got = await connection.read(chunk)) {
    text += decoder.decode(chunk.subarray(0, got), { stream: true });
  }
  const [head = "", page = ""] = text.split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 200 /);
  return new Map(
    page.split("\n").map((line) => {
      const blank = line.lastIndexOf(" ");
      return [line.slice(0, blank), Number(line.slice(blank + 1))];
    }),
  );
}

/** Fails where metrics say something else than status does of any counter. */
export async function assertSameMetrics(path: string, agent: HalbAgent): Promise<void> {
  const page = await readMetrics(path);
  const servers = await virtualServers(agent);
  for (const { name, counters, real_servers } of servers) {
    const own = `{name="${name}"`;
    assert.deepEqual(totals(page, "halb_virtual_server", own), figuresOf(counters), name);
    for (const { address, counters, effective_weight } of real_servers) {
      const labels = `{virtual_server="${name}",real_server="${address}"`;
      assert.deepEqual(totals(page, "halb_real_server", labels), figuresOf(counters), address);
      const state = (word: string) =>
        page.get(`halb_real_server_connections${labels},state="${word}"}`) ?? null;
      assert.deepEqual([state("active"), state("inactive")], [
        counters.active_connections,
        counters.inactive_connections,
      ], address);
      assert.equal(page.get(`halb_real_server_effective_weight${labels}}`), effective_weight);
      assert.equal(page.get(`halb_real_server_up${labels}}`), 1);
    }
  }
}

/** In the order of `figuresOf`. */
function totals(page: Map<string, number>, word: string, labels: string) {
  return [
    page.get(`${word}_connections_scheduled_total${labels}}`),
    ...["packets", "bytes"].flatMap((unit) =>
      ["in", "out"].map((way) => page.get(`${word}_${unit}_total${labels},direction="${way}"}`))
    ),
  ];
}
