/**
 * Leaps over times in which nothing can differ.
 *
 * @module
 */

import type { World } from "./world.ts";

export class Steadiness {
  skipped = 0;
  constructor(readonly world: World) {}

  look(_duration: number): void {}
}
