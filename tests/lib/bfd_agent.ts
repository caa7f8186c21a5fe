/**
 * An agent whose sessions of BFD a lab looks at, changes and takes down, by what its users have:
 * its site.toml, its status and its commands.
 *
 * @module
 */

import { ask } from "../../mod/control/client.ts";
import { type BfdRow, bfdSite, type BfdSpec } from "./bfd_site.ts";
import { HalbAgent, halbPath, startHalb } from "./daemons.ts";
import type { Lab } from "./lab.ts";
import type { Host } from "./network.ts";
import { execute, Hopeless, until } from "./process.ts";

interface StatusOfBfd {
  readonly generation: number;
  readonly bfd: readonly BfdRow[];
  readonly bfd_dropped: Readonly<Record<string, number>>;
}

/** A running `./halb` with sessions. */
export class BfdAgent {
  readonly agent: HalbAgent;
  readonly #more: string;

  /** @param more further tables of its site.toml */
  constructor(lab: Lab, host: Host, specs: readonly BfdSpec[], more = "") {
    this.#more = more;
    this.agent = startHalb(lab, host, bfdSite(specs, more));
  }

  async #status(): Promise<StatusOfBfd> {
    if (!this.agent.process.running) throw new Hopeless(`halb has ended: ${this.agent.log()}`);
    return await ask(this.agent.controlPath, { command: "status" }) as StatusOfBfd;
  }

  /** All its sessions. */
  async rows(): Promise<readonly BfdRow[]> {
    return (await this.#status()).bfd;
  }

  /** All its sessions, and what it has refused that none can be charged with. */
  async counted(): Promise<
    { readonly rows: readonly BfdRow[]; readonly dropped: Readonly<Record<string, number>> }
  > {
    const { bfd: rows, bfd_dropped: dropped } = await this.#status();
    return { rows, dropped };
  }

  /** @throws where there is no session of that name */
  async row(name: string): Promise<BfdRow> {
    const found = (await this.rows()).find((row) => row.name === name);
    if (found === undefined) throw new Error(`No session ${name} in the status`);
    return found;
  }

  /** How often each session has changed its state. */
  async transitions(): Promise<Record<string, number>> {
    return Object.fromEntries(
      (await this.rows()).map(({ name, transitions }) => [name, transitions]),
    );
  }

  async untilState(name: string, state: BfdRow["state"], timeoutMs = 10_000): Promise<void> {
    await until(
      `${name} is ${state}`,
      async () => {
        const row = await this.row(name);
        if (row.state === state) return true;
        throw new Error(JSON.stringify(row));
      },
      timeoutMs,
      20,
    );
  }

  /** Waits until all sessions are up, or none is. */
  async untilAll(up: boolean, timeoutMs = 15_000): Promise<void> {
    await until(
      `all are ${up ? "up" : "down"}`,
      async () => {
        const rows = await this.rows();
        // An agent that has just started has none yet.
        if (rows.length === 0) throw new Error("There are no sessions");
        const wrong = rows.filter(({ state }) => (state === "up") !== up);
        if (wrong.length === 0) return true;
        throw new Error(`${wrong.length}: ${JSON.stringify(wrong[0])}`);
      },
      timeoutMs,
      50,
    );
  }

  /** Other sessions, by a reload; returns when they are in force. */
  async reload(specs: readonly BfdSpec[]): Promise<void> {
    this.agent.writeSite(bfdSite(specs, this.#more));
    await this.#run("reload");
  }

  /** `halb bfd down`. */
  async down(name: string): Promise<void> {
    await this.#run("bfd", "down", name);
  }

  /** `halb bfd up`. */
  async up(name: string): Promise<void> {
    await this.#run("bfd", "up", name);
  }

  async #run(...words: readonly string[]): Promise<void> {
    await execute([halbPath(), ...words, "--control", this.agent.controlPath]);
  }
}
