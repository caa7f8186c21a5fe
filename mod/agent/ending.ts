/**
 * The end of both planes, in order: first nobody is master any more, then nothing is held. A plane
 * that is dead, or dies over it, must not leave addresses behind.
 *
 * @module
 */

import type { Dialogue } from "./dialogue.ts";
import { log } from "./logging.ts";
import type { Planes } from "./planes.ts";
import { PlaneDied } from "./questions.ts";
import type { SitePlan } from "./site_plan.ts";

/** How an agent ended. */
export interface Ending {
  /** As CONTRACT.md section 1 lists them. */
  readonly exitCode: 0 | 1 | 4;
  readonly reason: string;
  /** Somebody else goes on with what it did. */
  readonly left?: true;
}

/** @param now without waiting for successors */
export async function endPlanes(
  planes: Planes,
  dialogue: Dialogue,
  plan: SitePlan,
  now: boolean,
): Promise<void> {
  await endProtocol(planes, dialogue, plan, now);
  await endKernel(planes, dialogue, plan);
  planes.close();
}

async function endProtocol(
  planes: Planes,
  dialogue: Dialogue,
  plan: SitePlan,
  now: boolean,
): Promise<void> {
  try {
    if (!planes.runs("protocol")) throw new PlaneDied("protocol");
    await dialogue.stopProtocol(now);
  } catch (error) {
    if (!(error instanceof PlaneDied)) throw error;
    // Nobody can resign any more. What is held goes all the same.
    for (const { slot } of plan.holdings) planes.words.setMastership(slot, 0);
  }
}

async function endKernel(planes: Planes, dialogue: Dialogue, plan: SitePlan): Promise<void> {
  try {
    if (planes.runs("kernel")) return await dialogue.stopKernel(false);
    throw new PlaneDied("kernel");
  } catch (error) {
    if (!(error instanceof PlaneDied)) throw error;
  }
  try {
    // One more, only to take away what the dead one held.
    planes.restartKernel();
    await dialogue.configureKernel(plan);
    await dialogue.stopKernel(false);
  } catch (error) {
    const what = "Cannot remove addresses: they stay until their lease ends";
    log("error", ["control"], what, { error: String(error) });
  }
}
