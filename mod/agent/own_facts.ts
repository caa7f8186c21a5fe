/**
 * What status says of the service itself: since when it runs, with which configuration, and what
 * became of reloads.
 *
 * @module
 */

import type { AgentConfig } from "../../config/mod.ts";
import type { AgentFacts, WaitingReloads } from "../control/status.ts";
import { VERSION } from "../version.ts";
import { networkOf } from "./claimants.ts";
import type { ReloadResult } from "./results.ts";

/** Until somebody says otherwise. */
const NOTHING_WAITS: WaitingReloads = {
  confirmation: null,
  scheduled: null,
  rolled_back: null,
  differs: null,
};

export class OwnFacts {
  /** Counts applied configurations. */
  generation = 1;
  /** Reloads by result, since the start of the process. */
  readonly reloads: Record<ReloadResult["result"], number> = {
    applied: 0,
    invalid: 0,
    failed: 0,
    rolled_back: 0,
  };
  /** Reloads that wait, and how the file stands to what runs. */
  waiting: () => Promise<WaitingReloads> = () => Promise.resolve(NOTHING_WAITS);
  readonly #path: string;
  readonly #agent: Pick<AgentConfig, "name" | "instance" | "protocol_number">;
  readonly #network = networkOf("");
  readonly #started = new Date().toISOString();
  #sha256: string;
  #loaded = this.#started;
  #lastReload: AgentFacts["config"]["last_reload"] = null;

  /** @param path of the configuration @param agent of its start */
  constructor(
    path: string,
    agent: Pick<AgentConfig, "name" | "instance" | "protocol_number">,
    sha256: string,
  ) {
    this.#path = path;
    this.#agent = agent;
    this.#sha256 = sha256;
  }

  /** Another configuration counts from now on. */
  applied(sha256: string): void {
    this.#sha256 = sha256;
    this.#loaded = new Date().toISOString();
    this.generation++;
  }

  /** A reload has ended. */
  reloaded({ result, changes }: ReloadResult): void {
    this.reloads[result]++;
    this.#lastReload = { at: new Date().toISOString(), result, changes: changes.length };
  }

  async status(): Promise<Omit<AgentFacts, "notifications" | "http" | "snmp" | "log">> {
    return {
      version: VERSION,
      pid: Deno.pid,
      name: this.#agent.name,
      instance: this.#agent.instance ?? null,
      protocol_number: this.#agent.protocol_number,
      ...(this.#network === null ? {} : { network_namespace: this.#network }),
      started: this.#started,
      generation: this.generation,
      config: {
        path: this.#path,
        loaded: this.#loaded,
        sha256: this.#sha256,
        last_reload: this.#lastReload,
        ...await this.waiting(),
      },
    };
  }
}
