/**
 * Asks everybody who knows something for the status document.
 *
 * @module
 */

import { type AgentFacts, buildStatus, type RouterFacts, type Status } from "../control/status.ts";
import type { Agent } from "./agent.ts";
import { wallTime } from "./clock.ts";
import { STATIC_NAME } from "./held_objects.ts";

/** @param service what the service knows @throws {Error} while there is no protocol plane */
export async function agentStatus(
  agent: Agent,
  service: Omit<AgentFacts, "notifications">,
): Promise<Status> {
  const [state, balance, checks] = await Promise.all([
    agent.query(),
    agent.balancing.facts(),
    agent.checks.facts(),
  ]);
  const { holdings, statics } = agent.plan;
  const factsOf = (name: string): RouterFacts => {
    const holding = holdings.find((candidate) => candidate.name === name);
    return {
      holding,
      report: agent.heard.reports.get(name),
      counters: agent.counters.read(holding?.slot ?? 0),
    };
  };
  const facts = { ...service, notifications: agent.notices.status };
  const held = { holding: statics, report: agent.heard.reports.get(STATIC_NAME) };
  const reasonOf = (session: string) => agent.heard.bfd.get(session);
  return buildStatus(facts, state, factsOf, wallTime, held, reasonOf, balance, checks);
}
