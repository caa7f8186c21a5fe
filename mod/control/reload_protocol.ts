/**
 * Requests about reloads: now or later, to be confirmed, taken back.
 *
 * @module
 */

/** Apply the file, now or later, or say what is to become of that. */
export type ReloadRequest =
  | {
    readonly command: "reload";
    readonly action?: "now";
    /** Take it back unless it is confirmed within so long, milliseconds. */
    readonly confirm_within_ms?: number;
  }
  | {
    readonly command: "reload";
    readonly action: "at";
    /** When, RFC 3339. */
    readonly at: string;
    readonly confirm_within_ms?: number;
  }
  | { readonly command: "reload"; readonly action: "confirm" | "roll_back" | "cancel" };

/** Bounds of the time within which a reload is to be confirmed, milliseconds: 1 s to 7 days. */
export const [SHORTEST_CONFIRMATION, LONGEST_CONFIRMATION] = [1_000, 7 * 86_400_000];

/** Reads a request. Never throws: what is wrong is said in words. */
export function readReload(data: Record<string, unknown>): ReloadRequest | string {
  const { action = "now", at, confirm_within_ms: within } = data;
  const command = "reload";
  if (action === "confirm" || action === "roll_back" || action === "cancel") {
    return { command, action };
  }
  if (action !== "now" && action !== "at") {
    return '"reload" takes an action: now, at, confirm, roll_back, cancel';
  }
  const known = typeof within === "number" && within >= SHORTEST_CONFIRMATION &&
    within <= LONGEST_CONFIRMATION;
  if (within !== undefined && !known) {
    return '"reload" takes a confirm_within_ms from 1 s to 7 days';
  }
  const confirm = known ? { confirm_within_ms: within } : {};
  if (action === "now") return { command, ...confirm };
  if (typeof at !== "string" || !/^\d{4}-\d\d-\d\dT/.test(at) || Number.isNaN(Date.parse(at))) {
    return '"reload" takes a point in time, such as "2026-11-22T02:00:00Z"';
  }
  return { command, action, at, ...confirm };
}
