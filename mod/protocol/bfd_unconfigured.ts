/**
 * BFD with hosts that no session is configured for: the reflector of Seamless BFD, and sessions that
 * others begin. What the driver has to pass on to both is here.
 *
 * @module
 */

import type { AuthenticationSettings } from "../bfd/mod.ts";
import type { BfdMemory, BfdPlan } from "../plane/bfd.ts";
import {
  REFLECTOR_CREDENTIALS,
  type UnconfiguredReport,
  UNSOLICITED_CREDENTIALS,
} from "../plane/bfd_strangers.ts";
import type { PortQuestion } from "./bfd_openings.ts";
import { BfdReflector, type ReflectorSurroundings } from "./bfd_reflector.ts";
import { BfdStrangers, type FirstPackets, type StrangerSurroundings } from "./bfd_strangers.ts";

/** What is wanted of both; absent parts are off. */
export type UnconfiguredPlan = Pick<BfdPlan, "reflector" | "unsolicited">;

type Sessions = Pick<StrangerSurroundings, "set" | "remove" | "stateOf">;

export class BfdUnconfigured {
  readonly strangers: BfdStrangers;
  readonly #reflector: BfdReflector;
  /** A former process still has our ports, and shares them. */
  #takesOver = false;

  /**
   * @param sockets whose first packets strangers are admitted by
   * @param sessions what strangers may have done
   */
  constructor(
    env: ReflectorSurroundings & Omit<StrangerSurroundings, keyof Sessions | "listen">,
    sockets: FirstPackets,
    sessions: Sessions,
  ) {
    this.#reflector = new BfdReflector(env);
    this.strangers = new BfdStrangers({
      heap: env.heap,
      log: env.log,
      interfaceAt: (namespace, index) => env.interfaceAt(namespace, index),
      listen: (place, wanted) => sockets.listen(place, wanted),
      ...sessions,
    });
    sockets.strangers = this.strangers;
  }

  /** The next configuration is that of a process that takes over from another one. */
  takeOver(): void {
    this.#takesOver = true;
  }

  /** @param former sessions of a former life */
  configure(
    { reflector, unsolicited }: UnconfiguredPlan,
    keys: ReadonlyMap<string, AuthenticationSettings>,
    former: readonly BfdMemory[],
    now: number,
  ): void {
    const keysOf = (name: string) => keys.get(name) ?? null;
    this.strangers.configure(unsolicited ?? null, keysOf(UNSOLICITED_CREDENTIALS), former, now);
    const key = keysOf(REFLECTOR_CREDENTIALS);
    this.#reflector.configure(reflector ?? null, key, this.#takesOver, now);
    this.#takesOver = false;
  }

  /** An interface of one of these names is there, or is not, or is another. */
  interfaceChanged(namespace: string, names: readonly (string | undefined)[], now: number): void {
    this.#reflector.interfaceChanged(namespace, names, now);
  }

  /** Who has a UDP port. */
  portOwner(question: PortQuestion, owner: string, now: number): void {
    this.#reflector.portOwner(question, owner, now);
  }

  /** Lets a process that takes over have the ports as well, or no longer. */
  share(shared: boolean): void {
    this.#reflector.share(shared);
  }

  /** The agent stops: nobody is answered, and nobody let in. */
  stop(now: number): void {
    this.strangers.stop();
    this.#reflector.configure(null, null, false, now);
  }

  describe(): UnconfiguredReport {
    const reflector = this.#reflector.describe();
    const unsolicited = this.strangers.describe();
    return {
      ...(reflector === null ? {} : { bfdReflector: reflector }),
      ...(unsolicited === null ? {} : { bfdUnsolicited: unsolicited }),
    };
  }
}
