/**
 * How an election goes where nobody wants it otherwise: as RFC 9568 says, with one last advert of a
 * master that yields (`last_advert.ts`).
 *
 * @module
 */

import type { RouterSettings } from "./types.ts";

/** The settings of an election that have a usual value. */
export type ElectionSettings = Pick<
  RouterSettings,
  | "preemptDelay"
  | "downAdverts"
  | "answersLowerPriority"
  | "advertisesBeforeYielding"
  | "ownerIgnoresAdverts"
>;

/** The usual values. */
export const USUAL_ELECTION: ElectionSettings = {
  preemptDelay: 0,
  downAdverts: 3,
  answersLowerPriority: true,
  advertisesBeforeYielding: true,
  ownerIgnoresAdverts: false,
};
