/**
 * Where others look into the agent, beside the control socket: HTTP and SNMP.
 *
 * @module
 */

import type { AgentConfig } from "../../config/mod.ts";
import type { AgentFacts } from "../control/status.ts";
import type { Agent } from "./agent.ts";
import { agentKnowledge } from "./agent_status.ts";
import { Http } from "./http.ts";
import { logStatus } from "./log_desk.ts";
import type { OwnFacts } from "./own_facts.ts";
import { Snmp } from "./snmp.ts";

export class Outlets {
  readonly #agent: Agent;
  readonly #own: OwnFacts;
  readonly #http: Http;
  readonly #snmp: Snmp;

  /** @param droppedByControl clients of the control socket that were let go, so far */
  constructor(agent: Agent, own: OwnFacts, droppedByControl: () => number) {
    this.#agent = agent;
    this.#own = own;
    const knowledge = async () => await agentKnowledge(agent, await this.facts());
    const events = agent.heard.flight.recorder;
    this.#http = new Http({ knowledge, reloads: own.reloads, events, droppedByControl });
    this.#snmp = new Snmp({
      status: async () => (await knowledge()).status,
      history: agent.heard.history,
      dropped: () => this.#dropped(),
      elsewhere: () => this.#elsewhere(),
    });
    agent.notices.told = (notice) => this.#snmp.tell(notice);
  }

  /** What status says of the service itself. */
  async facts(): Promise<Omit<AgentFacts, "notifications">> {
    return {
      ...await this.#own.status(),
      http: this.#http.status,
      snmp: this.#snmp.status,
      log: logStatus(),
    };
  }

  /** They are there as `agent` wants them from now on. */
  configure(agent: AgentConfig): void {
    this.#http.configure(agent.http);
    this.#snmp.configure(agent.snmp);
  }

  /** Nobody new is answered over HTTP. @returns when those are who were */
  async close(): Promise<void> {
    await this.#http.close();
  }

  /** All has been told: the session of SNMP ends. */
  async end(): Promise<void> {
    await this.#snmp.close();
  }

  #elsewhere(): Set<string> {
    const { holdings } = this.#agent.plan;
    return new Set(holdings.filter(({ namespace }) => namespace !== "").map(({ name }) => name));
  }

  *#dropped() {
    const { plan, counters } = this.#agent;
    for (const { name, slot } of plan.holdings) yield [name, counters.read(slot).dropped] as const;
  }
}
