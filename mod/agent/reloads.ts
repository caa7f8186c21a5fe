/**
 * What became of reloads: the last one for status, all of them for metrics.
 *
 * @module
 */

import type { ReloadResult } from "./results.ts";

export class Reloads {
  /** By result, since the start of the process. */
  readonly counts: Record<ReloadResult["result"], number> = { applied: 0, invalid: 0, failed: 0 };
  /** null: there was none. */
  last: { at: string; result: string; changes: number } | null = null;

  note({ result, changes }: ReloadResult): void {
    this.counts[result]++;
    this.last = { at: new Date().toISOString(), result, changes: changes.length };
  }
}
