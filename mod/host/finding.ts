/**
 * What is wrong with a host for a site, and what to do about it.
 *
 * @module
 */

/**
 * `error`: part of the site does not work here. `warning`: it may not, or not in every case.
 * `advice`: what must be right elsewhere, or could be better; nothing was found to be wrong.
 */
export type Gravity = "error" | "warning" | "advice";

/** One thing that was found. */
export interface HostFinding {
  /** For programs; never renamed: `ipvs-module`. */
  readonly code: string;
  readonly gravity: Gravity;
  /** What of the site it is about: `virtual router web`; empty: the host. */
  readonly subject: string;
  readonly message: string;
  /** What to do. */
  readonly advice: string;
}

/** Errors first, then warnings, then advice; otherwise as they came, each once. */
export function inOrder(findings: readonly HostFinding[]): HostFinding[] {
  const rank: Record<Gravity, number> = { error: 0, warning: 1, advice: 2 };
  const unique = new Map(findings.map((one) => [JSON.stringify(one), one]));
  return [...unique.values()].sort((a, b) => rank[a.gravity] - rank[b.gravity]);
}

/** `eth0 and eth1`, `a, b and 3 more`. */
export function listed(names: readonly string[]): string {
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : [...names];
  const last = shown.pop() ?? "";
  return shown.length === 0 ? last : `${shown.join(", ")} and ${last}`;
}
