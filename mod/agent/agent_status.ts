/**
 * Asks everybody who knows something for the status document, and for what metrics say beside it.
 *
 * @module
 */

import { type AgentFacts, buildStatus, type RouterFacts, type Status } from "../control/status.ts";
import type { MetricFacts } from "../metrics/mod.ts";
import type { Agent } from "./agent.ts";
import { wallTime } from "./clock.ts";
import { STATIC_NAME } from "./held_objects.ts";

/** What the planes tell: not yet what control counts itself. */
export type Knowledge = Pick<MetricFacts, "status" | "lateness" | "probeLateness" | "checks">;

/** @param service what the service knows @throws {Error} while there is no protocol plane */
export async function agentStatus(
  agent: Agent,
  service: Omit<AgentFacts, "notifications">,
): Promise<Status> {
  return (await agentKnowledge(agent, service)).status;
}

/** @param service what the service knows @throws {Error} while there is no protocol plane */
export async function agentKnowledge(
  agent: Agent,
  service: Omit<AgentFacts, "notifications">,
): Promise<Knowledge> {
  const [state, balance, checks] = await Promise.all([
    agent.query(),
    agent.balancing.facts(),
    agent.checks.facts(),
  ]);
  const { holdings, statics } = agent.plan;
  const byName = new Map(holdings.map((holding) => [holding.name, holding]));
  const factsOf = (name: string): RouterFacts => {
    const holding = byName.get(name);
    return {
      holding,
      report: agent.heard.reports.get(name),
      counters: agent.counters.read(holding?.slot ?? 0),
    };
  };
  const facts = { ...service, notifications: agent.notices.status };
  const held = { holding: statics, report: agent.heard.reports.get(STATIC_NAME) };
  const reasonOf = (session: string) => agent.heard.bfd.get(session);
  const status = buildStatus(facts, state, factsOf, wallTime, held, reasonOf, balance, checks);
  const { lateness: probeLateness, counts = [] } = checks;
  return { status, lateness: state.lateness, probeLateness, checks: counts };
}
