/**
 * What the agent answers to those who ask it to change something.
 *
 * @module
 */

import type { SettledSite } from "./plan/settled.ts";

/** What a reload did. */
export interface ReloadResult {
  /** `rolled_back`: what ran before runs again. */
  readonly result: "applied" | "invalid" | "failed" | "rolled_back";
  readonly changes: readonly string[];
  /** Why not, a problem each. */
  readonly problems: readonly string[];
  /** RFC 3339: until when somebody is to confirm it; absent: nobody need. */
  readonly confirm_until?: string;
}

/** What became of something that waits. */
export type WaitingResult =
  | { readonly result: "confirmed" }
  | {
    readonly result: "scheduled";
    /** RFC 3339. */
    readonly at: string;
    readonly confirm_within_ms: number | null;
    /** What it would change now. */
    readonly changes: readonly string[];
  }
  | { readonly result: "cancelled"; readonly at: string };

/** What runs, for a comparison with a file that the agent does not read. */
export interface RunningResult {
  /** With what secrets are marked, as pairs of hexadecimal digits. */
  readonly mark_key: string;
  readonly site: SettledSite;
}

/** What a release or claim did. */
export interface OverrideResult {
  readonly name: string;
  /** Virtual routers that move together. */
  readonly members: readonly string[];
  /** RFC 3339: when a release ends; null: nothing but a claim ends it. */
  readonly until: string | null;
}

/** What `halb bfd` did. */
export interface BfdResult {
  readonly name: string;
  readonly action: "down" | "up";
}
