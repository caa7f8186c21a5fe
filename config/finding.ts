/**
 * Mistakes before they have a line and a column. Finding a position means scanning the file once
 * more; so everything that looks for mistakes notes only where in the data they are, and
 * `locate.ts` turns findings into problems when there are any.
 *
 * @module
 */

import type { Place, Source } from "./tree.ts";

/** A mistake at a place in the data. */
export interface Finding {
  readonly place: Place | Spot;
  readonly message: string;
  readonly advice?: string;
  readonly severity?: "warning";
  /** A second place; {@link OTHER} in the message stands for its `file:line:column`. */
  readonly other?: Place;
}

/** A place that is known already, from a syntax error; line 0: the file as a whole. */
export interface Spot {
  readonly source: Source;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as the TOML parser counts. */
  readonly column: number;
  /** In UTF-16 units. */
  readonly length: number;
}

/** Stands for a second place in a message. */
export const OTHER = "\ue001";

/** Takes findings as they are made. */
export type Report = (finding: Finding) => void;
