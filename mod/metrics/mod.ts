/**
 * Prometheus metrics (CONTRACT.md section 5): from what status knows to a page of text. Pure.
 *
 * Labels are bounded by the configuration: names, interfaces, addresses that it lists, and reasons
 * out of fixed lists. Nothing that a packet says becomes a label; the sessions that others begin
 * (RFC 9468) are named after their addresses, and limited in number.
 *
 * @module
 */

import { AGENT_FAMILIES, CHECK_FAMILIES } from "./agent.ts";
import { BALANCE_FAMILIES } from "./balance.ts";
import { BFD_FAMILIES } from "./bfd.ts";
import { type Family, type Format, renderFamilies } from "./exposition.ts";
import type { MetricFacts } from "./facts.ts";
import { VRRP_FAMILIES } from "./vrrp.ts";

export { CONTENT_TYPES, type Format } from "./exposition.ts";
export type { ControlCounts, MetricFacts, ProcessFacts } from "./facts.ts";

/** All that there can be, in the order of the page. */
export const FAMILIES: readonly Family<MetricFacts>[] = [
  ...AGENT_FAMILIES,
  ...VRRP_FAMILIES,
  ...BFD_FAMILIES,
  ...BALANCE_FAMILIES,
  ...CHECK_FAMILIES,
];

/** The page that Prometheus reads. */
export function renderMetrics(facts: MetricFacts, format: Format): string {
  return renderFamilies(FAMILIES, facts, format);
}
