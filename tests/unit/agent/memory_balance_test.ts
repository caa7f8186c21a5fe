/** What the balancer's machine remembers, as one process tells it to another. */

import assert from "node:assert/strict";
import * as v from "valibot";
import { balanceMemory } from "../../../mod/agent/memory_balance.ts";
import { rememberBalance } from "../../lib/balance.ts";
import { real, Scene, SECOND, SORRY, virtual } from "../balance/scene.ts";

/** A machine that remembers everything that there is to remember. */
function lived(): Scene {
  const scene = new Scene();
  const slow = { slowStart: 10 * SECOND };
  scene.configure(virtual([real(11, 5, slow), real(12, 9), real(13)], { sorryServer: SORRY }));
  scene.down(11);
  scene.check("198.51.100.11", "up", { weight: 50 });
  scene.drain(12, 30 * SECOND);
  scene.drain(13);
  scene.weigh(13, 40);
  scene.pass(2 * SECOND);
  scene.connections(12, 4, 2);
  scene.connections(13, 0, 0);
  return scene;
}

Deno.test("all that the machine remembers is understood, and is the same afterwards", () => {
  const memory = { ...rememberBalance(lived().balance), own: ["tcp 192.0.2.10:80"] };
  const [web] = memory.servers;
  assert.ok(web !== undefined);
  assert.ok(web.servers.some(({ drain }) => drain?.done === true));
  assert.ok(web.servers.some(({ drain }) => drain?.counted?.active === 4));
  assert.ok(web.servers.some(({ risingSince }) => risingSince !== null));
  const told = JSON.parse(JSON.stringify(memory));
  assert.deepEqual(v.parse(balanceMemory, told), memory);
});

Deno.test("each field that is missing or otherwise is refused", () => {
  const memory = { ...rememberBalance(lived().balance), own: [] };
  const optional = new Set(["done", "counted", "originals"]);
  let tried = 0;
  const spoil = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    const object = value as Record<string, unknown>;
    for (const [key, before] of Object.entries(object)) {
      object[key] = Symbol("nothing of the kind");
      assert.ok(!v.safeParse(balanceMemory, memory).success, `${path}.${key} is anything`);
      tried++;
      if (!Array.isArray(value) && !optional.has(key)) {
        delete object[key];
        assert.ok(!v.safeParse(balanceMemory, memory).success, `${path}.${key} is missing`);
      }
      object[key] = before;
      spoil(before, `${path}.${key}`);
    }
  };
  spoil(memory, "memory");
  assert.ok(tried > 50, `${tried}`);
});
