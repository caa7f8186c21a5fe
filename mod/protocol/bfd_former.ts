/**
 * What BFD sessions were in a former life, of the plane or of another process: kept until the next
 * configuration says which of them are still wanted.
 *
 * @module
 */

import type { AuthenticationSettings, Session } from "../bfd/mod.ts";
import type { BfdMemory, ProtocolBfd } from "../plane/bfd.ts";
import type { SharedWords } from "../plane/shared.ts";
import { samePath } from "./bfd_memory.ts";

export interface Former {
  readonly memory: BfdMemory;
  readonly silentSince: number;
  /** It stood still on purpose: all of it is as it was. */
  readonly exact: boolean;
}

export class FormerSessions {
  readonly #byName = new Map<string, Former>();

  /** @param silentSince when the last of them spoke at the latest, on CLOCK_MONOTONIC */
  remember(memories: readonly BfdMemory[], silentSince: number, exact: boolean): void {
    for (const memory of memories) {
      this.#byName.set(memory.session.settings.name, { memory, silentSince, exact });
    }
  }

  /**
   * What the session was, if it is the same one.
   *
   * @param taken whether another session has that discriminator by now
   */
  of(config: ProtocolBfd, taken: (discriminator: number) => boolean): Former | undefined {
    const former = this.#byName.get(config.settings.name);
    if (former === undefined) return undefined;
    const { session, path } = former.memory;
    const { unaffiliated } = session.settings;
    const usable = samePath(path, config.path) && unaffiliated === config.settings.unaffiliated &&
      !session.stopping && !session.stopped && !taken(session.localDiscriminator);
    return usable ? former : undefined;
  }

  get memories(): BfdMemory[] {
    return [...this.#byName.values()].map(({ memory }) => memory);
  }

  /** Old news must not be believed when somebody of that name comes later. */
  clear(): void {
    this.#byName.clear();
  }
}

/** A session that goes on, its keys as they are configured now. */
export function goingOn(
  { memory: { session, slot }, exact }: Former,
  authentication: AuthenticationSettings | null,
  words: SharedWords,
): Session {
  const sequence = { ...session.sequence };
  if (!exact && slot >= 0) sequence.transmit = words.sequence(slot);
  return { ...session, settings: { ...session.settings, authentication }, sequence };
}
