/**
 * What an agent has for itself as long as it runs, beside the lock of its control path: the state
 * directory, and the number of its marks in the kernel.
 *
 * @module
 */

import type { SiteConfig } from "../../config/mod.ts";
import { Claimed, Claims, namespacesOf } from "./claims.ts";
import { noteNumber, StateLock } from "./state_directory.ts";

export class Hold {
  /** The marks in the kernel. */
  readonly claims: Claims;
  #directory: StateLock | null = null;

  /** @param site that of the start */
  constructor(site: SiteConfig) {
    this.claims = new Claims(site.agent);
  }

  /** @throws {Error} where another agent has any of it */
  take(site: SiteConfig): void {
    this.#directory = StateLock.take(site.agent.state_directory);
    this.claims.take(namespacesOf(site));
    noteNumber(site.agent.state_directory, site.agent.protocol_number);
  }

  /** What a site that is to be applied takes more than we have. @returns why it cannot be had */
  more(site: SiteConfig): string | null {
    try {
      this.claims.take(namespacesOf(site));
      return null;
    } catch (error) {
      if (error instanceof Claimed) return error.message;
      throw error;
    }
  }

  /** All of it, once the process that we have taken over from lets go. Never throws. */
  inherit(site: SiteConfig): void {
    this.#directory = StateLock.inherit(site.agent.state_directory);
    this.claims.inherit(namespacesOf(site));
    noteNumber(site.agent.state_directory, site.agent.protocol_number);
  }

  /** Lets a successor have it. */
  close(): void {
    this.#directory?.close();
    this.claims.close();
  }
}
