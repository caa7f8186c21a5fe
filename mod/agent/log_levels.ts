/**
 * Which records are written: the configured levels, and what an operator has ordered in their place
 * until the agent ends, or for a while. Pure: the time comes in.
 *
 * @module
 */

import { type AgentConfig, LOG_LEVELS, type LogLevel, type Subsystem } from "../../config/mod.ts";

type Configured = Pick<AgentConfig["log"], "level" | "levels">;

/** What an operator has ordered. */
export interface OrderedLevel {
  readonly level: LogLevel;
  /** Microseconds on CLOCK_MONOTONIC; null: until the agent ends. */
  readonly until: number | null;
}

/** All subsystems. */
const ALL = "";

export class LogLevels {
  #configured: Configured = { level: "info", levels: {} };
  /** Level null: as it is configured, whatever is ordered for all. */
  readonly #ordered = new Map<
    Subsystem | typeof ALL,
    { readonly level: LogLevel | null; readonly until: number | null }
  >();

  /** The site's levels, from now on. What was ordered stays. */
  configure({ level, levels }: Configured): void {
    this.#configured = { level, levels };
  }

  get configured(): Configured {
    return this.#configured;
  }

  /** The least severity that is written of a subsystem. */
  of(subsystem: string): LogLevel {
    const ordered = this.#ordered.get(subsystem as Subsystem) ?? this.#ordered.get(ALL);
    if (ordered?.level) return ordered.level;
    const { level, levels } = this.#configured;
    return Object.hasOwn(levels, subsystem) ? levels[subsystem as Subsystem]! : level;
  }

  isWritten(level: LogLevel, subsystem: string): boolean {
    return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.of(subsystem));
  }

  /**
   * An operator wants another level.
   *
   * @param subsystem null: all of them, whatever was ordered for one before
   * @param ordered null: as it is configured
   */
  order(subsystem: Subsystem | null, ordered: OrderedLevel | null): void {
    if (subsystem === null) this.#ordered.clear();
    const all = this.#ordered.get(ALL);
    if (ordered !== null) this.#ordered.set(subsystem ?? ALL, ordered);
    else if (subsystem === null || all === undefined) this.#ordered.delete(subsystem ?? ALL);
    else this.#ordered.set(subsystem, { level: null, until: all.until });
  }

  /** What is ordered now; `subsystem` null: for all that have no order of their own. */
  get ordered(): (OrderedLevel & { readonly subsystem: Subsystem | null })[] {
    return [...this.#ordered].map(([key, { until }]) => ({
      subsystem: key === ALL ? null : key,
      level: this.of(key),
      until,
    }));
  }

  /** When the next order ends; `Infinity`: none does. */
  get deadline(): number {
    return Math.min(...this.ordered.map(({ until }) => until ?? Infinity));
  }

  /** Ends what is over. Returns the subsystems, null for all. */
  expire(now: number): (Subsystem | null)[] {
    const over = this.ordered.filter(({ until }) => until !== null && until <= now);
    for (const { subsystem } of over) this.#ordered.delete(subsystem ?? ALL);
    return over.map(({ subsystem }) => subsystem);
  }
}
