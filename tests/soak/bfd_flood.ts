/**
 * Floods of BFD's port for a while, 100,000 packets a second: strangers' and packets in the peers'
 * names, in turn. No session changes its state, every packet that arrived is in the counters, memory
 * is flat, and the log stays short.
 *
 * @module
 */

import assert from "node:assert/strict";
import { forgeries, impostors, replay, strangers } from "../lib/bfd_flood.ts";
import { attack, floodScene } from "../lib/bfd_flood_scene.ts";
import { inTurn } from "../lib/flood.ts";
import { Lab } from "../lib/mod.ts";
import { privateMemory } from "./load.ts";

/** Growth that a heap may show between two collections, KiB. */
const GROWTH = 16 * 1024;
/** Lines about refusals: one for each session, reason and second. */
const LINES_A_SECOND = 20;
const ROUNDS = 4;

export async function run(seconds: number): Promise<void> {
  const lab = await Lab.open();
  try {
    const scene = await floodScene(lab);
    const [from, to] = [scene.lan.link(scene.attacker), scene.lan.link(scene.a)];
    const { pid } = scene.left.agent;
    const part = seconds / ROUNDS / 3;
    let before = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const keyed = await scene.seen("keyed");
      const meticulous = replay(from, to, await scene.seen("meticulous"));
      const all = inTurn(strangers(from, to), [...impostors(from, to, keyed), meticulous]);
      await attack(lab, scene, strangers(from, to), part);
      await attack(lab, scene, all, part);
      await attack(lab, scene, forgeries(from, to, await scene.seen("keyed")), part);
      // The heap grows until its first full collection: what counts is what comes after.
      if (round === 0) before = privateMemory(pid);
    }
    const after = privateMemory(pid);
    console.log(`memory: ${before} KiB, then ${after} KiB`);
    assert.ok(after - before < GROWTH, `memory grew from ${before} to ${after} KiB`);
    const lines = scene.left.agent.log().match(/Packets refused/g)?.length ?? 0;
    console.log(`${lines} lines of log`);
    assert.ok(lines > 0 && lines <= LINES_A_SECOND * (seconds + 60), scene.left.agent.log());
  } catch (error) {
    console.error(await lab.report());
    throw error;
  } finally {
    await lab.close();
  }
}
